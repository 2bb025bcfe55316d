"""Exported graphs answer as `predict` does, by onnxruntime and without Keras."""

import io
import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from tsmodels import GRU, MLP, Exported, Forecaster
from tsmodels.cli import main
from tsmodels.networks import NETWORKS, resolve

pytest.importorskip("tf2onnx")
QUICK = {"horizon": 3, "lookback": 8, "max_steps": 3, "batch_size": 16, "random_state": 0}
SMALL = {"d_model": 8, "n_layers": 1, "n_heads": 2, "kernel_size": 3}
IN_THE_GATE = ("nlinear", "mlp", "lstm", "gru", "tcn")
REFUSED: dict[str, str] = {}


def small(name):
    known = {field.name for field in fields(resolve(name))}
    settings = {key: value for key, value in SMALL.items() if key in known}
    return resolve(name, **settings | ({"n_layers": 2} if name == "gnmt" else {}))  # at least


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-01-01", periods=n, freq="h"),
                "y": level + np.cumsum(rng.normal(size=n)) / 4,
                "z": 3.0 + rng.normal(size=n) / 9,
            }
        )
        for name, n, level in [("a", 60, 20.0), ("b", 40, 500.0), ("c", 6, 30.0)]
    )


def assert_exported(model, frame, path):
    model.export(path, "onnx")
    ours, theirs = model.predict(frame), Exported.read(path).predict(frame)
    pd.testing.assert_frame_equal(theirs, ours, check_exact=False, rtol=1e-5, atol=1e-5)
    return ours


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in IN_THE_GATE else [pytest.mark.slow])
        for name in sorted(NETWORKS)
    ],
)
def test_every_network_answers_as_predict(frame, tmp_path, name):
    data = frame.drop(columns="z")
    model = Forecaster(small(name), **QUICK).fit(data)
    assert_exported(model, data, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "settings",
    [
        {"transform": "returns", "scaler": "robust"},
        {"transform": "boxcox", "missing": "interpolate"},
        {"transform": "log1p", "loss": "quantile"},
        {"transform": "difference", "network": GRU(d_model=4)},
        {"loss": "normal", "scaler": "minmax"},
        {"target": ["y", "z"]},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_transforms_heads_gaps_and_targets(frame, tmp_path, settings):
    data = frame.reset_index(drop=True).drop(index=[30, 31, 80])
    data.loc[[50, 57, 98], "y"] = np.nan
    data = data if "target" in settings else data.drop(columns="z")
    model = Forecaster(**{"network": MLP(d_model=4), **QUICK, **settings}).fit(data)
    assert_exported(model, data[data.unique_id != "c"], tmp_path / "model.onnx")


@pytest.fixture(scope="module")
def exported(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    data = frame.drop(columns="z")
    return assert_exported(Forecaster(**QUICK).fit(data), data, path), data, path


def test_short_series_have_the_same_fallback(exported):
    ours, _, _ = exported
    assert "fallback" not in ours or ours.fallback.sum() < len(ours)


def test_the_command_line_loads_no_keras(exported, tmp_path):
    ours, data, path = exported
    data.to_csv(tmp_path / "data.csv", index=False)
    code = (
        "import sys\nfrom tsmodels.cli import main\n"
        f"code = main(['predict', {str(path)!r}, {str(tmp_path / 'data.csv')!r},"
        f" '--output', {str(tmp_path / 'answer.csv')!r}])\n"
        "print(code, [m for m in ('keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
    answer = pd.read_csv(tmp_path / "answer.csv", parse_dates=["ds"])
    np.testing.assert_allclose(answer.yhat, ours.yhat, rtol=1e-5)
    assert (answer.ds.to_numpy() == ours.ds.to_numpy()).all()


@pytest.mark.parametrize("ids", [["007", "08"], [7, 8]])
def test_ids_of_a_csv_file_are_what_fit_has_seen(frame, tmp_path, ids, capsys):
    names = dict(zip("ab", ids, strict=True))
    data = frame[frame.unique_id != "c"].drop(columns="z")
    data = data.assign(unique_id=data.unique_id.map(names))
    Forecaster(**QUICK).fit(data).export(tmp_path / "model.onnx")
    data.to_csv(tmp_path / "data.csv", index=False)
    assert main(["predict", str(tmp_path / "model.onnx"), str(tmp_path / "data.csv")]) == 0
    answer = pd.read_csv(io.StringIO(capsys.readouterr().out), dtype={"unique_id": str})
    assert answer.unique_id.unique().tolist() == [str(name) for name in ids]


def test_what_an_exported_file_refuses(exported, tmp_path):
    _, data, path = exported
    model = Exported.read(path)
    with pytest.raises(ValueError, match="of ids that the forecaster was fitted on.*'z'"):
        model.predict(data.assign(unique_id="z").drop_duplicates("ds"))
    with pytest.raises(ValueError, match="holds no rows"):
        model.predict()
    with pytest.raises(ValueError, match="horizon must be at most 3"):
        model.predict(data, horizon=4)


def test_a_forecaster_with_covariates_is_refused(frame, tmp_path):
    model = Forecaster(MLP(d_model=4), past_covariates=["z"], **QUICK).fit(frame)
    with pytest.raises(ValueError, match="without covariates to be exported. Got \\['z'\\]"):
        model.export(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="format must be one of"):
        model.export(tmp_path / "model.onnx", "onx")


def test_a_saved_model_answers_for_batches_of_any_size(frame, tmp_path):
    import tensorflow as tf

    data = frame[frame.unique_id == "a"].drop(columns="z")
    model = Forecaster(GRU(d_model=4), **QUICK).fit(data)
    model.export(tmp_path / "folder", "saved_model")
    serve = tf.saved_model.load(str(tmp_path / "folder")).signatures["serving_default"]
    y = np.tile(data.y.to_numpy()[None, -8:, None], (5, 1, 1))
    inputs = {"y": tf.constant(y), "series": tf.zeros(5, "int32")}
    if model.masked_:
        inputs["observed"] = tf.ones((5, 8))
    np.testing.assert_allclose(serve(**inputs)["yhat"][3, :, 0], model.predict().yhat, rtol=1e-5)
    about = json.loads((tmp_path / "folder" / "assets.extra" / "tsmodels.json").read_text())
    assert about["ids"] == ["a"] and about["lookback"] == 8
