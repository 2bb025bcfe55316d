"""The command as a user runs it: exit codes, streams, start-up cost."""

import importlib.metadata
import re
import subprocess
import sys

import pytest
from yahoo_server import Listing, keep_zones, serving

from tsmodels import cli
from tsmodels.jobs.config import JobError

SALES = "unique_id,ds,y\n" + "".join(
    f"{uid},2024-01-{day:02d},{day % 7 + day % 5}\n" for uid in "ab" for day in range(1, 29)
)
JOB = """
[data]
path = "sales.csv"
[forecaster]
horizon = 3
lookback = 7
max_steps = 20
[output]
folder = "out"
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / "sales.csv").write_text(SALES)
    (tmp_path / "job.toml").write_text(JOB)
    return tmp_path / "job.toml"


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tsmodels", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from tsmodels import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'sklearn', 'keras', 'rich', 'pydantic'}\n"
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "forecast" in done.stdout and "backtest" in done.stdout


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"tsmodels {importlib.metadata.version('tsmodels')}\n"


def test_forecast_answers_on_stdout_and_reports_progress_on_stderr(job, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = run("forecast", job, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 of 2 series have an answer.\n")
    assert str(job.parent / "out" / "forecast.parquet") in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "read",
        "fit",
        "forecast",
        "write",
    ]
    assert list(elsewhere.iterdir()) == []


def test_backtest_prints_scores_and_skill(job, capsys):
    assert cli.main(["backtest", str(job)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^forecast +[\d.]+", out, re.M)
    assert re.search(r"^seasonal naive +[\d.]+", out, re.M)
    assert "simple forecast" in out


def test_faults_are_sentences_without_traceback(job):
    job.write_text(JOB.replace("horizon", "horizn").replace("sales.csv", "sails.csv"))
    done = run("forecast", job)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith("tsmodels: error: ") for line in lines)
    assert "Did you mean 'horizon'?" in done.stderr and "data.path" in done.stderr


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("a,2024-01-28", "a,2024-01-27", "2024-01-27"),  # a doubled row
        ("a,2024-01-28,3", "a,2024-01-28,many", "y"),
    ],
)
def test_bad_data_is_a_sentence_too(job, capsys, old, new, expected):
    assert old in SALES
    (job.parent / "sales.csv").write_text(SALES.replace(old, new))
    assert cli.main(["forecast", str(job)]) == 2
    err = capsys.readouterr().err
    assert "tsmodels: error: " in err and expected in err and "Traceback" not in err


def test_unexpected_errors_keep_their_traceback(monkeypatch):
    def broken(arguments):
        return {}["absent"]

    monkeypatch.setattr(cli, "_networks", broken)
    with pytest.raises(KeyError):
        cli.main(["networks"])

    def deep(arguments):
        int("seven")  # a ValueError, but not one of our sentences

    monkeypatch.setattr(cli, "_networks", deep)
    with pytest.raises(ValueError):
        cli.main(["networks"])


def test_a_job_without_some_answers_ends_with_one(job):
    text = re.sub(r"b,(2024-01-\d+),\d+", r"b,\1,", SALES)
    (job.parent / "sales.csv").write_text(text)
    done = run("forecast", job)
    assert done.returncode == 1, done.stderr
    assert "1 of 2 series have an answer." in done.stdout
    assert "no answer for 'b': Every value is missing." in done.stdout


def test_ctrl_c(monkeypatch, capsys):
    def stopped(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_networks", stopped)
    assert cli.main(["networks"]) == 130
    assert capsys.readouterr().err == "tsmodels: stopped by Ctrl-C; no half file was written.\n"


def test_data(capsys):
    assert cli.main(["data"]) == 0
    assert "m4_hourly" in capsys.readouterr().out
    assert cli.main(["data", "m4_hourly_test"]) == 0
    assert "19,872 rows, 414 series" in capsys.readouterr().out
    assert cli.main(["data", "m4_hourli"]) == 2
    assert "Did you mean" in capsys.readouterr().err


def test_prices(tmp_path, monkeypatch, capsys):
    keep_zones(tmp_path / "zones")
    command = ["data", "prices", "AAPL", "GONE", "--folder", str(tmp_path)]
    with serving({"AAPL": Listing.walk(5)}) as exchange:
        monkeypatch.setenv("TSMODELS_YAHOO_URL", exchange.url)
        assert cli.main([*command, "--start", "2024-01-03"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["unique_id", "status", "rows", "new", "last", "reason"]
        assert lines[1].split() == ["AAPL", "ok", "4", "4", "2024-01-08"]
        assert lines[2].startswith("GONE       delisted  0     0                No data found")
        assert cli.main([*command, "--start", "soon"]) == 2
        asked = len(exchange.asked)
        assert cli.main([*command[:3], *command[4:], "--kept"]) == 0
        assert cli.main([*command[:3], *command[4:], "--kept", "--raw"]) == 1
        assert len(exchange.asked) == asked


def test_errors_raised_elsewhere_are_not_ours():
    try:
        raise JobError("made in a test")
    except JobError as error:
        assert not cli._is_answer(error)
