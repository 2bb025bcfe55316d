"""Metrics of points, quantiles and intervals on arrays and on forecast frames.

Definitions are those of utilsforecast: sMAPE is in [0, 1] (the M4 competition's is 200 times that),
MAPE leaves out moments whose truth is zero, MASE and RMSSE divide by the error of the seasonal
naive forecast inside the training rows. A truth that is NaN is unknown and left out; a forecast
that is NaN makes its metric NaN. A constant training series has no scale: MASE is then inf, or NaN
where the forecast is right.

Shapes: y and yhat (..., H), train (..., T), answers (...).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tsmodels.checks import check_int, check_option, check_real, fault

if TYPE_CHECKING:
    import pandas as pd


def _absolute(y, yhat):
    return np.abs(y - yhat)


def _squared(y, yhat):
    return (y - yhat) ** 2


def _percentage(y, yhat):
    return np.abs(y - yhat) / np.abs(np.where(y == 0, np.nan, y))


def _symmetric(y, yhat):
    size = np.abs(y) + np.abs(yhat)
    return np.where(size == 0, 0.0, np.abs(y - yhat) / np.where(size == 0, 1.0, size))


@dataclass(frozen=True)
class _Metric:
    """Error per moment; its mean; that over the scale and under the root where there is one."""

    error: Callable[[Any, Any], Any]
    root: bool = False
    scaled: bool = False

    def finish(self, mean, scale):
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = mean / scale if self.scaled else mean
        return np.sqrt(mean) if self.root else mean


METRICS = {
    "mae": _Metric(_absolute),
    "rmse": _Metric(_squared, root=True),
    "mape": _Metric(_percentage),
    "smape": _Metric(_symmetric),
    "mase": _Metric(_absolute, scaled=True),
    "rmsse": _Metric(_squared, root=True, scaled=True),
}


def mae(y, yhat):
    """Mean absolute error, in the unit of y.

    >>> float(mae([1.0, 2.0], [2.0, 4.0]))
    1.5
    """
    return _score("mae", y, yhat)


def rmse(y, yhat):
    """Root of the mean squared error, in the unit of y.

    >>> float(rmse([1.0, 2.0], [2.0, 9.0]))
    5.0
    """
    return _score("rmse", y, yhat)


def mape(y, yhat):
    """Mean absolute error as a fraction of the truth; moments whose truth is zero are left out.

    >>> float(mape([0.0, 4.0], [1.0, 5.0]))
    0.25
    """
    return _score("mape", y, yhat)


def smape(y, yhat):
    """Symmetric MAPE in [0, 1]: |y - yhat| / (|y| + |yhat|). Times 200 it is the M4 competition's.

    >>> float(smape([1.0, 0.0], [3.0, 0.0]))
    0.25
    """
    return _score("smape", y, yhat)


def mase(y, yhat, train, season_length=1):
    """Mean absolute error over the seasonal naive one inside `train`. Hyndman & Koehler, 2006.

    >>> float(mase([5.0, 7.0], [4.0, 4.0], train=[1.0, 2.0, 3.0]))
    2.0
    """
    return _score("mase", y, yhat, naive_scale(train, season_length))


def rmsse(y, yhat, train, season_length=1):
    """MASE's squared sister: root of mean squared error over the seasonal naive one in `train`.

    >>> float(rmsse([5.0, 7.0], [4.0, 0.0], train=[1.0, 2.0, 3.0]))
    5.0
    """
    return _score("rmsse", y, yhat, naive_scale(train, season_length, power=2))


def naive_scale(train, season_length=1, *, power=1):
    """Mean |train[t] - train[t - season_length]| ** power: the scale of MASE (1) and RMSSE (2).

    >>> float(naive_scale([1.0, 3.0, 2.0, 7.0], season_length=2))
    2.5
    """
    lag = check_int("season_length", season_length)
    train = np.asarray(train, dtype=np.float64)
    return _mean(np.abs(train[..., lag:] - train[..., :-lag]) ** power)


def owa(smape, mase, naive2_smape, naive2_mase):
    """Overall weighted average of the M4 competition: below 1 is better than Naive2.

    Both sMAPE on the same scale (both 0 to 1, or both 0 to 200).

    >>> owa(9.328, 0.893, naive2_smape=18.656, naive2_mase=1.786)
    0.5
    """
    return (smape / naive2_smape + mase / naive2_mase) / 2


# --- quantiles, intervals, distributions ----------------------------------------------------------


def pinball(y, yhat, level):
    """Mean error of the quantile `level` in (0, 1); at 0.5 half the MAE. Koenker & Bassett, 1978.

    >>> float(pinball([3.0], [1.0], level=0.9))
    1.8
    """
    q = check_real("level", level, 0.0, 1.0, open_low=True, open_high=True)
    return _known_mean(lambda y, yhat: np.maximum(q * (y - yhat), (q - 1.0) * (y - yhat)), y, yhat)


def coverage(y, low, high):
    """Share of truths inside their intervals, ends included.

    >>> float(coverage([1.0, 2.0], low=[0.0, 3.0], high=[1.0, 4.0]))
    0.5
    """
    return _known_mean(lambda y, low, high: 1.0 * ((low <= y) & (y <= high)), y, low, high)


def width(y, low, high):
    """Mean width of the intervals whose truths are known.

    >>> float(width([1.0, np.nan], low=[0.0, 0.0], high=[1.0, 9.0]))
    1.0
    """
    return _known_mean(lambda y, low, high: high - low, y, low, high)


def winkler(y, low, high, level):
    """Width plus 2 / alpha times what a truth lies outside, `level` = 100 (1 - alpha) in percent.

    The smaller the better, and smallest in expectation for the true quantiles. Winkler, 1972.

    >>> float(winkler([1.5], low=[0.0], high=[1.0], level=50))
    3.0
    """
    alpha = 1.0 - check_real("level", level, 0.0, 100.0, open_low=True, open_high=True) / 100.0

    def score(y, low, high):
        outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
        return high - low + 2.0 / alpha * outside

    return _known_mean(score, y, low, high)


def crps(y, paths):
    """Continuous ranked probability score of samples (n, ..., H); of a point it is the MAE.

    Mean |x - y| - mean |x - x'| / 2 over samples x and pairs of them. Gneiting & Raftery, 2007.

    >>> float(crps([1.0], [[0.0], [2.0]]))
    0.5
    """
    y, ranked = np.asarray(y, dtype=np.float64), np.sort(np.asarray(paths, np.float64), axis=0)
    if ranked.shape[1:] != y.shape:
        raise ValueError(fault("paths", f"of shape (n, *{y.shape})", ranked.shape))
    n = len(ranked)
    place = (2 * np.arange(1, n + 1) - n - 1).reshape(-1, *[1] * y.ndim)
    spread = (place * ranked).sum(axis=0) / n**2  # half the mean |x - x'|
    return _mean(np.abs(ranked - y).mean(axis=0) - spread)[()]


def _known_mean(score, y, *forecasts):
    """Mean score over the last axis where the truth is known; NaN where a forecast is missing."""
    arrays = [np.asarray(a, dtype=np.float64) for a in (y, *forecasts)]
    for forecast in arrays[1:]:
        if forecast.shape != arrays[0].shape:
            raise ValueError(
                fault("forecast", f"of the shape of y, {arrays[0].shape}", forecast.shape)
            )
    known = np.isfinite(arrays[0])
    missed = np.any([np.isnan(a) & known for a in arrays[1:]], axis=(0, -1))
    return np.where(missed, np.nan, _mean(np.where(known, score(*arrays), np.nan)))[()]


def _score(name, y, yhat, scale=None):
    y, yhat = np.asarray(y, dtype=np.float64), np.asarray(yhat, dtype=np.float64)
    if y.shape != yhat.shape:
        raise ValueError(fault("yhat", f"of the shape of y, {y.shape}", yhat.shape))
    metric = METRICS[name]
    error = np.where(np.isnan(y), np.nan, metric.error(y, yhat))
    missed = np.any(np.isnan(yhat) & ~np.isnan(y), axis=-1)
    return metric.finish(np.where(missed, np.nan, _mean(error)), scale)[()]


def _mean(values):
    """Mean over the last axis of what is known; NaN where nothing is. (..., H) -> (...)"""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1)


class Evaluation(NamedTuple):
    """by_id: unique_id and a column per metric, in the forecast's order. mean: over the ids."""

    by_id: pd.DataFrame
    mean: pd.Series


