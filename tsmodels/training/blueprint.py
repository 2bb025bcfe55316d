"""How a model is built, so that it can be built, and started from other weights, again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tsmodels.backend import ops, seeded_build


@dataclass(frozen=True)
class Blueprint:
    """How to build a model, as often as needed: a function and its arguments.

    >>> from tsmodels.networks import NLinear
    >>> from tsmodels.networks.assembly import forecast_model
    >>> blueprint = Blueprint.of(forecast_model, network=NLinear(), lookback=12, horizon=3)
    >>> blueprint.build().output_shape
    (None, 3, 1)
    """

    make: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]
    values: tuple[tuple[str, float], ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, make: Callable[..., Any], **arguments: Any) -> Blueprint:
        """The blueprint that calls `make(**arguments, seed=seed)`; arguments must be hashable."""
        return cls(make, tuple(sorted(arguments.items())))

    def given(self, **values: float) -> Blueprint:
        """The same blueprint, but that variables of these names start from these values.

        Models that differ in nothing else share compiled functions.
        """
        return replace(self, values=tuple(sorted(values.items())))

    def build(self, seed: int = 0) -> Any:
        """A new `keras.Model`."""
        model = self.make(**dict(self.arguments), seed=seed)
        for variable in model.variables:
            if variable.name in dict(self.values):
                variable.assign(dict(self.values)[variable.name])
        return model


def first_values(blueprint: Blueprint, model: Any, seed: int) -> list[np.ndarray]:
    """What the variables of `model` start from under `seed`: weights and states of generators.

    The same for every model of a blueprint, used or not. The layers are built again by themselves,
    which takes a tenth of building the model; where a layer cannot be, the model is built again.
    """
    with seeded_build(seed):
        again = [variable for layer in model.layers for variable in _built_again(layer)]
    if [v.shape for v in again] != [v.shape for v in model.variables]:
        again = blueprint.build(seed).variables
    values = dict(blueprint.values)
    return [np.array(values.get(v.name, ops.convert_to_numpy(v)), v.dtype) for v in again]


def _built_again(layer: Any) -> list[Any]:
    if not layer.variables:
        return []
    try:
        fresh = type(layer).from_config(layer.get_config())
        fresh.build_from_config(layer.get_build_config())
    except Exception:  # a layer of a user's own may not be able to
        return []
    return fresh.variables
