"""Direct and attending networks: shapes with every kind of covariate, gradients, a fit, saving."""

import numpy as np
import pytest
from harness import EAGER
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.gnmt import GNMT
from tsmodels.networks.inverted import ITransformer
from tsmodels.networks.mixers import TiDE, TSMixer
from tsmodels.networks.nbeats import NBEATS, NHITS
from tsmodels.networks.patch import PatchTST
from tsmodels.networks.seq2seq import Seq2Seq
from tsmodels.networks.tft import TFT, VariableSelection
from tsmodels.networks.transformer import Transformer

NETWORKS = [
    NBEATS(d_model=8),
    NBEATS(d_model=8, stacks=("trend",), trend="chebyshev", n_blocks=2),
    NHITS(d_model=8, pools=(4, 1), downsamples=(3, 1), interpolation="cubic"),
    PatchTST(d_model=8, n_heads=2, patch_length=4, n_layers=2),
    PatchTST(d_model=8, n_heads=2, patch_length=30, individual=True, pre_norm=True, norm="layer"),
    ITransformer(d_model=8, n_heads=2, n_layers=1),
    TFT(d_model=8, n_heads=2),
    TiDE(d_model=8),
    Transformer(d_model=8, n_heads=2, n_layers=1),
    Transformer(d_model=8, n_heads=2, n_layers=1, positions="rotary", causal_encoder=True),
    Transformer(d_model=8, n_heads=2, n_layers=1, positions="learned", pre_norm=False),
    Seq2Seq(d_model=8),
    Seq2Seq(d_model=8, attention="none", cell="gru", bidirectional=False),
    Seq2Seq(d_model=8, attention="general", n_layers=2),
    GNMT(d_model=8, n_layers=3, context="standard"),
    GNMT(d_model=8, n_layers=2, context="new", pass_states=False, normed=False),
]
# TSMixer starts as the mean of the window, the same at every step.
MIXER = TSMixer(d_model=8)
every_network = pytest.mark.parametrize("network", [*NETWORKS, MIXER], ids=repr)
HORIZON, LOOKBACK, TARGETS = 5, 12, 2


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_covariates(network, outputs=3):
    """A model of past (4 channels), future (2) and static (3) covariates."""
    inputs = [keras.Input((LOOKBACK, 4)), keras.Input((HORIZON, 2)), keras.Input((3,))]
    y = network.forecast(
        network.layers(), *inputs, horizon=HORIZON, targets=TARGETS, outputs=outputs
    )
    return keras.Model(inputs, y)


@every_network
def test_shapes_with_covariates(network):
    y = with_covariates(network)([series(2, LOOKBACK, 4), series(2, HORIZON, 2), series(2, 3)])
    assert tuple(y.shape) == (2, HORIZON, TARGETS, 3)
    assert np.isfinite(ops.convert_to_numpy(y)).all()


@every_network
def test_fits_and_every_weight_moves(network, tmp_path):
    model = forecast_model(network, lookback=LOOKBACK, horizon=HORIZON, channels=3, targets=TARGETS)
    x = {"past": series(16, LOOKBACK, 3)}
    target = series(16, HORIZON, TARGETS, seed=1)
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=EAGER)
    losses = model.fit(x, target, epochs=6, batch_size=16, verbose=0).history["loss"]
    assert min(losses[1:]) < losses[0]
    for weight, first in zip(model.trainable_weights, before, strict=True):
        moved = ops.convert_to_numpy(weight) != first
        assert moved.any() or not moved.size, weight.path  # a map of no covariates has no weights
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    got, want = loaded(x), model(x)
    assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(want), rtol=1e-5, atol=1e-6)


def test_where_there_is_one_variable_nothing_is_chosen():
    layer = VariableSelection(4)
    y, weights = layer(ops.convert_to_tensor(series(2, 5, 1, 3)))
    alone = layer.single[0](ops.convert_to_tensor(series(2, 5, 1, 3)[:, :, 0]))
    assert_allclose(ops.convert_to_numpy(weights), np.ones((2, 5, 1)))
    assert_allclose(ops.convert_to_numpy(y), ops.convert_to_numpy(alone), rtol=1e-6)
    assert len(layer.weights) == len(layer.single[0].weights)


WITH_COVARIATES = [ITransformer(d_model=8, n_heads=2), TFT(d_model=8), TiDE(d_model=8)]


@pytest.mark.parametrize("network", [*WITH_COVARIATES, MIXER], ids=repr)
@pytest.mark.parametrize("changed", [1, 2])
def test_covariates_matter(network, changed):
    model = with_covariates(network)
    x = [series(2, LOOKBACK, 4), series(2, HORIZON, 2), series(2, 3)]
    other = list(x)
    other[changed] = x[changed] + 1
    assert np.abs(ops.convert_to_numpy(model(x)) - ops.convert_to_numpy(model(other))).max() > 1e-3


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_two_windows_differ_by_more_than_a_constant(network):
    model = forecast_model(network, lookback=LOOKBACK, horizon=HORIZON)
    y = ops.convert_to_numpy(model({"past": series(2, LOOKBACK, 1) * 3}))
    assert np.ptp((y[0] - y[1])[:, 0]) > 1e-4


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="NHITS.downsamples must be as long as pools .2.."):
        NHITS(pools=(2, 1), downsamples=(1,))
    with pytest.raises(ValueError, match="PatchTST.n_heads must be a divisor of d_model .10.."):
        PatchTST(d_model=10, n_heads=4)
    with pytest.raises(ValueError, match="Seq2Seq.d_model must be even"):
        Seq2Seq(d_model=5)
