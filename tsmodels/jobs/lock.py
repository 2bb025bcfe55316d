"""One run at a time on an output folder, whoever is killed.

The lock is one of the operating system, which lets go of it when its owner ends, however it ends;
what is written in the file only says who that is.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from tsmodels.checks import fault
from tsmodels.jobs.config import JobError

try:
    import fcntl
except ImportError:  # Windows, where a region far behind the text is locked
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Owns `folder` while the block runs; JobError names the owner if it is somebody else.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with locked(folder), locked(folder):  # doctest: +ELLIPSIS
    ...     pass
    Traceback (most recent call last):
    tsmodels.jobs.config.JobError: output.folder must be one that no other run writes to. Got ...
    """
    path = folder / NAME
    file = _acquire(path)
    try:
        owner = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
        with contextlib.suppress(OSError):  # a full disk is not the business of a lock
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(owner).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _acquire(path: Path) -> int:
    """An open file that holds the lock, and that still has its name."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _try(file):
            text = os.read(file, 4096)
            os.close(file)
            raise JobError(_taken(path, text))
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        os.close(file)  # its last owner removed it between the two calls


def _try(file: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            os.lseek(file, 2**20, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _taken(path: Path, text: bytes) -> str:
    rule = "one that no other run writes to"
    try:
        owner = json.loads(text)
        age = f"{max(0.0, time.time() - owner['since']):.0f} s"
        who = f"Process {owner['pid']} on {owner['host']} has been writing for {age}."
    except (ValueError, KeyError, TypeError):  # it has not said who it is yet
        who = "Another process has just begun."
    return fault("output.folder", rule, path.parent.name, f"{who} Wait for it, or end it.")
