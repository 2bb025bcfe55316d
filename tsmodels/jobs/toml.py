"""Values between Python and TOML, which has no null: `"none"` stands for it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def from_toml(value: Any) -> Any:
    """A value as an estimator takes it; lists become tuples."""
    if value == "none":
        return None
    return tuple(value) if isinstance(value, list) else value


def to_toml(value: Any) -> str:
    """A value as a job file writes it.

    >>> print(to_toml({"name": "mlp", "widths": (8, 4), "revin": None}))
    { name = "mlp", widths = [8, 4], revin = "none" }
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {to_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps("none" if value is None else value, ensure_ascii=False)


def split_network(network: Any) -> tuple[Any, dict[str, Any]]:
    """A network as written in a job to its name and its fields."""
    if not isinstance(network, dict):
        return network, {}
    fields = {key: from_toml(value) for key, value in network.items()}
    return fields.pop("name", None), fields
