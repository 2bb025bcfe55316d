"""What the claims on rt-polarity share: sentences of film reviews, good or bad, in ten folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tsmodels import datasets

Texts = tuple[list[str], np.ndarray]


def folds(which: Iterable[int]) -> Iterator[tuple[Texts, Texts]]:
    """Texts and labels to learn from, and those of the fold; the order is by chance."""
    frame = datasets.load("movie_reviews").sample(frac=1.0, random_state=0)
    for fold in which:
        parts = frame[frame.fold != fold], frame[frame.fold == fold]
        known, held = ((part.text.tolist(), part.label.to_numpy()) for part in parts)
        yield known, held
