"""Ctrl-C and SIGTERM end a job in the same way: what is done is kept, and the exit code says so."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception that ends what Ctrl-C would end."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Meanwhile SIGTERM raises `Terminated` in the main thread.

    >>> import os
    >>> with contextlib.suppress(Terminated), sigterm_interrupts():
    ...     os.kill(os.getpid(), signal.SIGTERM)
    ...     print("never printed")
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread: whoever owns it decides
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(stop: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as shells have it.

    >>> exit_code(KeyboardInterrupt()), exit_code(Terminated())
    (130, 143)
    """
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated
