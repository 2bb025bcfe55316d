"""Families: the likelihood in the graph is that of scipy, and the numbers allowed are kept to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import ops
from tsmodels.distributions import FAMILIES, family_of, log_gamma

pytestmark = pytest.mark.backend
PARAMETERS = {
    "normal": [[0.0, 1.0], [5.0, 0.1], [-300.0, 40.0]],
    "laplace": [[0.0, 1.0], [5.0, 0.1], [-300.0, 40.0]],
    "student_t": [[0.0, 1.0, 2.1], [5.0, 0.1, 5.0], [-300.0, 40.0, 80.0]],
    "poisson": [[0.01], [2.0], [150.0]],
    "negative_binomial": [[0.1, 0.01], [3.0, 0.5], [150.0, 2.0]],
}


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_every_family_is_tested():
    assert set(PARAMETERS) == set(FAMILIES)


def test_log_gamma_is_that_of_scipy():
    from scipy.special import gammaln

    x = np.concatenate([[1e-3, 0.5, 1.0, 2.0], np.linspace(0.1, 400.0, 500)]).astype("float32")
    assert_allclose(array(log_gamma(ops.array(x))), gammaln(x), rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_likelihood_is_that_of_scipy(name):
    family, parameters = family_of(name), np.array(PARAMETERS[name])
    frozen = family.frozen(parameters)
    y = frozen.ppf([[0.05], [0.4], [0.9]])  # (3, 3)
    want = frozen.logpmf(y) if family.counts else frozen.logpdf(y)
    inputs = [ops.array(p.astype("float32")) for p in parameters.T]
    got = family.log_likelihood(ops.array(y.astype("float32")), *inputs)
    assert_allclose(array(got), want, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_any_raw_numbers_make_a_distribution(name):
    family = family_of(name)
    raw = np.linspace(-60, 60, 13).astype("float32").reshape(1, -1, 1)
    free = [ops.array(-raw)] * (family.n_parameters - 1)
    parameters = family.parameters(ops.array(raw), free, ops.ones((1, 1, 1)))
    stacked = np.stack([array(p) for p in parameters], axis=-1).astype(float)
    frozen = family.frozen(stacked)
    assert np.isfinite(frozen.ppf([0.025])).all() and np.isfinite(frozen.var()).all()
    assert_allclose(family.mean(stacked), frozen.mean(), rtol=1e-6)
