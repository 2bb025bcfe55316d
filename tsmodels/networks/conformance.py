"""What every network promises, those of the package and one's own.

A promise is a function of a `Subject`; it raises AssertionError with the network, the promise and
what was seen instead. Promises that do not concern a network hold for it.
"""

from __future__ import annotations

import functools
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops, seeded_build
from tsmodels.networks.assembly import forecast_model, sequence_model, translation_model
from tsmodels.networks.base import as_memory, resolve

B, T, F, H = 4, 30, 2, 3  # batch, lookback, channels, horizon
PROMISES: list[Callable[[Subject], None]] = []


def check_network(network: Any) -> None:
    """Raises AssertionError, with the network and the promise, at the first one that is broken.

    `network` is a name, a spec, a Keras layer or a function, as in `resolve`. Small widths are
    quicker. Registered networks are held to the same promises: shapes for every task that the
    network serves, and a refusal for the others; weights that the seed decides, that say all there
    is to say and all learn; a causal network does not see the future, padding and gaps change
    nothing, windows of any level give finite numbers, and a step form equals the parallel one.

    >>> from tsmodels.networks import NLinear
    >>> check_network(NLinear())
    """
    subject = Subject(network)
    for check in PROMISES:
        check(subject)


class Subject:
    """A network under test, and models of it; those that nobody changes are built once."""

    def __init__(self, network: Any) -> None:
        self.spec = resolve(network)
        self._kept: dict[Any, Any] = {}

    def run(self, model: Any, x: Any) -> np.ndarray:
        """What the model answers, in inference."""
        return _array(model(x))

    def forecaster(self, **form: Any) -> Any:
        """A new `forecast_model`: past (B, T, F) to (B, H, F), unless told otherwise."""
        form = {"lookback": T, "horizon": H, "channels": F, "targets": F, **form}
        return forecast_model(self.spec, **form)

    def classifier(self, steps: int = T, **form: Any) -> Any:
        """A new `sequence_model`: sequences (B, T, F) to five numbers each, or five a step."""
        return sequence_model(self.spec, shape=(steps, F), outputs=5, **form)

    def same(self, **form: Any) -> Any:
        """`forecaster`, the same one every time; its weights are left as they are."""
        return self._once(("forecaster", *form.items()), lambda: self.forecaster(**form))

    @property
    def encoder(self) -> Any:
        """The encoder as a model, features (B, T, D) to memory (B, T', D)."""
        return self._once("encoder", self._encoder)

    @property
    def follower(self) -> Any:
        """A model of one channel that takes the mean of a window away, the same one every time."""
        centred = replace(self.spec, revin="mean")
        form: dict[str, Any] = {"lookback": T, "horizon": H}
        return self._once("follower", lambda: forecast_model(centred, **form))

    def _encoder(self) -> Any:
        with seeded_build(0):
            x = keras.Input((T, self.spec.d_model))
            return keras.Model(x, as_memory(self.spec.encode(self.spec.layers(), x)).sequence)

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def promise(check: Callable[[Subject], None]) -> Callable[[Subject], None]:
    """A check whose failures name the network and the promise, the docstring's first line."""
    words = (check.__doc__ or "").splitlines()[0].rstrip(".")

    @functools.wraps(check)
    def told(subject: Subject) -> None:
        try:
            check(subject)
        except Exception as error:
            kind = "" if type(error) is AssertionError else f"{type(error).__name__}: "
            sentence = f"{subject.spec.title} breaks a promise of networks: {words}. {kind}{error}"
            raise AssertionError(sentence) from error

    PROMISES.append(told)
    return told


@promise
def forecasts_have_their_shape(subject: Subject) -> None:
    """A forecast has the shape (B, H, targets), whatever the channels."""
    x = {"past": window()}
    _is("one step of one target", subject.run(subject.same(horizon=1, targets=1), x), (B, 1, 1))
    x["observed"] = np.ones((B, T), "float32")
    _is("beside what was observed", subject.run(subject.same(masked=True), x), (B, H, F))


@promise
def memory_has_its_shape(subject: Subject) -> None:
    """`encode` makes (B, T', D) of (B, T, D), where D is d_model."""
    if subject.spec.encodes:
        width = subject.spec.d_model
        memory = subject.run(subject.encoder, window(channels=width))
        _is("the memory", memory, (B, memory.shape[1], width))


@promise
def other_tasks_are_served_or_refused(subject: Subject) -> None:
    """Every other task is served, or refused with a sentence that says why."""
    if not subject.spec.encodes:
        _refuses(subject.classifier, "network must be one that encodes")
        return
    _is("a class", subject.classifier(), (None, 5))
    if subject.encoder.output_shape[1] == T:
        _is("labels of steps", subject.classifier(stepwise=True), (None, T, 5))
    else:
        _refuses(lambda: subject.classifier(stepwise=True), "network must be one that keeps the")
    if subject.spec.decodes and hasattr(subject.spec, "decode_step"):
        _is("translations", translation(subject), (None, 6, 9))
    else:
        _refuses(lambda: translation(subject), "network must be one with a decoder of its own")


