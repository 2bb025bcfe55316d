"""Which search finds better settings of small real models in 60 evaluations?

Eight problems over mixed spaces: scikit-learn models on data that come with scikit-learn or with
this package, one split each, a fit of milliseconds. 30 seeds, 60 evaluations each. Contestants:
whales (`modern`), random search, a grid of at most 60 points, TPE of Optuna, and whales as scripts
use them (`original` on raw linear ranges, integers and names by rounding). Nothing of `modern` was
chosen on these problems. `--write` puts the tables in docs/search.md; a loss is printed as it is.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import wilcoxon
from search_tables import dated, write_section
from sklearn import datasets as toys
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor

from tsmodels import Choice, Int, Real, WhaleOptimizer, datasets, minimize
from tsmodels.space import Space

EVALUATIONS = 60
SCALERS = {"none": None, "standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}


class Problem(NamedTuple):
    """A space, and the loss of a configuration."""

    space: Any
    loss: Callable[[dict[str, Any]], float]


def error(model: BaseEstimator, data: Any) -> float:
    """Share of wrong labels."""
    X, X_test, y, y_test = data
    return 1.0 - float(model.fit(X, y).score(X_test, y_test))


def cross_entropy(model: BaseEstimator, data: Any) -> float:
    X, X_test, y, y_test = data
    return float(log_loss(y_test, model.fit(X, y).predict_proba(X_test)))


def absolute_error(model: BaseEstimator, data: Any) -> float:
    X, X_test, y, y_test = data
    return float(np.mean(np.abs(model.fit(X, y).predict(X_test) - y_test)))


def piped(scaler: str, model: BaseEstimator) -> Any:
    made = SCALERS[scaler]
    return model if made is None else make_pipeline(made(), model)


@functools.cache
def split(name: str, rows: int) -> Any:
    """Half of a toy data set (at most `rows` rows) to fit, half to score."""
    X, y = getattr(toys, f"load_{name}")(return_X_y=True)
    keep = np.random.default_rng(0).permutation(len(X))[:rows]
    return train_test_split(X[keep], y[keep], test_size=0.5, random_state=0)


@functools.cache
def lagged(name: str, column: str, lags: int, ahead: int) -> Any:
    """Rows of lags of a series and the value `ahead`, the later third to score."""
    frame = datasets.load(name)
    y = frame[column].to_numpy()[-1200:].astype(float)
    y = (y - y[:600].mean()) / y[:600].std()
    windows = np.lib.stride_tricks.sliding_window_view(y, 192 + ahead)[::2]
    X, target = windows[:, 192 - lags : 192], windows[:, -1]
    cut = 2 * len(X) // 3
    return X[:cut], X[cut:], target[:cut], target[cut:]


def svm_digits(p: Mapping[str, Any]) -> float:
    settings = {k: p[k] for k in ("C", "gamma", "kernel", "degree", "coef0") if k in p}
    return error(piped(p["scaler"], SVC(**settings)), split("digits", 500))


def boosting_diabetes(p: Mapping[str, Any]) -> float:
    return absolute_error(GradientBoostingRegressor(random_state=0, **p), split("diabetes", 442))


def network_wine(p: Mapping[str, Any]) -> float:
    settings = {k: v for k, v in p.items() if k not in ("scaler", "width", "depth")}
    shape = (p["width"],) * p["depth"]
    model = MLPClassifier(shape, max_iter=25, random_state=0, batch_size=32, **settings)
    return cross_entropy(piped(p["scaler"], model), split("wine", 178))


def trees_cancer(p: Mapping[str, Any]) -> float:
    return cross_entropy(ExtraTreesClassifier(random_state=0, **p), split("breast_cancer", 400))


def linear_digits(p: Mapping[str, Any]) -> float:
    settings = {k: v for k, v in p.items() if k != "scaler"}
    model = SGDClassifier(max_iter=8, tol=None, random_state=0, **settings)
    return error(piped(p["scaler"], model), split("digits", 500))


def neighbours_digits(p: Mapping[str, Any]) -> float:
    settings = {k: v for k, v in p.items() if k not in ("scaler", "components", "whiten")}
    reduced = PCA(p["components"], whiten=p["whiten"], random_state=0)
    model = make_pipeline(reduced, KNeighborsClassifier(algorithm="brute", **settings))
    return error(piped(p["scaler"], model), split("digits", 700))


def kernel_taxi(p: Mapping[str, Any]) -> float:
    settings = {k: v for k, v in p.items() if k != "lags"}
    return absolute_error(KernelRidge(**settings), lagged("nyc_taxi", "y", p["lags"], 12))


def any_model_oil(p: Mapping[str, Any]) -> float:
    kinds = {
        "linear": ElasticNet,
        "neighbours": KNeighborsRegressor,
        "tree": DecisionTreeRegressor,
        "vector": SVR,
    }
    settings = {k: v for k, v in p.items() if k not in ("model", "lags")}
    if p["model"] == "tree":
        settings["random_state"] = 0
    return absolute_error(kinds[p["model"]](**settings), lagged("etth1", "OT", p["lags"], 6))


LAGS = Int(1, 192, log=True)
PROBLEMS = {
    "SVM, digits": Problem(
        {
            "scaler": list(SCALERS),
            "kernel": ["rbf", "poly", "sigmoid", "linear"],
            "C": Real(1e-3, 1e3, log=True),
            "gamma": Real(1e-6, 1e1, log=True, active_if={"kernel": ["rbf", "poly", "sigmoid"]}),
            "degree": Int(2, 5, active_if={"kernel": "poly"}),
            "coef0": Real(0.0, 2.0, active_if={"kernel": ["poly", "sigmoid"]}),
        },
        svm_digits,
    ),
    "Boosting, diabetes": Problem(
        {
            "n_estimators": Int(3, 24, log=True),
            "learning_rate": Real(1e-3, 1.0, log=True),
            "max_depth": Int(1, 6),
            "min_samples_leaf": Int(1, 40, log=True),
            "subsample": Real(0.3, 1.0),
            "max_features": Real(0.2, 1.0),
            "loss": ["squared_error", "absolute_error", "huber"],
            "alpha": Real(0.5, 0.99, active_if={"loss": "huber"}),
        },
        boosting_diabetes,
    ),
    "MLP, wine": Problem(
        {
            "scaler": list(SCALERS),
            "width": Int(2, 64, log=True),
            "depth": Int(1, 3),
            "activation": ["relu", "tanh", "logistic"],
            "solver": ["adam", "sgd"],
            "learning_rate_init": Real(1e-5, 1.0, log=True),
            "alpha": Real(1e-7, 1.0, log=True),
            "momentum": Real(0.0, 0.99, active_if={"solver": "sgd"}),
        },
        network_wine,
    ),
    "Trees, breast cancer": Problem(
        {
            "n_estimators": Int(2, 24, log=True),
            "criterion": ["gini", "entropy"],
            "max_depth": Int(1, 16),
            "min_samples_leaf": Int(1, 30, log=True),
            "max_features": Real(0.05, 1.0),
            "ccp_alpha": Real(1e-6, 1e-1, log=True),
            "bootstrap": [True, False],
        },
        trees_cancer,
    ),
    "SGD, digits": Problem(
        {
            "scaler": list(SCALERS),
            "loss": ["hinge", "log_loss", "modified_huber", "squared_hinge"],
            "penalty": ["l2", "l1", "elasticnet"],
            "alpha": Real(1e-7, 1.0, log=True),
            "l1_ratio": Real(0.0, 1.0, active_if={"penalty": "elasticnet"}),
            "learning_rate": ["optimal", "constant", "invscaling"],
            "eta0": Real(
                1e-5, 1.0, log=True, active_if={"learning_rate": ["constant", "invscaling"]}
            ),
            "average": [True, False],
        },
        linear_digits,
    ),
    "Neighbours, digits": Problem(
        {
            "scaler": list(SCALERS),
            "components": Int(2, 40, log=True),
            "whiten": [True, False],
            "n_neighbors": Int(1, 50, log=True),
            "weights": ["uniform", "distance"],
            "metric": ["euclidean", "manhattan", "chebyshev", "cosine"],
        },
        neighbours_digits,
    ),
    "Kernel ridge, taxi": Problem(
        {
            "lags": LAGS,
            "alpha": Real(1e-6, 1e2, log=True),
            "kernel": ["rbf", "laplacian", "linear", "polynomial"],
            "gamma": Real(
                1e-6, 1e1, log=True, active_if={"kernel": ["rbf", "laplacian", "polynomial"]}
            ),
            "degree": Int(2, 4, active_if={"kernel": "polynomial"}),
        },
        kernel_taxi,
    ),
    "One of four models, oil": Problem(
        [
            {
                "model": ["linear"],
                "lags": LAGS,
                "alpha": Real(1e-5, 1e1, log=True),
                "l1_ratio": Real(0.0, 1.0),
            },
            {
                "model": ["neighbours"],
                "lags": LAGS,
                "n_neighbors": Int(1, 60, log=True),
                "weights": ["uniform", "distance"],
            },
            {
                "model": ["tree"],
                "lags": LAGS,
                "max_depth": Int(1, 12),
                "min_samples_leaf": Int(1, 60, log=True),
            },
            {
                "model": ["vector"],
                "lags": LAGS,
                "C": Real(1e-2, 1e2, log=True),
                "gamma": Real(1e-5, 1e1, log=True),
                "epsilon": Real(1e-3, 1.0, log=True),
            },
        ],
        any_model_oil,
    ),
}


def evaluated(problem: Problem, params: dict[str, Any]) -> float:
    """The loss; infinite where the model says no or the loss is no number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loss = problem.loss(params)
        except Exception:
            return math.inf
    return loss if math.isfinite(loss) else math.inf


