"""TCN and CNN-LSTM: what they reach, how they pool, and what is random in the Bayesian one."""

import numpy as np
import pytest

from tsmodels.backend import ops
from tsmodels.networks import TCN

pytestmark = pytest.mark.backend


def array(x):
    return ops.convert_to_numpy(x)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_a_tcn_reaches_as_far_as_it_says_and_no_further():
    spec = TCN(d_model=4, n_layers=2, kernel_size=3)
    layers, x = spec.layers(), np.zeros((1, 20, 4), "float32")
    spec.encode(layers, x)  # makes the weights
    for layer in layers:  # every path open: positive weights, no ReLU cuts
        layer.set_weights([np.abs(w) + 0.1 for w in layer.get_weights()])
    first = array(spec.encode(layers, x).sequence)
    x[:, 2] = 1.0
    moved = np.abs(array(spec.encode(layers, x).sequence) - first).max(axis=(0, 2)) > 0
    assert spec.reach == 13
    assert np.flatnonzero(moved).tolist() == list(range(2, 2 + spec.reach))
