"""PatchTST: pieces of a window are the tokens, every channel goes its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.positions import LearnedPositions
from tsmodels.layers.transformer import TransformerEncoderLayer
from tsmodels.networks.base import Memory, Network, Rate, register, unpadded
from tsmodels.space import Choice, Int, Real


def patches(x: Any, length: int, stride: int, end_padding: bool = False) -> Any:
    """Pieces of series (..., T), as (..., N, length): N = (T - length) // stride + 1.

    With `end_padding` the last value is repeated `stride` times first, which adds a patch.

    >>> patches(ops.array([1.0, 2.0, 3.0]), length=2, stride=1, end_padding=True).shape == (3, 2)
    True
    """
    if end_padding:
        x = ops.concatenate([x] + [x[..., -1:]] * stride, axis=-1)
    n = (x.shape[-1] - length) // stride + 1
    return ops.take(x, np.arange(n)[:, None] * stride + np.arange(length), axis=-1)


@register("patchtst")
@dataclass(frozen=True, kw_only=True)
class PatchTST(Network):
    """Channel-independent patched Transformer. Nie et al., 2023 (arXiv 2211.14730).

    Each target's window is cut into patches of `patch_length` every `stride` steps (by default side
    by side, where the paper overlaps them), embedded with learned positions, and encoded; all its
    tokens together become its forecast, by one map for all targets or with `individual` one each.
    `residual_attention` adds the scores of the layer before (He et al., 2020). A window shorter
    than a patch is one patch. Covariates are read beside it.

    Other tasks `encode`: there a token is a patch of all features at once, T' is the number of
    patches, and a patch is hidden where all of its steps are.
    """

    variable_dropout: ClassVar[bool] = True
    reads_covariates: ClassVar[bool] = False
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 3),
        "n_heads": Choice([2, 4]),
        "patch_length": Choice([8, 16, 24]),
        "dropout": Real(0.0, 0.5),
    }

    d_model: int = 32
    dropout: Rate = 0.3
    n_layers: int = 1
    n_heads: int = 4
    d_ff: int | None = None
    patch_length: int = 24
    stride: int | None = None
    end_padding: bool = True
    norm: Literal["batch", "layer"] = "batch"
    pre_norm: bool = False
    residual_attention: bool = True
    individual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("PatchTST.n_heads", rule, self.n_heads))

    def layers(self) -> dict[str, Any]:
        encoder = {
            f"encoder_{i}": TransformerEncoderLayer(
                self.n_heads,
                self.d_ff or 2 * self.d_model,
                activation="gelu",
                pre_norm=self.pre_norm,
                norm=self.norm,
                dropout=self.dropout,
                name=f"encoder_{i}",
            )
            for i in range(self.n_layers)
        }
        embed = keras.layers.Dense(self.d_model, name="embed")
        return {"embed": embed, "drop": Dropout(self.dropout), **encoder}

    @property
    def causal(self) -> bool:
        return False

    @property
    def any_length(self) -> bool:
        return False  # which steps make a patch is fixed

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        x = x if mask is None else unpadded(x, mask)  # a patch may be padding in part
        x = self._patches(ops.swapaxes(x, 1, 2))  # (B, D, N, P)
        _, width, n, length = x.shape
        x = ops.reshape(ops.swapaxes(x, 1, 2), (-1, n, width * length))  # (B, N, D * P)
        if mask is not None:
            mask = ops.any(self._patches(ops.cast(mask, x.dtype)) > 0, axis=-1)  # (B, N)
        return Memory(self._encoded(layers, layers["embed"](x), mask), mask)

    def _patches(self, x: Any) -> Any:
        """(..., T) -> (..., N, P)."""
        length = min(self.patch_length, x.shape[-1])
        return patches(x, length, min(self.stride or length, length), self.end_padding)

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        x = ops.swapaxes(past[:, :, :targets], 1, 2)  # (B, C, T)
        x = layers["embed"](self._patches(x))  # (B, C, N, D)
        n = x.shape[2]
        x = ops.reshape(x, (-1, n, self.d_model))  # (B * C, N, D)
        x = self._encoded(layers, x)
        x = ops.reshape(ops.swapaxes(x, 1, 2), (-1, targets, self.d_model * n))  # (B, C, D * N)
        y = self._head(targets, horizon * outputs)(x)
        y = ops.reshape(y, (-1, targets, horizon, outputs))
        return ops.swapaxes(y, 1, 2)

    def _encoded(self, layers: Any, x: Any, mask: Any = None) -> Any:
        """Embedded patches (..., N, D) with positions through the layers."""
        x = layers["drop"](LearnedPositions(x.shape[1], name="positions")(x))
        scores = None
        for i in range(self.n_layers):
            layer = layers[f"encoder_{i}"]
            if self.residual_attention and i < self.n_layers - 1:
                x, _, scores = layer(x, mask=mask, bias=scores, return_attention=True)
            else:
                x = layer(x, mask=mask, bias=scores)
        return x

    def _head(self, targets: int, units: int) -> Any:
        if self.individual:
            return keras.layers.EinsumDense(
                "bcf,cfu->bcu", (targets, units), bias_axes="cu", name="head"
            )
        return keras.layers.Dense(units, name="head")
