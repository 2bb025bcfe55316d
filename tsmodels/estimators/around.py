"""Estimators around another one: what is asked of a forecaster, they pass on or add to."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import fault
from tsmodels.data.panel import Panel
from tsmodels.estimators.horizon import HorizonEstimator


def _of_estimator(name: str) -> Any:
    """A parameter of the inner estimator, read only."""
    return property(lambda self: getattr(self.estimator, name))


class Around(HorizonEstimator):
    """What estimators around a forecaster share: its horizon, its frames, its forecasts.

    Nested parameters reach inside, `estimator__horizon`. A subclass says what it learns, with
    `estimator_` the fitted inner one, and what it believes (`predictive_at`).
    """

    horizon = _of_estimator("horizon")
    season_length = _of_estimator("season_length")
    freq = _of_estimator("freq")
    target = _of_estimator("target")
    missing = _of_estimator("missing")

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def _check_parameters(self) -> None:
        if not isinstance(self.estimator, HorizonEstimator):
            rule = "a forecaster or a baseline"
            way_out = "An example is Forecaster('nlinear', horizon=24)."
            raise TypeError(fault("estimator", rule, self.estimator, way_out))
        self.estimator._check_parameters()

    def _read(self, X: Any, freq: str | None) -> Panel:
        return self.estimator._read(X, freq)

    def _shown(self, X: Any, future: Any, horizon: int) -> Panel:
        return self.estimator_._shown(self.context_ if X is None else X, future, horizon)

    def make_future_frame(self, X: Any = None, *, horizon: int | None = None) -> Any:
        """`unique_id` and `ds` of the steps to be forecast; see `Forecaster`."""
        check_is_fitted(self, "context_")
        shown = self.context_ if X is None else X
        return self.estimator_.make_future_frame(shown, horizon=horizon)

    def explain(self, X: Any = None, **options: Any) -> Any:
        """What the forecasts of the inner estimator rest on; see `Forecaster.explain`."""
        check_is_fitted(self, "context_")
        self._check_explains()
        return self.estimator_.explain(self.context_ if X is None else X, **options)

    def _check_explains(self) -> None:
        if not hasattr(self.estimator_, "explain"):
            rule = "a Forecaster, or around one, to be explained"
            raise TypeError(fault("estimator", rule, self.estimator))

    def _learn(self, panel: Panel) -> None:
        self.estimator_ = clone(self.estimator).fit(panel)

    def _held_out(self, panel: Panel) -> np.ndarray:
        return self.estimator_._held_out(panel)

    def _calibrate(self, panel: Panel) -> None:
        """The inner estimator has done so."""

    def _memory(self) -> int:
        return self.estimator_._memory()

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.estimator_.forecast_at(panel, cutoffs, series, horizon)
