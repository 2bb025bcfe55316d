"""Jobs that run partition by partition: what is done stays done, whatever ends a run.

Partitions know nothing of each other: `run_partition` makes each, an engine says where. This file
finds them, sees to the network, and leaves out what stands.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tsmodels.checks import fault
from tsmodels.jobs.answering import Model
from tsmodels.jobs.config import Job, JobError, Run, parameters_of
from tsmodels.jobs.engine import Task, run_tasks
from tsmodels.jobs.inputs import Partition, find_partitions
from tsmodels.jobs.learning import Learned, known_model, model_of
from tsmodels.jobs.output import FOLDERS, RECORDS, Outcome, owned
from tsmodels.jobs.partition import Options, Record, standing_record
from tsmodels.jobs.progress import progress
from tsmodels.jobs.summary import Summary

UNKNOWN = Model("", "")  # one that nothing was made with

Watch = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Plan:
    """The tasks of a run, and the records that stand already."""

    tasks: list[Task] = field(default_factory=list)
    standing: list[Record] = field(default_factory=list)


def run_partitioned(
    job: Job,
    kind: str = "forecast",
    watch: Watch = contextlib.nullcontext,
    *,
    only: Sequence[str] = (),
    resume: bool = True,
) -> Outcome:
    """Fits the networks of a job where it has to, and forecasts partition by partition.

    With `only` the forecasts of these ids alone are made, in a folder `only`. Raises JobError for
    what the user can mend. Ctrl-C and SIGTERM end a run as anything else does: partitions that are
    done stand, the manifest counts them, and the next run goes on.
    """
    if kind == "fit" and "load" in job.forecaster:
        raise JobError(fault("forecaster.load", "left out in a fit", job.forecaster["load"]))
    with owned(job):
        folder = _folder(job, only)
        if not resume:
            _clear(folder)
        partitions = _partitions(job, kind)
        with watch("fit") if "load" not in job.forecaster else contextlib.nullcontext():
            learned = model_of(job, partitions)
        model = learned.model
        fitted = kind == "fit" and model is not None
        plan = Plan() if fitted else make_plan(job, kind, partitions, model, only)
        summary = Summary(job, kind, folder, model, len(partitions), tuple(only))
        summary.records = list(learned.records if fitted else plan.standing)
        summary.standing = len(plan.standing)
        try:
            with watch(kind) if plan.tasks else contextlib.nullcontext():
                _run(plan.tasks, job.run or Run(), summary.records)
        except (KeyboardInterrupt, JobError):
            with contextlib.suppress(JobError):
                summary.write(complete=False)
            raise
        if not fitted:
            _remove_strangers(folder, partitions, summary.records)
        return summary.write(complete=True)


def make_plan(
    job: Job,
    kind: str,
    partitions: Iterable[Partition],
    model: Model | None,
    only: Sequence[str] = (),
) -> Plan:
    """What a run has to do, and what it finds done."""
    fitted_there = {"group": job.fit.group, "forecaster": parameters_of(job)}
    options = Options(
        data=job.data,
        kind=kind,
        format=job.output.format,
        only=tuple(only),
        **(fitted_there if model is None else {}),  # type: ignore[arg-type]
    )
    plan = Plan()
    for partition in partitions:
        task = Task(partition, _folder(job, only), model, options)
        record = standing_record(partition, task.output, model, options)
        if record is None:
            plan.tasks.append(task)
        else:
            plan.standing.append(record)
    return plan


def refuse_partitions(job: Job, kind: str) -> None:
    """A backtest or a search reads one frame."""
    if job.partitioned:
        way_out = "Name one of the partitions, and leave [run] out."
        raise JobError(fault("data.path", f"one file for a {kind}", job.data.path, way_out))


def dry_run(job: Job, kind: str = "forecast", only: Sequence[str] = ()) -> list[str]:
    """What a run would do, in sentences; nothing is written."""
    partitions = _partitions(job, kind)
    grouped = job.fit.group is not None and "load" not in job.forecaster
    model = None if grouped else (known_model(job, partitions) or Learned(UNKNOWN)).model
    plan = make_plan(job, kind, partitions, model, only)
    size = sum(task.partition.size for task in plan.tasks) / 2**20
    sentences = [f"{len(plan.standing):,} of {len(partitions):,} partitions stand."]
    sentences.append(f"{len(plan.tasks):,} are to be done: {size:,.1f} MB.")
    if model is UNKNOWN:
        sentences.append("The network is to be fitted.")
    return sentences


def _run(tasks: list[Task], run: Run, records: list[Record]) -> None:
    """Appends the records as they come."""
    with contextlib.closing(run_tasks(tasks, run)) as answers, progress(len(tasks)) as show:
        for record in answers:
            records.append(record)
            show(record)


def _partitions(job: Job, kind: str) -> list[Partition]:
    """The files of a job; one network may also be fitted on a named dataset."""
    if job.data.path is not None:
        return find_partitions(job.input)
    if kind == "fit" and job.fit.group is None:
        return []
    raise JobError(fault("data.path", "given where partitions are asked for", None))


def _folder(job: Job, only: Sequence[str]) -> Path:
    return job.folder / "only" if only else job.folder


def _clear(folder: Path) -> None:
    """Forgets what earlier runs have done; what they wrote is replaced piece by piece."""
    shutil.rmtree(folder / RECORDS, ignore_errors=True)
    (folder / "model.json").unlink(missing_ok=True)


def _remove_strangers(
    folder: Path, partitions: Iterable[Partition], records: Iterable[Record]
) -> None:
    """What earlier runs have made of partitions that are there no more, or in another format."""
    ours = {folder / name for record in records for name in record["files"]}
    ours |= {folder / RECORDS / f"{partition.name}.json" for partition in partitions}
    for path in [path for name in FOLDERS for path in (folder / name).rglob("*")]:
        if path.is_file() and path not in ours:
            path.unlink(missing_ok=True)
