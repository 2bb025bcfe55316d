"""What does a search by whales cost beside its fits, and what do two workers spare?

Three figures: milliseconds an evaluation that `minimize` and `WOASearchCV` take themselves (of a
function and an estimator that do nothing; scikit-learn's random search over the same folds beside
it), the efficiency of two processes over one with fits of equal cost, and how many configurations
were trained twice. Medians of repeated runs in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import KFold, RandomizedSearchCV

from tsmodels import Int, Real, WOASearchCV, minimize

SPACE = {"a": Real(0.0, 1.0), "b": Real(1e-4, 1.0, log=True), "n": Int(1, 100)}
X, Y = np.zeros((8, 1)), np.arange(8.0)


class Working(RegressorMixin, BaseEstimator):
    """Multiplies matrices for `seconds` of CPU in `fit`, on one thread."""

    def __init__(self, a: float = 0.0, b: float = 1.0, n: int = 1, seconds: float = 0.0) -> None:
        self.a, self.b, self.n, self.seconds = a, b, n, seconds

    def fit(self, X: np.ndarray, y: np.ndarray) -> Working:
        end, values = time.process_time() + self.seconds, np.ones(10_000)
        while time.process_time() < end:
            values = np.sqrt(values + 1.0)
        self.fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.a - self.b)


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def whales(n_iter: int, jobs: int = 1, work: float = 0.0) -> WOASearchCV:
    settings = {"n_iter": n_iter, "cv": KFold(2), "random_state": 0, "refit": False}
    return WOASearchCV(Working(seconds=work), SPACE, n_jobs=jobs, **settings).fit(X, Y)


def chance(n_iter: int) -> RandomizedSearchCV:
    space = {name: np.linspace(0.0, 1.0, 1000) for name in "ab"} | {"n": range(1, 100)}
    settings = {"n_iter": n_iter, "cv": KFold(2), "random_state": 0, "refit": False}
    return RandomizedSearchCV(Working(), space, **settings).fit(X, Y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", type=float, default=0.2, help="CPU seconds of a fit, two workers")
    options = parser.parse_args()
    n = options.evaluations
    runs: dict[str, Callable[[], object]] = {
        "minimize": lambda: minimize(lambda p: p["a"], SPACE, n_iter=n, random_state=0),
        "WOASearchCV": lambda: whales(n),
        "RandomizedSearchCV": lambda: chance(n),
    }
    for run in runs.values():
        run()
    each = [{name: seconds(run) for name, run in runs.items()} for _ in range(options.repeats)]
    for name in runs:
        print(f"{name:20s} {1e3 * statistics.median(t[name] for t in each) / n:7.3f} ms/evaluation")

    whales(12, 2, 0.01)  # starts the workers
    pairs = [
        (seconds(lambda: whales(24, 1, options.work)), seconds(lambda: whales(24, 2, options.work)))
        for _ in range(options.repeats)
    ]
    efficiency = statistics.median(one / (2 * two) for one, two in pairs)
    print(f"two workers, 48 fits of {options.work} s: efficiency {efficiency:.0%}")

    asked = [str(p) for p in whales(n).cv_results_["params"]]
    print(f"{n} evaluations, {len(asked) - len(set(asked))} of them repeated")


if __name__ == "__main__":
    main()
