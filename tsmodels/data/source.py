"""Any kind of input as named columns: a frame, a Series, an array, a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.panel import ID, Kind, Panel

DISTINCT = "a frame whose columns have distinct names"


@dataclass(frozen=True)
class Source:
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


def open_source(X: Any) -> Source:
    """The columns of `X`; what is no table, or has no rows, is an error."""
    if isinstance(X, Panel):
        raise TypeError(fault("X", "a frame, Series or array", "Panel"))
    if isinstance(X, pd.Series):
        name = "y" if X.name is None else X.name
        return open_source(X.to_frame(name).rename_axis(columns=None))
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
    return Source(kind, frame.columns, frame)


def _open_pandas(X: pd.DataFrame) -> Source:
    names = X.columns.tolist()
    if isinstance(X.columns, pd.MultiIndex):
        way_out = "frame.columns = ['_'.join(map(str, c)) for c in frame.columns]"
        raise ValueError(fault("X", "a frame with one row of column names", names[:3], way_out))
    if not X.columns.is_unique:
        doubled = X.columns[X.columns.duplicated()].tolist()
        way_out = "frame.loc[:, ~frame.columns.duplicated()] keeps the first of each."
        raise ValueError(fault("X", DISTINCT, doubled, way_out))
    _refuse_empty(len(X), names)
    return Source("pandas", names, X, X.index)


def _as_array(X: Sequence[Any]) -> np.ndarray:
    try:
        return np.asarray(X)
    except ValueError:
        lengths = sorted({len(row) for row in X if hasattr(row, "__len__")})
        way_out = "Series of unequal length go into a long frame: unique_id, ds, y."
        rule = "a list of numbers, or of rows of one length"
        raise ValueError(fault("X", rule, f"lengths {lengths[:8]}", way_out)) from None


def _open_array(X: np.ndarray, name: str = "y") -> Source:
    if X.ndim not in (1, 2):
        raise ValueError(fault("X", "an array (T,) or (T, S)", f"shape {X.shape}"))
    frame = pd.DataFrame({name: X}) if X.ndim == 1 else pd.DataFrame(X)
    _refuse_empty(len(frame), frame.columns.tolist())
    return Source("pandas", frame.columns.tolist(), frame, frame.index, is_array=True)


def _refuse_empty(n_rows: int, names: list[Any]) -> None:
    if n_rows == 0 or not names:
        raise ValueError(fault("X", "a frame with rows", f"{n_rows} rows, columns {names[:8]}"))
