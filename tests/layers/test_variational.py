"""Gaussian weights: the divergence by hand, and the moments of what the layers draw."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.variational import (
    DenseFlipout,
    DenseReparameterization,
    MonteCarloDropout,
    gaussian_kl,
)

pytestmark = pytest.mark.backend
LAYERS = [DenseReparameterization, DenseFlipout]


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_divergence_from_itself_is_zero():
    raw = float(np.log(np.expm1(2.0)))
    kl = gaussian_kl(ops.array([1.5]), ops.array([raw]), prior_mean=1.5, prior_std=2.0)
    assert_allclose(array(kl), 0.0, atol=1e-6)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_mean_and_spread_of_the_draws(layer_class):
    layer = layer_class(10_000, initial_std=0.5, seed=0)  # every unit is a draw of its own
    x = np.array([[1.0, -2.0, 0.5]], "float32")
    layer(x)
    mu = array(layer.kernel_mu)
    change = array(layer(x))[0] - (x @ mu)[0]  # (10000,)
    spread = 0.5 * np.sqrt((x**2).sum())
    assert_allclose(change.mean(), 0.0, atol=4 * spread / np.sqrt(10_000))
    assert_allclose(change.std(), spread, rtol=0.03)


def test_flipout_draws_differ_between_examples():
    layer = DenseFlipout(8, initial_std=0.5, seed=0)
    y = array(layer(np.ones((64, 4), "float32")))
    assert len(np.unique(y.round(4), axis=0)) > 30


@pytest.mark.parametrize("layer_class", LAYERS)
def test_divergence_is_added_to_the_loss(layer_class):
    layer = layer_class(3, kl_weight=0.5, prior_std=2.0, seed=0)
    layer(np.zeros((1, 4), "float32"))
    kl = gaussian_kl(layer.kernel_mu, layer.kernel_rho, prior_std=2.0)
    assert_allclose(array(layer.losses[0]), 0.5 * array(kl).sum(), rtol=1e-5)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_trains_saves_and_loads(layer_class, tmp_path):
    model = keras.Sequential([keras.Input((5, 3)), layer_class(2, activation="tanh", seed=1)])
    model.compile("adam", "mse")
    x = np.zeros((8, 5, 3), "float32")  # a zero input has no spread: its slope must stay finite
    losses = model.fit(x, np.ones((8, 5, 2)), epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert_allclose(got, want)


def test_dropout_stays_on_in_prediction():
    model = keras.Sequential([keras.Input((200,)), MonteCarloDropout(0.25, seed=0)])
    y = array(model(np.ones((1, 200), "float32"), training=False))
    assert 0.1 < (y == 0).mean() < 0.4
    assert_allclose(y[y != 0], 4 / 3, rtol=1e-5)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_draws_in_training_alone(layer_class):
    layer, x = layer_class(3, draw="training", seed=0), np.ones((2, 4), "float32")
    assert_allclose(array(layer(x)), x @ array(layer.kernel_mu), rtol=1e-5)
    assert np.abs(array(layer(x, training=True)) - array(layer(x))).max() > 1e-4
