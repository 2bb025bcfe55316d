"""A job that cannot be done ends with exit code 2 and sentences, and leaves no half file."""

import sys

import pytest

from tsmodels import Naive, cli
from tsmodels.jobs.config import read_job
from tsmodels.jobs.run import read_source

SALES = "unique_id,ds,y\n" + "".join(
    f"{uid},2024-01-{day:02d},{day % 7 + day % 5}\n" for uid in "ab" for day in range(1, 29)
)
LOADED = (
    '[data]\npath = "sales.csv"\n[forecaster]\nload = "naive.tsmodels"\n[output]\nfolder = "out"\n'
)
FITTED = LOADED.replace('load = "naive.tsmodels"', "horizon = 3\nlookback = 7\nmax_steps = 2")
ONE = "tsmodels: error: "


@pytest.fixture
def folder(tmp_path):
    """The folder of a job that would run."""
    (tmp_path / "sales.csv").write_text(SALES)
    (tmp_path / "job.toml").write_text(FITTED)
    return tmp_path


def refusal(folder, capsys, command="forecast"):
    """The sentences of a refused job; nothing is left in its output folder."""
    assert cli.main([command, str(folder / "job.toml")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err
    sentences = [line for line in said.err.splitlines() if line.startswith(ONE)]
    assert sentences
    out = folder / "out"
    assert not out.is_dir() or not any(out.iterdir())
    return "\n".join(sentence.removeprefix(ONE) for sentence in sentences)


JOBS = {
    "nothing there": (None, "job must be an existing TOML file. Got"),
    "no TOML": (b"[data\n", "job.toml: not a TOML file: Expected ']'", "line 1, column 6"),
    "no text": (b"[data]\n\xff", "not a TOML file: line 2 is not UTF-8 text."),
    "a list for a section": (b"data = [1]", "job.toml: data must be", "Got [1]."),
    "a number for the forecaster": (
        b'forecaster = 3\n[data]\npath = "sales.csv"',
        "forecaster must be a valid dictionary. Got 3.",
    ),
    "unknown section": (FITTED + "[nonsense]\n", "nonsense must be left out or one of ['data',"),
    "unknown key": (FITTED.replace("folder", "foldr"), "Did you mean 'folder'?"),
    "unknown parameter": (FITTED.replace("horizon", "horizn"), "Did you mean 'horizon'?"),
    "text for a number": (
        FITTED.replace("= 3", '= "3"'),
        "forecaster.horizon must be a positive int. Got '3'.",
    ),
    "a date for a number": (
        FITTED.replace("= 2", "= 2024-01-01"),
        "forecaster.max_steps must be a positive int. Got datetime.date(2024, 1, 1).",
    ),
    "no number": (
        FITTED.replace("max_steps = 2", "learning_rate = nan"),
        "forecaster.learning_rate must be a finite number in (0, inf). Got nan.",
    ),
    "a horizon beyond 64 bits": (
        FITTED.replace("= 3", "= 100000000000000000000"),
        "horizon must be shorter than the longest series (28 rows).",
    ),
    "one column for two roles": (
        FITTED.replace('"sales.csv"', '"sales.csv"\ntarget = "ds"'),
        "data must be read from three columns",
    ),
    "unknown frequency": (
        FITTED.replace('"sales.csv"', '"sales.csv"\nfreq = "hr"'),
        "freq must be a pandas offset alias. Got 'hr'.",
    ),
    "a folder with NUL": (
        FITTED.replace('"out"', '"o\\u0000t"'),
        "output.folder must be text without a NUL character.",
    ),
    "a folder of too long a name": (
        FITTED.replace('"out"', f'"{"o" * 300}"'),
        "output.folder must be a folder that can be written.",
        "File name too long",
    ),
    "a folder below a file": (
        FITTED.replace('"out"', '"sales.csv/out"'),
        "output.folder must be a folder that can be written. Got 'sales.csv/out'.",
        "Not a directory",
    ),
    "no input": (FITTED.replace("sales", "sails"), "data.path must be an existing file. Got"),
    "no fitted file": (LOADED, "forecaster.load must be an existing file. Got 'naive.tsmodels'."),
}


@pytest.mark.parametrize("content, parts", [(c, p) for c, *p in JOBS.values()], ids=JOBS)
def test_jobs(folder, capsys, content, parts):
    job = folder / "job.toml"
    if content is None:
        job.unlink()
    else:
        job.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = refusal(folder, capsys)
    assert all(part in text for part in parts), text


INPUTS = {
    "an empty file": (b"", "data.path: sales.csv cannot be read as CSV: No columns"),
    "a header alone": (b"unique_id,ds,y\n", "X must be a frame with rows."),
    "bytes": (b"\x00\xff\xfe" * 99, "sales.csv cannot be read as CSV"),
    "too long a row": (
        SALES + "a,b,c,d\n",
        "cannot be read as CSV",
        "Expected 3 fields in line 58",
    ),
    "an open quote": (SALES + '"a,2024', "cannot be read as CSV", "EOF inside string"),
    "another encoding": (SALES.encode("utf-16"), "cannot be read as CSV", "'utf-8' codec"),
    "other columns": (
        SALES.replace("ds", "day", 1),
        "data.ds must be a column of the data frame, one of ['unique_id', 'day', 'y'].",
    ),
    "a date that is none": (
        SALES.replace("2024-01-07", "soon"),
        "data.ds must be a column of ISO dates",
        "Got 'soon'. Row 7 of the file.",
    ),
    "a value that is none": (
        SALES.replace("a,2024-01-28,3", "a,2024-01-28,many"),
        "column 'y' must be of real numbers. Got",
        "such as 'many'",
    ),
    "an infinite value": (SALES.replace("28,3", "28,1e999"), "2 infinite values, first (a, 2024"),
    "a doubled row": (
        SALES.replace("a,2024-01-28", "a,2024-01-27"),
        "1 doubled rows, first (a, 2024-01-27",
    ),
    "no ids": (SALES.replace("\nb,", "\n,"), "unique_id must be set in every row. Got '28 null"),
    "too few rows": (
        "".join(SALES.splitlines(keepends=True)[:4]),
        "horizon must be shorter than the longest series (3 rows). Got 3.",
    ),
}


@pytest.mark.parametrize("content, parts", [(c, p) for c, *p in INPUTS.values()], ids=INPUTS)
def test_inputs(folder, capsys, content, parts):
    content = content if isinstance(content, bytes) else content.encode()
    (folder / "sales.csv").write_bytes(content)
    text = refusal(folder, capsys)
    assert all(part in text for part in parts), text


@pytest.mark.parametrize("content", [b"", b"PAR1 not really"])
def test_parquet_that_is_none(folder, capsys, content):
    (folder / "sales.parquet").write_bytes(content)
    (folder / "job.toml").write_text(FITTED.replace("sales.csv", "sales.parquet"))
    assert "sales.parquet cannot be read as Parquet" in refusal(folder, capsys)


def test_a_fitted_file_that_is_none(folder, capsys):
    (folder / "naive.tsmodels").write_bytes(b"junk")
    (folder / "job.toml").write_text(LOADED)
    assert "naive.tsmodels is not a file saved by tsmodels" in refusal(folder, capsys)


def test_a_folder_that_is_a_file(folder, capsys):
    (folder / "out").write_text("in the way")
    assert "a folder that can be written. Got 'out'." in refusal(folder, capsys)
    assert (folder / "out").read_text() == "in the way"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write to")
def test_a_folder_that_nobody_may_write_to(folder, capsys):
    (folder / "job.toml").write_text(FITTED.replace('"out"', '"/proc/self"'))
    assert "a folder that can be written. Got '/proc/self'." in refusal(folder, capsys)


def test_too_many_windows(folder, capsys):
    (folder / "job.toml").write_text(FITTED + "[backtest]\nn_windows = 100\n")
    assert "n_windows must be at most 8" in refusal(folder, capsys, "backtest")


@pytest.mark.parametrize(
    "format, size, left",
    [("csv", 30, []), ("parquet", 300, []), ("csv", 4000, ["forecast.csv"])],
)
def test_a_disk_that_fills_up_keeps_whole_files_alone(
    folder, capsys, format, size, left, largest_file
):
    (folder / "job.toml").write_text(LOADED + f'format = "{format}"\n')
    (folder / "naive.tsmodels").touch()
    job = read_job(folder / "job.toml")
    history, _ = read_source(job, job.data, "data")
    Naive(horizon=5).fit(history).save(folder / "naive.tsmodels")
    with largest_file(size):
        assert cli.main(["forecast", str(folder / "job.toml")]) == 2
    said = capsys.readouterr()
    assert "output.folder must be a folder that can be written. Got 'out'." in said.err
    assert "File too large" in said.err and said.out == ""
    assert sorted(path.name for path in (folder / "out").iterdir()) == left
    for path in (folder / "out").iterdir():
        assert path.read_text().count("\n") == 11


def test_the_same_job_then_runs(folder, capsys, largest_file):
    test_a_disk_that_fills_up_keeps_whole_files_alone(folder, capsys, "csv", 30, [], largest_file)
    assert cli.main(["forecast", str(folder / "job.toml")]) == 0
    out = [path.name for path in (folder / "out").iterdir()]
    assert sorted(out) == ["forecast.csv", "manifest.json", "report.html"]
