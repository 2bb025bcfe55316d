"""The whale optimiser: its rules, its invariances, and the released code written out again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.search.woa import VARIANTS, WhaleOptimizer, latin_hypercube, move, reflected
from tsmodels.space import Choice, Int, Real, Space

MIXED = {"rate": Real(1e-5, 1e-1, log=True), "n": Int(1, 5), "kind": Choice(["a", "b", "c"])}


def run(fun, space, **settings):
    """Every point asked for, (N, D), and the optimiser at its end."""
    pod, points = WhaleOptimizer(Space(space), **settings), []
    while len(asked := pod.ask()):
        points.append(asked)
        pod.tell([fun(pod.space.params(u)) for u in asked])
    return np.concatenate(points), pod


def bowl(params):
    return sum((x - 0.3) ** 2 for x in params.values())


@pytest.mark.parametrize("shift", [0.0, 1024.0, -0.1, 3e4])
def test_modern_does_not_know_where_the_origin_is(shift):
    here = {f"x{i}": Real(-5.0, 5.0) for i in range(4)}
    there = {f"x{i}": Real(-5.0 + shift, 5.0 + shift) for i in range(4)}
    points, _ = run(bowl, here, random_state=1)
    moved, _ = run(lambda p: bowl({k: x - shift for k, x in p.items()}), there, random_state=1)
    np.testing.assert_array_equal(points, moved)  # to the last bit


def test_original_does():
    here = {f"x{i}": Real(-5.0, 5.0) for i in range(4)}
    at_origin, at_corner = (
        [
            run(
                lambda p, c=c: sum((x - c) ** 2 for x in p.values()),
                here,
                variant="original",
                n_iter=600,
                random_state=seed,
            )[1].best_value
            for seed in range(5)
        ]
        for c in (0.0, 4.0)
    )
    assert np.median(at_origin) < 0.1 * np.median(at_corner)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), exponent=st.sampled_from([0.2, 3.0]))
def test_only_the_order_of_values_matters_to_modern(seed, exponent):
    space = {**MIXED, "x": Real(-1.0, 1.0)}

    def fun(p):
        return abs(np.log10(p["rate"]) + 3) + abs(p["n"] - 2) + (p["kind"] == "b") + p["x"] ** 2

    points, _ = run(fun, space, random_state=seed, n_iter=40)
    again, _ = run(lambda p: 7 * fun(p) ** exponent, space, random_state=seed, n_iter=40)
    np.testing.assert_array_equal(points, again)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n_iter,n_whales", [(1, None), (7, 3), (60, None), (61, 7), (40, 200)])
def test_the_budget_is_kept_inside_the_cube(variant, n_iter, n_whales):
    settings = {"n_iter": n_iter, "n_whales": n_whales, "variant": variant, "random_state": 0}
    points, pod = run(lambda p: -p["rate"], MIXED, **settings)
    assert len(points) == n_iter and points.min() >= 0 and points.max() <= 1
    assert pod.best_value == min(-pod.space.params(u)["rate"] for u in points)


def test_modern_finds_a_corner_of_a_mixed_space_and_proposes_nothing_twice():
    def fun(p):
        return abs(np.log10(p["rate"]) + 3) + abs(p["n"] - 2) + 2 * (p["kind"] != "b")

    found = []
    for seed in range(10):
        points, pod = run(fun, MIXED, random_state=seed)
        assert len({pod.space.key(u) for u in points}) == 60
        found.append(pod.best_value)
    assert np.median(found) < 0.1


def test_a_small_space_is_searched_whole_and_then_ended():
    points, pod = run(lambda p: p["a"] * p["b"], {"a": Int(1, 4), "b": Int(1, 4)}, random_state=3)
    assert len(points) == 16 and pod.best_value == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_failures_do_not_stop_it(variant):
    def fun(p):
        return np.nan if p["n"] > 2 else p["n"]

    _, pod = run(fun, MIXED, variant=variant, random_state=0)
    assert pod.best_value == 1
    points, pod = run(lambda p: np.nan, MIXED, variant=variant, random_state=0)
    assert len(points) == 60 and pod.best_point is None


def test_a_whale_keeps_its_best():
    pod = WhaleOptimizer(Space(MIXED), random_state=0)
    first = pod.ask()
    pod.tell([5.0, 1.0, 2.0, 3.0, 4.0, np.nan])
    second = pod.ask()
    pod.tell([0.5, 1.5, 9.0, np.nan, 4.0, 7.0])
    np.testing.assert_array_equal(pod.pod[0], second[0])
    np.testing.assert_array_equal(pod.pod[1:5], first[1:5])
    assert pod.values.tolist() == [0.5, 1.0, 2.0, 3.0, 4.0, 7.0]


def test_names_are_inherited_and_never_computed_with():
    pod = np.array([[0.1, 0.9], [0.2, 0.5], [0.3, 0.1], [0.4, 0.5]])
    rng, categorical = np.random.default_rng(0), np.array([False, True])
    taken = [move(rng, 0, pod, np.arange(4.0), 1.4, 0.5, categorical)[1] for _ in range(2000)]
    known = np.isin(taken, pod[:, 1])
    assert 0.03 < 1 - known.mean() < 0.12  # a tenth of the touched ones is drawn afresh


def test_moves_end_where_the_leaders_are():
    pod = np.random.default_rng(0).random((6, 3))
    values, none, rng = np.arange(6.0), np.zeros(3, bool), np.random.default_rng(1)

    def near_a_leader(progress):
        moved = [move(rng, 5, pod, values, 1.4, progress, none) for _ in range(500)]
        return np.mean(np.abs(np.array(moved)[:, None] - pod[:3]).min(axis=1) < 0.01)

    assert near_a_leader(0.999) > 2 * near_a_leader(0.0)


def test_latin_hypercube_has_one_point_a_slice():
    points = latin_hypercube(np.random.default_rng(0), 7, 3)
    for column in points.T:
        assert sorted((column * 7).astype(int)) == list(range(7))


def test_bounds_reflect():
    np.testing.assert_allclose(reflected(np.array([-1.3, 1.9, 2.0, 0.0])), [0.7, 0.1, 0.0, 0.0])


def released_code(fun, low, high, d, whales, iterations, rng):
    """WOA.m of the authors, line by line, loops and all: the least value."""
    X = low + (high - low) * rng.random((whales, d))
    leader, score = np.zeros(d), np.inf
    for t in range(iterations):
        for i in range(whales):
            X[i] = np.clip(X[i], low, high)
            fitness = fun(X[i])
            if fitness < score:
                leader, score = X[i].copy(), fitness
        a, a2 = 2 - t * 2 / iterations, -1 - t / iterations
        for i in range(whales):
            A, C = 2 * a * rng.random() - a, 2 * rng.random()
            p, shape = None, (a2 - 1) * rng.random() + 1
            p = rng.random()
            for j in range(d):
                if p >= 0.5:
                    distance = abs(leader[j] - X[i, j])
                    spiral = np.exp(shape) * np.cos(shape * 2 * np.pi)
                    X[i, j] = distance * spiral + leader[j]
                elif abs(A) >= 1:
                    other = X[int(whales * rng.random())].copy()
                    X[i, j] = other[j] - A * abs(C * other[j] - X[i, j])
                else:
                    X[i, j] = leader[j] - A * abs(C * leader[j] - X[i, j])
    return score


@pytest.mark.parametrize("centre", [0.0, 20.0])
def test_original_has_the_distribution_of_the_released_code(centre):
    """Medians and quartiles of 40 runs each, on an ellipsoid at the origin and beside it."""
    d, whales, iterations = 5, 10, 40
    weights = np.arange(1.0, d + 1)

    def fun(x):
        return float(np.sum(weights * (np.asarray(x) - centre) ** 2))

    theirs = [
        released_code(fun, -100.0, 100.0, d, whales, iterations, np.random.default_rng(seed))
        for seed in range(40)
    ]
    space = {f"x{j}": Real(-100.0, 100.0) for j in range(d)}
    settings = {"variant": "original", "n_iter": whales * iterations, "n_whales": whales}
    ours = [
        run(lambda p: fun(list(p.values())), space, random_state=seed, **settings)[1].best_value
        for seed in range(40)
    ]
    from scipy.stats import ks_2samp

    assert ks_2samp(theirs, ours).pvalue > 0.01


@pytest.mark.parametrize(
    "settings,sentence",
    [
        ({"variant": "modem"}, "Did you mean 'modern'"),
        ({"n_iter": 0}, "n_iter must be a positive int"),
        ({"n_whales": 0}, "n_whales must be a positive int"),
        ({"random_state": -1}, "random_state must be"),
    ],
)
def test_bad_settings(settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        WhaleOptimizer(Space(MIXED), **settings)


def test_as_many_values_as_points():
    pod = WhaleOptimizer(Space(MIXED))
    pod.ask()
    with pytest.raises(ValueError, match="values must be 6 numbers"):
        pod.tell([1.0])
