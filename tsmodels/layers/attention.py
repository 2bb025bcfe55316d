"""Attention: additive and multiplicative scores, multi-head attention.

Shapes: B batch, T query steps, S memory steps, N heads, d width of a head. Masks are True where a
step may be seen. Masked steps get exactly 0 weight, and a row that may see nothing is all zeros,
never NaN.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers import cache
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.positions import alibi, alibi_slopes, rotary
from tsmodels.layers.segments import is_segments, together

POSITIONS = (None, "rotary", "alibi")


def masked_softmax(scores: Any, mask: Any = None) -> Any:
    """Softmax over the last axis of the scores that the mask lets through, zero elsewhere.

    >>> weights = masked_softmax(ops.array([[0.0, 0.0, 5.0], [1.0, 2.0, 3.0]]),
    ...                          ops.array([[True, True, False], [False] * 3]))
    >>> ops.convert_to_numpy(weights).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]
    """
    if mask is None:
        return _softmax(scores)
    weights = _softmax(ops.where(mask, scores, _lowest(scores.dtype)))
    return ops.where(mask, weights, 0.0)


def _softmax(scores: Any) -> Any:
    """Softmax over the last axis; over a single step, of which Keras warns, simply 1."""
    return ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores, axis=-1)


def _lowest(dtype: Any) -> float:
    """A score that softmax turns into 0; sums of a few of them are still finite."""
    return -1e4 if keras.backend.standardize_dtype(dtype) == "float16" else -1e9


class MemoryAttention(keras.layers.Layer):
    """Attention of queries over a memory: the base of the three below, which say how they score.

    `context, weights = attention(query, memory)` with query (B, T, Q), memory (B, S, M),
    memory_mask (B, S) or None gives context (B, T, M) and weights (B, T, S). A decoder calls
    `keys(memory)` once and `attend(query, keys, memory, mask)` at every step.
    """

    def call(self, query: Any, memory: Any, memory_mask: Any = None) -> tuple[Any, Any]:
        return self.attend(query, self.keys(memory), memory, memory_mask)

    def attend(self, query: Any, keys: Any, memory: Any, mask: Any = None) -> tuple[Any, Any]:
        mask = None if mask is None else ops.cast(mask, "bool")[:, None, :]  # (B, 1, S)
        weights = masked_softmax(self.scores(query, keys), mask)  # (B, T, S)
        return ops.matmul(weights, memory), weights

    def keys(self, memory: Any) -> Any:
        """What of the score depends on the memory alone, (B, S, K)."""
        return memory

    def scores(self, query: Any, keys: Any) -> Any:
        """Scores (B, T, S)."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("tsmodels")
