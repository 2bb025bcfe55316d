"""A causal network as one layer that can go on where it stopped."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.networks.base import Network, as_memory

CARRIED = "carried"  # begins the names of weights that hold a state


class Stream(keras.layers.Layer):
    """The encoder of a causal network over its built `parts`: x (B, T, ...) -> (B, T, D).

    With `streams` B' it is trained by truncated backpropagation through time (Williams & Peng,
    1990): a batch has a window of each of B' sequences, the next batch has the windows that follow,
    and the state in between is carried over without its gradient. Every `run` batches it starts
    anew, so that what a network learns of its first state is learned too. In prediction every
    window starts anew.
    """

    def __init__(
        self, network: Network, parts: Any, streams: int = 0, run: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # half precision would round ids
        self.network, self.parts = network, parts
        self.streams, self.run = streams if network.carries and run > 1 else 0, run
        self.carried: dict[str, Any] = {}
        if self.streams:
            self.batches = self._held((), "batches")
            for key, value in network.initial_state(parts, self.streams).items():
                self.carried[key] = self._held(tuple(value.shape), key.replace("/", "_"))

    def _held(self, shape: tuple[int, ...], name: str) -> Any:
        return self.add_weight(shape, "zeros", trainable=False, name=f"{CARRIED}_{name}")

    def build(self, input_shape: Any) -> None:
        """Nothing: the parts are built."""
        self.built = True

    def begin_epoch(self, epoch: int) -> None:
        """With the first epoch starts anew; later ones go on where the order of windows does."""
        if self.streams and epoch == 0:
            self.batches.assign(0.0)

    def call(self, x: Any, training: bool = False) -> Any:
        if not (training and self.streams):
            return as_memory(self.network.encode(self.parts, x)).sequence
        x = ops.reshape(x, (self.streams, *x.shape[1:]))
        anew = ops.convert_to_tensor(self.batches) == 0.0
        first = self.network.initial_state(self.parts, self.streams)
        state = {
            key: ops.where(anew, first[key], ops.convert_to_tensor(value))
            for key, value in self.carried.items()
        }
        y, state = self.network.advance(self.parts, x, state)
        for key, value in self.carried.items():
            value.assign(ops.stop_gradient(state[key]))
        self.batches.assign(ops.mod(ops.convert_to_tensor(self.batches) + 1.0, float(self.run)))
        return y

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:2], self.network.d_model)
