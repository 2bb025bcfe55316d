"""Prices and the latest headlines of stocks, from Yahoo Finance, as two CSV files for a job.

download_stocks.py AAPL MSFT        writes prices.csv and headlines.csv

Run it day after day: headlines that are in the file already stay in it.
"""

import argparse
from pathlib import Path

import pandas as pd

from tsmodels import download_headlines, download_prices

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("symbols", nargs="+")
    parser.add_argument("--start", default="2020-01-01", help="the first day of prices")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the files go")
    given = parser.parse_args()
    download_prices(given.symbols, given.start).to_csv(given.folder / "prices.csv", index=False)
    kept, news = given.folder / "headlines.csv", download_headlines(given.symbols)
    if kept.is_file():
        news = pd.concat([pd.read_csv(kept, parse_dates=["ds"]), news]).drop_duplicates()
    news.sort_values(["unique_id", "ds"]).to_csv(kept, index=False)
    print(f"{kept}: {len(news)} headlines of {news.unique_id.nunique()} symbols")
