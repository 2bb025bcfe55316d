"""A chain of labels against the enumeration of all paths."""

import itertools

import numpy as np
import pytest
from harness import compiled
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import keras, ops
from tsmodels.layers import crf_decode, crf_marginals
from tsmodels.layers.crf import CRF, ChainLoss, decode, log_partition, marginals, path_score

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
C = 3
LENGTHS = np.array([5, 3, 1, 4])
T = 5
SCORES = RNG.normal(size=(4, T, C)).astype("float32")
MASK = np.arange(T) < LENGTHS[:, None]


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.fixture(scope="module")
def layer():
    layer = CRF()
    layer.build((None, T, C))
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return layer


@pytest.fixture(scope="module")
def psi(layer):
    return layer(ops.convert_to_tensor(SCORES), mask=ops.convert_to_tensor(MASK))


@pytest.fixture(scope="module")
def paths(layer):
    """Of each sequence all paths and their scores, from the definition."""
    transitions, first, last = (numbers(weight).astype("float64") for weight in layer.weights)
    answers = []
    for scores, n in zip(SCORES.astype("float64"), LENGTHS, strict=True):
        own = np.array(list(itertools.product(range(C), repeat=n)))
        total = first[own[:, 0]] + last[own[:, -1]] + scores[np.arange(n), own].sum(axis=1)
        answers.append((own, total + transitions[own[:, :-1], own[:, 1:]].sum(axis=1)))
    return answers


def test_the_sum_over_all_paths(psi, paths):
    want = [np.log(np.exp(scores).sum()) for _, scores in paths]
    assert_allclose(numbers(log_partition(psi)), want, rtol=1e-5)


def test_the_best_path(psi, paths):
    best = numbers(decode(psi))
    for answer, n, (own, scores) in zip(best, LENGTHS, paths, strict=True):
        assert_array_equal(answer[:n], own[scores.argmax()])


def test_the_score_of_every_path(psi, paths):
    for i, (own, scores) in enumerate(paths):
        padded = np.concatenate([own, np.repeat(own[:, -1:], T - own.shape[1], axis=1)], axis=1)
        y = np.eye(C, dtype="float32")[padded]
        got = path_score(ops.convert_to_tensor(y), ops.repeat(psi[i : i + 1], len(own), axis=0))
        assert_allclose(numbers(got), scores, rtol=1e-4, atol=1e-5)


def test_the_probability_of_each_label(psi, paths):
    p = numbers(marginals(psi))
    assert_allclose(p.sum(axis=-1), 1.0, rtol=1e-5)
    for answer, (own, scores) in zip(p, paths, strict=True):
        odds = np.exp(scores - scores.max())
        for t, c in itertools.product(range(own.shape[1]), range(C)):
            want = odds[own[:, t] == c].sum() / odds.sum()
            assert_allclose(answer[t, c], want, rtol=1e-4, atol=1e-6)


def test_padding_changes_nothing(layer, psi):
    for i, n in enumerate(LENGTHS):
        alone = layer(ops.convert_to_tensor(SCORES[i : i + 1, :n]))
        assert_allclose(numbers(log_partition(alone)), numbers(log_partition(psi))[i], rtol=1e-5)
        assert_array_equal(numbers(decode(alone))[0], numbers(decode(psi))[i, :n])
        assert_allclose(numbers(marginals(alone))[0], numbers(marginals(psi))[i, :n], atol=1e-5)


def test_the_loss_is_the_negative_log_likelihood(psi, paths):
    own, scores = paths[0]
    y = ops.convert_to_tensor(np.eye(C, dtype="float32")[own[7:8]])
    want = (np.log(np.exp(scores).sum()) - scores[7]) / T
    assert_allclose(float(ChainLoss()(y, psi[:1])), want, rtol=1e-4)
    weight = ops.convert_to_tensor(np.array([[2.0, 2.0, 2.0, 0.0, 0.0]], dtype="float32"))
    assert_allclose(float(ChainLoss()(y, psi[:1], sample_weight=weight)), 2 * want, rtol=1e-4)


def test_transitions_are_learned():
    """Labels that alternate, whatever the scores are: only the chain can tell."""
    x = np.zeros((64, 6, 1), dtype="float32")
    labels = (np.arange(6) + np.arange(64)[:, None]) % 2
    x[:, 0, 0] = labels[:, 0] - 0.5
    inputs = keras.Input((6, 1))
    model = keras.Model(inputs, CRF()(keras.layers.Dense(2)(inputs)))
    model.compile(keras.optimizers.Adam(0.3), ChainLoss(), jit_compile=False)
    model.fit(x, np.eye(2, dtype="float32")[labels], epochs=20, batch_size=64, verbose=0)
    assert_array_equal(numbers(decode(model(ops.convert_to_tensor(x[:4])))), labels[:4])
    assert keras.saving.get_registered_name(CRF) == "tsmodels>CRF"


def test_reductions_are_those_of_keras(psi, paths):
    y = ops.convert_to_tensor(np.eye(C, dtype="float32")[[paths[0][0][7]] * 4])
    each = numbers(ChainLoss(reduction="none")(y, psi))
    assert each.shape == (4,)
    assert_allclose(float(ChainLoss()(y, psi)), each.mean(), rtol=1e-5)
    assert_allclose(float(ChainLoss(reduction="sum")(y, psi)), each.sum(), rtol=1e-5)
    with pytest.raises(ValueError, match="reduction must be one of"):
        ChainLoss(reduction="mode")


def test_half_precision_adds_up_wider(layer):
    """Beyond 2,048 nats float16 counts by twos, beyond 65,504 it counts nothing."""
    x = ops.convert_to_tensor(RNG.normal(size=(2, 50, C)).astype("float32"))
    y = ops.one_hot(ops.zeros((2, 50), "int32"), C)
    potentials = ops.cast(100.0 * layer(x), "float16")
    want = float(ChainLoss()(y, ops.cast(potentials, "float32")))
    assert float(ChainLoss()(y, potentials)) == pytest.approx(want, rel=1e-4)


def test_any_length(layer):
    scores = keras.Input((None, C))
    psi = keras.Model(scores, layer(scores))(ops.convert_to_tensor(SCORES))
    assert_allclose(numbers(psi), numbers(layer(ops.convert_to_tensor(SCORES))), rtol=1e-6)
    call = compiled(
        lambda x: (crf_decode(layer(x)), crf_marginals(layer(x)), log_partition(layer(x)))
    )
    for length in (T, 2, 1):
        x = ops.convert_to_tensor(SCORES[:, :length])
        got, psi = call(x), layer(x)
        assert_array_equal(numbers(got[0]), numbers(decode(psi)))
        assert_allclose(numbers(got[1]), numbers(marginals(psi)), atol=1e-5)
        assert_allclose(numbers(got[2]), numbers(log_partition(psi)), rtol=1e-5)
