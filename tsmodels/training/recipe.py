"""What to train with: the recipe and its budget, optimizer, learning rates and callbacks."""

from __future__ import annotations

import copy
import functools
import json
import math
import numbers
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, did_you_mean, fault
from tsmodels.losses import resolve_loss
from tsmodels.training.callbacks import BeginEpoch, GradientNorm, Progress, record_gradient_norm

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
        rule = "a list of keras.callbacks.Callback"
        if not isinstance(self.callbacks, list | tuple):
            raise TypeError(fault("callbacks", rule, self.callbacks))
        for callback in self.callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(fault("callbacks", rule, callback))
            if self._scheduled and isinstance(callback, _SETS_RATE):
                way_out = "Give schedule='constant' and a number as learning_rate."
                rule = "without one that sets the learning rate, which a schedule does already"
                raise ValueError(fault("callbacks", rule, callback, way_out))
        resolve_loss(self.loss)
        _template(self.optimizer)

    @property
    def _scheduled(self) -> bool:
        return not isinstance(rate_of(self, 1), numbers.Real)


_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule
_SETS_RATE = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


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


def callbacks_of(recipe: Recipe, budget: Budget, validated: bool) -> list[Any]:
    """Copies of the recipe's callbacks, with early stopping and progress."""
    callbacks = [BeginEpoch(), *(copy.deepcopy(callback) for callback in recipe.callbacks)]
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
    return _named(optimizer)


@functools.cache
def _named(optimizer: str) -> Any:
    return keras.optimizers.get(optimizer)  # only ever read


def rate_of(recipe: Recipe, steps: int) -> Any:
    """The learning rate over `steps` steps: a number or a Keras schedule.

    `learning_rate=None` keeps the optimizer's own; a schedule of the optimizer's or the user's own
    stays.
    """
    rate = recipe.learning_rate
    if rate is None:
        rate = _template(recipe.optimizer).get_config()["learning_rate"]
    if isinstance(rate, dict):
        rate = keras.saving.deserialize_keras_object(rate)
    if isinstance(rate, numbers.Real):
        rate = float(rate)
        if recipe.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps)
    return rate


def rates_at(rate: Any, steps: np.ndarray) -> np.ndarray:
    """A Keras schedule at each of the steps, float32; called once where it takes arrays."""
    try:
        rates = ops.convert_to_numpy(rate(ops.convert_to_tensor(steps, "int32")))
        ends = [float(rate(int(steps[i]))) for i in (0, -1)]
        if rates.shape == steps.shape and np.allclose(rates[[0, -1]], ends, rtol=1e-6, atol=0.0):
            return rates.astype(np.float32)
    except Exception:  # a schedule of the user's own may take nothing but numbers
        pass
    return np.array([float(rate(int(step))) for step in steps], dtype=np.float32)


@dataclass(frozen=True)
class OptimizerPlan:
    """How to make an optimizer for any learning rate: its class and config."""

    optimizer_class: Any
    config: Mapping[str, Any]
    recorded: bool = False

    @classmethod
    def of(cls, recipe: Recipe) -> OptimizerPlan:
        """The recipe's optimizer with its clipping; clipping that the optimizer brings stays."""
        template = _template(recipe.optimizer)
        config = template.get_config()
        clips = ("clipnorm", "clipvalue", "global_clipnorm")
        if all(config.get(name) is None for name in clips):
            config["global_clipnorm"] = recipe.clipnorm
        del config["learning_rate"]
        recorded = any(isinstance(callback, GradientNorm) for callback in recipe.callbacks)
        return cls(type(template), config, recorded)

    def make(self, rate: Any) -> Any:
        """A new optimizer with a learning rate or schedule."""
        optimizer = self.optimizer_class.from_config({**self.config, "learning_rate": rate})
        if self.recorded:
            record_gradient_norm(optimizer)
        return optimizer

    @property
    def key(self) -> Hashable:
        """Equal for plans that make the same optimizers."""
        return self.optimizer_class, configured(self.config), self.recorded


def configured(config: Mapping[str, Any]) -> Hashable:
    """A config as text; something equal to nothing else if it is not JSON."""
    try:
        return json.dumps(config, sort_keys=True)
    except TypeError:
        return object()
