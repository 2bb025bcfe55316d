"""Row by row as all at once: streams against `predict` with a lookback of all rows."""

import copy
import gc
import resource
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels import GRU, LSTM, Forecaster, Mamba
from tsmodels.networks import NETWORKS, resolve
from tsmodels.networks.stepping import check_steps

QUICK = {"horizon": 3, "lookback": 12, "max_steps": 3, "batch_size": 16, "random_state": 0}
PRICES = {"transform": "returns", "scaler": "robust"}


def table(n=80, seed=0, ids=("a", "b")):
    """Ids of different levels, hour by hour, with columns to be covariates."""
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-01-01", periods=n, freq="h", tz="Europe/Berlin"),
                "y": 20 * (k + 1) + np.cumsum(rng.normal(size=n)) / 4,
                "load": rng.normal(size=n),
                "heat": rng.normal(size=n),
                "day": rng.choice(["work", "rest"], n),
                "kind": name,
            }
        )
        for k, name in enumerate(ids)
    ]
    return pd.concat(parts, ignore_index=True)


def plain(frame):
    return frame[["unique_id", "ds", "y"]]


def fitted(frame, network=None, **settings):
    network = network or GRU(d_model=4, revin=None)
    return Forecaster(network, **QUICK | settings).fit(frame)


def answer_of_all_rows(model, frame, **asked):
    """`predict` with a lookback of all rows of each id: what a stream is held against."""
    long = copy.copy(model)
    (long.lookback_,) = {*(model.to_panel(frame).lengths - model._lost)}
    return long.predict(frame, **asked)


def assert_same(stream, batch):
    keys = [name for name in batch if batch[name].dtype != float]
    pd.testing.assert_frame_equal(stream[keys], batch[keys])
    for name in batch.columns.difference(keys):
        error = np.abs(stream[name] - batch[name]) / np.maximum(1, np.abs(batch[name]))
        assert error.max() <= 1e-5, (name, error.max())


def streamed(model, frame, cuts=(0.3, 0.33, 0.36, 0.7)):
    """All rows in parts, each part shuffled."""
    places = [int(len(frame) * cut) for cut in cuts]
    in_time = frame.sort_values("ds", kind="stable")
    first, *others = np.split(np.arange(len(frame)), places)
    stream = model.stream(in_time.iloc[first])
    for part in others:
        stream.update(in_time.iloc[part].sample(frac=1.0, random_state=0))
    return stream


SETTINGS = {"d_model": 8, "n_layers": 1, "n_heads": 2, "revin": None, "kernel_size": 3}


def small(name):
    known = {field.name for field in fields(resolve(name))}
    settings = {key: value for key, value in SETTINGS.items() if key in known}
    return resolve(name, **settings | ({"n_layers": 2} if name == "gnmt" else {}))  # at least


STREAMING = sorted(name for name in NETWORKS if small(name).streams)
IN_THE_GATE = ("lstm", "gru", "mamba", "rwkv4")


def test_which_networks_stream():
    assert {*IN_THE_GATE, "rnn", "tcn", "xlstm", "ttt_linear"} <= {*STREAMING}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in IN_THE_GATE else [pytest.mark.slow])
        for name in STREAMING
    ],
)
def test_a_stream_answers_as_predict_with_all_rows(name):
    frame = plain(table(50))
    model = fitted(frame, small(name))
    stream = streamed(model, frame)
    batch = answer_of_all_rows(model, frame)
    assert_same(stream.predict(), batch)
    assert_same(
        stream.predict(["b"], horizon=2),
        batch[batch.unique_id == "b"].head(2).reset_index(drop=True),
    )


@pytest.fixture(scope="module")
def frame():
    return plain(table())


@pytest.fixture(scope="module")
def model(frame):
    return fitted(frame[frame.ds < frame.ds.iloc[50]])


def rows_after(model, frame):
    return frame[frame.ds >= row(model).ds[0]]


def test_a_stream_begins_where_fit_ended(model):
    assert_same(model.stream().predict(), model.predict())


def test_a_later_fit_does_not_reach_a_stream(frame):
    model = fitted(frame)
    stream, before = model.stream(), model.predict()
    model.set_params(random_state=1).fit(frame)
    assert_same(stream.predict(), before)
    assert_same(stream.fit().predict(), before)


def gappy(frame):
    """Absent rows, missing values in the middle and at the beginning, two of them in a row."""
    frame = frame.drop(index=[20, 21, 40, 70]).copy()
    for column in frame.columns.intersection(["y", "load"]):
        frame.loc[[0, 1, 30, 31, 55, 80, 81, 110], column] = np.nan
    return frame