def by_engine(problem: Problem, seed: int, engine: str) -> float:
    fun = functools.partial(evaluated, problem)
    return minimize(fun, problem.space, n_iter=EVALUATIONS, engine=engine, random_state=seed).fun


def by_script(problem: Problem, seed: int) -> float:
    """`original` over raw linear ranges, as scripts have it: 10 whales, 6 iterations."""
    space = Space(problem.space)
    raw = Space({str(i): _raw(dimension) for i, dimension in enumerate(space.dimensions)})
    sizes = {"n_iter": EVALUATIONS, "n_whales": 10}
    pod = WhaleOptimizer(raw, variant="original", random_state=seed, **sizes)
    while len(points := pod.ask()):
        losses = []
        for point in points:
            values = raw.params(point).values()
            u = [_rounded(d, v) for d, v in zip(space.dimensions, values, strict=True)]
            losses.append(evaluated(problem, space.params(u)))
        pod.tell(losses)
    return pod.best_value


def _raw(dimension: Any) -> Real:
    if isinstance(dimension, Choice):
        return Real(0.0, max(float(len(dimension.options) - 1), 1e-9))
    return Real(float(dimension.low), float(dimension.high))


def _rounded(dimension: Any, value: float) -> float:
    """Where on the unit interval the raw value is, integers and names by rounding."""
    if isinstance(dimension, Choice):
        return dimension.middle(round(value))
    return dimension.unit(round(value) if isinstance(dimension, Int) else value)


