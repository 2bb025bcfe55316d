"""How many steps fit into some minutes, so that a schedule ends when the time does.

Minutes are those of processors: with `OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1` the minutes of
one core, whatever else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

FIRST = 10


def steps_within(minutes: float, fit: Callable[[int], Any], more: int = 50) -> int:
    """Steps that `fit(steps)` takes so many processor minutes for, by the time of `more` of them.

    What every fit needs once, such as compiling and reading, is not counted. With buckets of
    lengths `more` should be an epoch or so: of few batches many hold one of the next bucket.
    """
    fit(FIRST + more)  # compiles, every shape
    seconds = [_timed(fit, steps) for steps in (FIRST, FIRST + more)]
    a_step = max((seconds[1] - seconds[0]) / more, 1e-4)
    return max(1, int(60.0 * minutes / a_step))


def _timed(fit: Callable[[int], Any], steps: int) -> float:
    started = time.process_time()
    fit(steps)
    return time.process_time() - started