def evaluate(
    forecast: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    metrics: Sequence[str] = ("mae", "rmse", "smape"),
    train: pd.DataFrame | None = None,
    season_length: int = 1,
    model: str = "yhat",
    target: str = "y",
) -> Evaluation:
    """Metrics of each id and their mean over ids; `forecast` and `truth` meet on (unique_id, ds).

    Where both have a column `cutoff`, rows meet on it too and the windows of an id are averaged.
    A forecast row without truth and an id of `truth` without forecast are errors. `mase` and
    `rmsse` need `train`, the rows before the forecast.

    >>> import pandas as pd
    >>> truth = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "y": [1.0, 2.0]})
    >>> forecast = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "yhat": [1.0, 4.0]})
    >>> float(evaluate(forecast, truth, metrics=["mae"]).mean["mae"])
    1.0
    """
    import pandas as pd

    chosen = [check_option("metrics", name, METRICS) for name in metrics]
    if train is None and any(METRICS[name].scaled for name in chosen):
        raise ValueError(fault("train", "a frame of the rows before the forecast for mase", train))
    _check_columns(forecast=(forecast, model), truth=(truth, target))
    joined = _join(forecast, truth, model, target)
    codes, ids = pd.factorize(joined["unique_id"])
    y, yhat = _floats(joined["_y"]), _floats(joined["_yhat"])
    table = pd.DataFrame({"unique_id": ids})
    for name in chosen:
        scale = None
        if METRICS[name].scaled:
            power = 2 if name == "rmsse" else 1
            scale = frame_scale(train, ids, season_length, power=power, target=target)
        table[name] = METRICS[name].finish(_mean_by_id(name, codes, len(ids), y, yhat), scale)
    return Evaluation(table, table.drop(columns="unique_id").mean(skipna=False))


