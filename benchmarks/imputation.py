"""Gaps of known length, planted in NYC taxi trips: who fills them best?

Mean absolute error in trips per half hour over all rows of the gaps. Forecasters learn from the
rows before the span in which the gaps lie: the last six weeks, or for choices the six weeks before.
Within a run a gap begins every `EVERY` rows, and four runs begin them elsewhere.
"""

import argparse
import time

import numpy as np

from tsmodels import Forecaster, SeasonalNaive, datasets
from tsmodels.data.frame import make_panel

LENGTHS, EVERY, RUNS, DAY, WEEK = (2, 6, 12, 24, 48), 140, 4, 48, 336
SPANS = {"choice": (2 * 2064, 2064), "test": (2064, 0)}  # rows from the end


def weeks_around(y: np.ndarray) -> np.ndarray:
    """The mean of the values a week before and after each row, of those that are known."""
    around = np.full((2, len(y)), np.nan)
    around[0, WEEK:], around[1, :-WEEK] = y[:-WEEK], y[WEEK:]
    one = np.where(np.isnan(around), around[::-1], around)  # the other one, where one is missing
    return one.mean(axis=0)


def methods(y: np.ndarray, fitted: dict) -> dict:
    """Every method's values for a series with gaps."""
    known = np.isfinite(y)
    line = np.interp(np.arange(len(y)), np.flatnonzero(known), y[known])
    answers = {"linear interpolation": line, "mean of the weeks around": weeks_around(y)}
    for name, model in fitted.items():
        answers[name] = model.impute(y).y.to_numpy()
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--span", default="test", choices=SPANS)
    arguments = parser.parse_args()
    y = make_panel(datasets.load("nyc_taxi")).values[:, 0]
    begin, end = (len(y) - rows for rows in SPANS[arguments.span])
    before, y = y[:begin], y[:end]
    settings = {"horizon": 64, "lookback": WEEK, "season_length": DAY, "random_state": 0}
    fitted = {
        "seasonal naive, a day, bent": SeasonalNaive(horizon=64, season_length=DAY).fit(before),
        "seasonal naive, a week, bent": SeasonalNaive(horizon=64, season_length=WEEK).fit(before),
        "nlinear": Forecaster("nlinear", **settings, max_steps=1000).fit(before),
        "nlinear, no errors known: straight": Forecaster(
            "nlinear", **settings, max_steps=1000, validation=None
        ).fit(before),
        "mlp": Forecaster("mlp", **settings, max_steps=1000).fit(before),
    }
    errors: dict[str, list[float]] = {}
    started = time.perf_counter()
    for length in LENGTHS:
        misses: dict[str, list[np.ndarray]] = {}
        for run in range(RUNS):
            starts = np.arange(begin + run * EVERY // RUNS, end - length - 1, EVERY)
            rows = (starts[:, None] + np.arange(length)).ravel()
            gappy = y.copy()
            gappy[rows] = np.nan
            answers = methods(gappy, fitted)
            naive = y[(starts[:, None] - DAY + np.arange(length)).ravel()]
            for name, values in {**answers, "seasonal naive, a day": None}.items():
                found = naive if values is None else values[rows]
                misses.setdefault(name, []).append(np.abs(found - y[rows]))
        for name, parts in misses.items():
            errors.setdefault(name, []).append(float(np.concatenate(parts).mean()))
    print("| rows in a gap | " + " | ".join(map(str, LENGTHS)) + " |")
    print("| --- |" + " ---: |" * len(LENGTHS))
    for name, row in errors.items():
        print(f"| {name} | " + " | ".join(f"{error:,.0f}" for error in row) + " |")
    print(f"\n{time.perf_counter() - started:.0f} s after the fits")


if __name__ == "__main__":
    main()
