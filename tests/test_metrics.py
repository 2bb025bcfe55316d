"""Metrics: equal to utilsforecast on random panels, a number by hand for each, refusals."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as reference
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.metrics import check_scoring

from tsmodels import metrics


def panel(seed=0, lengths=(30, 7, 55, 12), horizon=4, start="2024-01-01"):
    """Train, truth and forecast of several ids, with zeros in y."""
    rng = np.random.default_rng(seed)
    frame = pd.concat(
        pd.DataFrame(
            {
                "unique_id": f"id{k}",
                "ds": pd.date_range(start, periods=n, freq="h"),
                "y": np.where(rng.random(n) < 0.3, 0.0, rng.normal(5, 20, n)),
            }
        )
        for k, n in enumerate(lengths)
    ).reset_index(drop=True)
    held = frame.groupby("unique_id").cumcount(ascending=False) < horizon
    train, truth = frame[~held], frame[held].reset_index(drop=True)
    yhat = truth["y"] + np.where(rng.random(len(truth)) < 0.2, 0.0, rng.normal(0, 3, len(truth)))
    return train, truth, truth[["unique_id", "ds"]].assign(yhat=yhat)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", sorted(metrics.METRICS))
def test_frames_equal_utilsforecast(name, seed):
    train, truth, forecast = panel(seed)
    merged = truth.merge(forecast)
    if metrics.METRICS[name].scaled:
        expected = getattr(reference, name)(merged, ["yhat"], seasonality=3, train_df=train)
    else:
        expected = getattr(reference, name)(merged, ["yhat"])
    shuffled = forecast.sample(frac=1, random_state=seed)
    table = metrics.evaluate(
        shuffled,
        truth,
        metrics=[name],
        train=train.sample(frac=1, random_state=seed),
        season_length=3,
    ).by_id.set_index("unique_id")
    assert_allclose(table[name][expected["unique_id"]], expected["yhat"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(metrics.METRICS))
def test_arrays_equal_frames(name):
    train, truth, forecast = panel(3, lengths=(20, 20, 20))
    y, yhat = (frame.iloc[:, 2].to_numpy().reshape(3, 4) for frame in (truth, forecast))
    past = train["y"].to_numpy().reshape(3, 16)
    more = (past, 2) if metrics.METRICS[name].scaled else ()
    by_id = metrics.evaluate(forecast, truth, metrics=[name], train=train, season_length=2).by_id[
        name
    ]
    assert_allclose(getattr(metrics, name)(y, yhat, *more), by_id, rtol=1e-12)


@pytest.mark.parametrize(
    "name, more, expected",
    [
        ("mae", (), 2.0),
        ("rmse", (), np.sqrt(5.0)),
        ("mape", (), 0.75),  # the zero is left out: |4 - 1| / 4
        ("smape", (), (1.0 + 0.6) / 2),
        ("mase", ([0.0, 4.0, 2.0, 6.0], 2), 1.0),
        ("rmsse", ([0.0, 4.0, 2.0, 6.0], 2), np.sqrt(5.0 / 4.0)),
    ],
)
def test_by_hand(name, more, expected):
    assert getattr(metrics, name)([0.0, 4.0], [1.0, 1.0], *more) == pytest.approx(expected)


def test_owa_of_the_m4_winner():
    """Smyl on M4 Hourly: sMAPE 9.328, MASE 0.893; Naive2: 18.383, 2.395."""
    assert metrics.owa(9.328, 0.893, 18.383, 2.395) == pytest.approx(0.440, abs=5e-4)


def test_unknown_truth_is_left_out_and_a_missing_forecast_is_not():
    assert metrics.mae([1.0, np.nan], [2.0, 9.0]) == 1.0
    assert np.isnan(metrics.mae([1.0, 2.0], [2.0, np.nan]))
    train, truth, forecast = panel()
    truth.loc[0, "y"] = np.nan
    forecast.loc[4, "yhat"] = np.nan
    result = metrics.evaluate(forecast, truth, metrics=["mae", "rmse"])
    assert result.by_id["mae"].isna().tolist() == [False, True, False, False]
    assert result.mean.isna().all()
    expected = (truth["y"] - forecast["yhat"])[1:4].abs().mean()
    assert result.by_id["mae"][0] == pytest.approx(expected)


def test_windows_of_a_backtest_may_overlap():
    train, truth, forecast = panel()
    twice = [frame.assign(cutoff=0) for frame in (truth, forecast)]
    later = [frame.assign(cutoff=1) for frame in (truth, forecast)]
    later[1]["yhat"] += 100
    both = [pd.concat(pair) for pair in zip(twice, later, strict=True)]
    first, second = (metrics.evaluate(f, t).by_id["mae"] for t, f in (twice, later))
    assert_allclose(metrics.evaluate(both[1], both[0]).by_id["mae"], (first + second) / 2)


def test_id_order_and_type_are_the_forecasts():
    train, truth, forecast = panel()
    number = {"id0": 7, "id1": 3, "id2": 9, "id3": 1}
    truth["unique_id"] = truth["unique_id"].map(number)
    forecast["unique_id"] = forecast["unique_id"].map(number)
    by_id = metrics.evaluate(forecast, truth).by_id
    assert by_id["unique_id"].tolist() == [7, 3, 9, 1]
    assert by_id["unique_id"].dtype == np.int64


def test_time_resolution_does_not_matter():
    train, truth, forecast = panel()
    expected = metrics.evaluate(forecast, truth).by_id
    for unit in ("s", "us", "ns"):
        truth["ds"] = truth["ds"].dt.as_unit(unit)
        pd.testing.assert_frame_equal(metrics.evaluate(forecast, truth).by_id, expected)


def test_a_constant_series_has_no_scale():
    assert np.isposinf(metrics.mase([1.0], [2.0], [5.0, 5.0, 5.0]))
    assert np.isnan(metrics.mase([1.0], [1.0], [5.0, 5.0, 5.0]))


def test_refusals_name_the_row():
    train, truth, forecast = panel()
    with pytest.raises(ValueError, match=r"1 are missing.*no row at \(id1, 2024-01-01 06:00:00\)"):
        metrics.evaluate(forecast, truth.drop(index=7))
    with pytest.raises(ValueError, match="forecast for every id of truth.*id3"):
        metrics.evaluate(forecast[forecast["unique_id"] != "id3"], truth)
    with pytest.raises(ValueError, match=r"forecast must be one row per .unique_id, ds.*id0"):
        metrics.evaluate(pd.concat([forecast, forecast[:1]]), truth)
    with pytest.raises(ValueError, match="train must be a frame of the rows before"):
        metrics.evaluate(forecast, truth, metrics=["mase"])
    with pytest.raises(ValueError, match="train must be a frame with rows of every id.*id1"):
        metrics.evaluate(
            forecast, truth, metrics=["mase"], train=train[train["unique_id"] != "id1"]
        )
    with pytest.raises(ValueError, match="Did you mean 'smape'"):
        metrics.evaluate(forecast, truth, metrics=["smap"])
    with pytest.raises(ValueError, match=r"columns unique_id, ds, yhat2"):
        metrics.evaluate(forecast, truth, model="yhat2")
    with pytest.raises(ValueError, match=r"yhat must be of the shape of y, \(2,\). Got \(3,\)"):
        metrics.mae([1.0, 2.0], [1.0, 2.0, 3.0])


class Fixed:
    """An estimator whose held-out forecasts are known."""

    def holdout(self, X):
        return SimpleNamespace(
            y=np.array([[1.0, 2.0], [10.0, 20.0]]),
            yhat=np.array([[2.0, 2.0], [10.0, 26.0]]),
            scale=np.array([0.5, 2.0]),
            scale_squared=np.array([0.25, 9.0]),
        )

    def fit(self, X, y=None):
        return self


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mae", (0.5 + 3.0) / 2),
        ("mase", (1.0 + 1.5) / 2),
        ("rmse", (np.sqrt(0.5) + np.sqrt(18.0)) / 2),
        ("rmsse", (np.sqrt(2.0) + np.sqrt(2.0)) / 2),
    ],
)
def test_scorer_is_minus_the_mean_over_ids(name, expected):
    score = check_scoring(Fixed(), scoring=metrics.scorer(name))
    assert score(Fixed(), None) == pytest.approx(-expected)
    assert clone(score, safe=False) == score


def test_scorer_in_a_grid_search_picks_the_season():
    from sklearn.model_selection import GridSearchCV

    from tsmodels import RollingOrigin, SeasonalNaive

    rng = np.random.default_rng(0)
    frame = pd.concat(
        pd.DataFrame({"unique_id": uid, "ds": range(n), "y": np.arange(n) % 6 + rng.normal(size=n)})
        for uid, n in (("a", 60), ("b", 90))
    )
    search = GridSearchCV(
        SeasonalNaive(horizon=6),
        {"season_length": [4, 6]},
        cv=RollingOrigin(horizon=6, n_splits=3),
        scoring=metrics.scorer("mae"),
        n_jobs=2,
        error_score="raise",
    ).fit(frame)
    assert search.best_params_ == {"season_length": 6}
    cut = frame.groupby("unique_id").cumcount(ascending=False) < 6
    forecast = SeasonalNaive(horizon=6, season_length=6).fit(frame[~cut]).predict()
    expected = metrics.evaluate(forecast, frame[cut], metrics=["mae"]).mean["mae"]
    assert metrics.scorer("mae")(search.best_estimator_, frame) == pytest.approx(-expected)


# --- quantiles, intervals, paths ------------------------------------------------------------------


def test_quantiles_and_intervals_are_those_of_utilsforecast():
    rng = np.random.default_rng(0)
    y, low = rng.normal(size=(2, 60))
    high = low + rng.uniform(0, 2, 60)
    frame = pd.DataFrame({"unique_id": "a", "y": y, "m": low, "m-lo-80": low, "m-hi-80": high})
    want = reference.coverage(frame, models=["m"], level=80)["m"].item()
    assert metrics.coverage(y, low, high) == pytest.approx(want)
    want = reference.quantile_loss(frame, models={"m": "m"}, q=0.3)["m"].item()
    assert metrics.pinball(y, low, 0.3) == pytest.approx(want)


def test_the_winkler_score_is_made_of_two_pinball_losses():
    rng = np.random.default_rng(1)
    y, low = rng.normal(size=(2, 5, 40))
    high = low + rng.uniform(0, 2, (5, 40))
    both = metrics.pinball(y, low, 0.1) + metrics.pinball(y, high, 0.9)
    assert_allclose(metrics.winkler(y, low, high, 80), 2 / 0.2 * both)
    assert_allclose(metrics.width(y, low, high), (high - low).mean(axis=-1))


def test_crps_of_a_normal_distribution():
    from scipy.stats import norm

    y = np.array([-1.0, 0.3, 2.5])
    paths = np.random.default_rng(2).standard_normal((20_000, 3))
    want = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert metrics.crps(y, paths) == pytest.approx(want.mean(), abs=0.01)
    assert metrics.crps(y, np.zeros((1, 3))) == metrics.mae(y, np.zeros(3))


def test_unknown_truths_are_left_out_and_missing_ends_are_not():
    y = np.array([1.0, np.nan, 3.0])
    low, high = np.array([0.0, 9.0, 4.0]), np.array([2.0, 9.0, 5.0])
    assert metrics.coverage(y, low, high) == 0.5
    assert metrics.crps(y, [y, low])
    assert np.isnan(metrics.coverage(np.ones(3), low, [1.0, np.nan, 1.0]))
    assert np.isfinite(metrics.coverage(y, low, [1.0, np.nan, 1.0]))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: metrics.pinball([1.0], [1.0], 80),
        lambda: metrics.winkler([1.0], [1.0], [1.0], 100),
        lambda: metrics.coverage([1.0], [1.0, 2.0], [1.0, 2.0]),
        lambda: metrics.crps([1.0], [[1.0, 2.0]]),
    ],
)
def test_what_does_not_fit_is_refused(ask):
    with pytest.raises(ValueError, match="must be"):
        ask()
