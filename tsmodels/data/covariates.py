"""Covariates: which columns they are, and their values beside the rows of a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tsmodels.checks import did_you_mean, fault

KEYS = ("unique_id", "ds")


@dataclass(frozen=True)
class Roles:
    """Which columns are covariates, and of what kind.

    `past` columns are known up to a cutoff, `future` columns over the horizon too, `static` ones
    are constant for each id. Those in `categories` hold names, all others numbers.
    """

    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, targets: Sequence[str], **columns: Any) -> Roles:
        """The roles from parameters of an estimator, each checked.

        >>> Roles.of(["y"], past_covariates=["wind"], categories=["wind"]).changing
        ('wind',)
        """
        lists = {name: check_names(name, value) for name, value in columns.items()}
        categories = lists.pop("categories", ())
        taken = dict.fromkeys(KEYS, "a key") | dict.fromkeys(targets, "the target")
        for parameter, names in lists.items():
            for name in names:
                if name in taken:
                    rule = "columns that are neither keys nor targets nor in another list"
                    raise ValueError(fault(parameter, rule, f"{name!r}, {taken[name]}"))
                taken[name] = f"in {parameter} too"
        known = [name for names in lists.values() for name in names]
        for name in categories:
            if name not in known:
                rule = f"some of the covariates {known}"
                raise ValueError(fault("categories", rule, name, did_you_mean(name, known)))
        roles = {name.removesuffix("_covariates"): names for name, names in lists.items()}
        return cls(**roles, categories=categories)

    @property
    def changing(self) -> tuple[str, ...]:
        """The columns with a value a row: those of the past, then those known ahead."""
        return self.past + self.future

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that is a covariate."""
        return self.changing + self.static


def check_names(parameter: str, value: Any) -> tuple[str, ...]:
    """`value` as a tuple of names; a single one is refused, and shown as a list."""
    listed = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    if not listed:
        way_out = f"Write [{value!r}]." if isinstance(value, str) else ""
        raise TypeError(fault(parameter, "a list of names", value, way_out))
    return tuple(value)


@dataclass(frozen=True)
class Covariates:
    """Covariates of a panel of N rows and S series.

    `values` (N, G) are numbers, or codes of categories, in the columns `roles.changing`; `static`
    (S, K) those in `roles.static`; NaN where missing. Code i of a category means its `levels[i]`.
    """

    roles: Roles
    values: np.ndarray
    static: np.ndarray
    levels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def known(self) -> np.ndarray:
        """The columns that are known ahead, (N, G)."""
        return self.values[:, len(self.roles.past) :]

    def rows(self, rows: Any) -> Covariates:
        """Those of some rows, all series."""
        return replace(self, values=self.values[rows])

    def take(self, series: np.ndarray) -> Covariates:
        """Those of some series, all rows."""
        return replace(self, static=self.static[series])

    def spread(self, places: np.ndarray, n: int) -> Covariates:
        """The rows at `places` among `n`; the others are missing."""
        values = np.full((n, self.values.shape[1]), np.nan)
        values[places] = self.values
        return replace(self, values=values)

    def coded(self, name: str, levels: Sequence[Any], codes: np.ndarray) -> np.ndarray:
        """`codes` of the category `name` as places among `levels`, from 1; 0 for any other."""
        place = {level: i + 1 for i, level in enumerate(levels)}
        table = np.array([0, *(place.get(level, 0) for level in self.levels[name])])
        return table[np.where(np.isnan(codes), -1, codes).astype(int) + 1]

    def in_codes_of(self, other: Covariates) -> Covariates:
        """The same with the codes that `other` has for categories; new ones come behind them."""
        roles, levels = self.roles, dict(other.levels)
        values, static = self.values.copy(), self.static.copy()
        for name in roles.categories:
            table, names = (static, roles.static)
            if name in roles.changing:
                table, names = (values, roles.changing)
            column = table[:, names.index(name)]  # a view
            new = [level for level in self.levels[name] if level not in levels[name]]
            levels[name] = (*levels[name], *new)
            codes = self.coded(name, levels[name], column)
            column[:] = np.where(codes == 0, np.nan, codes - 1.0)
        return replace(self, values=values, static=static, levels=levels)
