"""What became of the folds of a configuration: into a trial's record, and out of it again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsmodels.checks import fault
from tsmodels.search.guard import STATUSES, Score
from tsmodels.search.loop import Trial

BY_METRIC = "the name of the metric to search by, where there are several"


def settle(trial: Trial, folds: Sequence[Mapping[str, Any]], metric: str) -> None:
    """Gives a trial its value (minus the mean of its scores), its status and its record."""
    trial.record = [_written(fold) for fold in folds]
    statuses = [entry["status"] for entry in trial.record]
    trial.status = min(statuses, key=STATUSES.index)
    scores = [_of(fold["test_scores"], metric) for fold in folds]
    mean = float(np.mean(scores))
    usable = trial.status != "failed" and math.isfinite(mean)
    trial.value = -mean if usable else math.inf


def told(trials: Sequence[Trial]) -> tuple[list[dict[str, Any]], bool]:
    """The folds of trials as scikit-learn tells them, and whether there are several metrics."""
    entries = [entry for trial in trials for entry in trial.record]
    several = [entry["test"] for entry in entries if isinstance(entry["test"], dict)]
    names = list(several[0]) if several else []
    return [_read(entry, names) for entry in entries], bool(names)


def error_of(trial: Trial) -> str:
    """The first error among the folds of a trial, or nothing."""
    return next((entry["error"] for entry in trial.record if entry["error"]), "")


def _written(fold: Mapping[str, Any]) -> dict[str, Any]:
    """A fold as JSON; numbers that JSON does not know become text."""
    scores = fold["test_scores"]
    each: list[Score] = list(scores.values()) if isinstance(scores, Mapping) else [scores]
    worst = min(each, key=lambda score: STATUSES.index(score.status))
    entry = {
        "test": _plain(scores),
        "n_test": int(fold["n_test_samples"]),
        "fit_time": float(fold["fit_time"]),
        "score_time": float(fold["score_time"]),
        "status": worst.status,
        "error": worst.error,
    }
    if "train_scores" in fold:
        entry["train"] = _plain(fold["train_scores"])
    return entry


def _read(entry: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    fold = {
        "test_scores": _numbers(entry["test"], names),
        "n_test_samples": entry["n_test"],
        "fit_time": entry["fit_time"],
        "score_time": entry["score_time"],
        "fit_error": None,
    }
    if "train" in entry:
        fold["train_scores"] = _numbers(entry["train"], names)
    return fold


def _plain(scores: Any) -> Any:
    if isinstance(scores, Mapping):
        return {name: _plain(score) for name, score in scores.items()}
    return float(scores) if math.isfinite(scores) else str(float(scores))


def _numbers(scores: Any, names: Sequence[str]) -> Any:
    """Scores as numbers; one for all where a fold failed before there were several."""
    if isinstance(scores, Mapping):
        return {name: float(scores[name]) for name in names}
    return dict.fromkeys(names, float(scores)) if names else float(scores)


def _of(scores: Any, metric: str) -> float:
    if not isinstance(scores, Mapping):
        return scores
    if metric not in scores:
        raise ValueError(fault("refit", f"{BY_METRIC}: one of {list(scores)}", metric))
    return scores[metric]
