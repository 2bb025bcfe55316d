"""Rolling-origin evaluation beside the naive forecasts, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from tsmodels.checks import check_int, fault
from tsmodels.data.answers import forecast_frame
from tsmodels.data.panel import Panel
from tsmodels.estimators.baseline import Drift, Naive, SeasonalNaive
from tsmodels.estimators.horizon import HorizonEstimator, first_cutoffs, naive_scales
from tsmodels.intervals import check_level, columns, nested_intervals
from tsmodels.metrics import coverage, width, winkler
from tsmodels.significance import Comparison, diebold_mariano, skill_interval

BASELINES = {"naive": Naive, "seasonal_naive": SeasonalNaive, "drift": Drift}
COPIES = 0.5  # a forecast this much nearer to a past value than to the truth copies it
SHORT_LAGS = 10  # lags looked at whatever season and horizon
RARE = 0.05  # a p value below which a difference is called one
LAG_WINDOWS = 2_000  # windows looked at for the lag; more would not change the answer


@dataclass(frozen=True)
class Backtest:
    """Forecasts from several cutoffs, scored.

    `frame` has a row a forecast: `unique_id`, `ds`, `cutoff`, `step`, `y`, `yhat` and a column for
    each baseline. `scores` is a table of models by metrics (mean over series; MASE and RMSSE are
    measured in the seasonal naive error of the rows before the first cutoff), `by_step` the mean
    absolute scaled error of every model by step. `skill` is 1 - MASE / that of the best baseline:
    above zero the forecast is worth its trouble. `lag_copy` is the number of steps by which it
    repeats the past, 0 if it does not. `left_out` lists series too short for any window, and
    `n_fallback` counts forecasts that were seasonal naive because a window was too short for the
    network; they are marked in a column `fallback` of the frame. `target` names what `y` is.

    `test` is the Diebold-Mariano test of the forecast against the best baseline, on the scaled
    error of each window; `skill_interval` holds 95 % of skills when windows are drawn again.
    `intervals` is a table of levels by coverage, width and Winkler score (both in naive errors, as
    MASE is), if levels were asked for; the frame then has their columns.
    """

    frame: Any
    scores: pd.DataFrame
    by_step: pd.DataFrame
    skill: float
    lag_copy: int
    n_windows: int
    n_series: int
    left_out: tuple[Any, ...]
    n_fallback: int
    target: str = "y"
    test: Comparison = Comparison(float("nan"), float("nan"))
    skill_interval: tuple[float, float] = (float("nan"), float("nan"))
    intervals: pd.DataFrame | None = None

    @property
    def best_baseline(self) -> str:
        """The baseline with the smallest MASE."""
        return str(self.scores.loc[list(BASELINES), "mase"].idxmin())

    @property
    def verdict(self) -> str:
        """The result in one or two sentences."""
        if not np.isfinite(self.skill):
            return "There is nothing to beat: a baseline hits every value exactly."
        ours, best = self.scores.loc["yhat", "mase"], self.best_baseline
        theirs = self.scores.loc[best, "mase"]
        says = "beats" if self.skill > 0 else "does not beat"
        sentence = (
            f"Over {self.n_windows} windows of {self.n_series} series the forecast {says} the best "
            f"baseline ({best}): MASE {ours:.3f} against {theirs:.3f}, skill {self.skill:+.1%}"
            f"{self._certainty}."
        )
        if self.lag_copy:
            steps = "step" if self.lag_copy == 1 else "steps"
            sentence += f" It repeats the value of {self.lag_copy} {steps} before."
        if self.n_fallback:
            total = self.n_windows * self.n_series
            sentence += f" {self.n_fallback} of {total} forecasts are seasonal naive: too few rows."
        return sentence

    @property
    def significant(self) -> bool:
        """Whether chance alone would rarely make such a difference to the best baseline."""
        return bool(self.test.p < RARE)

    @property
    def _certainty(self) -> str:
        low, high = self.skill_interval
        words = [f"{low:+.1%} to {high:+.1%}"] if np.isfinite(low) else []
        if np.isfinite(self.test.p):
            p = f"{self.test.p:.3f}" if self.test.p >= 0.001 else "below 0.001"
            words.append(f"Diebold-Mariano p {p}")
        bracket = f" ({', '.join(words)})" if words else ""
        chance = np.isfinite(self.test.p) and not self.significant
        return bracket + (", which may be chance" if chance else "")

    def plot(self, **kwargs: Any) -> Any:
        """Matplotlib axes with truth and forecasts; see `tsmodels.plotting.plot_backtest`."""
        from tsmodels.plotting import plot_backtest

        return plot_backtest(self.frame, **{"label": self.target, **kwargs})


def backtest(
    estimator: HorizonEstimator,
    X: Any,
    n_windows: int = 3,
    step: int | None = None,
    refit: bool | int = False,
    level: Any = None,
) -> Backtest:
    """Forecasts `X` from `n_windows` cutoffs, `step` rows apart (one horizon unless told).

    The last window ends with each series. The estimator is cloned and fitted on the rows before the
    first cutoff, with `refit` again before every one, or before every k-th if `refit` is k: what it
    was fitted on before plays no part. `level` asks for intervals, as in `predict`, and scores
    them. Raises ValueError if no series is long enough.

    >>> import numpy as np
    >>> from tsmodels import SeasonalNaive, backtest
    >>> y = np.sin(np.arange(96) * np.pi / 12) + np.arange(96) / 100
    >>> result = backtest(SeasonalNaive(horizon=6, season_length=24), y, n_windows=4)
    >>> len(result.frame), result.lag_copy
    (24, 24)
    """
    check_int("n_windows", n_windows)
    step = estimator.horizon if step is None else check_int("step", step)
    every = _every(refit, n_windows)
    levels = () if level is None else check_level(level)
    panel = estimator.to_panel(X)
    cutoffs, series, left_out = cutoffs_of(panel, estimator.horizon, n_windows, step)
    made = _forecasts(estimator, panel, cutoffs, series, every, levels)
    fitted, yhat, fallback = made.fitted, made.yhat, made.fallback
    horizon, season_length = estimator.horizon, fitted.season_length_
    forecasts = {"yhat": yhat}
    for name, cls in BASELINES.items():
        baseline = cls(horizon=horizon, season_length=season_length).fit(panel)
        forecasts[name], _ = baseline.forecast_at(panel, cutoffs, series, horizon)
    rows = cutoffs[:, None] + np.arange(horizon)  # (N, H)
    y = panel.values[rows, 0]
    before = panel.head(first_cutoffs(panel, cutoffs, series) - panel.offsets[:-1])
    scale, scale_squared = (s[series] for s in naive_scales(before, season_length))
    scores = _scores(y, forecasts, series, scale, scale_squared)
    name = scores.loc[list(BASELINES), "mase"].idxmin()
    best = scores.loc[name, "mase"]
    ours, theirs = (_window_losses(y, forecasts[k], scale, n_windows) for k in ("yhat", name))
    reach = -(-horizon // step)  # windows that share rows with one
    return Backtest(
        frame=_frame(panel, rows, series, y, forecasts | made.columns(), fallback),
        scores=scores,
        by_step=_by_step(y, forecasts, scale),
        skill=float(1.0 - scores.loc["yhat", "mase"] / best) if best > 0 else float("nan"),
        lag_copy=_lag_copy(panel, rows, series, yhat, scale, season_length),
        n_windows=n_windows,
        n_series=len(np.unique(series)),
        left_out=tuple(panel.ids[left_out].tolist()),
        n_fallback=int(fallback.sum()),
        target=estimator.target_name,
        test=diebold_mariano(_mean_known(ours, axis=0), _mean_known(theirs, axis=0), reach),
        skill_interval=skill_interval(ours, theirs, block=2 * reach),
        intervals=_interval_scores(y, made.intervals, scale) if levels else None,
    )


def cutoffs_of(
    panel: Panel, horizon: int, n_windows: int, step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cutoff row and series of every window, earliest first within a series."""
    back = horizon + step * np.arange(n_windows)[::-1]  # (n_windows,) rows before the end
    long = panel.lengths - back[0] >= 2
    if not long.any():
        needed = back[0] + 2
        most = (int(panel.lengths.max(initial=0)) - 2 - horizon) // step + 1
        rule = f"at most {max(most, 0)}: {n_windows} windows need {needed} rows"
        longest = f"The longest series has {panel.lengths.max(initial=0)}."
        raise ValueError(fault("n_windows", rule, n_windows, longest))
    (kept,) = np.nonzero(long)
    cutoffs = panel.offsets[1:][kept, None] - back
    return cutoffs.ravel(), np.repeat(kept, n_windows), np.flatnonzero(~long)


