"""Whether one forecast is better than another by more than chance: tests on their losses."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tsmodels.checks import check_int, check_real, fault

DRAWS = 2000  # of the bootstrap
FEWEST = 8  # windows, or series, below which nothing is resampled


class Comparison(NamedTuple):
    """A statistic and the probability of one as far from zero if there were no difference."""

    statistic: float
    p: float


def diebold_mariano(ours, theirs, horizon: int = 1) -> Comparison:
    """Whether two forecasts lose the same on average: losses (n,) in time order.

    Negative statistics say that ours loses less. `horizon` is how many forecasts a loss reaches
    over: its neighbours up to `horizon` - 1 apart may be correlated. Diebold & Mariano, 1995, with
    the correction for small samples and the t distribution of Harvey, Leybourne & Newbold, 1997.
    Where the variance estimated from those neighbours is not positive, the neighbours are weighted
    down (Newey & West, 1987). Fewer than four losses, or no difference at all, have p = NaN.

    >>> rng = np.random.default_rng(0)
    >>> test = diebold_mariano(rng.uniform(0, 1, 50), rng.uniform(0.5, 1.5, 50))
    >>> test.statistic < -5 and test.p < 0.001
    True
    """
    h = check_int("horizon", horizon)
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise ValueError(fault("theirs", f"of the shape of ours, {ours.shape}", theirs.shape))
    d = ours - theirs
    d = d[np.isfinite(d)]
    n = len(d)
    variance = _variance_of_mean(d, h) if n >= 4 else 0.0
    correction = (n + 1 - 2 * h + h * (h - 1) / max(n, 1)) / max(n, 1)
    if variance <= 0 or correction <= 0:
        return Comparison(math.nan, math.nan)
    from scipy.stats import t

    statistic = float(d.mean() / math.sqrt(variance) * math.sqrt(correction))
    return Comparison(statistic, float(2.0 * t.sf(abs(statistic), n - 1)))


def _variance_of_mean(d: np.ndarray, h: int) -> float:
    """Of correlated numbers, from their autocovariances up to lag h - 1."""
    n = len(d)
    d = d - d.mean()
    if not np.abs(d).max() > 1e-12 * max(np.abs(d + d.mean()).max(), 1e-300):
        return 0.0
    lags = np.arange(1, min(h, n))
    covariances = np.array([d[k:] @ d[: n - k] for k in lags]) / n
    own = d @ d / n
    variance = own + 2.0 * covariances.sum()
    if variance <= 0:
        variance = own + 2.0 * ((1.0 - lags / h) * covariances).sum()
    return variance / n


def skill_interval(
    ours, theirs, *, level: float = 95, block: int = 1, seed: int = 0
) -> tuple[float, float]:
    """An interval of the skill, 1 - mean(ours) / mean(theirs), from losses (series, windows).

    With eight windows or more, blocks of `block` neighbouring windows are drawn with replacement,
    the same for all series, so that what happens to them together stays together (moving blocks;
    Kuensch, 1989); with fewer windows series are drawn. NaN where there are few of both.

    >>> theirs = np.random.default_rng(0).uniform(0.9, 1.1, (1, 60))
    >>> low, high = skill_interval(0.8 * theirs, theirs)
    >>> round(low, 6), round(high, 6)
    (0.2, 0.2)
    """
    check_real("level", level, 0.0, 100.0, open_low=True, open_high=True)
    losses = np.stack([np.atleast_2d(ours), np.atleast_2d(theirs)])  # (2, series, windows)
    rng = np.random.default_rng(seed)
    axis = 1 if losses.shape[2] >= FEWEST else 2  # averaged over: windows are drawn, or series
    known = ~np.isnan(losses).all(axis=axis).any(axis=0)  # windows, or series, of any truth
    ours, theirs = np.nanmean(np.compress(known, losses, axis=3 - axis), axis=axis)  # (n,) each
    n = len(ours)
    if n < FEWEST:
        return math.nan, math.nan
    chosen = _blocks(n, min(block, n // 2) if axis == 1 else 1, rng)
    skills = 1.0 - ours[chosen].mean(axis=1) / theirs[chosen].mean(axis=1)
    tail = (100.0 - level) / 200.0
    low, high = np.quantile(skills, [tail, 1.0 - tail])
    return float(low), float(high)


def _blocks(n: int, block: int, rng: np.random.Generator) -> np.ndarray:
    """Places 0 ... n - 1 in blocks drawn with replacement, (DRAWS, n)."""
    count = math.ceil(n / block)
    starts = rng.integers(n - block + 1, size=(DRAWS, count))
    return (starts[..., None] + np.arange(block)).reshape(DRAWS, -1)[:, :n]
