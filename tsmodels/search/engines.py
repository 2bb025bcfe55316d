"""What may propose configurations: whales, chance, or a tree-structured Parzen estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsmodels.checks import check_int, check_option
from tsmodels.search.loop import Engine
from tsmodels.search.woa import VARIANTS, WhaleOptimizer
from tsmodels.space import Space

ENGINES = ("woa", "random", "tpe")


class RandomOptimizer:
    """Proposes random configurations, `n_whales` at a time and none twice.

    >>> from tsmodels import Int
    >>> chance = RandomOptimizer(Space({"x": Int(1, 4)}), n_iter=9, n_whales=9, entropy=[0])
    >>> sorted(chance.space.params(u)["x"] for u in chance.ask())
    [1, 2, 3, 4]
    """

    def __init__(
        self, space: Space, *, n_iter: int = 60, n_whales: int = 6, entropy: Sequence[int]
    ) -> None:
        self.space, self.left, self.n_whales = space, n_iter, n_whales
        self._rng, self._known = np.random.default_rng(list(entropy)), set[Any]()

    def ask(self) -> np.ndarray:
        """The next points, (whales, D)."""
        points: list[np.ndarray] = []
        while len(points) < min(self.n_whales, self.left):
            u = self.space.draw(self._rng, self._known)
            if u is None:
                break
            self._known.add(self.space.key(u))
            points.append(u)
        self.left -= len(points)
        return np.array(points).reshape(-1, len(self.space))

    def tell(self, values: Sequence[float]) -> None:
        """Chance does not learn."""


def check_engine(
    engine: str, variant: str, n_iter: int, n_whales: int | None, random_state: Any
) -> None:
    """Raises ValueError or TypeError for what `make_engine` could not use."""
    check_option("engine", engine, ENGINES)
    check_option("variant", variant, VARIANTS)
    check_int("n_iter", n_iter)
    if n_whales is not None:
        check_int("n_whales", n_whales)
    if not isinstance(random_state, np.random.RandomState | None):
        check_int("random_state", random_state, minimum=0)


def make_engine(
    engine: str,
    space: Space,
    *,
    n_iter: int,
    n_whales: int | None,
    variant: str,
    entropy: Sequence[int],
) -> Engine:
    """The engine of that name; `n_whales` is how many proposals a generation has."""
    if engine == "woa":
        (seed,) = entropy
        return WhaleOptimizer(
            space, n_iter=n_iter, n_whales=n_whales, variant=variant, random_state=seed
        )
    if engine == "random":
        return RandomOptimizer(space, n_iter=n_iter, n_whales=n_whales or 6, entropy=entropy)
    from tsmodels.search.optuna_bridge import TPEOptimizer

    return TPEOptimizer(space, n_iter=n_iter, n_whales=n_whales or 1, entropy=entropy)
