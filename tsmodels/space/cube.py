"""Named dimensions as one unit cube: users see configurations, searches see points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tsmodels.checks import did_you_mean, fault
from tsmodels.space.dimensions import Choice, Dimension, as_dimension


class Space:
    """Named dimensions as one unit cube; several groups of them are a choice between sub-spaces.

    `space` is a mapping from parameters to dimensions (`Real`, `Int`, `Choice`, scipy distributions
    or lists, so that the `param_grid` of a `GridSearchCV` serves unchanged), or a list of such
    mappings. A parameter that sub-spaces state alike is one coordinate of the cube.

    >>> from tsmodels import Int
    >>> space = Space({"units": Int(8, 64, log=True), "cell": ["lstm", "gru"]})
    >>> space.params([0.5, 0.9])
    {'units': 22, 'cell': 'gru'}
    >>> space.unit({"units": 22, "cell": "gru"}).round(2).tolist()
    [0.5, 0.75]
    """

    def __init__(self, space: Any) -> None:
        groups = [space] if isinstance(space, Mapping) else space
        if not isinstance(groups, Iterable) or isinstance(groups, str):
            groups = []
        groups = list(groups)
        if not groups or not all(isinstance(group, Mapping) for group in groups):
            rule = "a mapping from parameters to dimensions, or a list of such mappings"
            raise TypeError(fault("space", rule, space))
        self.names: list[str] = []  # of the coordinates; "" chooses the sub-space
        self.dimensions: list[Dimension] = []
        self._groups: list[list[int]] = []  # coordinates by sub-space, conditions first
        if len(groups) > 1:
            self._add("", Choice(range(len(groups)), ordered=False))
        for group in groups:
            made = {name: as_dimension(name, value) for name, value in group.items()}
            self._groups.append([self._add(name, made[name]) for name in _conditions_first(made)])

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{self.names[i]!r}: {self.dimensions[i]!r}" for i in group)
            for group in self._groups
        ]
        return f"Space({' | '.join('{' + group + '}' for group in groups)})"

    @property
    def categorical(self) -> np.ndarray:
        """Which coordinates have no order, (D,)."""
        return np.array([isinstance(d, Choice) and not d.ordered for d in self.dimensions], bool)

    @property
    def zero(self) -> np.ndarray:
        """Where the scale of every coordinate is 0, in units of the cube, (D,)."""
        return np.array([dimension.zero for dimension in self.dimensions])

    @property
    def size(self) -> float:
        """How many configurations there are at most; infinite with a real number among them."""
        sizes = (math.prod(self.dimensions[i].size for i in group) for group in self._groups)
        return float(sum(sizes))

    def params(self, u: Sequence[float] | np.ndarray) -> dict[str, Any]:
        """The configuration at a point (D,) of the cube."""
        return {name: value for _, name, value in self._walk(u)}

    def key(self, u: Sequence[float] | np.ndarray) -> tuple[Any, ...]:
        """Equal for points of the same configuration, and hashable."""
        return tuple(
            (i, d.index(u[i]) if isinstance(d := self.dimensions[i], Choice) else value)
            for i, _, value in self._walk(u)
        )

    def unit(self, params: Mapping[str, Any]) -> np.ndarray:
        """The point (D,) of a configuration; coordinates that do not matter are at 0.5."""
        return self._located(params)[1]

    def group_of(self, params: Mapping[str, Any]) -> int:
        """Which sub-space a configuration is of."""
        return self._located(params)[0]

    def _located(self, params: Mapping[str, Any]) -> tuple[int, np.ndarray]:
        reasons = []
        for which in range(len(self._groups)):
            try:
                return which, self._unit_in(which, params)
            except (TypeError, ValueError) as error:
                reasons.append(str(error))
        raise ValueError("\n".join(dict.fromkeys(reasons)))

    def draw(self, rng: np.random.Generator, known: Iterable[Any] = ()) -> np.ndarray | None:
        """A random point whose key is not `known`; None where every configuration is.

        Spaces of up to 100,000 configurations are looked through, others tried 100 times.
        """
        known = known if isinstance(known, set | dict) else set(known)
        for _ in range(100):
            u = rng.random(len(self))
            if self.key(u) not in known:
                return u
        if self.size > 100_000:
            return None
        free = [u for u in self._middles() if self.key(u) not in known]
        return free[rng.integers(len(free))] if free else None

    def examples(self) -> list[dict[str, Any]]:
        """A configuration of every sub-space, from its middle."""
        found = []
        for which in range(len(self._groups)):
            u = np.full(len(self), 0.5)
            if len(self._groups) > 1:
                u[0] = self.dimensions[0].unit(which)
            found.append(self.params(u))
        return found

    def walk(self, choose: Callable[[int, str, Dimension], Any]) -> dict[str, Any]:
        """A configuration whose values `choose(coordinate, name, dimension)` gives, one by one."""
        which = int(choose(0, "", self.dimensions[0])) if len(self._groups) > 1 else 0
        values: dict[str, Any] = {}
        for i in self._groups[which]:
            if _active(self.dimensions[i], values):
                values[self.names[i]] = choose(i, self.names[i], self.dimensions[i])
        return values

    def _walk(self, u: Sequence[float] | np.ndarray) -> Iterable[tuple[int, str, Any]]:
        """Coordinate, parameter and value of what is active at a point."""
        which = int(self.dimensions[0].value(u[0])) if len(self._groups) > 1 else 0
        values: dict[str, Any] = {}
        for i in self._groups[which]:
            dimension, name = self.dimensions[i], self.names[i]
            if _active(dimension, values):
                values[name] = dimension.value(u[i])
                yield i, name, values[name]

    def _unit_in(self, which: int, params: Mapping[str, Any]) -> np.ndarray:
        u, group = np.full(len(self), 0.5), self._groups[which]
        values: dict[str, Any] = {}
        if len(self._groups) > 1:
            u[0] = self.dimensions[0].unit(which)
        known = [self.names[i] for i in group]
        for name in params:
            if name not in known:
                raise ValueError(
                    fault("params", f"of {known} alone", name, did_you_mean(name, known))
                )
        for i in group:
            name, dimension = self.names[i], self.dimensions[i]
            if _active(dimension, values):
                if name not in params:
                    raise ValueError(fault("params", f"given {name!r} too", dict(params)))
                values[name] = params[name]
                u[i] = dimension.unit(params[name])
        return u

    def _middles(self) -> Iterable[np.ndarray]:
        """A point of every configuration of a finite space; some more than once."""
        for which, group in enumerate(self._groups):
            sizes = [int(self.dimensions[i].size) for i in group]
            for cells in itertools.product(*map(range, sizes)):
                u = np.full(len(self), 0.5)
                if len(self._groups) > 1:
                    u[0] = self.dimensions[0].unit(which)
                for i, cell in zip(group, cells, strict=True):
                    u[i] = self.dimensions[i].middle(cell)
                yield u

    def _add(self, name: str, dimension: Dimension) -> int:
        for i, standing in enumerate(self.names):
            if standing == name and _alike(self.dimensions[i], dimension):
                return i
        self.names.append(name)
        self.dimensions.append(dimension)
        return len(self.names) - 1


def _active(dimension: Dimension, values: Mapping[str, Any]) -> bool:
    return all(
        name in values and any(values[name] is v or values[name] == v for v in _listed(allowed))
        for name, allowed in (dimension.active_if or {}).items()
    )


def _conditions_first(group: Mapping[str, Dimension]) -> list[str]:
    """The parameters in their order, those that others depend on before these."""
    ordered: list[str] = []
    waiting = list(group)
    while waiting:
        ready = [name for name in waiting if set(group[name].active_if or ()) <= set(ordered)]
        if not ready:
            name, known = waiting[0], sorted(set(group) - {waiting[0]})
            rule = f"a condition on other parameters, of {known}, and not in a circle"
            raise ValueError(fault(f"active_if of {name!r}", rule, group[name].active_if))
        ordered += ready
        waiting = [name for name in waiting if name not in ordered]
    return ordered


def _alike(a: Dimension, b: Dimension) -> bool:
    try:
        return type(a) is type(b) and bool(a == b)
    except ValueError:  # arrays among the options
        return False


def _listed(allowed: Any) -> Iterable[Any]:
    return allowed if isinstance(allowed, list | tuple | set | frozenset) else [allowed]
