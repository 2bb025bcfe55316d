"""Intervals and paths through one door, whatever they are made of."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import tsmodels
from tsmodels import (
    AdaptiveConformal,
    Conformal,
    Drift,
    Forecaster,
    HistoricMean,
    Naive,
    RollingOrigin,
    SeasonalNaive,
    SequenceRegressor,
)
from tsmodels.losses import NegativeLogLikelihood, Pinball

BANDS = ["yhat-lo-80", "yhat-hi-80", "yhat-lo-95", "yhat-hi-95"]
LOSSES = [
    {},
    {"loss": "quantile"},
    {"quantile_levels": [0.1, 0.9]},
    {"loss": "normal"},
    {"loss": NegativeLogLikelihood("student_t")},
]
NAMES = ["points", "quantile", "levels", "normal", "a loss"]
losses = pytest.mark.parametrize("loss", LOSSES, ids=NAMES)


def noisy(n=900, seed=0):
    """Seasons whose noise is three times as large in one half of it."""
    t = np.arange(n)
    size = np.where(t % 24 < 12, 0.3, 0.9)
    return 10 + 2 * np.sin(t * 2 * np.pi / 24) + size * np.random.default_rng(seed).normal(size=n)


@pytest.fixture(scope="module")
def models():
    settings = {"horizon": 6, "lookback": 24, "max_steps": 150, "learning_rate": 0.02}
    settings |= {"validation": 400, "random_state": 0}
    return {str(loss): Forecaster("nlinear", **settings, **loss).fit(noisy()) for loss in LOSSES}


@losses
def test_columns_and_order(models, loss):
    frame = models[str(loss)].predict(level=[95, 80])
    assert frame.columns.tolist() == ["unique_id", "ds", "yhat", *BANDS]
    for inner, outer in ((BANDS[2], BANDS[0]), (BANDS[0], "yhat"), ("yhat", BANDS[1])):
        assert (frame[inner] <= frame[outer]).all()
    assert (frame[BANDS[1]] <= frame[BANDS[3]]).all()
    points = models[str(loss)].predict()
    pd.testing.assert_frame_equal(frame[points.columns], points)


@losses
def test_coverage_of_rows_never_seen(models, loss):
    model, y = models[str(loss)], noisy(1500)
    panel = model.to_panel(y)
    cutoffs = np.arange(900, 1494)
    forecasts = model.predictive_at(panel, cutoffs, np.zeros(594, int), 6)
    truth = y[cutoffs[:, None] + np.arange(6)]
    for level, slack in ((80, 0.06), (95, 0.04)):
        low, high = forecasts.predictive.interval(level)
        held = ((low <= truth) & (truth <= high)).mean()
        assert abs(held - level / 100) < slack, (level, held)


def test_a_distribution_sees_where_the_noise_is(models):
    model, y = models["{'loss': 'normal'}"], noisy(1500)
    cutoffs = np.arange(900, 1490)
    where = (model.to_panel(y), cutoffs, np.zeros(590, int), 1)
    low, high = model.predictive_at(*where).predictive.interval(80)
    width = (high - low)[:, 0]
    assert width[cutoffs % 24 < 12].mean() < 0.8 * width[cutoffs % 24 >= 12].mean()


@losses
def test_copies_and_files_answer_alike(models, loss, tmp_path):
    model = models[str(loss)]
    want = model.predict(level=[60, 80])
    model.save(tmp_path / "model")
    others = [tsmodels.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))]
    for other in [*others, copy.deepcopy(model)]:
        pd.testing.assert_frame_equal(other.predict(level=[60, 80]), want)
    paths = [m.simulate(7, random_state=3) for m in (model, *others)]
    pd.testing.assert_frame_equal(paths[0], paths[1])
    assert clone(model).get_params()["quantile_levels"] == loss.get("quantile_levels")


@losses
def test_paths_are_futures(models, loss):
    model = models[str(loss)]
    frame = model.simulate(400, random_state=0)
    assert frame.columns.tolist() == ["unique_id", "ds", "path", "yhat"]
    assert frame.path.tolist()[:7] == [0] * 6 + [1] and len(frame) == 2400
    band = model.predict(level=80)
    inside = frame.yhat.to_numpy().reshape(400, 6)
    inside = (band[BANDS[0]].to_numpy() <= inside) & (inside <= band[BANDS[1]].to_numpy())
    assert 0.7 < inside.mean() < 0.9
    again = model.simulate(400, random_state=0)
    pd.testing.assert_frame_equal(again, frame)
    assert not model.simulate(400, random_state=1).yhat.equals(frame.yhat)


def test_paths_of_a_random_walk_spread_like_one():
    walk = np.cumsum(np.random.default_rng(0).standard_normal(2000))
    paths = Naive(horizon=16).fit(walk).simulate(2000, random_state=0)
    steps = paths.yhat.to_numpy().reshape(2000, 16)
    assert_allclose(steps.std(axis=0) / np.sqrt(np.arange(1, 17)), 1.0, atol=0.12)
    assert_allclose(np.diff(steps, axis=1).std(), 1.0, atol=0.1)  # a step is one step


@pytest.mark.parametrize("cls", [Naive, SeasonalNaive, Drift, HistoricMean])
def test_baselines_have_intervals(cls, frame):
    model = cls(horizon=3).fit(frame)
    band = model.predict(level=[80, 95])
    assert (band[BANDS[1]] > band[BANDS[0]]).all() and band.unique_id.nunique() == 4
    unknown = frame[frame.unique_id == "a"].assign(unique_id="new")
    known = frame[frame.unique_id == "a"]
    widths = [np.ptp(model.predict(X, level=80)[BANDS[:2]], axis=1) for X in (known, unknown)]
    assert_allclose(widths[0], widths[1], rtol=0.3)  # a new id is measured by its own rows


def test_intervals_have_the_units_of_the_series():
    settings = {"horizon": 4, "lookback": 24, "max_steps": 30, "random_state": 0}
    for loss in ("mse", "quantile", "normal"):
        model = Forecaster(loss=loss, **settings)
        ours, theirs = (
            model.fit(X).predict(level=80)[BANDS[:2]].to_numpy()
            for X in (noisy(300), 1000.0 - 8.0 * noisy(300))
        )
        if loss == "mse":  # the mirror of a point loss is a mirror; quantiles train apart
            assert_allclose(theirs, 1000.0 - 8.0 * ours[:, ::-1], rtol=1e-3)
        assert 4 < np.ptp(theirs, axis=1).mean() / np.ptp(ours, axis=1).mean() < 16


def test_frames_of_other_kinds(frame):
    answer = Naive(horizon=2).fit(pl.from_pandas(frame)).predict(level=[80])
    assert isinstance(answer, pl.DataFrame) and answer.columns[-2:] == BANDS[:2]


def test_a_fallback_has_an_interval_too(fitted, frame):
    answer = fitted.predict(level=80)
    assert answer.fallback.sum() == 6  # "d" is too short for the network
    assert np.isfinite(answer[BANDS[:2]].to_numpy()).all()


def test_missing_truths_teach_nothing():
    y = noisy()
    y[850:853] = np.nan
    model = Forecaster("nlinear", horizon=6, lookback=24, max_steps=20, random_state=0).fit(y)
    assert np.isnan(model.calibration_).any()
    assert np.isfinite(model.predict(level=[80, 95])[BANDS].to_numpy()).all()


def test_a_search_over_losses():
    grid = {"loss": ["mse", "quantile", "normal"], "network__dropout": [0.0]}
    model = Forecaster("mlp", horizon=4, lookback=12, max_steps=5, random_state=0)
    model.set_params(network__d_model=4)
    search = GridSearchCV(model, grid, cv=RollingOrigin(4, 2), error_score="raise").fit(noisy(200))
    assert len(search.best_estimator_.predict(level=80)) == 4


def test_counts_are_counts():
    y = np.random.default_rng(0).poisson(3.0, 400)
    for loss in ("poisson", "negative_binomial"):
        model = Forecaster("nlinear", horizon=3, lookback=12, loss=loss, scaler=None, max_steps=30)
        model.fit(y)
        band = model.predict(level=90)
        assert (band["yhat-lo-90"] >= 0).all() and (band["yhat-hi-90"] % 1 == 0).all()
        assert (model.simulate(20).yhat % 1 == 0).all()


# --- refusals -------------------------------------------------------------------------------------


def refused(match, X=None, error=ValueError, **settings):
    model = Forecaster(**{"horizon": 3, "lookback": 12, "max_steps": 1, **settings})
    with pytest.raises(error, match=match):
        model.fit(noisy(100) if X is None else X)
    assert not hasattr(model, "weights_")


def test_settings_that_contradict_each_other():
    refused("quantile_levels must be None beside a loss. Got 'mae'", loss="mae",
            quantile_levels=[0.1])  # fmt: skip
    refused(r"quantile_levels must be a finite number in \(0, 1\)", quantile_levels=[0.1, 1.0])
    refused("quantile_levels must be a list", quantile_levels="0.1", error=TypeError)
    refused("scaler must be None for 'poisson'", loss="poisson")
    refused("Did you mean 'laplace'", loss="laplac")


@pytest.mark.parametrize("odd", [-1.0, 2.5])
def test_what_cannot_be_counted(odd):
    y = np.ones(100)
    y[40] = odd
    refused(f"target must be counts .* Got {odd}", y, loss="poisson", scaler=None)


@pytest.mark.parametrize("loss", ["quantile", "poisson", Pinball()])
def test_sequences_have_points(loss):
    with pytest.raises(ValueError, match="loss must be"):
        SequenceRegressor(loss=loss, epochs=1).fit(np.zeros((8, 5, 1)), np.arange(8.0))


def test_intervals_end_with_the_fitted_horizon(models):
    model = models["{}"]
    assert len(model.predict(horizon=2, level=80)) == 2
    assert_array_equal(model.predict(horizon=2, level=80), model.predict(level=80).iloc[:2])
    for ask in (lambda: model.predict(horizon=7, level=80), lambda: model.simulate(horizon=7)):
        with pytest.raises(ValueError, match="horizon must be at most 6"):
            ask()
    assert len(model.predict(horizon=7)) == 7


def test_levels_that_nothing_is_known_of():
    settings = {"horizon": 3, "lookback": 12, "max_steps": 1}
    point = Forecaster(validation=None, **settings).fit(noisy(100))
    with pytest.raises(ValueError, match="level must be at most 0 % with errors known of 0"):
        point.predict(level=80)
    with pytest.raises(ValueError, match="held out"):
        point.simulate(3)
    trained = Forecaster(validation=None, loss="quantile", **settings).fit(noisy(100))
    assert len(trained.predict(level=[50, 80, 95])) == 3
    with pytest.raises(ValueError, match="level must be one whose ends are among the quantiles"):
        trained.predict(level=70)
    few = Forecaster(**settings).fit(noisy(100))  # 10 rows held out: 8 windows
    assert len(few.predict(level=80)) == 3
    with pytest.raises(ValueError, match="19 windows are needed"):
        few.predict(level=95)


@pytest.mark.parametrize("level", [0, 100, 0.8, [], [80, 80]])
def test_levels_that_are_none(models, level):
    with pytest.raises(ValueError, match="level must be"):
        models["{}"].predict(level=level)


def test_paths_that_are_none(models):
    with pytest.raises(ValueError, match="n_paths must be a positive int"):
        models["{}"].simulate(0)


# --- Conformal ------------------------------------------------------------------------------------


def test_conformal_holds_its_share_around_anything():
    y = noisy(3000)
    quick = {"horizon": 3, "lookback": 24, "max_steps": 60, "learning_rate": 0.02}
    for inner in (
        SeasonalNaive(horizon=3, season_length=24),
        Forecaster("nlinear", **quick, loss="normal", random_state=0),
        Forecaster("nlinear", **quick, quantile_levels=[0.4, 0.6], random_state=0),
    ):
        model = Conformal(inner, calibration=900).fit(y[:2000])
        cutoffs = np.arange(2000, 2997)
        forecasts = model.predictive_at(model.to_panel(y), cutoffs, np.zeros(997, int), 3)
        truth = y[cutoffs[:, None] + np.arange(3)]
        for level in (80, 95):
            low, high = forecasts.predictive.interval(level)
            held = ((low <= truth) & (truth <= high)).mean(axis=0)
            assert_allclose(held, level / 100, atol=0.04)


def test_conformal_never_fits_on_its_calibration_rows(monkeypatch):
    seen = []
    learn = Naive._learn
    monkeypatch.setattr(Naive, "_learn", lambda s, p: seen.append(p.lengths) or learn(s, p))
    Conformal(Naive(horizon=2), calibration=0.3).fit(np.arange(100.0))
    assert_array_equal(seen, [[70]])


def known_ahead(n=500):
    """Wind that is known ahead makes three quarters of the load."""
    rng = np.random.default_rng(0)
    wind = rng.standard_normal(n)
    ds = pd.date_range("2024-01-01", periods=n, freq="h")
    y = 10 + 3 * wind + rng.standard_normal(n)
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": y, "wind": wind})


def test_covariates_and_new_rows_reach_the_estimator_inside():
    frame = known_ahead()
    inner = Forecaster("tide", horizon=3, lookback=6, max_steps=100, future_covariates=["wind"])
    inner.set_params(network__d_model=8, random_state=0)
    model = Conformal(inner, calibration=150).fit(frame[:400])
    future = frame[["unique_id", "ds", "wind"]][400:403]
    told = model.make_future_frame().merge(future, on=["unique_id", "ds"])
    assert len(told) == 3
    band = model.predict(future=told, level=80)
    assert len(model.simulate(5, future=told)) == 15
    model.update(frame[400:450])
    later = frame[["unique_id", "ds", "wind"]][450:453]
    assert model.predict(future=later, level=80).ds.tolist() == frame.ds[450:453].tolist()
    assert_allclose(np.ptp(model.predict(future=later, level=80)[BANDS[:2]], axis=1),
                    np.ptp(band[BANDS[:2]], axis=1))  # fmt: skip


def test_adaptive_intervals_follow_a_shift():
    """Noise four times as large from row 800 on: within 100 steps the share is held again."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal(1400) * np.where(np.arange(1400) < 800, 1.0, 4.0)
    held = {}
    for cls in (Conformal, AdaptiveConformal):
        model = cls(HistoricMean(horizon=2)).fit(y[:600])
        cutoffs = np.arange(620, 1398)
        forecasts = model.predictive_at(model.to_panel(y), cutoffs, np.zeros(778, int), 2)
        low, high = forecasts.predictive.interval(80)
        truth = y[cutoffs[:, None] + np.arange(2)]
        inside = ((low <= truth) & (truth <= high)).mean(axis=1)
        held[cls] = [inside[:178].mean(), inside[280:].mean()]
    assert_allclose(held[AdaptiveConformal], 0.8, atol=0.04)
    assert held[Conformal][1] < 0.4


def test_an_adaptive_interval_knows_nothing_of_later_rows():
    y = np.random.default_rng(0).standard_normal(400)
    model = AdaptiveConformal(Naive(horizon=3), window=50).fit(y[:300])
    where = (np.array([350]), np.array([0]), 3)
    other = np.where(np.arange(400) < 350, y, 99.0)
    ends = [
        model.predictive_at(model.to_panel(x), *where).predictive.interval(90)
        for x in (y, other, y[:350])
    ]
    assert_array_equal(ends[0], ends[1])
    assert_array_equal(ends[0], ends[2])


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"window": 0}, "window must be a positive int"), ({"rate": 0.0}, "rate must be a finite"),
     ({"rate": 2.0}, "rate must be a finite")],
)  # fmt: skip
def test_adaptive_settings_that_are_none(settings, match):
    with pytest.raises(ValueError, match=match):
        AdaptiveConformal(Naive(), **settings).fit(np.arange(50.0))
