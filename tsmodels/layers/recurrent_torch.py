"""Recurrent kernels for torch on a CPU: its own fused loops, told the weights of Keras.

    B batch   T length   F features   U units

The weights of torch are transposed, have two biases and another order of the GRU's gates (r z n for
z r h). They are mapped at every call, so gradients arrive at the weights of Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


def on_cpu(x: Any) -> bool:
    """Whether these kernels are for x: single precision, on a CPU."""
    return x.dtype == torch.float32 and x.device.type == "cpu"


def lstm(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), states h and c (B, U), Keras' weights: y (B, T, U) and the states at the end."""
    kernel, recurrent_kernel, bias = weights
    parameters = [kernel.T, recurrent_kernel.T, bias, torch.zeros_like(bias)]
    return _called(torch._VF.lstm, x, tuple(state[None] for state in states), parameters)


def gru(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), state h (B, U), Keras' weights: y (B, T, U) and the state at the end."""
    kernel, recurrent_kernel, bias = weights
    parameters = [_gates(w.T) for w in (kernel, recurrent_kernel)] + [_gates(b) for b in bias]
    return _called(torch._VF.gru, x, states[0][None], parameters)


def rnn(x: Any, states: Any, weights: Any, training: bool) -> tuple[Any, list[Any]]:
    """x (B, T, F), state h (B, U), Keras' weights: y (B, T, U) and the state at the end."""
    kernel, recurrent_kernel, bias = weights
    parameters = [kernel.T, recurrent_kernel.T, bias, torch.zeros_like(bias)]
    return _called(torch._VF.rnn_tanh, x, states[0][None], parameters)


def _gates(weight: Any) -> Any:
    z, r, n = weight.chunk(3)
    return torch.cat([r, z, n])


def _called(loop: Callable, x: Any, states: Any, parameters: Sequence[Any]) -> Any:
    """One layer of a fused loop: has biases, 1 layer, no dropout, ready for gradients where asked,
    one direction, batch first.
    """
    ready = torch.is_grad_enabled()
    parameters = [parameter.contiguous() for parameter in parameters]
    y, *ends = loop(x, states, parameters, True, 1, 0.0, ready, False, True)
    return y, [end[0] for end in ends]
