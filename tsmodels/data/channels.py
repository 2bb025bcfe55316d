"""Channels: covariates as numbers for a network, with what was learned of them in `fit`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsmodels.data.covariates import Roles
from tsmodels.data.cycles import Holidays, cycle_features, cycles_of, holiday_features
from tsmodels.data.panel import Panel
from tsmodels.data.scaling import affine_statistics
from tsmodels.data.windows import fill

Place = tuple[int, int]  # a channel of codes, and how many codes there are
ELAPSED = "(elapsed)"  # the name of the time since the row before
LARGEST = 1e6  # of a scaled covariate: farther off says no more


@dataclass(frozen=True)
class Channels:
    """What of the covariates of a training panel a network is to see, and how.

    Numbers come scaled, missing ones as the last before them; where training rows had missing
    ones a channel of ones and zeros says which were there. Categories are codes from 1 in the order
    of `levels`; 0 is any other, and what is missing. The channels of a row are those of the past,
    then those known ahead: numbers, `cycles` of the calendar, holidays, and codes at the end.
    """

    roles: Roles = Roles()
    levels: dict[str, tuple[Any, ...]] | None = None
    gappy: tuple[str, ...] = ()
    cycles: tuple[str, ...] = ()
    holidays: Holidays = ()
    static_shift: np.ndarray | None = None
    static_scale: np.ndarray | None = None
    elapsed: tuple[float, float] | None = None

    @classmethod
    def learn(cls, panel: Panel, *, calendar: bool = False, holidays: Holidays = ()) -> Channels:
        """Learns from a panel that holds training rows alone."""
        cycles = cycles_of(panel.calendar, _span(panel)) if calendar else ()
        elapsed = _standard(elapsed_logs(panel)) if panel.calendar.irregular else None
        found = panel.covariates
        if found is None:
            return cls(cycles=cycles, holidays=holidays, elapsed=elapsed)
        roles = found.roles
        columns = dict(zip(roles.changing, found.values.T, strict=True))
        columns |= dict(zip(roles.static, found.static.T, strict=True))
        levels = {name: _levels(columns[name], found.levels[name]) for name in roles.categories}
        numbers = [name for name in roles.changing if name not in roles.categories]
        gappy = tuple(name for name in numbers if np.isnan(columns[name]).any())
        everything = np.array([0, panel.n_series])
        shift, scale = affine_statistics("standard", found.static, everything)
        return cls(roles, levels, gappy, cycles, holidays, shift[0], scale[0], elapsed)

    @property
    def n_known(self) -> int:
        """G: how many channels are known ahead; they are the last of a row."""
        return self._width(self.roles.future) + self._derived

    @property
    def n_channels(self) -> int:
        """How many channels a row has."""
        return self._width(self.roles.past) + self.n_known

    @property
    def n_static(self) -> int:
        """How many channels a series has."""
        return len(self.roles.static)

    @property
    def places(self) -> tuple[Place, ...]:
        """Which channels of a row are codes, and of how many categories."""
        past, ends = self._codes(self.roles.past), self._codes(self.roles.future)
        first = self._width(self.roles.past)
        found = [(first - len(past) + i, n) for i, n in enumerate(past)]
        found += [(self.n_channels - len(ends) + i, n) for i, n in enumerate(ends)]
        return tuple(found)

    @property
    def static_places(self) -> tuple[Place, ...]:
        """The same of a series."""
        names = self.roles.static
        return tuple((i, self._size(n)) for i, n in enumerate(names) if n in self.roles.categories)

    @property
    def names(self) -> tuple[str, ...]:
        """What each channel of a row tells of: a column, "calendar", or a holiday."""
        past, known = (self._named(names) for names in (self.roles.past, self.roles.future))
        some = np.zeros(1, "M8[us]")
        stamps = ["calendar"] * cycle_features(self.cycles, some).shape[1]
        stamps += [name for name, _ in self.holidays] + [ELAPSED] * (self.elapsed is not None)
        return (*past[0], *past[1], *known[0], *stamps, *known[1])

    def rows(self, panel: Panel, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """The channels of every row, (N, channels) without NaN.

        `shift` and `scale` (S, columns) are those of the columns `roles.changing`.
        """
        parts = [np.empty((len(panel.ds), 0))]
        if panel.covariates is not None:
            numbers = self._scaled(panel, shift, scale)
            parts += self._columns(panel, self.roles.past, numbers)
            known = self._columns(panel, self.roles.future, numbers)
            parts += [known[0], *self._of_stamps(panel), known[1]]
        else:
            parts += self._of_stamps(panel)
        return np.concatenate(parts, axis=1)

    def statics(self, panel: Panel) -> np.ndarray:
        """The channels of every series, (S, channels) without NaN."""
        found = panel.covariates
        if found is None:
            return np.empty((panel.n_series, 0))
        values = np.nan_to_num((found.static - self.static_shift) / self.static_scale)
        for i, name in enumerate(self.roles.static):
            if name in self.roles.categories:
                levels = (self.levels or {})[name]
                values[:, i] = found.coded(name, levels, found.static[:, i])
        return np.clip(values, -LARGEST, LARGEST)

    def tell_unknown(self, panel: Panel) -> None:
        """Warns of categories that were not learned: their names, by column."""
        for name in self.roles.categories:
            known = set((self.levels or {})[name])
            new = [level for level in panel.covariates.levels[name] if level not in known]  # type: ignore[union-attr]
            if new:
                warnings.warn(
                    f"{name!r} has {len(new)} categories that no training row had, such as "
                    f"{new[:3]}: they stand where the average of the known ones does.",
                    UserWarning,
                    stacklevel=4,
                )

    def _scaled(self, panel: Panel, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
        codes = np.repeat(np.arange(panel.n_series), panel.lengths)
        values = (panel.covariates.values - shift[codes]) / scale[codes]  # type: ignore[union-attr]
        filled, _ = fill(values, panel.offsets)
        return np.clip(np.nan_to_num(filled), -LARGEST, LARGEST)

    def _columns(
        self, panel: Panel, names: tuple[str, ...], numbers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers with their flags, and codes, of some columns; (N, ...) each."""
        found, place = panel.covariates, self.roles.changing.index
        assert found is not None and self.levels is not None
        plain = [name for name in names if name not in self.roles.categories]
        flags = [~np.isnan(found.values[:, place(name)]) for name in plain if name in self.gappy]
        codes = [
            found.coded(name, self.levels[name], found.values[:, place(name)])
            for name in names
            if name in self.roles.categories
        ]
        empty = np.empty((len(panel.ds), 0))
        return (
            np.column_stack([empty, numbers[:, [place(name) for name in plain]], *flags]),
            np.column_stack([empty, *codes]),
        )

    def _of_stamps(self, panel: Panel) -> list[np.ndarray]:
        parts = []
        if self.cycles or self.holidays:
            wall = panel.calendar.wall(panel.ds)
            parts = [cycle_features(self.cycles, wall), holiday_features(self.holidays, wall)]
        if self.elapsed is not None:
            shift, scale = self.elapsed
            logs = (elapsed_logs(panel) - shift) / scale
            parts.append(np.clip(np.nan_to_num(logs), -LARGEST, LARGEST)[:, None])
        return parts

    @property
    def _derived(self) -> int:
        """How many channels follow from the stamps."""
        some = np.zeros(1, "M8[us]")
        cycles = cycle_features(self.cycles, some).shape[1]
        return cycles + len(self.holidays) + (self.elapsed is not None)

    def _named(self, names: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """The names of `_columns`: numbers with their flags, and codes."""
        plain = [name for name in names if name not in self.roles.categories]
        flags = [name for name in plain if name in self.gappy]
        return plain + flags, [name for name in names if name in self.roles.categories]

    def _size(self, name: str) -> int:
        return len((self.levels or {})[name])

    def _codes(self, names: tuple[str, ...]) -> list[int]:
        return [self._size(name) for name in names if name in self.roles.categories]

    def _width(self, names: tuple[str, ...]) -> int:
        return len(names) + sum(name in self.gappy for name in names)


def _levels(codes: np.ndarray, meanings: tuple[Any, ...]) -> tuple[Any, ...]:
    """The categories that occur in `codes`, in an order that is theirs alone."""
    occurring = np.unique(codes[~np.isnan(codes)]).astype(int)
    return tuple(sorted((meanings[code] for code in occurring), key=lambda m: (str(type(m)), m)))


def elapsed_logs(panel: Panel) -> np.ndarray:
    """The logarithm of the time since the row before (N,), in microseconds or units of whole
    numbers; NaN in the first row of a series."""
    steps = np.diff(panel.ds.view(np.int64), prepend=0).astype(float)
    steps[panel.offsets[:-1]] = np.nan
    return np.log(np.maximum(steps, 1.0))  # NaN stays NaN


def _standard(x: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of what is known of x, a deviation of 0 as 1."""
    known = x[np.isfinite(x)]
    if not len(known):
        return 0.0, 1.0
    return float(known.mean()), float(known.std()) or 1.0


def _span(panel: Panel) -> float:
    """Microseconds from the first to the last row of the longest series."""
    if panel.ds.dtype.kind != "M":
        return np.inf
    ends = np.maximum(panel.offsets[1:] - 1, panel.offsets[:-1])
    return float((panel.ds[ends] - panel.ds[panel.offsets[:-1]]).astype(np.int64).max())
