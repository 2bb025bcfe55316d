"""Conformal calibration around any forecaster: intervals as wide as held-out rows demand."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tsmodels.checks import check_int, check_real, fault
from tsmodels.data.panel import Panel
from tsmodels.data.windows import spread
from tsmodels.estimators.around import Around
from tsmodels.estimators.horizon import (
    CALIBRATION,
    Forecasts,
    evenly,
    first_cutoffs,
    naive_scales,
)
from tsmodels.intervals import Moved, PointErrors, Predictive, Taken, conformal_radius

RECENT = 100  # scores that say how large a step of the tracker is


class Conformal(Around):
    """Intervals that hold their share of rows the estimator has never seen.

    The last `calibration` rows of each series (a share, or a number of rows) are held out from the
    inner `fit`. Around a point forecast this is split conformal prediction (Vovk, Gammerman &
    Shafer, 2005; Lei et al., 2018); around quantiles or a distribution the intervals are moved
    outwards or inwards, conformalised quantile regression (Romano, Patterson & Candes, 2019). Both
    go step by step of the horizon, over all series together, in units of each one's naive error.
    If the world stays as it was on the held-out rows, the share is kept; see `AdaptiveConformal`
    if it may not.

    >>> from tsmodels import SeasonalNaive
    >>> y = np.tile(np.arange(12.0), 30) + np.random.default_rng(0).standard_normal(360)
    >>> model = Conformal(SeasonalNaive(horizon=3, season_length=12)).fit(y)
    >>> model.predict(level=90).columns.tolist()
    ['unique_id', 'ds', 'yhat', 'yhat-lo-90', 'yhat-hi-90']
    """

    def __init__(self, estimator: Any, *, calibration: float | int = 0.2) -> None:
        super().__init__(estimator)
        self.calibration = calibration

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if isinstance(self.calibration, float):
            check_real("calibration", self.calibration, 0.0, 1.0, open_low=True, open_high=True)
        else:
            check_int("calibration", self.calibration, minimum=self.horizon)

    def _learn(self, panel: Panel) -> None:
        held = self._held(panel)
        before = panel.head(panel.lengths - held)
        super()._learn(before)
        self.places_ = {id: place for place, id in enumerate(panel.ids.tolist())}
        self.spread_, _ = naive_scales(before, self.season_length_)
        kept = panel.tail(np.minimum(self._memory() + held, panel.lengths))
        cutoffs, series = spread(kept.offsets[1:] - held, kept.offsets[1:] - self.horizon_)
        chosen = evenly(len(cutoffs), CALIBRATION)
        self.held_, self.cutoffs_, self.series_ = kept, cutoffs[chosen], series[chosen]

    def _held_out(self, panel: Panel) -> np.ndarray:
        held = self._held(panel)
        return held + super()._held_out(panel.head(panel.lengths - held))

    def _held(self, panel: Panel) -> np.ndarray:
        """How many rows of each series are held out, (S,)."""
        rows = self.calibration
        if isinstance(rows, float):
            rows = np.maximum(np.ceil(rows * panel.lengths).astype(int), self.horizon_)
        held = np.broadcast_to(rows, panel.lengths.shape)
        held = np.where(panel.lengths - held >= 2, held, 0)
        if not held.any():
            most = int(panel.lengths.max()) - 2
            rule = f"at most {most} rows, two less than the longest series"
            raise ValueError(fault("calibration", rule, self.calibration))
        return held

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        where = (self.held_, self.cutoffs_, self.series_)
        held = self.estimator_.predictive_at(*where, horizon)
        y = truths(self.held_, self.cutoffs_, horizon)
        sizes = self._spread(*where)[:, None]
        ours = self.estimator_.predictive_at(panel, cutoffs, series, horizon)
        size = self._spread(panel, cutoffs, series)
        if _flat(ours.predictive.bare()):
            predictive: Predictive = PointErrors(ours.yhat, (y - held.yhat) / sizes, size)
        else:

            def radius(level: float) -> np.ndarray:
                scores = outside(held.predictive.bare(), y, level) / sizes
                return conformal_radius(scores, level) * size[:, None]

            predictive = Moved(ours.predictive.bare(), radius)
        return ours._replace(predictive=predictive)


class AdaptiveConformal(Conformal):
    """`Conformal` that goes on learning from the rows it is shown: for a world that changes.

    From `window` forecasts behind the first cutoff on, truth after truth as it becomes known, an
    interval grows after a miss and shrinks after a hit, by a share `rate` of the largest recent
    score; each level and step has its own. Over a long run the share of misses is the one asked
    for, whatever happens to the series. Angelopoulos, Candes & Tibshirani, 2023 (the quantile
    tracker); Gibbs & Candes, 2021. With `predict()` the rows known are those of `fit`; show it
    newer ones, `predict(X)`, to let it adapt.

    >>> from tsmodels import Naive
    >>> rng = np.random.default_rng(0)
    >>> walk = np.cumsum(rng.standard_normal(500) * np.repeat([1.0, 3.0], 250))
    >>> fixed, adaptive = (cls(Naive()).fit(walk[:250]) for cls in (Conformal, AdaptiveConformal))
    >>> widths = [np.ptp(m.predict(walk, level=90).iloc[0, 3:]) for m in (fixed, adaptive)]
    >>> bool(widths[1] > 2 * widths[0])
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        calibration: float | int = 0.2,
        window: int = 200,
        rate: float = 0.05,
    ) -> None:
        super().__init__(estimator, calibration=calibration)
        self.window = window
        self.rate = rate

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int("window", self.window)
        check_real("rate", self.rate, 0.0, 1.0, open_low=True)

    def _memory(self) -> int:
        return super()._memory() + self.window + self.horizon_

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        first = first_cutoffs(panel, cutoffs, series) - self.window - horizon
        first = np.maximum(first, panel.offsets[:-1] + min(2, int(panel.lengths.min())))
        last = panel.offsets[:-1] - 1
        np.maximum.at(last, series, cutoffs)
        every, of = spread(first, last)  # consecutive cutoffs of each series
        walked = super().predictive_at(panel, every, of, horizon)
        y = truths(panel, every, horizon, panel.offsets[1:][of])
        size = self._spread(panel, every, of)[:, None]
        starts = np.append(np.flatnonzero(np.diff(of, prepend=-1)), len(of))
        at = _places(every, of, cutoffs, series)

        @functools.cache
        def radius(level: float) -> np.ndarray:
            scores = outside(walked.predictive, y, level) / size
            tracked = [
                track(scores[a:b], level, self.rate)
                for a, b in zip(starts[:-1], starts[1:], strict=True)
            ]
            return np.concatenate(tracked) * size

        moved = Taken(Moved(walked.predictive, radius), at)
        return Forecasts(walked.yhat[at], walked.fallback[at], moved)


