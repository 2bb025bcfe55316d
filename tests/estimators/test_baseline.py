"""Baselines by hand, under the contract of `Forecaster`."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from tsmodels import Drift, HistoricMean, Naive, RollingOrigin, SeasonalNaive

ALL = [Naive, SeasonalNaive, Drift, HistoricMean]


@pytest.mark.parametrize("cls", ALL)
def test_predict_is_predict_on_the_same_rows(cls, frame):
    model = cls(horizon=7).fit(frame)
    pd.testing.assert_frame_equal(model.predict(), model.predict(frame))
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("cls", ALL)
def test_one_row_is_enough(cls):
    forecast = cls(horizon=3, freq="1").fit(np.array([4.0])).predict()
    assert forecast.yhat.tolist() == [4.0, 4.0, 4.0]


@pytest.mark.parametrize("cls", ALL)
def test_rows_after_the_cutoff_play_no_part(cls, frame):
    model = cls(horizon=5).fit(frame)
    changed = frame.assign(y=frame.y.where(frame.index < 100, 1e9))
    at = np.array([60, 100]), np.zeros(2, dtype=int)
    before, _ = model.forecast_at(model.to_panel(frame), *at, 5)
    after, _ = model.forecast_at(model.to_panel(changed), *at, 5)
    assert_allclose(before, after)


def test_drift_and_mean_by_hand():
    y = np.array([2.0, 0.0, 4.0, 8.0])
    assert_allclose(Drift(horizon=2).fit(y).predict().yhat, [10.0, 12.0])
    assert_allclose(HistoricMean(horizon=2).fit(y).predict().yhat, [3.5, 3.5])


def test_the_last_known_value_stands_for_a_missing_one():
    y = np.array([1.0, 2.0, np.nan])
    assert Naive().fit(y).predict().yhat.tolist() == [2.0]


def test_score_is_minus_mase():
    y = np.array([0.0, 1.0, 0.0, 1.0, 5.0])
    assert Naive(horizon=1).fit(y).score(y) == pytest.approx(-4.0)


def test_a_constant_series_is_measured_in_hundredths_of_its_size():
    y = np.array([200.0] * 9 + [203.0])
    assert Naive(horizon=1).fit(y).score(y) == pytest.approx(-1.5)


def test_cross_val_score_with_rolling_origin(frame):
    cv = RollingOrigin(horizon=6, n_splits=3)
    scores = cross_val_score(SeasonalNaive(horizon=6), frame, cv=cv, n_jobs=2)
    assert len(scores) == 3 and np.isfinite(scores).all() and (scores < 0).all()


def test_the_mean_knows_gaps_and_other_series_not():
    y = np.array([1.0, np.nan, np.nan, np.nan, 5.0])
    assert HistoricMean().fit(y).predict().yhat.tolist() == [3.0]
    wide = pd.DataFrame({"a": [1e14] * 50, "b": [1e-3] * 50})
    assert HistoricMean().fit(wide).predict().yhat.tolist() == [1e14, pytest.approx(1e-3)]
