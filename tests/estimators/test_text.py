"""What text estimators promise: any string in, labels out, and a baseline beside the network."""

import pickle
import random

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import tsmodels
from tsmodels import GRU, TextClassifier, Tokens
from tsmodels.estimators.bag import BagOfWords
from tsmodels.estimators.sequence import softmax
from tsmodels.networks.embedded import Embedded

GOOD, BAD = ["fine", "good", "lovely", "好", "喜欢"], ["dull", "bad", "awful", "差", "失望"]
FILL = ["film", "plot", "the", "a", "酒店", "房间", "very", "so"]
RNG = np.random.default_rng(0)


def text_of(words, n):
    return " ".join(RNG.permutation([RNG.choice(words), *RNG.choice(FILL, n)]))


LABELS = np.where(np.arange(80) % 2, "bad", "good")
TEXTS = [text_of(BAD if i % 2 else GOOD, RNG.integers(0, 9)) for i in range(80)]
ODD = ["", "😀😀", "\ud800", "\x00\n", "ᚠ龘" * 40, "good " * 3000, "GOOD，好", "x" * 5000]
ODD += ["мир 世界 عالم שלום good 👍🏽", "好x😀 " * 25_000]  # the latter of 100,000 characters
QUICK = {
    "network": GRU(d_model=8),
    "tokens": Tokens(kind="words", vocab_size=200, min_frequency=1),
    "d_embedding": 8,
    "pooling": "max",
    "token_dropout": 0.1,
    "embedding_dropout": 0.1,
    "head_dropout": 0.1,
    "learning_rate": 0.02,
    "epochs": 6,
    "batch_size": 16,
    "length_buckets": 1,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def model():
    return TextClassifier(**QUICK, validation=0.2, blend="auto").fit(TEXTS, LABELS)


def test_it_learns_in_two_languages(model):
    assert model.score(TEXTS, LABELS) > 0.95
    assert model.predict(["a lovely film", "房间 差"]).tolist() == ["good", "bad"]
    assert_allclose(model.predict_proba(TEXTS).sum(axis=1), 1.0)
    assert model.transform(TEXTS[:3]).shape == (3, 8)
    assert [str(c) for c in model.classes_] == ["bad", "good"]


def test_any_string_has_an_answer(model):
    p = model.predict_proba(ODD)
    assert np.isfinite(p).all() and p.shape == (len(ODD), 2)
    alone = np.concatenate([model.predict_proba([text]) for text in ODD])
    assert_allclose(alone, p, atol=1e-5)
    for text in [*ODD[:5], ODD[-2]]:
        assert all(np.isfinite(weight) for _, weight in model.explain(text))


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "characters"])
def test_texts_of_all_kinds_train(kind):
    tokens = Tokens(kind=kind, vocab_size=300, min_frequency=1, max_length=40, pairs=50)
    model = TextClassifier(**QUICK | {"tokens": tokens, "epochs": 1}).fit(
        TEXTS + ODD, [*LABELS, *"ab" * 5]
    )
    assert model.predict(ODD).shape == (10,) and model.shape_ == (40, 2)
    assert model.vocabulary_.n_symbols > len(model.vocabulary_)


def test_the_words_that_matter_explain(model):
    weights = dict(model.explain("the lovely film"))
    assert list(weights) == ["the", "lovely", "film"] and weights["lovely"] > 0.2
    assert max(weights, key=weights.get) == "lovely"
    against = dict(model.explain("the lovely film", label="bad"))
    assert against["lovely"] < 0
    with pytest.raises(ValueError, match="label must be one of"):
        model.explain("a film", label="ugly")


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_words_explain_whatever_they_are_cut_into(kind):
    tokens = Tokens(kind=kind, vocab_size=280 if kind == "bpe" else 60, min_frequency=1, pairs=20)
    model = TextClassifier(**QUICK | {"tokens": tokens, "epochs": 1}).fit(TEXTS, LABELS)
    text = "the lovely Film, 酒店!"
    assert len(model.vocabulary_.cut(text)) > 6
    words = [
        "the",
        "lovely",
        "Film",
        ",",
        *(["酒", "店"] if kind == "wordpiece" else ["酒店"]),
        "!",
    ]
    told = model.explain(text, label="good")
    assert [word for word, _ in told] == words
    (ids,) = model.vocabulary_.encode([text])
    _, first, after = model.vocabulary_.cut_words(text)[1]
    ids[first:after] = 1  # unknown
    p = model.predict_proba([text])[0, 1]
    hidden = softmax(model._answers(model._symbols([ids])))[0, 1]
    assert_allclose(told[1][1], np.log(p / hidden), atol=1e-4)


