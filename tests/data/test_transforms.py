"""Transforms come back: exactly, rising, and with the quantiles in their places."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels import Forecaster, load
from tsmodels.data.frame import make_panel
from tsmodels.data.transforms import TRANSFORMS, Transform, box_cox_powers

every = pytest.mark.parametrize("name", TRANSFORMS)
positive = arrays(np.float64, 12, elements=st.floats(0.01, 1e4))
QUICK = {"horizon": 3, "lookback": 6, "max_steps": 3, "random_state": 0}


def panel_of(y):
    return make_panel(np.asarray(y, float), freq=1)


@every
@settings(max_examples=25, deadline=None)
@given(y=positive, cut=st.integers(1, 11))
def test_the_inverse_of_what_was_seen_is_what_was_there(name, y, cut):
    transform, panel = Transform(name), panel_of(y)
    power = transform.learn(panel)
    z = transform.forward(panel, power)[cut:].T  # the rows from the cutoff on, (1, H)
    back = transform.inverse(z, y[cut - 1 : cut], power)
    assert_allclose(back[0], y[cut:], rtol=1e-8)
    assert_allclose(transform.total(z), transform.totals_of(y[None, cut:], y[cut - 1 : cut], power),
                    rtol=1e-8, atol=1e-8)  # fmt: skip


@every
@settings(max_examples=25, deadline=None)
@given(totals=arrays(np.float64, (2, 1, 4), elements=st.floats(-30, 30)), last=st.floats(0.1, 1e3),
       power=st.floats(0, 1))  # fmt: skip
@example(totals=np.array([[[-30.0, 0, 0, 30]], [[-30, 0, 1, 30]]]), last=1.0, power=2.3e-311)
@example(totals=np.array([[[-30.0, 0, 0, 30]], [[-30, 0, 1, 30]]]), last=1.0, power=1e-12)
def test_restoring_rises_point_by_point(name, totals, last, power):
    low, high = np.sort(totals, axis=0)
    ends = [Transform(name).restore(part, np.array([last]), power) for part in (low, high)]
    assert (ends[0] <= ends[1]).all() and np.isfinite(ends).all()


@settings(max_examples=15, deadline=None)
@given(draws=arrays(np.float64, (99, 1, 3), elements=st.floats(-3, 3)), level=st.floats(0.05, 0.95))
def test_a_quantile_of_totals_is_restored_to_the_quantile(draws, level):
    for name in TRANSFORMS:
        transform, last = Transform(name), np.array([5.0])
        restored = transform.restore(draws, last, 0.5)
        kind = {"q": level, "axis": 0, "method": "inverted_cdf"}
        of_totals = transform.restore(np.quantile(draws, **kind), last, 0.5)
        assert_allclose(of_totals, np.quantile(restored, **kind), rtol=1e-12)


def test_steps_after_a_gap_go_from_the_last_known_value():
    z = Transform("difference").forward(panel_of([1.0, 4.0, np.nan, 9.0, 10.0]))
    assert_array_equal(z.ravel(), [np.nan, 3, np.nan, 5, 1])


def test_series_do_not_step_into_each_other():
    frame = pd.DataFrame(
        {"unique_id": list("aabb"), "ds": [1, 2, 1, 2], "y": [1.0, 3.0, 10.0, 4.0]}
    )
    z = Transform("difference").forward(make_panel(frame, freq=1))
    assert_array_equal(z.ravel(), [np.nan, 2, np.nan, -6])


def test_powers_of_box_cox_are_the_likeliest():
    rng = np.random.default_rng(0)
    y = [np.exp(rng.standard_normal(400)), (3 + 0.5 * rng.standard_normal(400)) ** 2 + 1]
    y += [20 + rng.standard_normal(400), np.full(400, 7.0)]
    found = box_cox_powers(np.concatenate(y), np.arange(5) * 400)
    for power, part in zip(found[:2], y[:2], strict=True):
        best = np.clip(scipy.stats.boxcox_normmax(part, method="mle"), 0, 1)
        assert abs(power - best) <= 0.026
    assert found[0] < 0.15 and found[3] == 1.0


@pytest.mark.parametrize(
    "name, y, sentence",
    [
        ("log", 0.0, "target must be above 0 for transform='log'. Got .1 values, first 0 of 'y'"),
        ("returns", -2.0, "above 0 for transform='returns'.*'log1p' takes zeros"),
        ("boxcox", 0.0, "above 0 for transform='boxcox'"),
        ("log1p", -1.0, "above -1 for transform='log1p'"),
    ],
)
def test_values_without_an_image_are_refused(name, y, sentence):
    series = np.arange(1.0, 40.0)
    series[5] = y
    with pytest.raises(ValueError, match=sentence):
        Forecaster(**QUICK, transform=name).fit(series)


@pytest.mark.parametrize(
    "parameters, sentence",
    [
        ({"transform": "sqrt"}, r"transform must be one of \[None, 'log'"),
        (
            {"transform": "returns", "loss": "quantile"},
            "transform must be no steps where quantiles",
        ),
        (
            {"transform": "log", "loss": "poisson", "scaler": None},
            "transform must be None for 'poi",
        ),
    ],
)
def test_transforms_that_do_not_go_with_a_loss(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        Forecaster(**QUICK, **parameters).fit(np.arange(1.0, 60.0))


# --- in a forecaster ------------------------------------------------------------------------------


def walk(n=150, seed=0):
    """A price that grows by about a hundredth a step."""
    return 50 * np.exp(np.cumsum(0.01 + 0.02 * np.random.default_rng(seed).standard_normal(n)))


def frame():
    y = {"a": walk(), "b": 1000 * walk(90, 1)}
    parts = [pd.DataFrame({"unique_id": k, "ds": range(len(v)), "y": v}) for k, v in y.items()]
    return pd.concat(parts, ignore_index=True)


@every
def test_forecasts_intervals_and_paths_come_back_in_the_units_of_the_data(name, tmp_path):
    model = Forecaster(**QUICK, transform=name).fit(frame())
    forecast = model.predict(level=[50, 90])
    lasts = frame().groupby("unique_id").y.last().to_numpy()
    assert_allclose(forecast.yhat.to_numpy().reshape(2, 3), lasts[:, None] * np.ones(3), rtol=0.4)
    ordered = ["yhat-lo-90", "yhat-lo-50", "yhat", "yhat-hi-50", "yhat-hi-90"]
    assert (np.diff(forecast[ordered].to_numpy(), axis=1) >= 0).all()
    paths = model.simulate(20, random_state=0)
    if name in ("log", "boxcox", "returns"):
        assert (paths.yhat > 0).all() and (forecast[ordered] > 0).all(axis=None)
    model.save(tmp_path / "model.zip")
    again = load(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(again.predict(level=[50, 90]), forecast)
    assert len(model.predict(horizon=8)) == 16
    new = frame().replace({"unique_id": {"a": "c"}})
    assert np.isfinite(model.predict(new).yhat).all()


def test_doubling_a_price_doubles_the_forecast_of_its_returns():
    one, two = (Forecaster(**QUICK, transform="returns").fit(k * walk()) for k in (1, 2))
    levels = [model.predict(level=80).drop(columns=["unique_id", "ds"]) for model in (one, two)]
    assert_allclose(levels[1], 2 * levels[0], rtol=1e-5)


def test_the_step_lost_at_the_beginning_is_no_missing_value():
    model = Forecaster(**QUICK, transform="difference").fit(frame())
    assert not model.masked_ and model.missing_ == {}


def test_intervals_of_steps_widen_as_errors_add_up():
    common = {"horizon": 12, "lookback": 8, "max_steps": 300, "validation": 0.4}
    common |= {"learning_rate": 0.01, "random_state": 0, "transform": "difference"}
    model = Forecaster("dlinear", **common, scaler=None, season_length=1)
    noise = np.random.default_rng(0).standard_normal(3000)
    forecast = model.fit(np.cumsum(noise)).predict(level=80)
    width = (forecast["yhat-hi-80"] - forecast["yhat-lo-80"]).to_numpy()
    expected = 2 * 1.2816 * np.sqrt(np.arange(1, 13))  # of a random walk
    assert_allclose(width, expected, rtol=0.25)


def test_powers_are_learned_from_training_rows_alone():
    y = frame()
    y.loc[y.ds > 130, "y"] = 1.0
    models = [Forecaster(**QUICK, transform="boxcox", validation=40).fit(f) for f in (frame(), y)]
    assert_array_equal(models[0].power_[0], models[1].power_[0])
