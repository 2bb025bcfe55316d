"""Rolling-origin splits: the scikit-learn splitter that respects time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tsmodels.checks import check_int, check_option, fault
from tsmodels.data.frame import read_keys
from tsmodels.data.panel import Keys


class RollingOrigin:
    """Splits at moving cutoffs; every search of scikit-learn takes it as `cv`.

    Train rows lie at or before the cutoff. Test rows are the train rows again, then `gap` rows,
    then the next `horizon` rows: history rides along, because a forecast starts from it, and so
    `cross_val_predict` (which wants disjoint tests) refuses this splitter. Splits come earliest
    cutoff first, `step` rows apart (None: `horizon`); the last one ends where the data end.

    `by="series"` counts rows from the end of each id. An id without a row before its cutoff sits
    that split out, so series of unequal length never break one. `by="time"` counts the stamps that
    occur in any id; an id takes part in a test if it has history and a row at the last stamp
    tested, and is otherwise train rows alone. `max_train_size` keeps the rows (or stamps) next to
    the cutoff.

    >>> for train, test in RollingOrigin(horizon=2, n_splits=2).split(np.arange(8.0)):
    ...     print(train.tolist(), test.tolist())
    [0, 1, 2, 3] [0, 1, 2, 3, 4, 5]
    [0, 1, 2, 3, 4, 5] [0, 1, 2, 3, 4, 5, 6, 7]
    """

    def __init__(
        self,
        horizon: int,
        n_splits: int = 3,
        step: int | None = None,
        gap: int = 0,
        max_train_size: int | None = None,
        by: str = "series",
    ):
        self.horizon = horizon
        self.n_splits = n_splits
        self.step = step
        self.gap = gap
        self.max_train_size = max_train_size
        self.by = by

    def __repr__(self) -> str:
        defaults = {"n_splits": 3, "step": None, "gap": 0, "max_train_size": None, "by": "series"}
        said = [f"{k}={v!r}" for k, v in vars(self).items() if k == "horizon" or v != defaults[k]]
        return f"RollingOrigin({', '.join(said)})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of splits."""
        return check_int("n_splits", self.n_splits)

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row positions (train, test) in `X`, ascending; `X` is anything that `fit` takes.

        Too few rows for `n_splits` is a ValueError that says how many would work.
        """
        self._check()
        keys = read_keys(X)
        counted = _rows_from_end(keys) if self.by == "series" else _stamps_from_end(keys)
        self._check_length(int(counted.max()) + 1)
        step = self.horizon if self.step is None else self.step
        for back in step * np.arange(self.n_splits - 1, -1, -1):
            train, test = self._masks(keys, counted - back)
            yield _positions(keys, train), _positions(keys, test)

    def _masks(self, keys: Keys, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Train and test rows as masks; `left` (N,) counts down to 0 at the last row tested."""
        ahead = self.horizon + self.gap
        train = left >= ahead
        if self.max_train_size is not None:
            train &= left < ahead + self.max_train_size
        complete = _any(train, keys)
        if self.by == "time":
            complete &= _any(left == 0, keys)
        window = (left >= 0) & (left < ahead)
        return train, (train | window) & np.repeat(complete, np.diff(keys.offsets))

    def _check(self) -> None:
        check_int("horizon", self.horizon)
        check_int("n_splits", self.n_splits)
        check_int("gap", self.gap, 0)
        check_option("by", self.by, ["series", "time"])
        for name in ("step", "max_train_size"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name))

    def _check_length(self, longest: int) -> None:
        step = self.horizon if self.step is None else self.step
        possible = (longest - self.horizon - self.gap - 1) // step + 1
        if possible >= self.n_splits:
            return
        what = "rows in the longest series" if self.by == "series" else "stamps"
        if possible < 1:
            rule = f"less than the {longest} {what} minus gap {self.gap}"
            raise ValueError(fault("horizon", rule, self.horizon))
        rule = f"at most {possible} for {longest} {what} with {self!r}"
        raise ValueError(fault("n_splits", rule, self.n_splits))


def _rows_from_end(keys: Keys) -> np.ndarray:
    """How many rows of the same id follow each row, (N,)."""
    return np.repeat(keys.offsets[1:], np.diff(keys.offsets)) - 1 - np.arange(len(keys.ds))


def _stamps_from_end(keys: Keys) -> np.ndarray:
    """How many distinct stamps of the whole input follow each row, (N,)."""
    stamps, codes = np.unique(keys.ds, return_inverse=True)
    return len(stamps) - 1 - codes


def _any(mask: np.ndarray, keys: Keys) -> np.ndarray:
    """Whether any row of each id is in `mask`, (S,)."""
    return np.logical_or.reduceat(mask, keys.offsets[:-1])


def _positions(keys: Keys, mask: np.ndarray) -> np.ndarray:
    chosen = np.zeros(int(keys.rows.max()) + 1, bool)
    chosen[keys.rows[mask]] = True
    return np.flatnonzero(chosen)
