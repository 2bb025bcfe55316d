"""Uncertainty of the weights: draws of dropout and Gaussian weights, Laplace, ensembles.

A forecast is drawn again and again, each time as another network that the data allow; to every one
come the errors that forecasts make anyway, from the loss or from rows held out. Intervals lie
between quantiles of all these paths. Around them `Conformal` calibrates further.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from tsmodels.backend import keras
from tsmodels.checks import check_int, check_real, fault
from tsmodels.data.panel import Panel
from tsmodels.data.windows import Windows
from tsmodels.estimators.around import Around
from tsmodels.estimators.forecaster import Forecaster
from tsmodels.estimators.horizon import Forecasts, evenly
from tsmodels.heads import PointHead, head_of
from tsmodels.intervals import Chosen, Mapped, Paths
from tsmodels.losses import resolve_loss
from tsmodels.networks import resolve
from tsmodels.networks.assembly import drawing_model, forecast_model
from tsmodels.training.batches import inputs_of
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.draws import seeded_draws, weighted_draws

PATHS = 400  # that intervals are made of, over all draws
EXAMPLES = 2000  # training windows that a Laplace approximation looks at


class _Drawn(Around):
    """What estimators share that draw the network of a `Forecaster` again and again."""

    def __init__(self, estimator: Any, *, n_draws: int = 100, random_state: int = 0) -> None:
        super().__init__(estimator)
        self.n_draws = n_draws
        self.random_state = random_state

    def _check_parameters(self) -> None:
        if not isinstance(self.estimator, Forecaster):
            raise TypeError(fault("estimator", "a Forecaster", self.estimator))
        super()._check_parameters()
        check_int("n_draws", self.n_draws, minimum=2)
        check_int("random_state", self.random_state, minimum=0)

    def _answers(self, windows: Windows) -> np.ndarray:
        """What the model answers in each draw, scaled: (n_draws, W, H, K) or (..., P)."""
        raise NotImplementedError

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        inner, where = self.estimator_, (panel, cutoffs, series)
        ours = inner.predictive_at(*where, horizon)
        asked = inner._seen(*where, horizon)
        each, rng = -(-PATHS // self.n_draws), np.random.default_rng(self.random_state)
        paths = []
        for answer in self._answers(asked.windows):
            outputs = asked.of(answer)[:, :horizon]
            if inner.transform_.steps:
                outputs = inner.transform_.total(outputs)
            believed = inner.head_.predictive(outputs, inner.calibration_)
            paths.append(believed.paths(each, rng))
        drawn = Mapped(Paths(np.concatenate(paths)), asked.units.restored)
        if not ours.fallback.any():
            return ours._replace(predictive=drawn)
        return ours._replace(predictive=Chosen(drawn, ours.predictive, ours.fallback))


class MonteCarlo(_Drawn):
    """Forecasts of a network whose dropout and Gaussian weights go on drawing.

    Around a `Forecaster` with dropout this is Monte Carlo dropout (Gal & Ghahramani, 2016), around
    "bayesian_cnn_lstm" the predictive distribution of its variational weights (Blundell et al.,
    2015; Kingma, Salimans & Welling, 2015). `yhat` is that of the estimator: of the means, without
    dropout. Draw i depends on `random_state` and i alone, so that copies and files answer alike.

    >>> from tsmodels import MLP
    >>> y = np.sin(np.arange(200) / 3)
    >>> network = Forecaster(MLP(d_model=8, dropout=0.2), horizon=2, max_steps=20)
    >>> MonteCarlo(network, n_draws=20).fit(y).predict(level=80).shape
    (2, 5)
    """

    def _check_parameters(self) -> None:
        super()._check_parameters()
        network = resolve(self.estimator.network)
        if not (getattr(network, "dropout", 0.0) or hasattr(network, "draw") or not network.name):
            rule = "one with a dropout above 0 or with Gaussian weights"
            way_out = "Set network__dropout, or take 'bayesian_cnn_lstm'."
            raise ValueError(fault("network", rule, network, way_out))

    def _answers(self, windows: Windows) -> np.ndarray:
        def run(blueprint: Blueprint, weights: list[np.ndarray], asked: Windows) -> np.ndarray:
            arguments = tuple(pair for pair in blueprint.arguments if pair[0] != "frozen")
            drawing = replace(blueprint, make=drawing_model, arguments=arguments)
            return seeded_draws(drawing, weights, asked, self.n_draws, self.random_state)

        return self.estimator_._raw(windows, run)


class LastLayerLaplace(_Drawn):
    """Forecasts with other last layers, as likely as the data make them.

    Around the last dense layer the loss is taken for that of a Bayesian linear regression on what
    comes before it, with the squared error of the validation rows as noise and N(0, prior_std^2) as
    prior: its weights are then Gaussian around the fitted ones (MacKay, 1992; Kristiadi, Hein &
    Hennig, 2020). For networks that encode and have a point loss.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        n_draws: int = 100,
        prior_std: float = 1.0,
        random_state: int = 0,
    ) -> None:
        super().__init__(estimator, n_draws=n_draws, random_state=random_state)
        self.prior_std = prior_std

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_real("prior_std", self.prior_std, 0.0, open_low=True)
        inner = self.estimator
        one = isinstance(inner.target, str) or len(inner.target) == 1
        point = type(head_of(resolve_loss(inner._recipe().loss))) is PointHead
        model = forecast_model(resolve(inner.network), lookback=8, horizon=2)
        if not one or not point or inner.validation is None or _last_layer(model) is None:
            rule = "one of a point loss, one target and rows held out, its network ending in a "
            rule += "dense layer for each step"
            raise ValueError(fault("estimator", rule, inner, "An example is Forecaster('gru')."))

    def _learn(self, panel: Panel) -> None:
        super()._learn(panel)
        inner = self.estimator_
        model = inner._blueprint().build()
        model.set_weights(inner.weights_)
        self.places_of_head_ = _places(model)
        batch = _training_windows(inner, panel).batch(slice(None), masked=inner.masked_)
        slopes = _slopes(model, inputs_of(batch, inner.masked_))  # (n, F)
        noise = float(np.nanvar(inner.calibration_))
        precision = slopes.T @ slopes / noise + np.eye(slopes.shape[1]) / self.prior_std**2
        # a draw of N(0, precision^-1) is the inverse of this factor times normal numbers
        self.factor_ = np.linalg.inv(np.linalg.cholesky(precision)).T

    def _answers(self, windows: Windows) -> np.ndarray:
        inner, rng = self.estimator_, np.random.default_rng(self.random_state)
        weights = inner._current_weights()
        kernel, bias = self.places_of_head_
        drawn = []
        for _ in range(self.n_draws):
            change = self.factor_ @ rng.standard_normal((len(self.factor_), weights[bias].size))
            other = list(weights)
            other[kernel] = (weights[kernel] + change[:-1]).astype(np.float32)
            other[bias] = (weights[bias] + change[-1]).astype(np.float32)
            drawn.append(other)
        return inner._raw(
            windows, lambda blueprint, _, asked: weighted_draws(blueprint, drawn, asked)
        )


