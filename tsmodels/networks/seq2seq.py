"""Sequence to sequence: a recurrent encoder, a recurrent decoder, attention between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import keras
from tsmodels.checks import fault
from tsmodels.layers.decoders import BahdanauDecoder, LuongDecoder
from tsmodels.layers.recurrent import GRU, Recurrent
from tsmodels.networks.base import Memory, Rate, as_memory, last_step, register
from tsmodels.networks.forcing import TeacherForced
from tsmodels.space import Choice, Int, Real


@register("seq2seq")
@dataclass(frozen=True, kw_only=True)
class Seq2Seq(TeacherForced):
    """Encoder-decoder. Sutskever, Vinyals & Le, 2014 (arXiv 1409.3215).

    `attention` is "additive" (Bahdanau et al., 2015: a GRU that attends with its previous state),
    "dot" or "general" (Luong et al., 2015: an LSTM with input feeding), or "none" (Cho et al.,
    2014: a GRU that reads the last remembered step at every step of its own). The first of the
    encoder's layers reads both ways with `bidirectional`. `n_layers` are those of the encoder: the
    decoder has one, which starts from a map of the last remembered step. With attention and without
    targets it feeds back its own output; see `TeacherForced` for training with true values.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 3),
        "dropout": Real(0.0, 0.5),
        "attention": Choice(["none", "additive", "dot", "general"]),
    }

    dropout: Rate = 0.0
    n_layers: int = 1
    cell: Literal["lstm", "gru"] = "lstm"
    bidirectional: bool = True
    attention: Literal["none", "additive", "dot", "general"] = "additive"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bidirectional and self.d_model % 2:
            rule = "even with a bidirectional encoder"
            raise ValueError(fault("Seq2Seq.d_model", rule, self.d_model))
        if self.forced and self.attention == "none":
            rule = "'none' without attention"
            raise ValueError(fault("Seq2Seq.teacher_forcing", rule, self.teacher_forcing))

    @property
    def causal(self) -> bool:
        return not self.bidirectional

    def layers(self) -> dict[str, Any]:
        encoder = {
            f"encoder_{i}": Recurrent(
                self.d_model,
                cell=self.cell,
                bidirectional=self.bidirectional and i == 0,
                dropout=self.dropout,
                name=f"encoder_{i}",
            )
            for i in range(self.n_layers)
        }
        start = keras.layers.Dense(self.d_model, "tanh", name="start")
        return {**encoder, "start": start, "decoder": self._decoder()}

    def _encoder(self, layers: Any) -> list[Any]:
        return [layers[f"encoder_{i}"] for i in range(self.n_layers)]

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        return as_memory(super().encode(self._encoder(layers), x, mask))

    def initial_state(self, layers: Any, batch: int) -> dict[str, Any]:
        return super().initial_state(self._encoder(layers), batch)

    def step(self, layers: Any, x: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        return super().step(self._encoder(layers), x, state)

    def start(self, layers: Any, memory: Memory) -> dict[str, Any]:
        return {"h": layers["start"](last_step(memory))}

    def decode(self, layers: Any, memory: Memory, queries: Any, targets: Any = None) -> Any:
        x = queries if targets is None else queries + targets
        if self.attention == "none":
            last = last_step(memory)  # (B, D)
            return layers["decoder"](x + last[:, None], initial_state=layers["start"](last))
        y, _ = layers["decoder"](
            x,
            memory.sequence,
            memory_mask=memory.mask,
            initial_state=self.start(layers, memory),
            feed_back=targets is None,
        )
        return y

    def decode_step(
        self, layers: Any, memory: Memory, query: Any, previous: Any, state: Any = None
    ) -> Any:
        """One step: query and embedded previous target (B, D) -> output, attention (B, S), state.

        Without attention the second is None.
        """
        decoder, last, x = layers["decoder"], last_step(memory), query + previous
        if self.attention == "none":
            h = layers["start"](last) if state is None else state["h"]
            h, _ = decoder.cell(x + last, [h])
            return h, None, {"h": h}
        if state is None:
            state = decoder.start(memory.sequence, memory.mask, self.start(layers, memory))
        return decoder.step(x, state)

    def _decoder(self) -> Any:
        if self.attention == "none":
            return GRU(self.d_model, return_sequences=True, name="decoder")
        if self.attention == "additive":
            return BahdanauDecoder(self.d_model, start="zeros", name="decoder")
        return LuongDecoder(self.d_model, self.attention, name="decoder")
