"""Prices and headlines of Yahoo Finance: one Parquet file a symbol, refreshed by what is new.

`PriceStore(folder="prices")` keeps them: `refresh` asks Yahoo and says what became of every symbol,
`load` reads the files and asks nobody.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from tsmodels.checks import fault
from tsmodels.data.yahoo import PAUSES, Asker, NoPrices

OVERLAP = 5  # days asked for again, whose closes must be the ones there are
RTOL = 1e-5  # of these closes: what Yahoo's float32 leaves open is a hundredth of it
COLUMNS = ["unique_id", "ds", "y", "volume"]
REPORT = ["unique_id", "status", "reason", "rows", "new", "last"]
NO_DAYS = pd.Series([], dtype="M8[us]")
AGAIN = "Closes of days already there moved (a split or a dividend): all of it was downloaded."
ABSENT = "There is no file of it to read."


@dataclass(kw_only=True)
class PriceStore:
    """Daily closes of symbols in a folder: `adjusted/AAPL.parquet`, or `raw/` where not adjusted.

    Adjusted closes know splits and dividends, raw ones splits alone, as Yahoo gives them. `ds` is
    the day at the exchange. A file holds unique_id, ds, y and volume, and the day it was asked for
    from. The session is that of `make_session`, whose requests may go to a mirror.

    >>> import tempfile
    >>> store = PriceStore(folder=tempfile.mkdtemp())
    >>> store.status(["AAPL"]).iloc[0].tolist()[:3]
    ['AAPL', 'failed', 'There is no file of it to read.']
    """

    folder: str | Path
    adjusted: bool = True
    session: Any = None
    pauses: Sequence[float] = PAUSES

    def path(self, symbol: str) -> Path:
        """Where the prices of a symbol are kept."""
        kind = "adjusted" if self.adjusted else "raw"
        return Path(self.folder) / kind / f"{quote(symbol, safe='^=')}.parquet"

    def refresh(self, symbols: Iterable[str], start: str | None = None) -> pd.DataFrame:
        """Downloads what is not there yet, and says of each symbol what became of it.

        The answer has unique_id, status, reason, rows, new rows and the last day. `start` is an ISO
        date; None is as far back as there is something. Of a symbol that is there only the last
        five days and what follows are asked for; where closes of these days moved, it is downloaded
        whole. `status` is ok, empty (nothing in the span), delisted, limited (asked for too often)
        or failed; what was there before stays there whatever the answer.
        """
        symbols, start = check_symbols(symbols), _day(start)
        asker = Asker(self.session, self.pauses)
        table = []
        for symbol in symbols:
            kept = self._kept(symbol)
            try:
                joined, reason = self._joined(asker, symbol, kept, start)
                _write(joined, self.path(symbol))
                table.append(_line(symbol, "ok", reason, joined, kept))
            except NoPrices as error:
                table.append(_line(symbol, error.status, str(error), kept, kept))
        return pd.DataFrame(table)

    def status(self, symbols: Iterable[str]) -> pd.DataFrame:
        """The table of `refresh` for what is in the folder, without asking anybody."""
        table = []
        for symbol in check_symbols(symbols):
            kept = self._kept(symbol)
            status, reason = ("failed", ABSENT) if kept is None else ("ok", "")
            table.append(_line(symbol, status, reason, kept, kept))
        return pd.DataFrame(table)

    def load(self, symbols: Iterable[str] | None = None, start: str | None = None) -> pd.DataFrame:
        """The prices in the folder from `start` on: unique_id, ds, y, volume; of all, if None."""
        if symbols is None:
            files = sorted(self.path("").parent.glob("*.parquet"))
            symbols = [unquote(file.stem) for file in files]
        parts, since = [], _day(start)
        for symbol in check_symbols(symbols):
            if (kept := self._kept(symbol)) is None:
                way_out = f"Looked for {self.path(symbol)}; refresh([{symbol!r}]) downloads it."
                raise FileNotFoundError(fault("symbols", "symbols of the folder", symbol, way_out))
            parts.append(kept if since is None else kept[kept["ds"] >= since])
        return pd.concat(parts, ignore_index=True)

    def _kept(self, symbol: str) -> pd.DataFrame | None:
        """What is in the file; None without one, or if it cannot be read or is not of ours."""
        try:
            kept = pd.read_parquet(self.path(symbol))
        except (OSError, ValueError):
            return None
        return kept if "start" in kept.attrs and list(kept) == COLUMNS else None

    def _joined(
        self, asker: Asker, symbol: str, kept: pd.DataFrame | None, start: str | None
    ) -> tuple[pd.DataFrame, str]:
        """The old rows and the new ones, or all of them anew, and why."""
        reason = ""
        if kept is not None:
            start = _earlier(start, kept.attrs["start"])
            if start == kept.attrs["start"]:
                fresh = self._prices(asker, symbol, str(kept["ds"].iloc[-OVERLAP:].min().date()))
                if _agree(kept, fresh):
                    old = kept[kept["ds"] < fresh["ds"].iloc[0]]
                    return _asked_from(pd.concat([old, fresh], ignore_index=True), start), ""
                reason = AGAIN
        return _asked_from(self._prices(asker, symbol, start), start), reason

    def _prices(self, asker: Asker, symbol: str, start: str | None) -> pd.DataFrame:
        span = {"period": "max"} if start is None else {"start": start}

        def read(ticker: Any) -> pd.DataFrame:
            table = ticker.history(auto_adjust=self.adjusted, actions=False, **span)
            table = table[np.isfinite(table["Close"])]
            if table.empty:
                raise NoPrices("empty", f"No prices since {start or 'ever'}.")
            days = table.index.tz_localize(None).normalize().as_unit("us")
            values = [symbol, days, table["Close"].to_numpy(), table["Volume"].to_numpy()]
            return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))

        return asker.ask(symbol, read)


def download_prices(
    symbols: Sequence[str], start: str | None = None, session: Any = None
) -> pd.DataFrame:
    """Daily closes adjusted for splits and dividends: unique_id, ds, y and volume; nothing is kept.

    From `start` on, an ISO date, or as far back as there is something. `ds` is the day at the
    exchange. Raises ConnectionError that names every symbol without an answer, and why; a
    `PriceStore` goes on with the others.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = PriceStore(folder=folder, session=session)
        table = store.refresh(symbols, start)
        _raise_for(table[table["status"] != "ok"], len(table))
        return store.load(symbols)


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

    asker, parts, failed = Asker(session), [], []
    for symbol in (symbols := check_symbols(symbols)):
        try:
            part = asker.ask(symbol, headlines)
            parts.append(part.assign(unique_id=symbol)[["unique_id", *part.columns]])
        except NoPrices as error:
            failed.append({"unique_id": symbol, "status": error.status, "reason": str(error)})
    _raise_for(pd.DataFrame(failed), len(symbols))
    return pd.concat(parts, ignore_index=True)


