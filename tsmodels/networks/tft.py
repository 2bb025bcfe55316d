"""Temporal Fusion Transformer: variable selection, gates, and attention that can be read.

Lim et al., 2021 (arXiv 1912.09363). Glossary: GRN gated residual network, n number of variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real, fault
from tsmodels.layers.attention import masked_softmax
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.positions import LearnedPositions
from tsmodels.layers.recurrent import LSTM
from tsmodels.networks.base import Network, Rate, register
from tsmodels.space import Choice, Real

EPSILON = 1e-3  # of the layer norms


@keras.saving.register_keras_serializable("tsmodels")
class GatedSkip(keras.layers.Layer):
    """norm(skip + u * sigmoid(v)) with [u | v] a linear map of x: (..., F), (..., D) -> (..., D).

    One single output is not normalised: it would always be 0.
    """

    def __init__(self, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = check_real("dropout", dropout, 0.0, 1.0, open_high=True)
        self.drop = Dropout(dropout, dtype=self.dtype_policy)
        self.norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, name="norm", dtype=self.dtype_policy
        )

    def build(self, x_shape: Any, skip_shape: Any) -> None:
        self.units = skip_shape[-1]
        self.gate = keras.layers.Dense(2 * self.units, name="gate", dtype=self.dtype_policy)
        self.gate.build(x_shape)
        if self.units > 1:
            self.norm.build(skip_shape)

    def call(self, x: Any, skip: Any, training: bool | None = None) -> Any:
        u, v = ops.split(self.gate(self.drop(x, training=training)), 2, axis=-1)
        y = skip + u * ops.sigmoid(v)
        return self.norm(y) if self.units > 1 else y


@keras.saving.register_keras_serializable("tsmodels")
class GatedResidualNetwork(keras.layers.Layer):
    """Two maps that a gate may skip: a (..., F), context (B, K) or None -> (..., outputs).

    The context is the same at every step. `outputs` is `units` by default; where it is not F, the
    skipped input goes through a linear map.
    """

    def __init__(
        self, units: int, outputs: int | None = None, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.outputs = check_int("units", units), outputs
        self.dropout = dropout
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.first = keras.layers.Dense(units, name="first", **own)
        self.context = keras.layers.Dense(units, use_bias=False, name="context", **own)
        self.second = keras.layers.Dense(units, name="second", **own)
        self.skip = keras.layers.Dense(outputs or units, name="skip", **own)
        self.gated = GatedSkip(dropout, name="gated", **own)

    def build(self, a_shape: Any, c_shape: Any = None) -> None:
        inner = (*a_shape[:-1], self.units)
        self.first.build(a_shape)
        if c_shape is not None:
            self.context.build(c_shape)
        self.second.build(inner)
        width = self.outputs or self.units
        self.projects = a_shape[-1] != width
        if self.projects:
            self.skip.build(a_shape)
        self.gated.build(inner, (*a_shape[:-1], width))

    def call(self, a: Any, c: Any = None, training: bool | None = None) -> Any:
        h = self.first(a)
        if c is not None:
            context = self.context(c)
            h = h + (context[:, None] if len(h.shape) == 3 else context)
        h = self.second(ops.elu(h))
        return self.gated(h, self.skip(a) if self.projects else a, training=training)


@keras.saving.register_keras_serializable("tsmodels")
class VariableSelection(keras.layers.Layer):
    """Embedded variables (..., n, D), context (B, K) or None -> (..., units), weights (..., n).

    A variable alone has the weight 1, and nothing is learned of how to choose.
    """

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.dropout = check_int("units", units), dropout

    def build(self, x_shape: Any, c_shape: Any = None) -> None:
        *lead, n, width = x_shape
        own: dict[str, Any] = {"dropout": self.dropout, "dtype": self.dtype_policy}
        self.joint = None
        if n > 1:
            self.joint = GatedResidualNetwork(self.units, n, name="joint", **own)
            self.joint.build((*lead, n * width), c_shape)
        self.single = [
            GatedResidualNetwork(self.units, name=f"variable_{j}", **own) for j in range(n)
        ]
        for network in self.single:
            network.build((*lead, width))

    def call(self, x: Any, c: Any = None, training: bool | None = None) -> tuple[Any, Any]:
        weights = self._weights(x, c, training)  # (..., n)
        each = [f(x[..., j, :], training=training) for j, f in enumerate(self.single)]
        mixed = ops.stack(each, axis=-2) * weights[..., None]  # (..., n, units)
        return ops.sum(mixed, axis=-2), weights

    def _weights(self, x: Any, c: Any, training: bool | None) -> Any:
        if self.joint is None:
            return ops.ones_like(x[..., 0])
        n, width = x.shape[-2:]
        flat = ops.reshape(x, (*ops.shape(x)[:-2], n * width))  # (..., n * D)
        return masked_softmax(self.joint(flat, c, training=training))


@keras.saving.register_keras_serializable("tsmodels")
class InterpretableAttention(keras.layers.Layer):
    """Causal self-attention of several heads over one shared value: (B, T, D) -> (B, T, D).

    Also gives the weights (B, n_heads, T, T): as all heads read the same values, their mean says
    which step mattered.
    """

    def __init__(self, n_heads: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_heads, self.dropout = check_int("n_heads", n_heads), dropout
        self.drop = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width % self.n_heads:
            raise ValueError(fault("n_heads", f"a divisor of the width {width}", self.n_heads))
        self.d_head = width // self.n_heads
        own: dict[str, Any] = {"use_bias": False, "dtype": self.dtype_policy}
        self.maps = keras.layers.Dense((2 * self.n_heads + 1) * self.d_head, name="maps", **own)
        self.output_map = keras.layers.Dense(width, name="output", **own)
        self.maps.build(input_shape)
        self.output_map.build((*input_shape[:-1], self.d_head))

    def call(self, x: Any, training: bool | None = None) -> tuple[Any, Any]:
        cut = self.n_heads * self.d_head
        q, k, v = ops.split(self.maps(x), [cut, 2 * cut], axis=-1)  # v: (B, T, d)
        shape = (*ops.shape(x)[:2], self.n_heads, self.d_head)
        q, k = ops.reshape(q, shape), ops.reshape(k, shape)
        scores = ops.einsum("btnd,bsnd->bnts", q, k) * (self.d_head**-0.5)
        steps = ops.arange(ops.shape(x)[1])
        weights = masked_softmax(scores, (steps[:, None] >= steps[None, :])[None, None])
        kept = ops.mean(self.drop(weights, training=training), axis=1)  # (B, T, T)
        return self.output_map(ops.matmul(kept, v)), weights


@register("tft")
@dataclass(frozen=True, kw_only=True)
class TFT(Network):
    """Temporal Fusion Transformer. Lim et al., 2021 (arXiv 1912.09363).

    Static covariates choose variables, start the LSTMs and enrich every step. Where there are no
    future covariates, the decoder reads learned step vectors, which the paper does not have.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_heads": Choice([1, 2, 4]),
        "dropout": Real(0.0, 0.5),
    }

    d_model: int = 32
    dropout: Rate = 0.1
    n_heads: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            rule = f"a divisor of d_model ({self.d_model})"
            raise ValueError(fault("TFT.n_heads", rule, self.n_heads))

    def layers(self) -> dict[str, Any]:
        lstm = {
            name: LSTM(self.d_model, return_sequences=True, return_state=True, name=name)
            for name in ("lstm_past", "lstm_future")
        }
        gates = {name: GatedSkip(self.dropout, name=name) for name in ("gate_lstm", "gate_out")}
        return {
            **lstm,
            **gates,
            "gate_attention": GatedSkip(self.dropout, name="gate_attention"),
            "enrich": self._grn("enrich"),
            "attention": InterpretableAttention(self.n_heads, self.dropout, name="attention"),
            "position": self._grn("position"),
        }

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        contexts = self._contexts(static)
        seen, _ = self._selected(past, contexts["select"], "past")  # (B, T, D)
        known = self._known(future, past, contexts["select"], horizon)  # (B, H, D)
        start = [contexts["h"], contexts["c"]] if static.shape[-1] else None
        h, *state = layers["lstm_past"](seen, initial_state=start)
        g, *_ = layers["lstm_future"](known, initial_state=state)
        x = ops.concatenate([seen, known], axis=1)  # (B, T + H, D)
        x = layers["gate_lstm"](ops.concatenate([h, g], axis=1), x)
        enriched = layers["enrich"](x, contexts["enrich"])
        attended, _ = layers["attention"](enriched)
        y = layers["gate_attention"](attended, enriched)[:, -horizon:]  # (B, H, D)
        y = layers["gate_out"](layers["position"](y), x[:, -horizon:])
        y = keras.layers.Dense(targets * outputs, name="head")(y)
        return ops.reshape(y, (-1, horizon, targets, outputs))

    def _grn(self, name: str) -> GatedResidualNetwork:
        return GatedResidualNetwork(self.d_model, dropout=self.dropout, name=name)

    def _contexts(self, static: Any) -> dict[str, Any]:
        """What the static covariates say, each (B, D); None without them."""
        names = ("select", "enrich", "h", "c")
        if not static.shape[-1]:
            return dict.fromkeys(names)
        chosen, _ = self._selected(static, None, "static")
        return {name: self._grn(f"context_{name}")(chosen) for name in names}

    def _selected(self, x: Any, context: Any, name: str) -> tuple[Any, Any]:
        """Channels (..., F), each embedded on its own, then weighed: (..., D)."""
        steps = "t" if len(x.shape) == 3 else ""
        shape = (*x.shape[1:], self.d_model)
        embed = keras.layers.EinsumDense(
            f"b{steps}f,fd->b{steps}fd", shape, bias_axes="fd", name=f"embed_{name}"
        )
        select = VariableSelection(self.d_model, self.dropout, name=f"select_{name}")
        return select(embed(x), context) if context is not None else select(embed(x))

    def _known(self, future: Any, past: Any, context: Any, horizon: int) -> Any:
        if future.shape[-1]:
            return self._selected(future, context, "future")[0]
        nothing = ops.repeat(ops.zeros_like(past[:, :1, :1]), horizon, axis=1)  # (B, H, 1)
        nothing = ops.repeat(nothing, self.d_model, axis=2)
        return LearnedPositions(horizon, name="steps")(nothing)
