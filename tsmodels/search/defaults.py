"""What a search over an estimator starts from: a space, and splits that stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tsmodels.checks import fault
from tsmodels.space import Dimension, Real


def default_space(estimator: Any) -> dict[str, Dimension]:
    """The search space that an estimator's network states, and the learning rate."""
    network = estimator.get_params(deep=False).get("network")
    if network is None:
        rule = "a space of parameters for an estimator without a network"
        raise ValueError(fault("param_distributions", rule, None))
    from tsmodels.networks import resolve

    stated = resolve(network).search_space
    prefix = "network__"
    space = {
        prefix + name: replace(
            dimension,
            active_if={prefix + k: v for k, v in (dimension.active_if or {}).items()} or None,
        )
        for name, dimension in stated.items()
    }
    return {**space, "learning_rate": Real(1e-4, 1e-2, log=True)}


class FixedSplits:
    """Splits made once: every generation is scored on the same."""

    def __init__(self, splits: list[Any]) -> None:
        self.splits = splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many splits there are."""
        return len(self.splits)

    def split(self, X: Any = None, y: Any = None, **params: Any) -> Iterator[Any]:
        """The splits, whatever is asked."""
        return iter(self.splits)
