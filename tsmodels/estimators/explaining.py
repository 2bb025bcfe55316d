"""What forecasts of a `Forecaster` rest on: integrated gradients, and attention.

Every answer is a table of variables and rows: `first` to `last` are the rows looked at, counted
from the cutoff, so that 0 is the last row seen and 1 the first one forecast. A static covariate has
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.backend import ops
from tsmodels.data.panel import Panel
from tsmodels.data.windows import Batch
from tsmodels.layers.covariates import width_of
from tsmodels.networks.readings import moving_model, reading_model
from tsmodels.training.attribution import Way, integrated_gradients
from tsmodels.training.batches import inputs_of

OBSERVED, EVERYTHING = "(observed)", "(all)"


@dataclass(frozen=True)
class Variable:
    """What has a name, and the channels of past, future and static covariates that tell of it."""

    name: str
    past: tuple[int, ...] = ()
    future: tuple[int, ...] = ()
    static: tuple[int, ...] = ()
    target: bool = False

    def rows(self, lookback: int, horizon: int) -> tuple[int, ...]:
        """The rows at which it is read: -lookback + 1 ... 0, and the horizon where it is known."""
        first = 1 - lookback if self.past else 1
        return tuple(range(first, (horizon if self.future else 0) + 1))


def variables(model: Any) -> list[Variable]:
    """The variables of a fitted `Forecaster`: targets, covariates, calendar, holidays."""
    n, channels = len(model.targets_), model.channels_
    first = channels.n_channels - channels.n_known
    found = [Variable(name, past=(i,), target=True) for i, name in enumerate(model.targets_)]
    for name in dict.fromkeys(channels.names):
        at = [i for i, other in enumerate(channels.names) if other == name]
        past = tuple(n + i for i in at)
        found.append(Variable(name, past, tuple(i - first for i in at if i >= first)))
    fixed = enumerate(channels.roles.static)
    return found + [Variable(name, static=(i,)) for i, name in fixed]


# --- integrated gradients -------------------------------------------------------------------------


def by_gradients(model: Any, panel: Panel, step: int | None) -> pd.DataFrame:
    """What each value adds to the forecast that `predict` makes of the panel."""
    asked, series, batch = _asked(model, panel)
    inputs = dict(inputs_of(batch, model.masked_))
    if model.network_.forced:
        inputs["target"] = np.zeros((len(batch), model.horizon_, len(model.targets_)), np.float32)
    each = {name: x[asked.places] for name, x in inputs.items()}
    moved = {name: x for name, x in each.items() if name in ("past", "future", "static")}
    fixed = {name: x for name, x in each.items() if name not in moved}
    blueprint = model._blueprint()
    arguments = tuple(pair for pair in blueprint.arguments if pair[0] != "frozen")
    way = Way(moved, _baseline(model, moved), fixed, _shares(model, asked, step))
    blueprint = replace(blueprint, make=moving_model, arguments=arguments)
    found = integrated_gradients(blueprint, model._current_weights(), way)
    scale = model._units(panel, panel.offsets[1:][series], series).scale[:, 0]
    found = {name: x * scale.reshape(-1, *[1] * (x.ndim - 1)) for name, x in found.items()}
    return _attributed(model, panel, series, found)


def _asked(model: Any, panel: Panel) -> tuple[Any, np.ndarray, Batch]:
    """The windows of the next forecast of each series, and the series long enough for one."""
    series = np.arange(panel.n_series)
    asked = model._seen(panel, panel.offsets[1:], series, model.horizon_)
    long = ~model._too_short(asked.windows)[asked.places]
    asked = asked._replace(places=asked.places[long], channels=asked.channels[long])
    return asked, series[long], asked.windows.batch(slice(None), masked=model.masked_)


def _baseline(model: Any, moved: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Zeros, the scaler's middle; categories have no way between them and stay what they are."""
    baseline = {name: np.zeros_like(x) for name, x in moved.items()}
    channels, n = model.channels_, len(model.targets_)
    first = channels.n_channels - channels.n_known
    places = [i for i, _ in channels.places]
    stay = {"past": [n + i for i in places], "future": [i - first for i in places if i >= first]}
    stay["static"] = [i for i, _ in channels.static_places]
    for name, x in baseline.items():
        x[..., stay[name]] = moved[name][..., stay[name]]
    return baseline


