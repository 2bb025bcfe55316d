"""Covariates through the life of a Forecaster: fit, predict, backtest, search, save."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import tsmodels
from tsmodels import Forecaster, RollingOrigin, backtest
from tsmodels.backend import keras

COLUMNS = {
    "past_covariates": ["wind"],
    "future_covariates": ["price", "day"],
    "static_covariates": ["shop", "size"],
    "categories": ["day", "shop"],
}
QUICK = {"horizon": 4, "lookback": 8, "max_steps": 3, "random_state": 0}
CUT = 60  # rows of each series that are history


def series(name, n, rng, level):
    day = np.array(["mon", "tue", "sun"])[np.arange(n) % 7 % 3]
    price = rng.standard_normal(n)
    return pd.DataFrame(
        {
            "unique_id": name,
            "ds": pd.date_range("2024-03-20", periods=n, freq="h", tz="Europe/Berlin"),
            "y": level + 2 * price + 3 * (day == "sun") + 0.05 * rng.standard_normal(n),
            "wind": rng.standard_normal(n),
            "price": price,
            "day": day,
            "shop": f"shop {name}",
            "size": level,
        }
    )


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    parts = [series("b", 80, rng, 10.0), series("a", 80, rng, -20.0)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def history(frame):
    return frame.groupby("unique_id", sort=False).head(CUT)


@pytest.fixture(scope="module")
def fitted(history):
    return Forecaster(**QUICK, **COLUMNS, calendar=True).fit(history)


def rest(frame):
    return frame.drop(index=frame.groupby("unique_id").head(CUT).index)


def known(frame):
    return rest(frame)[["unique_id", "ds", "price", "day"]]


# --- what they are worth --------------------------------------------------------------------------


def test_what_is_known_ahead_explains_what_the_past_cannot(frame, history):
    common = {**QUICK, "max_steps": 150, "learning_rate": 0.03, "loss": "mae", "validation": None}
    truth = rest(frame).groupby("unique_id", sort=False).head(4).y.to_numpy()
    errors = []
    for settings in ({}, {"future_covariates": ["price", "day"], "categories": ["day"]}):
        model = Forecaster("nlinear", **common, **settings)
        columns = ["unique_id", "ds", "y", *settings.get("future_covariates", [])]
        future = known(frame) if settings else None
        yhat = model.fit(history[columns]).predict(future=future).yhat
        errors.append(np.abs(yhat - truth).mean())
    assert errors[1] < 0.5 * errors[0]


def test_a_static_category_tells_series_apart():
    """Two series rise and fall alike until the cutoff, then part: only their names say how."""
    t = np.arange(120)
    part = pd.DataFrame({"ds": t, "y": np.where(t % 8 < 4, 0.0, 1.0)})
    frame = pd.concat([part.assign(unique_id="up"), part.assign(unique_id="down", y=-part.y)])
    frame = frame.assign(y=frame.y.where(frame.ds % 8 >= 4, 0.0), name=frame.unique_id)
    model = Forecaster(
        tsmodels.MLP(revin=None, d_model=8), horizon=4, lookback=4, scaler=None, max_steps=300,
        learning_rate=0.01, static_covariates=["name"], categories=["name"],
        season_length=1, random_state=0, freq=1,
    )  # fmt: skip
    yhat = model.fit(frame[frame.ds < 116]).predict().yhat.to_numpy()
    assert_allclose(yhat, [1.0] * 4 + [-1.0] * 4, atol=0.25)


# --- forecasts ------------------------------------------------------------------------------------


def test_forecasts_stand_on_the_next_stamps_of_every_series(frame, fitted):
    forecast = fitted.predict(future=known(frame).sample(frac=1, random_state=1))
    wanted = rest(frame).groupby("unique_id", sort=False).head(4)
    assert forecast.columns.tolist() == ["unique_id", "ds", "yhat"]
    assert forecast.unique_id.tolist() == ["b"] * 4 + ["a"] * 4
    assert forecast.ds.tolist() == wanted.ds.tolist()
    assert np.isfinite(forecast.yhat).all()


def test_the_order_of_rows_and_the_kind_of_frame_do_not_matter(frame, history, fitted):
    want = fitted.predict(future=known(frame)).yhat.to_numpy()
    shuffled = fitted.predict(history.sample(frac=1, random_state=2), future=known(frame))
    assert_array_equal(shuffled.set_index("unique_id").loc[["b", "a"]].yhat, want)
    polars = fitted.predict(pl.from_pandas(history), future=pl.from_pandas(known(frame)))
    assert isinstance(polars, pl.DataFrame)
    assert_array_equal(polars["yhat"].to_numpy(), want)


def test_a_shorter_horizon_is_a_slice_and_a_longer_one_goes_on(frame, fitted):
    all_steps = fitted.predict(future=known(frame)).yhat.to_numpy().reshape(2, 4)
    short = fitted.predict(future=known(frame), horizon=2).yhat.to_numpy().reshape(2, 2)
    assert_array_equal(short, all_steps[:, :2])
    long = fitted.predict(future=known(frame), horizon=10).yhat.to_numpy().reshape(2, 10)
    assert_allclose(long[:, :4], all_steps, rtol=1e-6)
    other = known(frame).assign(price=lambda f: f.price + 5.0)
    assert np.abs(fitted.predict(future=other, horizon=10).yhat - long.ravel()).max() > 0.01


def test_a_long_forecast_reads_its_own_steps_and_what_is_known_of_them(frame, fitted, history):
    """Steps 5 to 8 are what a forecast from four rows later says, had the first four come true."""
    long = fitted.predict(future=known(frame), horizon=8).yhat.to_numpy().reshape(2, 8)
    following = rest(frame).groupby("unique_id", sort=False).head(4).copy()
    following["y"] = long[:, :4].ravel()
    for name, part in history.groupby("unique_id"):  # the past covariate stays where it was
        following.loc[following.unique_id == name, "wind"] = part.wind.iloc[-1]
    later = fitted.predict(pd.concat([history, following]), future=known(frame))
    assert_allclose(later.yhat.to_numpy().reshape(2, 4), long[:, 4:], rtol=1e-4)


def test_nothing_but_known_covariates_is_read_from_the_cutoff_on(frame, fitted):
    panel = fitted.to_panel(frame)
    cutoffs, series_ = panel.offsets[:-1] + CUT, np.arange(2)
    want, _ = fitted.forecast_at(panel, cutoffs, series_, 4)
    later = frame.assign(
        y=frame.y.where(frame.index % 80 < CUT, 1e6),
        wind=frame.wind.where(frame.index % 80 < CUT, -1e6),
    )
    seen, _ = fitted.forecast_at(fitted.to_panel(later), cutoffs, series_, 4)
    assert_array_equal(seen, want)
    for column in ("price", "day"):
        other = frame.assign(**{column: frame[column].iloc[::-1].to_numpy()})
        changed, _ = fitted.forecast_at(fitted.to_panel(other), cutoffs, series_, 4)
        assert np.abs(changed - want).max() > 1e-4


def test_nothing_is_learned_from_rows_held_out(history):
    """The last 20 rows validate: whatever they hold, scales, categories and gaps are the same."""
    settings = {**QUICK, **COLUMNS, "validation": 20, "max_steps": 1, "patience": None}
    held = history.index % 80 >= CUT - 20
    other = history.copy()
    other.loc[held, ["price", "wind", "y"]] *= 100
    other.loc[held, "day"] = "moon"
    other.loc[history.index[held][0], "wind"] = np.nan
    one, two = (Forecaster(**settings).fit(f) for f in (history, other))
    assert_array_equal(one.covariate_shift_, two.covariate_shift_)
    assert one.channels_.levels == two.channels_.levels and two.channels_.gappy == ()
    for a, b in zip(one.weights_, two.weights_, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("scaling", ["global", "series"])
def test_scales_of_covariates(history, scaling):
    f = history.assign(price=history.price * np.where(history.unique_id == "a", 100, 1))
    model = Forecaster(**QUICK, **COLUMNS, covariate_scaling=scaling, validation=None).fit(f)
    rows = model._channel_rows(model.to_panel(f), np.array([CUT, 2 * CUT]), np.arange(2))
    price = rows[:, 1].reshape(2, CUT)
    if scaling == "series":
        assert_allclose([price.mean(axis=1), price.std(axis=1)], [[0, 0], [1, 1]], atol=1e-9)
    else:
        assert_allclose([price.mean(), price.std()], [0, 1], atol=1e-9)
        assert price[0].std() < 0.1


@pytest.mark.parametrize("scaling", ["global", "series"])
def test_ids_never_seen_are_forecast(frame, history, scaling):
    model = Forecaster(**QUICK, **COLUMNS, covariate_scaling=scaling).fit(history)
    new = frame.replace({"unique_id": {"a": "c"}, "shop": {"shop a": "shop c"}})
    short = new[new.unique_id == "b"].iloc[CUT - 1 : CUT].assign(unique_id="cold", shop="shop b")
    X = pd.concat([new.groupby("unique_id", sort=False).head(CUT), short])
    future = pd.concat([known(new), known(new)[:20].assign(unique_id="cold")])
    with pytest.warns(UserWarning, match=r"'shop' has 1 categories .*'shop c'"):
        forecast = model.predict(X, future=future)
    assert forecast.unique_id.drop_duplicates().tolist() == ["b", "c", "cold"]
    assert np.isfinite(forecast.yhat).all()
    assert forecast.fallback.tolist() == [False] * 8 + [True] * 4


def test_missing_values_of_covariates_do_not_make_the_target_missing(history):
    f = history.copy()
    f.loc[f.index[[0, 5, 30]], ["wind", "price"]] = np.nan
    f.loc[f.index[7], "day"] = None
    settings = {**QUICK, **COLUMNS, "missing_future": "last", "validation": None}
    model = Forecaster(**settings).fit(f)
    assert model.channels_.gappy == ("wind", "price") and not model.masked_
    assert np.isfinite(model.predict().yhat).all()


# --- around it ------------------------------------------------------------------------------------


def test_make_future_frame_asks_for_what_predict_wants(frame, history, fitted):
    rows = fitted.make_future_frame()
    assert len(rows) == 8 and rows.columns.tolist() == ["unique_id", "ds"]
    future = rows.merge(known(frame), on=["unique_id", "ds"])
    want = fitted.predict(future=known(frame))
    pd.testing.assert_frame_equal(fitted.predict(future=future), want)
    assert len(fitted.make_future_frame(horizon=1)) == 8  # the fitted horizon has to be known
    assert len(fitted.make_future_frame(pl.from_pandas(history), horizon=9)) == 18


def test_saved_and_pickled_models_forecast_the_same(frame, history, tmp_path):
    holidays = {"spring": ["2024-03-21"]}
    settings = {**QUICK, **COLUMNS, "calendar": True, "holidays": holidays, "loss": "quantile"}
    model = Forecaster(**settings).fit(history)
    want = model.predict(future=known(frame), level=80)
    model.save(tmp_path / "model.zip")
    for again in (tsmodels.load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(model))):
        pd.testing.assert_frame_equal(again.predict(future=known(frame), level=80), want)
        assert again.get_params()["future_covariates"] == ["price", "day"]
    assert clone(model).get_params().keys() == model.get_params().keys()


def test_backtest_and_score_read_the_horizon_from_the_frame(frame, fitted):
    result = backtest(fitted, frame, n_windows=3)
    assert np.isfinite(result.frame.yhat).all() and result.n_windows == 3
    part = fitted.holdout(frame)
    again = fitted.predict(frame.drop(index=[*range(76, 80), *range(156, 160)]), future=frame)
    assert_allclose(part.yhat.ravel(), again.yhat, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*sample_weight:UserWarning")  # scores are not weighted
def test_scikit_learn_searches_with_covariates_and_weights(frame):
    model = Forecaster(**QUICK, **COLUMNS, validation=None)
    grid = {"covariate_scaling": ["global", "series"]}
    search = GridSearchCV(model, grid, cv=RollingOrigin(horizon=4, n_splits=2), error_score="raise")
    search.fit(frame, sample_weight=np.ones(len(frame)))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_compiled_epoch_and_keras_fit_agree(history):
    """With a callback that watches batches `keras.Model.fit` trains; nothing else may change."""
    settings = {**QUICK, **COLUMNS, "horizon_weights": [1, 2, 0, 1], "max_steps": 8}
    settings["validation"] = None
    f = history.drop(index=history.index[[11, 12]])
    weights = np.linspace(0, 2, len(f))
    one, two = (
        Forecaster(**settings, callbacks=callbacks).fit(f, None, weights)
        for callbacks in ([], [Watching()])
    )
    assert_allclose(one.history_["loss"], two.history_["loss"], rtol=1e-5)
    for a, b in zip(one.weights_, two.weights_, strict=True):
        assert_allclose(a, b, atol=1e-6)


class Watching(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def test_weights_decide_what_is_learned():
    """Two series pull apart; the one that counts is the one that is learned."""
    t = np.arange(60)
    up = pd.DataFrame({"unique_id": "up", "ds": t, "y": 1.0 * t})
    down = up.assign(unique_id="down", y=-1.0 * t)
    common = {"horizon": 2, "lookback": 4, "max_steps": 150, "learning_rate": 0.02}
    common |= {"scaler": None, "validation": None, "random_state": 0, "season_length": 1}
    frame = pd.concat([up, down.assign(y=down.y + 3 * (t % 2))], ignore_index=True)
    errors = {}
    for name in ("up", "down"):
        weights = {other: float(other == name) for other in ("up", "down")}
        model = Forecaster("nlinear", **common).fit(frame[frame.ds < 58], sample_weight=weights)
        merged = model.predict().merge(frame, on=["unique_id", "ds"])
        errors[name] = (merged.y - merged.yhat).abs().groupby(merged.unique_id).mean()
    assert errors["up"]["up"] < errors["down"]["up"]
    assert errors["down"]["down"] < errors["up"]["down"]


def test_a_step_without_weight_is_not_learned(history):
    f = history[["unique_id", "ds", "y"]]
    common = {**QUICK, "max_steps": 20, "network": "nlinear"}
    alone = Forecaster(**common, horizon_weights=[1, 1, 0, 0]).fit(f).predict()
    first = Forecaster(**{**common, "horizon": 4}).fit(f).predict()
    step = np.arange(8) % 4
    start = Forecaster(**{**common, "max_steps": 1, "learning_rate": 1e-12}).fit(f).predict()
    assert_allclose(alone.yhat[step > 1], start.yhat[step > 1], rtol=1e-5)
    assert np.abs(alone.yhat - first.yhat)[step > 1].max() > 1e-3


# --- refusals -------------------------------------------------------------------------------------


@pytest.fixture
def untrained(monkeypatch):
    def trained(*args, **kwargs):
        pytest.fail("training began before the input was refused")

    monkeypatch.setattr("tsmodels.estimators.forecaster.fit", trained)


REFUSED = {
    "text for a list": (
        {"past_covariates": "wind"},
        "list of names. Got 'wind'. Write ['wind'].",
    ),
    "in two lists": (
        {"past_covariates": ["wind", "price"]},
        "future_covariates must be columns that are neither",
        "'price', in past_covariates too",
    ),
    "the target": (
        {"future_covariates": ["y", "price"]},
        "future_covariates must be",
        "\"'y', the target\"",
    ),
    "a key": ({"static_covariates": ["unique_id"]}, "static_covariates must be", "a key"),
    "category of nothing": (
        {"categories": ["dya", "shop"]},
        "categories must be some of the covariates",
        "Got 'dya'. Did you mean 'day'?",
    ),
    "a missing column": (
        {"past_covariates": ["winds"]},
        "X must be a frame with a column 'winds'",
        "Did you mean 'wind'?",
    ),
    "text that is no category": (
        {"categories": ["shop"]},
        "column 'day' must be of real numbers",
        "categories=['day']",
    ),
    "static that changes": (
        {"past_covariates": [], "static_covariates": ["shop", "size", "wind"]},
        "static_covariates must be constant for each unique_id. Got",
        "'wind', which changes in ['b', 'a']",
    ),
    "calendar": ({"calendar": "yes"}, "calendar must be one of [False, True]. Got 'yes'."),
    "holidays": ({"holidays": "2024-01-01"}, "holidays must be a list of dates"),
    "scaling": (
        {"covariate_scaling": "local"},
        "covariate_scaling must be one of ['global', 'series']. Got 'local'.",
    ),
    "missing future": (
        {"missing_future": "zero"},
        "missing_future must be one of ['error', 'last']",
    ),
    "weights of the horizon": (
        {"horizon_weights": [1, 2]},
        "horizon_weights must be 4 numbers, none negative and not all zero. Got [1, 2].",
    ),
    "no weight at all": ({"horizon_weights": [0] * 4}, "not all zero. Got [0, 0, 0, 0]."),
    "words as weights": ({"horizon_weights": ["a"] * 4}, "horizon_weights must be 4 numbers"),
}


@pytest.mark.parametrize("settings, parts", [(s, p) for s, *p in REFUSED.values()], ids=REFUSED)
def test_parameters_are_refused_with_a_sentence(untrained, history, settings, parts):
    pattern = ".*".join(re.escape(part) for part in parts)
    with pytest.raises((ValueError, TypeError), match=pattern):
        Forecaster(**{**QUICK, **COLUMNS, **settings}).fit(history)


FRAMES = {
    "undeclared": (lambda f: f.assign(rain=1.0), "Got ['rain']"),
    "infinite": (
        lambda f: f.assign(wind=np.inf),
        "covariate 'wind' must be missing, or finite",
        "frame.replace",
    ),
    "huge": (lambda f: f.assign(wind=1e200), "covariate 'wind' must be", "frame['wind'].where"),
    "wide": (
        lambda f: f.pivot(index="ds", columns="unique_id", values="y").reset_index(),
        "X must be a long frame (unique_id, ds, target and ['wind'",
        "stack them",
    ),
    "time in the index": (
        lambda f: f[f.unique_id == "a"].drop(columns="unique_id").set_index("ds"),
        "frame.reset_index(names='ds')",
    ),
    "complex": (lambda f: f.assign(price=1j), "column 'price' must be of real numbers"),
    "dates": (
        lambda f: f.assign(price=pd.Timestamp("2024-01-01")),
        "column 'price' must be of real numbers",
    ),
}


@pytest.mark.parametrize("change, parts", [(c, p) for c, *p in FRAMES.values()], ids=FRAMES)
def test_frames_are_refused_with_a_sentence(untrained, history, change, parts):
    pattern = ".*".join(re.escape(part) for part in parts)
    with pytest.raises((ValueError, TypeError), match=pattern):
        Forecaster(**QUICK, **COLUMNS).fit(change(history))


def test_whole_numbers_have_no_calendar(untrained):
    with pytest.raises(ValueError, match="calendar must be False where ds holds whole numbers"):
        Forecaster(**QUICK, calendar=True).fit(np.arange(50.0))


def test_a_future_that_is_not_wanted_and_one_that_is(frame, history, fitted):
    with pytest.raises(ValueError, match="future must be a frame with .* Got None. make_future"):
        fitted.predict()
    plain = Forecaster(**QUICK).fit(history[["unique_id", "ds", "y"]])
    with pytest.raises(ValueError, match="future must be None where there are no future covariat"):
        plain.predict(future=known(frame))
    with pytest.raises(ValueError, match="with a column 'wind'"):
        fitted.predict(history.drop(columns="wind"), future=known(frame))


def test_weights_are_refused_before_training(untrained, history):
    with pytest.raises(ValueError, match=r"sample_weight must be of shape \(120,\). Got \(3,\)"):
        Forecaster(**QUICK, **COLUMNS).fit(history, sample_weight=[1, 2, 3])
