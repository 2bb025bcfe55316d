"""Losses of forecasting that Keras lacks, and the one place where a loss is looked up by name.

All work on targets scaled by the estimator; `y` is (B, H, targets), and so is `yhat` of a point.
For quantiles and distributions `yhat` has a last axis more, see `tsmodels.heads`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_real, did_you_mean, fault
from tsmodels.distributions import FAMILIES, family_of

QUANTILE_LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)  # intervals of 50, 80 and 95 %


@keras.saving.register_keras_serializable("tsmodels")
class SMAPE(keras.losses.Loss):
    """Symmetric absolute percentage error, 2 |y - yhat| / (|y| + |yhat|), in [0, 2].

    Meaningful where the scaler only divides ("mean_abs", "seasonal_naive"). Makridakis, 1993.

    >>> float(SMAPE()(ops.array([[[1.0]]]), ops.array([[[3.0]]])))
    1.0
    """

    def __init__(self, name: str = "smape", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y: Any, yhat: Any) -> Any:
        error = 2.0 * ops.abs(y - yhat)
        size = ops.maximum(ops.abs(y) + ops.abs(yhat), keras.config.epsilon())
        return ops.mean(error / size, axis=-1)


@keras.saving.register_keras_serializable("tsmodels")
class OWA(keras.losses.Loss):
    """`weight` x SMAPE + (1 - `weight`) x absolute error, the mixture the M4 competition scored.

    With `scaler="seasonal_naive"` the absolute error is the MASE. The competition divides sMAPE
    and MASE by those of Naive2 before it takes their mean; for its hourly series (0.184 and 2.395)
    this amounts to a weight of 0.93. Makridakis et al., 2020.

    >>> float(OWA(weight=0.5)(ops.array([[[1.0]]]), ops.array([[[3.0]]])))
    1.5
    """

    def __init__(self, weight: float = 0.9, name: str = "owa", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.weight = check_real("weight", weight, 0.0, 1.0)

    def call(self, y: Any, yhat: Any) -> Any:
        error = ops.abs(y - yhat)
        size = ops.maximum(ops.abs(y) + ops.abs(yhat), keras.config.epsilon())
        mixture = self.weight * 2.0 * error / size + (1.0 - self.weight) * error
        return ops.mean(mixture, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}


@keras.saving.register_keras_serializable("tsmodels")
class Pinball(keras.losses.Loss):
    """Mean error of quantiles, each pulled to its side: max(q (y - yhat), (q - 1) (y - yhat)).

    `y` is (B, H, K), `yhat` (B, H, K, Q), one number a level. `levels` are distinct numbers in
    (0, 1), kept in ascending order; the median is added where it is missing, for it is the point
    forecast. Koenker & Bassett, 1978.

    >>> loss = Pinball([0.9])
    >>> loss.levels
    (0.5, 0.9)
    >>> round(float(loss(ops.array([[[3.0]]]), ops.array([[[[3.0, 1.0]]]]))), 3)
    0.9
    """

    def __init__(
        self, levels: Sequence[float] = QUANTILE_LEVELS, name: str = "quantile", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.levels = check_levels(levels)

    def call(self, y: Any, yhat: Any) -> Any:
        _check_outputs(yhat, len(self.levels))
        error = y[..., None] - yhat  # (B, H, K, Q)
        q = ops.convert_to_tensor(self.levels, dtype=yhat.dtype)
        return ops.mean(ops.maximum(q * error, (q - 1.0) * error), axis=(-2, -1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "levels": list(self.levels)}


@keras.saving.register_keras_serializable("tsmodels")
class NegativeLogLikelihood(keras.losses.Loss):
    """-log p(y) of a family of distributions; see `tsmodels.distributions`.

    `y` is (B, H, K), `yhat` (B, H, K, P), the parameters.

    >>> loss = NegativeLogLikelihood("normal")
    >>> round(float(loss(ops.array([[[3.0]]]), ops.array([[[[3.0, 1.0]]]]))), 3)
    0.919
    """

    def __init__(self, family: str = "normal", name: str | None = None, **kwargs: Any) -> None:
        self.family = family_of(family).name
        super().__init__(name=name or self.family, **kwargs)

    def call(self, y: Any, yhat: Any) -> Any:
        family = family_of(self.family)
        _check_outputs(yhat, family.n_parameters)
        parameters = [yhat[..., i] for i in range(family.n_parameters)]
        return -ops.mean(family.log_likelihood(y, *parameters), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "family": self.family}


@keras.saving.register_keras_serializable("tsmodels")
class TokenCrossEntropy(keras.losses.Loss):
    """-log p of tokens `y` (B, T) under logits `yhat` (B, T, V).

    With `smoothing` a share of the truth is spread over all tokens alike. Szegedy et al., 2016.

    >>> loss = TokenCrossEntropy()
    >>> round(float(loss(ops.array([[1.0]]), ops.array([[[0.0, 0.0]]]))), 3)
    0.693
    """

    def __init__(
        self, smoothing: float = 0.0, name: str = "token_cross_entropy", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.smoothing = check_real("smoothing", smoothing, 0.0, 1.0, open_high=True)

    def call(self, y: Any, yhat: Any) -> Any:
        y = ops.cast(y, "int32")
        if not self.smoothing:
            return ops.sparse_categorical_crossentropy(y, yhat, from_logits=True)
        size = yhat.shape[-1]
        truth = ops.one_hot(y, size, dtype=yhat.dtype) * (1.0 - self.smoothing)
        return ops.categorical_crossentropy(truth + self.smoothing / size, yhat, from_logits=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "smoothing": self.smoothing}


def check_levels(levels: Any) -> tuple[float, ...]:
    """Quantile levels, ascending, with the median; ValueError or TypeError for others."""
    rule = "a list of distinct numbers in (0, 1), one of them not 0.5"
    if isinstance(levels, str) or not isinstance(levels, Sequence):
        raise TypeError(fault("quantile_levels", rule, levels))
    numbers = [
        check_real("quantile_levels", level, 0.0, 1.0, open_low=True, open_high=True)
        for level in levels
    ]
    if len(set(numbers)) < len(numbers) or not {*numbers} - {0.5}:
        raise ValueError(fault("quantile_levels", rule, levels))
    return tuple(sorted({*numbers, 0.5}))


def _check_outputs(yhat: Any, needed: int) -> None:
    if len(yhat.shape) != 4 or yhat.shape[-1] != needed:
        rule = "a point loss where a network answers with points"
        got = f"one of {needed} numbers a step, for outputs {tuple(yhat.shape)}"
        raise ValueError(fault("loss", rule, got))


LOSSES = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "log_cosh": keras.losses.LogCosh,
    "smape": SMAPE,
    "owa": OWA,
}

FORECAST_LOSSES: dict[str, Any] = {
    **LOSSES,
    "quantile": Pinball,
    **{name: functools.partial(NegativeLogLikelihood, name) for name in FAMILIES},
}


CLASS_LOSSES = {
    "cross_entropy": keras.losses.CategoricalCrossentropy,
    "focal": keras.losses.CategoricalFocalCrossentropy,
}


def resolve_loss(loss: str | Any) -> Any:
    """A fresh loss for a name of `LOSSES`, or a copy of a `keras.losses.Loss` made from its config.

    The names of `FORECAST_LOSSES` that are not points make losses of quantiles and distributions,
    those of `CLASS_LOSSES` losses of logits and one-hot labels. Raises ValueError for an
    unknown name and TypeError for anything else.
    """
    if isinstance(loss, str):
        if loss in CLASS_LOSSES:
            return CLASS_LOSSES[loss](from_logits=True)
        if loss not in FORECAST_LOSSES:
            rule = f"one of {sorted(FORECAST_LOSSES)} or a keras.losses.Loss"
            raise ValueError(fault("loss", rule, loss, did_you_mean(loss, FORECAST_LOSSES)))
        return FORECAST_LOSSES[loss]()
    if not isinstance(loss, keras.losses.Loss):
        rule = f"one of {sorted(LOSSES)} or a keras.losses.Loss"
        raise TypeError(fault("loss", rule, loss, "A function becomes one by subclassing it."))
    return type(loss).from_config(loss.get_config())