def _mean_by_id(name, codes, n_ids, y, yhat):
    """Mean error of each id, undefined errors left out: (rows,) -> (ids,)."""
    error = METRICS[name].error(y, yhat)
    missed = np.bincount(codes, np.isnan(yhat) & ~np.isnan(y), n_ids) > 0
    return np.where(missed, np.nan, _group_mean(codes, error, n_ids))


def _group_mean(codes, values, n_groups):
    known = ~np.isnan(values)
    total = np.bincount(codes[known], values[known], n_groups)
    count = np.bincount(codes[known], minlength=n_groups)
    with np.errstate(invalid="ignore"):
        return total / count


def frame_scale(train, ids, season_length=1, *, power=1, target="y"):
    """`naive_scale` of each of `ids` from a long frame in any row order: (ids,).

    >>> import pandas as pd
    >>> train = pd.DataFrame({"unique_id": ["a", "a", "a"], "ds": [1, 3, 2], "y": [1.0, 4.0, 2.0]})
    >>> frame_scale(train, ["a"]).tolist()
    [1.5]
    """
    import pandas as pd

    lag = check_int("season_length", season_length)
    _check_columns(train=(train, target))
    known_ids = pd.Index(ids)
    codes = known_ids.get_indexer(train["unique_id"])
    absent = np.setdiff1d(np.arange(len(known_ids)), codes)
    if len(absent):
        raise ValueError(fault("train", "a frame with rows of every id", known_ids[absent[0]]))
    order = np.lexsort((pd.factorize(train["ds"], sort=True)[0], codes))
    codes, y = codes[order], _floats(train[target])[order]
    same = (codes[lag:] == codes[:-lag]) & (codes[lag:] >= 0)
    change = np.abs(y[lag:] - y[:-lag])[same] ** power
    return _group_mean(codes[lag:][same], change, len(known_ids))


def _floats(column):
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _check_columns(**frames) -> None:
    for parameter, (frame, value) in frames.items():
        missing = [name for name in ("unique_id", "ds", value) if name not in frame.columns]
        if missing:
            rule = f"a frame with columns unique_id, ds, {value}"
            raise ValueError(fault(parameter, rule, list(frame.columns)))


def _join(forecast, truth, model, target):
    keys = ["unique_id", "ds"]
    if "cutoff" in forecast.columns and "cutoff" in truth.columns:
        keys.append("cutoff")
    left = forecast[keys].assign(_yhat=forecast[model])
    right = truth[keys].assign(_y=truth[target])
    for parameter, frame in (("forecast", left), ("truth", right)):
        twice = frame.duplicated(keys)
        if twice.any():
            raise ValueError(
                fault(parameter, f"one row per ({', '.join(keys)})", _key(frame[twice]))
            )
    joined = left.merge(right, on=keys, how="left", indicator=True)
    bare = joined["_merge"] == "left_only"
    if bare.any():
        rule = f"a frame with a row for every forecast ({bare.sum()} are missing)"
        raise ValueError(fault("truth", rule, f"no row at {_key(joined[bare])}"))
    silent = ~truth["unique_id"].isin(forecast["unique_id"])
    if silent.any():
        rule = "a frame with a forecast for every id of truth"
        raise ValueError(fault("forecast", rule, f"none for {truth['unique_id'][silent].iloc[0]}"))
    return joined


def _key(frame) -> str:
    first = frame.iloc[0]
    return f"({first['unique_id']}, {first['ds']})"


@dataclass(frozen=True)
class _Scorer:
    metric: str

    def __call__(self, estimator, X, y=None) -> float:
        """Minus the mean metric over the ids whose last `horizon` rows were held out."""
        held = estimator.holdout(X)
        scale = held.scale_squared if self.metric == "rmsse" else held.scale
        return -float(np.mean(_score(self.metric, held.y, held.yhat, scale)))

    def __repr__(self):
        return f"scorer({self.metric!r})"


def scorer(metric: str):
    """A scikit-learn scorer on frames: minus `metric`, so that greater is better.

    The last `horizon` rows of each id in `X` are the truth, forecast from the rows before them:
    `GridSearchCV(forecaster, grid, cv=RollingOrigin(24), scoring=scorer("mae"))`.

    >>> scorer("mae")
    scorer('mae')
    """
    return _Scorer(check_option("metric", metric, METRICS))
