"""Covariates on their way into a network: codes become vectors, and what it does not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsmodels.backend import ops
from tsmodels.layers.covariates import CategoryEmbedding, CovariateForecast
from tsmodels.networks.base import Network

Places = tuple[tuple[int, int], ...]  # channels of codes, and how many categories each has


def embedded(
    past: Any, future: Any, static: Any, places: Places, static_places: Places
) -> tuple[Any, Any, Any]:
    """Covariates of the past (B, T, C), future (B, H, G) and series (B, K), vectors for codes.

    Vectors stand behind the numbers. The last G channels of the past are those of the future, and
    have the same vectors.
    """
    layers = {i: CategoryEmbedding(n, name=f"category_{i}") for i, n in places}
    first = past.shape[-1] - future.shape[-1]
    ahead = {i - first: layer for i, layer in layers.items() if i >= first}
    fixed = {i: CategoryEmbedding(n, name=f"static_category_{i}") for i, n in static_places}
    return _with_vectors(past, layers), _with_vectors(future, ahead), _with_vectors(static, fixed)


def _with_vectors(x: Any, layers: Mapping[int, CategoryEmbedding]) -> Any:
    if not layers:
        return x
    numbers = [x[..., i : i + 1] for i in range(x.shape[-1]) if i not in layers]
    vectors = [layer(x[..., i]) for i, layer in layers.items()]
    return ops.concatenate(numbers + vectors, axis=-1)


def beside(network: Network, y: Any, past: Any, future: Any, static: Any) -> Any:
    """Raw numbers y (B, H, K, P), with what covariates say where the network reads none itself.

    The first K channels of the past are the targets.
    """
    horizon, targets, outputs = y.shape[1:]
    covariates = past[:, :, targets:]
    width = covariates.shape[-1] + future.shape[-1] + static.shape[-1]
    if network.reads_covariates or not width:
        return y
    more = CovariateForecast(targets * outputs, name="covariates")(covariates, future, static)
    return y + ops.reshape(more, (-1, horizon, targets, outputs))
