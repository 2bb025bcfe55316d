"""The compiled epoch: what it gathers, and that it trains as `keras.Model.fit` does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.backend import keras, ops
from tsmodels.data.windows import Windows, make_windows
from tsmodels.losses import OWA
from tsmodels.networks import LSTM, MLP, Custom, NLinear
from tsmodels.networks.assembly import forecast_model
from tsmodels.training.batches import Layout
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.fit import fit
from tsmodels.training.predict import predict
from tsmodels.training.recipe import Recipe

pytestmark = pytest.mark.backend
Y = 10.0 + np.sin(np.arange(150) * np.pi / 6) + np.random.default_rng(0).normal(size=150)
GAPPY = np.where(np.random.default_rng(1).random(150) < 0.1, np.nan, Y)


class SeesBatches(keras.callbacks.Callback):
    """Sends the fit through `keras.Model.fit`."""

    def on_train_batch_end(self, batch, logs=None):
        pass


@settings(max_examples=40, deadline=None)
@given(data=st.data(), lookback=st.integers(1, 9), horizon=st.integers(0, 4))
def test_gathered_batches_are_those_made_dense(data, lookback, horizon):
    lengths = data.draw(st.lists(st.integers(horizon + 2, 20), min_size=1, max_size=4))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rng = np.random.default_rng(len(lengths))
    series = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=7))
    cutoffs = [data.draw(st.integers(offsets[s] + 1, offsets[s + 1] - horizon)) for s in series]
    gaps = data.draw(st.booleans())
    windows = Windows(
        rng.normal(size=(offsets[-1], 2)).astype(np.float32),
        rng.random(offsets[-1]) < 0.7 if gaps else None,
        np.array(cutoffs),
        offsets[series],
        np.array(series),
        lookback,
        horizon,
        interpolated=data.draw(st.booleans()),
    )
    masked = data.draw(st.booleans())
    layout, index = Layout.of(windows, masked), np.arange(len(series))[::-1].astype(np.int32)
    arrays = {key: ops.convert_to_tensor(v) for key, v in layout.arrays(windows).items()}
    inputs, target, weight = layout.gather(arrays, ops.convert_to_tensor(index))
    want = windows.batch(index, masked=masked)
    got = {"past": inputs["past"], "target": target, "weight": weight}
    if masked:
        got["observed"] = inputs["observed"]
    for name, value in got.items():
        expected = getattr(want, name)
        assert (value is None) == (expected is None)
        if value is not None:
            np.testing.assert_array_equal(ops.convert_to_numpy(value), expected)


def normalised(x):
    y = keras.layers.Dense(6, kernel_regularizer="l2")(x)
    return keras.layers.BatchNormalization(momentum=0.5)(y)


CASES = {
    "nlinear": (NLinear(), {}),
    "lstm": (LSTM(d_model=4), {"optimizer": "nadam", "loss": OWA()}),
    "mlp": (MLP(d_model=8), {"optimizer": "adamw", "batch_size": 200}),
    "state and penalty": (Custom(encoder=normalised, d_model=6), {"optimizer": "sgd"}),
    "moving average": (
        NLinear(),
        {"optimizer": keras.optimizers.Adam(use_ema=True, ema_momentum=0.5)},
    ),
    "own schedule": (
        NLinear(),
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)},
    ),
    "half an epoch": (NLinear(), {"epochs": 5, "max_steps": 7}),
}


@pytest.mark.parametrize("name", [*CASES, "lstm with gaps"])
def test_trains_as_keras_does(name):
    network, recipe = CASES[name.removesuffix(" with gaps")]
    masked = name.endswith("gaps")
    y = GAPPY if masked else Y
    arguments = {"network": network, "lookback": 12, "horizon": 2, "masked": masked}
    blueprint = Blueprint.of(forecast_model, **arguments)
    windows = make_windows(y, 12, 2)
    split = {"windows": windows.take(slice(0, 80)), "validation": windows.take(slice(80, None))}
    recipe = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01} | recipe
    fast = fit(blueprint, **split, recipe=Recipe(**recipe), seeds=(1, 2))
    watched = Recipe(**recipe, callbacks=[SeesBatches()])
    reference = fit(blueprint, **split, recipe=watched, seeds=(1, 2))
    for key, values in reference.history.items():
        np.testing.assert_allclose(fast.history[key], values, rtol=1e-5, err_msg=key)
    for a, b in zip(fast.weights, reference.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_predicts_any_number_of_windows():
    blueprint = Blueprint.of(forecast_model, network=NLinear(revin=None), lookback=3, horizon=2)
    windows = make_windows(np.arange(2000.0), 3)
    weights = [np.eye(3, 2, dtype=np.float32), np.zeros(2, dtype=np.float32)]
    for n in (0, 1, 3, 1024, 1025, 1900):
        yhat = predict(blueprint, weights, windows.take(slice(0, n)))  # x - last, mapped, + last
        np.testing.assert_allclose(yhat[:, :, 0], windows.past[:n, :2, 0], rtol=1e-6)
