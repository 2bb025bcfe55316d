"""Networks of one's own without a class: a Keras layer, or a plain function of feature tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.networks.base import Memory, Network, checked_memory, is_map


@dataclass(frozen=True, kw_only=True)
class Custom(Network):
    """A Keras layer or a function (B, T, D) -> (B, T', D) as the encoder of a network.

    `resolve`, and with it every estimator, makes one of a layer or function handed as `network`. A
    layer is a template: each assembly makes a layer of its own from the config, and never uses the
    template's weights. A function is called once an assembly, on symbolic tensors, and makes the
    layers it needs; it gets the `mask` (B, T) if it has an argument of that name, and padding as
    zeros if not. `causal` is what
    you claim: that step t of the output depends on steps up to t alone. A mask is passed on where
    the length stays.

    >>> from tsmodels.networks import resolve
    >>> spec = resolve(keras.layers.GRU(8, return_sequences=True), d_model=8)
    >>> spec.encode(spec.layers(), keras.Input((5, 8))).sequence.shape
    (None, 5, 8)
    """

    encoder: Any
    causal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_map(self.encoder):
            rule = "a keras.Layer or a function of feature tensors"
            raise TypeError(fault("Custom.encoder", rule, self.encoder))
        if isinstance(self.encoder, keras.layers.Lambda):
            rule = "no Lambda, which cannot be made again without code"
            raise TypeError(fault("network", rule, self.encoder, "Hand the function itself."))

    @property
    def title(self) -> str:
        """The name of the layer or function."""
        return str(getattr(self.encoder, "name", getattr(self.encoder, "__name__", "Custom")))

    @property
    def any_length(self) -> bool:
        return self.causal

    @property
    def images(self) -> bool:
        return True  # its own business

    def layers(self) -> list[Any]:
        if not isinstance(self.encoder, keras.layers.Layer):
            return [self.encoder]
        return [type(self.encoder).from_config(self.encoder.get_config())]

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        y, mask, _ = checked_memory(self, super().encode(layers, x, mask), x)
        return Memory(y, mask if y.shape[1] == x.shape[1] else None)
