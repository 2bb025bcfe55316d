"""`check_data`: what is odd about a frame, before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.data.frame import read_keys, read_values, target_columns
from tsmodels.data.frequency import season_length
from tsmodels.data.infer_frequency import infer_calendar, infer_names
from tsmodels.data.panel import Keys

PRICE_ROWS = 50  # fewer say nothing of a walk
WALKS = 2.5  # how far from 1 the variance ratios of a walk may be
SHOWN = 5  # ids named in a sentence


@dataclass(frozen=True)
class DataReport:
    """What `check_data` found: a table with a row an id (and target), and sentences.

    Columns of `table`: `rows`, `first`, `last`, `freq` ("" where the stamps fit none), `gaps`
    (stamps missing between rows), `missing` and `infinite` values, `doubled` stamps, `constant`.
    `problems` would stop a fit or spoil it; `remarks` are worth knowing.
    """

    table: pd.DataFrame
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{len(self.table)} series, {int(self.table['rows'].sum()):,} rows"]
        lines += [f"problem: {sentence}" for sentence in self.problems]
        lines += [f"remark: {sentence}" for sentence in self.remarks]
        return "\n".join(lines)


def check_data(X: Any, target: Any = "y") -> DataReport:
    """Gaps, doubled stamps, zones, constants, frequencies and prices in anything `fit` takes.

    It raises nothing: what cannot be read at all is the one problem of the report. Other columns
    than ids, stamps and targets are not looked at.

    >>> ds = pd.date_range("2024-01-01", periods=9)
    >>> report = check_data(pd.DataFrame({"unique_id": "a", "ds": ds, "y": 1}).drop(index=4))
    >>> print(report)
    1 series, 8 rows
    remark: 1 stamp is missing between rows: 'a' (1). missing= says what becomes of them.
    remark: 1 series never changes: 'a'. There is nothing to be learned of them.
    """
    try:
        columns = target_columns(target)
        keys = read_keys(X, target)
        values = read_values(X, keys, columns)
    except (ValueError, TypeError) as error:
        empty = pd.DataFrame({"rows": pd.Series(dtype=int)})
        return DataReport(empty, (str(error),), ())
    table = _table(keys, values, columns if values.shape[1] > 1 else ())
    return DataReport(table, tuple(_problems(table)), tuple(_remarks(table, keys, values)))


def _table(keys: Keys, values: np.ndarray, targets: tuple[str, ...]) -> pd.DataFrame:
    starts, lengths = keys.offsets[:-1], np.diff(keys.offsets)
    same = np.append(keys.ds[1:] == keys.ds[:-1], False)
    same[keys.offsets[1:] - 1] = False
    names, gaps = _frequencies(keys, same)
    about_ids = {
        "unique_id": keys.ids,
        "rows": lengths,
        "first": keys.ds[starts],
        "last": keys.ds[keys.offsets[1:] - 1],
        "freq": names,
        "gaps": gaps,
        "doubled": np.add.reduceat(same.astype(int), starts),
    }
    parts = []
    for c, column in enumerate(values.T):
        finite = np.where(np.isfinite(column), column, np.nan)
        low, high = (f.reduceat(finite, starts) for f in (np.fmin, np.fmax))
        part = pd.DataFrame(about_ids)
        if targets:
            part.insert(1, "target", targets[c])
        part["missing"] = np.add.reduceat(np.isnan(column).astype(int), starts)
        part["infinite"] = np.add.reduceat(np.isinf(column).astype(int), starts)
        part["constant"] = (low == high) & (lengths > 1)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _frequencies(keys: Keys, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frequency of each series, "" where there is none, and how many stamps it lacks."""
    counts = np.add.reduceat((~same).astype(int), keys.offsets[:-1])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    ds = keys.ds[~same]
    names = infer_names(ds, offsets, keys.tz)
    gaps = np.zeros(len(names), dtype=int)
    for name in set(names.tolist()) - {""}:
        chosen = np.flatnonzero(names == name)
        rows = np.repeat(names == name, counts)
        inner = np.concatenate([[0], np.cumsum(counts[chosen])])
        calendar = infer_calendar(ds[rows], inner, tz=keys.tz, freq=name)
        gaps[chosen] = np.add.reduceat(calendar.missing_after(ds[rows], inner), inner[:-1])
    return names, gaps


