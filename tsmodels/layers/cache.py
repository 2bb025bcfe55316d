"""What attention remembers step by step: a ring of the last keys and values.

A state is a flat dict of float arrays with leading axis B and constant size: "keys" and "values"
(B, L, N, d) of the last L steps, and "t" (B,), how many steps there have been. Step t stands in
slot t mod L, where it overwrites step t - L.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsmodels.backend import ops

State = dict[str, Any]


def empty(batch: Any, length: int, n_heads: int, d_head: int, dtype: str = "float32") -> State:
    """The state before the first step.

    >>> {key: tuple(value.shape) for key, value in empty(2, 8, 4, 3).items()}
    {'keys': (2, 8, 4, 3), 'values': (2, 8, 4, 3), 't': (2,)}
    """
    zeros = ops.zeros((batch, length, n_heads, d_head), dtype=dtype)
    return {"keys": zeros, "values": zeros, "t": ops.zeros((batch,), dtype="float32")}


def written(state: Mapping[str, Any], key: Any, value: Any) -> tuple[State, Any]:
    """The state with the key and value (B, 1, N, d) of step t in it, and the ages of its slots.

    An age (B, L) is how many steps ago a slot was written; one above t has never been.
    """
    t, length = state["t"][:, None], state["keys"].shape[1]
    slots = ops.arange(length, dtype="float32")[None, :]  # (1, L)
    ages = ops.mod(t - slots, float(length))  # (B, L)
    here = (ages == 0.0)[:, :, None, None]
    keys = ops.where(here, key, state["keys"])
    values = ops.where(here, value, state["values"])
    return {"keys": keys, "values": values, "t": state["t"] + 1.0}, ages
