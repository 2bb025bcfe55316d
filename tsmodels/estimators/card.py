"""What a forecaster is, what it has learned from and how well it did, on a page of Markdown.

Mitchell et al., 2019, "Model cards for model reporting".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

import tsmodels
from tsmodels.backend import keras
from tsmodels.checks import fault

Rows = Iterable[tuple[Any, ...]]

NO_BACKTEST = (
    "None was handed over: how good the forecasts are is not known here. "
    "`card(backtest(model, frame, level=80))` says it."
)


def model_card(forecaster: Any, backtest: Any = None) -> str:
    """The card of a fitted forecaster, with the result of a `backtest` of it; see
    `Forecaster.card`."""
    check_is_fitted(forecaster, "context_")
    if backtest is not None and not hasattr(backtest, "verdict"):
        way_out = "tsmodels.backtest(model, frame) makes one."
        raise TypeError(fault("backtest", "a Backtest or None", type(backtest).__name__, way_out))
    name = forecaster.network_.name or type(forecaster.network_).__name__
    parts = [f"# {name}: {_steps(forecaster.horizon_)} of {_targets(forecaster)}"]
    parts += [_table(("", ""), _facts(forecaster))]
    parts += ["## Data", _table(("", ""), _data(forecaster))]
    parts += ["## Settings", "Parameters that are not the default.", _settings(forecaster)]
    parts += ["## Backtest", *(_judged(backtest) if backtest else [NO_BACKTEST])]
    parts += ["## Limits", _limits(forecaster)]
    return "\n\n".join(parts) + "\n"


def _facts(forecaster: Any) -> Rows:
    losses = forecaster.history_.get("loss", [])
    held = forecaster.history_.get("val_loss", [])
    packages = (tsmodels, keras, import_module(keras.backend.backend()))
    yield "made by", ", ".join(f"{p.__name__} {p.__version__}" for p in packages)
    yield "network", f"`{forecaster.network_!r}`"
    yield "weights", f"{sum(w.size for w in forecaster.weights_):,}"
    yield "reads", f"{forecaster.lookback_:,} rows"
    yield "forecasts", _steps(forecaster.horizon_)
    yield "season", f"{forecaster.season_length_:,} rows"
    if losses:
        best = f", best validation loss {min(held):.4g}" if held else ", no row held out"
        yield "training", f"{len(losses)} epochs, last loss {losses[-1]:.4g}{best}"


def _data(forecaster: Any) -> Rows:
    span, roles = forecaster.span_, forecaster.channels_.roles
    yield "series", f"{span['series']:,}"
    yield "rows", f"{span['rows']:,}"
    yield "from", span["first"]
    yield "to", span["last"]
    yield "frequency", ", ".join(f"`{freq}`" for freq in forecaster.context_.calendar.freqs)
    for kind, names in vars(roles).items():
        if names:
            yield kind.replace("_", " "), ", ".join(f"`{name}`" for name in names)
    missing = forecaster.missing_
    if missing:
        yield "without a value", f"{sum(missing.values()):,} rows in {len(missing):,} series"


def _settings(forecaster: Any) -> str:
    changed = [
        (f"`{field.name}`", f"`{getattr(forecaster, field.name)!r}`")
        for field in fields(forecaster)
        if field.default is MISSING or not _same(getattr(forecaster, field.name), field.default)
    ]
    return _table(("parameter", "value"), changed) if changed else "All are."


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(np.all(value == default))


def _judged(backtest: Any) -> Iterable[str]:
    yield backtest.verdict
    scores = backtest.scores.rename(index={"yhat": "**this forecaster**"})
    yield _table(("model", *scores.columns), scores.round(4).itertuples())
    if backtest.intervals is not None:
        yield "Intervals; width and Winkler score in naive errors:"
        rows = (
            (f"{level:g} %", f"{row.coverage:.1%}", f"{row.width:.3f}", f"{row.winkler:.3f}")
            for level, row in backtest.intervals.iterrows()
        )
        yield _table(("level", "coverage", "width", "Winkler"), rows)


def _limits(forecaster: Any) -> str:
    reach, least = _steps(forecaster.horizon_), f"{forecaster._min_history:,}"
    return (
        f"- Farther than {reach} ahead, forecasts are fed back as history, without intervals.\n"
        f"- Series of fewer than {least} rows have the seasonal naive forecast, and are marked.\n"
        "- What the rows of `fit` never showed, such as another regime, is in no forecast."
    )


def _targets(forecaster: Any) -> str:
    return ", ".join(str(name) for name in forecaster.targets_)


def _steps(n: int) -> str:
    return f"{n:,} step" if n == 1 else f"{n:,} steps"


def _table(head: tuple[str, ...], rows: Rows) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
