"""New rows without training: `update` and the panels it joins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tsmodels import Forecaster, HistoricMean, SeasonalNaive, load
from tsmodels.data.frame import make_panel
from tsmodels.data.joining import joined
from tsmodels.data.panel import treat_missing

QUICK = {"horizon": 3, "lookback": 6, "max_steps": 3, "random_state": 0}
COLUMNS = {
    "past_covariates": ["x", "c"],
    "static_covariates": ["k"],
    "categories": ["c", "k"],
}


def frame(n=90, ids="ba", freq="h", tz=None):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-03-29", periods=n, freq=freq, tz=tz),
                "y": rng.standard_normal(n),
                "x": rng.standard_normal(n),
                "c": rng.choice(["p", "q"], n),
                "k": name,
            }
        )
        for name in ids
    ]
    return pd.concat(parts, ignore_index=True)


def rows(f, low, high):
    place = f.groupby("unique_id").cumcount()
    return f[(place >= low) & (place < high)]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(2, 28), min_size=1, max_size=3), overlap=st.integers(0, 3))
def test_panels_joined_piece_by_piece_are_the_whole(cuts, overlap):
    f = frame(30)
    whole = make_panel(f[["unique_id", "ds", "y"]])
    ends = [*sorted(set(cuts)), 30]
    panel = make_panel(rows(f, 0, ends[0])[["unique_id", "ds", "y"]])
    for low, high in zip(ends, ends[1:], strict=False):
        piece = rows(f, max(low - overlap, 0), high)[["unique_id", "ds", "y"]]
        panel = joined(panel, make_panel(piece, freq="h"))
    assert_array_equal(panel.values, whole.values)
    assert_array_equal(panel.ds, whole.ds)
    assert_array_equal(panel.offsets, whole.offsets)
    assert panel.ids.tolist() == whole.ids.tolist()


MODELS = {
    "covariates": (lambda: Forecaster(**QUICK, **COLUMNS, calendar=True), ["y", "x", "c", "k"]),
    "targets": (lambda: Forecaster(**QUICK, target=["y", "x"]), ["y", "x"]),
    "seasonal": (lambda: SeasonalNaive(horizon=3), ["y"]),
    "mean": (lambda: HistoricMean(horizon=3), ["y"]),
}


@pytest.mark.parametrize("make, columns", MODELS.values(), ids=MODELS)
def test_updated_forecasts_are_those_from_all_rows(make, columns, tmp_path):
    """Over the spring clock change of 2024, with one row corrected and one left out."""
    f = frame(tz="Europe/Berlin")[["unique_id", "ds", *columns]]
    model = make().fit(rows(f, 0, 50))
    corrected = f.assign(y=f.y.where(f.index != 48, 9.0)).drop(index=[60])
    want = model.predict(corrected)
    later = corrected[(corrected.index % 90) >= 47]
    pd.testing.assert_frame_equal(model.update(later).predict(), want)
    model.save(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(load(tmp_path / "model.zip").predict(), want)


def test_one_new_row_of_one_series_moves_that_one_alone():
    f = frame()[["unique_id", "ds", "y"]]
    model = Forecaster(**QUICK).fit(rows(f, 0, 50))
    weights, before = model.weights_, model.predict()
    after = model.update(f[(f.unique_id == "a") & (f.ds == f.ds[50])]).predict()
    assert after.ds[3] == before.ds[3] + pd.Timedelta("1h")
    pd.testing.assert_frame_equal(after[:3], before[:3])
    assert model.weights_ is weights


def test_new_ids_come_last():
    f = frame(ids="bac")[["unique_id", "ds", "y"]]
    model = Forecaster(**QUICK).fit(rows(f[f.unique_id != "c"], 0, 50))
    forecast = model.update(f[f.unique_id == "c"]).predict()
    assert forecast.unique_id.drop_duplicates().tolist() == ["b", "a", "c"]
    assert np.isfinite(forecast.yhat).all()


def test_categories_keep_their_codes_whatever_order_new_rows_bring():
    f = frame(20)
    f["c"] = ["p", "q"] * 20
    model = Forecaster(**QUICK, **COLUMNS)
    old, new = (model.to_panel(part) for part in (rows(f, 0, 9), rows(f, 9, 20)))
    both, whole = joined(old, new).covariates, model.to_panel(f).covariates
    assert new.covariates.levels["c"] == ("q", "p") and both.levels["c"] == ("p", "q")
    assert_array_equal(both.values, whole.values)
    assert_array_equal(both.static, whole.static)


def test_a_gap_between_old_and_new_rows_is_closed_or_refused():
    f = frame()[["unique_id", "ds", "y"]]
    old, new = (make_panel(rows(f, *span)) for span in ((0, 20), (25, 40)))
    panel = treat_missing(joined(old, new), "mask")
    assert panel.lengths.tolist() == [40, 40] and np.isnan(panel.values[20:25]).all()
    model = Forecaster(**QUICK, missing="error").fit(rows(f, 0, 50))
    with pytest.raises(ValueError, match="no missing values with missing='error'. Got 10 in 2"):
        model.update(rows(f, 55, 70))


REFUSED = {
    "half past": (
        lambda f: f.assign(ds=f.ds + pd.Timedelta("30min")),
        "on the grid that fit has seen, 'h'. Got",
    ),
    "a zone": (lambda f: f.assign(ds=f.ds.dt.tz_localize("UTC")), "ds must be as in fit"),
    "whole numbers": (lambda f: f.assign(ds=range(len(f))), "freq must be"),
    "days": (
        lambda f: f.assign(ds=pd.date_range("2024-04-05 01:30", periods=len(f))),
        "X must be of the frequency that fit has seen, 'h'. Got 'D'",
    ),
    "half hours off": (
        lambda f: f.assign(ds=pd.date_range("2024-04-05 01:30", periods=len(f), freq="h")),
        "ds must be on the grid",
    ),
    "a column too many": (lambda f: f.assign(z=1.0), "Got ['z']"),
}


@pytest.mark.parametrize("change, sentence", REFUSED.values(), ids=REFUSED)
def test_rows_that_do_not_fit_are_refused_and_nothing_changes(change, sentence):
    f = frame(ids="b")[["unique_id", "ds", "y"]]
    model = SeasonalNaive(horizon=2).fit(f[:60])
    before = model.predict()
    with pytest.raises((ValueError, TypeError)) as caught:
        model.update(change(f[60:]))
    assert sentence in str(caught.value)
    pd.testing.assert_frame_equal(model.predict(), before)


# --- another frequency ----------------------------------------------------------------------------


@pytest.mark.parametrize("learned, shown", [("h", "D"), ("D", "h"), ("MS", "QS"), ("D", "W")])
def test_frames_of_another_frequency_are_refused(learned, shown):
    old, new = ({"ids": "a", "freq": freq, "n": 30} for freq in (learned, shown))
    model = SeasonalNaive(horizon=2).fit(frame(**old)[["unique_id", "ds", "y"]])
    other = frame(**new)[["unique_id", "ds", "y"]]
    sentence = f"X must be of the frequency that fit has seen, '{learned}'. Got '{shown}"
    for call in (model.predict, model.score, model.impute, model.simulate, model.plot):
        with pytest.raises(ValueError, match=sentence):
            call(*((5,) if call == model.simulate else ()), X=other)
    if (learned, shown) == ("h", "D"):  # which would have been hours with 23 missing in between
        with pytest.raises(ValueError, match=sentence):
            model.update(other)
    model.fit(other)  # what was fitted before plays no part


def test_what_is_as_dense_is_of_the_same_frequency():
    sundays = frame(ids="a", freq="W-SUN")[["unique_id", "ds", "y"]]
    mondays = frame(ids="b", freq="W-MON")[["unique_id", "ds", "y"]]
    assert len(SeasonalNaive(horizon=2).fit(sundays).predict(mondays)) == 2
    hours = frame(ids="a")[["unique_id", "ds", "y"]]
    model = SeasonalNaive(horizon=2).fit(hours)
    few = hours.assign(ds=hours.ds + pd.Timedelta("90h"))[::2][:4]
    assert len(model.update(few).predict()) == 2  # four rows may have gaps
    assert len(model.set_params(freq="h").predict(hours[::2])) == 2


@pytest.mark.parametrize("lookback", [3, 6])
def test_steps_of_the_last_window_are_all_known(lookback):
    """A window of steps needs one row more than it has steps, after `update` too."""
    f = frame(60)[["unique_id", "ds", "y"]]
    settings = {**QUICK, "lookback": lookback, "season_length": 3, "transform": "difference"}
    model = Forecaster(**settings).fit(rows(f, 0, 50))
    pd.testing.assert_frame_equal(model.predict(), model.predict(rows(f, 0, 50)))
    assert "fallback" not in model.predict()
    pd.testing.assert_frame_equal(model.update(rows(f, 50, 60)).predict(), model.predict(f))
