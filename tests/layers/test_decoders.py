"""Recurrent decoders: steps equal the scan, the source mask holds, saving."""

import warnings

import numpy as np
import pytest
from harness import EAGER
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.decoders import AttentionDecoder, BahdanauDecoder, LuongDecoder
from tsmodels.layers.feedback import FeedBack
from tsmodels.networks.gnmt import GNMTDecoder

pytestmark = pytest.mark.backend
DECODERS = {
    "bahdanau": lambda: BahdanauDecoder(4),
    "bahdanau_zeros": lambda: BahdanauDecoder(4, start="zeros"),
    "luong_dot": lambda: LuongDecoder(4, attention="dot"),
    "luong_general": lambda: LuongDecoder(4),
    "luong_additive": lambda: LuongDecoder(4, attention="additive"),
}
every_decoder = pytest.mark.parametrize("name", DECODERS)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def series(*shape, seed=0):
    return ops.array(np.random.default_rng(seed).normal(size=shape).astype("float32"))


@every_decoder
def test_steps_equal_the_scan(name):
    decoder, x, memory = DECODERS[name](), series(2, 12, 3), series(2, 5, 4, seed=1)
    mask = np.array([[True] * 5, [True, True, False, False, False]])
    y, weights = decoder(x, memory, memory_mask=mask)
    state = decoder.start(memory, mask)
    assert all(value.shape[0] == 2 for value in state.values())
    for t in range(12):
        now, attention, state = decoder.step(x[:, t], state)
        assert_allclose(array(now), array(y)[:, t], rtol=1e-4, atol=1e-5)
        assert_allclose(array(attention), array(weights)[:, t], rtol=1e-4, atol=1e-5)
    assert (array(weights)[1, :, 2:] == 0).all()


@every_decoder
def test_a_given_state_is_where_it_starts(name):
    decoder, x, memory = DECODERS[name](), series(2, 1, 3), series(2, 5, 4, seed=1)
    free, _ = decoder(x, memory)
    given, _ = decoder(x, memory, initial_state={"h": series(2, 4, seed=3)})
    assert np.abs(array(free) - array(given)).max() > 1e-3


@every_decoder
def test_trains_saves_and_loads(name, tmp_path):
    x, memory = keras.Input((6, 3)), keras.Input((5, 4))
    model = keras.Model([x, memory], DECODERS[name]()(x, memory)[0])
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=EAGER)
    data, target = [series(8, 6, 3), series(8, 5, 4, seed=1)], 0.5 * ops.ones((8, 6, 4))
    losses = model.fit(data, target, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(array(loaded(data)), array(model(data)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decoder", [LuongDecoder(8), BahdanauDecoder(8), GNMTDecoder(8)])
def test_outputs_and_attention_are_outputs_of_a_model(decoder):
    x, memory = keras.Input((6, 3)), keras.Input((5, 4))
    y, weights = decoder(x, memory)
    assert decoder.output[0] is y  # of `keras.Operation`
    model = keras.Model([x, memory], [y, weights])
    y, weights = model([series(2, 6, 3), series(2, 5, 4)])
    assert y.shape == (2, 6, 8) and weights.shape == (2, 6, 5)


def test_the_mask_of_the_queries_goes_on():
    ids, memory = keras.Input((6,), dtype="int32"), keras.Input((5, 8))
    x = keras.layers.Embedding(9, 8, mask_zero=True)(ids)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, _ = LuongDecoder(8)(x, memory)
        z = FeedBack(LuongDecoder(8), units=1)(x, memory, memory[:, 0, :1])
    assert y._keras_mask.shape == z._keras_mask.shape == (None, 6)


def test_the_base_alone_and_widths_that_do_not_fit():
    with pytest.raises(TypeError, match="AttentionDecoder is a base. Use LuongDecoder"):
        AttentionDecoder()
    with pytest.raises(ValueError, match=r"x must be as wide as the decoder \(6\) .*Got 3"):
        LuongDecoder(6)(series(2, 4, 3), series(2, 5, 4), feed_back=True)
