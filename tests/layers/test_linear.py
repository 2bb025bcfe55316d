"""Linear maps along time and of no features: what they refuse, and biases."""

import numpy as np
import pytest
from harness import to_numpy

from tsmodels.backend import keras, ops
from tsmodels.layers.linear import LinearOfAny, TimeLinear
from tsmodels.layers.scan import unrolled

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("units", [-1, "a", 3.5])
def test_units_are_a_positive_int(units):
    with pytest.raises((TypeError, ValueError), match="units must be a positive int. Got"):
        TimeLinear(units)


def test_an_unknown_length_is_refused():
    with pytest.raises(ValueError, match="the length of the input must be known"):
        TimeLinear(2)(keras.Input((None, 3)))


def test_of_no_features_the_bias_is_left():
    layer = LinearOfAny(2, bias_initializer="ones")
    plain = to_numpy(layer(ops.ones((1, 3, 0))))
    with unrolled():
        written_out = to_numpy(layer(ops.ones((1, 3, 0))))
    np.testing.assert_array_equal(plain, np.ones((1, 3, 2)))
    np.testing.assert_array_equal(written_out, plain)
