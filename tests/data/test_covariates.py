"""Covariates as data: roles, what is read, what is learned, what is known ahead."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.data.channels import Channels
from tsmodels.data.covariates import Roles
from tsmodels.data.cycles import cycle_features, cycles_of, holiday_features, read_holidays
from tsmodels.data.frame import make_panel
from tsmodels.data.future import with_future
from tsmodels.data.weights import weighted

ROLES = Roles(past=("wind",), future=("price", "day"), static=("shop",), categories=("day", "shop"))


def frame(n=4, ids=("b", "a")):
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-02-27", periods=n, freq="D"),
                "y": np.arange(n) + 10.0 * i,
                "wind": np.arange(n) * 2.0,
                "price": np.arange(n) * 3.0 + i,
                "day": ["mon", "tue", "mon", None][:n] + ["tue"] * (n - 4),
                "shop": f"shop {i}",
            }
        )
        for i, name in enumerate(ids)
    ]
    return pd.concat(parts, ignore_index=True)


def panel(f=None, **settings):
    return make_panel(frame() if f is None else f, roles=ROLES, **settings)


def channel_rows(learned, p):
    g = p.covariates.values.shape[1]
    return learned.rows(p, np.zeros((p.n_series, g)), np.ones((p.n_series, g)))


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas])
def test_columns_become_numbers_and_codes_in_the_order_of_roles(kind):
    shuffled = frame().sample(frac=1, random_state=0)
    p = panel(kind(shuffled.sort_values(["unique_id", "ds"], ascending=[False, True])))
    assert_array_equal(p.covariates.values[:4, 0], [0, 2, 4, 6])
    assert_array_equal(p.covariates.values[4:, 1], [1, 4, 7, 10])
    assert p.covariates.levels["day"] == ("mon", "tue")
    assert_array_equal(p.covariates.values[:4, 2], [0, 1, 0, np.nan])
    assert p.covariates.levels["shop"] == ("shop 0", "shop 1")
    assert_array_equal(p.covariates.static, [[0], [1]])


def test_rows_in_any_order_are_sorted_with_their_covariates():
    straight, shuffled = panel(), panel(frame().sample(frac=1, random_state=3))
    order = [straight.ids.tolist().index(name) for name in shuffled.ids.tolist()]
    again = straight.take(order)
    assert_array_equal(again.values, shuffled.values)
    assert_array_equal(again.covariates.values[:, :2], shuffled.covariates.values[:, :2])


def test_yes_and_no_are_one_and_zero():
    p = make_panel(frame().assign(open=[True, False] * 4)[["unique_id", "ds", "y", "open"]],
                   roles=Roles(future=("open",)))  # fmt: skip
    assert_array_equal(p.covariates.values[:4, 0], [1, 0, 1, 0])


def test_a_closed_gap_has_no_covariates():
    p = panel(frame().drop(index=2))
    assert_array_equal(p.values[:4, 0], [0, 1, np.nan, 3])
    assert_array_equal(p.covariates.values[:4, 1], [0, 3, np.nan, 9])


def test_cuts_cut_covariates_too():
    p = panel()
    assert_array_equal(p.tail(1).covariates.values[:, 1], [9, 10])
    assert_array_equal(p.head(2).covariates.values[:, 1], [0, 3, 1, 4])
    assert_array_equal(p.take([1]).covariates.static, [[1]])


# --- known ahead ----------------------------------------------------------------------------------


def ahead(n=8):
    return frame(n).drop(columns=["y", "wind", "shop"]).iloc[::-1]


def test_future_rows_are_found_by_id_and_stamp_wherever_they_stand():
    p = with_future(panel(), ahead(), 3)
    assert_array_equal(p.ahead[:, :, 0], [[12, 15, 18], [13, 16, 19]])
    extended = p.extended(3)
    assert_array_equal(extended.ds[4:7], p.future(3)[0])
    assert_array_equal(extended.covariates.known[4:7, 0], [12, 15, 18])
    assert_array_equal(extended.covariates.values[4:7, 0], [np.nan] * 3)  # of the past alone
    assert np.isnan(extended.values[4:7]).all()
    assert_array_equal(extended.values[7:11, 0], p.values[4:, 0])


def test_new_categories_of_the_future_come_after_those_of_the_past():
    p = with_future(panel(), ahead().replace("tue", "sun"), 1)
    assert p.covariates.levels["day"] == ("mon", "tue", "sun")
    assert_array_equal(p.ahead[:, 0, 1], [2, 2])


def test_one_series_needs_no_ids():
    roles = Roles(future=("price",))
    f = frame(8, "a").drop(columns=["unique_id", "wind", "day", "shop"])
    p = with_future(make_panel(f[:4], roles=roles), f[4:], 2)
    assert_array_equal(p.ahead[0, :, 0], [12, 15])


FUTURES = {
    "none at all": (lambda f: None, "future must be a frame with", "next 3 steps. Got None"),
    "no column": (lambda f: f.drop(columns="price"), "with a column 'price'"),
    "no stamps": (lambda f: f.drop(columns="ds"), "with a column 'ds'"),
    "undeclared": (lambda f: f.assign(rain=1), "columns are among", "Got ['rain']"),
    "too few": (
        lambda f: f[f.ds < "2024-03-04"],
        "a row for each id and each of the next 3 steps. Got '2 missing, first (b, 2024-03-04 00",
        "make_future_frame()",
    ),
    "other stamps": (
        lambda f: f.assign(ds=f.ds + pd.Timedelta("1h")),
        "Got '6 missing, first (b, 2024-03-02 00:00:00)'",
    ),
    "other ids": (
        lambda f: f.replace({"unique_id": {"a": "c"}}),
        "3 missing, first (a, 2024-03-02",
    ),
    "doubled": (lambda f: pd.concat([f, f]), "future must be a frame with one row for each"),
    "unknown values": (
        lambda f: f.assign(price=f.price.where(f.ds != "2024-03-03")),
        "known values of ['price', 'day'] for the next 3 steps. Got '2 missing, first (b, 2024-03",
    ),
    "a zone": (
        lambda f: f.assign(ds=f.ds.dt.tz_localize("UTC")),
        "future must be a frame whose ds are in the time zone of X, None. Got 'UTC'",
    ),
    "whole numbers": (lambda f: f.assign(ds=range(len(f))), "ds are stamps, as in X", "whole numb"),
    "no ids": (lambda f: f.drop(columns="unique_id").iloc[:8], "with a column 'unique_id'"),
    "text": (lambda f: f.assign(price="dear"), "'price' must be of real numbers", "categories=["),
}


@pytest.mark.parametrize("change, parts", [(c, p) for c, *p in FUTURES.values()], ids=FUTURES)
def test_futures_are_refused_with_a_sentence(change, parts):
    with pytest.raises((ValueError, TypeError)) as caught:
        with_future(panel(), change(ahead()), 3)
    for part in (*parts, " must ", "Got"):
        assert part in str(caught.value)


def test_what_is_not_known_stays_missing_where_the_last_value_may_stand_in():
    part = ahead().query("ds < '2024-03-04'")
    p = with_future(panel(), part, 3, missing="last")
    assert_array_equal(p.ahead[0, :, 0], [12, 15, np.nan])
    assert np.isnan(with_future(panel(), None, 3, missing="last").ahead).all()


# --- channels -------------------------------------------------------------------------------------


def test_channels_of_a_row_are_those_of_the_past_then_those_known_with_codes_last():
    learned = Channels.learn(panel())
    assert (learned.n_channels, learned.n_known, learned.n_static) == (3, 2, 1)
    assert learned.places == ((2, 2),) and learned.static_places == ((0, 2),)
    rows = channel_rows(learned, panel())
    assert_array_equal(rows[:4], [[0, 0, 1], [2, 3, 2], [4, 6, 1], [6, 9, 0]])
    assert_array_equal(learned.statics(panel()), [[1], [2]])


def test_missing_numbers_are_the_last_before_them_beside_a_flag():
    f = frame()
    f.loc[[0, 2, 6], "wind"] = np.nan
    learned = Channels.learn(panel(f))
    assert learned.gappy == ("wind",) and learned.n_channels == 4
    rows = channel_rows(learned, panel(f))
    assert_array_equal(rows[:, 0], [0, 2, 2, 6, 0, 2, 2, 6])  # 0, the mean, before the first
    assert_array_equal(rows[:, 1], [0, 1, 0, 1, 1, 1, 0, 1])


def test_what_only_later_rows_hold_is_unknown():
    f = frame()
    f["day"] = ["mon", "tue", "sun", "tue"] * 2
    learned = Channels.learn(panel(f).head(2))
    assert learned.levels["day"] == ("mon", "tue")
    assert_array_equal(channel_rows(learned, panel(f))[:4, 2], [1, 2, 0, 2])
    with pytest.warns(UserWarning, match=r"'day' has 1 categories .* \['sun'\]"):
        learned.tell_unknown(panel(f))


def test_codes_do_not_depend_on_the_order_of_rows():
    one, other = (Channels.learn(panel(f)) for f in (frame(), frame().iloc[::-1]))
    assert one.levels == other.levels


# --- the calendar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "freq, names",
    [
        ("15min", ("hour", "day", "week", "month", "year")),
        ("h", ("day", "week", "month", "year")),
        ("D", ("week", "month", "year")),
        ("B", ("week", "month", "year")),
        ("W-SUN", ("month", "year")),
        ("MS", ("year",)),
        ("QE-DEC", ("year",)),
        ("YS-JAN", ()),
    ],
)
def test_cycles_follow_from_the_frequency(freq, names):
    stamps = pd.date_range("2023-01-01", periods=60, freq=freq)
    calendar = make_panel(pd.Series(np.arange(60.0), stamps), freq=freq).calendar
    assert cycles_of(calendar) == names
    assert cycles_of(calendar, span=0.0) == ()


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)))
def test_cycles_are_points_on_circles_and_come_round(stamp):
    wall = np.array([stamp, stamp + datetime.timedelta(days=7)], "M8[us]")
    values = cycle_features(["day", "week"], wall)
    assert_allclose(values[:, 0::2] ** 2 + values[:, 1::2] ** 2, 1.0)
    assert_allclose(values[0], values[1], atol=1e-9)


def test_the_time_of_day_is_that_of_the_user_across_a_clock_change():
    stamps = pd.date_range("2024-03-30 23:00", periods=6, freq="h", tz="Europe/Berlin")
    p = make_panel(pd.Series(np.arange(6.0), stamps))
    hours = np.arctan2(*cycle_features(["day"], p.calendar.wall(p.ds))[:, 1::-1].T) / np.pi * 12
    assert_allclose(np.round(hours % 24, 6), [23, 0, 1, 3, 4, 5])


def test_leap_days_and_month_ends_stay_inside_their_cycles():
    wall = np.array(["2024-02-29T12", "2023-12-31T23:59", "2024-12-31"], "M8[us]")
    values = cycle_features(["month", "year"], wall)
    assert np.abs(values).max() <= 1.0 and np.isfinite(values).all()
    assert_allclose(values[1, 2], 1.0, atol=1e-4)  # the year is almost round


def test_holidays_fall_on_their_days_by_the_users_clock():
    stamps = pd.date_range("2024-12-24 22:00", periods=6, freq="h", tz="Asia/Shanghai")
    p = make_panel(pd.Series(np.arange(6.0), stamps))
    lists = read_holidays({"x": ["2024-12-25"], "y": [], "z": [datetime.date(2024, 12, 24)]})
    assert_array_equal(
        holiday_features(lists, p.calendar.wall(p.ds)).T, [[0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]]
    )


@pytest.mark.parametrize("holidays", ["2024-12-25", [25], ["Christmas"], 3])
def test_holidays_that_are_no_dates_are_refused(holidays):
    with pytest.raises((TypeError, ValueError), match="holidays must be a list of dates"):
        read_holidays(holidays)


# --- weights --------------------------------------------------------------------------------------


def test_weights_follow_their_rows():
    f = frame().iloc[::-1].drop(index=2)
    p = weighted(panel(f), f.index.to_numpy(), len(f))
    assert_array_equal(p.ids, ["a", "b"])
    assert_array_equal(p.weights, [4, 5, 6, 7, 0, 1, 1, 3])  # the closed gap counts 1
    assert_array_equal(p.tail(1).weights, [7, 3])


def test_weights_of_ids_and_of_cells():
    assert_array_equal(weighted(panel(), {"a": 3}, 8).weights, [1] * 4 + [3] * 4)
    wide = np.arange(6.0).reshape(3, 2)
    assert_array_equal(weighted(make_panel(wide), wide, 3).weights, [0, 2, 4, 1, 3, 5])


@pytest.mark.parametrize(
    "weight, sentence",
    [
        ([1.0, 2.0], r"sample_weight must be of shape \(8,\). Got \(2,\)"),
        ([-1.0] * 8, "sample_weight must be finite and not negative. Got -1.0"),
        ([np.nan] * 8, "finite and not negative. Got nan"),
        ("abc", "sample_weight must be an array with a number a row"),
        ({"c": 1.0}, "sample_weight must be weights by id. Got 'c'"),
        ({"a": -1.0}, r"sample_weight\['a'\] must be a finite number"),
    ],
)
def test_weights_that_cannot_be_used(weight, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        weighted(panel(), weight, 8)
