"""`WOASearchCV` as a citizen of scikit-learn: results, failures, seeds, metrics, routing."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tsmodels import Choice, Int, Real, WOASearchCV

X, Y = load_iris(return_X_y=True)
TREES = {"max_depth": Int(1, 6), "min_samples_leaf": Int(1, 20), "criterion": ["gini", "entropy"]}


def table(search):
    """`cv_results_` without times, as something that can be compared."""
    return {
        key: np.ma.filled(value, -1).tolist() if isinstance(value, np.ndarray) else value
        for key, value in search.cv_results_.items()
        if "time" not in key
    }


def trees(**settings):
    settings = {"n_iter": 14, "n_whales": 5, "random_state": 0, **settings}
    return WOASearchCV(DecisionTreeClassifier(), TREES, **settings)


class Fussy(ClassifierMixin, BaseEstimator):
    """Fails, warns or returns NaN by its parameter."""

    def __init__(self, mood="good", share=0.5, random_state=None):
        self.mood, self.share, self.random_state = mood, share, random_state

    def fit(self, X, y, sample_weight=None):
        if self.mood == "bad":
            raise RuntimeError("in a bad mood")
        self.classes_, self.weights_ = np.unique(y), sample_weight
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        if self.mood == "odd":
            raise ArithmeticError("cannot count")
        return np.nan if self.mood == "vague" else self.share


def test_results_are_those_of_scikit_learn_and_say_where_they_came_from():
    search = trees().fit(X, Y)
    results = search.cv_results_
    assert len(results["params"]) == 14 and search.n_splits_ == 5
    assert results["generation"].tolist() == [0] * 5 + [1] * 5 + [2] * 4
    assert results["whale"].tolist() == [*range(5), *range(5), *range(4)]
    assert set(results["status"]) == {"ok"} and len(set(results["seed"])) == 14
    assert len({tuple(p.values()) for p in results["params"]}) == 14  # nothing twice
    split = [results[f"split{i}_test_score"] for i in range(5)]
    np.testing.assert_allclose(results["mean_test_score"], np.mean(split, axis=0))
    best = results["params"][search.best_index_]
    assert search.best_params_ == best and results["rank_test_score"][search.best_index_] == 1
    assert search.best_score_ == results["mean_test_score"].max() > 0.9
    assert search.predict(X).shape == Y.shape and search.score(X, Y) > 0.9
    assert list(results["param_max_depth"]) == [p["max_depth"] for p in results["params"]]


@pytest.mark.parametrize("n_jobs", [2, 4])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_same_for_every_number_of_jobs(n_jobs, backend, capsys):
    with joblib.parallel_config(backend=backend):
        many = trees(n_jobs=n_jobs, verbose=1).fit(X, Y)
    assert "generation" in capsys.readouterr().err
    one = trees().fit(X, Y)
    assert table(many) == table(one) and many.best_params_ == one.best_params_


def test_the_grid_of_a_grid_search_and_distributions_of_scipy():
    grid = [{"kernel": ["linear"], "C": [0.1, 1, 10]}, {"kernel": ["rbf"], "C": [0.1, 1, 10]}]
    search = WOASearchCV(SVC(), grid, n_iter=50, random_state=0).fit(X, Y)
    assert len(search.cv_results_["params"]) == 6  # all of them, and then the end
    search = WOASearchCV(SVC(), {"C": stats.loguniform(1e-2, 1e2)}, n_iter=8, random_state=0)
    assert search.fit(X, Y).cv_results_["param_C"].dtype == float


def test_failures_are_in_the_table_and_do_not_stop_the_search():
    space = {"mood": ["good", "bad", "vague", "odd"], "share": Real(0.0, 1.0)}
    search = WOASearchCV(Fussy(), space, n_iter=40, random_state=0)
    with pytest.warns(FitFailedWarning, match="configurations failed. The first: .*Error"):
        search.fit(X, Y)
    results = search.cv_results_
    moods = results["param_mood"].tolist()
    told = {"good": "ok", "bad": "failed", "vague": "not finite", "odd": "failed"}
    assert results["status"].tolist() == [told[mood] for mood in moods]
    assert np.isnan(results["mean_test_score"]).tolist() == [mood != "good" for mood in moods]
    assert search.best_params_["mood"] == "good" and search.best_score_ > 0.9
    bad = moods.index("bad")
    assert search.failures_[bad] == "RuntimeError: in a bad mood"
    assert search.failures_[moods.index("odd")] == "ArithmeticError: cannot count"


def test_error_score_is_a_number_or_raises():
    search = WOASearchCV(
        Fussy(), {"mood": ["bad", "good"], "share": [0.1]}, n_iter=2, error_score=0.5
    )
    with pytest.warns(FitFailedWarning):
        search.fit(X, Y)
    results = search.cv_results_
    by_mood = dict(zip(results["param_mood"], results["mean_test_score"], strict=True))
    assert by_mood == {"bad": 0.5, "good": pytest.approx(0.1)}
    assert search.best_params_["mood"] == "good"  # whatever failures score
    search = WOASearchCV(Fussy(), {"mood": ["bad", "odd"]}, error_score="raise")
    with pytest.raises((RuntimeError, ArithmeticError)):
        search.fit(X, Y)


def test_nothing_but_failures_is_an_error_with_the_first_reason():
    search = WOASearchCV(Fussy(mood="bad"), {"share": Real(0.0, 1.0)}, n_iter=4)
    with pytest.warns(FitFailedWarning), pytest.raises(ValueError, match="in a bad mood"):
        search.fit(X, Y)
    with pytest.warns(FitFailedWarning, match="4 of 4"):
        search.set_params(refit=False).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).all()


def test_seeds_are_given_to_those_who_have_none():
    search = WOASearchCV(Fussy(), {"share": Real(0.0, 1.0)}, n_iter=3, random_state=1).fit(X, Y)
    assert search.best_estimator_.random_state == search.cv_results_["seed"][search.best_index_]
    own = search.set_params(estimator=Fussy(random_state=7)).fit(X, Y)
    assert own.best_estimator_.random_state == 7
    assert table(trees().fit(X, Y)) == table(trees().fit(X, Y))
    others = trees(random_state=1).fit(X, Y)
    assert others.cv_results_["params"] != trees().fit(X, Y).cv_results_["params"]


def test_splits_are_made_once():
    """A splitter that shuffles without a seed would score every generation on other folds."""
    cv = KFold(3, shuffle=True)
    same = WOASearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1.1e-9]}, n_whales=1, cv=cv)
    first, second = same.fit(X, Y).cv_results_["mean_test_score"]
    assert first == second
    assert same.cv_results_["generation"].tolist() == [0, 1]


def test_several_metrics():
    scoring = {"acc": "accuracy", "f1": "f1_macro"}
    search = trees(scoring=scoring, refit="f1", return_train_score=True).fit(X, Y)
    assert search.multimetric_ and search.best_score_ == search.cv_results_["mean_test_f1"].max()
    assert {"mean_test_acc", "std_train_f1"} <= set(search.cv_results_)
    assert search.score(X, Y) == search.scorer_["f1"](search.best_estimator_, X, Y)
    with pytest.raises(ValueError, match="refit must be the name of the metric to search by"):
        trees(scoring=scoring, refit=False).fit(X, Y)


def test_several_metrics_from_one_function_that_fails_at_first():
    def scoring(estimator, X, y):
        if estimator.max_depth < 6:
            raise RuntimeError("too small")
        return {"a": 1.0, "b": estimator.max_depth}

    space = {"max_depth": Choice([1, 6], ordered=False)}
    search = WOASearchCV(
        DecisionTreeClassifier(), space, scoring=scoring, refit="b", random_state=0
    )
    with pytest.warns(FitFailedWarning):
        search.fit(X, Y)
    assert search.best_params_ == {"max_depth": 6} and search.best_score_ == 6
    assert np.isnan(search.cv_results_["mean_test_a"]).sum() == 1
    with pytest.raises(ValueError, match="refit must be the name of the metric.*Got 'score'"):
        search.set_params(refit=True).fit(X, Y)


def test_refit_by_a_function():
    search = trees(refit=lambda results: 3).fit(X, Y)
    assert search.best_index_ == 3 and not hasattr(search, "best_score_")
    assert search.best_estimator_.max_depth == search.cv_results_["params"][3]["max_depth"]


def test_pipelines_weights_groups_and_nesting():
    pipeline = make_pipeline(StandardScaler(), SVC())
    search = WOASearchCV(pipeline, {"svc__C": Real(0.1, 10.0, log=True)}, n_iter=6, random_state=0)
    assert np.mean(cross_val_score(search, X, Y, cv=3)) > 0.9
    weighted = WOASearchCV(Fussy(), {"share": [0.1, 0.2]}, n_iter=2)
    weights = np.arange(150.0)
    assert weighted.fit(X, Y, sample_weight=weights).best_estimator_.weights_ is weights
    by_group = trees(cv=GroupKFold(3), n_iter=2).fit(X, Y, groups=np.arange(150) % 3)
    assert by_group.n_splits_ == 3


def test_routed_metadata():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression(max_iter=1000)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        search = WOASearchCV(model, {"C": Real(0.1, 10.0, log=True)}, n_iter=3, random_state=0)
        search.set_params(cv=GroupKFold(3))
        plain = clone(search).fit(X, Y, groups=np.arange(150) % 3)
        search.fit(X, Y, groups=np.arange(150) % 3, sample_weight=(Y == 0) + 1e-6)
    assert search.best_score_ != plain.best_score_ and search.n_splits_ == 3


def test_clone_pickle_and_a_second_fit():
    search = trees()
    again = pickle.loads(pickle.dumps(clone(search).fit(X, Y)))
    assert table(again) == table(search.fit(X, Y))
    assert table(search.fit(X, Y)) == table(again)
    assert (search.predict(X) == again.predict(X)).all()
    np.testing.assert_array_equal(clone(search).get_params()["n_iter"], 14)


def test_patience_time_and_engines():
    still = WOASearchCV(Fussy(), {"share": [0.1, 0.1001]}, n_iter=9, patience=2).fit(X, Y)
    assert len(still.cv_results_["params"]) == 2
    assert len(trees(time_budget=0.0).fit(X, Y).cv_results_["params"]) == 5
    chance = trees(engine="random", n_whales=None).fit(X, Y)
    assert len(chance.cv_results_["params"]) == 14


def test_a_search_becomes_a_study():
    optuna = pytest.importorskip("optuna")
    search = trees().fit(X, Y)
    study = search.to_optuna()
    assert study.best_params == search.best_params_ and study.best_value == search.best_score_
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE


def test_a_finished_search_is_read_from_its_checkpoint(tmp_path):
    file = tmp_path / "search.jsonl"
    whole = trees(checkpoint=file, random_state=None).fit(X, Y)
    size = file.stat().st_size
    again = trees(checkpoint=file, random_state=None).fit(X, Y)
    assert table(again) == table(whole) and file.stat().st_size == size
    times = ("mean_fit_time", "std_score_time")
    assert all((again.cv_results_[t] == whole.cv_results_[t]).all() for t in times)  # not fitted
    with pytest.raises(ValueError, match="whose data is"):
        trees(checkpoint=file).fit(X[::-1], Y[::-1])
    with pytest.raises(ValueError, match="whose estimator is"):
        search = trees(checkpoint=file)
        search.set_params(estimator__splitter="random").fit(X, Y)


def test_half_a_checkpoint_is_gone_on_with(tmp_path):
    file = tmp_path / "search.jsonl"
    space = {"mood": ["good", "bad", "vague"], "share": Real(0.0, 1.0)}
    search = WOASearchCV(Fussy(), space, n_iter=30, random_state=0, checkpoint=file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        whole = table(search.fit(X, Y))
        lines = file.read_bytes().splitlines(keepends=True)
        for kept in (1, 2, 4):
            file.write_bytes(b"".join(lines[:kept]) + b'{"torn')
            assert repr(table(search.fit(X, Y))) == repr(whole)
            assert len(file.read_bytes().splitlines()) == len(lines)


@pytest.mark.parametrize(
    "settings,sentence",
    [
        ({"param_distributions": None}, "param_distributions must be a space of parameters"),
        ({"param_distributions": {"max_dept": [1]}}, "Invalid parameter 'max_dept'"),
        ({"engine": "whale"}, "engine must be one of"),
        ({"fit_timeout": 1.0}, "fit_timeout must be None for an estimator without epochs"),
        ({"halving": True}, "halving must be False for an estimator without epochs"),
        ({"verbose": 3}, "verbose must be one of"),
        ({"patience": -1}, "patience must be"),
    ],
)
def test_bad_settings(settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        trees().set_params(**settings).fit(X, Y)


def test_progress(capsys):
    trees(verbose=1).fit(X, Y)
    said = capsys.readouterr()
    assert said.out == "" and "14/14" in said.err and "best 0.9" in said.err
