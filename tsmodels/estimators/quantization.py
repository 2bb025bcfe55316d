"""Weights as integers of 8 bits: a quarter of the size, and what it changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tsmodels.backend import keras
from tsmodels.layers.embedding import TokenEmbedding

LARGEST = 127


def quantizable(model: Any) -> dict[int, int]:
    """Places in `model.weights` of what becomes integers, and the axis that shares a scale.

    These are the kernels of `Dense` layers, a scale a column, and tables of token vectors, a scale
    a row. All others stay floats: recurrent kernels, attention that is no `Dense` layer, biases,
    norms, positions.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> quantizable(model)
    {0: 0}
    """
    axes = {}
    for layer in model._flatten_layers(include_self=False):
        if type(layer) is keras.layers.Dense and layer.built:  # or it is never asked
            axes[id(layer.kernel)] = 0
        elif isinstance(layer, TokenEmbedding):
            axes[id(layer.embeddings)] = 1
    return {i: axes[id(weight)] for i, weight in enumerate(model.weights) if id(weight) in axes}


def as_integers(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The weight as int8 and its scales: `integers * scales` is nearest to it.

    >>> integers, scales = as_integers(np.array([[1.0], [-2.0]]), axis=0)
    >>> integers.ravel().tolist(), (integers * scales).round(2).ravel()
    ([64, -127], array([ 1.01, -2.  ], dtype=float32))
    """
    largest = np.abs(weight).max(axis=axis, keepdims=True)
    scales = (np.where(largest > 0, largest, 1.0) / LARGEST).astype(np.float32)
    return np.rint(weight / scales).astype(np.int8), scales


def as_floats(weights: list[np.ndarray], scales: dict[int, np.ndarray]) -> list[np.ndarray]:
    """The weights with those multiplied that have scales."""
    if not scales:
        return weights
    return [w * scales[i] if i in scales else w for i, w in enumerate(weights)]
