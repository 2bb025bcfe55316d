"""Rolling-origin evaluation: which windows, against what, and what is said about it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels import Conformal, Drift, Forecaster, HistoricMean, Naive, SeasonalNaive, backtest
from tsmodels.estimators.horizon import HorizonEstimator


def hourly(n, seed=0, id="a"):
    noise = np.random.default_rng(seed).standard_normal(n)
    y = 20 + 5 * np.sin(np.arange(n) * 2 * np.pi / 24) + noise
    ds = pd.date_range("2024-01-01", periods=n, freq="h")
    return pd.DataFrame({"unique_id": id, "ds": ds, "y": y})


def two_series():
    return pd.concat([hourly(200), hourly(150, seed=1, id="b")], ignore_index=True)


class Copier(HorizonEstimator):
    """Says the value of `lag` steps before, as far as it is known."""

    def __init__(self, horizon=1, lag=1):
        super().__init__(horizon=horizon)
        self.lag = lag

    def _learn(self, panel):
        pass

    def _memory(self):
        return self.lag

    def forecast_at(self, panel, cutoffs, series, horizon):
        rows = cutoffs[:, None] + np.minimum(np.arange(horizon) - self.lag, -1)
        return panel.values[rows, 0], np.zeros(len(cutoffs), dtype=bool)


class Oracle(Copier):
    """Knows the pattern: the truth without its noise."""

    def forecast_at(self, panel, cutoffs, series, horizon):
        t = cutoffs[:, None] - panel.offsets[series][:, None] + np.arange(horizon)
        return 20 + 5 * np.sin(t * 2 * np.pi / 24), np.zeros(len(cutoffs), dtype=bool)


def test_windows_end_with_each_series():
    frame = two_series()
    result = backtest(Naive(horizon=5), frame, n_windows=3, step=4)
    for id, part in frame.groupby("unique_id"):
        ours = result.frame[result.frame.unique_id == id]
        cutoffs = part.ds.iloc[[-14, -10, -6]].tolist()
        assert ours.cutoff.unique().tolist() == cutoffs
        merged = ours.merge(part, on=["unique_id", "ds"], suffixes=("", "_true"))
        assert_array_equal(merged.y, merged.y_true)
        assert len(merged) == 15
        last = part.set_index("ds").y
        assert_array_equal(ours.yhat, last[ours.cutoff].to_numpy())
    assert result.frame.step.tolist()[:5] == [1, 2, 3, 4, 5]


def test_scores_by_hand():
    y = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 9.0])
    result = backtest(Naive(horizon=1, season_length=2), y, n_windows=2)
    scale = np.mean([3.0, 1.0])  # |4 - 1|, |3 - 2| before the first cutoff
    assert result.scores.loc["yhat", "mae"] == 3.0
    assert result.scores.loc["yhat", "mase"] == pytest.approx(3.0 / scale)
    assert result.scores.loc["yhat", "rmse"] == pytest.approx(np.sqrt((4.0 + 16.0) / 2))
    assert result.scores.loc["seasonal_naive", "mae"] == pytest.approx((1.0 + 6.0) / 2)
    assert result.scores.loc["drift", "mae"] == pytest.approx((4 / 3 + 3.0) / 2)


def test_skill_is_measured_against_the_best_baseline():
    result = backtest(Oracle(horizon=6), two_series(), n_windows=4)
    best = result.scores.loc[["naive", "seasonal_naive", "drift"], "mase"].min()
    assert result.skill == pytest.approx(1 - result.scores.loc["yhat", "mase"] / best)
    assert result.skill > 0.1 and result.best_baseline == "seasonal_naive"
    assert "beats the best baseline (seasonal_naive)" in result.verdict
    assert result.lag_copy == 0 and "repeats" not in result.verdict


@pytest.mark.parametrize("lag", [1, 3])
def test_a_copier_is_told_so(lag):
    walk = np.cumsum(np.random.default_rng(0).standard_normal(400))
    result = backtest(Copier(horizon=2, lag=lag), walk, n_windows=60)
    assert result.lag_copy == lag and result.skill <= 0
    assert "does not beat" in result.verdict and f"of {lag} step" in result.verdict


def test_seasonal_naive_repeats_its_season():
    assert backtest(SeasonalNaive(horizon=4), hourly(200), n_windows=10).lag_copy == 24


def test_refit_learns_from_rows_before_each_cutoff():
    y = np.concatenate([np.zeros(50), np.full(50, 10.0)])

    class Fitted(HistoricMean):
        def _learn(self, panel):
            self.level_ = panel.values.mean()

        def forecast_at(self, panel, cutoffs, series, horizon):
            level = np.full((len(cutoffs), horizon), self.level_)
            return level, np.zeros(len(cutoffs), dtype=bool)

    once = backtest(Fitted(horizon=10), y, n_windows=4).frame.yhat.unique()
    each = backtest(Fitted(horizon=10), y, n_windows=4, refit=True).frame.yhat.unique()
    assert_allclose(once, [y[:60].mean()])
    assert_allclose(each, [y[:cut].mean() for cut in (60, 70, 80, 90)])


def test_a_fitted_estimator_is_fitted_anew():
    frame = two_series()
    model = Forecaster("nlinear", horizon=4, lookback=12, max_steps=5, random_state=0)
    fresh = backtest(model, frame, n_windows=2).frame
    model.fit(frame.assign(y=frame.y * -7))
    pd.testing.assert_frame_equal(backtest(model, frame, n_windows=2).frame, fresh)


def test_nothing_after_the_last_cutoff_matters_before():
    frame = hourly(200)
    model = Forecaster("nlinear", horizon=4, lookback=12, max_steps=5, random_state=0)
    changed = frame.copy()
    changed.loc[196:, "y"] = 1e3
    a, b = (backtest(model, f, n_windows=3).frame.yhat for f in (frame, changed))
    assert_array_equal(a, b)


def test_short_series_are_left_out_by_name():
    frame = pd.concat([hourly(100), hourly(9, id="short")])
    result = backtest(Naive(horizon=4), frame, n_windows=3)
    assert result.left_out == ("short",) and set(result.frame.unique_id) == {"a"}


def test_too_many_windows_name_the_most_that_fit():
    with pytest.raises(ValueError, match=r"n_windows must be at most 2: 3 windows need 14 rows"):
        backtest(Naive(horizon=4), hourly(10), n_windows=3)
    assert len(backtest(Naive(horizon=4), hourly(10), n_windows=2).frame) == 8


def test_by_step_and_plot():
    result = backtest(Drift(horizon=6), two_series(), n_windows=3)
    assert result.by_step.index.tolist() == [1, 2, 3, 4, 5, 6]
    assert result.by_step.loc[6, "naive"] > result.by_step.loc[1, "naive"]
    axes = np.ravel(result.plot())
    assert axes[0].get_ylabel() == "y" and result.plot(label="kWh")[0].get_ylabel() == "kWh"
    assert all(ax.lines for ax in axes[:1])


def test_a_window_without_known_truth_is_left_out_silently(recwarn):
    frame = hourly(100)
    frame.loc[90:94, "y"] = np.nan
    result = backtest(Naive(horizon=5), frame, n_windows=2)
    want = backtest(Naive(horizon=5), frame, n_windows=1)
    assert result.scores.loc["yhat", "mae"] == pytest.approx(want.scores.loc["yhat", "mae"])
    assert not recwarn.list


def test_a_forecast_that_is_nan_is_not_left_out():
    class Silent(Naive):
        def forecast_at(self, panel, cutoffs, series, horizon):
            yhat, fallback = super().forecast_at(panel, cutoffs, series, horizon)
            yhat[0] = np.nan
            return yhat, fallback

    assert np.isnan(backtest(Silent(horizon=2), hourly(99), n_windows=4).scores.loc["yhat", "mae"])


def test_fallbacks_are_counted():
    frame = pd.concat([hourly(120), hourly(12, id="short")])
    model = Forecaster("nlinear", horizon=4, lookback=24, max_steps=5, random_state=0)
    result = backtest(model, frame, n_windows=2)
    assert result.n_fallback == 2 and "2 of 4 forecasts are seasonal naive" in result.verdict
    assert set(result.frame.unique_id[result.frame.fallback]) == {"short"}


def test_a_constant_series_has_nothing_to_beat():
    result = backtest(HistoricMean(horizon=2), np.full(50, 7.0), n_windows=3)
    assert result.lag_copy == 0 and result.verdict.startswith("There is nothing to beat")


# --- planted cases: what the verdict must say -----------------------------------------------------


def quick(network="nlinear", horizon=2, lookback=24, **settings):
    settings = {"max_steps": 300, "learning_rate": 0.01, "random_state": 0, **settings}
    return Forecaster(network, horizon=horizon, lookback=lookback, **settings)


def test_a_random_walk_cannot_be_forecast():
    for seed in range(3):
        walk = np.cumsum(np.random.default_rng(seed).standard_normal(1000))
        result = backtest(quick(), walk, n_windows=100)
        assert result.skill < 0.02 and not (result.significant and result.skill > 0)
        low, high = result.skill_interval
        assert low < 0.0 and low <= result.skill <= high
        assert "does not beat" in result.verdict or "may be chance" in result.verdict


def test_returns_that_follow_each_other_can():
    rng = np.random.default_rng(0)
    returns = np.zeros(1500)
    for t in range(1, 1500):
        returns[t] = 0.6 * returns[t - 1] + rng.standard_normal()
    result = backtest(quick(horizon=1), np.cumsum(returns), n_windows=200)
    # the best possible forecast is off by E|noise|, the naive one by E|return|: a skill of 0.2
    assert 0.08 < result.skill < 1 - np.sqrt(1 - 0.6**2) + 0.05
    assert result.significant and result.skill_interval[0] > 0
    assert "beats" in result.verdict and "may be chance" not in result.verdict
    assert result.verdict.count("(") == 2  # the baseline, and all that says how sure this is
    low, high = result.skill_interval
    assert f"({low:+.1%} to {high:+.1%}, Diebold-Mariano p 0.003)." in result.verdict
    assert result.lag_copy == 0


def test_season_and_noise_beat_last_season():
    """Last season repeats its noise too: a forecast without it is better by a factor of root 2."""
    result = backtest(quick(horizon=6, lookback=96), hourly(2000), n_windows=60)
    assert result.best_baseline == "seasonal_naive"
    assert 0.15 < result.skill < 1 - 1 / np.sqrt(2) + 0.05
    assert result.significant and result.lag_copy == 0


def test_a_copier_is_not_let_off_by_a_trend():
    t = np.arange(800)
    y = 0.02 * t + np.cumsum(np.random.default_rng(1).standard_normal(800))
    result = backtest(Copier(horizon=1), y, n_windows=150)
    assert result.lag_copy == 1 and not (result.significant and result.skill > 0)
    assert "It repeats the value of 1 step before." in result.verdict


# --- how often it is fitted, and how its intervals do ---------------------------------------------


class Counted(HistoricMean):
    fits = []

    def _learn(self, panel):
        Counted.fits.append(int(panel.lengths[0]))


@pytest.mark.parametrize(
    ("refit", "rows"),
    [(False, [50]), (True, [50, 60, 70, 80, 90]), (2, [50, 70, 90]), (1, [50, 60, 70, 80, 90])],
)
def test_refit_every_so_many_windows(refit, rows):
    Counted.fits = []
    backtest(Counted(horizon=10), np.arange(100.0), n_windows=5, refit=refit)
    assert Counted.fits == rows


@pytest.mark.parametrize("refit", [0, -1, "often", 1.5])
def test_refits_that_are_none(refit):
    with pytest.raises((ValueError, TypeError), match="refit must be a positive int"):
        backtest(Naive(horizon=2), np.arange(50.0), refit=refit)


def test_intervals_are_scored():
    y = np.concatenate([np.random.default_rng(0).standard_normal(600), np.zeros(0)])
    model = Conformal(HistoricMean(horizon=3))
    result = backtest(model, y, n_windows=80, level=[95, 80])
    table = result.intervals
    assert table.index.tolist() == [80, 95]
    assert_allclose(table.coverage, [0.80, 0.95], atol=0.05)
    inside = (result.frame["yhat-lo-80"] <= result.frame.y) & (
        result.frame.y <= result.frame["yhat-hi-80"]
    )
    assert table.coverage[80] == pytest.approx(inside.mean())
    scale = np.abs(np.diff(y[:360])).mean()
    width = (result.frame["yhat-hi-80"] - result.frame["yhat-lo-80"]).mean() / scale
    assert table.width[80] == pytest.approx(width)
    assert table.winkler[80] > table.width[80]
    assert backtest(model, y).intervals is None


def test_levels_are_refused_before_anything_is_fitted():
    Counted.fits = []
    with pytest.raises(ValueError, match="level must be"):
        backtest(Counted(horizon=2), np.arange(50.0), level=120)
    assert not Counted.fits
