"""Every public layer in half and double precision: answers of float32, in the layer's dtype."""

import functools

import numpy as np
import pytest
from harness import close, normal, to_numpy

from tsmodels import layers
from tsmodels.backend import keras, ops
from tsmodels.layers import precision
from tsmodels.networks.gnmt import GNMTDecoder
from tsmodels.networks.linear import NLinear, _ResidualBlock
from tsmodels.networks.mixers import MixerBlock
from tsmodels.networks.nbeats import NBEATSBlock, NHITSBlock
from tsmodels.networks.tft import (
    GatedResidualNetwork,
    GatedSkip,
    InterpretableAttention,
    VariableSelection,
)

# Where each operation is compiled by itself, as on JAX, one dtype must do; its float64 has to be
# switched on.
HERE = keras.backend.backend() == "tensorflow"
TOLERANCES = {"mixed_bfloat16": 8e-2}  # norms of four values, as in TTT here, widen its rounding
if HERE:
    TOLERANCES |= {"mixed_float16": 5e-3, "float64": 1e-5}
elsewhere = pytest.mark.backend
X, MEMORY, CODES = normal(2, 3, 8), normal(2, 4, 8, seed=2), np.array([[1, 3, 0], [7, 2, 1]])
IDS = np.stack([CODES, CODES[::-1]], axis=-1)
VARIABLES, STATIC = normal(2, 3, 4, 8), normal(2, 5)


def feed_back(dtype):
    return layers.FeedBack(layers.LuongDecoder(8, dtype=dtype), 1, dtype=dtype)


def pre_norm(dtype):
    inner = layers.MambaBlock(2, dtype=dtype)
    return layers.PreNorm(inner, dropout=0.1, dtype=dtype)


