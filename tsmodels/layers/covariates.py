"""Covariates inside a model: categories as vectors, and a way past networks that read none."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int
from tsmodels.layers.linear import TimeLinear, side_by_side


@keras.saving.register_keras_serializable("tsmodels")
class CategoryEmbedding(keras.layers.Layer):
    """Codes of categories as vectors: (...) -> (..., units). Guo & Berkhahn, 2016.

    Codes 1 to `categories` have a vector each, less the mean of them all; code 0, an unknown
    category, has one of its own that starts at zero. So what no training row ever held stands where
    the average of the known ones does. Codes may be floats, and those out of range are unknown.

    >>> embed = CategoryEmbedding(3, units=2)
    >>> embed(ops.array([[0.0, 2.0]])).shape == (1, 2, 2)
    True
    """

    def __init__(self, categories: int, units: int | None = None, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # half precision would merge codes
        self.categories = check_int("categories", categories, 0)
        self.units = width_of(categories) if units is None else check_int("units", units)

    def build(self, input_shape: Any) -> None:
        shape, start = (self.categories, self.units), keras.initializers.RandomNormal(stddev=0.3)
        self.known = self.add_weight(shape, start, name="known")
        self.unknown = self.add_weight((1, self.units), "zeros", name="unknown")

    def call(self, codes: Any) -> Any:
        known = ops.cast(self.known, self.compute_dtype)
        if self.categories:
            known = known - ops.mean(known, axis=0, keepdims=True)
        codes = ops.cast(codes, "int32")
        inside = ops.logical_and(codes >= 0, codes <= self.categories)
        table = ops.concatenate([ops.cast(self.unknown, known.dtype), known], axis=0)
        return ops.take(table, ops.where(inside, codes, 0), axis=0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.units)

    def get_config(self) -> dict[str, Any]:
        own = {"categories": self.categories, "units": self.units}
        return {**super().get_config(), **own}


def width_of(categories: int) -> int:
    """The width of an embedding unless told: half as wide as there are categories, at most 16.

    >>> [width_of(n) for n in (1, 2, 7, 300)]
    [1, 2, 4, 16]
    """
    return min(categories // 2 + 1, 16)


@keras.saving.register_keras_serializable("tsmodels")
class CovariateForecast(keras.layers.Layer):
    """A forecast from covariates alone: past (B, T, F), future (B, H, G), static (B, K) to
    (B, H, outputs).

    Each step of the horizon sees its future covariates, the static ones, and a linear map along
    time of each past one, through a perceptron of `units`. Its last map starts at zero, so that it
    changes nothing where it is added before it has learned.

    >>> past, future, static = ops.ones((2, 9, 1)), ops.ones((2, 4, 3)), ops.ones((2, 0))
    >>> CovariateForecast(2)(past, future, static).shape == (2, 4, 2)
    True
    """

    def __init__(self, outputs: int, units: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outputs, self.units = check_int("outputs", outputs), check_int("units", units)

    def build(self, past_shape: Any, future_shape: Any, static_shape: Any) -> None:
        horizon = future_shape[1]
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.align = TimeLinear(horizon, name="align", **own)
        self.inner = keras.layers.Dense(self.units, "gelu", name="inner", **own)
        self.outer = keras.layers.Dense(
            self.outputs, kernel_initializer="zeros", name="outer", **own
        )
        if past_shape[-1]:
            self.align.build(past_shape)
        width = past_shape[-1] + future_shape[-1] + static_shape[-1]
        self.inner.build((None, horizon, width))
        self.outer.build((None, horizon, self.units))

    def call(self, past: Any, future: Any, static: Any) -> Any:
        parts = [future]
        if static.shape[-1]:
            parts.append(ops.repeat(static[:, None], future.shape[1], axis=1))
        if past.shape[-1]:
            parts.append(self.align(past))  # (B, H, F)
        return self.outer(self.inner(side_by_side(*parts)))

    def compute_output_shape(self, past_shape: Any, future_shape: Any, static_shape: Any) -> Any:
        return (*future_shape[:2], self.outputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "outputs": self.outputs, "units": self.units}
