"""Windows as start indices: which rows a window sees, and which it does not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from tsmodels.data.scaling import Scaler
from tsmodels.data.windows import WindowTransformer, fill, make_windows, spread


def long_frame(lengths, start="2024-01-01"):
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": pd.date_range(start, periods=n, freq="h"),
                "y": 1000.0 * i + np.arange(n),
            }
        )
        for i, n in enumerate(lengths)
    ]
    return pd.concat(parts, ignore_index=True)


@given(
    lengths=st.lists(st.integers(2, 30), min_size=1, max_size=4),
    lookback=st.integers(1, 6),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 5),
)
def test_windows_are_the_slices_of_each_series(lengths, lookback, horizon, stride):
    frame = long_frame(lengths)
    want = []
    for _, part in frame.groupby("unique_id", sort=False):
        y = part.y.to_numpy()
        cutoffs = range(len(y) - horizon, lookback - 1, -stride)
        want += [(y[c - lookback : c], y[c : c + horizon]) for c in reversed(cutoffs)]
    if not want:
        with pytest.raises(ValueError, match="lookback must be|horizon must be"):
            make_windows(frame, lookback, horizon, stride=stride)
        return
    windows = make_windows(frame, lookback, horizon, stride=stride)
    assert_array_equal(windows.past[:, :, 0], [past for past, _ in want])
    assert_array_equal(windows.future[:, :, 0], [future for _, future in want])


def test_memory_is_that_of_the_rows():
    windows = make_windows(np.arange(10_000.0), 500, 100)
    assert len(windows) == 9_401 and windows.values.nbytes == 40_000
    assert windows.cutoffs.nbytes + windows.firsts.nbytes + windows.series.nbytes < 250_000


def test_too_long_a_lookback_names_the_largest_that_works():
    with pytest.raises(ValueError, match=r"lookback must be at most 17 \(.*20 rows.*3\). Got 18"):
        make_windows(long_frame([5, 20]), 18, 3)
    assert len(make_windows(long_frame([5, 20]), 17, 3)) == 1


def test_too_long_a_horizon():
    with pytest.raises(ValueError, match="horizon must be shorter than the longest series"):
        make_windows(np.arange(5.0), 1, 5)


def test_padded_windows_repeat_the_first_value_and_say_so():
    windows = make_windows(np.arange(10.0), 4, 2)
    early = windows.take([0])
    object.__setattr__(early, "cutoffs", np.array([2]))
    batch = early.batch(slice(None))
    assert_array_equal(batch.past[0, :, 0], [0, 0, 0, 1])
    assert_array_equal(batch.observed, [[0, 0, 1, 1]])
    assert early.padded.all() and batch.weight is None


def test_missing_values_are_filled_and_masked():
    y = np.array([1.0, np.nan, 3.0, 4.0, np.nan, 6.0])
    windows = make_windows(y, 3, 1)
    batch = windows.batch(slice(None))
    assert_array_equal(batch.past[:, :, 0], [[1, 1, 3], [1, 3, 4], [3, 4, 4]])
    assert_array_equal(batch.observed, [[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    assert_array_equal(batch.weight, [[1], [0], [1]])


def test_fill_stays_within_a_series():
    values = np.array([[np.nan], [1.0], [np.nan], [np.nan], [2.0], [np.nan], [np.nan]])
    filled, observed = fill(values, np.array([0, 3, 5, 7]))
    assert_array_equal(filled[:, 0], [np.nan, 1, 1, np.nan, 2, np.nan, np.nan])
    assert_array_equal(observed, [False, True, False, False, True, False, False])


@given(
    low=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    span=st.integers(-3, 9),
    stride=st.integers(1, 4),
)
def test_spread_counts_back_from_the_end(low, span, stride):
    low = np.array(low)
    numbers, series = spread(low, low + span, stride)
    want = [list(range(a + span, a - 1, -stride))[::-1] for a in low]
    assert numbers.tolist() == [n for part in want for n in part]
    assert series.tolist() == [s for s, part in enumerate(want) for _ in part]


def test_transformer_keeps_the_order_of_rows():
    frame = long_frame([6, 4])
    shuffled = frame.sample(frac=1.0, random_state=0)
    straight = WindowTransformer(3).fit_transform(frame)
    assert straight.shape == (10, 3)
    assert_array_equal(straight[6], [1000, 1000, 1000])
    assert_array_equal(straight[8], [1000, 1001, 1002])
    assert_array_equal(WindowTransformer(3).fit_transform(shuffled), straight[shuffled.index])


def test_transformer_on_a_matrix_keeps_channels():
    x = np.arange(12.0).reshape(6, 2)
    windows = WindowTransformer(2, flatten=False).fit_transform(x)
    assert windows.shape == (6, 2, 2)
    assert_array_equal(windows[3], x[2:4])
    with pytest.raises(ValueError, match="X must be data with the 2 channels seen in fit"):
        WindowTransformer(2).fit(x).transform(x[:, :1])


def test_pipeline_forecasts_a_season_one_step_ahead():
    x = np.sin(np.arange(300) * 2 * np.pi / 24)
    model = make_pipeline(Scaler(), WindowTransformer(48), Ridge(alpha=1e-6))
    model = clone(model).fit(x[:200], x[1:201])
    assert np.abs(model.predict(x[:-1])[200:] - x[201:]).max() < 0.01  # 48 of 200 rows are padded


def test_transformer_shows_no_later_row():
    windows = WindowTransformer(2).fit_transform(np.array([np.nan, np.nan, 5.0, np.nan, 6.0]))
    nan = np.nan
    assert_array_equal(windows, [[nan, nan], [nan, nan], [nan, 5], [5, 5], [5, 6]])
