"""ViT and Conformer: pieces of sequences and images, the token that sums up, masks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import ClassToken, PatchEmbedding
from tsmodels.networks import Conformer, ViT
from tsmodels.networks.base import last_step

pytestmark = pytest.mark.backend


def array(x):
    return ops.convert_to_numpy(x)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_pieces_of_a_sequence_by_definition():
    layer, x = PatchEmbedding(3, patch_size=4), series(2, 10, 2)
    y = array(layer(x))
    filled = np.pad(x, ((0, 0), (0, 2), (0, 0))).reshape(2, 3, 8)
    assert_allclose(y, filled @ array(layer.kernel).reshape(8, 3), rtol=1e-4, atol=1e-5)


def test_pieces_of_an_image_row_after_row():
    layer, x = PatchEmbedding(3, patch_size=2), series(2, 4, 5, 2)
    y = array(layer(x))
    filled = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))
    squares = filled.reshape(2, 2, 2, 3, 2, 2).swapaxes(2, 3).reshape(2, 6, 8)
    assert_allclose(y, squares @ array(layer.kernel).reshape(8, 3), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [PatchEmbedding(3, patch_size=4), ClassToken()])
def test_layers_are_saved(layer, tmp_path):
    model = keras.Sequential([keras.Input((None, 2)), type(layer).from_config(layer.get_config())])
    model.save(tmp_path / "model.keras")
    loaded, x = keras.models.load_model(tmp_path / "model.keras"), series(2, 10, 2)
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


def test_vit_reads_images():
    spec = ViT(d_model=8, patch_size=2, n_layers=1)
    layers, image = spec.layers(), series(2, 4, 6, 3)
    memory = spec.encode(layers, image)
    assert tuple(memory.sequence.shape) == (2, 6, 8)
    image[0, 3, 5] += 1.0  # the last corner reaches the token that sums up
    other = spec.encode(layers, image)
    moved = np.abs(array(last_step(memory)) - array(last_step(other))).max(axis=1)
    assert moved[0] > 1e-3 and moved[1] == 0.0


def test_what_vit_sums_up_is_no_step():
    spec = ViT(d_model=8, patch_size=4, n_layers=1)
    layers, x = spec.layers(), series(2, 12, 8)
    memory = spec.encode(layers, x)
    tokens = layers[0](x)
    for layer in layers[1:]:
        tokens = layer(tokens)
    assert_allclose(array(last_step(memory)), array(tokens)[:, 0], rtol=1e-5)
    assert_allclose(array(memory.sequence), array(tokens)[:, 1:], rtol=1e-5)


@pytest.mark.parametrize("spec", [ViT(d_model=8, patch_size=4), Conformer(d_model=8)])
def test_padding_on_the_right_changes_nothing(spec):
    layers, x = spec.layers(), series(1, 10, 8)
    padded = np.concatenate([x, series(1, 8, 8, seed=1)], axis=1)
    memory = spec.encode(layers, padded, mask=ops.convert_to_tensor(np.arange(18)[None] < 10))
    alone = spec.encode(layers, x)
    assert array(memory.mask).tolist() == [[True] * 3 + [False] * 2]
    assert_allclose(array(last_step(memory)), array(last_step(alone)), atol=1e-5)
    assert_allclose(array(memory.sequence)[:, :3], array(alone.sequence), atol=1e-5)


def test_a_conformer_may_be_causal():
    spec = Conformer(d_model=8, subsample=1, causal_encoder=True, n_layers=1)
    assert spec.causal and not Conformer(causal_encoder=True).causal
    layers, x = spec.layers(), series(1, 12, 8)
    changed = x.copy()
    changed[:, 7:] += 1
    before, after = (array(spec.encode(layers, v).sequence) for v in (x, changed))
    assert_allclose(before[:, :7], after[:, :7], atol=1e-6)
    assert np.abs(before - after).max() > 1e-3


def test_heads_must_fit():
    with pytest.raises(ValueError, match="ViT.n_heads must be a divisor of d_model .10.. Got 4"):
        ViT(d_model=10)
    with pytest.raises(ValueError, match="Conformer.n_heads must be such that the width of a head"):
        Conformer(d_model=12)