def check_symbols(symbols: Any) -> list[str]:
    """Symbols in capitals, each once, in their order; an error for anything else.

    >>> check_symbols(["aapl", "EURUSD=X", "AAPL"])
    ['AAPL', 'EURUSD=X']
    """
    rule = "a list of symbols such as 'AAPL' or 'EURUSD=X'"
    if isinstance(symbols, str):
        raise ValueError(fault("symbols", rule, symbols, f"One symbol is [{symbols!r}]."))
    symbols = list(symbols)
    if not symbols or not all(isinstance(name, str) and name.strip() for name in symbols):
        raise ValueError(fault("symbols", rule, symbols))
    return list(dict.fromkeys(name.strip().upper() for name in symbols))


def _day(start: Any) -> str | None:
    """An ISO date as such; None stays None."""
    try:
        return None if start is None else datetime.date.fromisoformat(str(start)).isoformat()
    except ValueError:
        raise ValueError(fault("start", "an ISO date such as '2015-01-01'", start)) from None


def _earlier(a: str | None, b: str | None) -> str | None:
    """The earlier of two days, where None is the beginning."""
    return None if a is None or b is None else min(a, b)


def _agree(kept: pd.DataFrame, fresh: pd.DataFrame) -> bool:
    """Whether closes of the same days are the same, and there are such days.

    The last day there is may have been downloaded before its exchange had closed.
    """
    both = kept.iloc[:-1].merge(fresh, on="ds", suffixes=("", "_fresh"))
    return len(both) > 0 and np.allclose(both["y"], both["y_fresh"], rtol=RTOL, atol=0)


def _asked_from(frame: pd.DataFrame, start: str | None) -> pd.DataFrame:
    """The frame with what its file remembers."""
    frame.attrs["start"] = start
    return frame


def _write(frame: pd.DataFrame, path: Path) -> None:
    """The file under its name once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / path.name
        frame.to_parquet(part, index=False)
        os.replace(part, path)


def _line(
    symbol: str, status: str, reason: str, now: pd.DataFrame | None, before: pd.DataFrame | None
) -> dict[str, Any]:
    """A row of the table: what is there now, and how much of it is later than what was before."""
    days, known = (NO_DAYS if frame is None else frame["ds"] for frame in (now, before))
    last = days.max()  # NaT where there are none
    new = int((days > known.max()).sum()) if len(known) else len(days)
    values = (symbol, status, reason, len(days), new, last)
    return dict(zip(REPORT, values, strict=True))


def _raise_for(failed: pd.DataFrame, total: int) -> None:
    if len(failed):
        named = failed[["unique_id", "status", "reason"]].itertuples(index=False)
        reasons = " ".join(f"{symbol}: {status}: {reason}" for symbol, status, reason in named)
        raise ConnectionError(f"{len(failed)} of {total} symbols had no answer. {reasons}")
