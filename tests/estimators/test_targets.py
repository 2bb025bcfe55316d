"""Several targets: together for the network, series of their own for everything else."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tsmodels
from tsmodels import Forecaster, SeasonalNaive, backtest
from tsmodels.data.frame import make_panel
from tsmodels.data.targets import apart, joint_rows, together

QUICK = {"horizon": 3, "lookback": 6, "max_steps": 5, "random_state": 0, "target": ["u", "v"]}


def frame(lengths=(60, 50), ids=("b", "a")):
    rng = np.random.default_rng(0)
    parts = []
    for name, n in zip(ids, lengths, strict=True):
        u, x = rng.standard_normal((2, n))
        stamps = pd.date_range("2024-01-01", periods=n, freq="h")
        part = {"unique_id": name, "ds": stamps, "u": u, "v": 100 + 5 * np.roll(u, 1), "x": x}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def both(f=None):
    return (frame() if f is None else f)[["unique_id", "ds", "u", "v"]]


@pytest.fixture(scope="module")
def fitted():
    return Forecaster("mlp", **QUICK).fit(both())


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), n=st.integers(1, 3))
def test_apart_and_together_again(lengths, n):
    names = [f"y{k}" for k in range(n)]
    parts = [pd.DataFrame({"unique_id": s, "ds": range(m)}) for s, m in enumerate(lengths)]
    f = pd.concat(parts, ignore_index=True)
    for k, name in enumerate(names):
        f[name] = np.arange(len(f)) + 100.0 * k
    joint = make_panel(f, target=names, freq=1)
    flat = apart(joint)
    again = together(flat)
    assert_array_equal(again.values, joint.values)
    assert_array_equal(again.offsets, joint.offsets)
    assert again.ids.tolist() == joint.ids.tolist() and again.columns == joint.columns
    assert_array_equal(again.ds, joint.ds)
    series = np.repeat(np.arange(flat.n_series), flat.lengths)
    rows = joint_rows(flat, np.arange(len(flat.ds)), series)
    assert_array_equal(joint.values[rows, series % n], flat.values[:, 0])


def test_every_target_has_its_rows_in_its_own_units(fitted):
    forecast = fitted.predict(level=80)
    wanted = ["unique_id", "ds", "target", "yhat", "yhat-lo-80", "yhat-hi-80"]
    assert forecast.columns.tolist() == wanted
    keys = forecast[["unique_id", "target"]].drop_duplicates().to_numpy().tolist()
    assert keys == [["b", "u"], ["b", "v"], ["a", "u"], ["a", "v"]]
    ends = frame().groupby("unique_id", sort=False).ds.max()
    first = forecast.groupby(["unique_id", "target"], sort=False).ds.min()
    assert first.tolist() == [end + pd.Timedelta("1h") for end in ends for _ in range(2)]
    u, v = (forecast[forecast.target == name].yhat for name in ("u", "v"))
    assert v.min() > 80 > u.max()
    assert fitted.model_.output_shape == (None, 3, 2)


def test_the_network_sees_them_together():
    """v repeats u one step later: only whoever sees u knows the next v."""
    f = both(frame((300, 300)))
    common = {"horizon": 1, "lookback": 4, "max_steps": 250, "learning_rate": 0.01}
    network = tsmodels.MLP(d_model=16, revin=None)
    model = Forecaster(network, **common, target=["u", "v"], random_state=0)
    scores = backtest(model, f, n_windows=20, step=1).frame.query("target == 'v'")
    error = np.abs(scores.y - scores.yhat).mean()
    assert error < 0.2 * np.abs(scores.y - scores.naive).mean()


def test_a_forecast_at_any_cutoff_and_target_is_that_of_its_window(fitted):
    panel = fitted.to_panel(both())
    series = np.array([3, 0, 1, 0])
    cutoffs = panel.offsets[series] + np.array([20, 30, 30, 12])
    yhat, _ = fitted.forecast_at(panel, cutoffs, series, 3)
    for i, (s, cutoff) in enumerate(zip(series, cutoffs, strict=True)):
        rows = cutoff - panel.offsets[s]
        part = both().groupby("unique_id", sort=False).head(rows)
        alone = fitted.predict(part).yhat.to_numpy().reshape(4, 3)
        assert_allclose(yhat[i], alone[s], rtol=1e-5)


def test_scores_and_baselines_treat_them_as_series(fitted):
    result = backtest(fitted, both(), n_windows=2)
    assert result.n_series == 4 and result.target == "u, v"
    single = SeasonalNaive(horizon=3, season_length=24)
    alone = backtest(single, both()[["unique_id", "ds", "v"]].rename(columns={"v": "y"}), 2)
    mine = result.frame.query("target == 'v'").seasonal_naive.to_numpy()
    assert_array_equal(mine, alone.frame.yhat)
    assert np.isfinite(fitted.score(both()))


def test_covariates_weights_and_long_horizons_with_several_targets(tmp_path):
    model = Forecaster(tsmodels.GRU(d_model=4), **QUICK, future_covariates=["x"])
    f = frame()
    model.fit(f.groupby("unique_id", sort=False).head(40), sample_weight={"a": 2.0})
    future = model.make_future_frame(horizon=7)
    assert len(future) == 14
    forecast = model.predict(future=f, horizon=7)
    assert len(forecast) == 28 and np.isfinite(forecast.yhat).all()
    model.save(tmp_path / "model.zip")
    for again in (tsmodels.load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(model))):
        pd.testing.assert_frame_equal(again.predict(future=f, horizon=7), forecast)


def test_a_row_with_one_of_them_missing_is_not_a_target():
    f = both()
    f.loc[f.index % 7 == 3, "v"] = np.nan
    model = Forecaster("nlinear", **QUICK).fit(f)
    assert model.missing_ == {("b", "v"): 9, ("a", "v"): 7} and model.masked_
    panel = model.to_panel(f)
    rows = model._rows(panel, panel.offsets[1:], np.arange(4))
    assert_array_equal(rows.observed, np.arange(110) % 7 != 3)
    assert np.isfinite(model.predict().yhat).all()


def test_one_target_in_a_list_is_one_target():
    f = frame()[["unique_id", "ds", "u"]]
    one = {**QUICK, "target": ["u"]}
    listed = Forecaster("nlinear", **one).fit(f).predict()
    plain = Forecaster("nlinear", **{**one, "target": "u"}).fit(f).predict()
    pd.testing.assert_frame_equal(listed, plain)


def test_each_target_has_axes_of_its_own(fitted):
    axes = fitted.plot(level=50)
    assert [(ax.get_title(loc="left"), ax.get_ylabel()) for ax in axes] == [
        ("b, u", "u"),
        ("b, v", "v"),
    ]
    forecast = fitted.predict().query("unique_id == 'b' and target == 'v'")
    (line,) = (line for line in axes[1].get_lines() if line.get_label() == "forecast")
    assert_array_equal(line.get_ydata(), forecast.yhat)
    (past,) = (line for line in axes[1].get_lines() if line.get_label() == "history")
    assert_array_equal(
        past.get_ydata(), both().query("unique_id == 'b'").v[-len(past.get_ydata()) :]
    )
    titles = [ax.get_title(loc="left") for ax in fitted.plot(both(), ids=["a", "b"])]
    assert titles == ["a, u", "a, v", "b, u", "b, v"] or titles == ["b, u", "b, v", "a, u", "a, v"]
