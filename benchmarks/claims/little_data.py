"""Claim: convolutions win on little data, Transformers need much.

rt-polarity: accuracy on whole test folds after 300 to 9,600 sentences, the same settings for all
networks, as many steps for every amount; and the baseline without a network.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from reviews import folds

from tsmodels import LSTM, TCN, TextClassifier, Tokens, Transformer

AMOUNTS = (300, 1000, 3000, 9000)
NETWORKS = {
    "tcn (convolutions)": TCN(n_layers=1, d_model=100),
    "lstm": LSTM(d_model=100),
    "transformer": Transformer(d_model=100, n_layers=1),
}
SETTINGS: dict[str, Any] = {
    "tokens": Tokens(max_length=64),
    "epochs": None,
    "max_steps": 350,
    "batch_size": 128,
    "learning_rate": 3e-3,
    "token_dropout": 0.3,
    "random_state": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    print("| network |", *(f"{n:,} sentences |" for n in AMOUNTS))
    print("| --- |", *("---: |" for _ in AMOUNTS))
    found: dict[str, list[list[float]]] = {}
    for (texts, labels), (others, answers) in folds(options.folds):
        baselines = {}
        for name, network in NETWORKS.items():
            row = found.setdefault(name, [])
            row.append([])
            for n in AMOUNTS:
                model = TextClassifier(network, **SETTINGS).fit(texts[:n], labels[:n])
                row[-1].append(float(np.mean(model.predict(others) == answers)))
                proba = model.baseline_.predict_proba(others)
                baselines[n] = float(np.mean(model.classes_[proba.argmax(1)] == answers))
        found.setdefault("TF-IDF, logistic regression", []).append([*baselines.values()])
    for name, rows in found.items():
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
        cells = [f"{m:.1%} ± {100 * s:.1f}" for m, s in zip(mean, spread, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
