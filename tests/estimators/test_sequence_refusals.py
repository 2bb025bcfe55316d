"""Sequences and labels that cannot be used are refused before training, with a way out."""

import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from tsmodels import GRU, Forecaster, SequenceClassifier, SequenceRegressor, SequenceTagger
from tsmodels.backend import keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5, 2))
Y = np.arange(12) % 2
QUICK = {"network": GRU(d_model=2), "epochs": 1, "random_state": 0}


@pytest.fixture
def untrained(monkeypatch):
    """A fit that gets as far as training fails the test."""

    def trained(*args, **kwargs):
        pytest.fail("training began before the input was refused")

    monkeypatch.setattr("tsmodels.estimators.encoder.fit", trained)


@pytest.fixture(scope="module")
def fitted():
    return SequenceClassifier(**QUICK).fit(X, Y)


def with_(value, place=(3, 2, 1)):
    X_ = X.copy()
    X_[place] = value
    return X_


INPUTS = {
    "one dimension": (X[0, :, 0], Y, "Expected 2D array"),
    "five dimensions": (X[:, None, None], Y, "X must be (N, T), (N, T, C), or images"),
    "nan": (
        with_(np.nan),
        Y,
        "X must be without NaN and inf. Got 'nan in sample 3",
    ),
    "nan in a table": (with_(np.nan)[:, :, 1], Y, "step 2, channel 0'. Fill them in, or leave"),
    "inf": (with_(-np.inf), Y, "-inf in sample 3, step 2, channel 1"),
    "too large": (with_(1e300), Y, None),
    "no rows": (X[:0], Y[:0], "none of them 0. Got 'shape (0, 5, 2)'"),
    "no list": ([], [], "X must be at least one sequence"),
    "sparse": (csr_array(X[:, :, 0]), Y, "dense data is required"),
    "complex": (1j * X, Y, "X must be real numbers"),
    "text": ([["a", "b"]] * 12, Y, "could not convert string to float"),
}
LABELS = {
    "none": (None, "y must be given. Got None"),
    "too few": (Y[:11], "y must be as long as X, which has 12 samples. Got '11 values'"),
    "one class": (np.ones(12), "y must be labels of at least two classes. Got 'one class, 1.0'"),
    "nan": (np.where(Y, np.nan, 1.0), "y must be labels of one kind, none of them missing"),
    "none among text": (["a", None] * 6, "Got ['NoneType', 'str']"),
    "fractions": (RNG.normal(size=12), "Unknown label type: continuous"),
    "two columns": (np.ones((12, 2)), "y should be a 1d array"),
}
NUMBERS = {
    "nan": (np.where(Y, np.nan, 1.0), "y must be finite. Got '6 values of NaN or inf'"),
    "text": (["a"] * 12, "y must be real numbers"),
    "three axes": (np.ones((12, 1, 1)), "y must be (N,) or (N, outputs)"),
    "no outputs": (np.ones((12, 0)), "y must be (N,) or (N, outputs)"),
    "too many": (np.ones(13), "y must be as long as X"),
}
TAGS = {
    "a label a sequence": (Y, "y[0] must be one label for each of the 5 steps of X[0]"),
    "too short": (np.ones((12, 4)), "y[0] must be one label for each of the 5 steps"),
    "too few": (np.ones((11, 5)), "y must be a sequence of labels for each of the 12"),
    "one class": (np.ones((12, 5)), "at least two classes"),
}
PARAMETERS = {
    "forecaster": ({"network": "nlinear"}, "network must be one that encodes. Got 'nlinear, which"),
    "unknown network": ({"network": "gruu"}, "Did you mean 'gru'?"),
    "pooling": ({"pooling": "average"}, "pooling must be one of"),
    "scaler": ({"scaler": "seasonal_naive"}, "scaler must be one of"),
    "loss": ({"loss": "mse"}, "loss must be one of ['cross_entropy', 'focal']"),
    "probabilities": (
        {"loss": keras.losses.CategoricalCrossentropy()},
        "Give from_logits=True.",
    ),
    "validation": ({"validation": 1.0}, "validation must be a finite number in (0, 1)"),
    "too small a share": ({"validation": 0.01}, "validation must be a share of which one of 12"),
    "class_weight": ({"class_weight": "even"}, "class_weight must be None, 'balanced' or a dict"),
    "epochs": ({"epochs": 0}, "epochs must be a positive int"),
}


