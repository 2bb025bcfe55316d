"""Registry, field checks, and the hooks' defaults."""

import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from harness import compiled
from numpy.testing import assert_allclose

from tsmodels import LanguageModel
from tsmodels.backend import keras, ops
from tsmodels.layers import Dropout, PreNorm, Recurrent, TCNBlock, TransformerEncoderLayer
from tsmodels.networks import GRU, LSTM, MLP, NETWORKS, RNN, DLinear, NLinear, resolve
from tsmodels.networks.assembly import forecast_model, sequence_model
from tsmodels.networks.base import Memory, Network, last_step, register

pytestmark = pytest.mark.backend


def test_resolve_by_name_and_spec():
    assert resolve("lstm") == LSTM()
    assert resolve(LSTM(n_layers=2), d_model=8) == LSTM(n_layers=2, d_model=8)


def test_resolve_refuses_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"network must be one of .* Did you mean 'lstm'\?"):
        resolve("lstn")
    with pytest.raises(ValueError, match=r"network__n_layer must be .* Did you mean 'n_layers'\?"):
        resolve("lstm", n_layer=2)
    with pytest.raises(TypeError, match="A spec is an instance"):
        resolve(LSTM)


def test_linear_maps_have_no_width():
    for spec in (NLinear(), DLinear()):
        with pytest.raises(ValueError, match="network__d_model must be a field of"):
            resolve(spec, d_model=3)


def test_two_networks_cannot_share_a_name():
    taken = "name must be a name no other network has. Got 'lstm'. It is that of tsmodels.networks"
    namesake = type("LSTM", (Network,), {"__module__": "__main__"})
    for other in (GRU, namesake):
        with pytest.raises(ValueError, match=rf"{taken}.recurrent.LSTM: take another, or `del "):
            register("lstm")(other)
    assert NETWORKS["lstm"] is LSTM and LSTM.name == "lstm" and GRU.name == "gru"
    for odd in ("my net!", "", "a.b", LSTM):
        with pytest.raises(ValueError, match="name must be letters, digits and underscores"):
            register(odd)


@dataclass(frozen=True, kw_only=True)
class Stack(Network):
    """Layers to be named by a test."""

    made: Any = ()

    def layers(self):
        return [make() for make in self.made]


def same(**settings):
    return keras.layers.Conv1D(8, 3, padding="same", **settings)


@pytest.mark.parametrize(
    "layers,causal",
    [
        ([], True),
        ([lambda: Recurrent(8), lambda: keras.layers.Dense(8), lambda: Dropout(0.1)], True),
        ([lambda: PreNorm(TCNBlock(8))], True),
        ([lambda: PreNorm(keras.layers.Dense(8))], False),  # it has to say so
        ([lambda: Recurrent(8), same], False),
        ([lambda: PreNorm(same())], False),
        ([lambda: Recurrent(8, bidirectional=True)], False),
        ([lambda: TransformerEncoderLayer(2, 8)], False),
        ([lambda: keras.layers.LayerNormalization(axis=1)], False),
    ],
)
def test_causal_is_what_runs_in_steps_unless_it_says_so(layers, causal):
    state = random.getstate()
    spec = Stack(d_model=8, made=tuple(layers))
    assert spec.causal is causal and spec.streams is causal
    assert random.getstate() == state


def test_an_encode_of_ones_own_has_to_say_that_it_is_causal():
    class Own(Network):
        def encode(self, layers, x, mask=None):
            return x[:, ::-1]

    class Stepping(Own):
        def step(self, layers, x, state):
            return x, state

    class Told(Own):
        causal = True

    assert not Own().causal and not Own().streams
    assert Stepping().causal and Stepping().streams
    assert Told().causal and not Told(d_model=3, revin=None).direct


@pytest.mark.parametrize(
    "made,got",
    [
        (lambda: keras.layers.LSTM(8), r"\(None, 8\)"),
        (lambda: keras.layers.Dense(5), r"\(None, 12, 5\)"),
        (lambda: keras.layers.Permute((2, 1)), r"\(None, 8, 12\)"),
    ],
)
def test_what_encode_makes_has_its_shape(made, got):
    spec = Stack(d_model=8, made=(made,))
    rule = rf"network must be a map of \(B, T, 8\) to \(B, T', 8\). Got {got}. Recurrent layers"
    with pytest.raises(ValueError, match=rule):
        forecast_model(spec, lookback=12, horizon=3)
    with pytest.raises(ValueError, match=rule):
        sequence_model(spec, shape=(12, 1), outputs=2)


def test_a_forecast_has_its_shape():
    class Flat(Network):
        def forecast(self, layers, past, future, static, *, horizon, targets, outputs):
            return past[:, :horizon, 0]

    rule = (
        r"Flat.forecast must be a map to \(B, horizon, targets, outputs\), here \(None, 3, 1, 1\)"
    )
    with pytest.raises(ValueError, match=rf"{rule}. Got \(None, 3\)."):
        forecast_model(Flat(), lookback=12, horizon=3)


def test_layers_are_made_anew_for_every_assembly():
    kept = keras.layers.GRU(8, return_sequences=True, name="kept")
    spec = Stack(d_model=8, made=(lambda: kept,))
    forecast_model(spec, lookback=4, horizon=2)
    with pytest.raises(ValueError, match=r"Stack.layers\(\) must be layers made anew .* Got <GRU"):
        forecast_model(spec, lookback=4, horizon=2)
    with pytest.raises(ValueError, match="Make them inside the method"):
        sequence_model(spec, shape=(4, 1), outputs=2)


