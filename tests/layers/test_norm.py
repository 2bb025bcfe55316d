"""RevIN: its statistics by hand, its inverse, masks, offsets, constants in backpropagation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import MambaBlock, MultiHeadAttention, SequencePooling
from tsmodels.layers.norm import PreNorm, RevIN

pytestmark = pytest.mark.backend
CENTRES = ["mean", "last", "season"]


def array(tensor):
    return ops.convert_to_numpy(tensor)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def by_hand(x, centre, season_length=1):
    """Statistics of one channel of one window, in float64."""
    x = np.asarray(x, "float64")
    if centre == "season":
        middle = x[-season_length:].mean()
        return middle, np.abs(x - middle).mean() or 1.0
    return (x.mean() if centre == "mean" else x[-1]), np.sqrt(x.var() + 1e-5)


@pytest.mark.parametrize("centre", CENTRES)
def test_statistics_and_inverse(centre):
    x = series(3, 12, 2)
    revin = RevIN(centre, season_length=4)
    z, statistics = revin(x)
    for b, c in np.ndindex(3, 2):
        middle, scale = by_hand(x[b, :, c], centre, 4)
        assert_allclose(array(statistics)[b, :, c], [middle, scale], rtol=1e-5, atol=1e-6)
        assert_allclose(array(z)[b, :, c], (x[b, :, c] - middle) / scale, rtol=1e-4, atol=1e-5)
    assert_allclose(array(revin(z, statistics=statistics)), x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("centre", CENTRES)
def test_offset_of_a_million_keeps_the_digits(centre):
    spread = np.round(series(2, 24, 2) * 100)  # whole numbers, exact in float32 beside 1e6
    z, statistics = RevIN(centre, season_length=6)(spread + np.float32(1e6))
    expected, _ = RevIN(centre, season_length=6)(spread)
    assert_allclose(array(z), array(expected), rtol=1e-5, atol=1e-5)
    back = array(RevIN(centre)(z, statistics=statistics))
    assert_allclose(back, spread + 1e6, rtol=2e-7)


@pytest.mark.parametrize("centre", CENTRES)
def test_unit_of_measure_does_not_matter(centre):
    x = 1e3 * series(2, 16, 1)
    revin = RevIN(centre, season_length=5)
    assert_allclose(array(revin(2 * x)[0]), array(revin(x)[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("rank", [2, 3])
def test_unobserved_steps_do_not_count(centre, rank):
    x = series(2, 10, 2)
    observed = np.ones((2, 10), bool)
    observed[0, [0, 1, 5]] = observed[1, 7:] = False
    spoilt = np.where(observed[..., None], x, np.nan).astype("float32")
    mask = observed if rank == 2 else observed[..., None].astype("float32")
    z, statistics = RevIN(centre, season_length=2)(spoilt, observed=mask)
    for b, c in np.ndindex(2, 2):
        seen = x[b, observed[b], c]
        middle, scale = by_hand(seen, centre, 2)
        assert_allclose(array(statistics)[b, :, c], [middle, scale], rtol=1e-5, atol=1e-6)
        assert_allclose(array(z)[b, observed[b], c], (seen - middle) / scale, rtol=1e-4, atol=1e-5)
    assert_allclose(array(z)[~observed], 0.0)


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("value", [0.0, 1e6, -3.3e-7])
def test_constant_and_empty_windows_are_finite(centre, value):
    x = np.full((2, 6, 1), value, "float32")
    observed = np.array([[True] * 6, [False] * 6])
    z, statistics = RevIN(centre, season_length=2)(x, observed=observed)
    assert_allclose(array(z), 0.0, atol=1e-6)
    assert_allclose(array(statistics)[1], [[0.0], [1.0]])
    assert_allclose(array(statistics)[0, 0], value, rtol=1e-6)
    if centre == "season":
        assert_allclose(array(statistics)[0, 1], 1.0)


def test_inverse_of_fewer_channels_means_the_first_ones():
    x = series(2, 8, 3)
    revin = RevIN(affine=True)
    z, statistics = revin(x)
    revin.set_weights([np.array([0.5, 2.0, 3.0]), np.array([1.0, -1.0, 0.0])])
    z, statistics = revin(x)
    back = revin(z[..., :2], statistics=statistics)
    assert_allclose(array(back), x[..., :2], rtol=1e-5, atol=1e-5)


def test_saves_and_loads_in_a_functional_model(tmp_path):
    inputs = keras.Input((8, 2))
    revin = RevIN("season", affine=True, season_length=4)
    z, statistics = revin(inputs)
    outputs = revin(keras.layers.Dense(2)(z), statistics=statistics)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "revin.keras")
    loaded = keras.models.load_model(tmp_path / "revin.keras")
    x = series(3, 8, 2)
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-6)


def test_unknown_centre_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'mean'"):
        RevIN("means")
    with pytest.raises(ValueError, match="season_length must be a positive int. Got 0."):
        RevIN("season", season_length=0)


# --- PreNorm --------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", [lambda: MambaBlock(2), lambda: MultiHeadAttention(2)])
def test_a_mask_goes_through(inner):
    """Ids 0 are padding: before, between and after the others they change nothing."""
    layers = [keras.layers.Embedding(9, 4, mask_zero=True), PreNorm(inner()), SequencePooling()]
    model = keras.Sequential([keras.Input((None,)), *layers])
    want = array(model(np.array([[5, 2, 7]])))
    for ids in ([5, 2, 7, 0, 0], [0, 0, 5, 2, 7], [5, 0, 2, 0, 7]):
        assert_allclose(array(model(np.array([ids]))), want, atol=1e-6)


def test_a_config_is_left_as_it_is():
    config = PreNorm(keras.layers.Dense(4), dropout=0.5).get_config()
    first, second = (PreNorm.from_config(config) for _ in range(2))
    assert first.get_config() == second.get_config() == config


# --- half precision -------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("centre", CENTRES)
def test_half_precision_keeps_offsets(policy, centre):
    x = np.float32(1e6) + np.round(series(2, 24, 2) * 100)
    revin = RevIN(centre, season_length=6, dtype=policy)
    z, statistics = revin(x)
    want, _ = RevIN(centre, season_length=6)(x)
    assert_allclose(array(ops.cast(z, "float32")), array(want), rtol=2**-7, atol=1e-2)
    back = array(ops.cast(revin(z, statistics=statistics), "float32"))
    assert np.abs(back - x).max() < 0.05 * np.ptp(x)


def test_a_mask_of_keras_says_what_was_observed():
    x, mask = series(2, 6, 1), np.array([[True] * 4 + [False] * 2, [True] * 6])
    z, statistics = RevIN()(x, mask=mask)
    want, wanted = RevIN()(x, observed=mask)
    assert_allclose(array(z), array(want)), assert_allclose(array(statistics), array(wanted))
