"""GNMT: a deep LSTM encoder and decoder with residuals and one attention for all layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, fault
from tsmodels.layers.attention import AdditiveAttention
from tsmodels.layers.decoders import AttentionDecoder, State
from tsmodels.layers.recurrent import LSTM
from tsmodels.networks.base import Memory, Rate, register
from tsmodels.networks.forcing import TeacherForced
from tsmodels.space import Choice, Int, Real

Context = Literal["previous", "new", "standard"]
CONTEXTS = ("previous", "new", "standard")


@keras.saving.register_keras_serializable("tsmodels")
class GNMTDecoder(AttentionDecoder):
    """Stack of LSTM cells with one attention for all of them. Wu et al., 2016.

    The lowest asks: cell 0 reads [x_t; context_{t-1}] and its output is the query. Cell i > 0 reads
    [h_{i-1}; context], the context being that of the "previous" step (the paper, `gnmt` in
    tensorflow/nmt) or the "new" one (`gnmt_v2`). From cell 2 on the input h_{i-1} is added to the
    output. With "standard" (also of tensorflow/nmt) the top asks: cell 0 reads [x_t; y_{t-1}], the
    others h_{i-1} alone, and y_t = W [h; context_t]. `normed` attention trains length and bias of
    its scores. The state starts at zero; `initial_state` may give "h_0", "c_0", "h_1", ... Use as
    in `AttentionDecoder`.
    """

    answer = "y"

    def __init__(
        self,
        units: int,
        n_layers: int = 2,
        context: Context = "previous",
        normed: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.n_layers = check_int("n_layers", n_layers)
        self.context = check_option("context", context, CONTEXTS)
        self.normed = normed
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.cells = [
            keras.layers.LSTMCell(units, name=f"cell_{i}", **own) for i in range(n_layers)
        ]
        self.attention = AdditiveAttention(
            units, use_bias=normed, normed=normed, name="attention", **own
        )

    def build(self, x_shape: Any, memory_shape: Any) -> None:
        batch, _, width = memory_shape
        self.attention.build((batch, None, self.units), memory_shape)
        top = self.context == "standard"
        self.cells[0].build((batch, x_shape[-1] + (self.units if top else width)))
        for cell in self.cells[1:]:
            cell.build((batch, self.units + (0 if top else width)))
        if top:
            self.combine = keras.layers.Dense(
                self.units, use_bias=False, name="combine", dtype=self.dtype_policy
            )
            self.combine.build((batch, self.units + width))

    def _origin(self, memory: Any) -> State:
        zeros = ops.zeros((ops.shape(memory)[0], self.units), dtype=memory.dtype)
        cells = {f"{part}_{i}": zeros for i in range(self.n_layers) for part in "hc"}
        return {**cells, "context": ops.zeros_like(memory[:, 0]), "y": zeros}

    def _moved(self, x: Any, state: State) -> State:
        if self.context == "standard":
            return self._moved_by_the_top(x, state)
        y, moved = self._cell(0, x, state["context"], state)
        context, weights = self._attend(y, state)
        shared = context if self.context == "new" else state["context"]
        for i in range(1, self.n_layers):
            h, cell_state = self._cell(i, y, shared, state)
            y = h + y if i >= 2 else h
            moved.update(cell_state)
        return {**moved, "context": context, "weights": weights, "y": y}

    def _moved_by_the_top(self, x: Any, state: State) -> State:
        y, moved = self._cell(0, x, state["y"], state)
        for i in range(1, self.n_layers):
            h, cell_state = self._cell(i, y, y[:, :0], state)
            y = h + y if i >= 2 else h
            moved.update(cell_state)
        context, weights = self._attend(y, state)
        y = self.combine(ops.concatenate([y, context], axis=-1))
        return {**moved, "context": context, "weights": weights, "y": y}

    def _cell(self, i: int, x: Any, context: Any, state: State) -> tuple[Any, State]:
        before = [state[f"h_{i}"], state[f"c_{i}"]]
        h, (_, c) = self.cells[i](ops.concatenate([x, context], axis=-1), before)
        return h, {f"h_{i}": h, f"c_{i}": c}

    def get_config(self) -> dict[str, Any]:
        own = ("units", "n_layers", "context", "normed")
        return {**super().get_config(), **{key: getattr(self, key) for key in own}}


@register("gnmt")
@dataclass(frozen=True, kw_only=True)
class GNMT(TeacherForced):
    """Google's neural machine translation network. Wu et al., 2016 (arXiv 1609.08144).

    Encoder: one bidirectional LSTM layer of d_model units a direction, then one-directional layers,
    residuals from the third on. Decoder: `GNMTDecoder`, which starts from the encoder's states with
    `pass_states`. Without targets it feeds back its own output; see `TeacherForced` for training
    with true values.
    """

    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(2, 4),
        "context": Choice(CONTEXTS),
        "dropout": Real(0.0, 0.5),
    }

    dropout: Rate = 0.0
    n_layers: int = 2
    context: Context = "previous"
    normed: bool = True
    pass_states: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_layers < 2:
            rule = "an int of at least 2: the second layer joins both ways of the first"
            raise ValueError(fault("GNMT.n_layers", rule, self.n_layers))

    @property
    def causal(self) -> bool:
        return False

    @property
    def scales_tokens(self) -> bool:
        """Not in the paper; on Multi30k it learned quicker so, see docs/language.md."""
        return True

    def layers(self) -> dict[str, Any]:
        upper = {f"encoder_{i}": self._lstm(f"encoder_{i}") for i in range(1, self.n_layers)}
        return {
            "encoder_0": keras.layers.Bidirectional(self._lstm("both_ways"), name="encoder_0"),
            **upper,
            "decoder": GNMTDecoder(
                self.d_model, self.n_layers, self.context, self.normed, name="decoder"
            ),
        }

    def _lstm(self, name: str) -> Any:
        return LSTM(
            self.d_model,
            return_sequences=True,
            return_state=True,
            zero_output_for_mask=True,
            dropout=self.dropout,
            name=name,
        )

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        x, _, _, h, c = layers["encoder_0"](x, mask=mask)  # (B, T, 2 D), the backward state
        state = {"h_0": h, "c_0": c}
        for i in range(1, self.n_layers):
            y, state[f"h_{i}"], state[f"c_{i}"] = layers[f"encoder_{i}"](x, mask=mask)
            x = y + x if i >= 2 else y
        return Memory(x, mask, state)

    def start(self, layers: Any, memory: Memory) -> dict[str, Any] | None:
        return dict(memory.state) if self.pass_states else None

    def decode(self, layers: Any, memory: Memory, queries: Any, targets: Any = None) -> Any:
        free = targets is None
        y, _ = layers["decoder"](
            queries if free else queries + targets,
            memory.sequence,
            memory_mask=memory.mask,
            initial_state=self.start(layers, memory),
            feed_back=free,
        )
        return y

    def decode_step(
        self, layers: Any, memory: Memory, query: Any, previous: Any, state: Any = None
    ) -> Any:
        """One step: query and embedded previous target (B, D) -> output, attention, state."""
        decoder = layers["decoder"]
        if state is None:
            state = decoder.start(memory.sequence, memory.mask, self.start(layers, memory))
        return decoder.step(query + previous, state)
