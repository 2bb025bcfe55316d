"""Step forms of decoders and of the causal Transformer: moment by moment as all at once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import MultiHeadAttention
from tsmodels.networks import GNMT, Memory, Seq2Seq, Transformer
from tsmodels.networks.base import last_step

pytestmark = pytest.mark.backend
B, S, H, D = 2, 7, 4, 8
SMALL = {"d_model": D, "n_heads": 2, "n_layers": 2}
DECODERS = [
    Seq2Seq(d_model=D, attention="none", bidirectional=False),
    Seq2Seq(d_model=D, attention="additive"),
    Seq2Seq(d_model=D, attention="general", n_layers=2),
    GNMT(d_model=D, n_layers=3),
    GNMT(d_model=D, context="new", pass_states=False),
    GNMT(d_model=D, n_layers=3, context="standard"),
    Transformer(**SMALL),
    Transformer(**SMALL, positions="rotary"),
    Transformer(**SMALL, positions="alibi", pre_norm=False),
]
POSITIONS = ["sinusoidal", "learned", "rotary", "alibi"]


def series(*shape, seed=0):
    return ops.array(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def array(x):
    return ops.convert_to_numpy(x)


def close(a, b):
    assert_allclose(array(a), array(b), rtol=1e-4, atol=1e-5)


def memory_of(spec, layers):
    memory = spec.encode(layers, series(B, S, D))
    hidden = np.arange(S) < [[S], [S - 2]]
    return memory._replace(mask=ops.array(hidden))


def stepwise(spec, layers, memory, queries, previous):
    """Outputs (B, H, D) and attention of `decode_step`; `previous` None feeds the output back."""
    state, outputs, attentions = None, [], []
    last = ops.zeros((B, D))
    if previous is None and spec.name == "seq2seq" and spec.attention == "additive":
        last = layers["start"](last_step(memory))  # the state is the output
    for t in range(H):
        before = last if previous is None else previous[:, t]
        last, attention, state = spec.decode_step(layers, memory, queries[:, t], before, state)
        outputs.append(last)
        attentions.append(attention)
    return ops.stack(outputs, axis=1), attentions


@pytest.mark.parametrize("spec", DECODERS, ids=repr)
def test_decoding_step_by_step_with_targets(spec):
    layers, queries, targets = spec.layers(), series(B, H, D, seed=1), series(B, H, D, seed=2)
    memory = memory_of(spec, layers)
    y = spec.decode(layers, memory, queries, targets)
    steps, attentions = stepwise(spec, layers, memory, queries, targets)
    close(steps, y)
    other = spec.decode(layers, memory, queries, series(B, H, D, seed=3))
    assert np.abs(array(y) - array(other)).max() > 1e-3
    for attention in attentions:
        if attention is not None:
            assert_allclose(array(attention).sum(axis=-1), 1.0, rtol=1e-5)
            assert not array(attention)[1, -2:].any()  # hidden by the mask


@pytest.mark.parametrize("spec", DECODERS, ids=repr)
def test_decoding_step_by_step_in_free_run(spec):
    layers, queries = spec.layers(), series(B, H, D, seed=1)
    memory = memory_of(spec, layers)
    y = spec.decode(layers, memory, queries)
    feeds_back = isinstance(spec, GNMT) or getattr(spec, "attention", "none") != "none"
    close(stepwise(spec, layers, memory, queries, None if feeds_back else 0 * queries)[0], y)


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_causal_encoder_streams(positions):
    spec = Transformer(**SMALL, positions=positions, causal_encoder=True, max_length=32)
    assert spec.streams
    layers, x = spec.layers(), series(B, 32, D)
    y = spec.encode(layers, x).sequence
    state, sizes = spec.initial_state(layers, B), []
    for t in range(32):
        moment, state = spec.step(layers, x[:, t], state)
        close(moment, y[:, t])
        sizes.append([tuple(value.shape) for value in state.values()])
    assert all(size == sizes[0] for size in sizes)
    assert all(shape[0] == B for shape in sizes[0])


@pytest.mark.slow
@pytest.mark.parametrize("positions", POSITIONS)
def test_a_thousand_steps(positions):
    spec = Transformer(**SMALL, positions=positions, causal_encoder=True, max_length=1000)
    layers, x = spec.layers(), series(B, 1000, D)
    y = array(spec.encode(layers, x).sequence)
    state = spec.initial_state(layers, B)
    for t in range(1000):
        moment, state = spec.step(layers, x[:, t], state)
        assert_allclose(array(moment), y[:, t], rtol=0, atol=1e-5 * max(1.0, np.abs(y).max()))


@pytest.mark.parametrize("positions", [None, "rotary", "alibi"])
def test_beyond_its_length_a_cache_sees_a_window(positions):
    attention = MultiHeadAttention(2, causal=True, positions=positions)
    x, length = series(B, 11, D), 4
    attention.build(x.shape)
    state = attention.initial_state(B, length)
    for t in range(11):
        y, state = attention.step(x[:, t], state)
    close(y, attention(x[:, -length:])[:, -1])


def test_an_encoder_that_reads_the_future_does_not_stream():
    spec = Transformer(**SMALL)
    assert not spec.streams and not Seq2Seq(d_model=D).streams
    with pytest.raises(NotImplementedError, match="it needs causal_encoder=True"):
        spec.step(spec.layers(), series(B, D), {})


def test_encoders_of_seq2seq_stream_without_their_decoder():
    spec = Seq2Seq(d_model=D, bidirectional=False, n_layers=2)
    assert spec.streams
    layers, x = spec.layers(), series(B, S, D)
    y = spec.encode(layers, x).sequence
    state = spec.initial_state(layers, B)
    for t in range(S):
        moment, state = spec.step(layers, x[:, t], state)
    close(moment, y[:, -1])


def test_a_decoder_is_built_once_for_an_assembly():
    spec = Transformer(**SMALL)
    layers, memory = spec.layers(), Memory(keras.Input((S, D)))
    models = [
        keras.Model(memory.sequence, spec.decode(layers, memory, memory.sequence[:, :H]))
        for _ in range(2)
    ]
    for weight, again in zip(*(model.weights for model in models), strict=True):
        assert weight is again
