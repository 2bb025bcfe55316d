"""Frequencies: read off stamps, counted forward, named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.data.frequency import RENAMED, check_freq, season_length
from tsmodels.data.infer_frequency import infer_calendar


def stamps(*index, tz=None):
    """Internal stamps and offsets of several indexes, one series each."""
    parts = []
    for part in index:
        part = pd.DatetimeIndex(part)
        if part.tz is not None:
            part = part.tz_convert("UTC").tz_localize(None)
        parts.append(part.as_unit("us").to_numpy())
    lengths = [len(part) for part in parts]
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


def future(index, horizon, **options):
    """Inferred frequency and the next stamps of one index, in its own time zone."""
    index = pd.DatetimeIndex(index)
    tz = None if index.tz is None else str(index.tz)
    ds, offsets = stamps(index)
    calendar = infer_calendar(ds, offsets, tz=tz, **options)
    after = pd.DatetimeIndex(calendar.future(ds[-1:], horizon)[0])
    return calendar.freqs[0], after if tz is None else after.tz_localize("UTC").tz_convert(tz)


PLAIN = [
    "us", "ms", "s", "30s", "min", "10min", "30min", "h", "6h", "36h", "D", "2D", "B", "W-SUN",
    "W-WED", "2W-SUN", "MS", "ME", "BMS", "BME", "2MS", "QS-JAN", "QS-FEB", "QE-DEC", "QE-NOV",
    "BQS-JAN", "BQE-DEC", "2QS-JAN", "YS-JAN", "YS-JUL", "YE-DEC", "YE-JUN", "BYE-DEC", "2YS-JAN",
]  # fmt: skip


@pytest.mark.parametrize("freq", PLAIN)
def test_every_frequency_is_read_off_and_counted_on(freq):
    index = pd.date_range("2021-03-05 07:30", periods=60, freq=freq, unit="us")
    name, after = future(index[:40], 20)
    assert name == freq
    assert after.tolist() == index[40:].tolist()


@settings(max_examples=60, deadline=None)
@given(
    freq=st.sampled_from(["30min", "h", "D", "W-WED", "MS", "ME", "QE-DEC", "YS-JAN"]),
    dropped=st.sets(st.integers(2, 38), max_size=10),
)
def test_missing_stamps_hide_no_frequency(freq, dropped):
    index = pd.date_range("2020-01-15", periods=45, freq=freq, unit="us")
    name, after = future(index[:40].delete(list(dropped)), 5)
    assert name == freq
    assert after.tolist() == index[40:].tolist()


def test_missing_after_counts_the_absent_stamps():
    index = pd.date_range("2024-01-31", periods=12, freq="ME")
    ds, offsets = stamps(index.delete([3, 4, 8]), index)
    missing = infer_calendar(ds, offsets).missing_after(ds, offsets)
    assert missing.tolist() == [0, 0, 2, 0, 0, 1, 0, 0, 0] + [0] * 12


def test_leap_day_and_month_ends():
    assert future(pd.date_range("2024-02-20", "2024-02-28"), 2)[1].strftime("%m-%d").tolist() == [
        "02-29",
        "03-01",
    ]
    name, after = future(["2023-10-31", "2023-11-30", "2023-12-31"], 3)
    assert (name, after.strftime("%m-%d").tolist()) == ("ME", ["01-31", "02-29", "03-31"])


@pytest.mark.parametrize("day", [2, 15, 29, 30])
def test_a_fixed_day_of_the_month_stays_and_is_cut_at_short_months(day):
    months = pd.date_range("2023-01-01", periods=30, freq="MS")
    index = pd.DatetimeIndex([m.replace(day=min(day, m.days_in_month)) for m in months])
    name, after = future(index[:26], 4)  # the last stamp seen is 2025-02
    assert name == "MS"
    assert after.tolist() == index[26:].tolist()


def test_hours_are_counted_in_utc_over_both_clock_changes():
    for start in ("2024-03-30 12:00", "2024-10-26 12:00"):
        index = pd.date_range(start, periods=40, freq="h", tz="Europe/Berlin", unit="us")
        name, after = future(index[:10], 30)
        assert name == "h"
        assert after.tolist() == index[10:].tolist()


def test_days_keep_their_wall_time_over_both_clock_changes():
    for start in ("2024-03-25 09:00", "2024-10-21 09:00"):
        index = pd.date_range(start, periods=14, freq="D", tz="Europe/Berlin", unit="us")
        for seen in (5, 9):  # before and after the change
            name, after = future(index[:seen], 14 - seen)
            assert name == "D"
            assert after.tolist() == index[seen:].tolist()
            assert set(after.hour) == {9}


def test_a_skipped_time_of_day_moves_forward_and_comes_back():
    wall = pd.date_range("2024-03-27 02:30", periods=8)
    index = wall.tz_localize("Europe/Berlin", nonexistent="shift_forward").as_unit("us")
    for seen in (3, 5):  # the last stamp seen is an ordinary one; is the shifted one
        name, after = future(index[:seen], 8 - seen)
        assert name == "D"
        assert after.tolist() == index[seen:].tolist()


def test_a_doubled_time_of_day_is_the_first_of_the_two():
    index = pd.date_range("2024-10-24 02:30", periods=3, tz="Europe/Berlin")
    after = future(index, 1)[1]
    assert after[0].utcoffset() == pd.Timedelta("2h")


def test_business_days_without_weekends():
    name, after = future(pd.bdate_range("2024-01-01", "2024-01-19"), 5)
    assert name == "B"
    assert after.strftime("%a %d").tolist() == ["Mon 22", "Tue 23", "Wed 24", "Thu 25", "Fri 26"]


def test_another_trading_week_is_learned():
    index = pd.date_range("2024-01-01", periods=70)
    index = index[~index.day_of_week.isin([4, 5])]  # Sunday to Thursday
    name, after = future(index, 10)
    assert name == "C-MonTueWedThuSun"
    assert season_length(name) == 5
    assert not set(after.day_name()) & {"Friday", "Saturday"}


def test_fixed_holidays_are_learned_and_movable_ones_leave_no_gap():
    index = pd.bdate_range("2015-01-01", "2020-12-23")
    closed = (index.strftime("%m-%d").isin(["12-25", "01-01"])) | (index == "2016-03-25")
    ds, offsets = stamps(index[~closed])
    calendar = infer_calendar(ds, offsets)
    assert calendar.freqs == ("B",)
    assert calendar.holidays[calendar.holiday_codes[0]] == ((1, 1), (12, 25))
    after = pd.DatetimeIndex(calendar.future(ds[-1:], 8)[0]).strftime("%m-%d").tolist()
    assert after == ["12-24", "12-28", "12-29", "12-30", "12-31", "01-04", "01-05", "01-06"]
    assert calendar.missing_after(ds, offsets).sum() == 0


def test_two_years_without_a_trade_on_a_date_make_no_holiday():
    index = pd.bdate_range("2019-01-01", "2021-01-15")
    ds, offsets = stamps(index.drop(["2019-06-03", "2020-06-03"]))
    assert infer_calendar(ds, offsets).holidays == ((),)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(14, 200), rate=st.sampled_from([0.4, 0.6, 0.8]))
def test_days_with_holes_make_no_trading_week_but_by_a_rare_chance(seed, n, rate):
    seen = np.random.default_rng([seed, n]).random((200, n)) < rate
    seen[:, 1] = seen[:, 2] = True
    seen[:, -1] = True
    index = pd.date_range("2024-01-01", periods=n)
    names = infer_calendar(*stamps(*[index[row] for row in seen]))
    trading = np.isin(names.codes, [i for i, f in enumerate(names.freqs) if f[0] in "BC"])
    assert trading.mean() < 0.1


def test_two_business_weeks_are_evidence_enough():
    assert future(pd.bdate_range("2024-01-01", periods=10), 1)[0] == "B"
    assert future(pd.bdate_range("2024-01-01", periods=9), 1)[0] == "D"


def test_short_series_take_the_commonest_frequency():
    long = pd.bdate_range("2024-01-01", periods=30)
    ds, offsets = stamps(long, ["2024-02-02"], ["2024-02-02", "2024-02-05"], long[:4])
    calendar = infer_calendar(ds, offsets)
    assert calendar.freqs == ("B",)
    assert str(calendar.take(np.array([1])).future(ds[offsets[1] : offsets[2]], 1)[0, 0])[:10] == (
        "2024-02-05"
    )


def test_mixed_frequencies_are_kept_apart():
    hours = pd.date_range("2024-01-01", periods=30, freq="h")
    months = pd.date_range("2024-01-01", periods=30, freq="MS")
    ds, offsets = stamps(hours, months, hours)
    calendar = infer_calendar(ds, offsets)
    assert [calendar.freqs[code] for code in calendar.codes] == ["h", "MS", "h"]
    after = calendar.future(ds[offsets[1:] - 1], 1)[:, 0].astype("M8[h]").astype(str).tolist()
    assert after == ["2024-01-02T06", "2026-07-01T00", "2024-01-02T06"]
    assert calendar.missing_after(ds, offsets).sum() == 0


def test_integer_time():
    ds = np.array([1, 2, 4, 5, 10, 20, 30, 7])
    offsets = np.array([0, 4, 7, 8])
    calendar = infer_calendar(ds, offsets)
    assert [calendar.freqs[code] for code in calendar.codes][:2] == ["1", "10"]
    assert calendar.future(ds[[3, 6, 7]], 2)[:2].tolist() == [[6, 7], [40, 50]]


def test_a_single_row_of_integer_time_counts_by_one():
    assert infer_calendar(np.array([41]), np.array([0, 1])).freqs == ("1",)


def test_stamps_far_outside_nanoseconds():
    index = pd.date_range("0900-01-31", periods=10, freq="ME", unit="us")
    assert future(index[:8], 2)[1].tolist() == index[8:].tolist()


def test_frequencies_without_arithmetic_of_ours_count_by_pandas():
    index = pd.date_range("2024-01-01", periods=10, freq="SMS", unit="us")
    name, after = future(index[:6], 4, freq="SMS")
    assert (name, after.tolist()) == ("SMS", index[6:].tolist())


def test_frequencies_counted_by_pandas_end_with_the_year_9999():
    index = pd.date_range("9998-09-01", periods=10, freq="CBMS", unit="us")
    assert len(future(index, 2, freq="CBMS")[1]) == 2
    with pytest.raises(
        ValueError, match="ds must be from year 1 to 9999 with freq 'CBMS'. Got '99"
    ):
        future(index, 20, freq="CBMS")


def test_a_given_frequency_must_fit():
    index = pd.date_range("2024-01-01", periods=5, freq="h")
    with pytest.raises(ValueError, match=r"freq must be the spacing of ds.*Got 'D'(.|\n)*like 'h'"):
        future(index, 1, freq="D")
    with pytest.raises(ValueError, match="(?s)Got 'W-SUN'.*looks like 'W-MON'"):
        future(pd.date_range("2024-01-01", periods=5, freq="W-MON"), 1, freq="W-SUN")
    assert future(pd.date_range("2024-01-01", periods=5, freq="W-MON"), 1, freq="W")[1][0].day == 5


def test_a_given_frequency_serves_a_single_row():
    name, after = future(["2024-01-31"], 2, freq="ME")
    assert after.strftime("%m-%d").tolist() == ["02-29", "03-31"]


def test_a_single_row_asks_for_freq():
    with pytest.raises(ValueError, match=r"freq must be given .*Single rows: \['a'\]. Pass freq="):
        future(["2024-01-31"], 1, ids=np.array(["a"], object))


def test_irregular_stamps_are_named():
    regular = pd.date_range("2024-01-01", periods=9, freq="h")
    odd = ["2024-01-01 00:00", "2024-01-01 00:07", "2024-01-03 11:11", "2024-02-01 05:00"]
    ds, offsets = stamps(regular, odd)
    with pytest.raises(ValueError) as caught:
        infer_calendar(ds, offsets, ids=np.array(["fine", "odd"], object))
    sentence = str(caught.value)
    assert "ds must be regular" in sentence and "Pass freq=" in sentence
    assert "'odd': 2024-01-01 00:00:00, 2024-01-01 00:07:00" in sentence and "fine" not in sentence


def test_freq_and_ds_must_be_of_one_kind():
    with pytest.raises(
        ValueError, match="whole number, as ds holds integers. Got 'h'.*season_length"
    ):
        infer_calendar(np.arange(4), np.array([0, 4]), freq="h")
    with pytest.raises(ValueError, match="pandas offset alias, as ds holds stamps. Got '1'"):
        future(pd.date_range("2024", periods=3), 1, freq=1)


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_old_names_answer_with_the_new_one(old):
    with pytest.raises(ValueError, match=f"Got '{old}'. The name is now '{RENAMED[old]}'."):
        check_freq(old)
    assert check_freq(RENAMED[old])


def test_old_names_keep_number_and_anchor():
    with pytest.raises(ValueError, match="now '15min'"):
        check_freq("15T")
    with pytest.raises(ValueError, match="now 'QE-NOV'"):
        check_freq("Q-NOV")


@pytest.mark.parametrize(
    "bad, hint", [("mim", "'min'"), ("30mn", "30min"), ("?", "Examples"), ("-1h", "")]
)
def test_unknown_names(bad, hint):
    with pytest.raises(ValueError, match=f"(?s)freq must be a pandas offset alias.*{hint}"):
        check_freq(bad)


@pytest.mark.parametrize("bad", [None, 1.5, True])
def test_freq_of_another_type(bad):
    with pytest.raises(TypeError, match="freq must be a pandas offset alias"):
        check_freq(bad)


def test_season_lengths():
    asked = {
        "s": 60, "30s": 2, "min": 1440, "10min": 144, "5min": 288, "30min": 48, "h": 24, "2h": 12,
        "D": 7, "B": 5, "W-SUN": 52, "2W-SUN": 26, "MS": 12, "ME": 12, "BME": 12, "QS-JAN": 4,
        "QE-DEC": 4, "YS-JAN": 1, "YE-DEC": 1, "1": 1, "7": 1, "C-MonTueWedThuFriSat": 6,
    }  # fmt: skip
    assert {freq: season_length(freq) for freq in asked} == asked
