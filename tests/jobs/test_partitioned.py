"""Jobs by partitions: every series once, what is done stays done, faults stay where they are."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels import cli
from tsmodels.jobs.answering import Model
from tsmodels.jobs.config import JobError, read_job
from tsmodels.jobs.engine import Task
from tsmodels.jobs.interrupts import Terminated
from tsmodels.jobs.lock import locked
from tsmodels.jobs.output import OutputError
from tsmodels.jobs.partition import Options, run_partition
from tsmodels.jobs.partitioned import dry_run, run_partitioned


def inputs(folder):
    return pd.read_parquet(sorted((folder / "parts").glob("part-*.parquet")))


def outputs(folder, out="out"):
    """What has been written, by name: the bytes of everything but the manifest's times."""
    files = [path for path in (folder / out).rglob("*") if path.is_file()]
    return {
        path.relative_to(folder / out).as_posix(): path.read_bytes()
        for path in files
        if path.parent.name != "records" and path.name != "manifest.json"
    }


def manifest(folder):
    return json.loads((folder / "out/manifest.json").read_text("utf-8"))


def run(folder, **options):
    return run_partitioned(read_job(folder / "job.toml"), **options)


def edit(folder, old, new):
    text = (folder / "job.toml").read_text()
    assert old in text
    (folder / "job.toml").write_text(text.replace(old, new))


def test_forecasts_are_those_of_one_call(parts, capsys):
    assert cli.main(["forecast", str(parts / "job.toml")]) == 0
    assert capsys.readouterr().out.startswith("12 of 12 series have an answer.\n")
    found = pd.read_parquet(parts / "out/forecast")
    expected = tsmodels.load(parts / "linear.tsmodels").predict(inputs(parts))
    pd.testing.assert_frame_equal(found[["unique_id", "ds"]], expected[["unique_id", "ds"]])
    np.testing.assert_allclose(found["yhat"], expected["yhat"], rtol=1e-5)
    assert not found["fallback"].any()
    told = manifest(parts)
    assert told["complete"] and str(parts) not in json.dumps(told)
    assert told["partitions"] == {"found": 4, "done": 4, "standing": 0, "failed": 0}
    assert told["series"] == {"read": 12, "answered": 12, "failed": 0, "fallback": 0}
    assert told["data"]["rows"] == 720
    assert told["model"]["sha256"] == Model.of(parts / "linear.tsmodels").sha256
    assert sorted(path.name for path in (parts / "out").iterdir()) == [
        "forecast",
        "manifest.json",
        "records",
    ]


def test_what_stands_is_left_as_it_is(parts, hourly):
    run(parts)
    first = outputs(parts)
    times = {path: path.stat().st_mtime_ns for path in (parts / "out/forecast").iterdir()}
    outcome = run(parts)
    assert outcome.manifest["partitions"]["standing"] == 4 and outcome.exit_code == 0
    assert times == {path: path.stat().st_mtime_ns for path in times}
    hourly(["new"], 60).to_parquet(parts / "parts/part-2.parquet", index=False)
    assert run(parts).manifest["partitions"]["done"] == 1
    changed = {name for name, content in outputs(parts).items() if content != first[name]}
    assert changed == {"forecast/part-2.parquet"}
    (parts / "out/forecast/part-1.parquet").write_bytes(b"half")
    assert run(parts).manifest["partitions"]["done"] == 1
    assert outputs(parts)["forecast/part-1.parquet"] == first["forecast/part-1.parquet"]
    assert run(parts, resume=False).manifest["partitions"]["done"] == 4


def test_another_model_or_format_and_partitions_that_went(parts, hourly):
    run(parts)
    (parts / "parts/part-3.parquet").unlink()
    edit(parts, 'folder = "out"', 'folder = "out"\nformat = "csv"')
    assert run(parts).manifest["partitions"]["done"] == 3
    assert sorted(outputs(parts)) == [f"forecast/part-{k}.csv" for k in range(3)]
    model = tsmodels.SeasonalNaive(horizon=2).fit(hourly("a", 60))
    model.save(parts / "linear.tsmodels")
    assert run(parts).manifest["partitions"]["done"] == 3
    assert len(pd.read_csv(parts / "out/forecast/part-0.csv")) == 6


