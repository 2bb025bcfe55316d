"""Several targets of one id: series of their own to all but the network, which sees them together.

Apart, a panel of S ids and K targets has S * K series of one channel, an id's targets one after the
other; a series is named by the pair (id, target). Scales, scores, baselines and intervals know
nothing else. Together, it has S series of K channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tsmodels.data.panel import Panel


def apart(panel: Panel) -> Panel:
    """Every target a series of its own; a panel of one target as it is.

    >>> from tsmodels.data.frame import make_panel
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ds": [1, 2, 3], "a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    >>> both = apart(make_panel(frame, target=["a", "b"]))
    >>> both.ids.tolist(), both.values.ravel().tolist()
    ([('a', 'a'), ('a', 'b')], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    """
    n = panel.values.shape[1]
    if n == 1 or panel.targets:
        return panel
    rows = _rows_apart(panel.offsets, n)
    channel = np.repeat(np.tile(np.arange(n), panel.n_series), np.repeat(panel.lengths, n))
    series = np.repeat(np.arange(panel.n_series), n)
    part = panel.selected(rows, _offsets(np.repeat(panel.lengths, n)), series)
    ids = np.empty(len(series), object)
    ids[:] = [(name, target) for name in panel.ids.tolist() for target in panel.columns]
    return replace(
        part,
        ids=ids,
        values=panel.values[rows, channel][:, None],
        columns=("y",),
        targets=panel.columns,
        ahead=None if panel.ahead is None else panel.ahead[series],
        coming=None if panel.coming is None else panel.coming[series],
    )


def together(panel: Panel) -> Panel:
    """The targets of an id as channels again; of one target, the panel as it is."""
    n = len(panel.targets)
    if not n:
        return panel
    first = np.arange(panel.n_series) % n == 0
    part = panel.selected(first_rows(panel), _offsets(panel.lengths[::n]), np.flatnonzero(first))
    ids = np.empty(len(part.ids), object)
    ids[:] = [name for name, _ in part.ids.tolist()]
    plain = ids if any(isinstance(name, str) for name in ids) else np.array(ids.tolist())
    values = side_by_side(panel, panel.values[:, 0])
    return replace(part, ids=plain, values=values, columns=panel.targets, targets=())


def side_by_side(panel: Panel, x: np.ndarray) -> np.ndarray:
    """Numbers of the rows of a panel apart (N,) as those of the panel together, (N / K, K)."""
    n = len(panel.targets)
    if not n:
        return x[:, None]
    lengths = panel.lengths[::n]
    answer = np.empty((len(x) // n, n), x.dtype)
    channel = np.repeat(np.tile(np.arange(n), len(lengths)), np.repeat(lengths, n))
    answer[_rows_apart(_offsets(lengths), n), channel] = x
    return answer


def first_rows(panel: Panel) -> np.ndarray:
    """The rows of the first target of each id, in a panel apart; of one target, all."""
    if not panel.targets:
        return np.arange(len(panel.values))
    first = np.arange(panel.n_series) % len(panel.targets) == 0
    return np.flatnonzero(np.repeat(first, panel.lengths))


def joint_rows(panel: Panel, rows: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Where `rows` of the `series` of a panel apart stand in the panel together."""
    n = len(panel.targets)
    if not n:
        return rows
    starts = _offsets(panel.lengths[::n])
    return rows - panel.offsets[series] + starts[series // n]


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


def _rows_apart(offsets: np.ndarray, n: int) -> np.ndarray:
    """The rows of each series `n` times over."""
    lengths = np.repeat(np.diff(offsets), n)
    starts = np.repeat(offsets[:-1], n)
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
