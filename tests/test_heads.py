"""Heads: quantiles never cross, units come back, and tables say where truths lay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import ops
from tsmodels.distributions import FAMILIES
from tsmodels.heads import DistributionHead, PointHead, QuantileHead, head_of, split_location
from tsmodels.losses import resolve_loss
from tsmodels.networks import MLP, NLinear
from tsmodels.networks.assembly import forecast_model

LEVELS = (0.025, 0.1, 0.5, 0.6, 0.9)


def array(tensor):
    return ops.convert_to_numpy(tensor).astype(float)


@pytest.mark.backend
@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
def test_quantiles_never_cross(size):
    raw = size * np.random.default_rng(0).standard_normal((64, 5, 2, len(LEVELS)))
    y = array(
        QuantileHead(LEVELS).link(ops.array(raw, "float32"), lambda x: x, ops.ones((1, 1, 1)))
    )
    assert (np.diff(y, axis=-1) >= 0).all()
    assert_allclose(y[..., LEVELS.index(0.5)], raw[..., 2].astype("float32"))


@pytest.mark.backend
def test_the_first_quantiles_are_those_of_a_normal_distribution():
    from scipy.stats import norm

    y = array(QuantileHead(LEVELS).link(ops.zeros((1, 1, 1, 5)), lambda x: x, ops.ones((1, 1, 1))))
    assert_allclose(y[0, 0, 0] / np.log(2.0), norm.ppf(LEVELS), atol=1e-6)


@pytest.mark.backend
@pytest.mark.parametrize("network", [MLP(d_model=8), NLinear()])
@pytest.mark.parametrize("head", [QuantileHead(LEVELS), DistributionHead("student_t")])
def test_a_shifted_window_has_shifted_outputs(network, head):
    """Locations move with the window, spreads and degrees of freedom do not."""
    model = forecast_model(network, lookback=12, horizon=3, head=head)
    x = np.random.default_rng(0).standard_normal((4, 12, 1)).astype("float32")
    y, moved = (array(model({"past": ops.array(z)})) for z in (x, x + 8.0))
    shift = np.full(head.outputs, 8.0) if isinstance(head, QuantileHead) else [8.0, 0.0, 0.0]
    assert y.shape == (4, 3, 1, head.outputs)
    assert_allclose(moved, y + shift, atol=2e-4)


def test_the_middle_is_the_location():
    location, free = split_location(np.array([[[[1.0, 5.0, 7.0]]]]))
    assert location.item() == 5.0 and [f.item() for f in free] == [-4.0, 2.0]


def test_a_loss_has_its_head():
    assert head_of(resolve_loss("mae")) == PointHead()
    assert head_of(resolve_loss("quantile")).levels[3] == 0.5
    assert head_of(resolve_loss("poisson")) == DistributionHead("poisson")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_scores_of_truths_drawn_from_a_family_are_normal(name):
    head, rng = DistributionHead(name), np.random.default_rng(0)
    parameters = np.broadcast_to([40.0, 0.3, 5.0][: head.outputs], (4000, 2, head.outputs))
    y = FAMILIES[name].frozen(parameters).rvs(random_state=rng, size=(4000, 2)).astype(float)
    table = head.table(parameters, y)
    assert_allclose(table[..., 0].mean(), 0.0, atol=0.05)
    assert_allclose(table[..., 0].std(), 1.0, atol=0.05)
    assert_allclose(head.errors(table), y - 40.0)


def test_the_errors_of_quantiles_are_those_of_the_median():
    outputs = np.array([[[1.0, 3.0, 4.0]]])
    head = QuantileHead((0.1, 0.5, 0.9))
    assert head.errors(head.table(outputs, np.array([[5.0]]))) == [[2.0]]
