"""Temporal convolutional network: causal convolutions whose reach doubles from block to block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.layers.convolution import TCNBlock
from tsmodels.networks.base import Network, Rate, register
from tsmodels.space import Choice, Int, Real


@register("tcn")
@dataclass(frozen=True, kw_only=True)
class TCN(Network):
    """Residual blocks of two dilated causal convolutions. Bai, Kolter & Koltun, 2018.

    Block i has dilation 2^i, so `reach` steps are seen. arXiv 1803.01271. The authors normalise the
    weights, which we do not.

    >>> TCN(n_layers=3, kernel_size=2).reach
    15
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(3, 8),
        "kernel_size": Choice([3, 5, 7]),
        "dropout": Real(0.0, 0.5),
    }

    d_model: int = 32
    dropout: Rate = 0.1
    n_layers: int = 6
    kernel_size: int = 5

    @property
    def stemless(self) -> bool:
        return True

    @property
    def reach(self) -> int:
        """How many steps an encoded step depends on, itself included."""
        return 1 + 2 * (self.kernel_size - 1) * (2**self.n_layers - 1)

    def layers(self) -> list[Any]:
        return [
            TCNBlock(self.d_model, self.kernel_size, 2**i, self.dropout)
            for i in range(self.n_layers)
        ]
