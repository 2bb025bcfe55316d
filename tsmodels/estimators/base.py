"""Estimators over networks: shared parameters, and resolve -> assemble -> train."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsmodels.checks import did_you_mean, fault
from tsmodels.estimators.quantization import as_floats
from tsmodels.losses import LOSSES
from tsmodels.networks import resolve
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.recipe import Recipe


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkEstimator(BaseEstimator):
    """Parameters of every estimator that trains a network.

    `network` is a name (see `tsmodels networks`), a spec such as `LSTM(n_layers=2)`, a Keras layer
    or a function of feature tensors; its fields are nested parameters, `network__n_layers`. The
    others say how to train; see `Forecaster`.
    """

    _losses: ClassVar[Mapping[str, Any]] = LOSSES
    _nested: ClassVar[Mapping[str, Callable[..., Any]]] = {"network": resolve}

    network: Any = field(default="nlinear", kw_only=False)
    loss: Any = "mse"
    optimizer: Any = "adam"
    learning_rate: Any = 1e-3
    schedule: str = "cosine"
    epochs: int | None = None
    max_steps: int | None = None
    batch_size: int = 128
    patience: int | None = 5
    clipnorm: float | None = 1.0
    callbacks: Sequence[Any] = ()
    random_state: Any = None
    verbose: int = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep` the fields of the network as `network__*` too."""
        params = super().get_params(deep=deep)
        for name, make in self._nested.items() if deep else ():
            with contextlib.suppress(ValueError, TypeError):  # nothing that has fields
                spec = make(getattr(self, name))
                params.update({f"{name}__{f.name}": getattr(spec, f.name) for f in fields(spec)})
        return params

    def set_params(self, **params: Any) -> Self:
        """Sets own parameters first, then fields of the network; unknown names raise ValueError."""
        nested: dict[str, dict[str, Any]] = {}
        for key in list(params):
            name, _, inner = key.partition("__")
            if inner and name in self._nested:
                nested.setdefault(name, {})[inner] = params.pop(key)
        super().set_params(**params)
        for name, values in nested.items():
            setattr(self, name, self._nested[name](getattr(self, name), **values))
        return self

    def _recipe(self) -> Recipe:
        """The training parameters, checked."""
        if isinstance(self.loss, str) and self.loss not in self._losses:
            rule = f"one of {sorted(self._losses)} or a keras.losses.Loss"
            raise ValueError(fault("loss", rule, self.loss, did_you_mean(self.loss, self._losses)))
        recipe = Recipe(**{f.name: getattr(self, f.name) for f in fields(Recipe)})
        recipe.check()
        return recipe

    def _check_random_state(self) -> None:
        seed, rule = self.random_state, "None, a non-negative int or a numpy RandomState"
        kinds = int | np.integer | np.random.RandomState | None
        if isinstance(seed, bool) or not isinstance(seed, kinds):
            raise TypeError(fault("random_state", rule, seed))
        if isinstance(seed, int | np.integer) and seed < 0:
            raise ValueError(fault("random_state", rule, seed))

    def _seeds(self) -> tuple[int, int]:
        """Two seeds from `random_state`: for the first weights and for the order of windows."""
        if isinstance(self.random_state, int | np.integer) or self.random_state is None:
            entropy = None if self.random_state is None else int(self.random_state)
        else:
            entropy = int(check_random_state(self.random_state).randint(2**31))
        weights, order = np.random.SeedSequence(entropy).generate_state(2)
        return int(weights), int(order)

    @property
    def model_(self) -> Any:
        """The fitted `keras.Model`, built when it is first asked for.

        Whoever changes its weights changes the forecasts.
        """
        check_is_fitted(self, "weights_")
        if "_model" not in vars(self):
            self._model = self._blueprint().build()
            self._model.set_weights(self._floats())
        return self._model

    def _current_weights(self) -> list[np.ndarray]:
        return self._model.get_weights() if "_model" in vars(self) else self._floats()

    def _floats(self) -> list[np.ndarray]:
        """The weights as the network takes them: those kept as integers times their scales."""
        return as_floats(self.weights_, getattr(self, "scales_", {}))

    def __getstate__(self) -> dict[str, Any]:
        """What to pickle and deep-copy: the weights without the `keras.Model`."""
        state = dict(super().__getstate__())
        if state.pop("_model", None) is not None and "scales_" not in state:
            state["weights_"] = self._current_weights()
        return state

    def _blueprint(self) -> Blueprint:
        """How to build the `keras.Model` of the fitted estimator."""
        raise NotImplementedError

    def _blueprint_of(self, make: Callable[..., Any], **arguments: Any) -> Blueprint:
        """The blueprint of `make(network=network_, **arguments)`, the dropout rate a variable."""
        network: Any = self.network_
        dropout = getattr(network, "dropout", 0.0)
        if dropout and network.variable_dropout:
            network = replace(network, dropout=0.5)  # any: the rate is given below
        return Blueprint.of(make, network=network, **arguments).given(dropout_rate=dropout)
