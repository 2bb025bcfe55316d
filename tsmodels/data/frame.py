"""The long-frame contract: every kind of input becomes one array with ids and offsets, once.

    long frame   unique_id | ds | y              one row an id and stamp
    wide frame   time index or ds, columns = ids one row a stamp
    Series       time or integer index           one series
    array        (T,) one series, (T, S) columns are series, integer time

pandas, polars and pyarrow go in, and answers come out as the same kind. Below `source.py`
and `columns.py` nothing sees a frame.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.checks import check_option, fault
from tsmodels.data.columns import (
    LARGEST_VALUE,
    factorize,
    read_categories,
    read_numbers,
    read_stamps,
)
from tsmodels.data.covariates import Covariates, Roles
from tsmodels.data.infer_frequency import infer_calendar
from tsmodels.data.panel import ID, TIME, FrameStyle, Keys, Kind, Panel, place_of, treat_missing
from tsmodels.data.source import Source, open_source

FOREIGN = {  # in lower case, without spaces and signs
    ID: ("uniqueid", "itemid", "seriesid", "id", "series", "uid", "tsid", "groupid"),
    TIME: ("ds", "timestamp", "date", "datetime", "time", "timestamps", "dates", "index", "dt")
    + ("period",),
    "y": ("y", "target", "value", "values", "label", "targetvalue"),
}
NO_ROLES = Roles()


def make_panel(
    X: Any,
    *,
    target: str | Sequence[str] = "y",
    freq: object = None,
    missing: str = "mask",
    roles: Roles = NO_ROLES,
) -> Panel:
    """`X` as a panel; a panel comes back unchanged.

    A series begins with its first value. `missing` says what happens to NaN and to absent stamps
    after it. "mask": both become NaN rows. "interpolate": straight lines between known values, the
    last one at the end. "error": refused with counts, as is NaN before the first value. Infinite
    values, doubled stamps, null ids or stamps, columns that are not numbers and columns declared
    nowhere are errors that say what to do. `roles` names the covariates; of these, missing values
    always stay missing.

    >>> frame = pd.DataFrame({"unique_id": "a", "ds": ["2024-01-01", "2024-01-03", "2024-01-04"],
    ...                       "y": [1.0, 3.0, 4.0]})
    >>> make_panel(frame, freq="D").values.ravel().tolist()
    [1.0, nan, 3.0, 4.0]
    """
    if isinstance(X, Panel):
        return X
    check_option("missing", missing, ["mask", "interpolate", "error"])
    columns = target_columns(target)
    keys, values, covariates = read_rows(X, target, roles)
    calendar = infer_calendar(keys.ds, keys.offsets, tz=keys.tz, freq=freq, ids=keys.ids)
    names = columns if keys.style.layout == "long" else columns[:1]
    table = (keys.ids, keys.offsets, keys.ds, values, names, keys.rows)
    return treat_missing(Panel(*table, calendar, keys.style, covariates), missing)


def read_rows(
    X: Any, target: str | Sequence[str] = "y", roles: Roles = NO_ROLES
) -> tuple[Keys, np.ndarray, Covariates | None]:
    """Keys, targets (N, C) and covariates of the rows of `X`, checked, in the order of the keys.

    No frequency is looked for: any number of rows will do.
    """
    columns = target_columns(target)
    source = open_source(X)
    _refuse_undeclared(source, columns, roles)
    keys = _read_keys(source, columns)
    values = _read_values(source, keys, columns)
    covariates = _read_covariates(source, keys, roles)
    _refuse_doubles(keys)
    _refuse_infinite(keys, values)
    return keys, values, covariates


def target_columns(target: str | Sequence[str]) -> tuple[str, ...]:
    """`target` as a tuple of column names."""
    columns = (target,) if isinstance(target, str) else target
    named = isinstance(columns, list | tuple) and all(isinstance(name, str) for name in columns)
    if not named or not columns:
        raise TypeError(fault("target", "a column name or a list of them", target))
    return tuple(columns)


def read_keys(X: Any, target: str | Sequence[str] = "y") -> Keys:
    """Ids, stamps and order of the rows of `X`; other columns and gaps do not matter here."""
    return _read_keys(open_source(X), target_columns(target))


def read_values(X: Any, keys: Keys, columns: Sequence[str]) -> np.ndarray:
    """The numbers in `columns` of `X` in the order of `keys`, (N, C)."""
    return _read_values(open_source(X), keys, tuple(columns))


def _layout(source: Source, targets: tuple[str, ...]) -> str:
    """long (unique_id, ds, target), single (ds, target) or wide (ds or index, columns are ids)."""
    if source.has_ids:
        _require(source, TIME)
        return "long"
    if source.index is not None and ID in source.index.names:
        _require(source, ID)
    if source.is_array or (source.has_time_index and TIME not in source.names):
        return "wide"
    found = [target for target in targets if target in source.names]
    if TIME not in source.names:
        foreign = [name for role in (ID, TIME) for name in _foreign(source, role)]
        integer_index = source.index is not None and source.index.dtype.kind in "iu"
        if foreign or not integer_index or (found and len(source.names) > len(found)):
            _require(source, TIME)
        return "wide"
    if _foreign(source, ID):
        _require(source, ID)
    if not found and len(source.names) == 2 and _foreign(source, "y"):
        _require(source, targets[0])
    return "single" if found else "wide"


def _foreign(source: Source, role: str) -> list[Any]:
    """The columns that other libraries, or a shift key, would have for this role."""
    return [name for name in source.names if _spelled(name) in FOREIGN[role] and name != role]


def _spelled(name: Any) -> str:
    return re.sub(r"[\W_]", "", str(name).lower())


def _near(names: Sequence[Any], wanted: str) -> list[Any]:
    """The columns that may be `wanted` misspelled, or another library's name for it."""
    known = [_spelled(wanted), *FOREIGN.get(wanted, ())]
    return [name for name in names if difflib.get_close_matches(_spelled(name), known, cutoff=0.75)]


