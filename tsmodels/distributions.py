"""Families of distributions: likelihoods in `keras.ops`, quantiles and moments by scipy.

A family has P parameters. In graphs they are the last axis of a tensor (..., P), and so they are in
arrays: what a network says and what scipy is asked are one thing. A network writes them from raw
numbers: a location, in the units of the target, and P - 1 free numbers, which `parameters` maps to
where they are allowed; `unit` is how large a spread of one is in the units of the target.

Glossary: mu location or mean, sigma scale, nu degrees of freedom, alpha dispersion (the variance of
a count is mu + alpha mu^2), lambda rate.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from tsmodels.backend import ops
from tsmodels.checks import check_option

SMALLEST = 1e-4  # of a scale, a rate or a dispersion: likelihoods stay finite
SHIFT = 6  # steps up before Stirling's series, which is then right to the last bit of float32


def log_gamma(x: Any) -> Any:
    """log Gamma(x) for x > 0: Stirling's series at x + 6, and back by Gamma(x + 1) = x Gamma(x).

    >>> round(float(log_gamma(ops.array(5.0))), 4)  # log 4!
    3.1781
    """
    below = sum(ops.log(x + k) for k in range(SHIFT))
    z = x + SHIFT
    series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z**3)
    return (z - 0.5) * ops.log(z) - z + 0.5 * math.log(2.0 * math.pi) + series - below


class Family:
    """A family of distributions; a subclass is its formulas."""

    name: ClassVar[str]
    n_parameters: ClassVar[int] = 2
    counts: ClassVar[bool] = False  # of the integers from 0 on

    def parameters(self, location: Any, free: list[Any], unit: Any) -> list[Any]:
        """The parameters, each (B, H, K), from numbers that may be anything."""
        return [location, unit * ops.softplus(free[0]) + SMALLEST]

    def log_likelihood(self, y: Any, *parameters: Any) -> Any:
        """log p(y), a number for each of y."""
        raise NotImplementedError

    def frozen(self, parameters: np.ndarray) -> Any:
        """The scipy distribution of parameters (..., P): `ppf`, `cdf`, `mean`, `rvs` and more."""
        raise NotImplementedError

    def mean(self, parameters: np.ndarray) -> np.ndarray:
        """The mean, which all families here have as their first parameter, (..., P) -> (...)."""
        return parameters[..., 0]


class Normal(Family):
    """N(mu, sigma^2).

    >>> float(Normal().frozen(np.array([10.0, 2.0])).ppf(0.5))
    10.0
    """

    name = "normal"

    def log_likelihood(self, y: Any, mu: Any, sigma: Any) -> Any:
        return -0.5 * ops.square((y - mu) / sigma) - ops.log(sigma) - 0.5 * math.log(2.0 * math.pi)

    def frozen(self, parameters: np.ndarray) -> Any:
        from scipy import stats

        return stats.norm(parameters[..., 0], parameters[..., 1])


class Laplace(Family):
    """Density exp(-|y - mu| / sigma) / 2 sigma: an absolute error with a scale."""

    name = "laplace"

    def log_likelihood(self, y: Any, mu: Any, sigma: Any) -> Any:
        return -ops.abs(y - mu) / sigma - ops.log(2.0 * sigma)

    def frozen(self, parameters: np.ndarray) -> Any:
        from scipy import stats

        return stats.laplace(parameters[..., 0], parameters[..., 1])


class StudentT(Family):
    """mu + sigma t with nu > 2 degrees of freedom, so that there is a variance."""

    name = "student_t"
    n_parameters = 3

    def parameters(self, location: Any, free: list[Any], unit: Any) -> list[Any]:
        nu = 2.0 + SMALLEST + ops.softplus(free[1])
        return [*super().parameters(location, free, unit), nu]

    def log_likelihood(self, y: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        constant = log_gamma((nu + 1.0) / 2.0) - log_gamma(nu / 2.0)
        constant = constant - 0.5 * ops.log(math.pi * nu) - ops.log(sigma)
        distance = ops.square((y - mu) / sigma) / nu
        return constant - 0.5 * (nu + 1.0) * ops.log1p(distance)

    def frozen(self, parameters: np.ndarray) -> Any:
        from scipy import stats

        mu, sigma, nu = np.moveaxis(parameters, -1, 0)
        return stats.t(nu, mu, sigma)


class Poisson(Family):
    """Counts of rate lambda."""

    name = "poisson"
    n_parameters = 1
    counts = True

    def parameters(self, location: Any, free: list[Any], unit: Any) -> list[Any]:
        return [ops.softplus(location) + SMALLEST]

    def log_likelihood(self, y: Any, rate: Any) -> Any:
        return y * ops.log(rate) - rate - log_gamma(y + 1.0)

    def frozen(self, parameters: np.ndarray) -> Any:
        from scipy import stats

        return stats.poisson(parameters[..., 0])


class NegativeBinomial(Family):
    """Counts of mean mu and variance mu + alpha mu^2.

    >>> float(NegativeBinomial().frozen(np.array([3.0, 0.5])).var().round(6))
    7.5
    """

    name = "negative_binomial"
    counts = True

    def parameters(self, location: Any, free: list[Any], unit: Any) -> list[Any]:
        return [ops.softplus(location) + SMALLEST, ops.softplus(free[0]) + SMALLEST]

    def log_likelihood(self, y: Any, mu: Any, alpha: Any) -> Any:
        r = 1.0 / alpha
        ways = log_gamma(y + r) - log_gamma(r) - log_gamma(y + 1.0)
        return ways - r * ops.log1p(alpha * mu) + y * (ops.log(mu) - ops.log(r + mu))

    def frozen(self, parameters: np.ndarray) -> Any:
        from scipy import stats

        mu, alpha = parameters[..., 0], parameters[..., 1]
        return stats.nbinom(1.0 / alpha, 1.0 / (1.0 + alpha * mu))


FAMILIES: dict[str, Family] = {
    cls.name: cls() for cls in (Normal, Laplace, StudentT, Poisson, NegativeBinomial)
}


def family_of(name: Any) -> Family:
    """The family of a name; ValueError names the nearest one.

    >>> family_of("poisson").counts
    True
    """
    return FAMILIES[check_option("family", name, list(FAMILIES))]
