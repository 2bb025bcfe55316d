"""Prices and headlines of Yahoo Finance, with a stand-in for its client."""

import pandas as pd
import pytest
import yfinance
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

from tsmodels.data import finance
from tsmodels.data.finance import download_headlines, download_prices

DAYS = pd.date_range("2024-01-02", periods=3, tz="America/New_York", name="Date")
NEWS = [
    {"content": {"title": "later", "pubDate": "2024-01-03T09:00:00Z"}},
    {"content": {"title": "earlier", "pubDate": "2024-01-02T23:30:00Z"}},
    {"content": {"title": "never", "pubDate": None}},
]


class Ticker:
    refused = 0

    def __init__(self, symbol, session=None):
        self.symbol = symbol

    def history(self, **span):
        assert span["raise_errors"] and span.get("start") == "2024-01-02"
        if Ticker.refused:
            Ticker.refused -= 1
            raise YFRateLimitError()
        if self.symbol == "GONE":
            raise YFPricesMissingError("GONE", "")
        return pd.DataFrame({"Close": [1.0, None, 3.0], "Volume": [5, 6, 7]}, index=DAYS)

    def get_news(self, count):
        return NEWS[:count]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    pauses = []
    monkeypatch.setattr(yfinance, "Ticker", Ticker)
    monkeypatch.setattr(finance.time, "sleep", pauses.append)
    Ticker.refused = 0
    return pauses


def test_prices_are_a_long_frame_of_days_at_the_exchange(stand_in):
    Ticker.refused = 2
    frame = download_prices(["AAPL", "KO"], start="2024-01-02")
    assert frame.columns.tolist() == ["unique_id", "ds", "y", "volume"]
    assert frame.unique_id.tolist() == ["AAPL"] * 2 + ["KO"] * 2
    assert frame.ds.dt.strftime("%F").tolist() == ["2024-01-02", "2024-01-04"] * 2
    assert frame.y.tolist() == [1.0, 3.0] * 2 and stand_in == [1.0, 4.0]


def test_headlines_are_in_order_and_dated():
    frame = download_headlines(["KO"])
    assert frame.text.tolist() == ["earlier", "later"] and frame.ds.dt.tz is None
    assert download_headlines(["KO"], count=1).text.tolist() == ["later"]


def test_every_symbol_without_an_answer_is_named(stand_in):
    with pytest.raises(ConnectionError, match="1 of 2 symbols had no answer. GONE: YFPricesMiss"):
        download_prices(["KO", "GONE"], start="2024-01-02")
    Ticker.refused = 9
    with pytest.raises(ConnectionError, match="2 of 2 .* KO: YFRateLimitError"):
        download_prices(["KO", "AAPL"], start="2024-01-02")
    assert len(stand_in) == 6


def test_one_name_is_no_list():
    with pytest.raises(ValueError, match="symbols must be a list of symbols"):
        download_prices("AAPL")
