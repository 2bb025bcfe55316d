"""The whale optimiser on the unit cube: `ask` for a generation of points, `tell` their values.

Mirjalili & Lewis, "The Whale Optimization Algorithm", 2016, doi 10.1016/j.advengsoft.2016.01.008.
Whales circle the best one (X* + A D), swim to a random one where |A| >= 1, or spiral in on the best
one (D e^l cos 2 pi l + X*). It knows spaces and numbers, no models; values are minimised.

    X position    L leader (X*)    R random whale    D distance    A, C random factors
    a falls from its start to 0 over the search    l in [a2, 1], a2 from -1 to -2

`original` is the code that the authors released: D = |C L - X| in the units of the box, A and C
scalars of a whale, the random whale drawn again for each dimension, positions updated in place
and clipped, nothing kept but the leader. `original-text` reads the paper's equations as vectors: A
and C a dimension, one random whale a whale, l in [-1, 1], all whales moved at once. Both measure
from the origin of the box, so they are good at optima that lie there.

`modern` is for few, costly evaluations. D = C |L - X| does not know where the origin is; every
dimension has its own A, C and l and its own choice between circle and spiral; the pod starts as a
Latin hypercube; each whale keeps its best; the leader is one of the best three; a move touches some
dimensions; values without an order are inherited; bounds reflect; and no configuration is proposed
twice. Only the order of the values matters to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tsmodels.checks import check_int, check_option, fault
from tsmodels.space import Space

VARIANTS = ("modern", "original", "original-text")
START = {"modern": 1.4, "original": 2.0, "original-text": 2.0}  # of a
TOUCHED = 0.7  # share of the dimensions that a modern move changes
MUTATED = 0.1  # share of the inherited values that are drawn afresh
RANKS = np.array([3.0, 2.0, 1.0])  # how often each of the best three leads


class WhaleOptimizer:
    """Proposes points of the unit cube of `space`, a generation at a time, `n_iter` in all.

    `n_whales=None` is 6 up to 60 evaluations and then a tenth of them; 30 for the others. What it
    proposes follows from seed, generation and the values told so far, whoever computes them in
    which order. An empty generation is the end.

    >>> from tsmodels import Real
    >>> from tsmodels.space import Space
    >>> pod = WhaleOptimizer(Space({"x": Real(-5.0, 5.0)}), n_iter=40, random_state=0)
    >>> while len(points := pod.ask()):
    ...     pod.tell([pod.space.params(u)["x"] ** 2 for u in points])
    >>> bool(pod.best_value < 0.01)
    True
    """

    def __init__(
        self,
        space: Space,
        *,
        n_iter: int = 60,
        n_whales: int | None = None,
        variant: str = "modern",
        random_state: Any = None,
    ) -> None:
        self.space, self.variant = space, check_option("variant", variant, VARIANTS)
        self.n_iter = check_int("n_iter", n_iter)
        usual = max(6, round(n_iter / 10)) if variant == "modern" else 30
        self.n_whales = min(check_int("n_whales", usual if n_whales is None else n_whales), n_iter)
        self.entropy = entropy_of(random_state)
        self.generation, self.proposed = 0, 0
        self.pod = np.empty((0, len(space)))  # where each whale is; modern: its best point
        self.values = np.empty(0)  # of the pod
        self.best_point: np.ndarray | None = None
        self.best_value = np.inf
        self._known: set[Any] = set()
        self._asked = np.empty((0, len(space)))

    def ask(self) -> np.ndarray:
        """The points of the next generation, (whales, D); the last one may be smaller."""
        count = min(self.n_whales, self.n_iter - self.proposed)
        rng = self._rng(self.n_whales)  # one more than there are whales
        if self.generation == 0:
            self._asked = self._first(rng, count)
        elif self.variant == "modern":
            self._asked = self._modern(count)
        else:
            self._asked = self._original(rng)[:count]
        self.proposed += len(self._asked)
        return self._asked.copy()

    def tell(self, values: Sequence[float] | np.ndarray) -> None:
        """The values of the points last asked for; NaN is as bad as can be."""
        values = np.asarray(values, dtype=float)
        if values.shape != (len(self._asked),):
            raise ValueError(fault("values", f"{len(self._asked)} numbers", values.shape))
        values = np.where(np.isnan(values), np.inf, values)
        if len(values) and values.min() < self.best_value:
            best = int(values.argmin())
            self.best_point, self.best_value = self._asked[best].copy(), float(values[best])
        if self.generation == 0:
            self.pod, self.values = self._asked.copy(), values.copy()
        else:
            n = len(values)
            better = values < self.values[:n] if self.variant == "modern" else np.full(n, True)
            self.pod[:n][better], self.values[:n][better] = self._asked[better], values[better]
        self.generation += 1

    @property
    def progress(self) -> float:
        """The share of the evaluations that has been proposed."""
        return self.proposed / self.n_iter

    def _rng(self, slot: int) -> np.random.Generator:
        return np.random.default_rng([*self.entropy, self.generation, slot])

    def _first(self, rng: np.random.Generator, count: int) -> np.ndarray:
        if self.variant != "modern":
            return rng.random((count, len(self.space)))
        points = latin_hypercube(rng, count, len(self.space))
        return self._unknown(rng, [[point] for point in points])

    def _modern(self, count: int) -> np.ndarray:
        tries = [self._moves(whale) for whale in range(min(count, len(self.pod)))]
        return self._unknown(self._rng(self.n_whales), tries)

    def _moves(self, whale: int) -> Iterator[np.ndarray]:
        """Some moves of a whale: the later ones in case the first are known configurations."""
        rng, categorical = self._rng(whale), self.space.categorical
        for _ in range(20):
            yield move(
                rng, whale, self.pod, self.values, START["modern"], self.progress, categorical
            )

    def _unknown(self, rng: np.random.Generator, tries: Sequence[Any]) -> np.ndarray:
        """Of every whale's tries the first of a new configuration, or any new one; (whales, D)."""
        points = []
        for candidates in tries:
            fresh = (u for u in candidates if self.space.key(u) not in self._known)
            u = next(fresh, None)
            u = self.space.draw(rng, self._known) if u is None else u
            if u is not None:
                self._known.add(self.space.key(u))
                points.append(u)
        return np.array(points).reshape(-1, len(self.space))

    def _original(self, rng: np.random.Generator) -> np.ndarray:
        """The pod after one move of the authors' code, or of their text."""
        zero, fresh = self.space.zero, self.variant == "original"
        pod = self.pod - zero  # distances count from the origin of the box
        leader = (self.pod[0] if self.best_point is None else self.best_point) - zero
        n, size = pod.shape
        generations = -(-self.n_iter // self.n_whales)
        done = (self.generation - 1) / generations
        a, low = 2.0 - 2.0 * done, -1.0 - done if fresh else -1.0
        seen = pod if fresh else pod.copy()  # in place, or all at once
        for i in range(n):
            factors = 1 if fresh else size
            A, C = 2 * a * rng.random(factors) - a, 2 * rng.random(factors)
            spiral = rng.random() >= 0.5
            l = (low - 1.0) * rng.random() + 1.0  # noqa: E741
            if spiral:
                pod[i] = np.abs(leader - seen[i]) * np.exp(l) * np.cos(2 * np.pi * l) + leader
                continue
            others = rng.integers(n, size=size) if fresh else np.full(size, rng.integers(n))
            guide = np.where(np.abs(A) >= 1, seen[others, np.arange(size)], leader)
            pod[i] = guide - A * np.abs(C * guide - seen[i])
        return np.clip(pod + zero, 0.0, 1.0)


def move(
    rng: np.random.Generator,
    whale: int,
    pod: np.ndarray,
    values: np.ndarray,
    start: float,
    progress: float,
    categorical: np.ndarray,
) -> np.ndarray:
    """Where a whale of a modern pod (whales, D) swims: a point (D,) of the cube.

    `values` (whales,) rank the pod, `categorical` (D,) says which coordinates have no order.
    """
    size = pod.shape[1]
    ranked = np.argsort(values, kind="stable")[: max(1, np.isfinite(values).sum())][: len(RANKS)]
    weights = RANKS[: len(ranked)]
    leader = int(rng.choice(ranked, p=weights / weights.sum()))
    other = _another(rng, len(pod), {whale, leader})
    X, L, R = pod[whale], pod[leader], pod[other]
    nearby = R if whale == leader else X  # a leader's distance from itself would be nothing
    a = start * (1.0 - progress)
    A, C = a * (2 * rng.random(size) - 1), 2 * rng.random(size)
    far = np.abs(A) >= 1
    guide = np.where(far, R, L)
    circled = guide - A * C * np.abs(guide - np.where(far, X, nearby))
    l = 1.0 - (2.0 + progress) * rng.random(size)  # noqa: E741
    spiralled = L + np.abs(L - nearby) * np.exp(l) * np.cos(2 * np.pi * l)
    moved = np.where(rng.random(size) < 0.5, spiralled, circled)
    drawn = rng.random((2, size))
    inherited = np.where(drawn[0] < MUTATED, drawn[1], guide)
    moved = np.where(categorical, inherited, reflected(moved))
    touched = (rng.random(size) < TOUCHED) | (np.arange(size) == rng.integers(size))
    return np.where(touched, moved, X)


def latin_hypercube(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """n points (n, D), one in each of n slices of every dimension."""
    slices = rng.permuted(np.tile(np.arange(n), (size, 1)), axis=1).T
    return (slices + rng.random((n, size))) / n


def reflected(u: np.ndarray) -> np.ndarray:
    """Points beyond the bounds of the unit cube mirrored back into it.

    >>> reflected(np.array([-0.25, 0.5, 1.25, 2.25])).tolist()
    [0.25, 0.5, 0.75, 0.25]
    """
    return 1.0 - np.abs(1.0 - np.mod(u, 2.0))


def entropy_of(random_state: Any) -> list[int]:
    """What random numbers are drawn from: an int as it is, else drawn."""
    if random_state is None:
        return [int(np.random.SeedSequence().generate_state(1)[0])]
    if isinstance(random_state, np.random.RandomState):
        return [int(random_state.randint(2**31))]
    return [check_int("random_state", random_state, minimum=0)]


def _another(rng: np.random.Generator, n: int, besides: set[int]) -> int:
    """One of n whales, not of those `besides` if there are others."""
    others = [i for i in range(n) if i not in besides] or list(range(n))
    return others[rng.integers(len(others))]
