"""Prices and headlines by the real yfinance, from a server on this machine that plays Yahoo's."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from yahoo_server import Listing, keep_zones, serving

from tsmodels import Naive, PriceStore, download_headlines, download_prices
from tsmodels.data import yahoo
from tsmodels.data.yahoo import make_session

NEWS = [
    {"content": {"title": "later", "pubDate": "2024-01-03T09:00:00Z"}},
    {"content": {"title": "earlier", "pubDate": "2024-01-02T23:30:00Z"}},
    {"content": {"title": "never", "pubDate": None}},
]


@pytest.fixture(scope="module", autouse=True)
def zones(tmp_path_factory):
    """yfinance keeps the zones of exchanges in a file of its own."""
    keep_zones(tmp_path_factory.mktemp("zones"))


@pytest.fixture
def exchange(monkeypatch):
    with serving({"AAPL": Listing.walk(60), "KO": Listing.walk(60, seed=1)}, news=NEWS) as exchange:
        monkeypatch.setenv("TSMODELS_YAHOO_URL", exchange.url)
        yield exchange


@pytest.fixture
def store(tmp_path, exchange):
    return PriceStore(folder=tmp_path / "prices", pauses=(0.0, 0.0))


@pytest.fixture
def pauses(monkeypatch):
    """How long was waited, in seconds, though nobody waits."""
    waited = []
    monkeypatch.setattr(yahoo.time, "sleep", waited.append)
    return waited


def answer(store, symbol, **options):
    """The line of one symbol."""
    return store.refresh([symbol], **options).iloc[0]


def day(second):
    return pd.Timestamp(second, unit="s", tz="America/New_York").strftime("%F")


def test_prices_are_a_long_frame_of_days_at_the_exchange(store, exchange):
    exchange.listings["EURUSD=X"] = Listing.walk(60, zone="Europe/London", opening="0h")
    told = store.refresh(["aapl", "EURUSD=X", "AAPL"])
    assert told.columns.tolist() == ["unique_id", "status", "reason", "rows", "new", "last"]
    assert told[["unique_id", "status", "rows", "new"]].to_numpy().tolist() == [
        ["AAPL", "ok", 60, 60],
        ["EURUSD=X", "ok", 60, 60],
    ]
    frame = store.load()
    assert frame.columns.tolist() == ["unique_id", "ds", "y", "volume"]
    for symbol, own in frame.groupby("unique_id"):
        assert (own["ds"].to_numpy() == exchange.listings[symbol].days.to_numpy()).all()
        np.testing.assert_allclose(own["y"], exchange.listings[symbol].close, rtol=1e-12)
    assert store.path("EURUSD=X").name == "EURUSD=X.parquet"


def test_forecasts_follow_the_trading_days_of_the_data(store, exchange):
    exchange.listings["EURUSD=X"] = Listing.walk(61, zone="Europe/London", opening="0h")
    store.refresh(["AAPL", "EURUSD=X"])  # they end on a Monday and a Tuesday
    ahead = Naive(horizon=5).fit(store.load()[["unique_id", "ds", "y"]]).predict()
    days = ahead.groupby("unique_id")["ds"].agg(lambda ds: " ".join(ds.dt.strftime("%a")))
    assert days.tolist() == ["Tue Wed Thu Fri Mon", "Wed Thu Fri Mon Tue"]


def test_adjusted_and_raw_closes_lie_beside_each_other(store, exchange, tmp_path):
    exchange.listings["AAPL"].adjclose *= 0.5
    raw = PriceStore(folder=store.folder, adjusted=False)
    for one in (store, raw):
        assert answer(one, "AAPL").status == "ok"
    np.testing.assert_allclose(store.load()["y"], raw.load()["y"] / 2, rtol=1e-12)


def test_a_dead_symbol_is_asked_for_once(store, exchange):
    line = answer(store, "GONE")
    assert (line.status, line.rows) == ("delisted", 0) and "may be delisted" in line.reason
    assert len(exchange.asked) == 1 and not store.path("GONE").exists()


@pytest.mark.parametrize(
    ("mood", "status", "reason"),
    [
        (429, "limited", "Asked for too often"),
        (500, "failed", "HTTP 500"),
        ("dropped", "failed", "bytes missing"),
        ("html", "failed", "no chart"),
        (404, "failed", "HTTP 404 from something that is no chart"),
    ],
)
def test_what_may_pass_is_asked_for_again(store, exchange, mood, status, reason):
    exchange.moods["AAPL"] = [mood, "ok"]
    assert answer(store, "AAPL").status == "ok"
    exchange.moods["KO"] = [mood]
    line = answer(store, "KO")
    assert line.status == status and reason in line.reason
    assert sum(symbol == "KO" for symbol, _ in exchange.asked) >= 3


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("empty", "no price data found"),
        ("none", "no price data found"),
        ("refused", "Data doesn't exist"),
    ],
)
def test_a_span_without_prices_is_empty(store, exchange, mood, reason):
    exchange.moods["AAPL"] = [mood]
    line = answer(store, "AAPL", start="2024-01-01")
    assert line.status == "empty" and reason in line.reason


def test_days_without_a_close_are_left_out(store, exchange):
    exchange.listings["AAPL"].close[3] = exchange.listings["AAPL"].adjclose[3] = np.nan
    assert answer(store, "AAPL").rows == 59
    exchange.listings["KO"].close[:] = np.nan
    exchange.listings["KO"].adjclose[:] = np.nan
    line = answer(store, "KO")
    assert (line.status, line.reason) == ("empty", "No prices since ever.")


def test_prices_need_no_crumb(store, exchange):
    exchange.crumb = 429
    assert answer(store, "AAPL").status == "ok"


def test_a_closed_door_is_not_waited_at_for_every_symbol(exchange, pauses, tmp_path):
    exchange.moods = {name: [429] for name in ("A", "B", "C")} | {"KO": [500, "ok"]}
    table = PriceStore(folder=tmp_path).refresh(["A", "B", "C", "AAPL", "KO"])
    assert table["status"].tolist() == ["limited"] * 3 + ["ok", "ok"]
    assert pauses == [1.0, 4.0, 15.0, 1.0]  # those of A, and of KO after AAPL had an answer


def test_a_second_run_asks_for_the_new_days_alone(store, exchange):
    whole = exchange.listings["AAPL"]
    exchange.listings["AAPL"] = whole.until(57)
    exchange.listings["AAPL"].close[-1] *= 1.01  # the exchange had not closed yet
    exchange.listings["AAPL"].adjclose[-1] *= 1.01
    assert answer(store, "AAPL").rows == 57
    exchange.listings["AAPL"], exchange.asked[:] = whole, []
    line = answer(store, "AAPL")
    assert (line.status, line.reason, line.rows, line.new) == ("ok", "", 60, 3)
    assert [day(first) for first in exchange.spans("AAPL")] == [whole.days[52].strftime("%F")]
    np.testing.assert_allclose(store.load()["y"], whole.close, rtol=1e-12)


@pytest.mark.parametrize("factor", [0.25, 0.999], ids=["split", "dividend"])
def test_closes_that_moved_are_downloaded_whole(store, exchange, factor):
    whole = exchange.listings["AAPL"]
    exchange.listings["AAPL"] = whole.until(57)
    answer(store, "AAPL", start="2024-01-02")
    whole.close[:58] *= 0.25 if factor == 0.25 else 1.0
    whole.adjclose[:58] *= factor
    exchange.listings["AAPL"], exchange.asked[:] = whole, []
    line = answer(store, "AAPL", start="2024-01-02")
    assert (line.status, line.new) == ("ok", 3) and "split or a dividend" in line.reason
    assert len(exchange.spans("AAPL")) == 2
    np.testing.assert_allclose(store.load()["y"], whole.adjclose, rtol=1e-12)


def test_an_earlier_start_asks_for_everything_a_later_one_does_not(store, exchange):
    days = exchange.listings["AAPL"].days
    assert answer(store, "AAPL", start="2024-02-01").rows == (days >= "2024-02-01").sum()
    assert answer(store, "AAPL", start="2024-01-15").rows == (days >= "2024-01-15").sum()
    assert answer(store, "AAPL", start="2024-03-01").rows == (days >= "2024-01-15").sum()
    assert len(store.load(start="2024-03-01")) == (days >= "2024-03-01").sum()
    assert [day(first) for first in exchange.spans("AAPL")][:2] == ["2024-02-01", "2024-01-15"]


def test_what_was_there_stays_there(store, exchange):
    answer(store, "AAPL")
    for mood, status in ((500, "failed"), (429, "limited"), ("empty", "empty")):
        exchange.moods["AAPL"] = [mood]
        line = answer(store, "AAPL")
        assert (line.status, line.rows, line.new) == (status, 60, 0)
    del exchange.listings["AAPL"], exchange.moods["AAPL"]
    assert answer(store, "AAPL").status == "delisted" and len(store.load(["AAPL"])) == 60


def test_the_folder_answers_without_a_network(store, exchange):
    answer(store, "AAPL")
    exchange.asked.clear()
    assert store.status(["AAPL", "KO"])[["status", "rows"]].to_numpy().tolist() == [
        ["ok", 60],
        ["failed", 0],
    ]
    with pytest.raises(FileNotFoundError, match=r"symbols must be .* Got 'KO'.*refresh\(\['KO'\]"):
        store.load(["AAPL", "KO"])
    assert exchange.asked == []


@pytest.mark.parametrize("content", [b"", b"PAR1 damaged", "a file of another hand"])
def test_a_file_that_is_not_ours_is_downloaded_again(store, content):
    answer(store, "AAPL")
    if isinstance(content, bytes):
        store.path("AAPL").write_bytes(content)
    else:
        pd.DataFrame({"Close": [1.0]}).to_parquet(store.path("AAPL"))
    assert store.status(["AAPL"]).iloc[0].status == "failed"
    assert answer(store, "AAPL").new == 60 and len(store.load(["AAPL"])) == 60
    assert [path.name for path in store.path("AAPL").parent.iterdir()] == ["AAPL.parquet"]


def test_twenty_symbols_of_which_four_have_no_answer(store, exchange):
    whole = {f"S{i}": Listing.walk(60, seed=i) for i in range(17)}
    exchange.listings = {symbol: listing.until(58) for symbol, listing in whole.items()}
    exchange.moods["S16"] = [429]
    symbols = [*whole, "DEAD1", "DEAD2", "DEAD3"]
    first = store.refresh(symbols)
    assert first["status"].value_counts().to_dict() == {"ok": 16, "delisted": 3, "limited": 1}
    assert (first.loc[first["status"] != "ok", "reason"].str.len() > 0).all()
    exchange.listings, exchange.asked[:] = whole, []
    second = store.refresh(symbols)
    assert second.loc[second["status"] == "ok", "new"].tolist() == [2] * 16
    for symbol in [f"S{i}" for i in range(16)]:
        assert exchange.spans(symbol)[0] >= whole[symbol].days[53].timestamp()


def test_a_download_names_every_symbol_without_an_answer(exchange, pauses):
    frame = download_prices(["AAPL", "KO"], start="2024-03-01")
    assert frame["unique_id"].unique().tolist() == ["AAPL", "KO"]
    assert frame["ds"].min() == pd.Timestamp("2024-03-01")
    with pytest.raises(ConnectionError, match="1 of 2 symbols had no answer. GONE: delisted: No"):
        download_prices(["KO", "GONE"])
    exchange.moods["KO"] = [500]
    with pytest.raises(ConnectionError, match="KO: failed: ConnectionError: The server answers"):
        download_prices(["KO"], session=make_session(exchange.url))
    assert pauses == [1.0, 4.0, 15.0]


def test_headlines_are_in_order_and_dated(exchange):
    frame = download_headlines(["KO"])
    assert frame["text"].tolist() == ["earlier", "later"] and frame["ds"].dt.tz is None
    assert frame["ds"].iloc[0] == pd.Timestamp("2024-01-02 23:30")


@pytest.mark.parametrize("symbols", ["AAPL", [], [""], [7]])
def test_one_name_is_no_list(store, symbols):
    with pytest.raises(ValueError, match="symbols must be a list of symbols"):
        store.refresh(symbols)


def test_a_start_is_a_date(store):
    with pytest.raises(ValueError, match="start must be an ISO date .* Got '1/2/2024'"):
        store.refresh(["AAPL"], start="1/2/2024")


@pytest.mark.slow
def test_tensorflow_may_be_there_first(exchange, tmp_path):
    """It brings a libcurl of its own, whose functions must not take the place of curl_cffi's."""
    code = (
        "import sys, tensorflow\n"
        "from tsmodels import PriceStore\n"
        "print(PriceStore(folder=sys.argv[1], pauses=()).refresh(['AAPL']).status.item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "ok", done.stderr
