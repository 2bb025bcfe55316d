"""A network that decodes as one layer over tokens: of a source, and of its translation so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_option
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.embedding import PADDING, TokenEmbedding
from tsmodels.layers.feedback import RATES, check_rate, forcing_rate
from tsmodels.networks.base import Memory, Network, checked_memory, new_layers

ALWAYS = "always"
SCHEDULES = (ALWAYS, *RATES)
State = dict[str, Any]


class Translation(keras.layers.Layer):
    """Pairs (B, T, 2) of source tokens and target tokens before each step, to logits (B, T, size).

    Both sides are padded with 0, which also stands before the first target token and ends a
    translation. `sizes` are those of the two vocabularies. In training the decoder is "always"
    shown the true tokens before, or with the probability of a schedule (see
    `tsmodels.layers.feedback.forcing_rate`); otherwise it sees those that it finds likeliest after
    the true ones: scheduled sampling (Bengio et al., 2015) in a second pass over all steps at once
    (Mihaylova & Martins, 2019; Duckworth et al., 2019).
    """

    def __init__(
        self,
        network: Network,
        sizes: tuple[int, int],
        embedding_dropout: float = 0.0,
        head_dropout: float = 0.0,
        schedule: str = ALWAYS,
        rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # half precision would round ids
        self.network, self.schedule = network, check_option("teacher_forcing", schedule, SCHEDULES)
        form: dict[str, Any] = {"width": network.d_model, "scaled": network.scales_tokens}
        self.parts = {
            "source": TokenEmbedding(sizes[0], **form, name="source"),
            "target": TokenEmbedding(sizes[1], **form, name="target"),
            "drop": Dropout(embedding_dropout, name="embedding_dropout"),
            "network": new_layers(network),
            "head_drop": Dropout(head_dropout, name="head_dropout"),
            "head": keras.layers.Dense(sizes[1], name="head"),
        }
        if schedule != ALWAYS:
            default = RATES[schedule] if rate is None else rate
            self.rate = check_rate("forcing_rate", schedule, default)
            first = keras.initializers.Constant(forcing_rate(schedule, self.rate, 0))
            self.probability = self.add_weight((), first, trainable=False, name="probability")
            self.coins = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        """Nothing: `taught` on symbolic tensors has built the parts."""
        self.built = True

    def begin_epoch(self, epoch: int) -> None:
        """Sets the share of true tokens for an epoch of training."""
        if self.schedule != ALWAYS:
            self.probability.assign(forcing_rate(self.schedule, self.rate, epoch))

    def call(self, pairs: Any, training: bool = False) -> Any:
        memory, before = self.remember(pairs[:, :, :1]), pairs[:, :, 1:]
        logits = self.taught(memory, before)
        if not training or self.schedule == ALWAYS:
            return logits
        own = ops.cast(ops.argmax(logits, axis=-1), before.dtype)[:, :-1, None]  # (B, T - 1, 1)
        own = ops.concatenate([ops.zeros_like(before[:, :1]), own], axis=1)
        drawn = keras.random.uniform(ops.shape(before), seed=self.coins)
        shown = drawn < ops.convert_to_tensor(self.probability)
        return self.taught(memory, ops.where(shown, before, own))

    def remember(self, source: Any) -> Memory:
        """The memory of source tokens (B, T, 1)."""
        parts = self.parts
        mask = source[:, :, 0] != PADDING
        x = parts["drop"](parts["source"](source))
        memory = checked_memory(self.network, self.network.encode(parts["network"], x, mask), x)
        return memory._replace(mask=mask)

    def taught(self, memory: Memory, before: Any) -> Any:
        """Logits (B, T, size) where target tokens (B, T, 1) stand before each step."""
        parts = self.parts
        x = parts["drop"](parts["target"](before))  # (B, T, D)
        y = self.network.decode(parts["network"], memory, ops.zeros_like(x), x)
        return parts["head"](parts["head_drop"](y))

    # --- token by token ---------------------------------------------------------------------------

    def begin(self, source: Any) -> tuple[Any, Any, State]:
        """Source tokens (B, S) to what `step` gives for the first target token."""
        memory = self.remember(source[:, :, None])
        first = ops.zeros_like(source[:, 0])
        return self._stepped(memory, first, None)

    def step(self, tokens: Any, origins: Any, state: State) -> tuple[Any, Any, State]:
        """The tokens before (N,), the rows that they go on from, and the state of these.

        Log-probabilities (N, size), attention (N, S), of width 0 if there is none, and the state.
        """
        rows = {key: ops.take(value, origins, axis=0) for key, value in state.items()}
        parts: dict[str, State] = {"memory": {}, "own": {}}
        for key, value in rows.items():
            whose, _, name = key.partition("/")
            parts[whose][name] = value
        memory = parts["memory"]
        sequence, mask = memory.pop("sequence"), memory.pop("mask") > 0.5
        return self._stepped(Memory(sequence, mask, memory), tokens, parts["own"])

    def _stepped(
        self, memory: Memory, tokens: Any, own: Mapping[str, Any] | None
    ) -> tuple[Any, Any, State]:
        parts = self.parts
        x = parts["target"](tokens[:, None, None])[:, 0]  # (N, D)
        step = self.network.decode_step  # type: ignore[attr-defined]
        y, attention, own = step(parts["network"], memory, ops.zeros_like(x), x, own)
        if attention is None:
            attention = memory.sequence[:, 0, :0]
        held = {"sequence": memory.sequence, "mask": ops.cast(memory.mask, x.dtype)}
        held |= dict(memory.state)
        state = {f"memory/{key}": value for key, value in held.items()}
        state |= {f"own/{key}": value for key, value in (own or {}).items()}
        return ops.log_softmax(parts["head"](y)), attention, state

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:2], self.parts["head"].units)
