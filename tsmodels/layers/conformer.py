"""Conformer: a Transformer layer with a convolution in it, between two halves of a perceptron.

Gulati et al., 2020, arXiv 2005.08100. The authors normalise inside the convolution over the batch;
here every norm is a layer norm, so that neither the future nor padding is seen by way of it.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real
from tsmodels.layers.attention import MultiHeadAttention
from tsmodels.layers.convolution import CausalDepthwiseConv1D
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.transformer import EPSILON


@keras.saving.register_keras_serializable("tsmodels")
class ConvolutionModule(keras.layers.Layer):
    """Gate, depthwise convolution, norm and Swish between linear maps, (B, T, D) -> (B, T, D).

    y = W2 swish(norm(conv(u * sigmoid(v)))) with [u | v] = W1 x. Step t sees `kernel_size` steps
    around it, or up to it with `causal`; masked steps are zeros.

    >>> ConvolutionModule(kernel_size=3)(ops.ones((2, 5, 4))).shape == (2, 5, 4)
    True
    """

    def __init__(self, kernel_size: int = 7, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size, self.causal = check_int("kernel_size", kernel_size), causal
        self.conv = CausalDepthwiseConv1D(kernel_size, name="conv", dtype=self.dtype_policy)
        self.norm = _norm("norm", self.dtype_policy)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.gate = keras.layers.Dense(2 * width, name="gate", dtype=self.dtype_policy)
        self.out = keras.layers.Dense(width, name="out", dtype=self.dtype_policy)
        for layer in (self.gate, self.conv, self.norm, self.out):
            layer.build(input_shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        u, v = ops.split(self.gate(x), 2, axis=-1)
        h = u * ops.sigmoid(v)
        h = h if mask is None else ops.where(mask[..., None], h, 0.0)
        ahead = 0 if self.causal else (self.kernel_size - 1) // 2
        h = self.conv(ops.pad(h, [[0, 0], [0, ahead], [0, 0]]))[:, ahead:]  # (B, T, D)
        return self.out(ops.silu(self.norm(h)))

    def get_config(self) -> dict[str, Any]:
        own = {"kernel_size": self.kernel_size, "causal": self.causal}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tsmodels")
class ConformerBlock(keras.layers.Layer):
    """(B, T, D) -> (B, T, D):

    x = x + f(x) / 2;  x = x + attention(x);  x = x + convolution(x);  y = norm(x + g(x) / 2)

    with a norm before and dropout behind each part; f and g are perceptrons of width `d_ff` with
    Swish. `positions` "rotary" or "alibi" act inside the attention, where the authors have relative
    sines. `mask` (B, T) hides steps from the others, `causal` the future.

    >>> ConformerBlock(n_heads=2, d_ff=16)(ops.ones((2, 5, 4))).shape == (2, 5, 4)
    True
    """

    def __init__(
        self,
        n_heads: int,
        d_ff: int,
        kernel_size: int = 7,
        causal: bool = False,
        positions: str | None = "rotary",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.d_ff = check_int("n_heads", n_heads), check_int("d_ff", d_ff)
        self.kernel_size, self.causal, self.positions = kernel_size, causal, positions
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        dtype = self.dtype_policy
        self.drop = Dropout(dropout, dtype=dtype)
        self.norms = [_norm(f"norm_{i}", dtype) for i in range(5)]
        self.widen = [
            keras.layers.Dense(d_ff, "silu", name=f"widen_{i}", dtype=dtype) for i in "fg"
        ]
        self.attention = MultiHeadAttention(
            n_heads,
            dropout=dropout,
            causal=causal,
            positions=positions,
            name="attention",
            dtype=dtype,
        )
        self.convolution = ConvolutionModule(kernel_size, causal, name="convolution", dtype=dtype)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        lead, width, dtype = tuple(input_shape[:-1]), input_shape[-1], self.dtype_policy
        self.narrow = [keras.layers.Dense(width, name=f"narrow_{i}", dtype=dtype) for i in "fg"]
        for layer in (*self.norms, *self.widen, self.attention, self.convolution):
            layer.build(input_shape)
        for layer in self.narrow:
            layer.build((*lead, self.d_ff))

    def call(self, x: Any, mask: Any = None, training: bool | None = None) -> Any:
        x = x + 0.5 * self._perceptron(0, self.norms[0](x), training)
        h = self.attention(self.norms[1](x), key_mask=mask, training=training)
        x = x + self.drop(h, training=training)
        h = self.convolution(self.norms[2](x), mask=mask)
        x = x + self.drop(h, training=training)
        return self.norms[4](x + 0.5 * self._perceptron(1, self.norms[3](x), training))

    def _perceptron(self, i: int, x: Any, training: Any) -> Any:
        h = self.drop(self.widen[i](x), training=training)  # (B, T, d_ff)
        return self.drop(self.narrow[i](h), training=training)

    def get_config(self) -> dict[str, Any]:
        own = ("n_heads", "d_ff", "kernel_size", "causal", "positions", "dropout")
        return {**super().get_config(), **{key: getattr(self, key) for key in own}}


def _norm(name: str, dtype: Any) -> Any:
    return keras.layers.LayerNormalization(epsilon=EPSILON, name=name, dtype=dtype)
