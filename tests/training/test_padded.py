"""Sequences on the compiled path: what is gathered, and training as by `keras.Model.fit`."""

from dataclasses import replace

import numpy as np
import pytest

from tsmodels.backend import keras, ops
from tsmodels.data.sequences import Sequences, read_sequences
from tsmodels.losses import resolve_loss
from tsmodels.networks import GRU
from tsmodels.networks.assembly import sequence_model
from tsmodels.training.batches import Deck, Shapes, layout_of
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.fit import fit
from tsmodels.training.recipe import Recipe

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
N, T, C = 30, 7, 2
LENGTHS = RNG.integers(2, T + 1, N)
LENGTHS[0] = T
ARRAY = read_sequences(RNG.normal(size=(N, T, C)))
RAGGED = read_sequences([RNG.normal(size=(n, C)) for n in LENGTHS])


class SeesBatches(keras.callbacks.Callback):
    """Sends the fit through `keras.Model.fit`."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def taught(sequences: Sequences, classes=3, stepwise=False, weighted=False) -> Sequences:
    """The sequences with targets: codes, or numbers where there are no classes."""
    n = len(sequences.values) if stepwise else len(sequences)
    targets = RNG.integers(0, classes, n) if classes else RNG.normal(size=(n, 2))
    weights = RNG.uniform(0.5, 2.0, n) if weighted else None
    parts = {"targets": targets, "weights": weights, "stepwise": stepwise}
    return replace(sequences, classes=classes, **parts)


CASES = {
    "labels": (ARRAY, {}),
    "labels, padded": (RAGGED, {}),
    "labels, weighted": (ARRAY, {"weighted": True}),
    "numbers, padded, weighted": (RAGGED, {"classes": None, "weighted": True}),
    "labels a step": (ARRAY, {"stepwise": True}),
    "labels a step, weighted": (ARRAY, {"stepwise": True, "weighted": True}),
    "labels a step, padded": (RAGGED, {"stepwise": True}),
    "labels a step, padded, weighted": (RAGGED, {"stepwise": True, "weighted": True}),
    "labels, bucketed, weighted": (RAGGED.bucketed(3), {"weighted": True}),
    "labels a step, bucketed, weighted": (
        RAGGED.bucketed(3),
        {"stepwise": True, "weighted": True},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_gathered_batches_are_those_made_dense(case):
    sequences, form = CASES[case]
    sequences = taught(sequences, **form)
    layout = layout_of(sequences, sequences.ragged)
    arrays = {k: ops.convert_to_tensor(v) for k, v in layout.arrays(sequences).items()}
    index = np.array([3, 0, 29, 3])
    inputs, *parts = layout.gather(arrays, ops.convert_to_tensor(index.astype("int32")))
    want = sequences.batch(index, masked=sequences.ragged)
    parts = [inputs["sequence"], inputs.get("observed"), *parts]
    wanted = [want.past, want.observed, want.target, want.weight]
    for got, expected in zip(parts, wanted, strict=True):
        assert (got is None) == (expected is None)
        if got is not None:
            np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "case",
    [
        "labels, weighted",
        "numbers, padded, weighted",
        "labels, bucketed, weighted",
        "labels a step, bucketed, weighted",
    ],
)
def test_trains_as_keras_does(case):
    sequences, form = CASES[case]
    sequences = taught(sequences, **form)
    shape = {"shape": sequences.shape, "outputs": sequences.classes or 2}
    form = {"masked": sequences.ragged, "stepwise": sequences.stepwise}
    blueprint = Blueprint.of(sequence_model, network=GRU(d_model=4), **shape, **form)
    split = {"windows": sequences.take(slice(0, 22)), "validation": sequences.take(slice(22, None))}
    recipe = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01}
    recipe["loss"] = "cross_entropy" if sequences.classes else "mse"
    fast = fit(blueprint, **split, recipe=Recipe(**recipe), seeds=(1, 2))
    watched = Recipe(**recipe, callbacks=[SeesBatches()])
    reference = fit(blueprint, **split, recipe=watched, seeds=(1, 2))
    for key, values in reference.history.items():
        np.testing.assert_allclose(fast.history[key], values, rtol=1e-5, err_msg=key)
    for a, b in zip(fast.weights, reference.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_buckets_shorten_batches_and_leave_out_nobody():
    bucket = RNG.integers(0, 4, 103)
    deck = Deck(103, 10, 11, np.random.default_rng(0), bucket)
    again = Deck(103, 10, 11, np.random.default_rng(0), bucket)
    firsts = []
    for _ in range(3):
        order = deck.deal()
        np.testing.assert_array_equal(np.sort(order), np.arange(103))
        np.testing.assert_array_equal(order, again.deal())
        kinds = bucket[order[:100]].reshape(10, 10)
        assert (kinds.min(axis=1) == kinds.max(axis=1)).sum() >= 7  # 3 may lie between two
        firsts.append(kinds[:, 0].tolist())
    assert firsts[0] != firsts[1] and firsts[0] != sorted(firsts[0])


def test_every_sequence_is_as_often_in_the_smaller_batch():
    bucket = np.repeat([0, 1], 7)
    deck = Deck(14, 4, 4, np.random.default_rng(0), bucket)
    last = np.concatenate([deck.deal()[12:] for _ in range(400)])
    counts = np.bincount(last, minlength=14)
    assert counts.min() > 30 and abs((bucket[last] == 1).mean() - 0.5) < 0.06


def test_batches_have_the_length_of_their_longest_sequence():
    sequences = taught(RAGGED.bucketed(3))
    layout = layout_of(sequences, masked=True)
    order = np.argsort(sequences.lengths, kind="stable")
    seen = []
    for first, last, own in Shapes(sequences, layout, 8).runs(order):
        longest = sequences.lengths[order[first * 8 : last * 8]].max()
        assert own.length == min(b for b in sequences.buckets if b >= longest)
        seen += [own.length] * (last - first)
    assert len(seen) == 4 and seen == sorted(seen) and seen[0] < seen[-1] == sequences.length


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_losses_of_labels_take_logits(name):
    logits, labels = np.array([[2.0, -1.0]], "f"), np.array([[1.0, 0.0]], "f")
    p = 1.0 / (1.0 + np.exp(-3.0))
    want = -np.log(p) if name == "cross_entropy" else -0.25 * (1 - p) ** 2 * np.log(p)
    assert float(resolve_loss(name)(labels, logits)) == pytest.approx(want, rel=1e-4)
