"""Runs the search of a job: what was tried, what was best, and the section that says so."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score

import tsmodels
from tsmodels.checks import fault
from tsmodels.jobs.config import Job, JobError, make_forecaster
from tsmodels.jobs.output import FORMAT_VERSION, owned, versions, write_file, write_frame
from tsmodels.jobs.partitioned import Watch, refuse_partitions
from tsmodels.jobs.reading import read_history
from tsmodels.jobs.space import PREFIX, make_space
from tsmodels.jobs.toml import to_toml
from tsmodels.plotting import plot_convergence, plot_importance, plot_parallel, plot_slices

CHECKPOINT = "search.jsonl"
PLOTS = {
    "convergence": plot_convergence,
    "importance": plot_importance,
    "parallel": plot_parallel,
    "slices": plot_slices,
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found: mean MASE of the splits, of the best and of the job's own settings."""

    folder: Path
    files: Mapping[str, str]
    manifest: Mapping[str, Any]
    best: Mapping[str, Any]
    mase: float
    own_mase: float
    tried: int
    failed: int


def run_search(job: Job, watch: Watch = contextlib.nullcontext) -> Found:
    """Searches the settings of the job's forecaster; a run that was killed is gone on with.

    Every split of the search is a rolling origin: the network never sees what it is scored on.
    Raises JobError for what the user can mend.
    """
    if "load" in job.forecaster:
        raise JobError(fault("forecaster.load", "left out in a search", job.forecaster["load"]))
    refuse_partitions(job, "search")
    with owned(job):
        return _search(job, watch)


def _search(job: Job, watch: Watch) -> Found:
    with watch("read"):
        history, sha256, _ = read_history(job)
    search = make_search(job)
    with watch("search"):
        search.fit(history)
    with watch("compare"):
        forecaster = search.estimator
        if forecaster.random_state is None:
            forecaster.set_params(random_state=job.search.random_state)
        own = cross_val_score(forecaster, history, cv=search.cv)
    with watch("write"):
        files = _write(job, search)
    results = search.cv_results_
    found: dict[str, Any] = {
        "best": {name: _plain(value) for name, value in search.best_params_.items()},
        "mase": -float(search.best_score_),
        "own_mase": -float(np.mean(own)),
        "tried": len(results["params"]),
        "failed": len(search.failures_),
    }
    manifest = {
        "format_version": FORMAT_VERSION,
        "kind": "search",
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "job": {"file": job.file.name, "sha256": job.sha256, "settings": dict(job.settings)},
        "data": {"sha256": sha256, "rows": len(history)},
        **found,
        "versions": versions(),
        "files": files,
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n"
    write_file(job, "manifest.json", lambda path: path.write_text(text, encoding="utf-8"))
    files = files | {"manifest": "manifest.json"}
    return Found(folder=job.folder, files=files, manifest=manifest, **found)


def make_search(job: Job) -> tsmodels.WOASearchCV:
    """The search of a job, unfitted; its checkpoint lies in the output folder."""
    settings = job.search.model_dump(exclude={"space", "n_splits"})
    forecaster = make_forecaster(job)
    return tsmodels.WOASearchCV(
        forecaster,
        make_space(job.search.space),
        cv=tsmodels.RollingOrigin(forecaster.horizon, job.search.n_splits),
        checkpoint=job.folder / CHECKPOINT,
        verbose=1,
        refit=job.output.model,
        **settings,
    )


def best_section(job: Job, best: Mapping[str, Any]) -> str:
    """The [forecaster] section of a job with the best settings in place.

    >>> import tempfile
    >>> from tsmodels.jobs.config import read_job
    >>> file = Path(tempfile.mkdtemp()) / "job.toml"
    >>> _ = file.write_text("data.dataset = \'nyc_taxi\'\\n[forecaster]\\nnetwork = \'mlp\'")
    >>> print(best_section(read_job(file), {"network__d_model": 8, "epochs": 2}), end="")
    [forecaster]
    epochs = 2
    network = { name = "mlp", d_model = 8 }
    """
    written = {k: v for k, v in job.forecaster.items() if k != "network"}
    network = job.forecaster.get("network", "nlinear")
    fields = dict(network) if isinstance(network, Mapping) else {"name": network}
    for name, value in best.items():
        if name.startswith(PREFIX):
            fields[name.removeprefix(PREFIX)] = value
        elif name == "network":
            fields["name"] = value
        else:
            written[name] = value
    written["network"] = fields if len(fields) > 1 else fields["name"]
    lines = [f"{name} = {to_toml(_plain(value))}" for name, value in written.items()]
    return "\n".join(["[forecaster]", *lines]) + "\n"


def _write(job: Job, search: Any) -> dict[str, str]:
    files = {"trials": "trials.csv", "best": "best.toml", "checkpoint": CHECKPOINT}
    write_frame(job, files["trials"], _table(search))
    section = best_section(job, search.best_params_)
    write_file(job, files["best"], lambda path: path.write_text(section, encoding="utf-8"))
    for name, plot in PLOTS.items():
        files[name] = f"{name}.png"
        draw = functools.partial(plot(search)[0].figure.savefig, format="png")
        write_file(job, files[name], draw)
    if job.output.model:
        files["model"] = "model.tsmodels"
        write_file(job, files["model"], search.best_estimator_.save)
    return files


def _table(search: Any) -> pd.DataFrame:
    """A row a configuration: the best first."""
    results = search.cv_results_
    table = pd.DataFrame(
        {
            "mase": -results["mean_test_score"],
            "std": results["std_test_score"],
            "seconds": results["mean_fit_time"] * search.n_splits_,
            **{name: results[name] for name in ("generation", "whale", "status", "seed")},
        }
    )
    params = pd.DataFrame([{k: _plain(v) for k, v in p.items()} for p in results["params"]])
    return pd.concat([table, params], axis=1).sort_values("mase", kind="stable")


def _plain(value: Any) -> Any:
    """A value as JSON and TOML know it."""
    value = value.item() if isinstance(value, np.generic) else value
    return list(value) if isinstance(value, tuple) else value
