"""Teacher forcing: who sees which true value, when, and that forecasts see none."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tsmodels
from tsmodels import Forecaster
from tsmodels.backend import keras, ops
from tsmodels.layers import BahdanauDecoder, FeedBack, LuongDecoder
from tsmodels.layers.feedback import forcing_rate
from tsmodels.networks import GNMT, Seq2Seq
from tsmodels.networks.assembly import forecast_model

B, T, H, D = 3, 8, 5, 4
FORCED = [
    Seq2Seq(d_model=D, teacher_forcing="constant", forcing_rate=1.0),
    Seq2Seq(d_model=D, attention="general", teacher_forcing="constant", forcing_rate=1.0),
    GNMT(d_model=D, teacher_forcing="constant", forcing_rate=1.0),
]
every = pytest.mark.parametrize("spec", FORCED, ids=lambda spec: spec.name)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def array(x):
    return ops.convert_to_numpy(x)


def test_schedules_are_those_of_the_paper():
    assert [forcing_rate("constant", 0.4, i) for i in (0, 9)] == [0.4, 0.4]
    assert_allclose([forcing_rate("linear", 0.25, i) for i in range(6)], [1, 0.75, 0.5, 0.25, 0, 0])
    assert_allclose([forcing_rate("exponential", 0.5, i) for i in range(4)], [1, 0.5, 0.25, 0.125])
    k = 4.0
    by_hand = [k / (k + np.exp(i / k)) for i in range(20)]
    assert_allclose([forcing_rate("inverse_sigmoid", k, i) for i in range(20)], by_hand)
    assert forcing_rate("inverse_sigmoid", 1.0, 10**6) == pytest.approx(0.0, abs=1e-300)


@pytest.mark.parametrize(
    "wrong,sentence",
    [
        ({"teacher_forcing": "linar"}, "Did you mean 'linear'"),
        ({"teacher_forcing": "constant", "forcing_rate": 1.5}, r"forcing_rate must be .*\[0, 1\]"),
        ({"teacher_forcing": "inverse_sigmoid", "forcing_rate": 0.5}, r"forcing_rate .*\[1, inf"),
        ({"teacher_forcing": "linear", "attention": "none"}, "'none' without attention"),
    ],
)
def test_wrong_settings_are_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        Seq2Seq(**wrong)


def feedback(decoder, **settings):
    """A layer whose numbers depend on what it reads, and its inputs."""
    layer = FeedBack(decoder, units=2, targets=2, seed=0, **settings)
    inputs = [series(B, H, D), series(B, T, D, seed=1), series(B, 2, seed=2)]
    layer(*map(ops.array, inputs))
    return layer, [ops.array(x) for x in inputs]


@pytest.mark.backend
@pytest.mark.parametrize("decoder", [BahdanauDecoder, LuongDecoder])
def test_a_free_run_reads_its_own_values_step_by_step(decoder):
    layer, (x, memory, last) = feedback(decoder(D))
    state, value, steps = layer.decoder.start(memory), last, []
    for t in range(H):
        y, _, state = layer.decoder.step(x[:, t] + layer.embed(value), state)
        value = layer.head(y)
        steps.append(array(value))
    assert_allclose(array(layer(x, memory, last)), np.stack(steps, axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.backend
def test_with_a_teacher_each_step_reads_the_true_value_before():
    layer, (x, memory, last) = feedback(LuongDecoder(D), rate=1.0)
    truths = ops.array(series(B, H, 2, seed=3))
    state, steps = layer.decoder.start(memory), []
    for t in range(H):
        value = last if t == 0 else truths[:, t - 1]
        y, _, state = layer.decoder.step(x[:, t] + layer.embed(value), state)
        steps.append(array(layer.head(y)))
    forced = array(layer(x, memory, last, truths, training=True))
    assert_allclose(forced, np.stack(steps, axis=1), rtol=1e-4, atol=1e-5)
    free = array(layer(x, memory, last, truths, training=False))
    assert_array_equal(free, array(layer(x, memory, last)))
    assert np.abs(forced - free).max() > 1e-3


@pytest.mark.backend
def test_coins_are_tossed_for_every_window_and_step():
    layer, (x, memory, last) = feedback(LuongDecoder(D), schedule="linear", rate=0.25)
    shown, truths = [], ops.ones((400, 50, 2))
    for epoch in range(5):
        layer.begin_epoch(epoch)
        _, coins = layer._before(truths, truths[:, 0], truths)
        shown.append(array(coins)[:, :, 0])
    shares = [coins.mean() for coins in shown]
    assert_allclose(shares, [1, 0.75, 0.5, 0.25, 0], atol=0.02)
    assert np.std(shown[2].mean(axis=0)) < 0.1 and np.std(shown[2].mean(axis=1)) < 0.1
    again = array(layer._before(truths, truths[:, 0], truths)[1])
    layer.begin_epoch(2)
    other = array(layer._before(truths, truths[:, 0], truths)[1])[:, :, 0]
    assert not again.any() and (other != shown[2]).any()


@every
def test_the_model_reads_the_truth_in_training_alone(spec):
    model = forecast_model(spec, lookback=T, horizon=H)
    x = {"past": series(B, T, 1), "target": series(B, H, 1, seed=1)}
    other = {**x, "target": x["target"] + 1.0}
    assert_array_equal(array(model(x)), array(model(other)))
    taught, changed = (array(model(v, training=True)) for v in (x, other))
    assert_array_equal(taught[:, 0], changed[:, 0])  # which reads the last known value
    assert (np.abs(taught - changed)[:, 1:] > 1e-6).all()
    late = {**x, "target": x["target"].copy()}
    late["target"][:, -1] += 1.0
    assert_array_equal(array(model(late, training=True)), taught)  # nothing comes after it


@every
def test_every_weight_gets_a_gradient_and_the_model_is_saved(spec, tmp_path):
    model = forecast_model(spec, lookback=T, horizon=H)
    x = {"past": series(B, T, 1), "target": series(B, H, 1, seed=1)}
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    before = [array(weight) for weight in model.trainable_weights]
    model.fit(x, x["target"], epochs=1, verbose=0)
    for weight, first in zip(model.trainable_weights, before, strict=True):
        assert (array(weight) != first).any() or not first.size, weight.path
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(array(again(x)), array(model(x)), rtol=1e-5, atol=1e-6)


class Probabilities(keras.callbacks.Callback):
    """Notes the share of true values of every epoch; sees batches where asked to."""

    seen: list = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(round(float(self.model.get_layer("feedback").probability), 4))


class SeesBatches(Probabilities):
    def on_train_batch_end(self, batch, logs=None):
        pass


def test_both_ways_to_train_follow_the_schedule_and_agree(tmp_path):
    schedule = {"teacher_forcing": "linear", "forcing_rate": 0.25}
    spec = Seq2Seq(d_model=D, bidirectional=False, cell="gru", **schedule)
    y = np.sin(np.arange(80.0) * np.pi / 6)
    settings = {"horizon": H, "lookback": T, "epochs": 3, "batch_size": 32, "random_state": 0}
    fits = []
    for callback in (Probabilities(), SeesBatches()):
        Probabilities.seen = []
        fits.append(Forecaster(spec, **settings, callbacks=[callback]).fit(y))
        assert Probabilities.seen == [1.0, 0.75, 0.5]
    compiled, keras_fit = fits
    for key in ("loss", "val_loss"):
        assert_allclose(compiled.history_[key], keras_fit.history_[key], rtol=1e-4)
    compiled.save(tmp_path / "model")
    for other in (tsmodels.load(tmp_path / "model"), copy.deepcopy(compiled)):
        assert_array_equal(other.predict().yhat, compiled.predict().yhat)
