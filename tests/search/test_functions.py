"""`minimize`: one loop for every engine; memory, budgets, failures, checkpoints."""

import json
import math
import os
import runpy
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tsmodels import Choice, Int, Real, minimize
from tsmodels.search.functions import said

SPACE = {"rate": Real(1e-5, 1e-1, log=True), "n": Int(1, 5), "kind": Choice(["a", "b", "c"])}


def fun(p):
    return abs(math.log10(p["rate"]) + 3) + abs(p["n"] - 2) + 2 * (p["kind"] != "b")


def apart_from_times(result):
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in result.history]


@pytest.mark.parametrize("engine", ["woa", "random", "tpe"])
def test_every_engine_searches(engine):
    if engine == "tpe":
        pytest.importorskip("optuna")
    found = minimize(fun, SPACE, engine=engine, random_state=0)
    assert found.success and found.fun == fun(found.x) == min(e["fun"] for e in found.history)
    assert found.fun < 0.5 and 50 <= found.nfev <= 60
    again = minimize(fun, SPACE, engine=engine, random_state=0)
    assert apart_from_times(again) == apart_from_times(found)


@pytest.mark.parametrize("n_jobs", [2, 4])
def test_the_same_on_any_number_of_workers(n_jobs):
    one = minimize(fun, SPACE, n_iter=24, random_state=5)
    many = minimize(fun, SPACE, n_iter=24, random_state=5, n_jobs=n_jobs)
    assert apart_from_times(one) == apart_from_times(many)


@pytest.mark.parametrize("variant", ["modern", "original"])
def test_nothing_is_evaluated_twice(variant):
    seen = []

    def count(p):
        seen.append(tuple(p.values()))
        return sum(p.values())

    grid = {"a": [1, 2, 3], "b": [1, 2, 3]}
    found = minimize(count, grid, variant=variant, n_whales=6, random_state=0)
    assert len(seen) == len(set(seen)) == found.nfev <= 9
    assert found.fun == 2


def test_failures_are_told_and_survived():
    def fails(p):
        if p["n"] == 1:
            raise RuntimeError("one is none")
        return math.nan if p["n"] == 3 else p["n"]

    found = minimize(fails, SPACE, random_state=0)
    assert found.fun == 2 and found.nfev == 60
    by_n = {entry["x"]["n"]: entry for entry in found.history}
    assert (by_n[1]["status"], by_n[1]["error"]) == ("failed", "RuntimeError: one is none")
    assert (by_n[3]["status"], by_n[3]["fun"], by_n[2]["status"]) == ("not finite", math.inf, "ok")


def test_nothing_but_failures_is_said():
    found = minimize(lambda p: 1 / 0, SPACE, n_iter=3, random_state=0)
    assert not found.success and found.x is None
    assert found.message.endswith("The first: ZeroDivisionError: division by zero")


def test_patience_and_time_budget():
    still = minimize(lambda p: 1.0, SPACE, patience=10, random_state=0)
    assert still.nfev == 12  # the end of the generation in which ten were in vain
    slow = minimize(lambda p: time.sleep(0.02) or fun(p), SPACE, time_budget=0.1, random_state=0)
    assert slow.nfev == 6


def test_a_finished_search_is_read_not_repeated(tmp_path):
    file = tmp_path / "search.jsonl"
    first = minimize(fun, SPACE, n_iter=20, checkpoint=file)  # a seed of its own, written down

    def never(p):
        raise AssertionError("computed again")

    again = minimize(never, SPACE, n_iter=20, checkpoint=file)
    assert again.history == first.history


def test_torn_lines_are_cut_off(tmp_path):
    file = tmp_path / "search.jsonl"
    whole = minimize(fun, SPACE, n_iter=20, random_state=1, checkpoint=file)
    content = file.read_bytes()
    for cut in (len(content) - 1, len(content) // 2, 10, 0):
        file.write_bytes(content[:cut])
        again = minimize(fun, SPACE, n_iter=20, random_state=1, checkpoint=file)
        assert apart_from_times(again) == apart_from_times(whole)
    assert [json.loads(line)["generation"] for line in file.read_text().splitlines()[1:]] == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    "change,sentence",
    [
        ({"random_state": 2}, "whose entropy is"),
        ({"n_iter": 30}, "whose n_iter is 30"),
        ({"space": {"rate": Real(0.0, 1.0)}}, "whose space is"),
        ({"engine": "random"}, "whose engine is 'random'"),
    ],
)
def test_checkpoints_of_other_searches_are_refused(tmp_path, change, sentence):
    file = tmp_path / "search.jsonl"
    settings = {"space": SPACE, "n_iter": 6, "random_state": 1, "checkpoint": file}
    minimize(fun, **settings)
    content = file.read_bytes()
    with pytest.raises(ValueError, match=sentence):
        minimize(fun, **{**settings, **change})
    assert file.read_bytes() == content


@pytest.mark.parametrize("content", [b"[1]\n", b"nonsense\n", b'{"format_version": 1}\n'])
def test_other_files_are_refused_and_left_alone(tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="checkpoint must be a checkpoint of a search"):
        minimize(fun, SPACE, checkpoint=file)
    assert file.read_bytes() == content


SCRIPT = """
import sys, time
from tsmodels import Int, Real, minimize

def fun(p):
    time.sleep(float(sys.argv[2]))
    return (p["x"] - 0.3) ** 2 + p["n"]

space = {"x": Real(0.0, 1.0), "n": Int(1, 4)}
found = minimize(fun, space, random_state=3, n_iter=30, checkpoint=sys.argv[1])
print(*[(e["generation"], e["x"], e["fun"]) for e in found.history], sep="\\n")
"""


def test_killed_and_resumed_is_the_uninterrupted_search(tmp_path, monkeypatch, capsys):
    script, log = tmp_path / "search.py", tmp_path / "killed.jsonl"
    script.write_text(SCRIPT)
    killed = subprocess.Popen([sys.executable, str(script), str(log), "0.03"])
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL and log.read_bytes().count(b"\n") < 6

    def run(file):
        monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / file), "0"])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    assert run("killed.jsonl") == run("whole.jsonl") != ""


@pytest.mark.parametrize(
    "settings,sentence",
    [
        ({"engine": "whale"}, "engine must be one of"),
        ({"variant": "modem"}, "Did you mean 'modern'"),
        ({"n_iter": 0}, "n_iter must be"),
        ({"patience": 0}, "patience must be"),
        ({"time_budget": -1}, "time_budget must be"),
        ({"fun": 3}, "fun must be a function"),
        ({"random_state": "a"}, "random_state must be"),
        ({"space": {"a": 1}}, "a must be Real"),
    ],
)
def test_bad_arguments(settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        minimize(**{"fun": fun, "space": SPACE, **settings})


def test_random_state_objects_and_addresses():
    a, b = (minimize(fun, SPACE, n_iter=6, random_state=np.random.RandomState(3)) for _ in range(2))
    assert apart_from_times(a) == apart_from_times(b)
    assert said({"f": test_bad_arguments}) == "{'f': <function test_bad_arguments>}"


def test_progress_on_standard_error(capsys):
    minimize(fun, SPACE, n_iter=12, random_state=0, verbose=1)
    said = capsys.readouterr()
    assert said.out == "" and "12/12" in said.err and "best" in said.err
