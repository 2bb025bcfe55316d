"""Losses of forecasting that Keras lacks, and the one place where a loss is looked up by name.

All work on targets scaled by the estimator; `y` and `yhat` are (B, H, targets).
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_real, did_you_mean, fault


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


LOSSES = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "log_cosh": keras.losses.LogCosh,
    "smape": SMAPE,
    "owa": OWA,
}


CLASS_LOSSES = {
    "cross_entropy": keras.losses.CategoricalCrossentropy,
    "focal": keras.losses.CategoricalFocalCrossentropy,
}


def resolve_loss(loss: str | Any) -> Any:
    """A fresh loss for a name of `LOSSES`, or a copy of a `keras.losses.Loss` made from its config.

    The names of `CLASS_LOSSES` make losses of logits and one-hot labels. Raises ValueError for an
    unknown name and TypeError for anything else.
    """
    if isinstance(loss, str):
        if loss in CLASS_LOSSES:
            return CLASS_LOSSES[loss](from_logits=True)
        if loss not in LOSSES:
            rule = f"one of {sorted(LOSSES)} or a keras.losses.Loss"
            raise ValueError(fault("loss", rule, loss, did_you_mean(loss, LOSSES)))
        return LOSSES[loss]()
    if not isinstance(loss, keras.losses.Loss):
        rule = f"one of {sorted(LOSSES)} or a keras.losses.Loss"
        raise TypeError(fault("loss", rule, loss, "A function becomes one by subclassing it."))
    return type(loss).from_config(loss.get_config())
