"""Compiled functions serve many fits, and no fit notices another."""

import threading

import numpy as np
import pytest

from tsmodels import Forecaster
from tsmodels.backend import ops
from tsmodels.networks import LSTM, MLP, NETWORKS, NLinear, resolve
from tsmodels.networks.assembly import forecast_model
from tsmodels.training import compiled
from tsmodels.training.blueprint import Blueprint, first_values
from tsmodels.training.compiled import Compiled, leased

RNG = np.random.default_rng(0)
A, B = (10 + np.sin(np.arange(90) * f) + 0.1 * RNG.normal(size=90) for f in (0.3, 0.7))
SETTINGS = {"horizon": 2, "lookback": 8, "max_steps": 20, "random_state": 0}


def nlinear(**arguments):
    spec = {"network": NLinear(), "lookback": 8, "horizon": 2}
    return Blueprint.of(forecast_model, **(spec | arguments))


@pytest.fixture
def built(monkeypatch):
    """The blueprints that a test builds models for, from an empty cache."""
    compiled.clear()
    seen = []
    build = Blueprint.build
    monkeypatch.setattr(
        Blueprint, "build", lambda self, seed=0: seen.append(self) or build(self, seed)
    )
    return seen


@pytest.mark.parametrize("network", ["nlinear", LSTM(d_model=4, dropout=0.2)], ids=str)
def test_a_fit_is_the_same_with_used_functions(network, built):
    first = Forecaster(network, **SETTINGS).fit(A)
    Forecaster(network, **SETTINGS | {"learning_rate": 0.1, "random_state": 5}).fit(B)
    again = Forecaster(network, **SETTINGS).fit(A)
    assert len(built) == 1
    assert again.history_ == first.history_
    for a, b in zip(again.weights_, first.weights_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_earlier_fit_keeps_its_forecast_and_model(built):
    first = Forecaster("nlinear", **SETTINGS).fit(A)
    want, weights = first.predict(), [w.copy() for w in first.weights_]
    model = first.model_
    Forecaster("nlinear", **SETTINGS).fit(B).predict()
    assert first.predict().equals(want)
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_forecasts_follow_a_model_that_is_changed_by_hand():
    fitted = Forecaster("nlinear", **SETTINGS | {"scaler": None}).fit(A)
    fitted.model_.set_weights([np.zeros_like(w) for w in fitted.model_.get_weights()])
    np.testing.assert_allclose(fitted.predict().yhat, A[-1], rtol=1e-6)  # the last value, kept


def test_fits_in_threads_do_not_disturb_each_other():
    alone = [Forecaster("nlinear", **SETTINGS).fit(y).predict() for y in (A, B)]
    together = {}

    def run(place, y):
        together[place] = Forecaster("nlinear", **SETTINGS).fit(y).predict()

    threads = [threading.Thread(target=run, args=(i, (A, B)[i % 2])) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place in range(4):
        assert together[place].equals(alone[place % 2])


def test_a_lease_is_for_one_only(built):
    with leased(nlinear()) as one, leased(nlinear()) as two:
        assert one is not two
    with leased(nlinear()) as three:
        assert three in (one, two)
    assert len(built) == 2


def test_a_failed_fit_is_not_used_again(built):
    with pytest.raises(ZeroDivisionError), leased(nlinear()):
        raise ZeroDivisionError
    with leased(nlinear()):
        pass
    assert len(built) == 2


def test_few_models_are_kept(built):
    for lookback in range(1, compiled.LIMIT + 3):
        with leased(nlinear(lookback=lookback)):
            pass
    with leased(nlinear(lookback=compiled.LIMIT + 2)):
        pass
    assert len(built) == compiled.LIMIT + 2
    with leased(nlinear(lookback=1)):
        pass
    assert len(built) == compiled.LIMIT + 3


def test_few_optimizers_are_kept():
    from tsmodels.losses import resolve_loss
    from tsmodels.training.recipe import OptimizerPlan, Recipe

    entry = Compiled(nlinear())
    trainers = [
        entry.trainer(resolve_loss("mse"), OptimizerPlan.of(Recipe(clipnorm=float(c))), 0.1)
        for c in (1, 1, 2, 3, 4, 5, 1)
    ]
    assert trainers[0] is trainers[1] and trainers[6] is not trainers[0]
    assert len(entry._trainers) == compiled.TRAINERS


def test_another_rate_of_dropout_needs_no_other_model(built):
    fits = [Forecaster(MLP(d_model=4, dropout=d), **SETTINGS).fit(A) for d in (0.2, 0.6, 0.2)]
    assert len(built) == 1
    losses = [fit.history_["loss"] for fit in fits]
    assert losses[0] == losses[2] != losses[1]
    rates = [v for v in fits[1].model_.variables if v.name == "dropout_rate"]
    assert [float(ops.convert_to_numpy(rate)) for rate in rates] == pytest.approx([0.6, 0.6])


def test_first_values_depend_on_the_seed_alone():
    entry = nlinear(network=LSTM(d_model=4, dropout=0.1))
    one, two = entry.build(1), entry.build(2)
    a, b, c = (first_values(entry, model, seed) for model, seed in ((one, 7), (two, 7), (one, 8)))
    assert [v.shape for v in a] == [tuple(v.shape) for v in one.variables]
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)
    assert any((x != y).any() for x, y in zip(a, c, strict=True))


@pytest.mark.parametrize("name", [n for n in sorted(NETWORKS) if NETWORKS[n].variable_dropout])
def test_a_rate_that_is_given_is_as_good_as_one_built_in(name):
    past = RNG.normal(size=(3, 24, 1)).astype("float32")
    outputs = []
    for rate in (0.5, 0.2):
        network = resolve(name, d_model=8, dropout=rate)
        blueprint = Blueprint.of(forecast_model, network=network, lookback=24, horizon=4)
        model = blueprint.given(dropout_rate=0.2).build(0)
        for variable, value in zip(
            model.variables, first_values(blueprint.given(dropout_rate=0.2), model, 3), strict=True
        ):
            variable.assign(value)
        outputs.append(ops.convert_to_numpy(model({"past": past}, training=True)))
    np.testing.assert_allclose(*outputs, atol=1e-6)
    assert any(v.name == "dropout_rate" for v in model.variables)
