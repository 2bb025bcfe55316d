"""Entities in BIO tags, and how many of them were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tsmodels.checks import fault

Entity = tuple[str, int, int]


def entities(tags: Sequence[str]) -> set[Entity]:
    """What is marked: kind, first word, and the word after the last one.

    As in the evaluation of CoNLL: "I-x" after anything but "B-x" or "I-x" begins an entity. Tjong
    Kim Sang & Buchholz, 2000.

    >>> sorted(entities(["B-person", "I-person", "O", "I-place", "B-place"]))
    [('person', 0, 2), ('place', 3, 4), ('place', 4, 5)]
    """
    found: set[Entity] = set()
    kind, start = "", 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, name = str(tag).partition("-")
        goes_on = prefix == "I" and name == kind and kind != ""
        if kind and not goes_on:
            found.add((kind, start, i))
        if not goes_on:
            kind, start = name, i
    return found


def entity_f1(truth: Iterable[Any], answer: Iterable[Any]) -> float:
    """F1 of whole entities over all sentences: place and kind must both be right.

    >>> entity_f1([["B-x", "I-x", "O"], ["B-y"]], [["B-x", "O", "O"], ["B-y"]])
    0.5
    """
    right = marked = there = 0
    for own, other in zip(truth, answer, strict=True):
        if len(own) != len(other):
            raise ValueError(fault("answer", f"{len(own)} tags, as the truth has", list(other)))
        a, b = entities(own), entities(other)
        right, there, marked = right + len(a & b), there + len(a), marked + len(b)
    return 2.0 * right / (there + marked) if there + marked else 1.0


def is_bio(labels: Iterable[str]) -> bool:
    """Whether labels are "O", "B-..." and "I-...", with something to find.

    >>> is_bio(["B-x", "O"]), is_bio(["O"]), is_bio(["noun", "O"])
    (True, False, False)
    """
    names = set(map(str, labels))
    plain = all(name == "O" or name[:2] in ("B-", "I-") for name in names)
    return plain and names != {"O"}
