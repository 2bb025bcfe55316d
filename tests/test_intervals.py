"""Predictive distributions as arrays: guarantees that can be counted, and paths that agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.distributions import family_of
from tsmodels.intervals import (
    Chosen,
    Mapped,
    Moved,
    Parametric,
    Paths,
    Point,
    PointErrors,
    Quantiles,
    bounds,
    check_level,
    columns,
    conformal_radius,
    nested_intervals,
    piecewise,
)

RNG = np.random.default_rng(0)
H = 4
# errors that grow with the step and go together along it
ERRORS = np.cumsum(RNG.standard_normal((400, H)), axis=1)
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def errors_only(n=3):
    return PointErrors(np.arange(n * H, dtype=float).reshape(n, H), ERRORS, np.arange(1.0, n + 1))


def quantiles(n=3):
    gaps = np.array([-1.3, -0.7, 0.0, 0.7, 1.3])
    sizes = np.sqrt(np.arange(1, H + 1))[:, None]
    table = (sizes * gaps)[None] - ERRORS[..., None]
    return Quantiles(np.broadcast_to(10 + sizes * gaps, (n, H, 5)), LEVELS, table)


def parametric(n=3):
    sizes = np.sqrt(np.arange(1, H + 1))
    parameters = np.stack([np.full(H, 10.0), sizes], axis=-1)
    return Parametric(family_of("normal"), np.broadcast_to(parameters, (n, H, 2)), ERRORS / sizes)


EVERY = {
    "errors": errors_only(),
    "quantiles": quantiles(),
    "parametric": parametric(),
    "paths": Paths(10 + ERRORS[:, None] * np.ones((1, 3, 1))),
    "mapped": Mapped(errors_only(), lambda x: -2.0 * x + 7.0),
    "moved": Moved(quantiles(), lambda level: 0.3),
    "chosen": Chosen(quantiles(), errors_only(), np.array([True, False, True])),
}
every = pytest.mark.parametrize("name", list(EVERY))


@given(st.integers(1, 60), st.floats(1.0, 99.0), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_radius_holds_its_share_of_exchangeable_scores(n, level, seed):
    """Each of n + 1 scores in turn is the new one: at least `level` % are within the radius."""
    scores = np.random.default_rng(seed).standard_normal(n + 1)
    if np.ceil(np.round((n + 1) * level / 100, 9)) > n:
        with pytest.raises(ValueError, match="level must be at most"):
            conformal_radius(scores[:n, None], level)
        return
    held = [s <= conformal_radius(np.delete(scores, i)[:, None], level)[0]
            for i, s in enumerate(scores)]  # fmt: skip
    assert level / 100 - 1e-9 <= np.mean(held) <= level / 100 + 1 / (n + 1) + 1e-9


def test_radii_are_by_step_and_skip_what_is_unknown():
    scores = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 6.0], [4.0, 7.0]])
    assert_array_equal(conformal_radius(scores, 75), [4.0, 7.0])
    with pytest.raises(ValueError, match=r"level must be at most 75 % with errors known of 3"):
        conformal_radius(scores, 76)


@every
@given(levels=st.lists(st.floats(5.0, 95.0), min_size=2, max_size=6, unique=True))
@settings(max_examples=15, deadline=None)
def test_intervals_never_cross(name, levels):
    ends = list(nested_intervals(EVERY[name], tuple(levels)).values())
    for (lo, hi), (low, high) in zip(ends, ends[1:], strict=False):
        assert (low <= lo).all() and (lo <= hi).all() and (hi <= high).all()


@every
def test_paths_agree_with_intervals(name):
    predictive = EVERY[name]
    paths = predictive.paths(4000, np.random.default_rng(1))
    assert paths.shape == (4000, 3, H)
    lo, hi = predictive.interval(80)
    assert_allclose(((lo <= paths) & (paths <= hi)).mean(axis=0), 0.8, atol=0.06)


@every
def test_steps_of_a_path_go_together(name):
    paths = EVERY[name].paths(3000, np.random.default_rng(1))[:, 1]  # (3000, H)
    want = np.corrcoef(ERRORS.T)[0, 1]
    assert_allclose(np.corrcoef(paths.T)[0, 1], want, atol=0.12)


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_other_units_are_other_units_of_the_ends(shift, scale):
    inner = quantiles()
    lo, hi = inner.interval(80)
    for sign in (1.0, -1.0):
        low, high = Mapped(inner, lambda x, a=sign * scale: a * x + shift).interval(80)
        ends = np.sort([sign * scale * lo + shift, sign * scale * hi + shift], axis=0)
        assert_allclose([low, high], ends, rtol=1e-12)


def test_a_log_is_monotone_for_intervals_too():
    lo, hi = Mapped(errors_only(), np.exp).interval(80)
    assert_allclose(np.log([lo, hi]), errors_only().interval(80))
    assert (lo > 0).all()


def test_trained_quantiles_come_as_they_are_and_others_hold_their_share():
    predictive = quantiles()
    assert_array_equal(predictive.interval(80)[0], predictive.values[..., 0])
    lo, hi = predictive.interval(60)  # between 50 and 80, both trained
    inside = (lo[0] <= 10 + ERRORS) & (10 + ERRORS <= hi[0])
    assert_allclose(inside.mean(axis=0), 0.6, atol=0.01)
    with pytest.raises(ValueError, match=r"among the quantiles trained \(0.1, 0.25"):
        Quantiles(predictive.values, LEVELS).interval(60)


def test_intervals_move_inwards_no_further_than_their_middle():
    values = np.random.default_rng(0).uniform(0.0, 9.0, (500, 1, 5)).cumsum(axis=-1)
    lo, hi = Moved(Quantiles(values, LEVELS), lambda level: -1e3).interval(80)
    assert_array_equal(lo, hi)


def test_what_is_bare_knows_no_other_window():
    assert isinstance(errors_only().bare(), Point)
    bare = EVERY["chosen"].bare()
    assert_array_equal(bare.interval(80)[0][0], bare.interval(95)[0][0])
    assert_array_equal(quantiles().bare().interval(60), quantiles().interval(50))


def test_lines_go_on_beyond_the_outer_knots():
    knots = np.array([0.0, 1.0, 1.0, 3.0])  # two of them are one
    got = piecewise(np.array([-1.0, 0.5, 2.0, 5.0]), knots, np.array([0.0, 2.0, 4.0, 8.0]))
    assert_allclose(got, [-2.0, 1.0, 6.0, 12.0])


def test_names_of_columns():
    assert columns(80) == ("yhat-lo-80", "yhat-hi-80")
    assert columns(97.5) == ("yhat-lo-97.5", "yhat-hi-97.5")
    assert bounds(95) == (0.025, 0.975)


@pytest.mark.parametrize("level", [0, 100, -5, [], [80, 80.0], 0.8, [0.95], float("nan"), np.inf])
def test_levels_that_are_none(level):
    with pytest.raises(ValueError, match="level must be"):
        check_level(level)


@pytest.mark.parametrize("level", ["80", True, ["a"], [None]])
def test_levels_of_another_type(level):
    with pytest.raises(TypeError, match="level must be"):
        check_level(level)


def test_paths_need_whole_windows():
    holes = np.where(np.arange(H) == 1, np.nan, ERRORS)
    with pytest.raises(ValueError, match="held out"):
        PointErrors(np.zeros((1, H)), holes, np.ones(1)).paths(3, RNG)
