"""Is a search worth its cost? CNN-LSTM on the oil temperature of ETTh1, a day ahead.

Whales and random search each try 60 configurations by three rolling origins on the rows before the
held-back span. Default and both finds are then fitted on these rows with five seeds, and forecast
every day of the held-back span, which no search has seen. `--quick` is a rehearsal on a few rows.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from tsmodels import (
    CNNLSTM,
    Choice,
    Forecaster,
    Int,
    Real,
    RollingOrigin,
    WOASearchCV,
    backtest,
    datasets,
)

HORIZON = 24
SPACE = {
    "learning_rate": Real(1e-4, 1e-2, log=True),
    "lookback": Choice([48, 96, 168]),
    "network__d_model": Choice([16, 32]),
    "network__n_layers": Int(1, 2),
    "network__n_convolutions": Int(1, 3),
    "network__kernel_size": Choice([3, 5, 7]),
    "network__pool_size": Choice([1, 2, 4]),
    "network__dropout": Real(0.0, 0.5),
}


def search(estimator: Forecaster, frame: pd.DataFrame, engine: str, options: Any) -> Any:
    """The finished search and the seconds it took."""
    started = time.perf_counter()
    found = WOASearchCV(
        estimator,
        SPACE,
        n_iter=options.evaluations,
        cv=RollingOrigin(HORIZON, n_splits=3, step=24 * 7),
        engine=engine,
        n_jobs=options.jobs,
        random_state=options.seed,
        refit=False,
        verbose=1,
        checkpoint=options.checkpoint and f"{options.checkpoint}.{engine}.jsonl",
    ).fit(frame)
    return found, time.perf_counter() - started


def held_back(estimator: Forecaster, params: Any, frame: pd.DataFrame, options: Any) -> Any:
    """MASE and MAE on the held-back days, (seeds, 2), of fits on the rows before them."""
    days = options.held
    rows = []
    for seed in range(options.seeds):
        model = Forecaster(**estimator.get_params(deep=False))
        model.set_params(**params, random_state=seed).fit(frame.iloc[: -HORIZON * days])
        scores = backtest(model, frame, n_windows=days, step=HORIZON).scores.loc["yhat"]
        rows.append([scores["mase"], scores["mae"]])
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held", type=int, default=90, help="days that no search sees")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--checkpoint", help="path to resume from; the engine is appended")
    parser.add_argument("--quick", action="store_true", help="a rehearsal of a minute")
    options = parser.parse_args()
    frame = datasets.load("etth1")[["OT"]]
    if options.quick:
        options.evaluations, options.seeds, options.held, options.steps = 3, 1, 7, 20
        frame = frame.tail(24 * 90)
    network = CNNLSTM(d_model=32)
    estimator = Forecaster(network, horizon=HORIZON, lookback=96, max_steps=options.steps)
    before = frame.iloc[: -HORIZON * options.held]
    settings: dict[str, tuple[Any, float, float]] = {"default": ({}, float("nan"), 0.0)}
    for engine in ("woa", "random"):
        found, seconds = search(estimator, before, engine, options)
        settings[engine] = (found.best_params_, -found.best_score_, seconds)
    print("| | MASE of the splits | MASE held back | MAE held back | search, minutes |")
    print("| --- | --- | --- | --- | --- |")
    for name, (params, mase, seconds) in settings.items():
        scores = held_back(estimator, params, frame, options)
        means, spread = scores.mean(axis=0), scores.std(axis=0)
        print(
            f"| {name} | {mase:.3f} | {means[0]:.3f} ± {spread[0]:.3f} |"
            f" {means[1]:.3f} ± {spread[1]:.3f} | {seconds / 60:.1f} |"
        )
    for name, (params, _, _) in settings.items():
        print(f"{name}: {params}")


if __name__ == "__main__":
    main()
