"""Uncertainty of the weights: it draws, repeats, grows where nothing was seen, and is refused."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tsmodels
from tsmodels import (
    CNNLSTM,
    GRU,
    MLP,
    BayesianCNNLSTM,
    Conformal,
    Ensemble,
    Forecaster,
    LastLayerLaplace,
    MonteCarlo,
    Naive,
)

N, H = 300, 3
SETTINGS = {"horizon": H, "lookback": 12, "max_steps": 40, "learning_rate": 0.01, "random_state": 0}
BAND = ["yhat-lo-80", "yhat-hi-80"]


def noisy(n=N, seed=0):
    t = np.arange(n)
    return 10 + 2 * np.sin(t * 2 * np.pi / 12) + 0.3 * np.random.default_rng(seed).normal(size=n)


MODELS = {
    "dropout": MonteCarlo(Forecaster(MLP(d_model=8, dropout=0.3), **SETTINGS), n_draws=20),
    "bayesian": MonteCarlo(Forecaster(BayesianCNNLSTM(d_model=4), **SETTINGS), n_draws=20),
    "laplace": LastLayerLaplace(Forecaster(GRU(d_model=4), **SETTINGS), n_draws=20),
    "ensemble": Ensemble(Forecaster(MLP(d_model=8), **SETTINGS), n_members=2),
}
every = pytest.mark.parametrize("name", list(MODELS))


@pytest.fixture(scope="module")
def fitted():
    return {name: clone(model).fit(noisy()) for name, model in MODELS.items()}


@every
def test_intervals_and_paths(fitted, name):
    model = fitted[name]
    frame = model.predict(level=[80, 95])
    assert (frame["yhat-lo-95"] <= frame[BAND[0]]).all() and (frame[BAND[0]] < frame[BAND[1]]).all()
    pd.testing.assert_frame_equal(frame[["unique_id", "ds", "yhat"]], model.predict())
    paths = model.simulate(300, random_state=0)
    inside = paths.yhat.to_numpy().reshape(300, H)
    inside = (frame[BAND[0]].to_numpy() <= inside) & (inside <= frame[BAND[1]].to_numpy())
    assert 0.7 < inside.mean() < 0.9


@every
def test_copies_and_files_answer_alike(fitted, name, tmp_path):
    model = fitted[name]
    want = model.predict(level=80)
    pd.testing.assert_frame_equal(model.predict(level=80), want)  # draws repeat
    model.save(tmp_path / "model")
    for other in (
        tsmodels.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        pd.testing.assert_frame_equal(other.predict(level=80), want)


@pytest.mark.parametrize("name", ["dropout", "bayesian", "laplace"])
def test_every_draw_is_another_network(fitted, name):
    model = fitted[name]
    panel = model.to_panel(noisy())
    asked = model.estimator_._seen(panel, panel.offsets[1:], np.array([0]), H)
    answers = model._answers(asked.windows)
    assert answers.shape == (20, 1, H, 1)
    assert len(np.unique(answers[:, 0, 0, 0])) == 20
    plain = model.estimator_._raw(asked.windows)
    spread = answers.std(axis=0)
    assert (np.abs(answers.mean(axis=0) - plain) < 2 * spread + 1e-6).all()
    other = clone(model).set_params(random_state=5)
    other.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    assert not np.array_equal(other._answers(asked.windows), answers)


def test_drawing_leaves_the_forecaster_as_it_was(fitted):
    inner = fitted["dropout"].estimator_
    before = inner.predict()
    fitted["dropout"].predict(level=80)
    pd.testing.assert_frame_equal(inner.predict(), before)
    assert_array_equal(inner.predict().yhat, fitted["dropout"].predict().yhat)


def test_laplace_is_bayesian_linear_regression(fitted):
    """The slopes are those of the model, and the spread that of phi' precision^-1 phi."""
    model = clone(MODELS["laplace"]).set_params(n_draws=2000).fit(noisy())
    inner = model.estimator_
    panel = model.to_panel(noisy())
    asked = inner._seen(panel, panel.offsets[1:], np.array([0]), H)
    plain, kernel = inner._raw(asked.windows), model.places_of_head_[0]
    slopes = []
    for i in range(len(model.factor_) - 1):
        other = [w.copy() for w in inner.weights_]
        other[kernel][i] += 1.0
        moved = copy.copy(inner)
        moved.weights_ = other
        slopes.append((moved._raw(asked.windows) - plain)[0, :, 0])
    other = [w.copy() for w in inner.weights_]
    other[model.places_of_head_[1]] += 1.0
    moved = copy.copy(inner)
    moved.weights_ = other
    slopes.append((moved._raw(asked.windows) - plain)[0, :, 0])
    want = np.linalg.norm(np.array(slopes).T @ model.factor_, axis=1)
    assert_allclose(model._answers(asked.windows)[:, 0, :, 0].std(axis=0), want, rtol=0.1)


