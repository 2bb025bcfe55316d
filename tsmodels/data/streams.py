"""One long sequence as windows that follow each other, to be read on where the last one ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsmodels.data.sequences import Sequences


@dataclass(frozen=True)
class Streams(Sequences):
    """Sequences of which `run` follow each other: 0 to run - 1, run to 2 run - 1, and so on.

    Training deals runs, not windows: a batch has the first windows of so many runs, the next batch
    the second ones.
    """

    run: int = 1


def cut_stream(
    values: np.ndarray, targets: np.ndarray, length: int, streams: int, run: int
) -> Streams:
    """Rows (N, C) with a target each, as windows of `length` in runs of about `run`.

    The rows are cut into as many equal runs as batches of `streams` of them need; what is left at
    the end, less than a window for each run, is left out. Short sequences make shorter windows and
    fewer streams.

    >>> rows = np.arange(21.0)
    >>> windows = cut_stream(rows[:, None], rows + 1.0, length=3, streams=2, run=2)
    >>> windows.firsts.tolist(), windows.run
    ([0, 3, 6, 10, 13, 16], 3)
    """
    length = min(length, len(values))
    streams = min(streams, len(values) // length)
    runs = streams * max(1, len(values) // (length * run * streams))
    run = len(values) // (length * runs)
    firsts = np.arange(runs)[:, None] * (len(values) // runs) + np.arange(run) * length
    firsts = firsts.ravel()
    lengths = np.full(len(firsts), length)
    return Streams(values, firsts, lengths, length, targets=targets, stepwise=True, run=run)
