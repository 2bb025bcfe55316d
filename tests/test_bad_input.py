"""What cannot be used is refused before training, with the parameter, rule, value and way out."""

import datetime
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import NotFittedError

from tsmodels import Drift, Forecaster, HistoricMean, Naive, SeasonalNaive
from tsmodels.checks import fault

SETTINGS = {"horizon": 6, "lookback": 12, "max_steps": 2, "random_state": 0}


def good(n=40, ids=("a", "b"), freq="D", start="2024-01-01"):
    ds = pd.date_range(start, periods=n, freq=freq, unit="us")
    y = np.sin(np.arange(n))
    return pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": ds, "y": y}) for name in ids], ignore_index=True
    )


@pytest.fixture
def untrained(monkeypatch):
    """A fit that gets as far as training fails the test."""

    def trained(*args, **kwargs):
        pytest.fail("training began before the input was refused")

    monkeypatch.setattr("tsmodels.estimators.forecaster.fit", trained)


def refused(X, *parts, **settings):
    """`Forecaster(**settings).fit(X)` is refused with these parts, in this order."""
    pattern = "(?s)" + ".*".join(re.escape(part) for part in parts)
    with pytest.raises((ValueError, TypeError), match=pattern) as caught:
        Forecaster(**{**SETTINGS, **settings}).fit(X)
    sentence = str(caught.value)
    assert " must " in sentence and "Got" in sentence and sentence.endswith((".", "?")), sentence


def with_y(values):
    return lambda f: f.assign(y=values)


