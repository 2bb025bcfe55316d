"""Many predictions of one network: under other seeds, or with other weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tsmodels.training.batches import Examples
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import Compiled, leased
from tsmodels.training.predict import predict_with


def seeded_draws(
    blueprint: Blueprint, weights: list[np.ndarray], windows: Examples, n_draws: int, seed: int
) -> np.ndarray:
    """Outputs (n_draws, N, ...) of a model whose layers draw in prediction too.

    The states of its seed generators are set before every draw, from `seed` and the number of the
    draw alone: the same call has the same answer, whatever was drawn before.
    """
    with leased(blueprint) as compiled:
        outputs = []
        for number in range(n_draws):
            _reseed(compiled, np.random.SeedSequence((seed, number)))
            outputs.append(predict_with(compiled, weights, windows))
        return np.stack(outputs)


def weighted_draws(
    blueprint: Blueprint, drawn: Sequence[list[np.ndarray]], windows: Examples
) -> np.ndarray:
    """Outputs (n_draws, N, ...) of a model with one list of weights after the other."""
    with leased(blueprint) as compiled:
        return np.stack([predict_with(compiled, weights, windows) for weights in drawn])


def _reseed(compiled: Compiled, sequence: np.random.SeedSequence) -> None:
    states = [v for v in compiled.model.variables if v.name == "seed_generator_state"]
    seeds = sequence.generate_state(2 * len(states)).reshape(-1, 2)
    for variable, seed in zip(states, seeds, strict=True):
        variable.assign(seed.astype(variable.dtype))
