"""Recurrent layers: Keras' LSTM, GRU and SimpleRNN on faster kernels, and one layer for stacks.

Weights, config and numbers are those of Keras, whose own loop stays for all that a kernel does not
cover: masks, dropout of the state, other activations, unrolling, a GPU.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.precision import Streaming
from tsmodels.layers.scan import UNROLLED, scan, without_xla

kernels: Any = None  # Keras' own loop everywhere
if keras.config.backend() == "tensorflow":
    from tsmodels.layers import recurrent_tensorflow as kernels
elif keras.config.backend() == "torch":
    from tsmodels.layers import recurrent_torch as kernels


class _Fast:
    """Mixed into a recurrent layer of Keras: the kernel named `kernel` where it covers the call."""

    kernel: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        without_xla(self)

    def inner_loop(
        self: Any, sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        x, training = sequences, bool(training)
        if UNROLLED.get() and mask is None and not training:
            return self._written_out(x, initial_state)
        if not self._covered(x, mask, training):
            return super().inner_loop(x, initial_state, mask, training)  # type: ignore[misc]
        if training and self.dropout:
            x = x * self.cell.get_dropout_mask(x[:, 0, :])[:, None]  # one mask for all steps
        x = ops.flip(x, axis=1) if self.go_backwards else x
        weights = [self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias]
        states = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        y, states = getattr(kernels, self.kernel)(
            x, list(states), [ops.convert_to_tensor(weight) for weight in weights], training
        )
        return y[:, -1], y, states

    def _written_out(self: Any, x: Any, initial_state: Any) -> Any:
        """The cell of Keras, step after step."""

        def step(states: Any, x: Any) -> tuple[Any, Any]:
            y, states = self.cell(x, states, training=False)
            return states, y

        start = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        x = ops.flip(x, axis=1) if self.go_backwards else x
        states, y = scan(step, list(start), ops.swapaxes(x, 0, 1))
        return y[-1], ops.swapaxes(y, 0, 1), states

    def _covered(self: Any, x: Any, mask: Any, training: bool) -> bool:
        cell = self.cell
        plain = cell.activation is keras.activations.tanh and cell.use_bias and not self.unroll
        gates = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
        return (
            kernels is not None
            and plain
            and gates is keras.activations.sigmoid
            and getattr(cell, "reset_after", True)
            and getattr(self, "use_cudnn", "auto") == "auto"
            and mask is None
            and not (training and cell.recurrent_dropout)
            and kernels.on_cpu(x)
        )


@keras.saving.register_keras_serializable("tsmodels")
class LSTM(_Fast, keras.layers.LSTM):
    """`keras.layers.LSTM` on a faster kernel: (B, T, F) -> (B, T, units) or (B, units).

    The same arguments, weights and numbers. Hochreiter & Schmidhuber, 1997. `use_cudnn=False` asks
    for Keras' own loop.

    >>> LSTM(8, return_sequences=True)(ops.ones((2, 5, 3))).shape
    TensorShape([2, 5, 8])
    """

    kernel = "lstm"


@keras.saving.register_keras_serializable("tsmodels")
class GRU(_Fast, keras.layers.GRU):
    """`keras.layers.GRU` on a faster kernel: (B, T, F) -> (B, T, units) or (B, units).

    The same arguments, weights and numbers. Cho et al., 2014. `use_cudnn=False` asks for Keras' own
    loop.

    >>> GRU(8)(ops.ones((2, 5, 3))).shape
    TensorShape([2, 8])
    """

    kernel = "gru"


@keras.saving.register_keras_serializable("tsmodels")
class SimpleRNN(_Fast, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN` on a faster kernel: (B, T, F) -> (B, T, units) or (B, units).

    The same arguments, weights and numbers. Elman, 1990.

    >>> SimpleRNN(8)(ops.ones((2, 5, 3))).shape
    TensorShape([2, 8])
    """

    kernel = "rnn"


