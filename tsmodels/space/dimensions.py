"""Dimensions of a search space: `Real`, `Int`, `Choice` and scipy distributions on [0, 1].

Every dimension maps a number u in [0, 1] to a value and back. Log scales and half-cell margins for
integers matter more than the search operator.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tsmodels.checks import check_int, check_option, check_real, fault

Condition = Mapping[str, Any]  # parameter -> its value, or a list of values


@dataclass(frozen=True)
class Real:
    """A real number in [low, high], on a linear or logarithmic scale, or in steps from low.

    `active_if={"optimizer": ["sgd", "rmsprop"]}` leaves the parameter out of a configuration
    unless the other one has that value, or one of these.

    >>> Real(1e-4, 1e-2, log=True).value(0.5)
    0.001
    >>> Real(0.0, 0.5, step=0.1).value(0.7)
    0.4
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    active_if: Condition | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        low = check_real("low", self.low)
        high = check_real("high", self.high, low=low, open_low=True)
        if self.log and low <= 0:
            raise ValueError(fault("low", "positive on a log scale", self.low))
        if self.step is not None:
            check_real("step", self.step, 0.0, high - low, open_low=True)
        _check_condition(self.active_if)

    @property
    def size(self) -> float:
        """How many values there are."""
        return math.inf if self.step is None else _steps(self.low, self.high, self.step) + 1

    def value(self, u: float) -> float:
        """The value at position `u` of the unit interval."""
        low, high = self._ends()
        x = low + _unit(u) * (high - low)
        x = _significant(math.exp(x)) if self.log else x
        if self.step is not None:
            return _significant(_snapped(x, self.low, self.high, self.step))
        return float(min(max(x, self.low), self.high))

    def unit(self, value: float) -> float:
        """The position of `value` on the unit interval."""
        value = check_real("value", value, self.low, self.high)
        low, high = self._ends()
        return ((math.log(value) if self.log else value) - low) / (high - low)

    @property
    def zero(self) -> float:
        """Where on the unit interval, or beside it, the scale is 0."""
        low, high = self._ends()
        return -low / (high - low)

    def middle(self, cell: int) -> float:
        """A position of value number `cell`, of those in steps."""
        return self.unit(_significant(self.low + cell * (self.step or 0.0)))

    def _ends(self) -> tuple[float, float]:
        low, high = float(self.low), float(self.high)
        if self.step is not None:
            low, high = _margins(self.low, self.high, self.step, self.log)
        return (math.log(low), math.log(high)) if self.log else (low, high)


@dataclass(frozen=True)
class Int:
    """An integer in [low, high], ends included; each integer owns an equal cell of its scale.

    With `step` the values are low, low + step, ... up to `high`. `active_if` as of `Real`.

    >>> [Int(1, 3).value(u) for u in (0.0, 0.5, 1.0)]
    [1, 2, 3]
    >>> [Int(16, 64, step=16).value(u) for u in (0.0, 0.3, 1.0)]
    [16, 32, 64]
    """

    low: int
    high: int
    log: bool = False
    step: int = 1
    active_if: Condition | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        check_int("low", self.low, minimum=1 if self.log else -(2**62))
        check_int("high", self.high, minimum=self.low)
        check_int("step", self.step)
        _check_condition(self.active_if)

    @property
    def size(self) -> float:
        """How many values there are."""
        return _steps(self.low, self.high, self.step) + 1

    def value(self, u: float) -> int:
        """The value at position `u` of the unit interval."""
        low, high = self._ends()
        x = low + _unit(u) * (high - low)
        return int(_snapped(math.exp(x) if self.log else x, self.low, self.high, self.step))

    def unit(self, value: int) -> float:
        """A position inside the cell of `value` on the unit interval; its middle if linear."""
        if not self.low <= check_int("value", value, minimum=-(2**62)) <= self.high:
            raise ValueError(fault("value", f"in [{self.low}, {self.high}]", value))
        low, high = self._ends()
        return min(((math.log(value) if self.log else value) - low) / (high - low), 1.0)

    @property
    def zero(self) -> float:
        """Where on the unit interval, or beside it, the scale is 0."""
        low, high = self._ends()
        return -low / (high - low)

    def middle(self, cell: int) -> float:
        """A position of value number `cell`."""
        return self.unit(self.low + cell * self.step)

    def _ends(self) -> tuple[float, float]:
        low, high = _margins(self.low, self.high, self.step, self.log)
        return (math.log(low), math.log(high)) if self.log else (low, high)


