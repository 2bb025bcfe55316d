"""What does the released whale optimiser find on its paper's functions, and beside their origin?

F1 to F13 in 30 dimensions, 30 whales, 500 iterations, 30 runs (Mirjalili & Lewis, 2016). `original`
behaves as the authors' code. In the shifted versions the optimum is moved by up to 0.4 of the half
width of the box in every dimension, the same for all runs. `--write` puts the table in
docs/search.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import ks_2samp
from search_tables import dated, write_section

from tsmodels import Real, WhaleOptimizer
from tsmodels.space import Space

DIMENSIONS, WHALES, ITERATIONS = 30, 30, 500
RESOLVED = 1e-12  # a unit cube in float64 knows places around its middle no better: nearer is there
INDEX = np.arange(1.0, DIMENSIONS + 1)


class Function(NamedTuple):
    """A function of points (N, D), the half width of its box, its least value and where it is."""

    values: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    width: float
    least: float = 0.0
    published: str = "-"  # the mean in the paper, where it has been checked


def penalty(x: np.ndarray, a: float, k: float, m: int) -> np.ndarray:
    return k * np.sum(np.maximum(np.abs(x) - a, 0.0) ** m, axis=1)


def penalised_1(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y = 1 + (x + 1) / 4
    waves = np.sum((y[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * y[:, 1:]) ** 2), axis=1)
    ends = 10 * np.sin(np.pi * y[:, 0]) ** 2 + (y[:, -1] - 1) ** 2
    return np.pi / DIMENSIONS * (ends + waves) + penalty(x, 10, 100, 4)


def penalised_2(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    waves = np.sum((x[:, :-1] - 1) ** 2 * (1 + np.sin(3 * np.pi * x[:, 1:]) ** 2), axis=1)
    last = (x[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * x[:, -1]) ** 2)
    return 0.1 * (np.sin(3 * np.pi * x[:, 0]) ** 2 + waves + last) + penalty(x, 5, 100, 4)


def ackley(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    far = -20 * np.exp(-0.2 * np.sqrt(np.mean(x**2, axis=1)))
    return far - np.exp(np.mean(np.cos(2 * np.pi * x), axis=1)) + 20 + np.e


def rosenbrock(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sum(100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (x[:, :-1] - 1) ** 2, axis=1)


FUNCTIONS = {
    "F1 sphere": Function(lambda x, rng: np.sum(x**2, axis=1), 100.0),
    "F2 Schwefel 2.22": Function(
        lambda x, rng: np.sum(np.abs(x), axis=1) + np.prod(np.abs(x), axis=1), 10.0
    ),
    "F3 Schwefel 1.2": Function(lambda x, rng: np.sum(np.cumsum(x, axis=1) ** 2, axis=1), 100.0),
    "F4 Schwefel 2.21": Function(lambda x, rng: np.abs(x).max(axis=1), 100.0, published="0.07"),
    "F5 Rosenbrock": Function(rosenbrock, 30.0),
    "F6 step": Function(lambda x, rng: np.sum((x + 0.5) ** 2, axis=1), 100.0),
    "F7 quartic with noise": Function(
        lambda x, rng: np.sum(INDEX * x**4, axis=1) + rng.random(len(x)), 1.28
    ),
    "F8 Schwefel 2.26": Function(
        lambda x, rng: -np.sum(x * np.sin(np.sqrt(np.abs(x))), axis=1), 500.0, -12569.487
    ),
    "F9 Rastrigin": Function(
        lambda x, rng: np.sum(x**2 - 10 * np.cos(2 * np.pi * x) + 10, axis=1), 5.12
    ),
    "F10 Ackley": Function(ackley, 32.0),
    "F11 Griewank": Function(
        lambda x, rng: (
            np.sum(x**2, axis=1) / 4000 - np.prod(np.cos(x / np.sqrt(INDEX)), axis=1) + 1
        ),
        600.0,
    ),
    "F12 penalised 1": Function(penalised_1, 50.0),
    "F13 penalised 2": Function(penalised_2, 50.0),
}


def least(name: str, seed: int, shifted: bool, iterations: int) -> float:
    """The least value of one run."""
    function = FUNCTIONS[name]
    box = Space({f"x{j}": Real(-function.width, function.width) for j in range(DIMENSIONS)})
    shift = np.random.default_rng(2016).uniform(-0.4, 0.4, DIMENSIONS) * function.width * shifted
    sizes = {"n_iter": WHALES * iterations, "n_whales": WHALES}
    pod = WhaleOptimizer(box, variant="original", random_state=seed, **sizes)
    noise = np.random.default_rng(seed)
    while len(u := pod.ask()):
        pod.tell(function.values((2 * u - 1) * function.width - shift, noise))
    return pod.best_value


def released(name: str, seed: int, iterations: int) -> float:
    """The same by the authors' WOA.m, whale after whale, in the units of the box."""
    function, rng = FUNCTIONS[name], np.random.default_rng(1000 + seed)
    X = function.width * (2 * rng.random((WHALES, DIMENSIONS)) - 1)
    leader, score = np.zeros(DIMENSIONS), np.inf
    for t in range(iterations):
        X = np.clip(X, -function.width, function.width)
        values = function.values(X, rng)
        if values.min() < score:
            leader, score = X[values.argmin()].copy(), float(values.min())
        a, a2 = 2 - 2 * t / iterations, -1 - t / iterations
        for i in range(WHALES):
            A, C = 2 * a * rng.random() - a, 2 * rng.random()
            turn, around = (a2 - 1) * rng.random() + 1, rng.random() >= 0.5
            others = X[rng.integers(WHALES, size=DIMENSIONS), np.arange(DIMENSIONS)]
            guide = others if abs(A) >= 1 else leader
            circled = guide - A * np.abs(C * guide - X[i])
            spiral = np.exp(turn) * np.cos(2 * np.pi * turn)
            X[i] = np.abs(leader - X[i]) * spiral + leader if around else circled
    return score


