"""Which network classifies short series and small images best, chosen on training data alone?

    classification.py choose gunpoint    cross-validation on the training file, for each candidate
    classification.py test gunpoint      the test file, by the settings that stand below

`choose` never opens a test file. What it found stands in `CHOSEN`, committed before `test` was run
for the first time. `digits200` and `digits1500` ask whether a convolution wins on little data: a
`vit`, a two-dimensional convolution and a `cnn_lstm` over rows learn from 200 or 1,500 of
scikit-learn's digits and are tested on the same 297 others.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate, train_test_split

import tsmodels
from tsmodels import CNNLSTM, GRU, LSTM, TCN, SequenceClassifier, Transformer, ViT
from tsmodels.backend import keras, ops
from tsmodels.networks import Custom


def wide(name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """A file `label, t0, t1, ...`: X (N, T, 1) and labels (N,)."""
    frame = pd.read_csv(_folder() / f"tsc_{name}" / f"{part}.csv.gz")
    return frame.drop(columns="label").to_numpy()[:, :, None], frame.label.to_numpy()


def motions(part: str) -> tuple[np.ndarray, np.ndarray]:
    """A long file `case_id, label, t, dim_0, ...`: X (N, T, 6) and labels (N,)."""
    frame = pd.read_csv(_folder() / "tsc_basicmotions" / f"{part}.csv.gz")
    frame = frame.sort_values(["case_id", "t"])
    labels = frame.groupby("case_id").label.first().to_numpy()
    return frame.filter(like="dim_").to_numpy().reshape(len(labels), -1, 6), labels


def digits(part: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 8, 8, 1): the first `n` of 1,500 to learn from, or 297 to test on."""
    data = load_digits()
    images, held, labels, answers = train_test_split(
        data.images[..., None], data.target, test_size=297, stratify=data.target, random_state=0
    )
    return (images[:n], labels[:n]) if part == "train" else (held, answers)


def _folder() -> Path:
    if "TSMODELS_DATA" not in os.environ:
        raise SystemExit("Set TSMODELS_DATA to the folder that holds tsc_gunpoint and the others.")
    return Path(os.environ["TSMODELS_DATA"])


def convolution(x):
    """Two convolutions and a pooling, then every place is a step: (B, 8, 8, D) -> (B, 16, 64)."""
    for filters in (32, 64):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return ops.reshape(keras.layers.MaxPooling2D(2)(x), (-1, 16, 64))


SERIES = {
    "gru": {"network": GRU()},
    "lstm": {"network": LSTM()},
    "cnn_lstm": {"network": CNNLSTM(n_convolutions=2, kernel_size=7)},
    "tcn": {"network": TCN(n_layers=4, kernel_size=7)},
    "tcn mean": {"network": TCN(n_layers=4, kernel_size=7), "pooling": "mean"},
    "transformer": {"network": Transformer(dropout=0.0), "pooling": "mean"},
}
LONGER = {"epochs": 150, "learning_rate": 3e-3}
SERIES |= {f"{name}, longer": SERIES[name] | LONGER for name in ("gru", "tcn", "tcn mean")}

IMAGES = {
    "vit": {"network": ViT(patch_size=2, n_layers=2, dropout=0.1), "pooling": "mean"},
    "convolution": {"network": Custom(encoder=convolution)},
    "cnn_lstm": {"network": CNNLSTM(kernel_size=3, pool_size=1)},
}
IMAGES = {
    f"{name}, rate {rate:g}": {**settings, "learning_rate": rate}
    for name, settings in IMAGES.items()
    for rate in (1e-3, 3e-3)
}
CANDIDATES = {
    "gunpoint": SERIES,
    "italypowerdemand": SERIES,
    "basicmotions": SERIES,
    "digits200": IMAGES,
    "digits1500": {name: {**settings, "epochs": 15} for name, settings in IMAGES.items()},
}
DATA = {
    "gunpoint": lambda part: wide("gunpoint", part),
    "italypowerdemand": lambda part: wide("italypowerdemand", part),
    "basicmotions": motions,
    "digits200": lambda part: digits(part, 200),
    "digits1500": lambda part: digits(part, 1500),
}

