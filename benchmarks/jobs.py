"""Jobs by partitions: series a second by engine, time that is not the network, memory.

    python benchmarks/jobs.py --series 10000 100000 --engines local "processes 2"

An LSTM of 64 units (lookback 96, horizon 24) is loaded and forecasts every series once. Each run is
a command as a user starts it. The rate is that between the first partition and the last, so that it
leaves out the start of Keras, which has a column of its own. CPU is the median over partitions of
the process that made each, and hardly depends on what else a machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

ENGINES = {
    "local": 'engine = "local"',
    "processes 1": 'engine = "processes"\nworkers = 1',
    "processes 2": 'engine = "processes"\nworkers = 2',
    "dask 2": 'engine = "dask"\nworkers = 2',
}
JOB = """
[data]
path = "{parts}"
[forecaster]
load = "{model}"
[run]
{engine}
threads = 1
[output]
folder = "{out}"
"""
COLUMNS = ("series", "engine", "series/s", "start s", "CPU ms a series", "MB a process")


def main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--series", nargs="+", type=int, default=[10_000])
    made.add_argument("--rows", type=int, default=1_000)
    made.add_argument("--partitions", type=int, default=64)
    made.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    made.add_argument("--share", action="store_true", help="what is not the network, and no more")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = fitted(folder, options.rows)
        if options.share:
            parts = partitions(folder, options.series[0], options.rows, options.partitions)
            share(parts, model, folder / "out")
            return
        print("".join(f"{title:>17}" for title in COLUMNS))
        for series in options.series:
            parts = partitions(folder, series, options.rows, options.partitions)
            for engine in options.engines:
                print(row(series, engine, run(folder, parts, model, engine)), flush=True)
    print(f"\n{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {options.partitions} partitions")


def walks(ids: np.ndarray, rows: int) -> pd.DataFrame:
    """Random walks of whole hours, (ids x rows) rows."""
    rng = np.random.default_rng(ids[0])
    ds = pd.date_range("2024-01-01", periods=rows, freq="h")
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"series-{i:06d}" for i in ids], rows),
            "ds": np.tile(ds, len(ids)),
            "y": rng.normal(size=(len(ids), rows)).cumsum(axis=1).ravel(),
        }
    )


def partitions(folder: Path, series: int, rows: int, count: int) -> Path:
    parts = folder / f"parts-{series}"
    parts.mkdir()
    for k, ids in enumerate(np.array_split(np.arange(series), count)):
        walks(ids, rows).to_parquet(parts / f"part-{k:03d}.parquet", index=False)
    return parts


def fitted(folder: Path, rows: int) -> Path:
    """The saved network, made by a process of its own: this one stays small."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\nfrom jobs import walks\nfrom tsmodels import LSTM, Forecaster\n"
        "model = Forecaster(LSTM(d_model=64), horizon=24, lookback=96, max_steps=5)\n"
        "model.fit(walks(np.arange(20), int(sys.argv[3]))).save(sys.argv[2])"
    )
    path = folder / "model.tsmodels"
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, here, str(path), str(rows)], check=True)
    return path


def run(folder: Path, parts: Path, model: Path, engine: str) -> dict[str, float]:
    """One job from the command to its end."""
    out = folder / f"out-{parts.name}-{engine.replace(' ', '-')}"
    job = folder / "job.toml"
    job.write_text(JOB.format(parts=parts, model=model, engine=ENGINES[engine], out=out))
    began = time.time()
    command = [sys.executable, "-m", "tsmodels", "forecast", str(job)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peaks: dict[int, float] = {}
        watcher = threading.Thread(target=watch, args=(process, peaks))
        watcher.start()
    watcher.join()
    assert process.returncode == 0
    files = sorted((out / "records").iterdir(), key=lambda path: path.stat().st_mtime)
    done = [path.stat().st_mtime for path in files]
    records = [json.loads(path.read_text()) for path in files]
    answered = [record["series"]["answered"] for record in records]
    cpu = [record["seconds"]["cpu"] / n for record, n in zip(records, answered, strict=True)]
    return {
        "rate": sum(answered[1:]) / (done[-1] - done[0]),
        "start": done[0] - began,
        "cpu": 1e3 * statistics.median(cpu),
        "peak": max(peaks.values()),
    }


def watch(process: subprocess.Popen, peaks: dict[int, float]) -> None:
    """Keeps the largest resident memory (MB) of every process below one."""
    while process.poll() is None:
        for pid in family(process.pid):
            try:
                text = Path(f"/proc/{pid}/status").read_text()
                peaks[pid] = int(text.split("VmHWM:")[1].split()[0]) / 1024
            except (OSError, IndexError):  # it has ended
                continue
        time.sleep(0.2)


def family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def row(series: int, engine: str, found: dict[str, float]) -> str:
    cells = [f"{series:,}", engine, f"{found['rate']:,.0f}", f"{found['start']:.1f}"]
    cells += [f"{found['cpu']:.2f}", f"{found['peak']:,.0f}"]
    return "".join(f"{cell:>17}" for cell in cells)


def share(parts: Path, model: Path, out: Path) -> None:
    """The CPU time of a local run outside the network, after a first partition that compiles."""
    from tsmodels import Forecaster
    from tsmodels.jobs.inputs import find_partitions
    from tsmodels.jobs.partition import run_partition

    network, raw = [0.0], Forecaster._raw

    def timed(*args, **kwargs):
        start = time.process_time()
        answer = raw(*args, **kwargs)
        network[0] += time.process_time() - start
        return answer

    Forecaster._raw = timed
    first, *rest = find_partitions(str(parts))
    run_partition(first, out, model)
    network[0], start = 0.0, time.process_time()
    for partition in rest:
        run_partition(partition, out, model)
    whole = time.process_time() - start
    outside = 1 - network[0] / whole
    print(f"{whole:.2f} s of CPU, {network[0]:.2f} in the network: {outside:.0%} outside")


if __name__ == "__main__":
    main()
