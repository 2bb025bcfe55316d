"""What a search hands down instead of its estimator: one that survives, and says what became of it.

scikit-learn stops a search when every fit of a generation fails, and keeps the reasons to itself.
A `Guarded` estimator fails quietly; a `GuardedScorer` scores it, and its scores say how they came
about.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from tsmodels.search.halving import RUNGS, Gate

STATUSES = ("failed", "not finite", "pruned", "timeout", "ok")  # the worst first


class Score(float):
    """A score that says how it came about."""

    status: str
    error: str

    def __new__(cls, value: float, status: str = "ok", error: str = "") -> Self:
        self = super().__new__(cls, value)
        self.status, self.error = status, error
        return self

    def __reduce__(self) -> Any:
        return Score, (float(self), self.status, self.error)


@dataclass(frozen=True)
class Ticket:
    """One configuration on its way to a worker: `seed` is for estimators that have none."""

    params: Mapping[str, Any]
    seed: int
    whale: int


class Guarded(BaseEstimator):
    """An estimator that is set up by a ticket, and whose `fit` never raises.

    With `raises` it does. `fit_timeout` (seconds) ends a fit at the next end of an epoch; a `gate`
    makes it wait at rungs.
    """

    def __init__(
        self,
        estimator: Any = None,
        ticket: Ticket | None = None,
        fit_timeout: float | None = None,
        gate: Gate | None = None,
        raises: bool = False,
    ) -> None:
        self.estimator = estimator
        self.ticket = ticket
        self.fit_timeout = fit_timeout
        self.gate = gate
        self.raises = raises

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fits the configuration of the ticket."""
        ticket, given = self.ticket, () if y is None else (y,)
        assert ticket is not None
        self.status_, self.error_ = "ok", ""
        if self.gate is not None:
            self.gate.enter()
        started = time.monotonic()
        try:
            self.fitted_ = seeded(self.estimator, ticket.params, ticket.seed)
            self._add_callbacks(ticket.whale)
            self.fitted_.fit(X, *given, **params)
            if self.fit_timeout is not None and time.monotonic() - started >= self.fit_timeout:
                self.status_ = "timeout"
        except Exception as error:
            if self.raises:
                raise
            self.status_, self.error_ = "failed", f"{type(error).__name__}: {error}"
        finally:
            if self.gate is not None and self.gate.leave(ticket.whale):
                self.status_ = "pruned" if self.status_ == "ok" else self.status_
        return self

    def _add_callbacks(self, whale: int) -> None:
        if self.fit_timeout is None and self.gate is None:
            return
        from tsmodels.training.callbacks import Rungs, StopAfter

        name = callbacks_parameter(self.fitted_)
        assert name is not None  # the search has looked
        added: list[Any] = list(self.fitted_.get_params()[name] or ())
        if self.fit_timeout is not None:
            added.append(StopAfter(self.fit_timeout))
        if self.gate is not None:
            added.append(Rungs(self.gate.at(whale), RUNGS))
        self.fitted_.set_params(**{name: added})

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


class GuardedScorer:
    """Scores what is inside a guarded estimator; a failure scores `error_score`."""

    def __init__(self, scorer: Any, error_score: Any) -> None:
        self.scorer, self.error_score = scorer, error_score

    def __call__(self, guarded: Guarded, X: Any, y: Any = None, **params: Any) -> Any:
        """A `Score`, or a dict of them."""
        if guarded.status_ == "failed":
            return Score(self.error_score, "failed", guarded.error_)
        try:
            scores = self.scorer(guarded.fitted_, X, *(() if y is None else (y,)), **params)
        except Exception as error:
            if self.error_score == "raise":
                raise
            return Score(self.error_score, "failed", f"{type(error).__name__}: {error}")
        if isinstance(scores, Mapping):
            return {name: self._told(score, guarded.status_) for name, score in scores.items()}
        return self._told(scores, guarded.status_)

    def _told(self, score: Any, status: str) -> Score:
        if isinstance(score, str):  # the traceback of one of several metrics
            return Score(self.error_score, "failed", score.strip().splitlines()[-1])
        return Score(score, status if math.isfinite(score) else "not finite")


def seeded(estimator: Any, params: Mapping[str, Any], seed: int) -> Any:
    """A copy of an estimator with the parameters; its seed is `seed` if it has none of its own."""
    made = clone(estimator).set_params(**clone(dict(params), safe=False))
    if "random_state" not in params and made.get_params().get("random_state", seed) is None:
        made.set_params(random_state=seed)
    return made


def callbacks_parameter(estimator: Any) -> str | None:
    """The parameter of an estimator, or of a step of its pipeline, that takes Keras callbacks."""
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "callbacks"]
    return names[-1] if names else None
