"""Claim: a decoder that was always shown the truth goes astray when it reads its own forecasts.

So say Bengio et al. (2015), who show the truth ever more seldom. New York taxi rides, 24 half-hours
ahead: seq2seq with pure teacher forcing, with schedules, and with a decoder that reads no values at
all; the mean absolute error of free-running forecasts by step, in rides, on the last sixth of the
rows. Settings are the same for all and were not chosen by these figures.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from tsmodels import Forecaster, Seq2Seq, datasets
from tsmodels.data.frame import make_panel

HORIZON, STEPS = 24, (1, 2, 6, 12, 24)
TAUGHT: dict[str, dict[str, Any]] = {
    "always the truth": {"teacher_forcing": "constant", "forcing_rate": 1.0},
    "the truth half of the time": {"teacher_forcing": "constant", "forcing_rate": 0.5},
    "linear": {"teacher_forcing": "linear"},
    "exponential": {"teacher_forcing": "exponential"},
    "inverse sigmoid": {"teacher_forcing": "inverse_sigmoid"},
    "never a value, vectors alone": {"teacher_forcing": "none"},
}


def errors(model: Any, panel: Any, first: int) -> np.ndarray:
    """Mean absolute error by step, (HORIZON,), from every third row on."""
    cutoffs = np.arange(first, len(panel.values) - HORIZON + 1, 3)
    yhat, _ = model.forecast_at(panel, cutoffs, np.zeros(len(cutoffs), int), HORIZON)
    return np.abs(panel.values[cutoffs[:, None] + np.arange(HORIZON), 0] - yhat).mean(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    panel = make_panel(datasets.load("nyc_taxi"))
    first = len(panel.values) * 5 // 6
    settings: dict[str, Any] = {"horizon": HORIZON, "lookback": 48, "season_length": 48}
    settings |= {"max_steps": options.steps, "batch_size": 64, "learning_rate": 3e-3}
    print("| in training the decoder is shown | mean |", *(f"step {k} |" for k in STEPS), "sd |")
    print("| --- | ---: |", *("---: |" for _ in STEPS), "---: |")
    for name, forcing in TAUGHT.items():
        network = Seq2Seq(d_model=32, n_layers=1, **forcing)
        models = [Forecaster(network, **settings, random_state=seed) for seed in options.seeds]
        found = [errors(m.fit(panel.head(np.array([first]))), panel, first) for m in models]
        mean = np.mean(found, axis=0)
        cells = [f"{mean.mean():,.0f}", *(f"{mean[k - 1]:,.0f}" for k in STEPS)]
        spread = np.std([f.mean() for f in found])
        print(f"| {name} | {' | '.join(cells)} | {spread:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
