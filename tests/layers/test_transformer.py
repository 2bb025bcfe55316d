"""Transformer layers: causality, masks, norms, saving."""

import numpy as np
import pytest
from harness import EAGER
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.transformer import TransformerDecoderLayer, TransformerEncoderLayer

pytestmark = pytest.mark.backend


def array(tensor):
    return ops.convert_to_numpy(tensor)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("positions", [None, "rotary", "alibi"])
def test_causal_encoder_does_not_see_the_future(positions):
    layer, x = TransformerEncoderLayer(2, 8, causal=True, positions=positions), series(1, 9, 4)
    changed = x.copy()
    changed[:, 5:] += 1
    before, after = array(layer(x)), array(layer(changed))
    assert_allclose(before[:, :5], after[:, :5], rtol=1e-4, atol=1e-5)
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-3


def test_decoder_does_not_see_the_future_nor_masked_memory():
    layer = TransformerDecoderLayer(2, 8, pre_norm=True)
    x, memory = series(1, 6, 4), series(1, 5, 3, seed=1)
    mask = np.array([[True, True, True, False, False]])
    before = array(layer(x, memory, memory_mask=mask))
    changed, other = x.copy(), memory.copy()
    changed[:, 4:] += 1
    other[:, 3:] += 1
    after = array(layer(changed, other, memory_mask=mask))
    assert_allclose(before[:, :4], after[:, :4], rtol=1e-4, atol=1e-5)
    assert np.abs(before - array(layer(x, other))).max() > 1e-3


def test_nothing_to_see_is_no_nan():
    layer, x = TransformerEncoderLayer(2, 8), series(2, 3, 4)
    mask = np.zeros((2, 3), bool)
    assert np.isfinite(array(layer(x, mask=mask))).all()


def test_pre_norm_keeps_the_residual_stream():
    layer, x = TransformerEncoderLayer(2, 8, pre_norm=True), series(2, 3, 4)
    layer(x)
    for weight in layer.trainable_weights:
        weight.assign(ops.zeros(weight.shape))
    assert_allclose(array(layer(x)), x)


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_trains_saves_and_loads(norm, pre_norm, tmp_path):
    x = keras.Input((6, 4))
    h = TransformerEncoderLayer(2, 8, norm=norm, pre_norm=pre_norm, causal=True)(x)
    y = TransformerDecoderLayer(2, 8, norm=norm, pre_norm=pre_norm, activation="gelu")(h, x)
    model = keras.Model(x, y)
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=EAGER)
    data = series(8, 6, 4)
    losses = model.fit(data, -data, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(array(loaded(data)), array(model(data)), rtol=1e-5, atol=1e-6)
