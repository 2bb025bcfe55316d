"""The one door to Keras: imported once, and quietly.

TensorFlow writes to file descriptor 2 while it is imported, whatever its log level says. That
descriptor is held in a buffer during the import alone, and replayed if the import fails. Every
other module takes `keras` and `ops` from here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import tempfile
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def _quiet_import() -> Iterator[None]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        stderr = os.dup(2)
    except OSError:  # a process without standard error has nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as held:
        _flush_stderr()
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            _flush_stderr()
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed:
                held.seek(0)
                os.write(2, held.read())


def _flush_stderr() -> None:
    if sys.stderr is not None:
        with contextlib.suppress(ValueError, OSError):
            sys.stderr.flush()


if "keras" in sys.modules:
    import keras
else:
    with _quiet_import():
        import keras

ops = keras.ops

from keras.src.backend import AutocastScope  # noqa: E402  (of `Layer.__call__`; no public name)


def _is_news(record: logging.LogRecord) -> bool:
    """Every estimator compiles functions of its own; TensorFlow takes that for a mistake."""
    return "triggered tf.function retracing" not in record.getMessage()


logging.getLogger("tensorflow").addFilter(_is_news)

_BUILDING = threading.Lock()


@contextlib.contextmanager
def seeded_build(seed: int) -> Iterator[None]:
    """Layers without a seed draw one from Python's global state: lends them ours meanwhile."""
    with _BUILDING:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


def on_gpu() -> bool:
    """Whether tensors of the backend live on a GPU unless told otherwise."""
    device = str(ops.zeros((1,)).device).lower()
    return "gpu" in device or "cuda" in device


__all__ = ["AutocastScope", "keras", "on_gpu", "ops", "seeded_build"]
