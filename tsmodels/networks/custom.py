"""Networks of one's own without a class: a Keras layer, or a plain function of feature tensors."""

from __future__ import annotations

import random
import weakref
from collections.abc import MutableMapping
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

    Without `d_model` the width is the one that a layer makes of any other, or 64.

    >>> from tsmodels.networks import resolve
    >>> spec = resolve(keras.layers.GRU(8, return_sequences=True))
    >>> spec.encode(spec.layers(), keras.Input((5, 8))).sequence.shape
    (None, 5, 8)
    """

    d_model: int = None  # type: ignore[assignment]
    encoder: Any
    causal: bool = False

    def __post_init__(self) -> None:
        if self.d_model is None:
            object.__setattr__(self, "d_model", _width_of(self.encoder))
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
        return [_copy_of(self.encoder)]

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        y, mask, _ = checked_memory(self, super().encode(layers, x, mask), x)
        return Memory(y, mask if y.shape[1] == x.shape[1] else None)


def _copy_of(encoder: Any) -> Any:
    """A layer of the same config, with weights of its own; a function is what it is."""
    if not isinstance(encoder, keras.layers.Layer):
        return encoder
    return type(encoder).from_config(encoder.get_config())


_WIDTHS: MutableMapping[Any, int] = weakref.WeakKeyDictionary()  # by layer: estimators ask often


def _width_of(encoder: Any) -> int:
    if not isinstance(encoder, keras.layers.Layer):
        return Network.d_model
    if encoder not in _WIDTHS:
        _WIDTHS[encoder] = _width_tried(encoder)
    return _WIDTHS[encoder]


def _width_tried(layer: Any) -> int:
    """The width D of which a layer makes D again, found by two tries; what fails says so later."""
    width = Network.d_model
    state = random.getstate()  # which layers without a seed draw from
    try:
        for _ in range(2):
            shape = _copy_of(layer)(keras.Input((LENGTH, width))).shape
            width = shape[-1] if len(shape) == 3 else width
    except Exception:  # anything that code of a user raises: fit runs it again, and tells
        return Network.d_model
    finally:
        random.setstate(state)
    return int(width)


LENGTH = 64  # of the sequences that are tried
