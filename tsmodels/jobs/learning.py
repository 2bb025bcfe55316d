"""The network of a partitioned job: the file it is loaded from, or one fitted on all partitions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import persistence
from tsmodels.checks import fault
from tsmodels.jobs.answering import Model, read_groups
from tsmodels.jobs.config import Job, JobError, forecaster_of, parameters_of
from tsmodels.jobs.inputs import Partition
from tsmodels.jobs.output import write_file
from tsmodels.jobs.partition import Record
from tsmodels.jobs.reading import (
    covariates_of,
    plain_ids,
    read_history,
    read_partition,
)
from tsmodels.jobs.sifting import fitted, reason

FILE, RECORD = "model.tsmodels", "model.json"


@dataclass(frozen=True)
class Learned:
    """A network, and the records of what it could not be fitted on."""

    model: Model | None
    records: list[Record] = field(default_factory=list)


def model_of(job: Job, partitions: Sequence[Partition]) -> Learned:
    """The one network of a job, fitted if it has to be; none where every group has its own.

    A fitted one stands in the output folder, and is fitted anew where the settings or the input
    have changed since.
    """
    if job.fit.group is not None and "load" not in job.forecaster:
        _refuse_scattered(job, partitions)
        return Learned(None)
    known = known_model(job, partitions)
    if known is not None:
        return known
    estimator, records = _learn(job, partitions)
    write_file(job, FILE, estimator.save)
    learned = Learned(Model.of(job.folder / FILE), records)
    text = json.dumps(_record(job, partitions, learned), ensure_ascii=False, default=str)
    write_file(job, RECORD, lambda path: path.write_text(text, "utf-8"))
    return learned


def known_model(job: Job, partitions: Sequence[Partition]) -> Learned | None:
    """The network that the job loads, or that an earlier run has fitted on the same."""
    if "load" in job.forecaster:
        model = Model.of(job.path(job.forecaster["load"]))
        check = read_groups if model.by_group else lambda model: persistence.read(model.path)
        check(model)  # is it whole, and one of ours?
        return Learned(model)
    if not job.partitioned:  # read whole, as any job of one frame is
        return None
    try:
        record = json.loads((job.folder / RECORD).read_text("utf-8"))
        learned = Learned(Model.of(job.folder / FILE), record["records"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return learned if record == _record(job, partitions, learned) else None


def _record(job: Job, partitions: Sequence[Partition], learned: Learned) -> Record:
    assert learned.model is not None
    known = {"fingerprint": _fingerprint(job, partitions), "sha256": learned.model.sha256}
    return known | {"records": learned.records}


def _fingerprint(job: Job, partitions: Sequence[Partition]) -> str:
    """What the fitted network depends on, as a SHA-256."""
    inputs = [[partition.name, partition.size, partition.changed] for partition in partitions]
    data = job.data.model_dump(exclude={"path"})
    text = json.dumps([inputs, data, parameters_of(job), job.fit.share], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _learn(job: Job, partitions: Sequence[Partition]) -> tuple[Any, list[Record]]:
    """A forecaster, fitted on what can be read of the share, and what can not."""
    frames, records = _read(job, partitions)
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"unique_id": []})
    if not len(frame):
        why = records[0]["error"] if records else f"fit.share = {job.fit.share} is too small."
        raise JobError(fault("data.path", "partitions with series to learn from", 0, why))
    estimator, answer = fitted(forecaster_of(parameters_of(job)), frame)
    if estimator is None:
        raise JobError(f"No network could be fitted: {answer.failed[-1][1]}")
    if answer.failed:
        bad = [[None if pd.isna(uid) else uid, why] for uid, why in answer.failed]
        records.append({"partition": "", "failed": bad, "files": {}})
    return estimator, records


def _read(job: Job, partitions: Sequence[Partition]) -> tuple[list[pd.DataFrame], list[Record]]:
    """The series to learn from, by partition, and why others cannot be read.

    Which they are depends on their ids alone. A job of one frame learns from all of it.
    """
    frames: list[pd.DataFrame] = []
    records: list[Record] = []
    if not job.partitioned:
        return [read_history(job)[0]], records
    for partition in partitions:
        try:
            frame = plain_ids(read_partition(partition, job.data, covariates_of(job), None))
            frames.append(frame[share_of(frame["unique_id"], job.fit.share)])
        except Exception as error:  # whatever files of any origin make parsers say
            records.append({"partition": partition.name, "error": reason(error), "files": {}})
    return frames, records


def share_of(ids: pd.Series, share: float) -> np.ndarray:
    """Which rows are of the ids that belong to a share: the same ids, whatever lies beside them.

    >>> ids = pd.Series([str(k) for k in range(1000)])
    >>> int(share_of(ids, 0.1).sum()), bool((share_of(ids, 0.1) <= share_of(ids, 0.2)).all())
    (117, True)
    """
    if share == 1:
        return np.ones(len(ids), bool)
    codes, names = pd.factorize(ids.astype(str))
    chosen = pd.util.hash_array(np.asarray(names, object), categorize=False) < share * 2.0**64
    return chosen[codes]


def _refuse_scattered(job: Job, partitions: Sequence[Partition]) -> None:
    """A group in two files would be fitted twice, each time on half of it."""
    group, homes = job.fit.group, dict[Any, str]()
    assert group is not None
    for partition in partitions:
        try:
            frame = read_partition(partition, job.data, (), group)
        except JobError as error:
            if "fit.group" in str(error):
                raise
            continue
        except Exception:  # it is read again for its forecasts, and its record has the reason then
            continue
        for name in frame[group].unique().tolist():
            home = homes.setdefault(name, partition.name)
            if home != partition.name:
                got = f"{name!r} in {home} and {partition.name}"
                way_out = f"`tsmodels data partition ... --id {group}` brings them together."
                raise JobError(fault("fit.group", "in one partition each", got, way_out))
