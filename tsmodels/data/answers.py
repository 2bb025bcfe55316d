"""Arrays as a frame of the kind that the user gave: ids, stamps and types as they were."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from tsmodels.data.calendar import FAR
from tsmodels.data.panel import ID, TIME, FrameStyle, Panel

OPTION = re.compile(r"(\w+)='?([^',)]*)")


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

    >>> from tsmodels.data.frame import make_panel
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
