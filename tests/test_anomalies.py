"""p values of rows: no smaller than they may be, small where something was planted."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from tsmodels import AdaptiveConformal, Conformal, Forecaster, HistoricMean, Naive, SeasonalNaive
from tsmodels.anomalies import anomaly_scores, p_values
from tsmodels.distributions import family_of
from tsmodels.intervals import Parametric, PointErrors


def hourly(n=1200, seed=0):
    noise = np.random.default_rng(seed).standard_normal(n)
    ds = pd.date_range("2024-01-01", periods=n, freq="h")
    y = 20 + 5 * np.sin(np.arange(n) * np.pi / 12) + noise
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": y})


@pytest.mark.parametrize(
    "estimator",
    [
        Conformal(SeasonalNaive(horizon=2)),
        AdaptiveConformal(SeasonalNaive(horizon=2)),
        Forecaster("nlinear", lookback=48, learning_rate=0.02, loss="normal", random_state=0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_ordinary_rows_are_rarely_odd_and_planted_ones_are(estimator):
    frame = hourly()
    model = estimator.fit(frame[:700])
    planted = [800, 900, 1050]
    odd = frame.assign(y=frame.y.where(~frame.index.isin(planted), frame.y + 12.0))
    scores = anomaly_scores(model, odd).set_index("ds")
    assert (scores.p[frame.ds[planted]] <= 0.02).all()
    later = anomaly_scores(model, frame)[700:].p
    for alpha in (0.05, 0.2):
        assert alpha / 3 < (later <= alpha).mean() < alpha + 0.05


def test_a_value_plays_no_part_in_its_own_forecast():
    frame, model = hourly(300), HistoricMean(horizon=2).fit(hourly(300)[:200])
    changed = frame.assign(y=frame.y.where(frame.index != 250, 99.0))
    before, after = (anomaly_scores(model, f) for f in (frame, changed))
    at = before.index[before.ds == frame.ds[250]][0]
    assert_array_equal(before.p[:at], after.p[:at])
    assert before.yhat[at] == after.yhat[at] and after.p[at] < before.p[at]


def test_p_values_by_hand():
    errors = np.arange(1.0, 20.0)[:, None]  # 19 of them
    point = PointErrors(np.zeros((4, 1)), errors, np.ones(4))
    y = np.array([[0.5], [10.5], [18.5], [30.0]])
    assert_array_equal(p_values(point, y)[:, 0], [1.0, 0.5, 0.1, 0.05])
    normal = Parametric(family_of("normal"), np.broadcast_to([0.0, 1.0], (3, 1, 2)))
    p = p_values(normal, np.array([[0.0], [1.97], [-5.0]]))[:, 0]
    assert_array_equal(p, [1.0, 0.05, 0.001])


def test_rows_and_kinds():
    frame = pd.concat([hourly(90), hourly(70, 1).assign(unique_id="b")])
    frame.loc[frame.index == 50, "y"] = np.nan
    scores = anomaly_scores(Naive().fit(frame), frame)
    assert len(scores) == 90 + 70 - 2 * 2 - 2
    assert scores.columns.tolist() == ["unique_id", "ds", "y", "yhat", "p"]
    other = anomaly_scores(Naive().fit(frame), pl.from_pandas(frame))
    assert isinstance(other, pl.DataFrame)


def test_refusals():
    with pytest.raises(NotFittedError):
        anomaly_scores(Naive(), hourly(50))
    with pytest.raises(TypeError, match="estimator must be a fitted forecaster or baseline"):
        anomaly_scores("naive", hourly(50))
    model = Naive().fit(hourly(50))
    with pytest.raises(ValueError, match="X must be at least one series with a value"):
        anomaly_scores(model, hourly(2))
    few = Forecaster("nlinear", lookback=4, max_steps=1, validation=None).fit(np.arange(20.0))
    with pytest.raises(ValueError, match="level must be at most 0 %"):
        anomaly_scores(few, np.arange(20.0))
