"""Transforms of targets: a curve through which values are seen, and steps in place of levels.

    log      log y                    returns     log y_t - log y_(t-1)
    log1p    log(1 + y)               difference  y_t - y_(t-1)
    boxcox   (y^p - 1) / p            p by series, in [0, 1]

All are computed in float64. What a network forecasts comes back in two moves: `total` sums steps
up (and leaves a curve's values alone), `restore` takes totals to the units of the data. `restore`
rises point by point, so quantiles of totals become quantiles of the data; quantiles of single steps
do not, as a sum of quantiles is no quantile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsmodels.checks import check_option, fault
from tsmodels.data.panel import Panel
from tsmodels.data.scaling import ROUNDING
from tsmodels.data.windows import fill

TRANSFORMS = (None, "log", "log1p", "boxcox", "difference", "returns")
POWERS = np.linspace(0.0, 1.0, 21)
LARGEST = 700.0  # of an exponent


@dataclass(frozen=True)
class Transform:
    """A transform by name, and the powers (S, C) of "boxcox" that `learn` found.

    >>> import numpy as np
    >>> from tsmodels.data.frame import make_panel
    >>> prices = make_panel(np.array([100.0, 110.0, 121.0]))
    >>> returns = Transform("returns")
    >>> z = returns.forward(prices)
    >>> z.ravel().round(4).tolist()
    [nan, 0.0953, 0.0953]
    >>> last = np.array([121.0])
    >>> returns.inverse(np.array([[0.1, 0.1]]), last).round(1).tolist()
    [[133.7, 147.8]]
    """

    name: str | None = None

    def __post_init__(self) -> None:
        check_option("transform", self.name, TRANSFORMS)

    @property
    def steps(self) -> bool:
        """Whether values are steps from one row to the next: the first row has none."""
        return self.name in ("difference", "returns")

    def learn(self, panel: Panel) -> np.ndarray:
        """The power of each series, (S, 1): by maximum likelihood for "boxcox", else 1.

        Raises ValueError where the transform has no value for one of the panel's.
        """
        self._check(panel)
        if self.name != "boxcox":
            return np.ones((panel.n_series, 1))
        return box_cox_powers(panel.values[:, 0], panel.offsets)[:, None]

    def forward(self, panel: Panel, power: np.ndarray | None = None) -> np.ndarray:
        """The transformed values (N, 1); NaN where there are none.

        After a gap a step goes from the last known value. `power` (S, 1) is that of each series.
        """
        if self.name is None:
            return panel.values
        rows = 1.0 if power is None else np.repeat(power, panel.lengths, axis=0)
        y = self._curve(panel.values, rows)
        if not self.steps:
            return y
        known, _ = fill(y, panel.offsets)
        before = np.full_like(known, np.nan)
        before[1:] = known[:-1]
        before[panel.offsets[:-1]] = np.nan
        return y - before

    def total(self, z: np.ndarray) -> np.ndarray:
        """Forecasts z (..., H) as totals since the cutoff: steps summed up, others as they are."""
        return np.cumsum(z, axis=-1) if self.steps else z

    def restore(
        self, total: np.ndarray, last: np.ndarray, power: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """Totals (..., N, H) in the units of the data: points, quantiles or paths; rising.

        `last` (N,) are the last known values before each forecast, `power` (N,) or (N, 1) those of
        its series.
        """
        power = np.reshape(power, (-1, 1))
        if self.steps:
            total = total + self._curve(np.reshape(last, (-1, 1)), power)
        return self._uncurved(total, power)

    def totals_of(
        self, y: np.ndarray, last: np.ndarray, power: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """The totals (N, H) that `restore` makes y (N, H) of."""
        power = np.reshape(power, (-1, 1))
        curved = self._curve(y, power)
        return curved - self._curve(np.reshape(last, (-1, 1)), power) if self.steps else curved

    def inverse(
        self, z: np.ndarray, last: np.ndarray, power: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """Transformed points or paths (..., N, H) in the units of the data."""
        return self.restore(self.total(z), last, power)

    def _curve(self, y: np.ndarray, power: np.ndarray | float) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.name in ("log", "returns"):
                return np.where(y > 0, np.log(y), np.nan)
            if self.name == "log1p":
                return np.where(y > -1, np.log1p(y), np.nan)
            if self.name == "boxcox":
                return np.where(y > 0, _box_cox(np.log(y), power), np.nan)
        return y

    def _uncurved(self, z: np.ndarray, power: np.ndarray) -> np.ndarray:
        if self.name in ("log", "returns"):
            return np.exp(np.minimum(z, LARGEST))
        if self.name == "log1p":
            return np.expm1(np.minimum(z, LARGEST))
        if self.name == "boxcox":
            some = np.where(power > 0, power, 1.0)
            with np.errstate(divide="ignore"):  # as log 0 where 1 + power z would be negative
                log_y = np.where(power > 0, np.log1p(np.maximum(some * z, -1.0)) / some, z)
            return np.exp(np.minimum(log_y, LARGEST))
        return z

    def _check(self, panel: Panel) -> None:
        low = -1.0 if self.name == "log1p" else 0.0
        if self.name in (None, "difference"):
            return
        y = panel.values[:, 0]
        bad = np.flatnonzero(y <= low)
        if bad.size:
            s = int(np.searchsorted(panel.offsets, bad[0], side="right")) - 1
            rule = f"above {low:g} for transform={self.name!r}"
            got = f"{bad.size} values, first {y[bad[0]]:g} of {panel.ids.tolist()[s]!r}"
            way_out = "'log1p' takes zeros, 'difference' every number." if low == 0 else ""
            raise ValueError(fault("target", rule, got, way_out))


def _box_cox(log_y: np.ndarray, power: np.ndarray | float) -> np.ndarray:
    """(y^p - 1) / p from log y, without loss near p = 0."""
    some = np.where(np.asarray(power) > 0, power, 1.0)
    return np.where(np.asarray(power) > 0, np.expm1(some * log_y) / some, log_y)


def box_cox_powers(y: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The power in 0, 0.05, ..., 1 under which each series is likeliest normal, (S,).

    The profile likelihood of Box & Cox, 1964: -n / 2 log var(z) + (p - 1) sum log y. NaN are left
    out; a series without two different values has power 1.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        log_y = np.log(y)
        likelihoods = [_likelihood(log_y, power, offsets) for power in POWERS]
    table = np.where(np.isfinite(likelihoods), likelihoods, -np.inf)  # (powers, S)
    best = POWERS[np.argmax(table, axis=0)]
    return np.where(np.isfinite(table).any(axis=0), best, 1.0)


def _likelihood(log_y: np.ndarray, power: float, offsets: np.ndarray) -> np.ndarray:
    known = np.isfinite(log_y)
    n = _sums(known.astype(float), offsets)
    z = np.where(known, _box_cox(log_y, power), 0.0)
    centred = z - np.repeat(_sums(z, offsets) / n, np.diff(offsets))
    variance = _sums(np.where(known, centred**2, 0.0), offsets) / n
    size = _sums(z**2, offsets) / n
    variance = np.where(variance > ROUNDING**2 * size, variance, np.nan)
    return -n / 2 * np.log(variance) + (power - 1) * _sums(np.where(known, log_y, 0.0), offsets)


def _sums(x: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sums of each series, none of which is empty, (S,)."""
    return np.add.reduceat(x, offsets[:-1])