def translation(subject: Subject) -> Any:
    return translation_model(subject.spec, length=6, sizes=(7, 9))


@promise
def the_seed_decides_the_weights(subject: Subject) -> None:
    """The seed of an assembly decides its weights, and nothing global does, or is changed."""
    state: Any = random.getstate()
    numpy_state: Any = np.random.get_state()
    first = subject.forecaster(seed=7).get_weights()
    kept = state == random.getstate() and _same_numpy_state(numpy_state)
    _hold(kept, "The global random state has changed.")
    random.random(), np.random.random()
    second = subject.forecaster(seed=7).get_weights()
    random.setstate(state), np.random.set_state(numpy_state)
    for a, b in zip(first, second, strict=True):
        _hold(np.array_equal(a, b), "The same seed gave other weights.")


def _same_numpy_state(state: Any) -> bool:
    now: Any = np.random.get_state()
    return np.array_equal(state[1], now[1])


@promise
def weights_are_all_there_is(subject: Subject) -> None:
    """Another assembly with the same weights gives the same answers, as copies and files need."""
    model, other = subject.forecaster(seed=1), subject.forecaster(seed=2)
    _disturb(model)
    other.set_weights(model.get_weights())
    x = {"past": window()}
    _equal("forecasts", subject.run(other, x), subject.run(model, x), atol=1e-6)


@promise
def every_weight_learns(subject: Subject) -> None:
    """Every trainable weight gets a gradient, and a finite one."""
    model = subject.forecaster(masked=True)
    _disturb(model)  # maps that start at zero would hide their inputs
    observed = np.ones((B, T), "float32")
    observed[:, :5] = 0.0
    x = {"past": window(), "observed": observed}
    if subject.spec.forced:
        x["target"] = window(seed=1, steps=H)
    jit = keras.backend.backend() == "jax"  # elsewhere XLA takes longer than the step
    model.compile(keras.optimizers.SGD(FAR), "mse", jit_compile=jit)
    before = [_array(weight) for weight in model.trainable_variables]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights without a gradient: we say so
        model.train_on_batch(x, window(seed=2, steps=H))
    for weight, old in zip(model.trainable_variables, before, strict=True):
        moved = not old.size or (_array(weight) != old).any()
        _hold(moved, f"{weight.path} has none.")
        _hold(np.isfinite(_array(weight)).all(), f"That of {weight.path} is not finite.")


FAR = 1e6  # a learning rate by which even small gradients are seen


