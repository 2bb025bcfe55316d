"""Epoch after epoch through the compiled path: deals windows, drives callbacks, keeps history."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from tsmodels.backend import keras
from tsmodels.training.batches import Deck, Examples, Shapes, layout_of, run_of
from tsmodels.training.callbacks import Progress, check_finite
from tsmodels.training.compiled import Trainer
from tsmodels.training.epoch import sizes
from tsmodels.training.recipe import Budget, rates_at

STRIDE_SECONDS = 0.5  # an epoch is cut where a call would keep progress or Ctrl-C waiting longer


class Run(NamedTuple):
    """One training: whose model, on what, for how long, and who watches."""

    model: Any
    windows: Examples
    validation: Examples | None
    budget: Budget
    batch_size: int
    rng: np.random.Generator
    callbacks: list[Any]

    @property
    def masked(self) -> bool:
        """Whether the model asks what was observed."""
        return "observed" in self.model.input

    @property
    def forced(self) -> bool:
        """Whether the model asks for the truth, to be shown it in training."""
        return "target" in self.model.input


def train(run: Run, trainer: Trainer, rate: Any) -> dict[str, list[float]]:
    """Trains the model of the run in place; answers with its history.

    `rate` is a number, the optimizer's first rate, or a schedule, which then sets it at each step.
    """
    model, budget = run.model, run.budget
    epoch = _Epoch(run, trainer, rate)
    validate = _validation(run, trainer)
    callbacks = keras.callbacks.CallbackList(
        run.callbacks, add_history=True, model=model, epochs=budget.epochs, steps=budget.steps
    )
    model.stop_training = False
    callbacks.on_train_begin()
    try:
        for number in range(budget.epochs):
            callbacks.on_epoch_begin(number)
            logs = {"loss": epoch.run(number)}
            if validate is not None:
                callbacks.on_test_begin()
                logs["val_loss"] = validate()
                callbacks.on_test_end({"loss": logs["val_loss"]})
            callbacks.on_epoch_end(number, logs)
            if model.stop_training or epoch.done == budget.max_steps:
                break
        trainer.optimizer.finalize_variable_values(model.trainable_variables)
    finally:
        callbacks.on_train_end()
    return model.history.history


class _Epoch:
    """The steps of one epoch, in strides."""

    def __init__(self, run: Run, trainer: Trainer, rate: Any) -> None:
        layout = layout_of(run.windows, run.masked)
        n = len(run.windows)
        self.size = min(run.batch_size, n)
        self.shapes = Shapes(run.windows, layout, self.size)
        self.deck = Deck(
            n, self.size, run.budget.steps, run.rng, self.shapes.bucket, run_of(run.windows)
        )
        self.trainer, self.optimizer = trainer, trainer.optimizer
        self.rates = None  # callbacks may change a rate that is a number
        if not isinstance(rate, float):
            self.rates = rates_at(rate, np.arange(run.budget.max_steps))
        self.arrays = trainer.epochs(layout).arrays(layout.arrays(run.windows))
        self.most, self.done, self.stride = run.budget.max_steps, 0, 20
        self.bars = [callback for callback in run.callbacks if isinstance(callback, Progress)]

    def run(self, number: int) -> float:
        """Trains for one epoch; its mean loss."""
        order = self.deck.deal()[: (self.most - self.done) * self.size]
        counts = sizes(len(order), self.size)
        losses = np.empty(0)
        while len(losses) < len(counts):
            losses = np.append(losses, self._stride(order, len(losses), len(counts)))
            for step in np.flatnonzero(~np.isfinite(losses))[:1]:
                check_finite(float(losses[step]), number, step)
        return float(np.average(losses, weights=counts))

    def _stride(self, order: np.ndarray, first: int, steps: int) -> np.ndarray:
        last = min(first + self.stride, steps)
        chosen, rates = order[first * self.size : last * self.size], self._rates(last - first)
        started = time.perf_counter()
        losses = self._trained(chosen, rates)
        seconds = time.perf_counter() - started
        self.done += last - first
        if seconds < STRIDE_SECONDS / 2:
            self.stride *= 2
        for bar in self.bars:
            bar.advance(last - first)
        return losses

    def _trained(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """One step for each batch of `order`, as many at once as have one shape; their losses."""
        losses = []
        for first, last, layout in self.shapes.runs(order):
            part, own = order[first * self.size : last * self.size], rates[first:last]
            losses.append(self.trainer.epochs(layout).train(self.arrays, part, self.size, own))
        return np.concatenate(losses)

    def _rates(self, steps: int) -> np.ndarray:
        if self.rates is None:
            return np.full(steps, float(self.optimizer.learning_rate), dtype=np.float32)
        return self.rates[self.done : self.done + steps]


def _validation(run: Run, trainer: Trainer) -> Any:
    """A function that gives the mean loss over the validation windows, or None without any."""
    if run.validation is None:
        return None
    layout, n = layout_of(run.validation, run.masked), len(run.validation)
    epochs = trainer.epochs(layout)
    arrays = epochs.arrays(layout.arrays(run.validation))
    return lambda: epochs.evaluate(arrays, n)
