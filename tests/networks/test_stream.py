"""Sequences cut anywhere: encoded on from the state at the cut, and trained so."""

from dataclasses import fields

import numpy as np
import pytest
from harness import at_once
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.data.streams import cut_stream
from tsmodels.networks import GRU, LSTM, NETWORKS, Transformer, TTTLinearNetwork, resolve
from tsmodels.networks.assembly import language_model
from tsmodels.networks.base import as_memory
from tsmodels.networks.embedded import Embedded
from tsmodels.training.batches import Deck
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.fit import fit
from tsmodels.training.recipe import Recipe

B, D = 2, 8
SMALL = {"d_model": D, "n_layers": 1, "n_heads": 2, "kernel_size": 3}


def small(name):
    known = {field.name for field in fields(resolve(name))}
    settings = {key: value for key, value in SMALL.items() if key in known}
    return resolve(name, **settings | ({"n_layers": 2} if name == "gnmt" else {}))  # at least


CARRYING = sorted(name for name in NETWORKS if small(name).carries)


def array(x):
    return ops.convert_to_numpy(x)


def test_which_networks_carry_their_state():
    some = {"rnn", "lstm", "gru", "mamba", "rwkv7", "ttt_linear", "tcn", "xlstm", "window_mlp"}
    assert some <= {*CARRYING}
    assert not Transformer(causal_encoder=True).carries and not LSTM(bidirectional="all").carries
    assert Embedded(network=GRU(), size=9, d_embedding=4).carries


EVERYWHERE = ("lstm", "tcn", "mamba")  # the blocks of the others are tested with their layers


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.backend] if name in EVERYWHERE else [])
        for name in CARRYING
    ],
)
def test_a_sequence_may_be_cut_anywhere(name):
    spec = small(name)
    x = ops.array(np.random.default_rng(0).normal(size=(B, 12, D)).astype("float32"))
    layers = spec.layers()
    whole = array(as_memory(spec.encode(layers, x)).sequence)
    state, parts = spec.initial_state(layers, B), []
    for first, last in ((0, 1), (1, 6), (6, 12)):
        y, state = spec.advance(layers, x[:, first:last], state)
        parts.append(array(y))
    assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)


def ids(n, seed=0, size=11):
    return np.random.default_rng(seed).integers(2, size, n).astype("float32")


def embedded(network):
    return Embedded(network=network, size=11, d_embedding=5)


@pytest.mark.backend
@pytest.mark.parametrize("network", [LSTM(d_model=D), TTTLinearNetwork(d_model=D, n_heads=2)])
def test_in_training_windows_go_on_where_the_last_ones_stopped(network):
    form = {"length": 4, "outputs": 11, "seed": 1}
    carrying = language_model(embedded(network), streams=B, run=3, **form)
    plain = language_model(embedded(network), **form | {"length": 12})
    x = ids(B * 12).reshape(B, 12, 1)
    held = len(carrying.weights) - len(plain.weights)
    assert all(w.name.startswith("carried") for w in carrying.weights[:held])
    for weight, other in zip(carrying.weights[held:], plain.weights, strict=True):
        assert weight.shape == other.shape and weight.name == other.name
        weight.assign(other)
    whole = array(at_once(plain)({"sequence": x}))

    def trained(part):
        return array(carrying({"sequence": x[:, part]}, training=True))

    windows = [slice(i, i + 4) for i in (0, 4, 8)]
    first = [trained(part) for part in windows]
    assert_allclose(np.concatenate(first, axis=1), whole, rtol=1e-4, atol=1e-5)
    assert_allclose(trained(windows[0]), whole[:, :4], rtol=1e-4, atol=1e-5)  # the next run
    carrying.get_layer("network").begin_epoch(1)
    assert_allclose(trained(windows[1]), whole[:, 4:8], rtol=1e-4, atol=1e-5)
    carrying.get_layer("network").begin_epoch(0)
    assert_allclose(trained(windows[0]), whole[:, :4], rtol=1e-4, atol=1e-5)
    alone = array(carrying({"sequence": x[:, 4:8]}))  # in prediction from the beginning
    assert np.abs(alone - whole[:, 4:8]).max() > 1e-4


def test_runs_are_dealt_window_after_window():
    deck = Deck(24, 4, 6, np.random.default_rng(0), run=3)
    epochs = [deck.deal().reshape(6, 4) for _ in range(3)]
    for order in epochs:
        assert_array_equal(np.sort(order.ravel()), np.arange(24))
        for group in (order[:3], order[3:]):
            assert (group[0] % 3 == 0).all()
            assert_array_equal(np.diff(group, axis=0), 1)
    assert (epochs[0] != epochs[1]).any()


def test_a_run_goes_on_in_the_next_epoch():
    deck = Deck(24, 4, 4, np.random.default_rng(0), run=3)  # 4 batches an epoch, 6 a deck
    batches = np.concatenate([deck.deal().reshape(4, 4) for _ in range(3)])
    for group in batches.reshape(4, 3, 4):
        assert (group[0] % 3 == 0).all()
        assert_array_equal(np.diff(group, axis=0), 1)


@pytest.mark.parametrize("n, length, streams, run", [(100, 7, 3, 4), (9, 20, 3, 4), (50, 7, 9, 1)])
def test_windows_of_a_run_follow_each_other(n, length, streams, run):
    rows = np.arange(float(n))
    windows = cut_stream(rows[:, None], rows + 1, length, streams, run)
    runs = windows.firsts.reshape(-1, windows.run)
    assert (np.diff(runs, axis=1) == windows.length).all()
    assert (runs[1:, 0] >= runs[:-1, -1] + windows.length).all()
    assert windows.firsts[-1] + windows.length <= n
    assert len(runs) % min(streams, len(windows)) == 0


class SeesBatches(keras.callbacks.Callback):
    """Sends the fit through `keras.Model.fit`."""

    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.backend
def test_trains_as_keras_does():
    rows = ids(120)
    windows = cut_stream(rows[:-1, None], rows[1:], 5, 2, 3)
    form = {"length": 5, "outputs": 11, "streams": 2, "run": windows.run}
    blueprint = Blueprint.of(language_model, network=embedded(GRU(d_model=D)), **form)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    recipe = {"epochs": 2, "batch_size": 2, "learning_rate": 0.02, "loss": loss}
    fast = fit(blueprint, windows, None, Recipe(**recipe), seeds=(1, 2))
    watched = Recipe(**recipe, callbacks=[SeesBatches()])
    reference = fit(blueprint, windows, None, watched, seeds=(1, 2))
    assert_allclose(fast.history["loss"], reference.history["loss"], rtol=1e-5)
    for a, b in zip(fast.weights, reference.weights, strict=True):
        assert_allclose(a, b, atol=1e-5)
