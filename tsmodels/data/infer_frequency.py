"""Frequencies read off the stamps, and refusals of stamps that a frequency does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.calendar import FAR, Calendar, differences_within
from tsmodels.data.frequency import (
    BUSINESS_WEEK,
    DAY,
    HOUR,
    IRREGULAR,
    MINUTE,
    MONTHS,
    SECOND,
    WEEKDAYS,
    Rule,
    check_freq,
    day_of_month,
    ordinals_of,
    rule_of,
    to_utc,
    to_wall,
)


def infer_calendar(
    ds: np.ndarray,
    offsets: np.ndarray,
    *,
    tz: str | None = None,
    freq: object = None,
    ids: np.ndarray | None = None,
) -> Calendar:
    """The calendar of sorted, distinct stamps `ds` (N,); series s has rows offsets[s]:offsets[s+1].

    Missing stamps do not hide a frequency. Weekdays that never occur make a trading calendar; dates
    that fell on trading days three times or more without a trade are its holidays. A series of one
    or two rows takes the frequency that most others have. With `freq` given, stamps must fit it. A
    series whose stamps fit no frequency, or a lone row, is a ValueError that names it by `ids`.

    >>> ds = np.array(["2024-01-31", "2024-02-29", "2024-04-30"], "M8[us]")
    >>> infer_calendar(ds, np.array([0, 3])).freqs
    ('ME',)
    """
    ids = np.arange(len(offsets) - 1) if ids is None else ids
    if freq is None:
        names = infer_names(ds, offsets, tz)
        _refuse_unknown(names, ids, ds, offsets, tz)
    else:
        names = np.full(len(offsets) - 1, _check_kind(check_freq(freq), ds), object)
        _refuse_misfits(names, ids, ds, offsets, tz)
    codes, freqs = pd.factorize(names)
    holidays, holiday_codes = _learn_holidays(names, ds, offsets, tz)
    return Calendar(
        freqs=tuple(str(name) for name in freqs),
        codes=codes.astype(np.int64),
        tz=tz,
        phase=_phases(names, ds, offsets, tz),
        holidays=holidays,
        holiday_codes=holiday_codes,
    )


def _check_kind(freq: str, ds: np.ndarray) -> str:
    if freq == IRREGULAR:
        return freq
    if ds.dtype.kind == "M" and freq.isdigit():
        raise ValueError(fault("freq", "a pandas offset alias, as ds holds stamps", freq))
    if ds.dtype.kind != "M" and not freq.isdigit():
        way_out = "Leave freq out and say season_length instead."
        raise ValueError(fault("freq", "a whole number, as ds holds integers", freq, way_out))
    return freq


def _smallest(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The smallest difference in each series, (S,); FAR for a single row."""
    return np.minimum.reduceat(differences_within(values, offsets, FAR), offsets[:-1])