CELLS = {"rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


@keras.saving.register_keras_serializable("tsmodels")
class Recurrent(Streaming, keras.layers.Layer):
    """One layer of a recurrent stack: (B, T, F) -> (B, T, units).

    `cell` is "rnn" (Elman, 1990), "lstm" (Hochreiter & Schmidhuber, 1997; forget bias 1) or "gru"
    (Cho et al., 2014; reset after the product, as cuDNN has it). Recurrent kernels start as
    orthogonal matrices. With `bidirectional` half of the units reads the sequence backwards, so the
    width stays `units`, which must then be even. `residual` adds the input to the output (F must
    equal `units`). `dropout` acts on the input and `recurrent_dropout` on the state; `l1` and `l2`
    weigh penalties on the input and recurrent kernels.

    >>> Recurrent(8, cell="gru", bidirectional=True)(ops.ones((2, 5, 3))).shape
    TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        units: int,
        cell: str = "lstm",
        bidirectional: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_int("units", units)
        check_option("cell", cell, CELLS)
        check_option("bidirectional", bidirectional, [False, True])
        check_option("residual", residual, [False, True])
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            check_real(name, rate, 0.0, 1.0, open_high=True)
        check_real("l1", l1, 0.0), check_real("l2", l2, 0.0)
        if bidirectional and units % 2:
            raise ValueError(fault("units", "even in a bidirectional layer", units))
        self.units, self.cell = units, cell
        self.bidirectional, self.residual = bidirectional, residual
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.l1, self.l2 = l1, l2
        self.supports_masking = True
        self.drop = Dropout(dropout, steps_alike=True, dtype=self.dtype_policy)
        self.run = self._make(units // 2 if bidirectional else units)
        without_xla(self)

    def _make(self, units: int) -> Any:
        penalty = keras.regularizers.L1L2(self.l1, self.l2) if self.l1 or self.l2 else None
        layer = CELLS[self.cell](
            units,
            return_sequences=True,
            return_state=not self.bidirectional,
            recurrent_dropout=self.recurrent_dropout,
            kernel_regularizer=penalty,
            recurrent_regularizer=penalty,
            recurrent_initializer="orthogonal",
            dtype=self.dtype_policy,
        )
        if not self.bidirectional:
            return layer
        return keras.layers.Bidirectional(layer, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        if self.residual and input_shape[-1] != self.units:
            rule = f"as wide as the layer ({self.units}) where it is added back"
            raise ValueError(fault("input", rule, input_shape[-1]))
        self.run.build(input_shape)
        self.built = True

    def call(self, x: Any, mask: Any = None, training: bool = False) -> Any:
        dropped = self.drop(x, training=training)
        y = self.run(dropped, mask=mask, training=training)  # (B, T, units), and states
        y = y if self.bidirectional else y[0]
        return x + y if self.residual else y

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def initial_state(self, batch: int) -> dict[str, Any]:
        """Zeros: h (B, units), and c for an LSTM."""
        names = ["h", "c"] if self.cell == "lstm" else ["h"]
        return {name: ops.zeros((batch, self.units), self.compute_dtype) for name in names}

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One moment (B, F) -> (B, units); equals `call` step by step in inference."""
        if self.bidirectional:
            raise NotImplementedError(
                "A bidirectional layer reads the future: it has no step form."
            )
        names = [name for name in ("h", "c") if name in state]  # compiled JAX sorts a dict
        y, states = self.run.cell(x, [state[name] for name in names], training=False)
        following = dict(zip(names, states, strict=True))
        return (x + y if self.residual else y), following

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Any number of steps (B, L, F) from a state, as `call`, and the next state."""
        if self.bidirectional:
            raise NotImplementedError(
                "A bidirectional layer reads the future: it does not go on from a state."
            )
        names = [name for name in ("h", "c") if name in state]
        y, *states = self.run(self.drop(x), initial_state=[state[name] for name in names])
        following = dict(zip(names, states, strict=True))
        return (x + y if self.residual else y), following

    def get_config(self) -> dict[str, Any]:
        own = ("units", "cell", "bidirectional", "residual", "dropout", "recurrent_dropout")
        return {**super().get_config(), **{key: getattr(self, key) for key in (*own, "l1", "l2")}}