class AdditiveAttention(MemoryAttention):
    """score = v . tanh(W_q q + W_m h + b). Bahdanau, Cho & Bengio, 2015.

    Without bias it equals the "concat" score of Luong et al. (W_q and W_m side by side). `normed`
    scores with g v / |v| and trains the length g, as GNMT implementations do. Shapes as in
    `MemoryAttention`.

    >>> context, weights = AdditiveAttention(8)(ops.ones((2, 3, 4)), ops.ones((2, 5, 6)))
    >>> context.shape == (2, 3, 6), weights.shape == (2, 3, 5)
    (True, True)
    """

    def __init__(
        self, units: int, use_bias: bool = False, normed: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.use_bias, self.normed = use_bias, normed

    def build(self, query_shape: Any, memory_shape: Any) -> None:
        units = self.units
        self.query_kernel = self.add_weight((query_shape[-1], units), name="query_kernel")
        self.memory_kernel = self.add_weight((memory_shape[-1], units), name="memory_kernel")
        self.v = self.add_weight((units,), initializer=_unit_fan(units), name="v")
        if self.use_bias:
            self.bias = self.add_weight((units,), initializer="zeros", name="bias")
        if self.normed:
            start = keras.initializers.Constant(units**-0.5)
            self.g = self.add_weight((), initializer=start, name="g")

    def keys(self, memory: Any) -> Any:
        keys = ops.matmul(memory, self.memory_kernel)  # (B, S, U)
        return keys + self.bias if self.use_bias else keys

    def scores(self, query: Any, keys: Any) -> Any:
        query = ops.matmul(query, self.query_kernel)  # (B, T, U)
        mixed = ops.tanh(query[:, :, None, :] + keys[:, None, :, :])  # (B, T, S, U)
        v = self.v
        if self.normed:
            v = self.g * v * ops.rsqrt(ops.sum(ops.square(v)))
        return ops.matmul(mixed, v[:, None])[..., 0]


@keras.saving.register_keras_serializable("tsmodels")
class DotAttention(MemoryAttention):
    """score = h . q, for query and memory of one width. Luong, Pham & Manning, 2015.

    `scaled` trains a factor g on the score, first 1. Shapes as in `MemoryAttention`.

    >>> context, weights = DotAttention()(ops.ones((2, 3, 4)), ops.ones((2, 5, 4)))
    >>> context.shape == (2, 3, 4), weights.shape == (2, 3, 5)
    (True, True)
    """

    def __init__(self, scaled: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scaled = scaled

    def build(self, query_shape: Any, memory_shape: Any) -> None:
        if query_shape[-1] != memory_shape[-1]:
            way_out = "Use GeneralAttention or AdditiveAttention."
            rule = f"as wide as the memory ({memory_shape[-1]})"
            raise ValueError(fault("query", rule, query_shape[-1], way_out))
        if self.scaled:
            self.g = self.add_weight((), initializer="ones", name="g")

    def scores(self, query: Any, keys: Any) -> Any:
        scores = ops.matmul(query, ops.swapaxes(keys, 1, 2))
        return self.g * scores if self.scaled else scores


@keras.saving.register_keras_serializable("tsmodels")
class GeneralAttention(MemoryAttention):
    """score = h . (W q). Luong, Pham & Manning, 2015. Shapes as in `MemoryAttention`.

    >>> context, weights = GeneralAttention()(ops.ones((2, 3, 4)), ops.ones((2, 5, 6)))
    >>> context.shape == (2, 3, 6), weights.shape == (2, 3, 5)
    (True, True)
    """

    def build(self, query_shape: Any, memory_shape: Any) -> None:
        shape = (query_shape[-1], memory_shape[-1])
        self.kernel = self.add_weight(shape, name="kernel")

    def scores(self, query: Any, keys: Any) -> Any:
        return ops.matmul(ops.matmul(query, self.kernel), ops.swapaxes(keys, 1, 2))


ATTENTIONS = ("additive", "dot", "general")


def make_attention(score: str, units: int, **kwargs: Any) -> MemoryAttention:
    """The attention layer of a score's name."""
    check_option("attention", score, ATTENTIONS)
    if score == "additive":
        return AdditiveAttention(units, **kwargs)
    return DotAttention(**kwargs) if score == "dot" else GeneralAttention(**kwargs)


@keras.saving.register_keras_serializable("tsmodels")
class MultiHeadAttention(keras.layers.Layer):
    """Scaled dot-product attention in `n_heads` heads, (B, T, D) -> (B, T, d_model).

    Vaswani et al., 2017. Beside `keras.layers.MultiHeadAttention`: rotary positions or linear
    biases (ALiBi) inside, a `bias` on the scores, scores given back (for residual attention), and
    rows without anything to see are zeros before the output map.

    `attention(query)` is self-attention; `attention(query, key, value)` takes keys (B, S, K) and
    values (B, S, V), the keys by default. `key_mask` (B, S), or `mask` in self-attention, hides
    keys, `attention_mask` (B, T, S) pairs, `causal` the future; `bias` (..., N, T, S) is added to
    the scores. A `mask` of integers says which sequence a step belongs to, 0 being padding: steps
    see those of their own. With `return_attention` the answer is (y, weights, scores), both
    (B, N, T, S); without, the backend's fused kernel is used where it has one. `d_model` is by
    default the width of the query.

    >>> attention = MultiHeadAttention(n_heads=2, causal=True)
    >>> y, weights, _ = attention(ops.ones((1, 3, 4)), return_attention=True)
    >>> ops.convert_to_numpy(weights)[0, 0, 0].tolist()
    [1.0, 0.0, 0.0]
    """

    def __init__(
        self,
        n_heads: int,
        d_model: int | None = None,
        dropout: float = 0.0,
        causal: bool = False,
        positions: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_heads = check_int("n_heads", n_heads)
        self.d_model = d_model
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        self.causal = causal
        self.positions = check_option("positions", positions, POSITIONS)
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, query_shape: Any, key_shape: Any = None, value_shape: Any = None) -> None:
        key_shape = key_shape or query_shape
        width = self.d_model or query_shape[-1]
        if width % self.n_heads:
            raise ValueError(fault("n_heads", f"a divisor of the width {width}", self.n_heads))
        self.d_head = width // self.n_heads
        self.query_map = self._map(width, query_shape, "query")
        self.key_map = self._map(width, key_shape, "key")
        self.value_map = self._map(width, value_shape or key_shape, "value")
        self.output_map = self._map(width, (*query_shape[:-1], width), "output")

    def _map(self, width: int, shape: Any, name: str) -> Any:
        dense = keras.layers.Dense(width, name=name, dtype=self.dtype_policy)
        dense.build(shape)
        return dense

    def call(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        bias: Any = None,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> Any:
        if key is None:
            key, key_mask = query, mask if key_mask is None else key_mask
            if is_segments(key_mask):
                attention_mask, key_mask = _both(attention_mask, together(key_mask)), None
        q = self._heads(self.query_map(query))  # (B, T, N, d)
        k = self._heads(self.key_map(key))  # (B, S, N, d)
        v = self._heads(self.value_map(key if value is None else value))
        if self.positions == "rotary":
            q, k = rotary(q), rotary(k)
        if self.positions == "alibi":
            distances = alibi(self.n_heads, ops.shape(q)[1], q.dtype, ops.shape(k)[1])
            bias = distances if bias is None else bias + distances
        seen = self._seen(q, k, key_mask, attention_mask)
        if return_attention or self.drop.draws(training):
            y, weights, scores = self._plain(q, k, v, seen, bias, training)
            y = self._joined(y)
            return (y, weights, scores) if return_attention else y
        if self.causal and key_mask is None and attention_mask is None and bias is None:
            return self._joined(ops.dot_product_attention(q, k, v, is_causal=True))
        return self._joined(_fused(q, k, v, seen, bias))

    def initial_state(self, batch: Any, length: int) -> dict[str, Any]:
        """The state of `step` before the first: room for the last `length` steps."""
        return cache.empty(batch, length, self.n_heads, self.d_head, self.compute_dtype)

    def step(self, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """One moment (B, D) of causal self-attention -> (B, d_model), and the next state.

        Equals `call` in inference up to `length` steps, and then sees the last `length`.
        """
        t, x = state["t"], x[:, None]
        q, k, v = (self._heads(f(x)) for f in (self.query_map, self.key_map, self.value_map))
        if self.positions == "rotary":
            q, k = rotary(q, first=t), rotary(k, first=t)
        state, ages = cache.written(state, k, v)
        seen, bias = (ages <= t[:, None])[:, None, None, :], None  # (B, 1, 1, L)
        if self.positions == "alibi":
            slopes = ops.cast(alibi_slopes(self.n_heads), "float32")
            bias = -slopes[None, :, None, None] * ages[:, None, None, :]  # (B, N, 1, L)
            bias = ops.cast(bias, q.dtype)
        y, _, _ = self._plain(q, state["keys"], state["values"], seen, bias, False)
        return self._joined(y)[:, 0], state

    def remember(self, memory: Any) -> dict[str, Any]:
        """Keys and values (B, S, N, d) of a memory (B, S, M), for `recall`."""
        keys, values = self.key_map(memory), self.value_map(memory)
        return {"keys": self._heads(keys), "values": self._heads(values)}

    def recall(self, x: Any, source: Any, mask: Any = None) -> tuple[Any, Any]:
        """One moment (B, D) over what was remembered -> (B, d_model), weights (B, N, S)."""
        seen = None if mask is None else ops.cast(mask, "bool")[:, None, None, :]
        q = self._heads(self.query_map(x[:, None]))
        y, weights, _ = self._plain(q, source["keys"], source["values"], seen, None, False)
        return self._joined(y)[:, 0], weights[:, :, 0]

    def _heads(self, x: Any) -> Any:
        return ops.reshape(x, (*ops.shape(x)[:-1], self.n_heads, self.d_head))

    def _joined(self, y: Any) -> Any:
        y = ops.reshape(y, (*ops.shape(y)[:2], y.shape[2] * y.shape[3]))  # (B, T, N * d)
        return self.output_map(y)

    def _seen(self, q: Any, k: Any, key_mask: Any, attention_mask: Any) -> Any:
        """What may be seen, broadcastable to (B, N, T, S); None for everything."""
        masks = []
        if key_mask is not None:
            masks.append(ops.cast(key_mask, "bool")[:, None, None, :])
        if attention_mask is not None:
            masks.append(ops.cast(attention_mask, "bool")[:, None, :, :])
        if self.causal:
            queries, keys = ops.arange(ops.shape(q)[1]), ops.arange(ops.shape(k)[1])
            masks.append((queries[:, None] >= keys[None, :])[None, None])
        seen = None
        for mask in masks:
            seen = mask if seen is None else ops.logical_and(seen, mask)
        return seen

    def _plain(self, q: Any, k: Any, v: Any, mask: Any, bias: Any, training: Any) -> Any:
        scores = ops.einsum("btnd,bsnd->bnts", q, k) * (self.d_head**-0.5)
        scores = scores if bias is None else scores + bias
        weights = masked_softmax(scores, mask)  # (B, N, T, S)
        kept = self.drop(weights, training=training)
        return ops.einsum("bnts,bsnd->btnd", kept, v), weights, scores


def _fused(q: Any, k: Any, v: Any, mask: Any, bias: Any) -> Any:
    """The same as `_plain` in inference, by the kernel of the backend."""
    if mask is not None:
        hidden = ops.where(mask, ops.cast(0.0, q.dtype), _lowest(q.dtype))
        bias = hidden if bias is None else bias + hidden
    if bias is not None:
        batch, n_heads = ops.shape(q)[0], q.shape[2]
        shape = (batch, n_heads, ops.shape(q)[1], ops.shape(k)[1])
        bias = ops.broadcast_to(bias, shape)
    y = ops.dot_product_attention(q, k, v, bias=bias)  # (B, T, N, d)
    if mask is None:
        return y
    sees = ops.any(mask, axis=-1)  # (B or 1, 1, T or 1)
    return ops.where(ops.swapaxes(sees, 1, 2)[..., None], y, 0.0)


def _both(mask: Any, other: Any) -> Any:
    return other if mask is None else ops.logical_and(ops.cast(mask, "bool"), other)


def _unit_fan(units: int) -> Any:
    return keras.initializers.RandomNormal(stddev=units**-0.5)
