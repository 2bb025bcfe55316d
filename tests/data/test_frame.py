"""Every kind of input becomes the same panel; answers come out in the user's own kind."""

import datetime
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.data.answers import forecast_frame
from tsmodels.data.columns import factorize_runs
from tsmodels.data.frame import make_panel

START = pd.Timestamp("2024-01-01")


def long_frame(ids=("b", "a"), lengths=(4, 3), freq="D"):
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(START, periods=n, freq=freq)})
        for name, n in zip(ids, lengths, strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(y=np.arange(len(frame), dtype=float))


def refused(X, *parts, error=ValueError, **options):
    """`X` is refused with a sentence that has these parts in this order."""
    pattern = "(?s)" + ".*".join(re.escape(part) for part in parts)
    with pytest.raises(error, match=pattern):
        make_panel(X, **options)


# --- kinds of input -------------------------------------------------------------------------------


def test_long_frame():
    panel = make_panel(long_frame())
    assert panel.ids.tolist() == ["b", "a"]
    assert panel.offsets.tolist() == [0, 4, 7]
    assert panel.lengths.tolist() == [4, 3] and panel.n_series == 2
    assert panel.values.tolist() == [[float(i)] for i in range(7)]
    assert panel.ds.dtype == "M8[us]" and panel.values.dtype == np.float64
    assert panel.columns == ("y",) and panel.calendar.freqs == ("D",)


def test_panel_passes_through():
    panel = make_panel(long_frame())
    assert make_panel(panel) is panel


def test_long_frame_without_ids_is_one_series():
    panel = make_panel(long_frame().iloc[:4].drop(columns="unique_id"))
    assert panel.ids.tolist() == ["y"] and panel.lengths.tolist() == [4]


def test_several_targets_are_channels():
    frame = long_frame().assign(z=7.0)
    panel = make_panel(frame, target=["z", "y"])
    assert panel.columns == ("z", "y")
    assert panel.values[:2].tolist() == [[7.0, 0.0], [7.0, 1.0]]


@pytest.mark.parametrize("kind", ["index", "column", "polars", "pyarrow"])
def test_wide_frame(kind):
    index = pd.date_range(START, periods=3, freq="h", name="ds")
    wide = pd.DataFrame({"b": [1.0, 2, 3], "a": [4, 5, 6]}, index=index)
    if kind != "index":
        wide = wide.reset_index()
    if kind in ("polars", "pyarrow"):
        wide = pl.from_pandas(wide) if kind == "polars" else pa.Table.from_pandas(wide)
    panel = make_panel(wide)
    assert panel.ids.tolist() == ["b", "a"]
    assert panel.values.ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert panel.rows.tolist() == [0, 1, 2, 0, 1, 2]
    assert panel.calendar.freqs == ("h",)
    answer = forecast_frame(panel, np.array([1]), panel.future(1)[1], {"yhat": np.array([7.0])})
    assert type(answer) is type(wide)
    assert [str(name) for name in answer["unique_id"]] == ["a"]


def test_wide_frame_with_integer_index():
    panel = make_panel(pd.DataFrame({"b": [1.0, 2], "a": [3, 4]}))
    assert panel.ids.tolist() == ["b", "a"] and panel.ds.tolist() == [0, 1, 0, 1]


def test_series():
    series = pd.Series(
        [1.0, 2, 3], index=pd.period_range("2024-01", periods=3, freq="M"), name="co2"
    )
    panel = make_panel(series)
    assert panel.ids.tolist() == ["co2"]
    assert panel.ds[0] == np.datetime64("2024-01-01") and panel.calendar.freqs == ("MS",)
    assert make_panel(series.rename(None)).ids.tolist() == ["y"]
    assert make_panel(pd.Series([1.0, 2.0])).ds.tolist() == [0, 1]
    assert make_panel(pl.Series("load", [1.0, 2.0])).ids.tolist() == ["load"]


def test_arrays():
    one = make_panel(np.array([1, 2, 3]))
    assert one.ids.tolist() == ["y"] and one.values.ravel().tolist() == [1, 2, 3]
    two = make_panel(np.array([[1, 2], [3, 4], [5, 6]]))
    assert two.ids.tolist() == [0, 1] and two.values.ravel().tolist() == [1, 3, 5, 2, 4, 6]
    assert two.calendar.freqs == ("1",)


@pytest.mark.parametrize("dtype", ["float32", "int16", "Int64", "Float64", "double[pyarrow]"])
def test_number_types(dtype):
    panel = make_panel(long_frame().astype({"y": dtype}))
    assert panel.values.ravel().tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_nulls_are_nan():
    frame = long_frame().astype({"y": "Int64"})
    frame.loc[1, "y"] = pd.NA
    for X in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        assert np.flatnonzero(np.isnan(make_panel(X).values)).tolist() == [1]


@pytest.mark.parametrize(
    "turn",
    [
        lambda ds: ds.dt.as_unit("ns"),
        lambda ds: ds.dt.date,
        lambda ds: ds.dt.strftime("%Y-%m-%d"),
        lambda ds: ds.dt.to_period("D"),
        lambda ds: ds.astype("timestamp[us][pyarrow]"),
        lambda ds: ds.dt.strftime("%Y-%m-%d").astype("category"),
    ],
)
def test_kinds_of_stamps(turn):
    frame = long_frame()
    panel = make_panel(frame.assign(ds=turn(frame["ds"])))
    assert panel.ds.tolist() == make_panel(frame).ds.tolist()
    assert panel.calendar.tz is None


def test_text_with_offset_keeps_its_zone():
    text = [f"2024-01-0{day}T00:00:00+01:00" for day in (1, 2, 3)]
    panel = make_panel(pd.DataFrame({"ds": text, "y": 1.0}))
    assert str(panel.ds[0]) == "2023-12-31T23:00:00.000000"
    answer = forecast_frame(panel, np.zeros(1, int), panel.future(1)[0], {"yhat": np.ones(1)})
    assert answer["ds"][0].isoformat() == "2024-01-04T00:00:00+01:00"


def test_stamps_outside_nanoseconds():
    frame = pd.DataFrame({"ds": ["1066-10-14", "1067-10-14", "1068-10-14", "1069-10-14"], "y": 1.0})
    panel = make_panel(frame)
    assert str(panel.future(1)[0, 0])[:10] == "1070-10-14"


# --- order ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_shuffled_rows_give_the_same_series(seed, lengths):
    frame = long_frame([f"s{i}" for i in range(len(lengths))], lengths)
    mixed = frame.sample(frac=1, random_state=seed)
    plain, other = make_panel(frame, freq="D"), make_panel(mixed, freq="D")
    assert other.ids.tolist() == mixed["unique_id"].drop_duplicates().tolist()
    assert mixed["y"].to_numpy()[other.rows].tolist() == other.values.ravel().tolist()
    series = {name: position for position, name in enumerate(other.ids)}
    again = other.take([series[name] for name in plain.ids])
    assert again.values.tolist() == plain.values.tolist()
    assert again.ds.tolist() == plain.ds.tolist()


def test_rows_in_order_of_time():
    frame = long_frame().sort_values(["ds", "unique_id"], ascending=[True, False])
    panel = make_panel(frame)
    assert panel.values.ravel().tolist() == [0, 1, 2, 3, 4, 5, 6]


# --- panel ----------------------------------------------------------------------------------------


def test_head_tail_take_last_future():
    panel = make_panel(long_frame(lengths=(4, 3)))
    assert panel.tail(2).values.ravel().tolist() == [2, 3, 5, 6]
    assert panel.head(np.array([1, 9])).values.ravel().tolist() == [0, 4, 5, 6]
    assert panel.tail(np.array([0, 1])).lengths.tolist() == [0, 1]
    turned = panel.take([1, 0])
    assert turned.ids.tolist() == ["a", "b"] and turned.values.ravel().tolist() == [
        4,
        5,
        6,
        0,
        1,
        2,
        3,
    ]
    assert turned.last().astype("M8[D]").astype(str).tolist() == ["2024-01-03", "2024-01-04"]
    assert panel.future(2).astype("M8[D]").astype(str).tolist() == [
        ["2024-01-05", "2024-01-06"],
        ["2024-01-04", "2024-01-05"],
    ]


def test_one_piece_shares_memory():
    panel = make_panel(long_frame())
    assert np.shares_memory(panel.take([0]).tail(2).values, panel.values)


def test_a_series_without_rows_has_no_last():
    with pytest.raises(ValueError, match=r"panel must be of series with rows. Got \['b'\]"):
        make_panel(long_frame()).tail(np.array([0, 1])).last()


def test_panels_pickle():
    panel = make_panel(long_frame())
    again = pickle.loads(pickle.dumps(panel))
    assert again.future(1).tolist() == panel.future(1).tolist() and again.style == panel.style


# --- missing values -------------------------------------------------------------------------------


def gappy():
    frame = long_frame(lengths=(6, 3))
    frame.loc[4, "y"] = np.nan
    return frame.drop(index=[1, 2])


def test_mask_closes_gaps_with_nan():
    panel = make_panel(gappy(), missing="mask", freq="D")
    assert panel.lengths.tolist() == [6, 3]
    assert (
        np.isnan(panel.values.ravel()).tolist()
        == [False, True, True, False, True, False] + [False] * 3
    )
    assert panel.rows.tolist() == [0, -1, -1, 1, 2, 3, 4, 5, 6]
    assert np.unique(np.diff(panel.ds[:6])).tolist() == [datetime.timedelta(days=1)]


def test_interpolate_fills_inside_and_repeats_the_last_value():
    frame = gappy()
    frame.loc[[0, 8], "y"] = np.nan
    panel = make_panel(frame, missing="interpolate", freq="D")
    assert panel.values.ravel().tolist() == [3, 4, 5, 6, 7, 7]  # series a begins with its 3


def test_interpolate_leaves_series_without_values():
    panel = make_panel(long_frame().assign(y=np.nan), missing="interpolate")
    assert np.isnan(panel.values).all()


def test_error_counts_what_is_missing():
    refused(
        gappy(),
        "X must have no missing values with missing='error'. Got 3 in 1 series (b: 3).",
        "missing='mask'",
        missing="error",
        freq="D",
    )
    assert make_panel(long_frame(), missing="error").n_series == 2


def test_gaps_are_closed_in_local_time_over_a_clock_change():
    index = pd.date_range("2024-03-28", periods=6, tz="Europe/Berlin", name="ds").delete([2, 3])
    panel = make_panel(pd.DataFrame({"y": 1.0}, index=index), freq="D")
    local = pd.DatetimeIndex(panel.ds).tz_localize("UTC").tz_convert("Europe/Berlin")
    assert local.strftime("%d %H").tolist() == [
        "28 00",
        "29 00",
        "30 00",
        "31 00",
        "01 00",
        "02 00",
    ]


def mixed_frame():
    """Days at noon, months on the 15th; each series lacks its third stamp."""
    days = pd.date_range("2024-01-01 12:00", periods=6).delete(2)
    months = (pd.date_range("2024-01-01", periods=6, freq="MS") + pd.Timedelta("14D")).delete(2)
    frame = pd.DataFrame({"unique_id": ["d"] * 5 + ["m"] * 5, "ds": days.append(months), "y": 1.0})
    return frame


def test_gaps_are_closed_on_the_grid_of_each_series():
    panel = make_panel(mixed_frame())
    closed = panel.ds[panel.rows == -1].astype("M8[h]").astype(str).tolist()
    assert closed == ["2024-01-03T12", "2024-03-15T00"]


def test_taken_series_keep_their_own_frequency():
    panel = make_panel(mixed_frame()).take([1, 0])
    after = panel.future(1)[:, 0].astype("M8[h]").astype(str).tolist()
    assert after == ["2024-07-15T00", "2024-01-07T12"]


def test_infinite_values_are_refused():
    frame = long_frame()
    frame.loc[[5, 6], "y"] = np.inf, -np.inf
    refused(
        frame,
        "target must be missing, or finite and at most 1e+150 in size",
        "Got '2 infinite values, first (a, 2024-01-02 00:00:00)'",
        "replace",
    )


def test_a_stamp_centuries_away_is_refused():
    frame = long_frame(lengths=(4, 3), freq="h")
    frame.loc[3, "ds"] = pd.Timestamp("9000-01-01")
    refused(
        frame,
        "ds must be without gaps of this size",
        "most after (b, 2024-01-01 02:00:00)",
        freq="h",
    )


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "old, new",
    [
        ("item_id", "unique_id"),
        ("timestamp", "ds"),
        ("date", "ds"),
        ("target", "y"),
        ("value", "y"),
    ],
)
def test_foreign_names_get_the_rename_call(old, new):
    frame = long_frame().rename(columns={new: old})
    refused(
        frame,
        f"X must be a frame with a column '{new}'",
        f'frame.rename(columns={{"{old}": "{new}"}})',
    )
    refused(pl.from_pandas(frame), f'frame.rename({{"{old}": "{new}"}})')


