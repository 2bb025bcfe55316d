"""Long-horizon accuracy by the papers' protocol: which network forecasts best on a known data set?

Splits are in time order (ETTh1: 12, 4 and 4 months of 30 days; others 70, 10 and 20 %), values are
standardised with the training rows, every window of the split counts, and errors are the mean over
all channels. Each channel is an id of one global network; nothing joins channels. Settings below
were chosen on the validation windows; the test windows are for reporting.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

import tsmodels
from tsmodels import DLinear, Forecaster, Naive, NLinear, SeasonalNaive, datasets

SETTINGS = {
    "nlinear": {"network": NLinear(), "lookback": 336, "learning_rate": 3e-4},
    "dlinear": {"network": DLinear(), "lookback": 336, "learning_rate": 3e-4},
    "mlp": {"network": tsmodels.MLP(), "lookback": 336},
    "rnn": {"network": tsmodels.RNN(), "lookback": 96, "epochs": 5, "batch_size": 256},
    "lstm": {"network": tsmodels.LSTM(), "lookback": 96, "epochs": 5, "batch_size": 256},
    "gru": {"network": tsmodels.GRU(), "lookback": 96, "epochs": 5, "batch_size": 256},
}
COMMON = {"epochs": 10, "batch_size": 128, "learning_rate": 1e-3, "patience": 3}

# MSE and MAE at horizon 96 as published, with the lookback of the source.
PUBLISHED = {
    ("etth1", "nlinear"): "0.374/0.394 (LTSF-Linear, best)",
    ("etth1", "dlinear"): "0.375/0.399 (PatchTST paper, 336)",
    ("etth1", "gru"): "1.135/0.844 (SegRNN paper, joint, 720)",
    ("etth1", "lstm"): "- ",
}


def spans(name: str, rows: int) -> tuple[int, int, int]:
    """End of the training, validation and test rows."""
    if name == "etth1":
        return 8640, 11520, 14400
    return int(0.7 * rows), rows - int(0.2 * rows), rows


def errors(estimator, panel, std, first: int, last: int, horizon: int):
    """Standardised MSE and MAE over every window of rows first to last of all channels."""
    cutoffs = np.arange(first, last - horizon + 1)  # of one channel
    series = np.repeat(np.arange(panel.n_series), len(cutoffs))
    rows = panel.offsets[series] + np.tile(cutoffs, panel.n_series)
    yhat, _ = estimator.forecast_at(panel, rows, series, horizon)
    y = panel.values[rows[:, None] + np.arange(horizon), 0]
    error = (y - yhat) / std[series, None]
    return float(np.mean(error**2)), float(np.mean(np.abs(error)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="etth1", help="etth1, exchange_rate or weather_jena")
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--networks", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--validation-only", action="store_true", help="leave the test rows closed")
    options = parser.parse_args()

    frame = datasets.load(options.data)
    train, validation, test = spans(options.data, len(frame))
    frame = frame.iloc[:test]
    std = frame.iloc[:train].std(ddof=0).to_numpy()
    common = {"horizon": options.horizon, "season_length": 24}
    panel = Naive(**common).to_panel(frame)
    ends = [(train, validation)] + ([] if options.validation_only else [(validation, test)])

    def evaluate(estimator) -> list[float]:
        found = [errors(estimator, panel, std, *end, options.horizon) for end in ends]
        return [number for pair in found for number in pair]

    rows = {}
    for baseline in (Naive, SeasonalNaive):
        rows[baseline.__name__] = [evaluate(baseline(**common).fit(frame.iloc[:train]))]
    seconds = {}
    for name in options.networks:
        started = time.perf_counter()
        for seed in options.seeds:
            settings = {**common, **COMMON, **SETTINGS[name]}
            model = Forecaster(**settings, validation=validation - train, random_state=seed)
            model.fit(frame.iloc[:validation])
            rows.setdefault(name, []).append(evaluate(model))
        seconds[name] = (time.perf_counter() - started) / len(options.seeds)

    print(f"{options.data}, horizon {options.horizon}, {panel.n_series} channels as ids, seeds "
          f"{options.seeds}, tsmodels {tsmodels.__version__}")  # fmt: skip
    columns = ["val MSE", "val MAE", "test MSE", "test MAE"][: 2 * len(ends)]
    table = pd.DataFrame({name: np.mean(found, axis=0) for name, found in rows.items()}).T
    table.columns = columns
    table["sd"] = [np.std([f[-2] for f in found]) for found in rows.values()]
    table["lookback"] = [str(SETTINGS.get(name, {}).get("lookback", "")) for name in rows]
    table["s a seed"] = [f"{seconds[name]:.0f}" if name in seconds else "" for name in rows]
    at_96 = options.horizon == 96
    known = [PUBLISHED.get((options.data, name), "") if at_96 else "" for name in rows]
    table["published test MSE/MAE"] = known
    print(table.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
