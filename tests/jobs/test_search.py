"""`tsmodels search`: what lies in the folder, what it resumes, what it refuses."""

import json
import tomllib

import pandas as pd
import pytest

import tsmodels
from tsmodels import cli
from tsmodels.jobs.config import JobError, read_job
from tsmodels.jobs.search import best_section, run_search
from tsmodels.jobs.space import make_dimension
from tsmodels.jobs.toml import to_toml
from tsmodels.space import Choice, Int, Real

SEARCH = """
[search]
n_iter = 4
n_splits = 1
random_state = 0

[search.space]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
lookback = [7, 14]

[search.space.network]
individual = [true, false]

[output]
"""


@pytest.fixture
def job(edit):
    return edit(("[output]", SEARCH), ("max_steps = 40", "max_steps = 4"))


def test_a_search_writes_what_it_tried_and_found(job, folder):
    found = run_search(read_job(job))
    out = folder / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted(found.files.values())
    trials = pd.read_csv(out / "trials.csv")
    assert len(trials) == found.tried == 4 and trials["mase"].is_monotonic_increasing
    assert trials["mase"][0] == pytest.approx(found.mase)
    assert {"learning_rate", "lookback", "network__individual", "status"} <= set(trials)
    assert trials["lookback"][0] == found.best["lookback"]
    best = tomllib.loads((out / "best.toml").read_text())["forecaster"]
    assert best["horizon"] == 7 and best["learning_rate"] == found.best["learning_rate"]
    assert best["network"] == {
        "name": "nlinear",
        "individual": found.best["network__individual"],
    }
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["kind"] == "search" and manifest["best"] == found.best
    assert str(folder) not in (out / "manifest.json").read_text()


def test_the_section_found_is_a_job(job, folder, capsys):
    assert cli.main(["search", str(job)]) == 0
    said = capsys.readouterr().out
    assert "4 configurations by 1 splits." in said and "[forecaster]" in said
    section = (folder / "out/best.toml").read_text()
    assert section in said
    text = job.read_text(encoding="utf-8")
    old = text[text.index("[forecaster]") : text.index("[backtest]")]
    job.write_text(text.replace(old, section + "\n"), encoding="utf-8")
    assert cli.main(["forecast", str(job)]) == 0


def test_a_second_run_reads_and_a_changed_job_is_refused(job, folder, capsys):
    first = run_search(read_job(job))
    again = run_search(read_job(job))
    assert (first.best, first.mase) == (again.best, again.mase)
    job.write_text(job.read_text(encoding="utf-8").replace("n_iter = 4", "n_iter = 5"), "utf-8")
    assert cli.main(["search", str(job)]) == 2
    assert "checkpoint must be of this search, whose n_iter is 5" in capsys.readouterr().err


def test_the_model_is_saved_where_the_job_asks(edit, folder):
    pairs = ("[output]", SEARCH + "model = true\n"), ("max_steps = 40", "max_steps = 4")
    run_search(read_job(edit(*pairs)))
    model = tsmodels.load(folder / "out/model.tsmodels")
    assert len(model.predict()) == 4 * 7


REFUSED = {
    "unknown parameter": (
        "lookbak = [7, 14]",
        "search.space.lookbak: name must be a parameter of Forecaster. Got 'lookbak'. Did you",
    ),
    "a single value": ("lookback = 7", "search.space.lookback: value must be a list, or a table"),
    "a bad option": ("lookback = [7, 0]", "search.space.lookback: lookback must be a positive int"),
    "a bad end": (
        "epochs = { low = 0, high = 3 }",
        "search.space.epochs: epochs must be a positive int. Got 0.",
    ),
    "no high": ("epochs = { low = 1 }", "search.space.epochs: high must be given."),
    "ends turned round": ("epochs = { low = 5, high = 1 }", "search.space.epochs: high must be"),
    "unknown key": (
        "epochs = { low = 1, high = 3, lgo = true }",
        "search.space.epochs: lgo must be one of",
    ),
    "unknown condition": (
        "epochs = { low = 1, high = 3, active_if = { patience = 3 } }",
        "search.space: active_if of 'epochs' must be a condition on other parameters",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(edit, capsys, case):
    line, sentence = REFUSED[case]
    job = edit(("[output]", SEARCH.replace("lookback = [7, 14]", line)))
    assert cli.main(["search", str(job)]) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said


@pytest.mark.parametrize(
    "pair,sentence",
    [
        (("n_iter = 4", "n_iter = 0"), "search.n_iter must be greater than or equal to 1"),
        (("n_iter = 4", "n_itr = 4"), "Did you mean 'n_iter'"),
        (("n_iter = 4", "engine = 'whales'"), "search.engine must be 'woa', 'random' or 'tpe'"),
        (("individual", "individul"), "search.space.network.individul: network__individul must"),
    ],
)
def test_refusals_of_the_section(edit, pair, sentence):
    with pytest.raises(JobError, match="job.toml") as error:
        read_job(edit(("[output]", SEARCH.replace(*pair))))
    assert sentence in str(error.value)


def test_a_loaded_model_cannot_be_searched(edit, folder):
    tsmodels.Naive().fit([1.0, 2.0, 3.0]).save(folder / "naive.tsmodels")
    text = (folder / "job.toml").read_text(encoding="utf-8")
    old = text[text.index('network = "nlinear"') : text.index("[backtest]")]
    with pytest.raises(JobError, match="forecaster.load must be left out in a search"):
        run_search(read_job(edit((old, 'load = "naive.tsmodels"\n'))))


def test_dimensions_as_written():
    assert make_dimension({"low": 1, "high": 4, "step": 2}) == Int(1, 4, step=2)
    assert make_dimension({"low": 0, "high": 1.0}) == Real(0, 1.0)
    listed = {"options": ["none", [3, 5]], "active_if": {"a": 1}}
    assert make_dimension(listed) == Choice([None, (3, 5)], active_if={"a": 1})


def test_toml_comes_back():
    value = {"a": [1, 2.5, 1e-5], "b": 'quo"te\n', "c": None, "d": {"e": True, "f": float("inf")}}
    read = tomllib.loads(f"x = {to_toml(value)}")["x"]
    assert read == {**value, "c": "none"}


def test_best_section_names_a_network_that_was_searched(folder):
    section = best_section(read_job(folder / "job.toml"), {"network": "mlp", "lookback": None})
    assert tomllib.loads(section)["forecaster"] == {
        "network": "mlp",
        "horizon": 7,
        "lookback": "none",
        "max_steps": 40,
        "random_state": 1,
    }