# By class: arguments of the constructor, and of a call where they are not the sequence X.
TABLE = {
    layers.CRF: ({},),
    layers.AdditiveAttention: ({"units": 4}, X, MEMORY),
    layers.DotAttention: ({"scaled": True}, X, MEMORY),
    layers.GeneralAttention: ({}, X, MEMORY),
    layers.MultiHeadAttention: ({"n_heads": 2, "dropout": 0.1, "causal": True},),
    layers.LuongDecoder: ({"units": 4}, X, MEMORY),
    layers.BahdanauDecoder: ({"units": 4}, X, MEMORY),
    GNMTDecoder: ({"units": 4, "n_layers": 3}, X, MEMORY),
    layers.CategoryEmbedding: ({"categories": 7}, CODES),
    layers.CovariateForecast: ({"outputs": 2}, X, MEMORY, STATIC),
    layers.CausalConv1D: ({"filters": 4},),
    layers.CausalDepthwiseConv1D: ({},),
    layers.CharacterWords: ({"size": 8, "width": 4}, IDS),
    layers.ClassToken: ({},),
    layers.ConformerBlock: ({"n_heads": 2, "d_ff": 8, "dropout": 0.1},),
    layers.ConvolutionModule: ({"kernel_size": 3},),
    layers.DenseFlipout: ({"units": 4, "draw": "training"},),
    layers.DenseReparameterization: ({"units": 4, "draw": "training"},),
    layers.DenseResidual: ({"units": 4, "outputs": 3, "dropout": 0.1},),
    layers.Dropout: ({"rate": 0.1},),
    feed_back: ({}, X, MEMORY, normal(2, 1), normal(2, 3, 1)),
    pre_norm: ({},),
    layers.GRU: ({"units": 4, "return_sequences": True},),
    layers.LSTM: ({"units": 4, "return_sequences": True},),
    layers.SimpleRNN: ({"units": 4, "return_sequences": True},),
    layers.GatedFeedForward: ({},),
    layers.LearnedPositions: ({"max_length": 4},),
    layers.LinearOfAny: ({"units": 4},),
    layers.MLSTMBlock: ({"n_heads": 2},),
    layers.SLSTMBlock: ({"n_heads": 2},),
    layers.MambaBlock: ({"d_state": 4},),
    layers.Mamba2Block: ({"d_state": 4, "head_dim": 8},),
    layers.MonteCarloDropout: ({"rate": 0.0},),
    layers.PatchEmbedding: ({"units": 4, "patch_size": 2},),
    layers.RWKV4Block: ({},),
    layers.RWKV4ChannelMix: ({},),
    layers.RWKV4TimeMix: ({},),
    layers.RWKV5Block: ({"head_size": 4},),
    layers.RWKV5TimeMix: ({"head_size": 4},),
    layers.RWKV6Block: ({"head_size": 4},),
    layers.RWKV6TimeMix: ({"head_size": 4},),
    layers.RWKV7Block: ({"head_size": 4},),
    layers.RWKV7ChannelMix: ({},),
    layers.RWKV7Stack: ({"n_layers": 2, "head_size": 4},),
    layers.RWKV7TimeMix: ({"head_size": 4},),
    layers.Recurrent: ({"units": 8, "residual": True, "dropout": 0.1},),
    layers.RevIN: ({"affine": True},),
    layers.SequenceMaxPooling: ({},),
    layers.SequencePooling: ({},),
    layers.SeriesDecomposition: ({"kernel_size": 3},),
    layers.SinusoidalPositions: ({},),
    layers.TCNBlock: ({"filters": 4, "dropout": 0.1},),
    layers.TTTLinear: ({"n_heads": 2, "mini_batch": 2},),
    layers.TTTMLP: ({"n_heads": 2, "mini_batch": 2, "share_qk": True, "use_gate": True},),
    layers.TimeLinear: ({"units": 3},),
    layers.TokenEmbedding: ({"size": 8, "width": 4, "token_dropout": 0.3}, IDS),
    layers.TransformerDecoderLayer: ({"n_heads": 2, "d_ff": 8, "dropout": 0.1}, X, MEMORY),
    layers.TransformerEncoderLayer: ({"n_heads": 2, "d_ff": 8, "dropout": 0.1, "causal": True},),
    MixerBlock: ({"units": 4, "dropout": 0.1},),
    GatedSkip: ({"dropout": 0.1}, X, normal(2, 3, 4)),
    GatedResidualNetwork: ({"units": 4, "dropout": 0.1}, X, STATIC),
    VariableSelection: ({"units": 4, "dropout": 0.1}, VARIABLES),
    InterpretableAttention: ({"n_heads": 2, "dropout": 0.1},),
    NBEATSBlock: ({"horizon": 2}, STATIC),
    NHITSBlock: ({"horizon": 2, "pool": 2}, STATIC),
    _ResidualBlock: ({"units": 5, "dropout": 0.1}, STATIC),
}
STEPPED = [make for make in TABLE if hasattr(make, "step") and hasattr(make, "initial_state")]
STEPPED.append(pre_norm)
BY_DTYPE = pytest.mark.parametrize("dtype", sorted(TOLERANCES))


def named(makes):
    return pytest.mark.parametrize("make", makes, ids=lambda make: make.__name__)


def given(make):
    return [ops.convert_to_tensor(v) for v in TABLE[make][1:] or (X,)]


def answer(layer, inputs, **kwargs):
    """The tensors of an answer; statistics of a RevIN are not among them."""
    y = keras.tree.flatten(layer(*inputs, **kwargs))
    return y[:1] if isinstance(layer, layers.RevIN) else y


def steps(layer, x):
    """Two moments, one after the other, and two at once where the layer knows how."""
    attends = isinstance(layer, (layers.MultiHeadAttention, layers.TransformerEncoderLayer))
    start = [layer.initial_state(2, 4) if attends else layer.initial_state(2)]
    y, state = layer.step(x[:, 0], *start)
    z, _ = layer.step(x[:, 1], state)
    at_once = [layer.advance(x[:, :2], *start)[0]] if hasattr(layer, "advance") else []
    return [y, z, *at_once]


@functools.cache
def exact(make):
    """A layer in float32 and its answers."""
    layer = make(**TABLE[make][0], dtype="float32")
    y = answer(layer, given(make))
    return layer, y, steps(layer, given(make)[0]) if make in STEPPED else []


def same(got, want, dtype):
    for y, z in zip(got, want, strict=True):
        compute = keras.DTypePolicy(dtype).compute_dtype
        assert keras.backend.standardize_dtype(y.dtype) == compute
        close(ops.cast(y, "float32"), z, TOLERANCES[dtype])


