"""What every registered network promises; a new member of the registry tests itself.

A Keras layer and a function stand beside the names: as `network=` they promise the same.
"""

import functools
import random
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest
from harness import at_once, gradients, to_numpy
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.networks import NETWORKS, resolve
from tsmodels.networks.assembly import forecast_model, sequence_model
from tsmodels.networks.base import as_memory

pytestmark = pytest.mark.backend
B, T, F, D = 4, 30, 2, 8


def two_layers(x):
    """A network of one's own as a plain function."""
    x = keras.layers.Dense(D, activation="gelu")(x)
    return keras.layers.GRU(D, return_sequences=True)(x)


LAYER = resolve(keras.layers.LSTM(D, return_sequences=True), causal=True)
OWN = [pytest.param(two_layers, id="function"), pytest.param(LAYER, id="layer")]
every = pytest.mark.parametrize("name", [*sorted(NETWORKS), *OWN])


def tiny(name):
    """The network at a width that builds in no time."""
    spec = resolve(name)
    widths = {field.name for field in fields(spec)}
    return replace(spec, d_model=D) if "d_model" in widths else spec


def window(seed=0, offset=0.0, scale=1.0, batch=B, steps=T, channels=F):
    noise = np.random.default_rng(seed).standard_normal((batch, steps, channels))
    return (offset + scale * noise).astype("float32")


def new(name, **settings):
    form = {"lookback": T, "horizon": 3, "channels": F, "targets": F, **settings}
    return forecast_model(tiny(name), **form)


model_of = functools.cache(new)  # for tests that leave its weights as they are


@functools.cache
def follower(name):
    """A model of one channel that takes the mean of a window away."""
    return forecast_model(replace(tiny(name), revin="mean"), lookback=T, horizon=3)


@functools.cache
def encoder(name):
    """The network's encoder as a model: features (B, T, D) to memory (B, T', D)."""
    spec = tiny(name)
    x = keras.Input((T, D))
    return keras.Model(x, as_memory(spec.encode(spec.layers(), x)).sequence)


def disturb(model):
    """Moves every weight a little: maps that start at zero would hide their inputs."""
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])


def answers(model, x):
    return to_numpy(whole(model)(x))


whole = functools.lru_cache(maxsize=99)(at_once)


@every
def test_spec_is_a_frozen_hashable_dataclass_with_a_space_of_its_own_fields(name):
    spec = resolve(name)
    assert is_dataclass(spec) and hash(spec) == hash(resolve(name))
    assert spec.__doc__ and spec.name == (name if isinstance(name, str) else "")
    with pytest.raises(FrozenInstanceError):
        spec.revin = None
    for field, dimension in spec.search_space.items():
        for u in (0.0, 0.5, 1.0):
            assert replace(spec, **{field: dimension.value(u)})


@every
def test_forecast_shape(name):
    x = {"past": window()}
    assert answers(model_of(name, horizon=1, targets=1), x).shape == (B, 1, 1)
    x["observed"] = np.ones((B, T), "float32")
    assert answers(model_of(name, masked=True), x).shape == (B, 3, F)


@every
def test_memory_has_the_width_of_the_network(name):
    if not resolve(name).encodes:
        pytest.skip(f"{name} only forecasts")
    memory = answers(encoder(name), window(channels=D))
    assert memory.shape[0] == B and memory.shape[2] == D


@every
def test_the_seed_decides_the_weights_and_nothing_global_does(name):
    random.seed(1), np.random.seed(1)
    state, numpy_state = random.getstate(), np.random.get_state()[1].copy()
    first, second, other = (new(name, seed=seed).get_weights() for seed in (7, 7, 8))
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)
    assert random.getstate() == state
    assert_array_equal(np.random.get_state()[1], numpy_state)
    moved = any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert moved != (name in ("nlinear", "dlinear"))  # they start at the mean of the window


@every
def test_every_weight_gets_a_gradient(name):
    model = new(name, masked=True)
    disturb(model)
    observed = np.ones((B, T), "float32")
    observed[:, :5] = 0.0
    x = {"past": window(), "observed": observed}
    trained = {v.path: v for v in model.trainable_variables}
    assert len(trained) == len(model.trainable_variables)

    def loss(weights):
        pairs = [(trained[path], weight) for path, weight in weights.items()]
        with keras.StatelessScope(state_mapping=pairs, collect_losses=True):
            return ops.sum(ops.square(model(x))) + sum(model.losses)

    found = gradients(loss, {path: v.value for path, v in trained.items()})
    for path, gradient in found.items():
        assert not gradient.size or np.abs(gradient).max() > 0, path


