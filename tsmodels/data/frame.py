"""The long-frame contract: every kind of input becomes one array with ids and offsets, once.

    long frame   unique_id | ds | y              one row an id and stamp
    wide frame   time index or ds, columns = ids one row a stamp
    Series       time or integer index           one series
    array        (T,) one series, (T, S) columns are series, integer time

pandas, polars and pyarrow go in, and answers come out as the same kind. Nothing below this file
sees a frame.
"""

from __future__ import annotations

import difflib
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from tsmodels.checks import check_option, fault
from tsmodels.data.calendar import FAR, Calendar, infer_calendar
from tsmodels.data.covariates import Covariates, Roles

Kind = Literal["pandas", "polars", "pyarrow"]
ID, TIME = "unique_id", "ds"
FOREIGN = {  # in lower case, without spaces and signs
    ID: ("uniqueid", "itemid", "seriesid", "id", "series", "uid", "tsid", "groupid"),
    TIME: ("ds", "timestamp", "date", "datetime", "time", "timestamps", "dates", "index", "dt")
    + ("period",),
    "y": ("y", "target", "value", "values", "label", "targetvalue"),
}
OPTION = re.compile(r"(\w+)='?([^',)]*)")
NO_ROLES = Roles()
COMMON_IDS = (pd.StringDtype, pd.CategoricalDtype, np.dtype)  # none of which holds lists
CLOSED_LIMIT = 1_000_000  # inserted rows that are never too many; above it, 20 times the rows
DISTINCT = "a frame whose columns have distinct names"
LARGEST_STEP = 2**60  # of integer time, or microseconds: 36,500 years; room to count on
LARGEST_VALUE = 1e150  # whose square is a number, and so is the sum of many


@dataclass(frozen=True)
class FrameStyle:
    """What it takes to answer in the user's own kind: plain text, so that it can be stored."""

    kind: Kind = "pandas"
    id_dtype: str = "str"  # as pandas or pyarrow call it; for polars, as narwhals does
    ds_dtype: str = "us"  # s, ms, us, ns, Date, or the name of an integer type
    layout: str = "long"  # long or wide: what one row of the input is


@dataclass(frozen=True)
class Keys:
    """Series and stamp of every row, sorted by series (first seen first), then time."""

    ids: np.ndarray  # (S,)
    offsets: np.ndarray  # (S + 1,)
    ds: np.ndarray  # (N,) int64 or datetime64[us]
    rows: np.ndarray  # (N,) row of the input
    tz: str | None
    style: FrameStyle


