"""Inner gaps of series, filled by forecasts from before them that meet the value behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tsmodels.data.panel import Panel
from tsmodels.intervals import NoErrorsKnown

PATHS, TOGETHER = 1000, 64  # paths that tell how errors go together; gaps at a time
ROUNDS = 4  # of filling gaps at most, after the first with the others filled


class Gaps(NamedTuple):
    """Rows starts[i] to stops[i] - 1 of a panel are without a value; they lie inside series[i]."""

    starts: np.ndarray
    stops: np.ndarray
    series: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return self.stops - self.starts

    def take(self, index: Any) -> Gaps:
        return Gaps(*(part[index] for part in self))

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Every row in a gap, and the gap that it is in."""
        of = np.repeat(np.arange(len(self.starts)), self.lengths)
        begins = np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        return self.starts[of] + np.arange(len(of)) - begins, of


def inner_gaps(panel: Panel) -> Gaps:
    """The gaps between two values of one series.

    >>> from tsmodels.data.frame import make_panel
    >>> gaps = inner_gaps(make_panel(np.array([1.0, np.nan, np.nan, 2.0, np.nan])))
    >>> gaps.starts.tolist(), gaps.stops.tolist()
    ([1], [3])
    """
    hole = np.isnan(panel.values[:, 0])
    first, last = np.zeros_like(hole), np.zeros_like(hole)
    first[panel.offsets[:-1]] = last[panel.offsets[1:] - 1] = True
    starts = np.flatnonzero(hole & (first | ~np.roll(hole, 1)))
    stops = np.flatnonzero(hole & (last | ~np.roll(hole, -1))) + 1
    series = np.searchsorted(panel.offsets, starts, side="right") - 1
    inner = ~first[starts] & ~last[stops - 1]
    return Gaps(starts, stops, series).take(inner)


def imputed(estimator: Any, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """The values of the panel (N,) with its inner gaps filled, and which rows those are (N,)."""
    gaps = inner_gaps(panel)
    rows, of = gaps.rows()
    for _ in range(ROUNDS):
        values = panel.values.copy()
        values[rows, 0] = _bridged(estimator, panel, gaps)[of, rows - gaps.starts[of]]
        settled = np.array_equal(values, panel.values, equal_nan=True)
        panel = replace(panel, values=values)  # where a forecast sees earlier gaps, filled
        if settled:
            break
    return panel.values[:, 0], np.isin(np.arange(len(panel.values)), rows)


def _bridged(estimator: Any, panel: Panel, gaps: Gaps) -> np.ndarray:
    """What to fill each gap with, (n, L) for gaps of at most L rows."""
    answer = np.empty((len(gaps.starts), gaps.lengths.max(initial=0)))
    order = np.argsort(gaps.lengths, kind="stable")
    for some in np.split(order, range(TOGETHER, len(order), TOGETHER)):
        if len(some):
            bent = _bent(estimator, panel, gaps.take(some))
            answer[some, : bent.shape[1] - 1] = bent[:, :-1]
    return answer


def _bent(estimator: Any, panel: Panel, gaps: Gaps) -> np.ndarray:
    """Forecasts (n, L + 1) from before each gap, bent so as to meet the value behind it."""
    where = (panel, gaps.starts, gaps.series, int(gaps.lengths.max()) + 1)
    yhat, shares = estimator.forecast_at(*where)[0], _straight(gaps)
    if yhat.shape[1] <= estimator.horizon_:
        try:
            predictive = estimator.predictive_at(*where).predictive
            paths = predictive.paths(PATHS, np.random.default_rng(0))  # (PATHS, n, L + 1)
            shares = _shared(paths, gaps.lengths)
        except NoErrorsKnown:
            pass
    n = np.arange(len(yhat))
    missed = panel.values[gaps.stops, 0] - yhat[n, gaps.lengths]
    return yhat + shares * missed[:, None]


def _straight(gaps: Gaps) -> np.ndarray:
    """How much of what was missed behind a gap each of its steps gets, (n, L + 1), if errors
    wander: a Brownian bridge."""
    return np.arange(1, gaps.lengths.max() + 2) / (gaps.lengths[:, None] + 1.0)


def _shared(paths: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The same if errors go together as those of `paths` (m, n, L + 1): their linear regression on
    the error behind the gap."""
    errors = paths - paths.mean(axis=0)
    behind = errors[:, np.arange(len(lengths)), lengths]  # (m, n)
    variance = (behind**2).mean(axis=0)[:, None]  # (n, 1)
    covariance = (errors * behind[..., None]).mean(axis=0)  # (n, L + 1)
    return np.where(variance > 0, covariance / np.where(variance > 0, variance, 1.0), 0.0)