def _problems(table: pd.DataFrame) -> Iterator[str]:
    if table["doubled"].any():
        yield (
            f"{_counted(table, 'doubled', 'stamp')} twice: {_listed(table, 'doubled')}. "
            "Keep one of each, or average them."
        )
    if table["infinite"].any():
        yield (
            f"{_counted(table, 'infinite', 'value')} infinite: {_listed(table, 'infinite')}. "
            "Make them missing."
        )
    irregular = table[(table["freq"] == "") & (table["rows"] > 1)]
    if len(irregular):
        yield (
            f"The stamps of {_some(irregular)} fit no frequency. Bring them onto a grid, e.g. "
            "frame['ds'].dt.floor('h'), or pass freq=, 'irregular' if rows come when they come."
        )
    empty = table[table["missing"] == table["rows"]]
    if len(empty):
        yield f"{_some(empty)} without a single value: drop them."


def _remarks(table: pd.DataFrame, keys: Keys, values: np.ndarray) -> Iterator[str]:
    for column, what in (("gaps", "stamp"), ("missing", "value")):
        if table[column].any():
            end = " between rows" if column == "gaps" else ""
            counted = _counted(table, column, what)
            yield (
                f"{counted} missing{end}: {_listed(table, column)}. "
                "missing= says what becomes of them."
            )
    if keys.tz is not None:
        yield f"Stamps are in the time zone {keys.tz}: days are counted by its clock."
    found = sorted(set(table["freq"]) - {""})
    if len(found) > 1:
        yield f"There are {len(found)} frequencies, {found[:SHOWN]}: fit them apart."
    constant = table[table["constant"]]
    if len(constant):
        yield (
            f"{len(constant)} series never change{'s' if len(constant) == 1 else ''}: "
            f"{_some(constant)}. There is nothing to be learned of them."
        )
    prices = list(_prices(table, keys, values))
    if prices:
        yield (
            f"{len(prices)} series walk like prices: {_some(table.iloc[prices])}. "
            "transform='returns' forecasts their steps."
        )


def _prices(table: pd.DataFrame, keys: Keys, values: np.ndarray) -> Iterator[int]:
    """Rows of the table whose series look like prices."""
    for c, column in enumerate(values.T):
        for s, freq in enumerate(table["freq"][: len(keys.ids)]):
            y = column[keys.offsets[s] : keys.offsets[s + 1]]
            if freq and walks(y[np.isfinite(y)], season_length(freq)):
                yield c * len(keys.ids) + s


def walks(y: np.ndarray, season: int) -> bool:
    """Whether y looks like a price: positive, and its logarithm a walk of uncorrelated steps.

    The variance of a walk's change over k steps is k times that of one; we ask it at a few k, up to
    a tenth of the series, within a factor of 2.5 (Lo & MacKinlay, 1988). What returns to a level or
    to its season changes less.

    >>> rng = np.random.default_rng(0)
    >>> walks(np.exp(np.cumsum(rng.standard_normal(500) / 50)), 5)
    True
    >>> walks(10 + rng.standard_normal(500), 5)
    False
    """
    if len(y) < max(PRICE_ROWS, 2 * season + 2) or (y <= 0).any():
        return False
    levels = np.log(y)
    step = np.diff(levels).var()
    spans = {2, 4, 16, min(season, len(y) // 10), len(y) // 10}
    ratios = [(levels[k:] - levels[:-k]).var() / (k * step) for k in spans if k > 1 and step > 0]
    return bool(ratios and max(ratios) < WALKS and min(ratios) > 1 / WALKS)


def _counted(table: pd.DataFrame, column: str, what: str) -> str:
    n = int(table[column].sum())
    return f"{n:,} {what} is" if n == 1 else f"{n:,} {what}s are"


def _names(table: pd.DataFrame) -> list[str]:
    keys = ["unique_id", "target"] if "target" in table else ["unique_id"]
    return [
        repr(row[0] if len(keys) == 1 else tuple(row)) for row in table[keys].to_numpy().tolist()
    ]


def _some(table: pd.DataFrame) -> str:
    return ", ".join(_names(table)[:SHOWN]) + (", ..." if len(table) > SHOWN else "")


def _listed(table: pd.DataFrame, column: str) -> str:
    """Some of the series with their counts."""
    part = table[table[column] > 0]
    named = [f"{name} ({int(n):,})" for name, n in zip(_names(part), part[column], strict=True)]
    return ", ".join(named[:SHOWN]) + (", ..." if len(named) > SHOWN else "")
