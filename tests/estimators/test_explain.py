"""What explanations say of planted cases, and that attributions add up; on every backend."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels import GRU, MLP, TFT, Combination, Conformal, Ensemble, Forecaster, Naive
from tsmodels.networks import NETWORKS, resolve
from tsmodels.plotting import plot_explanation

QUICK = {"horizon": 2, "lookback": 9, "random_state": 0, "batch_size": 64, "learning_rate": 0.02}
COLUMNS = {
    "past_covariates": ["noise"],
    "future_covariates": ["price", "day"],
    "static_covariates": ["size"],
    "categories": ["day"],
}
HELD = 60


@pytest.fixture(scope="module")
def frame():
    """Two series that are three times the price, but for a little noise, and nothing else."""
    rng, parts = np.random.default_rng(0), []
    for name, size in (("a", 1.0), ("b", 2.0)):
        x, noise = rng.standard_normal((2, 200))
        part = pd.DataFrame({"unique_id": name, "ds": np.arange(200), "y": 10 + 3 * x})
        day = np.array(["mon", "tue"])[rng.integers(2, size=200)]
        parts.append(part.assign(price=x, noise=noise, day=day, size=size))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def history(frame):
    return frame[frame.ds < 200 - HELD]


@pytest.fixture(scope="module")
def fitted(history):
    network = MLP(d_model=8, revin=None)
    return Forecaster(network, **QUICK, **COLUMNS, max_steps=150).fit(history)


@pytest.fixture
def drawn(monkeypatch):
    """Forecasters whose weights are drawn, not trained: in a tenth of the time."""

    def fit(blueprint, *args, **kwargs):
        rng, model = np.random.default_rng(0), blueprint.build()
        weights = [w + 0.2 * rng.standard_normal(w.shape).astype("f4") for w in model.get_weights()]
        names = [weight.name for weight in model.weights]
        return SimpleNamespace(weights=weights, history={}, names=names)

    def make(network, frame, **settings):
        monkeypatch.setattr("tsmodels.estimators.forecaster.fit", fit)
        return Forecaster(network, **{**QUICK, "validation": None, **settings}).fit(frame)

    return make


def flat(model, X, future=None):
    """The scaled forecast of windows whose every value is 0, but for their categories, averaged."""
    panel = model._shown(X, future, model.horizon_)
    asked = model._seen(panel, panel.offsets[1:], np.arange(panel.n_series), model.horizon_)
    codes = [len(model.targets_) + i for i, _ in model.channels_.places]
    windows, values = asked.windows, np.zeros_like(asked.windows.values)
    values[:, codes] = windows.values[:, codes]
    static = None if windows.static is None else np.zeros_like(windows.static)
    z = asked.of(model.head_.points(model._raw(replace(windows, values=values, static=static))))
    return model.transform_.total(z).mean(axis=1)


@pytest.mark.backend
@pytest.mark.parametrize("network", ["nlinear", GRU(d_model=4)])
def test_gradients_add_up_to_the_forecast(network, frame, history, drawn):
    """Completeness: the importances of a series are its forecast less that of the flat window."""
    model = drawn(network, history, **COLUMNS)
    future = frame[["unique_id", "ds", "price", "day"]]
    table = model.explain(how="gradients", future=future)
    sums = table.groupby("unique_id").importance.sum().to_numpy()
    means = model.predict(future=future).groupby("unique_id").yhat.mean().to_numpy()
    zero = flat(model, history, future) * model.scale_[:, 0] + model.shift_[:, 0]
    assert_allclose(sums, means - zero, atol=2e-3 * np.abs(means - zero).max())
    assert np.abs(sums).min() > 1e-3
    assert set(table.name) == {"y", "noise", "price", "size"}


@pytest.mark.backend
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_gradients_of_every_network_add_up(name, frame, history, drawn, monkeypatch):
    """To 2 %: with 48 points on the way, or 200 where a network turns more sharply."""
    if name in ("ttt_linear", "xlstm"):
        monkeypatch.setattr("tsmodels.training.attribution.POINTS", 200)
    names = {field.name for field in fields(resolve(name))}
    network = resolve(name, **({"d_model": 8} if "d_model" in names else {}))
    model = drawn(network, history, **COLUMNS)
    model.weights_ = [0.5 * weight for weight in model.weights_]
    future = frame[["unique_id", "ds", "price", "day"]]
    sums = model.explain(how="gradients", future=future).groupby("unique_id").importance.sum()
    means = model.predict(future=future).groupby("unique_id").yhat.mean().to_numpy()
    change = means - flat(model, history, future) * model.scale_[:, 0] - model.shift_[:, 0]
    assert_allclose(sums, change, atol=0.02 * np.abs(change).max() + 1e-4)


@pytest.mark.backend
def test_a_planted_cause_is_found(frame, fitted):
    """The price of the step alone decides: by shuffling, and by gradients."""
    shuffled = fitted.explain(frame[frame.ds >= 200 - HELD - 9])
    table = shuffled.drop_duplicates("name").set_index("name")
    assert table.importance.idxmax() == "price"
    others = table.drop(index="price").importance.abs()
    assert table.importance["price"] > 3 * others.max() and others["noise"] < 0.02
    assert (table["std"] < 0.2 * table.importance["price"]).all()
    slopes = fitted.explain(
        how="gradients", step=2, future=frame[["unique_id", "ds", "price", "day"]]
    )
    price = slopes[slopes.name == "price"]
    sizes = price.importance.abs().groupby(price["first"]).mean()
    assert sizes.idxmax() == 2 and sizes[2] > 1.5 * sizes.drop(2).max()


@pytest.mark.backend
def test_the_lag_that_is_repeated_is_found():
    """What was five rows before comes again, with noise: only lag 5 tells of the next row."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal(300)
    for t in range(5, 300):
        y[t] += 0.95 * y[t - 5]
    settings = {**QUICK, "horizon": 1, "lookback": 8, "season_length": 5}
    model = Forecaster(MLP(d_model=16, revin=None), **settings, max_steps=150).fit(y[:250])
    table = model.explain(y[242:])
    lags = table.iloc[1:]
    assert lags["first"].tolist() == list(range(-7, 1)) == lags["last"].tolist()
    assert lags["first"][lags.importance.idxmax()] == -4


