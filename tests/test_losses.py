"""Losses of quantiles, distributions, tokens: by hand, at their minimum, and where they fail."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.losses import NegativeLogLikelihood, Pinball, TokenCrossEntropy, resolve_loss

pytestmark = pytest.mark.backend


def test_pinball_by_hand():
    loss = Pinball([0.1, 0.5, 0.9])
    y, yhat = np.array([[[2.0]]], "float32"), np.array([[[[3.0, 2.0, 0.0]]]], "float32")
    assert float(loss(y, yhat)) == pytest.approx((0.9 * 1.0 + 0.0 + 0.9 * 2.0) / 3)


def test_pinball_is_smallest_at_the_quantile():
    y = np.random.default_rng(0).exponential(size=4001).astype("float32").reshape(-1, 1, 1)
    loss = Pinball([0.5, 0.8])
    points = np.linspace(0.2, 3.0, 57)
    values = [float(loss(y, np.broadcast_to([np.median(y), q], (4001, 1, 1, 2)))) for q in points]
    assert points[np.argmin(values)] == pytest.approx(np.quantile(y, 0.8), abs=0.05)


def test_weights_leave_steps_out():
    y = np.array([[[0.0], [9.0]]], "float32")
    yhat = np.zeros((1, 2, 1, 2), "float32") + [0.0, 1.0]
    weight = np.array([[1.0, 0.0]], "float32")
    known = -NegativeLogLikelihood("normal")(y[:, :1], yhat[:, :1])
    assert_allclose(-NegativeLogLikelihood("normal")(y, yhat, sample_weight=weight) * 2, known)


@pytest.mark.parametrize("loss", [Pinball([0.2, 0.7]), NegativeLogLikelihood("student_t")])
def test_a_copy_from_its_config_is_the_same(loss):
    copy = resolve_loss(loss)
    assert type(copy) is type(loss) and copy.get_config() == loss.get_config()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("levels", [[], [0.0, 0.5], [0.5], [0.1, 0.1], [1.0], [float("nan")]])
def test_levels_that_are_none(levels):
    with pytest.raises(ValueError, match="quantile_levels must be"):
        Pinball(levels)


@pytest.mark.parametrize("levels", ["0.1", 0.1, None, [True], ["0.1"]])
def test_levels_of_another_type(levels):
    with pytest.raises(TypeError, match="quantile_levels must be"):
        Pinball(levels)


@pytest.mark.parametrize("loss", [Pinball(), NegativeLogLikelihood()])
def test_points_are_no_quantiles(loss):
    with pytest.raises(ValueError, match="loss must be a point loss"):
        loss(ops.ones((2, 3, 1)), ops.ones((2, 3, 1)))


def test_unknown_names_have_a_neighbour():
    with pytest.raises(ValueError, match="Did you mean 'student_t'"):
        resolve_loss("studentt")
    with pytest.raises(ValueError, match="Did you mean 'poisson'"):
        NegativeLogLikelihood("poison")


def test_token_losses_are_those_of_keras():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(2, 3, 5)).astype("float32"), rng.integers(0, 5, (2, 3))
    for smoothing in (0.0, 0.2):
        one_hot = np.eye(5, dtype="float32")[y]
        keras_loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=smoothing
        )
        got = TokenCrossEntropy(smoothing)(ops.array(y.astype("float32")), ops.array(logits))
        assert float(got) == pytest.approx(float(keras_loss(one_hot, logits)), rel=1e-5)
