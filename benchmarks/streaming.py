"""What a row costs a stream: one update and one forecast, and where the time goes.

python benchmarks/streaming.py [--rows 2000]

LSTM with 64 units, lookback 168, horizon 24, hourly rows, one row of one id at a time as a pandas
frame. Times in ms; `predict` of the forecaster on its last rows stands beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import LSTM, Forecaster
from tsmodels.data.frame import read_rows
from tsmodels.data.targets import apart
from tsmodels.estimators import streaming
from tsmodels.estimators.horizon import answer_frame


def hourly(n: int, ids: list[str]) -> pd.DataFrame:
    """n hours of each id."""
    ds = pd.date_range("2024-01-01", periods=n, freq="h")
    y = 10 + np.sin(np.arange(n) * np.pi / 12)
    return pd.concat([pd.DataFrame({"unique_id": name, "ds": ds, "y": y}) for name in ids])


def timed(run: Callable[[], Any], times: int) -> str:
    """p50 and p99 of a call in ms."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    p50, p99 = 1e3 * np.quantile(taken, [0.5, 0.99])
    return f"{p50:8.2f} {p99:8.2f}"


def report(n_ids: int, times: int) -> None:
    """Times with `n_ids` ids, of which one gives a row and asks for its forecast."""
    ids = [f"id {k}" for k in range(n_ids)]
    frame = hourly(400, ids)
    model = Forecaster(LSTM(revin=None), horizon=24, lookback=168, max_steps=2).fit(frame)
    stream = model.stream()
    rows = hourly(400 + times + 50, ids[:1])[400:]
    each = iter([rows[k : k + 1] for k in range(len(rows))])

    def both() -> None:
        stream.update(next(each)).predict(ids[:1])

    for _ in range(50):  # traced, and warm
        both()
    print(f"{n_ids} ids {'p50':>25} {'p99':>8}")
    print(f"{'update + predict':<24}{timed(both, times)}")
    for name, run in parts(stream, rows[-1:], ids[:1]).items():
        print(f"  {name:<22}{timed(run, times)}")
    print(f"{'Forecaster.predict()':<24}{timed(model.predict, 200)}\n")


def parts(stream: Any, row: pd.DataFrame, ids: list[str]) -> dict[str, Callable[[], Any]]:
    """What an update and a forecast consist of; the rest is checks and bookkeeping."""
    forecaster, codes = stream.forecaster, np.zeros(1, int)
    panel = apart(stream.tail_.take(codes))
    scaled = forecaster._rows(panel, panel.offsets[1:], np.arange(1))
    inputs = stream._inputs(scaled, codes, codes)
    state = {key: value[codes] for key, value in stream.state_.items()}
    yhat = np.zeros((1, forecaster.horizon_))
    return {
        "frame to arrays": lambda: read_rows(row),
        "scaling": lambda: forecaster._rows(panel, panel.offsets[1:], np.arange(1)),
        "network": lambda: streaming._batched(stream._step, inputs, state),
        "arrays to frame": lambda: answer_frame(panel, yhat, np.zeros(1, bool), {}),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000)
    arguments = parser.parse_args()
    for n_ids in (1, 1000):
        report(n_ids, arguments.rows)
