"""The network of the first neural language model: so many steps before, and no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.layers.convolution import CausalConv1D
from tsmodels.networks.base import Network, register
from tsmodels.space import Choice, Int


@register("window_mlp")
@dataclass(frozen=True, kw_only=True)
class WindowMLP(Network):
    """Perceptron over the last steps, tanh(H x). Bengio, Ducharme, Vincent & Jauvin, 2003.

    x are the vectors of the last `context` steps side by side, zeros before the first: a
    convolution with as many taps. The authors' direct map from x to the output is left out; theirs
    generalised better without it.

    >>> [layer.kernel_size for layer in WindowMLP(context=5).layers()]
    [(5,)]
    """

    search_space: ClassVar = {"d_model": Choice([32, 64, 128, 256]), "context": Int(4, 32)}

    dropout: ClassVar[None] = None  # type: ignore[misc]  # the authors decay weights instead
    context: int = 16

    @property
    def stemless(self) -> bool:
        return True

    def layers(self) -> list[Any]:
        return [CausalConv1D(self.d_model, self.context, activation="tanh", name="window")]
