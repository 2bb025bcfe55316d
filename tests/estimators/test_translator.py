"""Translator: decoding is consistent with training, and the life of an estimator."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

pytest.importorskip("tokenizers")

import tsmodels
from tsmodels import Seq2Seq, Tokens, Translator
from tsmodels.backend import keras

pytestmark = pytest.mark.backend
NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier"}
X = [f"{a} and {b}" for a in NUMBERS for b in NUMBERS] * 4 + list(NUMBERS) * 2
Y = [f"{NUMBERS[a]} und {NUMBERS[b]}" for a in NUMBERS for b in NUMBERS] * 4
Y += list(NUMBERS.values()) * 2
QUICK = {"tokens": "words", "learning_rate": 0.03, "random_state": 0, "batch_size": 16}
QUICK["length_buckets"] = 1
SIMPLE = Seq2Seq(d_model=16, attention="none", bidirectional=False)


@pytest.fixture(scope="module")
def model():
    return Translator(SIMPLE, **QUICK, epochs=30).fit(X, Y)


@pytest.fixture(scope="module")
def attending():
    plain = {"label_smoothing": 0.0, "embedding_dropout": 0.0, "validation": 0.25}
    return Translator(Seq2Seq(d_model=8), **QUICK, **plain, epochs=8).fit(X, Y)


def test_it_learns(model):
    assert np.mean([a == b for a, b in zip(model.predict(X[:16]), Y, strict=False)]) > 0.9
    assert model.score(X, Y) > -0.3


def test_scores_are_likelihoods(attending):
    """Step by step in beams, and all at once with the true tokens before."""
    model = attending
    best = model.predict(X[:5], n_best=2, length_penalty=0.0, num_beams=3)
    texts = [(X[i], *pair) for i in range(5) for pair in best[i]]
    texts = [part for part in texts if 0 < len(part[1].split()) < model.length_]
    assert len(texts) >= 5
    sources, targets, scores = map(list, zip(*texts, strict=True))
    assert_allclose(model.log_likelihood(sources, targets), scores, rtol=1e-3)


def test_sentences_do_not_depend_on_each_other(model):
    mixed = ["four", *X[:40], "a word that nobody knows and more of them"]
    together = model.predict(mixed)
    assert together[0] == model.predict(["four"])[0]
    assert together[7] == model.predict([mixed[7]])[0]
    assert model.predict([""]) == model.predict(["", "one"])[:1]


def test_the_best_come_first(model):
    for pairs in model.predict(X[:3], n_best=4, num_beams=4):
        scores = [score for _, score in pairs]
        assert scores == sorted(scores, reverse=True) and len({text for text, _ in pairs}) > 1
    assert [pairs[0][0] for pairs in model.predict(X[:3], n_best=2)] == model.predict(X[:3])


def test_long_penalties_are_longer(attending):
    words = list(NUMBERS)
    short, long = (attending.predict(words, length_penalty=p) for p in (0.0, 50.0))
    assert sum(map(len, long)) > sum(map(len, short))


def test_where_it_looks(model, attending):
    source, target, weights = attending.align("one and two", "eins und zwei")
    assert source == ["one", "and", "two"] and target == ["eins", "und", "zwei"]
    assert weights.shape == (3, 3)
    assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-4)
    with pytest.raises(ValueError, match="network must be one with attention"):
        model.align("one", "eins")


def test_losses_count_real_tokens(attending):
    """The validation loss is the mean over tokens of what `log_likelihood` says."""
    rng = np.random.default_rng(attending._seeds())
    held = rng.permutation(len(X))[: round(0.25 * len(X))]
    others = [[part[i] for i in held] for part in (X, Y)]
    best = min(attending.history_["val_loss"])
    assert best == pytest.approx(-attending.score(*others), rel=1e-4)


def test_scheduled_sampling_trains_on_word_pieces_in_buckets():
    tokens = Tokens(vocab_size=30, min_frequency=1, lowercase=False)
    settings = QUICK | {"tokens": tokens, "length_buckets": 2, "epochs": 3}
    settings |= {"teacher_forcing": "linear", "forcing_rate": 0.5}
    longer = [[f"{a} {b}" for a, b in zip(part[:16], part[:16], strict=True)] for part in (X, Y)]
    pairs = [part[:48] + more for part, more in zip((X, Y), longer, strict=True)]
    model = Translator(SIMPLE, **settings).fit(*pairs)
    assert len(model._pairs(*pairs).bucketed(2).buckets) == 2
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    assert "##" in "".join(model.target_.words) and isinstance(model.predict(X[:1])[0], str)


def test_copies_and_files_answer_alike(model, tmp_path):
    want = model.predict(X[:4], n_best=2)
    model.save(tmp_path / "model")
    for other in (tsmodels.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert other.predict(X[:4], n_best=2) == want
    assert clone(model).get_params() == model.get_params()


def test_the_same_seed_gives_the_same_fit_in_silence(attending, capfd):
    again = clone(attending).fit(X, Y)
    for a, b in zip(again.weights_, attending.weights_, strict=True):
        assert_array_equal(a, b)
    again.predict(X[:2])
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""


def test_eight_bits_change_little(model, tmp_path):
    smaller = model.quantized(X[:20], Y[:20])
    told = smaller.quantization_
    integers = [w.dtype == np.int8 for w in smaller.weights_]
    assert told["size"] < 0.45 and any(integers) and not all(integers)  # tables of 16 numbers a row
    assert told["loss"] == pytest.approx(-smaller.score(X[:20], Y[:20]))
    assert told["loss_before"] == pytest.approx(-model.score(X[:20], Y[:20]))
    same = zip(model.predict(X[:20]), smaller.predict(X[:20]), strict=True)
    assert told["same"] == np.mean([a == b for a, b in same])
    for kept, first in zip(smaller._floats(), model.weights_, strict=True):
        assert_allclose(kept, first, atol=np.abs(first).max() / 250)
    smaller.save(tmp_path / "model")
    other = tsmodels.load(tmp_path / "model")
    assert other.predict(X[:5], n_best=2) == smaller.predict(X[:5], n_best=2)
    _ = other.model_  # the Keras model has floats
    assert pickle.loads(pickle.dumps(other)).predict(X[:5]) == smaller.predict(X[:5])
    refitted = other.set_params(epochs=1).fit(X, Y)
    assert not hasattr(refitted, "scales_") and not hasattr(model, "scales_")


def test_eight_bits_with_attention(attending):
    smaller = attending.quantized(X[:4], Y[:4], tolerance=0.1)
    assert len(smaller.scales_) >= 3 and 0.0 < smaller.quantization_["share"] < 1.0


def test_eight_bits_that_change_too_much_are_refused(model, monkeypatch):
    coarse = "tsmodels.estimators.quantization.LARGEST"
    monkeypatch.setattr(coarse, 1)
    with pytest.raises(ValueError, match="weights must be such that 8 bits"):
        model.quantized(X[:20], Y[:20])


class Interrupts(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_earlier_one_whole(attending):
    other = pickle.loads(pickle.dumps(attending)).set_params(callbacks=[Interrupts()])
    with pytest.raises(KeyboardInterrupt):
        other.fit(Y, X)
    assert other.predict(X[:2]) == attending.predict(X[:2])


@pytest.mark.parametrize(
    "settings, kind, words",
    [
        ({"network": "lstm"}, ValueError, "Take 'seq2seq', 'gnmt' or 'transformer'"),
        ({"teacher_forcing": "linar"}, ValueError, "Did you mean 'linear'"),
        ({"teacher_forcing": "linear", "forcing_rate": 2.0}, ValueError, "forcing_rate must be"),
        ({"label_smoothing": 1.0}, ValueError, "label_smoothing must be"),
        ({"head_dropout": -0.1}, ValueError, "head_dropout must be"),
        ({"tokens": Tokens(pairs=3)}, ValueError, "tokens.pairs must be 0"),
        ({"tokens": ("words", "words")}, TypeError, "tokens must be a pair of Vocabulary"),
        ({"loss": "mse"}, ValueError, "loss must be 'cross_entropy'"),
    ],
)
def test_refusals_name_the_parameter(settings, kind, words):
    with pytest.raises(kind, match=words):
        Translator(**settings).fit(X, Y)


def test_bad_data_is_refused(model):
    with pytest.raises(ValueError, match="y must be as long as X"):
        Translator().fit(["a"], ["b", "c"])
    with pytest.raises(TypeError, match=r"y\[0\] must be a string"):
        Translator().fit(["a"], [1])
    with pytest.raises(ValueError, match="num_beams must be a positive int"):
        model.predict(["a"], num_beams=0)
