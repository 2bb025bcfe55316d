"""A search space as a job file writes it.

    [search.space]
    lookback = [48, 96, 168]                                  # one of these
    learning_rate = { low = 1e-4, high = 1e-2, log = true }   # Real; of whole numbers Int

    [search.space.network]                                    # fields of the network
    d_model = { low = 16, high = 128, log = true }

`step` and `active_if` are written into the table of a range as well; `{ options = [...] }` is a
list with room for them. Without a space that of the network is searched, and the learning rate.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tsmodels.checks import did_you_mean, fault
from tsmodels.jobs.toml import from_toml, split_network
from tsmodels.space import Choice, Dimension, Int, Real, Space

PREFIX = "network__"


def make_space(written: Mapping[str, Any]) -> dict[str, Dimension] | None:
    """The dimensions that [search.space] says; None where it says nothing.

    >>> make_space({"network": {"d_model": {"low": 8, "high": 64}}})
    {'network__d_model': Int(low=8, high=64, log=False, step=1, active_if=None)}
    """
    space = {name: make_dimension(value) for name, _, value in _entries(written)}
    return space or None


def make_dimension(written: Any) -> Dimension:
    """A list, or the table of a range; ValueError or TypeError for anything else."""
    if isinstance(written, list):
        return Choice([from_toml(option) for option in written])
    if not isinstance(written, Mapping):
        rule = "a list, or a table with low and high"
        raise TypeError(fault("value", rule, written, "A single value goes into [forecaster]."))
    table: dict[str, Any] = dict(written)
    if "options" in table:
        kind: Any = Choice
        table["options"] = [from_toml(option) for option in table["options"]]
    else:
        ends = [table.get("low"), table.get("high")]
        kind = Int if all(isinstance(v, int) for v in ends) else Real
    known = list(inspect.signature(kind).parameters)
    for key in table:
        if key not in known:
            raise ValueError(fault(key, f"one of {known}", key, did_you_mean(key, known)))
    missing = [key for key in ("low", "high") if kind is not Choice and key not in table]
    if missing:
        raise ValueError(fault(missing[0], "given", None))
    return kind(**table)


def space_faults(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with [search.space], entry by entry."""
    search, forecaster = settings.get("search"), settings.get("forecaster", {})
    written = search.get("space", {}) if isinstance(search, Mapping) else {}
    if not isinstance(written, Mapping) or not isinstance(forecaster, Mapping):
        return []  # said by the sections
    faults = []
    if isinstance(search, Mapping) and "load" in forecaster:
        faults.append(fault("forecaster.load", "left out beside [search]", forecaster["load"]))
    dimensions: dict[str, Dimension] = {}
    for name, path, value in _entries(written):
        try:
            dimension = make_dimension(value)
        except (TypeError, ValueError) as error:
            faults.append(f"{path}: {error}")
            continue
        dimensions[name] = dimension
        faults += [f"{path}: {sentence}" for sentence in _value_faults(name, dimension, forecaster)]
    if dimensions and not faults:
        try:
            Space(dimensions)
        except ValueError as error:  # conditions
            faults.append(f"search.space: {error}")
    return faults


def _entries(written: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Parameter, path in the file and what is written there; the network's fields one by one."""
    entries = []
    for name, value in written.items():
        if name == "network" and isinstance(value, Mapping) and "options" not in value:
            entries += [(PREFIX + f, f"search.space.network.{f}", v) for f, v in value.items()]
        else:
            entries.append((name, f"search.space.{name}", value))
    return entries


def _value_faults(name: str, dimension: Dimension, forecaster: Mapping[str, Any]) -> list[str]:
    """What the forecaster says to the ends of a range, or to every option."""
    import tsmodels
    from tsmodels.networks import resolve

    faults = []
    for value in _extremes(dimension):
        try:
            if name.startswith(PREFIX):
                network, _ = split_network(forecaster.get("network", "nlinear"))
                resolve(network, **{name.removeprefix(PREFIX): value})
            elif name not in (known := inspect.signature(tsmodels.Forecaster).parameters):
                rule = "a parameter of Forecaster"
                raise ValueError(fault("name", rule, name, did_you_mean(name, known)))
            else:
                tsmodels.Forecaster(**{name: value})._check_parameters()
        except (TypeError, ValueError) as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))


def _extremes(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, Choice):
        return list(dimension.options)
    return [dimension.value(0.0), dimension.value(1.0)]
