"""Prices and headlines of Yahoo Finance, by the package yfinance: one symbol after the other.

Its own bulk download answers a failure with an empty or missing column. Here each symbol is asked
for until it answers, and what could not be had is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from tsmodels.checks import fault

PAUSES = (1.0, 4.0, 15.0)  # seconds between attempts


def download_prices(
    symbols: Sequence[str], start: str | None = None, session: Any = None
) -> pd.DataFrame:
    """Daily prices adjusted for splits and dividends: unique_id, ds, y (the close), and volume.

    From `start` on, an ISO date, or as far back as there is something. `ds` is the day at the
    exchange. Raises ConnectionError that names every symbol without an answer, and why.
    """

    def prices(ticker: Any) -> pd.DataFrame:
        span = {"period": "max"} if start is None else {"start": start}
        table = ticker.history(auto_adjust=True, raise_errors=True, **span)
        days = table.index.tz_localize(None).normalize().as_unit("us")
        columns = {"ds": days, "y": table["Close"].to_numpy(), "volume": table["Volume"].to_numpy()}
        return pd.DataFrame(columns).dropna(subset="y")

    return _of_each(symbols, prices, session)


def download_headlines(
    symbols: Sequence[str], count: int = 100, session: Any = None
) -> pd.DataFrame:
    """The latest headlines: unique_id, ds (UTC, without a zone), text, oldest first.

    Yahoo keeps few and no old ones: a history is made by collecting them day after day.
    """

    def headlines(ticker: Any) -> pd.DataFrame:
        found = [item.get("content", item) for item in ticker.get_news(count=count)]
        told = [(item["pubDate"], item["title"]) for item in found if item.get("pubDate")]
        table = pd.DataFrame(told, columns=["ds", "text"])
        stamps = pd.to_datetime(table["ds"], utc=True, format="ISO8601")
        table["ds"] = stamps.dt.tz_localize(None).dt.as_unit("us")
        return table.sort_values("ds", kind="stable", ignore_index=True)

    return _of_each(symbols, headlines, session)


def _of_each(
    symbols: Iterable[str], read: Callable[[Any], pd.DataFrame], session: Any
) -> pd.DataFrame:
    if isinstance(symbols, str) or not (symbols := list(symbols)):
        raise ValueError(fault("symbols", "a list of symbols", symbols))
    parts, failed = [], {}
    for symbol in symbols:
        try:
            part = _patiently(symbol, read, session)
            parts.append(part.assign(unique_id=symbol)[["unique_id", *part.columns]])
        except ImportError as error:
            raise ImportError("yfinance is needed: pip install 'tsmodels[finance]'.") from error
        except Exception as error:  # whatever a service, its client or a proxy answers with
            failed[symbol] = f"{type(error).__name__}: {error}"
    if failed:
        reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in failed.items())
        raise ConnectionError(f"{len(failed)} of {len(symbols)} symbols had no answer. {reasons}")
    return pd.concat(parts, ignore_index=True)


def _patiently(symbol: str, read: Callable[[Any], pd.DataFrame], session: Any) -> pd.DataFrame:
    """What `read` makes of a symbol, asked again after pauses where it is too often asked."""
    import yfinance
    from yfinance.exceptions import YFRateLimitError

    for pause in PAUSES:
        try:
            return read(yfinance.Ticker(symbol, session=session))
        except (YFRateLimitError, OSError):
            time.sleep(pause)
    return read(yfinance.Ticker(symbol, session=session))
