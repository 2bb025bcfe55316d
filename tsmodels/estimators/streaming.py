"""Forecasts row by row: what a network remembers of every series, and the row it stopped at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, fault
from tsmodels.data.frame import read_rows
from tsmodels.data.joining import joined
from tsmodels.data.panel import Panel, treat_missing
from tsmodels.data.targets import apart, together
from tsmodels.data.windows import fill
from tsmodels.estimators.forecaster import Rows, each_target
from tsmodels.estimators.horizon import answer_frame, interval_columns
from tsmodels.estimators.lifecycle import Saved
from tsmodels.intervals import check_level
from tsmodels.networks.stepping import Stepping
from tsmodels.training.functions import compiled_function

LARGEST_BATCH = 1024


@dataclass(eq=False, repr=False)
class Stream(Saved, BaseEstimator):
    """A fitted forecaster that goes on row by row; `Forecaster.stream()` makes one.

    It answers as `predict` would with a lookback of all rows it was given: after a million as
    after ten, a row costs one step of the network, and nothing of the past is kept but the state
    and the last row of each id. Only causal networks without `revin` can do so. Scales, categories
    and the calendar are those of `fit`; ids are those that `fit` has seen.

    `save` writes forecaster and state to one file, and `tsmodels.load` goes on from there.

    Attributes
    ----------
    rows_ : array (S,)
        How many rows each id has given, absent ones in between included.
    tail_ : Panel
        The last row of each id, its missing values as the last ones known.
    state_ : dict of arrays (S, ...)
        What the network remembers of each id.
    memory_ : array (S, H, ...) or (S, D)
        The forecast of each id, scaled; or what one is made of, where more is known ahead.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsmodels import GRU, Forecaster
    >>> wave = pd.DataFrame({"ds": range(120), "y": np.sin(np.arange(120) * np.pi / 6)})
    >>> model = Forecaster(GRU(d_model=8, revin=None), horizon=2, lookback=24, max_steps=50)
    >>> stream = model.fit(wave[:100]).stream()
    >>> for row in range(100, 120):
    ...     forecast = stream.update(wave[row : row + 1]).predict()
    >>> forecast.ds.tolist()
    [120, 121]
    """

    forecaster: Any

    def fit(self, X: Any = None) -> Self:
        """Forgets all rows, and takes those of `X`, or else the last lookback of `fit`."""
        forecaster = self.forecaster
        check_is_fitted(forecaster, "context_")
        context = together(forecaster.context_)
        known = {name[0] if forecaster.context_.targets else name for name in forecaster.places_}
        ours = [s for s, name in enumerate(context.ids.tolist()) if name in known]
        context = context.take(ours)
        n, k = context.n_series, context.values.shape[1]
        self.tail_ = _last_rows(context)
        self.rows_ = np.zeros(n, np.int64)
        self.state_ = self._parts.initial_state(n)
        parts = self._parts
        shape = parts.head.inputs[-1].shape[2:] if self._asks else parts.model.output.shape[1:]
        self.memory_ = np.zeros((n, *shape), np.float32)
        self.recent_ = np.full((n, self._n_recent, k), np.nan)
        if X is not None:
            return self.update(X)
        skipped = np.maximum(context.lengths - forecaster.lookback_, forecaster._lost)
        self._take_in(np.arange(n), context, np.zeros(n, int), skipped)
        return self

    def update(self, X: Any) -> Self:
        """Takes the rows of a frame as `fit` takes it: any number, of any of the ids, in any order.

        The rows of an id must come after those it has given. Stamps left out in between are rows
        without a value, and these are what `missing` of the forecaster makes of them; where lines
        are drawn through them they are refused, for a line would change what was remembered. Raises
        ValueError and takes nothing where a row cannot be used.
        """
        check_is_fitted(self, "rows_")
        forecaster = self.forecaster
        keys, values, covariates = read_rows(X, forecaster.target, forecaster._roles())
        codes = self._codes("X", keys.ids.tolist())
        begun = self.rows_[codes] > 0
        new = replace(
            self.tail_.take(codes),
            offsets=keys.offsets,
            ds=keys.ds,
            values=values,
            rows=np.full(len(keys.rows), -1),
            covariates=covariates,
        )
        new = replace(new, calendar=replace(new.calendar, tz=keys.tz))
        old = self.tail_.take(codes[begun])
        panel = joined(old, new)
        if panel.offsets[-1] < len(old.ds) + len(new.ds) or not _begin_with(panel, old):
            self._refuse_earlier(new, codes)
        panel = self._without_holes(panel, int(begun.sum()))
        codes = np.concatenate([codes[begun], codes[~begun]])
        tails = (self.rows_[codes] > 0).astype(int)
        valued = ~np.isnan(panel.values[panel.offsets[:-1]]).all(axis=1)  # has a first value
        if not valued.all():
            panel, codes, tails = panel.take(np.flatnonzero(valued)), codes[valued], tails[valued]
        if len(codes):
            self._take_in(codes, panel, tails, np.where(tails > 0, 1, forecaster._lost))
        return self

    def predict(
        self,
        ids: Sequence[Any] | None = None,
        *,
        horizon: int | None = None,
        future: Any = None,
        level: Any = None,
    ) -> Any:
        """The steps after the last row of each id, or of some `ids`; else as `Forecaster.predict`.

        The horizon is at most the fitted one.
        """
        check_is_fitted(self, "rows_")
        forecaster = self.forecaster
        steps = forecaster.horizon_ if horizon is None else check_int("horizon", horizon)
        if steps > forecaster.horizon_:
            rule = f"at most {forecaster.horizon_}, the fitted one, in a stream"
            raise ValueError(fault("horizon", rule, steps, "Forecaster.predict goes farther."))
        levels = None if level is None else check_level(level)
        codes = self._begun(ids)
        panel = forecaster._shown(apart(self.tail_.take(codes)), future, steps)
        series = np.arange(panel.n_series)
        outputs = self._outputs(codes, panel)[:, :steps]
        units = forecaster._units(panel, panel.offsets[1:], series)
        points = forecaster.head_.points(outputs)
        yhat = units.restored(forecaster.transform_.total(points))
        short = np.repeat(self.rows_[codes] - forecaster._lost < forecaster._min_history, self._k)
        short |= ~np.isfinite(yhat).all(axis=1)
        if short.any():
            yhat[short] = self._fallback(codes, steps)[short]
        if levels is None:
            return answer_frame(panel, yhat, short, {})
        believed = forecaster._believed(yhat, short, units, None if outputs.ndim == 2 else outputs)
        return answer_frame(panel, yhat, short, interval_columns(believed.predictive, levels))

    def __getstate__(self) -> dict[str, Any]:
        """What to pickle, deep-copy and save: all but compiled functions."""
        state = dict(super().__getstate__())
        for name in ("_parts", "_step", "_answer", "_places"):
            state.pop(name, None)
        return state

    # --- the network ------------------------------------------------------------------------------

    @functools.cached_property
    def _parts(self) -> Stepping:
        arguments = dict(self.forecaster._blueprint().arguments)
        arguments.pop("frozen", None)
        parts = Stepping.of(**arguments)
        parts.model.set_weights(self.forecaster._current_weights())
        return parts

    @property
    def _asks(self) -> bool:
        """Whether forecasts have to wait for what is known of their horizon."""
        return bool(self.forecaster.channels_.n_known)

    @functools.cached_property
    def _step(self) -> Callable[..., Any]:
        parts, asks = self._parts, self._asks

        def step(inputs: Any, state: Any) -> tuple[Any, Any]:
            memory, after = parts.step(inputs, state)
            return memory if asks else parts.answer(inputs, memory), after

        return compiled_function(step, parts.model)

    @functools.cached_property
    def _answer(self) -> Callable[..., Any]:
        return compiled_function(self._parts.answer, self._parts.model)

    @property
    def _k(self) -> int:
        """K: how many targets an id has."""
        return self.tail_.values.shape[1]

    def _run(
        self, codes: np.ndarray, rows: Rows, firsts: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Memory and state of ids after `counts` (A,) rows from `firsts` (A,) on, step by step."""
        memory = self.memory_[codes]
        state = {key: value[codes] for key, value in self.state_.items()}
        for step in range(counts.max(initial=0)):
            (at,) = np.nonzero(counts > step)
            inputs = self._inputs(rows, firsts[at] + step, at)
            before = {key: value[at] for key, value in state.items()}
            memory[at], after = _batched(self._step, inputs, before)
            for key, value in after.items():
                state[key][at] = value
        return memory, state

    def _inputs(self, rows: Rows, at: np.ndarray, series: np.ndarray) -> dict[str, np.ndarray]:
        """The rows `at` (A,), which are of `series` (A,), as inputs of the model."""
        inputs = {"past": rows.values[at, None]}  # (A, 1, C)
        if self.forecaster.masked_:
            seen = np.ones(len(at)) if rows.observed is None else rows.observed[at]
            inputs["observed"] = seen.astype(np.float32)[:, None]
        if rows.static is not None:
            inputs["static"] = rows.static[series]
        return inputs

    def _outputs(self, codes: np.ndarray, panel: Panel) -> np.ndarray:
        """What the head makes of each series of a panel apart, scaled: (N, H) or (N, H, P)."""
        memory = self.memory_[codes]
        if not self._asks:
            return each_target(memory)
        series, forecaster = np.arange(panel.n_series), self.forecaster
        asked = forecaster._seen(panel, panel.offsets[1:], series, forecaster.horizon_)
        inputs = {
            name: np.zeros((len(codes), *x.shape[1:]), np.float32)
            for name, x in self._parts.model.input.items()
        }
        inputs["future"] = asked.windows.ahead(0)
        return asked.of(_batched(self._answer, inputs, memory))

    # --- rows -------------------------------------------------------------------------------------

    def _take_in(
        self, codes: np.ndarray, panel: Panel, tails: np.ndarray, skipped: np.ndarray
    ) -> None:
        """The rows of a panel of the ids `codes`, less `skipped` (A,) at the beginning of each.

        Of these, `tails` (A,) rows, none or one, were counted before.
        """
        forecaster, each = self.forecaster, apart(panel)
        rows = forecaster._rows(each, each.offsets[1:], np.arange(each.n_series))
        forecaster._refuse_extreme(panel, rows.values)
        counts = np.maximum(panel.lengths - skipped, 0)
        memory, state = self._run(codes, rows, panel.offsets[:-1] + skipped, counts)
        self.memory_[codes] = memory
        for key, value in state.items():
            self.state_[key][codes] = value
        self._keep(codes, panel, tails)

    def _keep(self, codes: np.ndarray, panel: Panel, tails: np.ndarray) -> None:
        """Of the rows what later ones need: the last, its holes filled, and some of its values."""
        values, _ = fill(panel.values, panel.offsets)
        last = panel.offsets[1:] - 1
        self.tail_.values[codes], self.tail_.ds[codes] = values[last], panel.ds[last]
        if panel.covariates is not None:
            self._keep_covariates(codes, panel, last)
        new = panel.lengths - tails
        back = last[:, None] + np.arange(1 - self._n_recent, 1)  # (A, M)
        ours = back > (last - new)[:, None]
        places = np.minimum(np.arange(self._n_recent) + new[:, None], self._n_recent - 1)
        before = np.take_along_axis(self.recent_[codes], places[..., None], axis=1)
        self.recent_[codes] = np.where(ours[..., None], values[np.where(ours, back, 0)], before)
        self.rows_[codes] += new

    def _keep_covariates(self, codes: np.ndarray, panel: Panel, last: np.ndarray) -> None:
        kept, new = self.tail_.covariates, panel.covariates
        assert kept is not None and new is not None
        kept.values[codes] = fill(new.values, panel.offsets)[0][last]
        kept.static[codes] = new.static
        for name in kept.roles.categories:  # those that `fit` has not seen are as missing ones
            table, names = kept.values, kept.roles.changing
            if name in kept.roles.static:
                table, names = kept.static, kept.roles.static
            column = table[:, names.index(name)]
            column[column >= len(kept.levels[name])] = np.nan

    @property
    def _n_recent(self) -> int:
        """How many values the forecast of an id that has given too few rows may look back at."""
        forecaster = self.forecaster
        return min(forecaster.season_length_, forecaster._min_history + forecaster._lost)

    def _fallback(self, codes: np.ndarray, steps: int) -> np.ndarray:
        kept = np.minimum(self.rows_[codes], self._n_recent)
        inside = np.arange(self._n_recent) >= self._n_recent - kept[:, None]
        values = self.recent_[codes][inside]  # (rows, K)
        panel = replace(
            self.tail_.take(codes),
            offsets=np.concatenate([[0], np.cumsum(kept)]),
            ds=np.repeat(self.tail_.ds[codes], kept),
            values=values,
            rows=np.full(len(values), -1),
            covariates=None,
        )
        panel = apart(panel)
        return self.forecaster._fallback(panel, panel.offsets[1:], np.arange(panel.n_series), steps)

    # --- what cannot be used ----------------------------------------------------------------------

    def _codes(self, parameter: str, ids: Sequence[Any]) -> np.ndarray:
        """The places of ids, (A,)."""
        if "_places" not in vars(self):
            self._places = {name: s for s, name in enumerate(self.tail_.ids.tolist())}
        codes = np.array([self._places.get(name, -1) for name in ids], dtype=int)
        if (codes < 0).any():
            new = [name for name, code in zip(ids, codes, strict=True) if code < 0]
            rule = f"of ids that fit has seen ({len(self._places)} of them)"
            way_out = "partial_fit teaches new ids; begin a stream after it."
            raise ValueError(fault(parameter, rule, new[:5], way_out))
        return codes

    def _begun(self, ids: Sequence[Any] | None) -> np.ndarray:
        """The places of `ids`, or of all that have given rows."""
        if ids is None:
            codes = np.flatnonzero(self.rows_ > 0)
        else:
            codes = self._codes("ids", list(ids))
        bare = self.rows_[codes] == 0
        if bare.any() or not len(codes):
            names = self.tail_.ids[codes[bare]].tolist()[:5]
            raise ValueError(fault("ids", "ids that have given a row", names, "Call update first."))
        return codes

    def _refuse_earlier(self, new: Panel, codes: np.ndarray) -> None:
        """Rows that are not after those that their ids have given."""
        begun = np.repeat(self.rows_[codes] > 0, new.lengths)
        last = np.repeat(self.tail_.ds[codes], new.lengths)
        early = np.flatnonzero(begun & (new.ds <= last))
        first = int(early[0])
        name = new.ids[np.searchsorted(new.offsets, first, side="right") - 1]
        what = "a second row for" if new.ds[first] == last[first] else "a row before"
        got = f"{len(early)} earlier rows, first ({name}, {new.ds[first]}), {what} {last[first]}"
        way_out = "What was taken in stays; stream(X) begins anew with all rows."
        raise ValueError(fault("X", "rows after those that their ids have given", got, way_out))

    def _without_holes(self, panel: Panel, n_begun: int) -> Panel:
        """The panel with rows for absent stamps, as `missing` allows them."""
        missing = self.forecaster.missing
        closed = treat_missing(panel, "error" if missing == "error" else "mask")
        holes = np.isnan(closed.values).any(axis=1)
        if missing == "interpolate" and holes.any():
            row = int(np.argmax(holes))
            name = closed.ids[np.searchsorted(closed.offsets, row, side="right") - 1]
            rule = "without missing rows and values where missing='interpolate'"
            got = f"{int(holes.sum())} missing, first ({name}, {closed.ds[row]})"
            way_out = "Fit with missing='mask', or fill them: a line to come changes the past."
            raise ValueError(fault("X", rule, got, way_out))
        return closed


