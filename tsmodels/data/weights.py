"""Weights: how much each row of a panel counts in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tsmodels.checks import check_real, did_you_mean, fault
from tsmodels.data.panel import Panel


def weighted(panel: Panel, sample_weight: Any, n_rows: int) -> Panel:
    """The panel with weights: a number a row of the input (of `n_rows`), or one for each id.

    A table (rows, series) weighs the cells of a wide frame. Ids that are not named count 1, and so
    do rows that close a gap, where there is nothing to learn.

    >>> from tsmodels.data.frame import make_panel
    >>> weighted(make_panel(np.arange(3.0)), [0, 1, 2], 3).weights.tolist()
    [0.0, 1.0, 2.0]
    """
    if isinstance(sample_weight, Mapping):
        weights = np.repeat(_of_series(panel, sample_weight), panel.lengths)
    else:
        weights = _of_rows(panel, sample_weight, n_rows)
    return replace(panel, weights=weights)


def _of_series(panel: Panel, weights: Mapping[Any, Any]) -> np.ndarray:
    ids = [name[0] if panel.targets else name for name in panel.ids.tolist()]
    for name, weight in weights.items():
        if name not in ids:
            way_out = did_you_mean(name, ids)
            raise ValueError(fault("sample_weight", "weights by id", name, way_out))
        check_real(f"sample_weight[{name!r}]", weight, low=0.0)
    return np.array([float(weights.get(name, 1.0)) for name in ids])


def _of_rows(panel: Panel, sample_weight: Any, n_rows: int) -> np.ndarray:
    try:
        given = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        rule = "an array with a number a row, or a dict with one an id"
        raise TypeError(fault("sample_weight", rule, sample_weight)) from None
    shapes: list[tuple[int, ...]] = [(n_rows,)]
    if panel.style.layout == "wide":
        shapes.append((n_rows, panel.n_series))
    if given.shape not in shapes:
        rule = f"of shape {' or '.join(map(str, shapes))}"
        raise ValueError(fault("sample_weight", rule, given.shape))
    bad = given[~(np.isfinite(given) & (given >= 0))]
    if bad.size:
        raise ValueError(fault("sample_weight", "finite and not negative", float(bad[0])))
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    own = given[panel.rows] if given.ndim == 1 else given[panel.rows, series]
    return np.where(panel.rows < 0, 1.0, own)