@dataclass(frozen=True)
class Panel:
    """Series one after the other in one array.

    Rows offsets[s]:offsets[s + 1] belong to ids[s], in time order and without gaps. Stamps are
    datetime64[us] (UTC where the user's have a time zone, else wall time) or int64.
    """

    ids: np.ndarray  # (S,) the user's ids, in order of first appearance
    offsets: np.ndarray  # (S + 1,) int64
    ds: np.ndarray  # (N,)
    values: np.ndarray  # (N, C) float64; NaN where missing
    columns: tuple[str, ...]  # channel names, targets first
    rows: np.ndarray  # (N,) row of the user's input; -1 where a gap was closed
    calendar: Calendar
    style: FrameStyle
    covariates: Covariates | None = None
    ahead: np.ndarray | None = None  # (S, H, G): what is known of the steps after each series
    coming: np.ndarray | None = None  # (S, H): their stamps, where no calendar says them
    weights: np.ndarray | None = None  # (N,): how much each row counts; None: all alike
    targets: tuple[str, ...] = ()  # of several, where each is a series: see `data.targets`

    @property
    def n_series(self) -> int:
        """S."""
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series, (S,)."""
        return np.diff(self.offsets)

    def head(self, n: int | np.ndarray) -> Panel:
        """The first `n` rows of each series; `n` is an int or (S,). Shorter series come whole."""
        starts = self.offsets[:-1]
        return self._cut(starts, starts + np.clip(n, 0, self.lengths))

    def tail(self, n: int | np.ndarray) -> Panel:
        """The last `n` rows of each series; `n` is an int or (S,). Shorter series come whole."""
        stops = self.offsets[1:]
        return self._cut(stops - np.clip(n, 0, self.lengths), stops)

    def take(self, series: np.ndarray | Sequence[int]) -> Panel:
        """A subset or another order of the series, by position."""
        series = np.asarray(series, np.int64)
        return self._cut(self.offsets[:-1][series], self.offsets[1:][series])._named(series)

    def last(self) -> np.ndarray:
        """The last stamp of each series, (S,). A series without rows is a ValueError."""
        empty = self.ids[self.lengths == 0]
        if empty.size:
            raise ValueError(fault("panel", "of series with rows", empty[:5].tolist()))
        return self.ds[self.offsets[1:] - 1]

    def future(self, horizon: int) -> np.ndarray:
        """The `horizon` stamps after the end of each series, (S, horizon).

        >>> panel = make_panel(np.arange(5.0))
        >>> panel.future(2).tolist()
        [[5, 6]]
        """
        if self.coming is None:
            return self.calendar.future(self.last(), horizon)
        said = self.coming[:, :horizon]
        rest = self.calendar.future(said[:, -1], max(horizon - said.shape[1], 0))
        return np.concatenate([said, rest], axis=1)

    def recent(self, n: int) -> Panel:
        """The last `n` rows up to the last value of each series, and the rows after it.

        Where the first of them has no value, the rows before it back to the one that has.
        """
        known = ~np.isnan(self.values).all(axis=1)
        latest = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        firsts, stops = self.offsets[:-1], self.offsets[1:]
        last = np.maximum(latest[stops - 1], firsts)
        start = np.minimum(np.maximum(last + 1 - n, firsts), len(known) - 1)
        return self._cut(np.minimum(np.maximum(latest[start], firsts), stops), stops)

    def interpolated(self) -> Panel:
        """Straight lines between the values of each series, the last value at its end."""
        holes = np.isnan(self.values)
        if not holes.any():
            return self
        values = self.values.copy()
        for s in np.flatnonzero(np.logical_or.reduceat(holes.any(axis=1), self.offsets[:-1])):
            part = slice(self.offsets[s], self.offsets[s + 1])
            for column, hole in zip(values[part].T, holes[part].T, strict=True):
                if not hole.all():
                    known = np.flatnonzero(~hole)
                    column[hole] = np.interp(np.flatnonzero(hole), known, column[known])
        return replace(self, values=values)

    def from_first_value(self) -> Panel:
        """Without the rows before the first value of each series; at least one row stays."""
        known = ~np.isnan(self.values).all(axis=1)
        if known[self.offsets[:-1]].all():
            return self
        (rows,) = np.nonzero(known)
        found = np.searchsorted(rows, self.offsets[:-1])
        firsts = np.append(rows, len(known))[found]
        return self._cut(np.minimum(firsts, self.offsets[1:] - 1), self.offsets[1:])

    def _cut(self, starts: np.ndarray, stops: np.ndarray) -> Panel:
        """Rows starts[s]:stops[s] of each series; views where they lie in one piece."""
        offsets = np.concatenate([[0], np.cumsum(stops - starts)])
        one_piece = bool((starts[1:] == stops[:-1]).all()) and len(starts) > 0
        rows = (
            slice(int(starts[0]), int(stops[-1])) if one_piece else _ranges(starts, stops, offsets)
        )
        return self.selected(rows, offsets)

    def selected(self, rows: Any, offsets: np.ndarray, series: np.ndarray | None = None) -> Panel:
        """Some rows, which are those of series at `offsets`: of the same ones, or of `series`."""
        part = replace(
            self,
            offsets=offsets,
            ds=self.ds[rows],
            values=self.values[rows],
            rows=self.rows[rows],
            covariates=self.covariates and self.covariates.rows(rows),
            ahead=None,
            coming=None,
            weights=None if self.weights is None else self.weights[rows],
        )
        return part if series is None else part._named(series)

    def _named(self, series: np.ndarray) -> Panel:
        """The same rows under the names, calendars and constants of `series`."""
        return replace(
            self,
            ids=self.ids[series],
            calendar=self.calendar.take(series),
            covariates=self.covariates and self.covariates.take(series),
        )

    def extended(self, horizon: int) -> Panel:
        """The rows of the horizon after those of each series, with what is known `ahead`.

        >>> make_panel(np.arange(3.0)).extended(1).values.ravel().tolist()
        [0.0, 1.0, 2.0, nan]
        """
        new = np.repeat(self.offsets[1:], horizon) + np.arange(self.n_series * horizon)
        n = len(self.ds) + len(new)
        old = np.delete(np.arange(n), new)
        ds, rows = np.empty(n, self.ds.dtype), np.full(n, -1)
        ds[old], rows[old], ds[new] = self.ds, self.rows, self.future(horizon).ravel()
        values = np.full((n, self.values.shape[1]), np.nan)
        values[old] = self.values
        covariates = self.covariates and self.covariates.spread(old, n)
        if covariates is not None and self.ahead is not None:
            places = new.reshape(self.n_series, horizon)[:, : self.ahead.shape[1]]
            covariates.known[places] = self.ahead[:, :horizon]
        return replace(
            self,
            offsets=self.offsets + horizon * np.arange(len(self.offsets)),
            ds=ds,
            values=values,
            rows=rows,
            covariates=covariates,
            ahead=None,
            coming=None,
            weights=None,
        )


def _ranges(starts: np.ndarray, stops: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """starts[0]..stops[0], starts[1]..stops[1], ... in one array."""
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], stops - starts)


# --- in -------------------------------------------------------------------------------------------


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
    source = _open(X)
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
    return _read_keys(_open(X), target_columns(target))


def read_values(X: Any, keys: Keys, columns: Sequence[str]) -> np.ndarray:
    """The numbers in `columns` of `X` in the order of `keys`, (N, C)."""
    return _read_values(_open(X), keys, tuple(columns))


@dataclass(frozen=True)
class _Source:
    """Named columns of any kind of input, and the index where it has one."""

    kind: Kind
    names: list[Any]
    native: Any
    index: pd.Index | None = None
    is_array: bool = False

    def column(self, name: Any) -> nw.Series[Any]:
        if self.kind == "pandas":
            return nw.from_native(self.native[name], series_only=True)
        return self.native.get_column(name)

    def plain(self, name: Any, kinds: str) -> np.ndarray | None:
        """The column as the array that pandas keeps, where it is one of these kinds of numpy."""
        if self.kind != "pandas":
            return None
        column = self.native[name]
        plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in kinds
        return column.to_numpy() if plain else None

    @property
    def has_time_index(self) -> bool:
        return isinstance(self.index, pd.DatetimeIndex | pd.PeriodIndex)

    @property
    def has_ids(self) -> bool:
        return ID in self.names


def _open(X: Any) -> _Source:
    if isinstance(X, Panel):
        raise TypeError(fault("X", "a frame, Series or array", "Panel"))
    if isinstance(X, pd.Series):
        name = "y" if X.name is None else X.name
        return _open(X.to_frame(name).rename_axis(columns=None))
    if isinstance(X, pd.DataFrame):
        return _open_pandas(X)
    if isinstance(X, list | tuple):
        X = _as_array(X)
    if isinstance(X, np.ndarray):
        return _open_array(X)
    try:
        frame = nw.from_native(X, eager_only=True, allow_series=True)
    except TypeError:
        way_out = "A lazy frame needs .collect() first." if hasattr(X, "collect") else ""
        rule = "a frame (pandas, polars, pyarrow), a Series or an array"
        raise TypeError(fault("X", rule, type(X).__name__, way_out)) from None
    except nw.exceptions.DuplicateError:  # pyarrow alone lets two columns have one name
        names = list(X.column_names)
        doubled = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(fault("X", DISTINCT, doubled, "See Table.rename_columns().")) from None
    if isinstance(frame, nw.Series):
        return _open_array(np.asarray(frame.to_numpy()), frame.name or "y")
    _refuse_empty(len(frame), frame.columns)
    kind: Any = str(frame.implementation)
    return _Source(kind, frame.columns, frame)


def _open_pandas(X: pd.DataFrame) -> _Source:
    names = X.columns.tolist()
    if isinstance(X.columns, pd.MultiIndex):
        way_out = "frame.columns = ['_'.join(map(str, c)) for c in frame.columns]"
        raise ValueError(fault("X", "a frame with one row of column names", names[:3], way_out))
    if not X.columns.is_unique:
        doubled = X.columns[X.columns.duplicated()].tolist()
        way_out = "frame.loc[:, ~frame.columns.duplicated()] keeps the first of each."
        raise ValueError(fault("X", DISTINCT, doubled, way_out))
    _refuse_empty(len(X), names)
    return _Source("pandas", names, X, X.index)


def _as_array(X: Sequence[Any]) -> np.ndarray:
    try:
        return np.asarray(X)
    except ValueError:
        lengths = sorted({len(row) for row in X if hasattr(row, "__len__")})
        way_out = "Series of unequal length go into a long frame: unique_id, ds, y."
        rule = "a list of numbers, or of rows of one length"
        raise ValueError(fault("X", rule, f"lengths {lengths[:8]}", way_out)) from None


def _open_array(X: np.ndarray, name: str = "y") -> _Source:
    if X.ndim not in (1, 2):
        raise ValueError(fault("X", "an array (T,) or (T, S)", f"shape {X.shape}"))
    frame = pd.DataFrame({name: X}) if X.ndim == 1 else pd.DataFrame(X)
    _refuse_empty(len(frame), frame.columns.tolist())
    return _Source("pandas", frame.columns.tolist(), frame, frame.index, is_array=True)


def _refuse_empty(n_rows: int, names: list[Any]) -> None:
    if n_rows == 0 or not names:
        raise ValueError(fault("X", "a frame with rows", f"{n_rows} rows, columns {names[:8]}"))


# --- which column is what -------------------------------------------------------------------------


def _layout(source: _Source, targets: tuple[str, ...]) -> str:
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


def _foreign(source: _Source, role: str) -> list[Any]:
    """The columns that other libraries, or a shift key, would have for this role."""
    return [name for name in source.names if _spelled(name) in FOREIGN[role] and name != role]


def _spelled(name: Any) -> str:
    return re.sub(r"[\W_]", "", str(name).lower())


def _near(names: Sequence[Any], wanted: str) -> list[Any]:
    """The columns that may be `wanted` misspelled, or another library's name for it."""
    known = [_spelled(wanted), *FOREIGN.get(wanted, ())]
    return [name for name in names if difflib.get_close_matches(_spelled(name), known, cutoff=0.75)]


