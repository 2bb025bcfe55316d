"""Jobs over prices, from a server on this machine that plays Yahoo's."""

import datetime
import json
from pathlib import Path

import pandas as pd
import pytest
from yahoo_server import Listing, keep_zones, serving

from tsmodels.cli import main
from tsmodels.data import yahoo
from tsmodels.jobs.config import JobError, read_job
from tsmodels.jobs.reading import read_history
from tsmodels.jobs.run import run_forecast

STOCKS = Path(__file__).parents[2] / "pipelines" / "stocks.toml"
JOB = """
[data.prices]
symbols = {symbols}
cache = "prices"
start = 2024-01-02

[forecaster]
horizon = 2
lookback = 5
max_steps = 2
transform = "returns"
past_covariates = ["volume"]

[backtest]
n_windows = 2

[output]
folder = "out"
report = false
"""


@pytest.fixture
def exchange(tmp_path, monkeypatch):
    keep_zones(tmp_path / "zones")
    monkeypatch.setattr(yahoo.time, "sleep", lambda seconds: None)
    with serving({f"S{i}": Listing.walk(40, seed=i) for i in range(17)}) as exchange:
        monkeypatch.setenv("TSMODELS_YAHOO_URL", exchange.url)
        yield exchange


def write(folder, symbols, *edits):
    text = JOB.format(symbols=json.dumps(symbols))
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "job.toml").write_text(text)
    return folder / "job.toml"


def test_sixteen_answers_and_four_named_reasons(exchange, tmp_path, capsys):
    exchange.moods["S16"] = [429]
    whole = exchange.listings
    exchange.listings = {symbol: listing.until(38) for symbol, listing in whole.items()}
    file = write(tmp_path, [*whole, "DEAD1", "DEAD2", "DEAD3"])
    assert main(["forecast", str(file)]) == 1
    told = capsys.readouterr().out
    assert "16 of 20 series have an answer" in told
    assert "no answer for 'DEAD1': delisted: No data found" in told
    failed = pd.read_csv(tmp_path / "out" / "failed.csv")
    assert failed["unique_id"].tolist() == ["S16", "DEAD1", "DEAD2", "DEAD3"]
    assert failed["reason"].str.partition(":")[0].tolist() == ["limited"] + ["delisted"] * 3
    forecast = pd.read_parquet(tmp_path / "out" / "forecast.parquet")
    assert forecast["unique_id"].nunique() == 16 and "fallback" not in forecast
    assert forecast["ds"].min() > whole["S0"].days[37]

    exchange.listings, exchange.asked[:] = whole, []
    frame, _, unread = read_history(read_job(file))  # a second run reads the new days alone
    assert (frame.groupby("unique_id")["ds"].max() == whole["S0"].days[-1]).all()
    assert len(unread) == 4
    for i in range(16):
        assert exchange.spans(f"S{i}")[0] >= whole[f"S{i}"].days[33].timestamp()


def test_kept_prices_need_no_network(exchange, tmp_path):
    run_forecast(read_job(write(tmp_path, ["S0"])))
    exchange.asked.clear()
    file = write(tmp_path, ["S0", "S1"], ("start =", "refresh = false\nstart ="))
    outcome = run_forecast(read_job(file))
    assert exchange.asked == [] and outcome.manifest["series"]["answered"] == 1
    assert outcome.failed["reason"].tolist() == ["failed: There is no file of it to read."]


def test_a_job_without_any_price_says_why(exchange, tmp_path, capsys):
    assert main(["backtest", str(write(tmp_path, ["GONE"]))]) == 2
    told = capsys.readouterr().err
    assert "data.prices.symbols must be symbols of which one has prices" in told
    assert "GONE: delisted: No data found" in told


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("2024-01-02", '"soon"', "data.prices.start must be a valid date"),
        ("[data.prices]", '[data]\npath = "x"\n[data.prices]', "either dataset or path or prices"),
        ("start =", "begin =", "data.prices.begin must be left out or one of"),
    ],
)
def test_faults_of_the_section_are_named(tmp_path, old, new, sentence):
    with pytest.raises(JobError, match=sentence):
        read_job(write(tmp_path, ["AAPL"], (old, new)))


def test_the_recipe_is_a_valid_job():
    prices = read_job(STOCKS).data.prices
    assert "EURUSD=X" in prices.symbols and prices.start == datetime.date(2015, 1, 1)
