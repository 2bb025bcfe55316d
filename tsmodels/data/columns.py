"""One column of a frame as an array: ids, stamps, numbers, categories; what it must not hold."""

from __future__ import annotations

import numbers
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.panel import ID, TIME
from tsmodels.data.source import Source

COMMON_IDS = (pd.StringDtype, pd.CategoricalDtype, np.dtype)  # none of which holds lists
LARGEST_STEP = 2**60  # of integer time, or microseconds: 36,500 years; room to count on
LARGEST_VALUE = 1e150  # whose square is a number, and so is the sum of many


def factorize(source: Source) -> tuple[np.ndarray, np.ndarray, str]:
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


def read_stamps(source: Source) -> tuple[np.ndarray, str | None, str]:
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


def read_numbers(source: Source, name: Any, covariate: bool = False) -> np.ndarray:
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


def read_categories(source: Source, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Codes (N,) of a column of names, NaN where missing, and what they mean."""
    values = source.column(name).to_list()
    plain = pd.Series(values, dtype=object).map(
        lambda value: value if isinstance(value, str | int | float | bool) else str(value),
        na_action="ignore",
    )
    codes, seen = pd.factorize(plain)
    return np.where(codes < 0, np.nan, codes), tuple(seen.tolist())
