"""Conformer: attention for what is far apart, convolution for what is near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.checks import fault
from tsmodels.layers.conformer import ConformerBlock
from tsmodels.layers.convolution import PatchEmbedding
from tsmodels.layers.dropout import Dropout
from tsmodels.networks.base import Network, Rate, register
from tsmodels.space import Choice, Int, Real


@register("conformer")
@dataclass(frozen=True, kw_only=True)
class Conformer(Network):
    """Convolution-augmented Transformer. Gulati et al., 2020 (arXiv 2005.08100).

    `subsample` steps become one by a strided convolution, as in the paper by two of stride 2; with
    1 the length stays. `causal_encoder` lets no step see one after it. `positions` act inside the
    attention: "rotary" (Su et al., 2021) or "alibi" (Press et al., 2022); the paper's are relative
    sines.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "n_heads": Choice([2, 4]),
        "kernel_size": Choice([3, 7, 15]),
        "subsample": Choice([2, 4, 8]),
        "dropout": Real(0.0, 0.5),
    }

    dropout: Rate = 0.1
    n_layers: int = 2
    n_heads: int = 4
    d_ff: int | None = None
    kernel_size: int = 7
    subsample: int = 4
    positions: Literal["rotary", "alibi"] = "rotary"
    causal_encoder: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("Conformer.n_heads", rule, self.n_heads))
        if self.positions == "rotary" and self.d_model // self.n_heads % 2:
            rule = "such that the width of a head is even for rotary positions"
            raise ValueError(fault("Conformer.n_heads", rule, self.n_heads))

    @property
    def causal(self) -> bool:
        return self.causal_encoder and self.subsample == 1

    @property
    def stemless(self) -> bool:
        return True

    def layers(self) -> list[Any]:
        blocks = [
            ConformerBlock(
                self.n_heads,
                self.d_ff or 4 * self.d_model,
                self.kernel_size,
                self.causal_encoder,
                self.positions,
                self.dropout,
            )
            for _ in range(self.n_layers)
        ]
        pieces = PatchEmbedding(self.d_model, self.subsample)
        return [pieces, Dropout(self.dropout), *blocks]
