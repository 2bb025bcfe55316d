"""Test-time training: the hidden state is a small network that learns while it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.norm import PreNorm
from tsmodels.layers.ttt import TTTMLP, TTTLinear
from tsmodels.networks.base import Network, register
from tsmodels.space import Choice, Int, Real


@dataclass(frozen=True, kw_only=True)
class _TTT(Network):
    """Residual blocks of the authors' Mamba-style backbone: shared queries and keys, output gate.

    `n_heads` must cut `d_model` into even parts; `mini_batch` tokens share one gradient step. The
    authors' code has a SwiGLU perceptron behind each of them, which is left out here.
    """

    layer: ClassVar[Any]
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 4),
        "mini_batch": Choice([8, 16, 32]),
        "dropout": Real(0.0, 0.5),
    }

    n_layers: int = 2
    n_heads: int = 4
    mini_batch: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % (2 * self.n_heads):
            parameter = f"{type(self).__name__}.n_heads"
            rule = f"such that d_model ({self.d_model}) / n_heads is even"
            raise ValueError(fault(parameter, rule, self.n_heads))

    def layers(self) -> list[Any]:
        return [*(self._layer() for _ in range(self.n_layers)), keras.layers.RMSNormalization()]

    def _layer(self) -> PreNorm:
        settings = {"n_heads": self.n_heads, "mini_batch": self.mini_batch}
        return PreNorm(self.layer(**settings, use_gate=True, share_qk=True), self.dropout)


@register("ttt_linear")
@dataclass(frozen=True, kw_only=True)
class TTTLinearNetwork(_TTT):
    """TTT-Linear: the state is a linear model. Sun et al., 2024, arXiv 2407.04620."""

    variable_dropout: ClassVar[bool] = True

    layer: ClassVar[Any] = TTTLinear


@register("ttt_mlp")
@dataclass(frozen=True, kw_only=True)
class TTTMLPNetwork(_TTT):
    """TTT-MLP: the state is a two-layer perceptron. Sun et al., 2024, arXiv 2407.04620."""

    variable_dropout: ClassVar[bool] = True

    layer: ClassVar[Any] = TTTMLP
