"""Argument checks, and the one sentence that every error is made of.

An error names the parameter, states the rule, shows the value received and, where there is one, the
way out: ``horizon must be a positive int. Got 0.``
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any


def fault(parameter: str, rule: str, got: Any, way_out: str = "") -> str:
    """The sentence: parameter, rule, received value, way out.

    >>> fault("horizon", "a positive int", 0)
    'horizon must be a positive int. Got 0.'
    """
    sentence = f"{parameter} must be {rule}. Got {_shown(got)}."
    return f"{sentence} {way_out}" if way_out else sentence


def did_you_mean(word: object, options: Iterable[object]) -> str:
    """'Did you mean ...?' for the nearest option, or an empty string.

    >>> did_you_mean("lstn", ["lstm", "gru"])
    "Did you mean 'lstm'?"
    """
    near = difflib.get_close_matches(str(word), [str(option) for option in options], n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def check_int(parameter: str, value: Any, minimum: int = 1) -> int:
    """`value` as an int of at least `minimum`; booleans and fractions are refused."""
    rule = "a positive int" if minimum == 1 else f"an int of at least {minimum}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(fault(parameter, rule, value))
    if value < minimum:
        raise ValueError(fault(parameter, rule, value))
    return int(value)


def check_real(
    parameter: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a finite float between `low` and `high`; NaN, text and booleans are refused."""
    left = "[" if math.isfinite(low) and not open_low else "("
    right = "]" if math.isfinite(high) and not open_high else ")"
    rule = "a finite number"
    if (low, high) != (-math.inf, math.inf):
        rule += f" in {left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(fault(parameter, rule, value))
    number = float(value)
    below = number <= low if open_low else number < low
    above = number >= high if open_high else number > high
    if not math.isfinite(number) or below or above:
        raise ValueError(fault(parameter, rule, value))
    return number


def check_option(parameter: str, value: Any, options: Iterable[Any]) -> Any:
    """The option that equals `value`; otherwise an error that names the nearest one."""
    options = list(options)
    for option in options:
        same_kind = isinstance(value, bool) == isinstance(option, bool)
        if value is option or (same_kind and isinstance(value, type(option)) and value == option):
            return option
    rule = f"one of {options}"
    raise ValueError(fault(parameter, rule, value, did_you_mean(value, options)))


def _shown(value: Any, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
