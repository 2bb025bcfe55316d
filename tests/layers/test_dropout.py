"""Dropout: how much is lost, what stays, and that the rate is a variable."""

import numpy as np
import pytest

from tsmodels.backend import keras, ops
from tsmodels.layers import Dropout

pytestmark = pytest.mark.backend
ONES = np.ones((50, 40, 10), dtype=np.float32)


def test_share_and_scale():
    layer = Dropout(0.9, seed=1)
    layer.rate.assign(0.25)
    y = ops.convert_to_numpy(layer(ONES, training=True))
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.02)
    assert np.unique(y) == pytest.approx([0.0, 1 / 0.75])
    assert (y != ops.convert_to_numpy(layer(ONES, training=True))).any()


def test_nothing_is_lost_outside_training_or_at_rate_zero():
    np.testing.assert_array_equal(ops.convert_to_numpy(Dropout(0.5)(ONES)), ONES)
    none = Dropout(0.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(none(ONES, training=True)), ONES)
    assert not none.variables


def test_all_steps_may_lose_the_same():
    y = ops.convert_to_numpy(Dropout(0.5, steps_alike=True, seed=2)(ONES, training=True))
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 40, axis=1))
    assert 0.4 < np.mean(y == 0) < 0.6


def test_saves_and_loads(tmp_path):
    model = keras.Sequential([keras.Input((4, 3)), Dropout(0.5), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert float(ops.convert_to_numpy(again.layers[0].rate)) == 0.5