def test_all_foreign_names_at_once():
    frame = long_frame().rename(columns={"unique_id": "item_id", "ds": "timestamp", "y": "target"})
    refused(frame, 'frame.rename(columns={"timestamp": "ds"})')
    refused(
        frame.rename(columns={"timestamp": "ds"}), 'frame.rename(columns={"item_id": "unique_id"})'
    )


def test_missing_and_misspelled_columns():
    refused(long_frame().drop(columns="y"), "with a column 'y'", "['unique_id', 'ds']")
    refused(long_frame().rename(columns={"y": "yy"}), "with a column 'y'", "Did you mean 'yy'?")
    refused(long_frame().set_index("ds"), "a column 'ds'", "reset_index()")
    refused(long_frame().set_index(["unique_id", "ds"]), "a column 'unique_id'", "reset_index()")
    refused(long_frame().set_index("unique_id"), "a column 'unique_id'", "reset_index()")
    refused(long_frame(), "with a column 'load'", target="load")


def test_undeclared_columns_are_named():
    frame = long_frame().assign(price=1.0)
    refused(frame, "Got ['price']", "frame.drop(columns=['price'])")
    refused(frame.drop(columns="unique_id").iloc[:4], "Got ['price']")


def test_doubled_rows():
    frame = pd.concat([long_frame(), long_frame().iloc[[5, 6]]])
    refused(
        frame,
        "one row for each unique_id and ds. Got '2 doubled rows, first (a, 2024-01-02 00:00:00)'",
        'frame.drop_duplicates(["unique_id", "ds"], keep="last")',
    )
    refused(pl.from_pandas(frame), 'frame.unique(["unique_id", "ds"], keep="last")')


