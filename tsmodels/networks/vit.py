"""Vision Transformer: pieces of a sequence or an image are tokens, one more token sums them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.convolution import PatchEmbedding
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.positions import ClassToken, LearnedPositions
from tsmodels.layers.transformer import EPSILON, TransformerEncoderLayer
from tsmodels.networks.base import Memory, Network, Rate, register
from tsmodels.space import Choice, Int, Real


@register("vit")
@dataclass(frozen=True, kw_only=True)
class ViT(Network):
    """Vision Transformer. Dosovitskiy et al., 2021 (arXiv 2010.11929).

    A token is a piece of `patch_size` steps with all their features, or a square of an image (B, R,
    S, C). Before them stands a learned one: what it gathers is the "last" state of the memory,
    which decoders and heads read. At most `max_length` tokens have a position.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "n_heads": Choice([2, 4]),
        "patch_size": Choice([8, 16, 24]),
        "dropout": Real(0.0, 0.5),
    }

    dropout: Rate = 0.1
    n_layers: int = 2
    n_heads: int = 4
    d_ff: int | None = None
    patch_size: int = 16
    max_length: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("ViT.n_heads", rule, self.n_heads))

    @property
    def causal(self) -> bool:
        return False

    @property
    def stemless(self) -> bool:
        return True

    @property
    def images(self) -> bool:
        return True

    def layers(self) -> list[Any]:
        encoder = [
            TransformerEncoderLayer(
                self.n_heads,
                self.d_ff or 4 * self.d_model,
                activation="gelu",
                pre_norm=True,
                dropout=self.dropout,
            )
            for _ in range(self.n_layers)
        ]
        return [
            PatchEmbedding(self.d_model, self.patch_size),
            ClassToken(),
            LearnedPositions(self.max_length + 1),
            Dropout(self.dropout),
            *encoder,
            keras.layers.LayerNormalization(epsilon=EPSILON),
        ]

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        x, mask, _ = super().encode(layers, x, mask)
        mask = mask if mask is None else mask[:, 1:]
        return Memory(x[:, 1:], mask, {"last": x[:, 0]})
