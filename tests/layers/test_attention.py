"""Attention: masks, fused and plain forms, positions, layers that save and load."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    MultiHeadAttention,
    make_attention,
    masked_softmax,
)

pytestmark = pytest.mark.backend
MEMORY_ATTENTIONS = {
    "additive": lambda: AdditiveAttention(5, use_bias=True),
    "normed": lambda: AdditiveAttention(5, normed=True),
    "dot": DotAttention,
    "scaled": lambda: DotAttention(scaled=True),
    "general": GeneralAttention,
}
every_memory_attention = pytest.mark.parametrize("name", MEMORY_ATTENTIONS)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_softmax_of_a_row_that_sees_nothing_is_zero():
    scores = series(3, 4) * 100
    mask = np.array([[True] * 4, [True, False, True, False], [False] * 4])
    weights = array(masked_softmax(ops.array(scores), ops.array(mask)))
    assert_allclose(weights[:2].sum(axis=1), 1.0, rtol=1e-6)
    assert (weights[~mask] == 0).all()


def test_a_single_step_gets_all_the_weight_without_a_warning(recwarn):
    context, weights = DotAttention()(series(2, 3, 4), series(2, 1, 4))
    assert (array(weights) == 1).all() and not [w for w in recwarn if "softmax" in str(w.message)]
    MultiHeadAttention(2)(series(2, 1, 4))
    assert not [w for w in recwarn if "softmax" in str(w.message)]


@every_memory_attention
def test_masked_memory_is_not_seen(name):
    attention = MEMORY_ATTENTIONS[name]()
    query, memory = series(2, 3, 4), series(2, 6, 4, seed=1)
    mask = np.array([[True] * 4 + [False] * 2, [False] * 6])
    changed = np.where(mask[..., None], memory, 7.0).astype("float32")
    context, weights = attention(query, memory, memory_mask=mask)
    assert (array(weights)[0, :, 4:] == 0).all() and (array(weights)[1] == 0).all()
    assert_allclose(array(weights)[0].sum(axis=-1), 1.0, rtol=1e-5)
    assert_allclose(array(attention(query, changed, memory_mask=mask)[0]), array(context))
    assert (array(context)[1] == 0).all()


@every_memory_attention
def test_memory_attention_saves_and_loads(name, tmp_path):
    query, memory = keras.Input((3, 4)), keras.Input((None, 4))
    model = keras.Model([query, memory], MEMORY_ATTENTIONS[name]()(query, memory)[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = [series(2, 3, 4), series(2, 5, 4, seed=1)]
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


def test_dot_attention_says_what_to_use_for_other_widths():
    with pytest.raises(ValueError, match="query must be as wide as the memory .6.. Got 4. Use Gen"):
        DotAttention()(series(1, 2, 4), series(1, 3, 6))
    with pytest.raises(ValueError, match="Did you mean 'general'"):
        make_attention("generel", 4)


@pytest.mark.parametrize("positions", [None, "rotary", "alibi"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_fused_form_equals_the_plain_one(positions, causal, masked):
    attention = MultiHeadAttention(2, causal=causal, positions=positions)
    x, bias = series(3, 7, 8), series(3, 2, 7, 7, seed=2)
    attention(x)
    for seed, weight in enumerate(attention.weights):
        weight.assign(series(*weight.shape, seed=seed))
    mask = np.array([[True] * 7, [True] * 3 + [False] * 4, [False] * 7]) if masked else None
    plain, weights, _ = attention(x, key_mask=mask, bias=bias, return_attention=True)
    fused = attention(x, key_mask=mask, bias=bias)
    assert np.isfinite(array(fused)).all()
    assert_allclose(array(fused), array(plain), rtol=1e-4, atol=1e-4)
    if masked:
        assert (array(weights)[2] == 0).all()
    if causal:
        assert (np.triu(array(weights)[0, 0], 1) == 0).all()


def test_keras_own_attention_gives_the_same_numbers():
    ours, theirs = MultiHeadAttention(2), keras.layers.MultiHeadAttention(2, key_dim=4)
    x = series(2, 5, 8)
    ours(x), theirs(x, x)
    weights = []
    for dense in (ours.query_map, ours.key_map, ours.value_map):
        weights += [array(dense.kernel).reshape(8, 2, 4), array(dense.bias).reshape(2, 4)]
    weights += [array(ours.output_map.kernel).reshape(2, 4, 8), array(ours.output_map.bias)]
    theirs.set_weights(weights)
    assert_allclose(array(ours(x)), array(theirs(x, x)), rtol=1e-4, atol=1e-5)


def test_pairs_can_be_hidden():
    attention, x = MultiHeadAttention(1), series(1, 4, 2)
    pairs = np.tril(np.ones((1, 4, 4), bool))
    causal = MultiHeadAttention(1, causal=True)
    causal(x), attention(x)
    causal.set_weights(attention.get_weights())
    assert_allclose(array(attention(x, attention_mask=pairs)), array(causal(x)), rtol=1e-5)


def test_an_embedding_mask_hides_keys():
    model = keras.Sequential([keras.layers.Embedding(9, 4, mask_zero=True), MultiHeadAttention(2)])
    longer, shorter = np.array([[1, 2, 3, 0, 0]]), np.array([[1, 2, 3]])
    assert_allclose(array(model(longer))[:, :3], array(model(shorter)), rtol=1e-4, atol=1e-6)


def test_dropout_acts_in_training_alone():
    attention, x = MultiHeadAttention(2, dropout=0.5), series(2, 6, 4)
    quiet = array(attention(x, training=False))
    assert_allclose(array(attention(x)), quiet)
    assert np.abs(array(attention(x, training=True)) - quiet).max() > 1e-4


def test_width_must_divide():
    with pytest.raises(ValueError, match="n_heads must be a divisor of the width 4. Got 3."):
        MultiHeadAttention(3)(series(1, 2, 4))


def test_multi_head_attention_saves_and_loads(tmp_path):
    x = keras.Input((None, 6))
    layer = MultiHeadAttention(2, d_model=4, causal=True, positions="rotary", dropout=0.1)
    model = keras.Model(x, layer(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = series(2, 5, 6)
    assert model(x).shape == (2, 5, 4)
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


def test_dropout_that_is_always_drawn_is_drawn_in_prediction_too():
    attention, x = MultiHeadAttention(2, dropout=0.5), ops.array(series(1, 6, 4))
    once = array(attention(x))
    assert_allclose(array(attention(x)), once)
    attention.drop.always = True
    draws = [array(attention(x)) for _ in range(4)]
    assert all(np.abs(draw - once).max() > 1e-3 for draw in draws)


def test_alibi_looks_at_a_memory_of_another_length():
    attention = MultiHeadAttention(2, positions="alibi")
    x, memory = ops.array(series(1, 3, 4)), ops.array(series(1, 5, 4, seed=1))
    y, weights, _ = attention(x, memory, return_attention=True)
    assert weights.shape == (1, 2, 3, 5)
    assert_allclose(array(attention(x, memory)), array(y), atol=1e-6)


def test_causal_attention_without_masks_is_that_with_a_mask_of_everything():
    attention, x = MultiHeadAttention(2, causal=True), ops.array(series(2, 6, 4))
    seen = np.ones((2, 6), bool)
    assert_allclose(array(attention(x)), array(attention(x, key_mask=seen)), atol=1e-6)