@promise
def the_future_is_not_seen(subject: Subject) -> None:
    """No encoded step of a `causal` network knows what comes after it."""
    if not subject.spec.causal:
        return
    width = subject.spec.d_model
    x, other = window(channels=width), window(channels=width)
    other[:, T // 2 :] += window(seed=1, channels=width)[:, T // 2 :]
    seen, changed = (subject.run(subject.encoder, v)[:, : T // 2] for v in (x, other))
    _equal("steps before a change", changed, seen, atol=1e-6)


@promise
def what_is_encoded_depends_on_the_sequence(subject: Subject) -> None:
    """What is encoded depends on the sequence."""
    if not subject.spec.encodes:
        return
    width = subject.spec.d_model
    x, other = window(channels=width), window(seed=1, channels=width)
    seen, changed = (subject.run(subject.encoder, v) for v in (x, other))
    _hold(np.abs(seen - changed).max() > 1e-4, "Two sequences were encoded alike.")


@promise
def what_was_not_observed_changes_nothing(subject: Subject) -> None:
    """Values of steps that were not observed change no forecast of a network that encodes."""
    if subject.spec.direct:
        return  # which sees filled values
    observed = np.ones((B, T), "float32")
    observed[:, :7] = 0.0
    x, other = window(), window()
    other[:, :7] = 9.0
    model = subject.same(masked=True)
    a, b = (subject.run(model, {"past": v, "observed": observed}) for v in (x, other))
    _equal("forecasts", b, a, atol=1e-6)


@promise
def windows_differ_by_more_than_a_constant(subject: Subject) -> None:
    """Forecasts of two windows differ by more than a constant."""
    model = subject.forecaster(horizon=8)
    _disturb(model)
    y = subject.run(model, {"past": window()})[:, :, 0]
    _hold(np.std(y[0] - y[1]) > 1e-3, "They are the same curve.")


@promise
def one_is_enough(subject: Subject) -> None:
    """A batch of one and a window of one step are forecast."""
    for batch, steps in ((1, T), (B, 1)):
        y = subject.run(subject.same(lookback=steps), {"past": window(batch=batch, steps=steps)})
        _is(f"{batch} of {steps}", y, (batch, H, F))
        _hold(np.isfinite(y).all(), f"A batch of {batch} with {steps} steps gave {y}.")


@promise
def numbers_stay_finite(subject: Subject) -> None:
    """Constants and offsets of 1e6 give finite forecasts near them, where `revin` is "mean"."""
    for value in (0.0, 1e6, -1e6):
        x = window(offset=value, channels=1)
        y = subject.run(subject.follower, {"past": x})
        _hold(np.isfinite(y).all(), f"An offset of {value:g} gave {y.ravel()}.")
        y = subject.run(subject.follower, {"past": np.full_like(x, value)})
        near = np.abs(y - value).max() < max(100.0, 1e-4 * abs(value))
        _hold(near, f"A constant of {value:g} gave {y.ravel()}.")


@promise
def level_and_scale_are_followed(subject: Subject) -> None:
    """Forecasts follow the level and the scale of a window, where `revin` is "mean"."""
    x = window(channels=1)
    y, moved = (subject.run(subject.follower, {"past": v}) for v in (x, 4.0 * x + 3.0))
    _equal("forecasts of 4 x + 3", moved, 4.0 * y + 3.0, atol=1e-3)


@promise
def padding_changes_nothing(subject: Subject) -> None:
    """Padding behind a sequence changes no answer, or padded sequences are refused."""
    steps, x, observed = T - 7, window(), np.ones((B, T), "float32")
    if not subject.spec.encodes:
        return
    try:
        padded = subject.classifier(masked=True)
    except ValueError as refusal:
        _hold("sequences of one length" in str(refusal), f"The refusal is {refusal!r}.")
        return
    alone = subject.classifier(steps)
    _disturb(alone)
    if [w.shape for w in alone.weights] != [w.shape for w in padded.weights]:
        return  # weights belong to places
    padded.set_weights(alone.get_weights())
    want = subject.run(alone, {"sequence": x[:, :steps]})
    _hold(np.ptp(want, axis=0).max() > 1e-4, "All sequences were given the same answer.")
    observed[:, steps:], x[:, steps:] = 0.0, 9.0
    got = subject.run(padded, {"sequence": x, "observed": observed})
    _equal("answers", got, want, atol=2e-5, rtol=1e-5)
    if subject.spec.any_length:  # the model itself takes shorter batches
        short = {"sequence": x[:, :steps], "observed": observed[:, :steps]}
        _equal("answers to shorter batches", subject.run(padded, short), want, 2e-5, 1e-5)


@promise
def steps_equal_the_whole(subject: Subject) -> None:
    """The step form gives, moment by moment, the last step of what `encode` makes of so many."""
    if not subject.spec.streams:
        return
    spec, length = subject.spec, 9
    with seeded_build(0):
        layers = spec.layers()
        x = ops.convert_to_tensor(window(steps=length, channels=spec.d_model))
        whole = _array(as_memory(spec.encode(layers, x)).sequence)
    state = spec.initial_state(layers, B)
    form = {key: tuple(value.shape) for key, value in state.items()}
    for t in range(length):
        moment, state = spec.step(layers, x[:, t], state)
        so_far = whole[:, t] if spec.causal else _last(spec, layers, x[:, : t + 1])
        _equal(f"moment {t}", _array(moment), so_far, atol=1e-5 * max(1.0, np.abs(whole).max()))
        same = form == {key: tuple(value.shape) for key, value in state.items()}
        _hold(same, f"The state was of shapes {form}, after moment {t} it is of others.")


def _last(spec: Any, layers: Any, x: Any) -> np.ndarray:
    return _array(as_memory(spec.encode(layers, x)).sequence)[:, -1]


def window(
    seed: int = 0,
    offset: float = 0.0,
    batch: int = B,
    steps: int = T,
    channels: int = F,
) -> np.ndarray:
    """Noise around `offset`, (batch, steps, channels)."""
    noise = np.random.default_rng(seed).standard_normal((batch, steps, channels))
    return (offset + noise).astype("float32")


def _array(x: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(x))


def _disturb(model: Any) -> None:
    """Moves every weight that learns a little."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(_array(weight) + 0.1 * rng.standard_normal(weight.shape))


def _hold(holds: Any, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


def _is(what: str, made: Any, shape: tuple[int | None, ...]) -> None:
    got = tuple(made.output_shape if hasattr(made, "output_shape") else made.shape)
    _hold(got == shape, f"For {what} the shape must be {shape}. Got {got}.")


def _equal(what: str, got: Any, want: Any, atol: float, rtol: float = 0.0) -> None:
    same = got.shape == want.shape and np.allclose(got, want, atol=atol, rtol=rtol)
    far = np.abs(got - want).max() if got.shape == want.shape else f"{got.shape}, {want.shape}"
    _hold(same, f"There are differences in {what}: {far}.")


def _refuses(make: Callable[[], Any], sentence: str) -> None:
    try:
        make()
    except ValueError as refusal:
        _hold(sentence in str(refusal), f"It was refused with {str(refusal)!r}.")
    else:
        raise AssertionError(f"Nothing said {sentence!r}.")