def by_grid(problem: Problem) -> float:
    """The best of a grid of at most 60 points: the dimensions get another level in turn."""
    space = Space(problem.space)
    sizes = [d.size for d in space.dimensions]
    levels = [1] * len(sizes)
    for i in itertools.cycle(range(len(levels))):
        more = [n + (j == i) for j, n in enumerate(levels)]
        if more[i] <= sizes[i] and math.prod(more) <= EVALUATIONS:
            levels = more
        elif all(
            n + 1 > size or math.prod(levels) // n * (n + 1) > EVALUATIONS
            for n, size in zip(levels, sizes, strict=True)
        ):
            break
    places = [(np.arange(n) + 0.5) / n for n in levels]
    return min(evaluated(problem, space.params(u)) for u in itertools.product(*places))


def one(name: str, contestant: str, seed: int) -> tuple[float, float]:
    """The least loss of a search, and the seconds it took."""
    problem, started = PROBLEMS[name], time.perf_counter()
    if contestant == "script":
        loss = by_script(problem, seed)
    elif contestant == "grid":
        loss = by_grid(problem)
    else:
        loss = by_engine(problem, seed, contestant)
    return loss, time.perf_counter() - started


CONTESTANTS = ["woa", "random", "tpe", "script"]


def gap_closed(losses: Mapping[Any, np.ndarray], names: list[str]) -> float:
    """Share of the way from random search to TPE that whales go, pooled over problems.

    Losses of a problem are divided by the distance between the medians of the two; problems in
    which TPE is not ahead of random search have no such way and are left out.
    """
    ways = []
    for name in names:
        random, tpe, woa = (np.median(losses[name, c]) for c in ("random", "tpe", "woa"))
        if random > tpe:
            ways.append((random - woa) / (random - tpe))
    return float(np.mean(ways)) if ways else math.nan


