"""Series decomposition: a moving average and what it leaves."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, fault
from tsmodels.layers.precision import wide


@keras.saving.register_keras_serializable("tsmodels")
class SeriesDecomposition(keras.layers.Layer):
    """x (B, T, C) as (seasonal, trend), both (B, T, C). Autoformer, Wu et al., 2021.

    The trend is the mean of the `kernel_size` values around each step; beyond both ends the series
    goes on with its edge value. The seasonal part is the rest, so their sum is x; in half
    precision both are rounded last. A window must have a middle: even sizes raise ValueError.

    >>> seasonal, trend = SeriesDecomposition(kernel_size=3)(ops.array([[[0.0], [3.0], [6.0]]]))
    >>> ops.convert_to_numpy(trend)[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """

    def __init__(self, kernel_size: int = 25, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # the seasonal part is a small difference
        if check_int("kernel_size", kernel_size) % 2 == 0:
            way_out = f"Use {kernel_size - 1} or {kernel_size + 1}."
            raise ValueError(fault("kernel_size", "an odd positive int", kernel_size, way_out))
        self.kernel_size = kernel_size

    def call(self, x: Any) -> tuple[Any, Any]:
        x, side = ops.cast(x, wide(self.compute_dtype)), self.kernel_size // 2
        first, last = x[:, :1, :], x[:, -1:, :]
        padded = ops.concatenate([first] * side + [x] + [last] * side, axis=1)
        # Averaging deviations keeps the digits of a series far from 0.
        average = ops.average_pool(
            padded - first, self.kernel_size, strides=1, data_format="channels_last"
        )
        trend = first + average  # (B, T, C)
        return tuple(ops.cast(part, self.compute_dtype) for part in (x - trend, trend))
