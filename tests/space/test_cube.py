"""Spaces: the unit cube and back, conditions, sub-spaces, and what scikit-learn users write."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVC

from tsmodels.space import Choice, Int, Real, Space

MIXED = Space(
    {
        "units": Int(4, 256, log=True),
        "rate": Real(1e-4, 1e-1, log=True),
        "depth": Int(2, 8, step=3),
        "momentum": Real(0.5, 0.9, step=0.1, active_if={"optimizer": ["sgd", "rmsprop"]}),
        "optimizer": ["adam", "sgd", "rmsprop"],
        "noise": stats.loguniform(1e-3, 1.0),
        "count": stats.randint(3, 9),
    }
)


@settings(max_examples=60, deadline=None)
@given(u=st.lists(st.floats(0, 1), min_size=len(MIXED), max_size=len(MIXED)))
def test_points_and_configurations_agree(u):
    params = MIXED.params(u)
    back = MIXED.params(MIXED.unit(params))
    assert set(back) == set(params) and back["optimizer"] == params["optimizer"]
    for name in set(params) - {"optimizer"}:
        assert back[name] == pytest.approx(params[name], rel=1e-6)
    assert ("momentum" in params) == (params["optimizer"] != "adam")
    assert params["depth"] in (2, 5, 8) and 3 <= params["count"] <= 8


def test_what_is_inactive_makes_no_other_configuration():
    adam, again = np.full(len(MIXED), 0.1), np.full(len(MIXED), 0.1)
    momentum = MIXED.names.index("momentum")
    again[momentum] = 0.9
    assert MIXED.key(adam) == MIXED.key(again)
    sgd = MIXED.names.index("optimizer")
    adam[sgd] = again[sgd] = 0.5
    assert MIXED.key(adam) != MIXED.key(again)


def test_numbers_in_order_are_a_scale_and_names_are_not():
    space = Space({"C": [0.1, 1, 10], "up_and_down": [1, 9, 2], "kernel": ["rbf", "linear"]})
    assert space.categorical.tolist() == [False, True, True]
    assert Choice([3, 1], ordered=True).ordered and not Choice([True, False]).ordered


def test_param_grid_of_grid_search_serves_unchanged():
    grid = [
        {"kernel": ["linear"], "C": [1, 10, 100]},
        {"kernel": ["rbf"], "C": [1, 10, 100], "gamma": np.array([0.1, 1.0])},
    ]
    space = Space(grid)
    assert space.names.count("C") == 1  # stated alike: one coordinate
    assert space.size == len(ParameterGrid(grid)) == 9
    rng, known, found = np.random.default_rng(0), set(), []
    while (u := space.draw(rng, known)) is not None:
        known.add(space.key(u))
        found.append(space.params(u))
    assert sorted(map(repr, found)) == sorted(
        repr({k: p[k] for k in ("kernel", "C", "gamma") if k in p}) for p in ParameterGrid(grid)
    )
    assert space.params(space.unit(found[3])) == found[3]


def test_estimators_and_arrays_may_be_options():
    svc = SVC()
    space = Space({"model": [svc, clone(svc), None], "weights": [np.ones(2), np.zeros(2)]})
    assert len({space.key([m, w]) for m in (0.1, 0.5, 0.9) for w in (0.1, 0.9)}) == 6
    assert space.unit({"model": svc, "weights": space.dimensions[1].options[1]}).tolist() == [
        pytest.approx(1 / 6),
        0.75,
    ]


def test_conditions_on_conditions_and_their_faults():
    space = Space(
        {
            "c": Int(0, 9, active_if={"b": 1}),
            "b": Int(0, 1, active_if={"a": "yes"}),
            "a": ["yes", "no"],
        }
    )
    assert set(space.params([0.2, 0.9, 0.9])) == {"a", "b", "c"}
    low_first = {"a": "no"}
    assert space.params(space.unit(low_first)) == low_first
    with pytest.raises(ValueError, match="active_if of 'b' must be a condition on other"):
        Space({"b": Int(0, 1, active_if={"a": 1})})
    with pytest.raises(ValueError, match="not in a circle"):
        Space({"a": Int(0, 1, active_if={"b": 1}), "b": Int(0, 1, active_if={"a": 1})})


@pytest.mark.parametrize(
    "space,sentence",
    [
        (3, "space must be a mapping"),
        ([], "space must be a mapping"),
        ({"a": 3}, "a must be Real, Int, Choice, a scipy distribution or a list"),
        ({"a": "abc"}, "a must be Real"),
        ({"a": []}, "a must be Real"),
        ({"a": np.ones((2, 2))}, "a must be Real"),
        ({"a": stats.norm}, "frozen must be a frozen distribution"),
    ],
)
def test_bad_spaces(space, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        Space(space)


def test_configurations_of_another_space_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'units'"):
        MIXED.unit({"unit": 3})


def test_equal_distributions_read_alike():
    a, b = (Space({"x": stats.uniform(0, 2)}) for _ in range(2))
    assert repr(a) == repr(b) == "Space({'x': uniform(0, 2)})"
    assert Space([{"x": stats.uniform(0, 2)}, {"x": stats.uniform(0, 2)}]).names == ["", "x"]


def test_draws_stop_only_when_nothing_is_left():
    space = Space({"a": Int(1, 300)})
    rng = np.random.default_rng(1)
    known = {space.key([(i + 0.5) / 300]) for i in range(299)}
    assert space.params(space.draw(rng, known)) == {"a": 300}
    assert space.draw(rng, known | {space.key([1.0])}) is None
