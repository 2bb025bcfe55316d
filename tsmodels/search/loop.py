"""The loop of every search: ask, leave out what is known, evaluate, write down, tell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tsmodels.search.checkpoint import Log
from tsmodels.space import Space


class Engine(Protocol):
    """What proposes points of the unit cube; values are minimised. An empty answer is the end."""

    space: Space
    n_whales: int  # the most points of a generation

    def ask(self) -> np.ndarray: ...  # noqa: D102

    def tell(self, values: Sequence[float]) -> None: ...  # noqa: D102


@dataclass
class Trial:
    """One evaluation: a configuration, where it came from and what became of it.

    `whale` is the slot of its generation, `seed` one of its own; `value` is minimised, infinite for
    a failure. `record` is anything of JSON that the evaluation wants to find again on resuming.
    """

    number: int
    generation: int
    whale: int
    point: np.ndarray
    params: dict[str, Any]
    seed: int
    value: float = math.inf
    status: str = "ok"
    record: Any = field(default=None, repr=False)


Evaluate = Callable[[list[Trial]], None]  # sets value, status and record of every trial


@dataclass(kw_only=True)
class Loop:
    """Runs an engine to its end, or to that of a budget.

    No configuration is evaluated twice: what is known is answered from memory. `time_budget`
    (seconds, from the first evaluation on) is looked at before a generation begins, `patience`
    counts evaluations since the best.
    """

    engine: Engine
    entropy: Sequence[int]
    log: Log | None = None
    time_budget: float | None = None
    patience: int | None = None
    watch: Callable[[list[Trial]], None] = lambda trials: None
    trials: list[Trial] = field(default_factory=list)
    over: bool = False

    def __post_init__(self) -> None:
        self._known: dict[Any, float] = {}
        self._points: np.ndarray | None = None  # proposed and not yet evaluated
        self._generation, self._started = 0, math.inf

    def run(self, evaluate: Evaluate | None = None) -> list[Trial]:
        """Every trial, in the order of their numbers; without `evaluate` those of the log."""
        while not self.over:
            points = self.engine.ask() if self._points is None else self._points
            trials, self._points = self._new(points), points
            if trials and not (self.log and self.log.recall(trials)):
                if evaluate is None:
                    return self.trials
                if self._late():
                    break
                evaluate(trials)
                if self.log:
                    self.log.write(trials)
            self._settle(trials, points)
        return self.trials

    def _new(self, points: np.ndarray) -> list[Trial]:
        """A trial for each point of an unknown configuration, once."""
        space, asked = self.engine.space, set()
        trials: list[Trial] = []
        for whale, point in enumerate(points):
            key = space.key(point)
            if key in self._known or key in asked:
                continue
            asked.add(key)
            number = len(self.trials) + len(trials)
            seed = np.random.SeedSequence([*self.entropy, number]).generate_state(1)[0]
            params = space.params(point)
            trials.append(Trial(number, self._generation, whale, point, params, int(seed >> 1)))
        return trials

    def _settle(self, trials: list[Trial], points: np.ndarray) -> None:
        space = self.engine.space
        self._known.update({space.key(trial.point): trial.value for trial in trials})
        self.engine.tell([self._known[space.key(point)] for point in points])
        self.trials += trials
        self._points, self._generation = None, self._generation + 1
        self.over = not len(points) or self._tired()
        self.watch(self.trials)

    def _late(self) -> bool:
        now = time.monotonic()
        self._started = min(self._started, now)
        return self.time_budget is not None and 0 < now - self._started >= self.time_budget

    def _tired(self) -> bool:
        leader = best(self.trials)
        since = len(self.trials) - (0 if leader is None else leader.number + 1)
        return self.patience is not None and since >= self.patience


def best(trials: Sequence[Trial]) -> Trial | None:
    """The first trial with the least finite value; None without any."""
    whole = [t for t in trials if math.isfinite(t.value) and t.status != "pruned"]
    return min(whole, key=lambda trial: (trial.value, trial.number), default=None)
