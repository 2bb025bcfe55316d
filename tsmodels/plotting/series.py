"""Forecasts and backtests as matplotlib axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates

from tsmodels.checks import check_int, did_you_mean, fault
from tsmodels.plotting.style import (
    COLOURS,
    INK,
    MUTED,
    clean,
    fonts,
    grid,
    legend,
    pandas_frame,
    readable,
)


def plot_forecast(
    history: pd.DataFrame,
    forecast: pd.DataFrame,
    ids: Sequence[Any] | None = None,
    *,
    truth: pd.DataFrame | None = None,
    target: str = "y",
    label: str | None = None,
    n_history: int | None = None,
    axes=None,
):
    """History, forecast, its intervals and, where known, the truth: one axes per id, as an array.

    `ids=None` takes up to three spread over the forecast's ids. Where a column `target` tells
    several targets of an id apart, each has axes of its own, and `ids=None` is the first id.
    `n_history` is how many rows of history are drawn (default: four times the forecast); `label`
    names the unit beside the y axis (default: the target column).

    >>> history = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": range(9)})
    >>> forecast = pd.DataFrame({"unique_id": "a", "ds": [9, 10], "yhat": [9.0, 10.0]})
    >>> axes = plot_forecast(history, forecast)
    >>> axes[0].get_title(loc="left"), axes[0].get_ylabel()
    ('a', 'y')
    """
    history, forecast = pandas_frame(history), pandas_frame(forecast)
    truth = None if truth is None else pandas_frame(truth)
    names: dict[Any, str] = {}
    if "target" in forecast:
        uids = _chosen(forecast, ids)[: 1 if ids is None else None]
        of_them = forecast[forecast["unique_id"].isin(uids)]
        history, forecast, truth = (_by_target(f) for f in (history, of_them, truth))
        names = dict(zip(forecast["unique_id"], forecast["target"], strict=True))
        ids = list(names)
    chosen = _chosen(forecast, ids)
    axes = grid(axes, len(chosen))
    for ax, uid in zip(axes, chosen, strict=True):
        ahead = _rows(forecast, uid)
        before = _rows(history, uid).tail(_history_rows(n_history, len(ahead)))
        _line(ax, before, target, color=MUTED, label="history")
        if truth is not None:
            _line(ax, _rows(truth, uid), target, color=INK, label="truth")
        _intervals(ax, ahead)
        _line(ax, ahead, "yhat", color=COLOURS["yhat"], lw=1.8, label="forecast")
        if len(before):
            ax.axvline(_time(before).iloc[-1], color=MUTED, lw=0.8, ls=":")
        _finish(ax, uid, label or names.get(uid, target), ahead)
    legend(axes[0])
    return axes


def plot_backtest(
    frame: pd.DataFrame, ids: Sequence[Any] | None = None, *, label: str = "y", axes=None
):
    """Forecast and truth of every window for up to three ids, then the error by step of each model.

    `frame` is `Backtest.frame`. Errors of each id are divided by its naive error, so that ids of
    different size weigh alike: 1 is as good as repeating the last value.

    >>> frame = pd.DataFrame({"unique_id": "a", "ds": [3, 4], "cutoff": 2, "step": [1, 2]})
    >>> frame = frame.assign(y=[3.0, 4.0], yhat=[3.0, 5.0], naive=[2.0, 2.0])
    >>> plot_backtest(frame)[-1].get_xlabel()
    'step ahead'
    """
    frame = pandas_frame(frame)
    chosen = _chosen(frame, ids)
    axes = grid(axes, len(chosen) + 1)
    for ax, uid in zip(axes, chosen, strict=False):
        rows = _rows(frame, uid)
        _line(ax, rows.drop_duplicates("ds"), "y", color=INK, label="truth")
        for number, (_, window) in enumerate(rows.groupby("cutoff")):
            name = "forecast" if number == 0 else None
            _intervals(ax, window, named=number == 0)
            _line(ax, window, "yhat", color=COLOURS["yhat"], lw=1.8, label=name)
        for cutoff in _time(rows, "cutoff").unique():
            ax.axvline(cutoff, color=MUTED, lw=0.8, ls=":")
        _finish(ax, uid, label, rows)
    legend(axes[0])
    _plot_error_by_step(axes[len(chosen)], frame)
    return axes


def error_by_step(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute error by step of each model in `Backtest.frame`, each id over its naive error.

    Ids whose naive forecast is without error have no scale and are left out.

    >>> frame = pd.DataFrame({"unique_id": "a", "step": [1, 2], "y": [3.0, 4.0]})
    >>> error_by_step(frame.assign(yhat=[3.0, 5.0], naive=[2.0, 1.0]))["yhat"].tolist()
    [0.0, 0.5]
    """
    models = [name for name in COLOURS if name in frame.columns]
    errors = frame[models].sub(frame["y"], axis=0).abs()
    scale = errors["naive"].groupby(frame["unique_id"]).transform("mean")
    known = scale > 0
    return errors[known].div(scale[known], axis=0).groupby(frame["step"][known]).mean()