def test_the_way_out_of_doubled_rows_works():
    frame = pd.concat([long_frame(), long_frame().iloc[[5, 6]]])
    assert make_panel(frame.drop_duplicates(["unique_id", "ds"], keep="last")).lengths.tolist() == [
        4,
        3,
    ]


@pytest.mark.parametrize(
    "values, shown",
    [
        (["1"] * 7, "str such as '1'"),
        ([1j] * 7, "complex128 such as 1j"),
        ([True] * 7, "bool such as True"),
        (pd.Series([object()] * 7, dtype=object), "object such as <object"),
    ],
)
def test_targets_that_are_not_numbers(values, shown):
    refused(
        long_frame().assign(y=values),
        "column 'y' must be of real numbers",
        shown,
        "to_numeric",
        error=TypeError,
    )


def test_null_ids_and_stamps():
    frame = long_frame()
    frame.loc[[1, 2], "unique_id"] = None
    for X in (frame, frame.astype({"unique_id": "category"}), pl.from_pandas(frame)):
        refused(X, "unique_id must be set in every row. Got '2 null ids'", "dropna")
    frame = long_frame()
    frame.loc[[3], "ds"] = pd.NaT
    for X in (frame, pl.from_pandas(frame)):
        refused(X, "ds must be set in every row. Got '1 missing stamps, first in row 3'", "dropna")


