"""Searches as matplotlib axes: how they converged, and what mattered.

Every function takes a fitted `WOASearchCV` (or any search of scikit-learn), its `cv_results_`, or
what `minimize` gives.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from tsmodels.checks import fault
from tsmodels.plotting.style import COLOURS, GRID, INK, MUTED, clean, fonts, grid, legend, readable

QUALITY = LinearSegmentedColormap.from_list("quality", ["#dbe4f3", "#7da2e3", "#123c9c"])
BEST = "#d97706"


@dataclass(frozen=True)
class Trials:
    """What the drawings need: parameters by column, values, and which way is better."""

    params: pd.DataFrame  # NaN where a parameter is not part of a configuration
    values: np.ndarray  # (N,), NaN for failures
    sign: float  # values times sign are to be small
    label: str

    @property
    def best(self) -> int:
        """The index of the best value."""
        return int(np.nanargmin(self.sign * self.values))

    @property
    def quality(self) -> np.ndarray:
        """From 0, the worst, to 1, the best, by rank, (N,); NaN for failures."""
        ranks = pd.Series(-self.sign * self.values).rank(pct=True)
        return ranks.to_numpy()


def trials_of(found: Any) -> Trials:
    """The trials of anything that the drawings take; at least one must have a value."""
    results = getattr(found, "cv_results_", found)
    if isinstance(results, Mapping) and "history" in results:
        history = results["history"]
        params, values = [e["x"] for e in history], [e["fun"] for e in history]
        sign, label = 1.0, "value"
    elif isinstance(results, Mapping) and "params" in results:
        name = getattr(found, "objective_", "score")
        name = name if f"mean_test_{name}" in results else _first_metric(results)
        params, values = results["params"], results[f"mean_test_{name}"]
        sign, label = -1.0, name
    else:
        rule = "a fitted search, its cv_results_, or what minimize gives"
        raise TypeError(fault("found", rule, type(found).__name__))
    numbers = np.asarray(values, dtype=float)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    if np.isnan(numbers).all():
        raise ValueError(fault("found", "a search with at least one value", "failures alone"))
    return Trials(pd.DataFrame(list(params), dtype=object), numbers, sign, label)


def plot_convergence(found: Any, *, axes: Any = None) -> Any:
    """Every value in the order of evaluation, and the best so far: one axes, as an array.

    >>> history = [{"x": {"a": a}, "fun": (a - 2) ** 2} for a in range(5)]
    >>> axes = plot_convergence({"history": history})
    >>> axes[0].get_lines()[0].get_ydata().tolist()
    [4.0, 1.0, 0.0, 0.0, 0.0]
    """
    trials = trials_of(found)
    axes = grid(axes, 1)
    ax, n = axes[0], len(trials.values)
    so_far = trials.sign * np.fmin.accumulate(trials.sign * trials.values)
    steps, failed = np.arange(1, n + 1), np.isnan(trials.values)
    ax.step(steps, so_far, where="post", color=COLOURS["yhat"], lw=1.8, label="best so far")
    ax.plot(steps, trials.values, "o", ms=3.5, color=MUTED, alpha=0.6, label="evaluation")
    if failed.any():
        foot = np.zeros(failed.sum())
        ax.plot(
            steps[failed],
            foot,
            "x",
            ms=5,
            color=BEST,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            label="failed",
        )
    ax.set_xlabel("evaluation", color=MUTED)
    ax.set_ylabel(trials.label, color=MUTED)
    ax.xaxis.get_major_locator().set_params(integer=True)
    _within_reach(ax, trials)
    clean(ax)
    legend(ax)
    return axes


def importance(found: Any, random_state: int = 0) -> pd.Series:
    """How much of the values' order each parameter explains: shares of 1, the largest first.

    A random forest learns the ranks of the values; a parameter's importance is what its accuracy
    loses when that column is shuffled (Breiman, 2001). With few trials it is a hint, no proof.

    >>> history = [{"x": {"a": i % 7, "b": i % 3}, "fun": i % 7} for i in range(60)]
    >>> importance({"history": history}).round(1).to_dict()
    {'a': 1.0, 'b': 0.0}
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    trials = trials_of(found)
    known = ~np.isnan(trials.values)
    columns = {name: _Scale(trials.params[name]).places for name in trials.params}
    X = np.nan_to_num(np.array([places[known] for places in columns.values()]).T, nan=-1.0)
    y = trials.quality[known]
    forest = RandomForestRegressor(200, min_samples_leaf=2, random_state=random_state).fit(X, y)
    drops = permutation_importance(forest, X, y, n_repeats=20, random_state=random_state)
    means = np.maximum(drops.importances_mean, 0.0)
    shares = pd.Series(means / max(means.sum(), 1e-12), index=list(columns), name="importance")
    return shares.sort_values(ascending=False, kind="stable")


