"""Compiled functions, kept across fits: a model is traced once for all fits of its blueprint.

A `Compiled` owns a model of its own whose weights are scratch. A fit or prediction leases one, puts
its weights in, and takes them out at the end: no estimator's weights change under a later fit, and
two fits of one blueprint at the same time lease two.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tsmodels.backend import ops
from tsmodels.training.batches import AnyLayout
from tsmodels.training.blueprint import Blueprint, first_values
from tsmodels.training.epoch import Epochs, epochs_of
from tsmodels.training.recipe import OptimizerPlan, configured

LIMIT = 16  # idle models that are kept
TRAINERS = 4  # optimizers that are kept for one model


class Compiled:
    """A scratch model and the compiled functions around it."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.model = blueprint.build()
        self.masked = "observed" in self.model.input
        self._predictors: dict[AnyLayout, Epochs] = {}
        self._functions: dict[str, Any] = {}
        self._trainers: OrderedDict[Any, Trainer] = OrderedDict()
        self._holds: Any = None

    def start(self, blueprint: Blueprint, seed: int) -> None:
        """Gives every variable the value that a model of `blueprint` and `seed` starts from."""
        self._holds = None
        values = first_values(blueprint, self.model, seed)
        for variable, value in zip(self.model.variables, values, strict=True):
            variable.assign(value)

    def put(self, weights: list[np.ndarray]) -> None:
        """Sets the weights; nothing is copied where this very list was put last."""
        if self._holds is weights:
            return
        for variable, weight in zip(self.model.weights, weights, strict=True):
            variable.assign(weight)
        self._holds = weights

    def take(self) -> list[np.ndarray]:
        """The weights as a list of arrays."""
        self._holds = weights = [np.array(ops.convert_to_numpy(w)) for w in self.model.weights]
        return weights

    def predictor(self, layout: AnyLayout) -> Epochs:
        """What predicts over windows of `layout`."""
        if layout not in self._predictors:
            self._predictors[layout] = epochs_of(self.model, layout)
        return self._predictors[layout]

    def function(self, name: str, make: Callable[[Any], Any]) -> Any:
        """What `make(model)` gave when the function of that name was first asked for."""
        if name not in self._functions:
            self._functions[name] = make(self.model)
        return self._functions[name]

    def trainer(self, loss: Any, plan: OptimizerPlan, rate: float) -> Trainer:
        """What trains with a loss and an optimizer: a kept one where both are configured alike."""
        key = type(loss), configured(loss.get_config()), plan.key
        trainer = self._trainers.pop(key, None)
        if trainer is None:
            trainer = Trainer(self.model, loss, plan.make(rate))
        self._trainers[key] = trainer  # the latest is last
        if len(self._trainers) > TRAINERS:
            self._trainers.popitem(last=False)
        trainer.reset(rate)
        return trainer


class Trainer:
    """A loss and an optimizer for one model, with the compiled functions of each layout."""

    def __init__(self, model: Any, loss: Any, optimizer: Any) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        optimizer.build(model.trainable_variables)
        self._first = [np.array(ops.convert_to_numpy(v)) for v in optimizer.variables]
        self._epochs: dict[AnyLayout, Epochs] = {}

    def reset(self, rate: float) -> None:
        """Starts the optimizer again and makes it the model's, so that callbacks find it."""
        for variable, value in zip(self.optimizer.variables, self._first, strict=True):
            variable.assign(value)
        self.optimizer.learning_rate.assign(rate)
        if getattr(self.model, "optimizer", None) is not self.optimizer:
            self.model.compile(optimizer=self.optimizer, loss=self.loss, jit_compile=False)

    def epochs(self, layout: AnyLayout) -> Epochs:
        """What trains and evaluates over windows of `layout`."""
        if layout not in self._epochs:
            self._epochs[layout] = epochs_of(self.model, layout, self.loss, self.optimizer)
        return self._epochs[layout]


_idle: list[Compiled] = []  # the latest is last
_lock = threading.Lock()


@contextlib.contextmanager
def leased(blueprint: Blueprint) -> Iterator[Compiled]:
    """A `Compiled` of the blueprint for one's own use; kept for the next if all goes well."""
    with _lock:
        standing = [i for i, compiled in enumerate(_idle) if compiled.blueprint == blueprint]
        compiled = _idle.pop(standing[-1]) if standing else None
    if compiled is None:
        compiled = Compiled(blueprint)
    yield compiled
    with _lock:
        _idle.append(compiled)
        del _idle[:-LIMIT]


def clear() -> None:
    """Forgets all compiled functions; fitted estimators trace theirs again when they predict."""
    with _lock:
        _idle.clear()
