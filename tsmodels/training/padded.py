"""Sequences as padded batches, gathered inside a graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tsmodels.backend import ops
from tsmodels.data.sequences import Sequences


@dataclass(frozen=True)
class SequenceLayout:
    """What of some `Sequences` is fixed while batches are gathered from them inside a graph.

    Batches have `length` steps; weights are such that losses are means over `counted` steps.
    """

    length: int
    counted: int
    inner: tuple[int, ...]
    masked: bool
    weighted: bool
    stepwise: bool
    classes: int | None
    targets: tuple[int, ...] | None

    given = "sequence"  # the name of the input

    @classmethod
    def of(cls, sequences: Sequences, masked: bool) -> SequenceLayout:
        return cls(
            sequences.length,
            sequences.length,
            sequences.values.shape[1:],
            masked,
            sequences.weights is not None,
            sequences.stepwise,
            sequences.classes,
            None if sequences.targets is None else sequences.targets.shape[1:],
        )

    def shortened(self, length: int) -> SequenceLayout:
        """The same, for batches of sequences with at most `length` steps."""
        return replace(self, length=length)

    @property
    def shapes(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name, type and inner shape of the arrays that batches are gathered from."""
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "values": ("float32", self.inner),
            "firsts": ("int32", ()),
        }
        if self.masked:
            shapes["lengths"] = ("int32", ())
        if self.weighted:
            shapes["weights"] = ("float32", ())
        if self.targets is not None:
            shapes["targets"] = ("float32" if self.classes is None else "int32", self.targets)
        return shapes

    def arrays(self, sequences: Any) -> dict[str, np.ndarray]:
        """Those arrays for some sequences: O(rows) + O(N) numbers."""
        return {
            name: np.asarray(getattr(sequences, name), dtype)
            for name, (dtype, _) in self.shapes.items()
        }

    def gather(self, arrays: dict[str, Any], index: Any) -> tuple[dict[str, Any], Any, Any]:
        """Inputs, target and weight, each or None: `Sequences.batch` in `keras.ops`."""
        steps = ops.arange(self.length, dtype="int32")
        seen = None
        if self.masked:
            lengths = ops.take(arrays["lengths"], index, axis=0)[:, None]
            seen = steps < lengths  # (B, T)
            steps = ops.minimum(steps, lengths - 1)
        rows = ops.take(arrays["firsts"], index, axis=0)[:, None] + steps
        x = ops.take(arrays["values"], rows, axis=0)  # (B, T, C)
        if seen is None:
            inputs = {"sequence": x}
        else:
            x = ops.where(ops.reshape(seen, (-1, self.length, *[1] * len(self.inner))), x, 0.0)
            inputs = {"sequence": x, "observed": ops.cast(seen, "float32")}
        owners = rows if self.stepwise else index
        weight = ops.take(arrays["weights"], owners, axis=0) if self.weighted else None
        if self.stepwise and seen is not None:
            weight = inputs["observed"] if weight is None else weight * inputs["observed"]
            weight = weight * (self.length / self.counted)
        return inputs, self._target(arrays, owners), weight

    def _target(self, arrays: dict[str, Any], places: Any) -> Any:
        if self.targets is None:
            return None
        target = ops.take(arrays["targets"], places, axis=0)
        return target if self.classes is None else ops.one_hot(target, self.classes)
