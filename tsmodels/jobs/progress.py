"""How far a partitioned job is: partitions, series a second, time left; on standard error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from tsmodels.jobs.partition import Record

PAUSE = 10.0  # seconds between two lines where nobody looks at a terminal


@contextlib.contextmanager
def progress(total: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable]:
    """Called with every record that is done: a bar on a terminal, a line now and then elsewhere."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    done = Pace(total, clock)
    if not console.is_terminal:
        yield lambda record: _line(console, done, record)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = [TextColumn("partitions"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=total)

        def show(record: Record) -> None:
            done.add(record)
            bar.update(task, completed=done.partitions, description=done.words())

        yield show


class Pace:
    """Counts what is done, and says at which rate.

    >>> seconds = iter([0.0, 2.0])
    >>> pace = Pace(4, lambda: next(seconds))
    >>> pace.add({"series": {"read": 100}})
    >>> pace.words()
    '50 series/s, 6 s left'
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.clock = total, clock
        self.start = self.said = clock()
        self.partitions = self.series = 0

    def add(self, record: Record) -> None:
        self.partitions += 1
        self.series += record.get("series", {}).get("read", 0)

    def words(self) -> str:
        passed = max(self.clock() - self.start, 1e-9)
        left = passed / max(self.partitions, 1) * (self.total - self.partitions)
        minutes, seconds = divmod(round(left), 60)
        time_left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"{self.series / passed:,.0f} series/s, {time_left} left"


def _line(console, done: Pace, record: Record) -> None:
    done.add(record)
    now = done.clock()
    if now - done.said >= PAUSE and done.partitions < done.total:
        done.said = now
        console.print(f"{done.partitions:,} of {done.total:,} partitions, {done.words()}")
