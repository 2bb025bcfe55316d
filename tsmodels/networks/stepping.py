"""A model that forecasts, cut where its network is: rows go in one by one, and no window is kept.

What a causal network remembers of a window is the output of its last step; the map to the horizon
reads nothing else. So a row and a state are all it takes to go on.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import fault
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.base import Network, as_memory


@dataclass(frozen=True, eq=False)
class Stepping:
    """The parts of a `forecast_model`: channels -> `stem` -> `network.step` -> `head`.

    `model` is the whole for windows of one row: its weights, and their order, are those of the
    model for any other lookback.

    >>> from tsmodels.networks import GRU
    >>> parts = Stepping.of(GRU(d_model=4, revin=None), horizon=3)
    >>> inputs = {"past": np.ones((2, 1, 1), "float32")}
    >>> memory, state = parts.step(inputs, parts.initial_state(2))
    >>> parts.answer(inputs, memory).shape
    TensorShape([2, 3, 1])
    """

    network: Network
    layers: Any
    model: Any
    stem: Any
    head: Any

    @classmethod
    def of(cls, network: Network, **form: Any) -> Stepping:
        """The parts of `forecast_model(network, **form)`, whose lookback does not matter."""
        check_steps(network)
        met: dict[str, Any] = {}

        def encode(layers: Any, x: Any, mask: Any = None) -> Any:
            memory = as_memory(network.encode(layers, x, mask))
            met.update(layers=layers, features=x, memory=memory.sequence)
            return memory

        watched = copy.copy(network)
        object.__setattr__(watched, "encode", encode)  # of this copy alone
        model = forecast_model(watched, **{**form, "lookback": 1})
        stem = {name: x for name, x in model.input.items() if name != "future"}
        stem = keras.Model(stem, met["features"])
        head = keras.Model([*model.input.values(), met["memory"]], model.output)
        return cls(network, met["layers"], model, stem, head)

    def initial_state(self, batch: int) -> dict[str, np.ndarray]:
        """The state of `batch` series without rows, each array with leading axis `batch`."""
        state = self.network.initial_state(self.layers, batch)
        return {key: np.array(ops.convert_to_numpy(value)) for key, value in state.items()}

    def step(self, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[Any, Any]:
        """One row of B series (each input (B, 1, ...), "static" (B, K)) and the state before it.

        Answers with the memory (B, D) and the state after it.
        """
        x = self.stem(inputs)  # (B, 1, D)
        return self.network.step(self.layers, x[:, 0], state)

    def answer(self, inputs: Mapping[str, Any], memory: Any) -> Any:
        """Memory (B, D) to forecasts (B, H, ...); of the inputs only "future" matters."""
        values = [ops.convert_to_tensor(inputs[name]) for name in self.model.input]
        return self.head([*values, ops.expand_dims(memory, 1)])


def check_steps(network: Network) -> None:
    """Raises ValueError, with the reason, unless a forecast can be had from a state alone."""
    reason, way_out = _obstacle(network)
    if reason:
        way_out = way_out or "Take 'lstm', 'gru', 'mamba' or 'rwkv7', with network__revin=None."
        raise ValueError(
            fault("network", "one that streams", f"{network.title}, {reason}", way_out)
        )


def _obstacle(network: Network) -> tuple[str, str]:
    """What keeps a network from streaming, and a way round it; "" for nothing."""
    if network.direct:
        return "which maps the whole window at once", ""
    if type(network).emit is not Network.emit or type(network).decode is not Network.decode:
        return "whose decoder looks back at the whole window", ""
    if not network.streams:
        seen = (
            "which has no step form" if network.causal else "whose first steps know the last ones"
        )
        return seen, ""
    if network.revin is not None:
        reason = f"which normalises every window by itself (revin={network.revin!r})"
        return reason, "set_params(network__revin=None), and fit again."
    return "", ""
