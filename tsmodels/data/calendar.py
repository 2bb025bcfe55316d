"""Frequencies: read off the stamps, counted forward, checked by name.

Stamps are int64 (integer time) or datetime64[us]: UTC where the user's stamps have a time zone,
wall time otherwise. Seconds, minutes and hours are counted in UTC, so they stay right over clock
changes; days and longer are counted in the user's wall time, so midnight stays midnight.

Frequencies carry the names that pandas gives them. Three are ours: a number ("1", "2") is the step
of integer time, "C-MonTueWedThuFriSat" a trading week with its days written out, and "irregular"
none at all: rows come when they come, and are counted on by the median of the steps there were.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from tsmodels.checks import did_you_mean, fault

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86400 * 10**6  # microseconds
FAR = np.iinfo(np.int64).max
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
BUSINESS_WEEK = "MonTueWedThuFri"
IRREGULAR = "irregular"

RENAMED = {
    "M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "H": "h", "T": "min", "S": "s", "L": "ms",
    "U": "us", "N": "ns", "BM": "BME", "BQ": "BQE", "BY": "BYE", "BA": "BYE", "AS": "YS",
    "BAS": "BYS", "SM": "SME", "CBM": "CBME", "BH": "bh", "CBH": "cbh", "MIN": "min",
    "Min": "min", "d": "D", "w": "W", "b": "B", "secondly": "s", "minutely": "min", "hourly": "h",
    "daily": "D", "weekly": "W", "monthly": "MS", "quarterly": "QS", "yearly": "YS", "annual": "YS",
}  # fmt: skip
KNOWN = (
    "s", "min", "h", "D", "B", "W", "W-SUN", "W-MON", "MS", "ME", "QS", "QE", "YS", "YE", "BMS",
    "BME", "BQS", "BQE", "BYS", "BYE", "SMS", "SME", "10min", "15min", "30min", "QS-JAN",
    "QE-DEC", "YS-JAN", "YE-DEC", "ms", "us", "bh", IRREGULAR,
)  # fmt: skip


@dataclass(frozen=True)
class Calendar:
    """The frequency of every series, and how to count on from any of its stamps.

    `phase` says how far after the plain stamp of its frequency a series has its own: the time of
    day for days and weeks, day and time for months ("MS" on the 15th has a phase of 14 days). Of an
    irregular series it is the median of its steps.
    """

    freqs: tuple[str, ...]
    codes: np.ndarray  # (S,) index into freqs
    tz: str | None = None
    phase: np.ndarray = field(default_factory=lambda: np.zeros(0, "m8[us]"))  # (S,)
    holidays: tuple[tuple[tuple[int, int], ...], ...] = ((),)  # (month, day) never traded
    holiday_codes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # (S,)

    def future(self, last: np.ndarray, horizon: int) -> np.ndarray:
        """The `horizon` stamps that follow `last` (S,), as (S, horizon).

        >>> ds = np.array(["2024-01-29", "2024-01-30", "2024-01-31"], "M8[us]")
        >>> calendar = infer_calendar(ds, np.array([0, 3]))
        >>> calendar.future(ds[-1:], 2).astype("M8[D]").tolist()
        [[datetime.date(2024, 2, 1), datetime.date(2024, 2, 2)]]
        """
        n_series = len(self.codes)
        steps = np.tile(np.arange(1, horizon + 1), n_series)
        series = np.repeat(np.arange(n_series), horizon)
        return self.advance(np.repeat(last, horizon), steps, series).reshape(n_series, horizon)

    def advance(self, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Each stamp of `stamps` (R,), `steps` (R,) later on the grid of its series (R,)."""
        answer = np.empty_like(stamps)
        for code, freq in enumerate(self.freqs):
            at = np.flatnonzero(self.codes[series] == code)
            if at.size:
                count = COUNTERS[_rule(freq).kind]
                answer[at] = count(self, _rule(freq), stamps[at], steps[at], series[at])
        return answer

    def take(self, series: np.ndarray) -> Calendar:
        """The calendar of a subset or another order of the series."""
        return replace(
            self,
            codes=self.codes[series],
            phase=self.phase[series],
            holiday_codes=self.holiday_codes[series],
        )

    def missing_after(self, ds: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """How many stamps of the grid are absent between each row and the next, (N,).

        Trading days have no gaps to close: a day without a row was a day without trade.
        """
        missing = np.zeros(len(ds), np.int64)
        per_row = np.repeat(self.codes, np.diff(offsets))
        for code, freq in enumerate(self.freqs):
            rule = _rule(freq)
            if rule.kind in ("trading", "pandas", IRREGULAR):
                continue
            diffs = _differences(_ordinals(rule, ds, self.tz), offsets, rule.step)
            if len(self.freqs) == 1 and (diffs == rule.step).all():
                return missing
            diffs //= rule.step
            diffs -= 1
            missing = diffs if len(self.freqs) == 1 else np.where(per_row == code, diffs, missing)
        return missing

    def wall(self, ds: np.ndarray) -> np.ndarray:
        """Internal stamps as the user's clock shows them."""
        return _to_wall(ds, self.tz)

    def spacing(self) -> float | None:
        """The shortest step of any series in microseconds, on average; None for whole numbers."""
        if self.irregular:
            return None if self.phase.dtype.kind != "m" else float(self.phase.astype(int).min())
        steps = [_mean_step(_rule(freq)) for freq in self.freqs]
        return None if None in steps else min(steps)  # type: ignore[type-var]

    @property
    def irregular(self) -> bool:
        """Whether rows come when they come."""
        return self.freqs == (IRREGULAR,)

    def _from_wall(self, wall: np.ndarray) -> np.ndarray:
        return _to_utc(wall, self.tz)


@dataclass(frozen=True)
class _Rule:
    """What a frequency's name says: how to count, by how much, from which anchor."""

    kind: str  # integer, tick, day, trading, month, pandas, irregular
    step: int  # in units of integer time, microseconds, days, days, months, steps
    anchor: int | None = None  # weekday of weeks, month of quarters and years; None: any
    place: str = ""  # of months: start, end, bstart, bend; of trading weeks: their days


@lru_cache(maxsize=256)
def _rule(freq: str) -> _Rule:
    if freq.isdigit():
        return _Rule("integer", int(freq))
    if freq == IRREGULAR:
        return _Rule(IRREGULAR, 1)
    if freq.startswith("C-"):
        return _Rule("trading", 1, place=freq[2:])
    offset = pd.tseries.frequencies.to_offset(freq)
    if isinstance(offset, pd.offsets.Tick):
        return _Rule("tick", offset.nanos // 1000)
    name, _, anchored = re.sub(r"^\d+", "", offset.freqstr).partition("-")
    anchor = anchored if "-" in freq else ""
    if name == "D":
        return _Rule("day", offset.n)
    if name == "W":
        weekday = WEEKDAYS.index(anchor.title()) if anchor else None
        return _Rule("day", 7 * offset.n, weekday)
    if name == "B":
        return _Rule("trading", offset.n, place=BUSINESS_WEEK)
    month_names = re.fullmatch(r"(B?)([MQY])([SE])", name)
    if month_names is None:
        return _Rule("pandas", 1, place=freq)
    business, unit, side = month_names.groups()
    step = {"M": 1, "Q": 3, "Y": 12}[unit] * offset.n
    month = MONTHS.index(anchor) if anchor else None
    return _Rule("month", step, month, business.lower() + {"S": "start", "E": "end"}[side])


def _mean_step(rule: _Rule) -> float | None:
    """A step in microseconds, months as long as they are on average; None for whole numbers."""
    if rule.kind == "pandas":
        start = pd.Timestamp(2024, 1, 1)
        grid = pd.date_range(start, periods=25, freq=rule.place)
        return float((grid[-1] - grid[0]) / pd.Timedelta(24, "us"))
    units = {"tick": 1, "day": DAY, "trading": DAY, "month": 365.25 / 12 * DAY}
    return rule.step * units[rule.kind] if rule.kind in units else None


# --- names ----------------------------------------------------------------------------------------


def check_freq(freq: object) -> str:
    """`freq` if pandas knows it (or it is a step of integer time); else an error with the way out.

    >>> check_freq("30min"), check_freq(1)
    ('30min', '1')
    >>> check_freq("H")
    Traceback (most recent call last):
    ValueError: freq must be a pandas offset alias. Got 'H'. The name is now 'h'.
    """
    freq = getattr(freq, "freqstr", freq)
    if isinstance(freq, int | np.integer) and not isinstance(freq, bool) and freq > 0:
        freq = str(freq)
    rule = "a pandas offset alias"
    if not isinstance(freq, str):
        raise TypeError(fault("freq", rule, freq, "Examples: 'h', '30min', 'D', 'B', 'MS'."))
    number, name, anchor = re.fullmatch(r"(\d*)([A-Za-z]*)(.*)", freq, re.DOTALL).groups()  # type: ignore[union-attr]
    if name in RENAMED:
        raise ValueError(
            fault("freq", rule, freq, f"The name is now {number + RENAMED[name] + anchor!r}.")
        )
    if not _is_known(freq):
        near = did_you_mean(freq, KNOWN) or "Examples: 'h', '30min', 'D', 'B', 'W-SUN', 'MS'."
        raise ValueError(fault("freq", rule, freq, near))
    return freq


def _is_known(freq: str) -> bool:
    if freq.isdigit():
        return int(freq) > 0
    if freq == IRREGULAR:
        return True
    if freq.startswith("C-"):
        return re.fullmatch(f"({'|'.join(WEEKDAYS)})+", freq[2:]) is not None
    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except (ValueError, TypeError):
        return False
    return offset is not None and offset.n > 0


def season_length(freq: str) -> int:
    """Steps in the natural season: a minute, a day, a week, a year, whichever comes after `freq`.

    >>> [season_length(freq) for freq in ("s", "10min", "h", "D", "B", "W-SUN", "MS", "YS", "1")]
    [60, 144, 24, 7, 5, 52, 12, 1, 1]
    """
    rule = _rule(check_freq(freq))
    if rule.kind == "tick":
        season = next((unit for unit in (SECOND, MINUTE) if rule.step < unit), DAY)
        return int(season // np.gcd(season, rule.step))
    if rule.kind == "trading":
        days = len(rule.place) // 3
        return int(days // np.gcd(days, rule.step))
    if rule.kind == "day" and rule.step % 7 == 0:
        return max(1, 52 // (rule.step // 7))
    if rule.kind in ("day", "month"):
        season = 7 if rule.kind == "day" else 12
        return int(season // np.gcd(season, rule.step))
    return 1


def pace(freq: str) -> tuple[str, float]:
    """How far apart rows of a frequency are, on average: the same for all that are as dense.

    >>> pace("W-SUN") == pace("W-MON"), pace("B") == pace("D"), pace("h") == pace("D")
    (True, True, False)
    """
    rule = _rule(freq)
    if rule.kind in ("integer", IRREGULAR):
        return rule.kind, float(rule.step)
    return "time", _mean_step(rule) or 0.0


# --- counting -------------------------------------------------------------------------------------


def _zone(tz: str) -> str:
    return f"UTC{tz}" if tz[:1] in "+-" else tz


def _to_wall(ds: np.ndarray, tz: str | None) -> np.ndarray:
    if tz is None or tz == "UTC":
        return ds
    _refuse_zoned(ds, tz)
    local = pd.DatetimeIndex(ds).tz_localize("UTC").tz_convert(_zone(tz))
    return local.tz_localize(None).to_numpy().astype("M8[us]")


def _to_utc(wall: np.ndarray, tz: str | None) -> np.ndarray:
    """Wall time as UTC: skipped times move forward, doubled times are the first of the two."""
    if tz is None or tz == "UTC":
        return wall
    _refuse_zoned(wall, tz)
    index = pd.DatetimeIndex(wall.ravel())
    first = np.ones(len(index), bool)
    local = index.tz_localize(_zone(tz), nonexistent="shift_forward", ambiguous=first)
    utc = local.tz_convert("UTC").tz_localize(None).to_numpy().astype("M8[us]")
    return utc.reshape(wall.shape)


def _refuse_zoned(ds: np.ndarray, tz: str) -> None:
    """Time zones are known from year 1 to 9999; a day is kept free at both ends."""
    low, high = np.datetime64("0001-01-02", "us"), np.datetime64("9999-12-30", "us")
    far = ds[(ds < low) | (ds > high)]
    if far.size:
        rule = f"from year 1 to 9999 in the time zone {tz}"
        way_out = "Without a zone there is no such end: frame['ds'].dt.tz_localize(None)."
        raise ValueError(fault("ds", rule, str(far[0]), way_out))


def _ordinals(rule: _Rule, ds: np.ndarray, tz: str | None) -> np.ndarray:
    """Stamps as whole numbers in the unit in which the rule's step is given."""
    if rule.kind in ("integer", "tick"):
        return ds.view(np.int64)
    wall = _to_wall(ds, tz)
    return wall.astype("M8[M]" if rule.kind == "month" else "M8[D]").astype(np.int64)


def _count_units(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    return stamps + (steps * rule.step).astype(stamps.dtype.str.replace("M8", "m8"))


def _count_steps(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    return stamps + steps * calendar.phase[series]


def _count_days(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    dates = _to_wall(stamps, calendar.tz).astype("M8[D]") + steps * rule.step
    return calendar._from_wall(dates.astype("M8[us]") + calendar.phase[series])


def _count_trading_days(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    dates = _to_wall(stamps, calendar.tz).astype("M8[D]")
    moved = np.empty_like(dates)
    groups = calendar.holiday_codes[series]
    for group in np.unique(groups):
        at = groups == group
        reach = int(steps[at].max()) * rule.step
        closed = _holiday_dates(calendar.holidays[group], dates[at], reach)
        moved[at] = np.busday_offset(
            dates[at], steps[at] * rule.step, "backward", weekmask=rule.place, holidays=closed
        )
    return calendar._from_wall(moved.astype("M8[us]") + calendar.phase[series])


def _holiday_dates(
    holidays: tuple[tuple[int, int], ...], dates: np.ndarray, reach: int
) -> np.ndarray:
    first = int(dates.min().astype("M8[Y]").astype(int)) + 1970
    last = int(dates.max().astype("M8[Y]").astype(int)) + 1970 + reach // 40 + 1
    years = np.arange(first, last + 1)
    days = [(years - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1) for month, _ in holidays]
    return np.concatenate(
        [np.zeros(0, "M8[D]")]
        + [
            start.astype("M8[D]") + (day - 1)
            for start, (_, day) in zip(days, holidays, strict=True)
        ]
    )


def _count_months(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    months = _to_wall(stamps, calendar.tz).astype("M8[M]") + steps * rule.step
    days, clock = np.divmod(calendar.phase[series].astype(np.int64), DAY)
    dates = _day_of_month(months, rule.place, days)
    return calendar._from_wall(dates.astype("M8[us]") + clock.astype("m8[us]"))


def _day_of_month(months: np.ndarray, place: str, days: np.ndarray | int = 0) -> np.ndarray:
    """The date at `place` in each month; `days` after the start, but never past the month's end."""
    first = months.astype("M8[D]")
    last = (months + 1).astype("M8[D]") - 1
    if place == "bstart":
        return np.busday_offset(first, 0, "forward")
    if place == "bend":
        return np.busday_offset(last, 0, "backward")
    return last if place == "end" else np.minimum(first + days, last)


def _count_by_pandas(
    calendar: Calendar, rule: _Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Frequencies without arithmetic of their own ("SMS", "bh"): a range for each stamp."""
    wall = _to_wall(stamps, calendar.tz)
    offset = pd.tseries.frequencies.to_offset(rule.place)
    moved = np.empty_like(wall)
    for stamp in np.unique(wall):
        at = wall == stamp
        try:
            after = pd.Timestamp(stamp) + offset
            grid = pd.date_range(after, periods=int(steps[at].max()), freq=offset, unit="us")
        except (NotImplementedError, OverflowError):
            span = f"from year 1 to 9999 with freq {rule.place!r}"
            raise ValueError(fault("ds", span, str(stamp))) from None
        moved[at] = grid.to_numpy()[steps[at] - 1]
    return calendar._from_wall(moved)


COUNTERS: dict[str, Callable[..., np.ndarray]] = {
    "integer": _count_units,
    "tick": _count_units,
    "day": _count_days,
    "trading": _count_trading_days,
    "month": _count_months,
    "pandas": _count_by_pandas,
    IRREGULAR: _count_steps,
}


# --- reading frequencies off the stamps -----------------------------------------------------------


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


def _differences(values: np.ndarray, offsets: np.ndarray, filler: int) -> np.ndarray:
    """From each row to the next of its series, (N,); `filler` after the last."""
    diffs = np.empty(len(values), np.int64)
    np.subtract(values[1:], values[:-1], out=diffs[:-1])
    diffs[offsets[1:] - 1] = filler
    return diffs


def _smallest(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The smallest difference in each series, (S,); FAR for a single row."""
    return np.minimum.reduceat(_differences(values, offsets, FAR), offsets[:-1])


def _steps(ordinals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The step of each series: its smallest difference if that divides all others, else their
    greatest common divisor if half of that grid is there, else 0 (irregular). One row: 0."""
    rest = _differences(ordinals, offsets, FAR)
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
    wall = _to_wall(ds, tz)
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
        fits[late] = _to_utc(plain, tz) == ds[late]
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
        fits = dates == _day_of_month(months, name, latest)
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
    rule = _rule(freq)
    if rule.kind in ("pandas", IRREGULAR):
        return np.ones(len(offsets) - 1, bool)
    ordinals = _ordinals(rule, ds, tz)
    step = 1 if rule.kind == "trading" else rule.step
    diffs = _differences(ordinals, offsets, step)
    regular = np.logical_and.reduceat((diffs > 0) & (diffs % step == 0), offsets[:-1])
    if rule.kind in ("integer", "tick"):
        return regular
    wall = _to_wall(ds, tz)
    rows = _clock_fits(ds, wall, offsets, tz) & _on_grid(rule, wall.astype("M8[D]"), offsets)
    return regular & np.logical_and.reduceat(rows, offsets[:-1])


def _on_grid(rule: _Rule, dates: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Whether each date has the weekday, trading day or place in the month of the rule."""
    if rule.kind == "trading":
        return np.is_busday(dates, weekmask=rule.place)
    if rule.kind == "day":
        return (rule.anchor is None) | ((dates.astype(np.int64) + 3) % 7 == rule.anchor)
    months = dates.astype("M8[M]")
    day = (dates - months.astype("M8[D]")).astype(np.int64)
    latest = np.repeat(np.maximum.reduceat(day, offsets[:-1]), np.diff(offsets))
    on_day = dates == _day_of_month(months, rule.place, latest)
    in_month = (rule.anchor is None) | (
        (months.astype(np.int64) - (rule.anchor or 0)) % _year(rule) == 0
    )
    return on_day & in_month


def _year(rule: _Rule) -> int:
    """Months after which a quarter's or a year's anchor comes round again."""
    return 12 if rule.step % 12 == 0 else 3


def _median_steps(ds: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The median step of each series (S,), at least 1; of a lone row, that of the other series."""
    steps = _differences(ds.view(np.int64), offsets, 0)
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
    kinds = np.array([_rule(name).kind for name in names])
    dated = np.isin(kinds, ("day", "trading", "month"))
    if not dated.any():
        return phase
    stamps, inner = _pick(ds, offsets, dated)
    wall = _to_wall(stamps, tz)
    clock = _clocks(wall, inner)
    months = wall.astype("M8[M]").astype("M8[D]")
    day = np.maximum.reduceat((wall.astype("M8[D]") - months).astype(np.int64), inner[:-1])
    at_start = np.array([_rule(name).place == "start" for name in names[dated]])
    phase[dated] = (clock + np.where(at_start, day, 0) * DAY).astype("m8[us]")
    return phase


def _learn_holidays(
    names: np.ndarray, ds: np.ndarray, offsets: np.ndarray, tz: str | None
) -> tuple[tuple[tuple[tuple[int, int], ...], ...], np.ndarray]:
    """Dates (month, day) that fell on trading weekdays three times or more, never traded."""
    codes = np.zeros(len(names), np.int64)
    groups: dict[tuple[tuple[int, int], ...], int] = {(): 0}
    trading = [s for s, name in enumerate(names) if _rule(name).kind == "trading"]
    expected: dict[tuple[object, ...], np.ndarray] = {}
    for s in trading:
        dates = _to_wall(ds[offsets[s] : offsets[s + 1]], tz).astype("M8[D]")
        if dates[-1] - dates[0] < np.timedelta64(730, "D"):
            continue
        key = (names[s], dates[0], dates[-1])
        if key not in expected:
            week = np.arange(dates[0], dates[-1] + 1)
            open_days = week[np.is_busday(week, weekmask=_rule(names[s]).place)]
            expected[key] = np.bincount(_month_days(open_days), minlength=12 * 31)
        traded = np.bincount(_month_days(dates), minlength=12 * 31)
        closed = np.flatnonzero((expected[key] >= 3) & (traded == 0))
        holidays = tuple((int(c) // 31 + 1, int(c) % 31 + 1) for c in closed)
        codes[s] = groups.setdefault(holidays, len(groups))
    return tuple(groups), codes


def _month_days(dates: np.ndarray) -> np.ndarray:
    months = dates.astype("M8[M]")
    return months.astype(np.int64) % 12 * 31 + (dates - months.astype("M8[D]")).astype(np.int64)


# --- refusals -------------------------------------------------------------------------------------


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
