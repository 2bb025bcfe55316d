"""Every script and job file that is given to users runs to its end, as they would run it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from yahoo_server import Listing, serving

from tsmodels import datasets

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*(ROOT / "pipelines").glob("*.py"), *(ROOT / "examples").glob("*.py")])
WITH_ARGUMENTS = ROOT / "pipelines" / "sentiment.py"
DOWNLOADS = ROOT / "pipelines" / "download_stocks.py"
LARGER_DATA = {
    "stock_sentiment": "stocks_daily",
    "novel": "tiny_shakespeare",
    "translation": "multi30k",
}
JOBS = sorted((ROOT / "pipelines").glob("*.toml"))

pytestmark = pytest.mark.slow


def run(*command, folder):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "script",
    [path for path in SCRIPTS if path not in (WITH_ARGUMENTS, DOWNLOADS)],
    ids=lambda path: path.stem,
)
def test_scripts_run(script, tmp_path):
    skip_without_data(script)
    done = run(script, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "a script that says nothing teaches nothing"


def skip_without_data(recipe):
    if name := LARGER_DATA.get(recipe.stem):
        try:
            datasets.load(name)
        except (OSError, ValueError) as error:
            pytest.skip(str(error))


def test_the_downloader_says_what_it_does(tmp_path):
    done = run(DOWNLOADS, "--help", folder=tmp_path)
    assert done.returncode == 0 and "headlines" in done.stdout


def test_sentiment_is_learned_from_a_file_and_told_of_another(tmp_path):
    texts = ["good " * (1 + i % 3) if i % 2 else "bad " * (1 + i % 4) for i in range(80)]
    table = pd.DataFrame({"text": texts, "label": [i % 2 for i in range(80)]})
    table.to_csv(tmp_path / "known.csv", index=False)
    table.to_csv(tmp_path / "more.csv", index=False)
    assert run(WITH_ARGUMENTS, "fit", "known.csv", "model", folder=tmp_path).returncode == 0
    done = run(WITH_ARGUMENTS, "label", "more.csv", "model", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = pd.read_csv(tmp_path / "more.labelled.csv")
    assert (told["label"] == table["label"]).mean() > 0.9 and told["probability"].between(
        0.5, 1
    ).all()


@contextlib.contextmanager
def prices(job, folder):
    """A server on this machine in place of Yahoo's, for jobs over prices."""
    symbols = tomllib.loads(job.read_text())["data"].get("prices", {}).get("symbols", ())
    listings = {name: Listing.walk(800, "2021-01-04", seed) for seed, name in enumerate(symbols)}
    with serving(listings) as exchange, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSMODELS_YAHOO_URL", exchange.url)
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_jobs_run(job, tmp_path):
    skip_without_data(job)
    text = job.read_text()
    verb = "search" if "[search" in text else "forecast"
    if "[headlines" in text or "[data.prices" in text:
        verb = "backtest"
    assert 'folder = "../out/' in text
    copy = tmp_path / "pipelines" / job.name
    shutil.copytree(job.parent / "made_up", copy.parent / "made_up")
    copy.write_text(text)
    with prices(job, tmp_path):
        done = run("-m", "tsmodels", verb, copy, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "out").rglob("*.*"))