def track(scores: np.ndarray, level: float, rate: float) -> np.ndarray:
    """By how much intervals move at consecutive cutoffs, (M, H), from the scores (M, H) before.

    The score of step h (from 0) becomes known h + 1 cutoffs later; no radius looks at a later one.
    Scores that are NaN change nothing.
    """
    m, horizon = scores.shape
    radii = np.zeros((m, horizon))
    radius, steps, share = np.zeros(horizon), np.arange(horizon), level / 100.0
    sizes = np.abs(np.nan_to_num(scores))
    for t in range(1, m):
        news = t - 1 - steps  # (H,) the cutoffs whose scores have just become known
        known = (news >= 0) & np.isfinite(scores[np.maximum(news, 0), steps])
        news = np.maximum(news, 0)
        recent = sizes[max(t - RECENT, 0) : t].copy()
        recent[np.arange(max(t - RECENT, 0), t)[:, None] > news] = 0.0
        missed = scores[news, steps] > radii[news, steps]
        change = rate * recent.max(axis=0) * (missed - (1.0 - share))
        radius = radius + np.where(known, change, 0.0)
        radii[t] = radius
    return radii


def outside(predictive: Predictive, y: np.ndarray, level: float) -> np.ndarray:
    """How far truths (N, H) lie outside their intervals; inside, minus the way to the end."""
    low, high = predictive.interval(level)
    return np.maximum(low - y, y - high)


def truths(
    panel: Panel, cutoffs: np.ndarray, horizon: int, stops: np.ndarray | None = None
) -> np.ndarray:
    """The values at and after the cutoffs, (N, horizon); NaN from row `stops` (N,) on."""
    rows = cutoffs[:, None] + np.arange(horizon)
    if stops is None:
        return panel.values[rows, 0]
    y = panel.values[np.minimum(rows, len(panel.values) - 1), 0]
    return np.where(rows < stops[:, None], y, np.nan)


def _places(
    every: np.ndarray, of: np.ndarray, cutoffs: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Where the pairs (cutoff, series) stand among all of them."""
    order = np.lexsort((every, of))
    wide = int(max(every.max(), cutoffs.max())) + 1
    keys = of[order] * wide + every[order]
    return order[np.searchsorted(keys, series * wide + cutoffs)]


def _flat(predictive: Predictive) -> bool:
    low, high = predictive.interval(50)
    return bool((low == high).all())
