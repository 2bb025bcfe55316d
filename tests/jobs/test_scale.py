"""10,000 series of 1,000 rows in 64 files: the same bytes from every engine, whoever is killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

PARTITIONS, SERIES, ROWS = 64, 10_000, 1_000
JOB = """
[data]
path = "{parts}"
[forecaster]
load = "{model}"
[run]
engine = "{engine}"
threads = 1
{more}
[output]
folder = "out"
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    ds = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    rng = np.random.default_rng(0)
    for k, ids in enumerate(np.array_split(np.arange(SERIES), PARTITIONS)):
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat([f"series-{i:05d}" for i in ids], ROWS),
                "ds": np.tile(ds, len(ids)),
                "y": rng.normal(size=(len(ids), ROWS)).cumsum(axis=1).ravel(),
            }
        )
        frame.to_parquet(folder / f"part-{k:02d}.parquet", index=False)
    return folder


@pytest.fixture
def job(parts, linear, tmp_path):
    """`job(engine, settings)` writes the job file of this engine and answers its path."""

    def write(engine, **settings):
        more = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
        text = JOB.format(parts=parts, model=linear, engine=engine, more=more)
        (tmp_path / f"{engine}.toml").write_text(text)
        return tmp_path / f"{engine}.toml"

    return write


@pytest.fixture(scope="module")
def expected(parts, linear, tmp_path_factory):
    """The hash of what the local engine writes."""
    folder = tmp_path_factory.mktemp("local")
    text = JOB.format(parts=parts, model=linear, engine="local", more="")
    (folder / "job.toml").write_text(text)
    finish(folder / "job.toml")
    found = pd.read_parquet(folder / "out/forecast")
    assert len(found) == SERIES * 6 and found["unique_id"].nunique() == SERIES
    assert np.isfinite(found["yhat"]).all()
    return sha256(folder)


def start(job):
    command = [sys.executable, "-m", "tsmodels", "forecast", str(job)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(job):
    said, err = start(job).communicate()
    assert said.startswith("10,000 of 10,000 series have an answer."), said + err


def sha256(folder):
    """Of the forecasts as they are sorted by name, id and step: of the files, byte by byte."""
    found = hashlib.sha256()
    files = sorted((folder / "out/forecast").iterdir())
    assert [file.name for file in files] == [f"part-{k:02d}.parquet" for k in range(PARTITIONS)]
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()


def records(folder):
    return len(list((folder / "out/records").glob("*.json")))


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def children(pid):
    """The processes below one, their own included."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = open(f"/proc/{name}/stat").read()
            except OSError:
                continue
            if int(text.rsplit(")", 1)[1].split()[1]) == pid:
                found += [int(name), *children(int(name))]
    return found


def workers(pid, words):
    """The processes below one whose command line has these words."""
    found = []
    for child in children(pid):
        try:
            if words in open(f"/proc/{child}/cmdline").read():
                found.append(child)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_every_engine_gives_the_same_bytes_and_loses_a_worker_without_harm(
    job, expected, tmp_path, engine
):
    driver = start(job(engine, workers=2))
    wait_for(lambda: records(tmp_path) >= PARTITIONS // 2)
    at_work = workers(driver.pid, "spawn_main")
    assert len(at_work) >= 2
    os.kill(at_work[-1], signal.SIGKILL)
    said, err = driver.communicate()
    assert said.startswith("10,000 of 10,000 series have an answer."), said + err
    assert sha256(tmp_path) == expected
    assert children(driver.pid) == []


def test_a_cluster_of_separately_started_workers(job, expected, tmp_path):
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    options = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    cluster = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *common], **options
        )
    ]
    try:
        wait_for(lambda: file.exists() and file.stat().st_size > 0)
        address = json.loads(file.read_text())["address"]
        for _ in range(2):
            worker = ["worker", "--nthreads", "1", "--no-nanny", *common]
            cluster.append(subprocess.Popen([*dask, *worker], **options))
        finish(job("dask", address=address))
        assert sha256(tmp_path) == expected
    finally:
        for process in cluster[::-1]:
            process.terminate()
        for process in cluster:
            process.wait(60)


def test_a_driver_that_is_killed_five_times(job, expected, tmp_path):
    rng = np.random.default_rng(0)
    jobs = [job("local"), job("processes", workers=2)]
    done = 0
    for k in range(5):
        driver = start(jobs[k % 2])
        done += int(rng.integers(2, 10))
        wait_for(lambda done=done: records(tmp_path) >= done)
        driver.kill()
        driver.communicate()
        done = records(tmp_path)
        assert done < PARTITIONS
    finish(jobs[0])
    assert sha256(tmp_path) == expected
    assert not [path for path in (tmp_path / "out").rglob(".*")]


def test_a_driver_that_is_asked_to_end(job, expected, tmp_path):
    driver = start(job("processes", workers=2))
    wait_for(lambda: records(tmp_path) >= 5)
    driver.send_signal(signal.SIGTERM)
    _, err = driver.communicate()
    assert driver.returncode == 143 and "stopped by SIGTERM" in err
    assert children(driver.pid) == []
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/forecast").iterdir()}
    finish(job("local"))
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert sha256(tmp_path) == expected
