"""Networks of partitioned jobs: one of all partitions, one a group, kept while nothing changes."""

import json

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels import cli
from tsmodels.jobs.config import JobError, read_job
from tsmodels.jobs.partitioned import dry_run, run_partitioned

FITTED = """
[data]
path = "parts"
[forecaster]
network = "nlinear"
horizon = 6
lookback = 24
max_steps = 5
random_state = 0
[output]
folder = "out"
"""


@pytest.fixture
def job(parts):
    """A job that fits; `job(old, new)` changes its file."""

    def change(old="", new=""):
        assert old in text[0]
        text[0] = text[0].replace(old, new) if old else text[0]
        (parts / "job.toml").write_text(text[0])
        return read_job(parts / "job.toml")

    text = [FITTED]
    return change


def grouped(parts, names=("north", "south")):
    """The parts with a column `region`: half the partitions one, half the other."""
    for k, path in enumerate(sorted((parts / "parts").iterdir())):
        pd.read_parquet(path).assign(region=names[k // 2]).to_parquet(path, index=False)


def read(parts):
    return pd.concat(map(pd.read_parquet, sorted((parts / "parts").glob("part-*"))))


def test_one_network_of_all_partitions(parts, job):
    outcome = run_partitioned(job())
    assert outcome.exit_code == 0 and outcome.files["model"] == "model.tsmodels"
    expected = tsmodels.Forecaster(horizon=6, lookback=24, max_steps=5, random_state=0)
    expected = expected.fit(read(parts)).predict()
    found = pd.read_parquet(parts / "out/forecast")
    assert found["unique_id"].tolist() == expected["unique_id"].tolist()
    np.testing.assert_allclose(found["yhat"], expected["yhat"], rtol=1e-5)


def test_the_network_stands_while_nothing_changes(parts, job):
    assert dry_run(job())[-1] == "The network is to be fitted."
    run_partitioned(job())
    stands = (parts / "out/model.tsmodels").stat().st_mtime_ns
    assert run_partitioned(job()).manifest["partitions"]["standing"] == 4
    assert (parts / "out/model.tsmodels").stat().st_mtime_ns == stands
    assert dry_run(job())[0] == "4 of 4 partitions stand."
    assert (
        run_partitioned(job("max_steps = 5", "max_steps = 6")).manifest["partitions"]["done"] == 4
    )
    (parts / "out/model.tsmodels").write_bytes(b"half")
    assert run_partitioned(job()).manifest["partitions"]["standing"] == 4
    path = parts / "parts/part-0.parquet"
    pd.read_parquet(path).iloc[:-1].to_parquet(path, index=False)
    assert run_partitioned(job()).manifest["partitions"]["done"] == 4


def test_a_share_is_learned_from_and_all_are_forecast(parts, job):
    outcome = run_partitioned(job("[output]", "[fit]\nshare = 0.5\n[output]"))
    assert outcome.manifest["series"]["answered"] == 12
    seen = set(tsmodels.load(parts / "out/model.tsmodels").predict()["unique_id"])
    assert 0 < len(seen) < 12


def test_a_fit_is_loaded_by_another_job(parts, job, capsys):
    job("[output]", "[output]\nformat = 'csv'")
    assert cli.main(["fit", str(parts / "job.toml")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 fitted.\n") and "model.tsmodels" in said
    assert not (parts / "out/forecast").exists()
    (parts / "out/model.tsmodels").rename(parts / "linear.tsmodels")
    loads = '[data]\npath = "parts"\n[forecaster]\nload = "linear.tsmodels"\n'
    (parts / "other.toml").write_text(loads)
    assert cli.main(["forecast", str(parts / "other.toml")]) == 0
    assert cli.main(["fit", str(parts / "other.toml")]) == 2
    assert "forecaster.load must be left out in a fit." in capsys.readouterr().err


def test_a_fit_names_what_it_could_not_learn_from(parts, job, hourly):
    (parts / "parts/corrupt.parquet").write_bytes(b"PAR1")
    doubled = pd.concat([hourly(["doubled"], 40)] * 2)
    doubled.to_parquet(parts / "parts/part-9.parquet", index=False)
    for _ in range(2):  # the second time of the network that stands
        failed = run_partitioned(job(), "fit").failed
        assert failed["unique_id"].tolist() == ["doubled", None]
        assert "doubled rows" in failed["reason"][0]
        assert failed["partition"].tolist()[1] == "corrupt.parquet"


def test_a_fit_of_one_frame(parts, job):
    read(parts).to_csv(parts / "all.csv", index=False)
    outcome = run_partitioned(job('path = "parts"', 'path = "all.csv"'), "fit")
    assert outcome.exit_code == 0
    assert len(tsmodels.load(parts / "out/model.tsmodels").predict()) == 12 * 6


def test_nothing_to_learn_from(parts, job):
    for path in (parts / "parts").iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(JobError, match="partitions with series to learn from. Got 0. .*Parquet"):
        run_partitioned(job())


def test_a_network_for_each_group(parts, job, capsys):
    grouped(parts)
    with pytest.raises(JobError, match="Did you mean 'region'"):
        run_partitioned(job("[output]", "[fit]\ngroup = 'regio'\n[output]"))
    merged = read(parts)
    for k, (_, part) in enumerate(merged.groupby("region")):
        part.to_parquet(parts / f"parts/part-{k}.parquet", index=False)
    for k in (2, 3):
        (parts / f"parts/part-{k}.parquet").unlink()
    outcome = run_partitioned(job("'regio'", "'region'"))
    assert outcome.exit_code == 0 and outcome.manifest["networks"] == 2
    groups = json.loads((parts / "out/models.json").read_text())
    assert groups["group"] == "region" and sorted(groups["models"]) == ["north", "south"]
    found = pd.read_parquet(parts / "out/forecast").set_index("unique_id")["yhat"]
    for region, part in merged.groupby("region"):
        part = part.drop(columns="region")
        settings = {"horizon": 6, "lookback": 24, "max_steps": 5, "random_state": 0}
        expected = tsmodels.Forecaster(**settings).fit(part).predict()
        ids = part["unique_id"].unique()
        np.testing.assert_allclose(found.loc[ids], expected["yhat"], rtol=1e-5)
        saved = tsmodels.load(parts / "out" / groups["models"][region]["file"])
        np.testing.assert_allclose(saved.predict()["yhat"], expected["yhat"], rtol=1e-6)


def test_networks_of_groups_are_loaded_by_name(parts, job, capsys):
    grouped(parts)
    one = parts / "parts/part-0.parquet"
    read(parts).to_parquet(one, index=False)
    for k in (1, 2, 3):
        (parts / f"parts/part-{k}.parquet").unlink()
    job("[output]", "[fit]\ngroup = 'region'\n[output]")
    assert cli.main(["fit", str(parts / "job.toml")]) == 0
    assert capsys.readouterr().out.startswith("2 fitted.\n")
    assert not (parts / "out/forecast").exists()
    loads = (
        '[data]\npath = "parts"\n[forecaster]\nload = "out/models.json"\n'
        '[output]\nfolder = "loaded"\n'
    )
    (parts / "other.toml").write_text(loads)
    assert cli.main(["forecast", str(parts / "other.toml")]) == 0
    assert cli.main(["forecast", str(parts / "job.toml")]) == 0
    tables = [pd.read_parquet(parts / out / "forecast") for out in ("out", "loaded")]
    pd.testing.assert_frame_equal(*tables)
    frame = pd.read_parquet(one)
    frame.loc[frame["unique_id"] == "s0x", "region"] = "west"
    frame.to_parquet(one, index=False)
    assert cli.main(["forecast", str(parts / "other.toml")]) == 1
    assert "No network was fitted for its group 'west'." in capsys.readouterr().out
    (parts / "out/models.json").write_text("{}")
    assert cli.main(["forecast", str(parts / "other.toml")]) == 2
    assert "forecaster.load must be the models.json of a fit" in capsys.readouterr().err


def test_a_group_in_two_partitions(parts, job):
    grouped(parts)
    with pytest.raises(JobError, match="in one partition each. Got .'north' in part-0.parquet and"):
        run_partitioned(job("[output]", "[fit]\ngroup = 'region'\n[output]"))


def test_a_group_that_nothing_can_be_learned_from(parts, job, hourly):
    short = hourly(["short"], 8).assign(region="short")
    for path in (parts / "parts").iterdir():
        path.unlink()
    long = hourly(["long"], 60).assign(region="long")
    pd.concat([long, short]).to_parquet(parts / "parts/part-0.parquet", index=False)
    failed = run_partitioned(job("[output]", "[fit]\ngroup = 'region'\n[output]")).failed
    assert failed["unique_id"].tolist() == ["short"]
    assert pd.read_parquet(parts / "out/forecast")["unique_id"].unique().tolist() == ["long"]


def test_a_share_of_groups_is_none(job):
    with pytest.raises(JobError, match="with share = 1 where every group has a network"):
        job("[output]", "[fit]\ngroup = 'region'\nshare = 0.5\n[output]")
