"""Series one after the other in one array, with ids and offsets: what everything below works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tsmodels.checks import fault
from tsmodels.data.calendar import Calendar
from tsmodels.data.covariates import Covariates

Kind = Literal["pandas", "polars", "pyarrow"]
ID, TIME = "unique_id", "ds"
CLOSED_LIMIT = 1_000_000  # inserted rows that are never too many; above it, 20 times the rows


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

        >>> from tsmodels.data.frame import make_panel
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

        >>> from tsmodels.data.frame import make_panel
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
        key = place_of(panel.ids, panel.offsets, panel.ds, int(np.argmax(absent)))
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


def place_of(ids: np.ndarray, offsets: np.ndarray, ds: np.ndarray, row: int) -> str:
    """Id and stamp of a row, as an error shows them."""
    s = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"({ids[s]!s}, {str(ds[row]).replace('T', ' ').removesuffix('.000000')})"
