"""Masks of integers: which of several sequences in one row each step belongs to.

Segments (B, T) count the sequences of a row from 1 on; 0 is padding. `tsmodels.data.packing` makes
such rows. Krell et al., 2021 (arXiv 2107.02027).
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops


def is_segments(mask: Any) -> bool:
    """Whether a mask tells sequences apart: one of integers does, one of truth values does not."""
    return mask is not None and "int" in keras.backend.standardize_dtype(mask.dtype)


def together(segments: Any) -> Any:
    """Which steps may see which, (B, T, T): those of one sequence; nothing sees padding.

    >>> ops.convert_to_numpy(together(ops.array([[1, 2, 2, 0]]))).astype(int).tolist()
    [[[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]
    """
    same = ops.equal(segments[:, :, None], segments[:, None, :])  # symbolic tensors know no ==
    return ops.logical_and(same, segments[:, None, :] > 0)


def positions_within(segments: Any) -> Any:
    """The position of each step in its own sequence, (B, T) integers from 0 on; 0 at padding.

    >>> ops.convert_to_numpy(positions_within(ops.array([[1, 2, 2, 2, 0]]))).tolist()
    [[0, 0, 1, 2, 0]]
    """
    steps = ops.arange(ops.shape(segments)[1])
    earlier = ops.logical_and(together(segments), steps[:, None] > steps[None, :])
    return ops.sum(ops.cast(earlier, "int32"), axis=-1)
