"""Baselines of the same contract as `Forecaster`: what every network is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsmodels.data.panel import Panel
from tsmodels.data.windows import any_observed, fill
from tsmodels.estimators.horizon import HorizonEstimator


class _Baseline(HorizonEstimator):
    """Learns nothing: every forecast is a formula on the rows before its cutoff."""

    def _learn(self, panel: Panel) -> None:
        pass

    def _memory(self) -> int:
        return 2**40  # a drift or a mean needs the whole series

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        values, _ = fill(panel.values[:, :1], panel.offsets)
        firsts = panel.offsets[series]
        yhat = self._formula(values[:, 0], firsts, cutoffs, horizon)  # (N, H)
        yhat[~any_observed(np.isfinite(panel.values[:, 0]), firsts, cutoffs)] = np.nan
        return yhat, np.zeros(len(series), dtype=bool)

    def _formula(
        self, y: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> np.ndarray:
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class Naive(_Baseline):
    """The last value, for every step.

    >>> import numpy as np
    >>> Naive(horizon=2).fit(np.array([1.0, 5.0])).predict().yhat.tolist()
    [5.0, 5.0]
    """

    def _memory(self) -> int:
        return 1

    def _formula(
        self, y: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> np.ndarray:
        return np.repeat(y[cutoffs - 1][:, None], horizon, axis=1)


@dataclass(kw_only=True, eq=False, repr=False)
class SeasonalNaive(_Baseline):
    """The value one season before; the last value where a series has no whole season.

    >>> import numpy as np
    >>> y = np.array([1.0, 2.0, 3.0, 4.0])
    >>> SeasonalNaive(horizon=3, season_length=2).fit(y).predict().yhat.tolist()
    [3.0, 4.0, 3.0]
    """

    def _memory(self) -> int:
        return self.season_length_

    def _formula(
        self, y: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> np.ndarray:
        return seasonal_naive(y, firsts, cutoffs, horizon, self.season_length_)


@dataclass(kw_only=True, eq=False, repr=False)
class Drift(_Baseline):
    """The last value plus the mean step so far: a line through the first and the last value.

    >>> import numpy as np
    >>> Drift(horizon=2).fit(np.array([1.0, 0.0, 5.0])).predict().yhat.tolist()
    [7.0, 9.0]
    """

    def _formula(
        self, y: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray, horizon: int
    ) -> np.ndarray:
        last = y[cutoffs - 1]
        slope = (last - y[np.minimum(firsts, cutoffs - 1)]) / np.maximum(cutoffs - 1 - firsts, 1)
        return last[:, None] + slope[:, None] * np.arange(1, horizon + 1)


@dataclass(kw_only=True, eq=False, repr=False)
class HistoricMean(_Baseline):
    """The mean of all values so far.

    >>> import numpy as np
    >>> HistoricMean(horizon=2).fit(np.array([1.0, 2.0, 6.0])).predict().yhat.tolist()
    [3.0, 3.0]
    """

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        y, firsts = panel.values[:, 0], panel.offsets[series]
        known = np.isfinite(y)
        sums, counts = (
            _between(values, firsts, cutoffs) for values in (np.where(known, y, 0.0), known)
        )
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return np.repeat(mean[:, None], horizon, axis=1), np.zeros(len(series), dtype=bool)


def _between(values: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
    """Sums of the rows firsts[i] to cutoffs[i] - 1, (N,), each from its own rows alone."""
    ends = np.stack([firsts, cutoffs], axis=1).ravel()
    sums = np.add.reduceat(np.append(values.astype(float), 0.0), ends)[::2]
    return np.where(cutoffs > firsts, sums, 0.0)


def seasonal_naive(
    y: np.ndarray, firsts: np.ndarray, cutoffs: np.ndarray, horizon: int, season_length: int
) -> np.ndarray:
    """Seasonal naive forecasts (N, H) from rows `firsts` to `cutoffs` - 1 of `y`.

    Where there is less than a season, the last value.
    """
    back = season_length - np.arange(horizon) % season_length  # (H,): rows before the cutoff
    back = np.where((cutoffs - firsts >= season_length)[:, None], back, 1)  # (N, H)
    return y[cutoffs[:, None] - back]
