"""Plots of tables that benchmarks print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_lines(
    path: Path, x: Sequence[Any], lines: Mapping[str, Sequence[float]], x_label: str, y_label: str
) -> None:
    """A line for each name over the same x, written as PNG; words are equally far apart."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, y in lines.items():
        axes.plot(range(len(x)) if isinstance(x[0], str) else x, y, marker="o", label=name)
    if isinstance(x[0], str):
        axes.set_xticks(range(len(x)), x)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
