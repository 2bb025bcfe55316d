"""Runs a job: read, fit or load, forecast or backtest, score, write.

Every file is written to a temporary name and then renamed, the manifest last: a file that is there
is whole. The manifest and the report name no path of the machine.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import tsmodels
from tsmodels.jobs.config import Job, make_forecaster
from tsmodels.jobs.headlines import Worth, worth
from tsmodels.jobs.output import (
    FORMAT_VERSION,
    Outcome,
    owned,
    versions,
    write_file,
    write_frame,
)
from tsmodels.jobs.partitioned import Watch, refuse_partitions, run_partitioned
from tsmodels.jobs.reading import answered, read_history, read_source, series_of
from tsmodels.jobs.report import Story, render, skill_in_words
from tsmodels.metrics import evaluate, owa
from tsmodels.networks import resolve

METRICS = ("mase", "rmsse", "smape", "mape", "mae", "rmse")
BASELINES = {"naive": "Naive", "seasonal_naive": "SeasonalNaive", "drift": "Drift"}


@dataclass
class _Work:
    """What the stages of one job hand on."""

    job: Job
    kind: str
    watch: Watch
    seconds: dict[str, float] = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    unread: pd.DataFrame = field(default_factory=pd.DataFrame)
    truth: pd.DataFrame | None = None
    input_sha256: str = ""
    estimator: Any = None
    forecast: pd.DataFrame = field(default_factory=pd.DataFrame)
    scored: pd.DataFrame | None = None
    scores: pd.DataFrame | None = None
    means: pd.DataFrame | None = None
    failed: pd.DataFrame = field(default_factory=pd.DataFrame)
    owa: float | None = None
    lag_copy: int = 0
    worth: Worth | None = None

    @property
    def series(self) -> pd.DataFrame:
        """The history without covariates."""
        return self.history[["unique_id", "ds", "y"]]

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        with self.watch(name):
            yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    def answered_by(self, answer: pd.DataFrame) -> None:
        """Takes the forecasts, and notes which series have none."""
        series = series_of(self.history)
        self.forecast, failed = answered(answer, self.history, *series)
        self.failed = pd.DataFrame(failed, columns=["unique_id", "reason"])


def run_forecast(job: Job, watch: Watch = contextlib.nullcontext) -> Outcome:
    """Forecasts every series of the job and scores the answer where the job knows the truth.

    `watch(name)` is entered around each stage. Raises JobError for what the user can mend.
    """
    if job.partitioned:
        return run_partitioned(job, "forecast", watch)
    with owned(job):
        return _forecast(job, watch)


def run_backtest(job: Job, watch: Watch = contextlib.nullcontext) -> Outcome:
    """Forecasts the last windows of every series from the rows before them, and scores them."""
    refuse_partitions(job, "backtest")
    with owned(job):
        return _backtest(job, watch)


def _forecast(job: Job, watch: Watch) -> Outcome:
    work = _begin(job, "forecast", watch)
    with work.stage("fit"):
        work.estimator = make_forecaster(job)
        loaded = "load" in job.forecaster
        if not loaded:
            work.estimator.fit(work.history)
    with work.stage("forecast"):
        answer = work.estimator.predict(work.history) if loaded else work.estimator.predict()
        work.answered_by(answer)
    if work.truth is not None:
        with work.stage("score"):
            _score_forecast(work)
    return _finish(work)


def _backtest(job: Job, watch: Watch) -> Outcome:
    work = _begin(job, "backtest", watch)
    with work.stage("backtest"):
        work.estimator = make_forecaster(job)
        result = tsmodels.backtest(work.estimator, work.history, **job.backtest.model_dump())
        work.lag_copy = result.lag_copy
        if job.headlines is not None:
            work.worth = worth(job, work.history, result.frame)
        work.answered_by(result.frame)
    with work.stage("score"):
        before = _before_first_cutoff(work.series, work.forecast)
        _score(work, work.forecast, before, _season_length(work))
    return _finish(work)


def _season_length(work: _Work) -> int:
    """That of the estimator, which `backtest` leaves unfitted."""
    estimator = work.estimator
    naive = tsmodels.SeasonalNaive(season_length=estimator.season_length, freq=estimator.freq)
    return naive.fit(work.series).season_length_


def _begin(job: Job, kind: str, watch: Watch) -> _Work:
    work = _Work(job, kind, watch)
    with work.stage("read"):
        work.history, work.input_sha256, work.unread = read_history(job)
        if job.test is not None and kind == "forecast":
            work.truth, _ = read_source(job, job.test, "test")
    return work


def _score_forecast(work: _Work) -> None:
    assert work.truth is not None
    truth = work.truth[~work.truth["unique_id"].isin(work.failed["unique_id"])]
    history = work.series[~work.series["unique_id"].isin(work.failed["unique_id"])]
    scored = work.forecast.merge(truth, on=["unique_id", "ds"], how="left")
    evaluate(work.forecast, truth, metrics=("mae",))  # refuses rows without a partner
    season = work.estimator.season_length_
    steps = int(work.forecast.groupby("unique_id").size().max())
    for name, estimator in BASELINES.items():
        settings = {"freq": work.estimator.freq, "missing": work.estimator.missing}
        baseline = getattr(tsmodels, estimator)(horizon=steps, season_length=season, **settings)
        answer = baseline.fit(history).predict().rename(columns={"yhat": name})
        scored = scored.merge(answer[["unique_id", "ds", name]], on=["unique_id", "ds"], how="left")
    scored["step"] = scored.groupby("unique_id").cumcount() + 1
    _score(work, scored, history, season)
    naive2 = work.job.test.naive2 if work.job.test is not None else None
    if naive2 is not None and work.means is not None:
        mean = work.means.loc["yhat"]
        work.owa = owa(200 * mean["smape"], mean["mase"], naive2.smape, naive2.mase)


def _score(work: _Work, scored: pd.DataFrame, history: pd.DataFrame, season_length: int) -> None:
    """Metrics by series of the forecast, and means of it and of the simple forecasts.

    A series of constant history has no MASE; means are over the series that have one.
    """
    keys = [name for name in ("unique_id", "ds", "cutoff") if name in scored]
    means = {}
    for model in ("yhat", *BASELINES):
        by_id = evaluate(
            scored[[*keys, model]],
            scored[[*keys, "y"]],
            metrics=METRICS,
            train=history,
            season_length=season_length,
            model=model,
        ).by_id
        values = by_id[list(METRICS)].where(np.isfinite(by_id[list(METRICS)]))
        means[model] = values.mean()
        if model == "yhat":
            work.scores = by_id
    work.scored, work.means = scored, pd.DataFrame(means).T


def _before_first_cutoff(history: pd.DataFrame, answer: pd.DataFrame) -> pd.DataFrame:
    first = history["unique_id"].map(answer.groupby("unique_id")["cutoff"].min())
    return history[history["ds"] <= first]


def _finish(work: _Work) -> Outcome:
    work.failed = pd.concat([work.unread, work.failed], ignore_index=True)
    with work.stage("write"):
        files = _write_results(work)
    manifest = _manifest(work, files)
    story = _story(work, manifest)
    if work.job.output.report:
        files["report"] = "report.html"
        page = render(story)
        write_file(work.job, "report.html", lambda path: path.write_text(page, encoding="utf-8"))
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n"
    write_file(work.job, "manifest.json", lambda path: path.write_text(text, encoding="utf-8"))
    return Outcome(
        kind=work.kind,
        folder=work.job.folder,
        files=files | {"manifest": "manifest.json"},
        manifest=manifest,
        failed=work.failed,
        means=work.means,
        owa=work.owa,
        verdict=skill_in_words(story) if work.means is not None else "",
    )


def _write_results(work: _Work) -> dict[str, str]:
    """Writes what there is, removes what an earlier run left and this one does not have."""
    job = work.job
    files = {work.kind: f"{work.kind}.{job.output.format}"}
    write_frame(job, files[work.kind], work.forecast)
    for name, frame in (("scores", work.scores), ("failed", work.failed)):
        if frame is not None and len(frame):
            files[name] = f"{name}.csv"
            write_frame(job, files[name], frame)
        else:
            (job.folder / f"{name}.csv").unlink(missing_ok=True)
    if job.output.model and work.kind == "forecast":
        files["model"] = "model.tsmodels"
        write_file(job, files["model"], work.estimator.save)
    return files


def _manifest(work: _Work, files: Mapping[str, str]) -> dict[str, Any]:
    history, job = work.history, work.job
    created = datetime.datetime.now(datetime.UTC)
    short = 0
    if "fallback" in work.forecast:
        marked = work.forecast["fallback"].astype(bool)
        short = work.forecast.loc[marked, "unique_id"].nunique()
    manifest: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": work.kind,
        "created": created.strftime("%Y-%m-%d %H:%M UTC"),
        "job": {"file": job.file.name, "sha256": job.sha256, "settings": dict(job.settings)},
        "data": {
            "sha256": work.input_sha256,
            "rows": len(history),
            "missing": int((~np.isfinite(history["y"].astype("float64"))).sum()),
            "first": str(history["ds"].min()),
            "last": str(history["ds"].max()),
        },
        "series": {
            "read": int(history["unique_id"].nunique()) + len(work.unread),
            "answered": int(work.forecast["unique_id"].nunique()),
            "failed": len(work.failed),
            "fallback": int(short),
        },
        "seconds": work.seconds,
        "versions": versions(),
        "files": files,
    }
    if work.means is not None:
        means = work.means.round(6)
        manifest["scores"] = {model: means.loc[model].to_dict() for model in means.index}
    if work.worth is not None:
        gain, p = (round(value, 4) for value in work.worth)
        manifest["headlines"] = {"gain": gain, "p": p if np.isfinite(p) else None}
    if work.owa is not None:
        manifest["owa"] = round(work.owa, 4)
    return manifest


def _story(work: _Work, manifest: Mapping[str, Any]) -> Story:
    shown = work.forecast
    if work.kind == "backtest":  # the last window of each series is drawn
        last = shown.groupby("unique_id")["cutoff"].transform("max")
        shown = shown[shown["cutoff"] == last]
    mase = {}
    if work.means is not None:
        mase = {str(name): float(value) for name, value in work.means["mase"].dropna().items()}
    sizes = shown.groupby("unique_id").size()
    return Story(
        kind=work.kind,
        label=work.job.data.target,
        network=_network_words(work.estimator),
        steps=int(sizes.max()) if len(sizes) else int(work.estimator.horizon),
        windows=work.job.backtest.n_windows,
        history=work.history,
        forecast=shown,
        scored=work.scored,
        scores=work.scores,
        mase=mase,
        owa=work.owa,
        failed=work.failed,
        lag_copy=work.lag_copy,
        worth=work.worth,
        language=work.job.output.language,
        facts={
            "job": work.job.file.name,
            **{name: manifest[name] for name in ("created", "data", "series", "seconds")},
            "settings": manifest["job"]["settings"],
            "versions": manifest["versions"],
        },
    )


def _network_words(estimator: Any) -> str:
    """The network's name; a backtest leaves its estimator unfitted, and a baseline has none."""
    network = getattr(estimator, "network_", getattr(estimator, "network", None))
    return type(estimator if network is None else resolve(network)).__name__