def _require(source: Source, name: str) -> None:
    """An error unless the column is there; where another name stands for it, with the call."""
    if name in source.names:
        return
    stand_ins = _foreign(source, name) if name in FOREIGN else []
    spare = [other for other in source.names if other not in FOREIGN]
    near = _near(spare, name) or (spare if len(spare) == 1 and name != TIME else [])
    if source.index is not None and name in source.index.names:
        way_out = "It is in the index: frame.reset_index()."
    elif name == TIME and source.has_time_index:
        way_out = "The stamps are in the index: frame.reset_index(names='ds')."
    elif stand_ins:
        way_out = f"Rename it: {_rename(source.kind, stand_ins[0], name)}."
    else:
        way_out = _mistaken(source.kind, near[0], name) if near else ""
    rule = f"a frame with a column {name!r}"
    raise ValueError(fault("X", rule, source.names, way_out))


def _mistaken(kind: Kind, old: Any, new: str) -> str:
    return f"Did you mean {old!r}? Rename it: {_rename(kind, old, new)}."


def _rename(kind: Kind, old: Any, new: str) -> str:
    call = {"pandas": "rename(columns=", "polars": "rename(", "pyarrow": "rename_columns("}[kind]
    old = f'"{old}"' if isinstance(old, str) else repr(old)
    return f'frame.{call}{{{old}: "{new}"}})'


def _refuse_undeclared(source: Source, targets: tuple[str, ...], roles: Roles) -> None:
    layout = _layout(source, targets)
    if layout == "wide":
        if roles.all:
            _refuse_wide(source, roles)
        return
    for name in (*targets, *roles.all):
        _require(source, name)
    extra = [name for name in source.names if name not in (ID, TIME, *targets, *roles.all)]
    if extra:
        way_out = f"Declare or drop what is not: frame.drop(columns={extra[:8]})."
        if source.kind != "pandas":
            way_out = f"Declare or drop what is not: frame.drop({extra[:8]})."
        misspelled = _near(extra, ID) if layout == "single" else []
        if misspelled:
            way_out = _mistaken(source.kind, misspelled[0], ID)
        elif layout == "single":
            way_out += " If they are series of their own, leave out the target's name."
        known = "unique_id, ds, the target or a covariate"
        raise ValueError(fault("X", f"a frame whose columns are {known}", extra[:8], way_out))


