"""Covariates in the life of an estimator: declared, read, learned, and asked for ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_int, check_option
from tsmodels.data.answers import forecast_frame
from tsmodels.data.channels import Channels
from tsmodels.data.covariates import Roles
from tsmodels.data.cycles import read_holidays
from tsmodels.data.frame import make_panel, target_columns
from tsmodels.data.future import with_future
from tsmodels.data.panel import Panel
from tsmodels.data.scaling import affine_statistics
from tsmodels.data.targets import apart, together
from tsmodels.estimators.horizon import HorizonEstimator, first_cutoffs

Statistics = tuple[np.ndarray, np.ndarray]


@dataclass(kw_only=True, eq=False, repr=False)
class CovariateEstimator(HorizonEstimator):
    """An estimator that is told more than the target; for the parameters see `Forecaster`."""

    past_covariates: Sequence[str] = ()
    future_covariates: Sequence[str] = ()
    static_covariates: Sequence[str] = ()
    categories: Sequence[str] = ()
    calendar: bool = False
    holidays: Any = ()
    covariate_scaling: str = "global"
    missing_future: str = "error"

    def make_future_frame(self, X: Any = None, *, horizon: int | None = None) -> Any:
        """`unique_id` and `ds` of the steps to be forecast, for future covariates to be merged in.

        They are those after `X`, or after what `fit` has seen, and at least the fitted horizon:
        what a network says of one step may depend on what is known of a later one.
        """
        check_is_fitted(self, "context_")
        steps = self._steps_ahead(self.horizon_ if horizon is None else horizon)
        panel = together(self.context_ if X is None else self.to_panel_like_fit(X))
        codes = np.repeat(np.arange(panel.n_series), steps)
        return forecast_frame(panel, codes, panel.future(steps).ravel(), {})

    def _read(self, X: Any, freq: str | None) -> Panel:
        missing = "error" if self.missing == "error" else "mask"
        roles = self._roles()
        return apart(make_panel(X, target=self.target, freq=freq, missing=missing, roles=roles))

    def _roles(self) -> Roles:
        return Roles.of(
            target_columns(self.target),
            past_covariates=self.past_covariates,
            future_covariates=self.future_covariates,
            static_covariates=self.static_covariates,
            categories=self.categories,
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._roles()
        check_option("calendar", self.calendar, [False, True])
        check_option("covariate_scaling", self.covariate_scaling, ["global", "series"])
        check_option("missing_future", self.missing_future, ["error", "last"])
        read_holidays(self.holidays)

    def _steps_ahead(self, horizon: int) -> int:
        """How many steps have to be known ahead for a forecast of `horizon`."""
        return max(check_int("horizon", horizon), self.horizon_)

    def _shown(self, X: Any, future: Any, horizon: int) -> Panel:
        if not self.future_covariates:
            panel = super()._shown(X, future, self._steps_ahead(horizon))
        else:
            panel, steps = super()._shown(X, None, horizon), self._steps_ahead(horizon)
            missing = self.missing_future
            known = together(panel), future, steps
            panel = apart(with_future(*known, target=self.target, missing=missing))
        self.channels_.tell_unknown(panel)
        return panel

    def _learn_channels(self, seen: Panel) -> None:
        """Learns what covariates look like from a panel of training rows."""
        holidays = read_holidays(self.holidays)
        self.channels_ = Channels.learn(seen, calendar=self.calendar, holidays=holidays)
        self.covariate_shift_, self.covariate_scale_ = self._covariate_statistics(seen)

    def _covariate_statistics(self, panel: Panel) -> Statistics:
        """Mean and deviation of each column, (S, G): of each series, or of all rows together."""
        if panel.covariates is None:
            return np.zeros((panel.n_series, 0)), np.ones((panel.n_series, 0))
        values, everything = panel.covariates.values, np.array([0, len(panel.ds)])
        offsets = everything if self.covariate_scaling == "global" else panel.offsets
        shift, scale = affine_statistics("standard", values, offsets)
        shape = (panel.n_series, values.shape[1])
        return np.broadcast_to(shift, shape).copy(), np.broadcast_to(scale, shape).copy()

    def _channel_rows(self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray) -> np.ndarray:
        """The covariates of every row as channels, (N, channels)."""
        learned = (self.covariate_shift_, self.covariate_scale_)
        if self.covariate_scaling == "global":
            one = (np.repeat(part[:1], panel.n_series, axis=0) for part in learned)
            return self.channels_.rows(panel, *one)
        own = self._covariate_statistics
        return self.channels_.rows(panel, *self._or_own(learned, own, panel, cutoffs, series))

    def _or_own(
        self,
        learned: tuple[np.ndarray, ...],
        own: Callable[[Panel], tuple[np.ndarray, ...]],
        panel: Panel,
        cutoffs: np.ndarray,
        series: np.ndarray,
    ) -> tuple[np.ndarray, ...]:
        """What `fit` learned of each series; for a new id, `own` of its rows before its first
        cutoff."""
        places = np.array([self.places_.get(id, -1) for id in panel.ids.tolist()], dtype=int)
        answers = tuple(part[places] for part in learned)
        new = places < 0
        if new.any():
            seen = panel.head(first_cutoffs(panel, cutoffs, series) - panel.offsets[:-1])
            for answer, found in zip(answers, own(seen.take(np.flatnonzero(new))), strict=True):
                answer[new] = found
        return answers

    def _reaching(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[Panel, np.ndarray]:
        """Panel and cutoffs, with rows for the horizon where something is known of it."""
        steps = self.horizon_ * math.ceil(horizon / self.horizon_)
        inside = cutoffs + steps <= panel.offsets[1:][series]
        if not self.channels_.n_known or inside.all():
            return panel, cutoffs
        return panel.extended(steps), cutoffs + steps * series