def _plot_error_by_step(ax, frame) -> None:
    table = error_by_step(frame)
    for name in table:
        style = "-" if name == "yhat" else "--"
        label = "forecast" if name == "yhat" else name.replace("_", " ")
        ax.plot(table.index, table[name], style, color=COLOURS[name], lw=1.6, label=label)
    ax.set_title("Error by step", loc="left", fontsize=11, color=INK)
    ax.set_xlabel("step ahead", color=MUTED)
    ax.set_ylabel("MAE / naive MAE", color=MUTED)
    ax.set_ylim(bottom=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    clean(ax)
    legend(ax)


def _chosen(frame, ids) -> list:
    known = frame["unique_id"].unique().tolist()
    if ids is None:
        if not known:
            raise ValueError(fault("forecast", "a frame with rows", "an empty one"))
        places = np.linspace(0, len(known) - 1, min(3, len(known)))
        return [known[k] for k in places.round().astype(int)]
    chosen = list(ids)
    for uid in chosen:
        if uid not in known:
            raise ValueError(fault("ids", "ids of the forecast", uid, did_you_mean(uid, known)))
    if not chosen:
        raise ValueError(fault("ids", "at least one id", ids))
    return chosen


def _by_target(frame):
    """A frame of several targets with an id for each of them, "id, target"."""
    if frame is None:
        return None
    pairs = zip(frame["unique_id"], frame["target"], strict=True)
    return frame.assign(unique_id=[f"{uid}, {target}" for uid, target in pairs])


def _history_rows(n_history, n_ahead: int) -> int:
    return 4 * n_ahead if n_history is None else check_int("n_history", n_history, 0)


def _rows(frame, uid):
    return frame[frame["unique_id"] == uid].sort_values("ds", kind="stable")


def _time(rows, column: str = "ds"):
    """The column as matplotlib draws it: wall-clock time without its zone."""
    times = rows[column]
    return times.dt.tz_localize(None) if isinstance(times.dtype, pd.DatetimeTZDtype) else times


def _line(ax, rows, column: str, *, color, label, lw: float = 1.2) -> None:
    marker = "o" if len(rows) == 1 else None
    ax.plot(_time(rows), rows[column], color=color, lw=lw, label=label, marker=marker, ms=4)


def _intervals(ax, rows, named: bool = True) -> None:
    levels = sorted(
        (c.removeprefix("yhat-lo-") for c in rows if c.startswith("yhat-lo-")), key=float
    )
    for level, alpha in zip(reversed(levels), np.linspace(0.15, 0.4, len(levels)), strict=True):
        low, high = rows[f"yhat-lo-{level}"], rows[f"yhat-hi-{level}"]
        label = f"{level} %" if named else None
        ax.fill_between(
            _time(rows), low, high, color=COLOURS["yhat"], alpha=alpha, lw=0, label=label
        )


def _finish(ax, uid, label: str, rows) -> None:
    family = fonts()
    ax.set_title(readable(uid), loc="left", fontsize=11, color=INK, family=family, parse_math=False)
    ax.set_ylabel(label, color=MUTED, family=family, parse_math=False)
    zone = getattr(rows["ds"].dtype, "tz", None)
    if pd.api.types.is_datetime64_any_dtype(rows["ds"].dtype):
        locator = dates.AutoDateLocator(minticks=3, maxticks=7)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    ax.set_xlabel(f"time ({zone})" if zone else "time", color=MUTED)
    clean(ax)