def _require(source: _Source, name: str) -> None:
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


def _refuse_undeclared(source: _Source, targets: tuple[str, ...], roles: Roles) -> None:
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


def _refuse_wide(source: _Source, roles: Roles) -> None:
    way_out = "Columns of a wide frame are series: stack them to unique_id, ds, y."
    if source.has_time_index and TIME not in source.names:
        way_out = "The stamps are in the index: frame.reset_index(names='ds')."
    rule = f"a long frame (unique_id, ds, target and {list(roles.all)[:8]})"
    raise ValueError(fault("X", rule, f"columns {source.names[:8]}", way_out))


# --- keys: ids, stamps, order ---------------------------------------------------------------------


def _read_keys(source: _Source, targets: tuple[str, ...]) -> Keys:
    layout = _layout(source, targets)
    ds, tz, ds_dtype = _stamps(source)
    if layout == "long":
        ids, codes, id_dtype = _factorize(source)
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


def _factorize(source: _Source) -> tuple[np.ndarray, np.ndarray, str]:
    """Ids in order of first appearance, (S,); the position of each row's id, (N,); their type."""
    if source.kind == "pandas" and isinstance(source.native[ID].dtype, COMMON_IDS):
        _refuse_null_ids(int(source.native[ID].isna().sum()))
        return _factorize_pandas(source.native[ID])
    column = source.column(ID)
    _refuse_null_ids(int(column.is_null().sum()))
    if column.dtype.is_nested() or (source.kind == "polars" and column.dtype == nw.Object):
        got = str(column.dtype)
        raise TypeError(fault(ID, "a column of hashable ids (text, numbers)", got))
    if source.kind != "pandas":
        encoded = column.to_arrow().dictionary_encode()
        encoded = (
            encoded.unify_dictionaries().combine_chunks()
            if hasattr(encoded, "combine_chunks")
            else encoded
        )
        codes, seen = pd.factorize(np.asarray(encoded.indices))
        ids = _plain(encoded.dictionary.take(seen).to_pylist())
        if source.kind == "pyarrow":
            return ids, codes, str(encoded.dictionary.type)
        text = column.dtype in (nw.Categorical, nw.Enum)
        return ids, codes, "String" if text else str(column.dtype)
    return _factorize_pandas(source.native[ID])