FRAMES = {
    "id of another library": (
        lambda f: f.rename(columns={"unique_id": "item_id"}),
        "with a column 'unique_id'",
        'frame.rename(columns={"item_id": "unique_id"})',
    ),
    "stamp of another library": (
        lambda f: f.rename(columns={"ds": "timestamp"}),
        "with a column 'ds'",
        'frame.rename(columns={"timestamp": "ds"})',
    ),
    "target of another library": (
        lambda f: f.rename(columns={"y": "target"}),
        "with a column 'y'",
        'frame.rename(columns={"target": "y"})',
    ),
    "id misspelled": (
        lambda f: f.rename(columns={"unique_id": "uniqe_id"}),
        "Got ['uniqe_id']. Did you mean 'uniqe_id'?",
        'frame.rename(columns={"uniqe_id": "unique_id"})',
    ),
    "id in capitals": (
        lambda f: f.rename(columns={"unique_id": "Unique-ID"}),
        'frame.rename(columns={"Unique-ID": "unique_id"})',
    ),
    "stamp in capitals": (
        lambda f: f.rename(columns={"ds": "DS"}),
        'frame.rename(columns={"DS": "ds"})',
    ),
    "polars target in capitals": (
        lambda f: pl.from_pandas(f.rename(columns={"y": "Y"})),
        'frame.rename({"Y": "y"})',
    ),
    "target by its own name": (
        lambda f: f.rename(columns={"y": "load"}),
        "with a column 'y'",
        "Did you mean 'load'?",
        'frame.rename(columns={"load": "y"})',
    ),
    "no target": (lambda f: f.drop(columns="y"), "with a column 'y'", "['unique_id', 'ds']"),
    "no stamps": (lambda f: f.drop(columns="ds"), "with a column 'ds'", "['unique_id', 'y']"),
    "two columns of one name": (
        lambda f: f.set_axis(["ds", "y", "y"], axis=1),
        "distinct names. Got ['y']. frame.loc",
    ),
    "two pyarrow columns of one name": (
        lambda f: pa.table([[1.0], [2.0]], names=["y", "y"]),
        "distinct names. Got ['y']. See Table.rename_columns()",
    ),
    "a column declared nowhere": (
        lambda f: f.assign(price=1.0),
        "Got ['price']",
        "frame.drop(columns=['price'])",
    ),
    "doubled rows": (
        lambda f: pd.concat([f, f.iloc[[3]]]),
        "one row for each unique_id and ds. Got '1 doubled rows, first (a, 2024-01-04",
        'drop_duplicates(["unique_id", "ds"], keep="last")',
    ),
    "infinite values": (
        lambda f: f.assign(y=f.y.where(f.index != 3, -np.inf)),
        "target must be missing, or finite",
        "'1 infinite values, first (a, 2024-01-04",
        "np.nan",
    ),
    "values whose square is infinite": (
        lambda f: f.assign(y=f.y * 1e300),
        "at most 1e+150 in size. Got '",
        "larger values, first (a, 2024-01-02",
        "1e+150",
    ),
    "an outlier beyond float32 behind the training rows": (
        lambda f: f.assign(y=f.y.where(f.index != 38, 1e60)),
        "target must be less than 1e+09 after scaling",
        "1 larger values, first [1e+60] of 'a'",
        "choose another scaler",
    ),
    "text": (with_y("12"), "column 'y' must be of real numbers", "'12'", "pd.to_numeric"),
    "objects": (with_y(datetime.date(2024, 1, 1)), "of real numbers", "datetime.date(2024, 1, 1)"),
    "complex": (with_y(1j), "of real numbers", "complex128"),
    "yes and no": (with_y(True), "of real numbers", "bool", "astype(int)"),
    "durations": (with_y(pd.Timedelta("1s")), "of real numbers", "timedelta64"),
    "no value at all": (with_y(np.nan), "target must be known in some row. Got '2 series"),
    "NaT": (
        lambda f: f.assign(ds=f.ds.where(f.index != 4)),
        "ds must be set in every row. Got '1 missing stamps, first in row 4'",
        "dropna(subset=['ds'])",
    ),
    "null ids": (
        lambda f: f.assign(unique_id=f.unique_id.where(f.index > 1)),
        "unique_id must be set in every row. Got '2 null ids'",
        "dropna(subset=['unique_id'])",
    ),
    "lists as ids": (
        lambda f: pl.DataFrame({"unique_id": [[1], [2]], "ds": [1, 2], "y": [1.0, 2.0]}),
        "unique_id must be a column of hashable ids",
        "List",
    ),
    "text that is no date": (
        lambda f: f.assign(ds=f.ds.astype(str).where(f.index != 7, "32.13.2024")),
        "(1 of 80 rows are not). Got '32.13.2024'",
        "pd.to_datetime(frame['ds'], format=...)",
    ),
    "dates written as numbers": (
        lambda f: f.assign(ds=f.ds.dt.strftime("%Y%m%d").astype(int)),
        "ints that count steps. Got 20240101",
        "format='%Y%m%d'",
    ),
    "durations as stamps": (
        lambda f: f.assign(ds=f.ds - f.ds[0]),
        "ds must be stamps",
        "Timedelta",
    ),
    "fractional steps": (lambda f: f.assign(ds=f.index / 2), "ds must be stamps", "Float64"),
    "stamps at the end of 64 bits": (
        lambda f: f.assign(ds=np.iinfo(np.int64).max - np.arange(80)),
        "ds must be within 1,152,921,504,606,846,976 steps",
        "Got '9223372036854775728'",
    ),
    "seconds that do not fit microseconds": (
        lambda f: f.assign(ds=(np.arange(80) + 10**14).astype("M8[s]")),
        "ds must be within",
        "Got '3170843",
    ),
    "a zone after the year 9999": (
        lambda f: f.assign(ds=good(start="9999-12-29").ds.dt.tz_localize("UTC")).assign(
            ds=lambda g: g.ds.dt.tz_convert("Europe/Berlin")
        ),
        "ds must be from year 1 to 9999 in the time zone Europe/Berlin. Got '9999-12-3",
        "tz_localize(None)",
    ),
    "mixed zones": (
        lambda f: f.assign(
            ds=[stamp.tz_localize(("UTC", "Asia/Tokyo")[i % 2]) for i, stamp in enumerate(f.ds)]
        ),
        "ds must be in one time zone. Got 'mixed time zones'",
        "utc=True",
    ),
    "with and without a zone": (
        lambda f: f.assign(
            ds=[stamp.tz_localize((None, "UTC")[i % 2]) for i, stamp in enumerate(f.ds)]
        ),
        "ds must be in one time zone",
        "utc=True",
    ),
    "irregular stamps": (
        lambda f: f.assign(ds=f.ds + pd.to_timedelta(f.index % 7 * 3911, unit="s")),
        "ds must be regular for each unique_id",
        "'a': 2024-01-01 00:00:00, 2024-01-02 01:05:11",
        "Pass freq=",
    ),
    "mixed frequencies": (
        lambda f: pd.concat([good(ids="ab"), good(ids=[f"h{i}" for i in range(5)], freq="h")]),
        "X must be series of one frequency",
        "  'D': 2 series ('a', 'b')\n  'h': 5 series ('h0', 'h1', 'h2', ...)",
        "Give season_length",
    ),
    "a stamp centuries away": (
        lambda f: pd.concat([good(freq="h"), good(1, "a", "h", start="2500-01-01")]),
        "ds must be without gaps of this size. Got '4172",
        "most after (a, 2024-01-02 15:00:00)",
        "Check that stamp",
    ),
    "empty": (lambda f: f.iloc[:0], "X must be a frame with rows. Got", "0 rows"),
    "no columns": (lambda f: pd.DataFrame(index=range(3)), "X must be a frame with rows"),
    "one row": (lambda f: f.iloc[:1], "freq must be given", "Single rows: ['a']. Pass freq="),
    "shorter than the horizon": (
        lambda f: good(5),
        "horizon must be shorter than the longest series (5 rows). Got 6",
        "Forecast fewer steps or add history.",
    ),
    "shorter than lookback and horizon": (
        lambda f: good(15),
        "lookback must be at most 9 (the longest series, 15 rows, minus horizon 6). Got 12",
        "Use lookback=9 or less.",
    ),
    "rows of unequal length": (
        lambda f: [[1.0, 2.0], [3.0]],
        "X must be a list of numbers, or of rows of one length. Got 'lengths [1, 2]'",
        "unique_id, ds, y",
    ),
    "a number": (lambda f: np.array(3.0), "X must be an array (T,) or (T, S). Got 'shape ()'"),
    "a path": (lambda f: "sales.csv", "X must be a frame", "Got 'str'"),
    "nothing": (lambda f: None, "X must be a frame", "Got 'NoneType'"),
    "a lazy frame": (lambda f: pl.from_pandas(f).lazy(), "X must be a frame", ".collect()"),
}