def test_faults_stay_where_they_are(parts, hourly, capsys):
    good = inputs(parts)
    spoiled = {
        "doubled": pd.concat([hourly(["doubled"], 40), hourly(["doubled"], 1)]),
        "one row": hourly(["one row"], 1),
        "infinite": hourly(["infinite"], 40).assign(y=np.inf),
        "daily": hourly(["daily"], 24 * 40).iloc[::24],
        "empty": hourly(["empty"], 40).assign(y=np.nan),
        None: hourly(["none"], 40).assign(unique_id=None),
    }
    first = pd.read_parquet(parts / "parts/part-0.parquet")
    mixed = pd.concat([first.iloc[:60], *spoiled.values(), first.iloc[60:]])
    mixed.to_parquet(parts / "parts/part-0.parquet", index=False)
    (parts / "parts/corrupt.parquet").write_bytes(b"PAR1 not really PAR1")
    good.astype({"y": str}).to_parquet(parts / "parts/text.parquet")
    good.drop(columns="ds").to_parquet(parts / "parts/timeless.parquet")
    assert cli.main(["forecast", str(parts / "job.toml")]) == 1
    assert "12 of 18 series have an answer." in capsys.readouterr().out
    failed = pd.read_csv(parts / "out/failed.csv", keep_default_na=False)
    reasons = failed.set_index("unique_id")["reason"]
    assert set(failed["unique_id"]) == {uid or "" for uid in spoiled}
    for uid, words in {
        "doubled": "1 doubled rows",
        "one row": "one row",
        "infinite": "40 infinite values",
        "daily": "'D'",
        "empty": "Every value is missing",
    }.items():
        assert words in reasons[uid]
    whole = failed[failed["unique_id"] == ""].set_index("partition")["reason"]
    assert "unique_id must be set" in whole["part-0.parquet"]
    assert "Parquet" in whole["corrupt.parquet"]
    assert "real numbers. Got" in whole["text.parquet"]
    assert "data.ds must be a column" in whole["timeless.parquet"]
    held = pd.read_parquet(parts / "out/quarantine")
    assert held["unique_id"].nunique(dropna=False) == len(spoiled)
    assert len(held) == sum(map(len, spoiled.values()))
    found = pd.read_parquet(parts / "out/forecast")
    expected = tsmodels.load(parts / "linear.tsmodels").predict(good)
    both = expected.merge(found, on=["unique_id", "ds"])
    assert len(both) == len(expected) == len(found)
    np.testing.assert_allclose(both["yhat_x"], both["yhat_y"], rtol=1e-5)


def test_partitions_that_failed_are_tried_again(parts):
    whole = (parts / "parts/part-1.parquet").read_bytes()
    (parts / "parts/part-1.parquet").write_bytes(whole[:-100])
    assert run(parts).exit_code == 1
    before = os.stat(parts / "parts/part-1.parquet")
    (parts / "parts/part-1.parquet").write_bytes(whole)
    os.utime(parts / "parts/part-1.parquet", ns=(before.st_atime_ns, before.st_mtime_ns))
    outcome = run(parts)
    assert outcome.exit_code == 0 and outcome.manifest["partitions"]["done"] == 1
    assert not (parts / "out/failed.csv").exists()


def test_an_id_in_two_partitions_is_told(parts, hourly):
    path = parts / "parts/part-2.parquet"
    pd.concat([pd.read_parquet(path), hourly(["s0y"], 30)]).to_parquet(path, index=False)
    for _ in range(2):
        outcome = run(parts)
        assert outcome.exit_code == 1
        [row] = outcome.failed.to_dict("records")
        assert (row["unique_id"], row["partition"]) == ("s0y", "part-2.parquet")
        assert row["reason"].startswith("Rows of it lie in part-0.parquet too.")