def _refuse_null_ids(n_null: int) -> None:
    if n_null:
        way_out = "Drop them: frame.dropna(subset=['unique_id'])."
        raise ValueError(fault(ID, "set in every row", f"{n_null} null ids", way_out))


def _factorize_pandas(native: pd.Series) -> tuple[np.ndarray, np.ndarray, str]:
    if isinstance(native.dtype, pd.CategoricalDtype):
        codes, seen = factorize_runs(native.cat.codes)
        categories = native.cat.categories[seen]
        return categories.to_numpy(), codes, str(categories.dtype)
    try:
        codes, unique = factorize_runs(native)
    except TypeError:
        got = type(native.iloc[0]).__name__
        raise TypeError(fault(ID, "a column of hashable ids (text, numbers)", got)) from None
    return pd.Index(unique).to_numpy(), codes, str(native.dtype)


def factorize_runs(column: pd.Series) -> tuple[np.ndarray, Any]:
    """`pd.factorize`, in a part of the time where equal ids stand together."""
    values = column.array
    if column.dtype == object or len(values) < 16:  # each comparison would be a call of Python
        return pd.factorize(column)
    starts = np.flatnonzero(np.append(True, np.asarray(values[1:] != values[:-1])))
    if len(starts) > len(values) // 8:
        return pd.factorize(column)
    codes, unique = pd.factorize(column.iloc[starts])
    return np.repeat(codes, np.diff(starts, append=len(values))), unique


