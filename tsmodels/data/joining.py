"""New rows after those one has: two panels become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.calendar import Calendar
from tsmodels.data.covariates import Covariates
from tsmodels.data.frequency import pace
from tsmodels.data.infer_frequency import fits, infer_names
from tsmodels.data.panel import Panel

TELLING = 5  # rows of which all are missing in between are of another frequency


def joined(old: Panel, new: Panel) -> Panel:
    """The rows of both, of the same stamp those of `new`; gaps between them are not closed yet.

    Ids that only `new` has come after those of `old`. Raises ValueError where new stamps do not lie
    on the grid of the old ones.

    >>> from tsmodels.data.frame import make_panel
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> old, new = (make_panel(pd.Series(range(k, k + 3), days[k : k + 3])) for k in (0, 2))
    >>> joined(old, new).values.ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if old.calendar.tz != new.calendar.tz or old.ds.dtype.kind != new.ds.dtype.kind:
        zones = ["whole numbers" if p.ds.dtype.kind != "M" else p.calendar.tz for p in (old, new)]
        raise ValueError(fault("ds", f"as in fit ({zones[0]})", zones[1]))
    place = {name: s for s, name in enumerate(old.ids.tolist())}
    codes = np.array([place.setdefault(name, len(place)) for name in new.ids.tolist()])
    fresh = np.flatnonzero(codes >= old.n_series)
    series = np.concatenate(
        [np.repeat(np.arange(old.n_series), old.lengths), np.repeat(codes, new.lengths)]
    )
    ds = np.concatenate([old.ds, new.ds])
    order = np.lexsort((ds, series))  # stable: of one stamp the new row is the last
    last = np.append(np.diff(series[order]) + np.abs(np.diff(ds[order].astype(np.int64))) > 0, True)
    rows = order[last]
    counts = np.bincount(series[rows], minlength=len(place))
    panel = replace(
        old,
        ids=np.concatenate([old.ids, new.ids[fresh]]),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        ds=ds[rows],
        values=np.concatenate([old.values, new.values])[rows],
        rows=np.full(len(rows), -1),
        calendar=_calendars(old.calendar, new.calendar.take(fresh)),
        covariates=_covariates(old.covariates, new.covariates, codes, fresh, rows),
        ahead=None,
        weights=_weights(old, new, rows),
    )
    _refuse_misfits(panel)
    return panel


def refuse_other_pace(new: Panel, freqs: Sequence[str]) -> None:
    """An error if series of `new` have rows farther apart, or nearer, than any of `freqs`."""
    paces = {pace(name) for name in freqs}
    for code, name in enumerate(new.calendar.freqs):
        if pace(name) not in paces:
            _refuse(name, freqs, new.ids[new.calendar.codes == code])


def refuse_sparser(new: Panel, freqs: Sequence[str]) -> None:
    """The same for a panel that was read as one of `freqs`, which makes gaps of what lies between.

    Rows are of another frequency if all series with enough of them to tell it from gaps say so.
    """
    own = new.rows >= 0
    counts = np.add.reduceat(own.astype(int), new.offsets[:-1])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    names = infer_names(new.ds[own], offsets, new.calendar.tz)
    told = (names != "") & (counts >= TELLING)
    paces = {pace(name) for name in freqs}
    if told.any() and not paces & {pace(name) for name in names[told]}:
        _refuse(names[told][0], freqs, new.ids[told])


def _refuse(name: str, freqs: Sequence[str], ids: np.ndarray) -> None:
    known = list(freqs) if len(freqs) > 1 else repr(freqs[0])
    rule = f"of the frequency that fit has seen, {known}"
    way_out = f"So are the stamps of {ids[:3].tolist()}. Resample them, or fit again. "
    way_out += "If rows are missing, set_params(freq=...) says so."
    raise ValueError(fault("X", rule, str(name), way_out))


def _calendars(old: Calendar, new: Calendar) -> Calendar:
    """One calendar for the series of both."""
    if old.freqs == new.freqs:
        freqs, codes = old.freqs, np.concatenate([old.codes, new.codes])
    else:
        names = np.concatenate([np.array(c.freqs, object)[c.codes] for c in (old, new)])
        codes, distinct = pd.factorize(names)
        freqs = tuple(distinct.tolist())
    return replace(
        old,
        freqs=freqs,
        codes=codes.astype(np.int64),
        phase=np.concatenate([old.phase, new.phase]),
        holidays=old.holidays + new.holidays,
        holiday_codes=np.concatenate([old.holiday_codes, new.holiday_codes + len(old.holidays)]),
    )


def _weights(old: Panel, new: Panel, rows: np.ndarray) -> np.ndarray | None:
    if old.weights is None and new.weights is None:
        return None
    ones = (np.ones(len(p.ds)) if p.weights is None else p.weights for p in (old, new))
    return np.concatenate([*ones])[rows]


def _covariates(
    old: Covariates | None,
    new: Covariates | None,
    codes: np.ndarray,
    fresh: np.ndarray,
    rows: np.ndarray,
) -> Covariates | None:
    if old is None or new is None:
        return None
    merged = new.in_codes_of(old)
    static = np.concatenate([old.static, merged.static[fresh]])
    static[codes] = np.where(np.isnan(merged.static), static[codes], merged.static)
    values = np.concatenate([old.values, merged.values])[rows]
    return replace(merged, values=values, static=static)


def _refuse_misfits(panel: Panel) -> None:
    calendar = panel.calendar
    for code, freq in enumerate(calendar.freqs):
        chosen = np.flatnonzero(calendar.codes == code)
        part = panel.take(chosen)
        bad = np.flatnonzero(~fits(freq, part.ds, part.offsets, calendar.tz))
        if bad.size:
            got = f"other stamps of {part.ids[bad][:5].tolist()}"
            raise ValueError(fault("ds", f"on the grid that fit has seen, {freq!r}", got))
