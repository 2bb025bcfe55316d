"""Scikit-learn citizens: every check of scikit-learn's own, and the tools people put around."""

import copy
import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tsmodels import GRU, SequenceClassifier, SequenceRegressor, SequenceTagger

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6))
Y = np.where(X[:, :3].sum(axis=1) > 0, "up", "down")
NUMBERS = X @ np.arange(6.0)
RAGGED = [x[: 3 + i % 4] for i, x in enumerate(X)]
QUICK = {"network": GRU(d_model=4), "epochs": 2, "random_state": 0}
DRAWN = "batches are drawn by place: a weight of 2 is not a row twice"


@parametrize_with_checks(
    [SequenceClassifier(), SequenceRegressor()],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": DRAWN},
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_grid_search_reaches_into_the_network():
    grid = {"network": ["gru", "rnn"], "network__d_model": [2, 3], "pooling": ["last"]}
    search = GridSearchCV(SequenceClassifier(**QUICK), grid, cv=2, error_score="raise").fit(X, Y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert (best.network_.d_model, best.network_.name) == (
        search.best_params_["network__d_model"],
        search.best_params_["network"],
    )
    assert_array_equal(search.predict(X), best.predict(X))


def test_randomized_search_over_a_regressor():
    space = {"pooling": ["mean", "max"], "learning_rate": [0.001, 0.01]}
    model = SequenceRegressor(**QUICK)
    search = RandomizedSearchCV(model, space, n_iter=3, cv=2, random_state=0, error_score="raise")
    assert np.isfinite(search.fit(X, NUMBERS).best_score_)


def test_in_front_and_at_the_end_of_a_pipeline():
    end = make_pipeline(StandardScaler(), SequenceClassifier(**QUICK)).fit(X, Y)
    front = make_pipeline(SequenceClassifier(**QUICK), LogisticRegression()).fit(X, Y)
    assert end.predict_proba(X).shape == (24, 2) and front.score(X, Y) > 0.5
    names = front[:-1].get_feature_names_out()
    assert names.tolist() == [f"sequenceclassifier{i}" for i in range(4)]


def test_stacking():
    models = [("sequence", SequenceRegressor(**QUICK)), ("line", Ridge())]
    assert StackingRegressor(models, cv=2).fit(X, NUMBERS).score(X, NUMBERS) > 0.9


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_hidden_states_as_a_frame(container):
    model = SequenceClassifier(**QUICK).set_output(transform=container).fit(X, Y)
    assert model.transform(X).shape == (24, 4)
    assert list(model.transform(X).columns) == [f"sequenceclassifier{i}" for i in range(4)]


def test_sample_weights_are_routed():
    weights = RNG.uniform(0.1, 2.0, 24)
    with sklearn.config_context(enable_metadata_routing=True):
        model = SequenceClassifier(**QUICK).set_fit_request(sample_weight=True)
        model = model.set_score_request(sample_weight=True)
        routed = cross_validate(model, X, Y, params={"sample_weight": weights}, cv=KFold(2))
    half = np.arange(24) < 12
    by_hand = clone(model).fit(X[half], Y[half], sample_weight=weights[half])
    want = by_hand.score(X[~half], Y[~half], sample_weight=weights[~half])
    assert routed["test_score"][1] == pytest.approx(want)


CASES = {
    "classifier": (SequenceClassifier, Y),
    "regressor": (SequenceRegressor, np.stack([NUMBERS, X[:, 0]], axis=1)),
    "tagger": (SequenceTagger, [np.where(x > 0, "up", "down") for x in RAGGED]),
}


@pytest.mark.parametrize("case", CASES)
def test_ragged_sequences_through_cross_validation(case):
    cls, y = CASES[case]
    model = cls(**QUICK)
    scores = cross_val_score(model, RAGGED, y, cv=KFold(3), error_score="raise")
    assert np.isfinite(scores).all() and len(scores) == 3
    if case != "tagger":  # whose predictions are lists
        assert cross_val_predict(model, RAGGED, y, cv=KFold(3)).shape == np.shape(y)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("carry", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_before_and_after_fit(case, carry):
    cls, y = CASES[case]
    model = carry(cls(**QUICK)).fit(RAGGED, y)
    want = model.predict(RAGGED)
    for other in (carry(model), clone(model).fit(RAGGED, y)):
        for a, b in zip(other.predict(RAGGED), want, strict=True):
            assert_array_equal(a, b)
    assert not hasattr(clone(model), "weights_")


@pytest.mark.slow
def test_cross_validation_in_two_processes():
    model = SequenceClassifier(**QUICK)
    scores = [cross_val_score(model, RAGGED, Y, cv=3, n_jobs=n) for n in (None, 2)]
    assert_array_equal(*scores)