def plot_importance(found: Any, *, axes: Any = None) -> Any:
    """`importance` as bars: one axes, as an array.

    >>> history = [{"x": {"a": i % 7, "b": i % 3}, "fun": i % 7} for i in range(60)]
    >>> [text.get_text() for text in plot_importance({"history": history})[0].get_yticklabels()]
    ['b', 'a']
    """
    shares = importance(found)[::-1]
    axes = grid(axes, 1)
    ax = axes[0]
    bars = ax.barh(range(len(shares)), shares.to_numpy(), color=COLOURS["yhat"], height=0.6)
    ax.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4, color=INK, fontsize=9)
    ax.set_yticks(
        range(len(shares)), [readable(n) for n in shares.index], family=fonts(), parse_math=False
    )
    ax.set_xlabel("share of what the parameters explain", color=MUTED)
    ax.set_xlim(0, max(0.1, 1.12 * shares.max()))
    clean(ax)
    ax.grid(False)
    return axes


def plot_parallel(found: Any, *, axes: Any = None) -> Any:
    """Every configuration as a line across the parameters, the better the darker: one axes.

    Parameters over several powers of ten are on a logarithmic scale; a configuration without a
    parameter passes below its axis. The best one is drawn in orange.

    >>> history = [{"x": {"a": i % 7, "b": "xyz"[i % 3]}, "fun": i % 7} for i in range(20)]
    >>> len(plot_parallel({"history": history})[0].get_lines())  # and two axes
    22
    """
    trials = trials_of(found)
    scales = [_Scale(trials.params[name]) for name in trials.params]
    axes = grid(axes, 1)
    ax, x = axes[0], np.arange(len(scales))
    rows = np.array([scale.places for scale in scales]).T  # (N, parameters)
    rows = np.where(np.isnan(rows), -0.12, rows)
    quality = np.nan_to_num(trials.quality, nan=0.0)
    for i in np.argsort(quality, kind="stable"):
        ax.plot(x, rows[i], color=QUALITY(quality[i]), lw=1.0, alpha=0.7)
    for line in ax.get_lines()[-1:]:
        line.set(color=BEST, lw=2.2, alpha=1.0)
    for place, scale in zip(x, scales, strict=True):
        ax.axvline(place, ymin=0.0, color=GRID, lw=1.0, zorder=0)
        for at, text in scale.ticks:
            offset = {"xytext": (3, 0), "textcoords": "offset points", "parse_math": False}
            ax.annotate(text, (place, at), fontsize=7, color=INK, family=fonts(), **offset)
    names = ["\n".join(textwrap.wrap(readable(n).replace("__", "__ "), 14)) for n in trials.params]
    ax.set_xticks(x, names, fontsize=8, family=fonts(), parse_math=False)
    ax.set_yticks([])
    ax.set_xlim(-0.2, len(scales) - 0.5)
    clean(ax)
    ax.spines[["left", "bottom"]].set_visible(False)
    return axes


