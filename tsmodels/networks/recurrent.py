"""Stacked recurrent networks: RNN, LSTM, GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import ops
from tsmodels.checks import fault
from tsmodels.layers.recurrent import Recurrent
from tsmodels.networks.base import Memory, Network, Rate, as_memory, last_step, register
from tsmodels.space import Choice, Int, Real


@dataclass(frozen=True, kw_only=True)
class _RecurrentStack(Network):
    """What the three have in common: the wiring of the stack around their cell.

    `bidirectional` says which layers read both ways; `residual_from` is the first layer (counted
    from 1) whose input is added to its output, as in GNMT; `recurrent_dropout`, `l1` and `l2` act
    on the state and the kernels.
    """

    variable_dropout: ClassVar[bool] = True
    cell: ClassVar[str]
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 3),
        "dropout": Real(0.0, 0.5),
        "bidirectional": Choice(["none", "first"]),
    }

    n_layers: int = 1
    bidirectional: Literal["none", "first", "all"] = "none"
    residual_from: int | None = None
    recurrent_dropout: Rate = 0.0
    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bidirectional != "none" and self.d_model % 2:
            parameter = f"{type(self).__name__}.d_model"
            raise ValueError(fault(parameter, "even with bidirectional layers", self.d_model))

    @property
    def causal(self) -> bool:
        return self.bidirectional == "none"

    @property
    def stemless(self) -> bool:
        return self.residual_from != 1  # a residual needs its input as wide as its output

    def layers(self) -> list[Any]:
        return [self._layer(position) for position in range(1, self.n_layers + 1)]

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        memory = as_memory(super().encode(layers, x, mask))
        if not layers[-1].bidirectional:
            return memory
        # The backward half has read the whole window at its first step.
        half = self.d_model // 2
        forward, backward = last_step(memory)[:, :half], memory.sequence[:, 0, half:]
        return memory._replace(state={"last": ops.concatenate([forward, backward], axis=-1)})

    def _layer(self, position: int) -> Recurrent:
        both_ways = {"none": 0, "first": 1, "all": self.n_layers}[self.bidirectional]
        return Recurrent(
            self.d_model,
            cell=self.cell,
            bidirectional=position <= both_ways,
            residual=self.residual_from is not None and position >= self.residual_from,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            l1=self.l1,
            l2=self.l2,
        )


@register("rnn")
@dataclass(frozen=True, kw_only=True)
class RNN(_RecurrentStack):
    """Simple recurrent network with tanh units. Elman, 1990."""

    cell: ClassVar[str] = "rnn"


@register("lstm")
@dataclass(frozen=True, kw_only=True)
class LSTM(_RecurrentStack):
    """Long short-term memory. Hochreiter & Schmidhuber, 1997; forget gates, Gers et al., 2000."""

    cell: ClassVar[str] = "lstm"


@register("gru")
@dataclass(frozen=True, kw_only=True)
class GRU(_RecurrentStack):
    """Gated recurrent unit. Cho et al., 2014."""

    cell: ClassVar[str] = "gru"
