"""Predictive distributions of N forecasts over H steps, as arrays: intervals and paths.

A level is a number in (0, 100): the share of truths an interval is to hold, half of the rest on
either side. What an estimator knows about its errors is a table with a row for each window that it
was calibrated on, (n, H): intervals come from its columns, step by step, and paths from its rows,
so that the steps of a path go together as the errors of a real forecast did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tsmodels.checks import check_real, fault

Interval = tuple[np.ndarray, np.ndarray]
SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class NoErrorsKnown(ValueError):
    """Futures are asked for of a forecast whose errors were never seen."""


# --- levels ---------------------------------------------------------------------------------------


def check_level(level: Any) -> tuple[float, ...]:
    """Levels in percent, ascending; a number alone is a list of one.

    >>> check_level([95, 80])
    (80, 95)
    """
    rule = "a number in (0, 100) or a list of distinct ones"
    given = list(level) if isinstance(level, Iterable) and not isinstance(level, str) else [level]
    for one in given:
        check_real("level", one, 0.0, 100.0, open_low=True, open_high=True)
    if not given or len({float(one) for one in given}) < len(given):
        raise ValueError(fault("level", rule, level))
    if any(0 < one < 1 for one in given):
        raise ValueError(fault("level", "in percent", level, "80 is what 0.8 may have meant."))
    return tuple(sorted(given))


def bounds(level: float) -> tuple[float, float]:
    """The quantiles an interval ends at.

    >>> bounds(80)
    (0.1, 0.9)
    """
    low = round((100.0 - level) / 200.0, 12)
    return low, round(1.0 - low, 12)


def columns(level: float) -> tuple[str, str]:
    """The names of an interval's columns.

    >>> columns(97.5)
    ('yhat-lo-97.5', 'yhat-hi-97.5')
    """
    return f"yhat-lo-{level:g}", f"yhat-hi-{level:g}"


# --- conformal calibration ------------------------------------------------------------------------


def conformal_radius(scores: np.ndarray, level: float) -> np.ndarray:
    """What `level` % of new scores will not exceed, step by step: (n, H) -> (H,).

    The k-th smallest of the n known scores of a step, k = ceil((n + 1) level / 100): if the new one
    is exchangeable with them, it is at most that with at least the probability asked for. Raises
    ValueError where there are too few scores for the level. Vovk, Gammerman & Shafer, 2005.

    >>> conformal_radius(np.arange(1.0, 10.0)[:, None], 80)
    array([8.])
    """
    ranked = np.sort(scores, axis=0)  # NaN last
    known = np.isfinite(scores).sum(axis=0)  # (H,)
    place = np.ceil(np.round((known + 1) * level / 100.0, 9)).astype(int)
    if (place > known).any():
        n = int(known.min())
        most = math.floor(100.0 * n / (n + 1))
        rule = f"at most {most} % with errors known of {n} windows"
        way_out = f"{math.ceil(level / (100.0 - level))} windows are needed: hold out more rows."
        raise ValueError(fault("level", rule, level, way_out))
    return np.take_along_axis(ranked, place[None] - 1, axis=0)[0]


def normal_quantile(u: Any) -> np.ndarray:
    """The quantile function of N(0, 1)."""
    from scipy.special import ndtri

    return ndtri(u)


# --- predictive distributions ---------------------------------------------------------------------


class Predictive:
    """What is believed of N forecasts over H steps."""

    def interval(self, level: float) -> Interval:
        """Lower and upper ends, (N, H) each."""
        raise NotImplementedError

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        """Possible futures (n_paths, N, H)."""
        raise NotImplementedError

    def bare(self) -> Predictive:
        """The same without the errors of other windows: what another calibration starts from."""
        return self


def nested_intervals(predictive: Predictive, levels: tuple[float, ...]) -> dict[float, Interval]:
    """The interval of every level; each lies inside those of the levels above it."""
    ends = [predictive.interval(level) for level in sorted(levels)]
    lows = np.minimum.accumulate([low for low, _ in ends])
    highs = np.maximum.accumulate([high for _, high in ends])
    return dict(zip(sorted(levels), zip(lows, highs, strict=True), strict=True))


@dataclass(frozen=True)
class PointErrors(Predictive):
    """A point and its errors elsewhere: yhat (N, H), errors (n, H), scale (N,) that they are in.

    Split conformal: intervals reach as far to either side as the errors of other windows did.
    Vovk, Gammerman & Shafer, 2005; Lei et al., 2018.
    """

    yhat: np.ndarray
    errors: np.ndarray
    scale: np.ndarray

    def interval(self, level: float) -> Interval:
        radius = conformal_radius(np.abs(self._errors), level) * self.scale[:, None]
        return self.yhat - radius, self.yhat + radius

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        """The point plus the errors of a window drawn at random, mirrored as often as not."""
        rows = drawn_rows(self._errors, (n_paths, len(self.yhat)), rng)  # (n_paths, N, H)
        signs = rng.choice([-1.0, 1.0], size=(n_paths, len(self.yhat), 1))
        return self.yhat + rows * signs * self.scale[:, None]

    def bare(self) -> Predictive:
        return Point(self.yhat)

    @property
    def _errors(self) -> np.ndarray:
        return self.errors[:, : self.yhat.shape[1]]


@dataclass(frozen=True)
class Point(Predictive):
    """Points (N, H) without any errors: intervals without width."""

    yhat: np.ndarray

    def interval(self, level: float) -> Interval:
        return self.yhat, self.yhat

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(self.yhat[None], n_paths, axis=0)


@dataclass(frozen=True)
class Quantiles(Predictive):
    """Quantiles (N, H, Q) at `levels` (Q,), and how they lay around the truth of n windows.

    `errors` (n, H, Q) are quantile minus truth. An interval whose ends are both among the quantiles
    is just that; another is that of the nearest ones, moved as far as it takes to hold its share of
    the n truths (conformalised quantile regression; Romano, Patterson & Candes, 2019).
    """

    values: np.ndarray
    levels: tuple[float, ...]
    errors: np.ndarray | None = None
    nearest: bool = False  # whether the nearest quantiles will do as they are

    def interval(self, level: float) -> Interval:
        low, high = bounds(level)
        near = [int(np.argmin(np.abs(np.array(self.levels) - q))) for q in (low, high)]
        lo, hi = (self.values[..., k] for k in near)
        trained = [self.levels[k] for k in near]
        if self.nearest or np.allclose(trained, [low, high], rtol=0, atol=1e-9):
            return lo, hi
        errors = self._table(level)
        scores = np.maximum(errors[..., near[0]], -errors[..., near[1]])
        radius = conformal_radius(scores, level)
        middle = self.values[..., self.levels.index(0.5)]
        return np.minimum(lo - radius, middle), np.maximum(hi + radius, middle)

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        """Steps go together as in a window drawn at random; lines between normal scores."""
        z = normal_quantile(np.array(self.levels))
        errors = self._table(None)
        scores = piecewise(np.zeros(errors.shape[:2]), errors, z)  # truth is 0 there
        rows = drawn_rows(scores, (n_paths, len(self.values)), rng)
        return piecewise(reranked(rows, scores), z, self.values)

    def bare(self) -> Predictive:
        return replace(self, nearest=True)

    def _table(self, level: float | None) -> np.ndarray:
        if self.errors is None:
            trained = ", ".join(f"{q:g}" for q in self.levels)
            rule = f"one whose ends are among the quantiles trained ({trained})"
            way_out = "Train others with quantile_levels, or hold out rows with validation."
            raise NoErrorsKnown(fault("level", rule, level, way_out))
        return self.errors[:, : self.values.shape[1]]


@dataclass(frozen=True)
class Parametric(Predictive):
    """A family's distributions with parameters (N, H, P), and where n truths lay in theirs.

    `scores` (n, H) are the normal quantiles of the probabilities of truths under their forecasts.
    """

    family: Any
    parameters: np.ndarray
    scores: np.ndarray | None = None

    def interval(self, level: float) -> Interval:
        low, high = bounds(level)
        distribution = self.family.frozen(self.parameters)
        return distribution.ppf(low), distribution.ppf(high)

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        """Steps go together as in a window drawn at random; independent where none was held out."""
        from scipy.special import ndtr

        shape = (n_paths, *self.parameters.shape[:2])
        if self.scores is None:
            u = rng.uniform(size=shape)
        else:
            rows = drawn_rows(self.scores[:, : shape[-1]], shape[:2], rng)
            u = ndtr(reranked(rows, self.scores[:, : shape[-1]]))
        return self.family.frozen(self.parameters).ppf(u)


@dataclass(frozen=True)
class Paths(Predictive):
    """Possible futures (m, N, H) themselves: intervals are between their quantiles."""

    values: np.ndarray

    def interval(self, level: float) -> Interval:
        lo, hi = np.quantile(self.values, bounds(level), axis=0)
        return lo, hi

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        if n_paths <= len(self.values):
            return self.values[rng.permutation(len(self.values))[:n_paths]]
        return self.values[rng.integers(len(self.values), size=n_paths)]


@dataclass(frozen=True)
class Mapped(Predictive):
    """Another predictive distribution in other units: `units` maps (..., N, H), step by step."""

    inner: Predictive
    units: Callable[[np.ndarray], np.ndarray]

    def interval(self, level: float) -> Interval:
        one, other = (self.units(end) for end in self.inner.interval(level))
        return np.minimum(one, other), np.maximum(one, other)

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        return self.units(self.inner.paths(n_paths, rng))

    def bare(self) -> Predictive:
        return replace(self, inner=self.inner.bare())


@dataclass(frozen=True)
class Chosen(Predictive):
    """`other` for the forecasts where `where` (N,) is true, else `inner`."""

    inner: Predictive
    other: Predictive
    where: np.ndarray

    def interval(self, level: float) -> Interval:
        ours, theirs = self.inner.interval(level), self.other.interval(level)
        lo, hi = (np.where(self.where[:, None], b, a) for a, b in zip(ours, theirs, strict=True))
        return lo, hi

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        ours, theirs = self.inner.paths(n_paths, rng), self.other.paths(n_paths, rng)
        return np.where(self.where[:, None], theirs, ours)

    def bare(self) -> Predictive:
        return replace(self, inner=self.inner.bare(), other=self.other.bare())


@dataclass(frozen=True)
class Taken(Predictive):
    """The forecasts at some places `at` of another."""

    inner: Predictive
    at: np.ndarray

    def interval(self, level: float) -> Interval:
        low, high = self.inner.interval(level)
        return low[self.at], high[self.at]

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        return self.inner.paths(n_paths, rng)[:, self.at]


@dataclass(frozen=True)
class Moved(Predictive):
    """Intervals whose ends are moved outwards: `radius` says by how much at a level, (N, H).

    Paths keep their order about the middle of the interval of 80 % and are as much wider.
    """

    inner: Predictive
    radius: Callable[[float], np.ndarray]

    def interval(self, level: float) -> Interval:
        lo, hi = self.inner.interval(level)
        radius, middle = self.radius(level), (lo + hi) / 2.0
        return np.minimum(lo - radius, middle), np.maximum(hi + radius, middle)

    def paths(self, n_paths: int, rng: np.random.Generator) -> np.ndarray:
        (lo, hi), (low, high) = self.inner.interval(80), self.interval(80)
        shape = (n_paths, *lo.shape)
        paths = self.inner.paths(n_paths, rng)
        flat = hi - lo <= 0
        wider = np.where(flat, 0.0, (high - low) / np.where(flat, 1.0, hi - lo))
        return np.broadcast_to((low + high) / 2.0, shape) + (paths - (lo + hi) / 2.0) * wider


# --- arrays ---------------------------------------------------------------------------------------


def drawn_rows(table: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rows of a table (n, H) drawn with replacement, (*shape, H); those with a NaN never are."""
    whole = table[np.isfinite(table).all(axis=1)]
    if not len(whole):
        rule = "fitted with some windows held out whose truths are all known"
        way_out = "Give validation, or more rows."
        raise NoErrorsKnown(fault("estimator", rule, "none", way_out))
    return whole[rng.integers(len(whole), size=shape)]


