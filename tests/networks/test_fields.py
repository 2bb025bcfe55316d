"""What the fields of a spec may be: by their annotations, and in our own networks within ranges."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from tsmodels.networks import NBEATS, NHITS, Count, Network, Rate, Size, resolve


@dataclass(frozen=True, kw_only=True)
class Fields(Network):
    mode: Literal["a", "b"] = "a"
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, str] = (1, "x")
    depth: int | None = None
    either: int | str = 1
    shift: int = 0
    low: float = -1.0
    word: str = "w"
    rate: Rate = 0.1
    size: Size = 1
    count: Count | None = 0
    flag: bool = False
    anything: Any = None


@pytest.mark.parametrize(
    "wrong,rule",
    [
        ({"d_model": 0}, "a positive int"),
        ({"d_model": 2.5}, "a positive int"),
        ({"dropout": 1.0}, r"a finite number in \[0, 1\)"),
        ({"mode": "c"}, r"one of \['a', 'b'\]"),
        ({"sizes": (1, "2")}, "an int"),
        ({"sizes": [1]}, "hashable.* Take a tuple instead of a list"),
        ({"pair": (1, 2)}, "a str"),
        ({"pair": (1, "x", "y")}, "a tuple of 2"),
        ({"depth": "1"}, "an int"),
        ({"either": 1.5}, "an int or a str"),
        ({"shift": True}, "an int"),
        ({"low": "-1"}, "a finite number"),
        ({"word": 3}, "a str"),
        ({"rate": float("nan")}, r"a finite number in \[0, 1\)"),
        ({"size": 0}, "a positive int"),
        ({"count": -1}, "an int of at least 0"),
        ({"flag": 1}, "one of"),
        ({"anything": {}}, "hashable"),
    ],
)
def test_types_are_checked_and_ranges_where_they_are_asked_for(wrong, rule):
    (field,) = wrong
    with pytest.raises((ValueError, TypeError), match=rf"Fields.{field} must be {rule}"):
        Fields(**wrong)


def test_right_fields_pass():
    right = {"mode": "b", "sizes": (), "pair": (0, ""), "depth": -2, "either": "x", "shift": -3}
    right |= {"low": -0.5, "word": "", "rate": 0.0, "size": 9, "count": None, "anything": ("a",)}
    assert Fields(**right).either == "x"


def test_a_subclass_keeps_the_rules_of_the_fields_it_gives_other_defaults():
    @dataclass(frozen=True, kw_only=True)
    class Wide(Network):
        d_model: int = 128

    with pytest.raises(ValueError, match="Wide.d_model must be a positive int. Got 0"):
        Wide(d_model=0)


@pytest.mark.parametrize(
    "name,wrong",
    [
        ("lstm", {"n_layers": 0}),
        ("lstm", {"residual_from": 0}),
        ("lstm", {"l2": -1.0}),
        ("nhits", {"pools": ()}),
        ("nhits", {"pools": (1, -1)}),
        ("nbeats", {"degree": -1}),
    ],
)
def test_networks_of_the_package_ask_for_ranges(name, wrong):
    (field,) = wrong
    with pytest.raises((ValueError, TypeError), match=rf".{field} must be"):
        resolve(name, **wrong)


def test_a_trend_may_be_constant():
    assert NBEATS(degree=0).degree == 0 and NHITS().pools