def test_text_that_is_no_date():
    frame = long_frame().assign(ds=["2024-01-01", "01.02.2024", "soon", "2024-01-04", *"xyz"])
    refused(
        frame,
        "ds must be stamps, dates or ISO text (5 of 7 rows are not). Got '01.02.2024'",
        "pd.to_datetime",
    )


def test_mixed_time_zones():
    ds = pd.Series(
        [pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-01-02", tz="Asia/Tokyo")],
        dtype=object,
    )
    for mixed in (ds, ds.astype(str)):
        refused(pd.DataFrame({"ds": mixed, "y": 1.0}), "ds must be in one time zone", "utc=True")


def test_dates_written_as_numbers():
    frame = long_frame().assign(ds=lambda f: f["ds"].dt.strftime("%Y%m%d").astype(int))
    refused(frame, "ds must be stamps, or ints that count steps. Got 20240101", "format='%Y%m%d'")


def test_fractional_time():
    refused(
        long_frame().assign(ds=np.arange(7) / 2),
        "ds must be stamps, dates or ints. Got 'Float64'",
        error=TypeError,
    )


def test_frames_without_rows_or_with_odd_columns():
    refused(long_frame().iloc[:0], "X must be a frame with rows", "0 rows")
    refused(pl.DataFrame(), "X must be a frame with rows")
    refused(np.zeros((0,)), "X must be a frame with rows")
    refused(np.zeros((2, 2, 2)), "X must be an array (T,) or (T, S)", "shape (2, 2, 2)")
    doubled = long_frame()
    doubled.columns = ["unique_id", "y", "y"]
    refused(doubled, "distinct names. Got ['y']")
    nested = pd.DataFrame(
        np.ones((3, 2)), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "z")])
    )
    refused(nested, "one row of column names", "join")


