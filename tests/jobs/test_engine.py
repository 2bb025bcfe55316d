"""Engines on tasks that need no network: files that are corrupt, or never end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tsmodels.jobs import engine
from tsmodels.jobs.config import JobError, Run
from tsmodels.jobs.engine import Task, processes, run_tasks, threads_of_children
from tsmodels.jobs.inputs import Partition
from tsmodels.jobs.output import OutputError
from tsmodels.jobs.partition import Options
from tsmodels.jobs.progress import Pace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of Unix")


@pytest.fixture
def tasks(tmp_path):
    """`tasks(*names)`: partitions of corrupt bytes; one called "endless" is a pipe without end."""

    held = []

    def make(*names, output=tmp_path / "out"):
        for name in names:
            path = tmp_path / name
            if name == "endless.csv":
                os.mkfifo(path)
                held.append(os.open(path, os.O_RDWR))  # so that opening it does not wait as well
            else:
                path.write_bytes(b"PAR1 junk")
        found = [Partition(name, str(tmp_path / name), 9, "1") for name in names]
        return [Task(partition, output, None, Options()) for partition in found]

    yield make
    for file in held:
        os.close(file)


@pytest.mark.parametrize("run", [Run(), Run(engine="processes", workers=2)], ids=["local", "two"])
def test_every_task_has_its_record(tasks, run):
    names = [f"{k}.parquet" for k in range(5)]
    records = list(run_tasks(tasks(*names), run))
    assert sorted(record["partition"] for record in records) == names
    assert all("Parquet magic bytes" in record["error"] for record in records)
    assert workers() == []


def workers():
    """Processes that engines have started; other tests may have left some of joblib."""
    return [p for p in multiprocessing.active_children() if p.name.startswith("SpawnProcess")]


def kill_the_stuck(seen, times):
    """Kills a worker that reads the endless file, so often."""
    while len(seen) < times:
        for child in multiprocessing.active_children():
            if child.pid not in seen and "endless.csv" in open_files(child.pid):
                seen.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)
        time.sleep(0.02)


def open_files(pid):
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:  # it has ended, or closed one meanwhile
        return []
    return [os.path.basename(link) for link in links]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_task_that_kills_its_workers_is_given_up(tasks):
    seen = []
    killer = threading.Thread(target=kill_the_stuck, args=(seen, engine.ATTEMPTS), daemon=True)
    killer.start()
    found = tasks("endless.csv", *(f"{k}.parquet" for k in range(3)))
    records = {r["partition"]: r for r in processes(found, Run(engine="processes", workers=2))}
    killer.join()
    assert len(records) == 4 and len(set(seen)) == engine.ATTEMPTS
    assert (
        "Its worker ended 3 times, the last time with signal 9." in records["endless.csv"]["error"]
    )
    assert workers() == []


def test_an_output_that_cannot_be_written_stops_everything(tasks, tmp_path):
    (tmp_path / "file").touch()
    found = tasks("a.parquet", "b.parquet", output=tmp_path / "file")
    with pytest.raises(OutputError, match="a folder that can be written"):
        list(processes(found, Run(engine="processes", workers=1)))
    assert workers() == []


def test_workers_are_told_their_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    code = "import os; print([os.environ.get(n) for n in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')])"
    for threads, told in ((3, "['3', '3']"), (None, "['7', None]")):
        with threads_of_children(threads):
            said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert said.stdout.strip() == told
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


def test_dask_is_an_extra(tasks, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(JobError, match=r"pip install 'tsmodels\[dask\]'"):
        list(run_tasks(tasks("a.parquet"), Run(engine="dask")))


def test_dask_without_a_scheduler(tasks, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(engine, "TIMEOUT", 0.5)
    with pytest.raises(JobError, match="run.address must be that of a Dask scheduler"):
        list(run_tasks(tasks("a.parquet"), Run(engine="dask", address="tcp://127.0.0.1:9")))


@pytest.mark.slow
def test_dask_has_every_record_too(tasks):
    pytest.importorskip("distributed")
    names = [f"{k}.parquet" for k in range(5)]
    records = list(run_tasks(tasks(*names), Run(engine="dask", workers=1)))
    assert sorted(record["partition"] for record in records) == names


def test_pace_leaves_out_what_it_does_not_know():
    pace = Pace(2, iter([0.0, 0.0, 90.0]).__next__)
    assert pace.words() == "0 series/s, 0 s left"
    pace.add({"error": "corrupt"})
    assert pace.words() == "0 series/s, 1 min 30 s left"
