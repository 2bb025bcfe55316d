"""Recurrent layers: kernels equal Keras' loops, in what they give and in every gradient."""

import contextlib

import keras as plain
import numpy as np
import pytest
from harness import close, gradients, in_steps, loaded, normal, same_gradients, to_numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.backend import keras, ops
from tsmodels.layers import recurrent
from tsmodels.layers.recurrent import Recurrent

pytestmark = pytest.mark.backend

NAMES = ["LSTM", "GRU", "SimpleRNN"]
WITH_KERNELS = pytest.mark.skipif(recurrent.kernels is None, reason="Keras against Keras")
ON_TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow")


def both(name, features, units, **arguments):
    """Our layer and Keras', and arrays with a value for every weight and the first states."""
    layers = [getattr(module, name)(units, **arguments) for module in (recurrent, plain.layers)]
    for layer in layers:
        layer.build((None, None, features))
    shapes = [tuple(weight.shape) for weight in layers[0].weights]
    values = {f"w{i}": 0.5 * normal(*shape, seed=i) for i, shape in enumerate(shapes)}
    return layers, values


def caller(layer, training, mask=None):
    """The layer as a function of its input x, its states s0, s1 and its weights w0, w1, ..."""

    def call(x, **t):
        weights = [t[f"w{i}"] for i in range(len(layer.weights))]
        states = [t[key] for key in ("s0", "s1") if key in t] or None
        with loaded(layer, zip(layer.weights, weights, strict=True)):
            return layer(x, initial_state=states, training=training, mask=mask)

    return call


@pytest.fixture(autouse=True, scope="module")
def small_shards():
    """Up to three shards of a few sequences, though a test worker has one core."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    from tsmodels.layers import shards_tensorflow as shards

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "cores", lambda: 3)
        patch.setattr(shards, "FEWEST", {True: 2, False: 2})
        patch.setattr(shards, "MOST", 2)
        yield
    shards._traced.cache_clear()


@contextlib.contextmanager
def uncompiled():
    """Graphs of Keras' loops take longer to build than to run."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@WITH_KERNELS
@pytest.mark.parametrize("name", NAMES)
@given(
    batch=st.sampled_from([1, 4, 7]),
    length=st.integers(1, 5),
    widths=st.sampled_from([(1, 1), (3, 4)]),
    training=st.booleans(),
    go_backwards=st.booleans(),
    return_sequences=st.booleans(),
)
@settings(max_examples=6, deadline=None, derandomize=True)
def test_kernels_are_keras(name, batch, length, widths, training, go_backwards, return_sequences):
    features, units = widths
    arguments = {"go_backwards": go_backwards, "return_sequences": return_sequences}
    (fast, slow), values = both(name, features, units, return_state=True, **arguments)
    states = {f"s{i}": normal(batch, units, seed=i) for i in range(1 + (name == "LSTM"))}
    arrays = {"x": normal(batch, length, features), **states, **values}
    with uncompiled():
        same_gradients(caller(fast, training), caller(slow, training), arrays, tol=1e-5)


@WITH_KERNELS
@pytest.mark.parametrize("name", NAMES)
def test_compiled_with_dropout_of_the_input(name):
    (fast, slow), values = both(name, 3, 4, dropout=0.5, seed=7, return_sequences=True)
    arrays = {"x": normal(2, 4, 3), **values}
    same_gradients(caller(fast, True), caller(slow, True), arrays, tol=1e-5)


@WITH_KERNELS
@pytest.mark.parametrize("name", NAMES)
def test_masked_steps_are_left_out(name):
    (fast, slow), values = both(name, 3, 4, return_sequences=True)
    mask = np.array([[True, True, False, True], [False, True, True, False]])
    arrays = {"x": normal(2, 4, 3), **values}
    with uncompiled():
        same_gradients(caller(fast, True, mask), caller(slow, True, mask), arrays, tol=1e-5)


class Reached(Exception):
    pass


