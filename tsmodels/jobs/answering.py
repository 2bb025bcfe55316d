"""Who answers for the series of a partition: one network, or one for each group.

A network is loaded from the file of a saved estimator, those of groups from the `models.json` that
a fit by groups leaves; without either, each group has a network fitted on the partition itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from tsmodels.checks import fault
from tsmodels.jobs.config import JobError, forecaster_of
from tsmodels.jobs.sifting import Answer, fitted, forecast

KINDS = ("past_covariates", "future_covariates", "static_covariates")
GROUPS = "models.json"


@dataclass(frozen=True)
class Model:
    """A file of one network, or of the names of several; its SHA-256 tells it from its successor.

    >>> Model("fitted.tsmodels", "").by_group, Model("out/models.json", "").by_group
    (False, True)
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, path: str | Path) -> Model:
        with open(path, "rb") as file:
            return cls(str(path), hashlib.file_digest(file, "sha256").hexdigest())

    @property
    def by_group(self) -> bool:
        return self.path.endswith(".json")


class Answering(Protocol):
    """`group` and `covariates` are the columns that are read beside unique_id, ds and y."""

    group: str | None
    covariates: tuple[str, ...]

    def answer(self, frame: pd.DataFrame) -> Answer: ...


class OneNetwork:
    """The same network for every series."""

    group: str | None = None

    def __init__(self, model: Model) -> None:
        self.estimator = loaded(model)
        self.covariates = covariates_of(self.estimator)

    def answer(self, frame: pd.DataFrame) -> Answer:
        return forecast(self.estimator, frame)


class NetworksByGroup:
    """Networks that were fitted before, found by the name of a group."""

    def __init__(self, model: Model) -> None:
        table = read_groups(model)
        self.group: str | None = table["group"]
        folder = Path(model.path).parent
        self.models = {
            name: Model(str(folder / m["file"]), m["sha256"]) for name, m in table["models"].items()
        }
        self.covariates = covariates_of(loaded(next(iter(self.models.values()))))

    def answer(self, frame: pd.DataFrame) -> Answer:
        return sum((self._part(*item) for item in parts(self, frame)), Answer())

    def _part(self, group: str, part: pd.DataFrame) -> Answer:
        if group in self.models:
            return forecast(loaded(self.models[group]), part)
        why = f"No network was fitted for its group {group!r}."
        return Answer(failed=tuple((uid, why) for uid in part["unique_id"].unique().tolist()))


class NetworksFittedHere:
    """A network for each group of the partition, handed to `keep(group, estimator)`."""

    def __init__(
        self,
        group: str,
        parameters: Mapping[str, Any],
        keep: Callable[[str, Any], None],
        forecasts: bool,
    ) -> None:
        self.group: str | None = group
        self.parameters, self.keep, self.forecasts = parameters, keep, forecasts
        self.covariates = covariates_of(forecaster_of(parameters))

    def answer(self, frame: pd.DataFrame) -> Answer:
        return sum((self._part(*item) for item in parts(self, frame)), Answer())

    def _part(self, group: str, part: pd.DataFrame) -> Answer:
        estimator, answer = fitted(forecaster_of(self.parameters), part)
        if estimator is None:
            return answer
        self.keep(group, estimator)
        if not self.forecasts:
            return answer
        good = part[~part["unique_id"].isin([uid for uid, _ in answer.failed])]
        return answer + forecast(estimator, good)


def parts(networks: Answering, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The groups of a frame by name, without their column where no network reads it."""
    for group, part in frame.groupby(networks.group, sort=True, observed=True, dropna=False):
        if networks.group not in networks.covariates:
            part = part.drop(columns=networks.group)
        yield str(group), part


def covariates_of(estimator: Any) -> tuple[str, ...]:
    """The columns that an estimator reads beside the target."""
    return tuple(dict.fromkeys(name for kind in KINDS for name in getattr(estimator, kind, ())))


def read_groups(model: Model) -> dict[str, Any]:
    """The `models.json` of a fit by groups: the column, and for each group a file."""
    try:
        table = json.loads(Path(model.path).read_text("utf-8"))
        assert table["models"]
        return {"group": str(table["group"]), "models": dict(table["models"])}
    except (ValueError, KeyError, TypeError, AssertionError):
        rule = f"the {GROUPS} of a fit by groups"
        raise JobError(fault("forecaster.load", rule, Path(model.path).name)) from None


@functools.lru_cache(maxsize=64)
def loaded(model: Model) -> Any:
    """The estimator in a file, which a process reads once."""
    import tsmodels

    return tsmodels.load(model.path)
