"""How outputs of a model move with its inputs, per backend: gradients of sums of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops

Arrays = dict[str, np.ndarray]
Pullback = Callable[[Arrays, Arrays, np.ndarray], Arrays]


def pullback_of(model: Any) -> Pullback:
    """`pullback(moved, fixed, shares)`: the gradient of sum(shares * outputs) in what is `moved`.

    `moved` and `fixed` together are the inputs of the model, `shares` has the shape of its outputs.
    Windows do not know each other, so that each has a gradient of its own: arrays like `moved`.
    """
    return BACKENDS[keras.backend.backend()](model)


def _total(model: Any, moved: Any, fixed: Any, shares: Any) -> Any:
    return ops.sum(shares * model({**fixed, **moved}, training=False))


def _tensorflow(model: Any) -> Pullback:
    import tensorflow as tf

    @tf.function(reduce_retracing=True, autograph=False)
    def pulled(moved: Any, fixed: Any, shares: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(moved)
            total = _total(model, moved, fixed, shares)
        return tape.gradient(total, moved, unconnected_gradients="zero")

    def pullback(*parts: Any) -> Arrays:
        given = tf.nest.map_structure(tf.convert_to_tensor, parts)
        return {name: gradient.numpy() for name, gradient in pulled(*given).items()}

    return pullback


def _jax(model: Any) -> Pullback:
    import jax

    @jax.jit
    def pulled(moved: Any, fixed: Any, shares: Any, weights: Any) -> Any:
        def total(moved: Any) -> Any:
            with keras.StatelessScope(list(zip(model.variables, weights, strict=True))):
                return _total(model, moved, fixed, shares)

        return jax.grad(total)(moved)

    def pullback(*parts: Any) -> Arrays:
        found = pulled(*parts, [variable.value for variable in model.variables])
        return {name: np.asarray(gradient) for name, gradient in found.items()}

    return pullback


def _torch(model: Any) -> Pullback:
    import torch

    def pullback(moved: Arrays, fixed: Arrays, shares: np.ndarray) -> Arrays:
        given = {name: ops.convert_to_tensor(x).requires_grad_() for name, x in moved.items()}
        held = {name: ops.convert_to_tensor(x) for name, x in fixed.items()}
        total = _total(model, given, held, ops.convert_to_tensor(shares))
        found = torch.autograd.grad(total, [*given.values()], allow_unused=True)
        return {
            name: np.zeros_like(moved[name]) if slope is None else ops.convert_to_numpy(slope)
            for name, slope in zip(given, found, strict=True)
        }

    return pullback


BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
