"""Forecasts that add up: what each method must do, and what it must leave alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from tsmodels import reconcile
from tsmodels.data.hierarchy import METHODS, reconciled, summing_matrix

IDS = ["all", "north", "south", "a", "b", "c"]
PARTS = {"all": ["north", "south"], "north": ["a", "b"], "south": ["c"]}
S, BOTTOM = summing_matrix(IDS, PARTS)
numbers = st.floats(-1e3, 1e3)
every = pytest.mark.parametrize("method", METHODS)


def errors(n=60):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 6)) * [5.0, 2.0, 1.0, 1.0, 3.0, 0.5] + rng.standard_normal(
        (n, 1)
    )


def test_sums_of_sums():
    want = [[1, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert_allclose(S, want)
    assert BOTTOM.tolist() == [3, 4, 5]


@every
@settings(max_examples=25, deadline=None)
@given(yhat=arrays(np.float64, (6, 2), elements=numbers))
def test_answers_add_up_and_are_not_moved_again(method, yhat):
    once = reconciled(yhat, S, BOTTOM, method, errors())
    assert_allclose(once, S @ once[BOTTOM], atol=1e-6)
    assert_allclose(reconciled(once, S, BOTTOM, method, errors()), once, atol=1e-6)


@every
@settings(max_examples=25, deadline=None)
@given(bottom=arrays(np.float64, 3, elements=numbers))
def test_what_adds_up_already_stays(method, bottom):
    assert_allclose(reconciled(S @ bottom, S, BOTTOM, method, errors()), S @ bottom, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(yhat=arrays(np.float64, 6, elements=numbers), other=arrays(np.float64, 3, elements=numbers))
def test_ols_is_the_nearest_that_adds_up(yhat, other):
    nearest = reconciled(yhat, S, BOTTOM, "ols")
    assert np.sum((yhat - nearest) ** 2) <= np.sum((yhat - S @ other) ** 2) + 1e-6


def test_mint_beats_the_others_where_errors_go_together():
    """Errors of a known covariance: the map that knows it has the least error, in the mean."""
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((6, 6)) * [4.0, 2.0, 1.0, 1.0, 2.0, 0.5]
    draw = rng.standard_normal((4000, 6)) @ mix
    truth = S @ np.array([5.0, 2.0, 9.0])
    base = truth[:, None] + draw[2000:].T
    loss = {
        m: np.mean((reconciled(base, S, BOTTOM, m, draw[:2000]) - truth[:, None]) ** 2)
        for m in METHODS
    }
    assert loss["mint"] < min(loss["ols"], loss["wls"], loss["bottom_up"], np.mean(draw**2))


def test_frames_in_any_order_and_errors_of_a_backtest():
    stamps = pd.date_range("2024-01-01", periods=2)
    f = pd.DataFrame(
        {
            "unique_id": np.repeat(IDS, 2),
            "ds": np.tile(stamps, 6),
            "yhat": np.arange(12.0),
            "yhat-lo-80": 0.0,
        }
    ).sample(frac=1, random_state=0)
    y = errors(20)
    past = pd.DataFrame(
        {
            "unique_id": np.tile(IDS, 20),
            "ds": np.repeat(pd.date_range("2023-01-01", periods=20), 6),
            "y": y.ravel(),
            "yhat": 0.0,
        }
    )
    answer = reconcile(f, PARTS, "mint", past)
    assert answer.columns.tolist() == ["unique_id", "ds", "yhat"]
    assert answer.unique_id.tolist() == f.unique_id.tolist()
    wide = answer.pivot(index="unique_id", columns="ds", values="yhat")
    assert_allclose(wide.loc["all"], wide.loc[["a", "b", "c"]].sum())
    base = f.pivot(index="unique_id", columns="ds", values="yhat").loc[IDS].to_numpy()
    assert_allclose(wide.loc[IDS], reconciled(base, S, BOTTOM, "mint", y))


@pytest.mark.parametrize(
    "parts, method, sentence",
    [
        ({"all": ["north", "x"]}, "ols", "parts must be of the series .* Got 'x'"),
        ({"all": ["north"], "north": ["all"]}, "ols", "parts must be without circles"),
        (PARTS, "min", "method must be one of .*'min'"),
        (PARTS, "mint", r"errors must be an array \(m, 6\) of at least two errors"),
    ],
)
def test_what_cannot_be_reconciled(parts, method, sentence):
    f = pd.DataFrame({"unique_id": IDS, "ds": 1, "yhat": 1.0})
    with pytest.raises(ValueError, match=sentence):
        reconcile(f, parts, method)
    with pytest.raises(ValueError, match="every id at every stamp. Got .1 missing, first"):
        reconcile(pd.concat([f, f.assign(ds=2)]).iloc[:-1], PARTS)
