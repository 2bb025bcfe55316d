"""Do intervals hold what they say? Coverage of 80 and 95 % on five real sets, and after a shift.

Every set is cut in time before anything is fitted: the last part is looked at once, from every row
of it (Tourism: its official test rows, from one cutoff). All settings are the same for all sets and
were not chosen by these figures. Widths and Winkler scores are in naive errors, as MASE is.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from tsmodels import (
    GRU,
    MLP,
    AdaptiveConformal,
    Conformal,
    Ensemble,
    Forecaster,
    LastLayerLaplace,
    MonteCarlo,
    datasets,
)
from tsmodels.data.frame import make_panel
from tsmodels.estimators.horizon import naive_scales
from tsmodels.intervals import nested_intervals
from tsmodels.metrics import winkler

HORIZON, LEVELS = 24, (80, 95)
QUANTILES = [0.025, 0.1, 0.5, 0.9, 0.975]
SETS = {  # rows at the end that are tested, and the season of a set whose stamps do not say it
    "etth1": ("etth1", 2880 + 3020, 24),  # 3,020 rows follow the test rows of the papers
    "pjm_hourly": ("pjm_hourly", 24 * 365, 24),
    "nyc_taxi": ("nyc_taxi", 2064, 48),
    "tourism_monthly": ("tourism_monthly", 0, 12),
    "beijing_pm25": ("beijing_pm25", 24 * 365, 24),
}


def forecaster(season: int, network="nlinear", **settings):
    """One linear map, whatever the set: what is asked is whether it knows its errors."""
    settings |= {"season_length": season, "lookback": 7 * 24 if season > 12 else 36}
    return Forecaster(network, horizon=HORIZON, random_state=0, max_steps=1000, **settings)


def methods(season: int) -> dict:
    """What is compared: the door's own intervals, and calibration around quantiles."""
    quantiles = forecaster(season, quantile_levels=QUANTILES)
    held = HORIZON if season == 12 else 0.2
    return {
        "split conformal (a point loss)": forecaster(season),
        "quantiles as trained": quantiles,
        "normal distribution": forecaster(season, loss="normal"),
        "Conformal(quantiles)": Conformal(quantiles, calibration=held),
        "AdaptiveConformal(quantiles)": AdaptiveConformal(quantiles, calibration=held),
    }


def uncertain_weights(season: int) -> dict:
    """Draws of networks, and what their errors alone say."""
    mlp, gru = MLP(d_model=64, dropout=0.1), GRU(d_model=16)
    return {
        "split conformal of mlp, dropout 0.1": forecaster(season, mlp),
        "MonteCarlo(mlp, dropout 0.1)": MonteCarlo(forecaster(season, mlp)),
        "Ensemble(mlp, dropout 0.1)": Ensemble(forecaster(season, mlp)),
        "split conformal of gru": forecaster(season, gru),
        "LastLayerLaplace(gru)": LastLayerLaplace(forecaster(season, gru)),
    }


def load(name: str):
    """All rows as a panel, and the first row that is tested of each series."""
    source, tested, season = SETS[name]
    frame = datasets.load(source)
    if name == "tourism_monthly":
        whole = [frame, datasets.load("tourism_monthly_test")]
        panel = make_panel(
            type(frame)(
                np.concatenate([f.to_numpy() for f in whole]), columns=frame.columns
            ).astype({"ds": int, "y": float})
        )
        return panel, panel.offsets[1:] - HORIZON, season
    if name == "beijing_pm25":
        frame = frame.set_index("ds")["pm25"]
    panel = make_panel(frame)
    return panel, panel.offsets[1:] - tested, season


def measured(estimator, panel, first: np.ndarray, every: int) -> dict[float, tuple[float, ...]]:
    """Coverage, width, Winkler score and crossings of a level over windows of the test rows, one
    from every `every`-th of them."""
    started = time.perf_counter()
    model = estimator.fit(panel.head(first - panel.offsets[:-1]))
    counts = -(-(panel.offsets[1:] - HORIZON - first + 1) // every)
    series = np.repeat(np.arange(panel.n_series), counts)
    cutoffs = np.concatenate([f + every * np.arange(n) for f, n in zip(first, counts, strict=True)])
    predictive = model.predictive_at(panel, cutoffs, series, HORIZON).predictive
    y = panel.values[cutoffs[:, None] + np.arange(HORIZON), 0]
    sizes, _ = naive_scales(panel.head(first - panel.offsets[:-1]), estimator.season_length)
    size, known = sizes[series][:, None], np.isfinite(y)
    intervals = nested_intervals(predictive, LEVELS)
    (lo, hi), (low, high) = intervals.values()
    crossing = float(((low > lo) | (lo > hi) | (hi > high)).mean())
    table = {}
    for level, ends in intervals.items():
        a, b, truth = (np.broadcast_to(x / size, y.shape)[known] for x in (*ends, y))
        held = ((a <= truth) & (truth <= b)).mean()
        score = winkler(truth, a, b, level)
        table[level] = (held, (b - a).mean(), score, crossing, time.perf_counter() - started)
    return table


def shifted() -> None:
    """NYC taxi, times 1.5 from the middle of its test rows on: coverage before and after."""
    panel, first, season = load("nyc_taxi")
    shift = int(first[0]) + 1000
    values = panel.values.copy()
    values[shift:] *= 1.5
    panel = replace(panel, values=values)
    y = panel.values[:, 0]
    inner = Forecaster("nlinear", horizon=6, season_length=season, lookback=336, random_state=0)
    spans = [(-900, 0), (0, 100), (100, 200), (200, 900)]
    print("\nNYC taxi times 1.5 from one row on, horizon 6; coverage of windows by their cutoff:\n")
    print("| method | level | 900 before | first 100 | next 100 | to 900 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for cls in (Conformal, AdaptiveConformal):
        model = cls(inner).fit(panel.head(int(first[0])))
        cutoffs = np.arange(shift - 900, shift + 900)
        where = (panel, cutoffs, np.zeros(len(cutoffs), int), 6)
        predictive = model.predictive_at(*where).predictive
        truth = y[cutoffs[:, None] + np.arange(6)]
        for level in LEVELS:
            low, high = predictive.interval(level)
            held = ((low <= truth) & (truth <= high)).mean(axis=1)
            parts = [held[900 + a : 900 + b].mean() for a, b in spans]
            print(
                f"| {cls.__name__} | {level} | "
                + " | ".join(f"{100 * p:.1f}" for p in parts)
                + " |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=[*SETS], choices=[*SETS, "shift"])
    parser.add_argument("--methods", default="", help="those whose name holds this")
    parser.add_argument("--weights", action="store_true", help="uncertainty of the weights instead")
    parser.add_argument("--every", type=int, default=1, help="rows between windows")
    arguments = parser.parse_args()
    chosen = arguments.sets
    print("| set | method | 80 % | width | Winkler | 95 % | width | Winkler | crossing | s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in chosen:
        if name == "shift":
            continue
        panel, first, season = load(name)
        compared = uncertain_weights if arguments.weights else methods
        for method, estimator in compared(season).items():
            if arguments.methods not in method:
                continue
            table = measured(estimator, panel, first, arguments.every)
            cells = [
                f"{100 * held:.1f} | {width:.2f} | {score:.2f}"
                for held, width, score, *_ in table.values()
            ]
            crossing, seconds = table[80][3:]
            print(
                f"| {name} | {method} | {' | '.join(cells)} | {crossing:g} | {seconds:.0f} |",
                flush=True,
            )
    if (chosen == [*SETS] and not arguments.weights) or "shift" in chosen:
        shifted()


if __name__ == "__main__":
    main()
