"""Data sets by name: a local copy, else the bundle, else a download with a checksum.

Local copies lie in the folder that the environment variable TSMODELS_DATA names (default:
`tsmodels` in the user's cache folder), each at the path that its record states. Downloads come from
commits that never move; TSMODELS_DATA_URL names a mirror of https://raw.githubusercontent.com.

    >>> load("nyc_taxi").columns.tolist()
    ['unique_id', 'ds', 'y']
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tsmodels.checks import did_you_mean, fault

BUNDLE = Path(__file__).parent / "bundle"
MIRROR = "https://raw.githubusercontent.com"
ETT = "zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07"
CHAR_RNN = "karpathy/char-rnn/d1d7aa34fdb3626174bce1d753e6cc6845ce7087"
M4 = "CC BY 4.0 (Monash Time Series Forecasting Archive)"
JENA = "aspire-zero/long_term_forecast_data, Max Planck Institute Jena"
SKTIME = "sktime/sktime, UCR/UEA archive"
BROWNLEE = "jbrownlee/Datasets"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data set: what it is, whose, and where its file lies."""

    description: str
    file: str  # below TSMODELS_DATA
    origin: str
    licence: str = "not stated"
    frequency: str = ""  # "1": ds counts steps; "": not a series
    columns: tuple[str, ...] | None = None  # of the file; None: all
    start: str = ""  # first stamp, where the file has none
    bundled: str = ""  # name in the bundle
    download: str = ""  # path below the mirror
    sha256: str = ""  # of the downloaded content


