"""One partition of a job: read, forecast, written; what stands already is left as it is.

`run_partition` is pure: its answer depends on the partition, the model and the options alone, and a
second call with the same finds the record of the first. It writes, below the output folder,

    forecast/part-0.parquet         the forecasts
    quarantine/part-0.parquet       rows of series that have none
    models/part-0/0.tsmodels        where every group has a network of its own
    records/part-0.parquet.json     fingerprint, counts, reasons: the last of them to appear
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tsmodels.jobs.answering import (
    Answering,
    Model,
    NetworksByGroup,
    NetworksFittedHere,
    OneNetwork,
)
from tsmodels.jobs.config import Data
from tsmodels.jobs.inputs import Partition, find_partitions
from tsmodels.jobs.output import FORMAT_VERSION, RECORDS, OutputError, frame_writer, write_whole
from tsmodels.jobs.reading import check_readable, plain_ids, read_partition, series_of
from tsmodels.jobs.sifting import Answer, reason

ALL_COLUMNS = Data(path="")  # unique_id, ds, y

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a partition is read, and what is made of it.

    Where there is a `group`, a column, each group has a network of its own, fitted here as
    `forecaster` says; with kind "fit" nothing is forecast. `only` are the ids to look at, as text;
    none means all.
    """

    data: Data = ALL_COLUMNS
    kind: str = "forecast"
    format: str = "parquet"
    only: tuple[str, ...] = ()
    group: str | None = None
    forecaster: Mapping[str, Any] = field(default_factory=dict)

    def as_text(self) -> str:
        columns = self.data.model_dump(exclude={"path", "dataset"})
        rest = {name: value for name, value in vars(self).items() if name != "data"}
        return json.dumps({"data": columns, **rest}, sort_keys=True, default=str)


def run_partition(
    input: Partition | str | Path,
    output: str | Path,
    model: Model | str | Path | None,
    options: Options | None = None,
) -> Record:
    """Forecasts the series of one file into the folder `output`; the record says what came of it.

    Whatever is wrong with the input is said in the record, of the whole partition ("error") or id
    by id ("failed"). Raises OutputError where nothing can be written.
    """
    partition = input if isinstance(input, Partition) else find_partitions(str(input))[0]
    model = Model.of(model) if isinstance(model, str | Path) else model
    options, output = options or Options(), Path(output)
    record = standing_record(partition, output, model, options)
    if record is not None:
        return record
    try:
        found = _work(partition, output, model, options)
    except OutputError:
        raise
    except Exception as error:  # whatever files of any origin make parsers and networks say
        found = {"error": reason(error), "files": {}}
    record = {
        "partition": partition.name,
        "fingerprint": fingerprint(partition, model, options),
        **found,
    }
    text = json.dumps(record, ensure_ascii=False, default=str)
    path = _place(output, RECORDS, partition, ".json")
    write_whole(path, lambda path: path.write_text(text, "utf-8"), output.name)
    return record


def fingerprint(partition: Partition, model: Model | None, options: Options) -> str:
    """What the forecasts of a partition depend on, as a SHA-256."""
    known = [FORMAT_VERSION, partition.name, partition.size, partition.changed]
    text = json.dumps([*known, model and model.sha256, options.as_text()])
    return hashlib.sha256(text.encode()).hexdigest()


def standing_record(
    partition: Partition, output: Path, model: Model | None, options: Options
) -> Record | None:
    """The record of an earlier call with the same, if its files stand; failures are tried again."""
    try:
        record = json.loads(_place(output, RECORDS, partition, ".json").read_text("utf-8"))
        whole = all((output / name).stat().st_size == n for name, n in record["files"].items())
        same = "error" not in record and record["fingerprint"] == fingerprint(
            partition, model, options
        )
    except (OSError, ValueError, KeyError, TypeError):  # none, or not one of ours
        return None
    return record if whole and same and "error" not in record else None


def _work(partition: Partition, output: Path, model: Model | None, options: Options) -> Record:
    seconds: dict[str, float] = {}
    cpu = time.process_time()
    models: dict[str, Any] = {}
    check_readable(partition, options.data)
    networks = _networks(output, partition, model, options, models)
    with _timed(seconds, "read"):
        frame = read_partition(partition, options.data, networks.covariates, networks.group)
        if options.only:
            frame = frame[frame["unique_id"].astype(str).isin(options.only)]
    with _timed(seconds, "forecast"):
        answer = networks.answer(frame)
    with _timed(seconds, "write"):
        files = _write(frame, answer, output, partition, options)
    seconds["cpu"] = round(time.process_time() - cpu, 4)  # what a busy machine does not change
    _, ids = series_of(frame)
    counts = {
        "read": len(ids),
        "answered": len(ids) - len(answer.failed) if len(answer.frame) else 0,
        "failed": len(answer.failed),
        "fallback": answer.fallbacks,
    }
    failed = [[None if pd.isna(uid) else uid, why] for uid, why in answer.failed]
    found: Record = {"rows": len(frame), "series": counts, "failed": failed, "seconds": seconds}
    found["ids"] = ids.dropna().astype(str).tolist()
    if models:
        found["models"] = models
    names = [*files, *(model["file"] for model in models.values())]
    return found | {"files": {name: (output / name).stat().st_size for name in names}}


def _networks(
    output: Path,
    partition: Partition,
    model: Model | None,
    options: Options,
    models: dict[str, Any],
) -> Answering:
    """Who answers; networks that are fitted here are written, and noted in `models`."""
    if model is not None:
        return NetworksByGroup(model) if model.by_group else OneNetwork(model)

    def keep(group: str, estimator: Any) -> None:
        folder = _place(output, "models", partition).with_suffix("")
        path = folder / f"{len(models)}.tsmodels"
        write_whole(path, estimator.save, output.name)
        name = path.relative_to(output).as_posix()
        models[group] = {"file": name, "sha256": Model.of(path).sha256}

    assert options.group is not None
    forecasts = options.kind == "forecast"
    return NetworksFittedHere(options.group, options.forecaster, keep, forecasts)


def _write(
    frame: pd.DataFrame, answer: Answer, output: Path, partition: Partition, options: Options
) -> list[str]:
    """Writes what there is, removes what an earlier call left and this one has not; the names."""
    failed = [uid for uid, _ in answer.failed]
    bad = plain_ids(frame[frame["unique_id"].isin(failed)]) if failed else frame.iloc[:0]
    tables = (("forecast", answer.frame, options.format), ("quarantine", bad, "parquet"))
    names = []
    for kind, table, suffix in tables:
        path = _place(output, kind, partition).with_suffix(f".{suffix}")
        if len(table):
            write_whole(path, frame_writer(table, path.name), output.name)
            names.append(path.relative_to(output).as_posix())
        else:
            path.unlink(missing_ok=True)
    return names


def _place(output: Path, kind: str, partition: Partition, suffix: str = "") -> Path:
    return output / kind / f"{partition.name}{suffix}"


@contextlib.contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 4)
