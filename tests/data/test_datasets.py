"""Data sets: intact bundle, local copies first, downloads checked and atomic."""

import gzip
import hashlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsmodels.data import datasets
from tsmodels.data.frame import make_panel

BUNDLE = {  # SHA-256 of the decompressed files
    "ETTh1.csv.gz": "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    "m4_hourly_test.csv.gz": "faf84d593c915cb87f92276c264022a605a7387246556510492de1e53226f105",
    "m4_hourly_train.csv.gz": "b30f2714f45e44ec7c9c5a8891d1ce6e4c8bcea66e8290be958deb121be6a5c6",
    "nyc_taxi.csv.gz": "5cd2cba9fd96e66615917e125ccf8c8ffa3b16597f7ac979e8341480b6188db8",
}
BUNDLED = ["m4_hourly", "m4_hourly_test", "nyc_taxi", "etth1"]
LOCAL = Path(os.environ.get("TSMODELS_DATA", "nowhere"))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No local copies, no network: an empty data folder and a mirror that answers nothing."""
    monkeypatch.setenv("TSMODELS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TSMODELS_DATA_URL", "http://127.0.0.1:9")
    return tmp_path / "data"


@pytest.fixture
def mirror(tmp_path, monkeypatch, empty):
    """A loopback mirror of the public addresses; returns its folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("TSMODELS_DATA_URL", f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def unbundled(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "BUNDLE", tmp_path / "no bundle")


def test_bundle_is_intact():
    found = {
        path.name: hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        for path in datasets.BUNDLE.iterdir()
    }
    assert found == BUNDLE


def test_bundled_sets_load_without_a_network(empty):
    shapes = {name: datasets.load(name).shape for name in BUNDLED}
    assert shapes == {
        "m4_hourly": (353500, 3),
        "m4_hourly_test": (19872, 3),
        "nyc_taxi": (10320, 3),
        "etth1": (17420, 7),
    }
    assert not empty.exists()


def test_m4_test_goes_on_where_train_stops(empty):
    train, test = datasets.load("m4_hourly"), datasets.load("m4_hourly_test")
    panel = make_panel(train)
    assert panel.n_series == 414 and panel.calendar.freqs == ("1",)
    after = test.groupby("unique_id", sort=False)["ds"].apply(list)
    assert [after[name] for name in panel.ids] == panel.future(48).tolist()


def test_frequencies_of_the_bundle_are_as_recorded(empty):
    for name in BUNDLED:
        panel = make_panel(datasets.load(name))
        assert panel.calendar.freqs == (datasets.available()[name].frequency,), name


def test_etth1_is_wide_with_a_time_index(empty):
    frame = datasets.load("etth1")
    assert frame.columns.tolist() == ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    assert frame.index[[0, -1]].astype(str).tolist() == [
        "2016-07-01 00:00:00",
        "2018-06-26 19:00:00",
    ]


def test_a_local_copy_comes_before_the_bundle(empty):
    path = empty / "traffic_nyc_taxi" / "nyc_taxi.csv.gz"
    path.parent.mkdir(parents=True)
    pd.DataFrame({"unique_id": "x", "ds": ["2024-01-01"], "y": [5]}).to_csv(path, index=False)
    assert datasets.load("nyc_taxi")["y"].tolist() == [5]


def test_a_download_is_checked_kept_and_read(mirror, unbundled, empty):
    content = gzip.decompress((Path(datasets.__file__).parent / "bundle/ETTh1.csv.gz").read_bytes())
    source = mirror / datasets.available()["etth1"].download
    source.parent.mkdir(parents=True)
    source.write_bytes(content)
    assert datasets.load("etth1").shape == (17420, 7)
    assert [path.name for path in (empty / "ett").iterdir()] == ["ETTh1.csv"]
    source.unlink()
    assert datasets.load("etth1").shape == (17420, 7)  # from the local copy


def test_a_wrong_checksum_keeps_nothing(mirror, unbundled, empty):
    source = mirror / datasets.available()["etth1"].download
    source.parent.mkdir(parents=True)
    source.write_text("date,OT\n2016-07-01,1\n")
    with pytest.raises(ValueError, match="must have SHA-256 f18de.*Got .*Nothing was kept"):
        datasets.load("etth1")
    assert not list(empty.rglob("*"))


def test_an_unreachable_address_says_where_to_put_the_file(empty, unbundled):
    with pytest.raises(OSError, match=r"could not be read: .*Put the file at .*ETTh1\.csv\."):
        datasets.load("etth1")


def test_sets_without_an_address_say_what_to_put_where(empty):
    with pytest.raises(FileNotFoundError, match=r"'exchange_rate', which needs .*TSMODELS_DATA"):
        datasets.load("exchange_rate")


def test_unknown_names():
    with pytest.raises(
        ValueError, match="name must be one of .*Got 'm4_hurly'. Did you mean 'm4_hourly'"
    ):
        datasets.load("m4_hurly")


def test_default_folder_is_the_cache_of_the_user(monkeypatch):
    monkeypatch.delenv("TSMODELS_DATA", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert datasets.data_folder() == Path("/somewhere/cache/tsmodels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert datasets.data_folder() == Path.home() / ".cache" / "tsmodels"


def test_records_are_complete():
    for name, record in datasets.available().items():
        assert record.description and record.origin and record.licence, name
        assert bool(record.download) == bool(record.sha256), name
        assert (datasets.BUNDLE / record.bundled).exists(), name


def test_only_sets_with_a_stated_free_licence_are_bundled():
    bundled = {name: r.licence for name, r in datasets.available().items() if r.bundled}
    assert sorted(bundled) == sorted(BUNDLED)
    assert "not stated" not in bundled.values()


# --- sets that need TSMODELS_DATA -----------------------------------------------------------------

COVARIATES = {"stocks_ohlcv", "beijing_pm25_weather"}  # ready only once covariates are declared


def needs(file):
    return pytest.mark.skipif(
        not (LOCAL / file).is_file(), reason=f"needs {file} below TSMODELS_DATA"
    )


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=needs(r.file)) for n, r in datasets.DATASETS.items()]
)
def test_every_local_set_loads_and_series_are_ready_to_fit(name):
    record, frame = datasets.DATASETS[name], datasets.load(name)
    assert len(frame)
    if record.frequency and name not in COVARIATES:
        panel = make_panel(frame)
        assert panel.calendar.freqs == (record.frequency,)
        assert np.isfinite(panel.values).mean() > 0.9


@needs("stocks_daily/stocks_ohlcv.csv.gz")
def test_stocks_skip_the_holidays_that_the_data_show():
    panel = make_panel(datasets.load("stocks_daily"))
    assert {panel.calendar.holidays[c] for c in panel.calendar.holiday_codes} == {
        ((1, 1), (7, 4), (12, 25))
    }
    assert panel.last()[0] == np.datetime64("2017-12-29")
    assert str(panel.future(1)[0, 0])[:10] == "2018-01-02"  # not Monday the first


@needs("energy_pjm_hourly/pjm_hourly.parquet")
def test_pjm_as_published_is_refused_for_its_doubled_hours():
    raw = pd.read_parquet(LOCAL / "energy_pjm_hourly" / "pjm_hourly.parquet")
    with pytest.raises(ValueError, match=r"'16 doubled rows, first \(AEP, 2014-11-02 02:00:00\)'"):
        make_panel(raw)
    panel = make_panel(datasets.load("pjm_hourly"))
    assert panel.calendar.freqs == ("h",)
    closed = [
        np.isnan(panel.values[a:b]).sum()
        for a, b in zip(panel.offsets, panel.offsets[1:], strict=False)
    ]
    assert all(11 <= n <= 27 for n in closed)
