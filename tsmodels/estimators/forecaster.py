"""`Forecaster`: a network that forecasts the series of a frame."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.data.covariates import check_names
from tsmodels.data.panel import Panel
from tsmodels.data.scaling import METHODS, affine_statistics
from tsmodels.data.targets import apart, first_rows, joint_rows, side_by_side, together
from tsmodels.data.transforms import Transform
from tsmodels.data.windows import (
    Batch,
    Windows,
    any_observed,
    check_lookback,
    fill,
    spread,
)
from tsmodels.estimators.base import NetworkEstimator
from tsmodels.estimators.baseline import SeasonalNaive
from tsmodels.estimators.covariates import CovariateEstimator
from tsmodels.estimators.horizon import CALIBRATION, Forecasts, evenly
from tsmodels.estimators.lifecycle import all_or_nothing
from tsmodels.heads import DistributionHead, PointHead, head_of
from tsmodels.intervals import Chosen, Mapped, PointErrors
from tsmodels.losses import FORECAST_LOSSES, Pinball, resolve_loss
from tsmodels.networks import resolve
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.freezing import frozen_model
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.fit import fit
from tsmodels.training.predict import predict
from tsmodels.training.recipe import Recipe

if TYPE_CHECKING:
    from tsmodels.estimators.streaming import Stream

LARGEST_SCALED = 1e9  # its square times a gradient of its size still fits float32


class Rows(NamedTuple):
    """A panel as the network sees it: what `Windows` are made of."""

    values: np.ndarray  # (N, C) float32 without NaN: the targets, then covariates
    observed: np.ndarray | None  # (N,) whether all targets were; None if they always were
    static: np.ndarray | None  # (S, K) float32
    weights: np.ndarray | None  # (N,) how much each row counts, on average 1


class Scales(NamedTuple):
    """Of each series, (S, 1): what is taken away, what by, and the power of the transform."""

    shift: np.ndarray
    scale: np.ndarray
    power: np.ndarray


class Units(NamedTuple):
    """The way from scaled totals (..., N, H) to the units of the data and back."""

    transform: Transform
    shift: np.ndarray  # (N, 1) each
    scale: np.ndarray
    power: np.ndarray
    last: np.ndarray  # (N,)

    def restored(self, total: np.ndarray) -> np.ndarray:
        """Points, quantiles or paths in the units of the data."""
        z = total * self.scale + self._shifts(total.shape[-1])
        return self.transform.restore(z, self.last, self.power)

    def totals(self, y: np.ndarray) -> np.ndarray:
        """The scaled totals behind y (N, H)."""
        z = self.transform.totals_of(y, self.last, self.power)
        return (z - self._shifts(y.shape[-1])) / self.scale

    def _shifts(self, horizon: int) -> np.ndarray:
        """What scaling has taken away of a total: of a step, as often as there were steps."""
        return self.shift * (np.arange(1, horizon + 1) if self.transform.steps else 1.0)


class Asked(NamedTuple):
    """Windows for N forecasts: forecast i is target `channels[i]` of window `places[i]`."""

    windows: Windows
    places: np.ndarray
    channels: np.ndarray
    units: Units

    def of(self, answers: np.ndarray) -> np.ndarray:
        """The forecasts (N, H, ...) among the answers (windows, H, K, ...)."""
        return answers[self.places, :, self.channels].astype(float)


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(CovariateEstimator, NetworkEstimator):
    """Forecasts every series of a frame with one network, windowing and scaling inside.

    Parameters
    ----------
    network : name, spec, keras.Layer or function
        The architecture, "nlinear" unless told; `network__*` reaches its fields. A layer (a
        template, copied from its config) or a function maps features (B, T, D) to (B, T', D); see
        `tsmodels.networks.Custom`.
    horizon : int
        Steps to predict, H.
    lookback : int, optional
        Steps looked at, T; unless told the larger of 2 x horizon and the season length.
    season_length : int, optional
        Steps of a season; unless told it follows from the frequency (24 for hours, 12 for months).
    freq : str, optional
        Pandas alias of the spacing of time; unless told it is read off the stamps of each series.
        "irregular": rows come when they come. The network is then told the logarithm of the time
        since the row before, and `predict` takes the stamps to come from `future`, or else the
        median of the steps so far.
    target : str or list of str
        The column to forecast, or several that the network sees and forecasts together; a row with
        one of them missing is then seen as missing.
    past_covariates, future_covariates, static_covariates : list of str
        Columns that are known up to the cutoff, over the horizon too (`predict` wants them in
        `future`), or constant for each id. They hold numbers, or names if `categories` says so.
    categories : list of str
        The covariates that are names. A name that no training row had stands where the average of
        the known ones does; `predict` warns of it.
    calendar : bool
        Whether the network is told the time of day, week, month and year, as far as the frequency
        and the length of the training rows let it be learned, in the user's time zone.
    holidays : list of dates, or dict of such lists by name
        Days that it is told too, past and to come.
    covariate_scaling : {"global", "series"}
        Numbers are standardised by the training rows of all series together, or of each.
    missing_future : {"error", "last"}
        What to do where `future` does not say everything: refuse, or repeat the last known value.
    scaler : str, scikit-learn transformer or None
        Scaling of each series by its training rows: "standard", "robust", "minmax", "mean_abs",
        "seasonal_naive" (divided by the error of the seasonal naive forecast), an affine
        transformer such as `RobustScaler()`, or None.
    transform : str, optional
        How the network sees the target, before scaling: "log", "log1p", "boxcox" (its power learned
        for each series), "difference" (steps from row to row) or "returns" (steps of the logarithm:
        for prices). Forecasts, intervals and paths come back in the units of the data.
    missing : {"mask", "interpolate", "error"}
        What to do about missing rows and values: show them to the network as missing, fill them
        linearly, or refuse them.
    validation : float, int or None
        The last part of every series that is held out to stop early by: a share of its rows (never
        less than one horizon), a number of rows, or nothing. Neither scaler nor network learn from
        it.
    stride : int
        Rows between the windows trained on.
    horizon_weights : list of float, optional
        How much each step of the horizon counts in training; rows and series have a
        `sample_weight` in `fit`.
    loss : name or keras.losses.Loss
        "mse", "mae", "huber", "log_cosh", "smape" or "owa", computed on scaled values; intervals
        are then as wide as errors on the validation rows were. "quantile" learns quantiles, and
        "normal", "laplace", "student_t", "poisson" or "negative_binomial" a distribution.
    frozen : list of str
        Beginnings of names of layers of `model_` whose weights stay as they are: for `partial_fit`
        of what was learned elsewhere.
    quantile_levels : list of float, optional
        The quantiles to learn, in (0, 1), the median besides; 0.1 and 0.9 make the interval of 80.
    optimizer, learning_rate, schedule
        A Keras optimizer by name or as a template; its first learning rate (None keeps its own) and
        "cosine" decay to zero over the whole budget, or "constant".
    epochs, max_steps : int, optional
        The budget: passes over the windows, batches in all, or both; 1,000 batches unless told.
    batch_size : int
        Windows in a batch.
    patience : int or None
        Epochs without a better validation loss before training stops. The best weights are kept.
    clipnorm : float or None
        Limit of the global norm of the gradient.
    callbacks : list of keras.callbacks.Callback
        Templates: `fit` works with copies.
    random_state : int, RandomState or None
        The same int gives the same weights, bit for bit, on a CPU.
    verbose : {0, 1}
        1 shows a progress bar on standard error.

    Attributes
    ----------
    model_ : keras.Model
        Scaled windows (N, lookback, channels) to scaled forecasts (N, horizon, targets).
    channels_ : Channels
        What was learned of the covariates: categories, cycles of the calendar, which have gaps.
    context_ : Panel
        The last rows of every series, where `predict()` goes on.
    history_ : dict
        Losses by epoch: "loss", "val_loss" and what callbacks add.
    lookback_, season_length_ : int
        The numbers in use.
    missing_ : dict
        How many rows have no value, for every id that lacks any.
    span_ : dict
        "series" and "rows" of `fit`, and their "first" and "last" stamp as text.

    Examples
    --------
    >>> import numpy as np
    >>> load = 10 + np.sin(np.arange(240) * 2 * np.pi / 24)
    >>> model = Forecaster("nlinear", horizon=3, lookback=24, max_steps=200, random_state=0)
    >>> model.fit(load).predict().round(1)
      unique_id   ds  yhat
    0         y  240  10.0
    1         y  241  10.3
    2         y  242  10.5
    """

    _losses: ClassVar[Mapping[str, Any]] = FORECAST_LOSSES

    lookback: int | None = None
    scaler: Any = "standard"
    transform: str | None = None
    validation: float | int | None = 0.1
    stride: int = 1
    horizon_weights: Sequence[float] | None = None
    frozen: Sequence[str] = ()
    quantile_levels: Sequence[float] | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learns from every series of `X`.

        `X` is a long frame (`unique_id`, `ds`, target and covariates), a wide frame (time index, a
        column a series), a Series with a time index, or an array (T,) or (T, series); pandas,
        polars or pyarrow. `sample_weight` is a number for each row of `X`, or a dict with one for
        each id: how much it counts as a target in training, and in the validation that stops it.
        Raises ValueError or TypeError for data or parameters that cannot be used, before anything
        is trained.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Goes on learning, from the weights there are, on the rows of `X`; else as `fit`.

        The rows kept of earlier ones are their history. Scales, categories and the calendar stay as
        they were learned; ids that are new get scales of their own. `set_params` beforehand says
        for how long, at which rate, and with which layers `frozen`. Parameters that give the
        network another form need a `fit`.
        """
        if not hasattr(self, "weights_"):
            return self.fit(X, y, sample_weight)
        self._check_parameters()
        if y is not None:
            raise ValueError(fault("y", "None", type(y).__name__, "The target is a column of X."))
        panel = self._extended_by(X, sample_weight)
        with all_or_nothing(self):
            self._train(panel, self._current_weights())
            self.context_ = apart(together(panel).recent(self._memory()))
        return self

    def explain(
        self,
        X: Any = None,
        *,
        how: str = "permutation",
        step: int | None = None,
        future: Any = None,
        random_state: Any = 0,
    ) -> Any:
        """What forecasts rest on, as a table: a variable, the rows it was looked at, an importance.

        `first` and `last` are rows counted from the cutoff: 0 is the last one seen, 1 the first one
        forecast; static covariates have none. `step` asks about one step of the horizon in place
        of all.

        "permutation": by how much the error over the windows of `X` grows, in naive errors as MASE
        is, where a variable is that of another window, and so block by block for the lags of the
        target (Breiman, 2001; mean and deviation of five shuffles). Give rows that `fit` has not
        seen, with the lookback before them. Variables that go together stand in for each other.

        "gradients": what each value adds to the forecasts of `predict(X, future=future)`, by
        integrated gradients (Sundararajan, Taly & Yan, 2017) from a window whose every value is the
        middle of its scaler, in the units of the data (of the transformed data, where there is a
        transform). The importances of a series sum up to its forecast, averaged over the steps,
        less that of such a window; categories, which have no way between them, keep their value
        in it and have no rows.

        "attention": the weights that the network gives to variables and to rows, where it has
        weights that can be read ("tft"): sums of 1 over variables, and over rows in "(all)". They
        say what was looked at, not what it changed.

        >>> wave = np.sin(np.arange(240) * np.pi / 4)
        >>> model = Forecaster(horizon=1, lookback=8, max_steps=100, random_state=0)
        >>> table = model.fit(wave[:200]).explain(wave[192:])
        >>> table.columns.tolist(), bool(table.importance[0] > 0.1)
        (['name', 'first', 'last', 'importance', 'std'], True)
        """
        from tsmodels.estimators.explaining import by_attention, by_gradients
        from tsmodels.estimators.permuting import by_permutation

        check_is_fitted(self, "context_")
        check_option("how", how, ["permutation", "gradients", "attention"])
        if step is not None and check_int("step", step) > self.horizon_:
            raise ValueError(fault("step", f"at most {self.horizon_}, the horizon", step))
        if how == "permutation":
            if future is not None:
                way_out = "The horizon of each window lies in X."
                raise ValueError(fault("future", "None here", type(future).__name__, way_out))
            panel = self.context_ if X is None else self.to_panel_like_fit(X)
            return by_permutation(self, panel, step, random_state)
        panel = self._shown(X, future, self.horizon_)
        by = by_gradients if how == "gradients" else by_attention
        return by(self, panel, step)

    def stream(self, X: Any = None) -> Stream:
        """The forecaster row by row: `update` takes rows, `predict` answers, at a constant cost.

        It goes on after the rows that `fit` has kept, or after those of `X`; see `Stream`. Raises
        ValueError for a network that cannot go on from a state.
        """
        from tsmodels.estimators.streaming import Stream

        check_is_fitted(self, "context_")
        return Stream(copy.copy(self)).fit(X)  # a later fit does not reach it

    def card(self, backtest: Any = None) -> str:
        """A page of Markdown: network, versions, span of the data, settings and limits.

        `backtest` is the result of a `backtest` of this forecaster; the verdict, the scores beside
        the naive forecasts and the coverage of intervals are then on it too.

        >>> wave = np.sin(np.arange(120) * np.pi / 4)
        >>> model = Forecaster(horizon=2, lookback=8, max_steps=20, random_state=0).fit(wave)
        >>> print(model.card().splitlines()[0])
        # nlinear: 2 steps of y
        """
        from tsmodels.estimators.card import model_card

        return model_card(self, backtest)

    def export(
        self, path: str | os.PathLike[str], format: str = "onnx", backtest: Any = None
    ) -> None:
        """Writes the network with all scaling inside, for programs without tsmodels.

        "onnx": one file for onnxruntime, which `tsmodels predict` and `Exported.read` know too.
        "saved_model": a folder for TensorFlow. Inputs are "y" (B, lookback, targets) in the units
        of the data, "series", the place of each id in `fit`, and "observed" where the network was
        shown gaps; batches have any size. Forecasters with covariates are refused.

        The `card` is written too, with `backtest` on it: `model.card.md` beside `model.onnx`,
        `card.md` in a folder.
        """
        from tsmodels.estimators.exporting import export

        check_is_fitted(self, "context_")
        card = self.card(backtest)
        export(self, path, format)
        page = (
            Path(path, "card.md") if format == "saved_model" else Path(path).with_suffix(".card.md")
        )
        page.write_text(card, encoding="utf-8")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        resolve(self.network)
        head = head_of(resolve_loss(self._recipe().loss))
        self._check_random_state()
        if isinstance(head, DistributionHead) and head.counts and self.scaler is not None:
            way_out = "Counts have no other unit: the network scales its windows itself."
            raise ValueError(fault("scaler", f"None for {head.family!r}", self.scaler, way_out))
        self._check_transform(head)
        check_names("frozen", self.frozen)
        check_int("stride", self.stride)
        self._step_weights()
        if not hasattr(self.scaler, "fit"):
            check_option("scaler", self.scaler, METHODS)
        if self.lookback is not None:
            check_int("lookback", self.lookback)
        if isinstance(self.validation, float):
            check_real("validation", self.validation, 0.0, 1.0, open_low=True, open_high=True)
        elif self.validation is not None:
            check_int("validation", self.validation, minimum=self.horizon)

    def _check_transform(self, head: PointHead) -> None:
        transform = Transform(self.transform)
        if isinstance(head, DistributionHead) and head.counts and self.transform is not None:
            rule = f"None for {head.family!r}"
            raise ValueError(fault("transform", rule, self.transform, "Counts stay counts."))
        if type(head) is not PointHead and transform.steps:
            way_out = "Intervals come from errors then: loss='mse' or 'mae'."
            rule = "no steps where quantiles or a distribution of each are learned"
            raise ValueError(fault("transform", rule, self.transform, way_out))

    def _step_weights(self) -> np.ndarray | None:
        """The weights of the horizon (H,), on average 1; None if all steps count alike."""
        if self.horizon_weights is None:
            return None
        rule = f"{self.horizon} numbers, none negative and not all zero"
        weights = np.asarray(self.horizon_weights)
        if weights.dtype.kind not in "iuf":
            raise TypeError(fault("horizon_weights", rule, self.horizon_weights))
        right = weights.shape == (self.horizon,) and np.isfinite(weights).all()
        if not right or (weights < 0).any() or not weights.any():
            raise ValueError(fault("horizon_weights", rule, self.horizon_weights))
        return weights / weights.mean()

    def _recipe(self) -> Recipe:
        recipe = super()._recipe()
        if self.quantile_levels is None:
            return recipe
        if self.loss not in ("mse", "quantile"):
            way_out = "Quantiles have a loss of their own, 'quantile'."
            raise ValueError(fault("quantile_levels", "None beside a loss", self.loss, way_out))
        return replace(recipe, loss=Pinball(self.quantile_levels))

    def _learn(self, panel: Panel) -> None:
        self.network_ = resolve(self.network)
        self.targets_ = panel.targets or panel.columns
        self.head_ = head_of(resolve_loss(self._recipe().loss))
        self._refuse_uncountable(panel)
        self.lookback_ = int(self.lookback or 0) or max(2 * self.horizon_, self.season_length_)
        self.transform_ = Transform(self.transform)
        check_lookback(self.lookback_, self.horizon_, panel.lengths - self._lost)
        self._learn_scale(panel.head(self._training_rows(panel)))
        self._train(panel)

    def _train(self, panel: Panel, weights: list[np.ndarray] | None = None) -> None:
        """Trains from `weights`, or where there are none from the beginning."""
        trained = self._training_rows(panel)
        if weights is not None:
            self._learn_new_scales(panel.head(trained))
        rows = self._rows(panel, panel.offsets[1:], np.arange(panel.n_series))
        self._refuse_extreme(together(panel), rows.values)
        training, validation = self._windows(panel, rows, trained)
        gaps = rows.observed is not None and not training.interpolated
        if weights is None:
            self.masked_ = gaps or bool(training.padded.any())
        self.__dict__.pop("_model", None)  # of an earlier fit
        windows, recipe, seeds = (training, validation), self._recipe(), self._seeds()
        fitted = fit(self._blueprint(), *windows, recipe, seeds=seeds, weights=weights)
        self.weights_, self.history_ = fitted.weights, fitted.history
        if validation is not None or weights is None:  # else the errors known are the latest
            self.calibration_ = self._calibration(validation)

    def _refuse_uncountable(self, panel: Panel) -> None:
        if isinstance(self.head_, DistributionHead) and self.head_.counts:
            y = panel.values[:, 0]
            odd = y[np.isfinite(y) & ((y < 0) | (y != np.round(y)))]
            if odd.size:
                rule = f"counts (0, 1, 2, ...) for {self.head_.family!r}"
                raise ValueError(fault("target", rule, float(odd[0])))

    def _calibrate(self, panel: Panel) -> None:
        """`_learn` has done so, with rows that it held out."""

    def _calibration(self, validation: Windows | None) -> np.ndarray | None:
        """What the head keeps of the validation windows, scaled: (n, H, R), n at most 1,000."""
        if validation is None:
            return None
        held = validation.take(evenly(len(validation), CALIBRATION))
        batch = held.batch(slice(None))
        y = batch.target.astype(float)
        if batch.weight is not None:
            y[batch.weight == 0] = np.nan
        outputs, truths = each_target(self._raw(held)), each_target(y)
        if self.transform_.steps:
            outputs, truths = self.transform_.total(outputs), self.transform_.total(truths)
        return self.head_.table(outputs, truths).astype(np.float32)

    def _raw(self, windows: Windows, run: Callable[..., np.ndarray] = predict) -> np.ndarray:
        """What the model answers, scaled: (N, H, K) or (N, H, K, P); `run` as `predict` does."""
        horizon = windows.horizon if windows.known else 0
        asked = replace(windows, horizon=horizon, weights=None, step_weights=None)
        return run(self._blueprint(), self._current_weights(), asked)

    def _blueprint(self) -> Blueprint:
        channels, frozen = self.channels_, tuple(self.frozen)
        return self._blueprint_of(
            frozen_model if frozen else forecast_model,
            **({"frozen": frozen} if frozen else {}),
            lookback=self.lookback_,
            horizon=self.horizon_,
            channels=len(self.targets_) + channels.n_channels,
            targets=len(self.targets_),
            masked=self.masked_,
            season_length=self.season_length_,
            known=channels.n_known,
            static=channels.n_static,
            places=channels.places,
            static_places=channels.static_places,
            head=self.head_,
        )

    def _memory(self) -> int:
        follows = self.channels_.elapsed is not None or self._lost  # the row before a window counts
        return max(self.lookback_, self.season_length_) + bool(follows)

    @property
    def _lost(self) -> int:
        """How many rows at the beginning of each series have no transformed value."""
        return int(self.transform_.steps)

    @property
    def _min_history(self) -> int:
        """Rows a series must have before a cutoff for the network to be asked."""
        return min(self.lookback_, max(self.season_length_, self.horizon_))

    def _training_rows(self, panel: Panel) -> np.ndarray:
        """How many rows of each series are trained on, (S,); the rest is for validation."""
        if self.validation is None:
            return panel.lengths
        if isinstance(self.validation, float):
            held = np.maximum(self.horizon_, np.ceil(self.validation * panel.lengths)).astype(int)
        else:
            held = np.full(panel.n_series, self.validation)
        enough = panel.lengths - held >= self.lookback_ + self.horizon_
        if not isinstance(self.validation, float) and not enough.any():
            most = int(panel.lengths.max()) - self.lookback_ - self.horizon_
            rule = f"at most {most} rows (the longest series minus lookback and horizon)"
            raise ValueError(fault("validation", rule, self.validation))
        return panel.lengths - np.where(enough, held, 0)

    def _held_out(self, panel: Panel) -> np.ndarray:
        return panel.lengths - self._training_rows(panel)

    def _learn_scale(self, seen: Panel) -> None:
        self.shift_, self.scale_, self.power_ = self._scales_of(seen)
        self._learn_channels(seen)
        self.places_ = {id: place for place, id in enumerate(seen.ids.tolist())}

    def _learn_new_scales(self, seen: Panel) -> None:
        """What `_learn_scale` would have learned of ids that were not there, behind the others."""
        names = seen.ids.tolist()
        new = seen.take([s for s, name in enumerate(names) if name not in self.places_])
        if not new.n_series:
            return
        own = dict(zip(("shift_", "scale_", "power_"), self._scales_of(new), strict=True))
        covariates = self._covariate_statistics(new)
        own |= dict(zip(("covariate_shift_", "covariate_scale_"), covariates, strict=True))
        for name, values in own.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))
        n = len(self.places_)
        self.places_ = self.places_ | {name: n + i for i, name in enumerate(new.ids.tolist())}

    def _scales_of(self, seen: Panel) -> Scales:
        """What is learned of a panel of training rows."""
        power, season = self.transform_.learn(seen), self.season_length_
        z = self.transform_.forward(seen, power)
        return Scales(*affine_statistics(self.scaler, z, seen.offsets, season_length=season), power)

    def _scales(self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray) -> Scales:
        """The scales of each series: of `fit`, or of its own."""
        learned = (self.shift_, self.scale_, self.power_)
        return Scales(*self._or_own(learned, self._scales_of, panel, cutoffs, series))

    def _scaled(self, panel: Panel, scales: Scales) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows as the network sees them, float32 without NaN, and which were observed.

        What float32 could not calculate with is infinite: its forecast will be a fallback.
        """
        known = panel.interpolated() if self.missing == "interpolate" else panel
        z = self.transform_.forward(known, scales.power)
        values = z - np.repeat(scales.shift, panel.lengths, axis=0)
        values /= np.repeat(scales.scale, panel.lengths, axis=0)
        values, _ = fill(values, panel.offsets)
        missing = np.isnan(panel.values[:, 0]) | np.isnan(z[:, 0]) & ~np.isnan(known.values[:, 0])
        missing[panel.offsets[:-1]] &= not self._lost  # where there is no step to be known
        values[np.isnan(values)] = 0.0  # a series without any value is zeros
        values[np.abs(values) > LARGEST_SCALED] = np.inf
        return values.astype(np.float32), ~missing if missing.any() else None

    def _rows(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, scales: Scales | None = None
    ) -> Rows:
        """The panel for windows at these cutoffs: before them a new id learns its scale."""
        values, observed = self._scaled(panel, scales or self._scales(panel, cutoffs, series))
        own = first_rows(panel)
        channels = self._channel_rows(panel, cutoffs, series)[own].astype(np.float32)
        static = self.channels_.statics(panel)[:: len(self.targets_)].astype(np.float32)
        weights = None if panel.weights is None else panel.weights[own]
        return Rows(
            np.concatenate([side_by_side(panel, values[:, 0]), channels], axis=1),
            None if observed is None else np.asarray(side_by_side(panel, observed).all(axis=1)),
            static if static.shape[1] else None,
            None if weights is None else weights / (weights.mean() or 1.0),
        )

    def _refuse_extreme(self, panel: Panel, scaled: np.ndarray) -> None:
        (rows,) = np.nonzero(np.isinf(scaled).any(axis=1))
        if rows.size:
            s = int(np.searchsorted(panel.offsets, rows[0], side="right")) - 1
            value = panel.values[rows[0]].tolist()
            got = f"{rows.size} larger values, first {value} of {panel.ids.tolist()[s]!r}"
            rule = f"less than {LARGEST_SCALED:g} after scaling"
            way_out = "Make outliers missing, or choose another scaler."
            raise ValueError(fault("target", rule, got, way_out))

    def _windows(
        self, panel: Panel, rows: Rows, trained: np.ndarray
    ) -> tuple[Windows, Windows | None]:
        """Windows whose target lies in the training rows, and those whose target lies behind."""
        trained, panel = trained[:: len(self.targets_)], together(panel)
        first, stop = panel.offsets[:-1] + self._lost, panel.offsets[1:]
        full = stop - first >= self.lookback_ + self.horizon_
        earliest = first + np.where(full, self.lookback_, self._min_history)
        end = panel.offsets[:-1] + trained

        def windows(low: np.ndarray, high: np.ndarray, stride: int) -> Windows:
            cutoffs, series = spread(low, high, stride)
            found = self._over(rows, cutoffs, first[series], series)
            return replace(found, weights=rows.weights, step_weights=self._step_weights())

        training = windows(earliest, end - self.horizon_, self.stride)
        held = end < stop
        validation = windows(np.where(held, end, stop + 1), stop - self.horizon_, 1)
        return training, validation if len(validation) else None

    def _over(
        self, rows: Rows, cutoffs: np.ndarray, firsts: np.ndarray, series: np.ndarray
    ) -> Windows:
        return Windows(
            values=rows.values,
            observed=rows.observed,
            cutoffs=cutoffs,
            firsts=firsts,
            series=series,
            lookback=self.lookback_,
            horizon=self.horizon_,
            targets=len(self.targets_),
            interpolated=self.missing == "interpolate",
            known=self.channels_.n_known,
            static=rows.static,
        )

    def _seen(self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int) -> Asked:
        """The windows that end at the cutoffs, and what is known of the horizon."""
        scales, n = self._scales(panel, cutoffs, series), len(self.targets_)
        units = self._units(panel, cutoffs, series, scales)
        panel, cutoffs = self._reaching(panel, cutoffs, series, horizon)
        rows = self._rows(panel, cutoffs, series, scales)
        firsts = panel.offsets[series] + self._lost
        joint, firsts = (joint_rows(panel, r, series) for r in (cutoffs, firsts))
        chosen, places = np.arange(len(joint)), np.arange(len(joint))
        if n > 1:  # targets of one id and cutoff share a window
            _, chosen, places = np.unique(joint, return_index=True, return_inverse=True)
        windows = self._over(rows, joint[chosen], firsts[chosen], series[chosen] // n)
        windows = windows if windows.known else replace(windows, horizon=0)
        return Asked(windows, places, series % n, units)

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        where = (panel, cutoffs, series, horizon)
        return self._forecast(self._seen(*where), *where)

    def _forecast(
        self, asked: Asked, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """`forecast_at` by the windows `asked`."""
        z = asked.of(self._recurse(asked.windows, horizon))  # (N, H)
        yhat = asked.units.restored(self.transform_.total(z))
        short = self._too_short(asked.windows)[asked.places] | ~np.isfinite(yhat).all(axis=1)
        if short.any():
            yhat[short] = self._fallback(panel, cutoffs[short], series[short], horizon)
        return yhat, short

    def _too_short(self, windows: Windows) -> np.ndarray:
        """Which windows have too few rows, or none that was observed, (N,)."""
        short = windows.cutoffs - windows.firsts < self._min_history
        if windows.observed is not None:
            low = np.maximum(windows.cutoffs - self.lookback_, windows.firsts)
            short |= ~any_observed(windows.observed, low, windows.cutoffs)
        return short

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        where = (panel, cutoffs, series, horizon)
        asked, outputs = self._seen(*where), None
        yhat, fallback = self._forecast(asked, *where)
        if type(self.head_) is not PointHead:
            outputs = asked.of(self._raw(asked.windows))[:, :horizon]
        return self._believed(yhat, fallback, asked.units, outputs)

    def _believed(
        self, yhat: np.ndarray, fallback: np.ndarray, units: Units, outputs: np.ndarray | None
    ) -> Forecasts:
        """Forecasts with their spread, from what the head made of them; None of points alone."""
        table, points = self.calibration_, units.totals(yhat)
        predictive = self.head_.predictive(points if outputs is None else outputs, table)
        if fallback.any():
            errors = np.empty((0, yhat.shape[1])) if table is None else self.head_.errors(table)
            other = PointErrors(points, errors, np.ones(len(points)))
            predictive = Chosen(predictive, other, fallback)
        return Forecasts(yhat, fallback, Mapped(predictive, units.restored))

    def _units(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, scales: Scales | None = None
    ) -> Units:
        """What takes scaled forecasts from these cutoffs to the units of the data."""
        scales = scales or self._scales(panel, cutoffs, series)
        filled, _ = fill(panel.values, panel.offsets)
        last = filled[np.maximum(cutoffs - 1, panel.offsets[series]), 0]
        shift, scale, power = (part[series] for part in scales)
        return Units(self.transform_, shift, scale, power, last)

    def _fallback(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> np.ndarray:
        baseline = SeasonalNaive(horizon=horizon, season_length=self.season_length_)
        baseline.season_length_ = self.season_length_
        return baseline.forecast_at(panel, cutoffs, series, horizon)[0]

    def _recurse(self, windows: Windows, horizon: int) -> np.ndarray:
        """Scaled forecasts (N, horizon, K); beyond the fitted horizon they serve as history."""
        blocks = [self.head_.points(self._raw(windows))]  # (N, H, K) each
        batch = windows.batch(slice(None), masked=self.masked_) if horizon > self.horizon_ else None
        for block in range(1, math.ceil(horizon / self.horizon_)):
            following = windows.ahead(block * self.horizon_)
            batch = _advance(batch, blocks[-1], following)  # type: ignore[arg-type]
            dense = replace(Windows.of(batch), targets=windows.targets)
            blocks.append(self.head_.points(self._raw(dense)))
        return np.concatenate(blocks, axis=1)[:, :horizon]


def each_target(answers: np.ndarray) -> np.ndarray:
    """Answers (B, H, K, ...) target by target, (B K, H, ...)."""
    apart = np.moveaxis(answers, 2, 1)
    return apart.reshape(-1, *apart.shape[2:]).astype(float)


def _advance(batch: Batch, yhat: np.ndarray, following: np.ndarray | None) -> Batch:
    """The windows one horizon later, with the forecast as if it had been observed.

    Covariates of the past stay at their last value; `following` (B, H, G) are those known ahead.
    """
    steps, horizon = batch.past.shape[1], yhat.shape[1]
    known = np.empty((*yhat.shape[:2], 0)) if batch.future is None else batch.future
    held = batch.past[:, -1:, yhat.shape[2] : batch.past.shape[2] - known.shape[2]]
    new = np.concatenate([yhat, np.repeat(held, horizon, axis=1), known], axis=2)
    past = np.concatenate([batch.past, new.astype(np.float32)], axis=1)[:, -steps:]
    observed = batch.observed
    if observed is not None:
        seen = np.ones(yhat.shape[:2], dtype=np.float32)
        observed = np.concatenate([observed, seen], axis=1)[:, -steps:]
    return replace(batch, past=past, observed=observed, future=following)
