"""Budget, batches, optimizer, callbacks: what both ways to train share."""

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
from tsmodels.training.batches import Batches
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.callbacks import GradientNorm
from tsmodels.training.fit import fit
from tsmodels.training.predict import predict
from tsmodels.training.recipe import Budget, OptimizerPlan, Recipe, rate_of, rates_at

Y = 10.0 + np.sin(np.arange(120) * np.pi / 6)


BLUEPRINT = Blueprint.of(forecast_model, network=NLinear(), lookback=12, horizon=2)


class SeesBatches(keras.callbacks.Callback):
    """Any callback that watches batches sends the fit through `keras.Model.fit`."""

    def on_train_batch_end(self, batch, logs=None):
        pass


class Counter(keras.callbacks.Callback):
    """Counts steps where the test can see it: `fit` works with copies."""

    steps = 0

    def on_train_end(self, logs=None):
        Counter.steps = int(self.model.optimizer.iterations.numpy())


PATHS = pytest.mark.parametrize("path", [(), (SeesBatches(),)], ids=["compiled", "keras"])


def train(**recipe):
    windows = make_windows(Y, 12, 2)
    split = {"windows": windows.take(slice(0, 80)), "validation": windows.take(slice(80, None))}
    return fit(BLUEPRINT, **split, recipe=Recipe(**recipe), seeds=(0, 3))


@given(n=st.integers(1, 50), batch=st.integers(1, 60), steps=st.integers(1, 40))
def test_every_window_is_dealt_once_before_any_is_dealt_again(n, batch, steps):
    windows = make_windows(np.arange(n + 2.0), 2, 1)
    batches = Batches(windows, batch, masked=False, rng=np.random.default_rng(0), steps=steps)
    dealt = []
    for _ in range(4):
        assert len(batches) == steps
        batches.deal()
        dealt += [i for k in range(steps) for i in batches[k][0]["past"][:, 0, 0].astype(int)]
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


@PATHS
def test_epochs_and_max_steps_are_kept_to(path):
    assert len(train(epochs=3, callbacks=path).history["loss"]) == 3
    history = train(epochs=50, max_steps=7, batch_size=16, callbacks=(*path, Counter())).history
    assert Counter.steps == 7 and len(history["loss"]) == 2


@PATHS
def test_best_weights_are_kept(path):
    settings = {"epochs": 30, "learning_rate": 0.5, "clipnorm": None, "patience": 3}
    fitted = train(**settings, callbacks=path)
    windows = make_windows(Y, 12, 2).take(slice(80, None))
    yhat = predict(BLUEPRINT, fitted.weights, windows)
    now = float(np.mean((yhat - windows.future) ** 2))
    assert now == pytest.approx(min(fitted.history["val_loss"]), rel=1e-4)
    assert len(fitted.history["loss"]) < 30


@PATHS
def test_a_loss_that_is_not_finite_stops_at_once(path):
    with pytest.raises(FloatingPointError, match="epoch [12], step [12]: the loss is (nan|inf)"):
        train(epochs=50, learning_rate=1e30, clipnorm=None, optimizer="sgd", callbacks=path)


@PATHS
def test_gradient_norm_on_request_is_that_before_clipping(path):
    asked = {"epochs": 2, "learning_rate": 1e-9, "callbacks": [GradientNorm(), *path]}
    clipped = train(clipnorm=1e-6, **asked).history["gradient_norm"]
    free = train(clipnorm=None, **asked).history["gradient_norm"]
    assert clipped == pytest.approx(free, rel=1e-3)
    assert clipped[0] > 1e-3 and "gradient_norm" not in train(epochs=1).history


def test_optimizer_is_a_copy_with_rate_and_clipping():
    template = keras.optimizers.Adam(0.5, beta_1=0.7)
    made = OptimizerPlan.of(Recipe(optimizer=template)).make(1e-3)
    assert made is not template and made.beta_1 == 0.7 and made.global_clipnorm == 1.0
    assert float(made.learning_rate) == pytest.approx(1e-3)


def test_rates():
    rate = rate_of(Recipe(learning_rate=np.float32(0.5)), 100)
    assert rates_at(rate, np.array([0, 50, 100])) == pytest.approx([0.5, 0.25, 0.0])
    template = keras.optimizers.Adam(0.5)
    assert rate_of(Recipe(optimizer=template, learning_rate=None, schedule="constant"), 9) == 0.5


class EveryOther(keras.optimizers.schedules.LearningRateSchedule):
    """Takes numbers only."""

    def __call__(self, step):
        return 1.0 if int(step) % 2 else 2.0


def test_a_schedule_may_take_numbers_only():
    assert rates_at(EveryOther(), np.arange(3)).tolist() == [2.0, 1.0, 2.0]


def test_an_optimizers_own_clipping_and_schedule_stay():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    recipe = Recipe(optimizer=keras.optimizers.SGD(schedule, clipvalue=0.5), learning_rate=None)
    made = OptimizerPlan.of(recipe).make(rate_of(recipe, 100))
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
        ({"callbacks": [keras.callbacks.ReduceLROnPlateau()]}, "Give schedule='constant'"),
        ({"verbose": 2}, "verbose must be one of"),
    ],
)
def test_settings_are_checked(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        Recipe(**wrong).check()


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
