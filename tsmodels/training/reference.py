"""Training through `keras.Model.fit`: what the compiled epoch is held against, and its fallback."""

from __future__ import annotations

import functools
from typing import Any

from tsmodels.backend import keras
from tsmodels.training.batches import Batches
from tsmodels.training.callbacks import Progress, StopAt, StopWhenNotFinite
from tsmodels.training.epoch import largest_batch
from tsmodels.training.loop import Run


def train_with_keras(run: Run, loss: Any, optimizer: Any) -> dict[str, list[float]]:
    """Trains the model of the run in place; answers with its history."""
    model, budget = run.model, run.budget
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    dense = functools.partial(Batches, masked=run.masked, forced=run.forced)
    batches = dense(run.windows, run.batch_size, rng=run.rng, steps=budget.steps)
    held = run.validation and dense(run.validation, largest_batch(model))
    try:
        history = model.fit(
            batches,
            epochs=budget.epochs,
            validation_data=held,
            callbacks=[
                keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: batches.deal()),
                StopWhenNotFinite(),
                StopAt(budget.max_steps),
                *run.callbacks,
            ],
            verbose=0,
            shuffle=False,
        )
    finally:
        for callback in run.callbacks:
            if isinstance(callback, Progress):  # Keras does not end callbacks on an error
                callback.on_train_end()
    return history.history
