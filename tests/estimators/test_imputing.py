"""Gaps that are filled: only they, from both sides, better than by a line."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels import Combination, Conformal, Forecaster, HistoricMean, Naive, SeasonalNaive
from tsmodels.data.frame import make_panel
from tsmodels.estimators.imputing import inner_gaps

SETTINGS = {"horizon": 12, "lookback": 24, "max_steps": 150, "learning_rate": 0.02}


def wave(n=400, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(n) * 2 * np.pi / 24) + noise * rng.standard_normal(n)


def frame(y, name="a", start="2024-03-01"):
    ds = pd.date_range(start, periods=len(y), freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": y})


@pytest.fixture(scope="module")
def fitted():
    whole = pd.concat([frame(wave()[:300], "b"), frame(10 + wave(seed=1)[:300], "a")])
    return Forecaster("nlinear", **SETTINGS, random_state=0).fit(whole)


@pytest.fixture(scope="module")
def gappy():
    """Two series with gaps: rows without a value, absent rows, an edge of each kind."""
    whole = pd.concat([frame(wave(), "b"), frame(10 + wave(seed=1), "a")], ignore_index=True)
    holes = [310, 311, 312, 340, 398, 399, *range(400, 403), *range(720, 731), 799]
    gone = [350, 351, 760]
    return whole.assign(y=whole.y.where(~whole.index.isin(holes))).drop(index=gone)


def test_only_gaps_are_changed_bit_by_bit(fitted, gappy):
    filled = fitted.impute(gappy.sample(frac=1, random_state=0))
    assert filled.columns.tolist() == ["unique_id", "ds", "y", "imputed"]
    both = filled.merge(gappy, on=["unique_id", "ds"], how="left", suffixes=("", "_was"))
    known = both.y_was.notna()
    assert_array_equal(both.y[known], both.y_was[known])
    assert not both.imputed[known].any()
    assert both.imputed.sum() == 3 + 1 + 2 + 11 + 1
    trailing = both.y.isna()
    assert both[trailing].groupby("unique_id").size().to_dict() == {"a": 1, "b": 2}
    assert (both.imputed ^ known ^ trailing).all()
    assert filled.ds.dtype == gappy.ds.dtype


def test_gaps_are_filled_better_than_by_a_line_or_a_day_before(fitted):
    y = wave(noise=0.05, seed=5)
    hole = (np.arange(400) > 100) & (np.arange(400) % 40 < 10)
    found = fitted.impute(frame(np.where(hole, np.nan, y))).y.to_numpy()
    line = np.interp(np.arange(400), np.flatnonzero(~hole), y[~hole])
    inner = hole & (np.arange(400) < 390)
    error = {
        name: np.abs(x - y)[inner].mean()
        for name, x in {"ours": found, "line": line, "day": np.roll(y, 24)}.items()
    }
    assert error["ours"] < 0.9 * error["day"] < 0.2 * error["line"]


def test_a_walk_is_met_behind_the_gap_and_noise_is_not():
    """Errors of a walk last: half of them at half the gap. Those of noise are gone at once."""
    rng = np.random.default_rng(0)
    walk, noise = np.cumsum(rng.standard_normal(2000)), rng.standard_normal(2000)
    for y, model, shares in (
        (walk, Naive(horizon=8), np.arange(1, 6) / 6),
        (noise, HistoricMean(horizon=8), np.zeros(5)),
    ):
        gap = y[:300].copy()
        gap[200:205] = np.nan
        gap[205] += 50.0
        before = model.fit(y).predict(gap[:200]).yhat.to_numpy()[:6]
        bend = (model.impute(gap).y[200:205] - before[:5]) / (gap[205] - before[5])
        assert_allclose(bend, shares, atol=0.1)


def test_longer_gaps_and_no_errors_make_a_straight_bend():
    y = np.arange(40.0)
    y[10:30] = np.nan
    bent = Naive(horizon=3).fit(np.arange(50.0)).impute(y)
    assert_allclose(bent.y, np.arange(40.0))
    none = Forecaster("nlinear", horizon=12, lookback=4, validation=None, max_steps=2, scaler=None)
    gap = np.arange(40.0)
    gap[10:15] = np.nan
    model = none.fit(np.arange(50.0))
    forward = model.predict(gap[:10]).yhat.to_numpy()
    want = forward[:5] + np.arange(1, 6) / 6 * (15.0 - forward[5])
    assert_allclose(model.impute(gap).y[10:15], want, rtol=1e-6)


def test_a_later_gap_sees_an_earlier_one_filled():
    """The second gap repeats the first one, a season later: both are right in the end."""
    y = np.tile(np.array([0.0, 5.0, 1.0, -3.0]), 10)
    gap = y.copy()
    gap[[13, 14, 17, 18, 21, 22]] = np.nan
    model = SeasonalNaive(horizon=3, season_length=4).fit(y)
    assert_array_equal(model.impute(gap).y, y)


def test_around_several_targets_covariates_and_other_frames(fitted):
    x = np.random.default_rng(0).standard_normal(300)
    y = 3 * x + wave(300)
    f = frame(y).assign(z=-y, x=x)
    model = Forecaster("nlinear", **SETTINGS, target=["y", "z"], future_covariates=["x"])
    model.set_params(random_state=0).fit(f)
    gap = f.assign(y=f.y.where(~f.index.isin([250, 251])), z=f.z.where(f.index != 200))
    filled = model.impute(gap).set_index("target")
    assert filled.imputed.groupby("target").sum().to_dict() == {"y": 2, "z": 1}
    assert_allclose(filled.y["y"].to_numpy()[250:252], f.y[250:252], atol=1.5)
    one = frame(wave())
    one.loc[100:103, "y"] = np.nan
    for around in (Conformal(Naive(horizon=6)), Combination([Naive(horizon=6)])):
        assert around.fit(one).impute(one).imputed.sum() == 4
    assert isinstance(fitted.impute(pl.from_pandas(one)), pl.DataFrame)


def test_nothing_to_fill_and_nothing_to_fill_it_from():
    y = np.arange(6.0)
    model = Naive(horizon=2).fit(y)
    assert not model.impute(y).imputed.any()
    panel = make_panel(np.array([[1.0, np.nan], [np.nan, 3.0], [2.0, np.nan], [np.nan, 4.0]]))
    gaps = inner_gaps(panel)
    assert gaps.lengths.tolist() == [1, 1] and gaps.series.tolist() == [0, 1]
    with pytest.raises(ValueError, match="X must have no missing values with missing='error'"):
        Naive(horizon=2, missing="error").fit(y).impute(np.array([1.0, np.nan, 2.0]))
