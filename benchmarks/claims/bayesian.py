"""Claim: Bayesian networks know what they do not know.

So say Gal & Ghahramani (2016) and many tutorials of the Bayesian CNN-LSTM. New York taxi rides,
fitted on the rows before November, 12 hours ahead every 6 hours to the end of January. Are its
intervals wider where its errors are larger: on ordinary days, on six days unlike any it has seen
(holidays and a blizzard), and on rows in an order by chance, of which nothing can be known?
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from tsmodels import Forecaster, MonteCarlo, datasets
from tsmodels.data.frame import make_panel
from tsmodels.data.panel import Panel

UNLIKE = ("2014-11-02", "2014-11-27", "2014-12-25", "2015-01-01", "2015-01-26", "2015-01-27")
HORIZON, LEVEL = 24, 80


def judged(model: Any, panel: Panel, cutoffs: np.ndarray) -> pd.DataFrame:
    """Row, width of the interval, size of the error and whether it is within, a step each."""
    series = np.zeros(len(cutoffs), int)
    yhat, _, predictive = model.predictive_at(panel, cutoffs, series, HORIZON)
    low, high = predictive.interval(LEVEL)
    rows = cutoffs[:, None] + np.arange(HORIZON)
    y = panel.values[rows, 0]
    held = (low <= y) & (y <= high)
    parts = {"row": rows, "width": high - low, "error": abs(y - yhat), "held": held}
    return pd.DataFrame({name: np.ravel(part) for name, part in parts.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    frame = datasets.load("nyc_taxi")
    panel = make_panel(frame)
    stamps = pd.DatetimeIndex(frame.ds)
    first = int(np.searchsorted(stamps, pd.Timestamp("2014-11-01")))
    cutoffs = np.arange(first, len(stamps) - HORIZON + 1, 12)
    mixed = panel.values.copy()
    mixed[first - 336 :] = np.random.default_rng(0).permutation(mixed[first - 336 :])
    unlike = stamps.strftime("%Y-%m-%d").isin(UNLIKE)
    settings = {"horizon": HORIZON, "season_length": 48, "lookback": 168, "random_state": 0}
    settings |= {"max_steps": options.steps}
    models = {
        "MonteCarlo(bayesian_cnn_lstm)": MonteCarlo(Forecaster("bayesian_cnn_lstm", **settings)),
        "cnn_lstm, errors of its validation rows": Forecaster("cnn_lstm", **settings),
    }
    print("| intervals | rows | error | width | coverage of 80 % | rank correlation |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, model in models.items():
        model.fit(panel.head(np.array([first])))
        found = judged(model, panel, cutoffs)
        rare = unlike[found.row]
        parts = {"ordinary days": found[~rare], "days unlike any": found[rare]}
        parts["in an order by chance"] = judged(model, replace(panel, values=mixed), cutoffs)
        for what, part in parts.items():
            rank = spearmanr(part.width, part.error).statistic
            cells = f"{part.error.mean():,.0f} | {part.width.mean():,.0f} | {part.held.mean():.1%}"
            print(f"| {name} | {what} | {cells} | {rank:.2f} |", flush=True)


if __name__ == "__main__":
    main()
