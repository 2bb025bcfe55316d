"""The network of a partitioned job: the file it is loaded from, or one fitted on all partitions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import persistence
from tsmodels.checks import fault
from tsmodels.jobs.config import Job, JobError, forecaster_of, parameters_of
from tsmodels.jobs.inputs import Partition
from tsmodels.jobs.output import write_file
from tsmodels.jobs.partition import Model
from tsmodels.jobs.reading import covariates_of, read_history, read_partition
from tsmodels.jobs.sifting import fitted, plain_ids

FILE, RECORD = "model.tsmodels", "model.json"


def model_of(job: Job, partitions: Sequence[Partition]) -> Model | None:
    """The one network of a job, fitted if it has to be; None where every group has its own.

    A fitted one stands in the output folder, and is fitted anew where the settings or the input
    have changed since.
    """
    if job.fit.group is not None and "load" not in job.forecaster:
        _refuse_scattered(job, partitions)
        return None
    known = known_model(job, partitions)
    if known is not None:
        return known
    write_file(job, FILE, _learned(job, partitions).save)
    model = Model.of(job.folder / FILE)
    text = json.dumps({"fingerprint": _fingerprint(job, partitions), "sha256": model.sha256})
    write_file(job, RECORD, lambda path: path.write_text(text, "utf-8"))
    return model


def known_model(job: Job, partitions: Sequence[Partition]) -> Model | None:
    """The network that the job loads, or that an earlier run has fitted on the same."""
    if "load" in job.forecaster:
        path = job.path(job.forecaster["load"])
        persistence.read(path)  # is it whole, and one of ours?
        return Model.of(path)
    if not job.partitioned:  # read whole, as any job of one frame is
        return None
    try:
        record = json.loads((job.folder / RECORD).read_text("utf-8"))
        model = Model.of(job.folder / FILE)
    except (OSError, ValueError):
        return None
    same = {"fingerprint": _fingerprint(job, partitions), "sha256": model.sha256}
    return model if record == same else None


def _fingerprint(job: Job, partitions: Sequence[Partition]) -> str:
    """What the fitted network depends on, as a SHA-256."""
    inputs = [[partition.name, partition.size, partition.changed] for partition in partitions]
    data = job.data.model_dump(exclude={"path"})
    text = json.dumps([inputs, data, parameters_of(job), job.fit.share], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _learned(job: Job, partitions: Sequence[Partition]) -> Any:
    parts = list(_shares(job, partitions))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["unique_id"])
    if not len(frame):
        way_out = "failed.csv says why there is none, or fit.share is too small."
        raise JobError(fault("data.path", "partitions with series to learn from", 0, way_out))
    estimator, answer = fitted(forecaster_of(parameters_of(job)), frame)
    if estimator is None:
        _, why = answer.failed[-1]
        raise JobError(f"No network could be fitted: {why}")
    return estimator


def _shares(job: Job, partitions: Sequence[Partition]) -> Iterator[pd.DataFrame]:
    """The series to learn from, partition by partition; those that cannot be read are left out.

    Which they are depends on their ids alone. A job of one frame gives all of it.
    """
    if not job.partitioned:
        yield read_history(job)[0]
    for partition in partitions if job.partitioned else ():
        try:
            frame = plain_ids(read_partition(partition, job.data, covariates_of(job), None))
        except Exception:  # the forecast of the partition will say so
            continue
        yield frame[share_of(frame["unique_id"], job.fit.share)]


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
        except Exception:
            continue
        for name in frame[group].unique().tolist():
            home = homes.setdefault(name, partition.name)
            if home != partition.name:
                got = f"{name!r} in {home} and {partition.name}"
                way_out = f"`tsmodels data partition ... --id {group}` brings them together."
                raise JobError(fault("fit.group", "in one partition each", got, way_out))
