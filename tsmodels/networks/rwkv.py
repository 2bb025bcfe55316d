"""RWKV-4 to RWKV-7: recurrent networks trained in parallel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.rwkv import RWKV4Block, RWKV5Block, RWKV6Block, RWKV7Stack
from tsmodels.networks.base import Network, register
from tsmodels.space import Choice, Dimension, Int

SPACE: dict[str, Dimension] = {"d_model": Choice([16, 32, 64, 128]), "n_layers": Int(1, 4)}


@register("rwkv4")
@dataclass(frozen=True, kw_only=True)
class RWKV4(Network):
    """RWKV-4, attention without queries, a decay a channel. Peng et al., 2023, arXiv 2305.13048."""

    search_space: ClassVar = SPACE

    dropout: ClassVar[None] = None  # type: ignore[misc]  # the authors use none
    n_layers: int = 2

    def layers(self) -> list[Any]:
        blocks = [RWKV4Block(layer_id=i, n_layers=self.n_layers) for i in range(self.n_layers)]
        return [*blocks, keras.layers.LayerNormalization(epsilon=1e-5)]


@dataclass(frozen=True, kw_only=True)
class _Headed(Network):
    """Versions with a matrix-valued state a head; `n_heads` must divide `d_model`."""

    block: ClassVar[Any]
    search_space: ClassVar = SPACE

    dropout: ClassVar[None] = None  # type: ignore[misc]
    n_layers: int = 2
    n_heads: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            parameter = f"{type(self).__name__}.n_heads"
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault(parameter, rule, self.n_heads))

    @property
    def head_size(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads

    def layers(self) -> list[Any]:
        blocks = [
            self.block(self.head_size, layer_id=i, n_layers=self.n_layers)
            for i in range(self.n_layers)
        ]
        return [*blocks, keras.layers.LayerNormalization(epsilon=1e-5)]


@register("rwkv5")
@dataclass(frozen=True, kw_only=True)
class RWKV5(_Headed):
    """RWKV-5, Eagle: a matrix-valued state a head. Peng et al., 2024, arXiv 2404.05892."""

    block: ClassVar[Any] = RWKV5Block


@register("rwkv6")
@dataclass(frozen=True, kw_only=True)
class RWKV6(_Headed):
    """RWKV-6, Finch: decays that depend on the input. Peng et al., 2024, arXiv 2404.05892."""

    block: ClassVar[Any] = RWKV6Block


@register("rwkv7")
@dataclass(frozen=True, kw_only=True)
class RWKV7(_Headed):
    """RWKV-7, Goose: a generalised delta rule. Peng et al., 2025, arXiv 2503.14456."""

    block: ClassVar[Any] = RWKV7Stack

    def layers(self) -> list[Any]:
        stack = RWKV7Stack(self.n_layers, self.head_size)
        return [stack, keras.layers.LayerNormalization(epsilon=1e-5)]
