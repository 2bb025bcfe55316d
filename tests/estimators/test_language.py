"""LanguageModel: likelihoods, what it writes, and the life of an estimator."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tsmodels
from tsmodels import GRU, LanguageModel, Tokens, Transformer, WindowMLP
from tsmodels.backend import keras, ops
from tsmodels.estimators.language import _in_windows, _read_on
from tsmodels.networks import Custom
from tsmodels.training.compiled import leased

TEXT = "the cat sat on the mat. the dog lay on the log.\n" * 12
QUICK = {"length": 12, "batch_size": 4, "d_embedding": 6, "epochs": 12, "random_state": 0}
QUICK["learning_rate"] = 0.02
pytest.importorskip("tokenizers")
pytestmark = pytest.mark.backend


def twice(x):
    """A causal encoder without a step form."""
    return ops.tanh(x + ops.pad(x[:, :-1], [[0, 0], [1, 0], [0, 0]]))


@pytest.fixture(scope="module")
def model():
    return LanguageModel(GRU(d_model=24), **QUICK).fit(TEXT)


@pytest.fixture(scope="module")
def others():
    """Networks without a state that goes on, and one without any step."""
    quick = QUICK | {"epochs": 1}
    transformer = Transformer(
        d_model=8, n_layers=1, n_heads=2, dropout=0.0, causal_encoder=True, max_length=12
    )
    return {
        "transformer": LanguageModel(transformer, **quick).fit(TEXT),
        "custom": LanguageModel(Custom(encoder=twice, d_model=6, causal=True), **quick).fit(TEXT),
    }


def step_by_step(model, text):
    """The log-likelihood of a short text by the Keras model alone."""
    ids = model._ids(text)
    logits = ops.convert_to_numpy(model.model_({"sequence": np.resize(ids, 12)[None, :, None]}))[0]
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return log_probs[np.arange(len(ids) - 1), ids[1:]].sum()


def test_it_learns(model):
    assert model.bits_per_character(TEXT) < 1.5 < np.log2(16)
    assert model.history_["loss"][-1] < 0.5 * model.history_["loss"][0]


def test_likelihoods_are_products_of_steps(model, others):
    for own in (model, *others.values()):
        texts = ["the cat sat", "dog"]
        want = [step_by_step(own, text) for text in texts]
        assert_allclose(own.log_likelihood(texts), want, rtol=1e-4)
        tokens, characters = 14, 14
        assert own.perplexity(texts) == pytest.approx(np.exp(-sum(want) / tokens), rel=1e-4)
        bits = -sum(want) / np.log(2) / characters
        assert own.bits_per_character(texts) == pytest.approx(bits, rel=1e-4)
        assert own.score(texts) == -own.bits_per_character(texts)


def test_long_texts_are_read_on():
    model = LanguageModel(WindowMLP(d_model=8, context=5), **QUICK | {"epochs": 1}).fit(TEXT)
    ids = model._ids(TEXT[:700])  # beyond what is asked for at once
    with leased(model._blueprint()) as compiled:
        compiled.put(model.weights_)
        whole = _read_on(compiled, ids)
        assert _in_windows(compiled, ids, 12) == pytest.approx(whole, rel=1e-5)
        shorter = _read_on(compiled, ids[:3]) + _in_windows(compiled, ids[:1], 12)
    assert shorter == pytest.approx(model.log_likelihood([TEXT[:2]])[0])


def test_the_likeliest_text(model, others):
    for own in (model, *others.values()):
        text = "the "
        for _ in range(6):
            ids = own._ids(text)
            row = np.resize(ids, 12)[None, :, None]
            logits = ops.convert_to_numpy(own.model_({"sequence": row}))[0, len(ids) - 1]
            text += own.vocabulary_.words[int(logits[2:].argmax()) + 2]
        assert own.generate("the ", 6, temperature=0.0) == text[4:]


def test_texts_are_written_by_seed(model):
    first = model.generate("the ", 30, random_state=1)
    assert len(first) == 30 and first == model.generate("the ", 30, random_state=1)
    assert first != model.generate("the ", 30, random_state=2)
    assert model.generate("a", 20) == model.generate("a", 20, random_state=0)
    assert model.generate("the ", 0) == ""


def test_several_texts_at_once(model, others):
    for own in (model, others["custom"]):
        prompts = ["the cat", "", "a dog lay on the mat"]
        alone = [own.generate(prompt, 8, temperature=0.0) for prompt in prompts]
        assert own.generate(prompts, 8, temperature=0.0) == alone


def test_what_cannot_be_drawn_is_not(model):
    texts = model.generate([""] * 20, 20, temperature=3.0)
    assert not any("[" in text for text in texts) and {len(text) for text in texts} == {20}
    few = model.generate(["the "] * 30, 1, top_k=2)
    assert len(set(few)) <= 2


def test_words_and_texts_apart():
    settings = QUICK | {"epochs": 1, "tokens": Tokens(kind="words", min_frequency=1, max_length=3)}
    texts = ["one two three four"] * 9
    model = LanguageModel("gru", **settings, validation=0.2).fit(texts)
    assert len(model._ids(texts[0])) == 5 and "val_loss" in model.history_  # no end at 3
    assert set(model.generate("one", 6).split()) <= {"one", "two", "three", "four"}


def test_copies_and_files_answer_alike(model, tmp_path):
    want = model.log_likelihood(["the dog"]), model.generate("the", 9)
    model.save(tmp_path / "model")
    for other in (tsmodels.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert_array_equal(other.log_likelihood(["the dog"]), want[0])
        assert other.generate("the", 9) == want[1]
    assert clone(model).get_params() == model.get_params()


def test_the_same_seed_gives_the_same_fit_in_silence(capfd):
    quick = QUICK | {"epochs": 1, "validation": 0.2}
    first, second = (LanguageModel(GRU(d_model=4), **quick).fit(TEXT) for _ in range(2))
    for a, b in zip(first.weights_, second.weights_, strict=True):
        assert_array_equal(a, b)
    first.generate("the", 3)
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    held = TEXT[-round(0.2 * len(TEXT)) :]
    assert first._held_out([TEXT]) == ([TEXT[: -len(held)]], [held])


class Interrupts(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_earlier_one_whole(model):
    other = clone(model).set_params(epochs=1).fit(TEXT)
    want = other.generate("the", 5)
    other.set_params(callbacks=[Interrupts()])
    with pytest.raises(KeyboardInterrupt):
        other.fit(TEXT[::-1])
    assert other.generate("the", 5) == want


def test_nested_parameters():
    model = LanguageModel(tokens="bpe").set_params(tokens__vocab_size=300, network__d_model=8)
    assert model.tokens == Tokens(kind="bpe", vocab_size=300, lowercase=False)
    assert model.get_params()["network__d_model"] == 8


@pytest.mark.parametrize(
    "settings, kind, words",
    [
        ({"network": "transformer"}, ValueError, "needs causal_encoder=True"),
        ({"network": "nlinear"}, ValueError, "network must be causal"),
        ({"tokens": Tokens(pairs=5)}, ValueError, "tokens.pairs must be 0"),
        ({"loss": "mse"}, ValueError, "loss must be 'cross_entropy'"),
        ({"carry": 0}, ValueError, "carry must be a positive int"),
        ({"validation": 1.0}, ValueError, "validation must be"),
        ({"length": 2.5}, TypeError, "length must be a positive int"),
    ],
)
def test_refusals_name_the_parameter(settings, kind, words):
    with pytest.raises(kind, match=words):
        LanguageModel(**settings).fit(TEXT)


def test_bad_texts_are_refused(model):
    with pytest.raises(ValueError, match="text that is not empty"):
        LanguageModel().fit("")
    with pytest.raises(ValueError, match="at least two tokens"):
        LanguageModel().fit("a")
    with pytest.raises(TypeError, match=r"X\[1\] must be a string"):
        model.log_likelihood(["a", 3])
    with pytest.raises(ValueError, match="temperature must be"):
        model.generate("a", temperature=-1.0)