@pytest.mark.parametrize(
    "settings",
    [
        {"level": [80]},
        {"level": [80], **PRICES},
        {"level": 80, "loss": "quantile", "scaler": "minmax"},
        {"level": 80, "loss": "normal", "transform": "log", "calendar": True},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_gaps_transforms_heads_and_intervals(settings):
    frame = gappy(plain(table()))
    level = settings.pop("level")
    model = fitted(frame, **settings)
    batch = answer_of_all_rows(model, frame, level=level)
    assert_same(streamed(model, frame).predict(level=level), batch)


COVARIATES = {
    "past_covariates": ["load", "day"],
    "future_covariates": ["heat"],
    "static_covariates": ["kind"],
    "categories": ["day", "kind"],
}


def test_covariates():
    frame = gappy(table())
    known, ahead = frame[frame.ds < frame.ds.iloc[50]], frame[["unique_id", "ds", "heat"]]
    model = fitted(known, calendar=True, **COVARIATES)
    stream = streamed(model, known)
    batch = answer_of_all_rows(model, known, future=ahead)
    assert_same(stream.predict(future=ahead), batch)
    assert_same(stream.predict(future=ahead, horizon=1), batch.groupby("unique_id", sort=False)
                .head(1).reset_index(drop=True))  # fmt: skip


def test_names_that_fit_has_not_seen_are_as_missing_ones():
    frame = table()
    settings = {"past_covariates": ["day"], "categories": ["day"]}
    frame = frame[["unique_id", "ds", "y", "day"]]
    model = fitted(frame, **settings)
    stream = streamed(model, frame.assign(day=frame.day.where(frame.index % 7 > 0, "new")))
    without = frame.assign(day=frame.day.where(frame.index % 7 > 0))
    assert_same(stream.predict(), answer_of_all_rows(model, without))
    assert stream.tail_.covariates.levels == model.context_.covariates.levels


def test_several_targets():
    frame = gappy(table())[["unique_id", "ds", "y", "load"]]
    model = fitted(frame, target=["y", "load"])
    assert_same(streamed(model, frame).predict(), answer_of_all_rows(model, frame))


def test_rows_that_come_when_they_come():
    frame = plain(table())[np.tile(np.random.default_rng(0).random(80) < 0.6, 2)]
    model = fitted(frame, freq="irregular")
    later = frame.ds.max() + pd.to_timedelta([1, 4, 5], "h")
    ahead = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 3), "ds": [*later, *later]})
    batch = answer_of_all_rows(model, frame, future=ahead)
    assert_same(streamed(model, frame).predict(["a", "b"], future=ahead), batch)


def test_too_few_rows_are_forecast_as_predict_does(frame, model):
    few = frame.groupby("unique_id").head(5)
    stream, batch = model.stream(few), model.predict(few, level=80)
    assert batch.fallback.all()
    assert_same(stream.predict(level=80), batch)
    more = frame.groupby("unique_id").head(20)
    stream.update(more.groupby("unique_id").tail(15))
    assert_same(stream.predict(), answer_of_all_rows(model, more))


def test_many_ids_at_a_time(model):
    ids = [f"id {k}" for k in range(70)]
    frame = pd.concat([plain(table(14, k, [name])) for k, name in enumerate(ids)])
    model = fitted(frame, lookback=8)
    stream = model.stream(frame[frame.ds < frame.ds.max()])
    for part in (ids[:5], ids[5:]):
        stream.update(frame[(frame.ds == frame.ds.max()) & frame.unique_id.isin(part)])
    assert_same(stream.predict(), answer_of_all_rows(model, frame))


def test_a_stream_is_saved_and_goes_on(frame, model, tmp_path):
    stream = model.stream()
    rows = rows_after(model, frame)
    stream.update(rows[:5]).save(tmp_path / "stream.tsmodels")
    other = tsmodels.load(tmp_path / "stream.tsmodels")
    twin = copy.deepcopy(stream)
    for each in (stream, other, twin):
        each.update(rows[5:])
    for each in (other, twin):
        pd.testing.assert_frame_equal(each.predict(level=80), stream.predict(level=80))
    (tmp_path / "cut").write_bytes((tmp_path / "stream.tsmodels").read_bytes()[:-100])
    with pytest.raises(ValueError, match="checksum is wrong"):
        tsmodels.load(tmp_path / "cut")


