"""Layers for covariates: the unknown category, and a forecast that starts at nothing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.layers import CategoryEmbedding, CovariateForecast

pytestmark = pytest.mark.backend


def numbers(x):
    return ops.convert_to_numpy(x)


def test_unknown_categories_are_the_mean_of_the_known_ones():
    embed = CategoryEmbedding(3, units=2)
    embed.build((None,))
    embed.known.assign([[1.0, 2.0], [2.0, 0.0], [6.0, 1.0]])
    known = numbers(embed(ops.array([1.0, 2.0, 3.0])))
    assert_allclose(known, [[-2, 1], [-1, -1], [3, 0]], atol=1e-6)
    assert_array_equal(numbers(embed(ops.array([0.0, 4.0, -1.0]))), np.zeros((3, 2)))
    embed.unknown.assign([[5.0, 5.0]])
    assert_array_equal(numbers(embed(ops.array([7.0]))), [[5, 5]])


def test_a_column_without_any_category():
    assert_array_equal(numbers(CategoryEmbedding(0)(ops.zeros((2, 3)))), np.zeros((2, 3, 1)))


@pytest.mark.parametrize("layer", [CategoryEmbedding(3), CovariateForecast(2, units=4)])
def test_made_again_from_its_config(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_a_forecast_from_covariates_starts_at_zero_and_learns():
    shapes = {"past": (5, 2), "future": (3, 1), "static": (2,)}
    rng = np.random.default_rng(0)
    inputs = [keras.Input(shape) for shape in shapes.values()]
    model = keras.Model(inputs, CovariateForecast(2, units=4)(*inputs))
    x = [rng.standard_normal((6, *shape)).astype("float32") for shape in shapes.values()]
    assert_array_equal(numbers(model(x)), np.zeros((6, 3, 2)))
    model.set_weights([0.1 + rng.standard_normal(w.shape) for w in model.get_weights()])
    y = numbers(model(x))
    for i in range(3):
        other = [part + (i == k) for k, part in enumerate(x)]
        assert np.abs(numbers(model(other)) - y).max() > 1e-3
