"""What a model says of itself: the weights it looked with, and how its answers move."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.norm import Constant, RevIN
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.tft import InterpretableAttention, VariableSelection

READABLE = (VariableSelection, InterpretableAttention)


def reading_model(model: Any) -> Any:
    """The weights of a model's selections and attentions, by the name of the layer, as a model.

    Layers count whose weights are shares of one sum over what is named outside: variables, or
    steps of one shared value. Attention deep inside others mixes what it reads, and says nothing
    of the kind. Raises ValueError where there are none.

    >>> from tsmodels.networks import TFT
    >>> from tsmodels.networks.assembly import forecast_model
    >>> model = forecast_model(TFT(d_model=4), lookback=6, horizon=2, channels=3)
    >>> {name: weights.shape for name, weights in reading_model(model).output.items()}
    {'select_past': (None, 6, 3), 'attention': (None, 4, 8, 8)}
    """
    found = {layer.name: layer for layer in model.layers if isinstance(layer, READABLE)}
    if not found:
        rule = "'permutation' or 'gradients' for a network without weights that can be read"
        raise ValueError(fault("how", rule, "attention", "The network 'tft' has such weights."))
    return keras.Model(model.input, {name: layer.output[1] for name, layer in found.items()})


def moving_model(**arguments: Any) -> Any:
    """`forecast_model` whose gradients are those of its answers.

    In training some statistics of a window are constants in backpropagation; here none is. Its
    weights are those of `forecast_model`, in the same order.
    """
    model = forecast_model(**arguments)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, RevIN | Constant):
            layer.constant = False
    return model
