"""The notebooks of examples/: in step with their scripts, fit to be read, and they run."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from render import executed, faults_of, notebook_of, outputs_of, scripts

from tsmodels import datasets

NEEDS = re.compile(r"\*\*Needs\*\* the data set `(\w+)`")
LINK = re.compile(r"\]\((\S+\.ipynb)\)")
QUICK = ["01", "07", "08"]  # run in the gate too, in its process; in kernels with `-m notebooks`
SCRIPTS = [pytest.param(script, id=script.stem) for script in scripts()]


def written(script):
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def skip_without_data(script):
    for name in NEEDS.findall(script.read_text("utf-8")):
        try:
            datasets.load(name)
        except OSError as error:
            pytest.skip(str(error))


@pytest.mark.parametrize("script", SCRIPTS)
def test_notebook_and_script_are_in_step(script):
    ours, theirs = (
        [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]
        for notebook in (notebook_of(script), written(script))
    )
    assert ours == theirs, f"python examples/notebooks/render.py {script.name[:2]}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_notebook_is_fit_to_be_read(script):
    notebook = written(script)
    assert faults_of(notebook) == []
    assert any("image/png" in output.get("data", {}) for output in outputs_of(notebook))
    assert notebook.cells[0].source.startswith("# ")
    links = [link for cell in notebook.cells for link in LINK.findall(cell.source)]
    assert all(script.with_name(link).is_file() for link in links), links


def test_the_page_lists_all_of_them():
    page = (Path(__file__).parent.parent / "docs" / "notebooks.md").read_text("utf-8")
    assert re.findall(r"^\| `(\d\d_\w+)` \|", page, re.MULTILINE) == [s.stem for s in scripts()]


def test_faults_are_seen():
    noise = new_output("stream", name="stderr", text="UserWarning")
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    place = new_output("execute_result", data={"text/plain": "written to '/home/me/out'"})
    picture = new_output("display_data", data={"image/png": "A" * 200_000})
    for output, word in [(noise, "UserW"), (error, "'no'"), (place, "/home/me"), (picture, "byt")]:
        (fault,) = faults_of(new_notebook(cells=[new_code_cell("1", outputs=[output])]))
        assert word in fault
    assert faults_of(new_notebook(cells=[new_code_cell("1")])) == ["It has no outputs."]
    fine = new_output("stream", name="stdout", text="3 of 4 km/h, and/or 1/2")
    assert faults_of(new_notebook(cells=[new_code_cell("1", outputs=[fine])])) == []


@pytest.mark.parametrize("script", [p for p in SCRIPTS if p.id[:2] in QUICK])
def test_quick_ones_run(script, tmp_path, monkeypatch):
    skip_without_data(script)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    assert plt.get_fignums(), "a notebook that draws nothing teaches nothing"
    plt.close("all")


@pytest.mark.notebooks
@pytest.mark.parametrize("script", SCRIPTS)
def test_runs_in_a_fresh_kernel(script):
    skip_without_data(script)
    assert outputs_of(executed(notebook_of(script)))  # raises where a cell fails