@dataclass(frozen=True)
class Choice:
    """One of several values. Numbers in ascending or descending order are on a scale of even steps.

    Searches move along a scale; values without an order are inherited from other configurations
    instead. `ordered` says which, where the values do not. `active_if` as of `Real`.

    >>> Choice(["lstm", "gru"]).value(0.7)
    'gru'
    """

    options: Sequence[Any]
    ordered: bool | None = None
    active_if: Condition | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if isinstance(self.options, str) or not len(self.options):
            raise ValueError(fault("options", "a list with at least one value", self.options))
        object.__setattr__(self, "options", tuple(self.options))
        if self.ordered is None:
            object.__setattr__(self, "ordered", _monotonous(self.options))
        _check_condition(self.active_if)

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.options)

    def index(self, u: float) -> int:
        """Which option's cell of the unit interval holds `u`."""
        return min(int(_unit(u) * len(self.options)), len(self.options) - 1)

    def value(self, u: float) -> Any:
        """The option whose cell of the unit interval holds `u`."""
        return self.options[self.index(u)]

    def unit(self, value: Any) -> float:
        """The middle of the cell of `value` on the unit interval."""
        for i, option in enumerate(self.options):
            if option is value:
                return self.middle(i)
        return self.unit(check_option("value", value, self.options))

    zero = 0.0

    def middle(self, cell: int) -> float:
        """A position of option number `cell`."""
        return (cell + 0.5) / len(self.options)


@dataclass(frozen=True, repr=False)
class Distribution:
    """A frozen distribution of `scipy.stats`, through its inverse distribution function.

    The outermost millionth on either side is cut off, so that values are finite.

    >>> from scipy.stats import loguniform
    >>> round(Distribution(loguniform(1e-4, 1e-2)).value(0.5), 9)
    0.001
    """

    frozen: Any = field(compare=False)
    active_if: Condition | None = field(default=None, hash=False)
    _said: str = field(init=False)

    def __post_init__(self) -> None:
        dist = self.frozen
        if not all(hasattr(dist, name) for name in ("ppf", "cdf", "dist")):
            rule = "a frozen distribution of scipy.stats"
            raise TypeError(fault("frozen", rule, dist, "For instance uniform(0, 1)."))
        said = [repr(v) for v in dist.args] + [f"{k}={v!r}" for k, v in sorted(dist.kwds.items())]
        object.__setattr__(self, "_said", f"{dist.dist.name}({', '.join(said)})")
        _check_condition(self.active_if)

    def __repr__(self) -> str:
        return self._said

    @property
    def discrete(self) -> bool:
        """Whether values are integers."""
        return hasattr(self.frozen, "pmf")

    @property
    def size(self) -> float:
        """How many values there are."""
        low, high = self.frozen.support()
        return high - low + 1 if self.discrete else math.inf

    def value(self, u: float) -> float | int:
        """The quantile of `u`."""
        x = self.frozen.ppf(min(max(_unit(u), 1e-6), 1 - 1e-6))
        return int(x) if self.discrete else float(x)

    def unit(self, value: float) -> float:
        """The probability of less than `value`; of integers, the middle of the cell."""
        below = self.frozen.cdf(value - 1) if self.discrete else self.frozen.cdf(value)
        return float((below + self.frozen.cdf(value)) / 2)

    zero = 0.0

    def middle(self, cell: int) -> float:
        """A position of integer number `cell`."""
        return self.unit(int(self.frozen.support()[0]) + cell)


Dimension = Real | Int | Choice | Distribution


def as_dimension(name: str, value: Any) -> Dimension:
    """What a user may write for a dimension: one of ours, a scipy distribution, a list or array."""
    if isinstance(value, Dimension):
        return value
    if hasattr(value, "ppf"):
        return Distribution(value)
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) and len(value):
        if np.ndim(np.empty(len(value))) == getattr(value, "ndim", 1):
            return Choice(list(value))
    rule = "Real, Int, Choice, a scipy distribution or a list with at least one value"
    raise TypeError(fault(name, rule, value, "A single value goes into a list."))


def _check_condition(condition: Condition | None) -> None:
    if condition is not None and not isinstance(condition, Mapping):
        rule = "a mapping from a parameter to its value or a list of values"
        raise TypeError(fault("active_if", rule, condition))


def _steps(low: float, high: float, step: float) -> int:
    """How many whole steps fit between the ends."""
    return int((high - low) / step * (1 + 1e-12) + 1e-9)


def _margins(low: float, high: float, step: float, log: bool) -> tuple[float, float]:
    """The ends with half a cell around the first and the last value."""
    top = low + _steps(low, high, step) * step
    first = low - step / 2
    return (first if first > 0 or not log else low / 2), top + step / 2


def _snapped(x: float, low: float, high: float, step: float) -> float:
    return low + step * min(max(round((x - low) / step), 0), _steps(low, high, step))


def _significant(x: float) -> float:
    """Without the noise of the last digits, so that 0.001 reads 0.001."""
    return float(f"{x:.12g}")


def _monotonous(options: Sequence[Any]) -> bool:
    """Whether the options are numbers, each larger than the one before, or each smaller."""
    if len(options) < 3 or not all(
        isinstance(v, numbers.Real) and not isinstance(v, bool) for v in options
    ):
        return False
    pairs = list(itertools.pairwise(options))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


def _unit(u: float) -> float:
    return check_real("u", u, 0.0, 1.0)
