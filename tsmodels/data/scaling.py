"""Scales of series: (y - shift) / scale, with shift and scale learned for each series and channel.

Doubling a series doubles its shift and scale to the last bit: no epsilon is added anywhere. A scale
that is zero, not finite or mere rounding is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_int, check_option, fault
from tsmodels.data.frame import read_keys, read_values, target_columns
from tsmodels.data.panel import Keys

METHODS = ("standard", "robust", "minmax", "mean_abs", "seasonal_naive", None)
ROUNDING = 64 * np.finfo(np.float64).eps  # a spread below this share of the values is none


def affine_statistics(
    method: Any, values: np.ndarray, offsets: np.ndarray, *, season_length: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale, each (S, C), of `values` (N, C); series s is rows offsets[s]:offsets[s + 1].

    "standard": mean and standard deviation. "robust": median and interquartile range. "minmax":
    minimum and range. "mean_abs": 0 and mean of |y|. "seasonal_naive": 0 and mean of
    |y_t - y_(t-m)| over one season m, the scale of MASE; of |y_t - y_(t-1)| and then of |y| where a
    series is too short or repeats itself exactly. None: 0 and 1. A scikit-learn transformer is
    cloned, fitted to each series and channel and read as a straight line; one that is not a
    straight line is a ValueError. NaN are left out.

    >>> values = np.array([[1.0], [3.0], [5.0]])
    >>> shift, scale = affine_statistics("minmax", values, np.array([0, 3]))
    >>> shift.item(), scale.item()
    (1.0, 4.0)
    """
    check_int("season_length", season_length)
    if hasattr(method, "fit"):
        shift, scale = _read_off(method, values, offsets)
    else:
        check_option("scaler", method, METHODS)
        if method is None:
            return _constant(0.0, values, offsets), _constant(1.0, values, offsets)
        shift, scale = STATISTICS[method](values, offsets, season_length)
    size = _by_series(np.fmax, np.abs(values), offsets)
    shift = np.where(np.isfinite(shift), shift, 0.0)
    usable = np.isfinite(scale) & (np.abs(scale) > ROUNDING * np.nan_to_num(size))
    return shift, np.where(usable, scale, 1.0)