@pytest.mark.parametrize("change, parts", [(c, p) for c, *p in FRAMES.values()], ids=FRAMES)
def test_frames_are_refused_with_a_sentence(untrained, change, parts):
    refused(change(good()), *parts)


PARAMETERS = [
    ({"horizon": 0}, "horizon must be a positive int. Got 0."),
    ({"horizon": -3}, "horizon must be a positive int. Got -3."),
    ({"horizon": 2.0}, "horizon must be a positive int. Got 2.0."),
    ({"horizon": True}, "horizon must be a positive int. Got True."),
    ({"horizon": "6"}, "horizon must be a positive int. Got '6'."),
    ({"horizon": None}, "horizon must be a positive int. Got None."),
    ({"lookback": 0}, "lookback must be a positive int. Got 0."),
    (
        {"lookback": 35},
        "lookback must be at most 34 (the longest series, 40 rows, minus horizon 6)",
    ),
    ({"season_length": 1.5}, "season_length must be a positive int. Got 1.5."),
    ({"stride": 0}, "stride must be a positive int. Got 0."),
    ({"validation": 1.0}, "validation must be a finite number in (0, 1). Got 1.0."),
    ({"validation": float("nan")}, "validation must be a finite number in (0, 1). Got nan."),
    ({"validation": 3}, "validation must be an int of at least 6. Got 3."),
    ({"validation": 30}, "validation must be at most 22 rows"),
    ({"missing": "drop"}, "missing must be one of ['mask', 'interpolate', 'error']. Got 'drop'."),
    ({"freq": "hr"}, "freq must be a pandas offset alias. Got 'hr'."),
    ({"freq": "H"}, "freq must be a pandas offset alias. Got 'H'. The name is now 'h'."),
    ({"freq": 3.5}, "freq must be a pandas offset alias. Got 3.5."),
    ({"freq": "MS"}, "freq must be the spacing of ds", "Got 'MS'", "looks like 'D'"),
    ({"target": "z"}, "X must be a frame with a column 'z'"),
    ({"target": None}, "target must be a column name or a list of them. Got None."),
    ({"target": 3}, "target must be a column name or a list of them. Got 3."),
    ({"scaler": "standart"}, "scaler must be one of", "Did you mean 'standard'?"),
    ({"network": "lstn"}, "network must be one of", "Got 'lstn'. Did you mean 'lstm'?"),
    ({"network": 3}, "network must be a registered name", "Got 3."),
    ({"loss": "mes"}, "loss must be one of", "Did you mean 'mse'?"),
    ({"optimizer": "adm"}, "optimizer must be one of", "Did you mean 'adam'?"),
    ({"schedule": "cos"}, "schedule must be one of", "Did you mean 'cosine'?"),
    (
        {"learning_rate": float("nan")},
        "learning_rate must be a finite number in (0, inf). Got nan.",
    ),
    ({"learning_rate": 0}, "learning_rate must be a finite number in (0, inf). Got 0."),
    ({"learning_rate": "fast"}, "learning_rate must be a finite number in (0, inf). Got 'fast'."),
    ({"epochs": 0}, "epochs must be a positive int. Got 0."),
    ({"max_steps": 1.5}, "max_steps must be a positive int. Got 1.5."),
    ({"batch_size": 0}, "batch_size must be a positive int. Got 0."),
    ({"patience": 0}, "patience must be a positive int. Got 0."),
    ({"clipnorm": -1.0}, "clipnorm must be a finite number in (0, inf). Got -1.0."),
    ({"callbacks": ["stop"]}, "callbacks must be a list of keras.callbacks.Callback. Got 'stop'."),
    ({"callbacks": 3}, "callbacks must be a list of keras.callbacks.Callback. Got 3."),
    ({"callbacks": None}, "callbacks must be a list of keras.callbacks.Callback. Got None."),
    ({"random_state": -1}, "random_state must be None, a non-negative int", "Got -1."),
    ({"random_state": "seven"}, "random_state must be None, a non-negative int", "Got 'seven'."),
    ({"verbose": 2}, "verbose must be one of [0, 1]. Got 2."),
]


