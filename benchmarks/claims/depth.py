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

from tsmodels import LSTM, datasets
from tsmodels.backend import keras
from tsmodels.networks.base import as_memory

LENGTH, BATCH = 100, 32


def windows(codes: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Characters and the ones that follow them, (N, LENGTH) each."""
    rows = codes[starts[:, None] + np.arange(LENGTH + 1)]
    return rows[:, :-1], rows[:, 1:]


def language_model(n_layers: int, residual: bool, width: int, symbols: int, rate: float):
    network = LSTM(d_model=width, n_layers=n_layers, residual_from=2 if residual else None)
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(symbols, width)(inputs)
    x = as_memory(network.encode(network.layers(), x)).sequence
    model = keras.Model(inputs, keras.layers.Dense(symbols)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 4, 6, 8])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--checks", type=int, default=4, help="how often perplexity is measured")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    text = datasets.load("tiny_shakespeare")["text"][0]
    symbols, codes = np.unique(list(text), return_inverse=True)
    codes = codes.astype(np.int32)
    train, end = int(0.9 * len(codes)), int(0.95 * len(codes))
    rng = np.random.default_rng(options.seed)
    x, y = windows(codes, rng.integers(0, train - LENGTH, options.steps * BATCH))
    held = windows(codes, np.arange(train, end - LENGTH, LENGTH))
    parts = np.array_split(np.arange(options.steps), options.checks)

    print("| layers | residuals |", *(f"{p[-1] + 1} steps |" for p in parts), "minutes |")
    print("| --- | --- |", *("--- |" for _ in parts), "--- |")
    for n_layers in options.layers:
        for residual in (False, True):
            keras.utils.set_random_seed(options.seed)
            settings = (options.width, len(symbols), options.learning_rate)
            model = language_model(n_layers, residual, *settings)
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
