"""Reconciliation: forecasts of parts and of their sums that add up.

Glossary, after Wickramasuriya, Athanasopoulos & Hyndman, 2019: n series of which b are at the
bottom, S (n, b) the summing matrix, W (n, n) the covariance of the base forecasts' errors, G (b, n)
the map of base forecasts to bottom ones; reconciled forecasts are S G yhat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.checks import check_option, fault

METHODS = ("bottom_up", "ols", "wls", "mint")


def summing_matrix(
    ids: Sequence[Any], parts: Mapping[Any, Sequence[Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """S (n, b), which bottom series each of `ids` is the sum of, and where these are, (b,).

    `parts` names the direct parts of each sum; ids that are no sum are the bottom, in the order of
    `ids`. Raises ValueError where parts are not among `ids`, or go round in a circle.

    >>> S, bottom = summing_matrix(["all", "a", "b"], {"all": ["a", "b"]})
    >>> S.tolist(), bottom.tolist()
    ([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [1, 2])
    """
    place = {name: i for i, name in enumerate(ids)}
    for name, own in parts.items():
        for part in (name, *own):
            if part not in place:
                raise ValueError(fault("parts", f"of the series {list(ids)[:8]}", part))
    bottom = [name for name in ids if name not in parts]
    column = {name: j for j, name in enumerate(bottom)}
    rows: dict[Any, np.ndarray] = {}

    def row(name: Any, above: tuple[Any, ...]) -> np.ndarray:
        if name in above:
            raise ValueError(fault("parts", "without circles", [*above, name]))
        if name not in rows:
            if name in column:
                rows[name] = np.eye(len(bottom))[column[name]]
            else:
                rows[name] = sum(row(part, (*above, name)) for part in parts[name])  # type: ignore
        return rows[name]

    return np.stack([row(name, ()) for name in ids]), np.array([place[name] for name in bottom])


def reconciled(
    yhat: np.ndarray,
    S: np.ndarray,
    bottom: np.ndarray,
    method: str = "ols",
    errors: np.ndarray | None = None,
) -> np.ndarray:
    """Forecasts (n, ...) that add up by S, nearest to `yhat` in the sense of `method`.

    "bottom_up" adds up the bottom ones; "ols" projects (Hyndman et al., 2011); "wls" weighs each
    series by the variance of its `errors` (m, n), "mint" by their covariance, shrunk towards its
    diagonal (Schafer & Strimmer, 2005). Forecasts that add up already stay as they are.

    >>> S, bottom = summing_matrix(["all", "a", "b"], {"all": ["a", "b"]})
    >>> reconciled(np.array([9.0, 2.0, 4.0]), S, bottom).round(6).tolist()
    [8.0, 3.0, 5.0]
    """
    check_option("method", method, METHODS)
    flat = yhat.reshape(len(yhat), -1)
    if method == "bottom_up":
        return (S @ flat[bottom]).reshape(yhat.shape)
    W = np.eye(len(S)) if method == "ols" else _covariance(errors, len(S), method)
    weighed = np.linalg.solve(W, S).T  # S' W^-1, (b, n)
    G = np.linalg.solve(weighed @ S, weighed)  # (b, n)
    return (S @ (G @ flat)).reshape(yhat.shape)


def reconcile(
    forecast: pd.DataFrame,
    parts: Mapping[Any, Sequence[Any]],
    method: str = "ols",
    errors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A forecast frame whose sums are the sums of their parts: `unique_id`, `ds`, `yhat`.

    `parts` names the direct parts of each sum, `{"country": ["north", "south"], ...}`; every id has
    a row at every stamp. "wls" and "mint" read `y` and `yhat` in `errors`, the frame of a backtest.
    Intervals are no sums and are left out. Raises ValueError where a row is missing.

    >>> f = pd.DataFrame({"unique_id": ["all", "a", "b"], "ds": 1, "yhat": [9.0, 2.0, 4.0]})
    >>> reconcile(f, {"all": ["a", "b"]}, "bottom_up").yhat.tolist()
    [6.0, 2.0, 4.0]
    """
    ids = list(dict.fromkeys(forecast["unique_id"].tolist()))
    S, bottom = summing_matrix(ids, parts)
    table = forecast.pivot(index="unique_id", columns="ds", values="yhat").loc[ids]
    _refuse_holes(table, "forecast")
    found = None
    if errors is not None:
        keys = [name for name in ("cutoff", "ds") if name in errors]
        missed = errors.assign(error=errors["y"] - errors["yhat"])
        wide = missed.pivot(index=keys, columns="unique_id", values="error")
        found = wide.reindex(columns=ids).dropna().to_numpy()
    values = pd.DataFrame(
        reconciled(table.to_numpy(), S, bottom, method, found), table.index, table.columns
    )
    long = values.stack().rename("yhat").reset_index()
    return forecast[["unique_id", "ds"]].merge(long, on=["unique_id", "ds"], how="left")


def _refuse_holes(table: pd.DataFrame, parameter: str) -> None:
    holes = np.argwhere(table.isna().to_numpy())
    if len(holes):
        first = (table.index[holes[0][0]], str(table.columns[holes[0][1]]))
        got = f"{len(holes)} missing, first {first}"
        raise ValueError(fault(parameter, "a frame with every id at every stamp", got))


def _covariance(errors: np.ndarray | None, n: int, method: str) -> np.ndarray:
    """The covariance of errors (m, n) around zero: its diagonal, or shrunk towards it."""
    shape = None if errors is None else errors.shape
    if errors is None or errors.ndim != 2 or errors.shape[1] != n or len(errors) < 2:
        rule = f"an array (m, {n}) of at least two errors of each series for {method!r}"
        raise ValueError(fault("errors", rule, shape))
    covariance = errors.T @ errors / len(errors)
    variance = np.maximum(np.diag(covariance), 1e-12 * np.diag(covariance).max())
    if method == "wls":
        return np.diag(variance)
    z = errors / np.sqrt(variance)
    products = z[:, :, None] * z[:, None, :]  # (m, n, n)
    correlation = products.mean(axis=0)
    noise = products.var(axis=0) / (len(z) - 1)
    off = ~np.eye(n, dtype=bool)
    share = np.clip(noise[off].sum() / max((correlation[off] ** 2).sum(), 1e-12), 0.0, 1.0)
    shrunk = np.where(off, (1 - share) * correlation, 1.0)
    scale = np.sqrt(variance)
    return shrunk * scale[:, None] * scale[None, :]
