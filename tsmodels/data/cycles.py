"""Calendar covariates: where in the day, the week and the year a stamp lies, and holidays.

Cycles are told in the wall time of the user's zone, as points on a circle, so that 23:00 and
midnight are neighbours. They are known for every stamp, past and to come.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.calendar import Calendar
from tsmodels.data.frequency import DAY, HOUR

YEAR = 365.25 * DAY
Holidays = tuple[tuple[str, np.ndarray], ...]  # a name and its dates, M8[D]


def _of_hour(wall: np.ndarray) -> np.ndarray:
    return wall.astype(np.int64) % HOUR / HOUR


def _of_day(wall: np.ndarray) -> np.ndarray:
    return wall.astype(np.int64) % DAY / DAY


def _of_week(wall: np.ndarray) -> np.ndarray:
    return (wall.astype(np.int64) / DAY + 3) % 7 / 7  # 1970-01-01 was a Thursday


def _of_month(wall: np.ndarray) -> np.ndarray:
    return _share(wall, wall.astype("M8[M]"))


def _of_year(wall: np.ndarray) -> np.ndarray:
    return _share(wall, wall.astype("M8[Y]"))


def _share(wall: np.ndarray, period: np.ndarray) -> np.ndarray:
    """How much of its month or year has passed at each stamp, in [0, 1)."""
    start, end = (p.astype("M8[us]").astype(np.int64) for p in (period, period + 1))
    return (wall.astype(np.int64) - start) / (end - start)


CYCLES: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray], int]] = {
    "hour": (HOUR, _of_hour, 1),  # its length in microseconds, the share passed, harmonics
    "day": (DAY, _of_day, 2),
    "week": (7 * DAY, _of_week, 2),
    "month": (YEAR / 12, _of_month, 1),
    "year": (YEAR, _of_year, 2),
}


def cycles_of(calendar: Calendar, span: float = np.inf) -> tuple[str, ...]:
    """The cycles that can be learned from stamps over `span` microseconds: between two steps, which
    is the least that tells one, and the span; a longer one would be a trend.

    Whole numbers have no calendar; they are a ValueError.

    >>> from tsmodels.data.frame import make_panel
    >>> days = pd.Series(range(60), pd.date_range("2024-01-01", periods=60))
    >>> cycles_of(make_panel(days).calendar)
    ('week', 'month', 'year')
    """
    spacing = calendar.spacing()
    if spacing is None:
        way_out = "Whole numbers have no calendar: make stamps of them, or leave it out."
        raise ValueError(fault("calendar", "False where ds holds whole numbers", True, way_out))
    lengths = {name: length for name, (length, _, _) in CYCLES.items()}
    return tuple(name for name, n in lengths.items() if 1.99 * spacing <= n <= span)


def cycle_features(names: Iterable[str], wall: np.ndarray) -> np.ndarray:
    """Cosine and sine of each cycle and harmonic at the stamps `wall` (N,), (N, F).

    >>> cycle_features(["day"], np.array(["2024-01-01T06"], "M8[us]")).round(9).tolist()
    [[0.0, 1.0, -1.0, 0.0]]
    """
    columns = [np.empty((len(wall), 0))]
    for name in names:
        _, share, harmonics = CYCLES[name]
        angle = 2 * np.pi * share(wall)[:, None] * np.arange(1, harmonics + 1)  # (N, harmonics)
        columns.append(np.stack([np.cos(angle), np.sin(angle)], axis=-1).reshape(len(wall), -1))
    return np.concatenate(columns, axis=1)


def read_holidays(holidays: Any) -> Holidays:
    """A list of dates, or lists of dates by name, as names and sorted distinct dates.

    >>> read_holidays(["2024-12-25", datetime.date(2024, 1, 1)])[0][1].astype(str).tolist()
    ['2024-01-01', '2024-12-25']
    """
    named = holidays if isinstance(holidays, Mapping) else {"holiday": holidays}
    lists = {str(name): _dates(dates) for name, dates in named.items()}
    return tuple((name, dates) for name, dates in lists.items() if len(dates))


def _dates(values: Any) -> np.ndarray:
    rule = "a list of dates, or lists of dates by name"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(fault("holidays", rule, values))
    days = []
    for value in values:
        if not isinstance(value, str | datetime.date | np.datetime64):
            raise TypeError(fault("holidays", rule, value))
        try:
            days.append(np.datetime64(pd.Timestamp(value).date(), "D"))
        except ValueError:
            raise ValueError(fault("holidays", rule, value)) from None
    return np.unique(np.array(days, "M8[D]"))


def holiday_features(holidays: Holidays, wall: np.ndarray) -> np.ndarray:
    """Ones on the dates of each list, (N, lists)."""
    days = wall.astype("M8[D]")
    columns = [np.isin(days, dates) for _, dates in holidays]
    return np.column_stack([np.empty((len(wall), 0)), *columns])
