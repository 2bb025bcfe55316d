"""Every network takes covariates: each kind of them changes the forecast."""

from dataclasses import fields, replace

import numpy as np
import pytest
from harness import at_once

from tsmodels.backend import ops
from tsmodels.networks import NETWORKS, resolve
from tsmodels.networks.assembly import forecast_model

pytestmark = pytest.mark.backend
B, T, H = 2, 12, 3


def tiny(name):
    spec = resolve(name)
    widths = {field.name for field in fields(spec)}
    return replace(spec, d_model=8) if "d_model" in widths else spec


def inputs(rng):
    """A target, a number and a category of the past, and a number and a category known ahead."""
    past, future = (rng.standard_normal((B, n, k)).astype("float32") for n, k in ((T, 5), (H, 2)))
    past[:, :, [2, 4]] = rng.integers(0, 4, (B, T, 2))
    future[:, :, 1] = rng.integers(0, 4, (B, H))
    static = np.stack([np.ones(B), np.arange(B)], axis=1).astype("float32")
    return {"past": past, "future": future, "static": static}


CHANGES = {
    "past number": ("past", (..., 1), 1.5),
    "past category": ("past", (..., 2), 1.0),
    "future number": ("future", (..., 0), 1.5),
    "future category": ("future", (..., 1), 1.0),
    "static number": ("static", (..., 0), 1.0),
    "static category": ("static", (..., 1), 1.0),
}


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_each_kind_of_covariate_changes_the_forecast(name):
    spec = tiny(name)
    model = forecast_model(
        spec, lookback=T, horizon=H, channels=5, known=2, static=2,
        places=((1, 4), (3, 4)), static_places=((1, 3),),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    x = inputs(rng)
    if spec.forced:
        x["target"] = np.zeros((B, H, 1), "float32")
    cases = [x]
    for key, place, change in CHANGES.values():
        other = {name: part.copy() for name, part in x.items()}
        other[key][place] += change
        cases.append(other)
    together = {key: np.concatenate([case[key] for case in cases]) for key in x}
    y, *changed = np.split(ops.convert_to_numpy(at_once(model)(together)), len(cases))
    for kind, z in zip(CHANGES, changed, strict=True):
        assert np.abs(z - y).max() > 1e-6, kind