class Ensemble(Around):
    """The same estimator from `n_members` other seeds: the median of their forecasts.

    Intervals hold what all members believe, each of them alike (Lakshminarayanan, Pritzel &
    Blundell, 2017). The seeds follow from the `random_state` of the ensemble.
    """

    def __init__(self, estimator: Any, *, n_members: int = 5, random_state: int = 0) -> None:
        super().__init__(estimator)
        self.n_members = n_members
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int("n_members", self.n_members, minimum=2)
        check_int("random_state", self.random_state, minimum=0)
        if "random_state" not in self.estimator.get_params():
            rule = "one that has a random_state: members differ by their seeds"
            raise ValueError(fault("estimator", rule, self.estimator))

    def _learn(self, panel: Panel) -> None:
        seeds = np.random.SeedSequence(self.random_state).generate_state(self.n_members)
        self.members_ = [
            clone(self.estimator).set_params(random_state=int(seed)).fit(panel) for seed in seeds
        ]

    @property
    def estimator_(self) -> Any:
        """The first member: what all of them have in common is asked of it."""
        return self.members_[0]

    def explain(self, X: Any = None, **options: Any) -> Any:
        """What the members' forecasts rest on, on average; see `Forecaster.explain`."""
        check_is_fitted(self, "context_")
        self._check_explains()
        X = self.context_ if X is None else X
        tables = [member.explain(X, **options) for member in self.members_]
        values = [name for name in ("importance", "std") if name in tables[0]]
        means = {name: np.mean([table[name] for table in tables], axis=0) for name in values}
        return tables[0].assign(**means)

    def forecast_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray]:
        where = (panel, cutoffs, series, horizon)
        yhats, fallbacks = zip(*(m.forecast_at(*where) for m in self.members_), strict=True)
        return np.median(yhats, axis=0), np.any(fallbacks, axis=0)

    def predictive_at(
        self, panel: Panel, cutoffs: np.ndarray, series: np.ndarray, horizon: int
    ) -> Forecasts:
        where, rng = (panel, cutoffs, series, horizon), np.random.default_rng(self.random_state)
        beliefs = [member.predictive_at(*where) for member in self.members_]
        each = -(-PATHS // self.n_members)
        paths = np.concatenate([belief.predictive.paths(each, rng) for belief in beliefs])
        yhat = np.median([belief.yhat for belief in beliefs], axis=0)
        return Forecasts(yhat, np.any([b.fallback for b in beliefs], axis=0), Paths(paths))


# --- the last layer -------------------------------------------------------------------------------


def _last_layer(model: Any) -> Any:
    """The dense layer that makes one number of every step; None where there is none."""
    heads = [layer for layer in model.layers if layer.name == "head"]
    return heads[0] if heads and heads[0].input.shape[1] == model.output.shape[1] else None


def _places(model: Any) -> tuple[int, int]:
    """Where kernel and bias of the last layer stand among the weights."""
    ids, head = [id(weight) for weight in model.weights], _last_layer(model)
    return ids.index(id(head.kernel)), ids.index(id(head.bias))


def _slopes(model: Any, inputs: dict[str, Any]) -> np.ndarray:
    """How much each scaled forecast moves with each weight of the last layer, (B * H, D + 1).

    The answer is linear in them: what comes before the layer, times what a window's own scale makes
    of a number, which is what a bias larger by one does.
    """
    both = keras.Model(model.input, [_last_layer(model).input, model.output])
    features, plain = both.predict_on_batch(inputs)  # (B, H, D), (B, H, 1)
    bias = _last_layer(model).bias
    bias.assign(bias + 1.0)
    unit = np.asarray(model.predict_on_batch(inputs)) - plain  # (B, H, 1)
    slopes = np.concatenate([features * unit, unit], axis=-1)
    return slopes.reshape(-1, slopes.shape[-1]).astype(float)


def _training_windows(inner: Any, panel: Panel) -> Windows:
    rows = inner._rows(panel, panel.offsets[1:], np.arange(panel.n_series))
    training, _ = inner._windows(panel, rows, inner._training_rows(panel))
    return training.take(evenly(len(training), EXAMPLES))
