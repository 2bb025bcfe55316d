"""Successive halving inside a generation: half of its fits end after a quarter of their epochs.

Jamieson & Talwalkar, "Non-stochastic Best Arm Identification", 2016. The fits of a generation run
as threads of one process. At each rung, a quarter and a half of the epochs, a fit waits until all
are there or done; the better half by validation loss goes on where it stopped, so that who gets to
the end has been trained as if there had been no rungs.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self

RUNGS = (0.25, 0.5)


class Gate:
    """Where the fits of one generation wait for each other; `n_jobs` of them run at a time."""

    def __init__(self, n_jobs: int) -> None:
        self._turns = threading.Semaphore(n_jobs)
        self._changed = threading.Condition()
        self._reached = threading.local()
        self.expect(0)

    def expect(self, n_fits: int) -> None:
        """Begins a generation of so many fits: the folds of all its trials."""
        self.n_fits = n_fits
        self._losses: list[dict[int, list[float]]] = [defaultdict(list) for _ in RUNGS]
        self._here = [0] * len(RUNGS)  # how many fits have reached a rung
        self._gone = [0] * len(RUNGS)  # how many ended before it
        self._open = [False] * len(RUNGS)
        self._pruned: set[int] = set()

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a copy of a fit waits at the same gate

    def at(self, trial: int) -> Post:
        """The gate as the fits of one trial see it."""
        return Post(self, trial)

    def enter(self) -> None:
        """Waits for a turn to run."""
        self._turns.acquire()
        self._reached.rungs = 0

    def leave(self, trial: int) -> bool:
        """Ends a fit; whether its trial was told to stop."""
        self._turns.release()
        with self._changed:
            for rung in range(self._reached.rungs, len(RUNGS)):
                self._gone[rung] += 1
                self._look(rung)
            return trial in self._pruned

    def wait(self, trial: int, rung: int, loss: float) -> bool:
        """Waits at a rung, out of turn; whether the trial goes on."""
        self._turns.release()
        with self._changed:
            self._losses[rung][trial].append(loss if math.isfinite(loss) else math.inf)
            self._here[rung] += 1
            self._reached.rungs = rung + 1
            self._look(rung)
            self._changed.wait_for(lambda: self._open[rung])
            goes_on = trial not in self._pruned
        self._turns.acquire()
        return goes_on

    def _look(self, rung: int) -> None:
        """Opens a rung when every fit is there or gone."""
        if self._here[rung] + self._gone[rung] < self.n_fits or self._open[rung]:
            return
        means = {trial: sum(v) / len(v) for trial, v in self._losses[rung].items()}
        ranked = sorted(means, key=lambda trial: (means[trial], trial))
        self._pruned.update(ranked[math.ceil(len(ranked) / 2) :])
        self._open[rung] = True
        self._changed.notify_all()


@dataclass(frozen=True)
class Post:
    """A trial's place at a gate."""

    gate: Gate
    trial: int

    def __call__(self, rung: int, loss: float) -> bool:
        """Reports a loss at a rung; whether to go on."""
        return self.gate.wait(self.trial, rung, loss)

    def __deepcopy__(self, memo: Any) -> Self:
        return self
