"""Recurrent kernels for TensorFlow on a CPU: LSTM, GRU and the simple recurrent layer.

    B batch   T length   F features   U units   z, r gates   n candidate

The weights are those of Keras: kernel (F, gates * U), recurrent kernel (U, gates * U), bias. What a
kernel sees is one shard of a batch (see `shards_tensorflow`). The LSTM is one operation of
TensorFlow; its registered gradient is wrong, so `BlockLSTMGradV2` is called with what it wants. The
others are loops whose steps hold only what cannot be done for all steps at once: the products of
the inputs stand before the loop, those that give gradients of weights and inputs after it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tsmodels.layers.shards_tensorflow import Cell, on_cpu, raw, run

__all__ = ["gru", "lstm", "on_cpu", "rnn"]


def _boxed(tensors: Sequence[Any]) -> Any:
    """Tensors of different shapes as one scalar of type variant, which is not copied."""
    box = raw.EmptyTensorList(element_shape=-1, max_num_elements=-1, element_dtype=tensors[0].dtype)
    for tensor in tensors:
        box = raw.TensorListPushBack(input_handle=box, tensor=tensor)
    return box


def _unboxed(box: Any, widths: Sequence[int], dtype: Any) -> list[Any]:
    """What `_boxed` took: tensors (T, B, width)."""
    take = functools.partial(
        raw.TensorListGetItem, input_handle=box, element_shape=-1, element_dtype=dtype
    )
    return [tf.ensure_shape(take(index=i), (None, None, w)) for i, w in enumerate(widths)]


def _major_swapped(x: Any) -> Any:
    return tf.transpose(x, (1, 0, 2))  # (B, T, ...) <-> (T, B, ...)


def _flat(x: Any) -> Any:
    return tf.reshape(x, (-1, x.shape[-1]))  # (T, B, U) -> (T * B, U)


# --- LSTM -----------------------------------------------------------------------------------------


def _lstm_arguments(x: Any, states: Any, weights: Any) -> dict[str, Any]:
    """What `BlockLSTMV2` and its gradient are both told; x (T, B, F)."""
    (h, c), (kernel, recurrent_kernel, bias) = states, weights
    peephole = tf.zeros_like(bias[: h.shape[-1]])
    return {
        "seq_len_max": tf.shape(x, out_type=tf.int64)[0],
        "x": x,
        "h_prev": h,
        "cs_prev": c,
        "w": tf.concat([kernel, recurrent_kernel], axis=0),
        "b": bias,
        **dict.fromkeys(("wci", "wcf", "wco"), peephole),
        "use_peephole": False,
    }


def _lstm_forward(x: Any, states: Any, weights: Any, keep: bool) -> Any:
    x = _major_swapped(x)
    steps = raw.BlockLSTMV2(**_lstm_arguments(x, states, weights), cell_clip=-1.0)  # each (T, B, U)
    outputs = [_major_swapped(steps.h), steps.cs[-1]]
    return outputs, [_boxed([x, *steps])] if keep else []


def _lstm_backward(upstream: Any, kept: Any, states: Any, weights: Any) -> Any:
    dy, dc = upstream
    features, units = weights[0].shape[0], dy.shape[-1]
    x, *steps = _unboxed(kept[0], [features, *[units] * 7], dy.dtype)
    before_last = tf.zeros_like(steps[0][1:])  # (T - 1, B, U)
    found = raw.BlockLSTMGradV2(
        **_lstm_arguments(x, states, weights),
        **dict(zip(("i", "cs", "f", "o", "ci", "co", "h"), steps, strict=True)),
        h_grad=_major_swapped(dy),
        cs_grad=tf.concat([before_last, dc[None]], axis=0),
    )
    kernel, recurrent_kernel = tf.split(found.w_grad, [features, units])
    dx = _major_swapped(found.x_grad)
    return [dx, found.h_prev_grad, found.cs_prev_grad, kernel, recurrent_kernel, found.b_grad]


LSTM = Cell(_lstm_forward, _lstm_backward)


def lstm(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), states h and c (B, U), Keras' weights: y (B, T, U) and the states at the end."""
    y, c = run(LSTM, x, states, weights, training)
    return y, [y[:, -1], c]


