"""Searches over networks: default space and splits, epochs that end early, halving, processes."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsmodels import Choice, Forecaster, Int, Naive, Real, RollingOrigin, WOASearchCV
from tsmodels.backend import on_gpu
from tsmodels.networks import resolve
from tsmodels.search.defaults import default_space
from tsmodels.search.halving import Gate
from tsmodels.search.workers import shared_cores, workers_for


@pytest.fixture(scope="module")
def load():
    steps = np.arange(160)
    noise = np.random.default_rng(0).standard_normal(160)
    y = 10 + np.sin(steps * 2 * np.pi / 24) + 0.1 * noise
    return pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2024", periods=160, freq="h"), "y": y}
    )


def quick(network="nlinear", **settings):
    settings = {"horizon": 4, "lookback": 12, "epochs": 4, "batch_size": 32, **settings}
    return Forecaster(network, **settings)


def table(search):
    return {
        key: np.ma.filled(value, -1).tolist() if isinstance(value, np.ndarray) else value
        for key, value in search.cv_results_.items()
        if "time" not in key
    }


RATES = {"learning_rate": Real(1e-4, 1e-1, log=True)}


def test_a_forecaster_needs_nothing_but_a_frame(load):
    search = WOASearchCV(quick("cnn_lstm", max_steps=2), n_iter=2, random_state=0).fit(load)
    assert search.n_splits_ == 3
    assert set(search.best_params_) == {
        "learning_rate",
        *(f"network__{name}" for name in resolve("cnn_lstm").search_space),
    }
    assert search.predict().columns.tolist() == ["unique_id", "ds", "yhat"]
    assert search.score(load) == search.best_estimator_.score(load)
    assert search.best_estimator_.get_params()["network__d_model"] in (16, 32, 64, 128)


def test_the_space_of_a_network_keeps_its_conditions():
    from tsmodels.networks.base import NETWORKS, Network, register

    try:

        @register("conditional")
        class Conditional(Network):
            search_space = {
                "revin": Choice(["mean", None]),
                "d_model": Int(4, 8, active_if={"revin": "mean"}),
            }

        space = default_space(Forecaster("conditional"))
    finally:
        NETWORKS.pop("conditional", None)
    assert space["network__d_model"].active_if == {"network__revin": "mean"}
    assert list(space) == ["network__revin", "network__d_model", "learning_rate"]


def test_baselines_and_polars(load):
    search = WOASearchCV(Naive(horizon=4), {"missing": ["mask", "interpolate"]}).fit(load)
    assert search.n_splits_ == 3
    frame = pl.from_pandas(load)
    search = WOASearchCV(quick(), RATES, n_iter=2, cv=RollingOrigin(4, 1), random_state=0)
    assert isinstance(search.fit(frame).predict(), pl.DataFrame)


@pytest.mark.slow  # two processes load a backend
def test_networks_are_searched_the_same_in_processes(load):
    """Two workers of one thread each: as many as the tests themselves have."""
    space = {"network": ["nlinear", "mlp"], "learning_rate": Real(1e-3, 1e-1, log=True)}
    settings = {"n_iter": 4, "n_whales": 2, "cv": RollingOrigin(4, 2), "random_state": 0}
    one = WOASearchCV(quick(epochs=1), space, **settings).fit(load)
    two = WOASearchCV(quick(epochs=1), space, n_jobs=2, **settings).fit(load)
    assert table(one) == table(two)


def test_trials_of_one_shape_share_a_compiled_function(load):
    started = time.perf_counter()
    WOASearchCV(quick(), RATES, n_iter=2, cv=RollingOrigin(4, 1), random_state=0).fit(load)
    first = time.perf_counter() - started
    many = WOASearchCV(quick(), RATES, n_iter=12, cv=RollingOrigin(4, 1), random_state=0).fit(load)
    assert many.cv_results_["mean_fit_time"][2:].max() < first


def test_fit_timeout_ends_with_the_epoch_and_scores(load):
    space = {"epochs": Choice([1, 10_000], ordered=False)}
    search = WOASearchCV(quick(), space, cv=RollingOrigin(4, 1), fit_timeout=0.3, refit=False)
    search.set_params(estimator__patience=None, random_state=0).fit(load)
    by_epochs = dict(
        zip(search.cv_results_["param_epochs"], search.cv_results_["status"], strict=True)
    )
    assert by_epochs[10_000] == "timeout"
    assert search.cv_results_["mean_fit_time"].max() < 5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_callbacks_of_a_step_of_a_pipeline_are_found():
    from tsmodels.search.guard import callbacks_parameter

    pipeline = make_pipeline(StandardScaler(), quick())
    assert callbacks_parameter(pipeline) == "forecaster__callbacks"
    assert callbacks_parameter(StandardScaler()) is None


def test_halving_ends_the_worse_and_changes_nothing_for_the_better(load):
    settings = {"n_iter": 8, "n_whales": 4, "cv": RollingOrigin(4, 2), "random_state": 0}
    half = WOASearchCV(quick(epochs=8), RATES, halving=True, **settings).fit(load)
    kept = half.cv_results_
    assert len(kept["params"]) == 2 and set(kept["status"]) == {"ok"}  # 1 of each 4
    assert kept["generation"].tolist() == [0, 1]
    whole = WOASearchCV(quick(epochs=8), RATES, n_whales=4, n_iter=4, cv=RollingOrigin(4, 2))
    results = whole.set_params(random_state=0).fit(load).cv_results_
    same = results["params"].index(kept["params"][0])
    assert kept["mean_test_score"][0] == results["mean_test_score"][same]
    again = WOASearchCV(quick(epochs=8), RATES, halving=True, n_jobs=3, **settings).fit(load)
    assert table(again) == table(half)


def test_halving_survives_failures_early_ends_and_checkpoints(load, tmp_path):
    space = {**RATES, "epochs": [1, 2, 8], "batch_size": [32, -1]}
    search = WOASearchCV(quick(), space, n_iter=12, cv=RollingOrigin(4, 2), halving=True)
    search.set_params(random_state=3, checkpoint=tmp_path / "halving.jsonl", n_jobs=2)
    with pytest.warns(FitFailedWarning, match="configurations failed"):
        first = table(search.fit(load))
    with pytest.warns(FitFailedWarning, match="configurations failed"):
        assert repr(table(search.fit(load))) == repr(first)
    lines = (tmp_path / "halving.jsonl").read_text().splitlines()[1:]
    statuses = [trial["status"] for line in lines for trial in json.loads(line)["trials"]]
    assert len(statuses) == 12 and {"failed", "pruned", "ok"} == set(statuses)
    assert len(first["status"]) == 12 - statuses.count("pruned")


def test_halving_and_timeouts_exclude_each_other(load):
    with pytest.raises(ValueError, match="fit_timeout must be None with halving"):
        WOASearchCV(quick(), RATES, halving=True, fit_timeout=1.0).fit(load)


def test_a_gate_lets_half_through_at_each_rung():
    from concurrent.futures import ThreadPoolExecutor

    gate, log = Gate(n_jobs=2), []
    gate.expect(8)

    def fit(trial):
        gate.enter()
        here = gate.at(trial)
        goes_on = trial != 7 and all(here(rung, float(trial)) for rung in (0, 1))
        log.append((trial, goes_on, gate.leave(trial)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fit, range(8)))  # number 7 ends before the first rung
    assert sorted(trial for trial, goes_on, _ in log if goes_on) == [0, 1]
    assert {trial for trial, _, pruned in log if pruned} == {2, 3, 4, 5, 6}


SCRIPT = """
import sys, time
import numpy as np
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
from tsmodels import Int, WOASearchCV