@pytest.mark.parametrize("bad", [None, "frame", 3, {"y": [1]}])
def test_things_that_are_no_frames(bad):
    refused(
        bad, "X must be a frame (pandas, polars, pyarrow), a Series or an array", error=TypeError
    )


def test_lazy_frames():
    refused(pl.from_pandas(long_frame()).lazy(), "X must be", ".collect()", error=TypeError)


def test_unhashable_ids():
    frame = long_frame()
    frame["unique_id"] = [[1]] * 7
    refused(frame, "unique_id must be a column of hashable ids", "list", error=TypeError)


def test_missing_and_target_are_checked():
    refused(long_frame(), "missing must be one of", "Did you mean 'mask'?", missing="masks")
    refused(long_frame(), "target must be a column name", error=TypeError, target=[])


def test_irregular_ids_are_named_by_the_user_id():
    frame = long_frame()
    frame.loc[5, "ds"] += pd.Timedelta("7min")
    refused(frame, "ds must be regular for each unique_id", "'a': 2024-01-01", "Pass freq=")


# --- answers --------------------------------------------------------------------------------------


def answer_to(X, horizon=2, **options):
    panel = make_panel(X, **options)
    codes = np.repeat(np.arange(panel.n_series), horizon)
    cutoff = np.repeat(panel.last(), horizon)
    yhat = np.arange(len(codes), dtype=float)
    return forecast_frame(
        panel, codes, panel.future(horizon).ravel(), {"yhat": yhat}, extra_first={"cutoff": cutoff}
    )


IDS = [["b", "a"], [7, 3], [1.5, 0.5], ["😀\n", "\x00"], [True, False]]


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_ids_come_back_as_they_were(ids, kind):
    frame = long_frame(ids)
    X = {"pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.Table.from_pandas(frame)}[
        kind
    ]
    answer = answer_to(X)
    assert type(answer) is type(X)
    found = answer["unique_id"].to_pylist() if kind == "pyarrow" else answer["unique_id"].to_list()
    assert found == [ids[0], ids[0], ids[1], ids[1]]
    if kind == "pyarrow":
        assert answer.schema.field("unique_id").type == X.schema.field("unique_id").type
    else:
        assert answer["unique_id"].dtype == X["unique_id"].dtype


@pytest.mark.parametrize("unit, tz", [("ms", None), ("us", "Asia/Tokyo")])
def test_stamps_as_ids_come_back(unit, tz):
    ids = [pd.Timestamp("2024-01-01", tz=tz), pd.Timestamp("2023-01-01 12:00", tz=tz)]
    X = pl.from_pandas(long_frame(ids)).with_columns(
        pl.col("unique_id").cast(pl.Datetime(unit, tz))
    )
    answer = answer_to(X)
    assert answer["unique_id"].dtype == X["unique_id"].dtype
    assert answer["unique_id"].to_list() == [ids[0], ids[0], ids[1], ids[1]]


def test_polars_objects_are_no_ids():
    X = pl.DataFrame({"unique_id": pl.Series([{}, {}], dtype=pl.Object), "ds": [1, 2], "y": [1, 2]})
    refused(X, "unique_id must be a column of hashable ids", "Object", error=TypeError)


