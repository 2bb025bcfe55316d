"""Permutation importance of a `Forecaster`: how much worse it is with values of other windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from tsmodels.checks import fault
from tsmodels.data.panel import Panel
from tsmodels.data.windows import Batch, Windows, spread
from tsmodels.estimators.explaining import Variable, steps_of, table_of, variables
from tsmodels.estimators.horizon import CALIBRATION, evenly, naive_scales

REPEATS = 5  # shuffles of each variable
BLOCKS = 8  # of lags of the target, at most


def by_permutation(model: Any, panel: Panel, step: int | None, random_state: Any) -> pd.DataFrame:
    """By how much the error grows where a variable, or a block of lags, is another window's."""
    cutoffs, series = _inside(model, panel)
    asked = model._seen(panel, cutoffs, series, model.horizon_)
    batch = asked.windows.batch(slice(None), masked=model.masked_)
    size = naive_scales(panel, model.season_length_)[0][series]
    steps = steps_of(model, step)
    y = panel.values[cutoffs[:, None] + np.arange(model.horizon_), 0][:, steps]

    def error(changed: Batch) -> float:
        windows = replace(Windows.of(changed), targets=len(model.targets_))
        z = model.transform_.total(asked.of(model.head_.points(model._raw(windows))))
        return float(np.nanmean(np.abs(y - asked.units.restored(z)[:, steps]) / size[:, None]))

    plain, rows = error(batch), []
    for variable, first, last in _parts(model):
        rng = check_random_state(random_state)  # the same shuffles for every variable
        orders = (rng.permutation(len(batch)) for _ in range(REPEATS))
        rises = [error(_shuffled(batch, variable, first, last, order)) - plain for order in orders]
        rows.append((variable.name, first, last, np.mean(rises), np.std(rises)))
    return table_of(rows, ["name", "first", "last", "importance", "std"])


def _inside(model: Any, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Cutoffs of `panel` with enough rows before and a horizon after them, at most 1,000."""
    before = max(model._min_history + model._lost, 1)
    cutoffs, series = spread(panel.offsets[:-1] + before, panel.offsets[1:] - model.horizon_)
    if len(cutoffs) < 2:
        rule = f"a frame with {before} rows and {model.horizon_ + 1} to forecast after them"
        way_out = "Give held-out rows with the rows before them."
        raise ValueError(fault("X", rule, f"at most {panel.lengths.max(initial=0)} rows", way_out))
    chosen = evenly(len(cutoffs), CALIBRATION)
    return cutoffs[chosen], series[chosen]


def _parts(model: Any) -> Iterator[tuple[Variable, Any, Any]]:
    """Every variable at all of its rows, and the lags of the targets block by block."""
    lookback, every = model.lookback_, variables(model)
    for variable in every:
        rows = variable.rows(lookback, model.horizon_)
        yield variable, *((pd.NA, pd.NA) if variable.static else (rows[0], rows[-1]))
    edges = np.unique(np.linspace(0, lookback, BLOCKS + 1).round().astype(int)) - lookback
    for variable in every:
        if variable.target and len(edges) > 2:
            for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                yield variable, first + 1, stop


def _shuffled(batch: Batch, variable: Variable, first: Any, last: Any, order: np.ndarray) -> Batch:
    """The batch with the variable, from row `first` to row `last`, in another order of windows."""
    parts = {part.name: getattr(batch, part.name) for part in fields(batch)}
    if variable.static:
        parts["static"] = _swapped(parts["static"], order, np.array(variable.static))
        return Batch(**parts)
    lookback = batch.past.shape[1]
    rows = np.arange(first + lookback - 1, min(last, 0) + lookback)  # (places in the past)
    parts["past"] = _swapped(batch.past, order, np.ix_(rows, np.array(variable.past)))
    if variable.target and batch.observed is not None:
        parts["observed"] = _swapped(batch.observed, order, rows)
    if variable.future:
        every = np.arange(batch.future.shape[1])  # type: ignore[union-attr]
        parts["future"] = _swapped(batch.future, order, np.ix_(every, np.array(variable.future)))
    return Batch(**parts)


def _swapped(x: Any, order: np.ndarray, places: Any) -> np.ndarray:
    """x with what stands at `places` of each row taken from another row."""
    changed, places = x.copy(), places if isinstance(places, tuple) else (places,)
    changed[(slice(None), *places)] = x[order][(slice(None), *places)]
    return changed