# By `choose`: the candidate with the best accuracy in cross-validation, ties by log-loss; for the
# digits the best of each network.
CHOSEN = {
    "gunpoint": ["tcn mean, longer"],  # 99.0 % in cross-validation
    "italypowerdemand": ["tcn"],  # 97.8 %
    "basicmotions": ["tcn, longer"],  # 100.0 %
    "digits200": ["vit, rate 0.001", "convolution, rate 0.003", "cnn_lstm, rate 0.003"],
    "digits1500": ["vit, rate 0.003", "convolution, rate 0.001", "cnn_lstm, rate 0.003"],
}

# Test accuracy in percent. InceptionTime: hfawaz/InceptionTime@365ce4d, file
# results-InceptionTime-85.csv, and for BasicMotions @0d623a3, results-mts.csv. ROCKET: means of ten
# runs, angus924/rocket@41cfd4b, results_ucr.csv. HIVE-COTE 2.0: aeon-toolkit/aeon@a101ddc.
PUBLISHED = {
    "gunpoint": {"InceptionTime": 100.0, "ROCKET": 100.0, "HIVE-COTE 2.0": 100.0},
    "italypowerdemand": {"InceptionTime": 96.8, "ROCKET": 97.0, "HIVE-COTE 2.0": 97.0},
    "basicmotions": {"InceptionTime": 100.0},
}


def classifier(settings: dict, seed: int) -> SequenceClassifier:
    return SequenceClassifier(**settings, random_state=seed)


def form(settings: dict, X: np.ndarray) -> np.ndarray:
    """Images as rows for a network that takes sequences only."""
    takes = getattr(settings["network"], "images", False)
    return X if X.ndim == 3 or takes else X[..., 0]


def choose(data: str) -> pd.DataFrame:
    """Cross-validation on the training file, for each candidate."""
    X, y = DATA[data]("train")
    cv = RepeatedStratifiedKFold(n_splits=4, n_repeats=2 if len(X) < 100 else 1, random_state=0)
    rows = {}
    for name, settings in CANDIDATES[data].items():
        started = time.perf_counter()
        scores = cross_validate(
            classifier(settings, 0), form(settings, X), y, cv=cv, error_score="raise",
            scoring=["accuracy", "neg_log_loss"],
        )  # fmt: skip
        accuracy, loss = scores["test_accuracy"], -scores["test_neg_log_loss"]
        seconds = (time.perf_counter() - started) / len(accuracy)
        rows[name] = {
            "accuracy": 100 * accuracy.mean(),
            "log-loss": loss.mean(),
            "s a fit": seconds,
        }
        print(name, {key: round(float(value), 3) for key, value in rows[name].items()}, flush=True)
    return pd.DataFrame(rows).T.sort_values(["accuracy", "log-loss"], ascending=[False, True])


def test(data: str, seeds: int = 5) -> pd.DataFrame:
    """The chosen settings on the test file: each seed by itself, and their mean probability."""
    (X, y), (held, answers) = DATA[data]("train"), DATA[data]("test")
    rows = {}
    for name in CHOSEN[data]:
        settings = CANDIDATES[data][name]
        started = time.perf_counter()
        models = [classifier(settings, s).fit(form(settings, X), y) for s in range(seeds)]
        seconds = (time.perf_counter() - started) / seeds
        test = form(settings, held)
        single = np.array([100 * model.score(test, answers) for model in models])
        mean = np.mean([model.predict_proba(test) for model in models], axis=0)
        together = 100 * np.mean(models[0].classes_[mean.argmax(axis=1)] == answers)
        row = {"accuracy": single.mean(), "sd": single.std(), "together": together}
        rows[name] = {**row, "s a fit": seconds}
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["choose", "test"])
    parser.add_argument("data", choices=list(DATA))
    options = parser.parse_args()
    print(f"{options.what} {options.data}, tsmodels {tsmodels.__version__}")
    table = choose(options.data) if options.what == "choose" else test(options.data)
    print(
        table.round(
            {"accuracy": 1, "sd": 1, "together": 1, "log-loss": 3, "s a fit": 1}
        ).to_string()
    )
    if options.what == "test":
        print("published:", PUBLISHED.get(options.data, "-"))


if __name__ == "__main__":
    main()
