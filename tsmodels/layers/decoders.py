"""Recurrent decoders with attention: one step is the whole of them, a sequence is a scan of steps.

A state is a flat dict of arrays with leading axis B, so that a beam search can reorder it: what the
decoder remembers of its source ("memory", "keys", "mask") and what moves with every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, fault
from tsmodels.layers.attention import AdditiveAttention, make_attention
from tsmodels.layers.precision import Streaming, in_own_precision
from tsmodels.layers.scan import scan, without_xla

FIXED = ("memory", "keys", "mask")
State = dict[str, Any]


class AttentionDecoder(Streaming, keras.layers.Layer):
    """Base of decoders that attend at every step.

    `y, weights = decoder(x, memory)` with the embedded previous targets x (B, T, E), memory
    (B, S, M), memory_mask (B, S) or None gives outputs (B, T, units) and attention (B, T, S).
    `initial_state` is a dict of starting values for entries of the state; what it leaves out starts
    as the decoder says. With `feed_back` the output of the step before is added to each x_t (E must
    equal units): the decoder runs free. One step at a time: `state = decoder.start(memory, mask)`,
    then `y, weights, state = decoder.step(x_t, state)`.

    A decoder says which attention it has, where it starts, and what a step is; the base alone
    decodes nothing. A mask of x goes on to the outputs.
    """

    attention: Any
    units: int
    answer: str  # the entry of the state that is the output of a step

    def __init__(self, **kwargs: Any) -> None:
        if type(self) is AttentionDecoder:
            raise TypeError("AttentionDecoder is a base. Use LuongDecoder or BahdanauDecoder.")
        super().__init__(**kwargs)
        self.supports_masking = True
        without_xla(self)

    def call(
        self,
        x: Any,
        memory: Any,
        memory_mask: Any = None,
        initial_state: Any = None,
        feed_back: bool = False,
    ) -> tuple[Any, Any]:
        if feed_back and x.shape[-1] != self.units:
            rule = f"as wide as the decoder ({self.units}) with feed_back"
            raise ValueError(fault("x", rule, x.shape[-1]))
        state = self.start(memory, memory_mask, initial_state)
        source = {key: state.pop(key) for key in FIXED}

        def moment(moving: State, x_t: Any) -> tuple[State, State]:
            x_t = x_t + moving[self.answer] if feed_back else x_t
            following = self._moved(x_t, {**source, **moving})
            return following, following

        _, steps = scan(moment, state, ops.swapaxes(x, 0, 1))  # each (T, B, ...)
        return ops.swapaxes(steps[self.answer], 0, 1), ops.swapaxes(steps["weights"], 0, 1)

    @in_own_precision
    def start(
        self, memory: Any, mask: Any = None, initial_state: Mapping[str, Any] | None = None
    ) -> State:
        """The state before the first step."""
        keys = self.attention.keys(memory)
        mask = ops.ones_like(memory[:, :, 0]) if mask is None else ops.cast(mask, memory.dtype)
        weights = ops.zeros_like(memory[:, :, 0])  # (B, S)
        moving = {**self._origin(memory), "weights": weights, **(initial_state or {})}
        return {"memory": memory, "keys": keys, "mask": mask, **moving}

    def step(self, x: Any, state: State) -> tuple[Any, Any, State]:
        """One step: x (B, E) and the state to (B, units), attention (B, S) and the next state."""
        following = {**state, **self._moved(x, state)}
        return following[self.answer], following["weights"], following

    def _origin(self, memory: Any) -> State:
        """Where the moving entries start, without "weights"."""
        raise NotImplementedError

    def _moved(self, x: Any, state: State) -> State:
        """The moving entries one step on."""
        raise NotImplementedError

    def _attend(self, query: Any, state: State) -> tuple[Any, Any]:
        """Context (B, M) and weights (B, S) of a query (B, D)."""
        keys, memory, mask = state["keys"], state["memory"], state["mask"]
        context, weights = self.attention.attend(query[:, None], keys, memory, mask)
        return context[:, 0], weights[:, 0]


@keras.saving.register_keras_serializable("tsmodels")
class LuongDecoder(AttentionDecoder):
    """LSTM decoder with input feeding. Luong, Pham & Manning, 2015.

    h_t = LSTM([x_t; y_{t-1}]), context c_t of h_t, y_t = tanh(W [c_t; h_t]), y_0 = 0. `attention`
    is "dot", "general" or "additive". The state starts at zero; `initial_state` may give "h" and
    "c". Use as in `AttentionDecoder`.

    >>> y, weights = LuongDecoder(4)(ops.ones((2, 3, 5)), ops.ones((2, 7, 4)))
    >>> y.shape == (2, 3, 4), weights.shape == (2, 3, 7)
    (True, True)
    """

    answer = "y"

    def __init__(self, units: int, attention: str = "general", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.score = check_int("units", units), attention
        policy = self.dtype_policy
        self.cell = keras.layers.LSTMCell(units, name="cell", dtype=policy)
        self.attention = make_attention(attention, units, name="attention", dtype=policy)
        self.combine = keras.layers.Dense(
            units, "tanh", use_bias=False, name="combine", dtype=policy
        )

    def build(self, x_shape: Any, memory_shape: Any) -> None:
        batch, _, width = memory_shape
        self.cell.build((batch, x_shape[-1] + self.units))
        self.attention.build((batch, None, self.units), memory_shape)
        self.combine.build((batch, width + self.units))

    def _origin(self, memory: Any) -> State:
        zeros = ops.zeros((ops.shape(memory)[0], self.units), dtype=memory.dtype)
        return {"h": zeros, "c": zeros, "y": zeros}

    def _moved(self, x: Any, state: State) -> State:
        fed = ops.concatenate([x, state["y"]], axis=-1)
        _, (h, c) = self.cell(fed, [state["h"], state["c"]])
        context, weights = self._attend(h, state)
        y = self.combine(ops.concatenate([context, h], axis=-1))
        return {"h": h, "c": c, "y": y, "weights": weights}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "attention": self.score}


@keras.saving.register_keras_serializable("tsmodels")
class BahdanauDecoder(AttentionDecoder):
    """GRU decoder that attends with its previous state. Bahdanau, Cho & Bengio, 2015.

    Context c_t of s_{t-1} by additive attention, s_t = GRU([x_t; c_t], s_{t-1}). The output is s_t
    alone; the paper's maxout of s_t, x_t and c_t is left to the layers behind. With `start`
    "backward" s_0 = tanh(W m), m the backward half of the first memory step, which has read the
    whole source; with "zeros" s_0 is zero, or "h" of `initial_state`. Use as in `AttentionDecoder`.

    >>> y, weights = BahdanauDecoder(4)(ops.ones((2, 3, 5)), ops.ones((2, 7, 8)))
    >>> y.shape == (2, 3, 4), weights.shape == (2, 3, 7)
    (True, True)
    """

    answer = "h"

    def __init__(self, units: int, start: str = "backward", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.origin = check_option("start", start, ("backward", "zeros"))
        policy = self.dtype_policy
        self.cell = keras.layers.GRUCell(units, name="cell", dtype=policy)
        self.attention = AdditiveAttention(units, name="attention", dtype=policy)
        self.first = keras.layers.Dense(units, "tanh", name="first", dtype=policy)

    def build(self, x_shape: Any, memory_shape: Any) -> None:
        batch, _, width = memory_shape
        self.cell.build((batch, x_shape[-1] + width))
        self.attention.build((batch, None, self.units), memory_shape)
        if self.origin == "backward":
            self.first.build((batch, width - width // 2))

    def _origin(self, memory: Any) -> State:
        if self.origin == "backward":
            return {"h": self.first(memory[:, 0, memory.shape[-1] // 2 :])}
        return {"h": ops.zeros((ops.shape(memory)[0], self.units), dtype=memory.dtype)}

    def _moved(self, x: Any, state: State) -> State:
        context, weights = self._attend(state["h"], state)
        h, _ = self.cell(ops.concatenate([x, context], axis=-1), [state["h"]])
        return {"h": h, "weights": weights}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "start": self.origin}