def _refuse_wide(source: Source, roles: Roles) -> None:
    way_out = "Columns of a wide frame are series: stack them to unique_id, ds, y."
    if source.has_time_index and TIME not in source.names:
        way_out = "The stamps are in the index: frame.reset_index(names='ds')."
    rule = f"a long frame (unique_id, ds, target and {list(roles.all)[:8]})"
    raise ValueError(fault("X", rule, f"columns {source.names[:8]}", way_out))


def _read_keys(source: Source, targets: tuple[str, ...]) -> Keys:
    layout = _layout(source, targets)
    ds, tz, ds_dtype = read_stamps(source)
    if layout == "long":
        ids, codes, id_dtype = factorize(source)
        order, offsets = _sort(codes, ds, len(ids))
        rows = np.arange(len(ds)) if order is None else order
        ds = ds if order is None else ds[order]
        style = FrameStyle(source.kind, id_dtype, ds_dtype, "long")
        return Keys(ids, offsets, ds, rows, tz, style)
    names = [targets[0]] if layout == "single" else [n for n in source.names if n != TIME]
    ids = pd.Index(names).to_numpy()
    id_dtype = str(pd.Index(names).dtype) if source.kind == "pandas" else "String"
    order, _ = _sort(np.zeros(len(ds), np.int64), ds, 1)
    rows = np.arange(len(ds)) if order is None else order
    ds = ds if order is None else ds[order]
    style = FrameStyle(source.kind, id_dtype, ds_dtype, "long" if layout == "single" else "wide")
    offsets = np.arange(len(names) + 1) * len(ds)
    return Keys(ids, offsets, np.tile(ds, len(names)), np.tile(rows, len(names)), tz, style)


def _sort(codes: np.ndarray, ds: np.ndarray, n_series: int) -> tuple[np.ndarray | None, np.ndarray]:
    """The order that sorts rows by series, then time (None: they are), and the offsets."""
    order = None
    if not (codes[1:] < codes[:-1]).any():
        offsets = np.searchsorted(codes, np.arange(n_series + 1))
    else:
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n_series))])
        small = codes.astype(np.uint16) if n_series <= 2**16 else codes
        order = np.argsort(small, kind="stable")
    times = ds if order is None else ds[order]
    falls = np.flatnonzero(times[1:] < times[:-1]) + 1
    if np.isin(falls, offsets).all():
        return order, offsets
    return np.lexsort((ds, codes)), offsets


def _read_values(source: Source, keys: Keys, columns: tuple[str, ...]) -> np.ndarray:
    if keys.style.layout == "long":
        channels = [read_numbers(source, name) for name in columns]
        values = channels[0][:, None] if len(channels) == 1 else np.column_stack(channels)
        in_order = bool((keys.rows[1:] > keys.rows[:-1]).all())
        return values if in_order else values[keys.rows]
    n_rows = int(keys.offsets[1])
    names = [name for name in source.names if name != TIME]
    table = np.stack([read_numbers(source, name)[keys.rows[:n_rows]] for name in names])  # (S, T)
    return table.reshape(-1, 1)