def _every(refit: bool | int, n_windows: int) -> int:
    """How many windows one fit serves."""
    if isinstance(refit, bool):
        return 1 if refit else n_windows
    return check_int("refit", refit)


class _Made(NamedTuple):
    """The estimator of the last fit, forecasts (N, H), which are a fallback (N,), interval ends."""

    fitted: HorizonEstimator
    yhat: np.ndarray
    fallback: np.ndarray
    intervals: dict[float, np.ndarray]  # (2, N, H) a level

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of intervals, by name."""
        named: dict[str, np.ndarray] = {}
        for level, ends in self.intervals.items():
            named.update(zip(columns(level), ends, strict=True))
        return named


def _forecasts(
    estimator: HorizonEstimator,
    panel: Panel,
    cutoffs: np.ndarray,
    series: np.ndarray,
    every: int,
    levels: tuple[float, ...],
) -> _Made:
    n_windows = len(cutoffs) // len(np.unique(series))
    fit_of = np.tile(np.arange(n_windows) // every, len(cutoffs) // n_windows)
    shape = (len(cutoffs), estimator.horizon)
    yhat, fallback = np.empty(shape), np.zeros(len(cutoffs), dtype=bool)
    intervals = {level: np.empty((2, *shape)) for level in sorted(levels)}
    for group in range(fit_of.max() + 1):
        chosen = fit_of == group
        firsts = first_cutoffs(panel, cutoffs[chosen], series[chosen])
        fitted = clone(estimator).fit(panel.head(firsts - panel.offsets[:-1]))
        where = (panel, cutoffs[chosen], series[chosen], estimator.horizon)
        if not levels:
            yhat[chosen], fallback[chosen] = fitted.forecast_at(*where)
            continue
        yhat[chosen], fallback[chosen], predictive = fitted.predictive_at(*where)
        for level, ends in nested_intervals(predictive, levels).items():
            intervals[level][:, chosen] = ends
    return _Made(fitted, yhat, fallback, intervals)


def _scores(
    y: np.ndarray,
    forecasts: dict[str, np.ndarray],
    series: np.ndarray,
    scale: np.ndarray,
    scale_squared: np.ndarray,
) -> pd.DataFrame:
    """Metrics of every model: the mean over known truths of each series, then over series."""
    known = np.isfinite(y)

    def over_series(errors: np.ndarray, root: bool = False) -> float:
        sums = np.bincount(series, np.where(known, errors, 0.0).sum(axis=1))
        counts = np.bincount(series, known.sum(axis=1))
        means = sums[counts > 0] / counts[counts > 0]
        return float(np.mean(np.sqrt(means) if root else means))

    rows = {}
    for name, yhat in forecasts.items():
        error = np.abs(y - yhat)
        size = np.abs(y) + np.abs(yhat)
        rows[name] = {
            "mae": over_series(error),
            "rmse": over_series(error**2, root=True),
            "smape": over_series(np.where(size == 0, 0.0, error / np.where(size == 0, 1.0, size))),
            "mase": over_series(error / scale[:, None]),
            "rmsse": over_series(error**2 / scale_squared[:, None], root=True),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _window_losses(
    y: np.ndarray, yhat: np.ndarray, scale: np.ndarray, n_windows: int
) -> np.ndarray:
    """Mean absolute scaled error of every series and window, (S, n_windows); NaN without truth."""
    errors = np.where(np.isfinite(y), np.abs(y - yhat), np.nan) / scale[:, None]
    return _mean_known(errors, axis=1).reshape(-1, n_windows)


def _mean_known(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is not NaN along an axis, NaN where nothing is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)


def _interval_scores(
    y: np.ndarray, intervals: dict[float, np.ndarray], scale: np.ndarray
) -> pd.DataFrame:
    """Coverage, width and Winkler score of every level: the mean over known truths."""
    rows, truth = {}, (y / scale[:, None]).ravel()
    for level, (low, high) in intervals.items():
        lower, upper = ((end / scale[:, None]).ravel() for end in (low, high))
        rows[level] = {
            "coverage": float(coverage(y.ravel(), low.ravel(), high.ravel())),
            "width": float(width(truth, lower, upper)),
            "winkler": float(winkler(truth, lower, upper, level)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")


def _by_step(y: np.ndarray, forecasts: dict[str, np.ndarray], scale: np.ndarray) -> pd.DataFrame:
    known = np.isfinite(y)
    counts = np.maximum(known.sum(axis=0), 1)
    errors = {
        name: np.where(known, np.abs(y - yhat) / scale[:, None], 0.0).sum(axis=0) / counts
        for name, yhat in forecasts.items()
    }
    return pd.DataFrame(errors, index=pd.RangeIndex(1, y.shape[1] + 1, name="step"))


def _lag_copy(
    panel: Panel,
    rows: np.ndarray,
    series: np.ndarray,
    yhat: np.ndarray,
    scale: np.ndarray,
    season_length: int,
) -> int:
    """The lag whose past values the forecast is nearest to, 0 if it is nearest to the truth.

    For lag k only steps up to k are looked at: the others could not have copied it.
    """
    pick = np.linspace(0, len(rows) - 1, min(len(rows), LAG_WINDOWS)).astype(int)
    rows, yhat, scale = rows[pick], yhat[pick], scale[pick, None]
    firsts, y = panel.offsets[series[pick], None], panel.values[:, 0]
    misses = np.abs(yhat - y[rows]) / scale
    if not np.nansum(misses):  # never wrong: there is nothing to explain
        return 0
    ratios = {}
    for lag in range(1, max(season_length, min(rows.shape[1], 48), SHORT_LAGS) + 1):
        known = (np.arange(rows.shape[1]) < lag) & (rows - lag >= firsts) & np.isfinite(misses)
        copied = np.abs(yhat - y[np.maximum(rows - lag, 0)]) / scale
        known &= np.isfinite(copied)
        if known.any():
            ratios[lag] = copied[known].sum() / max(misses[known].sum(), np.finfo(float).tiny)
    nearest = min(ratios, key=lambda lag: ratios[lag], default=0)
    return nearest if nearest and ratios[nearest] < COPIES else 0


def _frame(
    panel: Panel,
    rows: np.ndarray,
    series: np.ndarray,
    y: np.ndarray,
    forecasts: dict[str, np.ndarray],
    fallback: np.ndarray,
) -> Any:
    n, horizon = rows.shape
    cutoff = np.repeat(panel.ds[rows[:, 0] - 1], horizon)
    step = np.tile(np.arange(1, horizon + 1), n)
    columns = {"cutoff": cutoff, "step": step, "y": y.ravel()}
    columns.update({name: yhat.ravel() for name, yhat in forecasts.items()})
    if fallback.any():
        columns["fallback"] = np.repeat(fallback, horizon)
    return forecast_frame(panel, np.repeat(series, horizon), panel.ds[rows].ravel(), columns)
