"""Does anything see the future? Rows after an origin are changed; nothing before it may move.

Looking at code finds the leaks one has thought of. Here everything from an origin on is replaced by
other values, and what comes before is demanded again, bit for bit: what differs has seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from tsmodels.backtesting import cutoffs_of
from tsmodels.checks import check_int, fault
from tsmodels.data.panel import Panel
from tsmodels.estimators.horizon import HorizonEstimator, first_cutoffs

TELLS = 0.999  # a correlation from which on a covariate is the target under another name
PARTS = {
    "prepare": "rows before an origin are made of rows after it: an average or a scale that looks "
    "ahead",
    "reading": "the estimator reads rows before an origin differently when those after it change",
    "forecast": "a forecast depends on the target at or after its origin",
    "intervals": "an interval depends on the target at or after its origin",
    "past covariates": "a forecast depends on past covariates at or after its origin",
    "future covariates": "a future covariate is the target itself, which nobody knows ahead",
    "scale": "the scale is learned on rows that are held out",
    "training windows": "the targets of training windows reach into the rows held out",
    "held-out rows": "rows held out are trained on, as after a shuffled split",
}


@dataclass(frozen=True)
class Audit:
    """What an audit found: `checks` has a row a check, `leaks` the parts that see the future."""

    checks: pd.DataFrame  # part, origin, changed, largest

    @property
    def leaks(self) -> tuple[str, ...]:
        return tuple(self.checks["part"][self.checks["changed"] > 0].unique())

    @property
    def verdict(self) -> str:
        """The result in a sentence, or one for each part that leaks."""
        if not self.leaks:
            parts = ", ".join(self.checks["part"].unique())
            return f"Nothing before an origin moved in {len(self.checks)} checks: {parts}."
        return "\n".join(f"Leak in {part}: {PARTS[part]}." for part in self.leaks)


def audit_leakage(
    estimator: HorizonEstimator,
    X: Any,
    *,
    prepare: Callable[[Any], Any] | None = None,
    n_origins: int = 3,
    random_state: int = 0,
) -> Audit:
    """Changes everything after each of `n_origins` origins and looks whether anything before moves.

    The estimator is cloned and fitted on the rows before the first origin, as `backtest` does; its
    forecasts and intervals must not depend on later rows of the target and of past covariates. It
    is also fitted with other values in the rows it holds out for validation or calibration, without
    early stopping, which may look at them: what it learned must be the same. A future covariate
    that is the target under another name is found by its correlation. `prepare` is what is done to
    the frame before the estimator sees it, and `X` then the frame before that: a pandas DataFrame
    with a column `ds`.

    >>> from tsmodels import Naive
    >>> audit_leakage(Naive(horizon=2), np.arange(60.0) % 7).leaks
    ()
    >>> def smooth(frame):
    ...     return frame.assign(y=frame.y.rolling(5, center=True, min_periods=1).mean())
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(60), "y": np.arange(60.0) % 7})
    >>> print(audit_leakage(Naive(horizon=2), frame, prepare=smooth).verdict)
    Leak in prepare: rows before an origin are made of rows after it: an average or a scale that
    looks ahead.
    """
    check_int("n_origins", n_origins)
    rng = np.random.default_rng(random_state)
    found: list[tuple[str, Any, int, float]] = []
    if prepare is not None:
        raw, X = _frame(X), prepare(X)
    estimator = _repeatable(estimator)
    panel = estimator.to_panel(X)
    cutoffs, series, _ = cutoffs_of(panel, estimator.horizon, n_origins, estimator.horizon)
    if prepare is not None:
        stamps = np.unique(raw["ds"])[-n_origins * estimator.horizon :: estimator.horizon]
        found += _of_preparation(prepare, raw, X, stamps, rng)
    found += _of_reading(estimator, panel, cutoffs, series, rng)
    found += _of_forecasts(estimator, panel, cutoffs, series, rng)
    found += _of_future_covariates(panel, estimator.horizon)
    found += _of_fits(estimator, panel, rng)
    return Audit(pd.DataFrame(found, columns=["part", "origin", "changed", "largest"]))


Check = tuple[str, Any, int, float]


def _of_preparation(
    prepare: Callable[[Any], Any], raw: pd.DataFrame, X: Any, stamps: Any, rng: np.random.Generator
) -> Iterator[Check]:
    numbers = raw.select_dtypes("number").columns.difference(["ds", "unique_id"])
    for stamp in stamps:
        changed, after = raw.copy(), (raw["ds"] >= stamp).to_numpy()
        for name in numbers:
            own = changed[name].to_numpy(dtype=float, copy=True)
            own[after] = _others(own, int(after.sum()), rng)
            changed[name] = own
        before, again = (_before(frame, stamp) for frame in (X, prepare(changed)))
        yield _check("prepare", stamp, before, again)


def _of_reading(
    estimator: HorizonEstimator,
    panel: Panel,
    cutoffs: np.ndarray,
    series: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[Check]:
    plain = estimator.to_panel(panel)
    for origin, rows, _ in _origins(panel, cutoffs, series):
        again = estimator.to_panel(changed_after(panel, rows, rng))
        before = np.arange(len(panel.values)) < np.repeat(rows, panel.lengths)
        yield _check("reading", origin, plain.values[before], again.values[before])


def _of_forecasts(
    estimator: HorizonEstimator,
    panel: Panel,
    cutoffs: np.ndarray,
    series: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[Check]:
    firsts = first_cutoffs(panel, cutoffs, series)
    model = clone(estimator).fit(panel.head(firsts - panel.offsets[:-1]))
    some = panel.covariates is not None and bool(panel.covariates.roles.past)
    for origin, rows, chosen in _origins(panel, cutoffs, series):
        where = (cutoffs[chosen], series[chosen], estimator.horizon)
        other = changed_after(panel, rows, rng)
        plain = model.forecast_at(panel, *where)[0]
        yield _check("forecast", origin, plain, model.forecast_at(other, *where)[0])
        yield _check("intervals", origin, *(_ends(model, p, where) for p in (panel, other)))
        if some:
            other = changed_after(panel, rows, rng, covariates=True)
            yield _check("past covariates", origin, plain, model.forecast_at(other, *where)[0])


def _of_future_covariates(panel: Panel, horizon: int) -> Iterator[Check]:
    """A column x with x(t) = a + b y(t - k), k below the horizon, tells what is asked for."""
    if panel.covariates is None:
        return
    roles = panel.covariates.roles
    for name, x in zip(roles.future, panel.covariates.known.T, strict=True):
        if name in roles.categories:
            continue
        lags = range(-horizon, horizon)
        told = max(_correlation(panel, x, lag) for lag in lags)
        yield "future covariates", name, int(told > TELLS), told


def _of_fits(
    estimator: HorizonEstimator, panel: Panel, rng: np.random.Generator
) -> Iterator[Check]:
    model = clone(estimator).fit(panel)
    held = model._held_out(panel)
    if not held.any():
        return
    trained = panel.offsets[1:] - held
    series = np.flatnonzero(trained - panel.offsets[:-1] >= 2)
    where = (trained[series], series, estimator.horizon)
    plain = model.forecast_at(panel, *where)[0]

    def again(rows: np.ndarray) -> tuple[Any, np.ndarray]:
        other = clone(estimator).fit(changed_after(panel, rows, rng))
        return other, other.forecast_at(panel, *where)[0]

    other, forecasts = again(trained)
    scales = [np.ravel([*map(np.ravel, _scale(m))]) for m in (model, other)]
    scale = _check("scale", "held-out rows", *scales)
    yield scale
    windows = _check("training windows", "held-out rows", plain, forecasts)
    deep = ("held-out rows", "held-out rows", 0, 0.0)
    if windows[2] and not scale[2]:
        beyond = np.minimum(trained + estimator.horizon, panel.offsets[1:])
        deep = _check("held-out rows", "held-out rows", plain, again(beyond)[1])
    if scale[2] or deep[2]:  # which explains the rest
        windows = (*windows[:2], 0, 0.0)
    yield windows
    yield deep


# --- pieces ---------------------------------------------------------------------------------------


def changed_after(
    panel: Panel, rows: np.ndarray, rng: np.random.Generator, *, covariates: bool = False
) -> Panel:
    """The panel with other values from row `rows[s]` on in series s: of the target, or with
    `covariates` of the past covariates. What is missing stays missing.

    New values are 2 v + 1 for values v of the series: whole where they are, positive where they
    are, and of a size that scaling can bear.
    """
    values = panel.values.copy()
    given = None if panel.covariates is None else panel.covariates.values.copy()
    n_past = len(panel.covariates.roles.past) if panel.covariates else 0
    for s, row in enumerate(rows):
        own, stop = slice(panel.offsets[s], panel.offsets[s + 1]), panel.offsets[s + 1]
        if not covariates:
            for channel in values.T:
                holes = np.isnan(channel[row:stop])
                new = _others(channel[own], stop - row, rng)
                channel[row:stop] = np.where(holes, np.nan, new)
        elif given is not None:
            for column in given[:, :n_past].T:
                column[row:stop] = rng.permutation(_others(column[own], stop - row, rng))
    if covariates and given is not None and panel.covariates is not None:
        named = [c in panel.covariates.roles.categories for c in panel.covariates.roles.past]
        given[:, :n_past][:, named] = panel.covariates.values[:, :n_past][:, named]
        return replace(panel, covariates=replace(panel.covariates, values=given))
    return replace(panel, values=values)


def _others(values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    known = values[np.isfinite(values)]
    return 2.0 * rng.choice(known, size=n) + 1.0 if len(known) else np.full(n, np.nan)


def _origins(
    panel: Panel, cutoffs: np.ndarray, series: np.ndarray
) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Every origin counted from the end: its name, its row in each series (S,), its windows."""
    back = panel.offsets[1:][series] - cutoffs
    for distance in np.unique(back)[::-1]:
        chosen = np.flatnonzero(back == distance)
        rows = np.maximum(panel.offsets[1:] - distance, panel.offsets[:-1])
        yield f"{distance} rows before the end", rows, chosen


