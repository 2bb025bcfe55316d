"""Scales by series: right numbers, exact doubling, answers in the user's own kind."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from tsmodels.data.scaling import METHODS, Scaler, affine_statistics

RNG = np.random.default_rng(0)
LENGTHS = [30, 30, 7, 1, 2]
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
VALUES = RNG.normal(50, 10, (OFFSETS[-1], 2)) * np.repeat([1, 100, 1e-6, 1, 1], LENGTHS)[:, None]
HOLES = np.where(RNG.random(VALUES.shape) < 0.1, np.nan, VALUES)
TRANSFORMERS = [
    StandardScaler(),
    RobustScaler(),
    MinMaxScaler(),
    MinMaxScaler((-1, 3)),
    MaxAbsScaler(),
]


def known(values, s, c):
    part = values[OFFSETS[s] : OFFSETS[s + 1], c]
    return part[~np.isnan(part)]


def by_hand(method, y, m=4):
    if method == "standard":
        return y.mean(), y.std()
    if method == "robust":
        low, median, high = np.percentile(y, [25, 50, 75])
        return median, high - low
    if method == "minmax":
        return y.min(), y.max() - y.min()
    if method == "mean_abs":
        return 0.0, np.abs(y).mean()
    if method == "seasonal_naive":
        lag = m if len(y) > m else 1
        return 0.0, np.abs(y[lag:] - y[:-lag]).mean() if len(y) > 1 else np.abs(y).mean()
    return 0.0, 1.0


@pytest.mark.parametrize("method", METHODS)
def test_statistics_equal_those_made_by_hand(method):
    shift, scale = affine_statistics(method, VALUES, OFFSETS, season_length=4)
    for s in range(len(LENGTHS)):
        for c in range(2):
            a, b = by_hand(method, known(VALUES, s, c))
            np.testing.assert_allclose([shift[s, c], scale[s, c]], [a, b or 1.0], rtol=1e-12)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "seasonal_naive"])
def test_missing_values_are_left_out(method):
    shift, scale = affine_statistics(method, HOLES, OFFSETS)
    for s in range(3):
        for c in range(2):
            expected = by_hand(method, known(HOLES, s, c))
            np.testing.assert_allclose([shift[s, c], scale[s, c]], expected, rtol=1e-12)


def test_seasonal_naive_with_missing_values():
    values = np.array([[1.0], [2.0], [np.nan], [5.0], [9.0], [6.0]])
    _, scale = affine_statistics("seasonal_naive", values, np.array([0, 6]), season_length=2)
    assert scale.item() == (3 + 1) / 2  # |5 - 2| and |6 - 5|; the other two pairs have a hole


@pytest.mark.parametrize("method", [*METHODS[:-1], *TRANSFORMERS], ids=str)
@pytest.mark.parametrize("values", [VALUES, HOLES], ids=["complete", "holes"])
def test_doubling_the_series_doubles_the_statistics_exactly(method, values):
    long = slice(0, OFFSETS[3])
    shift, scale = affine_statistics(method, values[long], OFFSETS[:4], season_length=4)
    twice = affine_statistics(method, 2 * values[long], OFFSETS[:4], season_length=4)
    assert (twice[0] == 2 * shift).all() and (twice[1] == 2 * scale).all()


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("series", [[3.0], [0.1] * 50, [0.0] * 5, [np.nan] * 4, [-7.5, -7.5]])
def test_degenerate_series_get_usable_numbers(method, series):
    values = np.array(series)[:, None]
    shift, scale = affine_statistics(method, values, np.array([0, len(series)]), season_length=3)
    assert np.isfinite(shift).all() and np.isfinite(scale).all() and (scale > 1e-3).all()
    if method in ("standard", "robust", "minmax"):
        assert scale.item() == 1.0


def test_a_series_that_repeats_itself_is_scaled_by_its_steps():
    y = np.sin(np.arange(96) * 2 * np.pi / 24)[:, None] * 1e6
    _, scale = affine_statistics("seasonal_naive", y, np.array([0, 96]), season_length=24)
    np.testing.assert_allclose(scale.item(), np.abs(np.diff(y[:, 0])).mean())


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
@pytest.mark.parametrize("values", [VALUES, HOLES], ids=["complete", "holes"])
def test_scikit_learn_scalers_are_read_off(transformer, values):
    shift, scale = affine_statistics(transformer, values, OFFSETS)
    for s in range(3):
        for c in range(2):
            y = known(values, s, c)[:, None]
            expected = clone(transformer).fit_transform(y)
            np.testing.assert_allclose((y - shift[s, c]) / scale[s, c], expected, atol=1e-9)
    assert not hasattr(transformer, "n_features_in_")


@pytest.mark.parametrize("bent", [QuantileTransformer(n_quantiles=5), PowerTransformer()])
def test_transformers_that_are_no_straight_line_are_refused(bent):
    with pytest.raises(
        ValueError, match=f"scaler must be .* straight line. Got '{type(bent).__name__}'"
    ):
        affine_statistics(bent, VALUES[:30], np.array([0, 30]))


def test_unknown_methods_and_seasons():
    with pytest.raises(ValueError, match="scaler must be one of .*Did you mean 'standard'"):
        affine_statistics("standart", VALUES, OFFSETS)
    with pytest.raises(ValueError, match="season_length must be a positive int. Got 0."):
        affine_statistics("standard", VALUES, OFFSETS, season_length=0)


# --- Scaler ---------------------------------------------------------------------------------------


def long_frame():
    frame = pd.DataFrame(
        {
            "unique_id": ["b"] * 4 + ["a"] * 3,
            "ds": [*range(4), *range(3)],
            "y": [1.0, 2, 3, 6, 10, 20, 30],
            "other": "kept",
        },
        index=list("stuvwxy"),
    )
    return frame.sample(frac=1, random_state=1)


def test_long_frames_are_scaled_id_by_id_in_their_own_order():
    frame = long_frame()
    scaled = Scaler("minmax").fit_transform(frame)
    expected = frame.groupby("unique_id")["y"].transform(
        lambda y: (y - y.min()) / (y.max() - y.min())
    )
    pd.testing.assert_frame_equal(scaled, frame.assign(y=expected))


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("kind", ["long", "polars", "pyarrow", "wide", "series", "array", "matrix"])
def test_inverse_transform_gives_back_what_went_in(method, kind):
    index = pd.date_range("2024-01-01", periods=3)[::-1]
    wide = pd.DataFrame({"b": [1.0, 5, 7], "a": [2, 3, 9.5]}, index=index)
    X = {
        "long": long_frame(),
        "polars": pl.from_pandas(long_frame()),
        "pyarrow": pa.Table.from_pandas(long_frame(), preserve_index=False),
        "wide": wide,
        "series": wide["a"],
        "array": np.array([1.0, 5, 7]),
        "matrix": wide.to_numpy(),
    }[kind]
    scaler = Scaler(method).fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    assert type(back) is type(X)
    if kind == "pyarrow":
        X, back = X.to_pandas(), back.to_pandas()
    if isinstance(X, np.ndarray):
        np.testing.assert_allclose(back, X)
    elif isinstance(X, pl.DataFrame):
        assert back.equals(X) or np.allclose(back["y"], X["y"])
        assert back.columns == X.columns
    else:
        (pd.testing.assert_series_equal if kind == "series" else pd.testing.assert_frame_equal)(
            back, X
        )


def test_matrix_columns_have_their_own_scale():
    X = np.array([[1.0, 10], [3, 50]])
    assert Scaler("minmax").fit_transform(X).tolist() == [[0, 0], [1, 1]]


def test_ids_unknown_to_fit_get_the_scale_of_all_rows():
    scaler = Scaler("minmax").fit(long_frame())
    new = pd.DataFrame({"unique_id": "new", "ds": [0, 1], "y": [1.0, 30.0]})
    assert scaler.transform(new)["y"].tolist() == [0, 1]


def test_columns_unknown_to_fit_are_refused():
    scaler = Scaler().fit(np.ones((5, 2)))
    with pytest.raises(
        ValueError, match=r"X must be one whose columns were seen in fit.*Got \[2\]"
    ):
        scaler.transform(np.ones((5, 3)))


def test_irregular_stamps_are_no_matter():
    frame = pd.DataFrame({"unique_id": "a", "ds": [0, 5, 6, 100], "y": [0.0, 1, 2, 4]})
    assert Scaler("minmax").fit_transform(frame)["y"].tolist() == [0, 0.25, 0.5, 1]


def test_the_constructor_remembers_and_clone_knows():
    scaler = Scaler("robust", season_length=7, target="load")
    assert clone(scaler).get_params() == {"method": "robust", "season_length": 7, "target": "load"}
    assert Scaler(StandardScaler()).fit_transform(np.array([[1.0], [3.0]])).tolist() == [[-1], [1]]


def test_first_step_of_a_pipeline():
    X = RNG.normal(size=(40, 3)) * [1, 1e6, 1e-6]
    y = X @ [1, 1e-6, 1e6]
    assert make_pipeline(Scaler(), Ridge(1e-6)).fit(X, y).score(X, y) > 0.999


@settings(max_examples=50, deadline=None)
@given(
    y=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=20),
    method=st.sampled_from(["standard", "robust", "minmax", "mean_abs", "seasonal_naive"]),
)
def test_the_way_there_and_back(y, method):
    X = np.array(y)
    scaler = Scaler(method, season_length=2).fit(X)
    np.testing.assert_allclose(
        scaler.inverse_transform(scaler.transform(X)), X, atol=1e-9 * (1 + np.abs(X).max())
    )
