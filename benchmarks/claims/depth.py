"""Claim: plain LSTM stacks stop improving after a few layers, residual connections let 8 train.

So says the GNMT paper (Wu et al., 2016, section 3.1). Character models of tinyshakespeare with 2,
4, 6 and 8 layers, with residuals from the second layer and without, the same windows in the same
order; perplexity of a character on the validation part (the last tenth but a twentieth) after equal
numbers of steps.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from characters import BATCH, LENGTH, characters, language_model, windows

from tsmodels import LSTM
from tsmodels.backend import keras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 4, 6, 8])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--checks", type=int, default=4, help="how often perplexity is measured")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    codes, train, end = characters()
    symbols = int(codes.max()) + 1
    rng = np.random.default_rng(options.seed)
    x, y = windows(codes, rng.integers(0, train - LENGTH, options.steps * BATCH))
    held = windows(codes, np.arange(train, end - LENGTH, LENGTH))
    parts = np.array_split(np.arange(options.steps), options.checks)

    print("| layers | residuals |", *(f"{p[-1] + 1} steps |" for p in parts), "minutes |")
    print("| --- | --- |", *("--- |" for _ in parts), "--- |")
    for n_layers in options.layers:
        for residual in (False, True):
            keras.utils.set_random_seed(options.seed)
            skip = 2 if residual else None
            network = LSTM(d_model=options.width, n_layers=n_layers, residual_from=skip)
            model = language_model(network, symbols, options.learning_rate)
            started, found = time.perf_counter(), []
            for part in parts:
                rows = slice(part[0] * BATCH, (part[-1] + 1) * BATCH)
                model.fit(x[rows], y[rows], batch_size=BATCH, shuffle=False, verbose=0)
                found.append(np.exp(model.evaluate(*held, batch_size=128, verbose=0)))
            minutes = (time.perf_counter() - started) / 60
            cells = " | ".join(f"{value:.2f}" for value in found)
            print(f"| {n_layers} | {'yes' if residual else 'no'} | {cells} | {minutes:.1f} |")


if __name__ == "__main__":
    main()