@pytest.mark.parametrize("settings, parts", [(s, p) for s, *p in PARAMETERS], ids=str)
def test_parameters_are_refused_with_a_sentence(untrained, settings, parts):
    refused(good(), *parts, **settings)


def test_unknown_parameters():
    with pytest.raises(TypeError, match="unexpected keyword argument 'horizn'"):
        Forecaster(horizn=3)
    with pytest.raises(ValueError, match="Invalid parameter 'horizn'"):
        Forecaster().set_params(horizn=3)
    with pytest.raises(ValueError, match="network__width must be a field of LSTM"):
        Forecaster("lstm").set_params(network__width=3)


def test_predict_before_fit():
    for model in (Forecaster(), Naive()):
        with pytest.raises(NotFittedError, match=f"This {type(model).__name__} instance is not"):
            model.predict()


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda f: f.rename(columns={"y": "load"}), "X must be a frame with a column 'y'.*'load'"),
        (lambda f: f.assign(price=1.0), r"unique_id, ds, the target.*Got \['price'\]"),
        (lambda f: f.iloc[:0], "X must be a frame with rows"),
    ],
)
def test_predict_on_other_columns(change, expected):
    with pytest.raises(ValueError, match=expected):
        Naive(horizon=2).fit(good()).predict(change(good()))


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, "2"])
def test_predict_with_another_horizon(horizon):
    with pytest.raises((ValueError, TypeError), match="horizon must be a positive int. Got"):
        Naive(horizon=2).fit(good()).predict(horizon=horizon)


def test_missing_values_are_counted():
    frame = good().drop(index=[2, 3]).assign(y=lambda f: f.y.where(f.index != 45))
    for missing in ("mask", "interpolate"):
        assert Naive(missing=missing).fit(frame).missing_ == {"a": 2, "b": 1}
    assert Naive().fit(good()).missing_ == {}
    expected = r"missing='error'. Got 3 in 2 series \(a: 2, b: 1\)"
    with pytest.raises(ValueError, match=expected):
        Naive(missing="error").fit(frame)