def _constant(value: float, values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.full((len(offsets) - 1, values.shape[1]), value)


def _by_series(ufunc: np.ufunc, values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """`ufunc` over the rows of each series, (S, C); NaN for a series without rows."""
    filled = np.flatnonzero(np.diff(offsets) > 0)
    answer = _constant(np.nan, values, offsets)
    if filled.size:
        answer[filled] = ufunc.reduceat(values, offsets[filled], axis=0)
    return answer


def _mean(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Mean over the known values of each series, (S, C); NaN where none is known."""
    total, lengths = _by_series(np.add, values, offsets), np.diff(offsets)
    if not np.isnan(total).any():  # all are known
        return total / lengths[:, None]
    known = ~np.isnan(values)
    total = _by_series(np.add, np.where(known, values, 0.0), offsets)
    count = _by_series(np.add, known.astype(np.float64), offsets)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / count


Statistics = tuple[np.ndarray, np.ndarray]


def _standard(values: np.ndarray, offsets: np.ndarray, season: int) -> Statistics:
    mean = _mean(values, offsets)
    centred = values - np.repeat(mean, np.diff(offsets), axis=0)
    return mean, np.sqrt(_mean(centred * centred, offsets))


def _robust(values: np.ndarray, offsets: np.ndarray, season: int) -> Statistics:
    low, median, high = _quantiles(values, offsets, (0.25, 0.5, 0.75))
    return median, high - low


def _minmax(values: np.ndarray, offsets: np.ndarray, season: int) -> Statistics:
    low = _by_series(np.fmin, values, offsets)
    return low, _by_series(np.fmax, values, offsets) - low


def _mean_abs(values: np.ndarray, offsets: np.ndarray, season: int) -> Statistics:
    return _constant(0.0, values, offsets), _mean(np.abs(values), offsets)


def _seasonal_naive(values: np.ndarray, offsets: np.ndarray, season: int) -> Statistics:
    shift, scale = _mean_abs(values, offsets, season)
    rounding = ROUNDING * scale
    for lag in (1, season):
        step = _mean(np.abs(_lagged(values, offsets, lag)), offsets)
        scale = np.where(step > rounding, step, scale)
    return shift, scale


def _lagged(values: np.ndarray, offsets: np.ndarray, lag: int) -> np.ndarray:
    """y_t - y_(t - lag), (N, C); NaN in the first `lag` rows of each series."""
    answer = np.full_like(values, np.nan)
    np.subtract(values[lag:], values[:-lag], out=answer[lag:])
    position = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
    answer[position < lag] = np.nan
    return answer


def _quantiles(
    values: np.ndarray, offsets: np.ndarray, levels: Sequence[float]
) -> list[np.ndarray]:
    """Linear quantiles of the known values of each series, one (S, C) a level."""
    series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    count = np.nan_to_num(_by_series(np.add, (~np.isnan(values)).astype(float), offsets))
    answers = [_constant(np.nan, values, offsets) for _ in levels]
    for c, channel in enumerate(values.T):
        ranked = channel[np.lexsort((channel, series))]  # NaN last in each series
        known = np.flatnonzero(count[:, c])
        for answer, level in zip(answers, levels, strict=True):
            place = level * (count[known, c] - 1)
            below = np.floor(place).astype(np.int64)
            left = ranked[offsets[known] + below]
            right = ranked[offsets[known] + np.ceil(place).astype(np.int64)]
            answer[known, c] = left + (place - below) * (right - left)
    return answers


STATISTICS: dict[str, Callable[[np.ndarray, np.ndarray, int], Statistics]] = {
    "standard": _standard,
    "robust": _robust,
    "minmax": _minmax,
    "mean_abs": _mean_abs,
    "seasonal_naive": _seasonal_naive,
}


# --- scikit-learn transformers --------------------------------------------------------------------


def _read_off(transformer: Any, values: np.ndarray, offsets: np.ndarray) -> Statistics:
    """Shift and scale of a scikit-learn transformer, fitted to each series and channel.

    Complete series of one length are fitted in one go, as columns.
    """
    shift, scale = _constant(np.nan, values, offsets), _constant(np.nan, values, offsets)
    complete = _by_series(np.add, np.isnan(values).astype(float), offsets).sum(axis=1) == 0
    lengths = np.diff(offsets)
    for length in np.unique(lengths[complete]):
        at = np.flatnonzero(complete & (lengths == length))
        block = values[offsets[at][:, None] + np.arange(length)]  # (A, L, C)
        columns = block.transpose(1, 0, 2).reshape(length, -1)  # (L, A * C)
        line = _line(transformer, columns)
        shift[at], scale[at] = (part.reshape(len(at), -1) for part in line)
    for s in np.flatnonzero(~complete):
        for c in range(values.shape[1]):
            known = values[offsets[s] : offsets[s + 1], c]
            known = known[~np.isnan(known)]
            if known.size:
                shift[s, c], scale[s, c] = (
                    part.item() for part in _line(transformer, known[:, None])
                )
    return shift, scale


def _line(transformer: Any, columns: np.ndarray) -> Statistics:
    """Shift and scale of each column of (L, K), read off two points and checked on three more."""
    fitted = clone(transformer).fit(columns)
    low, high = columns.min(axis=0), columns.max(axis=0)
    high = np.where(high > low, high, low + 1.0)
    span = high - low
    points = np.stack([low, high, (low + high) / 2, low - span, high + span])  # (5, K)
    images = np.asarray(fitted.transform(points), np.float64)
    if images.shape == points.shape:
        scale = span / (images[1] - images[0])
        shift = low - images[0] * scale
        gap = np.abs(images - (points - shift) / scale)
        if (gap <= 1e-6 * (1.0 + np.abs(images).max(axis=0))).all():
            return shift, scale
    raise ValueError(
        fault(
            "scaler",
            "a transformer that maps each column by a straight line",
            type(transformer).__name__,
            "Examples: StandardScaler, RobustScaler, MinMaxScaler, MaxAbsScaler.",
        )
    )


# --- the transformer ------------------------------------------------------------------------------


class Scaler(TransformerMixin, BaseEstimator):
    """Scales every series of a frame or array by itself; a scikit-learn transformer.

    `X` is a long frame (the target columns are scaled id by id, all others stay), a wide frame, a
    Series, or an array (T,) or (T, C), scaled column by column. The answer has the kind, columns
    and row order of `X`. In a long frame, ids that `fit` has not seen get the statistics of all
    training rows together. Methods: see `affine_statistics`.

    Fitted: `ids_` (S,), `shift_` and `scale_` (S, C), `pooled_` ((C,), (C,)) for unknown ids.

    >>> Scaler("minmax").fit_transform(np.array([[1.0], [2.0], [3.0]])).ravel().tolist()
    [0.0, 0.5, 1.0]
    """

    def __init__(
        self, method: Any = "standard", *, season_length: int = 1, target: str | list[str] = "y"
    ):
        self.method = method
        self.season_length = season_length
        self.target = target

    def fit(self, X: Any, y: Any = None) -> Scaler:
        """Learn shift and scale of every series in `X`."""
        keys = read_keys(X, self.target)
        values = read_values(X, keys, target_columns(self.target))
        season = self.season_length
        self.ids_ = keys.ids
        self.shift_, self.scale_ = affine_statistics(
            self.method, values, keys.offsets, season_length=season
        )
        everything = np.array([0, len(values)])
        shift, scale = affine_statistics(self.method, values, everything, season_length=season)
        self.pooled_ = (shift[0], scale[0])
        return self

    def transform(self, X: Any) -> Any:
        """(y - shift) / scale, in the kind and order of `X`."""
        return self._mapped(X, lambda values, shift, scale: (values - shift) / scale)

    def inverse_transform(self, X: Any) -> Any:
        """y * scale + shift, in the kind and order of `X`."""
        return self._mapped(X, lambda values, shift, scale: values * scale + shift)

    def _mapped(self, X: Any, line: Callable[..., np.ndarray]) -> Any:
        check_is_fitted(self)
        keys = read_keys(X, self.target)
        columns = target_columns(self.target)
        values = read_values(X, keys, columns)
        at = pd.Index(self.ids_).get_indexer(pd.Index(keys.ids))
        if keys.style.layout == "wide" and (at < 0).any():
            rule = f"one whose columns were seen in fit ({len(self.ids_)} of them)"
            raise ValueError(fault("X", rule, keys.ids[at < 0][:5].tolist()))
        shift, scale = (
            np.where((at < 0)[:, None], pooled, own[at])
            for own, pooled in zip((self.shift_, self.scale_), self.pooled_, strict=True)
        )
        lengths = np.diff(keys.offsets)
        mapped = line(values, np.repeat(shift, lengths, axis=0), np.repeat(scale, lengths, axis=0))
        return _written(X, keys, columns, mapped)


def _written(X: Any, keys: Keys, columns: tuple[str, ...], values: np.ndarray) -> Any:
    """`X` with the numbers `values` (N, C), which are in the order of `keys`."""
    if keys.style.layout == "wide":
        table = np.empty((len(keys.rows) // len(keys.ids), len(keys.ids)))
        table[keys.rows[: len(table)]] = values.reshape(len(keys.ids), -1).T
        columns = tuple(keys.ids)
    else:
        table = np.empty_like(values)
        table[keys.rows] = values
    if isinstance(X, pd.Series):
        return pd.Series(table[:, 0], index=X.index, name=X.name)
    if isinstance(X, pd.DataFrame):
        return _assigned(X, columns, table)
    if isinstance(X, np.ndarray | list | tuple):
        return table[:, 0] if np.ndim(X) == 1 else table
    frame = nw.from_native(X, eager_only=True, allow_series=True)
    if isinstance(frame, nw.Series):
        return nw.new_series(frame.name, table[:, 0], backend=keys.style.kind).to_native()
    new = [
        nw.new_series(name, column, backend=keys.style.kind)
        for name, column in zip(columns, table.T, strict=True)
    ]
    return frame.with_columns(*new).to_native()


def _assigned(X: pd.DataFrame, columns: tuple[Any, ...], table: np.ndarray) -> pd.DataFrame:
    answer = X.copy()
    for name, column in zip(columns, table.T, strict=True):
        answer[name] = column
    return answer
