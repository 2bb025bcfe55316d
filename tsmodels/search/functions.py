"""`minimize`: the least value of any function of a configuration."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from joblib import Parallel, delayed
from scipy.optimize import OptimizeResult

from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.search.checkpoint import Log
from tsmodels.search.engines import check_engine, make_engine
from tsmodels.search.loop import Loop, Trial, best
from tsmodels.search.progress import Progress
from tsmodels.search.woa import entropy_of
from tsmodels.space import Space


def minimize(
    fun: Callable[[dict[str, Any]], float],
    space: Any,
    *,
    n_iter: int = 60,
    n_whales: int | None = None,
    variant: str = "modern",
    random_state: Any = None,
    n_jobs: int | None = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    time_budget: float | None = None,
    patience: int | None = None,
    engine: str = "woa",
    verbose: int = 0,
) -> OptimizeResult:
    """The configuration of `space` at which `fun` is least, after `n_iter` evaluations.

    `fun` takes a dict and gives a number; NaN and exceptions are failures, which the search
    survives. `n_whales` evaluations make a generation, whose members run on `n_jobs` workers; the
    result is the same for any number of them. `checkpoint` names a file: a search that was killed
    and is started again goes on where its last generation ended. No generation begins after
    `time_budget` seconds, or after `patience` evaluations without a better one.

    The answer is an `OptimizeResult` with `x` (a dict), `fun`, `nfev`, `nit` (generations),
    `success`, `message`, `space` and `history`, a dict for each evaluation.

    >>> from tsmodels import Int, Real
    >>> space = {"x": Real(-5.0, 5.0), "n": Int(1, 9)}
    >>> found = minimize(lambda p: (p["x"] - 1) ** 2 + (p["n"] - 3) ** 2, space, random_state=0)
    >>> found.x["n"], found.nfev
    (3, 60)
    """
    check_engine(engine, variant, n_iter, n_whales, random_state)
    check_budget(time_budget, patience, verbose)
    if not callable(fun):
        raise TypeError(fault("fun", "a function of a dict", fun))
    space = space if isinstance(space, Space) else Space(space)
    sizes: dict[str, Any] = {"n_iter": n_iter, "n_whales": n_whales, "variant": variant}
    log, entropy = open_log(
        checkpoint, random_state, {"engine": engine, **sizes, "space": said(space)}
    )
    with Parallel(n_jobs=n_jobs) as parallel, Progress(n_iter, verbose) as bar:

        def evaluate(trials: list[Trial]) -> None:
            answers = parallel(delayed(_call)(fun, trial.params) for trial in trials)
            for trial, answer in zip(trials, answers, strict=True):
                trial.value, trial.status, trial.record = answer

        loop = Loop(
            engine=make_engine(engine, space, **sizes, entropy=entropy),
            entropy=entropy,
            log=log,
            time_budget=time_budget,
            patience=patience,
            watch=bar,
        )
        trials = loop.run(evaluate)
    return _result(space, trials)


def open_log(
    checkpoint: str | os.PathLike[str] | None, random_state: Any, header: Mapping[str, Any]
) -> tuple[Log | None, list[int]]:
    """The file of a search, if it has one, and what its random numbers are drawn from.

    A search without a seed of its own takes that of the file it resumes.
    """
    entropy = entropy_of(random_state)
    if checkpoint is None:
        return None, entropy
    adopt = ["entropy"] if random_state is None else []
    log = Log(checkpoint, {**header, "entropy": entropy}, adopt)
    return log, log.header["entropy"]


def check_budget(time_budget: Any, patience: Any, verbose: Any) -> None:
    """Raises ValueError or TypeError for a budget that cannot be kept."""
    if time_budget is not None:
        check_real("time_budget", time_budget, 0.0)
    if patience is not None:
        check_int("patience", patience)
    check_option("verbose", verbose, [0, 1])


def said(value: Any) -> str:
    """The repr of something without addresses in memory: equal in the next process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _call(fun: Any, params: dict[str, Any]) -> tuple[float, str, dict[str, Any]]:
    started = time.perf_counter()
    error = ""
    try:
        value = float(fun(params))
    except Exception as failure:
        value, error = math.nan, f"{type(failure).__name__}: {failure}"
    finite = math.isfinite(value)
    record = {"seconds": time.perf_counter() - started, "error": error}
    status = "ok" if finite else "failed" if error else "not finite"
    return value if finite else math.inf, status, record


def _result(space: Space, trials: list[Trial]) -> OptimizeResult:
    found = best(trials)
    failed = sum(trial.status != "ok" for trial in trials)
    message = f"{len(trials)} evaluations, {failed} of them failed."
    if found is None:
        message = f"Every evaluation failed. The first: {trials[0].record['error'] or 'NaN'}"
    return OptimizeResult(
        x=None if found is None else found.params,
        fun=math.inf if found is None else found.value,
        space=space,
        nfev=len(trials),
        nit=trials[-1].generation + 1,
        success=found is not None,
        message=message,
        history=[
            {
                "generation": trial.generation,
                "whale": trial.whale,
                "x": trial.params,
                "fun": trial.value,
                "status": trial.status,
                **trial.record,
            }
            for trial in trials
        ],
    )
