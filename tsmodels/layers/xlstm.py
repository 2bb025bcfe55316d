"""xLSTM: LSTMs with exponential gates. One has a matrix for a memory, one mixes its memories.

    B batch   L length   Z chunks   c chunk length   D width   H heads   d head width

Beck et al., 2024, arXiv 2405.04517. Gates arrive before their exponential or sigmoid. What grows
with them is kept divided by exp(m); m follows the largest gate in reach. The answers do not depend
on m, so no gradient flows through it.
"""

from __future__ import annotations

import math
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real, fault
from tsmodels.layers.mamba import ConvScanLayer
from tsmodels.layers.precision import in_full_precision, widened
from tsmodels.layers.scan import (
    ScanLayer,
    chunk_length,
    chunk_starts,
    from_chunks,
    into_chunks,
    linear_scan_reference,
    log_decay_between,
    over_time,
    recurrence,
    triangle,
)

EPSILON = 1e-5  # of the norms of heads
NOTHING = -1e30  # the logarithm of a gate that lets nothing through
LARGEST = 30.0  # beyond exp of it, 1 is lost in the rounding of float32


@in_full_precision
def mlstm(
    q: Any, k: Any, v: Any, i: Any, f: Any, state: tuple[Any, Any], chunk: int = 32
) -> tuple[Any, tuple[Any, Any]]:
    """Memories that are matrices, in chunks of matrix products. Beck et al., 2024, section 2.3.

    C_t = f_t C_{t-1} + i_t v_t k_t^T;  n_t = f_t n_{t-1} + i_t k_t;
    h_t = C_t q_t / max(|n_t q_t|, 1)

    with i = exp(i~), f = sigmoid(f~), k divided by sqrt(d). q, k, v (B, L, H, d); i~, f~ (B, L, H).
    The state is [C^T | n] exp(-m) (B, H, d, d + 1) and m (B, H), both zeros at the start. Returns
    h (B, L, H, d) and the state after the last step.

    >>> one, gate = ops.ones((1, 3, 1, 1)), ops.zeros((1, 3, 1))
    >>> start = ops.zeros((1, 1, 1, 2)), ops.zeros((1, 1))
    >>> h, _ = mlstm(one, one, one, gate, gate + 100.0, start)
    >>> ops.convert_to_numpy(h).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    length, c = ops.shape(q)[1], chunk_length(q, chunk)
    q, k, v = (_chunked(x, c) for x in _scaled(q, k, v))  # (B, Z, H, c, ...)
    i, log_f = _chunked(i, c, fill=NOTHING), _chunked(ops.log_sigmoid(f), c)
    reach = log_decay_between(log_f[..., None])[..., 0] + i[..., None, :]  # (B, Z, H, t, s)
    reach = ops.where(triangle(c) > 0, reach, NOTHING)  # what is left of step s at step t
    since = ops.cumsum(log_f, axis=-1)  # (B, Z, H, t): what is left of the memory before the chunk
    before, after, m = _chunk_scales(since[..., -1], reach[..., -1, :], state[1])
    left = ops.exp(reach[..., -1, :] - after[..., None])  # (B, Z, H, s)
    added = ops.matmul(ops.swapaxes(k * left[..., None], -1, -2), v)  # (B, Z, H, d, d + 1)
    decay = ops.exp(since[..., -1] + before - after)[..., None, None]
    memories, memory = chunk_starts(decay, added, state[0])
    old = since + before[..., None]  # (B, Z, H, t)
    top = ops.stop_gradient(ops.maximum(ops.maximum(ops.max(reach, axis=-1), old), 0.0))
    weights = ops.exp(reach - top[..., None]) * ops.matmul(q, ops.swapaxes(k, -1, -2))
    y = ops.matmul(weights, v) + ops.exp(old - top)[..., None] * ops.matmul(q, memories)
    one = ops.exp(-ops.minimum(top, LARGEST))  # the 1 below, divided by exp(m)
    h = y[..., :-1] / ops.maximum(ops.abs(y[..., -1:]), one[..., None])
    return from_chunks(ops.swapaxes(h, 2, 3), length), (memory, m)


def mlstm_reference(q: Any, k: Any, v: Any, i: Any, f: Any) -> Any:
    """As `mlstm` from the start, by the plain recurrence: large gates overflow."""
    q, k, v = _scaled(q, k, v)
    added = ops.exp(i)[..., None, None] * k[..., None] * v[..., None, :]  # (B, L, H, d, d + 1)
    decay = ops.broadcast_to(ops.sigmoid(f)[..., None, None], ops.shape(added))
    memory = linear_scan_reference(decay, added, ops.zeros_like(added[:, 0]))
    y = ops.einsum("blhk,blhkv->blhv", q, memory)
    return y[..., :-1] / ops.maximum(ops.abs(y[..., -1:]), 1.0)


def _scaled(q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
    """q, k / sqrt(d), and v with a one behind it: the memory of ones is the normaliser n."""
    ones = ops.ones_like(v[..., :1])
    return q, k * k.shape[-1] ** -0.5, ops.concatenate([v, ones], axis=-1)


def _chunked(x: Any, chunk: int, fill: float = 0.0) -> Any:
    """(B, L, H, ...) -> (B, Z, H, c, ...)."""
    return ops.swapaxes(into_chunks(x, chunk, fill), 2, 3)


def _chunk_scales(total: Any, entering: Any, m: Any) -> tuple[Any, Any, Any]:
    """m before and after every chunk, (B, Z, H) each, and after the last.

    `total` (B, Z, H) is the decay over a chunk, `entering` (B, Z, H, c) what is left of its steps.
    m stays above 0: what is smaller than exp(0) meets the 1 of the denominator.
    """
    total, peak = ops.stop_gradient(total), ops.stop_gradient(ops.max(entering, axis=-1))

    def step(m, at):
        return ops.maximum(ops.maximum(m + at[0], at[1]), 0.0), m

    by_chunk = (ops.swapaxes(total, 0, 1), ops.swapaxes(peak, 0, 1))
    last, before = over_time(step, ops.stop_gradient(m), by_chunk)
    before = ops.swapaxes(before, 0, 1)
    return before, ops.concatenate([before[:, 1:], last[:, None]], axis=1), last


@in_full_precision
def normalised_heads(h: Any) -> Any:
    """Heads (..., d) of mean 0 and variance 1: the group norm without its weight."""
    h = h - ops.mean(h, axis=-1, keepdims=True)
    return h * ops.rsqrt(ops.mean(h * h, axis=-1, keepdims=True) + EPSILON)


def _evenly(low: float, high: float, shape: Any, dtype: Any) -> Any:
    """From `low` to `high` in even steps over all elements."""
    return ops.reshape(ops.linspace(low, high, math.prod(shape), dtype=dtype), shape)


def _remembering(shape: Any, dtype: Any = None) -> Any:
    """Biases of forget gates that keep 20 to 400 steps, as the authors' code has them."""
    return _evenly(3.0, 6.0, shape, dtype)


