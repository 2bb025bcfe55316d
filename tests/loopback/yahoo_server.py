"""A server on this machine that plays the chart endpoint of Yahoo Finance, its moods included.

with serving({"AAPL": Listing.walk(60)}) as exchange:
    store = PriceStore(folder="prices", session=make_session(exchange.url))
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd

from tsmodels.data.yahoo import load_yfinance

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


def keep_zones(folder) -> None:
    """Lets yfinance keep the zones of exchanges in a folder, and not in the user's."""
    load_yfinance().set_tz_cache_location(str(folder))


@dataclass
class Listing:
    """What is traded of a symbol: days, close and adjclose, at an exchange in a zone."""

    days: pd.DatetimeIndex
    close: np.ndarray
    adjclose: np.ndarray
    zone: str = "America/New_York"
    opening: str = "9h30min"

    @classmethod
    def walk(cls, n_days: int, start: str = "2024-01-02", seed: int = 0, **settings) -> "Listing":
        """A random walk over business days."""
        steps = np.random.default_rng(seed).normal(scale=0.01, size=n_days)
        close = 100 * np.exp(np.cumsum(steps))
        return cls(pd.bdate_range(start, periods=n_days), close, close.copy(), **settings)

    def until(self, n_days: int) -> "Listing":
        """The same on its first days."""
        parts = (part[:n_days].copy() for part in (self.close, self.adjclose))
        return Listing(self.days[:n_days], *parts, zone=self.zone, opening=self.opening)

    def chart(self, symbol: str, first: int, last: int) -> dict:
        """The answer for stamps from `first` on and before `last`, in seconds."""
        stamps = (self.days + pd.Timedelta(self.opening)).tz_localize(self.zone)
        seconds = stamps.as_unit("s").asi8
        shown = (seconds >= first) & (seconds < last)
        price = [None if np.isnan(value) else float(value) for value in self.close[shown]]
        adjusted = [None if np.isnan(value) else float(value) for value in self.adjclose[shown]]
        quote = {name: price for name in ("open", "high", "low", "close")}
        quote["volume"] = [1000 + i for i in range(len(price))]
        indicators = {"quote": [quote], "adjclose": [{"adjclose": adjusted}]}
        stamped = {"timestamp": seconds[shown].tolist(), "indicators": indicators}
        return {"chart": {"result": [{"meta": self._meta(symbol), **stamped}], "error": None}}

    def _meta(self, symbol: str) -> dict:
        stamp = int(self.days[-1].timestamp())
        hours = {"start": stamp, "end": stamp + 23400, "timezone": "EST", "gmtoffset": -18000}
        return {
            "symbol": symbol,
            "currency": "USD",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": self.zone,
            "timezone": "EST",
            "gmtoffset": -18000,
            "firstTradeDate": int(self.days[0].timestamp()),
            "regularMarketTime": stamp,
            "regularMarketPrice": float(self.close[-1]),
            "priceHint": 2,
            "dataGranularity": "1d",
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "max"],
            "currentTradingPeriod": {"pre": hours, "regular": hours, "post": hours},
        }


@dataclass
class Exchange:
    """What the server knows. `moods` names how a symbol is answered: once each, the last for ever.

    Moods: "ok", "empty" (a quote without fields), "none" (no result), "html", "dropped", "refused"
    (an error with a reason of its own), or a number, which is an HTTP status.
    """

    listings: dict[str, Listing]
    moods: dict[str, list] = field(default_factory=dict)
    asked: list[tuple[str, dict]] = field(default_factory=list)
    news: list[dict] = field(default_factory=list)
    crumb: int = 200
    url: str = ""

    def mood(self, symbol: str):
        left = self.moods.get(symbol, ["ok"])
        return left.pop(0) if len(left) > 1 else left[0]

    def spans(self, symbol: str) -> list[int]:
        """The first second of every question about prices of a symbol."""
        told = [query for name, query in self.asked if name == symbol and "period1" in query]
        return [int(query["period1"]) for query in told]


@contextlib.contextmanager
def serving(listings: dict[str, Listing], **settings) -> Iterator[Exchange]:
    """Serves until left; `url` of what is yielded is the base address."""
    exchange = Exchange(listings, **settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(exchange))
    exchange.url = f"http://127.0.0.1:{server.server_port}/mirror"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(exchange: Exchange) -> type:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert parts.path.startswith("/mirror/")
            if parts.path.endswith("/v1/test/getcrumb"):
                self._tell(
                    exchange.crumb, "crumb" if exchange.crumb == 200 else "Too Many Requests"
                )
            elif "/v8/finance/chart/" in parts.path:
                self._chart(unquote(parts.path.rsplit("/", 1)[1]), query)
            else:
                self._tell(404, "<html></html>")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._tell(200, {"data": {"tickerStream": {"stream": exchange.news}}})

        def _chart(self, symbol, query):
            exchange.asked.append((symbol, query))
            mood = exchange.mood(symbol)
            listing = exchange.listings.get(symbol)
            if mood == "dropped":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"chart":')
                self.close_connection = True
            elif mood == "html":
                self._tell(200, "<html>Will be right back</html>")
            elif isinstance(mood, int):
                self._tell(mood, "<html></html>")
            elif listing is None:
                self._tell(404, {"chart": {"result": None, "error": NOT_FOUND}})
            elif "period1" not in query or mood == "ok":
                first, last = int(query.get("period1", 0)), int(query.get("period2", 2**40))
                self._tell(200, listing.chart(symbol, first, last))
            else:
                self._tell(400 if mood == "refused" else 200, self._odd(symbol, listing, mood))

        def _odd(self, symbol, listing, mood):
            if mood == "refused":
                error = {"code": "Bad Request", "description": "Data doesn't exist for startDate"}
                return {"chart": {"result": None, "error": error}}
            if mood == "none":
                return {"chart": {"result": None, "error": None}}
            answer = listing.chart(symbol, 0, 0)
            answer["chart"]["result"][0]["indicators"] = {"quote": [{}]}
            return answer

        def _tell(self, status, content):
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler
