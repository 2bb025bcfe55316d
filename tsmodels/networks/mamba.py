"""Selective state spaces: Mamba and Mamba-2 as pre-norm residual stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.mamba import Mamba2Block, MambaBlock
from tsmodels.layers.norm import PreNorm
from tsmodels.networks.base import Network, register
from tsmodels.space import Choice, Int, Real


@register("mamba")
@dataclass(frozen=True, kw_only=True)
class Mamba(Network):
    """Mamba, selective scans in linear time. Gu & Dao, 2023, arXiv 2312.00752.

    `d_state` is the size N of each channel's state, `d_conv` the taps of the causal convolution,
    `expand` the inner width over `d_model`. `discretization` "zoh_euler" is what the authors' code
    computes, "zoh" what their paper says.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "d_state": Choice([8, 16, 32]),
        "dropout": Real(0.0, 0.5),
    }

    n_layers: int = 2
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    discretization: Literal["zoh_euler", "zoh", "bilinear", "euler"] = "zoh_euler"

    def layers(self) -> list[Any]:
        return [*(self._layer() for _ in range(self.n_layers)), keras.layers.RMSNormalization()]

    def _layer(self) -> PreNorm:
        block = MambaBlock(
            self.d_state, self.d_conv, self.expand, discretization=self.discretization
        )
        return PreNorm(block, self.dropout)


@register("mamba2")
@dataclass(frozen=True, kw_only=True)
class Mamba2(Network):
    """Mamba-2, state space duality in chunks of matrix products. Dao & Gu, 2024, arXiv 2405.21060.

    `n_heads` must divide the inner width, `expand` times `d_model`.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "d_state": Choice([16, 32, 64]),
        "dropout": Real(0.0, 0.5),
    }

    n_layers: int = 2
    n_heads: int = 4
    d_state: int = 32
    d_conv: int = 4
    expand: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        inner = self.expand * self.d_model
        if inner % self.n_heads:
            rule = f"a divisor of expand x d_model ({inner})"
            raise ValueError(fault("Mamba2.n_heads", rule, self.n_heads))

    def layers(self) -> list[Any]:
        return [*(self._layer() for _ in range(self.n_layers)), keras.layers.RMSNormalization()]

    def _layer(self) -> PreNorm:
        head_dim = self.expand * self.d_model // self.n_heads
        block = Mamba2Block(self.d_state, head_dim, self.d_conv, self.expand)
        return PreNorm(block, self.dropout)
