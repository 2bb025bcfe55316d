"""The contract of `Forecaster`."""

import copy
import inspect
import os
import pickle
import random
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import RobustScaler

import tsmodels
from tsmodels import LSTM, MLP, Forecaster, NLinear, RollingOrigin, SeasonalNaive
from tsmodels.backend import keras


def yhat(forecast, id):
    return forecast.loc[forecast.unique_id == id, "yhat"].to_numpy()


def test_forecast_goes_on_where_each_series_stopped(fitted, frame):
    forecast = fitted.predict()
    assert list(forecast.unique_id.unique()) == ["b", "a", "短", "d"]
    assert (forecast.groupby("unique_id").size() == 6).all()
    for id, part in frame.groupby("unique_id"):
        first = forecast.loc[forecast.unique_id == id, "ds"].iloc[0]
        assert first - part.ds.iloc[-1] == pd.Timedelta("1h")
    assert np.isfinite(forecast.yhat).all()


def test_it_learns(fitted, frame):
    assert fitted.score(frame) > -1.2
    assert fitted.history_["loss"][-1] < fitted.history_["loss"][0]


def test_too_short_a_series_falls_back_and_says_so(fitted, frame):
    forecast = fitted.predict()
    assert set(forecast.unique_id[forecast.fallback]) == {"d"}
    last = frame.loc[frame.unique_id == "d", "y"].iloc[-1]
    assert (yhat(forecast, "d") == last).all()
    alone = fitted.predict(frame[frame.unique_id == "b"])
    assert list(alone.columns) == ["unique_id", "ds", "yhat"]


