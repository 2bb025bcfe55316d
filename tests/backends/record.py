"""Writes the fitted files of this folder, and the forecasts that every backend must give.

    KERAS_BACKEND=tensorflow python tests/backends/record.py [NAME ...]

The files are old on purpose. Run it again, for the models concerned alone, only when the format of
files or the weights of a network change, and say in the change that files saved before cannot be
read. `frame.csv` is what was learned from, `forecasts.csv` what TensorFlow forecast.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tsmodels import LSTM, Forecaster, Mamba, PatchTST, SeasonalNaive
from tsmodels.backend import keras

DATA = Path(__file__).parent / "data"
SHARED = {"horizon": 6, "lookback": 24, "max_steps": 60, "learning_rate": 0.01, "random_state": 0}


def models():
    """One of every kind: a linear map, a recurrence, a scan, attention, and no network at all."""
    return {
        "nlinear": Forecaster("nlinear", **SHARED),
        "lstm": Forecaster(LSTM(d_model=4), **SHARED),
        "mamba": Forecaster(Mamba(d_model=4, n_layers=1), **SHARED),
        "patchtst": Forecaster(PatchTST(d_model=8, n_layers=1), **SHARED, scaler="robust"),
        "seasonal_naive": SeasonalNaive(horizon=6),
    }


def frame():
    """Three series of hours: a long one, one with holes, and one that is shorter than a window."""
    rng = np.random.default_rng(0)
    parts = []
    for name, n, level in (("long", 240, 100.0), ("holes", 200, -3.0), ("short", 20, 1e6)):
        t = np.arange(n)
        y = level * (1 + 0.1 * np.sin(t * 2 * np.pi / 24)) + 0.02 * level * rng.standard_normal(n)
        ds = pd.date_range("2024-03-25", periods=n, freq="h", tz="Europe/Berlin")
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y.round(4)}))
    table = pd.concat(parts, ignore_index=True)
    table.loc[table.index[table["unique_id"] == "holes"][50:60], "y"] = np.nan
    return table


def forecasts(fitted, table):
    """What a model says of the future, of steps beyond its horizon, and of a frame it is shown."""
    cut = table[table.groupby("unique_id").cumcount(ascending=False) >= 10]
    shown = cut.assign(unique_id="new " + cut["unique_id"])
    answers = {
        "next": fitted.predict(),
        "longer": fitted.predict(horizon=9),
        "shown": fitted.predict(shown),
    }
    return pd.concat([answer.assign(asked=asked) for asked, answer in answers.items()])


def main(names):
    assert keras.backend.backend() == "tensorflow"
    DATA.mkdir(exist_ok=True)
    table, path = frame(), DATA / "forecasts.csv"
    table.to_csv(DATA / "frame.csv", index=False)
    said = {name: part for name, part in pd.read_csv(path).groupby("model")} if names else {}
    for name, model in models().items():
        if name in names or not names:
            model.fit(table).save(DATA / f"{name}.tsmodels")
            said[name] = forecasts(model, table).assign(model=name)
    columns = ["model", "asked", "unique_id", "ds", "yhat"]
    pd.concat([said[name] for name in models()])[columns].to_csv(path, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