def _last_rows(panel: Panel) -> Panel:
    """The last row of each series, in arrays of its own."""
    last = panel.tail(1)
    kept = last.covariates
    if kept is not None:
        kept = replace(kept, values=kept.values.copy(), static=kept.static.copy())
    ds, values = last.ds.copy(), last.values.copy()
    return replace(last, ds=ds, values=values, covariates=kept, weights=None)


def _begin_with(panel: Panel, old: Panel) -> bool:
    """Whether the first series of a panel begin with the one row each has in `old`."""
    return bool((panel.ds[panel.offsets[: old.n_series]] == old.ds).all())


def _batched(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run` over arrays (N, ...), or dicts of them, in batches of few sizes; answers as arrays."""
    n = len(keras.tree.flatten(arguments)[0])
    size = min(1 << (n - 1).bit_length(), LARGEST_BATCH)
    if n == size:
        return keras.tree.map_structure(ops.convert_to_numpy, run(*arguments))
    answers = []
    for first in range(0, n, size):
        index = np.minimum(np.arange(first, first + size), n - 1)
        chosen = keras.tree.map_structure(lambda x, index=index: x[index], arguments)
        answers.append(keras.tree.map_structure(ops.convert_to_numpy, run(*chosen)))
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts)[:n], *answers)
