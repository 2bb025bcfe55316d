"""GNMT's decoder in the standard variant against its equations; tests/golden has the others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import ops
from tsmodels.networks.gnmt import GNMT, GNMTDecoder

pytestmark = pytest.mark.backend
B, S, T, E, U = 2, 5, 4, 3, 4


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(weights, x, h, c):
    """One step of a Keras LSTM cell in numpy."""
    kernel, recurrent, bias = weights
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def standard(decoder, x, memory):
    """The same in numpy: x (T, E), memory (S, M) -> outputs (T, U), attention (T, S)."""
    cells = [[ops.convert_to_numpy(w) for w in cell.weights] for cell in decoder.cells]
    query_kernel, memory_kernel, v = map(ops.convert_to_numpy, decoder.attention.weights)
    combine = ops.convert_to_numpy(decoder.combine.kernel)
    h, c, y, outputs, attention = np.zeros((3, U)), np.zeros((3, U)), np.zeros(U), [], []
    for x_t in x:
        below = np.concatenate([x_t, y])
        for i, cell in enumerate(cells):
            h[i], c[i] = lstm(cell, below, h[i], c[i])
            below = h[i] + below if i == 2 else h[i]
        weights = np.exp(np.tanh(below @ query_kernel + memory @ memory_kernel) @ v)
        weights /= weights.sum()
        y = np.concatenate([below, weights @ memory]) @ combine
        outputs.append(y)
        attention.append(weights)
    return np.array(outputs), np.array(attention)


def test_standard_attention_against_its_equations():
    decoder = GNMTDecoder(U, n_layers=3, context="standard", normed=False)
    x, memory = series(B, T, E), series(B, S, U, seed=1)
    y, weights = map(ops.convert_to_numpy, decoder(ops.array(x), ops.array(memory)))
    assert "combine" in decoder.weights[-1].path and len(decoder.weights) == 3 * 3 + 3 + 1
    for b in range(B):
        outputs, attention = standard(decoder, x[b], memory[b])
        assert_allclose(y[b], outputs, rtol=1e-4, atol=1e-5)
        assert_allclose(weights[b], attention, rtol=1e-4, atol=1e-5)


def test_a_decoder_survives_its_config():
    decoder = GNMTDecoder(U, n_layers=2, context="standard")
    again = GNMTDecoder.from_config(decoder.get_config())
    decoder.build((None, T, E), (None, S, 6))
    again.build((None, T, E), (None, S, 6))
    again.set_weights(decoder.get_weights())
    x, memory = ops.array(series(B, T, E)), ops.array(series(B, S, 6, seed=1))
    assert_allclose(*(ops.convert_to_numpy(d(x, memory)[0]) for d in (decoder, again)))


def test_one_layer_is_too_few():
    with pytest.raises(ValueError, match="GNMT.n_layers must be an int of at least 2.*Got 1"):
        GNMT(n_layers=1)
