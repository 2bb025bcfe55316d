"""Causal convolutions: by definition, causal, step by step, masked, saved and loaded."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.convolution import (
    CausalConv1D,
    CausalDepthwiseConv1D,
    SequenceMaxPooling,
    TCNBlock,
)

pytestmark = pytest.mark.backend

LAYERS = {
    "conv": lambda: CausalConv1D(4, kernel_size=3, dilation_rate=2, activation="relu"),
    "conv_one_tap": lambda: CausalConv1D(3, kernel_size=1),
    "depthwise": lambda: CausalDepthwiseConv1D(kernel_size=4, dilation_rate=2, activation="silu"),
    "block": lambda: TCNBlock(5, kernel_size=3, dilation_rate=4, dropout=0.5),
    "block_same_width": lambda: TCNBlock(3, kernel_size=2),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(name, channels=3):
    layer = LAYERS[name]()
    layer.build((None, None, channels))
    for seed, weight in enumerate(layer.trainable_weights):
        weight.assign(series(*weight.shape, seed=seed))
    return layer


def test_convolution_by_definition():
    layer = built("conv")
    x, (kernel, bias) = series(2, 9, 3), layer.get_weights()
    y = array(layer(x))
    past = np.pad(x, ((0, 0), (4, 0), (0, 0)))
    for t in range(9):
        terms = sum(past[:, t + 2 * k] @ kernel[k] for k in range(3))
        assert_allclose(y[:, t], np.maximum(terms + bias, 0), rtol=1e-4, atol=1e-5)


def test_depthwise_convolution_by_definition():
    layer = built("depthwise")
    x, (kernel, bias) = series(2, 9, 3), layer.get_weights()
    past = np.pad(x, ((0, 0), (6, 0), (0, 0)))
    for t in range(9):
        z = sum(past[:, t + 2 * k] * kernel[k] for k in range(4)) + bias
        assert_allclose(array(layer(x))[:, t], z / (1 + np.exp(-z)), rtol=1e-4, atol=1e-5)


@every_layer
def test_steps_equal_the_parallel_form(name):
    layer, x = built(name), ops.convert_to_tensor(series(2, 40, 3))
    state, outputs = layer.initial_state(2), []
    sizes = {key: value.shape for key, value in state.items()}
    for t in range(40):
        y, state = layer.step(x[:, t], state)
        outputs.append(array(y))
    assert_allclose(np.stack(outputs, axis=1), array(layer(x)), rtol=1e-4, atol=1e-5)
    assert {key: value.shape for key, value in state.items()} == sizes


@every_layer
def test_the_future_is_not_seen(name):
    layer, x = built(name), series(1, 12, 3)
    changed = x.copy()
    changed[:, 7:] += 1
    before, after = array(layer(x)), array(layer(changed))
    assert_allclose(before[:, :7], after[:, :7], rtol=1e-6, atol=1e-6)
    assert np.abs(before[:, 7:] - after[:, 7:]).max() > 1e-3


@every_layer
def test_what_is_masked_cannot_be_seen(name):
    layer, x = built(name), series(1, 12, 3)
    mask = np.array([[False] * 5 + [True] * 7])
    changed = np.where(mask[..., None], x, 9.0).astype("float32")
    before, after = array(layer(x, mask=mask)), array(layer(changed, mask=mask))
    assert_allclose(before[:, 5:], after[:, 5:], rtol=1e-6, atol=1e-6)


def test_pooling_by_definition():
    x = series(2, 8, 3)
    y = array(SequenceMaxPooling(3)(x))
    assert_allclose(y, np.stack([x[:, i : i + 3].max(axis=1) for i in (0, 3, 6)], axis=1))


def test_pooling_does_not_see_what_is_masked():
    x, layer = series(1, 6, 3), SequenceMaxPooling(2)
    mask = np.array([[True, False, False, False, True, True]])
    y = array(layer(x, mask=mask))
    assert_allclose(y[0], [x[0, 0], np.zeros(3), x[0, 4:].max(axis=0)])
    kept = array(layer.compute_mask(x, ops.convert_to_tensor(mask)))
    assert kept.tolist() == [[True, False, True]]


@every_layer
def test_saves_and_loads(name, tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), LAYERS[name](), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = series(2, 10, 3)
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


def test_strides_shorten_the_mask_and_have_no_steps():
    layer, ids = CausalConv1D(4, strides=2), np.array([[1, 2, 3, 0, 0]])
    y = layer(keras.layers.Embedding(5, 3, mask_zero=True)(ids))
    assert array(y._keras_mask).tolist() == [[True, True, False]]
    with pytest.raises(ValueError, match="strides must be 1 for a layer that is stepped. Got 2"):
        layer.initial_state(1)
    grouped = CausalConv1D(4, groups=2)
    grouped.build((None, 5, 4))
    with pytest.raises(ValueError, match="groups must be 1"):
        grouped.initial_state(1)


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda: CausalConv1D(4, padding="same"),
            r"padding must be one of \['causal'\]. Got 'same'",
        ),
        (lambda: CausalConv1D(4, data_format="channels_first"), "data_format must be one of"),
        (lambda: TCNBlock(4, dropout=2), r"dropout must be a finite number in \[0, 1\). Got 2"),
        (lambda: TCNBlock(0), "filters must be a positive int. Got 0"),
    ],
)
def test_arguments_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()