def test_same_seed_bit_equal_and_no_global_state(frame, quick, fitted):
    random.seed(3), np.random.seed(3)
    state, numpy_state = random.getstate(), np.random.get_state()[1].copy()
    again = Forecaster("nlinear", **quick).fit(frame)
    for a, b in zip(again.model_.get_weights(), fitted.model_.get_weights(), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(again.predict().yhat, fitted.predict().yhat)
    assert random.getstate() == state
    assert_array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("network", ["nlinear", LSTM(d_model=4, dropout=0.2), MLP(d_model=8)])
def test_a_second_fit_forgets_the_first(frame, quick, network):
    model = Forecaster(network, **quick)
    first = model.fit(frame).predict()
    model.fit(frame[frame.unique_id == "b"])
    assert_array_equal(model.fit(frame).predict().yhat, first.yhat)


@pytest.mark.parametrize("scaler", ["standard", "robust", "minmax", "mean_abs", RobustScaler()])
def test_twice_the_data_is_exactly_twice_the_forecast(frame, quick, scaler):
    settings = {**quick, "scaler": scaler, "max_steps": 10}
    once = Forecaster("nlinear", **settings).fit(frame).predict()
    twice = Forecaster("nlinear", **settings).fit(frame.assign(y=2 * frame.y)).predict()
    assert_array_equal(twice.yhat, 2 * once.yhat)


@pytest.mark.parametrize("network", ["nlinear", MLP(d_model=8)])
def test_affine_data_give_affine_forecasts(frame, quick, network):
    plain = Forecaster(network, **quick).fit(frame).predict()
    moved = Forecaster(network, **quick).fit(frame.assign(y=3.7 * frame.y + 1e3)).predict()
    spread = 3.7 * frame.groupby("unique_id").y.std().min()
    assert_allclose(moved.yhat, 3.7 * plain.yhat + 1e3, atol=1e-3 * spread)


def test_shuffled_rows_give_the_same_answer(fitted, frame, quick):
    # Ids keep the order of their first rows: that order is part of the data.
    within = frame.groupby("unique_id", sort=False).sample(frac=1.0, random_state=1)
    again = Forecaster("nlinear", **quick).fit(within).predict()
    assert_array_equal(again.yhat, fitted.predict().yhat)


@pytest.mark.parametrize("network", ["nlinear", LSTM(d_model=8, revin=None), MLP(d_model=8)])
def test_two_windows_differ_by_more_than_a_constant(frame, quick, network):
    model = Forecaster(network, **{**quick, "max_steps": 100}).fit(frame)
    panel = model.to_panel(frame[frame.unique_id == "b"])
    curves, _ = model.forecast_at(panel, np.array([240, 252]), np.zeros(2, dtype=int), 6)
    assert np.std(curves[0] - curves[1]) > 0.2 * np.std(curves[0])


def test_nothing_after_a_cutoff_changes_anything_before_it(fitted, frame):
    part = frame[frame.unique_id == "b"].iloc[:100]
    changed = frame[frame.unique_id == "b"].copy()
    changed.loc[changed.index[100:], "y"] += 100.0
    panel, other = fitted.to_panel(frame[frame.unique_id == "b"]), fitted.to_panel(changed)
    at = np.array([50, 80, 100]), np.zeros(3, dtype=int)
    before, _ = fitted.forecast_at(panel, *at, 6)
    after, _ = fitted.forecast_at(other, *at, 6)
    assert_array_equal(before, after)
    assert_array_equal(before[-1], fitted.predict(part).yhat)


def test_new_ids_see_no_row_after_their_cutoff(fitted, frame):
    new = frame[frame.unique_id == "b"].assign(unique_id="new")
    changed = new.copy()
    changed.loc[changed.index[100:], "y"] *= 50.0
    at = np.array([60, 100]), np.zeros(2, dtype=int)
    before, _ = fitted.forecast_at(fitted.to_panel(new), *at, 6)
    after, _ = fitted.forecast_at(fitted.to_panel(changed), *at, 6)
    assert_array_equal(before, after)


def test_validation_span_teaches_nothing(frame, quick):
    one = frame[frame.unique_id == "b"]
    held = one.index[-30:]
    noisy = one.copy()
    noisy.loc[held, "y"] = np.random.default_rng(0).standard_normal(30) * 100
    settings = {**quick, "validation": 30, "patience": None}
    a, b = (Forecaster("nlinear", **settings).fit(part) for part in (one, noisy))
    for x, y in zip(a.model_.get_weights(), b.model_.get_weights(), strict=True):
        assert_array_equal(x, y)
    assert_array_equal(a.shift_, b.shift_)
    assert a.history_["val_loss"] != b.history_["val_loss"]


def test_shorter_horizon_is_a_slice_longer_recurses(fitted, frame):
    full = fitted.predict()
    short, long = fitted.predict(horizon=2), fitted.predict(horizon=15)
    assert_array_equal(yhat(short, "b"), yhat(full, "b")[:2])
    assert_array_equal(yhat(long, "b")[:6], yhat(full, "b"))
    one = frame[frame.unique_id == "b"]
    fed = pd.DataFrame(
        {"unique_id": "b", "ds": full.ds[full.unique_id == "b"], "y": yhat(full, "b")}
    )
    second = fitted.predict(pd.concat([one, fed]))
    assert_allclose(yhat(long, "b")[6:12], yhat(second, "b"), rtol=1e-5)


def test_predict_on_other_rows_and_ids(fitted, frame):
    moved = frame[frame.unique_id == "b"].iloc[:150]
    forecast = fitted.predict(moved)
    assert forecast.ds.iloc[0] == moved.ds.iloc[-1] + pd.Timedelta("1h")
    new = fitted.predict(moved.assign(unique_id=7))
    assert new.unique_id.tolist() == [7] * 6
    assert_allclose(new.yhat, forecast.yhat, atol=0.05)


def test_answers_come_in_the_kind_that_was_asked(frame, quick, fitted):
    answer = Forecaster("nlinear", **quick).fit(pl.from_pandas(frame)).predict()
    assert isinstance(answer, pl.DataFrame)
    assert len(Forecaster("nlinear", **quick).fit(pl.from_pandas(frame)).plot()) == 3
    assert_array_equal(answer["yhat"].to_numpy(), fitted.predict().yhat)


def test_wide_series_and_array(frame, quick):
    one = frame[frame.unique_id == "b"]
    long = Forecaster("nlinear", **quick).fit(one).predict()
    wide = one.set_index("ds")[["y"]].rename(columns={"y": "b"})
    for X in (wide, wide["b"], one.y.to_numpy()):
        assert_array_equal(Forecaster("nlinear", season_length=24, **quick).fit(X).predict().yhat,
                           long.yhat)  # fmt: skip


def test_missing_rows_are_masked(frame, quick):
    one = frame[frame.unique_id == "b"]
    gappy = one.drop(one.index[50:60])
    model = Forecaster(LSTM(d_model=4), **quick).fit(gappy)
    assert model.masked_ and np.isfinite(model.predict().yhat).all()
    late = one.assign(y=one.y.where(np.arange(len(one)) < 200))
    forecast = model.predict(late)
    assert forecast.fallback.all() and np.isfinite(forecast.yhat).all()
    assert model.predict(one.assign(y=np.nan)).yhat.isna().all()


def test_parameters_survive_clone_and_set_params(quick):
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model = Forecaster(LSTM(n_layers=2), **quick, callbacks=callbacks, epochs=7)
    copied = clone(model)
    ours, theirs = model.get_params(), copied.get_params()
    assert ours.keys() == theirs.keys() and "network__n_layers" in ours
    for key in ours.keys() - {"callbacks"}:
        assert ours[key] == theirs[key], key
    assert clone(Forecaster("lstm")).get_params()["network"] == "lstm"
    model.set_params(network="gru", network__d_model=8, horizon=2)
    assert model.network.name == "gru" and model.network.d_model == 8 and model.horizon == 2


@pytest.mark.parametrize("cls", [Forecaster, SeasonalNaive])
def test_no_parameter_of_the_signature_is_lost(cls):
    given = {name: f"of {name}" for name in inspect.signature(cls).parameters}
    assert cls(**given).get_params(deep=False) == given
    assert clone(cls(**given)).get_params(deep=False) == given
    assert vars(cls().set_params(**given)) == given


def test_a_grid_over_a_field_that_a_network_lacks_names_both():
    with pytest.raises(ValueError, match="network__n_layers must be a field of NLinear"):
        Forecaster("nlinear").set_params(network__n_layers=2)
    with pytest.raises(ValueError, match="Invalid parameter 'horizn'"):
        Forecaster().set_params(horizn=2)


def test_grid_search_over_networks_and_widths(frame, quick):
    grid = [
        {"network": ["nlinear"]},
        {"network": ["mlp"], "network__d_model": [4, 8]},
        {"network": [NLinear()], "epochs": [2], "max_steps": [None]},
    ]
    cv = RollingOrigin(horizon=6, n_splits=2)
    search = GridSearchCV(Forecaster(**quick), grid, cv=cv, n_jobs=2, error_score="raise")
    search.fit(frame)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4 and np.isfinite(scores).all() and len(set(scores)) == 4
    assert np.isfinite(search.best_estimator_.predict().yhat).all()


def test_a_grid_over_epochs_really_trains_that_many(frame, quick):
    settings = {**quick, "max_steps": None, "patience": None}
    for epochs in (1, 7):
        model = clone(Forecaster("nlinear", **settings)).set_params(epochs=epochs).fit(frame)
        assert len(model.history_["loss"]) == epochs


@pytest.mark.parametrize("network", ["nlinear", LSTM(d_model=4, dropout=0.1)])
def test_pickle_and_deepcopy_before_and_after_fit(frame, quick, network):
    model = Forecaster(network, **quick)
    unfitted = pickle.loads(pickle.dumps(model))
    want = model.fit(frame).predict()
    pd.testing.assert_frame_equal(unfitted.fit(frame).predict(), want)
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        pd.testing.assert_frame_equal(copied.predict(), want)
        assert copied.score(frame) == model.score(frame)


def test_an_earlier_fit_keeps_its_forecast(frame, quick):
    a = Forecaster("nlinear", **quick).fit(frame)
    want = a.predict()
    Forecaster("nlinear", **{**quick, "random_state": 5}).fit(frame.assign(y=-frame.y))
    pd.testing.assert_frame_equal(a.predict(), want)


def test_interpolated_gaps_do_not_look_past_a_cutoff(frame, quick):
    one = frame[frame.unique_id == "b"].copy()
    one.loc[one.index[140:150], "y"] = np.nan
    changed = one.copy()
    changed.loc[changed.index[150:], "y"] += 1000.0
    model = Forecaster("nlinear", **quick, missing="interpolate").fit(one)
    assert not model.masked_
    at = np.array([130, 145, 149]), np.zeros(3, dtype=int)
    before, _ = model.forecast_at(model.to_panel(one), *at, 6)
    after, _ = model.forecast_at(model.to_panel(changed), *at, 6)
    assert_array_equal(before, after)
    later = np.array([160]), np.zeros(1, dtype=int)
    whole, _ = model.forecast_at(model.to_panel(one), *later, 6)
    masked, _ = model.set_params(missing="mask").forecast_at(model.to_panel(one), *later, 6)
    assert np.abs(whole - masked).max() > 1e-4  # lines inside the window, not the last value


def test_a_fit_that_fails_leaves_the_earlier_one_whole(frame, quick):
    model = Forecaster("nlinear", **quick).fit(frame)
    want = model.predict()
    model.set_params(learning_rate=1e30, clipnorm=None, optimizer="sgd")
    with pytest.raises(FloatingPointError):
        model.fit(frame.assign(y=frame.y * 5 + 1000))
    pd.testing.assert_frame_equal(model.predict(), want)


def test_parameters_set_after_a_fit_wait_for_the_next(frame, quick, tmp_path):
    model = Forecaster("nlinear", **quick).fit(frame)
    want = model.predict()
    model.set_params(horizon=12, network="mlp")
    pd.testing.assert_frame_equal(model.predict(), want)
    model.save(tmp_path / "x")
    for other in (tsmodels.load(tmp_path / "x"), pickle.loads(pickle.dumps(model))):
        pd.testing.assert_frame_equal(other.predict(), want)
        assert other.horizon == 12


def test_predict_before_fit():
    with pytest.raises(NotFittedError):
        Forecaster().predict()


@pytest.mark.parametrize(
    "wrong,sentence",
    [
        ({"horizon": 0}, "horizon must be a positive int. Got 0"),
        ({"horizon": 1.5}, "horizon must be a positive int"),
        ({"horizon": True}, "horizon must be a positive int"),
        ({"horizon": "6"}, "horizon must be a positive int"),
        ({"lookback": 0}, "lookback must be"),
        ({"lookback": 295}, r"lookback must be at most 294 \(.*300 rows.*\). Got 295"),
        ({"season_length": 0}, "season_length must be"),
        ({"stride": 0}, "stride must be"),
        ({"validation": 1.0}, "validation must be"),
        ({"validation": 280}, "validation must be at most 270 rows"),
        ({"validation": 5}, "validation must be an int of at least 6"),
        ({"missing": "drop"}, "missing must be one of"),
        ({"network": "lstn"}, "Did you mean 'lstm'"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"epochs": 0}, "epochs must be"),
        ({"scaler": "standart"}, "Did you mean 'standard'"),
        ({"target": "z"}, "z"),
    ],
)
def test_bad_parameters_are_refused_before_training(frame, quick, wrong, sentence):
    with pytest.raises((ValueError, TypeError, KeyError), match=sentence):
        Forecaster(**{**quick, **wrong}).fit(frame)


