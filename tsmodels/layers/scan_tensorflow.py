"""Loops over time for TensorFlow whose gradients are linear in the length: S6, and any recurrence.

    B batch   T length   G groups   N state size   R channels a group

The gradient of a plain `tf.while_loop` keeps every intermediate value, and adds a list as long as
the sequence at every step of the way back. Here states alone are kept; the way back makes the rest
again. Steps of S6 are worth compiling: as single operations they are bound by memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

WORTH_COMPILING = 1024  # numbers in the state of one sequence; below, operations cost nothing


@functools.cache
def _compiles() -> bool:
    """Whether XLA works here: not every build of TensorFlow has it for every device."""
    try:
        with tf.init_scope():
            tf.function(tf.exp, jit_compile=True)(tf.zeros(2))
    except tf.errors.OpError:
        return False
    return True


def fused(f: Callable) -> Callable:
    """f as one kernel, inside a graph; a function of its own where it is called plainly.

    Compiling takes tenths of a second, once in a process for all layers and models of one shape.
    """
    kernel = tf.function(f, jit_compile=True)

    @functools.wraps(f)
    def call(*given: Any) -> Any:
        return f(*given) if tf.executing_eagerly() or not _compiles() else kernel(*given)

    return call


def _steps(x: Any) -> Any:
    """The moments of x (T, ...), to be read one by one."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], clear_after_read=False).unstack(x)


def _kept(like: Any, size: Any) -> Any:
    return tf.TensorArray(like.dtype, size, clear_after_read=False, element_shape=like.shape)


def _written(like: Any, size: Any) -> Any:
    return tf.TensorArray(like.dtype, size, element_shape=like.shape[1:])


def _forwards(body: Callable, length: Any, start: Sequence[Any]) -> Any:
    """`body(t, *carried)` for t = 0 .. length - 1."""
    return _loop(lambda t, *c: (t + 1, *body(t, *c)), lambda t: t < length, 0, start)


def _backwards(body: Callable, length: Any, start: Sequence[Any]) -> Any:
    """`body(t, *carried)` for t = length - 1 .. 0."""
    return _loop(lambda t, *c: (t - 1, *body(t, *c)), lambda t: t >= 0, length - 1, start)


def _loop(body: Callable, goes_on: Callable, first: Any, start: Sequence[Any]) -> Any:
    start = (first, *start)
    return tf.while_loop(lambda t, *_: goes_on(t), body, start, parallel_iterations=1)[1:]


# --- S6 -------------------------------------------------------------------------------------------


def _s6_step(x: Any, du: Any, delta: Any, B: Any, C: Any, A: Any) -> tuple[Any, Any]:
    """x (B, G, N, R) and one moment to x and y (B, G, R)."""
    x = tf.exp(delta[..., None, :] * A) * x + B[..., None] * du[..., None, :]
    return x, tf.reduce_sum(x * C[..., None], -2)


def _s6_step_back(
    g: Any, dA: Any, before: Any, x: Any, dy: Any, du: Any, delta: Any, B: Any, C: Any, A: Any
) -> tuple[Any, ...]:
    """g_t = C_t dy_t + decay_{t+1} g_{t+1}, and what a moment owes to its arguments."""
    g = g + C[..., None] * dy[..., None, :]
    to_C = tf.reduce_sum(x * dy[..., None, :], -1)
    to_B = tf.reduce_sum(g * du[..., None, :], -1)
    to_du = tf.reduce_sum(g * B[..., None], -2)
    g = g * tf.exp(delta[..., None, :] * A)
    q = g * before
    return g, dA + q * delta[..., None, :], to_du, tf.reduce_sum(q * A, -2), to_B, to_C


_S6_PLAIN: tuple[Callable, Callable] = _s6_step, _s6_step_back
_S6_FUSED: tuple[Callable, Callable] = fused(_s6_step), fused(_s6_step_back)


