"""Rows that come when they come: `freq="irregular"` from the calendar to the forecast."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tsmodels
from tsmodels import MLP, Conformal, Forecaster, Naive, SeasonalNaive, backtest, check_data
from tsmodels.data.channels import elapsed_logs
from tsmodels.data.frame import make_panel
from tsmodels.data.infer_frequency import infer_calendar

SETTINGS = {"horizon": 2, "lookback": 5, "max_steps": 120, "learning_rate": 0.02}
NET = MLP(d_model=8, revin=None)


def frame(n=220, seed=0, names="ab", tz=None):
    """Two waits, of about a minute and about an hour: after the long one y is 4, else 0."""
    rng, parts = np.random.default_rng(seed), []
    for name in names:
        long = rng.integers(2, size=n)
        seconds = np.where(long, 3600, 60) * rng.uniform(0.7, 1.4, n)
        ds = pd.Timestamp("2024-03-01", tz=tz) + pd.to_timedelta(np.cumsum(seconds), unit="s")
        y = 4.0 * long + 0.1 * rng.standard_normal(n)
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds.round("ms").as_unit("us"), "y": y}))
    return pd.concat(parts, ignore_index=True)


def parted(f, n=200):
    place = f.groupby("unique_id").cumcount()
    return f[place < n], f[place >= n]


@pytest.fixture(scope="module")
def fitted():
    history, _ = parted(frame())
    return Forecaster(NET, **SETTINGS, freq="irregular", random_state=0).fit(history)


def test_the_time_since_the_row_before_is_what_is_learned(fitted):
    _, rest = parted(frame())
    truth = rest.groupby("unique_id").head(2)
    forecast = fitted.predict(future=rest.drop(columns="y").sample(frac=1, random_state=0))
    assert forecast.ds.tolist() == truth.ds.tolist()
    assert_allclose(forecast.yhat, truth.y, atol=0.8)
    blind = frame().assign(ds=lambda f: f.groupby("unique_id").cumcount())
    other = Forecaster(NET, **SETTINGS, random_state=0).fit(parted(blind)[0])
    windows = {"n_windows": 15, "step": 1}
    mae = [
        backtest(model, f, **windows).frame.eval("(y - yhat).abs().mean()")
        for model, f in ((fitted, frame()), (other, blind))
    ]
    assert mae[0] < 0.25 * mae[1]
    table = fitted.explain(frame())
    assert table.name[table.importance.idxmax()] == "(elapsed)"


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_without_stamps_the_next_ones_are_median_steps_away(tz):
    history = frame(60, tz=tz)
    model = Naive(horizon=3, freq="irregular").fit(history)
    for name, part in model.predict().groupby("unique_id"):
        own = history[history.unique_id == name].ds
        step = own.diff().median().floor("us")
        want = [own.iloc[-1] + k * step for k in (1, 2, 3)]
        assert part.ds.tolist() == want and part.ds.dtype == own.dtype


def test_whole_numbers_may_be_irregular_too():
    ds = np.array([1, 2, 4, 5, 9, 10, 12, 13])
    f = pd.DataFrame({"unique_id": "a", "ds": ds, "y": ds * 1.0})
    forecast = Naive(horizon=2, freq="irregular").fit(f).predict()
    assert forecast.ds.tolist() == [14, 15]
    coming = pd.DataFrame({"ds": [3, 14, 20, 21]})
    ahead = Naive(horizon=2, freq="irregular").fit(f).predict(future=coming)
    assert ahead.ds.tolist() == [14, 20]
    model = Forecaster("nlinear", horizon=1, lookback=2, max_steps=2, freq="irregular")
    assert model.fit(f).predict().ds.tolist() == [14]
    with pytest.raises(ValueError, match="calendar must be False where ds holds whole numbers"):
        model.set_params(calendar=True).fit(f)


def test_what_is_kept_forecasts_as_what_was_seen(fitted, tmp_path):
    history, rest = parted(frame())
    coming = rest[["unique_id", "ds"]]
    want = fitted.predict(history, future=coming)
    pd.testing.assert_frame_equal(fitted.predict(future=coming), want)
    fitted.save(tmp_path / "model.zip")
    for again in (tsmodels.load(tmp_path / "model.zip"), pickle.loads(pickle.dumps(fitted))):
        pd.testing.assert_frame_equal(again.predict(future=coming), want)
    more, later = parted(frame(), 205)
    updated = (
        pickle.loads(pickle.dumps(fitted)).update(more).predict(future=later[["unique_id", "ds"]])
    )
    pd.testing.assert_frame_equal(updated, fitted.predict(more, future=later[["unique_id", "ds"]]))


def test_covariates_and_wrappers_take_the_same_stamps():
    history, rest = parted(frame().assign(x=1.0))
    model = Forecaster(
        NET, **{**SETTINGS, "max_steps": 3}, freq="irregular", future_covariates=["x"]
    )
    found = model.set_params(calendar=True).fit(history).predict(future=rest.drop(columns="y"))
    truth = rest.groupby("unique_id").head(2)
    assert found.ds.tolist() == truth.ds.tolist()
    assert len(model.make_future_frame()) == 4
    longer = model.predict(future=rest, horizon=5)
    assert longer.ds.tolist() == rest.groupby("unique_id").head(5).ds.tolist()
    around = Conformal(SeasonalNaive(horizon=2, freq="irregular")).fit(
        history[["ds", "unique_id", "y"]]
    )
    ahead = around.predict(future=rest[["unique_id", "ds"]], level=50)
    assert ahead.ds.tolist() == truth.ds.tolist()


def test_elapsed_time_is_a_standardised_logarithm(fitted):
    panel = fitted.to_panel(parted(frame())[0])
    logs = elapsed_logs(panel)
    assert np.isnan(logs[panel.offsets[:-1]]).all() and np.isnan(logs).sum() == 2
    shift, scale = fitted.channels_.elapsed
    seen = elapsed_logs(panel.head(fitted._training_rows(panel)))
    assert_allclose([shift, scale], [np.nanmean(seen), np.nanstd(seen)])
    assert fitted.channels_.names == ("(elapsed)",) and fitted.channels_.n_known == 1


def test_missing_values_stay_rows_and_no_row_is_made_up():
    f = frame(40)
    f.loc[7, "y"] = np.nan
    panel = make_panel(f, freq="irregular")
    assert len(panel.ds) == 80 and np.isnan(panel.values).sum() == 1


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda m, f: m.predict(future=f[:1]), "future must be a row for each id and each of the"),
        (lambda m, f: m.predict(future=f[["unique_id"]]), "future must be a frame with a column"),
        (lambda m, f: m.predict(future=f.drop(columns="unique_id")), "with a column 'unique_id'"),
        (lambda m, f: m.predict(future=f.assign(z=1)), "Got .'z'"),
    ],
)
def test_stamps_to_come_are_asked_for_in_sentences(fitted, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(fitted, parted(frame())[1])


def test_who_has_a_frequency_is_not_asked_for_stamps_and_the_way_out_is_named():
    regular = Naive().fit(np.arange(5.0))
    with pytest.raises(ValueError, match="future must be None .* a frequency says the stamps"):
        regular.predict(future=pd.DataFrame({"ds": [5]}))
    with pytest.raises(ValueError, match="freq='irregular'"):
        Naive().fit(frame())
    assert "'irregular' if rows come when they come" in str(check_data(frame()))
    with pytest.raises(ValueError, match="two rows or more where freq is 'irregular'"):
        infer_calendar(np.array([1, 5]), np.array([0, 1, 2]), freq="irregular")