def test_shuffles_are_repeatable_and_change_nothing(frame, fitted):
    held = frame[frame.ds >= 200 - HELD]
    before = [w.copy() for w in fitted.weights_]
    one, two = (fitted.explain(held) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert (one.importance != fitted.explain(held, random_state=1).importance).any()
    for a, b in zip(before, fitted.weights_, strict=True):
        assert_array_equal(a, b)


def test_rows_and_names(fitted, frame):
    table = fitted.explain(frame[frame.ds >= 200 - HELD]).set_index("name")
    assert table.index[:5].tolist() == ["y", "noise", "price", "day", "size"]
    assert table.loc[["noise", "price"], ["first", "last"]].to_numpy().tolist() == [
        [-8, 0],
        [-8, 2],
    ]
    assert table.loc["size", ["first", "last"]].isna().all()
    blocks = table.iloc[5:]
    assert (blocks.index == "y").all() and blocks["first"].iloc[0] == -8
    assert blocks["last"].iloc[-1] == 0
    assert (blocks["first"].to_numpy()[1:] == blocks["last"].to_numpy()[:-1] + 1).all()


def test_attention_is_read_where_there_is_any(frame, history, fitted, drawn):
    model = drawn(TFT(d_model=4), history, **COLUMNS)
    future = frame[["unique_id", "ds", "price", "day"]]
    table = model.explain(how="attention", future=future, step=1)
    one = table[table.unique_id == "a"]
    rows = one[one.name == "(all)"]
    assert_allclose(rows.importance.sum(), 1.0, rtol=1e-5)
    assert rows["first"].tolist() == list(range(-8, 3))
    past, ahead, fixed = (
        one[(one.name != "(all)") & part]
        for part in (one["last"] == 0, one["first"] == 1, one["last"].isna())
    )
    assert past.name.tolist() == ["y", "noise", "price", "day"]
    assert ahead.name.tolist() == ["price", "day"] and fixed.name.tolist() == ["size"]
    for part in (past, ahead, fixed):
        assert_allclose(part.importance.sum(), 1.0, rtol=1e-5)
    assert rows.importance.iloc[-1] == 0.0  # step 1 does not see step 2
    with pytest.raises(ValueError, match="how must be .* without weights .* 'tft' has"):
        fitted.explain(how="attention", future=future)


@pytest.mark.parametrize("settings", [{"transform": "difference"}, {"loss": "quantile"}])
def test_steps_quantiles_and_several_targets(settings, drawn):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"ds": np.arange(90), "u": rng.standard_normal(90).cumsum()})
    frame = frame.assign(v=rng.standard_normal(90))
    model = drawn("mlp", frame, target=["u", "v"], **settings)
    table = model.explain(how="gradients")
    assert table.columns.tolist()[:3] == ["unique_id", "target", "name"]
    assert set(table.target) == set(table.name) == {"u", "v"}
    sums = table.groupby("target").importance.sum().to_numpy()
    y = model.predict().groupby("target").yhat.mean().to_numpy()
    if "transform" in settings:
        y = y - frame[["u", "v"]].iloc[-1].to_numpy()
    zero = flat(model, frame) * model.scale_[:, 0]
    steps = 1.5 if "transform" in settings else 1.0
    assert_allclose(sums, y - zero - steps * model.shift_[:, 0], atol=1e-3)
    assert np.isfinite(model.explain(frame).importance).all()


