"""Windows as start indices into one array: memory O(data), never O(data x lookback).

A window is a row number, its cutoff: the lookback is the rows before it, the target the `horizon`
rows from it on. Where a series is too short for a full lookback the window starts before the series
does: such rows repeat the first observed value and count as not observed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_int, fault
from tsmodels.data.frame import make_panel, read_keys, read_values


@dataclass(frozen=True)
class Batch:
    """Windows made dense: past (B, T, C), target (B, H, K), and what of them was observed.

    `observed` (B, T) is float32 ones and zeros, `weight` (B, H) how much each step counts; None if
    nothing is missing and all count alike. `future` (B, H, G) and `static` (B, S) are covariates,
    None where there are none.
    """

    past: np.ndarray
    target: np.ndarray
    observed: np.ndarray | None = None
    weight: np.ndarray | None = None
    future: np.ndarray | None = None
    static: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.past)

    def batch(self, index: Any, *, masked: bool = False) -> Batch:
        """The windows at `index`, in the manner of `Windows.batch`."""
        parts = (getattr(self, part.name) for part in fields(self))
        return Batch(*(None if part is None else part[index] for part in parts))  # type: ignore


@dataclass(frozen=True)
class Windows:
    """N windows over the rows of a panel.

    `values` (rows, C) holds no NaN (see `fill`), the first `targets` channels are the targets and
    the last `known` ones covariates known ahead; `static` (series, S) are those of each series.
    `observed` (rows,) says which rows were, or is None when all were. Window i looks at the rows
    `cutoffs[i] - lookback` to `cutoffs[i] - 1` and is asked for `cutoffs[i]` to
    `cutoffs[i] + horizon - 1`; rows before `firsts[i]`, the beginning of its series, are padding.
    Where missing values are `interpolated` they count as observed in the past, but a line towards a
    value from the cutoff on is not drawn: the last value before stands for it. What a window counts
    at a step is its row's share of `weights` (rows,) times the step's of `step_weights` (horizon,).
    """

    values: np.ndarray
    observed: np.ndarray | None
    cutoffs: np.ndarray
    firsts: np.ndarray
    series: np.ndarray
    lookback: int
    horizon: int
    targets: int = 1
    interpolated: bool = False
    known: int = 0
    static: np.ndarray | None = None
    weights: np.ndarray | None = None
    step_weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.cutoffs)

    @classmethod
    def of(cls, batch: Batch) -> Windows:
        """The windows of a dense batch, its lookbacks laid out one after the other."""
        n, lookback, channels = batch.past.shape
        future = np.zeros((n, 0, 0)) if batch.future is None else batch.future  # (B, H, G)
        horizon, known = future.shape[1:]
        rows = np.zeros((n, lookback + horizon, channels), batch.past.dtype)
        rows[:, :lookback] = batch.past
        rows[:, lookback:, channels - known :] = future
        observed = np.ones(rows.shape[:2], bool)
        if batch.observed is not None:
            observed[:, :lookback] = batch.observed > 0
        firsts = np.arange(n) * (lookback + horizon)
        return cls(
            values=rows.reshape(-1, channels),
            observed=None if batch.observed is None else observed.ravel(),
            cutoffs=firsts + lookback,
            firsts=firsts,
            series=np.arange(n),
            lookback=lookback,
            horizon=horizon,
            known=known,
            static=batch.static,
        )

    def take(self, index: Any) -> Self:
        """The windows at `index`, over the same rows."""
        chosen = {name: getattr(self, name)[index] for name in ("cutoffs", "firsts", "series")}
        return replace(self, **chosen)

    @property
    def padded(self) -> np.ndarray:
        """Which windows start before their series does, (N,) bool."""
        return self.cutoffs - self.lookback < self.firsts

    @property
    def past(self) -> np.ndarray:
        """All lookbacks as one array (N, T, C)."""
        return self.batch(slice(None)).past

    @property
    def future(self) -> np.ndarray:
        """All targets as one array (N, H, K)."""
        return self.batch(slice(None)).target

    def batch(self, index: Any, *, masked: bool = False) -> Batch:
        """The windows at `index` made dense; `masked` asks for `observed` even if all was."""
        cutoffs, firsts = self.cutoffs[index, None], self.firsts[index, None]
        back = cutoffs + np.arange(-self.lookback, 0)  # (B, T)
        ahead = cutoffs + np.arange(self.horizon)  # (B, H)
        inside = np.maximum(back, firsts)
        if self.interpolated and self.observed is not None:
            inside = np.minimum(inside, np.maximum(self.held[cutoffs - 1], firsts))
        past = self.values[inside]  # (B, T, C)
        target = self.values[ahead, : self.targets]  # (B, H, K)
        return Batch(
            past,
            target,
            observed=self._observed(back >= firsts, inside, masked),
            weight=self._weight(ahead),
            future=self.take(index).ahead(0),
            static=None if self.static is None else self.static[self.series[index]],
        )

    def _observed(self, real: np.ndarray, inside: np.ndarray, masked: bool) -> np.ndarray | None:
        """What was observed of the rows `inside`, of which some are `real`; None if that is all."""
        gaps = self.observed is not None and not self.interpolated
        if gaps:
            real = real & self.observed[inside]  # type: ignore[index]
        everything = self.interpolated if self.observed is not None else bool(real.all())
        return real.astype(np.float32) if masked or gaps or not everything else None

    def _weight(self, ahead: np.ndarray) -> np.ndarray | None:
        """How much each step counts, (B, H); None if all count alike."""
        parts = [
            None if rows is None else rows[ahead].astype(np.float32)
            for rows in (self.observed, self.weights)
        ]
        if self.step_weights is not None:
            parts.append(np.broadcast_to(np.float32(self.step_weights), ahead.shape))
        given = [part for part in parts if part is not None]
        return functools.reduce(np.multiply, given) if given else None

    def ahead(self, steps: int) -> np.ndarray | None:
        """What is known of the `horizon` steps that begin `steps` after each cutoff, (N, H, G)."""
        if not self.known:
            return None
        return self.values[self.cutoffs[:, None] + steps + np.arange(self.horizon), -self.known :]

    @functools.cached_property
    def held(self) -> np.ndarray:
        """The last observed row up to each row, (rows,)."""
        assert self.observed is not None
        return last_observed(self.observed)


def make_windows(
    X: Any, lookback: int, horizon: int = 1, *, stride: int = 1, target: str = "y"
) -> Windows:
    """All full windows of every series, `stride` rows apart, counted back from each series' end.

    `X` is anything `Forecaster.fit` takes; values are neither scaled nor changed, missing ones are
    filled forward (a series without any is zeros). Raises ValueError if no series has lookback +
    horizon rows.

    >>> import numpy as np
    >>> windows = make_windows(np.arange(6.0), lookback=3, horizon=2)
    >>> windows.past[:, :, 0]
    array([[0., 1., 2.],
           [1., 2., 3.]], dtype=float32)
    >>> windows.future[:, :, 0]
    array([[3., 4.],
           [4., 5.]], dtype=float32)
    """
    check_int("lookback", lookback)
    check_int("horizon", horizon)
    check_int("stride", stride)
    panel = make_panel(X, target=target)
    check_lookback(lookback, horizon, panel.lengths)
    first, stop = panel.offsets[:-1], panel.offsets[1:]
    cutoffs, series = spread(first + lookback, stop - horizon, stride)
    values, observed = fill(panel.values, panel.offsets)
    rows = np.nan_to_num(values).astype(np.float32)  # a series without any value is zeros
    return Windows(rows, observed, cutoffs, first[series], series, lookback, horizon)


def check_lookback(lookback: int, horizon: int, lengths: np.ndarray) -> None:
    """Raises ValueError unless some series has lookback + horizon rows."""
    longest = int(lengths.max(initial=0))
    if longest >= lookback + horizon:
        return
    if longest <= horizon:
        rule = f"shorter than the longest series ({longest} rows)"
        raise ValueError(fault("horizon", rule, horizon, "Forecast fewer steps or add history."))
    largest = longest - horizon
    rule = f"at most {largest} (the longest series, {longest} rows, minus horizon {horizon})"
    raise ValueError(fault("lookback", rule, lookback, f"Use lookback={largest} or less."))


def spread(low: np.ndarray, high: np.ndarray, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The numbers low[s] ... high[s] of every series s, `stride` apart, counted back from high[s].

    Returns the numbers (N,), ascending within a series, and the series (N,) each belongs to.

    >>> import numpy as np
    >>> spread(np.array([0, 7]), np.array([4, 6]), stride=2)
    (array([0, 2, 4]), array([0, 0, 0]))
    """
    counts = np.maximum((high - low) // stride + 1, 0)
    series = np.repeat(np.arange(len(low)), counts)
    ends = np.cumsum(counts)
    back = np.repeat(ends, counts) - 1 - np.arange(counts.sum())  # to 0 within a series
    return np.repeat(high, counts) - back * stride, series


def fill(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Missing values (rows, C) replaced by the last observed of the series; NaN stay before it.

    Returns the filled values and which rows were wholly observed (rows,), None if all were.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values, None
    filled = values.copy()
    for channel in np.flatnonzero(missing.any(axis=0)):
        filled[:, channel] = _fill_channel(values[:, channel], missing[:, channel], offsets)
    return filled, ~missing.any(axis=1)


def _fill_channel(y: np.ndarray, missing: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    starts = np.repeat(offsets[:-1], np.diff(offsets))
    latest = last_observed(~missing)
    return np.where(latest >= starts, y[latest], np.nan)


def last_observed(observed: np.ndarray) -> np.ndarray:
    """The last observed row up to each row, (rows,); -1 before the first."""
    return np.maximum.accumulate(np.where(observed, np.arange(len(observed)), -1))


def any_observed(observed: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whether any of the rows low[i] to high[i] - 1 was observed, (N,) bool."""
    counts = np.concatenate([[0], np.cumsum(observed)])
    return counts[high] > counts[low]


class WindowTransformer(TransformerMixin, BaseEstimator):
    """Each row becomes the last `lookback` rows of its series, its own included.

    A scikit-learn transformer: `transform` answers with as many rows as it was given, in their
    order, as an array (N, lookback * C), or (N, lookback, C) with `flatten=False`. A long frame has
    one series an id; a matrix or wide frame is one series with C channels. Rows near the beginning
    of a series repeat its first row; missing values repeat the last before them. To forecast, let
    `y` be the future of each row.

    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from tsmodels import Scaler
    >>> x = np.sin(np.arange(200.0))
    >>> model = make_pipeline(Scaler(), WindowTransformer(12), Ridge(alpha=1e-6))
    >>> model = model.fit(x[:-1], x[1:])  # one step ahead
    >>> bool(abs(model.predict(x[:-1])[-1] - x[-1]) < 0.01)
    True
    """

    def __init__(self, lookback: int = 1, *, flatten: bool = True, target: str = "y") -> None:
        self.lookback = lookback
        self.flatten = flatten
        self.target = target

    def fit(self, X: Any, y: Any = None) -> Self:
        """Checks the parameters and notes the number of channels."""
        check_int("lookback", self.lookback)
        self.n_channels_ = _in_time_order(X, self.target)[0].shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Windows (N, lookback * C) in the order of the rows of `X`."""
        check_is_fitted(self)
        values, firsts, places = _in_time_order(X, self.target)
        if values.shape[1] != self.n_channels_:
            rule = f"data with the {self.n_channels_} channels seen in fit"
            raise ValueError(fault("X", rule, f"{values.shape[1]} channels"))
        back = np.arange(len(values))[:, None] + np.arange(1 - self.lookback, 1)  # (N, T)
        windows = np.empty((len(values), self.lookback, values.shape[1]))
        windows[places] = values[np.maximum(back, firsts[:, None])]
        return windows.reshape(len(values), -1) if self.flatten else windows


def _in_time_order(X: Any, target: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (N, C) in time order, the first row of each row's series, each row's place in X."""
    if "ds" not in getattr(X, "columns", ()):
        values = np.asarray(X, dtype=float)
        values, _ = fill(values.reshape(len(values), -1), np.array([0, len(values)]))
        return values, np.zeros(len(values), dtype=int), np.arange(len(values))
    keys = read_keys(X, target)
    values, _ = fill(read_values(X, keys, [target]), keys.offsets)
    firsts: np.ndarray = np.repeat(keys.offsets[:-1], np.diff(keys.offsets))
    return values, firsts, keys.rows
