"""Direct forecasters made of dense layers alone: TiDE and TSMixer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.linear import DenseResidual, TimeLinear
from tsmodels.networks.base import Network, Rate, register
from tsmodels.space import Choice, Int, Real


@register("tide")
@dataclass(frozen=True, kw_only=True)
class TiDE(Network):
    """Time-series dense encoder. Das et al., 2023 (arXiv 2304.08424).

    Every target goes its own way, through the same weights. Covariates are projected step by step
    to `covariate_width` features; those of all steps are encoded with the window and the static
    covariates by `n_layers` residual blocks, and as many decode them to `decoder_width` numbers a
    step of the horizon, which the last block reads beside the future covariates of that step. A
    linear map of the window is added; it starts at zero. The paper has covariates that are known
    at all steps; here those of the past and of the future have a projection each.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Int(64, 512, log=True),
        "n_layers": Int(1, 3),
        "decoder_width": Choice([4, 8, 16, 32]),
        "temporal_width": Choice([32, 64, 128]),
        "dropout": Real(0.0, 0.7),
    }

    d_model: int = 128
    dropout: Rate = 0.5
    n_layers: int = 2
    decoder_width: int = 8
    temporal_width: int = 64
    covariate_width: int = 4

    def layers(self) -> dict[str, Any]:
        names = [f"encoder_{i}" for i in range(self.n_layers)]
        names += [f"decoder_{i}" for i in range(self.n_layers - 1)]
        return {name: self._block(self.d_model, self.d_model, name) for name in names}

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        window = ops.swapaxes(past[:, :, :targets], 1, 2)  # (B, C, T)
        seen = self._projected(past[:, :, targets:], "past")
        known = self._projected(future, "future")
        context = [keras.layers.Flatten()(x) for x in (seen, known) if x is not None]
        context = [_each(x, targets) for x in (*context, static) if x.shape[-1]]  # (B, C, ...) each
        x = ops.concatenate([window, *context], axis=-1)
        for block in layers.values():
            x = block(x)  # (B, C, D)
        x = self._block(self.d_model, horizon * self.decoder_width, "decoder_last")(x)
        x = ops.reshape(x, (-1, targets, horizon, self.decoder_width))
        if known is not None:
            x = ops.concatenate([x, _each(known, targets)], axis=-1)
        y = self._block(self.temporal_width, outputs, "temporal")(x)  # (B, C, H, outputs)
        skip = keras.layers.Dense(horizon * outputs, kernel_initializer="zeros", name="skip")
        y = y + ops.reshape(skip(window), (-1, targets, horizon, outputs))
        return ops.swapaxes(y, 1, 2)

    def _block(self, units: int, outputs: int, name: str) -> DenseResidual:
        return DenseResidual(units, outputs, self.dropout, name=name)

    def _projected(self, covariates: Any, name: str) -> Any:
        """Covariates (B, S, G) as (B, S, covariate_width); None without any."""
        if not covariates.shape[-1]:
            return None
        return self._block(self.temporal_width, self.covariate_width, f"project_{name}")(covariates)


def _each(x: Any, targets: int) -> Any:
    """x (B, ...) beside every target: (B, targets, ...)."""
    return ops.repeat(x[:, None], targets, axis=1)


@register("tsmixer")
@dataclass(frozen=True, kw_only=True)
class TSMixer(Network):
    """Dense layers along time and across channels in turn. Chen et al., 2023 (arXiv 2303.06053).

    `n_layers` blocks mix the window, and a linear map along time makes the forecast of it. Where
    there are future or static covariates, one more block mixes them with what the past says of
    every step of the horizon, as in the paper's extended form, and its answer is added. Blocks
    normalise each window over time and channels; the authors' batch norm is their other choice.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 6),
        "dropout": Real(0.0, 0.9),
    }

    dropout: Rate = 0.6
    n_layers: int = 2

    def layers(self) -> list[Any]:
        return [MixerBlock(self.d_model, self.dropout) for _ in range(self.n_layers)]

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        x = past
        for block in layers:
            x = block(x)  # (B, T, F)
        y = TimeLinear(horizon * outputs, name="head")(x)[:, :, :targets]  # (B, H * outputs, C)
        y = ops.swapaxes(ops.reshape(y, (-1, horizon, outputs, targets)), 2, 3)
        if future.shape[-1] or static.shape[-1]:
            y = y + self._from_covariates(x, future, static, targets, outputs)
        return y

    def _from_covariates(self, x: Any, future: Any, static: Any, targets: int, outputs: int) -> Any:
        """What covariates add to the forecast, (B, H, targets, outputs)."""
        horizon = future.shape[1]
        aligned = TimeLinear(horizon, name="align")(x)  # (B, H, F)
        parts = {"past": aligned, "future": future, "static": _each(static, horizon)}
        features = [
            keras.layers.Dense(self.d_model, activation="relu", name=f"features_{name}")(part)
            for name, part in parts.items()
            if part.shape[-1]
        ]
        mixed = MixerBlock(self.d_model, self.dropout, name="mix_horizon")(
            ops.concatenate(features, axis=-1)  # (B, H, 2 D or 3 D)
        )
        y = keras.layers.Dense(targets * outputs, name="add")(mixed)
        return ops.reshape(y, (-1, horizon, targets, outputs))


@keras.saving.register_keras_serializable("tsmodels")
class MixerBlock(keras.layers.Layer):
    """A dense layer along time, then two across channels, each in a residual: (B, T, C) -> same.

    x = x + drop(relu(W norm(x) along time));  y = x + drop(V drop(relu(U norm(x)))) with U to
    `units` channels.

    >>> MixerBlock(16)(ops.ones((2, 5, 3))).shape == (2, 5, 3)
    True
    """

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.drop = Dropout(dropout, **own)
        self.norms = [
            keras.layers.LayerNormalization(axis=(-2, -1), epsilon=1e-5, name=f"norm_{name}", **own)
            for name in ("time", "channels")
        ]
        self.widen = keras.layers.Dense(units, activation="relu", name="widen", **own)

    def build(self, input_shape: Any) -> None:
        batch, steps, channels = input_shape
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.along_time = keras.layers.Dense(steps, activation="relu", name="along_time", **own)
        self.narrow = keras.layers.Dense(channels, name="narrow", **own)
        self.along_time.build((batch, channels, steps))
        self.widen.build(input_shape)
        self.narrow.build((batch, steps, self.units))
        for norm in self.norms:
            norm.build(input_shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        h = self.along_time(ops.swapaxes(self.norms[0](x), 1, 2))  # (B, C, T)
        x = x + self.drop(ops.swapaxes(h, 1, 2), training=training)
        h = self.drop(self.widen(self.norms[1](x)), training=training)  # (B, T, units)
        return x + self.drop(self.narrow(h), training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}