def test_occlusion_is_what_is_left_without_a_token(model):
    (_, weight), *_ = model.explain("lovely film")
    code = model.classes_.tolist().index("good")
    p = model._by_network(["lovely film", "qqqq film"])[:, code]
    assert_allclose(weight, np.log(p[0] / p[1]), atol=1e-4)


def test_the_baseline_stands_beside_and_can_be_blended(model):
    assert 0.0 <= model.blend_ <= 1.0
    assert set(model.validation_scores_) == {"network", "baseline", "blend"}
    held = [TEXTS[i] for i in model.held_out_]
    q = model.baseline_.predict_proba(held)
    right = (model.classes_[q.argmax(axis=1)] == LABELS[model.held_out_]).mean()
    assert model.validation_scores_["baseline"] == right
    p = model.blend_ * model._by_network(TEXTS) + (
        1 - model.blend_
    ) * model.baseline_.predict_proba(TEXTS)
    assert_allclose(model.predict_proba(TEXTS), p)


def test_the_share_is_the_best_of_those_tried(model):
    held, codes = [TEXTS[i] for i in model.held_out_], LABELS[model.held_out_] == "good"
    p, q = model._by_network(held)[:, 1], model.baseline_.predict_proba(held)[:, 1]

    def loss(share):
        mixed = share * p + (1 - share) * q
        return -np.log(np.where(codes, mixed, 1 - mixed)).mean()

    assert loss(model.blend_) <= min(loss(share) for share in np.linspace(0, 1, 11)) + 1e-9


def test_a_blend_of_nothing_is_the_baseline():
    model = TextClassifier(**QUICK | {"epochs": 1}, blend=0.0).fit(TEXTS, LABELS)
    assert_allclose(model.predict_proba(TEXTS), model.baseline_.predict_proba(TEXTS))
    assert model.validation_scores_ == {}


def test_the_baseline_is_that_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = [text.replace("酒店", "hotel").replace("房间", "room") for text in TEXTS]
    texts = [text for text in texts if text.isascii()]
    labels = np.array([i % 2 for i, text in enumerate(texts)])
    vectoriser = TfidfVectorizer(
        token_pattern=r"\w+", ngram_range=(1, 2), min_df=2, sublinear_tf=True
    )
    own = make_pipeline(vectoriser, LogisticRegression(C=30.0, max_iter=1000)).fit(texts, labels)
    want = own.predict_proba(texts)
    assert_allclose(BagOfWords.fit(texts, labels).predict_proba(texts), want, atol=1e-8)


def test_a_baseline_without_words_still_answers():
    bag = BagOfWords.fit(["a", "b", "c"], np.array([0, 1, 1]))
    assert_allclose(bag.predict_proba(["z"])[0].sum(), 1.0)


def test_three_classes():
    labels = np.array(["a", "b", "c"])[np.arange(80) % 3]
    model = TextClassifier(**QUICK | {"epochs": 1}, blend=0.5).fit(TEXTS, labels)
    assert model.predict_proba(TEXTS).shape == (80, 3)
    assert_allclose(model.predict_proba(TEXTS).sum(axis=1), 1.0)


def test_defaults_are_those_of_text():
    params = TextClassifier().get_params()
    assert params["loss"] == "cross_entropy" and params["learning_rate"] == 2e-3
    assert params["pooling"] == "mean" and "scaler" not in params


def test_fields_of_tokens_are_parameters():
    model = TextClassifier(tokens="wordpiece")
    assert model.get_params()["tokens__vocab_size"] == 8000
    model.set_params(tokens__vocab_size=500, network__d_model=8)
    assert model.tokens == Tokens(vocab_size=500) and model.network == GRU(d_model=8)
    with pytest.raises(ValueError, match="Did you mean 'pairs'"):
        model.set_params(tokens__pair=1)
    assert clone(model).get_params() == model.get_params()


def test_grids_over_networks_and_tokens():
    grid = {"network": [GRU(d_model=4), "gru"], "tokens__vocab_size": [12, 20]}
    search = GridSearchCV(TextClassifier(**QUICK | {"epochs": 1}), grid, cv=2, error_score="raise")
    search.fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 4
    assert len(search.best_estimator_.vocabulary_) <= search.best_params_["tokens__vocab_size"]


def test_the_same_seed_gives_the_same_fit_in_silence(model, capfd):
    state, numpy_state = random.getstate(), np.random.get_state()[1].copy()
    again = clone(model).fit(TEXTS, LABELS)
    assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert random.getstate() == state and (np.random.get_state()[1] == numpy_state).all()
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""


