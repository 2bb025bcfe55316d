"""Sequences of one or many lengths: arrays, masked arrays and lists become rows of one array.

A masked step is left out, wherever it stands: what remains is the sequence. Padding, on either
side, and lists of unequal length are therefore one and the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from tsmodels.checks import fault
from tsmodels.data.buckets import least_padding
from tsmodels.data.windows import Batch


@dataclass(frozen=True)
class Sequences:
    """N sequences over the rows of one array.

    `values` (rows, C), or (rows, S, C) for images, whose rows are the steps. Sequence i is the
    `lengths[i]` rows from `firsts[i]` on; batches are padded with zeros, on the right, to `length`
    steps. `targets` and their `weights` belong to sequences (N, ...), or with `stepwise` to rows
    (rows, ...); targets are numbers (..., K), or the codes of `classes` labels. Batches of shorter
    sequences may be padded to one of the `buckets` instead, ascending up to `length`.
    """

    values: np.ndarray
    firsts: np.ndarray
    lengths: np.ndarray
    length: int
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    classes: int | None = None
    stepwise: bool = False
    buckets: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.firsts)

    @classmethod
    def of(cls, values: np.ndarray, lengths: np.ndarray) -> Sequences:
        """Sequences that lie one after the other, the longest one unpadded."""
        ends = np.cumsum(lengths)
        return cls(values, ends - lengths, lengths, int(lengths.max(initial=0)))

    @property
    def offsets(self) -> np.ndarray:
        """Where each sequence begins, and where the last ends, (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    @property
    def ragged(self) -> bool:
        """Whether any sequence needs padding."""
        return bool((self.lengths != self.length).any())

    @property
    def bucket(self) -> np.ndarray | None:
        """Which of the `buckets` each sequence fits in, (N,); None where there are none."""
        return np.searchsorted(self.buckets, self.lengths) if self.buckets else None

    def bucketed(self, most: int) -> Self:
        """The same sequences, with at most so many buckets, such that least is padded.

        >>> lengths = np.array([2, 9, 3, 4, 2, 7])
        >>> Sequences.of(np.zeros((27, 1)), lengths).bucketed(3).buckets
        (2, 4, 9)
        """
        ends = least_padding(self.lengths, most, self.length)
        return replace(self, buckets=ends if len(ends) > 1 else ())

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one padded sequence: (T, C), of an image (R, S, C)."""
        return (self.length, *self.values.shape[1:])

    def take(self, index: Any) -> Self:
        """The sequences at `index`, over the same rows."""
        names = ["firsts", "lengths", *([] if self.stepwise else ["targets", "weights"])]
        parts = {name: getattr(self, name) for name in names}
        own: dict[str, Any] = {k: v if v is None else v[index] for k, v in parts.items()}
        return replace(self, **own)

    def alone(self) -> Self:
        """The same sequences over rows of their own, one after the other."""
        firsts = self.offsets[:-1]
        within = np.arange(self.lengths.sum()) - np.repeat(firsts, self.lengths)
        places = np.repeat(self.firsts, self.lengths) + within
        names = ["values", *(["targets", "weights"] if self.stepwise else [])]
        parts = {name: getattr(self, name) for name in names}
        own: dict[str, Any] = {k: v if v is None else v[places] for k, v in parts.items()}
        return replace(self, firsts=firsts, **own)

    def batch(self, index: Any, *, masked: bool = False) -> Batch:
        """The sequences at `index` made dense: past (B, T, ...) and what belongs to it.

        >>> values, lengths = np.array([[1.0], [2.0], [3.0]]), np.array([1, 2])
        >>> batch = Sequences.of(values, lengths).batch([0, 1], masked=True)
        >>> batch.past[:, :, 0].tolist(), batch.observed.tolist()
        ([[1.0, 0.0], [2.0, 3.0]], [[1.0, 0.0], [1.0, 1.0]])
        """
        steps = np.arange(self.length)
        seen = steps < self.lengths[index, None]  # (B, T)
        places = self.firsts[index, None] + np.minimum(steps, self.lengths[index, None] - 1)
        past = self.values[places] * seen.reshape(*seen.shape, *[1] * (self.values.ndim - 1))
        observed = seen.astype(np.float32) if masked else None
        owners = places if self.stepwise else index
        weight = None if self.weights is None else self.weights[owners].astype(np.float32)
        if self.stepwise and masked:
            weight = observed if weight is None else weight * observed
        return Batch(past, self._target(owners), observed, weight)

    def _target(self, places: Any) -> Any:
        if self.targets is None:
            return None
        if self.classes is None:
            return self.targets[places]
        return np.eye(self.classes, dtype=np.float32)[self.targets[places]]


def is_listed(X: Any) -> bool:
    """Whether `X` is a list of sequences rather than one array."""
    return isinstance(X, list | tuple) or (
        isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    )


def is_table(X: Any) -> bool:
    """Whether `X` is two-dimensional, (N, T), as a scikit-learn estimator expects it.

    A list of arrays is a list of sequences, of any length; one of plain rows is a table where they
    are equally long.

    >>> is_table([[1, 2], [3, 4]]), is_table([[1, 2], [3]]), is_table([np.ones(2), np.ones(2)])
    (True, False, False)
    """
    if isinstance(X, np.ma.MaskedArray):
        return False
    if not is_listed(X):
        return getattr(X, "ndim", 2) < 3
    plain = all(isinstance(part, list | tuple) for part in X)
    return plain and len({len(part) for part in X}) == 1 and np.ndim(X[0]) == 1


def read_sequences(X: Any) -> Sequences:
    """`X` as float64 rows: an array (N, T), (N, T, C) or (N, R, S, C), or a list of sequences.

    In a `numpy.ma.MaskedArray` a step is masked with all of its channels, and left out. Raises
    ValueError for anything else, for sequences without a step, and for values that are not finite.

    >>> masked = np.ma.masked_invalid([[1.0, 2.0], [3.0, np.nan]])
    >>> read_sequences(masked).lengths.tolist()
    [2, 1]
    >>> read_sequences([[1.0, 2.0], [3.0]]).values.ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    if isinstance(X, np.ma.MaskedArray):
        sequences = _read_masked(X)
    elif is_listed(X):
        sequences = _read_list(X)
    else:
        sequences = _read_array(read_numbers("X", X))
    _check_finite(sequences)
    return sequences


def like(X: Any, sequences: Sequences, rows: np.ndarray) -> Any:
    """What belongs to rows, one after the other, in the form that `X` has.

    >>> like([[1.0, 2.0], [3.0]], read_sequences([[1.0, 2.0], [3.0]]), np.array([7, 8, 9]))
    [array([7, 8]), array([9])]
    """
    if isinstance(X, np.ma.MaskedArray):
        seen = _seen(X)
        answer = np.ma.masked_all((*seen.shape, *rows.shape[1:]), rows.dtype)
        answer[seen] = rows
        return answer
    if is_listed(X):
        return np.split(rows, sequences.offsets[1:-1])
    return rows.reshape(len(sequences), sequences.length, *rows.shape[1:])


def read_steps(y: Any, X: Any, sequences: Sequences) -> np.ndarray:
    """A value a step, in the form of `X`, as one array (rows,); masked steps have none.

    >>> X = [[1.0, 2.0], [3.0]]
    >>> read_steps([["a", "b"], ["a"]], X, read_sequences(X)).tolist()
    ['a', 'b', 'a']
    """
    if len(y) != len(sequences):
        rule = f"a sequence of labels for each of the {len(sequences)} sequences of X"
        raise ValueError(fault("y", rule, f"{len(y)} of them"))
    if isinstance(X, np.ma.MaskedArray):
        labels, seen = np.asarray(y), _seen(X)
        if labels.shape != seen.shape:
            raise ValueError(fault("y", f"of shape {seen.shape}, as X is", labels.shape))
        return labels[seen]
    parts = [np.asarray(part) for part in y]
    for i, (part, length) in enumerate(zip(parts, sequences.lengths.tolist(), strict=True)):
        if part.shape != (length,):
            rule = f"one label for each of the {length} steps of X[{i}]"
            raise ValueError(fault(f"y[{i}]", rule, f"shape {part.shape}"))
    return np.concatenate(parts)


def read_numbers(name: str, values: Any) -> np.ndarray:
    """`values` as a float64 array; ValueError for text, complex numbers and rows of any length."""
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":
            raise ValueError("complex")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        got = f"{type(values).__name__} ({error})"
        raise ValueError(fault(name, "real numbers", got)) from error


def _read_array(X: np.ndarray) -> Sequences:
    if X.ndim not in (2, 3, 4) or not X.size:
        rule = "(N, T), (N, T, C), or images (N, height, width, C), none of them 0"
        way_out = "A single sequence is X[None]." if X.ndim == 1 else ""
        raise ValueError(fault("X", rule, f"shape {X.shape}", way_out))
    n, length, *inner = X.shape
    return Sequences.of(X.reshape(n * length, *(inner or [1])), np.full(n, length))


def _seen(X: np.ma.MaskedArray) -> np.ndarray:
    """Which steps of a masked array (N, T) or (N, T, C) are there, (N, T)."""
    hidden: np.ndarray = np.ma.getmaskarray(X)
    if hidden.ndim not in (2, 3):
        rule = "(N, T) or (N, T, C) where it has a mask"
        raise ValueError(fault("X", rule, f"shape {hidden.shape}"))
    return ~np.asarray(hidden if hidden.ndim == 2 else hidden.all(axis=2))


def _read_masked(X: np.ma.MaskedArray) -> Sequences:
    seen, hidden = _seen(X), np.ma.getmaskarray(X)
    partly = seen & (hidden if hidden.ndim == 2 else hidden.any(axis=2))
    if partly.any():
        i, step = np.argwhere(partly)[0].tolist()
        rule = "masked in all channels of a step or in none"
        way_out = "Fill in the values that are missing."
        raise ValueError(fault("X", rule, f"some of sample {i}, step {step}", way_out))
    rows = read_numbers("X", np.ma.getdata(X)[seen])
    lengths = seen.sum(axis=1)
    _check_lengths(lengths)
    return Sequences.of(rows[:, None] if rows.ndim == 1 else rows, lengths)


def _read_list(X: Any) -> Sequences:
    if not len(X):
        raise ValueError(fault("X", "at least one sequence", X))
    parts = [read_numbers(f"X[{i}]", part) for i, part in enumerate(X)]
    for i, part in enumerate(parts):
        if part.ndim not in (1, 2, 3):
            rule = "a sequence (T,) or (T, C), or an image (height, width, C)"
            raise ValueError(fault(f"X[{i}]", rule, f"shape {part.shape}"))
        if part.shape[1:] != parts[0].shape[1:] or (part.ndim == 3 and len(part) != len(parts[0])):
            rule = f"of a shape like that of X[0], {parts[0].shape}"
            raise ValueError(fault(f"X[{i}]", rule, part.shape))
    lengths = np.array([len(part) for part in parts])
    _check_lengths(lengths)
    rows = np.concatenate(parts)
    if not rows.size:
        raise ValueError(fault("X", "sequences with a channel", f"shape {parts[0].shape}"))
    return Sequences.of(rows[:, None] if rows.ndim == 1 else rows, lengths)


def _check_lengths(lengths: np.ndarray) -> None:
    for i in np.flatnonzero(lengths == 0)[:1]:
        raise ValueError(fault(f"X[{i}]", "a sequence with at least one step", "none"))


def _check_finite(sequences: Sequences) -> None:
    bad = ~np.isfinite(sequences.values)
    if bad.any():
        row, *inner = np.argwhere(bad)[0].tolist()
        i = int(np.searchsorted(sequences.offsets, row, side="right")) - 1
        value = sequences.values[(row, *inner)]
        got = f"{value} in sample {i}, step {row - sequences.offsets[i]}, channel {inner[-1]}"
        got += f", and {bad.sum() - 1} more" if bad.sum() > 1 else ""
        way_out = "Fill them in, or leave steps out with numpy.ma.masked_invalid(X)."
        raise ValueError(fault("X", "without NaN and inf", got, way_out))
