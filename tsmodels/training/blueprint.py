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
    values: tuple[tuple[str, Any], ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, make: Callable[..., Any], **arguments: Any) -> Blueprint:
        """The blueprint that calls `make(**arguments, seed=seed)`; arguments must be hashable."""
        return cls(make, tuple(sorted(arguments.items())))

    def changed(self, **arguments: Any) -> Blueprint:
        """The same blueprint with some other arguments."""
        return replace(self, arguments=tuple(sorted({**dict(self.arguments), **arguments}.items())))

    def given(self, **values: Any) -> Blueprint:
        """The same blueprint, but that variables of these names, or paths, start from these values.

        Models that differ in nothing else share compiled functions.
        """
        return replace(self, values=tuple({**dict(self.values), **values}.items()))

    def build(self, seed: int = 0) -> Any:
        """A new `keras.Model`."""
        model = self.make(**dict(self.arguments), seed=seed)
        for variable in model.variables:
            value = self.value_of(variable)
            if value is not None:
                variable.assign(value)
        return model

    def value_of(self, variable: Any) -> Any:
        """What a variable is said to start from, by its path or else its name; None if nothing."""
        values = dict(self.values)
        return values.get(variable.path, values.get(variable.name))


def first_values(blueprint: Blueprint, model: Any, seed: int) -> list[np.ndarray]:
    """What the variables of `model` start from under `seed`: weights and states of generators.

    The same for every model of a blueprint, used or not. The layers are built again by themselves,
    which takes a tenth of building the model; where a layer cannot be, the model is built again.
    """
    with seeded_build(seed):
        again = [variable for layer in model.layers for variable in _built_again(layer)]
    if [v.shape for v in again] != [v.shape for v in model.variables]:
        again = blueprint.build(seed).variables
    given = [blueprint.value_of(v) for v in again]
    return [
        np.array(ops.convert_to_numpy(v) if value is None else value, v.dtype)
        for v, value in zip(again, given, strict=True)
    ]


def _built_again(layer: Any) -> list[Any]:
    if not layer.variables:
        return []
    try:
        fresh = type(layer).from_config(layer.get_config())
        fresh.build_from_config(layer.get_build_config())
    except Exception:  # a layer of a user's own may not be able to
        return []
    return fresh.variables
