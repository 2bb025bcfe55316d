"""Layers that keep their weights: what was learned on many series, adapted to few."""

from __future__ import annotations

import re
from typing import Any

from tsmodels.checks import did_you_mean, fault
from tsmodels.networks.assembly import forecast_model


def frozen_model(*, frozen: tuple[str, ...], **form: Any) -> Any:
    """`forecast_model(**form)` in which layers whose names begin with one of `frozen` are constant.

    >>> from tsmodels.networks import GRU
    >>> spec = GRU(d_model=4)
    >>> model = frozen_model(frozen=("recurrent",), network=spec, lookback=9, horizon=2)
    >>> [layer.name for layer in model.layers if layer.count_params() and layer.trainable]
    ['steps', 'head']
    """
    model = forecast_model(**form)
    layers = [layer for layer in model.layers if layer.count_params()]
    for name in frozen:
        chosen = [layer for layer in layers if layer.name.startswith(name)]
        if not chosen:
            names = [re.sub(r"_\d+$", "", layer.name) for layer in layers]  # less Keras' numbers
            way_out = did_you_mean(name, names)
            raise ValueError(fault("frozen", f"beginnings of names in {names}", name, way_out))
        for layer in chosen:
            layer.trainable = False
    if not any(layer.trainable for layer in layers):
        raise ValueError(fault("frozen", "some of the layers, not all", list(frozen)))
    return model
