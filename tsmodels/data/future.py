"""Frames of future covariates: what is known of the steps that are to be forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.covariates import Roles
from tsmodels.data.frame import read_known
from tsmodels.data.panel import ID, TIME, Keys, Panel

WAY_OUT = "make_future_frame() makes the rows; merge the columns into it."


def with_future(
    panel: Panel, future: Any, steps: int, *, target: Any = "y", missing: str = "error"
) -> Panel:
    """The panel with what `future` says of the `steps` stamps after each of its series.

    Other rows of `future` are not looked at. With `missing` "error" every value must be there; with
    "last" those that are not stay missing, for the last known one to stand in.
    """
    assert panel.covariates is not None
    if future is None and missing == "last":
        shape = (panel.n_series, steps, len(panel.covariates.roles.future))
        return replace(panel, ahead=np.full(shape, np.nan))
    columns = list(panel.covariates.roles.future)
    if future is None:
        rule = f"a frame with {[ID, TIME, *columns][:8]} for the next {steps} steps"
        raise ValueError(fault("future", rule, None, WAY_OUT))
    panel = with_coming(panel, future, steps, target=target)
    keys, known = read_known(future, panel.covariates.roles, target)  # type: ignore[union-attr]
    assert known is not None and panel.covariates is not None
    _check_kind(panel, keys)
    rows = _rows(panel, keys, steps)
    absent = np.asarray(rows < 0)
    known = known.in_codes_of(panel.covariates)
    ahead = np.where(absent[..., None], np.nan, known.values[rows])  # (S, steps, G)
    if missing == "error":
        _refuse_absent(panel, absent, f"a row for each id and each of the next {steps} steps")
        unknown = np.asarray(np.isnan(ahead).any(axis=2))
        _refuse_absent(panel, unknown, f"known values of {columns[:8]} for the next {steps} steps")
    covariates = replace(panel.covariates, levels=known.levels)
    return replace(panel, ahead=ahead, covariates=covariates)


def with_coming(panel: Panel, future: Any, steps: int, *, target: Any = "y") -> Panel:
    """The panel with the next `steps` stamps of each series that `future` has, where no frequency
    says them; else the panel as it is. Too few are a ValueError.
    """
    if not panel.calendar.irregular:
        return panel
    roles = Roles() if panel.covariates is None else panel.covariates.roles
    keys, _ = read_known(future, roles, target)
    _check_kind(panel, keys)
    named = keys.style.id_dtype != ""
    place = {name: s for s, name in enumerate(keys.ids.tolist())}
    coming = np.empty((panel.n_series, steps), panel.ds.dtype)
    for s, (name, last) in enumerate(zip(panel.ids.tolist(), panel.last(), strict=True)):
        k = place.get(name, -1) if named else 0
        stamps = keys.ds[keys.offsets[k] : keys.offsets[k + 1]] if k >= 0 else keys.ds[:0]
        later = stamps[stamps > last][:steps]
        if len(later) < steps:
            rule = f"a row for each id and each of the next {steps} steps"
            got = f"{len(later)} later rows of {name!s}"
            raise ValueError(fault("future", rule, got, WAY_OUT))
        coming[s] = later
    return replace(panel, coming=coming)


def _check_kind(panel: Panel, keys: Keys) -> None:
    """Stamps of the same sort as the panel's, and ids where there are several series."""
    tz = panel.calendar.tz
    if keys.ds.dtype.kind != panel.ds.dtype.kind:
        kinds = {"M": "stamps", "i": "whole numbers"}
        wanted, got = kinds[panel.ds.dtype.kind], kinds[keys.ds.dtype.kind]
        raise ValueError(fault("future", f"a frame whose ds are {wanted}, as in X", got))
    if (keys.tz is None) != (tz is None):
        way_out = f"future['ds'].dt.tz_localize({tz!r})"
        rule = f"a frame whose ds are in the time zone of X, {tz}"
        raise ValueError(fault("future", rule, keys.tz, f"Bring them to it: {way_out}."))
    if keys.style.id_dtype == "" and panel.n_series > 1:
        raise ValueError(fault("future", f"a frame with a column {ID!r}", "no ids", WAY_OUT))


def _rows(panel: Panel, keys: Keys, steps: int) -> np.ndarray:
    """The row of `future`, in the order of its keys, for each series and step; -1 without one."""
    place = {name: s for s, name in enumerate(panel.ids.tolist())}
    named = [place.get(name, -1) for name in keys.ids.tolist()] if keys.style.id_dtype else [0]
    series = np.repeat(np.array(named), np.diff(keys.offsets))
    wanted = np.repeat(np.arange(panel.n_series), steps)
    stamps = panel.future(steps).ravel()
    index = pd.MultiIndex.from_arrays([series, keys.ds])
    known = series >= 0
    found = index[known].get_indexer(pd.MultiIndex.from_arrays([wanted, stamps]))
    rows = np.append(np.flatnonzero(known), -1)[found]
    return rows.reshape(panel.n_series, steps)


def _refuse_absent(panel: Panel, absent: np.ndarray, rule: str) -> None:
    if absent.any():
        s, step = np.argwhere(absent)[0]
        stamp = str(panel.future(int(step) + 1)[s, step]).replace("T", " ")
        first = f"({panel.ids[s]!s}, {stamp.removesuffix('.000000')})"
        got = f"{int(absent.sum())} missing, first {first}"
        raise ValueError(fault("future", rule, got, WAY_OUT))
