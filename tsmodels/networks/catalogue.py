"""The catalogue: what every registered network is, can do and weighs.

Everything in it is read off the network itself: its docstring, its hooks, its layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import fields
from typing import NamedTuple

from tsmodels.networks.assembly import forecast_model
from tsmodels.networks.base import NETWORKS, Network, resolve

LOOKBACK, HORIZON = 96, 24
TITLES = ("name", "network", "paper", "tasks", "causal", "streaming", "parameters")
PREFACE = f"""\
# Networks

The catalogue, as `tsmodels networks --markdown` prints it; `tsmodels networks NAME` shows one.

- **tasks**: a network that says only how to forecast does that; one that encodes serves every task
  on sequences (tagging needs one that keeps their length); one with a decoder of its own also
  translates.
- **causal**: an encoded step depends on no later one.
- **streaming**: there is a step form, one moment and a state in, one moment and a state out.
- **parameters**: with the fields as they are, one channel, lookback {LOOKBACK}, horizon {HORIZON}.
"""


class Entry(NamedTuple):
    """A row of the catalogue: `tasks` is "forecast", "all but translation" or "all"."""

    name: str
    network: str
    paper: str
    tasks: str
    causal: bool
    streaming: bool
    parameters: int

    def cells(self) -> list[str]:
        """The row as text, in the order of `TITLES`."""
        *words, causal, streaming, parameters = self
        yes = ["yes" if answer else "no" for answer in (causal, streaming)]
        return [*map(str, words), *yes, f"{parameters:,}"]


def entry(name: str) -> Entry:
    """The row of one network.

    >>> entry("nlinear")[3:]
    ('forecast', False, False, 2328)
    """
    spec = resolve(name)
    what, _, paper = about(spec).rstrip(".").partition(". ")
    tasks = "forecast" if not spec.encodes else "all" if spec.decodes else "all but translation"
    model = forecast_model(spec, lookback=LOOKBACK, horizon=HORIZON)
    return Entry(name, what, paper, tasks, spec.causal, spec.streams, model.count_params())


def catalogue() -> list[Entry]:
    """A row for every registered network, by name."""
    return [entry(name) for name in sorted(NETWORKS)]


def about(spec: Network) -> str:
    """The first paragraph of a network's docstring: what it is, and its paper."""
    return " ".join((inspect.getdoc(type(spec)) or "").split("\n\n")[0].split())


def settings(spec: Network) -> str:
    """The fields with their values: 'd_model=64, dropout=0.0, ...'."""
    return ", ".join(f"{field.name}={getattr(spec, field.name)!r}" for field in fields(spec))


def markdown(entries: Iterable[Entry]) -> str:
    """The catalogue as a page: a table, then the fields of each network."""
    entries = list(entries)
    rows = [TITLES, ["---"] * 6 + ["---:"], *(entry.cells() for entry in entries)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    lists = "\n".join(f"- `{e.name}`: `{settings(resolve(e.name))}`" for e in entries)
    return f"{PREFACE}\n{table}\n\n## Fields\n\n{lists}\n"
