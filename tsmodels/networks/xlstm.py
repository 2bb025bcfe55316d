"""xLSTM: blocks with exponential gates as a pre-norm residual stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.norm import PreNorm
from tsmodels.layers.xlstm import GatedFeedForward, MLSTMBlock, SLSTMBlock
from tsmodels.networks.base import Network, register
from tsmodels.space import Choice, Int, Real


@register("xlstm")
@dataclass(frozen=True, kw_only=True)
class XLSTM(Network):
    """xLSTM, LSTMs with exponential gates. Beck et al., 2024, arXiv 2405.04517.

    `pattern` says which blocks have a matrix for a memory ("m", trained in parallel) and which mix
    their memories ("s", step after step); it is repeated over the `n_layers` blocks. `n_heads` must
    divide `d_model`. Norms before the blocks are RMS norms, the authors' are layer norms.

    >>> [block.layer.name[:9] for block in XLSTM(n_layers=3, pattern=("m", "m", "s")).layers()[:4]]
    ['mlstm_blo', 'mlstm_blo', 'slstm_blo', 'gated_fee']
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "pattern": Choice([("m",), ("m", "s"), ("s",)]),
        "n_heads": Choice([2, 4]),
        "dropout": Real(0.0, 0.5),
    }

    n_layers: int = 2
    n_heads: int = 4
    d_conv: int = 4
    expand: int = 2
    pattern: tuple[Literal["m", "s"], ...] = ("m", "s")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("XLSTM.n_heads", rule, self.n_heads))

    def layers(self) -> list[Any]:
        kinds = [self.pattern[i % len(self.pattern)] for i in range(self.n_layers)]
        blocks = [block for kind in kinds for block in self._blocks(kind)]
        norms = [PreNorm(block, self.dropout) for block in blocks]
        return [*norms, keras.layers.RMSNormalization()]

    def _blocks(self, kind: str) -> list[Any]:
        if kind == "m":
            return [MLSTMBlock(self.n_heads, self.d_conv, self.expand)]
        return [SLSTMBlock(self.n_heads, self.d_conv), GatedFeedForward()]
