"""The kernel of Adam: the same weights as after Keras' own updates."""

import numpy as np
import pytest

from tsmodels.backend import keras, ops

tf = pytest.importorskip("tensorflow")
from tsmodels.training.adam_tensorflow import dense, fuse  # noqa: E402

RNG = np.random.default_rng(0)
START = [RNG.normal(size=shape).astype("f") for shape in ((7, 3), (4,))]
GRADIENTS = [[RNG.normal(size=w.shape).astype("f") for w in START] for _ in range(5)]
OPTIMIZERS = {
    "adam": keras.optimizers.Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    "adamw": keras.optimizers.AdamW(0.05, weight_decay=0.1, global_clipnorm=1.0),
    "averaged": keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5),
}


def stepped(optimizer, gradients=GRADIENTS):
    """Weights after one update for each list of gradients."""
    weights = [keras.Variable(w) for w in START]
    optimizer.build(weights)
    for parts in gradients:
        optimizer.apply([tf.convert_to_tensor(g) for g in parts], weights)
    optimizer.finalize_variable_values(weights)
    return [ops.convert_to_numpy(w) for w in weights]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_are_those_of_keras(name):
    plain, own = (type(OPTIMIZERS[name]).from_config(OPTIMIZERS[name].get_config()) for _ in "ab")
    fuse(own)
    assert type(own) is not type(plain)
    for a, b in zip(stepped(own), stepped(plain), strict=True):
        np.testing.assert_allclose(a, b, atol=5e-6)  # steps of 0.05; 1 - 0.999 rounds


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.SGD(), keras.optimizers.Nadam(), keras.optimizers.Adam(amsgrad=True)],
)
def test_others_are_left_as_they_are(optimizer):
    before = type(optimizer)
    fuse(optimizer)
    assert type(optimizer) is before


def test_rows_that_come_twice_are_added():
    table = keras.Variable(START[0])
    with tf.GradientTape() as tape:
        loss = ops.sum(ops.take(table, np.array([1, 1, 4]), axis=0))
    gradient = tape.gradient(loss, table.value)
    assert isinstance(gradient, tf.IndexedSlices)
    want = np.zeros((7, 3))
    want[1], want[4] = 2.0, 1.0
    np.testing.assert_array_equal(dense(gradient, table), want)
