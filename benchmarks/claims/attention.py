"""Claim: fused attention is several times faster.

So says Dao et al. (2022) of graphics processors. One causal layer of attention, 4 heads, width 64:
time of a step of training by the plain products and by the backend's own kernel, in turn, medians.
Run it with KERAS_BACKEND=torch or jax as well: TensorFlow has no fused kernel on a processor.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.layers import MultiHeadAttention

WIDTH, HEADS = 64, 4


def trained(length: int, plain: bool) -> Any:
    """A compiled model; `plain` asks for the table of weights too, so that it has to be made."""
    inputs = keras.Input((length, WIDTH))
    y = MultiHeadAttention(HEADS, causal=True)(inputs, return_attention=plain)
    model = keras.Model(inputs, ops.mean(y[0] if plain else y, axis=1))
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mse", jit_compile=False)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 256, 1024, 2048])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(f"{keras.backend.backend()}, milliseconds of a training step, 8,192 steps of time\n")
    print("| length | plain | fused | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for length in options.lengths:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(8192 // length, length, WIDTH)).astype(np.float32)
        y = np.zeros((len(x), WIDTH), np.float32)
        models = [trained(length, plain) for plain in (True, False)]
        taken: list[list[float]] = [[], []]
        for _ in range(options.repeats + 1):
            for model, seconds in zip(models, taken, strict=True):
                started = time.perf_counter()
                model.train_on_batch(x, y)
                seconds.append(time.perf_counter() - started)
        plain, fused = (1000.0 * np.median(seconds[1:]) for seconds in taken)
        print(f"| {length:,} | {plain:.1f} | {fused:.1f} | {plain / fused:.2f} |", flush=True)


if __name__ == "__main__":
    main()
