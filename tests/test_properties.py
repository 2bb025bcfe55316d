"""Frames of random shapes, types, gaps, lengths and frequencies: a forecast, or a sentence."""

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st

from tsmodels import Drift, Forecaster, HistoricMean, Naive, SeasonalNaive
from tsmodels.cli import _is_answer

IDS = {
    "text": ["b", "a", "10", "😀\n\x00", "", "NaN"],
    "int": [3, -1, 0, 2**62, 7, 8],
    "float": [1.5, -0.0, float("inf"), 1e300, 2.0, 3.0],
    "bool": [True, False],
    "mixed": [1, "1", (1, 2), 2.5, b"1", False],
    "date": [datetime.date(2020, 1, day) for day in range(1, 7)],
    "stamp": [pd.Timestamp("2020-01-01") + pd.Timedelta(days=day) for day in range(6)],
    "null": ["a", None, "b", "c", "d", "e"],
}
FREQS = ["h", "D", "B", "W-WED", "MS", "QE", "YS", "15min", "3s", "SMS", "5D", "BME", "2h", "CBMS"]
STARTS = ["1066-10-14", "1700-01-31", "1969-12-31 23:59:59", "2024-02-29", "2024-03-30 13:30"]
STARTS += ["2262-04-01", "9998-06-01"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "+05:30", "Australia/Lord_Howe"]
SCALES = [0.0, 5e-324, 1e-300, 1e-9, 1.0, 1e9, 1e38, 1e140]
Y_TYPES = ["float64", "float32", "float16", "int8", "int64", "uint64", "Int64", "Float32"]
BAD_TYPES = ["bool", "object", "str", "complex128", "category", "timedelta64[ns]", "M8[us]"]


@dataclass
class Case:
    """A table, and what of it is good enough to be answered."""

    X: object
    ids: list  # in order of first appearance; None where no answer is expected
    known: list  # whether an id has any value


def often(value, *others):
    """`value`, or one of the others in one case of twenty."""
    return st.integers(0, 19).flatmap(lambda n: st.just(value) if n else st.sampled_from(others))


@st.composite
def stamps(draw, n):
    """n stamps: of a frequency with holes, irregular, or whole numbers."""
    kind = draw(st.sampled_from(["dates"] * 6 + ["ints", "irregular"]))
    if kind == "ints":
        start, step = draw(often(0, -5, 10**6, 2**61)), draw(st.sampled_from([1, 7]))
        return start + step * np.arange(n)
    start = draw(st.sampled_from(STARTS))
    freq = draw(st.sampled_from(FREQS))
    try:
        index = pd.date_range(start, periods=n, freq=freq, unit="us")
    except NotImplementedError:  # pandas counts holidays up to the year 9999
        reject()
    if kind == "irregular":
        jitter = np.random.default_rng(n).integers(0, 10**9, n)
        return (index + pd.to_timedelta(jitter, unit="us")).to_numpy()
    return index.to_numpy()


def values(draw, n):
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    with np.errstate(over="ignore"):
        y = draw(st.sampled_from(SCALES) | often(1.0, 1e200, 1.7e308)) * rng.standard_normal(n)
        y = y + draw(often(0.0, 1.0, 1e6, -1e15, 1e30))
    y[rng.random(n) < draw(often(0.0, 0.1, 0.9, 1.0))] = np.nan
    y[rng.random(n) < draw(often(0.0, 0.02))] = np.inf
    return y


@st.composite
def long_frames(draw):
    """unique_id, ds, y in rows that may be mixed, doubled or missing."""
    names = IDS[draw(st.sampled_from(sorted(IDS)))]
    n_series = draw(st.integers(1, len(names)))
    same = draw(st.booleans())
    length = draw(st.integers(1, 30))
    grid = draw(stamps(40))
    frames = []
    for name in names[:n_series]:
        n = length if same else draw(st.integers(1, 30))
        ds = grid[-n:] if same else draw(often(grid, draw(stamps(40))))[:n]
        frames.append(pd.DataFrame({"unique_id": [name] * n, "ds": ds, "y": values(draw, n)}))
    frame = pd.concat(frames, ignore_index=True)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    frame = frame[rng.random(len(frame)) >= draw(often(0.0, 0.05, 0.5, 1.0))]
    if draw(often(False, True)):
        frame = frame.sample(frac=1.0, random_state=0)
    if draw(often(False, True)):
        frame = pd.concat([frame, frame.iloc[:1]])
    return frame


def typed(draw, frame):
    """The frame with columns of other types, names and number; what cannot be so stays."""
    y_type = draw(often(None, *Y_TYPES, *BAD_TYPES))
    ds_type = draw(often(None, "text", "ns", "s", "date", "period", "zone", "float", "object"))
    try:
        with np.errstate(all="ignore"):
            if y_type is not None:
                frame = frame.assign(y=frame["y"].astype(y_type))
            frame = frame.assign(ds=stamps_as(draw, frame["ds"], ds_type))
    except Exception:  # pandas cannot make such a column: then nobody can hand it in
        event("not representable")
    columns = draw(often(None, {"y": "Y"}, {"ds": "time"}, {"unique_id": "uid"}, {"y": "ds"}))
    frame = frame.rename(columns=columns or {})
    if draw(often(False, True)):
        frame["extra"] = 1.0
    return frame.drop(columns=draw(often([], ["y"], ["ds"], ["unique_id"])), errors="ignore")


