"""What forecasts rest on, as matplotlib axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.plotting.style import COLOURS, INK, MUTED, clean, fonts, grid, legend, readable

MOST = 20  # variables that are drawn
LINES = 4  # of them that have a line of their own


def plot_explanation(table: pd.DataFrame, *, axes: Any = None) -> Any:
    """What `explain` answers: importance by variable, and by row: two axes, as an array.

    Of gradients it draws sizes, averaged over the series. The variables are the 20 most important
    ones, of which the first four are drawn row by row.

    >>> table = pd.DataFrame({"name": ["x", "x", "y"], "first": [0, 1, 0], "last": [0, 1, 0]})
    >>> axes = plot_explanation(table.assign(unique_id="a", importance=[0.5, -1.0, 0.25]))
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['y', 'x']
    """
    needed = ["name", "first", "last", "importance"]
    if not isinstance(table, pd.DataFrame) or not set(needed) <= set(table):
        got = list(table) if isinstance(table, pd.DataFrame) else type(table).__name__
        raise ValueError(fault("table", f"what explain answers, with columns {needed}", got))
    axes = grid(axes, 2)
    sizes = _sizes(table)
    _bars(axes[0], _by_name(sizes))
    _lines(axes[1], sizes)
    return axes


def _sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Importances without a sign, of permutations with it, averaged over series and targets."""
    values = table["importance"] if "std" in table else table["importance"].abs()
    keys = ["name", "first", "last"]
    groups = table.assign(importance=values).groupby(keys, sort=False, dropna=False)
    return groups["importance"].mean().reset_index()


def _by_name(sizes: pd.DataFrame) -> pd.Series:
    """One number a variable: of the widest span of rows, or where no row is in two, their sum."""
    named = sizes[sizes["name"] != "(all)"]
    span = (named["last"] - named["first"]).fillna(0).astype(int)
    single = span.groupby(named["name"]).transform("max") == 0
    widest = ~named.assign(span=-span).sort_values("span", kind="stable").duplicated("name")
    chosen = named[single | widest.reindex(named.index)]
    sums = chosen.groupby("name")["importance"].sum()
    return sums.sort_values(kind="stable", key=np.abs)[-MOST:]


def _bars(ax: Any, shares: pd.Series) -> None:
    ax.barh(range(len(shares)), shares.to_numpy(), color=COLOURS["yhat"], height=0.6)
    names = [readable(name) for name in shares.index]
    ax.set_yticks(range(len(shares)), names, family=fonts(), parse_math=False)
    ax.set_xlabel("importance", color=MUTED)
    ax.set_title("By variable", loc="left", fontsize=11, color=INK)
    clean(ax)
    ax.grid(False)


def _lines(ax: Any, sizes: pd.DataFrame) -> None:
    """A line a variable over the rows, or blocks of rows, that it has importances of."""
    rows = sizes.dropna(subset=["first"])
    order = [name for name in rows["name"].unique() if name == "(all)"]
    order += [n for n in reversed(_by_name(sizes).index) if (rows["name"] == n).sum() > 1]
    for name, colour in zip(order[:LINES], COLOURS.values(), strict=False):
        part = rows[rows["name"] == name]
        if part["first"].duplicated().any():  # the whole beside its blocks
            part = part[part["last"] - part["first"] < (part["last"] - part["first"]).max()]
        at = (part["first"] + part["last"]).astype(float) / 2
        ax.plot(at, part["importance"], "o-", ms=3, lw=1.4, color=colour, label=readable(name))
    ax.axvline(0.5, color=MUTED, lw=0.8, ls=":")
    ax.set_xlabel("rows from the cutoff", color=MUTED)
    ax.set_title("By row", loc="left", fontsize=11, color=INK)
    clean(ax)
    if order:
        legend(ax)
