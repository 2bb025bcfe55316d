"""Every script and job file that is given to users runs to its end, as they would run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*(ROOT / "pipelines").glob("*.py"), *(ROOT / "examples").glob("*.py")])
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


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_run(script, tmp_path):
    done = run(script, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "a script that says nothing teaches nothing"


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_jobs_run(job, tmp_path):
    verb = "search" if "[search" in job.read_text() else "forecast"
    text = job.read_text()
    assert 'folder = "../out/' in text
    copy = tmp_path / "pipelines" / job.name
    copy.parent.mkdir()
    copy.write_text(text)
    done = run("-m", "tsmodels.cli", verb, copy, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "out").rglob("*.*"))
