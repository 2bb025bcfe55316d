"""PatchTST as an encoder: tokens of all features, masks a patch, independence of what is hidden."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.networks import PatchTST
from tsmodels.networks.base import last_step

pytestmark = pytest.mark.backend
B, T, D = 2, 12, 8
SPEC = PatchTST(d_model=D, n_heads=2, patch_length=4, n_layers=2, end_padding=False, norm="layer")


def series(seed=0):
    return np.random.default_rng(seed).normal(size=(B, T, D)).astype("float32")


def array(x):
    return ops.convert_to_numpy(x)


def test_tokens_are_patches_of_all_features():
    spec, layers = replace(SPEC, n_layers=1), SPEC.layers()
    embed = keras.layers.Identity()
    tokens = []
    layers["embed"] = lambda x: tokens.append(x) or embed(x[..., :D])
    memory = spec.encode(layers, ops.array(series()))
    assert memory.sequence.shape == (B, 3, D) and memory.mask is None
    assert_allclose(array(tokens[0])[1, 2], series()[1, 8:12].T.reshape(-1))  # feature by feature


def test_a_patch_is_hidden_where_all_of_its_steps_are():
    inputs = keras.Input((T, D)), keras.Input((T,), dtype="bool")
    memory = SPEC.encode(SPEC.layers(), *inputs)
    model = keras.Model(inputs, [memory.sequence, memory.mask, last_step(memory)])
    mask = np.ones((B, T), bool)
    mask[1, 6:] = False
    x, other = series(), series()
    other[1, 8:] = 9.0
    tokens, seen, last = map(array, model([x, mask]))
    assert seen.tolist() == [[True, True, True], [True, True, False]]
    assert_allclose(last[1], tokens[1, 1])
    assert_allclose(array(model([other, mask])[0])[1, :2], tokens[1, :2], atol=1e-6)
    shown = array(model([other, np.ones((B, T), bool)])[0])
    assert np.abs(shown[1, :2] - tokens[1, :2]).max() > 1e-3
