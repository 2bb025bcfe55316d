"""Text estimators saved on TensorFlow, and as such, on whichever backend runs the tests."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

import tsmodels
from tsmodels import TextClassifier
from tsmodels.networks import Custom

sys.path.insert(0, str(Path(__file__).parent))
import record_text as record  # noqa: E402

pytestmark = pytest.mark.backend
TEXTS, LABELS, SENTENCES, TAGS = record.texts()


@pytest.fixture(scope="module")
def recorded():
    return dict(list(pd.read_csv(record.DATA / "probabilities.csv").groupby("model")))


@pytest.mark.parametrize("name", [*record.classifiers(), "text_tagger"])
def test_a_file_saved_on_tensorflow_answers_alike(name, recorded):
    found = record.answers(tsmodels.load(record.DATA / f"{name}.tsmodels"), name)
    expected = recorded[name][["0", "1"]].to_numpy()
    assert_allclose(found[[0, 1]].to_numpy(), expected, atol=1e-5)
    assert np.ptp(expected[:, 0]) > 0.1  # so that 1e-5 means something


def test_the_life_of_a_classifier(tmp_path, capfd):
    model = record.classifiers()["text_gru"].set_params(epochs=1, length_buckets=2)
    want = model.fit(TEXTS, LABELS).predict_proba(TEXTS + record.ODD)
    assert np.isfinite(want).all()
    model.save(tmp_path / "x")
    others = [clone(model).fit(TEXTS, LABELS), tsmodels.load(tmp_path / "x")]
    for other in [*others, pickle.loads(pickle.dumps(model))]:
        assert_array_equal(other.predict_proba(TEXTS + record.ODD), want)
    assert len(model.explain("a lovely film")) == 3
    told = capfd.readouterr()
    assert told.out == "" and told.err == ""


def test_the_chain_of_a_tagger_learns():
    model = record.tagger().set_params(epochs=3).fit(SENTENCES, TAGS)
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    assert [len(tags) for tags in model.predict(SENTENCES)] == [len(tags) for tags in TAGS]


def as_they_are(x):
    return x


@pytest.mark.slow  # five models to compile on JAX; on TensorFlow tests/estimators has another
def test_a_grid_over_networks_and_vocabularies():
    networks = [Custom(encoder=as_they_are, d_model=width, causal=True) for width in (4, 6)]
    grid = {"network": networks, "tokens__vocab_size": [12, 30]}
    model = TextClassifier(**record.TINY | {"epochs": 1, "length_buckets": 1})
    half = StratifiedShuffleSplit(1, test_size=0.5, random_state=0)
    search = GridSearchCV(model, grid, cv=half, error_score="raise").fit(TEXTS, LABELS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.best_estimator_.vocabulary_) <= search.best_params_["tokens__vocab_size"]
