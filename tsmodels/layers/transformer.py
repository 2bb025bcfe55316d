"""Transformer layers: attention and a feed-forward map, each inside a residual and a norm.

Vaswani et al., 2017; `pre_norm` as in Xiong et al., 2020: x + f(norm(x)) instead of norm(x + f(x)).
Layer norms have epsilon 1e-5 and "gelu" is the exact one, so weights of other libraries carry over.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real
from tsmodels.layers.attention import MultiHeadAttention
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.precision import Streaming

EPSILON = 1e-5
NORMS = ("layer", "batch")


class _TransformerLayer(Streaming, keras.layers.Layer):
    """What the two below share: settings, sublayers, the residual around each sublayer."""

    n_attentions: int

    def __init__(
        self,
        n_heads: int,
        d_ff: int,
        activation: str = "relu",
        pre_norm: bool = False,
        norm: str = "layer",
        positions: str | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.d_ff = check_int("n_heads", n_heads), check_int("d_ff", d_ff)
        self.activation, self.pre_norm = activation, pre_norm
        self.norm = check_option("norm", norm, NORMS)
        self.positions = positions
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.norms = [self._norm(i) for i in range(self.n_attentions + 1)]
        self.widen = keras.layers.Dense(d_ff, activation, name="widen", dtype=self.dtype_policy)
        self.supports_masking = True

    def _norm(self, i: int) -> Any:
        if self.norm == "batch":
            return keras.layers.BatchNormalization(
                epsilon=EPSILON, momentum=0.9, name=f"norm_{i}", dtype=self.dtype_policy
            )
        return keras.layers.LayerNormalization(
            epsilon=EPSILON, name=f"norm_{i}", dtype=self.dtype_policy
        )

    def _attention(self, name: str, **kwargs: Any) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.n_heads, dropout=self.dropout, name=name, dtype=self.dtype_policy, **kwargs
        )

    def _build_common(self, shape: Any) -> None:
        self.narrow = keras.layers.Dense(shape[-1], name="narrow", dtype=self.dtype_policy)
        self.widen.build(shape)
        self.narrow.build((*shape[:-1], self.d_ff))
        for norm in self.norms:
            norm.build(shape)

    def _before(self, i: int, x: Any, training: Any, mask: Any = None) -> Any:
        return self._normed(i, x, training, mask) if self.pre_norm else x

    def _after(self, i: int, x: Any, change: Any, training: Any, mask: Any = None) -> Any:
        x = x + self.drop(change, training=training)
        return x if self.pre_norm else self._normed(i, x, training, mask)

    def _normed(self, i: int, x: Any, training: Any, mask: Any) -> Any:
        """Statistics of a batch leave masked steps out; a layer norm sees one step at a time."""
        mask = {"mask": ops.cast(mask, "bool")} if self.norm == "batch" and mask is not None else {}
        return self.norms[i](x, training=training, **mask)

    def _feed_forward(self, x: Any, training: Any, mask: Any = None) -> Any:
        i = self.n_attentions
        h = self._before(i, x, training, mask)
        h = self.drop(self.widen(h), training=training)  # (B, T, d_ff)
        return self._after(i, x, self.narrow(h), training, mask)


@keras.saving.register_keras_serializable("tsmodels")
class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention and a feed-forward map: (B, T, D) -> (B, T, D).

    `causal` makes it a layer of a decoder-only Transformer. `positions` "rotary" or "alibi" act
    inside the attention; `norm` "batch" normalises over batch and steps, as PatchTST does. `mask`
    (B, T) hides steps from the others, or with integers one sequence of a row from another; `bias`
    is added to the attention scores, and with `return_attention` the answer is (y, weights,
    scores), both (B, N, T, T).

    >>> layer = TransformerEncoderLayer(n_heads=2, d_ff=16, pre_norm=True, activation="gelu")
    >>> layer(ops.ones((2, 5, 4))).shape == (2, 5, 4)
    True
    """

    n_attentions = 1

    def __init__(self, n_heads: int, d_ff: int, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(n_heads, d_ff, **kwargs)
        self.causal = causal
        self.attention = self._attention("attention", causal=causal, positions=self.positions)

    def build(self, input_shape: Any) -> None:
        self.attention.build(input_shape)
        self._build_common(input_shape)

    def call(
        self,
        x: Any,
        mask: Any = None,
        bias: Any = None,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> Any:
        h = self._before(0, x, training, mask)
        h = self.attention(
            h, key_mask=mask, bias=bias, return_attention=return_attention, training=training
        )
        h, *attention = h if return_attention else (h,)
        x = self._after(0, x, h, training, mask)
        y = self._feed_forward(x, training, mask)
        return (y, *attention) if return_attention else y

    def initial_state(self, batch: Any, length: int) -> dict[str, Any]:
        """The state of `step` before the first: keys and values of the last `length` steps."""
        return self.attention.initial_state(batch, length)

    def step(self, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """One moment (B, D) of a causal layer -> (B, D) and the next state, as in inference."""
        h, state = self.attention.step(self._before(0, x, False), state)
        return self._feed_forward(self._after(0, x, h, False), False), state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **_settings(self), "causal": self.causal}


@keras.saving.register_keras_serializable("tsmodels")
class TransformerDecoderLayer(_TransformerLayer):
    """Causal self-attention, attention over a memory, a feed-forward map.

    x (B, T, D) and memory (B, S, M) give (B, T, D); `x_mask` (B, T) and `memory_mask` (B, S) hide
    steps. With `return_attention` the answer is (y, weights, scores) of the attention over the
    memory, both (B, N, T, S).

    >>> layer = TransformerDecoderLayer(n_heads=2, d_ff=16)
    >>> layer(ops.ones((2, 3, 4)), ops.ones((2, 5, 4))).shape == (2, 3, 4)
    True
    """

    n_attentions = 2

    def __init__(self, n_heads: int, d_ff: int, **kwargs: Any) -> None:
        super().__init__(n_heads, d_ff, **kwargs)
        self.attention = self._attention("attention", causal=True, positions=self.positions)
        self.memory_attention = self._attention("memory_attention")

    def build(self, x_shape: Any, memory_shape: Any) -> None:
        self.attention.build(x_shape)
        self.memory_attention.build(x_shape, memory_shape)
        self._build_common(x_shape)

    def call(
        self,
        x: Any,
        memory: Any,
        x_mask: Any = None,
        memory_mask: Any = None,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> Any:
        h = self.attention(self._before(0, x, training), key_mask=x_mask, training=training)
        x = self._after(0, x, h, training)
        h = self.memory_attention(
            self._before(1, x, training),
            memory,
            key_mask=memory_mask,
            return_attention=return_attention,
            training=training,
        )
        h, *attention = h if return_attention else (h,)
        y = self._feed_forward(self._after(1, x, h, training), training)
        return (y, *attention) if return_attention else y

    def start(self, memory: Any, length: int, mask: Any = None) -> dict[str, Any]:
        """The state of `step` before the first of at most `length` steps.

        Beside a ring of keys and values ("past/...") it holds those of the memory and its mask.
        """
        past = self.attention.initial_state(ops.shape(memory)[0], length)
        source = self.memory_attention.remember(memory)
        mask = ops.ones_like(memory[:, :, 0]) if mask is None else ops.cast(mask, memory.dtype)
        past = {f"past/{key}": value for key, value in past.items()}
        return {**past, "keys": source["keys"], "values": source["values"], "mask": mask}

    def step(self, x: Any, state: Any) -> tuple[Any, Any, dict[str, Any]]:
        """One moment (B, D) -> (B, D), attention (B, N, S) and the next state, as in inference."""
        past = {key: state[f"past/{key}"] for key in ("keys", "values", "t")}
        h, past = self.attention.step(self._before(0, x, False), past)
        x = self._after(0, x, h, False)
        h, weights = self.memory_attention.recall(self._before(1, x, False), state, state["mask"])
        y = self._feed_forward(self._after(1, x, h, False), False)
        return y, weights, {**state, **{f"past/{key}": value for key, value in past.items()}}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **_settings(self)}


def _settings(layer: _TransformerLayer) -> dict[str, Any]:
    names = ("n_heads", "d_ff", "activation", "pre_norm", "norm", "positions", "dropout")
    return {name: getattr(layer, name) for name in names}
