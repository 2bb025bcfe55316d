"""Translation: token by token as all at once, and what the decoder is shown in training."""

import numpy as np
import pytest
from harness import at_once
from numpy.testing import assert_allclose

from tsmodels.backend import ops
from tsmodels.networks import GNMT, Seq2Seq, Transformer
from tsmodels.networks.assembly import translation_model
from tsmodels.training.functions import compiled_function

pytestmark = pytest.mark.backend
SIMPLE = Seq2Seq(d_model=8, attention="none", bidirectional=False)
NETWORKS = [
    SIMPLE,
    Seq2Seq(d_model=8, attention="general"),
    GNMT(d_model=8),
    Transformer(d_model=8, n_layers=1, n_heads=2),
]
FORM = {"length": 5, "sizes": (9, 7), "seed": 0}


def array(x):
    return ops.convert_to_numpy(x)


def pairs():
    """Source tokens, the second sentence shorter, and target tokens before each step."""
    drawn = np.random.default_rng(0).integers(2, 7, (3, 5, 2)).astype("float32")
    drawn[1, 3:, 0], drawn[:, 0, 1] = 0, 0
    return drawn


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_token_by_token_as_all_at_once(network):
    model = translation_model(network, **FORM)
    layer, given = model.get_layer("translation"), pairs()
    whole = array(at_once(layer)(ops.array(given)))
    want = whole - np.log(np.exp(whole).sum(axis=-1, keepdims=True))
    step = compiled_function(layer.step, model)
    log_probs, attention, state = at_once(layer.begin)(ops.array(given[:, :, 0].astype("int32")))
    assert_allclose(array(log_probs), want[:, 0], rtol=1e-4, atol=1e-5)
    for t in range(1, 5):
        order = np.array([2, 0, 1], dtype="int32")  # hypotheses that change places
        tokens = given[:, t, 1].astype("int32")[order]
        log_probs, attention, state = step(tokens, order, state)
        assert_allclose(array(log_probs), want[order, t], rtol=1e-4, atol=1e-5)
        given, want = given[order], want[order]
    if network is SIMPLE:
        assert attention.shape[1] == 0
    else:
        assert_allclose(array(attention).sum(axis=-1), 1.0, rtol=1e-4)
        assert (array(attention)[given[:, :, 0] == 0] == 0.0).all()


def test_padding_of_the_source_changes_nothing():
    layer = translation_model(NETWORKS[1], **FORM).get_layer("translation")
    given = pairs()[1:2]
    longer = np.pad(given, [(0, 0), (0, 2), (0, 0)])
    whole = array(at_once(layer)(ops.array(given)))
    assert_allclose(array(at_once(layer)(ops.array(longer)))[:, :5], whole, rtol=1e-4, atol=1e-6)


def test_scheduled_sampling_shows_what_is_likeliest():
    forced = translation_model(SIMPLE, **FORM)
    layer = translation_model(SIMPLE, **FORM, schedule="linear", rate=1.0).get_layer("translation")
    for weight, other in zip(layer.weights[1:], forced.weights, strict=True):
        weight.assign(other)
    taught = array(at_once(forced.get_layer("translation"))(ops.array(pairs())))
    layer.begin_epoch(0)
    first = layer(ops.array(pairs()), training=True)
    assert_allclose(array(first), taught, rtol=1e-5, atol=1e-6)  # the truth alone
    layer.begin_epoch(1)
    own = np.pad(taught.argmax(axis=-1)[:, :-1], [(0, 0), (1, 0)])
    shown = np.stack([pairs()[:, :, 0], own], axis=-1).astype("float32")
    free = array(layer(ops.array(pairs()), training=True))
    again = array(at_once(forced.get_layer("translation"))(ops.array(shown)))
    assert_allclose(free, again, rtol=1e-4, atol=1e-5)
    assert np.abs(free - taught).max() > 1e-4