def refused(estimator, X, y, sentence, **kwargs):
    with pytest.raises((ValueError, TypeError), match=re.escape(sentence)):
        estimator.fit(X, y, **kwargs)
    assert not hasattr(estimator, "weights_")


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(case, untrained):
    X_, y, sentence = INPUTS[case]
    settings = QUICK | ({"scaler": None} if sentence is None else {})
    want = "X must be less than 1e+09 after scaling" if sentence is None else sentence
    refused(SequenceClassifier(**settings), X_, y, want)


@pytest.mark.parametrize("case", LABELS)
def test_labels(case, untrained):
    refused(SequenceClassifier(**QUICK), X, *LABELS[case])


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case, untrained):
    refused(SequenceRegressor(**QUICK), X, *NUMBERS[case])


@pytest.mark.parametrize("case", TAGS)
def test_tags(case, untrained):
    refused(SequenceTagger(**QUICK), X, *TAGS[case])


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters(case):
    changes, sentence = PARAMETERS[case]
    refused(SequenceClassifier(**(QUICK | changes)), X, Y, sentence)


@pytest.mark.parametrize("weights", [-np.ones(12), np.zeros(12)])
def test_weights(weights, untrained):
    sentence = "sample_weight must be at least 0, and not zero throughout"
    refused(SequenceClassifier(**QUICK), X, Y, sentence, sample_weight=weights)


def test_weights_that_leave_one_class(untrained):
    sentence = "sample_weight must be above 0 for at least two classes"
    refused(SequenceClassifier(**QUICK), X, Y, sentence, sample_weight=Y)


def test_a_network_that_shortens_cannot_tag():
    sentence = "network must be one that keeps the length of a sequence"
    refused(SequenceTagger("cnn_lstm", epochs=1), X, X[:, :, 0] > 0, sentence)


def test_images_are_for_networks_that_take_them():
    sentence = "X must be (N, T, C) for gru. Got 'images (5, 2, 1)'. Take 'vit'"
    refused(SequenceClassifier(**QUICK), X[..., None], Y, sentence)


def test_losses_of_labels_do_not_forecast():
    refused(Forecaster(loss="cross_entropy"), np.arange(60.0), None, "loss must be one of ['huber'")


def test_not_fitted():
    for method in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError):
            getattr(SequenceClassifier(), method)(X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform"])
@pytest.mark.parametrize(
    "other,sentence",
    [
        (X[:, :, :1], "X must be sequences of 2 channels as in fit. Got '1 channels'"),
        (X[:, :, 0], "X must be sequences of 2 channels as in fit"),
        ([np.ones((3, 3))], "X must be sequences of 2 channels as in fit. Got '3 channels'"),
        (with_(np.nan), "X must be without NaN"),
        (with_(1e300), "X must be less than 1e+09 after scaling"),
        ([], "X must be at least one sequence"),
    ],
)
def test_what_is_asked_must_be_like_what_was_learned(fitted, method, other, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        getattr(fitted, method)(other)


def test_labels_of_which_none_is_known(fitted):
    assert fitted.score(X, np.where(Y, 1, 7)) <= 0.5  # an unknown label is a wrong one
    with pytest.raises(
        ValueError, match=r"y must be labels of which some are in classes_, \[0, 1\]"
    ):
        fitted.score(X, np.where(Y, "one", "zero"))
    with pytest.raises(ValueError, match="labels of which some are in classes_"):
        SequenceTagger(**QUICK).fit(X, X[:, :, 0] > 0).score(X, np.full((12, 5), "up"))
