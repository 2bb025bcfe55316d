"""Symbols as vectors: sums, padding, and tokens taken for unknown ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import CharacterWords, TokenEmbedding

pytestmark = pytest.mark.backend
IDS = np.array([[[3, 5], [4, 0], [0, 0]]], dtype="int32")


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_the_vectors_of_a_step_are_added_and_padding_is_zero(dtype):
    layer = TokenEmbedding(6, 2)
    y = numbers(layer(ops.convert_to_tensor(IDS.astype(dtype))))
    table = numbers(layer.embeddings)
    assert_allclose(y, [[table[3] + table[5], table[4], [0.0, 0.0]]], rtol=1e-6)


def test_ids_are_exact_in_half_precision():
    layer = TokenEmbedding(5000, 2, dtype="mixed_float16")
    ids = np.array([[[4097], [4099]]], dtype="float32")  # equal in float16
    y = numbers(layer(ops.convert_to_tensor(ids)))
    assert y.dtype == np.float16
    assert_allclose(y[0], numbers(layer.embeddings)[[4097, 4099]], atol=1e-3)


def test_dropped_tokens_are_unknown_and_padding_stays():
    layer = TokenEmbedding(6, 2, token_dropout=0.5, seed=0)
    ids = ops.convert_to_tensor(np.repeat(IDS, 2000, axis=0))
    y, table = numbers(layer(ids, training=True)), numbers(layer.embeddings)
    unknown = np.isclose(y[:, 0], table[1]).all(axis=1)
    assert_allclose(unknown.mean(), 0.5, atol=0.04)
    assert_allclose(y[~unknown, 0], np.tile(table[3] + table[5], ((~unknown).sum(), 1)), rtol=1e-5)
    assert not y[:, 2].any()
    assert_allclose(numbers(layer(ids)), np.repeat(numbers(layer(ids[:1])), 2000, axis=0))


def test_the_rate_can_be_changed():
    layer = TokenEmbedding(6, 2, token_dropout=0.5, seed=0)
    layer.build(IDS.shape)
    layer.rate.assign(0.0)
    ids = ops.convert_to_tensor(IDS)
    assert_allclose(numbers(layer(ids, training=True)), numbers(layer(ids)))


def test_the_config_makes_the_layer_again():
    layer = TokenEmbedding(6, 2, token_dropout=0.1, seed=1)
    again = TokenEmbedding.from_config(layer.get_config())
    assert (again.size, again.width, again.token_dropout, again.seed) == (6, 2, 0.1, 1)
    assert keras.saving.get_registered_name(TokenEmbedding) == "tsmodels>TokenEmbedding"
    with pytest.raises(ValueError, match="size must be an int of at least 2"):
        TokenEmbedding(1, 2)


def test_words_by_their_characters():
    layer = CharacterWords(9, 4)
    ids = np.array([[[3, 4, 5, 0, 0], [6, 7, 8, 6, 0], [0, 0, 0, 0, 0]]], dtype="float32")
    y = numbers(layer(ops.convert_to_tensor(ids)))
    shorter = numbers(layer(ops.convert_to_tensor(ids[:, :1, :3])))
    assert_allclose(y[:, :1], shorter, rtol=1e-5, atol=1e-7)  # padding changes nothing
    assert np.abs(y[0, 0] - y[0, 1]).max() > 1e-3 and not y[0, 2].any()
    table, kernel = numbers(layer.embed.embeddings), numbers(layer.convolve.kernel)
    x = np.concatenate([np.zeros((1, 4)), table[[3, 4, 5]], np.zeros((1, 4))])
    want = [np.einsum("kc,kcd->d", x[i : i + 3], kernel) for i in range(3)]
    assert_allclose(y[0, 0], np.maximum(want, 0.0).max(axis=0), rtol=1e-4, atol=1e-6)


def test_scaled_vectors_are_those_times_the_root_of_their_width():
    plain, scaled = TokenEmbedding(6, 16), TokenEmbedding(6, 16, scaled=True)
    for layer in (plain, scaled):
        layer.build(IDS.shape)
    scaled.set_weights(plain.get_weights())
    assert_allclose(numbers(scaled(IDS)), 4.0 * numbers(plain(IDS)), rtol=1e-6)


def test_ids_without_an_axis_of_symbols_are_one_a_step():
    layer, ids = TokenEmbedding(6, 2, token_dropout=0.5), np.array([[3, 0, 5]])
    alone = numbers(layer(ids))
    assert alone.shape == (1, 3, 2)
    assert_allclose(alone, numbers(layer(ids[..., None])))
    assert layer(ids, training=True).shape == (1, 3, 2)
    assert layer(keras.Input((7,))).shape == (None, 7, 2)