# --- loops ----------------------------------------------------------------------------------------


def _at(x: Any, t: Any) -> Any:
    """x[t] without a copy."""
    t = tf.reshape(t, (1,))
    return raw.StridedSlice(input=x, begin=t, end=t + 1, strides=[1], shrink_axis_mask=1)


def _loop(
    step: Callable, state: Any, length: Any, widths: Sequence[int], back: bool = False
) -> Any:
    """`step(t, state)` to (state, values (B, width)) at every moment: the last state, and lists."""
    rows, dtype = state.shape[0], state.dtype
    lists = tuple(tf.TensorArray(dtype, length, element_shape=(rows, w)) for w in widths)

    def body(k: Any, state: Any, lists: Any) -> Any:
        t = length - 1 - k if back else k
        state, values = step(t, state)
        return k + 1, state, tuple(a.write(t, v) for a, v in zip(lists, values, strict=True))

    _, state, lists = tf.while_loop(
        lambda k, *_: k < length, body, (0, state, lists), parallel_iterations=1
    )
    return state, lists


def _taken(handle: Any, t: Any, like: Any) -> Any:
    """The value at t of a list shaped like `like`."""
    item = raw.TensorListGetItem(
        input_handle=handle, index=t, element_shape=tf.shape(like), element_dtype=like.dtype
    )
    return tf.ensure_shape(item, like.shape)


def _projected(x: Any, kernel: Any, bias: Any) -> Any:
    """x (T, B, F) through a kernel (F, W): (T, B, W), all steps at once."""
    product = tf.nn.bias_add(tf.matmul(_flat(x), kernel), bias)
    whole = tf.reshape(product, (tf.shape(x)[0], tf.shape(x)[1], kernel.shape[-1]))
    return tf.ensure_shape(whole, (None, None, kernel.shape[-1]))


def _with_first(h: Any, y: Any) -> Any:
    return tf.concat([h[None], y], axis=0)  # (T + 1, B, U): before every step, and at the end


# --- GRU ------------------------------------------------------------------------------------------


def _gru_forward(x: Any, states: Any, weights: Any, keep: bool) -> Any:
    (h,), (kernel, recurrent_kernel, bias) = states, weights
    x, units = _major_swapped(x), h.shape[-1]
    parts = zip(tf.split(kernel, 3, axis=1), tf.split(bias[0], 3), strict=True)
    drives = [_projected(x, w, b) for w, b in parts]  # z, r and n, each (T, B, U)

    def step(t: Any, h: Any) -> Any:
        recurrent = tf.nn.bias_add(tf.matmul(h, recurrent_kernel), bias[1])
        z, r, inner = tf.split(recurrent, 3, axis=1)
        z = tf.sigmoid(_at(drives[0], t) + z)
        r = tf.sigmoid(_at(drives[1], t) + r)
        n = tf.tanh(_at(drives[2], t) + r * inner)
        h = n + z * (h - n)
        return h, (h, z, r, n, inner) if keep else (h,)

    _, (y, *gates) = _loop(step, h, tf.shape(x)[0], [units] * (5 if keep else 1))
    y = y.stack()
    kept = [_boxed([x, _with_first(h, y)]), *(gate.flow for gate in gates)] if keep else []
    return [_major_swapped(y)], kept