def _open_to_a_degree(shape: Any, dtype: Any = None) -> Any:
    """Biases (3, H, d) of the gates f, z and o: f keeps 2 to 400 steps, z and o have none."""
    f = _evenly(0.0, 6.0, (1, *shape[1:]), dtype)
    return ops.pad(f, [[0, shape[0] - 1], [0, 0], [0, 0]])


def _check_heads(width: int, n_heads: int) -> None:
    if width % n_heads:
        raise ValueError(fault("n_heads", f"a divisor of the width {width}", n_heads))


@keras.saving.register_keras_serializable("tsmodels")
class MLSTMBlock(ConvScanLayer):
    """xLSTM block with a matrix for a memory, (B, L, D) -> (B, L, D). Beck et al., 2024, figure 11.

    [x, z] = in_proj(u);  c = silu(conv(x));  q, k of c and v of x, head by head;
    y = out_proj((norm(mLSTM(q, k, v)) + skip c) silu(z))

    `expand` is the inner width over D. The maps to q, k and v are of whole heads, where the
    authors' are of blocks of four; gates see q, k and v. No norm before, no residual. State: conv
    (B, d_conv, E), memory (B, H, d, d + 1) and scale (B, H), see `mlstm`.

    >>> block = MLSTMBlock(n_heads=2)
    >>> tuple(block(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    >>> {name: tuple(v.shape) for name, v in block.initial_state(2).items()}
    {'conv': (2, 4, 16), 'memory': (2, 2, 8, 9), 'scale': (2, 2)}
    """

    def __init__(
        self, n_heads: int = 4, d_conv: int = 4, expand: int = 2, chunk: int = 32, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.d_conv = check_int("n_heads", n_heads), check_int("d_conv", d_conv)
        self.expand, self.chunk = check_int("expand", expand), check_int("chunk", chunk)
        self.use_conv_bias = True

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.inner = self.expand * width
        _check_heads(self.inner, self.n_heads)
        self.d_head = self.inner // self.n_heads
        self.in_proj = self._dense(2 * self.inner, width, "in_proj")
        self._add_conv(self.inner)
        normal = keras.initializers.RandomNormal(stddev=math.sqrt(2 / (5 * self.d_head)))
        head_map = (self.n_heads, self.d_head, self.d_head)
        for name in ("q_kernel", "k_kernel", "v_kernel"):
            start = normal.clone()
            setattr(self, name, self.add_weight(head_map, initializer=start, name=name))
        self._build_gates()
        for name in ("norm_scale", "skip"):
            setattr(self, name, self.add_weight((self.inner,), initializer="ones", name=name))
        self.out_proj = self._dense(width, self.inner, "out_proj")

    def _build_gates(self) -> None:
        shape, heads = (3 * self.inner, self.n_heads), (self.n_heads,)
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.i_kernel = self.add_weight(shape, initializer="zeros", name="i_kernel")
        self.f_kernel = self.add_weight(shape, initializer="zeros", name="f_kernel")
        self.i_bias = self.add_weight(heads, initializer=normal, name="i_bias")
        self.f_bias = self.add_weight(heads, initializer=_remembering, name="f_bias")

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {
            "conv": self.zeros(batch, self.d_conv, self.inner),
            "memory": self.memory(batch, self.n_heads, self.d_head, self.d_head + 1),
            "scale": self.memory(batch, self.n_heads),
        }

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        batch, length, _ = ops.shape(x)
        x, z = ops.split(self.in_proj(x), 2, axis=-1)  # (B, L, E) each
        c, conv = self._conv(x, state["conv"])
        q, k = self._heads(c, self.q_kernel), self._heads(c, self.k_kernel)  # (B, L, H, d)
        v = self._heads(x, self.v_kernel)
        flat = [ops.reshape(h, (batch, length, self.inner)) for h in (q, k, v)]
        said = ops.concatenate(flat, axis=-1)
        i = ops.matmul(said, self.i_kernel) + self.i_bias  # (B, L, H)
        f = ops.matmul(said, self.f_kernel) + self.f_bias
        h, (memory, scale) = mlstm(q, k, v, i, f, (state["memory"], state["scale"]), self.chunk)
        h = ops.reshape(normalised_heads(h), (batch, length, self.inner)) * self.norm_scale
        y = self.out_proj((h + self.skip * c) * ops.silu(z))
        return y, {"conv": conv, "memory": memory, "scale": scale}

    def _heads(self, x: Any, kernel: Any) -> Any:
        x = ops.reshape(x, (*ops.shape(x)[:2], self.n_heads, self.d_head))
        return ops.einsum("blhd,hde->blhe", x, kernel)

    def get_config(self) -> dict[str, Any]:
        names = ("n_heads", "d_conv", "expand", "chunk")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _slstm_moment(state: list[Any], at: list[Any], weights: list[Any]) -> tuple[list[Any], Any]:
    """Equations 8 to 17 of the paper: state h, c, n, m (H, B, d), gates i, f, z, o of the input."""
    h, c, n, m = state
    gates = at[0] + ops.matmul(h, weights[0])
    i, f, z, o = ops.split(gates, 4, axis=-1)  # (H, B, d) each
    old = ops.log_sigmoid(f) + m
    m = ops.stop_gradient(ops.maximum(old, i))
    i, f = ops.exp(i - m), ops.exp(old - m)
    c, n = f * c + i * ops.tanh(z), f * n + i
    h = ops.sigmoid(o) * c / n
    return [h, c, n, m], h


@keras.saving.register_keras_serializable("tsmodels")
class SLSTMBlock(ConvScanLayer):
    """xLSTM block with memories that mix, (B, L, D) -> (B, L, D). Beck et al., 2024, figure 10.

    i~, f~ of silu(conv(x)) and z~, o~ of x, each plus R h_{t-1} within the head;
    c_t = f_t c_{t-1} + i_t tanh(z~);  n_t = f_t n_{t-1} + i_t;  h_t = sigmoid(o~) c_t / n_t

    with i = exp(i~), f = sigmoid(f~), step after step; the answer is norm(h). The input gate has no
    bias: it would scale c and n alike. The paper's gated map behind it is `GatedFeedForward`. No
    norm before, no residual. State: conv (B, d_conv, D); h, c, n and m (B, H, d).

    >>> block = SLSTMBlock(n_heads=2)
    >>> tuple(block(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(self, n_heads: int = 4, d_conv: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.d_conv = check_int("n_heads", n_heads), check_int("d_conv", d_conv)
        self.use_conv_bias = True

    def build(self, input_shape: Any) -> None:
        self.width = width = input_shape[-1]
        _check_heads(width, self.n_heads)
        self.d_head = width // self.n_heads
        self._add_conv(width)
        self.if_proj = self._dense(2 * width, width, "if_proj")
        self.zo_proj = self._dense(2 * width, width, "zo_proj")
        heads = (self.n_heads, self.d_head)
        self.recurrent_kernel = self.add_weight(
            (*heads, 4 * self.d_head), "zeros", name="recurrent_kernel", autocast=False
        )
        self.bias = self.add_weight((3, *heads), initializer=_open_to_a_degree, name="bias")
        self.norm_scale = self.add_weight((width,), initializer="ones", name="norm_scale")

    def initial_state(self, batch: Any) -> dict[str, Any]:
        zeros = self.memory(batch, self.n_heads, self.d_head)
        conv = self.zeros(batch, self.d_conv, self.width)
        return {"conv": conv, "h": zeros, "c": zeros, "n": zeros, "m": zeros + NOTHING}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        batch, length, _ = ops.shape(x)
        seen, conv = self._conv(x, state["conv"])
        gates = ops.concatenate([self.if_proj(seen), self.zo_proj(x)], axis=-1)
        gates = ops.reshape(gates, (batch, length, 4, self.n_heads, self.d_head))
        gates = gates + ops.pad(self.bias, [[1, 0], [0, 0], [0, 0]])
        gates = ops.transpose(gates, (1, 3, 0, 2, 4))  # (L, H, B, 4, d)
        drive = ops.reshape(gates, (length, self.n_heads, batch, 4 * self.d_head))
        names = ("h", "c", "n", "m")
        start = [ops.swapaxes(state[name], 0, 1) for name in names]  # (H, B, d) each
        last, h = recurrence(_slstm_moment, start, [widened(drive)], [self.recurrent_kernel])
        h = ops.cast(normalised_heads(ops.transpose(h, (2, 0, 1, 3))), x.dtype)  # (B, L, H, d)
        y = ops.reshape(h, (batch, length, self.width)) * self.norm_scale
        last = [ops.swapaxes(s, 0, 1) for s in last]
        return y, {"conv": conv, **dict(zip(names, last, strict=True))}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"n_heads": self.n_heads, "d_conv": self.d_conv}


@keras.saving.register_keras_serializable("tsmodels")
class GatedFeedForward(ScanLayer):
    """W3 (gelu(W1 x) * W2 x), (B, L, D) -> (B, L, D), `expand` x D wide inside. Shazeer, 2020.

    It treats every moment alike, so its state is empty.

    >>> tuple(GatedFeedForward()(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(self, expand: float = 4 / 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expand = check_real("expand", expand, 0.0, open_low=True)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        inner = math.ceil(self.expand * width)
        settings: dict[str, Any] = {"use_bias": False, "dtype": self.dtype_policy}
        self.widen = keras.layers.Dense(2 * inner, name="widen", **settings)
        self.narrow = keras.layers.Dense(width, name="narrow", **settings)
        self.widen.build((None, None, width))
        self.narrow.build((None, None, inner))

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        a, b = ops.split(self.widen(x), 2, axis=-1)
        return self.narrow(ops.gelu(a, approximate=False) * b), {}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"expand": self.expand}
