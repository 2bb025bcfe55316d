"""The audit passes what is honest and catches every planted fault by its part."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tsmodels import (
    AdaptiveConformal,
    Conformal,
    Drift,
    Forecaster,
    HistoricMean,
    Naive,
    SeasonalNaive,
    audit_leakage,
)
from tsmodels.auditing import changed_after
from tsmodels.data.frame import make_panel
from tsmodels.networks import NETWORKS, resolve

H = 4


def table(n=160, ids=("a", "b")):
    rng = np.random.default_rng(0)
    parts = []
    for k, id in enumerate(ids):
        t = np.arange(n + 20 * k)
        y = 10 + 2 * np.sin(t * 2 * np.pi / 24) + 0.5 * rng.standard_normal(len(t))
        wind = rng.standard_normal(len(t))
        ds = pd.date_range("2024-01-01", periods=len(t), freq="h")
        parts.append(pd.DataFrame({"unique_id": id, "ds": ds, "y": y, "wind": wind}))
    return pd.concat(parts, ignore_index=True)


def plain():
    return table()[["unique_id", "ds", "y"]]


def quick(cls=Forecaster, network="nlinear", **settings):
    settings = {"max_steps": 5, "validation": 30, "random_state": 0, **settings}
    return cls(network, horizon=H, lookback=12, **settings)


HONEST = {
    "naive": Naive(horizon=H),
    "seasonal_naive": SeasonalNaive(horizon=H),
    "drift": Drift(horizon=H),
    "mean": HistoricMean(horizon=H),
    "forecaster": quick(),
    "robust": quick(scaler="robust", missing="interpolate", validation=0.2),
    "quantiles": quick(loss="quantile"),
    "distribution": quick(loss="student_t"),
    "conformal": Conformal(SeasonalNaive(horizon=H)),
    "conformal network": Conformal(quick(quantile_levels=[0.1, 0.9]), calibration=30),
    "adaptive": AdaptiveConformal(Naive(horizon=H), window=20),
}


@pytest.mark.parametrize("name", list(HONEST))
def test_every_estimator_of_ours_passes(name):
    frame = plain()
    frame.loc[[20, 21, 100], "y"] = np.nan
    audit = audit_leakage(HONEST[name], frame)
    assert audit.leaks == (), audit.checks
    assert {"reading", "forecast", "intervals"} <= set(audit.checks.part)
    assert "Nothing before an origin moved" in audit.verdict


def tiny(name):
    """A network of the registry that trains in no time."""
    small = {"d_model": 8, "n_layers": 1, "dropout": 0.0}
    fields = {field.name for field in dataclasses.fields(resolve(name))}
    settings = {key: value for key, value in small.items() if key in fields}
    return resolve(name, **settings | ({"n_layers": 2} if name == "gnmt" else {}))  # at least


@pytest.mark.parametrize(
    "name",
    [n if n == "nhits" else pytest.param(n, marks=pytest.mark.slow) for n in sorted(NETWORKS)],
)
def test_every_network_of_ours_passes_with_covariates(name):
    settings = {"past_covariates": ["wind"], "future_covariates": ["plan"], "calendar": True}
    model = quick(network=tiny(name), **settings, max_steps=2)
    frame = table().assign(plan=lambda f: f.ds.dt.hour % 7)
    audit = audit_leakage(model, frame, n_origins=1)
    assert audit.leaks == (), audit.checks
    assert {"past covariates", "future covariates", "scale"} <= set(audit.checks.part)


# --- planted faults -------------------------------------------------------------------------------


class ScaledOnEverything(Forecaster):
    def _train(self, panel, weights=None):
        self._learn_scale(panel)
        super()._train(panel, weights)


class OverlappingTargets(Forecaster):
    """Cuts windows by where they begin: the last ones of training reach into the held-out rows."""

    def _windows(self, panel, rows, trained):
        held = trained < panel.lengths
        training, _ = super()._windows(panel, rows, trained + np.where(held, self.horizon - 1, 0))
        return training, super()._windows(panel, rows, trained)[1]


class ShuffledSplit(Forecaster):
    """Draws validation windows at random, from all rows."""

    def _windows(self, panel, rows, trained):
        windows, _ = super()._windows(panel, rows, panel.lengths)
        order = np.random.default_rng(0).permutation(len(windows))
        return windows.take(np.sort(order[30:])), windows.take(np.sort(order[:30]))


class LooksAhead(Naive):
    """Says the next value, as if it knew."""

    def _formula(self, y, firsts, cutoffs, horizon):
        return np.repeat(y[np.minimum(cutoffs, len(y) - 1)][:, None], horizon, axis=1)


class WidthOfTheFuture(Naive):
    """Honest points, and intervals as wide as the next value says."""

    def _spread(self, panel, cutoffs, series):
        return np.abs(panel.values[np.minimum(cutoffs, len(panel.values) - 1), 0])


class Smoothed(Naive):
    """Reads every series through a centred moving average."""

    def to_panel(self, X):
        panel = super().to_panel(X)
        y = panel.values.copy()
        for a, b in zip(panel.offsets[:-1], panel.offsets[1:], strict=True):
            part = pd.Series(y[a:b, 0])
            y[a:b, 0] = part.rolling(5, center=True, min_periods=1).mean()
        return type(panel)(**{**vars(panel), "values": y})


@pytest.mark.parametrize(
    ("estimator", "part"),
    [
        (quick(ScaledOnEverything), "scale"),
        (quick(OverlappingTargets), "training windows"),
        (quick(ShuffledSplit), "held-out rows"),
        (LooksAhead(horizon=H), "forecast"),
        (WidthOfTheFuture(horizon=H), "intervals"),
        (Smoothed(horizon=H), "reading"),
        (Conformal(quick(ScaledOnEverything), calibration=20), "scale"),
    ],
    ids=lambda case: case if isinstance(case, str) else type(case).__name__,
)
def test_planted_faults_are_caught(estimator, part):
    audit = audit_leakage(estimator, plain())
    assert part in audit.leaks, audit.checks
    if part in ("scale", "training windows", "held-out rows", "intervals"):
        assert audit.leaks == (part,)
    assert audit.verdict.startswith("Leak in ")


@pytest.mark.parametrize("lag", [0, 1, -2])
def test_the_target_among_future_covariates(lag):
    """The value itself, the value before, the value two steps later, in other units."""
    frame = table(ids=("a",)).drop(columns="wind")
    frame["plan"] = (3.0 - 2.0 * frame.y.shift(lag)).bfill().ffill()
    audit = audit_leakage(quick(future_covariates=["plan"]), frame, n_origins=1)
    assert audit.leaks == ("future covariates",)
    found = audit.checks[audit.checks.part == "future covariates"]
    assert found.origin.item() == "plan" and found.largest.item() > 0.999


def test_a_value_older_than_the_horizon_is_known():
    frame = table(ids=("a",)).drop(columns="wind")
    frame["plan"] = frame.y.shift(H).bfill()
    assert not audit_leakage(quick(future_covariates=["plan"]), frame, n_origins=1).leaks


def centred(frame):
    smooth = frame.groupby("unique_id").y.transform(
        lambda y: y.rolling(7, center=True, min_periods=1).mean()
    )
    return frame.assign(y=smooth)


def scaled(frame):
    return frame.assign(y=(frame.y - frame.y.mean()) / frame.y.std())


def trailing(frame):
    smooth = frame.groupby("unique_id").y.transform(lambda y: y.rolling(7, min_periods=1).mean())
    return frame.assign(y=smooth)


@pytest.mark.parametrize(
    ("prepare", "leaks"), [(centred, ("prepare",)), (scaled, ("prepare",)), (trailing, ())]
)
def test_what_is_done_to_a_frame_before(prepare, leaks):
    assert audit_leakage(Naive(horizon=H), plain(), prepare=prepare).leaks == leaks


# --- the audit itself -----------------------------------------------------------------------------


def test_only_later_rows_are_changed():
    frame = table()
    frame.loc[150, "y"] = np.nan
    panel = make_panel(frame.drop(columns="wind"))
    rows = panel.offsets[1:] - 30
    other = changed_after(panel, rows, np.random.default_rng(0))
    after = np.arange(len(panel.values)) >= np.repeat(rows, panel.lengths)
    assert_array_equal(other.values[~after], panel.values[~after])
    assert_array_equal(np.isnan(other.values), np.isnan(panel.values))
    assert (other.values[after] != panel.values[after]).all()


def test_an_estimator_is_left_as_it_was():
    model = quick(patience=3, random_state=None)
    audit_leakage(model, plain(), n_origins=1)
    assert model.patience == 3 and model.random_state is None and not hasattr(model, "weights_")


def test_refusals():
    with pytest.raises(ValueError, match="n_origins must be a positive int"):
        audit_leakage(Naive(), plain(), n_origins=0)
    with pytest.raises(TypeError, match="estimator must be a forecaster or a baseline"):
        audit_leakage("nlinear", plain())
    with pytest.raises(TypeError, match="X must be a pandas DataFrame with a column ds"):
        audit_leakage(Naive(), np.arange(50.0), prepare=lambda X: X)
    with pytest.raises(ValueError, match="n_windows must be at most"):
        audit_leakage(Naive(horizon=40), np.arange(50.0))
