"""Yahoo Finance through the package yfinance: one symbol after the other, asked again if need be.

Its own bulk download answers a failure with an empty or missing column, and its `history` may take
an error of the server for a share that is no longer traded. Here the session itself says what came
back, and every symbol that has no prices has a status and a reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

PAUSES = (1.0, 4.0, 15.0)  # seconds between attempts
CHART = "/v8/finance/chart/"
STATUSES = ("ok", "empty", "delisted", "limited", "failed")


class NoPrices(Exception):
    """A symbol without prices; the status is one of STATUSES, the text its reason."""

    def __init__(self, status: str, reason: str):
        super().__init__(reason)
        self.status = status


def load_yfinance() -> Any:
    """The package yfinance; ImportError says how to install it.

    TensorFlow brings a libcurl along. Where it is loaded before curl_cffi, by which yfinance asks,
    its functions would be called in place of those of curl_cffi, which then has no browser to play.
    """
    try:
        with _own_symbols_first():
            import curl_cffi.requests  # noqa: F401
        import yfinance
    except ImportError as error:
        raise ImportError("yfinance is needed: pip install 'tsmodels[finance]'.") from error
    return yfinance


@contextlib.contextmanager
def _own_symbols_first() -> Iterator[None]:
    """Libraries loaded meanwhile call their own functions before those of others of that name."""
    if not hasattr(os, "RTLD_DEEPBIND"):  # other systems than Linux do so anyway
        yield
        return
    before = sys.getdlopenflags()
    sys.setdlopenflags(before | os.RTLD_DEEPBIND)
    try:
        yield
    finally:
        sys.setdlopenflags(before)


def make_session(base: str | None = None) -> Any:
    """A session for yfinance that sends every request to `base` in place of Yahoo's hosts.

    Without `base` the environment variable TSMODELS_YAHOO_URL is asked, and without that Yahoo. A
    mirror answers /v8/finance/chart/SYMBOL and /v1/test/getcrumb. Raises ConnectionError for 5xx.
    """
    load_yfinance()
    from curl_cffi import requests

    there = base or os.environ.get("TSMODELS_YAHOO_URL", "")

    class Session(requests.Session):
        def request(self, method: Any, url: str, **options: Any) -> Any:  # type: ignore[override]
            answer = super().request(method, _moved(url, there), **options)
            if CHART in url:
                _check(answer)
            return answer

    return Session(impersonate="chrome")


def _moved(url: str, base: str) -> str:
    """`url` with the scheme, host and first path of `base`.

    >>> _moved("https://query2.finance.yahoo.com/v1/test/getcrumb?a=b", "http://mirror/yahoo/")
    'http://mirror/yahoo/v1/test/getcrumb?a=b'
    """
    if not base:
        return url
    there, parts = urlsplit(base), urlsplit(url)
    path = there.path.rstrip("/") + (parts.path or "/")
    return parts._replace(scheme=there.scheme, netloc=there.netloc, path=path).geturl()


def _check(answer: Any) -> None:
    """Raises what the server says of itself or of the symbol, before yfinance makes less of it."""
    status = answer.status_code
    if status >= 500:
        raise ConnectionError(f"The server answers with HTTP {status}.")
    if status in (200, 404):
        try:
            error = json.loads(answer.text)["chart"]["error"]
            gone = error["description"] if status == 404 else ""
        except (ValueError, LookupError, TypeError):
            raise ConnectionError(f"HTTP {status} from something that is no chart.") from None
        if gone:
            raise NoPrices("delisted", gone)


@dataclass
class Asker:
    """Asks for symbols one by one, again after each pause where the service may yet answer.

    Once pauses did not help a symbol that was asked for too often, the next ones are asked for
    without, until there is an answer again: a closed door is not knocked at for hours.
    """

    session: Any = None
    pauses: Sequence[float] = PAUSES
    _shut: bool = field(default=False, init=False)

    def ask(self, symbol: str, read: Callable[[Any], pd.DataFrame]) -> pd.DataFrame:
        """What `read` makes of the symbol's ticker. Raises NoPrices for whatever it cannot."""
        if self.session is None:
            self.session = make_session()
        for pause in () if self._shut else self.pauses:
            with contextlib.suppress(_Again):
                return self._once(symbol, read)
            time.sleep(pause)
        try:
            return self._once(symbol, read)
        except _Again as last:
            self._shut = last.status == "limited"
            raise NoPrices(last.status, str(last)) from last.__cause__

    def _once(self, symbol: str, read: Callable[[Any], pd.DataFrame]) -> pd.DataFrame:
        yfinance = load_yfinance()
        yfinance.data.YfData.cache_get.cache_clear()  # which keeps answers that cannot be read
        try:
            with _candid():
                answer = read(yfinance.Ticker(symbol, session=self.session))
        except Exception as error:  # whatever a service, its client or a proxy answers with
            raise _understood(error) from error
        self._shut = False
        return answer


class _Again(NoPrices):
    """A failure that may pass."""


def _understood(error: Exception) -> NoPrices:
    from yfinance import exceptions as known

    reason = f"{type(error).__name__}: {error}".partition(" See https://")[0]
    if isinstance(error, NoPrices):
        return error
    if isinstance(error, known.YFRateLimitError):
        return _Again("limited", "Asked for too often (HTTP 429).")
    if isinstance(error, known.YFPricesMissingError):
        gone = "delisted" in str(error.yahoo_reason or "")
        return NoPrices("delisted" if gone else "empty", error.yahoo_reason or error.rationale)
    if isinstance(error, known.YFTzMissingError):
        return NoPrices("delisted", error.rationale)
    passing = isinstance(error, OSError | ValueError | known.YFDataException)
    return (_Again if passing else NoPrices)("failed", reason)


@contextlib.contextmanager
def _candid() -> Iterator[None]:
    """yfinance raises its errors, not logs them, and warns nobody of how it uses pandas."""
    import yfinance

    debug = yfinance.config.debug
    before, debug.hide_exceptions = debug.hide_exceptions, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        debug.hide_exceptions = before
