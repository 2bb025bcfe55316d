"""What a job reads, and which of its series have an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import tsmodels
from tsmodels.checks import did_you_mean, fault
from tsmodels.data.columns import factorize_runs
from tsmodels.jobs.config import Data, Job, JobError, Source
from tsmodels.jobs.headlines import COLUMN, with_sentiment
from tsmodels.jobs.inputs import Partition
from tsmodels.jobs.prices import read_prices


class History(NamedTuple):
    """The series of a job with its covariates, and the SHA-256 of what they were read from.

    `unread` has unique_id and reason of series that could not be read.
    """

    frame: pd.DataFrame
    sha256: str
    unread: pd.DataFrame


def read_history(job: Job) -> History:
    """The series that a job names, with what its headlines say."""
    unread = pd.DataFrame(columns=["unique_id", "reason"])
    if job.data.prices is None:
        frame, sha256 = read_source(job, job.data, "data")
    else:
        frame, unread = read_prices(job, job.data.prices)
        frame = take(frame, job.data, covariates_of(job), "data")
        sha256 = _frame_sha256(frame)
    if job.headlines is not None:
        frame, other = with_sentiment(job, frame)
        sha256 = hashlib.sha256(f"{sha256}{other}".encode()).hexdigest()
    return History(frame, sha256, unread)


def read_source(job: Job, source: Source, name: str) -> tuple[pd.DataFrame, str]:
    """The frame of a section as unique_id, ds, y and the SHA-256 of what was read.

    Of a file the columns that the job names, covariates too, are taken and no others. Ids of a CSV
    file are text (007 stays 007); text dates become time stamps.
    """
    more = covariates_of(job) if name == "data" else []
    if source.dataset is not None:
        frame = tsmodels.datasets.load(source.dataset)
        return take(frame, job.data, more, name), _frame_sha256(frame)
    assert source.path is not None
    path = job.path(source.path)
    try:
        if path.suffix.lower() == ".csv":
            frame = _read_csv(path, job.data)
        else:
            frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pandas' and pyarrow's parse errors are ValueErrors
        kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
        reason = str(error).splitlines()[0]
        raise JobError(f"{name}.path: {source.path} cannot be read as {kind}: {reason}") from error
    return take(frame, job.data, more, name), hashlib.sha256(path.read_bytes()).hexdigest()


def read_partition(
    partition: Partition, data: Data, covariates: Iterable[str], group: str | None
) -> pd.DataFrame:
    """One file as unique_id, ds, y, covariates and the group; ids of text are categories.

    JobError or an error of the parser says what is wrong with it.
    """
    more = list(dict.fromkeys([*covariates, *([group] if group else [])]))
    with partition.opened() as source:
        if partition.suffix == ".csv":
            frame = _read_csv(source, data)
            refuse_missing_columns(frame.columns, data, "data", group)
        else:
            frame = _read_parquet(source, data, more, group)
    return take(frame, data, more, "data")


def check_readable(partition: Partition, data: Data) -> None:
    """Refuses a file that is corrupt or has other columns, before any network is loaded for it."""
    with partition.opened() as source:
        if partition.suffix == ".csv":
            names = list(pd.read_csv(source, nrows=1, encoding="utf-8-sig").columns)
        else:
            names = pq.read_schema(source).names
    refuse_missing_columns(names, data, "data")


def _read_csv(source: Any, data: Data) -> pd.DataFrame:
    ids = {data.unique_id: str}  # converted, not parsed: NA and null are names too
    return pd.read_csv(source, converters=ids, encoding="utf-8-sig")


def _read_parquet(source: Any, data: Data, more: list[str], group: str | None) -> pd.DataFrame:
    """The columns asked for; a text in place of numbers is refused before it is read."""
    schema = pq.read_schema(source)
    refuse_missing_columns(schema.names, data, "data", group)
    kind = schema.field(data.target).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise JobError(fault("data.target", "a column of real numbers", str(kind)))
    text = schema.field(data.unique_id).type in (pa.string(), pa.large_string())
    columns = [data.unique_id, data.ds, data.target, *(set(more) & set(schema.names))]
    coded = [data.unique_id] if text else None
    with pq.ParquetFile(source, read_dictionary=coded) as file:
        table = file.read(columns, use_threads=False).select(columns)
    return table.to_pandas(ignore_metadata=True, use_threads=False)


def take(frame: pd.DataFrame, data: Data, more: Iterable[str], name: str) -> pd.DataFrame:
    """The columns unique_id, ds, y of a frame as `data` calls them there, and `more`."""
    refuse_missing_columns(frame.columns, data, name)
    columns = {"unique_id": data.unique_id, "ds": data.ds, "y": data.target}
    more = [column for column in more if column in frame.columns]
    asked = [*columns.values(), *more]
    frame = frame if frame.columns.tolist() == asked else frame[asked]
    frame = frame.set_axis([*columns, *more], axis=1)
    if pd.api.types.is_string_dtype(frame["ds"].dtype):
        frame["ds"] = _parsed(frame["ds"])
    return frame


def refuse_missing_columns(
    found: Iterable[str], data: Data, name: str, group: str | None = None
) -> None:
    """Raises JobError where a column that the job names is not among those found."""
    names, faults = list(found), []
    asked = {f"data.{role}": getattr(data, role) for role in ("unique_id", "ds", "target")}
    for key, column in (asked | ({} if group is None else {"fit.group": group})).items():
        if column not in names:
            rule = f"a column of the {name} frame, one of {names}"
            faults.append(fault(key, rule, column, did_you_mean(column, names)))
    if faults:
        raise JobError("\n".join(faults))


def covariates_of(job: Job) -> list[str]:
    """The columns that the forecaster reads beside the target; the estimator names missing ones."""
    kinds = ("past_covariates", "future_covariates", "static_covariates")
    named = [column for kind in kinds for column in job.forecaster.get(kind, ())]
    taken = {job.data.unique_id, job.data.ds, job.data.target}
    made = {COLUMN} if job.headlines is not None else set()
    return [name for name in dict.fromkeys(named) if name not in taken | made]


def _parsed(texts: pd.Series) -> pd.Series:
    try:
        stamps = pd.to_datetime(texts, errors="coerce", format="ISO8601")
    except ValueError as error:  # offsets that change, over a clock change for instance
        way_out = "Write the stamps in UTC, or without their offset."
        raise JobError(fault("data.ds", "of one time zone", texts.iloc[0], way_out)) from error
    bad = texts[stamps.isna()]
    if len(bad):
        rule = "a column of ISO dates such as 2024-01-31 or 2024-01-31 13:00"
        raise JobError(fault("data.ds", rule, bad.iloc[0], f"Row {bad.index[0] + 1} of the file."))
    return stamps


def _frame_sha256(frame: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def answered(
    answer: pd.DataFrame, history: pd.DataFrame, codes: np.ndarray, ids: pd.Index
) -> tuple[pd.DataFrame, list[tuple[Any, str]]]:
    """The rows of series with an answer, and (id, reason) of the others.

    `codes` and `ids` are the `series_of` the history.
    """
    valued = np.zeros(len(ids), bool)
    valued[codes[history["y"].notna().to_numpy()]] = True
    rows, names = series_of(answer)
    places = ids.get_indexer(names)[rows]
    broken = ~np.isfinite(answer["yhat"].to_numpy("float64"))
    reason = np.full(len(ids), "", object)
    reason[np.bincount(places, minlength=len(ids)) == 0] = "The series has too few rows."
    reason[places[broken]] = "The forecast is not finite."
    reason[~valued] = "Every value is missing."
    (failed,) = np.nonzero(reason != "")
    if not len(failed):
        return answer, []
    kept = answer[~np.isin(places, failed)].reset_index(drop=True)
    return kept, list(zip(ids[failed].tolist(), reason[failed].tolist(), strict=True))


def series_of(frame: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    """Which series each row is of (N,), and their ids in the order of appearance; null is one too.

    >>> codes, ids = series_of(pd.DataFrame({"unique_id": ["b", "a", None, "b"]}))
    >>> codes.tolist(), ids.tolist()
    ([0, 1, 2, 0], ['b', 'a', nan])
    >>> codes, ids = series_of(pd.DataFrame({"unique_id": pd.Categorical(["b", "a", None, "b"])}))
    >>> codes.tolist(), ids.tolist()
    ([0, 1, 2, 0], ['b', 'a', nan])
    """
    column = frame["unique_id"]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        codes, ids = pd.factorize(column, use_na_sentinel=False)
        return codes, pd.Index(ids)
    codes, seen = factorize_runs(column.cat.codes)
    return codes, column.cat.categories.take(seen, fill_value=np.nan)


def plain_ids(table: pd.DataFrame) -> pd.DataFrame:
    """Ids as what they are, where they were categories to be read quickly."""
    dtype = table["unique_id"].dtype
    if not isinstance(dtype, pd.CategoricalDtype):
        return table
    return table.assign(unique_id=dtype.categories.take(table["unique_id"].cat.codes))