def piecewise(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Straight lines through (knots, values), each (..., Q), at x (...); the outer ones go on.

    >>> piecewise(np.array([0.5, 3.0]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0, 30.0]))
    array([ 5., 50.])
    """
    knots, values = np.broadcast_arrays(knots, values)
    shape = np.broadcast_shapes(x.shape, knots.shape[:-1])
    knots, values = (np.broadcast_to(a, (*shape, a.shape[-1])) for a in (knots, values))
    x = np.broadcast_to(x, shape)
    left = np.clip((x[..., None] > knots).sum(axis=-1) - 1, 0, knots.shape[-1] - 2)[..., None]

    def at(a: np.ndarray, place: np.ndarray) -> np.ndarray:
        return np.take_along_axis(a, place, axis=-1)[..., 0]

    x0, x1, y0, y1 = at(knots, left), at(knots, left + 1), at(values, left), at(values, left + 1)
    width = np.maximum(x1 - x0, np.finfo(float).tiny)
    return y0 + (y1 - y0) * np.clip((x - x0) / width, -1e6, 1e6)


def reranked(rows: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Each number by the standard normal score of its rank in its column of the table.

    What is taken from the table is how steps go together, not how far the truths lay.
    """
    n = np.isfinite(table).sum(axis=0)  # (H,)
    ranked = np.sort(table, axis=0)
    answer = np.empty_like(rows)
    for h in range(table.shape[1]):
        column = ranked[: n[h], h]
        sides = [np.searchsorted(column, rows[..., h], side=side) for side in SIDES]
        places = (sides[0] + sides[1]) / 2.0
        answer[..., h] = normal_quantile(places / n[h])
    return answer
