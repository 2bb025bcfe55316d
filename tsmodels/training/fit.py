"""The one door to training: from a blueprint and windows to weights and history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras
from tsmodels.losses import resolve_loss
from tsmodels.training.batches import Examples
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import leased
from tsmodels.training.loop import Run, train
from tsmodels.training.recipe import Budget, OptimizerPlan, Recipe, callbacks_of, rate_of
from tsmodels.training.reference import train_with_keras


@dataclass(frozen=True)
class Fitted:
    """What training leaves: weights in the order of the model, their names, history by epoch."""

    weights: list[np.ndarray]
    history: dict[str, list[float]]
    names: list[str]


def fit(
    blueprint: Blueprint,
    windows: Examples,
    validation: Examples | None,
    recipe: Recipe,
    *,
    seeds: tuple[int, int],
    weights: list[np.ndarray] | None = None,
) -> Fitted:
    """Trains the model of a blueprint; the seeds are for its first weights and for the order.

    With `weights` it goes on from these instead.
    With `validation` windows and `patience` the weights of the best epoch are kept, and training
    stops after `patience` epochs without improvement. An epoch is one compiled call, unless a
    callback wants to see batches: then `keras.Model.fit` trains, with the same result. Raises
    FloatingPointError at the first loss that is not finite.
    """
    budget = Budget.of(recipe, len(windows))
    rate, loss = rate_of(recipe, budget.max_steps), resolve_loss(recipe.loss)
    callbacks = callbacks_of(recipe, budget, validation is not None)
    plan, rng = OptimizerPlan.of(recipe), np.random.default_rng(seeds[1])
    with leased(blueprint) as compiled:
        compiled.start(blueprint, seeds[0])
        if weights is not None:
            compiled.put(weights)
        run = Run(compiled.model, windows, validation, budget, recipe.batch_size, rng, callbacks)
        if any(map(_watches_batches, callbacks)):
            history = train_with_keras(run, loss, plan.make(rate))
        else:
            history = train(run, compiled.trainer(loss, plan, _first(rate)), rate)
        history = {key: [float(value) for value in values] for key, values in history.items()}
        names = [weight.name for weight in compiled.model.weights]
        return Fitted(compiled.take(), history, names)


def _first(rate: Any) -> float:
    return rate if isinstance(rate, float) else float(rate(0))


_BATCH_EVENTS = [
    f"on_{kind}batch_{end}"
    for kind in ("", "train_", "test_", "predict_")
    for end in ("begin", "end")
]


def _watches_batches(callback: Any) -> bool:
    plain = keras.callbacks.Callback
    return not getattr(callback, "moved_in_strides", False) and any(
        getattr(type(callback), event) is not getattr(plain, event) for event in _BATCH_EVENTS
    )