def _ends(model: HorizonEstimator, panel: Panel, where: Any) -> np.ndarray:
    """The ends of intervals of 80 %; nothing where too little is known of errors."""
    try:
        return np.stack(model.predictive_at(panel, *where).predictive.interval(80))
    except ValueError:
        return np.empty(0)


def _scale(model: Any) -> list[np.ndarray]:
    """What scales a fitted estimator has learned, its inner one's if it has none."""
    names = ("shift_", "scale_")
    if all(hasattr(model, name) for name in names):
        return [getattr(model, name) for name in names]
    return _scale(model.estimator_) if hasattr(model, "estimator_") else [np.empty(0)]


def _correlation(panel: Panel, x: np.ndarray, lag: int) -> float:
    """The median over series of |correlation| of x(t) and y(t - lag), of their steps too."""
    found = []
    for start, stop in zip(panel.offsets[:-1], panel.offsets[1:], strict=True):
        y, own = panel.values[start:stop, 0], x[start:stop]
        a, b = (y[: len(y) - lag], own[lag:]) if lag >= 0 else (y[-lag:], own[:lag])
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= 10:
            both = (
                np.corrcoef(a[known], b[known]),
                np.corrcoef(*map(np.diff, (a[known], b[known]))),
            )
            found.append(min(abs(c[0, 1]) for c in both))
    return float(np.nan_to_num(np.median(found))) if found else 0.0


