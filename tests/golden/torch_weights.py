"""Torch arrays as values of Keras variables: lists of (variable, tensor), and the scope they hold
in."""

from types import SimpleNamespace

import numpy as np

from tsmodels.backend import keras, ops


def together(layers):
    """Several layers as one owner of weights."""
    return SimpleNamespace(weights=[weight for layer in layers for weight in layer.weights])


def in_order(layer, values):
    """Values in the order of the layer's weights."""
    return list(zip(layer.weights, values, strict=True))


def linear(dense, t, name):
    """A torch Linear (or a convolution of width 1) as a Dense layer."""
    weight = t[f"{name}.weight"]
    weight = weight if len(weight.shape) == 2 else weight[:, :, 0]
    pairs = [(dense.kernel, ops.transpose(weight))]
    return pairs + ([(dense.bias, t[f"{name}.bias"])] if dense.use_bias else [])


def norm(layer, t, name):
    """LayerNorm, or BatchNorm with its running statistics."""
    pairs = [(layer.gamma, t[f"{name}.weight"]), (layer.beta, t[f"{name}.bias"])]
    if isinstance(layer, keras.layers.BatchNormalization):
        pairs += [
            (layer.moving_mean, t[f"{name}.running_mean"]),
            (layer.moving_variance, t[f"{name}.running_var"]),
        ]
    return pairs


def gates(cell, weight):
    """Torch rows in the gate order of Keras: r z n becomes z r h; i f g o stays."""
    if cell != "gru":
        return weight
    r, z, n = ops.split(weight, 3, axis=0)
    return ops.concatenate([z, r, n], axis=0)


def cell_values(cell, t, name, ending=""):
    """Kernel, recurrent kernel and bias of a Keras cell from the torch arrays of `name`."""
    keys = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    kernel, recurrent, b_ih, b_hh = (gates(cell, t[f"{name}.{key}{ending}"]) for key in keys)
    bias = ops.stack([b_ih, b_hh]) if cell == "gru" else b_ih + b_hh
    return [ops.transpose(kernel), ops.transpose(recurrent), bias]


def lengths_mask(lengths, steps):
    """(B, T) bool: True on the first `lengths` steps."""
    return np.arange(steps)[None, :] < np.asarray(lengths)[:, None]
