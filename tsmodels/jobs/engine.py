"""Where partitions run: here, on processes of this machine, or on a Dask cluster.

An engine takes tasks in any number and answers their records in the order in which they are done. A
task whose worker was killed is given to another one, and the third time it is given up.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tsmodels.checks import fault
from tsmodels.jobs.answering import Model
from tsmodels.jobs.config import JobError, Run
from tsmodels.jobs.inputs import Partition
from tsmodels.jobs.partition import Options, Record, run_partition

ATTEMPTS = 3
TIMEOUT = 10.0  # seconds for a scheduler to answer
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Task:
    """One call of `run_partition`, as a worker is handed it."""

    partition: Partition
    output: Path
    model: Model | None
    options: Options

    def run(self) -> Record:
        return run_partition(self.partition, self.output, self.model, self.options)

    def given_up(self, why: str) -> Record:
        """The record of a partition that no worker has lived through."""
        return {"partition": self.partition.name, "error": why, "files": {}}


def run_tasks(tasks: Iterable[Task], run: Run) -> Generator[Record]:
    """The records of all tasks; close the iterator to stop early."""
    engines = {"local": local, "processes": processes, "dask": dask}
    return engines[run.engine](list(tasks), run)


def local(tasks: list[Task], run: Run) -> Generator[Record]:
    """One after the other in this process."""
    with threads_of_children(run.threads):  # in time where Keras has not run yet
        for task in tasks:
            yield task.run()


# --- processes ------------------------------------------------------------------------------------


def processes(tasks: list[Task], run: Run) -> Generator[Record]:
    """On processes of this machine, each with its share of the cores and a model of its own."""
    waiting, deaths = deque(tasks), Counter[str]()
    count = min(run.workers or cores(), len(tasks))
    workers: list[_Worker] = []
    threads = run.threads or max(1, cores() // max(count, 1))
    try:
        while waiting or any(worker.task for worker in workers):
            with threads_of_children(threads):
                workers += [_Worker() for _ in range(count - len(workers))]
            for worker in workers:
                if worker.task is None and waiting:
                    worker.give(waiting.popleft())
            for worker in _ready(workers):
                task, worker.task = worker.task, None
                assert task is not None
                try:
                    yield worker.answer()
                except EOFError:
                    workers.remove(worker)
                    name = task.partition.name
                    deaths[name] += 1
                    if deaths[name] < ATTEMPTS:
                        waiting.append(task)
                    else:
                        yield task.given_up(_obituary(worker.ended()))
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.ended()


class _Worker:
    """A process and the task that it is at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(BrokenPipeError):  # it is dead: `answer` will say so
            self.connection.send(task)

    def answer(self) -> Record:
        """The record of its task; EOFError if the process has ended instead."""
        try:
            answer = self.connection.recv()
        except ConnectionResetError:
            raise EOFError from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()

    def ended(self) -> int:
        """Waits for the end of the process; its exit code."""
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode or 0


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """The workers that have an answer or have ended, as soon as there is one."""
    busy: dict[Any, _Worker] = {w.connection: w for w in workers if w.task is not None}
    return [busy[connection] for connection in wait(list(busy))]


def _serve(connection: Connection) -> None:
    """What a worker does until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the driver decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = task.run()
        except Exception as error:  # an output that cannot be written
            answer = error
        connection.send(answer)


def _end_with_parent() -> None:
    """A driver that was killed cannot end its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _obituary(exitcode: int) -> str:
    how = f"signal {-exitcode}" if exitcode < 0 else f"exit code {exitcode}"
    memory = " The system does so where memory runs out." if exitcode == -signal.SIGKILL else ""
    return f"Its worker ended {ATTEMPTS} times, the last time with {how}.{memory}"


# --- Dask -----------------------------------------------------------------------------------------


def dask(tasks: list[Task], run: Run) -> Generator[Record]:
    """On a Dask cluster: that of `address`, or workers of its own on this machine.

    Workers read the model and write the output by the paths that the driver does.
    """
    distributed = _distributed()
    with _client(distributed, run) as client:
        futures = {client.submit(Task.run, task, pure=False): task for task in tasks}
        try:
            for future in distributed.as_completed(futures):
                error = future.exception()
                if isinstance(error, distributed.KilledWorker):
                    yield futures[future].given_up(f"Its worker ended {ATTEMPTS} times.")
                elif error is not None:
                    raise error
                else:
                    yield future.result()
        finally:
            client.cancel(list(futures))


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        way_out = "It is an extra: pip install 'tsmodels[dask]'."
        rule = "'local' or 'processes' where Dask is not installed"
        raise JobError(fault("run.engine", rule, "dask", way_out)) from error


@contextlib.contextmanager
def _client(distributed: Any, run: Run) -> Iterator[Any]:
    import dask

    count = run.workers or cores()
    threads = run.threads or max(1, cores() // count)
    settings: dict[str, Any] = {
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS, threads),
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        address: Any = run.address
        if address is None:
            address = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = distributed.Client(address, timeout=TIMEOUT)
        except (OSError, ValueError) as error:
            rule, why = "that of a Dask scheduler which answers", str(error).splitlines()[0]
            raise JobError(fault("run.address", rule, run.address, f"{why}.")) from error
        yield stack.enter_context(client)


# --- threads --------------------------------------------------------------------------------------


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def threads_of_children(threads: int | None) -> Iterator[None]:
    """Processes started meanwhile compute with so many threads each; None leaves it to them."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update({} if threads is None else dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