def _refuse_doubles(keys: Keys, frame: str = "X") -> None:
    same = keys.ds[1:] == keys.ds[:-1]
    same[keys.offsets[1:-1] - 1] = False
    n_doubled = int(same.sum())
    if not n_doubled:
        return
    key = place_of(keys.ids, keys.offsets, keys.ds, int(np.flatnonzero(same)[0]) + 1)
    if keys.style.kind == "pandas":
        way_out = 'frame.drop_duplicates(["unique_id", "ds"], keep="last")'
    else:
        way_out = 'frame.unique(["unique_id", "ds"], keep="last")'
    way_out = f"Keep one of each: {way_out}; or average them."
    got = f"{n_doubled} doubled rows, first {key}"
    raise ValueError(fault(frame, "a frame with one row for each unique_id and ds", got, way_out))


def _refuse_infinite(keys: Keys, values: np.ndarray, column: str | None = None) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        if np.dot(values.ravel(), values.ravel()) <= LARGEST_VALUE**2:  # one pass: all is well
            return
    size, own = np.abs(values), f"frame[{column or 'y'!r}]"
    cases = {
        "infinite": (np.isinf(size), "frame.replace([np.inf, -np.inf], np.nan)"),
        "larger": (size > LARGEST_VALUE, f"{own}.where({own}.abs() < {LARGEST_VALUE:g})"),
    }
    for name, (wrong, call) in cases.items():
        rows = np.flatnonzero(wrong.any(axis=1))
        if rows.size:
            key = place_of(keys.ids, keys.offsets, keys.ds, int(rows[0]))
            rule = f"missing, or finite and at most {LARGEST_VALUE:g} in size"
            got = f"{rows.size} {name} values, first {key}"
            parameter = "target" if column is None else f"covariate {column!r}"
            raise ValueError(fault(parameter, rule, got, f"Make them missing: {call}."))


def read_known(X: Any, roles: Roles, target: str | Sequence[str]) -> tuple[Keys, Covariates | None]:
    """Keys and future covariates of a frame of rows to come; other declared columns are not read.

    Without a column of ids, the ids are of type "".
    """
    source = open_source(X)
    for name in (TIME, *roles.future):
        if name not in source.names:
            raise ValueError(fault("future", f"a frame with a column {name!r}", source.names))
    declared = (ID, TIME, *target_columns(target), *roles.all)
    extra = [name for name in source.names if name not in declared]
    if extra:
        rule = f"a frame whose columns are among {list(declared)[:8]}"
        raise ValueError(fault("future", rule, extra[:8], "Drop what is not."))
    keys = _read_keys(source, roles.future[:1] or (TIME,))
    if not source.has_ids:
        keys = replace(keys, style=replace(keys.style, id_dtype=""))
    _refuse_doubles(keys, "future")
    categories = tuple(name for name in roles.categories if name in roles.future)
    return keys, _read_covariates(source, keys, Roles(future=roles.future, categories=categories))


def _read_covariates(source: Source, keys: Keys, roles: Roles) -> Covariates | None:
    if not roles.all:
        return None
    levels: dict[str, tuple[Any, ...]] = {}
    columns = {}
    for name in roles.all:
        if name in roles.categories:
            codes, levels[name] = read_categories(source, name)
        else:
            codes = read_numbers(source, name, covariate=True)
            _refuse_infinite(keys, codes[keys.rows][:, None], name)
        columns[name] = codes[keys.rows]
    empty = np.empty((len(keys.rows), 0))
    changing = np.column_stack([empty, *(columns[name] for name in roles.changing)])
    fixed = [_constants(name, columns[name], keys) for name in roles.static]
    static = np.column_stack([np.empty((len(keys.ids), 0)), *fixed])
    return Covariates(roles, changing, static, levels)


def _constants(name: str, values: np.ndarray, keys: Keys) -> np.ndarray:
    """The one value of each series (S,), NaN where there is none."""
    low = np.fmin.reduceat(values, keys.offsets[:-1])
    high = np.fmax.reduceat(values, keys.offsets[:-1])
    changes = np.flatnonzero(low < high)
    if changes.size:
        got = f"{name!r}, which changes in {keys.ids[changes][:5].tolist()}"
        way_out = "What changes is a past or a future covariate."
        raise ValueError(fault("static_covariates", "constant for each unique_id", got, way_out))
    return low
