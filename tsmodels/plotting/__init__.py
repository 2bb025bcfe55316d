"""Forecasts, backtests, explanations, attention, searches: matplotlib axes without pyplot."""

from tsmodels.plotting.attention import plot_attention
from tsmodels.plotting.explanation import plot_explanation
from tsmodels.plotting.search import (
    importance,
    plot_convergence,
    plot_importance,
    plot_parallel,
    plot_slices,
)
from tsmodels.plotting.series import error_by_step, plot_backtest, plot_forecast
from tsmodels.plotting.style import COLOURS, readable

__all__ = [
    "COLOURS",
    "error_by_step",
    "importance",
    "plot_attention",
    "plot_backtest",
    "plot_convergence",
    "plot_explanation",
    "plot_forecast",
    "plot_importance",
    "plot_parallel",
    "plot_slices",
    "readable",
]
