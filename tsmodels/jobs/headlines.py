"""Dated headlines as a covariate of series: what a classifier of texts makes of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tsmodels.checks import did_you_mean, fault
from tsmodels.jobs.config import Headlines, Job, JobError, make_forecaster
from tsmodels.significance import diebold_mariano

COLUMN = "sentiment"


def with_sentiment(job: Job, frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The frame with a column `sentiment`, and the SHA-256 of the headlines' file.

    That is the mean opinion of the headlines of an id since the row before, from -1 to 1, and 0
    where there are none. A headline belongs to the first row stamped at or after it: give hours
    where a price of the same day could not know it yet. Rows before the first headline of all are
    left out: zeros there would say that nothing had happened, not that nobody had listened. Raises
    JobError for what the user can mend.
    """
    section = job.headlines
    assert section is not None
    told, sha256 = _read(job, section.path, "headlines.path", ["unique_id", "ds", "text"])
    told["ds"] = _stamps(told["ds"])
    known = told["unique_id"].isin(frame["unique_id"])
    if not known.any():
        rule = f"ids of the series, for instance {frame['unique_id'].iloc[0]!r}"
        raise JobError(fault("headlines.unique_id", rule, told["unique_id"].iloc[0]))
    told = told[known]
    told = told.assign(opinion=opinions(_classifier(job, section), section, told["text"]))
    frame = frame[_instants(frame["ds"]) >= _instants(told["ds"]).min()]
    return frame.assign(**{COLUMN: _joined(frame, told)}), sha256


class Worth(NamedTuple):
    """By how much headlines lessened errors, 0.1 for 10 %, and how likely chance does as much."""

    gain: float
    p: float


def worth(job: Job, history: pd.DataFrame, answer: pd.DataFrame) -> Worth:
    """What the headlines were worth in a backtest: the same one is run again in their silence.

    `answer` is its frame with the headlines. Errors are absolute ones over the mean of their series
    without headlines; p is that of Diebold and Mariano over the cutoffs, their mean over series.
    """
    import tsmodels

    settings = job.backtest.model_dump()
    silent = tsmodels.backtest(make_forecaster(job), history.assign(**{COLUMN: 0.0}), **settings)
    keys = ["unique_id", "cutoff", "ds"]
    both = answer.merge(silent.frame[[*keys, "yhat"]], on=keys, suffixes=("", "_silent"))
    ours, theirs = ((both["y"] - both[name]).abs() for name in ("yhat", "yhat_silent"))
    scale = theirs.groupby(both["unique_id"]).transform("mean")
    a, b = ((part / scale).groupby(both["cutoff"]).mean().to_numpy() for part in (ours, theirs))
    horizon = int(both.groupby(["unique_id", "cutoff"]).size().max())
    step = settings["step"] or horizon
    test = diebold_mariano(a, b, horizon=-(-horizon // step))
    return Worth(float(1.0 - a.mean() / b.mean()), test.p)


def opinions(model: Any, section: Headlines, texts: pd.Series) -> np.ndarray:
    """Twice the probability of the favourable label, minus one, (N,)."""
    labels = [str(label) for label in model.classes_]
    if section.favourable not in labels:
        near = did_you_mean(section.favourable, labels)
        raise JobError(fault("headlines.favourable", f"one of {labels}", section.favourable, near))
    p = model.predict_proba(texts.to_numpy())[:, labels.index(section.favourable)]
    return 2.0 * p - 1.0


def _classifier(job: Job, section: Headlines) -> Any:
    """The classifier of the job: loaded, or learned from labelled texts."""
    import tsmodels

    if section.model is not None:
        return tsmodels.load(job.path(section.model))
    assert section.learn is not None
    texts, _ = _read(job, section.learn, "headlines.learn", ["text", "label"])
    tokens = tsmodels.Tokens(pairs=20_000, max_length=64)
    settings = {"tokens": tokens, "blend": 0.5, "random_state": 0}
    return tsmodels.TextClassifier(**settings).fit(texts["text"], texts["label"].astype(str))


def _read(job: Job, file: str, name: str, columns: list[str]) -> tuple[pd.DataFrame, str]:
    path = job.path(file)
    try:
        frame = _table(path)
    except (OSError, ValueError) as error:
        raise JobError(f"{name}: {file} cannot be read: {error}") from error
    for column in columns:
        if column not in frame:
            raise JobError(fault(name, f"a file with a column {column!r}", list(frame.columns)))
    if frame.empty:
        raise JobError(fault(name, "a file with rows", file))
    return frame[columns], hashlib.sha256(path.read_bytes()).hexdigest()


def _table(path: Path) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _stamps(texts: pd.Series) -> pd.Series:
    """Texts as stamps in UTC, which those without a zone are taken for; JobError for others."""
    stamps = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
    if stamps.isna().any():
        bad = texts[stamps.isna()].iloc[0]
        raise JobError(fault("headlines.ds", "a column of ISO dates", bad))
    return stamps


def _instants(stamps: pd.Series) -> np.ndarray:
    """Stamps as moments that compare, whatever their zone."""
    if not pd.api.types.is_datetime64_any_dtype(stamps.dtype):
        raise JobError(fault("data.ds", "dates, where there are headlines", stamps.iloc[0]))
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return stamps.dt.as_unit("us").to_numpy()


def _joined(frame: pd.DataFrame, told: pd.DataFrame) -> np.ndarray:
    """The mean opinion since the row before, for each row of the frame in its order."""
    values, moments = np.zeros(len(frame)), _instants(frame["ds"])
    rows_of = frame.groupby("unique_id", observed=True).indices
    for name, own in told.groupby("unique_id"):
        rows = rows_of[name]
        rows = rows[np.argsort(moments[rows], kind="stable")]
        places = np.searchsorted(moments[rows], _instants(own["ds"]))
        inside = places < len(rows)
        opinion, places = own["opinion"].to_numpy()[inside], places[inside]
        counts = np.bincount(places, minlength=len(rows))
        values[rows] = np.bincount(places, opinion, minlength=len(rows)) / np.maximum(counts, 1)
    return values
