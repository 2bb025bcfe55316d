"""What `TextTagger` promises: a label a word, with a chain of labels or without."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tsmodels
from tsmodels import GRU, TextTagger
from tsmodels.layers.crf import marginals
from tsmodels.text.entities import entity_f1

RNG = np.random.default_rng(0)
NAMES, FIRST, FILL = (
    ["Rossi", "Lovelace", "Maier"],
    ["Ada", "Bob"],
    ["met", "and", "saw", "the", "一"],
)


def sentence():
    words, tags = [], []
    for _ in range(RNG.integers(1, 4)):
        fill = RNG.choice(FILL, RNG.integers(0, 3)).tolist()
        words += [*fill, RNG.choice(FIRST), RNG.choice(NAMES)]
        tags += ["O"] * len(fill) + ["B-per", "I-per"]
    return [str(word) for word in words], tags


X, Y = (list(part) for part in zip(*(sentence() for _ in range(60)), strict=True))
ODD = [["", "😀", "\ud800"], ["x" * 900], ["never", "seen"] * 30]
QUICK = {
    "network": GRU(d_model=8),
    "tokens__min_frequency": 1,
    "d_embedding": 8,
    "d_characters": 6,
    "embedding_dropout": 0.1,
    "head_dropout": 0.1,
    "token_dropout": 0.05,
    "learning_rate": 0.03,
    "epochs": 6,
    "batch_size": 16,
    "length_buckets": 1,
    "random_state": 0,
}


def quick(**settings):
    return TextTagger().set_params(**QUICK | settings)


@pytest.fixture(scope="module")
def model():
    return quick().fit(X, Y)


def test_it_learns_and_answers_in_the_form_it_was_asked(model):
    assert model.score(X, Y) > 0.9 and model.score(X, Y) == entity_f1(Y, model.predict(X))
    assert [len(tags) for tags in model.predict(X)] == [len(tags) for tags in Y]
    chances = model.predict_proba(X)
    assert_allclose(np.concatenate(chances).sum(axis=1), 1.0, atol=1e-5)


def test_the_loss_is_that_of_the_chain(model):
    psi, read = model._outputs(X[:5])
    assert psi.shape[2:] == (3, 3)
    want = np.asarray(marginals(psi.astype("float32")))
    for i, p in enumerate(model.predict_proba(X[:5])):
        assert_allclose(p, want[i, : read.lengths[i]], atol=1e-5)


def test_softmax_has_no_chain():
    model = quick(head="softmax", class_weight="balanced").fit(X, Y)
    assert model.score(X, Y) > 0.8
    assert model._outputs(X[:2])[0].ndim == 3
    assert [len(p) for p in model.predict_proba(X)] == [len(tags) for tags in Y]


def test_characters_tell_of_unknown_words():
    words = [
        [f"{a}{b}{c}{e}"] for a in "kt" for b in "aeiou" for c in "lmnr" for e in ("ing", "ed")
    ]
    tags = [["noun" if word.endswith("ing") else "verb"] for (word,) in words]
    order = RNG.permutation(len(words))
    x, y = [words[i] for i in order], [tags[i] for i in order]
    settings = {"head": "softmax", "epochs": 20, "tokens__min_frequency": 2}
    with_them = quick(**settings, d_characters=12).fit(x[:50], y[:50])
    assert with_them.score(x[50:], y[50:]) > 0.9
    without = quick(**settings, d_characters=0).fit(x[:50], y[:50])
    assert without.score(x[50:], y[50:]) < 0.7 and without.characters_ is None


def test_any_word_has_a_label(model):
    assert [len(tags) for tags in model.predict(ODD)] == [3, 1, 60]
    alone = model.predict_proba(ODD[:1])[0]
    assert_allclose(model.predict_proba(ODD)[0], alone, atol=1e-5)


def test_copies_and_files_answer_alike(model, tmp_path):
    want = model.predict_proba(X + ODD)
    model.save(tmp_path / "model")
    others = [
        tsmodels.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(model)),
        clone(model).fit(X, Y),
    ]
    for other in others:
        for a, b in zip(other.predict_proba(X + ODD), want, strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"head": "hmm"}, "head must be one of"),
        ({"tokens": "words"}, "tokens.kind must be one of"),
        ({"class_weight": "balanced"}, "Give head='softmax'"),
        ({"loss": "focal"}, "Give head='softmax'"),
        ({"d_characters": -1}, "d_characters must be an int of at least 0"),
    ],
)
def test_refusals_name_the_parameter(settings, words):
    with pytest.raises(ValueError, match=words):
        TextTagger(**settings).fit(X, Y)


def test_bad_data_is_refused():
    with pytest.raises(TypeError, match="X must be a list of lists of words"):
        quick().fit("a text", ["O"])
    with pytest.raises(TypeError, match=r"X\[0\] must be a list of strings"):
        quick().fit(["a text"], [["O"]])
    with pytest.raises(ValueError, match=r"X\[1\] must be at least one text"):
        quick().fit([["a"], []], [["O"], []])
    with pytest.raises(ValueError, match="one label for each of the 2 steps"):
        quick().fit([["a", "b"]], [["O"]])
