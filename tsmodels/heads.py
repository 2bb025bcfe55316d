"""Heads: what a network's raw numbers mean, in the graph and in arrays after it.

A network answers with `outputs` raw numbers a step and target, (B, H, K, outputs). Some of our
networks add the last value to all of them, so only the middle one, at `outputs // 2`, is read as
the location; the others count by their distance from it. A head maps them in the units of the
window, and `restore` and `unit` take the answer back to the units of the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.distributions import Family, family_of
from tsmodels.intervals import (
    Parametric,
    PointErrors,
    Predictive,
    Quantiles,
    normal_quantile,
)
from tsmodels.losses import NegativeLogLikelihood, Pinball

CERTAIN = 1e-6  # probabilities this near to 0 and 1 are cut off


@dataclass(frozen=True)
class PointHead:
    """One number a step: the forecast."""

    outputs = 1

    def link(self, raw: Any, restore: Callable[[Any], Any], unit: Any) -> Any:
        """Raw numbers (B, H, K, 1) to forecasts (B, H, K)."""
        return restore(raw[:, :, :, 0])

    def points(self, outputs: np.ndarray) -> np.ndarray:
        """The point forecasts (N, H, K) among the outputs of a model."""
        return outputs

    def table(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """What is kept of n windows, (n, H, R), outputs and truths (n, H) of one target."""
        return (y - outputs)[..., None]

    def errors(self, table: np.ndarray) -> np.ndarray:
        """The errors of the point forecasts in a table, (n, H)."""
        return table[..., 0]

    def predictive(self, outputs: np.ndarray, table: np.ndarray | None) -> Predictive:
        """What outputs of one target say, beside the table of other windows."""
        errors = np.empty((0, outputs.shape[1])) if table is None else self.errors(table)
        return PointErrors(outputs, errors, np.ones(len(outputs)))


@dataclass(frozen=True)
class QuantileHead(PointHead):
    """Quantiles at ascending `levels`, which never cross.

    The median is a number; the next ones are steps away from it, each positive: the step between
    neighbours of the standard normal distribution times a softplus. Outputs are (B, H, K, Q).
    """

    levels: tuple[float, ...]

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return len(self.levels)

    @property
    def _median(self) -> int:
        return self.levels.index(0.5)

    def link(self, raw: Any, restore: Callable[[Any], Any], unit: Any) -> Any:
        location, free = split_location(raw)
        gaps = np.diff(normal_quantile(np.array(self.levels)))  # (Q - 1,)
        gaps = gaps.astype(keras.backend.standardize_dtype(raw.dtype))
        steps = ops.multiply(unit[..., None] * ops.softplus(ops.stack(free, axis=-1)), gaps)
        middle, m = restore(location)[..., None], self._median
        above = middle + ops.cumsum(steps[..., m:], axis=-1)
        below = middle - ops.flip(ops.cumsum(ops.flip(steps[..., :m], axis=-1), axis=-1), axis=-1)
        return ops.concatenate([below, middle, above], axis=-1)

    def points(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[..., self._median]

    def table(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        return outputs - y[..., None]

    def errors(self, table: np.ndarray) -> np.ndarray:
        return -table[..., self._median]

    def predictive(self, outputs: np.ndarray, table: np.ndarray | None) -> Predictive:
        return Quantiles(outputs, self.levels, table)


@dataclass(frozen=True)
class DistributionHead(PointHead):
    """The parameters of a family of distributions, (B, H, K, P)."""

    family: str

    @property
    def _family(self) -> Family:
        return family_of(self.family)

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return self._family.n_parameters

    @property
    def counts(self) -> bool:
        """Whether it speaks of counts, in the units of the data."""
        return self._family.counts

    def link(self, raw: Any, restore: Callable[[Any], Any], unit: Any) -> Any:
        location, free = split_location(raw)
        return ops.stack(self._family.parameters(restore(location), free, unit), axis=-1)

    def points(self, outputs: np.ndarray) -> np.ndarray:
        return self._family.mean(outputs)

    def table(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        distribution = self._family.frozen(outputs)
        u = distribution.cdf(y)
        if self.counts:  # the middle of the jump
            u = (u + distribution.cdf(y - 1.0)) / 2.0
        scores = normal_quantile(np.clip(u, CERTAIN, 1.0 - CERTAIN))
        return np.stack([scores, y - self.points(outputs)], axis=-1)

    def errors(self, table: np.ndarray) -> np.ndarray:
        return table[..., 1]

    def predictive(self, outputs: np.ndarray, table: np.ndarray | None) -> Predictive:
        return Parametric(self._family, outputs, None if table is None else table[..., 0])


def head_of(loss: Any) -> PointHead:
    """The head that a `keras.losses.Loss` asks for.

    >>> from tsmodels.losses import resolve_loss
    >>> head_of(resolve_loss("normal"))
    DistributionHead(family='normal')
    """
    if isinstance(loss, Pinball):
        return QuantileHead(loss.levels)
    if isinstance(loss, NegativeLogLikelihood):
        return DistributionHead(loss.family)
    return PointHead()


def split_location(raw: Any) -> tuple[Any, list[Any]]:
    """Raw numbers (B, H, K, P) as their middle (B, H, K) and how far the others are from it."""
    middle = raw.shape[-1] // 2
    location = raw[..., middle]
    return location, [raw[..., i] - location for i in range(raw.shape[-1]) if i != middle]
