"""Rolling origins: time flows one way, no row is dropped, ragged ids break nothing."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, check_cv, cross_val_predict

from tsmodels.data.splits import RollingOrigin


def long_frame(lengths=(10, 6), shift=0):
    parts = [
        pd.DataFrame({"unique_id": f"s{i}", "ds": np.arange(n) + shift * i, "y": 1.0 * i})
        for i, n in enumerate(lengths)
    ]
    return pd.concat(parts, ignore_index=True)


def listed(cv, X):
    return [(train.tolist(), test.tolist()) for train, test in cv.split(X)]


def test_one_series_by_hand():
    assert listed(RollingOrigin(2, n_splits=2, step=3, gap=1), np.arange(9.0)) == [
        ([0, 1, 2], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ]


def test_max_train_size_keeps_the_rows_next_to_the_cutoff():
    cv = RollingOrigin(2, n_splits=1, gap=1, max_train_size=3)
    assert listed(cv, np.arange(9.0)) == [([3, 4, 5], [3, 4, 5, 6, 7, 8])]


def test_by_series_counts_from_each_end_and_short_ids_sit_out():
    splits = listed(RollingOrigin(2, n_splits=3), long_frame((8, 5)))
    assert splits == [
        ([0, 1], [0, 1, 2, 3]),  # five rows leave nothing before this cutoff
        ([0, 1, 2, 3, 8], [0, 1, 2, 3, 4, 5, 8, 9, 10]),
        ([*range(6), 8, 9, 10], list(range(13))),
    ]


def test_by_time_uses_common_stamps():
    frame = long_frame((8, 5), shift=3)  # the second id has stamps 3 to 7
    assert listed(RollingOrigin(2, n_splits=3, by="time"), frame) == [
        ([0, 1], [0, 1, 2, 3]),  # no history of the second id yet
        ([0, 1, 2, 3, 8], [0, 1, 2, 3, 4, 5, 8, 9, 10]),
        ([*range(6), 8, 9, 10], list(range(13))),
    ]


def test_by_time_tests_no_id_that_has_ended():
    frame = long_frame((8, 5))  # the second id ends at stamp 4
    train, test = list(RollingOrigin(2, n_splits=1, by="time").split(frame))[0]
    assert train.tolist() == [*range(6), *range(8, 13)]
    assert test.tolist() == list(range(8))


FRAMES = st.lists(st.integers(1, 12), min_size=1, max_size=4).filter(lambda n: max(n) >= 9)


@settings(max_examples=60, deadline=None)
@given(
    lengths=FRAMES,
    seed=st.integers(0, 10**6),
    horizon=st.integers(1, 3),
    gap=st.integers(0, 2),
    by=st.sampled_from(["series", "time"]),
)
def test_time_flows_one_way_in_any_row_order(lengths, seed, horizon, gap, by):
    frame = long_frame(lengths).sample(frac=1, random_state=seed)
    cv = RollingOrigin(horizon, n_splits=2, step=2, gap=gap, by=by)
    for train, test in cv.split(frame):
        assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
        ahead = np.setdiff1d(test, train)
        latest = frame.iloc[train].groupby("unique_id")["ds"].max()
        for name, part in frame.iloc[ahead].groupby("unique_id"):
            assert part["ds"].min() > latest[name]
            assert len(part) == horizon + gap
            of_id = np.flatnonzero(frame["unique_id"] == name)
            assert set(np.intersect1d(train, of_id)) <= set(test)
    last = frame.iloc[test].groupby("unique_id")["ds"].max()
    assert (last == frame.groupby("unique_id")["ds"].max()[last.index]).all()  # no row left over


def test_shuffled_rows_give_the_same_rows():
    frame = long_frame()
    mixed = frame.sample(frac=1, random_state=3)
    for plain, other in zip(
        RollingOrigin(2).split(frame), RollingOrigin(2).split(mixed), strict=True
    ):
        for a, b in zip(plain, other, strict=True):
            assert set(frame.index[a]) == set(mixed.index[b])


def test_every_form_that_fit_takes():
    index = pd.date_range("2024-01-01", periods=9, freq="h")
    expected = listed(RollingOrigin(2), np.arange(9.0))
    wide = pd.DataFrame({"a": 1.0, "b": 2.0}, index=index)
    long = pd.DataFrame({"ds": index, "y": 1.0, "covariate": "x"})
    for X in (wide, wide["a"], wide.to_numpy(), long, pl.from_pandas(long)):
        assert listed(RollingOrigin(2), X) == expected
    turned = listed(RollingOrigin(2, n_splits=1), wide[::-1])
    assert turned == [(list(range(2, 9)), list(range(9)))]


def test_too_few_rows_say_how_many_splits_work():
    with pytest.raises(ValueError, match=r"n_splits must be at most 2 for 9 rows.*Got 4\."):
        next(RollingOrigin(4, n_splits=4).split(np.arange(9.0)))
    assert len(listed(RollingOrigin(4, n_splits=2), np.arange(9.0))) == 2
    with pytest.raises(ValueError, match="n_splits must be at most 4 for 10 stamps"):
        next(RollingOrigin(2, n_splits=5, by="time").split(long_frame()))
    with pytest.raises(ValueError, match="horizon must be less than the 9 rows .* gap 1. Got 8."):
        next(RollingOrigin(8, gap=1, n_splits=1).split(np.arange(9.0)))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"horizon": 0}, "horizon must be a positive int. Got 0."),
        ({"horizon": 2, "n_splits": 0}, "n_splits must be a positive int"),
        ({"horizon": 2, "step": 0}, "step must be a positive int"),
        ({"horizon": 2, "gap": -1}, "gap must be an int of at least 0"),
        ({"horizon": 2, "max_train_size": 0}, "max_train_size must be a positive int"),
        ({"horizon": 2, "by": "times"}, "by must be one of .* Did you mean 'time'"),
    ],
)
def test_parameters_are_checked_when_splitting(options, sentence):
    cv = RollingOrigin(**options)
    with pytest.raises(ValueError, match=sentence):
        next(cv.split(np.arange(9.0)))


def test_repr_and_number_of_splits():
    cv = RollingOrigin(24, n_splits=5, by="time")
    assert repr(cv) == "RollingOrigin(horizon=24, n_splits=5, by='time')"
    assert cv.get_n_splits() == 5 and check_cv(cv).get_n_splits() == 5


class Rows(BaseEstimator):
    """Scores the number of rows it was fitted on."""

    def __init__(self, factor=1):
        self.factor = factor

    def fit(self, X, y=None):
        self.n_ = len(X)
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y=None):
        return self.factor * self.n_


def test_a_grid_search_over_a_ragged_frame():
    search = GridSearchCV(Rows(), {"factor": [1, 2]}, cv=RollingOrigin(2)).fit(long_frame((8, 5)))
    assert [search.cv_results_[f"split{i}_test_score"][0] for i in range(3)] == [2, 5, 9]
    with pytest.raises(ValueError, match="only works for partitions"):
        cross_val_predict(Rows(), long_frame(), cv=RollingOrigin(2))
