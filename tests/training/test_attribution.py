"""Integrated gradients add up, window by window, with fixed inputs and statistics of windows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.backend import ops
from tsmodels.networks import MLP, NLinear
from tsmodels.networks.readings import moving_model
from tsmodels.training import attribution
from tsmodels.training.attribution import Way, integrated_gradients
from tsmodels.training.blueprint import Blueprint

pytestmark = pytest.mark.backend
B, T, H = 5, 8, 3


def way(rng):
    """Windows of one target and one covariate, the first rows of which were not observed."""
    past = rng.standard_normal((B, T, 2)).astype("float32")
    observed = np.ones((B, T), "float32")
    observed[:, :2] = 0.0
    shares = rng.standard_normal((B, H, 1)).astype("float32")
    return Way({"past": past}, {"past": np.zeros_like(past)}, {"observed": observed}, shares)


@pytest.mark.parametrize("network", [MLP(d_model=8), NLinear()])
def test_they_add_up_to_the_difference_of_the_answers(network, monkeypatch):
    blueprint = Blueprint.of(
        moving_model, network=network, lookback=T, horizon=H, channels=2, masked=True
    )
    model, rng = blueprint.build(), np.random.default_rng(0)
    weights = [w + 0.2 * rng.standard_normal(w.shape).astype("f4") for w in model.get_weights()]
    model.set_weights(weights)
    trip = way(rng)
    monkeypatch.setattr(attribution, "TOGETHER", 2)  # the last part is a smaller one
    found = integrated_gradients(blueprint, weights, trip)["past"]
    ends = ({**part, **trip.fixed} for part in (trip.end, trip.baseline))
    there, here = (
        (ops.convert_to_numpy(model(inputs)) * trip.shares).sum(axis=(1, 2)) for inputs in ends
    )
    assert found.shape == (B, T, 2) and np.abs(there - here).min() > 1e-2
    assert_allclose(found.sum(axis=(1, 2)), there - here, atol=5e-3 * np.abs(there - here).max())
    if isinstance(network, MLP):
        assert_array_equal(found[:, :2, 0] != 0, False)  # what was not observed adds nothing
