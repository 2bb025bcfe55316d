"""A sequence is answered as if it were alone: whatever else is in the batch and in its padding.

`test_conformance.py` holds a padded sequence against a shorter one where weights allow it. Here the
length stays and the padding changes, which every network can be asked for, in settings of many.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from harness import at_once, to_numpy
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.networks import (
    CNNLSTM,
    GRU,
    LSTM,
    NETWORKS,
    Conformer,
    PatchTST,
    Seq2Seq,
    Transformer,
    ViT,
    resolve,
)
from tsmodels.networks.assembly import forecast_model, sequence_model

B, T, F, D = 3, 30, 2, 8


def convolution(x):
    return keras.layers.Conv1D(D, 5, padding="same", activation="gelu")(x)


def moving(x, mask=None):
    """It heeds its mask, as a layer inside of it does."""
    return keras.layers.Bidirectional(keras.layers.GRU(D // 2, return_sequences=True))(x, mask=mask)


SETTINGS = {
    "cnn_lstm without pooling": CNNLSTM(d_model=D, pool_size=1),
    "conformer from behind": Conformer(d_model=D, n_heads=2, causal_encoder=True),
    "lstm both ways": LSTM(d_model=D, n_layers=2, bidirectional="first"),
    "gru both ways": GRU(d_model=D, bidirectional="all"),
    "patchtst of short patches": PatchTST(d_model=D, n_layers=2, patch_length=8, stride=4),
    "patchtst by layer": PatchTST(d_model=D, norm="layer", pre_norm=True),
    "seq2seq one way": Seq2Seq(d_model=D, bidirectional=False, attention="general"),
    "transformer from behind": Transformer(d_model=D, causal_encoder=True, positions="rotary"),
    "transformer with alibi": Transformer(d_model=D, positions="alibi", pre_norm=False),
    "vit of short patches": ViT(d_model=D, patch_size=4),
    "a layer": resolve(keras.layers.Conv1D(D, 5, padding="same"), d_model=D),
    "a function": resolve(convolution, d_model=D),
    "a function with a mask": resolve(moving, d_model=D),
}
ENCODERS = [name for name in NETWORKS if resolve(name).encodes] + list(SETTINGS)
encoders = pytest.mark.parametrize("name", sorted(ENCODERS))


def network(name):
    spec = SETTINGS.get(name) or resolve(name)
    narrow = {"d_model": D} if any(field.name == "d_model" for field in fields(spec)) else {}
    return replace(spec, **narrow)


def sequences(seed=0, steps=T, batch=B, channels=F):
    shape = batch, steps, channels
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def disturbed(model):
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    return model


@pytest.mark.backend
@encoders
def test_what_stands_in_padding_changes_nothing(name):
    model = disturbed(sequence_model(network(name), shape=(T, F), outputs=4, masked=True))
    observed = np.ones((B, T), "float32")
    observed[0, 21:] = observed[1, 1:] = 0.0
    answer = at_once(model)

    def answers(padding):
        x = np.where(observed[..., None] > 0, sequences(), padding).astype("float32")
        return to_numpy(answer({"sequence": x, "observed": observed}))

    want = answers(0.0)
    assert np.isfinite(want).all() and np.ptp(want, axis=0).max() > 1e-4
    assert_allclose(answers(9.0), want, atol=1e-6)
    assert_allclose(answers(1e4), want, atol=1e-6)


@encoders
@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_shorter_batches_are_answered_alike(name, pooling):
    if not network(name).any_length:
        pytest.skip(f"{name} is made for one length")
    form = {"shape": (T, F), "outputs": 4, "masked": True, "pooling": pooling}
    model = disturbed(sequence_model(network(name), **form))
    x, observed = sequences(), np.ones((B, T), "float32")
    x[:, 22:], observed[:, 22:] = 5.0, 0.0
    want = to_numpy(model({"sequence": x, "observed": observed}))
    got = to_numpy(model({"sequence": x[:, :23], "observed": observed[:, :23]}))
    assert_allclose(got, want, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_window_is_answered_alike_in_any_batch(name):
    """Also where there are as many windows as steps ahead, and one of anything else."""
    model = disturbed(forecast_model(network(name), lookback=T, horizon=B))
    x = sequences(channels=1)
    alone = [to_numpy(model({"past": x[i : i + 1]})) for i in range(B)]
    assert_allclose(to_numpy(model({"past": x})), np.concatenate(alone), atol=1e-4)


def test_a_mask_hides_what_a_layer_without_masks_would_see():
    x, mask = ops.ones((1, 4, D)), ops.array([[True, True, False, False]])
    spec = SETTINGS["a layer"]
    layers = spec.layers()
    memory = spec.encode(layers, x, mask)
    other = spec.encode(layers, ops.where(mask[..., None], x, 7.0), mask)
    assert_allclose(to_numpy(memory.sequence), to_numpy(other.sequence), atol=1e-6)