def _check(part: str, origin: Any, plain: np.ndarray, again: np.ndarray) -> Check:
    """How many numbers differ, and by how much at most."""
    if plain.shape != again.shape:
        return part, origin, max(plain.size, again.size, 1), float("inf")
    differs = ~((plain == again) | (np.isnan(plain) & np.isnan(again)))
    return part, origin, int(differs.sum()), float(np.abs(plain - again)[differs].max(initial=0.0))


def _repeatable(estimator: HorizonEstimator) -> HorizonEstimator:
    """A clone that learns the same twice, and for as long whatever its held-out rows say."""
    if not isinstance(estimator, HorizonEstimator):
        raise TypeError(fault("estimator", "a forecaster or a baseline", estimator))
    copy = clone(estimator)
    for name, value in copy.get_params().items():
        last = name.rpartition("__")[2]
        if last == "patience" and value is not None:
            copy.set_params(**{name: None})
        if last == "random_state" and value is None:
            copy.set_params(**{name: 0})
    return copy


def _before(frame: Any, stamp: Any) -> np.ndarray:
    """The numbers in the rows before a stamp."""
    rows = _frame(frame)[frame["ds"] < stamp].drop(columns=["unique_id", "ds"], errors="ignore")
    return rows.select_dtypes("number").to_numpy(dtype=float)


def _frame(X: Any) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame) or "ds" not in X:
        rule = "a pandas DataFrame with a column ds beside prepare"
        raise TypeError(fault("X", rule, type(X).__name__))
    return X