def row(model, **changes):
    last = model.context_.calendar.wall(model.context_.last()[:1])
    ds = pd.DatetimeIndex(last).tz_localize("Europe/Berlin") + pd.Timedelta(1, "h")
    return pd.DataFrame({"unique_id": ["a"], "ds": ds, "y": [20.0]} | changes)


def an_hour(model, hours):
    return row(model).ds + pd.Timedelta(hours, "h")


BAD_ROWS = {
    "of ids that fit has seen.* Got \\['z'\\]": lambda m: row(m, unique_id=["z"]),
    "a second row for": lambda m: row(m, ds=an_hour(m, -1)),
    "a row before": lambda m: row(m, ds=an_hour(m, -3)),
    "one row for each unique_id and ds": lambda m: pd.concat([row(m), row(m)]),
    "on the grid": lambda m: row(m, ds=an_hour(m, 0.5)),
    "as in fit": lambda m: row(m, ds=an_hour(m, 0).dt.tz_localize(None)),
    "finite": lambda m: row(m, y=[np.inf]),
    "after scaling": lambda m: row(m, y=[1e30]),
    "column 'y' must be": lambda m: row(m, y=["much"]),
}


@pytest.mark.parametrize("sentence", BAD_ROWS)
def test_bad_rows_are_refused_with_a_sentence_and_change_nothing(model, sentence):
    stream = model.stream()
    before = stream.predict()
    with pytest.raises((ValueError, TypeError), match=sentence):
        stream.update(BAD_ROWS[sentence](model))
    pd.testing.assert_frame_equal(stream.predict(), before)


@pytest.mark.parametrize("missing", ["error", "interpolate"])
@pytest.mark.parametrize("y", [np.nan, None])
def test_what_is_missing_is_refused_where_it_cannot_be_shown(model, missing, y):
    strict = copy.copy(model).set_params(missing=missing)
    stream = strict.stream()
    with pytest.raises(ValueError, match="missing"):
        stream.update(row(model, y=[20.0 if y is None else y], ds=an_hour(model, 3 * (y is None))))


def test_what_cannot_be_asked(model):
    stream = model.stream()
    with pytest.raises(ValueError, match="horizon must be at most 3"):
        stream.predict(horizon=4)
    with pytest.raises(ValueError, match="ids must be of ids that fit has seen"):
        stream.predict(["c"])
    empty = model.stream(row(model, unique_id=["b"]))
    with pytest.raises(ValueError, match="ids that have given a row. Got \\['a'\\]"):
        empty.predict(["a", "b"])


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (GRU(d_model=4), "normalises every window by itself"),
        (GRU(d_model=4, revin=None, bidirectional="all"), "first steps know the last ones"),
        ("nlinear", "maps the whole window at once"),
        ("patchtst", "maps the whole window at once"),
        (small("seq2seq"), "decoder looks back at the whole window"),
    ],
)
def test_networks_that_do_not_stream_say_why(network, reason):
    with pytest.raises(ValueError, match=reason):
        check_steps(resolve(network))


@pytest.mark.slow
@pytest.mark.parametrize("network", [LSTM, GRU, Mamba, tsmodels.RWKV4, tsmodels.RWKV7])
def test_ten_thousand_rows_one_by_one(network):
    """Equal to 1e-5 * max(1, |y|) at the end and after 100, 1,000 and 5,000 rows."""
    n = 10_000
    y = 10 + np.sin(np.arange(n) * np.pi / 12) + 0.1 * np.random.default_rng(0).normal(size=n)
    frame = pd.DataFrame({"ds": np.arange(n), "y": y})
    model = fitted(frame[:500], network(d_model=16, revin=None), max_steps=200)
    stream = model.stream(frame[:1])
    for k in range(1, n):
        stream.update(frame[k : k + 1])
        if k + 1 in (100, 1_000, 5_000, n):
            assert_same(stream.predict(), answer_of_all_rows(model, frame[: k + 1]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_flat_over_a_hundred_thousand_updates():
    model = fitted(pd.DataFrame({"ds": np.arange(200), "y": np.sin(np.arange(200.0))}))
    stream, rows = model.stream(), pd.DataFrame({"ds": [0], "y": [0.0]})
    held = []
    for k in range(100_000):
        rows["ds"], rows["y"] = 200 + k, np.sin(200.0 + k)
        stream.update(rows)
        if k % 10_000 == 9_999:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held.append(pages * resource.getpagesize())
    assert max(held) - held[0] < 4e6, held  # bytes: 44 an update
    assert np.isfinite(stream.predict().yhat).all()
