"""What a forecast of one series costs: `predict` of tsmodels beside onnxruntime, by network.

python benchmarks/export_latency.py [--networks lstm gru] [--lookback 48]

Horizon 24, hourly rows, the networks as they are by default, after two steps of training: weights
do not matter here. `predict` and `Exported.predict` are given a pandas frame of `lookback` rows and
answer with one; `session.run` is given arrays, and is what is left for a program without Python.
Two medians in ms of calls that alternate: of the clock, and of CPU time, which is about what the
clock would say on a machine without other work. One thread, if the environment says so.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import Exported, Forecaster

RECURRENT = ("rnn", "lstm", "gru")
DIRECT = ("nlinear", "dlinear", "mlp", "nbeats", "nhits", "tide", "tsmixer", "itransformer")
COLUMNS = ("network", "predict", "Exported", "session", "export CPU s", "file KB")


def hourly(rows: int) -> pd.DataFrame:
    """One series with a daily wave."""
    y = 10 + np.sin(np.arange(rows) * np.pi / 12)
    ds = pd.date_range("2024-01-01", periods=rows, freq="h")
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": y})


def medians(calls: Sequence[Callable[[], Any]], times: int) -> np.ndarray:
    """Clock and CPU time of each call in ms, (calls, 2); a busy moment strikes all of them."""
    taken = np.empty((times, len(calls), 2))
    for row in taken:
        for i, call in enumerate(calls):
            start = time.perf_counter(), time.process_time()
            call()
            row[i] = time.perf_counter() - start[0], time.process_time() - start[1]
    return 1e3 * np.median(taken[times // 10 :], axis=0)


def measured(network: str, lookback: int, times: int, folder: Path) -> list[str]:
    """Three latencies, the CPU seconds that the export took, and the size of its file."""
    model = Forecaster(network, horizon=24, lookback=lookback, max_steps=2, random_state=0)
    model.fit(hourly(lookback + 200))
    path, rows = folder / f"{network}.onnx", hourly(lookback)
    start = time.process_time()
    model.export(path)
    seconds = time.process_time() - start
    exported, inputs = Exported.read(path), {"y": rows[["y"]].to_numpy()[None]}
    inputs["series"] = np.zeros(1, np.int32)
    if exported.about_["masked"]:
        inputs["observed"] = np.ones((1, lookback), np.float32)
    calls = [
        lambda: model.predict(rows),
        lambda: exported.predict(rows),
        lambda: exported.session_.run(["yhat"], inputs),
    ]
    cells = [f"{clock:.2f} / {cpu:.2f}" for clock, cpu in medians(calls, times)]
    return [*cells, f"{seconds:.1f}", f"{path.stat().st_size / 1024:,.0f}"]


def main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--networks", nargs="+", default=[*DIRECT, *RECURRENT])
    made.add_argument("--lookback", type=int, default=48)
    made.add_argument("--times", type=int, default=200)
    options = made.parse_args()
    print("".join(f"{title:>16}" for title in COLUMNS))
    with tempfile.TemporaryDirectory() as name:
        for network in options.networks:
            cells = measured(network, options.lookback, options.times, Path(name))
            print("".join(f"{cell:>16}" for cell in [network, *cells]), flush=True)


if __name__ == "__main__":
    main()
