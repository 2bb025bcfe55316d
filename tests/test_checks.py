"""The sentence of every error, and the checks that speak it."""

import numpy as np
import pytest

from tsmodels.checks import check_int, check_option, check_real, did_you_mean, fault


def test_sentence():
    sentence = "horizon must be a positive int. Got 0. Use horizon=1."
    assert fault("horizon", "a positive int", 0, "Use horizon=1.") == sentence


def test_long_values_are_cut():
    assert len(fault("x", "short", "a" * 1000)) < 200


@pytest.mark.parametrize("value", [True, 1.0, "1", None, float("nan")])
def test_int_refuses_other_types(value):
    with pytest.raises(TypeError, match="horizon must be a positive int. Got"):
        check_int("horizon", value)


def test_int_takes_numpy_and_minds_its_minimum():
    assert check_int("k", np.int64(3)) == 3
    with pytest.raises(ValueError, match="k must be an int of at least 5. Got 4"):
        check_int("k", 4, minimum=5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1])
def test_real_refuses_what_lies_outside(value):
    with pytest.raises(ValueError, match=r"rate must be a finite number in \[0, 1\)"):
        check_real("rate", value, 0.0, 1.0, open_high=True)


def test_real_bounds():
    assert check_real("rate", 0, 0.0, 1.0) == 0.0
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        check_real("rate", 0.0, 0.0, 1.0, open_low=True)
    with pytest.raises(TypeError):
        check_real("rate", "0.5")


def test_option_offers_the_nearest():
    assert check_option("loss", "mse", ["mse", "mae"]) == "mse"
    with pytest.raises(ValueError, match=r"Got 'mze'. Did you mean 'mse'\?"):
        check_option("loss", "mze", ["mse", "mae"])
    with pytest.raises(ValueError):
        check_option("flag", 1, [True, False])


def test_no_guess_for_something_far_away():
    assert did_you_mean("zzz", ["mse"]) == ""