def pooled_ranks(losses: Mapping[Any, np.ndarray], names: list[str]) -> dict[str, float]:
    """Mean rank of every contestant over problems and seeds, 1 the best, ties shared."""
    from scipy.stats import rankdata

    ranks = [
        rankdata([losses[name, c][seed] for c in CONTESTANTS])
        for name in names
        for seed in range(len(losses[name, "woa"]))
    ]
    return dict(zip(CONTESTANTS, np.mean(ranks, axis=0), strict=True))


def against(woa: np.ndarray, other: np.ndarray) -> str:
    """Wins, ties and losses of whales by seed, and Wilcoxon's two-sided p."""
    wins, losses = int((woa < other).sum()), int((woa > other).sum())
    p = 1.0 if wins + losses == 0 else wilcoxon(woa, other).pvalue
    return f"{wins}/{len(woa) - wins - losses}/{losses}, p {p:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS), help="some of them")
    parser.add_argument("--write", action="store_true", help="into docs/search.md")
    options = parser.parse_args()
    names = options.problems
    tasks = [(n, c, s) for n in names for c in CONTESTANTS for s in range(options.seeds)]
    tasks += [(n, "grid", 0) for n in names]
    processes = Parallel(options.jobs, backend="multiprocessing")
    answers = processes(delayed(one)(*task) for task in tasks)
    losses: dict[Any, Any] = {(n, c): [] for n, c, _ in tasks}
    for (name, contestant, _), (loss, _) in zip(tasks, answers, strict=True):
        losses[name, contestant].append(loss)
    losses = {key: np.array(values) for key, values in losses.items()}
    rows = []
    for name in names:
        medians = [f"{np.median(losses[name, c]):.4g}" for c in (*CONTESTANTS, "grid")]
        tests = [against(losses[name, "woa"], losses[name, c]) for c in ("random", "tpe", "script")]
        rows.append([name, *medians, *tests])
    ranks = pooled_ranks(losses, names)
    pooled = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.items())
    said = dated(f"{options.seeds} seeds, {EVALUATIONS} evaluations, median of the least loss")
    said += f"\nMean rank over problems and seeds: {pooled}."
    said += f" Whales close {gap_closed(losses, names):.0%} of the gap from random search to TPE"
    said += " (mean over the problems in which TPE's median is ahead)."
    titles = ["", "whales", "random", "TPE", "script WOA", "grid"]
    titles += ["whales against random", "against TPE", "against script"]
    write_section("problems", titles, rows, said, options.write)


if __name__ == "__main__":
    main()
