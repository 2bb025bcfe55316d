"""What every registered network promises; a new member of the registry tests itself.

A Keras layer and a function stand beside the names: as `network=` they promise the same.
"""

import functools
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest
from harness import at_once, to_numpy

from tsmodels.backend import keras, ops
from tsmodels.layers import Recurrent
from tsmodels.networks import NETWORKS, Network, resolve
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.conformance import PROMISES, Subject, check_network, window

pytestmark = pytest.mark.backend
B, T, F, D = 4, 30, 2, 8  # the first three as in `conformance`


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


def new(name, **settings):
    form = {"lookback": T, "horizon": 3, "channels": F, "targets": F, **settings}
    return forecast_model(tiny(name), **form)


class Quick(Subject):
    """Compiled where the backend is slow otherwise."""

    def run(self, model, x):
        return answers(model, x)


@functools.lru_cache(maxsize=2)
def subject(name):
    return Quick(tiny(name))


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


@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
@every
def test_promises_are_kept(name, check):
    check(subject(name))


@every
def test_another_seed_gives_other_weights(name):
    first, other = (new(name, seed=seed).get_weights() for seed in (7, 8))
    moved = any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert moved != (name in ("nlinear", "dlinear"))  # they start at the mean of the window


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
    model = new(name, lookback=2048)
    assert np.isfinite(answers(model, {"past": window(steps=2048)})).all()


@every
def test_unknown_and_wrong_fields_are_refused(name):
    spec = type(resolve(name))
    with pytest.raises(ValueError, match=rf"network__nonsense must be a field of {spec.__name__}"):
        resolve(name, nonsense=1)
    with pytest.raises(ValueError, match=rf"{spec.__name__}.revin must be one of"):
        replace(resolve(name), revin="median")


# --- promises that are broken ---------------------------------------------------------------------


def broken(**hooks):
    """A network of width 8 with wrong hooks."""
    return type("Broken", (Network,), hooks)(d_model=8)


def dense():
    return [keras.layers.Dense(8)]


class Forgetful(keras.layers.Layer):
    """Adds numbers that no weight holds."""

    def build(self, shape):
        self.numbers = np.random.default_rng().normal(size=8).astype("float32")

    def call(self, x):
        return x + ops.convert_to_tensor(self.numbers)


class Idle(keras.layers.Dense):
    """A layer whose kernel does nothing."""

    def call(self, x):
        return x + self.bias


class Restarted(Recurrent):
    """A layer whose steps know no state."""

    def step(self, x, state):
        return super().step(x, self.initial_state(x.shape[0]))


BROKEN = [
    (
        broken(forecast=lambda self, layers, past, *_, **sizes: past[:, :1, :1, None]),
        "has the shap",
    ),
    (broken(encode=lambda self, layers, x, mask=None: x[:, :, :5]), "a map of"),
    (broken(layers=lambda self: [Forgetful()]), "seed decides|same weights"),
    (broken(layers=lambda self: [Idle(8)]), "gets a gradient.*kernel has none"),
    (broken(layers=lambda self: [keras.layers.Conv1D(8, 3, padding="same")], causal=True), "after"),
    (broken(encode=lambda self, layers, x, mask=None: 0 * x), "depends on the sequence|gradient"),
    (broken(layers=lambda self: [Restarted(8)]), "moment by moment"),
]


@pytest.mark.parametrize("network,words", BROKEN)
def test_a_broken_promise_is_named(network, words):
    with pytest.raises(AssertionError, match=rf"Broken breaks a promise of networks: .*({words})"):
        check_network(network)


def test_a_layer_is_named_and_what_it_raises_is_told():
    layer = keras.layers.GRU(8, name="mine")
    with pytest.raises(AssertionError, match="mine breaks a promise .*(Error|shape)"):
        check_network(layer)