def test_object_and_categorical_ids_come_back():
    mixed = answer_to(long_frame().astype({"unique_id": object}).replace({"unique_id": {"a": 3}}))
    assert mixed["unique_id"].tolist() == ["b", "b", 3, 3]
    assert answer_to(long_frame().astype({"unique_id": "category"}))["unique_id"].tolist() == list(
        "bbaa"
    )
    enum = pl.from_pandas(long_frame()).with_columns(pl.col("unique_id").cast(pl.Categorical))
    assert answer_to(enum)["unique_id"].to_list() == list("bbaa")


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("tz", [None, "UTC", "America/New_York"])
def test_stamps_come_back_in_type_and_zone(kind, unit, tz):
    frame = long_frame(lengths=(4, 4))
    frame["ds"] = frame["ds"].dt.as_unit(unit).dt.tz_localize(tz)
    X = {"pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.Table.from_pandas(frame)}[
        kind
    ]
    answer = answer_to(X, horizon=1)
    for column in ("ds", "cutoff"):
        if kind == "pyarrow":
            assert answer.schema.field(column).type == X.schema.field("ds").type
        else:
            assert answer[column].dtype == X["ds"].dtype
    if kind == "polars" and unit == "ms":
        assert X["ds"].dtype == pl.Datetime("ms", tz)
    columns = list(answer.columns) if kind != "pyarrow" else answer.column_names
    assert columns == ["unique_id", "ds", "cutoff", "yhat"]
    table = answer if kind == "pandas" else answer.to_pandas()
    expected = pd.Timestamp("2024-01-05", tz=tz)
    assert table["ds"].tolist() == [expected, expected]


def test_dates_come_back_as_dates():
    frame = pl.from_pandas(long_frame()).with_columns(pl.col("ds").cast(pl.Date))
    answer = answer_to(frame)
    assert answer["ds"].to_list()[0] == datetime.date(2024, 1, 5) and answer["ds"].dtype == pl.Date


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integer_time_comes_back(dtype):
    frame = long_frame().assign(ds=np.array([1, 2, 3, 4, 5, 6, 7], dtype))
    assert answer_to(frame)["ds"].tolist() == [5, 6, 8, 9]
    assert answer_to(frame)["ds"].dtype == dtype
    assert (
        answer_to(pl.from_pandas(frame))["ds"].dtype
        == {"int32": pl.Int32, "int64": pl.Int64}[dtype]
    )


def test_text_columns_come_out_too():
    panel = make_panel(pl.from_pandas(long_frame()))
    names = np.array(["x", "y"], object)
    answer = forecast_frame(panel, np.array([0, 1]), panel.future(1).ravel(), {"target": names})
    assert answer["target"].to_list() == ["x", "y"]


@pytest.mark.parametrize("missing", ["mask", "interpolate"])
def test_a_series_begins_with_its_first_value(missing):
    wide = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0], "b": [np.nan, np.nan, 5.0], "c": [np.nan] * 3},
        index=pd.date_range("2024-01-01", periods=3),
    )
    panel = make_panel(wide, missing=missing)
    assert panel.lengths.tolist() == [3, 1, 1]
    np.testing.assert_array_equal(panel.values[:, 0], [1.0, 2.0, 3.0, 5.0, np.nan])
    assert panel.rows.tolist() == [0, 1, 2, 2, 2]


def test_recent_rows_begin_and_end_around_values():
    y = [1.0, np.nan, 3.0, np.nan, 5.0, np.nan]
    wide = pd.DataFrame(
        {"a": y, "b": y[::-1], "c": [np.nan] * 6}, index=pd.date_range("2024-01-01", periods=6)
    )
    panel = make_panel(wide)
    assert panel.recent(1).lengths.tolist() == [2, 1, 1]
    assert panel.recent(2).lengths.tolist() == [4, 3, 1]
    assert panel.recent(99).lengths.tolist() == [6, 5, 1]
    head = panel.head(np.array([6, 0, 1])).recent(2)
    assert head.lengths.tolist() == [4, 0, 1]


@pytest.mark.parametrize("dtype", ["str", "object", "int64", "float64", "datetime64[us]", "bool"])
def test_ids_in_runs_are_numbered_as_any_others(dtype):
    ids = pd.Series(np.repeat([3, 1, 0, 3, 2], [20, 9, 1, 9, 30])).astype(dtype)
    codes, unique = factorize_runs(ids)
    expected, same = pd.factorize(ids)
    np.testing.assert_array_equal(codes, expected)
    assert list(unique) == list(same)