class Slow(DecisionTreeClassifier):
    def fit(self, X, y):
        time.sleep(float(sys.argv[2]))
        return super().fit(X, y)

space = {"max_depth": Int(1, 9), "min_samples_leaf": Int(1, 30)}
search = WOASearchCV(Slow(), space, n_iter=24, random_state=3, cv=2, checkpoint=sys.argv[1])
search.fit(*load_iris(return_X_y=True))
for key, value in sorted(search.cv_results_.items()):
    if "time" not in key:
        print(key, value.tolist() if isinstance(value, np.ndarray) else value)
"""


def test_killed_and_resumed_is_the_uninterrupted_search(tmp_path, monkeypatch, capsys):
    script, log = tmp_path / "search.py", tmp_path / "killed.jsonl"
    script.write_text(SCRIPT)
    killed = subprocess.Popen([sys.executable, str(script), str(log), "0.02"])
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL and log.read_bytes().count(b"\n") < 5

    def run(file):
        monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / file), "0"])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    assert run("killed.jsonl") == run("whole.jsonl") != ""


def test_worker_processes_share_the_cores(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "7")  # the user's own stays
    names = ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]
    with shared_cores(1):
        assert "TF_NUM_INTRAOP_THREADS" not in os.environ
    with shared_cores(2):
        told = [os.environ[name] for name in names]
        assert told == [str(max(1, joblib.cpu_count() // 2)), "7"]
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


GROWING = """
import time, numpy as np
from sklearn.base import BaseEstimator
kept = []
class Growing(BaseEstimator):
    def __init__(self, share=0.0):
        self.share = share
    def fit(self, X, y):
        kept.append(np.ones(50_000_000))  # 400 MB; joblib looks once a second
        time.sleep(1.1)
        return self
    def score(self, X, y):
        return self.share
"""


@pytest.mark.slow
def test_workers_that_grow_are_replaced_without_a_word(tmp_path, monkeypatch, recwarn):
    (tmp_path / "growing.py").write_text(GROWING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    from growing import Growing

    get_reusable_executor().shutdown(wait=True)  # new workers find the module
    settings = {"n_iter": 6, "cv": 2, "n_jobs": 2, "random_state": 0, "refit": False}
    search = WOASearchCV(Growing(), {"share": Real(0.0, 1.0)}, **settings)
    search.fit(np.zeros((8, 1)), np.zeros(8))
    get_reusable_executor().shutdown(wait=True)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert not [w for w in recwarn if "worker" in str(w.message)]


def test_one_process_on_a_gpu(monkeypatch):
    assert not on_gpu() and workers_for(2) == 2
    monkeypatch.setattr("tsmodels.backend.on_gpu", lambda: True)
    with pytest.warns(UserWarning, match="in one process"):
        assert workers_for(2) == 1
    with joblib.parallel_config(backend="threading"):
        assert workers_for(2) == 2


def test_dask_runs_a_search_where_the_user_says_so(load):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None
    ):
        with joblib.parallel_config(backend="dask"):
            space = {"missing": ["mask", "interpolate"]}
            search = WOASearchCV(Naive(horizon=4), space, n_jobs=2).fit(load)
    assert set(search.cv_results_["status"]) == {"ok"}
