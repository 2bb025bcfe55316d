"""Search dimensions: the unit interval and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsmodels.space import Choice, Int, Real

unit = st.floats(0.0, 1.0)
dimensions = [
    Real(-2.0, 3.0),
    Real(1e-5, 1e-1, log=True),
    Real(1e-20, 1e-18, log=True),
    Real(0.0, 1.0, step=0.3),
    Real(0.1, 10.0, log=True, step=0.1),
    Int(1, 7),
    Int(16, 512, log=True),
    Int(-5, 6, step=4),
    Int(8, 128, log=True, step=8),
]


@pytest.mark.parametrize("dimension", dimensions)
@given(u=unit)
def test_values_lie_inside_and_come_back(dimension, u):
    value = dimension.value(u)
    assert dimension.low <= value <= dimension.high
    assert dimension.value(dimension.unit(value)) == pytest.approx(value, rel=1e-9)


@given(u=unit)
def test_choice_comes_back(u):
    choice = Choice(["a", "b", None])
    assert choice.value(choice.unit(choice.value(u))) == choice.value(u)


def test_integers_own_equal_cells():
    counts = [0, 0, 0]
    for i in range(300):
        counts[Int(0, 2).value((i + 0.5) / 300)] += 1
    assert counts == [100, 100, 100]


def test_steps():
    values = {Real(0.0, 1.0, step=0.3).value(i / 200) for i in range(201)}
    assert values == {0.0, 0.3, 0.6, 0.9}
    assert {Int(8, 30, step=8).value(i / 200) for i in range(201)} == {8, 16, 24}


@pytest.mark.parametrize("dimension", [d for d in dimensions if d.size < 100])
def test_middles_reach_every_value(dimension):
    values = [dimension.value(dimension.middle(cell)) for cell in range(int(dimension.size))]
    assert values == sorted(set(values)) and dimension.value(1.0) == values[-1]


def test_log_scale():
    assert Real(1e-4, 1e-2, log=True).value(0.5) == pytest.approx(1e-3)
    assert Int(1, 1024, log=True).value(0.5) == 23  # sqrt(0.5 * 1024.5)


@pytest.mark.parametrize(
    "make,sentence",
    [
        (lambda: Real(1.0, 1.0), "high must be"),
        (lambda: Real(0.0, 1.0, log=True), "low must be positive on a log scale"),
        (lambda: Int(3, 2), "high must be an int of at least 3"),
        (lambda: Int(1.5, 2), "low must be"),
        (lambda: Int(1, 3, step=0), "step must be a positive int"),
        (lambda: Real(0.0, 1.0, step=2.0), "step must be a finite number"),
        (lambda: Int(1, 3, active_if="sgd"), "active_if must be a mapping"),
        (lambda: Choice([]), "options must be a list with at least one value"),
        (lambda: Choice("abc"), "options must be"),
        (lambda: Real(0.0, 1.0).value(1.5), "u must be"),
        (lambda: Real(0.0, 1.0).unit(2.0), "value must be"),
        (lambda: Int(1, 3).unit(4), "value must be in"),
        (lambda: Choice(["a"]).unit("b"), "value must be one of"),
    ],
)
def test_bad_dimensions(make, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        make()