def test_some_ids_only(parts, capsys):
    command = ["forecast", str(parts / "job.toml"), "--only", "s1x", "s3z", "nobody"]
    assert cli.main(command) == 1
    assert "no answer for 'nobody': No partition has it." in capsys.readouterr().out
    found = pd.read_parquet(parts / "out/only/forecast")
    assert found["unique_id"].unique().tolist() == ["s1x", "s3z"]
    assert cli.main(command[:-1]) == 0
    assert not (parts / "out/forecast").exists()


def test_a_dry_run_writes_nothing(parts, capsys):
    assert cli.main(["forecast", str(parts / "job.toml"), "--dry-run"]) == 0
    assert "0 of 4 partitions stand.\n4 are to be done" in capsys.readouterr().out
    assert not (parts / "out").exists()
    run(parts)
    assert dry_run(read_job(parts / "job.toml"))[0] == "4 of 4 partitions stand."


def test_one_file_is_one_partition(parts):
    edit(parts, 'path = "parts"', 'path = "all.csv"')
    edit(parts, "[output]", "[run]\n[output]")
    inputs(parts).to_csv(parts / "all.csv", index=False)
    assert run(parts).manifest["series"]["answered"] == 12
    assert sorted(outputs(parts)) == ["forecast/all.parquet"]


def test_partitions_behind_an_address(parts):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(parts / "parts"), "/sales", recursive=True)
    run(parts)
    local = outputs(parts)
    edit(parts, 'path = "parts"', 'path = "memory://sales"')
    edit(parts, 'folder = "out"', 'folder = "far"')
    outcome = run(parts)
    assert outcome.manifest["partitions"]["done"] == 4
    assert outputs(parts, "far") == local
    assert run(parts).manifest["partitions"]["standing"] == 4
    memory.rm("/sales", recursive=True)
    with pytest.raises(JobError, match="data.path must be a"):
        run(parts)


def test_an_address_that_nobody_reads(parts):
    edit(parts, 'path = "parts"', 'path = "nothing://sales"')
    with pytest.raises(JobError, match="an address that fsspec can read. Got 'nothing://sales'"):
        run(parts)


# --- what ends a run ------------------------------------------------------------------------------


@pytest.fixture
def stopped(monkeypatch):
    """`stopped(after, how)`: a run is stopped in its next task after so many."""

    def prepare(after, how):
        done = []

        def counted(task):
            if len(done) == after:
                how()
            done.append(task)
            return run_partition(task.partition, task.output, task.model, task.options)

        monkeypatch.setattr(Task, "run", counted)

    yield prepare


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly(parts, stopped, monkeypatch, capsys, request, number, code):
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # deaf to it in the background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, heard))
    stopped(2, lambda: os.kill(os.getpid(), number))
    assert cli.main(["forecast", str(parts / "job.toml")]) == code
    assert "no half file was written" in capsys.readouterr().err
    told = manifest(parts)
    assert not told["complete"] and told["partitions"]["done"] == 2
    assert sorted(outputs(parts)) == ["forecast/part-0.parquet", "forecast/part-1.parquet"]
    monkeypatch.undo()
    outcome = run(parts)
    assert outcome.manifest["partitions"] == {"found": 4, "done": 2, "standing": 2, "failed": 0}
    found = outputs(parts)
    run(parts, resume=False)
    assert outputs(parts) == found


