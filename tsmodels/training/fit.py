"""The one door to training: batches of windows, optimizer, callbacks and history.

This is the reference path, `keras.Model.fit` on batches gathered from start indices.
"""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras
from tsmodels.checks import check_int, check_option, check_real, did_you_mean, fault
from tsmodels.data.windows import Windows
from tsmodels.losses import resolve_loss
from tsmodels.training.callbacks import (
    GradientNorm,
    Progress,
    StopAt,
    StopWhenNotFinite,
    record_gradient_norm,
)

DEFAULT_MAX_STEPS = 1000
SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything `fit` wants to know besides the model and its windows; see `Forecaster`."""

    loss: Any = "mse"
    optimizer: Any = "adam"
    learning_rate: Any = 1e-3
    schedule: str = "cosine"
    epochs: int | None = None
    max_steps: int | None = None
    batch_size: int = 128
    patience: int | None = 5
    clipnorm: float | None = 1.0
    callbacks: Sequence[Any] = ()
    verbose: int = 0

    def check(self) -> None:
        """Raises ValueError or TypeError for the first setting that cannot be trained with."""
        for name in ("epochs", "max_steps", "patience"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name))
        check_int("batch_size", self.batch_size)
        check_option("verbose", self.verbose, [0, 1])
        check_option("schedule", self.schedule, SCHEDULES)
        if self.clipnorm is not None:
            check_real("clipnorm", self.clipnorm, 0.0, open_low=True)
        if not isinstance(self.learning_rate, _SCHEDULE | None):
            check_real("learning_rate", self.learning_rate, 0.0, open_low=True)
        for callback in self.callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(fault("callbacks", "a list of keras.callbacks.Callback", callback))
        resolve_loss(self.loss)
        _template(self.optimizer)


_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule


@dataclass(frozen=True)
class Budget:
    """How long training lasts: `epochs` of `steps` batches, no more than `max_steps` in all."""

    epochs: int
    steps: int
    max_steps: int

    @classmethod
    def of(cls, recipe: Recipe, n_windows: int) -> Budget:
        """With `epochs` an epoch is one pass over the windows.

        Without, the budget is `max_steps` (1,000 unless told), cut into at least ten epochs of 50
        steps or more, so that early stopping has something to look at on any amount of data.
        """
        steps = math.ceil(n_windows / recipe.batch_size)
        if recipe.epochs is not None:
            most = recipe.epochs * steps
            return cls(recipe.epochs, steps, min(recipe.max_steps or most, most))
        max_steps = recipe.max_steps or DEFAULT_MAX_STEPS
        steps = min(max(steps, 50), math.ceil(max_steps / 10))
        return cls(math.ceil(max_steps / steps), steps, max_steps)


class Batches(keras.utils.PyDataset):
    """Windows as batches for `keras.Model.fit`: in order, or shuffled anew for every epoch.

    With `rng` the batches are dealt from one shuffled deck after the other: every window is seen
    once before any is seen again, also where an epoch has more or fewer batches than a deck.
    """

    def __init__(
        self,
        windows: Windows,
        batch_size: int,
        *,
        masked: bool,
        rng: np.random.Generator | None = None,
        steps: int | None = None,
    ) -> None:
        super().__init__()
        self.windows, self.masked, self.rng = windows, masked, rng
        self.batch_size = min(batch_size, len(windows))
        self.steps = steps or math.ceil(len(windows) / self.batch_size)
        self.deck = np.arange(0)
        self.on_epoch_end()

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        """Deals the windows of the next epoch."""
        n = len(self.windows)
        if self.rng is None:
            self.order = np.arange(n)
            return
        passes = self.steps == math.ceil(n / self.batch_size)
        needed = n if passes else self.steps * self.batch_size
        while len(self.deck) < needed:
            self.deck = np.concatenate([self.deck, self.rng.permutation(n)])
        self.order, self.deck = self.deck[:needed], self.deck[needed:]

    def __getitem__(self, position: int) -> tuple[Any, ...]:
        index = self.order[position * self.batch_size : (position + 1) * self.batch_size]
        batch = self.windows.batch(index, masked=self.masked)
        inputs: dict[str, Any] = {"past": batch.past}
        if self.masked:
            inputs["observed"] = batch.observed
        return (
            (inputs, batch.target) if batch.weight is None else (inputs, batch.target, batch.weight)
        )


def fit(
    model: Any,
    windows: Windows,
    validation: Windows | None,
    recipe: Recipe,
    *,
    masked: bool,
    seed: int,
) -> dict[str, list[float]]:
    """Trains `model` in place and answers with its history, one number an epoch.

    With `validation` windows and `patience` the weights of the best epoch are kept, and training
    stops after `patience` epochs without improvement. Raises FloatingPointError at the first loss
    that is not finite.
    """
    budget = Budget.of(recipe, len(windows))
    rng = np.random.default_rng(seed)
    batches = Batches(windows, recipe.batch_size, masked=masked, rng=rng, steps=budget.steps)
    callbacks = _callbacks(recipe, budget, validation is not None)
    optimizer = _optimizer(recipe, budget.max_steps)
    if any(isinstance(callback, GradientNorm) for callback in callbacks):
        record_gradient_norm(optimizer)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=resolve_loss(recipe.loss), jit_compile=False)
    try:
        history = model.fit(
            batches,
            epochs=budget.epochs,
            validation_data=validation and Batches(validation, 1024, masked=masked),
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        )
    finally:
        for callback in callbacks:
            if isinstance(callback, Progress):  # Keras does not end callbacks on an error
                callback.on_train_end()
    return {key: [float(value) for value in values] for key, values in history.history.items()}


def _callbacks(recipe: Recipe, budget: Budget, validated: bool) -> list[Any]:
    callbacks = [StopWhenNotFinite(), StopAt(budget.max_steps)]
    callbacks += [copy.deepcopy(callback) for callback in recipe.callbacks]
    if validated and recipe.patience is not None:
        early = keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=recipe.patience, restore_best_weights=True
        )
        callbacks.append(early)
    if recipe.verbose:
        callbacks.append(Progress(min(budget.max_steps, budget.epochs * budget.steps)))
    return callbacks


def _template(optimizer: Any) -> Any:
    """The optimizer that a name or object stands for."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    names = ["adadelta", "adagrad", "adam", "adamax", "adamw", "lion", "muon", "nadam"]
    names += ["rmsprop", "sgd"]
    rule = f"one of {names} or a keras.optimizers.Optimizer"
    if not isinstance(optimizer, str):
        raise TypeError(fault("optimizer", rule, optimizer))
    if optimizer not in names:
        raise ValueError(fault("optimizer", rule, optimizer, did_you_mean(optimizer, names)))
    return keras.optimizers.get(optimizer)


def _optimizer(recipe: Recipe, steps: int) -> Any:
    """A copy of the optimizer with the recipe's learning rate, schedule and clipping.

    `learning_rate=None` keeps the optimizer's own; a schedule of the optimizer's or the user's own
    stays, and so does clipping that the optimizer brings.
    """
    template = _template(recipe.optimizer)
    config = template.get_config()
    rate = config["learning_rate"] if recipe.learning_rate is None else recipe.learning_rate
    if isinstance(rate, numbers.Real):
        rate = float(rate)
        if recipe.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps)
    config["learning_rate"] = rate
    clips = ("clipnorm", "clipvalue", "global_clipnorm")
    if all(config.get(name) is None for name in clips):
        config["global_clipnorm"] = recipe.clipnorm
    return type(template).from_config(config)
