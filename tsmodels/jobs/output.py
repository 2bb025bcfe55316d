"""The output folder of a job: files that are there are whole, and say what wrote them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tsmodels.checks import fault
from tsmodels.jobs.config import Job, JobError
from tsmodels.jobs.lock import locked
from tsmodels.persistence import replacing

FORMAT_VERSION = 1
RECORDS = "records"
FOLDERS = ("forecast", "quarantine", "models", RECORDS)  # of what is made of partitions
LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}")  # as tsmodels.persistence.replacing calls them
PACKAGES = (
    "tsmodels",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "numpy",
    "pandas",
    "scikit-learn",
    "pyarrow",
)


class OutputError(JobError):
    """Nothing can be written where a job is told to."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job found. `means` is model x metric over series; `files` are names in `folder`."""

    kind: str
    folder: Path
    files: Mapping[str, str]
    manifest: Mapping[str, Any]
    failed: pd.DataFrame
    means: pd.DataFrame | None = None
    owa: float | None = None
    verdict: str = ""

    @property
    def exit_code(self) -> int:
        """0 only when every series has an answer."""
        return 1 if len(self.failed) else 0


def check_folder(job: Job) -> None:
    """Makes the output folder, and fails before any work if nothing can be written there."""
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=job.folder):
            pass
    except OSError as error:
        raise _unwritable(job.output.folder, error) from error


def write_file(job: Job, name: str, writer: Callable[[Path], Any]) -> None:
    """What `writer(path)` writes, under its name once it is whole."""
    write_whole(job.folder / name, writer, job.output.folder)


def write_frame(job: Job, name: str, frame: pd.DataFrame) -> None:
    """A frame as CSV or Parquet, by the end of the name."""
    write_file(job, name, frame_writer(frame, name))


def frame_writer(frame: pd.DataFrame, name: str) -> Callable[[Path], Any]:
    """What writes a frame to a path, as CSV or Parquet by the end of the name."""
    if name.endswith(".csv"):
        return lambda path: frame.to_csv(path, index=False)
    return lambda path: pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def write_whole(path: Path, writer: Callable[[Path], Any], folder: str) -> None:
    """What `writer` writes, at `path` once it is whole; `folder` is what the user calls it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            writer(temporary)
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextlib.contextmanager
def owned(job: Job) -> Iterator[None]:
    """The output folder, there and writable, while no other run writes to it."""
    check_folder(job)
    with locked(job.folder):
        _clear_leftovers(job.folder)
        yield


def _clear_leftovers(folder: Path) -> None:
    """Removes temporary files of runs that were killed."""
    below = (path for name in FOLDERS for path in (folder / name).rglob(".*.*"))
    for path in [*folder.glob(".*.*"), *below]:
        if LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Python and the packages that matter, where they are installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _unwritable(folder: str, error: OSError) -> OutputError:
    rule = "a folder that can be written"
    reason = f"The system says: {error.strerror or error}."
    return OutputError(fault("output.folder", rule, folder, reason))