def s6(du: Any, delta: Any, B: Any, C: Any, A: Any, x0: Any) -> tuple[Any, Any]:
    """y (T, B, G, R) and the last state; du, delta (T, B, G, R), B, C (T, B, G, N), A (G, N, R).

    States are kept for the gradient, decays are made again.
    """
    size = A.shape.num_elements()
    forward, backward = _S6_FUSED if size >= WORTH_COMPILING else _S6_PLAIN

    @tf.custom_gradient
    def run(du: Any, delta: Any, B: Any, C: Any, A: Any, x0: Any) -> Any:
        arrays, length = [_steps(v) for v in (du, delta, B, C)], tf.shape(du)[0]

        def step(t: Any, x: Any, xs: Any, ys: Any) -> tuple[Any, ...]:
            x, y = forward(x, *(v.read(t) for v in arrays), A)
            return x, xs.write(t + 1, x), ys.write(t, y)

        xs = _kept(x0, length + 1).write(0, x0)
        last, xs, ys = _forwards(step, length, (x0, xs, _written(du, length)))

        def gradient(dy: Any, dlast: Any) -> Any:
            dys = _steps(dy)

            def step(t: Any, g: Any, dA: Any, *found: Any) -> tuple[Any, ...]:
                states = xs.read(t), xs.read(t + 1), dys.read(t)
                g, dA, *owed = backward(g, dA, *states, *(v.read(t) for v in arrays), A)
                return g, dA, *(v.write(t, d) for v, d in zip(found, owed, strict=True))

            found = [_written(v, length) for v in (du, delta, B, C)]
            start = (dlast, tf.zeros_like(dlast), *found)
            dx0, dA, *found = _backwards(step, length, start)
            return *(v.stack() for v in found), tf.reduce_sum(dA, 0), dx0

        return (tf.ensure_shape(ys.stack(), du.shape), last), gradient

    return run(du, delta, B, C, A, x0)


# --- any recurrence -------------------------------------------------------------------------------


def recurrence(step: Callable, start: Sequence[Any], xs: Sequence[Any], weights: Any) -> Any:
    """See `tsmodels.layers.scan.recurrence`: on the way back, every step is run again."""
    n, m, weights = len(start), len(xs), [tf.convert_to_tensor(w) for w in weights]

    @tf.custom_gradient
    def run(*given: Any) -> Any:
        start, xs, weights = given[:n], given[n : n + m], given[n + m :]
        arrays, length = [_steps(x) for x in xs], tf.shape(xs[0])[0]

        def forward(t: Any, state: Any, kept: Any, ys: Any) -> tuple[Any, ...]:
            kept = [a.write(t, s) for a, s in zip(kept, state, strict=True)]
            state, y = step(state, [a.read(t) for a in arrays], weights)
            shapes.append(y.shape)
            return list(state), kept, ys.write(t, y)

        shapes: list[Any] = []
        kept = [_kept(s, length) for s in start]
        ys = tf.TensorArray(start[0].dtype, length)
        last, kept, ys = _forwards(forward, length, (list(start), kept, ys))

        def gradient(*upstream: Any) -> Any:
            *dlast, dy = upstream
            dys = _steps(dy)

            def backward(t: Any, g: Any, to_weights: Any, to_xs: Any) -> tuple[Any, ...]:
                at = *(a.read(t) for a in kept), *(a.read(t) for a in arrays), *weights
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(at)
                    state, y = step(at[:n], at[n : n + m], at[n + m :])
                found = tape.gradient([*state, y], at, [*g, dys.read(t)], "zero")
                to_weights = [a + b for a, b in zip(to_weights, found[n + m :], strict=True)]
                to_xs = [a.write(t, d) for a, d in zip(to_xs, found[n : n + m], strict=True)]
                return found[:n], to_weights, to_xs

            zeros, empty = [tf.zeros_like(w) for w in weights], [_written(x, length) for x in xs]
            dstart, to_weights, to_xs = _backwards(backward, length, (dlast, zeros, empty))
            return *dstart, *(a.stack() for a in to_xs), *to_weights

        y = tf.ensure_shape(ys.stack(), (xs[0].shape[0], *shapes[0]))
        return (*last, y), gradient

    *last, y = run(*start, *xs, *weights)
    return last, y
