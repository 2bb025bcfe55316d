"""What a decoder looks at while it writes, as matplotlib axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tsmodels.checks import fault
from tsmodels.plotting.style import INK, fonts


def plot_attention(source: Sequence[str], target: Sequence[str], weights: Any, ax: Any = None):
    """A map of attention (target, source): a row a target token, the darker the more.

    Takes what `Translator.align` answers, and gives the axes. Bahdanau et al., 2015, figure 3.

    >>> ax = plot_attention(["not", "bad"], ["nicht", "übel"], [[0.9, 0.1], [0.2, 0.8]])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['nicht', 'übel']
    """
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (len(target), len(source)):
        rule = f"of shape {(len(target), len(source))}: target tokens, source tokens"
        raise ValueError(fault("weights", rule, weights.shape))
    if ax is None:
        size = (1.6 + 0.36 * len(source), 1.2 + 0.3 * len(target))
        ax = Figure(figsize=size, layout="constrained", dpi=120).subplots()
    ax.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    style = {"color": INK, "fontsize": 9, "family": fonts() or None}
    ax.set_xticks(range(len(source)), source, rotation=60, ha="left", **style)
    ax.set_yticks(range(len(target)), target, **style)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax
