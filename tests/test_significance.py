"""Better by more than chance: statistics by hand, sizes that are kept, differences seen."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tsmodels.significance import diebold_mariano, skill_interval


def test_one_step_is_a_paired_t_test():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=30), rng.uniform(size=30)
    want = ttest_rel(a, b)
    got = diebold_mariano(a, b)  # the small-sample factor turns the variance into the t test's
    assert_allclose(got, [want.statistic, want.pvalue], rtol=1e-9)


def test_three_steps_by_hand():
    d = np.array([1.0, 3.0, 2.0, 1.5, -1.0, -2.0, -1.0, 1.0])
    c = d - d.mean()
    variance = (c @ c + 2 * (c[1:] @ c[:-1]) + 2 * (c[2:] @ c[:-2])) / 8 / 8
    assert variance > 0
    correction = math.sqrt((8 + 1 - 6 + 6 / 8) / 8)
    want = d.mean() / math.sqrt(variance) * correction
    assert diebold_mariano(d, np.zeros(8), horizon=3).statistic == pytest.approx(want)


@pytest.mark.parametrize("horizon", [1, 4])
def test_equal_forecasts_are_rarely_told_apart(horizon):
    rng, found = np.random.default_rng(1), 0
    for _ in range(400):
        noise = rng.standard_normal((2, 123))
        a, b = (np.convolve(row, np.ones(horizon), "valid")[:120] ** 2 for row in noise)
        found += diebold_mariano(a, b, horizon).p < 0.05
    assert found / 400 < 0.09


def test_a_difference_is_seen():
    rng = np.random.default_rng(2)
    base = rng.uniform(1, 2, 60)
    test = diebold_mariano(base * 0.9, base)
    assert test.statistic < 0 and test.p < 0.01
    assert diebold_mariano(base, base * 0.9).statistic == pytest.approx(-test.statistic)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_any_losses_make_a_probability_or_none(losses, horizon):
    ours = np.array(losses)
    test = diebold_mariano(ours, ours[::-1], horizon)
    assert math.isnan(test.p) or 0 <= test.p <= 1
    none = diebold_mariano(ours, ours, horizon)
    assert math.isnan(none.p) and math.isnan(none.statistic)


def test_unknown_losses_are_left_out():
    a, b = np.random.default_rng(0).uniform(size=(2, 20))
    holes = np.where(np.arange(20) == 7, np.nan, a)
    assert diebold_mariano(holes, b) == diebold_mariano(np.delete(a, 7), np.delete(b, 7))


def test_losses_that_do_not_belong_together():
    with pytest.raises(ValueError, match="theirs must be of the shape of ours"):
        diebold_mariano(np.ones(5), np.ones(6))
    with pytest.raises(ValueError, match="horizon must be a positive int"):
        diebold_mariano(np.ones(5), np.ones(5), 0)


def test_an_interval_of_the_skill_holds_it():
    """Windows whose losses go together for ten at a time: blocks see that, single ones do not."""
    rng, held, narrow = np.random.default_rng(3), 0, 0
    for seed in range(40):
        theirs = 1 + np.repeat(rng.uniform(-0.5, 0.5, 20), 10)
        ours = 0.9 * (1 + np.repeat(rng.uniform(-0.5, 0.5, 20), 10))
        low, high = skill_interval(ours, theirs, block=20, seed=seed)
        one, other = skill_interval(ours, theirs, seed=seed)
        held += low <= 0.1 <= high
        narrow += one <= 0.1 <= other
    assert held >= 33 and narrow < held - 6


def test_few_windows_draw_series():
    theirs = np.random.default_rng(4).uniform(1, 2, (300, 1))
    low, high = skill_interval(theirs * 0.7, theirs)
    assert_allclose([low, high], 0.3, atol=1e-9)
    assert np.isnan(skill_interval(theirs[:3], theirs[:3])).all()