def _plain(ids: list[Any]) -> np.ndarray:
    answer = np.empty(len(ids), object)
    answer[:] = ids
    return answer if isinstance(ids[0], str) else np.asarray(ids)


def _stamps(source: _Source) -> tuple[np.ndarray, str | None, str]:
    """Internal stamps (N,), their time zone, and the type in which the user has them."""
    if TIME in source.names:
        plain = source.plain(TIME, "M")
        if plain is not None and not np.isnat(plain).any():
            _refuse_far(plain)
            return plain.astype("M8[us]", copy=False), None, np.datetime_data(plain.dtype)[0]
        column = source.column(TIME)
    else:
        column = nw.from_native(pd.Series(source.index), series_only=True)
    native = column.to_native()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.PeriodDtype):
        column = nw.from_native(native.dt.to_timestamp(), series_only=True)
    _refuse_nulls(column)
    if column.dtype.is_integer():
        _refuse_far(column.to_numpy())
        steps = column.to_numpy().astype(np.int64, copy=False)
        _refuse_dates_as_numbers(steps)
        return steps, None, str(column.dtype)
    if column.dtype == nw.Date:
        days = column.cast(nw.Datetime("us")).to_numpy()
        _refuse_far(days)
        return days, None, "Date"
    if not isinstance(column.dtype, nw.Datetime) and not _is_pandas_zoned(column):
        column = _parsed(column)
    if _is_pandas_zoned(column):
        return _pandas_zoned(column.to_native())
    unit, tz = column.dtype.time_unit, column.dtype.time_zone  # type: ignore[attr-defined]
    if tz is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    stamps = column.to_numpy()
    _refuse_far(stamps)
    return stamps.astype("M8[us]", copy=False), tz, unit


def _refuse_far(stamps: np.ndarray) -> None:
    """Stamps near the end of 64 bits, whose differences or successors would come round again."""
    unit = np.datetime_data(stamps.dtype)[0] if stamps.dtype.kind == "M" else "us"
    largest = LARGEST_STEP // {"s": 10**6, "ms": 10**3}.get(unit, 1)
    whole = stamps.view(np.int64) if stamps.dtype.kind == "M" else stamps
    ends = {position: int(whole[position]) for position in (whole.argmin(), whole.argmax())}
    for position, end in ends.items():
        if abs(end) > largest and unit != "ns":
            rule = f"within {LARGEST_STEP:,} steps, or about 36,500 years, of zero or 1970"
            raise ValueError(fault(TIME, rule, str(stamps[position])))


def _refuse_dates_as_numbers(steps: np.ndarray) -> None:
    """20240131 is a date, and as a number of steps it would leave 70 gaps to the next day."""
    year, rest = np.divmod(steps, 10_000)
    month, day = np.divmod(rest, 100)
    dated = (year > 1800) & (year < 2200) & (month > 0) & (month < 13) & (day > 0) & (day < 32)
    if len(steps) > 1 and dated.all():
        way_out = "Parse it first: pd.to_datetime(frame['ds'].astype(str), format='%Y%m%d')."
        raise ValueError(fault(TIME, "stamps, or ints that count steps", int(steps[0]), way_out))


def _is_pandas_zoned(column: nw.Series[Any]) -> bool:
    return isinstance(getattr(column.to_native(), "dtype", None), pd.DatetimeTZDtype)


def _pandas_zoned(native: pd.Series) -> tuple[np.ndarray, str, str]:
    """narwhals does not know the type where a zone's name has an underscore (America/New_York)."""
    utc = native.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    dtype: Any = native.dtype
    _refuse_far(utc)
    return utc.astype("M8[us]", copy=False), str(dtype.tz), dtype.unit


def _refuse_nulls(column: nw.Series[Any]) -> None:
    null = column.is_null()
    n_null = int(null.sum())
    if n_null:
        first = int(np.flatnonzero(null.to_numpy())[0])
        way_out = "Drop them: frame.dropna(subset=['ds'])."
        raise ValueError(
            fault(
                TIME, "set in every row", f"{n_null} missing stamps, first in row {first}", way_out
            )
        )


