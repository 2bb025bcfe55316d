"""How all drawings look: colours, fonts, frames, and axes that leave nothing open.

Figures are made without pyplot, so nothing stays open and no backend is chosen; hand in `axes` of
your own `plt.subplots()` to show them in a window. `axes[0].figure.savefig("forecast.png")`.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import narwhals as nw
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure

from tsmodels.checks import fault

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
COLOURS = {
    "yhat": "#2563eb",
    "naive": "#d97706",
    "seasonal_naive": "#059669",
    "drift": "#9333ea",
}
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)


def readable(uid: Any) -> str:
    """An id as one printable line: control characters as escapes, long ids cut.

    >>> readable("a\\nb")
    'a\\\\nb'
    """
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda m: repr(m[0])[1:-1], str(uid))
    return text if len(text) <= 60 else text[:57] + "..."


def pandas_frame(frame):
    return nw.from_native(frame, eager_only=True).to_pandas()


def grid(axes, count: int):
    if axes is not None:
        axes = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
        if len(axes) != count:
            raise ValueError(fault("axes", f"{count} matplotlib axes", len(axes)))
        return axes
    columns = min(count, 2)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(6.4 * columns, 3.2 * rows), layout="constrained", dpi=120)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in every[count:]:
        ax.remove()
    return every[:count]


def clean(ax) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GRID)
    ax.tick_params(colors=MUTED, labelsize=9, length=3)
    ax.grid(axis="y", color=GRID, lw=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.02)


def legend(ax) -> None:
    ax.legend(
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        ncols=6,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0.1,
        handlelength=1.4,
        columnspacing=1,
    )


@cache
def fonts() -> list[str]:
    """Installed fonts that cover Latin and Chinese; matplotlib falls through the list by glyph."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in _FONTS if name in installed]