def test_unsorted_rows_are_sorted():
    frame = good()
    mixed = frame.sample(frac=1.0, random_state=0)
    ours, theirs = (Drift(horizon=2).fit(f).predict() for f in (frame, mixed))
    again = theirs.sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(ours, again)


ODD_IDS = [
    ["😀\n\x00", "a\u202eb"],
    [3, -1],
    [1.5, float("inf")],
    [True, False],
    [(1, "x"), (2, "y")],
    [1, "1"],
    [datetime.date(2024, 1, 1), datetime.date(2025, 1, 1)],
    [pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01")],
]


@pytest.mark.parametrize("ids", ODD_IDS, ids=repr)
def test_ids_of_any_type_come_back(ids):
    column = pd.Series([None] * 80, dtype=object)
    column[:] = [ids[0]] * 40 + [ids[1]] * 40
    if len({type(name) for name in ids}) == 1 and not isinstance(ids[0], tuple | datetime.date):
        column = column.infer_objects()
    answer = SeasonalNaive(horizon=2).fit(good().assign(unique_id=column)).predict()
    assert answer["unique_id"].tolist() == [ids[0]] * 2 + [ids[1]] * 2
    assert answer["unique_id"].dtype == column.dtype


EXTREMES = {
    "constant": 5.0,
    "zero": 0.0,
    "near the end of float32": 3e38 * np.sin(np.arange(80)),
    "beyond float32": 1e140 * np.sin(np.arange(80)),
    "denormal": 1e-310 * np.sin(np.arange(80)),
    "far from zero": 1e15 + np.arange(80) % 7,
    "of two sizes": np.where(np.arange(80) % 5 == 0, 1e38, 1e-3),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("cls", [Forecaster, Naive, SeasonalNaive, Drift, HistoricMean])
def test_extreme_values_have_finite_forecasts(cls):
    frames = [
        good().assign(y=y).assign(unique_id=lambda f, n=n: n + f.unique_id)
        for n, y in EXTREMES.items()
    ]
    frame = pd.concat(frames)
    model = cls(**(SETTINGS if cls is Forecaster else {"horizon": 6})).fit(frame)
    assert np.isfinite(model.predict().yhat).all()
    assert np.isfinite(model.predict(horizon=9).yhat).all()
    assert np.isfinite(model.score(frame))


def test_an_outlier_at_predict_makes_a_fallback_of_its_own_series_alone():
    model = Forecaster(**SETTINGS).fit(good())
    shocked = good().assign(y=lambda f: f.y.where(f.index != 38, 1e60))
    answer = model.predict(shocked)
    assert answer.fallback.tolist() == [True] * 6 + [False] * 6
    assert np.isfinite(answer.yhat).all()
    np.testing.assert_allclose(answer.yhat[6:], model.predict().yhat[6:], rtol=1e-5)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_dates_run_past_the_end_of_their_unit(kind, unit):
    end = "2262-04-11" if unit == "ns" else "9999-12-31"
    ds = pd.date_range(end=np.datetime64(end, "us"), periods=9, freq="D").as_unit(unit)
    frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": 1.0})
    X = {"pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.Table.from_pandas(frame)}
    answer = Naive(horizon=2).fit(X[kind]).predict()
    stamps = answer["ds"].to_numpy().astype("M8[us]")
    assert stamps[0] == np.datetime64(end, "us") + np.timedelta64(1, "D")


@pytest.mark.parametrize("whole", [np.int64(6), np.int8(6)])
def test_whole_numbers_of_numpy_are_whole_numbers(whole):
    settings = {**SETTINGS, "horizon": whole, "lookback": np.int32(12), "season_length": whole}
    model = Forecaster(**settings).fit(good())
    assert len(model.predict()) == 12 and type(model.horizon_) is int


def test_the_sentence_itself_shortens_long_values():
    assert len(fault("x", "short", "y" * 1000)) < 200