LONG = ("unique_id", "ds", "y")
DATASETS = {
    "m4_hourly": Dataset(
        description="M4 competition, 414 hourly series, training part; season 24, horizon 48",
        file="m4_hourly/train.csv.gz",
        origin="Mcompetitions/M4-methods",
        licence=M4,
        frequency="1",
        bundled="m4_hourly_train.csv.gz",
    ),
    "m4_hourly_test": Dataset(
        description="M4 competition, 414 hourly series, the 48 hours to forecast",
        file="m4_hourly/test.csv.gz",
        origin="Mcompetitions/M4-methods",
        licence=M4,
        frequency="1",
        bundled="m4_hourly_test.csv.gz",
    ),
    "nyc_taxi": Dataset(
        description="New York taxi passengers every 30 minutes, 2014-07 to 2015-01",
        file="traffic_nyc_taxi/nyc_taxi.csv.gz",
        origin="numenta/NAB",
        licence="MIT",
        frequency="30min",
        bundled="nyc_taxi.csv.gz",
    ),
    "etth1": Dataset(
        description="ETTh1, electricity transformer: six loads and oil temperature OT; wide",
        file="ett/ETTh1.csv.gz",
        origin="zhouhaoyi/ETDataset",
        licence="CC BY-ND 4.0",
        frequency="h",
        bundled="ETTh1.csv.gz",
        download=f"{ETT}/ETT-small/ETTh1.csv",
        sha256="f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    ),
    "exchange_rate": Dataset(
        description="Exchange rates of 8 countries, dates made up by the source; wide",
        file="exchange_rate/exchange_rate.csv.gz",
        origin="laiguokun/multivariate-time-series-data",
        frequency="D",
    ),
    "weather_jena": Dataset(
        description="Weather in Jena, 21 variables every 10 minutes of 2020, -9999 left in; wide",
        file="weather_jena/weather.csv.gz",
        origin=JENA,
        frequency="10min",
    ),
    "tourism_monthly": Dataset(
        description="Tourism competition, 366 monthly series, training part; horizon 24",
        file="tourism_monthly/train.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "tourism_monthly_test": Dataset(
        description="Tourism competition, 366 monthly series, the 24 months to forecast",
        file="tourism_monthly/test.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "tourism_quarterly": Dataset(
        description="Tourism competition, 427 quarterly series, training part; horizon 8",
        file="tourism_quarterly/train.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "tourism_quarterly_test": Dataset(
        description="Tourism competition, 427 quarterly series, the 8 quarters to forecast",
        file="tourism_quarterly/test.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "tourism_yearly": Dataset(
        description="Tourism competition, 518 yearly series, training part; horizon 4",
        file="tourism_yearly/train.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "tourism_yearly_test": Dataset(
        description="Tourism competition, 518 yearly series, the 4 years to forecast",
        file="tourism_yearly/test.csv.gz",
        origin="ellisp/Tcomp-r-package",
        licence="GPL-3 (package)",
        frequency="1",
    ),
    "airline_passengers": Dataset(
        description="International airline passengers, monthly, 1949-1960, in thousands",
        file="classic/airline_passengers.csv",
        origin=BROWNLEE,
        frequency="MS",
    ),
    "co2_weekly": Dataset(
        description="CO2 at Mauna Loa, weekly, 1958-2001, in ppm; 59 weeks missing",
        file="classic/co2_weekly.csv",
        origin="statsmodels/statsmodels",
        licence="public domain",
        frequency="W-SAT",
    ),
    "daily_min_temperatures": Dataset(
        description="Daily minimum temperatures in Melbourne, 1981-1990, in degrees Celsius",
        file="classic/daily_min_temperatures.csv",
        origin=BROWNLEE,
        frequency="D",
    ),
    "shampoo_sales": Dataset(
        description="Shampoo sales over three years, monthly; the years are numbered from 1",
        file="classic/shampoo_sales.csv",
        origin=BROWNLEE,
        frequency="MS",
        start="0001-01-01",
    ),
    "sunspots_monthly": Dataset(
        description="Monthly mean sunspot numbers, 1749-1983",
        file="classic/sunspots_monthly.csv",
        origin=BROWNLEE,
        frequency="MS",
    ),
    "sunspots_yearly": Dataset(
        description="Yearly mean sunspot numbers, 1700-2008",
        file="classic/sunspots_yearly.csv",
        origin="statsmodels/statsmodels",
        licence="public domain",
        frequency="YS-JAN",
    ),
    "stocks_daily": Dataset(
        description="Daily closing prices of 8 US stocks, 2006-2017, in US dollars",
        file="stocks_daily/stocks_ohlcv.csv.gz",
        origin="szrlee/Stock-Time-Series-Analysis",
        frequency="B",
        columns=LONG,
    ),
    "stocks_ohlcv": Dataset(
        description="The same stocks with open, high, low, close and volume",
        file="stocks_daily/stocks_ohlcv.csv.gz",
        origin="szrlee/Stock-Time-Series-Analysis",
        frequency="B",
    ),
    "pjm_hourly": Dataset(
        description="PJM electricity load of four zones, hourly, 2004-2018, in MW, local time",
        file="energy_pjm_hourly/pjm_hourly.parquet",
        origin="panambY/Hourly_Energy_Consumption",
        licence="GPL-3 (repository)",
        frequency="h",
    ),
    "beijing_pm25": Dataset(
        description="PM2.5 in Beijing, hourly, 2010-2014, in ug/m3; wide, one column",
        file="beijing_pm25/beijing_pm25.csv.gz",
        origin=f"{BROWNLEE}, UCI Beijing PM2.5",
        frequency="h",
        columns=("ds", "pm25"),
    ),
    "beijing_pm25_weather": Dataset(
        description="The same PM2.5 with dew point, temperature, pressure, wind, snow and rain",
        file="beijing_pm25/beijing_pm25.csv.gz",
        origin=f"{BROWNLEE}, UCI Beijing PM2.5",
        frequency="h",
    ),
    "metr_la_week": Dataset(
        description="Road speed at 207 sensors in Los Angeles, one week every 5 minutes; wide",
        file="traffic_metr_la_week/los_speed.csv.gz",
        origin="lehaifeng/T-GCN",
        frequency="5min",
        start="2012-03-01",
    ),
    "metr_la_adjacency": Dataset(
        description="How near the 207 sensors of metr_la_week are to each other, 0 to 1",
        file="traffic_metr_la_week/los_adj.csv.gz",
        origin="lehaifeng/T-GCN",
    ),
    "gunpoint": Dataset(
        description="GunPoint, 2 classes, length 150: label, t0, t1, ...; training part",
        file="tsc_gunpoint/train.csv.gz",
        origin=SKTIME,
    ),
    "gunpoint_test": Dataset(
        description="GunPoint, test part",
        file="tsc_gunpoint/test.csv.gz",
        origin=SKTIME,
    ),
    "italy_power_demand": Dataset(
        description="ItalyPowerDemand, 2 classes, length 24: label, t0, t1, ...; training part",
        file="tsc_italypowerdemand/train.csv.gz",
        origin=SKTIME,
    ),
    "italy_power_demand_test": Dataset(
        description="ItalyPowerDemand, test part",
        file="tsc_italypowerdemand/test.csv.gz",
        origin=SKTIME,
    ),
    "basic_motions": Dataset(
        description="BasicMotions, 4 classes, 6 dimensions, length 100, long; training part",
        file="tsc_basicmotions/train.csv.gz",
        origin=SKTIME,
    ),
    "basic_motions_test": Dataset(
        description="BasicMotions, test part",
        file="tsc_basicmotions/test.csv.gz",
        origin=SKTIME,
    ),
    "movie_reviews": Dataset(
        description="Movie review sentences in English: label (1 positive), text, fold",
        file="sentiment_en_mr/rt_polarity.csv.gz",
        origin="yoonkim/CNN_sentence",
    ),
    "hotel_reviews_zh": Dataset(
        description="Hotel reviews in Chinese: label (1 positive), text",
        file="sentiment_zh_hotel/chnsenticorp_htl.csv.gz",
        origin="SophonPlus/ChineseNlpCorpus",
    ),
    "chnsenticorp": Dataset(
        description="Hotel, notebook and book reviews in Chinese: label, text; training part",
        file="sentiment_zh_chnsenticorp/train.csv.gz",
        origin="ymcui/Chinese-BERT-wwm",
    ),
    "chnsenticorp_dev": Dataset(
        description="ChnSentiCorp, validation part",
        file="sentiment_zh_chnsenticorp/dev.csv.gz",
        origin="ymcui/Chinese-BERT-wwm",
    ),
    "chnsenticorp_test": Dataset(
        description="ChnSentiCorp, test part",
        file="sentiment_zh_chnsenticorp/test.csv.gz",
        origin="ymcui/Chinese-BERT-wwm",
    ),
    "multi30k": Dataset(
        description="Multi30k, English-German sentence pairs: en, de; training part",
        file="translation_multi30k_en_de/train.csv.gz",
        origin="multi30k/dataset",
    ),
    "multi30k_val": Dataset(
        description="Multi30k, validation part",
        file="translation_multi30k_en_de/val.csv.gz",
        origin="multi30k/dataset",
    ),
    "multi30k_test": Dataset(
        description="Multi30k, test_2016_flickr",
        file="translation_multi30k_en_de/test_2016_flickr.csv.gz",
        origin="multi30k/dataset",
    ),
    "wnut17": Dataset(
        description="WNUT 2017 entities, BIO tags: one token a row; training part",
        file="ner_wnut17/train.csv.gz",
        origin="leondz/emerging_entities_17",
        licence="CC BY 4.0",
    ),
    "wnut17_dev": Dataset(
        description="WNUT 2017, validation part",
        file="ner_wnut17/dev.csv.gz",
        origin="leondz/emerging_entities_17",
        licence="CC BY 4.0",
    ),
    "wnut17_test": Dataset(
        description="WNUT 2017, test part",
        file="ner_wnut17/test.csv.gz",
        origin="leondz/emerging_entities_17",
        licence="CC BY 4.0",
    ),
    "tiny_shakespeare": Dataset(
        description="Tiny Shakespeare: one row, one column `text`",
        file="text_tinyshakespeare/input.txt",
        origin="karpathy/char-rnn",
        licence="public domain",
        download=f"{CHAR_RNN}/data/tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
}


def available() -> dict[str, Dataset]:
    """What `load` knows: name to record.

    >>> available()["nyc_taxi"].licence
    'MIT'
    """
    return dict(DATASETS)


def load(name: str) -> pd.DataFrame:
    """The data set `name` as a pandas frame; series come long or wide, ready for `Forecaster.fit`.

    Where a source holds a stamp twice, the first row stays. An unknown name, or a file that is
    neither local, nor bundled, nor to be had from its public address, is an error that says what
    to put where.
    """
    if name not in DATASETS:
        raise ValueError(
            fault("name", f"one of {sorted(DATASETS)}", name, did_you_mean(name, DATASETS))
        )
    record = DATASETS[name]
    frame = _read(_find(name, record))
    if record.columns is not None:
        frame = frame[list(record.columns)]
    return _stamped(frame, record) if record.frequency not in ("", "1") else frame


def data_folder() -> Path:
    """The folder of local copies: TSMODELS_DATA, else `tsmodels` in the user's cache folder."""
    chosen = os.environ.get("TSMODELS_DATA")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        cache = Path("~/Library/Caches")
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return cache.expanduser() / "tsmodels"


def _find(name: str, record: Dataset) -> Path:
    local = data_folder() / record.file
    for path in (local, local.with_name(local.name.removesuffix(".gz"))):
        if path.is_file():
            return path
    if record.bundled and (BUNDLE / record.bundled).is_file():
        return BUNDLE / record.bundled
    if record.download:
        return _download(record, local.with_name(local.name.removesuffix(".gz")))
    raise FileNotFoundError(
        f"name must be a data set whose file is there. Got {name!r}, which needs {local}. "
        f"Get it from {record.origin} (licence: {record.licence}), or let the environment "
        "variable TSMODELS_DATA name the folder that holds it."
    )


def _download(record: Dataset, path: Path) -> Path:
    """The public file, checked, at `path`; nothing is left there if anything goes wrong."""
    base = os.environ.get("TSMODELS_DATA_URL") or MIRROR
    url = f"{base.rstrip('/')}/{record.download}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise OSError(f"{url} could not be read: {error}. Put the file at {path}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != record.sha256:
        raise ValueError(
            f"{url} must have SHA-256 {record.sha256}. Got {found}. Nothing was kept; try again, "
            f"or put the right file at {path}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / path.name
        part.write_bytes(content)
        os.replace(part, path)
    return path


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".txt":
        return pd.DataFrame({"text": [path.read_text(encoding="utf-8")]})
    options: dict[str, Any] = {}
    if "wnut17" in path.parent.name:  # tokens such as NA are words
        options = {"keep_default_na": False, "quotechar": '"'}
    return pd.read_csv(path, **options)


def _stamped(frame: pd.DataFrame, record: Dataset) -> pd.DataFrame:
    """Stamps parsed (or made from the first), doubled ones dropped; `date` becomes the index."""
    if record.start:
        stamps = pd.date_range(record.start, periods=len(frame), freq=record.frequency, unit="us")
        return frame.assign(ds=stamps) if "ds" in frame else frame.set_index(stamps.rename("ds"))
    column = "ds" if "ds" in frame else "date"
    if not pd.api.types.is_datetime64_any_dtype(frame[column]):
        stamps = pd.to_datetime(frame[column].astype(str), format="ISO8601")
        frame = frame.assign(**{column: stamps.dt.as_unit("us")})
    keys = [key for key in ("unique_id", column) if key in frame]
    frame = frame.drop_duplicates(keys, ignore_index=True)
    return frame if column == "ds" else frame.set_index(column)