def stamps_as(draw, ds, kind):
    if kind is None or ds.dtype.kind != "M":
        return ds
    made = {
        "text": lambda: ds.astype(str),
        "ns": lambda: ds.dt.as_unit("ns"),
        "s": lambda: ds.dt.as_unit("s"),
        "date": lambda: ds.dt.date,
        "period": lambda: ds.dt.to_period("D"),
        "zone": lambda: ds.dt.tz_localize("UTC").dt.tz_convert(draw(st.sampled_from(ZONES))),
        "float": lambda: ds.astype("int64").astype(float),
        "object": lambda: ds.astype(object),
    }
    return made[kind]()


@st.composite
def cases(draw):
    frame = draw(long_frames())
    layout = draw(often("long", "wide", "series", "array", "list"))
    known = frame[np.isfinite(frame["y"])]
    if layout == "long":
        names = list(dict.fromkeys(frame["unique_id"]))
        has_value = set(known["unique_id"])
        table = typed(draw, frame)
        same = table.columns.tolist() == ["unique_id", "ds", "y"]
        good = [name in has_value for name in names]
        return Case(converted(draw, table), names if same else None, good)
    if layout == "wide":
        table = frame.drop_duplicates(["unique_id", "ds"]).dropna(subset=["unique_id"])
        table = table.pivot(index="ds", columns="unique_id", values="y")
        return Case(table, list(table.columns), np.isfinite(table).any().tolist())
    y = frame["y"].to_numpy()
    if layout == "series":
        return Case(pd.Series(y, pd.Index(frame["ds"]), name="s"), ["s"], [bool(len(known))])
    y = y if layout == "array" else y.tolist()
    return Case(y, ["y"], [bool(len(known))])


def converted(draw, table):
    kind = draw(often("pandas", "polars", "pyarrow"))
    try:
        if kind == "polars":
            return pl.from_pandas(table)
        return pa.Table.from_pandas(table) if kind == "pyarrow" else table
    except Exception:  # a column that this library cannot hold
        event("not representable")
        return table


@st.composite
def estimators(draw):
    """Mostly baselines; now and then a network, of few shapes so that little is compiled."""
    shared = {
        "missing": draw(st.sampled_from(["mask", "mask", "interpolate", "error"])),
        "freq": draw(often(None, "h", "D", "MS", "W", "SMS", 1, "nonsense")),
        "season_length": draw(often(None, 3, 50)),
    }
    if draw(st.integers(0, 2)):
        cls = draw(st.sampled_from([Naive, SeasonalNaive, Drift, HistoricMean]))
        return cls(horizon=draw(st.integers(1, 9)), **shared)
    settings = {"horizon": 2, "lookback": 4, "max_steps": 1, "validation": None, "random_state": 0}
    scaler = draw(st.sampled_from(["standard", "robust", "seasonal_naive", None]))
    return Forecaster("nlinear", **shared, **settings, scaler=scaler)


def check(model, case, horizon):
    """The promised rows with finite forecasts, or a sentence that this package wrote."""
    try:
        answer = model.fit(case.X).predict(horizon=horizon)
    except (ValueError, TypeError) as error:
        assert _is_answer(error), repr(error)
        event(f"refused: {str(error).partition(' Got')[0][:60]}")
        return
    event("answered")
    steps = model.horizon if horizon is None else horizon
    table = answer.to_pandas() if hasattr(answer, "to_pandas") else answer
    names = model.context_.ids.tolist() if case.ids is None else case.ids
    assert len(table) == len(names) * steps
    yhat = table["yhat"].to_numpy().reshape(len(names), steps)
    if case.ids is not None:
        given, found = ([str(name) for name in n] for n in (names, table["unique_id"][::steps]))
        assert found == given or isinstance(names[0], float | datetime.date | tuple)
        expected = np.array(case.known)
        np.testing.assert_array_equal(np.isfinite(yhat).all(axis=1), expected)
        np.testing.assert_array_equal(np.isnan(yhat).all(axis=1), ~expected)
    ds = table["ds"].to_numpy().reshape(len(names), steps)
    assert (ds[:, 1:] > ds[:, :-1]).all()


SLOW = pytest.param(2000, marks=pytest.mark.slow)
HORIZONS = st.sampled_from([None, None, None, 1, 5])


@pytest.mark.parametrize("examples", [50, SLOW])
def test_a_forecast_or_a_sentence(examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(model=estimators(), case=cases(), horizon=HORIZONS)
    def run(model, case, horizon):
        check(model, case, horizon)

    run()