def _parsed(column: nw.Series[Any]) -> nw.Series[Any]:
    """Dates and ISO text as stamps; anything else is an error that shows the first bad value."""
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        way_out = "Whole numbers count steps: frame['ds'].astype('int64')."
        raise TypeError(fault(TIME, "stamps, dates or ints", str(column.dtype), way_out))
    text = pd.Series(column.to_numpy(), dtype=object)
    odd = np.flatnonzero(text.map(lambda value: isinstance(value, numbers.Number)))
    if odd.size:
        rule = f"stamps, dates or ints, not mixed ({len(odd)} of {len(text)} rows are numbers)"
        raise TypeError(fault(TIME, rule, text.iloc[odd[0]]))
    try:
        stamps = pd.to_datetime(text, format="ISO8601")
    except (ValueError, TypeError):
        single = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        bad = np.flatnonzero(single.isna())
        if bad.size:
            way_out = "Parse it first: pd.to_datetime(frame['ds'], format=...)."
            rule = f"stamps, dates or ISO text ({len(bad)} of {len(text)} rows are not)"
            raise ValueError(fault(TIME, rule, text.iloc[bad[0]], way_out)) from None
        way_out = "Bring them to one: pd.to_datetime(frame['ds'], utc=True)."
        raise ValueError(fault(TIME, "in one time zone", "mixed time zones", way_out)) from None
    column = nw.from_native(stamps, series_only=True)
    _refuse_nulls(column)
    return column


# --- values ---------------------------------------------------------------------------------------


def _read_values(source: _Source, keys: Keys, columns: tuple[str, ...]) -> np.ndarray:
    if keys.style.layout == "long":
        channels = [_numbers(source, name) for name in columns]
        values = channels[0][:, None] if len(channels) == 1 else np.column_stack(channels)
        in_order = bool((keys.rows[1:] > keys.rows[:-1]).all())
        return values if in_order else values[keys.rows]
    n_rows = int(keys.offsets[1])
    names = [name for name in source.names if name != TIME]
    table = np.stack([_numbers(source, name)[keys.rows[:n_rows]] for name in names])  # (S, T)
    return table.reshape(-1, 1)


def _numbers(source: _Source, name: Any, covariate: bool = False) -> np.ndarray:
    """A column as float64, NaN where missing."""
    plain = source.plain(name, "fiu")
    if plain is not None:
        return plain.astype(np.float64, copy=False)
    column = source.column(name)
    if covariate and column.dtype == nw.Boolean:
        return column.cast(nw.Float64()).to_numpy()
    if not column.dtype.is_numeric():
        example = _no_number(column.drop_nulls().to_list())
        native = getattr(column.to_native(), "dtype", column.dtype)
        way_out = "Numbers in text: pd.to_numeric(column). Yes and no: column.astype(int)."
        if covariate:
            way_out = f"Names: categories=[{name!r}]. Numbers in text: pd.to_numeric(column)."
        raise TypeError(
            fault(f"column {name!r}", "of real numbers", f"{native} such as {example}", way_out)
        )
    return column.cast(nw.Float64()).to_numpy()


def _no_number(present: list[Any]) -> str:
    """The first of the values that is not even a number in text, or the first."""
    parsed = pd.to_numeric(pd.Series(present, dtype=object).map(str), errors="coerce")
    bad = np.flatnonzero(parsed.isna())
    return repr(present[bad[0] if bad.size else 0]) if present else "nothing"


def _refuse_doubles(keys: Keys, frame: str = "X") -> None:
    same = keys.ds[1:] == keys.ds[:-1]
    same[keys.offsets[1:-1] - 1] = False
    n_doubled = int(same.sum())
    if not n_doubled:
        return
    key = _where(keys.ids, keys.offsets, keys.ds, int(np.flatnonzero(same)[0]) + 1)
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
            key = _where(keys.ids, keys.offsets, keys.ds, int(rows[0]))
            rule = f"missing, or finite and at most {LARGEST_VALUE:g} in size"
            got = f"{rows.size} {name} values, first {key}"
            parameter = "target" if column is None else f"covariate {column!r}"
            raise ValueError(fault(parameter, rule, got, f"Make them missing: {call}."))


def _where(ids: np.ndarray, offsets: np.ndarray, ds: np.ndarray, row: int) -> str:
    s = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"({ids[s]!s}, {str(ds[row]).replace('T', ' ').removesuffix('.000000')})"


# --- covariates -----------------------------------------------------------------------------------


