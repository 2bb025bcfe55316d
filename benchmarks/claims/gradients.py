"""Claim: gradients of a plain RNN vanish or explode over many steps, those of an LSTM do not.

So say Bengio et al. (1994) and Hochreiter & Schmidhuber (1997). Character models of
tinyshakespeare: how much the loss of the last character of a window moves with the vector of the
one k places before (root mean square over windows of the validation part, as a share of k = 0),
before and after training. The recurrent weights of "x 2" are twice those of the usual orthogonal
start.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from characters import BATCH, LENGTH, characters, language_model, windows

from tsmodels import GRU, LSTM, RNN
from tsmodels.backend import keras
from tsmodels.training.pullback import pullback_of

BEFORE = (1, 2, 5, 10, 25, 50, 99)
NETWORKS = {"rnn": (RNN, 1.0), "rnn, x 2": (RNN, 2.0), "gru": (GRU, 1.0), "lstm": (LSTM, 1.0)}


def scale_recurrence(model: Any, gain: float) -> None:
    for variable in model.variables:
        if variable.name == "recurrent_kernel":
            variable.assign(variable * gain)


def reach(model: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How the last loss moves with each vector, (LENGTH,), the last character first."""
    embedding = next(layer for layer in model.layers if isinstance(layer, keras.layers.Embedding))
    after = keras.Model({"vectors": embedding.output}, model.output)
    logits = model.predict(x, verbose=0)
    shares = np.zeros_like(logits)
    shares[:, -1] = keras.ops.convert_to_numpy(keras.ops.softmax(logits[:, -1]))
    shares[np.arange(len(x)), -1, y[:, -1]] -= 1.0  # of the cross-entropy in the logits
    vectors = keras.ops.convert_to_numpy(embedding(x))
    slope = pullback_of(after)({"vectors": vectors}, {}, shares)["vectors"]
    return np.sqrt(np.mean(np.sum(slope**2, axis=2), axis=0))[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    codes, train, end = characters()
    symbols = int(codes.max()) + 1
    starts = np.random.default_rng(options.seed).integers(0, train - LENGTH, options.steps * BATCH)
    x, y = windows(codes, starts)
    held = windows(codes, np.arange(train, end - LENGTH, LENGTH))
    looked_at = [part[:256] for part in held]

    print("| network | training | perplexity |", *(f"k = {k} |" for k in BEFORE))
    print("| --- | --- | ---: |", *("---: |" for _ in BEFORE))
    for name, (kind, gain) in NETWORKS.items():
        keras.utils.set_random_seed(options.seed)
        model = language_model(kind(d_model=options.width), symbols, options.learning_rate)
        scale_recurrence(model, gain)
        for steps in (0, options.steps):
            if steps:
                model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
            perplexity = np.exp(model.evaluate(*held, batch_size=128, verbose=0))
            found = reach(model, *looked_at)
            cells = " | ".join(f"{found[k] / found[0]:.1e}" for k in BEFORE)
            print(f"| {name} | {steps} steps | {perplexity:.2f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
