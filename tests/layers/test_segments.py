"""Several sequences in one row: each is read as if it stood alone."""

import numpy as np
import pytest
from harness import at_once
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.data.packing import pack
from tsmodels.layers.attention import MultiHeadAttention
from tsmodels.layers.segments import is_segments, positions_within, together
from tsmodels.networks import Transformer

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
LENGTHS = np.array([5, 3, 7, 2, 4])
PACKING = pack(LENGTHS, 9)
X = RNG.normal(size=(5, 7, 8)).astype("f")
SEEN = np.arange(7) < LENGTHS[:, None]


def encoded(spec):
    """What a network makes of sequences that are padded, and of them in rows, both (steps, D)."""
    layers = spec.layers()
    inputs = [keras.Input((9, 8)), keras.Input((9,), dtype="int32")]
    model = keras.Model(inputs, spec.encode(layers, *inputs).sequence)
    alone = at_once(lambda x, seen: spec.encode(layers, x, seen).sequence)(X, SEEN)
    rows = at_once(model)([PACKING.packed(X), PACKING.segments])
    apart = ops.take(ops.reshape(rows, (-1, 8)), PACKING.places, axis=0)  # (N, T, D)
    return (ops.convert_to_numpy(y)[SEEN] for y in (alone, apart))


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi"])
@pytest.mark.parametrize("causal", [False, True])
def test_rows_of_several_have_the_outputs_of_each(positions, causal):
    form = {"d_model": 8, "n_heads": 2, "dropout": 0.0, "causal_encoder": causal}
    alone, packed = encoded(Transformer(positions=positions, max_length=16, **form))
    assert_allclose(packed, alone, atol=1e-5)
    assert len(PACKING) < 5 and np.ptp(alone, axis=0).min() > 0.1


def test_without_segments_sequences_would_meet():
    layer = MultiHeadAttention(2)
    rows = ops.convert_to_tensor(PACKING.packed(X))
    segments = ops.convert_to_tensor(PACKING.segments)
    apart, mixed = layer(rows, mask=segments), layer(rows, mask=segments > 0)
    both = (ops.convert_to_numpy(y)[PACKING.segments > 0] for y in (apart, mixed))
    assert np.abs(np.subtract(*both)).max() > 1e-3


def test_weights_stay_in_the_blocks():
    segments = np.array([[1, 1, 2, 0]])
    x = ops.convert_to_tensor(X[:1, :4])
    _, weights, _ = MultiHeadAttention(2)(
        x, mask=ops.convert_to_tensor(segments), return_attention=True
    )
    blocks = ops.convert_to_numpy(together(ops.convert_to_tensor(segments)))
    weights = ops.convert_to_numpy(weights)
    assert_array_equal(weights[:, 0] > 0, blocks)
    assert_allclose(weights.sum(axis=-1)[0, 0], [1.0, 1.0, 1.0, 0.0], atol=1e-6)


def test_positions_begin_anew():
    want = [[0, 1, 2, 0, 1, 0, 0, 0]]
    got = positions_within(ops.convert_to_tensor([[1, 1, 1, 2, 2, 3, 0, 0]]))
    assert_array_equal(ops.convert_to_numpy(got), want)


def test_truth_values_are_no_segments():
    assert not is_segments(ops.convert_to_tensor(SEEN)) and not is_segments(None)
    assert is_segments(ops.convert_to_tensor(PACKING.segments))
