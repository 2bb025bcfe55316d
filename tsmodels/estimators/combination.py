"""Several forecasters as one: the median of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from tsmodels.checks import check_option, fault
from tsmodels.data.panel import Panel
from tsmodels.estimators.covariates import CovariateEstimator
from tsmodels.estimators.horizon import HorizonEstimator

SHARED = ("horizon", "target", "freq", "missing")
COLUMNS = ("past_covariates", "future_covariates", "static_covariates", "categories")
HOWS: dict[str, Any] = {"median": np.median, "mean": np.mean}


def _of_first(name: str) -> Any:
    """A parameter of the first estimator, read only."""
    return property(lambda self: getattr(self.estimators[0], name))


class Combination(HorizonEstimator):
    """The median, or mean, of the forecasts of several estimators, step by step.

    `estimators` are forecasters and baselines of one horizon and target that read the same
    covariates; each is cloned and fitted on the same rows. Different lookbacks, networks and seeds
    err in different ways (Bates & Granger, 1969), and the median leaves out who errs most.
    Intervals are made of the errors of the joint forecast on rows that none of the forecasters has
    learned from. A forecast is a fallback where all of them are.

    Fitted: `estimators_`.

    >>> from tsmodels import Drift, Naive, SeasonalNaive
    >>> model = Combination([Naive(horizon=2), Drift(horizon=2), SeasonalNaive(horizon=2)])
    >>> model.fit(np.array([1.0, 2.0, 3.0])).predict().yhat.tolist()
    [3.0, 3.0]
    """

    horizon = _of_first("horizon")
    target = _of_first("target")
    freq = _of_first("freq")
    missing = _of_first("missing")
    season_length = _of_first("season_length")

    def __init__(self, estimators: Sequence[Any], *, how: str = "median") -> None:
        self.estimators = estimators
        self.how = how

    def _check_parameters(self) -> None:
        check_option("how", self.how, HOWS)
        listed = isinstance(self.estimators, list | tuple) and len(self.estimators) > 0
        if not listed or not all(isinstance(e, HorizonEstimator) for e in self.estimators):
            rule = "a list of forecasters and baselines"
            raise TypeError(fault("estimators", rule, self.estimators))
        for name in SHARED:
            self._check_alike(name, self.estimators)
        for name in COLUMNS:
            self._check_alike(name, [e for e in self.estimators if _reads(e)])
        for estimator in self.estimators:
            estimator._check_parameters()

    def _check_alike(self, name: str, estimators: Sequence[Any]) -> None:
        values = [getattr(estimator, name) for estimator in estimators]
        plain = [list(value) if isinstance(value, list | tuple) else value for value in values]
        if any(value != plain[0] for value in plain):
            raise ValueError(fault("estimators", f"of one {name}", values))

    def _reader(self, estimators: Sequence[Any]) -> Any:
        """The estimator that reads frames for all: one that knows the covariates."""
        return next((e for e in estimators if _reads(e)), estimators[0])

    def _read(self, X: Any, freq: str | None) -> Panel:
        return self._reader(self.estimators)._read(X, freq)

    def _shown(self, X: Any, future: Any, horizon: int) -> Panel:
        reader = self._reader(self.estimators_)
        return reader._shown(self.context_ if X is None else X, future, horizon)

    def _learn(self, panel: Panel) -> None:
        self.estimators_ = [clone(estimator).fit(panel) for estimator in self.estimators]

    def _memory(self) -> int:
        return max(estimator._memory() for estimator in self.estimators_)

    def _held_out(self, panel: Panel) -> np.ndarray:
        learned = [e._held_out(panel) for e in self.estimators_ if _reads(e)]
        return np.min(learned, axis=0) if learned else super()._held_out(panel)

    def _calibrate(self, panel: Panel) -> None:
        if any(_reads(estimator) for estimator in self.estimators_):
            self._keep_errors(panel, panel.offsets[1:] - self._held_out(panel))
        else:
            super()._calibrate(panel)

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        answers = [e.forecast_at(panel, cutoffs, series, horizon) for e in self.estimators_]
        yhat = HOWS[self.how]([points for points, _ in answers], axis=0)
        return yhat, np.all([fallback for _, fallback in answers], axis=0)


def _reads(estimator: Any) -> bool:
    """Whether an estimator learns, and may read covariates."""
    return isinstance(estimator, CovariateEstimator)