def test_a_tighter_prior_leaves_less_to_doubt():
    def spread(prior_std):
        model = clone(MODELS["laplace"]).set_params(prior_std=prior_std).fit(noisy())
        panel = model.to_panel(noisy())
        asked = model.estimator_._seen(panel, panel.offsets[1:], np.array([0]), H)
        return model._answers(asked.windows).std(axis=0).mean()

    assert spread(1e-3) < 0.2 * spread(1.0)


def test_an_ensemble_is_the_median_of_its_members(fitted):
    model = fitted["ensemble"]
    members = [member.predict().yhat for member in model.members_]
    assert not np.array_equal(*members)
    assert_allclose(model.predict().yhat, np.median(members, axis=0))
    again = clone(model).fit(noisy())
    assert_array_equal(again.predict().yhat, model.predict().yhat)


def test_calibration_around_draws():
    model = Conformal(clone(MODELS["dropout"]), calibration=80).fit(noisy())
    assert (model.predict(level=80)[BAND[0]] < model.predict(level=80)[BAND[1]]).all()


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (MonteCarlo(Forecaster(MLP(dropout=0.0), **SETTINGS)), "one with a dropout above 0"),
        (MonteCarlo(Forecaster("nlinear", **SETTINGS)), "one with a dropout above 0"),
        (MonteCarlo(Forecaster("mlp", **SETTINGS), n_draws=1), "n_draws must be an int"),
        (LastLayerLaplace(Forecaster("nlinear", **SETTINGS)), "must be one of a point loss"),
        (LastLayerLaplace(Forecaster("gru", loss="normal")), "must be one of a point loss"),
        (LastLayerLaplace(Forecaster("gru", validation=None)), "must be one of a point loss"),
        (LastLayerLaplace(Forecaster("gru"), prior_std=0.0), "prior_std must be a finite number"),
        (Ensemble(Naive()), "estimator must be one that has a random_state"),
        (Ensemble(Forecaster("mlp"), n_members=1), "n_members must be an int of at least 2"),
        (Ensemble(Forecaster("mlp"), random_state=-1), "random_state must be an int of at least 0"),
        (Conformal(Naive(horizon=5), calibration=3), "calibration must be an int of at least 5"),
        (Conformal(Naive(), calibration=1.5), "calibration must be a finite number"),
        (Conformal(Naive(horizon=9), calibration=299), "calibration must be at most 298 rows"),
    ],
)
def test_refused_before_anything_is_trained(model, match):
    with pytest.raises(ValueError, match=match):
        model.fit(noisy())
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize("inner", [None, "mlp", CNNLSTM()])
@pytest.mark.parametrize("cls", [MonteCarlo, LastLayerLaplace, Ensemble, Conformal])
def test_only_forecasters_are_put_inside(cls, inner):
    with pytest.raises(TypeError, match="estimator must be a [Ff]orecaster"):
        cls(inner).fit(noisy())
