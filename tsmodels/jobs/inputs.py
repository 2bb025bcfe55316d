"""What a partitioned job reads: a file, a folder of Parquet files, or the same behind an address.

Addresses (`s3://bucket/sales`) are read through fsspec. Every file is a partition; all rows of an
id must be in one of them, as `tsmodels data partition` writes them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsmodels.checks import fault
from tsmodels.jobs.config import JobError, is_address

SUFFIXES = (".parquet", ".csv")
CHANGED = ("mtime", "LastModified", "last_modified", "updated", "ETag", "etag", "created")


@dataclass(frozen=True)
class Partition:
    """One file of an input; `name` is its path below it, `changed` when it last did."""

    name: str
    address: str
    size: int
    changed: str

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """What pandas and pyarrow read from: a path, or an open file behind an address."""
        if not is_address(self.address):
            yield self.address
            return
        with filesystem(self.address)[0].open(self.address, "rb") as file:
            yield file


def find_partitions(address: str) -> list[Partition]:
    """The partitions at `address`, by name; hidden files (`.part`, `_SUCCESS`) are none.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.parquet", "a.parquet", "_SUCCESS"):
    ...     _ = (folder / name).write_bytes(b"PAR1")
    >>> [(partition.name, partition.size) for partition in find_partitions(str(folder))]
    [('a.parquet', 4), ('b.parquet', 4)]
    """
    found = _behind(address) if is_address(address) else _local(Path(address))
    partitions = sorted(found, key=lambda partition: partition.name)
    if not partitions:
        rule = "a folder with Parquet files, or a .csv or .parquet file"
        raise JobError(fault("data.path", rule, address))
    return partitions


def filesystem(address: str) -> tuple[Any, str]:
    """The file system behind an address, and the path there."""
    rule = "an address that fsspec can read"
    try:
        return importlib.import_module("fsspec.core").url_to_fs(address)
    except ImportError as error:  # fsspec, or what it needs for this protocol
        way_out = f"{error}. pip install {getattr(error, 'name', None) or 'fsspec'}."
        raise JobError(fault("data.path", rule, address, way_out)) from error
    except ValueError as error:
        raise JobError(fault("data.path", rule, address, f"{error}.")) from error


def _local(path: Path) -> Iterator[Partition]:
    files = [path] if path.is_file() else path.rglob("*.parquet")
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        if file.is_file() and not _hidden(name):
            stat = file.stat()
            yield Partition(name, str(file), stat.st_size, str(stat.st_mtime_ns))


def _behind(address: str) -> Iterator[Partition]:
    system, root = filesystem(address)
    try:
        found = system.find(root, detail=True)
    except OSError as error:
        raise JobError(
            fault("data.path", "an address that answers", address, f"{error}.")
        ) from error
    for path, info in found.items():
        name = path.removeprefix(root).lstrip("/") or Path(path).name
        if name.lower().endswith(SUFFIXES) and not _hidden(name):
            changed = next((str(info[key]) for key in CHANGED if info.get(key)), "")
            yield Partition(name, system.unstrip_protocol(path), int(info["size"] or 0), changed)


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in Path(name).parts)