def with_weights_of(exact, layer, inputs):
    layer(*inputs)
    layer.set_weights(exact.get_weights())
    return layer


def test_every_public_layer_is_here():
    others = {
        "AttentionDecoder",
        "ChainLoss",
        "FeedBack",
        "PreNorm",
    }  # feed_back, pre_norm; test_crf
    others |= {"crf_decode", "crf_marginals"}
    assert {make.__name__ for make in TABLE} >= set(layers.__all__) - others


@elsewhere
@BY_DTYPE
@named(TABLE)
def test_answers_of_a_layer_with_a_dtype_of_its_own(make, dtype):
    reference, want, moments = exact(make)
    layer = with_weights_of(reference, make(**TABLE[make][0], dtype=dtype), given(make))
    same(answer(layer, given(make)), want, dtype)
    if make in STEPPED:
        same(steps(layer, given(make)[0]), moments, dtype)


@pytest.mark.parametrize("dtype", ["mixed_float16", "float64"])
@named(TABLE)
def test_training(make, dtype):
    layer = make(**TABLE[make][0], dtype=dtype)
    training = {"training": True} if layer._call_has_training_arg else {}
    for y in answer(layer, given(make), **training):
        assert keras.backend.standardize_dtype(y.dtype) == keras.DTypePolicy(dtype).compute_dtype
        assert np.isfinite(to_numpy(ops.cast(y, "float32"))).all()


@pytest.fixture
def half():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield "mixed_bfloat16"
    keras.config.set_dtype_policy(before)


@named(TABLE)
def test_a_policy_for_all(make, half):
    reference, want, _ = exact(make)
    layer = with_weights_of(reference, make(**TABLE[make][0], dtype=None), given(make))
    same(answer(layer, given(make)), want, half)


def test_a_decoder_in_steps():
    layer = layers.LuongDecoder(4, attention="additive", dtype="mixed_float16")
    want, weights = layer(X, MEMORY)
    y, first, _ = layer.step(X[:, 0], layer.start(MEMORY))
    close(y, to_numpy(want)[:, 0], 1e-3)
    close(first, to_numpy(weights)[:, 0], 1e-3)


def test_memories_are_float32_and_copies_of_inputs_half():
    layer = layers.RWKV5TimeMix(head_size=4, dtype="mixed_float16")
    layer.build((None, None, 4))
    _, state = layer.advance(ops.ones((1, 2, 4)), layer.initial_state(1))
    assert {k: keras.backend.standardize_dtype(v.dtype) for k, v in state.items()} == {
        "x": "float16",
        "S": "float32",
    }


def test_codes_of_categories_are_exact():
    layer = layers.CategoryEmbedding(400, units=2, dtype="mixed_bfloat16")
    a, b = to_numpy(ops.cast(layer(ops.array([300.0, 301.0])), "float32"))
    assert np.abs(a - b).max() > 1e-3


def test_seasons_on_a_large_offset():
    x = 1000.0 + np.sin(np.arange(40.0, dtype="float32"))[None, :, None]
    want, _ = layers.SeriesDecomposition(5)(x)
    seasonal, _ = layers.SeriesDecomposition(5, dtype="mixed_float16")(x)
    close(ops.cast(seasonal, "float32"), want, 1e-3)


def test_nlinear_on_a_large_offset(half):
    past = keras.Input((6, 1))
    future, static = keras.Input((2, 0)), keras.Input((0,))
    y = NLinear().forecast([], past, future, static, horizon=2, targets=1, outputs=1)
    x = 1000.0 + np.arange(6.0, dtype="float32")[None, :, None]
    got = to_numpy(ops.cast(keras.Model(past, y)(x), "float32"))
    np.testing.assert_allclose(got.ravel(), [1002.5, 1002.5], atol=0.1)


def test_unit_vectors_of_small_ones():
    from tsmodels.layers.rwkv import _unit

    x = ops.cast([[3e-4, 4e-4]], "float16")
    close(ops.cast(_unit(x), "float32"), [[0.6, 0.8]], 1e-2)


def test_the_answer_alone_is_rounded():
    wide = precision.in_full_precision(lambda x, y: (x * y, x))
    y, state = wide(ops.ones(2, "bfloat16"), ops.ones(2, "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(state.dtype) == "float32"
