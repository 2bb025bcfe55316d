"""TCN and CNN-LSTM: what they reach, how they pool, and what is random in the Bayesian one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.layers import DenseReparameterization
from tsmodels.layers.variational import gaussian_kl
from tsmodels.networks import CNNLSTM, TCN, BayesianCNNLSTM
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.base import last_step

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


def test_cnn_lstm_is_a_convolution_maxima_and_an_lstm():
    spec = CNNLSTM(d_model=4, kernel_size=3, pool_size=3)
    layers, x = spec.layers(), series(2, 8, 4)
    memory = array(spec.encode(layers, x).sequence)
    kernel, bias = layers[0].get_weights()
    past = np.pad(x, ((0, 0), (2, 0), (0, 0)))
    taps = sum(past[:, k : k + 8] @ kernel[k] for k in range(3)) + bias
    h = np.maximum(taps, 0)
    pooled = np.stack([h[:, 0:3].max(1), h[:, 3:6].max(1), h[:, 6:8].max(1)], axis=1)
    assert memory.shape == (2, 3, 4)
    assert_allclose(memory, array(layers[2](pooled)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [CNNLSTM, BayesianCNNLSTM])
@pytest.mark.parametrize("pool_size", [1, 3])
def test_steps_give_what_would_be_remembered_last(kind, pool_size):
    """In the middle of a piece too, and whatever the level: maxima may be 0 or below."""
    spec = kind(d_model=4, kernel_size=3, pool_size=pool_size, n_convolutions=2, n_layers=2)
    layers, x = spec.layers(), ops.convert_to_tensor(series(2, 8, 4))
    spec.encode(layers, x)  # makes the weights
    layers[1].activation = keras.activations.tanh
    assert spec.streams and spec.carries is spec.causal is (pool_size == 1)
    state = spec.initial_state(layers, 2)
    form = {key: value.shape for key, value in state.items()}
    for t in range(8):
        y, state = spec.step(layers, x[:, t], state)
        want = last_step(spec.encode(layers, x[:, : t + 1]))
        assert_allclose(array(y), array(want), atol=1e-6)
        assert form == {key: value.shape for key, value in state.items()}


def test_padding_on_the_right_changes_nothing():
    spec = BayesianCNNLSTM(d_model=4, n_convolutions=2, pool_size=3)
    layers, x = spec.layers(), series(1, 10, 4)
    padded = np.concatenate([x, series(1, 4, 4, seed=1)], axis=1)
    mask = np.arange(14)[None] < 10
    memory = spec.encode(layers, padded, mask=ops.convert_to_tensor(mask))
    assert array(memory.mask).tolist() == [[True] * 4 + [False]]
    assert_allclose(array(last_step(memory)), array(last_step(spec.encode(layers, x))), atol=1e-6)


def test_masks_follow_symbolic_lengths():
    spec = CNNLSTM(d_model=4, pool_size=4)
    x, mask = keras.Input((None, 4)), keras.Input((None,), dtype="bool")
    memory = spec.encode(spec.layers(), x, mask)
    model = keras.Model([x, mask], [memory.sequence, memory.mask])
    sequence, mask = model([series(2, 9, 4), np.arange(9)[None] < [[9], [3]]])
    assert tuple(sequence.shape) == (2, 3, 4)
    assert array(mask).tolist() == [[True] * 3, [True, False, False]]


def bayesian(**settings):
    spec = BayesianCNNLSTM(d_model=4, dropout=0.5, **settings)
    return forecast_model(spec, lookback=12, horizon=2), {"past": series(3, 12, 1)}


def test_forecasts_repeat_unless_every_one_is_a_draw():
    model, x = bayesian()
    assert_array_equal(array(model(x)), array(model(x)))
    assert np.abs(array(model(x, training=True)) - array(model(x, training=True))).max() > 1e-4
    model, x = bayesian(draw="always")
    assert np.abs(array(model(x)) - array(model(x))).max() > 1e-4


def test_the_divergence_is_in_the_loss():
    model, x = bayesian(kl_weight=0.25, prior_std=2.0)
    y = array(model(x))
    (layer,) = [v for v in model.layers if isinstance(v, DenseReparameterization)]
    kl = array(gaussian_kl(layer.kernel_mu, layer.kernel_rho, prior_std=2.0)).sum()
    model.compile(loss="mse")
    assert_allclose(model.evaluate(x, y, verbose=0), 0.25 * kl, rtol=1e-5)
