"""A folder with a small job: daily sales of four shops, two weeks held back as truth."""

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