def plot_slices(found: Any, *, axes: Any = None) -> Any:
    """The values over each parameter, the later the darker: an axes a parameter, as an array.

    >>> history = [{"x": {"a": i % 7, "b": "xyz"[i % 3]}, "fun": i % 7} for i in range(20)]
    >>> [ax.get_xlabel() for ax in plot_slices({"history": history})]
    ['a', 'b']
    """
    trials = trials_of(found)
    axes = grid(axes, trials.params.shape[1])
    order = np.linspace(0.0, 1.0, len(trials.values))
    for ax, name in zip(axes, trials.params, strict=True):
        scale = _Scale(trials.params[name])
        shown = ~np.isnan(scale.places) & ~np.isnan(trials.values)
        at = scale.positions
        ax.scatter(at[shown], trials.values[shown], c=order[shown], cmap=QUALITY, s=16)
        if shown[trials.best]:
            ax.scatter(at[trials.best], trials.values[trials.best], s=42, color=BEST, zorder=3)
        if scale.log:
            ax.set_xscale("log")
        elif scale.options is not None:
            names = [readable(option) for option in scale.options]
            ax.set_xticks(range(len(names)), names, family=fonts(), parse_math=False)
            ax.set_xlim(-0.5, len(names) - 0.5)
        elif scale.whole:
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel(readable(name), color=MUTED, family=fonts())
        ax.set_ylabel(trials.label, color=MUTED)
        clean(ax)
        _within_reach(ax, trials)
    return axes


class _Scale:
    """A parameter as places from 0 to 1, NaN where it is no part of a configuration.

    `positions` are its numbers, or the numbers of its `options`.
    """

    def __init__(self, column: pd.Series) -> None:
        values = [_plain(value) for value in column]
        there = [value for value in values if value is not _ABSENT]
        self.options: list[Any] | None = None
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in there):
            at = np.array([np.nan if v is _ABSENT else float(v) for v in values])
        else:
            self.options = sorted(set(there), key=str)
            at = np.array([np.nan if v is _ABSENT else self.options.index(v) for v in values])
        self.positions = at
        low, high = np.nanmin(at), np.nanmax(at)
        self.whole = all(isinstance(value, int) for value in there)
        skewed = low > 0 and high / low >= 30 and np.nanmedian(at) < 0.2 * high
        self.log = self.options is None and bool(skewed)
        self._ends = np.log((low, high)) if self.log else np.array((low, high))
        self.places = self._placed(at)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where to write what."""
        if self.options is not None:
            places = self._placed(np.arange(len(self.options), dtype=float))
            return [(float(p), readable(o)) for p, o in zip(places, self.options, strict=True)]
        low, high = np.exp(self._ends) if self.log else self._ends
        return [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")] if high > low else [(0.5, f"{low:.4g}")]

    def _placed(self, at: np.ndarray) -> np.ndarray:
        low, high = self._ends
        scaled = np.log(at) if self.log else at
        return (scaled - low) / (high - low) if high > low else np.where(np.isnan(at), np.nan, 0.5)


_ABSENT = object()


def _plain(value: Any) -> Any:
    """A value as a number or as text; absent ones are NaN in the frame."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and np.isnan(value):
        return _ABSENT
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _first_metric(results: Mapping[str, Any]) -> str:
    names = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    if not names:
        raise TypeError(fault("found", "a search with scores", sorted(results)))
    return names[0]


def _within_reach(ax: Any, trials: Trials) -> None:
    """Cuts off what is far worse than most, so that the better half can be told apart."""
    costs = trials.sign * trials.values
    best, middle, worst = np.nanquantile(costs, [0.0, 0.5, 1.0])
    reach = best + 4.0 * max(middle - best, 1e-12)
    if worst <= reach or middle <= best:
        return
    edge = best - 0.08 * (reach - best)
    ax.set_ylim(*sorted((trials.sign * edge, trials.sign * reach)))
