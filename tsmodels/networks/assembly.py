"""Stem, network and head become a `keras.Model`: the only place where one is made."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops, seeded_build
from tsmodels.layers.norm import RevIN
from tsmodels.networks.base import Network


def forecast_model(
    network: Network,
    *,
    lookback: int,
    horizon: int,
    channels: int = 1,
    targets: int = 1,
    masked: bool = False,
    season_length: int = 1,
    seed: int = 0,
) -> Any:
    """A point forecaster: past (B, T, C) [and observed (B, T)] -> (B, H, targets).

    The inputs are a dict with "past" and, if `masked`, "observed": ones where a step was seen,
    zeros where it is padding or missing. Networks that encode see zeros there and `observed` as a
    further channel; those with a `forecast` of their own see filled values (the centre of the
    window where `revin` is set) and the same channel. The same `seed` gives the same first weights;
    the global random state is left as it was. A network that is `forced` has the input "target"
    (B, H, targets) too, which it reads in training alone: zeros will do otherwise.

    >>> from tsmodels.networks import LSTM
    >>> model = forecast_model(LSTM(d_model=8), lookback=12, horizon=3)
    >>> model({"past": ops.ones((2, 12, 1))}).shape
    TensorShape([2, 3, 1])
    """
    with seeded_build(seed):
        inputs = {"past": keras.Input((lookback, channels), name="past")}
        if masked:
            inputs["observed"] = keras.Input((lookback,), name="observed")
        if network.forced:
            inputs["target"] = keras.Input((horizon, targets), name="target")
        past, statistics, revin = _normalised(network, inputs, season_length)
        parts = (
            network.layers(),
            past,
            ops.repeat(past[:, :1, :0], horizon, axis=1),  # no future covariates: (B, H, 0)
            past[:, 0, :0],  # no static covariates: (B, 0)
        )
        sizes = {"horizon": horizon, "targets": targets, "outputs": 1}
        if network.forced:
            truths = _in_window_units(inputs["target"], statistics)
            y = network.taught(*parts, truths, **sizes)
        else:
            y = network.forecast(*parts, **sizes)
        y = y[:, :, :, 0]  # (B, H, targets)
        if revin is not None:
            y = revin(y, statistics=statistics[:, :, :targets])
        return keras.Model(inputs, y, name=network.name or None)


def _in_window_units(target: Any, statistics: Any) -> Any:
    """Future values (B, H, K) as the network sees the past."""
    if statistics is None:
        return target
    centre, scale = ops.split(statistics[:, :, : target.shape[-1]], 2, axis=1)  # (B, 1, K)
    return (target - centre) / scale


def _normalised(network: Network, inputs: dict[str, Any], season_length: int) -> Any:
    """The past as the network sees it, and how to undo its normalisation."""
    past, observed = inputs["past"], inputs.get("observed")
    statistics = revin = None
    if network.revin is not None:
        revin = RevIN(network.revin, season_length=season_length, name="revin")
        past, statistics = revin(past, observed=observed)
    if observed is not None:
        seen = observed[:, :, None]  # (B, T, 1)
        past = ops.concatenate([past if network.direct else past * seen, seen], axis=-1)
    return past, statistics, revin