def _steps(ordinals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The step of each series: its smallest difference if that divides all others, else their
    greatest common divisor if half of that grid is there, else 0 (irregular). One row: 0."""
    rest = differences_within(ordinals, offsets, FAR)
    steps = np.minimum.reduceat(rest, offsets[:-1])
    steps[steps == FAR] = 0
    rest[offsets[1:] - 1] = 0
    if np.array_equal(np.maximum.reduceat(rest, offsets[:-1]), steps):  # all evenly spaced
        return steps
    np.remainder(rest, np.repeat(np.maximum(steps, 1), np.diff(offsets)), out=rest)
    for s in np.flatnonzero(np.logical_or.reduceat(rest != 0, offsets[:-1])):
        part = ordinals[offsets[s] : offsets[s + 1]]
        divisor = np.gcd.reduce(np.diff(part))
        steps[s] = divisor if 2 * len(part) > (part[-1] - part[0]) // divisor else 0
    return steps


def infer_names(ds: np.ndarray, offsets: np.ndarray, tz: str | None) -> np.ndarray:
    """The frequency of each series (S,) as a name; "" where there is none."""
    lengths = np.diff(offsets)
    if ds.dtype.kind != "M":
        names = _named(_steps(ds, offsets), lambda step: str(step) if step else "")
        weak = lengths < 3
    else:
        coarse = _smallest(ds.view(np.int64), offsets) >= 22 * HOUR
        names, weak = np.full(len(lengths), "", object), lengths < 3
        if not coarse.all():
            ticks = _steps(*_pick(ds.view(np.int64), offsets, ~coarse))
            names[~coarse] = _named(ticks, _tick_name)
        if coarse.any():
            names[coarse], short = _infer_days(*_pick(ds, offsets, coarse), tz)
            weak[coarse] |= short
    names = _borrow(names, weak, ds, offsets, tz)
    if ds.dtype.kind != "M":
        names[(names == "") & (lengths == 1)] = "1"
    return names


def _pick(ds: np.ndarray, offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the chosen series, and their offsets."""
    if chosen.all():
        return ds, offsets
    lengths = np.diff(offsets)
    return ds[np.repeat(chosen, lengths)], np.concatenate([[0], np.cumsum(lengths[chosen])])


def _named(values: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    """`name` of each value, asked once a distinct value."""
    distinct, codes = np.unique(values, return_inverse=True)
    return np.array([name(int(value)) for value in distinct], object)[codes]


def _tick_name(step: int) -> str:
    for unit, name in ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (1000, "ms"), (1, "us")):
        if step and step % unit == 0:
            return _times(step // unit, name)
    return ""


def _times(n: int, name: str) -> str:
    return name if n == 1 else f"{n}{name}"


def _infer_days(
    ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Names for series with stamps about a day apart or more, and whether evidence is short."""
    wall = to_wall(ds, tz)
    dates = wall.astype("M8[D]")
    days = dates.astype(np.int64)
    names = _month_names(dates, offsets)
    for other in (_trading_names, _weekday_names):
        open_ = names == ""
        if open_.any():
            names[open_] = other(*_pick(days, offsets, open_))
    same_clock = np.logical_and.reduceat(_clock_fits(ds, wall, offsets, tz), offsets[:-1])
    if not same_clock.all():
        ticks = _steps(*_pick(ds.view(np.int64), offsets, ~same_clock))
        names[~same_clock] = _named(ticks, _tick_name)
    span = days[offsets[1:] - 1] - days[offsets[:-1]]
    weekend = np.logical_or.reduceat((days + 3) % 7 > 4, offsets[:-1])
    return names, (names == "D") & (span < 14) & ~weekend


def _clocks(wall: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The time of day of each series (S,); skipped times only ever moved it forward."""
    return np.minimum.reduceat(wall.astype(np.int64) % DAY, offsets[:-1])


def _clock_fits(
    ds: np.ndarray, wall: np.ndarray, offsets: np.ndarray, tz: str | None
) -> np.ndarray:
    """Whether each row has the time of day of its series, but for clock changes. (N,)"""
    clock = np.repeat(_clocks(wall, offsets), np.diff(offsets))
    fits = wall.astype(np.int64) % DAY == clock
    late = np.flatnonzero(~fits)
    if late.size and tz is not None:
        plain = wall[late].astype("M8[D]").astype("M8[us]") + clock[late].astype("m8[us]")
        fits[late] = to_utc(plain, tz) == ds[late]
    return fits


def _weekday_names(days: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    steps = _steps(days, offsets)
    first = (days[offsets[:-1]] + 3) % 7  # 1970-01-01 was a Thursday

    def name(step: int) -> str:
        return _times(step, "D") if step else ""

    weekly = (steps > 0) & (steps % 7 == 0)
    names = _named(steps, name)
    for s in np.flatnonzero(weekly):
        names[s] = _times(steps[s] // 7, f"W-{WEEKDAYS[first[s]].upper()}")
    return names


def _trading_names(days: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Some weekdays never occur, the others twice and more on average; and at the rate at which
    those are there, chance explains it less than once in a hundred times. Any week but Monday to
    Friday is one of many, so that it needs so much more evidence."""
    names = np.full(len(offsets) - 1, "", object)
    seen = np.bitwise_or.reduceat(1 << ((days + 3) % 7), offsets[:-1])
    first, after = days[offsets[:-1]], days[offsets[1:] - 1] + 1
    n_seen = np.array([int(bits).bit_count() for bits in range(128)])[seen]
    possible = (n_seen > 1) & (n_seen < 7) & (after - first >= 12)  # two business weeks
    for bits in np.unique(seen[possible]):
        at = np.flatnonzero(possible & (seen == bits))
        week = "".join(day for i, day in enumerate(WEEKDAYS) if bits >> i & 1)
        full = np.busday_count(first[at].astype("M8[D]"), after[at].astype("M8[D]"), weekmask=week)
        present = np.diff(offsets)[at]
        n_weeks = 1 if week == BUSINESS_WEEK else math.comb(7, int(bits).bit_count())
        chance = n_weeks * (1 - present / (full + 1)) ** (after[at] - first[at] - full)
        sure = (2 * present >= full) & (present >= 2 * n_seen[at]) & (chance < 0.01)
        names[at[sure]] = "B" if week == BUSINESS_WEEK else f"C-{week}"
    return names


def _month_names(dates: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Names of series with one row a month at most, always at the same place in the month."""
    names = np.full(len(offsets) - 1, "", object)
    monthly = _smallest(dates.astype(np.int64), offsets) >= 28
    if not monthly.any():
        return names
    dates, offsets = _pick(dates, offsets, monthly)
    months = dates.astype("M8[M]")
    place = _month_places(dates, months, offsets)
    steps = np.where(place != "", _steps(months.astype(np.int64), offsets), 0)
    first = months[offsets[:-1]].astype(np.int64) % 12
    names[monthly] = [
        _month_name(int(n), p, int(m)) if n else ""
        for n, p, m in zip(steps, place, first, strict=True)
    ]
    return names


def _month_places(dates: np.ndarray, months: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """start, end, bstart, bend or "" for each series; a fixed day counts from the start."""
    day = (dates - months.astype("M8[D]")).astype(np.int64)
    latest = np.repeat(np.maximum.reduceat(day, offsets[:-1]), np.diff(offsets))
    place = np.full(len(offsets) - 1, "", object)
    place[np.maximum.reduceat(day, offsets[:-1]) == 0] = "start"
    for name in ("end", "start", "bstart", "bend"):
        if not (place == "").any():
            break
        fits = dates == day_of_month(months, name, latest)
        place[(place == "") & np.logical_and.reduceat(fits, offsets[:-1])] = name
    return place


def _month_name(step: int, place: str, first: int) -> str:
    business, side = ("B" if place[0] == "b" else ""), ("S" if place.endswith("start") else "E")
    if step % 12 == 0:
        return _times(step // 12, f"{business}Y{side}-{MONTHS[first]}")
    if step % 3 == 0:
        anchor = first % 3 if side == "S" else 9 + first % 3  # QS-JAN and QE-DEC are the plain ones
        return _times(step // 3, f"{business}Q{side}-{MONTHS[anchor]}")
    return _times(step, f"{business}M{side}")


def _borrow(
    names: np.ndarray, weak: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> np.ndarray:
    """Series with too little evidence take the commonest frequency of the others, where it fits."""
    known = names[~weak & (names != "")] if not weak.all() else names[names != ""]
    if not weak.any() or not known.size:
        return names
    distinct, counts = np.unique(known.astype(str), return_counts=True)
    common = str(distinct[np.argmax(counts)])
    chosen = np.flatnonzero(weak)
    right = fits(common, *_pick(ds, offsets, weak), tz) | (np.diff(offsets)[chosen] == 1)
    names[chosen[right]] = common
    return names


def fits(freq: str, ds: np.ndarray, offsets: np.ndarray, tz: str | None) -> np.ndarray:
    """Whether the stamps of each series lie on the grid of `freq`. (S,)"""
    rule = rule_of(freq)
    if rule.kind in ("pandas", IRREGULAR):
        return np.ones(len(offsets) - 1, bool)
    ordinals = ordinals_of(rule, ds, tz)
    step = 1 if rule.kind == "trading" else rule.step
    diffs = differences_within(ordinals, offsets, step)
    regular = np.logical_and.reduceat((diffs > 0) & (diffs % step == 0), offsets[:-1])
    if rule.kind in ("integer", "tick"):
        return regular
    wall = to_wall(ds, tz)
    rows = _clock_fits(ds, wall, offsets, tz) & _on_grid(rule, wall.astype("M8[D]"), offsets)
    return regular & np.logical_and.reduceat(rows, offsets[:-1])


def _on_grid(rule: Rule, dates: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Whether each date has the weekday, trading day or place in the month of the rule."""
    if rule.kind == "trading":
        return np.is_busday(dates, weekmask=rule.place)
    if rule.kind == "day":
        return (rule.anchor is None) | ((dates.astype(np.int64) + 3) % 7 == rule.anchor)
    months = dates.astype("M8[M]")
    day = (dates - months.astype("M8[D]")).astype(np.int64)
    latest = np.repeat(np.maximum.reduceat(day, offsets[:-1]), np.diff(offsets))
    on_day = dates == day_of_month(months, rule.place, latest)
    in_month = (rule.anchor is None) | (
        (months.astype(np.int64) - (rule.anchor or 0)) % _year(rule) == 0
    )
    return on_day & in_month


def _year(rule: Rule) -> int:
    """Months after which a quarter's or a year's anchor comes round again."""
    return 12 if rule.step % 12 == 0 else 3


def _median_steps(ds: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The median step of each series (S,), at least 1; of a lone row, that of the other series."""
    steps = differences_within(ds.view(np.int64), offsets, 0)
    parts = [steps[a : b - 1] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    every = np.concatenate(parts)
    if not len(every):
        rule = "of a series with two rows or more where freq is 'irregular'"
        raise ValueError(fault("ds", rule, f"{len(parts)} single rows"))
    found = [int(np.median(part if len(part) else every)) for part in parts]
    return np.maximum(found, 1).astype(ds.dtype.str.replace("M8", "m8"))


def _phases(names: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None) -> np.ndarray:
    if len(names) and (names == IRREGULAR).all():
        return _median_steps(ds, offsets)
    phase = np.zeros(len(names), "m8[us]")
    if ds.dtype.kind != "M":
        return phase
    kinds = np.array([rule_of(name).kind for name in names])
    dated = np.isin(kinds, ("day", "trading", "month"))
    if not dated.any():
        return phase
    stamps, inner = _pick(ds, offsets, dated)
    wall = to_wall(stamps, tz)
    clock = _clocks(wall, inner)
    months = wall.astype("M8[M]").astype("M8[D]")
    day = np.maximum.reduceat((wall.astype("M8[D]") - months).astype(np.int64), inner[:-1])
    at_start = np.array([rule_of(name).place == "start" for name in names[dated]])
    phase[dated] = (clock + np.where(at_start, day, 0) * DAY).astype("m8[us]")
    return phase


def _learn_holidays(
    names: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> tuple[tuple[tuple[tuple[int, int], ...], ...], np.ndarray]:
    """Dates (month, day) that fell on trading weekdays three times or more, never traded."""
    codes = np.zeros(len(names), np.int64)
    groups: dict[tuple[tuple[int, int], ...], int] = {(): 0}
    trading = [s for s, name in enumerate(names) if rule_of(name).kind == "trading"]
    expected: dict[tuple[object, ...], np.ndarray] = {}
    for s in trading:
        dates = to_wall(ds[offsets[s] : offsets[s + 1]], tz).astype("M8[D]")
        if dates[-1] - dates[0] < np.timedelta64(730, "D"):
            continue
        key = (names[s], dates[0], dates[-1])
        if key not in expected:
            week = np.arange(dates[0], dates[-1] + 1)
            open_days = week[np.is_busday(week, weekmask=rule_of(names[s]).place)]
            expected[key] = np.bincount(_month_days(open_days), minlength=12 * 31)
        traded = np.bincount(_month_days(dates), minlength=12 * 31)
        closed = np.flatnonzero((expected[key] >= 3) & (traded == 0))
        holidays = tuple((int(c) // 31 + 1, int(c) % 31 + 1) for c in closed)
        codes[s] = groups.setdefault(holidays, len(groups))
    return tuple(groups), codes


def _month_days(dates: np.ndarray) -> np.ndarray:
    months = dates.astype("M8[M]")
    return months.astype(np.int64) % 12 * 31 + (dates - months.astype("M8[D]")).astype(np.int64)


def _refuse_unknown(
    names: np.ndarray, ids: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> None:
    bad = np.flatnonzero(names == "")
    if not bad.size:
        return
    lengths = np.diff(offsets)
    if (lengths[bad] == 1).all():
        got = [ids[s] for s in bad[:5]]
        rule = "given when no series has two rows to read it from"
        raise ValueError(
            fault("freq", rule, None, f"Single rows: {got}. Pass freq=, e.g. freq='D'.")
        )
    bad = bad[lengths[bad] > 1]
    raise ValueError(
        f"ds must be regular for each unique_id. Got stamps that fit no frequency:\n"
        f"{_id_table(bad, ids, ds, offsets)}\n"
        "Pass freq=, or bring ds onto a grid first, e.g. frame['ds'].dt.floor('h'). Rows that come "
        "when they come have freq='irregular'."
    )


def _refuse_misfits(
    names: np.ndarray, ids: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> None:
    freq = str(names[0])
    bad = np.flatnonzero(~fits(freq, ds, offsets, tz))
    if not bad.size:
        return
    looks = infer_names(*_pick(ds, offsets, np.isin(np.arange(len(names)), bad)), tz)
    raise ValueError(
        fault("freq", "the spacing of ds for each unique_id", freq, "It does not fit:")
        + f"\n{_id_table(bad, ids, ds, offsets, looks)}\nLeave freq out to have it read off ds."
    )


def _id_table(
    bad: np.ndarray,
    ids: np.ndarray,
    ds: np.ndarray,
    offsets: np.ndarray,
    looks: np.ndarray | None = None,
    limit: int = 5,
) -> str:
    """A line an id: its name, first stamps and, where known, the frequency that they look like."""
    lines = []
    for i, s in enumerate(bad[:limit]):
        stamps = ", ".join(
            str(stamp).replace("T", " ").removesuffix(".000000")
            for stamp in ds[offsets[s] : offsets[s] + 3]
        )
        end = f"  looks like {looks[i]!r}" if looks is not None and looks[i] else ""
        lines.append(f"  {ids[s]!r}: {stamps}, ...{end}")
    if len(bad) > limit:
        lines.append(f"  and {len(bad) - limit} more")
    return "\n".join(lines)
