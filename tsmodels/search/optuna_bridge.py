"""Optuna beside the whales: its TPE as an engine, whales as its sampler, studies of our searches.

Optuna is an extra: `pip install tsmodels[optuna]`.
"""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tsmodels.checks import check_int, fault
from tsmodels.search.woa import START, entropy_of, latin_hypercube, move
from tsmodels.space import Choice, Dimension, Distribution, Int, Real, Space

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.trial import TrialState
except ImportError as error:
    raise ImportError(
        "Optuna must be installed for engine='tpe', WOASampler and to_optuna. "
        "It comes with pip install tsmodels[optuna]."
    ) from error


class TPEOptimizer:
    """Proposes what Optuna's TPE sampler says, `n_whales` at a time.

    Bergstra et al., 2011. Conditions and sub-spaces are asked for as the sampler goes along.
    """

    def __init__(
        self, space: Space, *, n_iter: int = 60, n_whales: int = 1, entropy: Sequence[int]
    ) -> None:
        self.space, self.left, self.n_whales = space, n_iter, n_whales
        seed = int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=n_whales > 1)
        with _quiet():
            self._study = optuna.create_study(sampler=sampler)
        self._asked: list[Any] = []

    def ask(self) -> np.ndarray:
        """The next points, (whales, D)."""
        self._asked = [self._study.ask() for _ in range(min(self.n_whales, self.left))]
        self.left -= len(self._asked)
        points = [self._point(trial) for trial in self._asked]
        return np.array(points).reshape(-1, len(self.space))

    def tell(self, values: Sequence[float]) -> None:
        """Failures are told as such: the sampler leaves them out."""
        for trial, value in zip(self._asked, values, strict=True):
            state = None if math.isfinite(value) else TrialState.FAIL
            self._study.tell(trial, value if math.isfinite(value) else None, state=state)

    def _point(self, trial: Any) -> np.ndarray:
        point = np.full(len(self.space), 0.5)

        def choose(i: int, name: str, dimension: Dimension) -> Any:
            point[i] = _suggested(trial, f"{i} {name}", dimension)
            return dimension.value(point[i])

        self.space.walk(choose)
        return point


def _suggested(trial: Any, name: str, dimension: Dimension) -> float:
    """Where on the unit interval a trial wants to be, in the dimension's own scale."""
    if isinstance(dimension, Choice):
        cells = range(len(dimension.options))
        if dimension.ordered:
            return dimension.middle(trial.suggest_int(name, 0, cells[-1]))
        return dimension.middle(trial.suggest_categorical(name, cells))
    if isinstance(dimension, Distribution):
        return trial.suggest_float(name, 0.0, 1.0)
    if isinstance(dimension, Int) or dimension.step is not None:
        if not dimension.log:
            return dimension.middle(trial.suggest_int(name, 0, int(dimension.size) - 1))
        if isinstance(dimension, Int) and dimension.step == 1:
            return dimension.unit(trial.suggest_int(name, dimension.low, dimension.high, log=True))
        return trial.suggest_float(name, 0.0, 1.0)
    return trial.suggest_float(name, 0.0, 1.0)


