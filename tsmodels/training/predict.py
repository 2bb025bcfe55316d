"""Prediction in batches of few sizes, so that nothing is traced anew for the last one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsmodels.data.windows import Batch, Windows

LARGEST_BATCH = 1024


def predict(model: Any, windows: Windows | Batch, *, masked: bool) -> np.ndarray:
    """Outputs (N, H, K) of `model` for windows, dense already or not.

    Batches are padded to a power of two, at most 1,024, so that few shapes ever occur.
    """
    n = len(windows)
    if n == 0:
        return np.zeros((0, *model.output_shape[1:]), dtype=np.float32)
    size = min(1 << (n - 1).bit_length(), LARGEST_BATCH)
    outputs = []
    for start in range(0, n, size):
        index = np.arange(start, min(start + size, n))
        index = np.pad(index, (0, size - len(index)), mode="edge")
        batch = windows.batch(index, masked=masked)
        inputs: dict[str, Any] = {"past": batch.past}
        if masked:
            inputs["observed"] = batch.observed
        outputs.append(np.asarray(model.predict_on_batch(inputs)))
    return np.concatenate(outputs)[:n]
