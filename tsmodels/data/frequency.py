"""Frequencies by their names: what a step of each is, and stamps as whole numbers of its unit.

Names are those of pandas. Three are ours: a number ("1", "2") is the step of integer time,
"C-MonTueWedThuFriSat" a trading week with its days written out, and "irregular" none at all: rows
come when they come, and are counted on by the median of the steps there were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from tsmodels.checks import did_you_mean, fault

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86400 * 10**6  # microseconds
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
class Rule:
    """What a frequency's name says: how to count, by how much, from which anchor."""

    kind: str  # integer, tick, day, trading, month, pandas, irregular
    step: int  # in units of integer time, microseconds, days, days, months, steps
    anchor: int | None = None  # weekday of weeks, month of quarters and years; None: any
    place: str = ""  # of months: start, end, bstart, bend; of trading weeks: their days


@lru_cache(maxsize=256)
def rule_of(freq: str) -> Rule:
    """What a checked name says."""
    if freq.isdigit():
        return Rule("integer", int(freq))
    if freq == IRREGULAR:
        return Rule(IRREGULAR, 1)
    if freq.startswith("C-"):
        return Rule("trading", 1, place=freq[2:])
    offset = pd.tseries.frequencies.to_offset(freq)
    if isinstance(offset, pd.offsets.Tick):
        return Rule("tick", offset.nanos // 1000)
    name, _, anchored = re.sub(r"^\d+", "", offset.freqstr).partition("-")
    anchor = anchored if "-" in freq else ""
    if name == "D":
        return Rule("day", offset.n)
    if name == "W":
        weekday = WEEKDAYS.index(anchor.title()) if anchor else None
        return Rule("day", 7 * offset.n, weekday)
    if name == "B":
        return Rule("trading", offset.n, place=BUSINESS_WEEK)
    month_names = re.fullmatch(r"(B?)([MQY])([SE])", name)
    if month_names is None:
        return Rule("pandas", 1, place=freq)
    business, unit, side = month_names.groups()
    step = {"M": 1, "Q": 3, "Y": 12}[unit] * offset.n
    month = MONTHS.index(anchor) if anchor else None
    return Rule("month", step, month, business.lower() + {"S": "start", "E": "end"}[side])


def mean_step(rule: Rule) -> float | None:
    """A step in microseconds, months as long as they are on average; None for whole numbers."""
    if rule.kind == "pandas":
        start = pd.Timestamp(2024, 1, 1)
        grid = pd.date_range(start, periods=25, freq=rule.place)
        return float((grid[-1] - grid[0]) / pd.Timedelta(24, "us"))
    units = {"tick": 1, "day": DAY, "trading": DAY, "month": 365.25 / 12 * DAY}
    return rule.step * units[rule.kind] if rule.kind in units else None


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
    rule = rule_of(check_freq(freq))
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
    rule = rule_of(freq)
    if rule.kind in ("integer", IRREGULAR):
        return rule.kind, float(rule.step)
    return "time", mean_step(rule) or 0.0


def _zone(tz: str) -> str:
    return f"UTC{tz}" if tz[:1] in "+-" else tz


def to_wall(ds: np.ndarray, tz: str | None) -> np.ndarray:
    """Stamps in UTC as what a clock in the time zone shows."""
    if tz is None or tz == "UTC":
        return ds
    _refuse_zoned(ds, tz)
    local = pd.DatetimeIndex(ds).tz_localize("UTC").tz_convert(_zone(tz))
    return local.tz_localize(None).to_numpy().astype("M8[us]")


def to_utc(wall: np.ndarray, tz: str | None) -> np.ndarray:
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


def ordinals_of(rule: Rule, ds: np.ndarray, tz: str | None) -> np.ndarray:
    """Stamps as whole numbers in the unit in which the rule's step is given."""
    if rule.kind in ("integer", "tick"):
        return ds.view(np.int64)
    wall = to_wall(ds, tz)
    return wall.astype("M8[M]" if rule.kind == "month" else "M8[D]").astype(np.int64)


def day_of_month(months: np.ndarray, place: str, days: np.ndarray | int = 0) -> np.ndarray:
    """The date at `place` in each month; `days` after the start, but never past the month's end."""
    first = months.astype("M8[D]")
    last = (months + 1).astype("M8[D]") - 1
    if place == "bstart":
        return np.busday_offset(first, 0, "forward")
    if place == "bend":
        return np.busday_offset(last, 0, "backward")
    return last if place == "end" else np.minimum(first + days, last)
