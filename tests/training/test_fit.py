"""Budget, batches, optimizer and callbacks of the reference path."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsmodels.backend import keras
from tsmodels.data.windows import make_windows
from tsmodels.losses import OWA
from tsmodels.networks import NLinear
from tsmodels.networks.assembly import forecast_model
from tsmodels.training.callbacks import GradientNorm
from tsmodels.training.fit import Batches, Budget, Recipe, _optimizer, fit

Y = 10.0 + np.sin(np.arange(120) * np.pi / 6)


def train(**recipe):
    windows = make_windows(Y, 12, 2)
    model = forecast_model(NLinear(), lookback=12, horizon=2)
    split = {"windows": windows.take(slice(0, 80)), "validation": windows.take(slice(80, None))}
    history = fit(model, **split, recipe=Recipe(**recipe), masked=False, seed=3)
    return model, history


@given(n=st.integers(1, 50), batch=st.integers(1, 60), steps=st.integers(1, 40))
def test_every_window_is_dealt_once_before_any_is_dealt_again(n, batch, steps):
    windows = make_windows(np.arange(n + 2.0), 2, 1)
    batches = Batches(windows, batch, masked=False, rng=np.random.default_rng(0), steps=steps)
    dealt = []
    for _ in range(4):
        assert len(batches) == steps
        dealt += [i for k in range(steps) for i in batches[k][0]["past"][:, 0, 0].astype(int)]
        batches.on_epoch_end()
    for start in range(0, len(dealt) - n + 1, n):
        assert sorted(dealt[start : start + n]) == list(range(n))


def test_an_epoch_is_one_pass():
    assert Budget.of(Recipe(epochs=7, batch_size=32), 100) == Budget(7, 4, 28)
    assert Budget.of(Recipe(epochs=7, batch_size=32, max_steps=9), 100) == Budget(7, 4, 9)
    assert Budget.of(Recipe(epochs=7, batch_size=32, max_steps=999), 100) == Budget(7, 4, 28)


def test_without_epochs_the_budget_is_steps_in_at_least_ten_epochs():
    assert Budget.of(Recipe(batch_size=10), 100) == Budget(20, 50, 1000)
    assert Budget.of(Recipe(batch_size=10), 1_000_000) == Budget(10, 100, 1000)
    assert Budget.of(Recipe(batch_size=10, max_steps=5), 100) == Budget(5, 1, 5)


def test_epochs_and_max_steps_are_kept_to():
    assert len(train(epochs=3)[1]["loss"]) == 3
    model, history = train(epochs=50, max_steps=7, batch_size=16)
    assert int(model.optimizer.iterations.numpy()) == 7 and len(history["loss"]) == 2


def test_best_weights_are_kept():
    model, history = train(epochs=30, learning_rate=0.5, clipnorm=None, patience=3)
    windows = make_windows(Y, 12, 2).take(slice(80, None))
    now = float(np.mean((model.predict_on_batch({"past": windows.past}) - windows.future) ** 2))
    assert now == pytest.approx(min(history["val_loss"]), rel=1e-4)
    assert len(history["loss"]) < 30


def test_a_loss_that_is_not_finite_stops_at_once():
    with pytest.raises(FloatingPointError, match="epoch [12], step [12]: the loss is (nan|inf)"):
        train(epochs=50, learning_rate=1e30, clipnorm=None, optimizer="sgd")


def test_gradient_norm_on_request_is_that_before_clipping():
    _, clipped = train(epochs=2, clipnorm=1e-6, learning_rate=1e-9, callbacks=[GradientNorm()])
    _, free = train(epochs=2, clipnorm=None, learning_rate=1e-9, callbacks=[GradientNorm()])
    assert clipped["gradient_norm"] == pytest.approx(free["gradient_norm"], rel=1e-3)
    assert clipped["gradient_norm"][0] > 1e-3 and "gradient_norm" not in train(epochs=1)[1]


def test_optimizer_is_a_copy_with_rate_schedule_and_clipping():
    template = keras.optimizers.Adam(0.5, beta_1=0.7)
    made = _optimizer(Recipe(optimizer=template), steps=100)
    assert made is not template and made.beta_1 == 0.7 and made.global_clipnorm == 1.0
    schedule = made.get_config()["learning_rate"]["config"]
    assert schedule["initial_learning_rate"] == pytest.approx(1e-3)
    assert schedule["decay_steps"] == 100
    own = _optimizer(Recipe(optimizer=template, learning_rate=None, schedule="constant"), 100)
    assert float(own.learning_rate) == pytest.approx(0.5)


def test_an_optimizers_own_clipping_and_schedule_stay():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    template = keras.optimizers.SGD(schedule, clipvalue=0.5)
    made = _optimizer(Recipe(optimizer=template, learning_rate=None), steps=100)
    assert made.clipvalue == 0.5 and made.global_clipnorm is None
    assert made.get_config()["learning_rate"]["class_name"] == "ExponentialDecay"


def test_one_optimizer_serves_two_fits():
    template = keras.optimizers.Adam()
    train(epochs=1, optimizer=template), train(epochs=1, optimizer=template)
    assert not template.built


@pytest.mark.parametrize(
    "wrong,sentence",
    [
        ({"epochs": 0}, "epochs must be a positive int"),
        ({"epochs": 1.5}, "epochs must be a positive int"),
        ({"max_steps": -1}, "max_steps must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"patience": 0}, "patience must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"learning_rate": "fast"}, "learning_rate must be"),
        ({"clipnorm": -1.0}, "clipnorm must be"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"optimizer": 3}, "optimizer must be one of"),
        ({"loss": "mze"}, "Did you mean 'mse'"),
        ({"loss": lambda y, p: 0.0}, "loss must be one of"),
        ({"callbacks": [3]}, "callbacks must be"),
        ({"verbose": 2}, "verbose must be one of"),
    ],
)
def test_settings_are_checked(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        Recipe(**wrong).check()


def test_numpy_numbers_are_numbers():
    made = _optimizer(Recipe(learning_rate=np.float32(0.5)), steps=10)
    assert float(made.learning_rate) == pytest.approx(0.5)


def test_a_failing_fit_ends_its_progress_bar(capsys):
    with pytest.raises(FloatingPointError):
        train(epochs=9, learning_rate=1e30, clipnorm=None, optimizer="sgd", verbose=1)
    for thread in threading.enumerate():
        if "Refresh" in type(thread).__name__:
            thread.join(timeout=5.0)
            assert not thread.is_alive()


def test_losses_by_hand():
    y, yhat = np.array([[[2.0], [4.0]]]), np.array([[[1.0], [4.0]]])
    want = (0.25 * 2 * 1 / 3 + 0.75 * 1) / 2
    assert float(OWA(weight=0.25)(y, yhat)) == pytest.approx(want)


def test_the_progress_bar_goes_to_stderr(capsys):
    train(epochs=2, verbose=1)
    shown = capsys.readouterr()
    assert shown.out == "" and "epoch 2: loss" in shown.err
