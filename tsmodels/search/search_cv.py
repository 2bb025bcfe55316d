"""`WOASearchCV`: scikit-learn's search over hyper-parameters, led by whales."""

from __future__ import annotations

import copy
import math
import os
import time
import warnings
from contextlib import ExitStack
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV, _search_estimator_has
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_option, check_real, fault
from tsmodels.data.splits import RollingOrigin
from tsmodels.estimators.horizon import HorizonEstimator
from tsmodels.search.checkpoint import Log
from tsmodels.search.defaults import FixedSplits, default_space
from tsmodels.search.engines import check_engine, make_engine
from tsmodels.search.folds import BY_METRIC, error_of, settle, told
from tsmodels.search.functions import check_budget, open_log, said
from tsmodels.search.guard import Guarded, GuardedScorer, Ticket, callbacks_parameter, seeded
from tsmodels.search.halving import Gate
from tsmodels.search.loop import Loop, Trial
from tsmodels.search.progress import Progress
from tsmodels.search.woa import entropy_of
from tsmodels.search.workers import shared_cores, workers_for
from tsmodels.space import Space


class WOASearchCV(BaseSearchCV):
    """Searches hyper-parameters by cross-validation, a generation of whales at a time.

    Parameters
    ----------
    estimator : estimator
        Anything of scikit-learn; for instance a `Forecaster`, which is handed frames.
    param_distributions : dict, list of dicts or None
        `Real`, `Int`, `Choice`, scipy distributions or lists by parameter; a list of dicts is a
        choice of sub-spaces. None is the search space of the estimator's network and its learning
        rate.
    n_iter : int
        Configurations to evaluate, whatever the number of whales.
    n_whales : int, optional
        Configurations of a generation; 6 up to 60 evaluations and then a tenth of them.
    variant : {"modern", "original", "original-text"}
        See `tsmodels.search.woa`.
    cv : splitter, int or None
        None is `RollingOrigin(estimator.horizon, 3)` for forecasters, else as in scikit-learn. The
        splits are made once.
    scoring, refit, n_jobs, pre_dispatch, return_train_score
        As of `GridSearchCV`. Of several metrics `refit` names the one to search by. Workers share
        the cores; on a GPU there is one process.
    random_state : int, RandomState or None
        Seeds the search and every estimator whose own `random_state` is None.
    time_budget : float, optional
        Seconds after which no generation begins.
    patience : int, optional
        Evaluations without a better score after which the search ends.
    fit_timeout : float, optional
        Seconds after which a fit ends with its epoch and is scored as it is.
    halving : bool
        Whether half of a generation ends after a quarter of its epochs, and half of the rest after
        a half, by validation loss. What was ended is not in `cv_results_`. Fits are threads then.
    checkpoint : path, optional
        A file that is written after every generation; a search that was killed and is started
        again with the same arguments goes on there, with the same results to the last bit.
    engine : {"woa", "random", "tpe"}
        Who proposes; "tpe" wants the optuna extra.
    error_score : number or "raise"
        The score of a failed fit. The search goes on, unless "raise".
    verbose : {0, 1}
        1 shows a progress bar on standard error.

    Attributes
    ----------
    cv_results_ : dict
        As of `GridSearchCV`, and "generation", "whale", "status" ("ok", "timeout", "not finite" or
        "failed") and "seed" of every configuration. The same for every `n_jobs`, apart from times.
    best_estimator_, best_params_, best_score_, best_index_, refit_time_, n_splits_, scorer_
        As of `GridSearchCV`.
    space_ : Space
        What was searched.
    failures_ : dict
        The error of every configuration that has one, by its index in `cv_results_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from tsmodels import Real
    >>> space = {"C": Real(1e-2, 1e3, log=True), "kernel": ["rbf", "linear"]}
    >>> search = WOASearchCV(SVC(), space, n_iter=24, random_state=0)
    >>> _ = search.fit(*load_iris(return_X_y=True))
    >>> bool(search.best_score_ > 0.97), len(search.cv_results_["params"])
    (True, 24)
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = None,
        *,
        n_iter: int = 60,
        n_whales: int | None = None,
        variant: str = "modern",
        cv: Any = None,
        scoring: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        time_budget: float | None = None,
        patience: int | None = None,
        fit_timeout: float | None = None,
        halving: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        engine: str = "woa",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        pre_dispatch: Any = "2*n_jobs",
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.n_whales = n_whales
        self.variant = variant
        self.random_state = random_state
        self.time_budget = time_budget
        self.patience = patience
        self.fit_timeout = fit_timeout
        self.halving = halving
        self.checkpoint = checkpoint
        self.engine = engine

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Searches, and fits the best configuration on all of `X` and `y` unless `refit=False`.

        Raises ValueError where that cannot be because every fit failed.
        """
        self._check_settings()
        scorer, metric = self._get_scorers()
        metric = self.refit if isinstance(self.refit, str) else metric
        space = self._space()
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self._splitter(), y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        log, entropy = self._open_log(space, splits, X, y)
        with Progress(self.n_iter, self.verbose, sign=-1.0) as bar:
            loop = Loop(
                engine=make_engine(self.engine, space, entropy=entropy, **self._sizes()),
                entropy=entropy,
                log=log,
                time_budget=self.time_budget,
                patience=self.patience,
                watch=bar,
            )
            loop.run()  # what the checkpoint holds
            if not loop.over:
                self._search(loop, (X, y, params), FixedSplits(splits), scorer, metric, routed)
        self.space_, self.n_splits_ = space, len(splits)
        self.scorer_ = getattr(scorer, "_scorers", scorer)
        self._conclude(loop.trials, metric)
        if self.refit:
            self._refit(loop.trials, X, y, routed.estimator.fit)
        return self

    @available_if(_search_estimator_has("predict"))
    def predict(self, X: Any = None, **params: Any) -> Any:
        """What the best estimator predicts; a forecaster needs no `X`."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.predict(*(() if X is None else (X,)), **params)

    def to_optuna(self) -> Any:
        """The search as a study of Optuna; see `tsmodels.to_optuna`."""
        from tsmodels.search.optuna_bridge import to_optuna

        return to_optuna(self)

    def _run_search(self, evaluate_candidates: Any) -> None:
        """Of a crew: one call of `evaluate_candidates` a generation."""

        def evaluate(trials: list[Trial]) -> None:
            if self.estimator.gate is not None:
                self.estimator.gate.expect(len(trials) * self.n_splits_)
            tickets = [Ticket(t.params, t.seed, t.whale) for t in trials]
            evaluate_candidates([{"ticket": ticket} for ticket in tickets])
            folds = self._out[-len(trials) * self.n_splits_ :]
            for i, trial in enumerate(trials):
                settle(trial, folds[i * self.n_splits_ :][: self.n_splits_], self.objective_)

        self._loop.run(evaluate)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        """Of a crew: keeps what came out of every fold; the table is made at the end."""
        self._out = out
        nothing = np.zeros(1)
        return {"params": [{}], "rank_test_score": nothing, "mean_test_score": nothing}

    def _get_routed_params_for_fit(self, params: dict[str, Any]) -> Any:
        """Of a crew: what the search itself has routed."""
        routed = getattr(self, "_routed", None)
        return super()._get_routed_params_for_fit(params) if routed is None else routed

    def __getstate__(self) -> dict[str, Any]:
        """Of a crew: scikit-learn sends it along with every fit, but its loop stays here."""
        mine = ("_loop", "_routed", "_out")
        return {k: v for k, v in super().__getstate__().items() if k not in mine}

    def _search(
        self, loop: Loop, data: Any, cv: Any, scorer: Any, metric: str, routed: Any
    ) -> None:
        """Runs a crew: this search as scikit-learn runs it, over guarded estimators."""
        X, y, params = data
        crew, n_jobs = copy.copy(self), workers_for(self.n_jobs)
        gate = Gate(joblib.effective_n_jobs(n_jobs)) if self.halving else None
        raises = self.error_score == "raise"
        crew.estimator = Guarded(
            self.estimator, fit_timeout=self.fit_timeout, gate=gate, raises=raises
        )
        crew.scoring = GuardedScorer(scorer, self.error_score)
        crew.cv, crew.refit, crew.verbose, crew.n_jobs = cv, False, 0, n_jobs
        crew._loop, crew._routed, crew.objective_ = loop, routed, metric
        with ExitStack() as stack:
            stack.enter_context(shared_cores(n_jobs))
            if gate is not None:  # every fit of a generation waits in a thread of its own
                n_fits = loop.engine.n_whales * cv.get_n_splits()
                crew.n_jobs, crew.pre_dispatch = n_fits, "all"
                stack.enter_context(joblib.parallel_config(backend="threading"))
            super(WOASearchCV, crew).fit(X, y, **params)

    def _conclude(self, trials: list[Trial], metric: str) -> None:
        """`cv_results_`, what is best in it, and what failed."""
        kept = [trial for trial in trials if trial.status != "pruned"]
        folds, self.multimetric_ = told(kept)
        self.objective_ = metric if self.multimetric_ else "score"
        more = {
            "generation": [trial.generation for trial in kept],
            "whale": [trial.whale for trial in kept],
            "status": [trial.status for trial in kept],
            "seed": [trial.seed for trial in kept],
        }
        candidates = [trial.params for trial in kept]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "One or more of the")  # is said below
            self.cv_results_ = super()._format_results(candidates, self.n_splits_, folds, more)
        self.failures_ = {i: error for i, trial in enumerate(kept) if (error := error_of(trial))}
        if self.failures_:
            first = next(iter(self.failures_.values()))
            sentence = f"{len(self.failures_)} of {len(kept)} configurations failed."
            warnings.warn(f"{sentence} The first: {first}", FitFailedWarning, stacklevel=3)
        results = self.cv_results_
        self.best_index_ = min(range(len(kept)), key=lambda i: kept[i].value)
        if callable(self.refit):
            self.best_index_ = self._select_best_index(self.refit, self.objective_, results)
        else:
            self.best_score_ = results[f"mean_test_{self.objective_}"][self.best_index_]
        self.best_params_ = candidates[self.best_index_]

    def _refit(self, trials: list[Trial], X: Any, y: Any, params: dict[str, Any]) -> None:
        best = [trial for trial in trials if trial.status != "pruned"][self.best_index_]
        if not math.isfinite(best.value):
            rule = "one that some configuration can fit and score"
            got = said(self.estimator)
            reason = next(iter(self.failures_.values()), "No score is finite.")
            raise ValueError(fault("estimator", rule, got, f"The first failure: {reason}"))
        self.best_estimator_ = seeded(self.estimator, best.params, best.seed)
        started = time.time()
        self.best_estimator_.fit(X, *(() if y is None else (y,)), **params)
        self.refit_time_ = time.time() - started
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def _check_settings(self) -> None:
        check_engine(self.engine, self.variant, self.n_iter, self.n_whales, self.random_state)
        check_budget(self.time_budget, self.patience, self.verbose)
        check_option("halving", self.halving, [False, True])
        one = self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)
        if not one and not isinstance(self.refit, str):
            raise ValueError(fault("refit", BY_METRIC, self.refit))
        if self.fit_timeout is not None:
            check_real("fit_timeout", self.fit_timeout, 0.0, open_low=True)
        for name in ("fit_timeout", "halving"):
            if getattr(self, name) and callbacks_parameter(self.estimator) is None:
                rule = f"{None if name == 'fit_timeout' else False} for an estimator without epochs"
                raise ValueError(fault(name, rule, getattr(self, name)))
        if self.halving and self.fit_timeout is not None:
            way_out = "A fit that waits at a rung would be taken for a slow one."
            raise ValueError(fault("fit_timeout", "None with halving", self.fit_timeout, way_out))

    def _splitter(self) -> Any:
        if self.cv is None and isinstance(self.estimator, HorizonEstimator):
            return RollingOrigin(self.estimator.horizon, 3)
        return self.cv

    def _space(self) -> Space:
        """What to search; a parameter that the estimator does not have is an error here."""
        given = self.param_distributions
        space = Space(default_space(self.estimator) if given is None else given)
        for params in space.examples():
            clone(self.estimator).set_params(**clone(params, safe=False))
        return space

    def _sizes(self) -> dict[str, Any]:
        return {"n_iter": self.n_iter, "n_whales": self.n_whales, "variant": self.variant}

    def _open_log(self, space: Space, splits: Any, X: Any, y: Any) -> tuple[Log | None, list[int]]:
        if self.checkpoint is None:
            return None, entropy_of(self.random_state)
        header = {
            "engine": self.engine,
            **self._sizes(),
            "space": said(space),
            "estimator": said(sorted(self.estimator.get_params().items())),
            "scoring": said(self.scoring),
            "halving": self.halving,
            "data": joblib.hash((X, y, splits)),
        }
        return open_log(self.checkpoint, self.random_state, header)
