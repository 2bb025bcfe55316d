"""How many workers a search may have, and how many threads each of them."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

from joblib import cpu_count, effective_n_jobs
from joblib.parallel import LokyBackend, MultiprocessingBackend, get_active_backend

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@contextlib.contextmanager
def shared_cores(n_jobs: int | None) -> Iterator[None]:
    """Worker processes started meanwhile take their share of the cores, unless told otherwise.

    joblib sees to OpenMP and BLAS, which is what torch uses; TensorFlow has numbers of its own.
    A worker that has grown by 300 MB, as compiled models do make it, is replaced by joblib without
    loss; its warning of that is not passed on.
    """
    workers = effective_n_jobs(n_jobs)
    added = [name for name in THREADS if workers > 1 and name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(max(1, cpu_count() // workers))))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def workers_for(n_jobs: int | None) -> int | None:
    """`n_jobs`, or one where several processes would fight for a GPU."""
    if effective_n_jobs(n_jobs) == 1 or "keras" not in sys.modules:
        return n_jobs
    if not isinstance(get_active_backend()[0], LokyBackend | MultiprocessingBackend):
        return n_jobs
    from tsmodels.backend import on_gpu

    if not on_gpu():
        return n_jobs
    warnings.warn("On a GPU a search runs in one process: n_jobs=1.", stacklevel=4)
    return 1
