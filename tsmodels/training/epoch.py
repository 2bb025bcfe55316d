"""A whole epoch as one compiled call, per backend; the same results as `keras.Model.fit`.

TensorFlow runs a loop over batches inside one function, JAX a jitted loop over a state, torch a
plain one. All gather their batches from start indices, so that nothing but indices is copied.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.training.batches import AnyLayout

LARGEST_BATCH = 1024  # windows that are evaluated or predicted at once, if their outputs are few
LARGEST_OUTPUT = 2**24  # numbers that a model answers with at once
Arrays = dict[str, Any]


class Epochs:
    """Trains, evaluates and runs one model over windows of one layout; changes it in place.

    `loss` and `optimizer` are None where the model only predicts.
    """

    def __init__(
        self, model: Any, layout: AnyLayout, loss: Any = None, optimizer: Any = None
    ) -> None:
        self.model, self.layout = model, layout
        self.loss, self.optimizer = loss, optimizer

    def arrays(self, arrays: dict[str, np.ndarray]) -> Arrays:
        """The arrays of a layout where the backend reads them."""
        return {key: ops.convert_to_tensor(value) for key, value in arrays.items()}

    def train(self, arrays: Arrays, order: np.ndarray, size: int, rates: np.ndarray) -> np.ndarray:
        """One step for each `size` windows of `order` at the rate given; their losses."""
        raise NotImplementedError

    def evaluate(self, arrays: Arrays, n: int) -> float:
        """The mean loss over the first `n` windows."""
        order = np.arange(n, dtype=np.int32)
        losses = self._losses(arrays, order)
        return float(np.average(losses, weights=sizes(n, largest_batch(self.model))))

    def predict(self, arrays: Arrays, index: np.ndarray) -> np.ndarray:
        """Outputs (B, H, K) for the windows at `index`."""
        raise NotImplementedError

    def _losses(self, arrays: Arrays, order: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _loss(self, arrays: Arrays, index: Any, training: bool) -> Any:
        inputs, target, weight = self.layout.gather(arrays, index)
        inputs = self._told(inputs, target if training else None)
        yhat = self.model(inputs, training=training)
        penalties = self.model.losses  # regularisers, and what layers add
        return sum(penalties, self.loss(target, yhat, sample_weight=weight))

    def _output(self, arrays: Arrays, index: Any) -> Any:
        inputs, _, _ = self.layout.gather(arrays, index)
        return self.model(self._told(inputs, None), training=False)

    def _told(self, inputs: Arrays, target: Any) -> Arrays:
        """The inputs, with the truth for models that ask for it: zeros where there is none."""
        if "target" not in self.model.input:
            return inputs
        if target is None:
            shape = (ops.shape(inputs["past"])[0], *self.model.input["target"].shape[1:])
            target = ops.zeros(shape, dtype="float32")
        return {**inputs, "target": target}


def largest_batch(model: Any) -> int:
    """How many windows a model evaluates or predicts at once, a power of two.

    >>> model = keras.Sequential([keras.Input((100, 4)), keras.layers.Dense(8000)])
    >>> largest_batch(model)
    16
    """
    numbers = max(math.prod(model.output_shape[1:]), 1)
    return min(LARGEST_BATCH, 1 << max((LARGEST_OUTPUT // numbers).bit_length() - 1, 0))


def sizes(n: int, size: int) -> np.ndarray:
    """How many of `n` windows each batch of at most `size` holds, the last one the rest."""
    return np.minimum(size, n - np.arange(0, n, size))


class TensorFlowEpochs(Epochs):
    """The loop over batches stands in the graph: one call, whatever the number of steps."""

    @functools.cached_property
    def _tf(self) -> Any:
        import tensorflow as tf

        return tf

    def arrays(self, arrays: dict[str, np.ndarray]) -> Arrays:
        return {key: self._tf.convert_to_tensor(value) for key, value in arrays.items()}

    def train(self, arrays: Arrays, order: np.ndarray, size: int, rates: np.ndarray) -> np.ndarray:
        return self._train(arrays, order, np.int32(size), rates).numpy()

    def _losses(self, arrays: Arrays, order: np.ndarray) -> np.ndarray:
        return self._evaluate(arrays, order, np.int32(largest_batch(self.model))).numpy()

    def predict(self, arrays: Arrays, index: np.ndarray) -> np.ndarray:
        return self._predict(arrays, self._tf.constant(index)).numpy()

    @functools.cached_property
    def _train(self) -> Any:
        from tsmodels.training.adam_tensorflow import dense, fuse

        fuse(self.optimizer)

        def step(arrays: Arrays, index: Any, rate: Any) -> Any:
            self.optimizer.learning_rate.assign(rate)
            with self._tf.GradientTape() as tape:
                loss = self._loss(arrays, index, training=True)
            weights = self.model.trainable_variables
            gradients = tape.gradient(loss, [w.value for w in weights])
            self.optimizer.apply(list(map(dense, gradients, weights)), weights)
            return loss

        def epoch(arrays: Arrays, order: Any, size: Any, rates: Any) -> Any:
            return self._loop(lambda index, k: step(arrays, index, rates[k]), order, size)

        return self._compiled(epoch, self._spec("int32", ()), self._spec("float32", (None,)))

    @functools.cached_property
    def _evaluate(self) -> Any:
        def evaluate(arrays: Arrays, order: Any, size: Any) -> Any:
            return self._loop(lambda index, k: self._loss(arrays, index, False), order, size)

        return self._compiled(evaluate, self._spec("int32", ()))

    @functools.cached_property
    def _predict(self) -> Any:
        return self._compiled(self._output).get_concrete_function()  # arguments bind quicker

    def _loop(self, step: Callable[[Any, Any], Any], order: Any, size: Any) -> Any:
        """The loss of `step` for one batch of `order` after the other, (steps,)."""
        tf = self._tf
        n = tf.shape(order)[0]
        steps = (n + size - 1) // size

        def body(k: Any, losses: Any) -> tuple[Any, Any]:
            index = order[k * size : tf.minimum((k + 1) * size, n)]
            return k + 1, losses.write(k, step(index, k))

        losses = tf.TensorArray(tf.float32, size=steps)
        start = (tf.constant(0), losses)
        _, losses = tf.while_loop(lambda k, _: k < steps, body, start, parallel_iterations=1)
        return losses.stack()

    def _compiled(self, function: Any, *others: Any) -> Any:
        arrays = {
            name: self._spec(dtype, (None, *shape))
            for name, (dtype, shape) in self.layout.shapes.items()
        }
        signature = [arrays, self._spec("int32", (None,)), *others]
        return self._tf.function(function, input_signature=signature, autograph=False)

    def _spec(self, dtype: str, shape: tuple[int | None, ...]) -> Any:
        return self._tf.TensorSpec(shape, dtype)


class JaxEpochs(Epochs):
    """The state of model and optimizer goes through one jitted loop; shapes come in few sizes."""

    def arrays(self, arrays: dict[str, np.ndarray]) -> Arrays:
        return super().arrays({key: _padded(value) for key, value in arrays.items()})

    def train(self, arrays: Arrays, order: np.ndarray, size: int, rates: np.ndarray) -> np.ndarray:
        whole = len(order) // size
        losses = [self._run(arrays, order[: whole * size].reshape(whole, size), rates[:whole])]
        if len(order) > whole * size:
            losses.append(self._run(arrays, order[None, whole * size :], rates[whole:]))
        return np.concatenate(losses)

    def _run(self, arrays: Arrays, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        steps = len(order)
        if steps == 0:
            return np.zeros(0, dtype=np.float32)
        variables = self._variables()
        state = [[v.value for v in group] for group in variables]
        state, losses = self._train(state, arrays, _padded(order), _padded(rates), steps)
        for group, values in zip(variables, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return np.asarray(losses)[:steps]

    def _losses(self, arrays: Arrays, order: np.ndarray) -> np.ndarray:
        batches = _batches(order, largest_batch(self.model))
        values = self._values()
        return np.array([float(self._evaluate(*values, arrays, batch)) for batch in batches])

    def predict(self, arrays: Arrays, index: np.ndarray) -> np.ndarray:
        return np.asarray(self._predict(*self._values(), arrays, index))

    def _variables(self) -> list[list[Any]]:
        model, optimizer = self.model, self.optimizer
        return [model.trainable_variables, model.non_trainable_variables, optimizer.variables]

    def _values(self) -> list[list[Any]]:
        model = self.model
        groups = (model.trainable_variables, model.non_trainable_variables)
        return [[v.value for v in group] for group in groups]

    @functools.cached_property
    def _train(self) -> Any:
        import jax

        rate_place = next(
            i for i, v in enumerate(self.optimizer.variables) if v is self.optimizer.learning_rate
        )
        slope = jax.value_and_grad(self._stateless(self._loss_in_training), has_aux=True)

        def step(state: Any, arrays: Arrays, index: Any, rate: Any) -> Any:
            trainable, others, optimizer = state
            optimizer = [*optimizer[:rate_place], rate, *optimizer[rate_place + 1 :]]
            (loss, others), gradients = slope(trainable, others, arrays, index)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return [trainable, others, optimizer], loss

        def epoch(state: Any, arrays: Arrays, order: Any, rates: Any, steps: Any) -> Any:
            def body(k: Any, carry: Any) -> Any:
                state, losses = carry
                state, loss = step(state, arrays, order[k], rates[k])
                return state, losses.at[k].set(loss)

            return jax.lax.fori_loop(0, steps, body, (state, jax.numpy.zeros(len(rates))))

        return jax.jit(epoch)

    @functools.cached_property
    def _evaluate(self) -> Any:
        import jax

        run = self._stateless(lambda arrays, index: self._loss(arrays, index, False))
        return jax.jit(lambda *args: run(*args)[0])

    @functools.cached_property
    def _predict(self) -> Any:
        import jax

        run = self._stateless(self._output)
        return jax.jit(lambda *args: run(*args)[0])

    def _loss_in_training(self, arrays: Arrays, index: Any) -> Any:
        return self._loss(arrays, index, True)

    def _stateless(self, function: Callable[[Arrays, Any], Any]) -> Any:
        """`function` with the values of the variables as arguments, and those it leaves behind."""
        model = self.model

        def run(trainable: Any, others: Any, arrays: Arrays, index: Any) -> tuple[Any, list[Any]]:
            mapping = list(zip(model.trainable_variables, trainable, strict=True))
            mapping += list(zip(model.non_trainable_variables, others, strict=True))
            with keras.StatelessScope(mapping, collect_losses=True) as scope:
                result = function(arrays, index)
            return result, [scope.get_current_value(v) for v in model.non_trainable_variables]

        return run


def _padded(array: np.ndarray) -> np.ndarray:
    """The array with zero rows added up to one of few sizes: at most seven or a quarter more."""
    n = len(array)
    grain = 1 << max(n.bit_length() - 3, 3)
    return np.pad(array, [(0, -n % grain)] + [(0, 0)] * (array.ndim - 1))


class TorchEpochs(Epochs):
    """The plain loop; torch has nothing to compile."""

    def train(self, arrays: Arrays, order: np.ndarray, size: int, rates: np.ndarray) -> np.ndarray:
        import torch

        losses = []
        for index, rate in zip(_batches(order, size), rates, strict=True):
            self.optimizer.learning_rate.assign(rate)
            self.model.zero_grad()
            loss = self._loss(arrays, ops.convert_to_tensor(index), training=True)
            loss.backward()
            weights = self.model.trainable_variables
            with torch.no_grad():
                self.optimizer.apply([w.value.grad for w in weights], weights)
            losses.append(float(loss.detach()))
        return np.array(losses)

    def _losses(self, arrays: Arrays, order: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            batches = map(ops.convert_to_tensor, _batches(order, largest_batch(self.model)))
            return np.array([float(self._loss(arrays, index, False)) for index in batches])

    def predict(self, arrays: Arrays, index: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            return ops.convert_to_numpy(self._output(arrays, ops.convert_to_tensor(index)))


def _batches(order: np.ndarray, size: int) -> Sequence[np.ndarray]:
    return np.split(order, range(size, len(order), size))


BACKENDS = {"tensorflow": TensorFlowEpochs, "jax": JaxEpochs, "torch": TorchEpochs}


def epochs_of(model: Any, layout: AnyLayout, loss: Any = None, optimizer: Any = None) -> Epochs:
    """The `Epochs` of the backend in use."""
    return BACKENDS[keras.backend.backend()](model, layout, loss, optimizer)
