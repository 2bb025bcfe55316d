"""TiDE and TSMixer against their formulas, and linear maps along time."""

import numpy as np
import pytest
from harness import at_once
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers import DenseResidual, TimeLinear
from tsmodels.networks import TiDE, TSMixer

pytestmark = pytest.mark.backend
B, T, H, C, G, K, Q = 2, 6, 3, 2, 2, 3, 2  # G covariates of the past, and as many of the future


def array(x):
    return ops.convert_to_numpy(x)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def forecaster(network, past=C + G, future=G, static=K):
    """The network as a model of past, future and static; every weight is moved."""
    inputs = [keras.Input((T, past)), keras.Input((H, future)), keras.Input((static,))]
    y = network.forecast(network.layers(), *inputs, horizon=H, targets=C, outputs=Q)
    model, rng = keras.Model(inputs, y), np.random.default_rng(0)
    model.set_weights([w + 0.3 * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def dense(layer, x, activation=None):
    kernel, bias = layer.get_weights()
    y = x @ kernel + bias
    return np.maximum(y, 0) if activation else y


def normed(layer, x, axes):
    weight, bias = layer.get_weights()
    centred = x - x.mean(axis=axes, keepdims=True)
    return centred / np.sqrt(centred.var(axis=axes, keepdims=True) + 1e-5) * weight + bias


def residual(block, x):
    y = dense(block.out, dense(block.hidden, x, "relu")) + dense(block.skip, x)
    return normed(block.norm, y, -1) if block.outputs > 1 else y


def mixed(block, x):
    h = np.swapaxes(normed(block.norms[0], x, (1, 2)), 1, 2)
    x = x + np.swapaxes(dense(block.along_time, h, "relu"), 1, 2)
    h = dense(block.widen, normed(block.norms[1], x, (1, 2)), "relu")
    return x + dense(block.narrow, h)


def test_tide_by_its_formulas():
    model = forecaster(TiDE(d_model=5, n_layers=2, decoder_width=4, temporal_width=6))
    past, future, static = series(B, T, C + G), series(B, H, G, seed=1), series(B, K, seed=2)
    block = model.get_layer
    seen = residual(block("project_past"), past[:, :, C:])  # (B, T, 4)
    known = residual(block("project_future"), future)  # (B, H, 4)
    rows = []
    for c in range(C):  # every target its own way
        window = past[:, :, c]
        flat = [window, seen.reshape(B, -1), known.reshape(B, -1), static]
        x = np.concatenate(flat, axis=1)
        for name in ("encoder_0", "encoder_1", "decoder_0", "decoder_last"):
            x = residual(block(name), x)
        steps = np.concatenate([x.reshape(B, H, 4), known], axis=-1)
        skip = dense(block("skip"), window).reshape(B, H, Q)
        rows.append(residual(block("temporal"), steps) + skip)
    want = np.stack(rows, axis=2)  # (B, H, C, Q)
    assert_allclose(array(at_once(model)([past, future, static])), want, rtol=1e-4, atol=1e-4)


def test_tide_starts_without_its_linear_map():
    inputs = [keras.Input((T, C)), keras.Input((H, 0)), keras.Input((0,))]
    network = TiDE(d_model=4)
    y = network.forecast(network.layers(), *inputs, horizon=H, targets=C, outputs=1)
    skip = keras.Model(inputs, y).get_layer("skip")
    assert tuple(skip.kernel.shape) == (T, H) and not array(skip.kernel).any()


def test_tsmixer_by_its_formulas():
    network = TSMixer(d_model=5, n_layers=2)
    model = forecaster(network)
    past, future, static = series(B, T, C + G), series(B, H, G, seed=1), series(B, K, seed=2)
    x = past
    for layer in model.layers:
        if type(layer).__name__ == "MixerBlock" and layer.name != "mix_horizon":
            x = mixed(layer, x)
    kernel, bias = model.get_layer("head").get_weights()
    y = (np.swapaxes(x, 1, 2) @ kernel + bias)[:, :C]  # (B, C, H * Q)
    y = np.swapaxes(y.reshape(B, C, H, Q), 1, 2)
    kernel, bias = model.get_layer("align").get_weights()
    aligned = np.swapaxes(np.swapaxes(x, 1, 2) @ kernel + bias, 1, 2)  # (B, H, F)
    parts = {"past": aligned, "future": future, "static": np.repeat(static[:, None], H, axis=1)}
    features = [dense(model.get_layer(f"features_{k}"), v, "relu") for k, v in parts.items()]
    h = mixed(model.get_layer("mix_horizon"), np.concatenate(features, axis=-1))
    want = y + dense(model.get_layer("add"), h).reshape(B, H, C, Q)
    assert_allclose(array(at_once(model)([past, future, static])), want, rtol=1e-3, atol=1e-3)


def test_tsmixer_without_covariates_is_the_basic_form():
    model = forecaster(TSMixer(d_model=5), past=C, future=0, static=0)
    names = {layer.name for layer in model.layers}
    assert "head" in names and not names & {"align", "mix_horizon", "add"}


def test_a_linear_map_for_every_channel():
    layer, x = TimeLinear(2, individual=True), series(1, 4, 3)
    layer.build((None, 4, 3))
    kernel, bias = series(3, 4, 2), series(3, 2, seed=1)
    layer.set_weights([kernel, bias])
    want = np.stack([x[0, :, c] @ kernel[c] + bias[c] for c in range(3)], axis=1)
    assert_allclose(array(layer(x))[0], want, rtol=1e-4, atol=1e-6)


def test_layers_along_time_are_saved(tmp_path):
    layers = [TimeLinear(4), DenseResidual(8, 2, dropout=0.1)]
    model = keras.Sequential([keras.Input((5, 3)), *layers])
    model.save(tmp_path / "model.keras")
    x = series(2, 5, 3)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-5)
