"""Linear maps along time, and the dense residual block of direct forecasters."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.scan import UNROLLED

EPSILON = 1e-5  # of the layer norm


def side_by_side(*parts: Any) -> Any:
    """Features (..., F) of several tensors as one; those without any are left out.

    >>> side_by_side(ops.ones((2, 5, 3)), ops.ones((2, 5, 0))).shape == (2, 5, 3)
    True
    """
    wide = [part for part in parts if part.shape[-1]] or [parts[0]]
    return wide[0] if len(wide) == 1 else ops.concatenate(wide, axis=-1)


@keras.saving.register_keras_serializable("tsmodels")
class LinearOfAny(keras.layers.Dense):
    """`keras.layers.Dense` over features of which there may be none: zeros, and the bias, then.

    Where loops are written out for an export, so are these zeros: other formats know no product of
    width 0. Elsewhere the product stays, so that the empty kernel has its empty gradient.

    >>> LinearOfAny(4, use_bias=False)(ops.ones((2, 5, 0))).shape == (2, 5, 4)
    True
    """

    def call(self, x: Any, training: Any = None) -> Any:
        if x.shape[-1] or not UNROLLED.get():
            return super().call(x, training=training)
        y = ops.zeros((*ops.shape(x)[:-1], self.units), dtype=x.dtype)
        return self.activation(y + self.bias if self.use_bias else y)


@keras.saving.register_keras_serializable("tsmodels")
class TimeLinear(keras.layers.Layer):
    """A linear map along time, channel by channel: (B, T, C) -> (B, units, C).

    The kernel starts at 1 / T: the first forecast is the mean of the window. `individual` gives
    every channel a kernel of its own.

    >>> y = TimeLinear(2)(ops.array([[[1.0], [2.0], [6.0]]]))
    >>> ops.convert_to_numpy(y)[0, :, 0].tolist()
    [3.0, 3.0]
    """

    def __init__(self, units: int, individual: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.individual = check_option("individual", individual, [False, True])

    def build(self, input_shape: Any) -> None:
        _, steps, channels = input_shape
        if steps is None:
            raise ValueError(fault("the length of the input", "known: each step has weights", None))
        own = (channels,) if self.individual else ()
        mean = keras.initializers.Constant(1.0 / steps)
        self.kernel = self.add_weight((*own, steps, self.units), mean, name="kernel")
        self.bias = self.add_weight((*own, self.units), "zeros", name="bias")

    def call(self, x: Any) -> Any:
        if self.individual:
            y = ops.einsum("btc,cth->bch", x, self.kernel) + self.bias  # (B, C, units)
        else:
            y = ops.swapaxes(x, 1, 2) @ self.kernel + self.bias  # (B, C, units)
        return ops.swapaxes(y, 1, 2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "individual": self.individual}


@keras.saving.register_keras_serializable("tsmodels")
class DenseResidual(keras.layers.Layer):
    """norm(dropout(W2 relu(W1 x)) + W3 x), (..., F) -> (..., outputs). Das et al., 2023, figure 1.

    `units` is the width between the two maps. A single output is not normalised: it would always
    be 0.

    >>> DenseResidual(16, 4)(ops.ones((2, 5, 3))).shape == (2, 5, 4)
    True
    """

    def __init__(self, units: int, outputs: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.outputs = check_int("units", units), check_int("outputs", outputs)
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden", **own)
        self.out = keras.layers.Dense(outputs, name="out", **own)
        self.skip = keras.layers.Dense(outputs, name="skip", **own)
        self.drop = Dropout(dropout, **own)
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm", **own)
        self.supports_masking = True  # each step by itself

    def build(self, input_shape: Any) -> None:
        lead = tuple(input_shape[:-1])
        self.hidden.build(input_shape)
        self.out.build((*lead, self.units))
        self.skip.build(input_shape)
        if self.outputs > 1:
            self.norm.build((*lead, self.outputs))

    def call(self, x: Any, training: bool | None = None) -> Any:
        y = self.drop(self.out(self.hidden(x)), training=training) + self.skip(x)
        return self.norm(y) if self.outputs > 1 else y

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.outputs)

    def get_config(self) -> dict[str, Any]:
        own = ("units", "outputs", "dropout")
        return {**super().get_config(), **{key: getattr(self, key) for key in own}}
