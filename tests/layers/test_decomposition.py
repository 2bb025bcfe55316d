"""Series decomposition against the definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.decomposition import SeriesDecomposition

pytestmark = pytest.mark.backend


@pytest.mark.parametrize(("length", "size"), [(30, 25), (7, 5), (5, 25), (1, 3), (4, 1)])
def test_trend_is_the_moving_average(length, size):
    x = np.random.default_rng(0).normal(size=(2, length, 3)).astype("float32")
    seasonal, trend = map(ops.convert_to_numpy, SeriesDecomposition(size)(x))
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (0, 0)), mode="edge")
    expected = np.stack([padded[:, t : t + size].mean(axis=1) for t in range(length)], axis=1)
    assert_allclose(trend, expected, rtol=1e-5, atol=1e-6)
    assert_allclose(seasonal + trend, x, rtol=1e-6, atol=1e-6)


def test_large_offset_leaves_the_seasonal_part_alone():
    x = np.round(100 * np.sin(np.arange(48)))[None, :, None].astype("float32")
    near, _ = SeriesDecomposition(5)(x)
    far, _ = SeriesDecomposition(5)(x + np.float32(1e6))
    assert_allclose(ops.convert_to_numpy(far), ops.convert_to_numpy(near), atol=0.07)  # one ulp


def test_even_windows_are_refused_with_a_way_out():
    with pytest.raises(
        ValueError, match="kernel_size must be an odd positive int. Got 4. Use 3 or"
    ):
        SeriesDecomposition(4)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, SeriesDecomposition(kernel_size=3)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(1, 9, 2)).astype("float32")
    for got, want in zip(loaded(x), model(x), strict=True):
        assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(want))
