"""Learning goes on: `partial_fit` from the weights there are, some layers frozen."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import tsmodels
from tsmodels import Forecaster
from tsmodels.training import fit as training

QUICK = {"horizon": 3, "lookback": 6, "max_steps": 10, "random_state": 0, "learning_rate": 0.01}


def frame(ids="ab", n=80, slope=0.0):
    rng = np.random.default_rng(len(ids))
    parts = []
    for k, name in enumerate(ids):
        x = rng.standard_normal(n)
        y = 10.0 * k + np.sin(np.arange(n)) + (1 + slope) * x
        ds = pd.date_range("2024-01-01", periods=n, freq="h")
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y, "x": x}))
    return pd.concat(parts, ignore_index=True)


def split(f, n=60):
    place = f.groupby("unique_id").cumcount()
    return f[place < n], f[place >= n]


def test_it_goes_on_from_the_weights_there_are(monkeypatch):
    old, new = split(frame())
    model = Forecaster("mlp", **QUICK, future_covariates=["x"]).fit(old)
    weights, scales = [w.copy() for w in model.weights_], model.shift_
    started = []
    train = training.train

    def watched(run, *args):
        started.extend(np.array(w) for w in run.model.get_weights())
        return train(run, *args)

    monkeypatch.setattr(training, "train", watched)
    model.partial_fit(new)
    for a, b in zip(started, weights, strict=True):
        assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(model.weights_, weights, strict=True))
    assert_array_equal(model.shift_, scales)
    assert model.context_.last().tolist() == [new.ds.max().to_datetime64().astype("M8[us]")] * 2


def test_an_earlier_estimator_keeps_its_weights():
    """Compiled functions are shared; what is put in for one must not move the other."""
    old, new = split(frame()[["unique_id", "ds", "y"]])
    model = Forecaster("mlp", **QUICK).fit(old)
    before, copy = model.predict(), pickle.loads(pickle.dumps(model))
    copy.partial_fit(new)
    pd.testing.assert_frame_equal(model.predict(), before)


def test_before_any_fit_it_is_a_fit():
    f = frame()[["unique_id", "ds", "y"]]
    one, two = Forecaster("mlp", **QUICK).fit(f), Forecaster("mlp", **QUICK).partial_fit(f)
    for a, b in zip(one.weights_, two.weights_, strict=True):
        assert_array_equal(a, b)


def test_what_changed_is_learned():
    """The same series with another season: more training on it halves the error on it."""
    t = np.arange(400)
    old, new = np.sin(t * 2 * np.pi / 24), np.sin(t * 2 * np.pi / 10)
    model = Forecaster("nlinear", **{**QUICK, "max_steps": 300}, season_length=1).fit(old)
    later = pd.DataFrame({"unique_id": "y", "ds": t, "y": new})
    before = model.score(later)
    model.context_ = model.to_panel(later[:200])
    model.partial_fit(later[200:])
    assert model.score(later) > 0.5 * before


def test_new_ids_get_scales_of_their_own():
    model = Forecaster("mlp", **QUICK, future_covariates=["x"]).fit(frame("ab"))
    other = frame("c").assign(y=lambda f: 1000 + 50 * f.y)
    model.partial_fit(other)
    assert model.shift_.shape == (3, 1) and 900 < model.shift_[2, 0] < 1100
    assert_array_equal(model.covariate_shift_.shape, (3, 1))
    future = model.make_future_frame().assign(x=0.0)
    yhat = model.predict(future=future).set_index("unique_id").yhat
    assert yhat.index.drop_duplicates().tolist() == ["a", "b", "c"] and yhat["c"].min() > 700


def test_frozen_layers_stay_bit_by_bit_and_others_learn(tmp_path):
    old, new = split(frame()[["unique_id", "ds", "y"]])
    network = tsmodels.GRU(d_model=4)
    model = Forecaster(network, **QUICK).fit(old)
    paths = [weight.path for weight in model.model_.weights]
    before = [w.copy() for w in model.weights_]
    model.set_params(frozen=["recurrent"]).partial_fit(new)
    moved = {
        path.split("/")[0]
        for path, a, b in zip(paths, before, model.weights_, strict=True)
        if not np.array_equal(a, b)
    }
    assert moved == {"steps", "head"}
    model.save(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(tsmodels.load(tmp_path / "model.zip").predict(), model.predict())


@pytest.mark.parametrize(
    "frozen, sentence",
    [
        (
            ["hed"],
            r"beginnings of names in \['recurrent', 'steps', 'head'\].*Did you mean 'head'\?",
        ),
        (["recurrent", "steps", "head"], "frozen must be some of the layers, not all"),
        ("stem", r"frozen must be a list of names. Got 'stem'. Write \['stem'\]."),
    ],
)
def test_frozen_layers_that_are_none(frozen, sentence):
    f = frame()[["unique_id", "ds", "y"]]
    with pytest.raises((ValueError, TypeError), match=sentence):
        Forecaster(tsmodels.GRU(d_model=4), **QUICK, frozen=frozen).fit(f)


def test_a_partial_fit_that_fails_leaves_the_model_as_it_was():
    old, new = split(frame()[["unique_id", "ds", "y"]])
    model = Forecaster("mlp", **QUICK).fit(old)
    before = model.predict()
    with pytest.raises(ValueError, match="y must be None"):
        model.partial_fit(new, new.y)
    with pytest.raises(ValueError, match="sample_weight must be of shape"):
        model.partial_fit(new, sample_weight=[1.0])
    pd.testing.assert_frame_equal(model.predict(), before)
