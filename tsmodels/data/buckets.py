"""Which lengths to pad sequences to, so that little is padded."""

from __future__ import annotations

import numpy as np

CANDIDATES = 256  # lengths that are looked at; of more, evenly many sequences lie between


def least_padding(lengths: np.ndarray, most: int, longest: int) -> tuple[int, ...]:
    """At most `most` lengths, up to `longest`, such that sequences padded to the next are shortest.

    Dynamic programming over the lengths that occur: the best k buckets that end at a length are the
    best k - 1 that end at a shorter one, and one from there on.

    >>> least_padding(np.array([2, 9, 3, 4, 2, 7]), 3, 9)
    (2, 4, 9)
    """
    ends = np.append(_candidates(lengths[lengths < longest]), longest)
    n, upto = len(ends), np.searchsorted(np.sort(lengths), ends, side="right")
    before = np.append(0, upto[:-1])  # sequences that a bucket leaves out which begins at an end
    steps = (upto - before[:, None]) * ends.astype(float)  # (begins, ends) of one bucket, padded
    steps[np.tri(n, k=-1, dtype=bool)] = np.inf  # none ends before it begins
    least, begins = np.append(0.0, np.full(n, np.inf)), []  # steps up to each end, by no bucket yet
    for _ in range(min(most, n)):
        padded = least[:-1, None] + steps
        begins.append(padded.argmin(axis=0))
        least = np.append(0.0, padded.min(axis=0))
    found, last = [], n
    while last:
        found.append(int(ends[last - 1]))
        last = int(begins.pop()[last - 1])
    return tuple(reversed(found))


def _candidates(lengths: np.ndarray) -> np.ndarray:
    found = np.unique(lengths)
    if len(found) <= CANDIDATES:
        return found
    places = np.linspace(0, len(lengths) - 1, CANDIDATES).astype(int)
    return np.unique(np.sort(lengths)[places])
