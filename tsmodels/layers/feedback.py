"""Free-running decoders that are shown true values in training: scheduled sampling."""

from __future__ import annotations

import math
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers.decoders import FIXED, AttentionDecoder, State
from tsmodels.layers.scan import over_time, without_xla

RATES = {"constant": 0.5, "linear": 0.1, "exponential": 0.8, "inverse_sigmoid": 3.0}


def check_rate(parameter: str, schedule: str, k: float) -> float:
    """`k` as a float that the schedule can do with; see `forcing_rate`."""
    low, high = (1.0, math.inf) if schedule == "inverse_sigmoid" else (0.0, 1.0)
    return check_real(parameter, k, low, high)


def forcing_rate(schedule: str, k: float, epoch: int) -> float:
    """The share of true values in epoch i, the first being 0. Bengio et al., 2015, section 2.4.

    "constant": k; "linear": 1 - k i, not below 0; "exponential": k^i; "inverse_sigmoid":
    k / (k + exp(i / k)) with k of at least 1.

    >>> [round(forcing_rate("inverse_sigmoid", 3.0, epoch), 2) for epoch in (0, 3, 6, 12)]
    [0.75, 0.52, 0.29, 0.05]
    """
    if schedule == "constant":
        return k
    if schedule == "linear":
        return max(0.0, 1.0 - k * epoch)
    if schedule == "exponential":
        return k**epoch
    return k / (k + math.exp(min(epoch / k, 700.0)))


@keras.saving.register_keras_serializable("tsmodels")
class FeedBack(keras.layers.Layer):
    """A decoder that reads the values it gave before: queries (B, T, E) -> numbers (B, T, units).

    v_t = W y_t are the numbers of step t, and y_t is the decoder's answer to query_t + U v_{t-1};
    v_{-1} is `last` (B, K), the value before the first. Of several numbers for each of the K
    `targets` the middle one is read. In training the true values before, of `truths` (B, T, K),
    take the place of v_{t-1} with the probability of the epoch: a coin for every window and step.
    Gradients pass through what is fed back. Williams & Zipser, 1989 (teacher forcing); Bengio et
    al., 2015, arXiv 1506.03099 (scheduled sampling).

    `decoder` is an `AttentionDecoder`; `schedule` and `rate` are those of `forcing_rate`, and
    `begin_epoch(i)`, which training calls, sets the probability.

    >>> from tsmodels.layers import LuongDecoder
    >>> layer = FeedBack(LuongDecoder(4), units=1)
    >>> layer(ops.ones((2, 3, 5)), ops.ones((2, 7, 4)), ops.ones((2, 1))).shape == (2, 3, 1)
    True
    """

    def __init__(
        self,
        decoder: AttentionDecoder,
        units: int,
        targets: int = 1,
        schedule: str = "constant",
        rate: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(decoder, AttentionDecoder):
            raise TypeError(fault("decoder", "an AttentionDecoder", decoder))
        self.decoder = decoder
        self.units, self.targets = check_int("units", units), check_int("targets", targets)
        if units % targets:
            raise ValueError(fault("units", f"a multiple of targets ({targets})", units))
        self.schedule = check_option("schedule", schedule, RATES)
        self.rate = check_rate("rate", schedule, RATES[schedule] if rate is None else rate)
        self.seed, self.coins = seed, keras.random.SeedGenerator(seed)
        self.head = keras.layers.Dense(units, name="head", dtype=self.dtype_policy)
        self.supports_masking = True
        without_xla(self)

    def build(self, x_shape: Any, memory_shape: Any) -> None:
        batch, _, width = x_shape
        if not self.decoder.built:
            self.decoder.build(x_shape, memory_shape)
        self.embed = keras.layers.Dense(width, name="embed", dtype=self.dtype_policy)
        self.embed.build((batch, self.targets))
        self.head.build((batch, self.decoder.units))
        first = keras.initializers.Constant(forcing_rate(self.schedule, self.rate, 0))
        self.probability = self.add_weight(
            (), first, "float32", trainable=False, autocast=False, name="probability"
        )

    def begin_epoch(self, epoch: int) -> None:
        """Sets the share of true values for an epoch of training."""
        self.probability.assign(forcing_rate(self.schedule, self.rate, epoch))

    def call(
        self,
        x: Any,
        memory: Any,
        last: Any,
        truths: Any = None,
        memory_mask: Any = None,
        initial_state: Any = None,
        training: bool = False,
    ) -> Any:
        state = self.decoder.start(memory, memory_mask, initial_state)
        source = {key: state.pop(key) for key in FIXED}
        before, shown = self._before(x, last, truths if training else None)
        numbers = ops.zeros((ops.shape(x)[0], self.units), dtype=x.dtype)

        def moment(moving: State, now: Any) -> tuple[State, State]:
            query, truth, coin = now
            value = ops.where(coin > 0, truth, moving["value"])  # (B, K)
            own = {key: moving[key] for key in state}
            y, _, following = self.decoder.step(query + self.embed(value), {**source, **own})
            numbers = self.head(y)  # (B, units)
            moved = {key: following[key] for key in state}
            moved = {**moved, "value": self._middle(numbers), "numbers": numbers}
            return moved, moved

        start = {**state, "value": last, "numbers": numbers}
        steps = [ops.swapaxes(part, 0, 1) for part in (x, before, shown)]  # (T, B, ...)
        _, moved = over_time(moment, start, tuple(steps))
        return ops.swapaxes(moved["numbers"], 0, 1)

    def _before(self, x: Any, last: Any, truths: Any) -> tuple[Any, Any]:
        """The true values before each step (B, T, K), and ones where they are shown (B, T, 1)."""
        never = ops.zeros_like(x[:, :, :1])
        if truths is None:
            return last[:, None] + never, never
        before = ops.concatenate([last[:, None], truths[:, :-1]], axis=1)
        coins = keras.random.uniform(ops.shape(before[:, :, :1]), dtype="float32", seed=self.coins)
        return before, ops.cast(coins < self.probability, x.dtype)

    def _middle(self, numbers: Any) -> Any:
        each = ops.reshape(numbers, (-1, self.targets, self.units // self.targets))
        return each[:, :, each.shape[-1] // 2]

    def get_config(self) -> dict[str, Any]:
        own = ("units", "targets", "schedule", "rate", "seed")
        decoder = keras.saving.serialize_keras_object(self.decoder)
        config = {**super().get_config(), **{key: getattr(self, key) for key in own}}
        return {**config, "decoder": decoder}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeedBack:
        decoder = keras.saving.deserialize_keras_object(config["decoder"])
        return cls(**{**config, "decoder": decoder})
