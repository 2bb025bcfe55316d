"""What happens between batches and epochs: stopping, progress, gradient norms."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from tsmodels.backend import keras, ops


def check_finite(loss: float, epoch: int, step: int) -> None:
    """Raises FloatingPointError for a loss that is not finite; both counts start at 0."""
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"Training stopped in epoch {epoch + 1}, step {step + 1}: the loss is {loss}."
            " A smaller learning_rate, clipnorm=1.0 or a scaler usually helps."
        )


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raises FloatingPointError at the first loss that is not finite, and says what to try."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        check_finite(float((logs or {}).get("loss", 0.0)), self.epoch, batch)


class StopAt(keras.callbacks.Callback):
    """Ends training after `max_steps` batches, in the middle of an epoch if need be."""

    def __init__(self, max_steps: int) -> None:
        super().__init__()
        self.max_steps, self.steps = max_steps, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps >= self.max_steps:
            self.model.stop_training = True


class StopAfter(keras.callbacks.Callback):
    """Ends training with the first epoch that ends `seconds` or more after its beginning."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.started = seconds, 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if time.monotonic() - self.started >= self.seconds:
            self.model.stop_training = True


class Rungs(keras.callbacks.Callback):
    """Asks `report(rung, loss)` whether to go on, after each of some `shares` of the epochs."""

    def __init__(self, report: Callable[[int, float], bool], shares: Sequence[float]) -> None:
        super().__init__()
        self.report, self.shares = report, shares

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs, last = logs or {}, self.params["epochs"]
        for rung, share in enumerate(self.shares):
            if epoch + 1 == math.ceil(share * last) and epoch + 1 < last:
                if not self.report(rung, float(logs.get("val_loss", logs.get("loss", math.inf)))):
                    self.model.stop_training = True
                    return


class BeginEpoch(keras.callbacks.Callback):
    """Tells the layers that want to know which epoch begins: those with a `begin_epoch`."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for layer in self.model.layers:
            if hasattr(layer, "begin_epoch"):
                layer.begin_epoch(epoch)


class Progress(keras.callbacks.Callback):
    """One progress bar on standard error, with the losses of the last epoch.

    It is moved by `advance`: after every batch by `keras.Model.fit`, or several at a time.
    """

    moved_in_strides = True

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def on_train_begin(self, logs: Any = None) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        self.bar = Bar(console=Console(stderr=True))
        self.task = self.bar.add_task("training", total=self.steps)
        self.bar.start()

    def advance(self, steps: int) -> None:
        self.bar.advance(self.task, steps)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.advance(1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = ", ".join(f"{key} {value:.4g}" for key, value in (logs or {}).items())
        self.bar.update(self.task, description=f"epoch {epoch + 1}: {losses}")

    def on_train_end(self, logs: Any = None) -> None:
        self.bar.stop()


class GradientNorm(keras.callbacks.Callback):
    """Asks for `gradient_norm` in `history_`: the mean global norm an epoch, before clipping.

    >>> import numpy as np
    >>> from tsmodels import Forecaster, GradientNorm
    >>> model = Forecaster("nlinear", callbacks=[GradientNorm()], epochs=2, random_state=0)
    >>> len(model.fit(np.arange(60.0)).history_["gradient_norm"])
    2
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for total in self.model.optimizer.gradient_norms:
            total.assign(ops.zeros(()))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        total, count = (float(v) for v in self.model.optimizer.gradient_norms)
        if logs is not None:
            logs["gradient_norm"] = total / max(count, 1.0)


def record_gradient_norm(optimizer: Any) -> None:
    """Makes an optimizer add up the global norm of the gradients it is given."""
    base: Any = type(optimizer)
    optimizer.__class__ = _recording(base)


@functools.cache
def _recording(base: Any) -> Any:

    class Recording(base):
        def build(self, variables: Any) -> None:
            super().build(variables)
            names = ("gradient_norm_sum", "gradient_norm_count")
            self.gradient_norms = [self.add_variable((), name=name) for name in names]

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            known = [ops.sum(ops.square(g)) for g in grads if g is not None]
            total, count = self.gradient_norms
            total.assign_add(ops.sqrt(sum(known)))
            count.assign_add(ops.ones(()))
            return super().apply(grads, trainable_variables)

    return Recording
