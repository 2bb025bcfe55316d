"""Functions around a model, compiled as the backend compiles: for what is no batch of examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tsmodels.backend import keras


def compiled_function(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """`function` of tensors or arrays, flat or in dicts, that reads the weights of `model`.

    It is traced once for every shape of its arguments, and sees weights that are set later.

    >>> import numpy as np
    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> twice = compiled_function(lambda x: 2.0 * model(x), model)
    >>> float(twice(np.ones((1, 2), "float32"))[0, 0])
    4.0
    """
    return BACKENDS[keras.backend.backend()](function, model)


def _tensorflow(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    import tensorflow as tf

    traced = tf.function(function, autograph=False)
    known: dict[Any, Any] = {}  # looked up here in a third of the time that tf.function takes

    def run(*arguments: Any) -> Any:
        tensors = tf.nest.map_structure(tf.convert_to_tensor, arguments)
        form = _form(tensors)
        if form not in known:
            known[form] = traced.get_concrete_function(*tensors)
        return known[form](*tensors)

    return run


def _form(x: Any) -> Any:
    """Names, shapes and types of a tensor, or of those in a dict or a sequence; hashable."""
    if isinstance(x, Mapping):
        return tuple((key, _form(value)) for key, value in x.items())
    if isinstance(x, list | tuple):
        return tuple(map(_form, x))
    return tuple(x.shape), x.dtype


def _jax(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    import jax

    variables = model.variables

    @jax.jit
    def run(values: list[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: run([variable.value for variable in variables], *arguments)


def _torch(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    import torch

    def run(*arguments: Any) -> Any:
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, arguments)
        with torch.no_grad():
            return function(*tensors)

    return run


BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