def test_a_network_that_sees_the_future_is_no_language_model():
    with pytest.raises(ValueError, match="network must be"):
        LanguageModel(Stack(made=(same,)), max_steps=1).fit(["ab ab ab"] * 9)


def test_odd_width_is_refused_with_bidirectional_layers():
    with pytest.raises(ValueError, match="GRU.d_model must be even"):
        GRU(d_model=7, bidirectional="first")


STREAMING = [cls(d_model=8, n_layers=3, residual_from=2) for cls in (RNN, LSTM, GRU)]
STREAMING += [resolve(name, d_model=8) for name in ("mamba", "mamba2", "rwkv4", "tcn")]
STREAMING.append(resolve("cnn_lstm", d_model=8, pool_size=1, n_convolutions=2))
# One head: the norm of a head of two values would be all rounding.
HEADED = ("rwkv5", "rwkv6", "rwkv7", "ttt_linear", "ttt_mlp", "xlstm")
STREAMING += [resolve(name, d_model=8, n_heads=1) for name in HEADED]


# RWKV-5 is left out of the long runs: its rounding grows to 7e-5, with equal forms in float64.
STREAMED = [(spec, 40) for spec in STREAMING]
STREAMED += [
    pytest.param(spec, 1000, marks=pytest.mark.slow) for spec in STREAMING if spec.name != "rwkv5"
]


@pytest.mark.parametrize("spec,length", STREAMED, ids=lambda value: getattr(value, "name", value))
def test_step_form_equals_the_parallel_form(spec, length):
    random.seed(0)  # the weights of the layers
    layers = spec.layers()
    x = np.random.default_rng(0).standard_normal((2, length, 8)).astype("float32")
    y = ops.convert_to_numpy(spec.encode(layers, ops.convert_to_tensor(x)).sequence)
    state, steps = spec.initial_state(layers, 2), []
    sizes = {key: tuple(value.shape) for key, value in state.items()}
    step = compiled(lambda x, state: spec.step(layers, x, state))
    for t in range(length):
        moment, state = step(ops.convert_to_tensor(x[:, t]), state)
        steps.append(ops.convert_to_numpy(moment))
    assert {key: tuple(value.shape) for key, value in state.items()} == sizes
    assert_allclose(np.stack(steps, axis=1), y, rtol=0, atol=1e-5 * max(1.0, np.abs(y).max()))


def test_layers_without_a_step_say_so():
    @dataclass(frozen=True, kw_only=True)
    class Plain(Network):
        def layers(self):
            return [keras.layers.Conv1D(self.d_model, 3)]

    with pytest.raises(NotImplementedError, match="Conv1D has no step form"):
        Plain().initial_state(Plain().layers(), 2)


def test_bidirectional_layers_see_the_whole_window():
    assert not LSTM(bidirectional="first").causal and LSTM().causal


def test_last_step_of_a_masked_memory():
    sequence = ops.convert_to_tensor(np.arange(12.0, dtype="float32").reshape(2, 3, 2))
    mask = ops.convert_to_tensor(np.array([[True, True, False], [True, True, True]]))
    last = ops.convert_to_numpy(last_step(Memory(sequence, mask)))
    assert_allclose(last, [[2.0, 3.0], [10.0, 11.0]])


def test_nlinear_starts_as_the_mean_of_the_window():
    model = forecast_model(NLinear(), lookback=4, horizon=2)
    x = np.array([1.0, 2.0, 3.0, 6.0], "float32").reshape(1, 4, 1)
    assert_allclose(ops.convert_to_numpy(model({"past": x}))[0, :, 0], [3.0, 3.0], atol=1e-6)


def test_mlp_starts_without_its_linear_map():
    model = forecast_model(MLP(d_model=4), lookback=4, horizon=2)
    assert not model.get_layer("skip").kernel.numpy().any()


@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_axis(outputs):
    past = keras.Input((10, 2))
    for spec in (NLinear(), DLinear(individual=True), MLP(d_model=4), LSTM(d_model=4)):
        future, static = past[:, :5, :0], past[:, 0, :0]
        sizes: Any = {"horizon": 5, "targets": 2, "outputs": outputs}
        y = spec.forecast(spec.layers(), past, future, static, **sizes)
        assert y.shape[1:] == (5, 2, outputs)


def test_a_network_of_ones_own_in_a_few_lines():
    @register("own")
    @dataclass(frozen=True, kw_only=True)
    class Own(Network):
        """Mine."""

        n_layers: int = 1
        search_space: ClassVar = {}

        def layers(self):
            return [keras.layers.Dense(self.d_model) for _ in range(self.n_layers)]

    try:
        model = forecast_model(replace(resolve("own"), d_model=3), lookback=5, horizon=2)
        assert model.output_shape == (None, 2, 1)
    finally:
        del NETWORKS["own"]


@pytest.mark.parametrize("where", ["first", "all"])
def test_both_directions_reach_the_forecast(where):
    spec = LSTM(d_model=4, bidirectional=where)
    x, other = (np.random.default_rng(s).standard_normal((1, 9, 4)) for s in (0, 1))
    other[:, -1] = x[:, -1]
    layers = spec.layers()
    a, b = (
        ops.convert_to_numpy(last_step(spec.encode(layers, ops.convert_to_tensor(v, "float32"))))
        for v in (x, other)
    )
    assert (np.abs(a - b) > 1e-6).all()
