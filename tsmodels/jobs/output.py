"""The output folder of a job: files that are there are whole, and say what wrote them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tsmodels.checks import fault
from tsmodels.jobs.config import Job, JobError
from tsmodels.persistence import replacing

FORMAT_VERSION = 1
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
        raise _unwritable(job, error) from error


def write_file(job: Job, name: str, writer: Callable[[Path], Any]) -> None:
    """What `writer(path)` writes, under its name once it is whole."""
    try:
        with replacing(job.folder / name) as path:
            writer(path)
    except OSError as error:
        raise _unwritable(job, error) from error


def write_frame(job: Job, name: str, frame: pd.DataFrame) -> None:
    """A frame as CSV or Parquet, by the end of the name."""
    write = frame.to_csv if name.endswith(".csv") else frame.to_parquet
    write_file(job, name, lambda path: write(path, index=False))


def versions() -> dict[str, str]:
    """Python and the packages that matter, where they are installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _unwritable(job: Job, error: OSError) -> JobError:
    rule = "a folder that can be written"
    reason = f"The system says: {error.strerror or error}."
    return JobError(fault("output.folder", rule, job.output.folder, reason))
