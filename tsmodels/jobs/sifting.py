"""Forecasts of the series that can be forecast, and for each of the others the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.jobs.reading import answered, plain_ids, series_of

ONE_ROW = "The series has one row, which does not say how its time passes."


@dataclass(frozen=True)
class Answer:
    """Forecasts, and (id, reason) of series without one."""

    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    failed: tuple[tuple[Any, str], ...] = ()

    def __add__(self, other: Answer) -> Answer:
        frames = [answer.frame for answer in (self, other) if len(answer.frame)]
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return Answer(frame, self.failed + other.failed)

    @property
    def fallbacks(self) -> int:
        """How many series were too short for the network."""
        if not len(self.frame) or not self.frame["fallback"].any():
            return 0
        return int(self.frame.loc[self.frame["fallback"], "unique_id"].nunique())


def forecast(estimator: Any, frame: pd.DataFrame) -> Answer:
    """What a fitted estimator says to the series of a frame: unique_id, ds, y and covariates."""
    whole, (codes, ids) = frame, series_of(frame)
    frame, single = _without_single_rows(frame, codes, ids)
    panels, failed = sift(estimator.to_panel_like_fit, frame)
    if failed:
        frame, panels = _without(frame, failed), []
    frames, worse = _predicted(estimator, panels, frame)
    told = (*single, *failed, *worse)
    if not frames:
        return Answer(failed=told)
    table = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    table, unanswered = answered(table, whole, codes, ids)
    known = {str(uid) for uid, _ in told}
    rest = (pair for pair in unanswered if str(pair[0]) not in known)
    return Answer(_settled(table), (*told, *rest))


def fitted(estimator: Any, frame: pd.DataFrame) -> tuple[Any, Answer]:
    """The estimator, fitted on the series that it can read, and why not on the others.

    None in its place where it could learn from none.
    """
    frame, single = _without_single_rows(frame, *series_of(frame))
    _, failed = sift(estimator.to_panel, frame)
    failed = (*single, *failed)
    frame = _without(frame, failed)
    if not len(frame):
        return None, Answer(failed=failed)
    try:
        return estimator.fit(frame), Answer(failed=failed)
    except (TypeError, ValueError) as error:
        ids = frame["unique_id"].unique().tolist()
        return None, Answer(failed=(*failed, *((uid, reason(error)) for uid in ids)))


def sift(
    function: Callable[[pd.DataFrame], Any], frame: pd.DataFrame
) -> tuple[list[Any], tuple[tuple[Any, str], ...]]:
    """What `function` makes of a frame, in parts if need be, and the ids that it refuses.

    A frame that is refused is halved, series by series, until the refused are alone: a bad one
    among n costs 2 log2(n) calls.

    >>> def positive(frame):
    ...     if (frame["y"] < 0).any():
    ...         raise ValueError("negative")
    ...     return int(frame["y"].sum())
    >>> sift(positive, pd.DataFrame({"unique_id": [*"aabc"], "y": [1, 2, -3, 4]}))
    ([3, 4], (('b', 'negative'),))
    """
    if not len(frame):
        return [], ()
    try:
        return [function(frame)], ()
    except (TypeError, ValueError) as error:
        codes, ids = series_of(frame)
        if len(ids) == 1:
            return [], ((ids[0], reason(error)),)
    first = codes < len(ids) // 2
    left, worse_left = sift(function, frame[first])
    right, worse_right = sift(function, frame[~first])
    return left + right, worse_left + worse_right


def _predicted(estimator: Any, panels: list[Any], frame: pd.DataFrame):
    """The forecasts of one panel where there is one, else those of the frame, sifted."""
    if len(panels) == 1:
        try:
            return [estimator.predict(panels[0])], ()
        except (TypeError, ValueError):
            pass  # some series, and `sift` finds which
    return sift(estimator.predict, frame)


def _without_single_rows(
    frame: pd.DataFrame, codes: np.ndarray, ids: pd.Index
) -> tuple[pd.DataFrame, tuple[tuple[Any, str], ...]]:
    single = np.bincount(codes, minlength=len(ids)) == 1
    if not single.any():
        return frame, ()
    return frame[~single[codes]], tuple((uid, ONE_ROW) for uid in ids[single])


def _without(frame: pd.DataFrame, failed: tuple[tuple[Any, str], ...]) -> pd.DataFrame:
    return frame[~frame["unique_id"].isin([uid for uid, _ in failed])] if failed else frame


def _settled(table: pd.DataFrame) -> pd.DataFrame:
    """The same columns and types for every partition."""
    fallback = np.zeros(len(table), bool)
    if "fallback" in table:
        fallback = table["fallback"].fillna(False).to_numpy(bool)
    return plain_ids(table.assign(fallback=fallback))


def reason(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