def test_copies_and_files_answer_alike(model, tmp_path):
    want = model.predict_proba(TEXTS + ODD)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TEXTS + ODD), want)
    model.save(tmp_path / "model")
    other = tsmodels.load(tmp_path / "model")
    assert_array_equal(other.predict_proba(TEXTS + ODD), want)
    assert other.explain("so bad") == model.explain("so bad")
    assert other.validation_scores_ == model.validation_scores_ and other.tokens == model.tokens
    other.fit(TEXTS, LABELS)


def test_vectors_by_word_and_by_row():
    vocabulary = QUICK["tokens"].learn(TEXTS)
    rows = RNG.normal(size=(len(vocabulary), 8)).astype("float32")
    still = QUICK | {"learning_rate": 1e-12, "epochs": 1}
    model = TextClassifier(**still | {"tokens": vocabulary}, vectors=rows).fit(TEXTS, LABELS)
    assert_allclose(model.weights_[0], rows, atol=1e-6)
    named = {"film": np.full(8, 7.0)}
    model = TextClassifier(**still, vectors=named).fit(TEXTS, LABELS)
    place = model.vocabulary_.words.index("film")
    assert_allclose(model.weights_[0][place], 7.0, atol=1e-6)
    assert np.abs(np.delete(model.weights_[0], place, axis=0)).max() <= 0.0501


def test_class_weights_are_sample_weights():
    quick = QUICK | {"epochs": 2}
    weights = np.where(LABELS == "bad", 5.0, 1.0)
    a = TextClassifier(**quick, class_weight={"bad": 5.0, "good": 1.0}).fit(TEXTS, LABELS)
    b = TextClassifier(**quick).fit(TEXTS, LABELS, sample_weight=weights)
    assert_array_equal(a.predict_proba(TEXTS), b.predict_proba(TEXTS))
    assert_allclose(a.baseline_.coef, b.baseline_.coef)


def test_batches_of_like_lengths_learn_too():
    model = TextClassifier(**QUICK | {"length_buckets": 3}).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) > 0.95


@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_padding_counts_in_no_pooling(pooling):
    model = TextClassifier(**QUICK | {"epochs": 1, "pooling": pooling}).fit(TEXTS, LABELS)
    short = model.predict_proba(["film"])
    assert_allclose(model.predict_proba(["film", *TEXTS])[0], short[0], atol=1e-6)


@pytest.mark.parametrize("network", ["transformer", "mamba"])
def test_other_networks(network):
    model = TextClassifier(**QUICK | {"network": network, "epochs": 1}).set_params(
        network__d_model=8, network__n_layers=1
    )
    model.fit(TEXTS, LABELS)
    alone = model.predict_proba(TEXTS[:1])
    assert_allclose(model.predict_proba(TEXTS)[0], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    "settings, kind, words",
    [
        ({"tokens": "word"}, ValueError, "Did you mean 'words'"),
        ({"tokens": 3}, TypeError, "tokens must be one of"),
        ({"blend": "auto"}, ValueError, "Give validation=0.1"),
        ({"blend": 2.0}, ValueError, "blend must be"),
        ({"token_dropout": 1.0}, ValueError, "token_dropout must be"),
        ({"d_embedding": 0}, ValueError, "d_embedding must be a positive int"),
        ({"vectors": np.ones((3, 100))}, ValueError, "unless tokens is a Vocabulary"),
        ({"vectors": {"a": [1.0]}}, ValueError, "of 100 numbers each"),
        ({"network": "nlinear"}, ValueError, "one that encodes"),
    ],
)
def test_refusals_name_the_parameter(settings, kind, words):
    with pytest.raises(kind, match=words):
        TextClassifier(**settings).fit(TEXTS, LABELS)


def test_bad_data_is_refused():
    with pytest.raises(TypeError, match=r"X\[1\] must be a string"):
        TextClassifier(**QUICK).fit(["a", None], ["x", "y"])
    with pytest.raises(TypeError, match="A single text is"):
        TextClassifier(**QUICK).fit("a text", ["x"])
    with pytest.raises(ValueError, match="two classes"):
        TextClassifier(**QUICK).fit(["a", "b"], ["x", "x"])
    with pytest.raises(ValueError, match="as long as X"):
        TextClassifier(**QUICK).fit(["a", "b"], ["x", "y", "x"])


def test_the_embedded_network_is_as_causal_as_what_it_holds():
    assert Embedded(network=GRU(d_model=8), size=9, d_embedding=4).causal
    both = GRU(d_model=8, bidirectional="first")
    assert not Embedded(network=both, size=9, d_embedding=4).causal
