"""Frame in, forecast frame out: what `Forecaster` and the baselines share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_int, check_option, fault
from tsmodels.data import frequency
from tsmodels.data.answers import forecast_frame
from tsmodels.data.frame import make_panel, target_columns
from tsmodels.data.future import with_coming
from tsmodels.data.joining import joined, refuse_other_pace, refuse_sparser
from tsmodels.data.panel import Panel, treat_missing
from tsmodels.data.targets import apart, together
from tsmodels.data.weights import weighted
from tsmodels.data.windows import spread
from tsmodels.estimators.lifecycle import Saved, all_or_nothing
from tsmodels.intervals import PointErrors, Predictive, check_level, columns, nested_intervals

CALIBRATION = 1000  # windows whose errors intervals are made of; more would hardly move them


@dataclass(frozen=True)
class Holdout:
    """The last horizon of S series beside its forecast, and what errors are measured in.

    `y` and `yhat` are (S, H); `scale` and `scale_squared` (S,) are the mean absolute and the mean
    squared error of the seasonal naive forecast in the rows before (MASE, RMSSE).
    """

    y: np.ndarray
    yhat: np.ndarray
    scale: np.ndarray
    scale_squared: np.ndarray


class Forecasts(NamedTuple):
    """Points (N, H) in the units of the data, which are a fallback (N,), and their spread."""

    yhat: np.ndarray
    fallback: np.ndarray
    predictive: Predictive


@dataclass(kw_only=True, eq=False, repr=False)
class HorizonEstimator(Saved, BaseEstimator):
    """An estimator that forecasts the next `horizon` steps of every series it is shown.

    A subclass says what it learns (`_learn`) and how it forecasts from many cutoffs at once
    (`forecast_at`); frames, time stamps and scores are done here.
    """

    horizon: int = 1
    season_length: int | None = None
    freq: str | None = None
    target: str | Sequence[str] = "y"
    missing: str = "mask"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learns from every series of `X`.

        `X` is a long frame (`unique_id`, `ds`, target), a wide frame (time index, a column a
        series), a Series with a time index, or an array (T,) or (T, series); pandas, polars or
        pyarrow. Raises ValueError or TypeError for data or parameters that cannot be used, before
        anything is trained.
        """
        return self._fit(X, y)

    def _fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self._check_parameters()
        if y is not None:
            way_out = "The target is a column of X."
            raise ValueError(fault("y", "None", type(y).__name__, way_out))
        panel = self.to_panel(X)
        if sample_weight is not None:
            panel = weighted(panel, sample_weight, len(X))
        missing = _missing_counts(panel)
        with all_or_nothing(self):
            self.horizon_ = int(self.horizon)
            self.season_length_ = self._season_length(panel)
            self.missing_, self.span_ = missing, _span(panel)
            self._learn(panel)
            self._calibrate(panel)
            self.context_ = apart(together(panel).recent(self._memory()))
        return self

    def predict(
        self,
        X: Any = None,
        *,
        horizon: int | None = None,
        future: Any = None,
        level: Any = None,
    ) -> Any:
        """The next `horizon` steps as a frame `unique_id`, `ds`, `yhat`, one row a series and step.

        Without `X` the forecast starts after the last row seen in `fit`; with `X` after the end of
        each series in `X`, known or not. A shorter horizon than the fitted one is a slice, a longer
        one feeds forecasts back as history. Series too short to forecast get a seasonal naive
        forecast and are marked in a column `fallback`, which is there only if it has to be. With
        several targets each has its rows, and a column `target` after `ds` names it.

        `future` is a frame of what is known ahead, for the fitted horizon at least: `unique_id`,
        `ds` and the future covariates; see `Forecaster.make_future_frame`.

        `level` asks for intervals: 80 or [80, 95], in percent of truths that they are to hold, as
        columns `yhat-lo-80`, `yhat-hi-80` and so on. They come from quantiles or a distribution
        where the loss is one, else from errors on rows held out. They end with the fitted horizon.
        """
        check_is_fitted(self, "context_")
        steps = self.horizon_ if horizon is None else check_int("horizon", horizon)
        panel = self._shown(X, future, steps)
        series = np.arange(panel.n_series)
        where = (panel, panel.offsets[1:], series, steps)
        if level is None:
            yhat, fallback = self.forecast_at(*where)
            intervals: dict[str, np.ndarray] = {}
        else:
            levels = check_level(level)
            self._check_reach(steps)
            yhat, fallback, predictive = self.predictive_at(*where)
            intervals = interval_columns(predictive, levels)
        return answer_frame(panel, yhat, fallback, intervals)

    def update(self, X: Any) -> Self:
        """Takes new rows to forecast from; nothing is learned from them.

        `X` is a frame as `fit` takes it, with rows after those seen, or with corrections of them:
        of the same id and stamp the new row counts. New ids are forecast too.
        """
        self.context_ = apart(together(self._extended_by(X)).recent(self._memory()))
        return self

    def _extended_by(self, X: Any, sample_weight: Any = None) -> Panel:
        """What `fit` has kept, and the rows of `X`, with weights; earlier rows count 1."""
        check_is_fitted(self, "context_")
        context = together(self.context_)
        freqs = context.calendar.freqs
        new = self._read(X, self.freq or (freqs[0] if len(freqs) == 1 else None))
        if self.freq is None:
            refuse_sparser(new, freqs)
        if sample_weight is not None:
            new = weighted(new, sample_weight, len(X))
        missing = "error" if self.missing == "error" else "mask"
        return apart(treat_missing(joined(context, together(new)), missing))

    def simulate(
        self,
        n_paths: int = 100,
        X: Any = None,
        *,
        horizon: int | None = None,
        future: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Possible futures as a frame `unique_id`, `ds`, `path`, `yhat`: `n_paths` for each series.

        The steps of a path go together as the errors of forecasts have done, so that sums, extremes
        and first passages over the horizon can be read off the paths. They are drawn independently
        from series to series.
        """
        check_is_fitted(self, "context_")
        check_int("n_paths", n_paths)
        steps = self.horizon_ if horizon is None else check_int("horizon", horizon)
        self._check_reach(steps)
        panel = self._shown(X, future, steps)
        series = np.arange(panel.n_series)
        forecasts = self.predictive_at(panel, panel.offsets[1:], series, steps)
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
        paths = forecasts.predictive.paths(n_paths, rng).swapaxes(0, 1)  # (N, n_paths, H)
        table = {
            "path": np.tile(np.repeat(np.arange(n_paths), steps), len(series)),
            "yhat": paths.ravel(),
        }
        ds = np.repeat(panel.future(steps), n_paths, axis=0).ravel()
        return forecast_frame(panel, np.repeat(series, n_paths * steps), ds, table)

    def impute(self, X: Any) -> Any:
        """`X` without gaps: `unique_id`, `ds`, the target, and `imputed`, which rows were filled.

        A gap between two values of a series, be it rows without a value or no rows at all, is
        forecast from before it, with all that is known of its rows; then the forecast is bent so as
        to meet the value behind the gap. How far the bend reaches back is read off errors of the
        rows held out in `fit`: as far as they have gone together (the best linear estimate given
        the error behind the gap). Where none are known, or a gap is not shorter than the fitted
        horizon, it is a straight line. Values that are known stay bit for bit; what lacks a value
        before the first and after the last one stays missing. With several targets each has its
        rows, and a column `target` names it.

        >>> from tsmodels import SeasonalNaive
        >>> days = np.tile(np.arange(4.0), 6)
        >>> model = SeasonalNaive(horizon=4, season_length=4).fit(days)
        >>> days[9:11] = np.nan
        >>> model.impute(days).y[8:12].tolist()
        [0.0, 1.0, 2.0, 3.0]
        """
        from tsmodels.estimators.imputing import imputed

        check_is_fitted(self, "context_")
        panel = self.to_panel_like_fit(X)
        values, filled = imputed(self, panel)
        name = "y" if panel.targets else self.target_name
        codes = np.repeat(np.arange(panel.n_series), panel.lengths)
        return forecast_frame(panel, codes, panel.ds, {name: values, "imputed": filled})

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the MASE of the last `horizon` rows of each series, forecast from those before.

        The mean over series; series of too few rows are left out. Raises ValueError
        if none is left.
        """
        held = self.holdout(X)
        known = np.isfinite(held.y)
        errors = np.where(known, np.abs(held.y - held.yhat), 0.0).sum(axis=1)
        return -float(np.mean(errors / known.sum(axis=1) / held.scale))

    def holdout(self, X: Any) -> Holdout:
        """Forecasts the last `horizon` rows of each series of `X` from the rows before them."""
        check_is_fitted(self, "context_")
        panel = self.to_panel_like_fit(X)
        first, cutoffs = panel.offsets[:-1], panel.offsets[1:] - self.horizon_
        ahead = cutoffs[:, None] + np.arange(self.horizon_)
        known = np.isfinite(panel.values[np.maximum(ahead, 0), 0]).any(axis=1)
        (series,) = np.nonzero((cutoffs - first >= 2) & known)
        if not len(series):
            rule = f"at least one series with more than horizon + 1 = {self.horizon_ + 1} rows"
            raise ValueError(fault("X", rule, f"at most {panel.lengths.max(initial=0)} rows"))
        yhat, _ = self.forecast_at(panel, cutoffs[series], series, self.horizon_)
        y = panel.values[ahead[series], 0]
        before = panel.head(panel.lengths - self.horizon_).take(series)
        return Holdout(y, yhat, *naive_scales(before, self.season_length_))

    def plot(
        self,
        X: Any = None,
        *,
        horizon: int | None = None,
        future: Any = None,
        level: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Matplotlib axes: history, forecast, intervals; see `tsmodels.plotting.plot_forecast`.

        Of several targets each has its own.
        """
        from tsmodels.plotting import plot_forecast

        panel = self.context_ if X is None else self.to_panel_like_fit(X)
        codes = np.repeat(np.arange(panel.n_series), panel.lengths)
        name = "y" if panel.targets else self.target_name
        history = forecast_frame(panel, codes, panel.ds, {name: panel.values[:, 0]})
        forecast = self.predict(X, horizon=horizon, future=future, level=level)
        return plot_forecast(history, forecast, target=name, **kwargs)

    @property
    def target_name(self) -> str:
        """What is forecast, in words."""
        return ", ".join(target_columns(self.target))

    def _check_parameters(self) -> None:
        check_int("horizon", self.horizon)
        check_option("missing", self.missing, ["mask", "interpolate", "error"])
        if self.season_length is not None:
            check_int("season_length", self.season_length)

    def to_panel(self, X: Any) -> Panel:
        """`X` as the estimator reads it; missing values stay missing until a cutoff is known."""
        return self._read(X, self.freq)

    def to_panel_like_fit(self, X: Any) -> Panel:
        """The same of a fitted estimator; `X` of another frequency than it has seen is refused."""
        panel = self.to_panel(X)
        if panel is not X and self.freq is None:
            refuse_other_pace(panel, self.context_.calendar.freqs)
        return panel

    def _read(self, X: Any, freq: str | None) -> Panel:
        missing = "error" if self.missing == "error" else "mask"
        return apart(make_panel(X, target=self.target, freq=freq, missing=missing))

    def _shown(self, X: Any, future: Any, horizon: int) -> Panel:
        """What to forecast from: `X`, or what `fit` has kept, and what is known of the horizon."""
        panel = self.context_ if X is None else self.to_panel_like_fit(X)
        if future is None:
            return panel
        if not panel.calendar.irregular:
            rule = "None where there are no future covariates and a frequency says the stamps"
            raise ValueError(fault("future", rule, type(future).__name__))
        return apart(with_coming(together(panel), future, horizon, target=self.target))

    def _season_length(self, panel: Panel) -> int:
        if self.season_length is not None:
            return int(self.season_length)
        freqs = panel.calendar.freqs
        lengths = {frequency.season_length(freq) for freq in freqs}
        if len(lengths) > 1:
            raise ValueError(
                f"X must be series of one frequency, or of one season. Got:\n{_freq_table(panel)}\n"
                "Give season_length, or fit the frequencies apart."
            )
        return lengths.pop()

    def _check_reach(self, horizon: int) -> None:
        if horizon > self.horizon_:
            rule = (
                f"at most {self.horizon_}, the fitted one, where intervals or paths are asked for"
            )
            way_out = "How errors grow beyond it was never seen: fit a longer horizon."
            raise ValueError(fault("horizon", rule, horizon, way_out))

    def _held_out(self, panel: Panel) -> np.ndarray:
        """How many of the last rows of each series points do not depend on, (S,)."""
        return np.zeros(panel.n_series, dtype=int)

    def _calibrate(self, panel: Panel) -> None:
        """Keeps the errors of forecasts from cutoffs inside `panel`, in naive errors: (n, H).

        Honest where `_learn` learns nothing of the rows after a cutoff; an estimator that does
        keeps the errors of rows that it held out instead, or is put into a `Conformal`.
        """
        season = min(self.season_length_ + 1, int(panel.lengths.max()))
        self._keep_errors(panel, panel.offsets[:-1] + season)

    def _keep_errors(self, panel: Panel, first: np.ndarray) -> None:
        """Keeps the errors of forecasts from rows `first` (S,) on, at most 1,000."""
        self.places_ = {id: place for place, id in enumerate(panel.ids.tolist())}
        self.spread_, _ = naive_scales(panel, self.season_length_)
        cutoffs, series = spread(first, panel.offsets[1:] - self.horizon_)
        chosen = evenly(len(cutoffs), CALIBRATION)
        cutoffs, series = cutoffs[chosen], series[chosen]
        if not len(cutoffs):
            self.errors_ = np.empty((0, self.horizon_), dtype=np.float32)
            return
        yhat, _ = self.forecast_at(panel, cutoffs, series, self.horizon_)
        y = panel.values[cutoffs[:, None] + np.arange(self.horizon_), 0]
        self.errors_ = ((y - yhat) / self.spread_[series, None]).astype(np.float32)

    def _spread(self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray) -> np.ndarray:
        """What errors are measured in, (N,): naive errors as of `fit`, or before the cutoff."""
        places = np.array([self.places_.get(id, -1) for id in panel.ids.tolist()], dtype=int)
        sizes = self.spread_[places]
        (new,) = np.nonzero(places < 0)
        if len(new):
            before = panel.head(first_cutoffs(panel, cutoffs, series) - panel.offsets[:-1])
            sizes[new] = naive_scales(before.take(new), self.season_length_)[0]
        return sizes[series]

    def _memory(self) -> int:
        """How many of the last rows `predict()` needs, up to the last value."""
        raise NotImplementedError

    def _learn(self, panel: Panel) -> None:
        raise NotImplementedError

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Forecasts (N, horizon) in the units of the data, and which are a fallback (N,).

        Forecast i sees the rows of `series[i]` before row `cutoffs[i]` and no other.
        """
        raise NotImplementedError

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        """`forecast_at` with all that is believed of each forecast; sees no other row either."""
        yhat, fallback = self.forecast_at(panel, cutoffs, series, horizon)
        size = self._spread(panel, cutoffs, series)
        return Forecasts(yhat, fallback, PointErrors(yhat, self.errors_, size))


def answer_frame(
    panel: Panel, yhat: np.ndarray, fallback: np.ndarray, intervals: dict[str, np.ndarray]
) -> Any:
    """What `predict` answers with: forecasts (S, H) of the steps after each series of a panel."""
    steps = yhat.shape[1]
    table = {"yhat": yhat.ravel(), **intervals}
    if fallback.any():
        table["fallback"] = np.repeat(fallback, steps)
    codes = np.repeat(np.arange(panel.n_series), steps)
    return forecast_frame(panel, codes, panel.future(steps).ravel(), table)


def interval_columns(predictive: Predictive, levels: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The columns of intervals, flat (N * H,), from the narrowest to the widest level."""
    table: dict[str, np.ndarray] = {}
    for level, ends in nested_intervals(predictive, levels).items():
        table.update(zip(columns(level), (end.ravel() for end in ends), strict=True))
    return table


def first_cutoffs(panel: Panel, cutoffs: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The first cutoff row of every series of the panel; its end for one without a window."""
    firsts = panel.offsets[1:].copy()
    np.minimum.at(firsts, series, cutoffs)
    return firsts


def evenly(n: int, most: int) -> np.ndarray:
    """At most `most` of the places 0 ... n - 1, evenly spread.

    >>> evenly(5, 3).tolist()
    [0, 2, 4]
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(int)


def _freq_table(panel: Panel, limit: int = 3) -> str:
    """A line a frequency: its name, how many series have it, and the first of them."""
    lines = []
    for code, freq in enumerate(panel.calendar.freqs):
        ids = panel.ids[panel.calendar.codes == code].tolist()
        some = ", ".join(map(repr, ids[:limit])) + (", ..." if len(ids) > limit else "")
        lines.append(f"  {freq!r}: {len(ids)} series ({some})")
    return "\n".join(lines)


def _missing_counts(panel: Panel) -> dict[Any, int]:
    """How many rows of each series have no value, where any has none."""
    holes = np.isnan(panel.values).any(axis=1).astype(int)
    if holes.all():
        got = f"{panel.n_series} series without a value"
        raise ValueError(fault("target", "known in some row", got))
    counts = np.add.reduceat(holes, panel.offsets[:-1])
    return {panel.ids.tolist()[s]: int(counts[s]) for s in np.flatnonzero(counts)}


def _span(panel: Panel) -> dict[str, Any]:
    """How many series and rows there are, and their first and last stamp as text."""
    stamps = panel.ds.astype("M8[s]") if panel.ds.dtype.kind == "M" else panel.ds
    ends = {"first": str(stamps.min()), "last": str(stamps.max())}
    return {"series": panel.n_series, "rows": len(stamps), **ends}


def naive_scales(panel: Panel, season_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and mean squared seasonal naive error of every series, (S,) each.

    Series without a whole season are measured by their steps. A scale is never zero: a series that
    never changes is measured in hundredths of its size, a series of zeros in ones.
    """
    y, codes = panel.values[:, 0], np.repeat(np.arange(panel.n_series), panel.lengths)
    size = _mean_by(codes, np.abs(y), panel.n_series)
    constant = np.where(size > 0, 0.01 * size, 1.0)
    seasonal, steps = (_lagged(y, codes, lag) for lag in (season_length, 1))
    scales = []
    for power in (1, 2):
        scale = _mean_by(codes, np.abs(seasonal) ** power, panel.n_series)
        scale = np.where(np.isfinite(scale), scale, _mean_by(codes, steps**power, panel.n_series))
        changes = scale > (1e-12 * size) ** power
        scales.append(np.where(changes, scale, constant**power))
    return scales[0], scales[1]


def _lagged(y: np.ndarray, codes: np.ndarray, lag: int) -> np.ndarray:
    """|y[t] - y[t - lag]| within each series; NaN where there is no such pair."""
    differences = np.full(len(y), np.nan)
    if lag < len(y):
        same = codes[lag:] == codes[:-lag]
        differences[lag:] = np.where(same, np.abs(y[lag:] - y[:-lag]), np.nan)
    return differences


def _mean_by(codes: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Mean of the finite values of every code, (n,); NaN for a code without any."""
    finite = np.isfinite(values)
    counts = np.bincount(codes[finite], minlength=n)
    sums = np.bincount(codes[finite], weights=values[finite], minlength=n)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
