"""Positions: values by hand, and what makes them positions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.positions import (
    LearnedPositions,
    SinusoidalPositions,
    alibi,
    alibi_slopes,
    rotary,
    sinusoidal,
)

pytestmark = pytest.mark.backend


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("width", [1, 2, 5, 6])
def test_both_layouts_have_the_same_waves_up_to_rate(width):
    interleaved, concatenated = (
        sinusoidal(7, width, name) for name in ("interleaved", "concatenated")
    )
    assert interleaved.shape == concatenated.shape == (7, width)
    assert_allclose(interleaved[:, 0], np.sin(np.arange(7)))
    assert_allclose(concatenated[:, 0], np.sin(np.arange(7)))
    assert (np.abs(interleaved) <= 1).all()


def test_sinusoidal_by_hand():
    table = sinusoidal(4, 6)
    assert_allclose(table[3, 3], np.cos(3 / 10000 ** (2 / 6)))
    assert_allclose(sinusoidal(4, 6, "concatenated")[3, 1], np.sin(3 * 10000 ** (-1 / 2)))


def test_rotated_products_depend_on_distance_alone():
    rng = np.random.default_rng(0)
    q, k = (np.repeat(rng.normal(size=(1, 1, 2, 6)), 9, axis=1).astype("float32") for _ in "qk")
    scores = array(ops.einsum("btnd,bsnd->bnts", rotary(ops.array(q)), rotary(ops.array(k))))
    for distance in range(-8, 9):
        diagonal = np.diagonal(scores[0, 1], distance)
        assert_allclose(diagonal, diagonal[0], rtol=1e-3, atol=1e-4)
    assert_allclose(
        np.linalg.norm(array(rotary(ops.array(q))), axis=-1), np.linalg.norm(q, axis=-1), rtol=1e-5
    )
    assert np.ptp(scores[0, 1][0]) > 0.1


def test_rotary_needs_planes():
    with pytest.raises(ValueError, match="head width must be even for rotary positions. Got 3."):
        rotary(ops.zeros((1, 2, 1, 3)))


def test_linear_biases():
    assert alibi_slopes(8)[0] == 0.5 and alibi_slopes(8)[-1] == 2**-8
    assert len(alibi_slopes(6)) == 6 and len(set(alibi_slopes(6))) == 6
    assert_allclose(
        array(alibi(2, 3))[0], -alibi_slopes(2)[0] * np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    )


@pytest.mark.parametrize("layer", [SinusoidalPositions("concatenated"), LearnedPositions(6)])
def test_layers_add_a_vector_per_step_and_save(layer, tmp_path):
    x = keras.Input((5, 4))
    model = keras.Model(x, layer(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    added = array(loaded(x)) - x
    assert_allclose(added, np.broadcast_to(added[:1], added.shape), atol=1e-6)
    assert_allclose(array(model(x)), x + added, atol=1e-6)
    assert len(np.unique(added[0].round(5), axis=0)) == 5


def test_a_sequence_longer_than_the_table_is_refused():
    with pytest.raises(ValueError, match="max_length must be at least the 7 steps"):
        LearnedPositions(6)(ops.zeros((1, 7, 2)))


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_sines_of_any_length_are_those_of_a_known_one(layout):
    layer = SinusoidalPositions(layout)
    model = keras.Model(x := keras.Input((None, 7)), layer(x))
    x = np.zeros((1, 200, 7), "float32")
    assert_allclose(array(model(x))[0], sinusoidal(200, 7, layout), atol=2e-5)


def test_distances_of_alibi_are_whole_numbers_in_half_precision_too():
    distances = array(ops.cast(alibi(1, 1500, "bfloat16", 1), "float32"))[0, :, 0]
    exact = -alibi_slopes(1)[0] * np.arange(1500)
    assert_allclose(distances, exact, rtol=2**-8)
    assert array(alibi(2, 3, keys=5)).shape == (2, 3, 5)
