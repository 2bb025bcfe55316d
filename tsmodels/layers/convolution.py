"""Causal convolutions, with a step form that equals them one moment at a time; pieces as tokens.

`keras.layers.Conv1D(padding="causal")` and its weights are kept; what is added is the step form,
masks and a depthwise version. Taps are in order of time: the last one multiplies the current
value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.precision import Streaming

State = Mapping[str, Any]


@keras.saving.register_keras_serializable("tsmodels")
class CausalConv1D(Streaming, keras.layers.Conv1D):
    """Causal dilated convolution, (B, T, C) -> (B, T, filters). WaveNet, van den Oord et al., 2016.

    Step t sees the inputs t, t - dilation_rate, ..., back over `kernel_size` taps; before the first
    step and at masked steps the input is 0. kernel (kernel_size, C, filters) and bias (filters,)
    are those of `keras.layers.Conv1D`, as are its other arguments; with `strides` or `groups` there
    is no step form.

    >>> conv = CausalConv1D(1, kernel_size=2, kernel_initializer="ones")
    >>> ops.convert_to_numpy(conv(ops.array([[[1.0], [2.0], [3.0]]])))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    >>> state = conv.initial_state(batch=1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     y, state = conv.step(ops.array([[value]]), state)
    >>> float(y[0, 0])
    5.0
    """

    def __init__(
        self, filters: int, kernel_size: Any = 3, dilation_rate: Any = 1, **kwargs: Any
    ) -> None:
        check_option("padding", kwargs.pop("padding", "causal"), ["causal"])
        layout = kwargs.pop("data_format", None) or "channels_last"
        check_option("data_format", layout, ["channels_last"])
        super().__init__(
            filters,
            kernel_size,
            padding="causal",
            dilation_rate=dilation_rate,
            data_format=layout,
            **kwargs,
        )
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        return super().call(_unmasked(x, mask))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """The mask (B, T) of the steps that an output stands at, every `strides` of them."""
        return None if mask is None else mask[:, :: self.strides[0]]

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The inputs that the taps still reach: {"window": (B, reach, C)}, zeros at the start."""
        for name, value in (("strides", self.strides[0]), ("groups", self.groups)):
            if value != 1:
                raise ValueError(fault(name, "1 for a layer that is stepped", value))
        reach = (self.kernel_size[0] - 1) * self.dilation_rate[0]
        return {"window": ops.zeros((batch, reach, self.kernel.shape[1]), self.compute_dtype)}

    def step(self, x: Any, state: State) -> tuple[Any, dict[str, Any]]:
        """One moment (B, C) and the state to (B, filters) and the next state."""
        window = ops.concatenate([state["window"], x[:, None, :]], axis=1)  # (B, reach + 1, C)
        y = ops.einsum("bkc,kcf->bf", window[:, :: self.dilation_rate[0]], self.kernel)
        y = y + self.bias if self.use_bias else y
        return self.activation(y), {"window": window[:, 1:]}

    def advance(self, x: Any, state: State) -> tuple[Any, dict[str, Any]]:
        """Any number of moments (B, L, C) and the state to (B, L, filters) and the next state."""
        reach, length = state["window"].shape[1], ops.shape(x)[1]
        window = ops.concatenate([state["window"], x], axis=1)  # (B, reach + L, C)
        return self(window)[:, reach:], {"window": window[:, length:]}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for fixed in ("padding", "data_format"):
            del config[fixed]
        return config


@keras.saving.register_keras_serializable("tsmodels")
class CausalDepthwiseConv1D(Streaming, keras.layers.Layer):
    """Causal convolution of each channel with taps of its own, (B, T, C) -> (B, T, C).

    kernel (kernel_size, C), bias (C,). The sum runs over the taps, each a shifted product, which on
    short kernels is quicker than the depthwise convolutions of the backends.

    >>> conv = CausalDepthwiseConv1D(kernel_size=2, kernel_initializer="ones")
    >>> ops.convert_to_numpy(conv(ops.array([[[1.0], [2.0], [3.0]]])))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """

    def __init__(
        self,
        kernel_size: int = 4,
        dilation_rate: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "he_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = check_int("kernel_size", kernel_size)
        self.dilation_rate = check_int("dilation_rate", dilation_rate)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            (self.kernel_size, channels), initializer=self._taps_initializer, name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight((channels,), initializer="zeros", name="bias")

    def _taps_initializer(self, shape: Any, dtype: Any = None) -> Any:
        taps, channels = shape
        return ops.reshape(self.kernel_initializer((taps, 1, channels), dtype=dtype), shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        reach = (self.kernel_size - 1) * self.dilation_rate
        length = ops.shape(x)[1]
        past = ops.pad(_unmasked(x, mask), [[0, 0], [reach, 0], [0, 0]])  # (B, reach + T, C)
        starts = range(0, reach + 1, self.dilation_rate)
        y = sum(past[:, s : s + length] * self.kernel[k] for k, s in enumerate(starts))
        return self._finish(y)

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The inputs that the taps still reach: {"window": (B, reach, C)}, zeros at the start."""
        reach = (self.kernel_size - 1) * self.dilation_rate
        return {"window": ops.zeros((batch, reach, self.kernel.shape[1]), self.compute_dtype)}

    def step(self, x: Any, state: State) -> tuple[Any, dict[str, Any]]:
        """One moment (B, C) and the state to (B, C) and the next state."""
        window = ops.concatenate([state["window"], x[:, None, :]], axis=1)  # (B, reach + 1, C)
        y = ops.sum(window[:, :: self.dilation_rate] * self.kernel, axis=1)
        return self._finish(y), {"window": window[:, 1:]}

    def _finish(self, y: Any) -> Any:
        return self.activation(y + self.bias if self.use_bias else y)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("tsmodels")
class TCNBlock(Streaming, keras.layers.Layer):
    """Residual block of a temporal convolutional network, (B, T, C) -> (B, T, filters).

    Two causal dilated convolutions with ReLU and dropout, then the input is added (through a
    linear map where widths differ) and ReLU applied. Bai, Kolter & Koltun, 2018; theirs normalises
    the weights, ours leaves scale to the initialiser.

    >>> TCNBlock(8, dilation_rate=4)(ops.zeros((2, 10, 3))).shape == (2, 10, 8)
    True
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        dilation_rate: int = 1,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = check_int("filters", filters)
        self.kernel_size = check_int("kernel_size", kernel_size)
        self.dilation_rate = check_int("dilation_rate", dilation_rate)
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        shape: dict[str, Any] = dict(
            activation="relu", kernel_initializer="he_normal", dtype=self.dtype_policy
        )
        self.first = CausalConv1D(filters, kernel_size, dilation_rate, name="first", **shape)
        self.second = CausalConv1D(filters, kernel_size, dilation_rate, name="second", **shape)
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.skip = keras.layers.Dense(filters, name="skip", dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        inner = (*input_shape[:-1], self.filters)
        self.first.build(input_shape)
        self.second.build(inner)
        self.widens = input_shape[-1] != self.filters
        if self.widens:
            self.skip.build(input_shape)

    def call(self, x: Any, mask: Any = None, training: bool | None = None) -> Any:
        h = self.drop(self.first(x, mask=mask), training=training)
        h = self.drop(self.second(h, mask=mask), training=training)
        return ops.relu(h + (self.skip(x) if self.widens else x))

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The windows of both convolutions."""
        return {
            "first": self.first.initial_state(batch)["window"],
            "second": self.second.initial_state(batch)["window"],
        }

    def step(self, x: Any, state: State) -> tuple[Any, dict[str, Any]]:
        """One moment (B, C) and the state to (B, filters) and the next state."""
        h, first = self.first.step(x, {"window": state["first"]})
        h, second = self.second.step(h, {"window": state["second"]})
        y = ops.relu(h + (self.skip(x) if self.widens else x))
        return y, {"first": first["window"], "second": second["window"]}

    def advance(self, x: Any, state: State) -> tuple[Any, dict[str, Any]]:
        """Any number of moments (B, L, C) and the state to (B, L, filters) and the next state."""
        h, first = self.first.advance(x, {"window": state["first"]})
        h, second = self.second.advance(self.drop(h), {"window": state["second"]})
        y = ops.relu(self.drop(h) + (self.skip(x) if self.widens else x))
        return y, {"first": first["window"], "second": second["window"]}


@keras.saving.register_keras_serializable("tsmodels")
class SequenceMaxPooling(keras.layers.Layer):
    """Maxima over pieces of `pool_size` steps, (B, T, C) -> (B, ceil(T / pool_size), C).

    Pieces are counted from the first step and the last one may be shorter, so that padding on the
    right moves none of them. Masked steps do not count; a piece of masked steps is 0 and masked.

    >>> x = ops.array([[[1.0], [3.0], [2.0]]])
    >>> ops.convert_to_numpy(SequenceMaxPooling(2)(x))[0, :, 0].tolist()
    [3.0, 2.0]
    """

    def __init__(self, pool_size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = check_int("pool_size", pool_size)
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        lowest = -1e4 if self.compute_dtype == "float16" else -1e30
        if mask is None:
            return _maxima(x, self.pool_size, lowest)
        y = _maxima(ops.where(mask[..., None], x, lowest), self.pool_size, lowest)
        return _unmasked(y, self.compute_mask(x, mask))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Which pieces have a step that counts, (B, T) -> (B, ceil(T / pool_size))."""
        return mask_of_pieces(mask, self.pool_size)

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, length, channels = input_shape
        pieces = None if length is None else -(-length // self.pool_size)
        return (batch, pieces, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable("tsmodels")
class PatchEmbedding(keras.layers.Layer):
    """Pieces as tokens, by one linear map: (B, T, C) or images (B, R, S, C) -> (B, N, units).

    Pieces of `patch_size` steps, or squares of as many rows and columns, lie side by side from the
    first on; zeros fill the last. Masked steps (B, T) are zeros, and a token of them alone is
    masked. kernel (P, C, units) or (P, P, C, units). Dosovitskiy et al., 2021.

    >>> PatchEmbedding(8, patch_size=4)(ops.ones((2, 10, 3))).shape == (2, 3, 8)
    True
    >>> PatchEmbedding(8, patch_size=4)(ops.ones((2, 8, 12, 3))).shape == (2, 6, 8)
    True
    """

    def __init__(self, units: int, patch_size: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.patch_size = check_int("patch_size", patch_size)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        sides = (self.patch_size,) * (len(input_shape) - 2)
        self.kernel = self.add_weight((*sides, input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, x: Any, mask: Any = None) -> Any:
        axes = len(x.shape) - 2
        fill = [[0, 0], *[[0, self.patch_size - 1]] * axes, [0, 0]]
        y = ops.conv(
            ops.pad(_unmasked(x, mask), fill),
            self.kernel,
            strides=self.patch_size,
            padding="valid",
            data_format="channels_last",
        )
        return self._in_a_row(y) + self.bias

    def _in_a_row(self, y: Any) -> Any:
        """Tokens of an image row after row, (B, R', S', units) -> (B, N, units)."""
        if len(y.shape) == 3:
            return y
        batch, rows, columns, _ = ops.shape(y)
        return ops.reshape(y, (batch, rows * columns, self.units))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Which tokens have a step that counts, (B, T) -> (B, N); images have no mask."""
        return mask_of_pieces(mask, self.patch_size)

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *sides, _ = input_shape
        if None in sides:
            return (batch, None, self.units)
        return (batch, math.prod(-(-side // self.patch_size) for side in sides), self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "patch_size": self.patch_size}


def mask_of_pieces(mask: Any, size: int) -> Any:
    """Which pieces of `size` steps have one that counts: (B, T) -> (B, ceil(T / size)), or None."""
    if mask is None:
        return None
    return _maxima(ops.cast(mask, "float32")[..., None], size, 0.0)[..., 0] > 0


def _maxima(x: Any, size: int, fill: float) -> Any:
    """Maxima of pieces side by side, the last filled up: (B, T, C) -> (B, ceil(T / size), C)."""
    filled = ops.pad(x, [[0, 0], [0, size - 1], [0, 0]], constant_values=fill)
    return ops.max_pool(filled, size, size, padding="valid", data_format="channels_last")


def _unmasked(x: Any, mask: Any) -> Any:
    """x with masked steps set to 0."""
    return x if mask is None else ops.where(mask[..., None], x, 0.0)
