"""The Transformer: an encoder for every task, a decoder that attends to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import keras, ops
from tsmodels.checks import fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.positions import LearnedPositions, SinusoidalPositions
from tsmodels.layers.segments import is_segments, positions_within
from tsmodels.layers.transformer import (
    EPSILON,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from tsmodels.networks.base import Memory, Network, Rate, part_of, register
from tsmodels.space import Choice, Int, Real

Positions = Literal["sinusoidal", "learned", "rotary", "alibi"]


@register("transformer")
@dataclass(frozen=True, kw_only=True)
class Transformer(Network):
    """Encoder and decoder of attention layers. Vaswani et al., 2017 (arXiv 1706.03762).

    `positions` are "sinusoidal" as in the paper, "learned" (then T is at most `max_length`),
    "rotary" (Su et al., 2021) or "alibi" (Press et al., 2022); they are those of the encoder: the
    decoder always learns a vector a step. `pre_norm` (Xiong et al., 2020) is the default here, not
    in the paper, and so are GELU and a last norm on either side. With `causal_encoder` a step sees
    none after it, as in a decoder-only language model. The decoder reads its queries, and the
    embedded previous targets where they are given, through causal attention; all steps are made at
    once, or one by one with `decode_step`. A causal encoder steps too: its state is a ring of the
    last `max_length` keys and values of each layer, (B, max_length, d_model) each, beyond which it
    forgets. `encode` takes several sequences in a row where the mask is of integers, see
    `tsmodels.layers.segments`.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 3),
        "n_heads": Choice([2, 4]),
        "dropout": Real(0.0, 0.5),
        "positions": Choice(["sinusoidal", "rotary", "alibi"]),
    }

    dropout: Rate = 0.1
    n_layers: int = 2
    n_heads: int = 4
    d_ff: int | None = None
    pre_norm: bool = True
    positions: Positions = "sinusoidal"
    max_length: int = 2048
    causal_encoder: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("Transformer.n_heads", rule, self.n_heads))
        if self.positions == "rotary" and self.d_model // self.n_heads % 2:
            rule = "such that the width of a head is even for rotary positions"
            raise ValueError(fault("Transformer.n_heads", rule, self.n_heads))

    @property
    def causal(self) -> bool:
        return self.causal_encoder

    @property
    def scales_tokens(self) -> bool:
        return True

    def layers(self) -> dict[str, Any]:
        encoder = {
            f"encoder_{i}": TransformerEncoderLayer(
                causal=self.causal_encoder, name=f"encoder_{i}", **self._settings()
            )
            for i in range(self.n_layers)
        }
        decoder = {
            f"decoder_{i}": TransformerDecoderLayer(name=f"decoder_{i}", **self._settings())
            for i in range(self.n_layers)
        }
        return {
            **({"positions": self._table("positions")} if self._added else {}),
            "drop": Dropout(self.dropout),
            **encoder,
            "encoder_norm": keras.layers.LayerNormalization(epsilon=EPSILON, name="encoder_norm"),
            **decoder,
            "decoder_norm": keras.layers.LayerNormalization(epsilon=EPSILON, name="decoder_norm"),
        }

    @property
    def _added(self) -> bool:
        return self.positions in ("sinusoidal", "learned")

    def _table(self, name: str) -> Any:
        if self.positions == "learned":
            return LearnedPositions(self.max_length, name=name)
        return SinusoidalPositions(name=name)

    def _settings(self) -> dict[str, Any]:
        return {
            "n_heads": self.n_heads,
            "d_ff": self.d_ff or 4 * self.d_model,
            "activation": "gelu",
            "pre_norm": self.pre_norm,
            "positions": None if self._added else self.positions,
            "dropout": self.dropout,
        }

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        if self._added:
            at = positions_within(mask) if is_segments(mask) else None
            x = layers["positions"](x) if at is None else layers["positions"](x, at=at)
        x = layers["drop"](x)
        for i in range(self.n_layers):
            x = layers[f"encoder_{i}"](x, mask=mask)
        return Memory(layers["encoder_norm"](x), mask)

    def initial_state(self, layers: Any, batch: int) -> dict[str, Any]:
        """Per layer the keys and values of the last `max_length` steps, and the step's number."""
        return {
            f"{i}/{key}": value
            for i in range(self.n_layers)
            for key, value in layers[f"encoder_{i}"].initial_state(batch, self.max_length).items()
        }

    def step(self, layers: Any, x: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        if not self.causal_encoder:
            raise NotImplementedError("The encoder reads the future: it needs causal_encoder=True.")
        if self.positions == "sinusoidal":
            x = layers["positions"].step(x, state["0/t"], self.max_length)
        elif self.positions == "learned":
            x = layers["positions"].step(x, state["0/t"])
        following = {}
        for i in range(self.n_layers):
            x, own = layers[f"encoder_{i}"].step(x, part_of(state, i))
            following.update({f"{i}/{key}": value for key, value in own.items()})
        return layers["encoder_norm"](x), following

    def decode(self, layers: Any, memory: Memory, queries: Any, targets: Any = None) -> Any:
        y = queries if targets is None else queries + targets
        if "steps" not in layers:  # as many as the assembly decodes
            layers["steps"] = LearnedPositions(queries.shape[1], name="steps")
        y = layers["steps"](y)
        for i in range(self.n_layers):
            y = layers[f"decoder_{i}"](y, memory.sequence, memory_mask=memory.mask)
        return layers["decoder_norm"](y)

    def decode_step(
        self, layers: Any, memory: Memory, query: Any, previous: Any, state: Any = None
    ) -> Any:
        """One step of what `decode` has built: query and embedded previous target (B, D) ->
        output, attention over the memory (B, S) in the last layer, mean over heads, and state.
        """
        if state is None:
            state = self._start(layers, memory)
        y = layers["steps"].step(query + previous, state["0/past/t"])
        following = {}
        for i in range(self.n_layers):
            y, weights, own = layers[f"decoder_{i}"].step(y, part_of(state, i))
            following.update({f"{i}/{key}": value for key, value in own.items()})
        return layers["decoder_norm"](y), ops.mean(weights, axis=1), following

    def _start(self, layers: Any, memory: Memory) -> dict[str, Any]:
        length = layers["steps"].max_length
        return {
            f"{i}/{key}": value
            for i in range(self.n_layers)
            for key, value in layers[f"decoder_{i}"]
            .start(memory.sequence, length, memory.mask)
            .items()
        }
