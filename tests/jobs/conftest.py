"""A folder with a small job: daily sales of four shops, two weeks held back as truth."""

import contextlib

import numpy as np
import pandas as pd
import pytest

JOB = """
[data]
path = "sales.csv"
unique_id = "shop"
ds = "day"
target = "sales"

[forecaster]
network = "nlinear"
horizon = 7
lookback = 14
max_steps = 40
random_state = 1

[backtest]
n_windows = 2

[test]
path = "truth.csv"
naive2 = { smape = 5.0, mase = 1.5 }

[output]
folder = "out"
format = "csv"
"""

PARTS = """
[data]
path = "parts"
[forecaster]
load = "linear.tsmodels"
[output]
folder = "out"
"""


def make_sales(lengths=(60, 80, 50, 70), ids=("007", "北京", "<b>&", "d"), seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for uid, n in zip(ids, lengths, strict=True):
        days = pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d")
        y = 100 + 10 * np.sin(np.arange(n) * 2 * np.pi / 7) + rng.normal(size=n)
        parts.append(pd.DataFrame({"shop": uid, "day": days, "sales": y, "note": "ignored"}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def folder(tmp_path):
    """The folder; `job.toml`, `sales.csv` and `truth.csv` are in it."""
    sales = make_sales()
    held = sales.groupby("shop").cumcount(ascending=False) < 7
    sales[~held].to_csv(tmp_path / "sales.csv", index=False)
    sales[held].to_csv(tmp_path / "truth.csv", index=False)
    (tmp_path / "job.toml").write_text(JOB, encoding="utf-8")
    return tmp_path


@pytest.fixture
def edit(folder):
    """`edit(old, new)` changes the job file and answers its path."""

    def change(*pairs):
        file = folder / "job.toml"
        text = file.read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        return file

    return change


@pytest.fixture(scope="session")
def hourly():
    """`hourly(ids, rows)`: a long frame of walks that end together."""

    def make(ids, rows, seed=0):
        rng, ids = np.random.default_rng(seed), list(ids)
        ds = np.tile(pd.date_range("2024-01-01", periods=rows, freq="h"), len(ids))
        y = rng.normal(size=(len(ids), rows)).cumsum(axis=1).ravel()
        return pd.DataFrame({"unique_id": np.repeat(ids, rows), "ds": ds, "y": y})

    return make


@pytest.fixture(scope="session")
def linear(tmp_path_factory, hourly):
    """The file of a fitted linear network, six hours ahead."""
    from tsmodels import Forecaster

    path = tmp_path_factory.mktemp("linear") / "linear.tsmodels"
    settings = {"horizon": 6, "lookback": 24, "max_steps": 20, "random_state": 0}
    Forecaster(**settings).fit(hourly("abcd", 80, seed=1)).save(path)
    return path


@pytest.fixture
def parts(tmp_path, hourly, linear):
    """A job over four partitions of three series each; the network is loaded."""
    (tmp_path / "parts").mkdir()
    for k in range(4):
        frame = hourly([f"s{k}{letter}" for letter in "xyz"], 60, seed=k)
        frame.to_parquet(tmp_path / f"parts/part-{k}.parquet", index=False)
    (tmp_path / "linear.tsmodels").write_bytes(linear.read_bytes())
    text = (
        '[data]\npath = "parts"\n[forecaster]\nload = "linear.tsmodels"\n[output]\nfolder = "out"\n'
    )
    (tmp_path / "job.toml").write_text(text)
    return tmp_path


@pytest.fixture
def largest_file():
    """`largest_file(size)`: files of this process end there, as on a disk that is full."""
    resource = pytest.importorskip("resource")

    @contextlib.contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
