"""Dealing a table to partitions: no row lost, none twice, all rows of an id in one file."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tsmodels import cli
from tsmodels.jobs import dealing
from tsmodels.jobs.config import JobError
from tsmodels.jobs.dealing import partition_table, partitions_of

KEYS = {"id": "shop", "time": "day"}


@pytest.fixture
def sales(tmp_path, monkeypatch):
    """A table of 40 shops in no order, read in batches of 100 rows."""
    rng = np.random.default_rng(0)
    shops = np.array([f"{k:03d}" for k in range(38)] + ["NA", "北京"], object)
    days = np.datetime64("2024-01-01") + np.arange(30)
    frame = pd.DataFrame({"shop": np.repeat(shops, 30), "day": np.tile(days, 40)})
    frame = frame.assign(sales=rng.normal(size=1200)).sample(frac=1, random_state=0)
    frame.to_csv(tmp_path / "sales.csv", index=False)
    frame.to_parquet(tmp_path / "sales.parquet", index=False)
    (tmp_path / "folder").mkdir()
    for k in range(3):
        frame.iloc[k::3].to_parquet(tmp_path / f"folder/{k}.parquet", index=False)
    monkeypatch.setattr(dealing, "HELD", 50)
    monkeypatch.setattr(dealing, "_batches", small_batches(dealing._batches))
    return frame


def small_batches(original):
    def batches(input, id):
        schema, whole = original(input, id)
        return schema, (b.slice(k, 100) for b in whole for k in range(0, len(b), 100))

    return batches


@pytest.mark.parametrize("name", ["sales.csv", "sales.parquet", "folder"])
def test_every_row_once_and_every_id_in_one_file(sales, tmp_path, capsys, name):
    out = tmp_path / "parts"
    command = ["data", "partition", str(tmp_path / name), str(out), "--id", "shop", "--time", "day"]
    assert cli.main([*command, "--partitions", "5"]) == 0
    assert "1,200 rows of 40 ids in 5 partitions" in capsys.readouterr().out
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [f"part-{k}.parquet" for k in range(5)]
    parts = [pd.read_parquet(file) for file in files]
    homes = pd.concat([part["shop"].drop_duplicates() for part in parts])
    assert sorted(homes) == sorted(sales["shop"].unique())
    for part in parts:
        pd.testing.assert_frame_equal(
            part, part.sort_values(["shop", "day"], ignore_index=True), check_dtype=False
        )
    found = pd.concat(parts).sort_values(["shop", "day"], ignore_index=True)
    expected = sales.sort_values(["shop", "day"], ignore_index=True)
    assert found["shop"].tolist() == expected["shop"].tolist()
    assert (found["day"].astype("datetime64[s]") == expected["day"].astype("datetime64[s]")).all()
    np.testing.assert_array_equal(found["sales"], expected["sales"])
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_same_id_goes_to_the_same_partition_whatever_lies_beside_it():
    ids = [f"s{k}" for k in range(500)]
    homes = dict(zip(ids, partitions_of(pa.array(ids), 7), strict=True))
    turned = dict(zip(ids[::-1], partitions_of(pa.array(ids[::-1]), 7), strict=True))
    assert homes == turned
    assert np.bincount(list(homes.values())).min() > 40
    assert partitions_of(pa.array([7]), 100) == partitions_of(pa.array(["7"]), 100)


def test_rows_without_an_id_are_kept_for_a_job_to_refuse(tmp_path):
    frame = pd.DataFrame({"shop": ["a", None], "day": [1, 2], "sales": [1.0, 2.0]})
    frame.to_parquet(tmp_path / "in.parquet")
    dealt = partition_table(tmp_path / "in.parquet", tmp_path / "out", **KEYS, partitions=1)
    assert (dealt.rows, dealt.ids) == (2, 1)


def test_from_an_address(sales, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").put(str(tmp_path / "sales.parquet"), "/dealt/sales.parquet")
    address = "memory://dealt/sales.parquet"
    assert partition_table(address, tmp_path / "parts", **KEYS, partitions=2).rows == 1200


FAULTS = {
    "no file": ({"input": "nothing.csv"}, "input must be an existing file or folder"),
    "no such column": ({"id": "shops"}, "Did you mean 'shop'?"),
    "no such time": ({"time": "ds"}, "time must be a column of the input"),
    "none": ({"partitions": 0}, "partitions must be a positive int"),
    "too many": ({"partitions": 513}, "partitions must be at most 512"),
    "in the way": ({"output": "folder"}, "output must be a folder that is not there yet, or empty"),
    "below a file": ({"output": "sales.csv/parts"}, "output must be a folder that can be written"),
    "no table": ({"input": "junk.csv"}, "cannot be read"),
}


@pytest.mark.parametrize("change, expected", FAULTS.values(), ids=FAULTS)
def test_faults(sales, tmp_path, change, expected):
    (tmp_path / "junk.csv").write_bytes(b"shop,day\n1,2,3\n")
    given = {"input": "sales.csv", "output": "parts", **KEYS, "partitions": 2} | change
    for name in ("input", "output"):
        given[name] = tmp_path / given[name]
    before = sorted(os.listdir(tmp_path))
    with pytest.raises((JobError, ValueError), match=expected.replace("?", r"\?")):
        partition_table(**given)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_row_that_does_not_fit_leaves_nothing(sales, tmp_path):
    head, rows = (tmp_path / "sales.csv").read_text().split("\n", 1)
    (tmp_path / "sales.csv").write_text(f"{head}\n{rows * 40}x,2024-01-01,many\n")
    with pytest.raises(JobError, match="sales.csv cannot be read: .*many"):
        partition_table(tmp_path / "sales.csv", tmp_path / "parts", **KEYS, partitions=2)
    assert not (tmp_path / "parts").exists()
