"""Positions: tables that are added to features, rotations of heads, biases on attention scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, fault

LAYOUTS = ("interleaved", "concatenated")


def sinusoidal(length: int, width: int, layout: str = "interleaved") -> np.ndarray:
    """Sines and cosines of geometric wavelengths, float64 (length, width). Vaswani et al., 2017.

    "interleaved" is the paper's: sin and cos of pos / 10000^(2i / width) in columns 2i and 2i + 1.
    "concatenated" is tensor2tensor's: all sines, then all cosines, of pos * 10000^(-i / (n - 1))
    for i below n = width / 2.

    >>> sinusoidal(2, 4).round(3).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.841, 0.54, 0.01, 1.0]]
    """
    check_option("layout", layout, LAYOUTS)
    rates, shifts = _waves(width, layout)
    return np.sin(np.arange(length)[:, None] * rates + shifts)


def _waves(width: int, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Rates and shifts (width,) of the sines; a cosine is a sine a quarter turn on."""
    n = (width + 1) // 2
    whole = width / 2 if layout == "interleaved" else max(n - 1, 1)
    rates = np.tile(10000.0 ** (-np.arange(n) / whole), (2, 1))  # of sines, of cosines
    shifts = np.repeat([[0.0], [np.pi / 2]], n, axis=1)
    if layout == "interleaved":
        rates, shifts = rates.T, shifts.T
    return rates.ravel()[:width], shifts.ravel()[:width]


@keras.saving.register_keras_serializable("tsmodels")
class SinusoidalPositions(keras.layers.Layer):
    """x + `sinusoidal` positions: (B, T, D) -> (B, T, D).

    Where T is not known when the model is made, sines are taken in float32: 1e-4 off at step 2,000.
    Positions `at` (B, T) are those given: of several sequences in a row, each counts its own.

    >>> SinusoidalPositions()(ops.zeros((1, 3, 2))).shape == (1, 3, 2)
    True
    """

    def __init__(self, layout: str = "interleaved", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = check_option("layout", layout, LAYOUTS)
        self.supports_masking = True

    def call(self, x: Any, at: Any = None) -> Any:
        table = ops.cast(self._table(x), x.dtype)  # (T, D)
        return x + (table if at is None else ops.take(table, at, axis=0))

    def _table(self, x: Any) -> Any:
        length, width = x.shape[1:]
        if isinstance(length, int):  # else None, or a symbol of JAX
            return sinusoidal(length, width, self.layout)
        steps = ops.arange(ops.shape(x)[1], dtype="float32")[:, None]
        rates, shifts = _waves(width, self.layout)
        return ops.sin(steps * ops.cast(rates, "float32") + ops.cast(shifts, "float32"))

    def step(self, x: Any, t: Any, max_length: int) -> Any:
        """One moment (B, D) at position t (B,); from `max_length` on all have the last one."""
        table = ops.cast(sinusoidal(max_length, x.shape[-1], self.layout), x.dtype)
        return x + _row(table, t)


@keras.saving.register_keras_serializable("tsmodels")
class LearnedPositions(keras.layers.Layer):
    """x + a learned vector per step: (B, T, D) -> (B, T, D) for T up to `max_length`.

    Positions `at` (B, T) as in `SinusoidalPositions`.

    >>> LearnedPositions(8)(ops.zeros((1, 3, 2))).shape == (1, 3, 2)
    True
    """

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = check_int("max_length", max_length)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        small = keras.initializers.RandomUniform(-0.02, 0.02)
        shape = (self.max_length, input_shape[-1])
        self.table = self.add_weight(shape, initializer=small, name="table")

    def call(self, x: Any, at: Any = None) -> Any:
        length = x.shape[1]
        if at is not None:
            return x + ops.take(self.table, at, axis=0)
        if length is not None and length > self.max_length:
            rule = f"at least the {length} steps of its input"
            raise ValueError(fault("max_length", rule, self.max_length))
        return x + self.table[: ops.shape(x)[1]]

    def step(self, x: Any, t: Any) -> Any:
        """One moment (B, D) at position t (B,); from `max_length` on all have the last one."""
        return x + _row(self.table, t)


def _row(table: Any, t: Any) -> Any:
    """The rows (B, D) of a table (T, D) at positions t (B,), the last one behind its end."""
    return ops.take(table, ops.cast(ops.minimum(t, table.shape[0] - 1.0), "int32"), axis=0)


@keras.saving.register_keras_serializable("tsmodels")
class ClassToken(keras.layers.Layer):
    """A learned token in front, which gathers what the others say: (B, N, D) -> (B, N + 1, D).

    Devlin et al., 2019. A mask (B, N) gets a step that counts in front too.

    >>> ClassToken()(ops.ones((2, 3, 4))).shape == (2, 4, 4)
    True
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight((1, 1, input_shape[-1]), initializer=small, name="token")

    def call(self, x: Any) -> Any:
        front = ops.zeros_like(x[:, :1]) + self.token  # (B, 1, D)
        return ops.concatenate([front, x], axis=1)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return mask if mask is None else ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)


def rotary(x: Any, base: float = 10000.0, first: Any = None) -> Any:
    """Heads (B, T, N, d) rotated by position in the planes (2i, 2i + 1). Su et al., 2021.

    The product of a rotated query and a rotated key depends on their distance alone. Positions
    count from 0, or from `first` (B,).

    >>> x = ops.ones((1, 2, 1, 2))
    >>> [round(float(value), 3) for value in rotary(x)[0, 1, 0]]
    [-0.301, 1.382]
    """
    width = x.shape[-1]
    if width % 2:
        raise ValueError(fault("head width", "even for rotary positions", width))
    rates = base ** (-np.arange(0, width, 2) / width)  # (d / 2,)
    steps = ops.cast(ops.arange(ops.shape(x)[1]), "float32")
    if first is not None:
        steps = first[:, None] + steps  # (B, T)
    angles = steps[..., None, None] * ops.cast(rates, "float32")  # (T, 1, d / 2), or with B first
    cos, sin = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    turned = ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return ops.reshape(turned, ops.shape(x))


def alibi_slopes(n_heads: int) -> list[float]:
    """Slopes per head: the geometric sequence of Press, Smith & Lewis, 2022.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    power = 2 ** math.floor(math.log2(n_heads))
    slopes = [2.0 ** (-8 * (h + 1) / power) for h in range(power)]
    between = [2.0 ** (-4 * (h + 1) / power) for h in range(0, 2 * power, 2)]
    return slopes + between[: n_heads - power]


def alibi(n_heads: int, length: Any, dtype: Any = "float32", keys: Any = None) -> Any:
    """Attention biases (n_heads, T, S): minus the slope times the distance of query and key.

    S is T, or `keys`. Distances are taken in float32: half precision has no whole numbers beyond
    256 or 2,048.
    """
    steps = ops.cast(ops.arange(length), "float32")
    others = steps if keys is None else ops.cast(ops.arange(keys), "float32")
    distance = ops.abs(steps[:, None] - others[None, :])  # (T, S)
    return ops.cast(-ops.cast(alibi_slopes(n_heads), "float32")[:, None, None] * distance, dtype)