def _gru_backward(upstream: Any, kept: Any, states: Any, weights: Any) -> Any:
    (dy,), (kernel, recurrent_kernel, _), (h,) = upstream, weights, states
    box, *gates = kept
    units, dy = h.shape[-1], _major_swapped(dy)
    x, before = _unboxed(box, [kernel.shape[0], units], h.dtype)
    back = tf.transpose(recurrent_kernel)  # (3U, U)

    def step(t: Any, dh: Any) -> Any:
        z, r, n, inner = (_taken(gate, t, h) for gate in gates)
        dh = dh + _at(dy, t)
        dn = raw.TanhGrad(y=n, dy=dh - dh * z)
        dr = raw.SigmoidGrad(y=r, dy=dn * inner)
        dz = raw.SigmoidGrad(y=z, dy=dh * (_at(before, t) - n))
        inward = tf.concat([dz, dr, dn * r], axis=1)  # (B, 3U)
        return dh * z + tf.matmul(inward, back), (inward, dn)

    widths = [3 * units, units]
    dh, lists = _loop(step, tf.zeros_like(h), tf.shape(dy)[0], widths, back=True)
    inward, dn = (_flat(values.stack()) for values in lists)
    outward = tf.concat([inward[:, : 2 * units], dn], axis=1)
    dx = tf.reshape(tf.matmul(outward, kernel, transpose_b=True), tf.shape(x))
    dx = tf.ensure_shape(dx, x.shape)
    dbias = tf.stack([tf.reduce_sum(outward, axis=0), tf.reduce_sum(inward, axis=0)])
    dkernel = tf.matmul(_flat(x), outward, transpose_a=True)
    return [_major_swapped(dx), dh, dkernel, _recurrent_slope(before, inward), dbias]


def _recurrent_slope(before: Any, inward: Any) -> Any:
    return tf.matmul(_flat(before[:-1]), inward, transpose_a=True)


GRU = Cell(_gru_forward, _gru_backward)


def gru(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), state h (B, U), Keras' weights: y (B, T, U) and the state at the end."""
    (y,) = run(GRU, x, states, weights, training)
    return y, [y[:, -1]]


# --- simple recurrent layer -----------------------------------------------------------------------


def _rnn_forward(x: Any, states: Any, weights: Any, keep: bool) -> Any:
    (h,), (kernel, recurrent_kernel, bias) = states, weights
    x = _major_swapped(x)
    drive = _projected(x, kernel, bias)

    def step(t: Any, h: Any) -> Any:
        h = tf.tanh(_at(drive, t) + tf.matmul(h, recurrent_kernel))
        return h, (h,)

    _, (y,) = _loop(step, h, tf.shape(x)[0], [h.shape[-1]])
    y = y.stack()
    return [_major_swapped(y)], [_boxed([x, _with_first(h, y)])] if keep else []


def _rnn_backward(upstream: Any, kept: Any, states: Any, weights: Any) -> Any:
    (dy,), (kernel, recurrent_kernel, _), (h,) = upstream, weights, states
    x, before = _unboxed(kept[0], [kernel.shape[0], h.shape[-1]], h.dtype)
    dy, back = _major_swapped(dy), tf.transpose(recurrent_kernel)

    def step(t: Any, dh: Any) -> Any:
        inward = raw.TanhGrad(y=_at(before, t + 1), dy=dh + _at(dy, t))
        return tf.matmul(inward, back), (inward,)

    dh, (inward,) = _loop(step, tf.zeros_like(h), tf.shape(dy)[0], [h.shape[-1]], back=True)
    inward = _flat(inward.stack())
    dx = tf.ensure_shape(
        tf.reshape(tf.matmul(inward, kernel, transpose_b=True), tf.shape(x)), x.shape
    )
    dkernel = tf.matmul(_flat(x), inward, transpose_a=True)
    dbias = tf.reduce_sum(inward, axis=0)
    return [_major_swapped(dx), dh, dkernel, _recurrent_slope(before, inward), dbias]


RNN = Cell(_rnn_forward, _rnn_backward)


def rnn(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), state h (B, U), Keras' weights: y (B, T, U) and the state at the end."""
    (y,) = run(RNN, x, states, weights, training)
    return y, [y[:, -1]]
