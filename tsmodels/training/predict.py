"""Prediction in batches of few sizes, so that nothing is traced anew for the last one."""

from __future__ import annotations

import numpy as np

from tsmodels.training.batches import Examples, layout_of
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import Compiled, leased
from tsmodels.training.epoch import largest_batch


def predict(
    blueprint: Blueprint, weights: list[np.ndarray], windows: Examples, *, smallest: int = 1
) -> np.ndarray:
    """Outputs (N, ...) of the model of a blueprint with the given weights.

    Batches are padded to a power of two, at most 1,024 and at least `smallest`, so that few shapes
    ever occur. Kernels round differently for batches of different size.
    """
    with leased(blueprint) as compiled:
        return predict_with(compiled, weights, windows, smallest)


def predict_with(
    compiled: Compiled, weights: list[np.ndarray], windows: Examples, smallest: int = 1
) -> np.ndarray:
    """`predict` with a model that is leased already."""
    n = len(windows)
    if n == 0:
        return np.zeros((0, *compiled.model.output_shape[1:]), dtype=np.float32)
    compiled.put(weights)
    layout = layout_of(windows, compiled.masked)
    epochs = compiled.predictor(layout)
    arrays = epochs.arrays(layout.arrays(windows))
    size = min(max(1 << (n - 1).bit_length(), smallest), largest_batch(compiled.model))
    index = np.minimum(np.arange(-(-n // size) * size, dtype=np.int32), n - 1)
    outputs = [epochs.predict(arrays, part) for part in np.split(index, range(size, n, size))]
    return np.concatenate(outputs)[:n]
