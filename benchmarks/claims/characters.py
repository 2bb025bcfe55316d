"""What the claims on tinyshakespeare share: its characters, windows of them, and a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsmodels import datasets
from tsmodels.backend import keras
from tsmodels.networks.base import as_memory

LENGTH, BATCH = 100, 32


def characters() -> tuple[np.ndarray, int, int]:
    """The text as codes (N,), and where the training and the validation part end: 90 and 95 %."""
    text = datasets.load("tiny_shakespeare")["text"][0]
    codes = np.unique(list(text), return_inverse=True)[1].astype(np.int32)
    return codes, int(0.9 * len(codes)), int(0.95 * len(codes))


def windows(codes: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Characters and the ones that follow them, (N, LENGTH) each."""
    rows = codes[starts[:, None] + np.arange(LENGTH + 1)]
    return rows[:, :-1], rows[:, 1:]


def language_model(network: Any, symbols: int, rate: float) -> Any:
    """From characters (B, LENGTH) to logits of the next ones (B, LENGTH, symbols)."""
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(symbols, network.d_model)(inputs)
    x = as_memory(network.encode(network.layers(), x)).sequence
    model = keras.Model(inputs, keras.layers.Dense(symbols)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model