def read_known(X: Any, roles: Roles, target: str | Sequence[str]) -> tuple[Keys, Covariates | None]:
    """Keys and future covariates of a frame of rows to come; other declared columns are not read.

    Without a column of ids, the ids are of type "".
    """
    source = _open(X)
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


def _read_covariates(source: _Source, keys: Keys, roles: Roles) -> Covariates | None:
    if not roles.all:
        return None
    levels: dict[str, tuple[Any, ...]] = {}
    columns = {}
    for name in roles.all:
        if name in roles.categories:
            codes, levels[name] = _category(source, name)
        else:
            codes = _numbers(source, name, covariate=True)
            _refuse_infinite(keys, codes[keys.rows][:, None], name)
        columns[name] = codes[keys.rows]
    empty = np.empty((len(keys.rows), 0))
    changing = np.column_stack([empty, *(columns[name] for name in roles.changing)])
    fixed = [_constants(name, columns[name], keys) for name in roles.static]
    static = np.column_stack([np.empty((len(keys.ids), 0)), *fixed])
    return Covariates(roles, changing, static, levels)


def _category(source: _Source, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Codes (N,) of a column of names, NaN where missing, and what they mean."""
    values = source.column(name).to_list()
    plain = pd.Series(values, dtype=object).map(
        lambda value: value if isinstance(value, str | int | float | bool) else str(value),
        na_action="ignore",
    )
    codes, seen = pd.factorize(plain)
    return np.where(codes < 0, np.nan, codes), tuple(seen.tolist())


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


# --- gaps and missing values ----------------------------------------------------------------------


def treat_missing(panel: Panel, missing: str) -> Panel:
    """The panel with its gaps closed, from each series' first value on; see `make_panel`."""
    absent = panel.calendar.missing_after(panel.ds, panel.offsets)
    if missing == "error":
        _refuse_missing(panel, absent)
    panel = _close_gaps(panel, absent).from_first_value()
    return panel.interpolated() if missing == "interpolate" else panel


def _refuse_missing(panel: Panel, absent: np.ndarray) -> None:
    holes = np.isnan(panel.values).any(axis=1).astype(np.int64)
    counts = np.add.reduceat(holes + absent, panel.offsets[:-1])
    if counts.any():
        some = {panel.ids[s]: int(counts[s]) for s in np.flatnonzero(counts)[:8]}
        listed = ", ".join(f"{name!s}: {count}" for name, count in some.items())
        raise ValueError(
            f"X must have no missing values with missing='error'. Got {int(counts.sum())} in "
            f"{np.count_nonzero(counts)} series ({listed}). "
            "missing='mask' keeps them as missing, missing='interpolate' fills them."
        )


def _close_gaps(panel: Panel, absent: np.ndarray) -> Panel:
    """NaN rows where the calendar has stamps that the frame has not."""
    n_new = int(absent.sum())
    if n_new == 0:
        return panel
    if n_new > max(CLOSED_LIMIT, 20 * len(absent)):
        key = _where(panel.ids, panel.offsets, panel.ds, int(np.argmax(absent)))
        way_out = "Check that stamp, or pass freq=."
        got = f"{n_new} missing stamps, most after {key}"
        raise ValueError(fault(TIME, "without gaps of this size", got, way_out))
    shift = np.concatenate([[0], np.cumsum(absent)])
    offsets = panel.offsets + shift[panel.offsets]
    kept = np.arange(len(absent)) + shift[:-1]
    before = np.repeat(np.arange(len(absent)), absent)
    steps = np.arange(n_new) - np.repeat(shift[:-1], absent) + 1
    series = np.searchsorted(panel.offsets, before, side="right") - 1
    n = len(absent) + n_new
    ds, rows = np.empty(n, panel.ds.dtype), np.full(n, -1)
    values = np.full((n, panel.values.shape[1]), np.nan)
    ds[kept], rows[kept], values[kept] = panel.ds, panel.rows, panel.values
    new = np.ones(n, bool)
    new[kept] = False
    ds[new] = panel.calendar.advance(panel.ds[before], steps, series)
    covariates = panel.covariates and panel.covariates.spread(kept, n)
    weights = None
    if panel.weights is not None:
        weights = np.ones(n)
        weights[kept] = panel.weights
    table = {"offsets": offsets, "ds": ds, "values": values, "rows": rows}
    return replace(panel, **table, covariates=covariates, weights=weights)


# --- out ------------------------------------------------------------------------------------------


def forecast_frame(
    panel: Panel,
    codes: np.ndarray,
    ds: np.ndarray,
    columns: Mapping[str, np.ndarray],
    *,
    extra_first: Mapping[str, np.ndarray] | None = None,
) -> Any:
    """A frame of the user's kind: unique_id, ds, the columns of `extra_first`, then `columns`.

    `codes` (R,) are positions in `panel.ids`, `ds` (R,) internal stamps. Every datetime64 column
    (a cutoff, say) is taken for internal stamps too and comes out in the user's type and time zone.
    Where targets are series, a column `target` follows `ds`.

    >>> panel = make_panel(np.arange(3.0))
    >>> forecast_frame(panel, np.zeros(2, int), panel.future(2)[0], {"yhat": np.array([3.0, 4.0])})
      unique_id  ds  yhat
    0         y   3   3.0
    1         y   4   4.0
    """
    style, tz = panel.style, panel.calendar.tz
    ids, extra_first = panel.ids, dict(extra_first or {})
    if panel.targets:
        ids = np.array([name for name, _ in ids.tolist()], object)
        names = np.array(panel.targets, object)
        extra_first = {"target": names[codes % len(names)], **extra_first}
    table: dict[str, Any] = {ID: _ids_out(ids, codes, style), TIME: _ds_out(ds, style, tz)}
    for name, values in {**extra_first, **columns}.items():
        values = np.asarray(values)
        stamped = values.dtype.kind == "M"
        table[name] = _ds_out(values, style, tz) if stamped else _column_out(name, values, style)
    if style.kind == "pandas":
        return pd.DataFrame(table)
    if style.kind == "pyarrow":
        return pa.table(table)
    return nw.from_dict(table, backend=style.kind).to_native()


def _ids_out(ids: np.ndarray, codes: np.ndarray, style: FrameStyle) -> Any:
    if style.kind == "pandas":
        return pd.Index(ids, dtype=style.id_dtype).take(codes)
    if style.kind == "pyarrow":
        return _arrow(ids, style.id_dtype).take(pa.array(codes))
    return nw.new_series(ID, ids.tolist(), _dtype(style.id_dtype), backend=style.kind)[codes]


def _dtype(name: str) -> Any:
    """The type that narwhals shows as `name`, with its unit and zone where it has them."""
    kind, *_ = name.partition("(")
    options = {key: None if value == "None" else value for key, value in OPTION.findall(name)}
    return getattr(nw, kind)(**options)


def _arrow(values: np.ndarray, name: str) -> pa.Array:
    try:
        return pa.array(values.tolist(), pa.type_for_alias(name))
    except ValueError:  # a type with parameters, a decimal say, has no plain name
        return pa.array(values.tolist())


def _ds_out(ds: np.ndarray, style: FrameStyle, tz: str | None) -> Any:
    is_stamp = ds.dtype.kind == "M"
    if style.kind == "pandas":
        return _pandas_ds(ds, style, tz) if is_stamp else ds.astype(style.ds_dtype.lower())
    if style.kind == "pyarrow":
        dated = pa.date32() if style.ds_dtype == "Date" else None
        stamp = dated or (pa.timestamp(_unit_for(ds, style), tz) if is_stamp else None)
        return pa.array(ds).cast(stamp or style.ds_dtype.lower())
    if not is_stamp:
        return nw.new_series(TIME, ds, getattr(nw, style.ds_dtype)(), backend=style.kind)
    series = nw.new_series(TIME, ds, nw.Datetime("us"), backend=style.kind)
    if tz is not None:
        series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(tz)
    if style.ds_dtype == "Date":
        return series.cast(nw.Date())
    return series.cast(nw.Datetime(_unit_for(ds, style), tz))  # type: ignore[arg-type]


def _unit_for(ds: np.ndarray, style: FrameStyle) -> str:
    """The user's unit; microseconds beyond the end of nanoseconds (1677 to 2262)."""
    far = style.ds_dtype == "ns" and np.abs(ds.view(np.int64)).max(initial=0) > FAR // 1000
    return "us" if far else style.ds_dtype


def _pandas_ds(ds: np.ndarray, style: FrameStyle, tz: str | None) -> pd.DatetimeIndex:
    index = pd.DatetimeIndex(ds)
    if tz is not None:
        index = index.tz_localize("UTC").tz_convert(tz)
    return index.as_unit("us" if style.ds_dtype == "Date" else _unit_for(ds, style))


def _column_out(name: str, values: np.ndarray, style: FrameStyle) -> Any:
    if style.kind == "pandas":
        return values
    plain: Any = values.tolist() if values.dtype == object else values
    return (
        pa.array(plain)
        if style.kind == "pyarrow"
        else nw.new_series(name, plain, backend=style.kind)
    )
