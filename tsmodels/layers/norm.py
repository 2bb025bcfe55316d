"""Reversible instance normalisation: each window is scaled by itself and the answer scaled back.

Glossary: d deviation from an anchor (an observed value of the window), w weight of a step (1
observed, 0 not), so that statistics are sums of w * d. RMS normalisation is
`keras.layers.RMSNormalization`.
"""

from __future__ import annotations

import inspect
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.precision import Streaming

CENTRES = ("mean", "last", "season")


@keras.saving.register_keras_serializable("tsmodels")
class RevIN(keras.layers.Layer):
    """Reversible instance normalisation over time, per window and channel. Kim et al., 2022.

    `z, statistics = revin(x)` for x (B, T, C) gives z (B, T, C) and statistics (B, 2, C), the
    centre and the scale; `y = revin(h, statistics=statistics)` takes h (B, H, C) back to the units
    of x. Statistics are constants in backpropagation, except for a last value, which is a plain
    difference; where the attribute `constant` is False, they are not. `centre` is

    - "mean": mean of the window; scale: population standard deviation, `epsilon` inside the root;
    - "last": last value; the same scale;
    - "season": mean of the last `season_length` values; scale: mean absolute deviation of the
      window from that centre, or 1 for a constant window.

    `observed` (B, T) or (B, T, 1), bool or 0/1, by default the mask of Keras, keeps unobserved
    steps out of the statistics and puts them at the centre; a window without observations has
    centre 0 and scale 1. With `affine`, a weight and a bias per channel follow. An inverse of fewer
    channels than x means the first ones.

    Deviations are taken from a value of the window before they are squared, so offsets far above
    the spread survive float32; under a policy of half precision z alone is half.

    >>> revin = RevIN()
    >>> x = ops.array([[[1e6], [1e6 + 1], [1e6 + 2]]])
    >>> z, statistics = revin(x)
    >>> [round(float(value), 3) for value in z[0, :, 0]]
    [-1.225, 0.0, 1.225]
    >>> ops.convert_to_numpy(revin(z, statistics=statistics))[0, :, 0].tolist()
    [1000000.0, 1000001.0, 1000002.0]
    """

    def __init__(
        self,
        centre: str = "mean",
        affine: bool = False,
        season_length: int = 1,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.centre = check_option("centre", centre, CENTRES)
        self.affine = affine
        self.season_length = check_int("season_length", season_length)
        self.epsilon = check_real("epsilon", epsilon, 0.0)
        self.constant = True
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if self.affine:
            shape = (input_shape[-1],)
            self.affine_weight = self.add_weight(
                shape, "ones", name="affine_weight", autocast=False
            )
            self.affine_bias = self.add_weight(shape, "zeros", name="affine_bias", autocast=False)

    def call(self, x: Any, observed: Any = None, statistics: Any = None, mask: Any = None) -> Any:
        x = ops.cast(x, self.variable_dtype)
        if statistics is not None:
            return self._restore(x, statistics)
        observed = mask if observed is None else observed
        if observed is None:
            w = ops.ones_like(x[..., :1])  # (B, T, 1)
        else:
            w = ops.cast(observed, x.dtype)
            w = w[..., None] if len(w.shape) == 2 else w  # (B, T, 1)
        return self._normalise(x, w)

    def _normalise(self, x: Any, w: Any) -> tuple[Any, Any]:
        x = ops.where(w > 0, x, 0.0)
        anchor = self._held(_value_at(x, _first_step(w)))  # (B, 1, C)
        d = ops.where(w > 0, x - anchor, 0.0)  # (B, T, C)
        centre, scale = self._centre_and_scale(d, w)  # (B, 1, C) each
        z = ops.where(w > 0, (d - centre) / scale, 0.0)
        if self.affine:
            z = z * self.affine_weight + self.affine_bias
        statistics = ops.concatenate([anchor + centre, scale], axis=1)
        return ops.cast(z, self.compute_dtype), statistics

    def _centre_and_scale(self, d: Any, w: Any) -> tuple[Any, Any]:
        last, d = _value_at(d, _last_step(w)), self._held(d)
        if self.centre == "season":
            centre = _mean(d, _latest(w, self.season_length))
            scale = _mean(ops.abs(d - centre), w)
            return centre, ops.where(scale > 0, scale, 1.0)
        mean = _mean(d, w)
        scale = ops.sqrt(_mean(ops.square(d - mean), w) + self.epsilon)
        scale = ops.where(ops.any(w > 0, axis=1, keepdims=True), scale, 1.0)
        return (mean if self.centre == "mean" else last), scale

    def _held(self, x: Any) -> Any:
        return ops.stop_gradient(x) if self.constant else x

    def _restore(self, h: Any, statistics: Any) -> Any:
        channels = h.shape[-1]
        centre, scale = ops.split(statistics[..., :channels], 2, axis=1)  # (B, 1, C)
        if self.affine:
            h = h - self.affine_bias[:channels]
            h = h / (self.affine_weight[:channels] + self.epsilon**2)
        return h * scale + centre


@keras.saving.register_keras_serializable("tsmodels")
class Constant(keras.layers.Layer):
    """x as it is, a constant in backpropagation unless the attribute `constant` is False.

    >>> ops.convert_to_numpy(Constant()(ops.ones(2))).tolist()
    [1.0, 1.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.constant = True

    def call(self, x: Any) -> Any:
        return ops.stop_gradient(x) if self.constant else x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def _mean(d: Any, w: Any) -> Any:
    """Weighted mean over time, (B, 1, C); 0 where no step has weight."""
    weight = ops.sum(w, axis=1, keepdims=True)
    return ops.sum(w * d, axis=1, keepdims=True) / ops.maximum(weight, 1.0)


def _steps(w: Any) -> Any:
    return ops.arange(ops.shape(w)[1], dtype="int32")[None, :, None]  # (1, T, 1)


@keras.saving.register_keras_serializable("tsmodels")
class PreNorm(Streaming, keras.layers.Layer):
    """x + dropout(layer(RMSNorm(x))), (B, T, D) -> (B, T, D): a block of a pre-norm residual stack.

    Zhang & Sennrich, 2019 (RMSNorm); Xiong et al., 2020, arXiv 2002.04745 (pre-norm). It streams
    where `layer` does: `initial_state(batch)`, `step` and `advance` are those of `layer`.

    >>> block = PreNorm(keras.layers.Dense(8), dropout=0.1)
    >>> tuple(block(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(self, layer: Any, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer, self.rate = layer, dropout
        self.norm = keras.layers.RMSNormalization(
            epsilon=1e-5, name="norm", dtype=self.dtype_policy
        )
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = self.norm.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.norm.build(input_shape)
        if not self.layer.built:
            self.layer.build(input_shape)
        self.built = True

    def call(self, x: Any, mask: Any = None, training: bool = False) -> Any:
        heeded = mask is not None and "mask" in inspect.signature(self.layer.call).parameters
        y = self.layer(self.norm(x), **({"mask": mask} if heeded else {}))
        return x + self.drop(y, training=training)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        """The state of `layer` before the first step."""
        return self.layer.initial_state(batch)

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One moment (B, D) -> (B, D) and the next state, as in inference."""
        y, state = self.layer.step(self.norm(x), state)
        return x + y, state

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Any number of steps (B, L, D) from a state, as `call`, and the next state."""
        y, state = self.layer.advance(self.norm(x), state)
        return x + self.drop(y), state

    def get_config(self) -> dict[str, Any]:
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer, "dropout": self.rate}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PreNorm:
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


def _first_step(w: Any) -> Any:
    """Index of the first step with weight, (B, 1, 1)."""
    steps = _steps(w)
    return ops.min(ops.where(w > 0, steps, ops.shape(w)[1]), axis=1, keepdims=True)


def _last_step(w: Any) -> Any:
    """Index of the last step with weight, (B, 1, 1)."""
    return ops.max(ops.where(w > 0, _steps(w), -1), axis=1, keepdims=True)


def _value_at(x: Any, step: Any) -> Any:
    """The value of x (B, T, C) at `step` (B, 1, 1), as (B, 1, C); 0 for a step outside."""
    here = ops.cast(_steps(x) == step, x.dtype)
    return ops.sum(x * here, axis=1, keepdims=True)


def _latest(w: Any, season_length: int) -> Any:
    """`w` on the season that ends with the last observed step, 0 before it."""
    steps = _steps(w)
    return ops.where(steps > _last_step(w) - season_length, w, 0.0)