def test_sigterm_has_its_old_meaning_again(parts, stopped):
    before = signal.getsignal(signal.SIGTERM)
    stopped(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert cli.main(["forecast", str(parts / "job.toml")]) == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert issubclass(Terminated, KeyboardInterrupt)


def test_one_run_at_a_time(parts, capsys):
    (parts / "out").mkdir()
    with locked(parts / "out"):
        assert cli.main(["forecast", str(parts / "job.toml")]) == 2
    said = capsys.readouterr().err
    assert "output.folder must be one that no other run writes to. Got 'out'." in said
    assert f"Process {os.getpid()} on " in said
    assert cli.main(["forecast", str(parts / "job.toml")]) == 0
    assert not (parts / "out/.lock").exists()


def test_the_lock_of_a_dead_owner_gives_way(tmp_path):
    code = (
        "import sys, time, pathlib; from tsmodels.jobs.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n    print('mine', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
        assert owner.stdout.readline() == b"mine\n"
        with pytest.raises(JobError, match=f"Process {owner.pid} on"), locked(tmp_path):
            pass
        owner.kill()
        owner.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


def test_leftovers_of_a_killed_run_are_removed(parts):
    run(parts)
    for name in ("forecast/.part-0.parquet.0a1b2c3d", ".manifest.json.01234567", ".mine.txt"):
        (parts / "out" / name).touch()
    run(parts)
    assert [path.name for path in (parts / "out").rglob(".*")] == [".mine.txt"]


def test_a_full_disk_keeps_whole_partitions_alone(parts, hourly, capsys, largest_file):
    hourly([f"long{k}" for k in range(400)], 26).to_parquet(parts / "parts/part-2.parquet")
    with largest_file(8000):
        assert cli.main(["forecast", str(parts / "job.toml")]) == 2
    said = capsys.readouterr().err
    assert "output.folder must be a folder that can be written." in said
    assert "File too large" in said and "Traceback" not in said
    left = outputs(parts)
    assert sorted(left) == ["forecast/part-0.parquet", "forecast/part-1.parquet"]
    assert not manifest(parts)["complete"]
    assert not list((parts / "out").rglob(".*"))
    assert run(parts).manifest["partitions"] == {
        "found": 4,
        "done": 2,
        "standing": 2,
        "failed": 0,
    }
    assert {name: outputs(parts)[name] for name in left} == left


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write to")
def test_a_folder_that_nobody_may_write_to(parts, capsys):
    edit(parts, '"out"', '"/proc/self"')
    assert cli.main(["forecast", str(parts / "job.toml")]) == 2
    assert "a folder that can be written. Got '/proc/self'." in capsys.readouterr().err


def test_run_partition_says_which_folder_cannot_be_written(parts):
    (parts / "file").touch()
    with pytest.raises(OutputError, match="a folder that can be written"):
        run_partition(parts / "parts/part-0.parquet", parts / "file", parts / "linear.tsmodels")


# --- jobs that cannot be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("[output]", '[test]\npath = "x.csv"\n[output]', "test must be left out where a job runs"),
        ('path = "parts"', 'path = "nowhere/"', "data.path must be an existing file"),
        ("[output]", "[run]\nworkers = 2\n[output]", "engine = 'processes' for several workers"),
        ("[output]", '[run]\naddress = "x"\n[output]', "engine = 'dask' where it has an address"),
        ("[output]", '[run]\nengine = "dusk"\n[output]', "Did you mean 'dask'?"),
        ('path = "parts"', 'dataset = "m4_hourly"\n[run]', "data.path must be given"),
    ],
)
def test_faults_of_job_files(parts, old, new, expected):
    edit(parts, old, new)
    with pytest.raises(JobError) as caught:
        read_job(parts / "job.toml")
    assert expected in str(caught.value)


def test_a_model_that_is_none_is_refused_at_once(parts, capsys):
    (parts / "linear.tsmodels").write_bytes(b"junk")
    assert cli.main(["forecast", str(parts / "job.toml")]) == 2
    assert "is not a file saved by tsmodels" in capsys.readouterr().err


def test_a_backtest_reads_one_file(parts, capsys):
    for command in ("backtest", "search"):
        edit(parts, "load", "# load") if command == "search" else None
        assert cli.main([command, str(parts / "job.toml")]) == 2
        assert f"data.path must be one file for a {command}" in capsys.readouterr().err


def test_an_empty_folder(parts):
    for path in (parts / "parts").iterdir():
        path.unlink()
    with pytest.raises(JobError, match="data.path must be a folder with Parquet files"):
        run(parts)


def test_options_are_part_of_the_fingerprint(parts):
    assert Options(only=("a",)).as_text() != Options().as_text()
    assert Options(format="csv").as_text() != Options().as_text()
