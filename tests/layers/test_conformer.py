"""Conformer layers by their formulas; what masks hide."""

import numpy as np
import pytest
from harness import at_once
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.conformer import ConformerBlock, ConvolutionModule

pytestmark = pytest.mark.backend


def array(x):
    return ops.convert_to_numpy(x)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(layer, width=4):
    layer.build((None, None, width))
    for seed, weight in enumerate(layer.trainable_weights):
        weight.assign(array(weight) + 0.3 * series(*weight.shape, seed=seed))
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normed(x):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)


@pytest.mark.parametrize("causal,ahead", [(False, 2), (True, 0)])
def test_convolution_by_its_formula(causal, ahead):
    layer, x = built(ConvolutionModule(kernel_size=5, causal=causal)), series(2, 9, 4)
    u, v = np.split(array(layer.gate(x)), 2, axis=-1)
    h = np.pad(u * sigmoid(v), ((0, 0), (4 - ahead, ahead), (0, 0)))
    kernel, bias = layer.conv.get_weights()
    h = sum(h[:, k : k + 9] * kernel[k] for k in range(5)) + bias
    weight, bias = layer.norm.get_weights()
    h = normed(h) * weight + bias
    want = array(layer.out(ops.convert_to_tensor((h * sigmoid(h)).astype("float32"))))
    assert_allclose(array(at_once(layer)(x)), want, rtol=1e-3, atol=1e-4)


def test_block_is_half_a_perceptron_attention_convolution_and_the_other_half():
    block = built(ConformerBlock(2, 8, kernel_size=3))
    x = ops.convert_to_tensor(series(2, 7, 4))
    y = x + 0.5 * block.narrow[0](block.widen[0](block.norms[0](x)))
    y = y + block.attention(block.norms[1](y))
    y = y + block.convolution(block.norms[2](y))
    y = block.norms[4](y + 0.5 * block.narrow[1](block.widen[1](block.norms[3](y))))
    assert_allclose(array(at_once(block)(x)), array(y), rtol=1e-4, atol=1e-5)


def test_what_is_masked_cannot_be_seen():
    block, x = built(ConformerBlock(2, 8, kernel_size=5)), series(1, 10, 4)
    mask = np.arange(10)[None] < 6
    changed = np.where(mask[..., None], x, 9.0).astype("float32")
    before, after = array(block(x, mask=mask)), array(block(changed, mask=mask))
    assert_allclose(before[:, :6], after[:, :6], atol=1e-6)
    assert_allclose(before[:, :6], array(at_once(block)(x[:, :6])), atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_a_causal_block_does_not_see_the_future(causal):
    block, x = built(ConformerBlock(2, 8, kernel_size=5, causal=causal)), series(1, 10, 4)
    changed = np.concatenate([x[:, :6], series(1, 4, 4, seed=1)], axis=1)
    moved = np.abs(array(at_once(block)(x)) - array(at_once(block)(changed)))[:, :6].max()
    assert moved <= 1e-6 if causal else moved > 1e-3


def test_saves_and_loads(tmp_path):
    model = keras.Sequential([keras.Input((None, 4)), ConformerBlock(2, 8, 3, positions="alibi")])
    model.save(tmp_path / "model.keras")
    loaded, x = keras.models.load_model(tmp_path / "model.keras"), series(2, 6, 4)
    assert_allclose(array(at_once(loaded)(x)), array(at_once(model)(x)), rtol=1e-5, atol=1e-6)
