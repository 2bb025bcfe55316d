"""One file an estimator: equal answers after loading, and nothing else is ever loaded."""

import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import RobustScaler

import tsmodels
from tsmodels import LSTM, MLP, Drift, Forecaster, HistoricMean, Naive, SeasonalNaive, persistence
from tsmodels.backend import keras
from tsmodels.losses import OWA


def saved(model, tmp_path):
    path = tmp_path / "model.tsmodels"
    model.save(path)
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "nlinear"},
        {"network": LSTM(d_model=4, n_layers=2, bidirectional="first"), "loss": OWA(0.3)},
        {"network": MLP(d_model=4, revin="season"), "scaler": RobustScaler()},
        {"optimizer": keras.optimizers.SGD(momentum=0.9), "learning_rate": None},
    ],
)
def test_a_loaded_forecaster_answers_alike(frame, quick, tmp_path, settings):
    model = Forecaster(**{**quick, **settings}).fit(frame)
    other = tsmodels.load(saved(model, tmp_path))
    pd.testing.assert_frame_equal(other.predict(), model.predict())
    assert other.score(frame) == model.score(frame)
    assert other.history_ == model.history_
    ours, theirs = model.get_params(deep=False), other.get_params(deep=False)
    for key in ours.keys() - {"loss", "optimizer", "scaler"}:
        assert ours[key] == theirs[key], key
    assert type(other.loss) is type(model.loss)
    refitted = other.fit(frame).predict()
    np.testing.assert_array_equal(refitted.yhat, model.fit(frame).predict().yhat)


@pytest.mark.parametrize("cls", [Naive, SeasonalNaive, Drift, HistoricMean])
def test_baselines_too(frame, tmp_path, cls):
    model = cls(horizon=5).fit(frame)
    other = tsmodels.load(saved(model, tmp_path))
    pd.testing.assert_frame_equal(other.predict(), model.predict())


@pytest.mark.parametrize("ids", [[3, 1], ["x", "短"], [True, False], [(1, "x"), (2, "y")]])
def test_ids_keep_their_type(tmp_path, ids):
    ds = pd.date_range("2024-01-01", periods=9, tz="Europe/Berlin")
    parts = [pd.DataFrame({"unique_id": [id] * 9, "ds": ds, "y": range(9)}) for id in ids]
    model = Naive(horizon=2).fit(pd.concat(parts).drop(index=3))
    other = tsmodels.load(saved(model, tmp_path))
    pd.testing.assert_frame_equal(other.predict(), model.predict())
    assert other.missing_ == model.missing_ == {ids[0]: 1, ids[1]: 1}


def test_training_data_are_not_stored(frame, quick, tmp_path):
    model = Forecaster("nlinear", **quick).fit(frame)
    assert tsmodels.load(saved(model, tmp_path)).context_.lengths.max() == 24


def test_callbacks_are_dropped_with_a_note(frame, quick, tmp_path):
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model = Forecaster("nlinear", **quick, callbacks=callbacks).fit(frame)
    path = saved(model, tmp_path)
    assert tsmodels.load(path).callbacks == ()
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["notes"] == ["callbacks are not saved"]
    assert model.callbacks == callbacks


def test_what_only_code_could_restore_is_refused_by_name(frame, quick, tmp_path):
    model = Forecaster("nlinear", **quick).fit(frame)
    model.random_state = np.random.RandomState(0)
    with pytest.raises(TypeError, match="random_state must be something that can be saved"):
        model.save(tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_subclasses_are_refused(frame, tmp_path):
    class Mine(Naive):
        pass

    with pytest.raises(TypeError, match="not of a subclass"):
        Mine().fit(frame).save(tmp_path / "x")


def test_saving_needs_a_fit(tmp_path):
    with pytest.raises(Exception, match="not fitted"):
        Naive().save(tmp_path / "x")


def test_a_loss_of_ones_own_needs_custom_objects(frame, quick, tmp_path):
    class Mine(keras.losses.MeanSquaredError):
        pass

    path = saved(Forecaster("nlinear", **{**quick, "loss": Mine()}).fit(frame), tmp_path)
    with pytest.raises(ValueError, match="pass it in custom_objects if you trust it"):
        tsmodels.load(path)
    assert isinstance(tsmodels.load(path, custom_objects={"Mine": Mine}).loss, Mine)


def tampered(path, change):
    """The file with its manifest changed by `change`, sealed as if it had been written so."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = bytes(persistence.SEAL)
        for name, content in parts.items():
            archive.writestr(name, content)
    persistence.seal(path)
    return path


def keras_config(module, kind, config=None, registered="tsmodels>SMAPE"):
    """What Keras would make of a name: with a registered name that exists, unless told."""
    names = {"module": module, "class_name": kind, "registered_name": registered}
    return {"keras": {**names, "config": config or {}}}


@pytest.mark.parametrize(
    "change,sentence",
    [
        (lambda m: m.update(format_version=99), "format version 99"),
        (lambda m: m.update({"class": "os.system"}), "not one of"),
        (lambda m: m["parameters"].update(nonsense=1), "nonsense"),
        (lambda m: m["state"].update(fit=1), "sets the attribute 'fit'"),
        (lambda m: m["state"].update(_x_=1), "sets the attribute '_x_'"),
        (
            lambda m: m["parameters"].update(scaler={"sklearn": "OS", "dict": []}),
            "names the scaler",
        ),
        (
            lambda m: m["parameters"].update(
                loss={"keras": {"module": "os", "class_name": "system", "config": {}}}
            ),
            "os.system",
        ),
        (lambda m: m["parameters"].update(loss=keras_config("os", "function", "system")), "trust"),
        (
            lambda m: m["parameters"].update(loss=keras_config("os", "SMAPE", {}, "x>SMAPE")),
            "trust",
        ),
        (lambda m: m["parameters"].update(network=keras_config("keras.layers", "Lambda")), "never"),
        (
            lambda m: m["parameters"].update(network=keras_config("keras.layers", "TFSMLayer")),
            "never loaded",
        ),
        (lambda m: m.pop("parameters"), "parameters"),
        (
            lambda m: m["state"].update(network_={"network": "mlp", "dict": []}),
            "weights do not fit",
        ),
        (lambda m: m["state"].update(horizon_=10**9), "weights do not fit"),
        (lambda m: m["state"].update(lookback_=10**12), "weights do not fit"),
    ],
)
def test_tampered_files_are_refused_with_a_sentence(fitted, tmp_path, change, sentence):
    path = tampered(saved(fitted, tmp_path), change)
    with pytest.raises(ValueError, match=sentence):
        tsmodels.load(path)


def test_a_failed_save_leaves_the_old_file(fitted, tmp_path):
    path = saved(fitted, tmp_path)
    old = path.read_bytes()
    broken = Naive(horizon=2).fit(np.arange(9.0))
    broken.freq = object()
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == [path.name]


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        tsmodels.load(tmp_path / "nothing")


def test_loading_leaves_nothing_behind_in_keras(tmp_path, monkeypatch):
    file = tmp_path / "model.tsmodels"
    Forecaster("nlinear", horizon=2, lookback=4, max_steps=2).fit(np.arange(40.0)).save(file)
    with keras.StatelessScope():  # on leaving a scope Keras makes what waits for values
        pass
    tsmodels.load(file)
    made = []
    monkeypatch.setattr(keras.Variable, "_deferred_initialize", lambda v: made.append(v))
    with keras.StatelessScope():
        pass
    assert not made