def _shares(model: Any, asked: Any, step: int | None) -> np.ndarray:
    """How much each output counts in what is explained, (N, H, K) or (N, H, K, P)."""
    n, horizon, targets = len(asked.places), model.horizon_, len(model.targets_)
    tail = (model.head_.outputs,) if model.head_.outputs > 1 else ()
    shares = np.zeros((n, horizon, targets, *tail), np.float32)
    steps = np.zeros(horizon)
    steps[steps_of(model, step)] = 1.0 / len(steps_of(model, step))
    if model.transform_.steps:  # a total holds all steps before it
        steps = np.cumsum(steps[::-1])[::-1]
    model.head_.points(shares)[np.arange(n), :, asked.channels] = steps  # a view
    return shares


def _attributed(
    model: Any, panel: Panel, series: np.ndarray, found: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Attributions of past (N, T, C), future (N, H, G) and static (N, K) as rows of a table."""
    named, columns = [], []
    categories = model.channels_.roles.categories
    for variable in variables(model):
        if variable.name in categories:
            continue
        if variable.static:
            named.append((variable.name, pd.NA, pd.NA))
            columns.append(found["static"][:, list(variable.static)].sum(axis=1, keepdims=True))
            continue
        named += [
            (variable.name, row, row) for row in variable.rows(model.lookback_, model.horizon_)
        ]
        columns.append(found["past"][:, :, list(variable.past)].sum(axis=2))
        if variable.future:
            columns.append(found["future"][:, :, list(variable.future)].sum(axis=2))
    return _by_series(panel, series, named, np.concatenate(columns, axis=1))


# --- attention ------------------------------------------------------------------------------------


def by_attention(model: Any, panel: Panel, step: int | None) -> pd.DataFrame:
    """The weights that a network gives to variables and rows on its way to a forecast."""
    blueprint = model._blueprint()
    whole = blueprint.build()
    whole.set_weights(model._current_weights())
    reader = reading_model(whole)
    asked, series, batch = _asked(model, panel)
    inputs = {k: ops.convert_to_tensor(v) for k, v in inputs_of(batch, model.masked_).items()}
    read = reader(inputs, training=False)
    weights = {name: ops.convert_to_numpy(value) for name, value in read.items()}
    named, columns = [], []
    for name, labels, rows in _selections(model):
        if f"select_{name}" in weights:
            found = weights[f"select_{name}"].reshape(len(batch), -1, len(labels)).mean(axis=1)
            for label in dict.fromkeys(labels):
                named.append((label, *rows))
                own = [i for i, other in enumerate(labels) if other == label]
                columns.append(found[:, own].sum(axis=1, keepdims=True))
    steps = steps_of(model, step) + model.lookback_
    attended = weights["attention"][:, :, steps].mean(axis=(1, 2))  # (B, T + H)
    named += [(EVERYTHING, row, row) for row in range(1 - model.lookback_, model.horizon_ + 1)]
    table = np.concatenate([*columns, attended], axis=1)[asked.places]
    return _by_series(panel, series, named, table)


def _selections(model: Any) -> Iterator[tuple[str, list[str], tuple[Any, Any]]]:
    """The variables each selection chooses from, in the order of its weights, and their rows."""
    channels, past = model.channels_, [*model.targets_]
    first = channels.n_channels - channels.n_known
    past += _embedded(channels.names, dict(channels.places))
    past += [OBSERVED] * model.masked_
    ahead = {i - first: n for i, n in channels.places if i >= first}
    known = _embedded(channels.names[first:], ahead)
    static = _embedded(channels.roles.static, dict(channels.static_places))
    yield "past", past, (1 - model.lookback_, 0)
    yield "future", known, (1, model.horizon_)
    yield "static", static, (pd.NA, pd.NA)


def _embedded(names: Iterable[str], places: dict[int, int]) -> list[str]:
    """The names of numbers, then of each number of the vectors of codes."""
    names = list(names)
    plain = [name for i, name in enumerate(names) if i not in places]
    return plain + [names[i] for i, n in places.items() for _ in range(width_of(n))]


# --- tables ---------------------------------------------------------------------------------------


def steps_of(model: Any, step: int | None) -> np.ndarray:
    """The places in the horizon that are explained: all, or that of `step`."""
    return np.arange(model.horizon_) if step is None else np.array([step - 1])


def _by_series(
    panel: Panel, series: np.ndarray, named: list[tuple[Any, ...]], values: np.ndarray
) -> pd.DataFrame:
    """A table of values (N, R), whose columns are `named`, series after series."""
    n, r = values.shape
    table = table_of(named * n, ["name", "first", "last"])
    table["importance"] = values.ravel()
    ids = panel.ids[series].tolist()
    if panel.targets:
        table.insert(0, "target", np.repeat(np.array([i[1] for i in ids], object), r))
        ids = [i[0] for i in ids]
    table.insert(0, "unique_id", np.repeat(np.array(ids, object), r))
    return table


def table_of(rows: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"name": "str", "first": "Int64", "last": "Int64"})
