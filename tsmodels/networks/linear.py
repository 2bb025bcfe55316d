"""Direct maps of the window: NLinear, DLinear, and the residual MLP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras, ops
from tsmodels.checks import fault
from tsmodels.layers.decomposition import SeriesDecomposition
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.linear import TimeLinear, side_by_side
from tsmodels.layers.norm import Constant
from tsmodels.networks.base import Network, Rate, RevINCentre, register
from tsmodels.space import Choice, Int, Real


def _per_step(y: Any, horizon: int, outputs: int) -> Any:
    """(B, H * outputs, C) -> (B, H, C, outputs)."""
    y = ops.reshape(y, (-1, horizon, outputs, y.shape[-1]))
    return ops.swapaxes(y, 2, 3)


@register("nlinear")
@dataclass(frozen=True, kw_only=True)
class NLinear(Network):
    """One linear map along time of the window minus its last value. Zeng et al., 2023.

    `individual` gives every target its own map. Covariates are read beside it.
    """

    search_space: ClassVar = {"individual": Choice([False, True])}
    reads_covariates: ClassVar[bool] = False

    d_model: ClassVar[None] = None  # type: ignore[misc]  # a linear map has no width
    dropout: ClassVar[None] = None  # type: ignore[misc]
    revin: RevINCentre | None = None
    individual: bool = False

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        past = past[:, :, :targets]
        exact = keras.config.dtype_policy().variable_dtype  # half precision would round the offset
        last = Constant(name="last", dtype=exact)(past[:, -1:, :])  # (B, 1, C)
        y = TimeLinear(horizon * outputs, self.individual, name="linear")(past - last)
        # In this order: Keras on TensorFlow takes (B, 1, 1) on the right for a bias where B = H.
        return _per_step(last + y, horizon, outputs)


@register("dlinear")
@dataclass(frozen=True, kw_only=True)
class DLinear(Network):
    """Moving-average trend and remainder, each through a linear map along time. Zeng et al., 2023.

    `individual` gives every target its own maps. Covariates are read beside it.
    """

    search_space: ClassVar = {"kernel_size": Choice([5, 13, 25, 49])}
    reads_covariates: ClassVar[bool] = False

    d_model: ClassVar[None] = None  # type: ignore[misc]
    dropout: ClassVar[None] = None  # type: ignore[misc]
    revin: RevINCentre | None = None
    kernel_size: int = 25
    individual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_size % 2 == 0:
            raise ValueError(fault("DLinear.kernel_size", "odd", self.kernel_size))

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        seasonal, trend = SeriesDecomposition(self.kernel_size)(past[:, :, :targets])
        units = horizon * outputs
        y = TimeLinear(units, self.individual, name="seasonal")(seasonal)
        y = y + TimeLinear(units, self.individual, name="trend")(trend)
        return _per_step(y, horizon, outputs)


@register("mlp")
@dataclass(frozen=True, kw_only=True)
class MLP(Network):
    """Residual perceptron of the flattened window, beside a linear map of it. He et al., 2016.

    The paper is that of the residual blocks. The linear map starts at zero.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Int(32, 512, log=True),
        "n_layers": Int(1, 4),
        "dropout": Real(0.0, 0.5),
    }

    d_model: int = 128
    n_layers: int = 2
    dropout: Rate = 0.0

    def layers(self) -> list[Any]:
        return [_ResidualBlock(self.d_model, self.dropout) for _ in range(self.n_layers)]

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        flat = keras.layers.Flatten()
        parts = [flat(x) for x in (past, future) if x.shape[-1]]
        x = side_by_side(*parts, static)  # (B, T*F + H*G + K)
        h = keras.layers.Dense(self.d_model, activation="gelu", name="stem")(x)
        for block in layers:
            h = block(h)  # (B, D)
        units = horizon * targets * outputs
        y = keras.layers.Dense(units, name="head")(h)
        y = y + keras.layers.Dense(units, kernel_initializer="zeros", name="skip")(x)
        return ops.reshape(y, (-1, horizon, targets, outputs))


@keras.saving.register_keras_serializable("tsmodels")
class _ResidualBlock(keras.layers.Layer):
    """x + Dense(gelu(Dense(x))) with dropout inside: (B, D) -> (B, D)."""

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rate = units, dropout
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.inner = keras.layers.Dense(units, activation="gelu", **own)
        self.outer = keras.layers.Dense(units, **own)
        self.drop = Dropout(dropout, **own)

    def build(self, input_shape: Any) -> None:
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        return x + self.outer(self.drop(self.inner(x), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.rate}
