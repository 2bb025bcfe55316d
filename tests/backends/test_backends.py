"""Files saved on TensorFlow, and estimators as such, on whichever backend runs the tests."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import tsmodels
from tsmodels import GRU, Forecaster, RollingOrigin
from tsmodels.backend import keras

sys.path.insert(0, str(Path(__file__).parent))
import record  # noqa: E402

pytestmark = pytest.mark.backend
TINY = {"horizon": 3, "lookback": 12, "max_steps": 6, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    frame = pd.read_csv(record.DATA / "frame.csv")
    zoned = pd.to_datetime(frame["ds"], utc=True).dt.tz_convert("Europe/Berlin")
    return frame.assign(ds=zoned)


@pytest.fixture(scope="module")
def recorded():
    frame = pd.read_csv(record.DATA / "forecasts.csv")
    return frame.assign(ds=pd.to_datetime(frame["ds"], utc=True))


def test_the_frame_is_what_the_script_writes(table):
    ours, theirs = record.frame(), table
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


@pytest.mark.parametrize("name", sorted(record.models()))
def test_a_file_saved_on_tensorflow_forecasts_alike(name, table, recorded):
    fitted = tsmodels.load(record.DATA / f"{name}.tsmodels")
    found = record.forecasts(fitted, table).reset_index(drop=True)
    expected = recorded[recorded["model"] == name].reset_index(drop=True)
    assert found["unique_id"].tolist() == expected["unique_id"].tolist()
    assert (found["ds"].dt.tz_convert("UTC") == expected["ds"]).all()
    spread = table.groupby("unique_id")["y"].std().to_dict()
    spread = expected["unique_id"].str.removeprefix("new ").map(spread)
    error = (found["yhat"] - expected["yhat"]).abs() / spread
    assert error.max() < 1e-5, error.max()
    networks = expected[~expected["unique_id"].str.endswith("short")]  # that is a naive forecast
    assert networks.groupby("unique_id")["yhat"].std().min() > 0  # so that 1e-5 means something


@pytest.mark.parametrize("network", ["nlinear", GRU(d_model=4)])
def test_the_life_of_a_forecaster(network, table, tmp_path):
    model = Forecaster(network, **TINY).fit(table)
    forecast = model.predict()
    assert np.isfinite(forecast["yhat"]).all() and len(forecast) == 9
    again = clone(model).fit(table)
    np.testing.assert_array_equal(again.predict()["yhat"], forecast["yhat"])
    model.save(tmp_path / "x")
    for other in (tsmodels.load(tmp_path / "x"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict()["yhat"], forecast["yhat"])
    np.testing.assert_array_equal(copy.deepcopy(model).predict()["yhat"], forecast["yhat"])
    assert np.isfinite(model.score(table))


def test_it_learns_with_early_stopping_and_callbacks(table):
    callbacks = [keras.callbacks.TerminateOnNaN()]
    settings = {**TINY, "max_steps": 60, "learning_rate": 0.01, "patience": 2}
    model = Forecaster("nlinear", **settings, callbacks=callbacks).fit(table)
    assert model.history_["val_loss"][-1] < model.history_["val_loss"][0]


def test_a_backtest_runs(table):
    long = table[table["unique_id"] == "long"]
    result = tsmodels.backtest(Forecaster("nlinear", **TINY).fit(long), long, n_windows=2)
    assert len(result.frame) == 6 and np.isfinite(result.frame["yhat"]).all()
    for train, test in RollingOrigin(horizon=3, n_splits=2).split(long):
        assert len(test) == len(train) + 3
