"""What `check_data` says of planted faults, and that it is silent about clean data."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tsmodels import check_data


def frame(n=60, ids=("a", "b"), freq="D", **columns):
    t = np.arange(n)
    part = {"ds": pd.date_range("2024-01-01", periods=n, freq=freq), "y": 5 + np.sin(t), **columns}
    return pd.concat([pd.DataFrame({"unique_id": i, **part}) for i in ids], ignore_index=True)


def test_clean_data_have_neither_problems_nor_remarks():
    report = check_data(frame().sample(frac=1, random_state=0))
    assert report.ok and report.remarks == () and str(report) == "2 series, 120 rows"
    assert report.table.freq.tolist() == ["D", "D"]


PROBLEMS = {
    "doubled": (lambda f: pd.concat([f, f.iloc[[3, 70]]]), "2 stamps are twice: 'a' (1), 'b' (1)."),
    "infinite": (lambda f: f.assign(y=f.y.where(f.index != 3, np.inf)), "1 value is infinite: 'a'"),
    "irregular": (
        lambda f: f.assign(ds=f.ds + pd.to_timedelta(f.index % 60 % 7 * 3911, unit="s")),
        "The stamps of 'a', 'b' fit no frequency",
    ),
    "empty": (lambda f: f.assign(y=f.y.where(f.unique_id == "a")), "'b' without a single value"),
    "text": (lambda f: f.assign(y="high"), "column 'y' must be of real numbers"),
    "no stamps": (lambda f: f.drop(columns="ds"), "with a column 'ds'"),
    "null ids": (lambda f: f.assign(unique_id=None), "unique_id must be set in every row"),
    "a number": (lambda f: 3, "X must be a frame"),
}
REMARKS = {
    "gaps": (
        lambda f: f.drop(index=[4, 5, 70]),
        "3 stamps are missing between rows: 'a' (2), 'b' (1)",
    ),
    "holes": (lambda f: f.assign(y=f.y.where(f.index != 7)), "1 value is missing: 'a' (1)"),
    "zone": (lambda f: f.assign(ds=f.ds.dt.tz_localize("Asia/Tokyo")), "time zone Asia/Tokyo"),
    "constant": (
        lambda f: f.assign(y=f.y.where(f.unique_id == "a", 1.0)),
        "1 series never changes: 'b'",
    ),
    "frequencies": (
        lambda f: pd.concat([f, frame(ids="h", freq="h")]),
        "2 frequencies, ['D', 'h']",
    ),
}


@pytest.mark.parametrize("change, sentence", PROBLEMS.values(), ids=PROBLEMS)
def test_problems(change, sentence):
    report = check_data(change(frame()))
    assert not report.ok and sentence in " ".join(report.problems) and sentence in str(report)


@pytest.mark.parametrize("change, sentence", REMARKS.values(), ids=REMARKS)
def test_remarks(change, sentence):
    report = check_data(change(frame()))
    assert report.ok and len(report.remarks) == 1 and sentence in report.remarks[0]


@pytest.mark.parametrize("seed", range(5))
def test_prices_and_what_is_none(seed):
    noise = np.random.default_rng(seed).standard_normal((3, 600))
    t = np.arange(600)
    level = np.zeros(600)
    for i in range(1, 600):
        level[i] = 0.7 * level[i - 1] + noise[1, i]
    series = {
        "price": 100 * np.exp(np.cumsum(noise[0] / 60)),
        "returns to a level": 100 + level,
        "season": 100 + 20 * np.sin(2 * np.pi * t / 7) + noise[2],
        "below zero": np.cumsum(noise[0]) - 40,
        "short": 100 * np.exp(np.cumsum(noise[0, :30] / 60)),
    }
    days = pd.date_range("2022-01-01", periods=600)
    parts = [
        pd.DataFrame({"unique_id": k, "ds": days[: len(y)], "y": y}) for k, y in series.items()
    ]
    (remark,) = check_data(pd.concat(parts)).remarks
    assert remark.startswith("1 series walk like prices: 'price'.") and "'returns'" in remark


def test_several_targets_and_other_kinds_of_frames():
    f = frame().assign(z=lambda g: g.y.where(g.index != 5))
    report = check_data(pl.from_pandas(f), target=["y", "z"])
    assert report.table[["target", "missing"]].to_numpy().tolist()[2] == ["z", 1]
    assert "('a', 'z') (1)" in report.remarks[0]
    assert check_data(np.arange(9.0)).ok