@every
def test_causal_networks_do_not_see_the_future(name):
    spec = resolve(name)
    if not spec.causal:
        pytest.skip(f"{name} does not claim to be causal")
    x, other = window(channels=D), window(channels=D)
    other[:, T // 2 :] += window(seed=1, channels=D)[:, T // 2 :]
    model = encoder(name)
    seen, changed = (answers(model, v) for v in (x, other))
    assert_allclose(seen[:, : T // 2], changed[:, : T // 2], atol=1e-6)
    assert np.abs(seen - changed).max() > 1e-4


@every
def test_unobserved_values_change_nothing_in_networks_that_encode(name):
    if resolve(name).direct:
        pytest.skip("direct maps see filled values")
    model = model_of(name, masked=True)
    observed = np.ones((B, T), "float32")
    observed[:, :7] = 0.0
    x, other = window(), window()
    other[:, :7] = 9.0
    a, b = (answers(model, {"past": v, "observed": observed}) for v in (x, other))
    assert_allclose(a, b, atol=1e-6)


@every
def test_two_windows_differ_by_more_than_a_constant(name):
    model = new(name, horizon=8)
    disturb(model)
    y = answers(model, {"past": window(channels=F)})[:, :, 0]
    assert np.std(y[0] - y[1]) > 1e-3


@every
@pytest.mark.parametrize("batch,steps", [(1, T), (B, 1)])
def test_batch_of_one_and_length_of_one(name, batch, steps):
    model = model_of(name, lookback=steps)
    y = answers(model, {"past": window(batch=batch, steps=steps)})
    assert y.shape == (batch, 3, F) and np.isfinite(y).all()


@every
@pytest.mark.parametrize("value", [0.0, 1e6, -1e6])
def test_constants_and_offsets_stay_finite(name, value):
    x = window(offset=value, channels=1)
    assert np.isfinite(answers(follower(name), {"past": x})).all()
    y = answers(follower(name), {"past": np.full_like(x, value)})
    assert np.abs(y - value).max() < max(100.0, 1e-4 * abs(value))


@every
def test_revin_follows_level_and_scale(name):
    x = window(channels=1)
    y, moved = (answers(follower(name), {"past": v}) for v in (x, 4.0 * x + 3.0))
    assert_allclose(moved, 4.0 * y + 3.0, atol=1e-3)


def classifier(name, steps=T, **form):
    """Sequences (B, T, F) to five numbers each, or five a step."""
    return sequence_model(tiny(name), shape=(steps, F), outputs=5, **form)


def pads(name):
    """Whether the network passes a mask on: a function of one's own without one does not."""
    return resolve(name).encodes and name is not two_layers


@every
def test_steps_are_tagged_where_the_length_is_kept(name):
    if not resolve(name).encodes:
        pytest.skip(f"{name} only forecasts")
    try:
        assert classifier(name, stepwise=True).output_shape == (None, T, 5)
    except ValueError as refusal:
        assert "network must be one that keeps the length" in str(refusal)
        assert encoder(name).output_shape[1] != T


@every
def test_sequences_are_classified_whatever_the_padding(name):
    """The same weights on sequences alone, and on them with padding of any values behind."""
    if not resolve(name).encodes:
        with pytest.raises(ValueError, match=f"network must be one that encodes.*{name}, which"):
            classifier(name)
        return
    steps, x, observed = T - 7, window(), np.ones((B, T), "float32")
    alone = classifier(name, steps=steps)
    disturb(alone)
    want = answers(alone, {"sequence": x[:, :steps]})
    assert want.shape == (B, 5) and np.ptp(want, axis=0).max() > 1e-4
    padded = classifier(name, masked=True) if pads(name) else alone
    places = [w.shape for w in alone.weights] != [w.shape for w in padded.weights]
    if padded is alone or places:  # no mask is passed on, or weights belong to places
        return
    padded.set_weights(alone.get_weights())
    observed[:, steps:], x[:, steps:] = 0.0, 9.0
    got = answers(padded, {"sequence": x, "observed": observed})
    assert_allclose(got, want, atol=2e-5, rtol=1e-5)
    if tiny(name).any_length:  # the model itself takes shorter batches
        short = {"sequence": x[:, :steps], "observed": observed[:, :steps]}
        got = answers(padded, short)
        assert_allclose(got, want, atol=2e-5, rtol=1e-5)


@every
@pytest.mark.slow
def test_learns_a_sine(name):
    wave = np.sin(np.arange(200) * np.pi / 6)[:, None].astype("float32")
    starts = np.arange(200 - T - 3)[:, None]
    past, ahead = wave[starts + np.arange(T)], wave[starts + T + np.arange(3)]
    model = forecast_model(tiny(name), lookback=T, horizon=3)
    compiled = keras.backend.backend() == "jax"  # elsewhere XLA takes longer than the training
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=compiled)
    model.fit({"past": past[:-24]}, ahead[:-24], epochs=40, batch_size=32, verbose=0)
    error = answers(model, {"past": past[-24:]}) - ahead[-24:]
    assert np.mean(error**2) < 0.1 * np.var(wave)


@every
@pytest.mark.slow
def test_length_2048(name):
    model = model_of(name, lookback=2048)
    assert np.isfinite(answers(model, {"past": window(steps=2048)})).all()


@every
def test_unknown_and_wrong_fields_are_refused(name):
    spec = type(resolve(name))
    with pytest.raises(ValueError, match=rf"network__nonsense must be a field of {spec.__name__}"):
        resolve(name, nonsense=1)
    with pytest.raises(ValueError, match=rf"{spec.__name__}.revin must be one of"):
        replace(resolve(name), revin="median")
