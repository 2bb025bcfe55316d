"""Integrated gradients: which inputs make the difference between two answers of a model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import leased
from tsmodels.training.pullback import Arrays, Pullback, pullback_of

POINTS = 48  # of the way at which gradients are taken
TOGETHER = 256  # windows at a time


class Way(NamedTuple):
    """From `baseline` to `end`, N inputs of a model each; the inputs that are `fixed` stay.

    What is looked at on the way is sum(shares * outputs) of each window.
    """

    end: Arrays
    baseline: Arrays
    fixed: Arrays
    shares: np.ndarray

    def part(self, rows: slice) -> Way:
        """The way of some windows."""
        end, baseline, fixed = ({k: x[rows] for k, x in part.items()} for part in self[:3])
        return Way(end, baseline, fixed, self.shares[rows])

    def attributions(self, pullback: Pullback) -> Arrays:
        """What each number of `end` adds, by Gauss-Legendre quadrature.

        The points are dense at the baseline: a network that divides a window by its deviation
        changes most where that is next to nothing.
        """
        nodes, sizes = np.polynomial.legendre.leggauss(POINTS)
        t = (nodes + 1.0) / 2.0
        change = {name: x - self.baseline[name] for name, x in self.end.items()}
        sums = {name: np.zeros(x.shape) for name, x in change.items()}
        for share, size in zip(t**3, 1.5 * t**2 * sizes, strict=True):
            at = {name: self.baseline[name] + np.float32(share) * dx for name, dx in change.items()}
            for name, slope in pullback(at, self.fixed, self.shares).items():
                sums[name] += size * slope
        return {name: sums[name] * dx for name, dx in change.items()}


def integrated_gradients(blueprint: Blueprint, weights: list[np.ndarray], way: Way) -> Arrays:
    """What each number at the end of the way adds to the answer: arrays like `way.end`.

    The attributions of a window sum up to the answer at the end less the one at the baseline, but
    for the error of the quadrature. Sundararajan, Taly & Yan, 2017.
    """
    with leased(blueprint) as compiled:
        compiled.put(weights)
        pullback = compiled.function("pullback", pullback_of)
        starts = range(0, len(way.shares), TOGETHER)
        parts = [way.part(slice(k, k + TOGETHER)).attributions(pullback) for k in starts]
    return {name: np.concatenate([p[name] for p in parts]) for name in way.end if parts}
