"""Doubly residual stacks of small perceptrons: N-BEATS and N-HiTS.

Every block reads what the blocks before it left of the window, explains a part of it (backcast) and
adds its share of the forecast. Both are sums of basis functions with weights theta from a
perceptron. Glossary: L lookback, H horizon, p number of basis functions, q outputs per step.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, fault
from tsmodels.networks.base import Network, RevINCentre, register
from tsmodels.networks.fields import Count
from tsmodels.space import Choice, Int

Basis = Literal["generic", "trend", "seasonality"]
TrendBasis = Literal[
    "polynomial", "legendre", "chebyshev", "changepoint", "piecewise_linear", "linear_hat"
]
Interpolation = Literal["nearest", "linear", "cubic"]


# Bases, as float64 matrices ---------------------------------------------------------------------


def trend_basis(name: TrendBasis, length: int, degree: int) -> np.ndarray:
    """Smooth functions of time as columns, (length, degree + 1).

    Time is t / length for "polynomial" (the paper's), -1 ... 1 for the orthogonal polynomials and
    0 ... 1 for those with knots: ramps that start at each knot, or hats around it.

    >>> trend_basis("polynomial", 2, 2).tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.5, 0.25]]
    """
    time, knots = np.linspace(0.0, 1.0, length)[:, None], np.arange(degree + 1)
    if name == "polynomial":
        return (np.arange(length)[:, None] / length) ** knots
    if name == "legendre":
        return np.polynomial.legendre.legvander(2 * time[:, 0] - 1, degree)
    if name == "chebyshev":
        return np.polynomial.chebyshev.chebvander(2 * time[:, 0] - 1, degree)
    if name == "changepoint":
        return np.maximum(time - (knots + 1) / (degree + 1), 0.0)
    if name == "piecewise_linear":  # hats around the inner knots; the first column is empty
        return np.maximum(1.0 - np.abs(time * (degree + 1) - knots), 0.0) * (knots > 0)
    return np.maximum(1.0 - np.abs(time * max(degree, 1) - knots), 0.0)


def seasonal_basis(times: np.ndarray, horizon: int, harmonics: int) -> np.ndarray:
    """Cosines, then sines, of `times` / horizon, as rows (p, len(times)).

    Frequencies are 0 and 1 ... horizon / 2 in steps of 1 / harmonics.
    """
    rates = np.append(0.0, np.arange(harmonics, harmonics / 2 * horizon) / harmonics)
    angles = 2 * np.pi * rates[:, None] * times[None, :] / horizon
    return np.concatenate([np.cos(angles), np.sin(angles)])


def interpolation(n_knots: int, length: int, method: Interpolation) -> np.ndarray:
    """What each of the knots adds to each of the steps, (n_knots, length).

    Knots and steps sit at the centres of equal cells; beyond the outer knots their value holds.
    "cubic" is Keys' kernel with a = -0.75.

    >>> interpolation(2, 4, "linear").tolist()
    [[1.0, 0.75, 0.25, 0.0], [0.0, 0.25, 0.75, 1.0]]
    """
    steps = np.arange(length)
    if method == "nearest":
        return (steps * n_knots // length == np.arange(n_knots)[:, None]).astype(float)
    position = (steps + 0.5) * n_knots / length - 0.5
    if method == "linear":
        position = np.clip(position, 0, n_knots - 1)
    matrix = np.zeros((n_knots, length))
    for offset in range(-1, 3):
        knot = np.floor(position) + offset
        share = _KERNELS[method](np.abs(position - knot))
        np.add.at(matrix, (np.clip(knot, 0, n_knots - 1).astype(int), steps), share)
    return matrix


def _hat(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1.0 - distance, 0.0)


def _keys(x: np.ndarray, a: float = -0.75) -> np.ndarray:
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


_KERNELS: dict[str, Any] = {"linear": _hat, "cubic": _keys}


# Blocks -----------------------------------------------------------------------------------------


class _Block(keras.layers.Layer):
    """A perceptron for theta, and two bases: x (B, L) -> backcast (B, L), forecast (B, H, q).

    As in Nixtla's implementation the first of the maps has no activation. theta holds the weights
    of the backcast first.
    """

    def __init__(
        self, horizon: int, outputs: int = 1, d_model: int = 64, n_hidden: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.horizon, self.outputs = check_int("horizon", horizon), check_int("outputs", outputs)
        self.d_model, self.n_hidden = check_int("d_model", d_model), check_int("n_hidden", n_hidden)
        names = ["first", *(f"hidden_{i}" for i in range(n_hidden))]
        self.maps = [
            keras.layers.Dense(d_model, "relu" if i else None, name=name, dtype=self.dtype_policy)
            for i, name in enumerate(names)
        ]

    def build(self, input_shape: Any) -> None:
        self.bases = self.matrices(input_shape[-1])  # (p_backcast, L), (p_forecast, H)
        n_theta = len(self.bases[0]) + len(self.bases[1]) * self.outputs
        self.theta = keras.layers.Dense(n_theta, name="theta", dtype=self.dtype_policy)
        width = self.read_length(input_shape[-1])
        for dense in (*self.maps, self.theta):
            dense.build((None, width))
            width = self.d_model

    def call(self, x: Any) -> tuple[Any, Any]:
        h = self.read(x)
        for dense in self.maps:
            h = dense(h)
        theta = self.theta(h)  # (B, p_backcast + p_forecast * q)
        backcast, forecast = (ops.cast(basis, x.dtype) for basis in self.bases)
        cut = backcast.shape[0]
        weights = ops.reshape(theta[:, cut:], (-1, forecast.shape[0], self.outputs))  # (B, p, q)
        return theta[:, :cut] @ backcast, ops.einsum("bpq,ph->bhq", weights, forecast)

    def matrices(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Basis functions as rows: of the backcast (p, L), of the forecast (p, H)."""
        raise NotImplementedError

    def read(self, x: Any) -> Any:
        """What the perceptron sees of the window."""
        return x

    def read_length(self, length: int) -> int:
        return length

    def get_config(self) -> dict[str, Any]:
        own = ("horizon", "outputs", "d_model", "n_hidden", *self.settings)
        return {**super().get_config(), **{key: getattr(self, key) for key in own}}

    settings: ClassVar[tuple[str, ...]] = ()


