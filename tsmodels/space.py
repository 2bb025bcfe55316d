"""How a network or a user states a search space: `Real`, `Int` and `Choice` on the unit interval.

Every dimension maps a number u in [0, 1] to a value and back. Searches work on the unit cube; users
see values. Log scales and half-cell margins for integers matter more than the search operator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tsmodels.checks import check_int, check_option, check_real, fault


@dataclass(frozen=True)
class Real:
    """A real number in [low, high], on a linear or logarithmic scale.

    >>> Real(1e-4, 1e-2, log=True).value(0.5)
    0.001
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        low = check_real("low", self.low)
        check_real("high", self.high, low=low, open_low=True)
        if self.log and low <= 0:
            raise ValueError(fault("low", "positive on a log scale", self.low))

    def value(self, u: float) -> float:
        """The value at position `u` of the unit interval."""
        low, high = self._ends()
        x = low + _unit(u) * (high - low)
        return float(min(max(round(math.exp(x), 15) if self.log else x, self.low), self.high))

    def unit(self, value: float) -> float:
        """The position of `value` on the unit interval."""
        value = check_real("value", value, self.low, self.high)
        low, high = self._ends()
        return ((math.log(value) if self.log else value) - low) / (high - low)

    def _ends(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)


@dataclass(frozen=True)
class Int:
    """An integer in [low, high], ends included; each integer owns an equal cell of its scale.

    >>> [Int(1, 3).value(u) for u in (0.0, 0.5, 1.0)]
    [1, 2, 3]
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        check_int("low", self.low, minimum=1 if self.log else -(2**62))
        check_int("high", self.high, minimum=self.low)

    def value(self, u: float) -> int:
        """The value at position `u` of the unit interval."""
        low, high = self._ends()
        x = low + _unit(u) * (high - low)
        return min(max(round(math.exp(x) if self.log else x), self.low), self.high)

    def unit(self, value: int) -> float:
        """The middle of the cell of `value` on the unit interval."""
        if not self.low <= check_int("value", value, minimum=-(2**62)) <= self.high:
            raise ValueError(fault("value", f"in [{self.low}, {self.high}]", value))
        low, high = self._ends()
        return ((math.log(value) if self.log else value) - low) / (high - low)

    def _ends(self) -> tuple[float, float]:
        low, high = self.low - 0.5, self.high + 0.5
        return (math.log(low), math.log(high)) if self.log else (low, high)


@dataclass(frozen=True)
class Choice:
    """One of several values without an order.

    >>> Choice(["lstm", "gru"]).value(0.7)
    'gru'
    """

    options: Sequence[Any]

    def __post_init__(self) -> None:
        if isinstance(self.options, str) or not len(self.options):
            raise ValueError(fault("options", "a list with at least one value", self.options))
        object.__setattr__(self, "options", tuple(self.options))

    def value(self, u: float) -> Any:
        """The option whose cell of the unit interval holds `u`."""
        return self.options[min(int(_unit(u) * len(self.options)), len(self.options) - 1)]

    def unit(self, value: Any) -> float:
        """The middle of the cell of `value` on the unit interval."""
        check_option("value", value, self.options)
        return (self.options.index(value) + 0.5) / len(self.options)


def _unit(u: float) -> float:
    return check_real("u", u, 0.0, 1.0)


Dimension = Real | Int | Choice
