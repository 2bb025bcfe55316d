"""Half precision: steps cast as calls do, and what would be rounded is worked out wider.

Keras casts inputs and weights to the compute dtype of a layer in `__call__` alone. Memories that go
on for long, sums of many terms and small differences of large numbers are float32 at least.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tsmodels.backend import AutocastScope, keras, ops

HALVES = ("float16", "bfloat16")


def wide(dtype: Any) -> str:
    """`dtype`, or float32 for one of half precision.

    >>> wide("bfloat16"), wide("float64")
    ('float32', 'float64')
    """
    dtype = keras.backend.standardize_dtype(dtype)
    return "float32" if dtype in HALVES else dtype


def widened(x: Any) -> Any:
    """x, in float32 where it is a tensor of half precision."""
    half = hasattr(x, "dtype") and keras.backend.standardize_dtype(x.dtype) in HALVES
    return ops.cast(x, "float32") if half else x


def in_full_precision(f: Callable) -> Callable:
    """`f(x, ...)` worked out in float32 at least; the answer, or the first of them, is cast like x.

    >>> @in_full_precision
    ... def length(x):
    ...     return ops.sqrt(ops.sum(x * x))
    >>> float(length(ops.array([300.0, 400.0], "float16")))  # squares are beyond float16
    500.0
    """

    first = next(iter(inspect.signature(f).parameters))

    @functools.wraps(f)
    def full(*args: Any, **kwargs: Any) -> Any:
        x = args[0] if args else kwargs[first]
        if widened(x) is x:
            return f(*args, **kwargs)
        args, kwargs = keras.tree.map_structure(widened, (args, kwargs))
        y = f(*args, **kwargs)
        return (ops.cast(y[0], x.dtype), *y[1:]) if isinstance(y, tuple) else ops.cast(y, x.dtype)

    return full


def in_own_precision(method: Callable) -> Callable:
    """`method(self, x, ...)` as in a call: x and the weights in the compute dtype of the layer."""

    @functools.wraps(method)
    def own(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(x, "dtype") or keras.backend.is_float_dtype(x.dtype):
            x = ops.cast(x, self.compute_dtype)
        if self.compute_dtype == self.variable_dtype:
            return method(self, x, *args, **kwargs)
        with AutocastScope(self.compute_dtype):
            return method(self, x, *args, **kwargs)

    return own


class Streaming:
    """Mixed into layers with a state: what they do from one is done in their own precision."""

    METHODS = ("step", "advance", "advance_with_values", "prefill")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in Streaming.METHODS:
            if name in vars(cls):
                setattr(cls, name, in_own_precision(vars(cls)[name]))