class WOASampler(optuna.samplers.BaseSampler):
    """The modern whale optimiser as a sampler of Optuna, for one objective.

    Trial number n is whale n mod `n_whales` of its generation. Everything else is read from the
    storage of the study: samplers of the same `seed` in several processes are one, and a study that
    is loaded again goes on as if it had never stopped. `n_trials` is how many are planned in all;
    beyond them the search stays as narrow as it has become. Parameters that not every trial so far
    has are drawn at random.

    >>> study = optuna.create_study(sampler=WOASampler(n_trials=30, seed=0))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 1) ** 2, n_trials=30)
    >>> study.best_value < 0.1
    True
    """

    def __init__(
        self, n_trials: int = 60, n_whales: int | None = None, seed: int | None = None
    ) -> None:
        self.n_trials = check_int("n_trials", n_trials)
        usual = max(6, round(n_trials / 10))
        self.n_whales = check_int("n_whales", usual if n_whales is None else n_whales)
        self.entropy = entropy_of(seed)

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        """The parameters that every finished trial has."""
        trials = study.get_trials(deepcopy=False)
        return optuna.search_space.intersection_search_space(trials)

    def sample_relative(
        self, study: Any, trial: Any, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Where this trial's whale swims."""
        self._raise_error_if_multi_objective(study)
        if not search_space:
            return {}
        space = Space({name: from_optuna(dist) for name, dist in search_space.items()})
        generation, whale = divmod(trial.number, self.n_whales)
        pod, values, known = self._pod(study, space, trial.number)
        rng = np.random.default_rng([*self.entropy, generation, whale])
        if generation == 0:
            tries: Iterable[np.ndarray] = [pod[whale]]
        else:
            progress = min(generation * self.n_whales / self.n_trials, 1 - 1 / self.n_trials)
            shared = (pod, values, START["modern"], progress, space.categorical)
            tries = (move(rng, whale, *shared) for _ in range(20))
        point = next((u for u in tries if space.key(u) not in known), None)
        point = space.draw(rng, known) if point is None else point
        return space.params(rng.random(len(space)) if point is None else point)

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random value."""
        seeds = [*self.entropy, trial.number, zlib.crc32(param_name.encode())]
        return from_optuna(param_distribution).value(np.random.default_rng(seeds).random())

    def _pod(
        self, study: Any, space: Space, number: int
    ) -> tuple[np.ndarray, np.ndarray, set[Any]]:
        """The best point of every whale before this generation, its value, and what is known."""
        sign = 1.0 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1.0
        first = np.random.default_rng([*self.entropy, 0, self.n_whales])
        pod = latin_hypercube(first, self.n_whales, len(space))
        values, known = np.full(self.n_whales, np.inf), set()
        for past in study.get_trials(deepcopy=False)[:number]:
            if not all(name in past.params for name in space.names):
                continue
            try:
                point = space.unit({name: past.params[name] for name in space.names})
            except (TypeError, ValueError):  # of a range since narrowed
                continue
            known.add(space.key(point))
            generation, whale = divmod(past.number, self.n_whales)
            value = sign * past.value if past.state == TrialState.COMPLETE else np.inf
            if generation < number // self.n_whales and value < values[whale]:
                pod[whale], values[whale] = point, value
        return pod, values, known


def from_optuna(distribution: BaseDistribution) -> Dimension:
    """A distribution of Optuna as a dimension of ours.

    >>> from_optuna(IntDistribution(1, 8, log=True))
    Int(low=1, high=8, log=True, step=1, active_if=None)
    """
    if isinstance(distribution, CategoricalDistribution):
        return Choice(distribution.choices, ordered=False)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise TypeError(fault("distribution", "float, int or categorical", distribution))
    low, high, log = distribution.low, distribution.high, distribution.log
    if distribution.single():
        return Choice([low])
    if isinstance(distribution, IntDistribution):
        return Int(int(low), int(high), log=log, step=distribution.step)
    return Real(low, high, log=log, step=distribution.step)


def to_optuna(found: Any) -> Any:
    """The study that a finished search would be, for the plots and tools of Optuna.

    `found` is a fitted `WOASearchCV` or what `minimize` gives. Options that Optuna cannot hold are
    written as text.

    >>> from tsmodels import minimize
    >>> study = to_optuna(minimize(lambda p: p["x"] ** 2, {"x": Real(-1.0, 1.0)}, random_state=0))
    >>> len(study.trials), study.best_value < 0.01
    (60, True)
    """
    if hasattr(found, "cv_results_"):
        results, space = found.cv_results_, found.space_
        direction = optuna.study.StudyDirection.MAXIMIZE
        scores = results[f"mean_test_{found.objective_}"].tolist()
        rows = zip(results["params"], scores, results["generation"].tolist(), strict=True)
    else:
        space, direction = found.space, optuna.study.StudyDirection.MINIMIZE
        rows = zip(
            *([e[k] for e in found.history] for k in ("x", "fun", "generation")), strict=True
        )
    with _quiet():
        study = optuna.create_study(direction=direction)
    study.add_trials([_frozen(space, *row) for row in rows])
    return study


def _frozen(space: Space, params: Mapping[str, Any], value: float, generation: int) -> Any:
    taken: dict[str, Any] = {}
    distributions: dict[str, BaseDistribution] = {}

    def choose(i: int, name: str, dimension: Dimension) -> Any:
        if not name:
            return space.group_of(params)
        distributions[name] = _as_optuna(dimension)
        taken[name] = _named(params[name]) if isinstance(dimension, Choice) else params[name]
        return params[name]

    space.walk(choose)
    finite = math.isfinite(value)
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if finite else TrialState.FAIL,
        value=value if finite else None,
        params=taken,
        distributions=distributions,
        user_attrs={"generation": generation},
    )


def _as_optuna(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution([_named(option) for option in dimension.options])
    if isinstance(dimension, Distribution):
        low, high = dimension.value(0.0), dimension.value(1.0)
        kind: Any = IntDistribution if dimension.discrete else FloatDistribution
        return kind(low, high)
    if isinstance(dimension, Int):
        whole = 1 if dimension.log else dimension.step
        return IntDistribution(dimension.low, dimension.high, log=dimension.log, step=whole)
    step = None if dimension.log else dimension.step
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=step)


def _named(option: Any) -> Any:
    """An option as Optuna can hold it."""
    if isinstance(option, np.generic):
        return option.item()
    return option if isinstance(option, str | bool | int | float | None) else repr(option)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
