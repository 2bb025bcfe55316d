"""Calendars: the frequency of every series, counted forward from any of its stamps.

Stamps are int64 (integer time) or datetime64[us]: UTC where the user's stamps have a time zone,
wall time otherwise. Seconds, minutes and hours are counted in UTC, so they stay right over clock
changes; days and longer are counted in the user's wall time, so midnight stays midnight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.frequency import (
    DAY,
    IRREGULAR,
    Rule,
    day_of_month,
    mean_step,
    ordinals_of,
    rule_of,
    to_utc,
    to_wall,
)

FAR = np.iinfo(np.int64).max


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
        >>> from tsmodels.data.infer_frequency import infer_calendar
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
                count = COUNTERS[rule_of(freq).kind]
                answer[at] = count(self, rule_of(freq), stamps[at], steps[at], series[at])
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
            rule = rule_of(freq)
            if rule.kind in ("trading", "pandas", IRREGULAR):
                continue
            diffs = differences_within(ordinals_of(rule, ds, self.tz), offsets, rule.step)
            if len(self.freqs) == 1 and (diffs == rule.step).all():
                return missing
            diffs //= rule.step
            diffs -= 1
            missing = diffs if len(self.freqs) == 1 else np.where(per_row == code, diffs, missing)
        return missing

    def wall(self, ds: np.ndarray) -> np.ndarray:
        """Internal stamps as the user's clock shows them."""
        return to_wall(ds, self.tz)

    def spacing(self) -> float | None:
        """The shortest step of any series in microseconds, on average; None for whole numbers."""
        if self.irregular:
            return None if self.phase.dtype.kind != "m" else float(self.phase.astype(int).min())
        steps = [mean_step(rule_of(freq)) for freq in self.freqs]
        return None if None in steps else min(steps)  # type: ignore[type-var]

    @property
    def irregular(self) -> bool:
        """Whether rows come when they come."""
        return self.freqs == (IRREGULAR,)

    def _from_wall(self, wall: np.ndarray) -> np.ndarray:
        return to_utc(wall, self.tz)


def _count_units(
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    return stamps + (steps * rule.step).astype(stamps.dtype.str.replace("M8", "m8"))


def _count_steps(
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    return stamps + steps * calendar.phase[series]


def _count_days(
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    dates = to_wall(stamps, calendar.tz).astype("M8[D]") + steps * rule.step
    return calendar._from_wall(dates.astype("M8[us]") + calendar.phase[series])


def _count_trading_days(
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    dates = to_wall(stamps, calendar.tz).astype("M8[D]")
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
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    months = to_wall(stamps, calendar.tz).astype("M8[M]") + steps * rule.step
    days, clock = np.divmod(calendar.phase[series].astype(np.int64), DAY)
    dates = day_of_month(months, rule.place, days)
    return calendar._from_wall(dates.astype("M8[us]") + clock.astype("m8[us]"))


def _count_by_pandas(
    calendar: Calendar, rule: Rule, stamps: np.ndarray, steps: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Frequencies without arithmetic of their own ("SMS", "bh"): a range for each stamp."""
    wall = to_wall(stamps, calendar.tz)
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


def differences_within(values: np.ndarray, offsets: np.ndarray, filler: int) -> np.ndarray:
    """From each row to the next of its series, (N,); `filler` after the last."""
    diffs = np.empty(len(values), np.int64)
    np.subtract(values[1:], values[:-1], out=diffs[:-1])
    diffs[offsets[1:] - 1] = filler
    return diffs