@keras.saving.register_keras_serializable("tsmodels")
class NBEATSBlock(_Block):
    """Block over a "generic" (identity), "trend" or "seasonality" basis. Oreshkin et al., 2020.

    x (B, L), latest value first -> backcast (B, L), forecast (B, horizon, outputs). Trends have
    `degree` + 1 functions; seasons have `harmonics` frequencies per cycle.
    """

    settings = ("basis", "degree", "harmonics", "trend")

    def __init__(
        self,
        horizon: int,
        basis: Basis = "generic",
        degree: int = 2,
        harmonics: int = 1,
        trend: TrendBasis = "polynomial",
        **kwargs: Any,
    ) -> None:
        super().__init__(horizon, **kwargs)
        self.basis = check_option("basis", basis, Basis.__args__)  # type: ignore[attr-defined]
        self.degree, self.harmonics, self.trend = degree, harmonics, trend

    def matrices(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        horizon = self.horizon
        if self.basis == "generic":
            return np.eye(length), np.eye(horizon)
        if self.basis == "trend":
            both = (trend_basis(self.trend, n, self.degree).T for n in (length, horizon))
            return tuple(both)  # type: ignore[return-value]
        season = functools.partial(seasonal_basis, horizon=horizon, harmonics=self.harmonics)
        return season(-np.arange(length)), season(np.arange(horizon))


@keras.saving.register_keras_serializable("tsmodels")
class NHITSBlock(_Block):
    """Block that reads a pooled window and writes interpolated knots. Challu et al., 2023.

    x (B, L), latest value first -> backcast (B, L), forecast (B, horizon, outputs). Windows of
    `pool` steps become their maximum or mean (a shorter last window its own); the forecast has one
    knot per `downsample` steps.
    """

    settings = ("pool", "pooling", "downsample", "interpolation")

    def __init__(
        self,
        horizon: int,
        pool: int = 1,
        pooling: Literal["max", "mean"] = "max",
        downsample: int = 1,
        interpolation: Interpolation = "linear",
        **kwargs: Any,
    ) -> None:
        super().__init__(horizon, **kwargs)
        self.pool, self.downsample = check_int("pool", pool), check_int("downsample", downsample)
        self.pooling = check_option("pooling", pooling, ("max", "mean"))
        self.interpolation = interpolation

    def matrices(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        n_knots = max(self.horizon // self.downsample, 1)
        return np.eye(length), interpolation(n_knots, self.horizon, self.interpolation)

    def read_length(self, length: int) -> int:
        return -(-length // self.pool)

    def read(self, x: Any) -> Any:
        length = x.shape[1]
        n = self.read_length(length)
        missing = n * self.pool - length
        x = ops.concatenate([x] + [x[:, -1:]] * missing, axis=1)  # the maximum stays the same
        cells = ops.reshape(x, (-1, n, self.pool))
        if self.pooling == "max":
            return ops.max(cells, axis=2)
        whole = np.arange(n * self.pool).reshape(n, self.pool) < length
        shares = whole / whole.sum(axis=1, keepdims=True)
        return ops.sum(cells * ops.cast(shares, x.dtype), axis=2)


# Networks ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _ResidualStacks(Network):
    """What the two share: each target on its own, from its last value, block after block.

    A linear map of the window that starts at zero stands beside the blocks; the papers have none.
    Covariates are read beside it.
    """

    reads_covariates: ClassVar[bool] = False

    d_model: int = 256
    dropout: ClassVar[None] = None  # type: ignore[misc]
    revin: RevINCentre | None = "mean"
    n_hidden: int = 2

    def blocks(self, horizon: int, outputs: int) -> list[_Block]:
        raise NotImplementedError

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        x = ops.swapaxes(past[:, :, :targets], 1, 2)
        x = ops.reshape(x, (-1, past.shape[1]))  # (B * C, L)
        skip = keras.layers.Dense(horizon * outputs, kernel_initializer="zeros", name="skip")
        y = x[:, -1:, None] + ops.reshape(skip(x), (-1, horizon, outputs))  # (B * C, H, q)
        residual = ops.flip(x, axis=1)
        for block in self.blocks(horizon, outputs):
            backcast, share = block(residual)
            residual, y = residual - backcast, y + share
        y = ops.reshape(y, (-1, targets, horizon, outputs))
        return ops.swapaxes(y, 1, 2)  # (B, H, C, q)


@register("nbeats")
@dataclass(frozen=True, kw_only=True)
class NBEATS(_ResidualStacks):
    """Neural basis expansion. Oreshkin et al., 2020 (arXiv 1905.10437).

    `stacks` names the basis of each stack of `n_blocks` blocks; ("trend", "seasonality") is the
    interpretable form.
    """

    search_space: ClassVar = {
        "d_model": Int(32, 512, log=True),
        "n_blocks": Int(1, 3),
        "n_hidden": Int(1, 3),
    }

    stacks: tuple[Basis, ...] = ("generic", "trend", "seasonality")
    n_blocks: int = 1
    degree: Count = 2
    harmonics: int = 1
    trend: TrendBasis = "polynomial"

    def blocks(self, horizon: int, outputs: int) -> list[_Block]:
        return [
            NBEATSBlock(
                horizon,
                basis=basis,
                degree=self.degree,
                harmonics=self.harmonics,
                trend=self.trend,
                outputs=outputs,
                d_model=self.d_model,
                n_hidden=self.n_hidden,
                name=f"{basis}_{i}_{j}",
            )
            for i, basis in enumerate(self.stacks)
            for j in range(self.n_blocks)
        ]


@register("nhits")
@dataclass(frozen=True, kw_only=True)
class NHITS(_ResidualStacks):
    """Hierarchical interpolation. Challu et al., 2023 (arXiv 2201.12886).

    `pools` and `downsamples` give window and knot distance of each block, coarse to fine.
    """

    search_space: ClassVar = {
        "d_model": Int(32, 512, log=True),
        "n_hidden": Int(1, 3),
        "pooling": Choice(["max", "mean"]),
        "interpolation": Choice(["nearest", "linear", "cubic"]),
    }

    pools: tuple[int, ...] = (8, 4, 1)
    downsamples: tuple[int, ...] = (24, 8, 1)
    pooling: Literal["max", "mean"] = "max"
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.pools) != len(self.downsamples):
            rule = f"as long as pools ({len(self.pools)})"
            raise ValueError(fault("NHITS.downsamples", rule, self.downsamples))

    def blocks(self, horizon: int, outputs: int) -> list[_Block]:
        return [
            NHITSBlock(
                horizon,
                pool=pool,
                pooling=self.pooling,
                downsample=downsample,
                interpolation=self.interpolation,
                outputs=outputs,
                d_model=self.d_model,
                n_hidden=self.n_hidden,
                name=f"block_{i}",
            )
            for i, (pool, downsample) in enumerate(zip(self.pools, self.downsamples, strict=True))
        ]
