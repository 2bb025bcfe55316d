"""One progress bar on standard error: evaluations, generation and the best value."""

from __future__ import annotations

from typing import Any, Self

from tsmodels.search.loop import Trial, best


class Progress:
    """Shows nothing unless `verbose`; is called with all trials after every generation.

    `sign` is -1 where values are scores turned round, so that the bar shows scores.
    """

    def __init__(self, n_iter: int, verbose: int, sign: float = 1.0) -> None:
        self.n_iter, self.verbose, self.sign = n_iter, verbose, sign

    def __enter__(self) -> Self:
        if self.verbose:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
            self.bar = Bar(*columns, TimeElapsedColumn(), console=Console(stderr=True))
            self.task = self.bar.add_task("generation 0", total=self.n_iter)
            self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.verbose:
            self.bar.stop()

    def __call__(self, trials: list[Trial]) -> None:
        if self.verbose and trials:
            leader = best(trials)
            text = "none yet" if leader is None else f"{self.sign * leader.value:.6g}"
            words = f"generation {trials[-1].generation + 1}, best {text}"
            self.bar.update(self.task, completed=len(trials), description=words)
