"""Several short sequences in one row, for networks that keep them apart by a mask of integers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tsmodels.checks import check_int, fault


@dataclass(frozen=True)
class Packing:
    """Which row of `length` steps each of N sequences stands in, and from which step on.

    >>> packing = pack([3, 2, 4, 1], length=5)
    >>> packing.rows.tolist(), packing.starts.tolist()
    ([1, 1, 0, 0], [0, 3, 0, 4])
    >>> packing.segments.tolist()
    [[1, 1, 1, 1, 2], [1, 1, 1, 2, 2]]
    """

    lengths: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    length: int

    def __len__(self) -> int:
        """How many rows there are."""
        return int(self.rows.max(initial=-1)) + 1

    @property
    def padding(self) -> float:
        """The share of steps that are none of a sequence."""
        return 1.0 - float(self.lengths.sum()) / (len(self) * self.length)

    @functools.cached_property
    def segments(self) -> np.ndarray:
        """Which sequence of its row each step belongs to, (R, length), from 1 on; 0 is padding."""
        segments = np.zeros((len(self), self.length), dtype=np.int32)
        before = np.zeros(len(self), dtype=np.int32)
        for i in np.argsort(self.starts, kind="stable"):
            row, start = self.rows[i], self.starts[i]
            before[row] += 1
            segments[row, start : start + self.lengths[i]] = before[row]
        return segments

    @property
    def places(self) -> np.ndarray:
        """Where the steps of each sequence are when rows are one after the other, (N, T).

        T is that of the longest sequence; behind the end of a shorter one its last step is
        repeated. `ops.take(ops.reshape(y, (-1, D)), packing.places, axis=0)` takes them out of y
        (R, length, D), inside a graph too.
        """
        steps = np.minimum(np.arange(self.lengths.max()), self.lengths[:, None] - 1)
        return (self.rows * self.length + self.starts)[:, None] + steps

    def packed(self, x: np.ndarray) -> np.ndarray:
        """Padded sequences (N, T, ...) as rows (R, length, ...), zeros between them."""
        seen = np.arange(x.shape[1]) < self.lengths[:, None]
        rows = np.zeros((len(self) * self.length, *x.shape[2:]), dtype=x.dtype)
        rows[self.places[seen[:, : self.lengths.max()]]] = x[seen]
        return rows.reshape(len(self), self.length, *x.shape[2:])


def pack(lengths: np.ndarray | list[int], length: int) -> Packing:
    """The longest sequences first, each into the first row with room for it.

    First-fit decreasing: at most 11 / 9 of the rows that are needed, and one (Johnson, 1973).
    Raises ValueError for sequences without a step, or with more than `length` steps.
    """
    lengths, length = np.asarray(lengths), check_int("length", length)
    if lengths.size and not 1 <= lengths.min() <= lengths.max() <= length:
        rule = f"from 1 to the {length} steps of a row"
        raise ValueError(fault("lengths", rule, [int(lengths.min()), int(lengths.max())]))
    rows, starts = np.zeros((2, len(lengths)), dtype=np.int64)
    filled = np.zeros(len(lengths), dtype=np.int64)
    for i in np.argsort(-lengths, kind="stable"):
        rows[i] = np.argmax(filled + lengths[i] <= length)
        starts[i] = filled[rows[i]]
        filled[rows[i]] += lengths[i]
    return Packing(lengths, rows, starts, length)