def test_what_is_around_a_forecaster_explains_it(history, drawn):
    frame = history[["unique_id", "ds", "y"]]
    inner = drawn("nlinear", frame)
    around, many = Conformal(inner).fit(frame), Ensemble(inner, n_members=2).fit(frame)
    pd.testing.assert_frame_equal(around.explain(frame), around.estimator_.explain(frame))
    each = [member.explain(how="gradients").importance for member in many.members_]
    assert_allclose(many.explain(how="gradients").importance, np.mean(each, axis=0))
    assert not hasattr(Combination([inner]), "explain")
    with pytest.raises(TypeError, match="estimator must be a Forecaster, or around one"):
        Conformal(Naive(horizon=2)).fit(frame).explain(frame)


def test_too_short_series_have_no_rows(fitted, frame):
    short = frame.groupby("unique_id").tail(5).assign(unique_id="c", ds=lambda f: f.ds - 5)
    short = short.drop_duplicates("ds")[:1]
    X = pd.concat([frame[frame.ds < 150], short])
    ahead = short.assign(ds=short.ds + 1)
    ahead = pd.concat([ahead, ahead.assign(ds=ahead.ds + 1)])
    future = pd.concat([frame, ahead])[["unique_id", "ds", "price", "day"]]
    assert set(fitted.explain(X, how="gradients", future=future).unique_id) == {"a", "b"}


def test_refusals(fitted, frame):
    with pytest.raises(ValueError, match="how must be one of .'permutation', 'gradients'"):
        fitted.explain(how="gradient")
    with pytest.raises(ValueError, match="step must be at most 2, the horizon. Got 3."):
        fitted.explain(frame, step=3)
    with pytest.raises(ValueError, match="X must be a frame with 2 rows and 3 to forecast"):
        fitted.explain(frame.groupby("unique_id").head(3))
    with pytest.raises(ValueError, match="future must be None here"):
        fitted.explain(frame, future=frame)


def test_explanations_are_drawn(fitted, frame):
    table = fitted.explain(frame[frame.ds >= 200 - HELD])
    bars, lags = plot_explanation(table)
    assert [text.get_text() for text in bars.get_yticklabels()][-1] == "price"
    assert lags.get_xlabel() == "rows from the cutoff"
    future = frame[["unique_id", "ds", "price", "day"]]
    slopes = fitted.explain(how="gradients", future=future)
    bars, steps = plot_explanation(slopes)
    widths = {
        t.get_text(): p.get_width()
        for t, p in zip(bars.get_yticklabels(), bars.patches, strict=True)
    }
    assert_allclose(widths["price"], slopes[slopes.name == "price"].importance.abs().sum() / 2)
    price = next(line for line in steps.get_lines() if line.get_label() == "price")
    assert price.get_xdata().tolist() == list(range(-8, 3))
    with pytest.raises(ValueError, match="table must be what explain answers"):
        plot_explanation(frame)
