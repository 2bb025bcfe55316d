"""Several forecasters as one: the median of members, their errors, their files."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

import tsmodels
from tsmodels import Combination, Drift, Forecaster, Naive, SeasonalNaive, backtest

QUICK = {"horizon": 3, "lookback": 6, "max_steps": 20, "learning_rate": 0.02, "random_state": 0}


def frame(n=120):
    rng = np.random.default_rng(0)
    parts = []
    for name in "ba":
        x = rng.standard_normal(n)
        ds = pd.date_range("2024-01-01", periods=n, freq="h")
        y = np.sin(np.arange(n) * 2 * np.pi / 24) + x
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y, "x": x}))
    return pd.concat(parts, ignore_index=True)


def members():
    common = {**QUICK, "future_covariates": ["x"]}
    return [Forecaster("nlinear", **common), Forecaster("mlp", **common), SeasonalNaive(horizon=3)]


@pytest.fixture(scope="module")
def history():
    f = frame()
    return f[f.groupby("unique_id").cumcount() < 110]


@pytest.fixture(scope="module")
def fitted(history):
    return Combination(members()).fit(history)


@pytest.mark.parametrize("how, join", [("median", np.median), ("mean", np.mean)])
def test_it_says_what_its_members_say_together(fitted, history, how, join):
    model = Combination(members(), how=how).fit(history) if how != "median" else fitted
    nlinear, mlp, naive = model.estimators_
    each = [m.predict(history, future=frame()).yhat for m in (nlinear, mlp)]
    each.append(naive.predict(history[["unique_id", "ds", "y"]]).yhat)
    want = join(np.stack(each), axis=0)
    assert_allclose(model.predict(future=frame()).yhat, want, rtol=1e-6)


def test_its_life_is_that_of_any_forecaster(fitted, tmp_path):
    forecast = fitted.predict(future=frame(), level=80)
    assert (forecast["yhat-lo-80"] < forecast["yhat-hi-80"]).all()
    assert len(fitted.simulate(3, future=frame())) == 18
    fitted.save(tmp_path / "model.zip")
    for again in (tsmodels.load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(fitted))):
        pd.testing.assert_frame_equal(again.predict(future=frame(), level=80), forecast)
    result = backtest(fitted, frame(), n_windows=2)
    assert np.isfinite(result.scores.loc["yhat", "mase"]) and np.isfinite(fitted.score(frame()))
    assert clone(fitted).estimators[0].get_params() == fitted.estimators[0].get_params()


def test_errors_are_those_of_rows_that_no_member_learned_from(history):
    f = history[["unique_id", "ds", "y"]]
    held = [Forecaster("nlinear", **QUICK, validation=n) for n in (20, 30)]
    model = Combination([*held, Naive(horizon=3)]).fit(f)
    assert len(model.errors_) == 2 * (20 - 3 + 1)
    none = Combination([Forecaster("nlinear", **QUICK, validation=None)]).fit(f)
    assert len(none.errors_) == 0


def test_updated_it_forecasts_from_the_new_rows(history):
    f = frame()[["unique_id", "ds", "y"]]
    model = Combination([Naive(horizon=2), Drift(horizon=2), SeasonalNaive(horizon=2)])
    model.fit(history[["unique_id", "ds", "y"]])
    want = model.predict(f)
    pd.testing.assert_frame_equal(model.update(f).predict(), want)


@pytest.mark.parametrize(
    "parameters, sentence",
    [
        ({"estimators": []}, "estimators must be a list of forecasters and baselines. Got"),
        ({"estimators": ["naive"]}, "estimators must be a list of forecasters and baselines. Got"),
        ({"estimators": [Naive(horizon=2), Naive(horizon=3)]}, r"of one horizon. Got \[2, 3\]"),
        ({"estimators": [Naive()], "how": "max"}, "how must be one of"),
        (
            {"estimators": [Forecaster(), Forecaster(future_covariates=["x"])]},
            "estimators must be of one future_covariates",
        ),
    ],
)
def test_members_that_do_not_go_together(parameters, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        Combination(**parameters).fit(np.arange(50.0))
