"""From a sequence to one vector: what a classifier's head reads."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_option
from tsmodels.layers.attention import masked_softmax

POOLINGS = ("last", "mean", "max", "attention")


def last_of(seen: Any) -> Any:
    """True at the last True of each row (B, T), and nowhere else.

    >>> ops.convert_to_numpy(last_of(ops.array([[True, True, False]]))).tolist()
    [[False, True, False]]
    """
    places = ops.cumsum(ops.cast(seen, "int32"), axis=1)  # 1 at the first, 2 at the next
    return ops.logical_and(seen, ops.equal(places, places[:, -1:]))


@keras.saving.register_keras_serializable("tsmodels")
class SequencePooling(keras.layers.Layer):
    """One vector of a sequence, (B, T, D) -> (B, D); masked steps do not count.

    `how` is the "last" step, the "mean", the "max" of each feature, or "attention": the mean by
    weights that a small network gives the steps (eq. 5 to 7 of Yang et al., 2016, "Hierarchical
    Attention Networks"). A sequence whose steps are all masked gives zeros.

    >>> x = ops.array([[[1.0], [3.0], [9.0]]])
    >>> mask = ops.array([[True, True, False]])
    >>> [SequencePooling(how)(x, mask=mask).numpy().item() for how in ("last", "mean", "max")]
    [3.0, 2.0, 3.0]
    """

    def __init__(self, how: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = check_option("how", how, POOLINGS)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if self.how == "attention":
            width = input_shape[-1]
            self.kernel = self.add_weight((width, width), name="kernel")
            self.bias = self.add_weight((width,), initializer="zeros", name="bias")
            self.context = self.add_weight((width, 1), name="context")

    def call(self, x: Any, mask: Any = None) -> Any:
        seen = None if mask is None else ops.cast(mask, "bool")
        if self.how == "max":
            return self._max(x, seen)
        if self.how == "last" and seen is None:
            return x[:, -1]
        return ops.einsum("bt,btd->bd", ops.cast(self.weights_of(x, seen), x.dtype), x)

    def weights_of(self, x: Any, seen: Any = None) -> Any:
        """How much each step counts, (B, T), for "last", "mean" and "attention"; sums to 1."""
        if self.how == "attention":
            u = ops.tanh(ops.matmul(x, self.kernel) + self.bias)  # (B, T, D), eq. 5
            return masked_softmax(ops.matmul(u, self.context)[:, :, 0], seen)  # (B, T), eq. 6
        ones = ops.ones_like(x[:, :, 0]) if seen is None else ops.cast(seen, x.dtype)  # (B, T)
        if self.how == "mean":
            return ones / ops.maximum(ops.sum(ones, axis=1, keepdims=True), 1.0)
        return ops.cast(last_of(ops.ones_like(ones, "bool") if seen is None else seen), x.dtype)

    def _max(self, x: Any, seen: Any) -> Any:
        if seen is None:
            return ops.max(x, axis=1)
        lowest = -1e4 if self.compute_dtype == "float16" else -1e30
        y = ops.max(ops.where(seen[:, :, None], x, lowest), axis=1)
        return ops.where(ops.any(seen, axis=1, keepdims=True), y, 0.0)

    def compute_mask(self, x: Any, mask: Any = None) -> None:
        """None: there are no steps any more."""
        return None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}
