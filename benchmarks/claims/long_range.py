"""Claim: Transformers beat recurrent networks where what matters lies far back.

M4 Hourly, 414 series with a rhythm of the day and one of the week, the calendar not told: who
forecasts 24 hours from the last day alone cannot know the week, who reads a week and more can. One
global network each, the same width, batches and rate, on the last 24 hours of the training part;
MASE by the hours that a network reads. Settings were not chosen by these figures, and the test
part is not read.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import Forecaster, SeasonalNaive, datasets
from tsmodels.metrics import evaluate

HORIZON, LOOKBACKS = 24, (24, 72, 168, 336)
NETWORKS = ("lstm", "gru", "mamba2", "transformer", "patchtst", "mlp")
COMMON: dict[str, Any] = {"horizon": HORIZON, "season_length": 24}
SETTINGS: dict[str, Any] = {
    **COMMON,
    "network__d_model": 32,
    "network__n_layers": 1,
    "network__dropout": 0.0,
    "loss": "mae",
    "batch_size": 64,
    "learning_rate": 3e-3,
    "validation": None,
}


def mase(answer: pd.DataFrame, truth: pd.DataFrame, known: pd.DataFrame) -> float:
    found = evaluate(answer, truth, metrics=["mase"], train=known, season_length=24)
    return float(found.by_id["mase"].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    frame = datasets.load("m4_hourly")
    truth = frame.groupby("unique_id", sort=False).tail(HORIZON)
    known = frame.drop(truth.index)
    for season in (24, 168):
        naive = SeasonalNaive(horizon=HORIZON, season_length=season).fit(known)
        print(f"seasonal naive ({season}): {mase(naive.predict(), truth, known):.3f}")
    print("| network |", *(f"{n} hours |" for n in LOOKBACKS), "seconds, last |")
    print("| --- |", *("---: |" for _ in LOOKBACKS), "---: |")
    for name in options.networks:
        cells = []
        for lookback in LOOKBACKS:
            found, started = [], time.perf_counter()
            for seed in options.seeds:
                model = Forecaster(name, lookback=lookback, random_state=seed)
                model.set_params(**SETTINGS, max_steps=options.steps).fit(known)
                found.append(mase(model.predict(), truth, known))
            seconds = (time.perf_counter() - started) / len(options.seeds)
            cells.append(f"{np.mean(found):.3f} ± {np.std(found):.3f}")
        print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
