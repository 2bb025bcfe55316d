"""Pooling over the steps that count: by hand, and whatever the padding holds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import SequencePooling
from tsmodels.layers.pooling import POOLINGS

pytestmark = pytest.mark.backend
X = np.array([[[1.0, -2.0], [3.0, -4.0], [9.0, 9.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]]], "f")
MASK = np.array([[True, True, False], [True, True, True]])


def pooled(how, x=X, mask=MASK, layer=None):
    layer = layer or SequencePooling(how)
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x), mask=mask))


@pytest.mark.parametrize(
    "how,first,second",
    [
        ("last", [3.0, -4.0], [9.0, 1.0]),
        ("mean", [2.0, -3.0], [7.0, 5.0]),
        ("max", [3.0, -2.0], [9.0, 8.0]),
    ],
)
def test_by_hand(how, first, second):
    assert_allclose(pooled(how), [first, second])
    assert_allclose(pooled(how, X[1:], None), [second])


def test_attention_is_the_mean_by_softmax_of_the_scores():
    layer = SequencePooling("attention")
    pooled("attention", layer=layer)
    rng = np.random.default_rng(0)
    kernel, bias, context = weights = [rng.standard_normal(w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    scores = (np.tanh(X @ kernel + bias) @ context)[:, :, 0]
    share = np.where(MASK, np.exp(scores), 0.0)
    share /= share.sum(axis=1, keepdims=True)
    assert_allclose(pooled("", layer=layer), (share[:, :, None] * X).sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("how", POOLINGS)
def test_what_is_masked_changes_nothing(how):
    layer = SequencePooling(how)
    longer = np.concatenate([X, np.full((2, 2, 2), 50.0, "f")], axis=1)
    mask = np.concatenate([MASK, np.zeros((2, 2), bool)], axis=1)
    want, got = pooled(how, layer=layer), pooled(how, longer, mask, layer)
    assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("how", POOLINGS)
def test_a_sequence_without_a_step_is_zeros(how):
    assert_allclose(pooled(how, mask=np.zeros_like(MASK)), 0.0)


@pytest.mark.parametrize("how", POOLINGS)
def test_config_and_shape(how):
    layer = SequencePooling(how)
    again = SequencePooling.from_config(layer.get_config())
    assert again.how == how and again(keras.Input((None, 5))).shape == (None, 5)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="how must be one of .*Did you mean 'mean'"):
        SequencePooling("meen")