def test_y_beside_a_frame_is_an_error(frame):
    with pytest.raises(ValueError, match="y must be None"):
        Forecaster().fit(frame, frame.y)


def test_mixed_seasons_ask_for_one(frame):
    daily = pd.DataFrame(
        {"unique_id": "day", "ds": pd.date_range("2020-01-01", periods=99), "y": range(99)}
    )
    with pytest.raises(
        ValueError, match="(?s)X must be series of one frequency.*'day'.*Give season_length"
    ):
        Forecaster().fit(pd.concat([frame, daily]))


def test_score_leaves_out_series_of_too_few_rows(fitted, frame):
    with pytest.raises(ValueError, match="X must be at least one series with more than"):
        fitted.score(frame.groupby("unique_id").head(5))


def test_nothing_is_printed_or_written(tmp_path):
    code = """
        import numpy as np, tsmodels
        y = 10 + np.sin(np.arange(200.0))
        for network in ("nlinear", tsmodels.LSTM(d_model=4)):
            model = tsmodels.Forecaster(network, horizon=3, lookback=12, max_steps=15)
            model.fit(y).predict()
            model.predict(y[:50]), model.predict(horizon=9), model.score(y)
            tsmodels.backtest(model, y, n_windows=2)
        model.save("asked.tsm")
        tsmodels.load("asked.tsm").predict()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert os.listdir(tmp_path) == ["asked.tsm"]
