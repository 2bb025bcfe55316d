"""Which values a forecaster would not have believed: p values of every row, one step ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import fault
from tsmodels.data.answers import forecast_frame
from tsmodels.data.windows import spread
from tsmodels.estimators.horizon import HorizonEstimator
from tsmodels.intervals import Predictive

GRID = np.r_[0.95:0.05:-0.05, 0.05:0.0:-0.005, 0.004:0.0005:-0.001].round(4)  # p values told apart


def anomaly_scores(estimator: HorizonEstimator, X: Any) -> Any:
    """A p value for every row of `X` that has a value and two rows before it.

    A fitted estimator forecasts each row from those before it; `p` is 1 minus the largest level
    whose interval leaves the value out, of a grid that ends at 0.001 or where too few errors are
    known. Small values are odd ones: where the intervals hold what they say, a share of at most
    alpha of ordinary rows has p <= alpha (conformal p values; Vovk, Gammerman & Shafer, 2005).
    The answer has the columns `unique_id`, `ds`, `y`, `yhat` and `p`. Whoever wants them to follow
    a series through change puts the estimator into an `AdaptiveConformal`.

    >>> from tsmodels import HistoricMean
    >>> y = np.random.default_rng(0).standard_normal(300)
    >>> y[250] = 9.0
    >>> scores = anomaly_scores(HistoricMean().fit(y[:200]), y)
    >>> bool(scores.p[scores.ds == 250].item() <= 0.01)
    True
    """
    if not isinstance(estimator, HorizonEstimator):
        raise TypeError(fault("estimator", "a fitted forecaster or baseline", estimator))
    check_is_fitted(estimator, "context_")
    panel = estimator.to_panel_like_fit(X)
    cutoffs, series = spread(panel.offsets[:-1] + 2, panel.offsets[1:] - 1)
    known = np.isfinite(panel.values[cutoffs, 0])
    cutoffs, series = cutoffs[known], series[known]
    if not len(cutoffs):
        rule = "at least one series with a value in its third row or later"
        raise ValueError(fault("X", rule, f"at most {panel.lengths.max(initial=0)} rows"))
    yhat, _, predictive = estimator.predictive_at(panel, cutoffs, series, 1)
    y = panel.values[cutoffs, :1]
    table = {"y": y[:, 0], "yhat": yhat[:, 0], "p": p_values(predictive, y)[:, 0]}
    return forecast_frame(panel, series, panel.ds[cutoffs], table)


def p_values(predictive: Predictive, y: np.ndarray) -> np.ndarray:
    """1 minus the largest level of the grid whose interval leaves a truth out, (N, H).

    Raises ValueError where not even half of the truths could be told apart.
    """
    p = np.ones(y.shape)
    for value in GRID:
        try:
            low, high = predictive.interval(round(100.0 * (1.0 - value), 4))
        except ValueError:  # fewer errors are known than such a level needs
            if value >= 0.5:
                raise
            break
        p = np.where((y < low) | (y > high), value, p)
    return p