@pytest.fixture
def alarm(monkeypatch):
    """Kernels that say that they were called."""

    def reached(*_):
        raise Reached

    if recurrent.kernels is None:
        pytest.skip("no kernels on this backend")
    for name in ("lstm", "gru", "rnn"):
        monkeypatch.setattr(recurrent.kernels, name, reached)


ODD = [
    ("LSTM", {"recurrent_dropout": 0.5}),
    ("LSTM", {"unroll": True}),
    ("LSTM", {"activation": "relu"}),
    ("LSTM", {"recurrent_activation": "hard_sigmoid"}),
    ("LSTM", {"use_bias": False}),
    ("LSTM", {"use_cudnn": False}),
    ("LSTM", {"dtype": "float64"}),
    ("GRU", {"reset_after": False}),
    ("SimpleRNN", {"activation": "relu"}),
]


@pytest.mark.parametrize("name, arguments", ODD, ids=str)
def test_keras_runs_what_no_kernel_covers(alarm, name, arguments):
    layer = getattr(recurrent, name)(2, **arguments)
    assert to_numpy(layer(normal(2, 3, 1), training=True)).shape == (2, 2)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_run_the_rest(alarm, name):
    with pytest.raises(Reached):
        getattr(recurrent, name)(2, recurrent_dropout=0.5)(normal(2, 3, 1), training=False)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_step_at_a_time(cell):
    layer = Recurrent(4, cell=cell, residual=True)
    x = normal(2, 5, 4)
    whole = layer(x)
    steps, state = in_steps(layer, x)
    close(steps, whole)
    close(state["h"], steps[:, -1] - x[:, -1])


def test_config_and_weights_are_those_of_keras(tmp_path):
    layer = keras.layers.Bidirectional(recurrent.GRU(3, return_sequences=True))
    model = keras.Sequential([keras.Input((None, 2)), layer, recurrent.LSTM(3)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[0].backward_layer) is recurrent.GRU
    x = normal(2, 6, 2)
    np.testing.assert_array_equal(to_numpy(model(x)), to_numpy(again(x)))

    theirs = keras.layers.LSTM.from_config(model.layers[1].get_config())
    theirs.build((None, None, 6))
    theirs.set_weights(model.layers[1].get_weights())
    hidden = model.layers[0](x)
    close(theirs(hidden), model.layers[1](hidden))


@ON_TENSORFLOW
def test_inside_a_compiled_loop():
    """What a compiled epoch does: a tape within a loop within one function."""
    import tensorflow as tf

    layer = recurrent.LSTM(3)
    x = tf.constant(normal(6, 2, 5, 2))  # six batches
    layer.build(x.shape[1:])

    def slopes(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(batch, training=True) ** 2)
        return tape.gradient(loss, layer.cell.kernel.value)

    @tf.function
    def epoch(last):
        total = tf.zeros(layer.cell.kernel.shape)
        for k in tf.range(last):
            total += slopes(x[k])
        return total

    close(epoch(tf.constant(6)), sum(slopes(batch) for batch in x))


def test_gradients_reach_both_directions():
    layer = Recurrent(4, cell="lstm", bidirectional=True)
    x = normal(2, 3, 2)
    layer.build(x.shape)

    def end(t):
        return ops.sum(layer(t["x"])[:, -1, 2:] ** 2)  # the backward half has read one step

    found = gradients(end, {"x": ops.convert_to_tensor(x)})["x"]
    assert np.abs(found[:, -1]).min() > 0
    np.testing.assert_array_equal(found[:, :-1], 0)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"recurrent_dropout": 5}, r"recurrent_dropout must be a finite number in \[0, 1\). Got 5"),
        ({"dropout": -1}, "^dropout must be"),
        ({"bidirectional": "none"}, "bidirectional must be one of .* Got 'none'"),
        ({"l2": -1.0}, "l2 must be"),
    ],
)
def test_arguments_are_checked(wrong, words):
    with pytest.raises(ValueError, match=words):
        Recurrent(4, **wrong)
