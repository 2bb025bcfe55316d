"""Recurrences for TensorFlow on a CPU: the batch divided over the cores, a thread a shard.

    B batch   T length   F features   U units

A step of a recurrent layer is too small to be shared by threads: they cost more than they give.
Sequences do not know each other, so the batch is divided instead: `MapDefun` runs its shards at the
same time and holds each to one thread. Gradients are written out (`custom_gradient`), so a kernel
says what it keeps for the way back. In inference nothing is kept, and a gradient, should one be
asked for, runs forward once more.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

raw = tf.raw_ops
# Sequences that a shard has at least, with a gradient to come (each shard pays for that of the
# weights at every step) and without; then it has `MOST` at most, so that values stay in the caches.
FEWEST = {True: 32, False: 8}
MOST = 128


class Cell(NamedTuple):
    """A recurrence over one shard, and its gradient.

    `forward(x, states, weights, keep)` with x (B, T, F) gives a list of outputs, y (B, T, U) first,
    and a list of what `backward` needs: scalars of type variant, none unless `keep`.
    `backward(upstream, kept, states, weights)` gives the gradients of x, states and weights.
    """

    forward: Callable
    backward: Callable


def run(cell: Cell, x: Any, states: Sequence[Any], weights: Sequence[Any], keep: bool) -> Any:
    """The outputs of `cell` on a batch x (B, T, F); `keep` where a gradient is to be expected."""
    states, weights = list(states), [tf.convert_to_tensor(weight) for weight in weights]
    rows = [(None, None, x.shape[-1]), *((None, state.shape[-1]) for state in states)]
    shapes = (*rows, *(tuple(weight.shape) for weight in weights))
    traced = _traced(cell, shapes, len(rows), cores())

    @tf.custom_gradient
    def recurrence(*given: Any) -> Any:
        given = tuple(map(tf.stop_gradient, given))  # no tape looks inside
        outputs, kept = traced.forward[keep](given)

        def gradient(*upstream: Any) -> Any:
            memory = kept if keep else traced.forward[True](given)[1]
            return traced.backward(upstream, memory, given)

        return outputs, gradient

    y, *rest = recurrence(x, *states, *weights)
    return [tf.ensure_shape(y, (*x.shape[:2], y.shape[-1])), *rest]


class _Traced:
    """Both ways of a cell as functions of any batch and any length: nothing is traced twice.

    `given` are x, the states and the weights; the first `n` of them have a row a sequence.
    """

    def __init__(self, cell: Cell, shapes: Sequence[Any], n: int, most: int) -> None:
        self.cell, self.n, self.most = cell, n, most
        self.given = tuple(tf.TensorSpec(shape) for shape in shapes)
        self.forward = {
            keep: tf.function(
                functools.partial(self._forward, keep=keep),
                input_signature=[self.given],
                autograph=False,
            )
            for keep in (False, True)
        }

    @functools.cached_property
    def backward(self) -> Any:
        found = self.forward[True].get_concrete_function().structured_outputs
        upstream, kept = (tuple(tf.TensorSpec(v.shape, v.dtype) for v in part) for part in found)
        signature = [upstream, kept, self.given]
        return tf.function(self._backward, input_signature=signature, autograph=False)

    def _forward(self, given: Any, keep: bool) -> Any:
        n, shards = self.n, _Shards(given[0], self.most, keep)

        def one(x: Any, *rest: Any) -> Any:
            outputs, kept = self.cell.forward(x, rest[: n - 1], rest[n - 1 :], keep)
            return [*outputs, *kept]

        found = shards.map(one, map(shards.cut, given[:n]), given[n:])
        kept = tuple(value for value in found if value.dtype == tf.variant)
        return tuple(shards.join(value) for value in found[: len(found) - len(kept)]), kept

    def _backward(self, upstream: Any, kept: Any, given: Any) -> Any:
        n, shards = self.n, _Shards(given[0], self.most, keep=True)

        def one(*parts: Any) -> Any:
            parts, weights = parts[: -len(given[n:])], parts[-len(given[n:]) :]
            ends = len(upstream), len(upstream) + len(kept)
            dy, memory, states = parts[: ends[0]], parts[slice(*ends)], parts[ends[1] :]
            return self.cell.backward(dy, memory, states, weights)

        elements = [*map(shards.cut, upstream), *kept, *map(shards.cut, given[1:n])]
        found = shards.map(one, elements, given[n:])
        of_weights = [tf.reduce_sum(value, axis=0) for value in found[n:]]
        return [*map(shards.join, found[:n]), *of_weights]


_traced = functools.lru_cache(maxsize=64)(_Traced)


def on_cpu(x: Any) -> bool:
    """Whether these kernels are for x: single precision, and no GPU about."""
    return x.dtype == tf.float32 and not tf.config.list_logical_devices("GPU")


def cores() -> int:
    """How many shards run at the same time."""
    asked = tf.config.threading.get_inter_op_parallelism_threads()
    asked = asked or int(os.environ.get("TF_NUM_INTEROP_THREADS", 0))
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(asked, there or 1) if asked > 0 else there or 1


class _Shards:
    """A batch in equal parts, filled up with zeros: (B, ...) <-> (shards, rows, ...)."""

    def __init__(self, x: Any, most: int, keep: bool) -> None:
        self.batch = tf.shape(x)[0]
        self.count = tf.clip_by_value(self.batch // FEWEST[keep], 1, most)
        if not keep:
            self.count = tf.maximum(self.count, self.batch // MOST)
        self.rows = 2 * -(-self.batch // (2 * self.count))  # BlockLSTM is slow on odd batches

    def cut(self, x: Any) -> Any:
        missing = self.count * self.rows - self.batch
        x = tf.pad(x, [[0, missing], *[[0, 0]] * (len(x.shape) - 1)])
        divided = tf.reshape(x, tf.concat([[self.count, self.rows], tf.shape(x)[1:]], axis=0))
        return tf.ensure_shape(divided, [None, None, *x.shape[1:]])

    def join(self, x: Any) -> Any:
        whole = tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], axis=0))
        return tf.ensure_shape(whole[: self.batch], [None, *x.shape[2:]])

    def map(self, function: Callable, elements: Iterable[Any], shared: Sequence[Any]) -> Any:
        """`function(*elements of a shard, *shared)` of all shards, results stacked."""
        elements = list(elements)
        specs = [tf.TensorSpec(_of_any_size(value.shape[1:]), value.dtype) for value in elements]
        specs += [tf.TensorSpec(value.shape, value.dtype) for value in shared]
        traced = tf.function(function, autograph=False).get_concrete_function(*specs)
        return raw.MapDefun(
            arguments=elements,
            captured_inputs=list(shared),
            f=traced,
            output_types=[value.dtype for value in traced.outputs],
            output_shapes=[value.shape for value in traced.outputs],
            max_intra_op_parallelism=1,
        )


def _of_any_size(shape: Any) -> list[Any]:
    return [*[None] * (len(shape) - 1), *shape[-1:]]  # only the last axis is known