def alike(ours: list[float], theirs: list[float]) -> float:
    """The p of a Kolmogorov-Smirnov test; what is nearer to nothing than `RESOLVED` is nothing."""
    return float(ks_2samp(*(np.where(np.abs(v) < RESOLVED, 0.0, v) for v in (ours, theirs))).pvalue)


def quartiles(values: list[float]) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.2e} ({low:.1e} to {high:.1e})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/search.md")
    options = parser.parse_args()
    cases = [(name, shifted) for name in FUNCTIONS for shifted in (False, True)]
    found = Parallel(options.jobs)(
        delayed(least)(name, seed, shifted, options.iterations)
        for name, shifted in cases
        for seed in range(options.runs)
    )
    theirs = Parallel(options.jobs)(
        delayed(released)(name, seed, options.iterations)
        for name in FUNCTIONS
        for seed in range(options.runs)
    )
    code = dict(zip(FUNCTIONS, np.reshape(theirs, (-1, options.runs)).tolist(), strict=True))
    runs = {case: found[i * options.runs : (i + 1) * options.runs] for i, case in enumerate(cases)}
    rows = [
        [
            name,
            f"{function.least:g}",
            function.published,
            f"{np.mean(runs[name, False]):.2e}",
            quartiles(runs[name, False]),
            quartiles(code[name]),
            f"{alike(runs[name, False], code[name]):.2f}",
            quartiles(runs[name, True]),
        ]
        for name, function in FUNCTIONS.items()
    ]
    titles = [
        "",
        "least",
        "published mean",
        "our mean",
        "our median (quartiles)",
        "released code",
        "KS p",
        "shifted, median",
    ]
    said = f"{options.runs} runs of {WHALES} whales and {options.iterations} iterations"
    write_section("functions", titles, rows, dated(f"{said}, `original`"), options.write)


if __name__ == "__main__":
    main()
