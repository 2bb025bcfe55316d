"""TF-IDF and logistic regression: what a network over text is held against."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

C = 30.0  # of the penalty
WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:'[^\W\d_]+)?|[^\w\s]")


@dataclass(frozen=True)
class BagOfWords:
    """A fitted logistic regression over the TF-IDF of words and of pairs of words.

    Chinese characters and punctuation are words. `terms` are those seen in two texts at least, with
    their `idf`; `coef` (classes, terms) and `intercept` (classes,) make log-odds, of two classes
    those of the second alone.

    >>> bag = BagOfWords.fit(["not bad", "bad", "not bad!", "so bad"], np.array([1, 0, 1, 0]))
    >>> bag.predict_proba(["not bad"]).argmax(axis=1).tolist()
    [1]
    """

    terms: list[str]
    idf: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray

    @classmethod
    def fit(cls, texts: Sequence[str], codes: np.ndarray, weights: Any = None) -> Self:
        """Learned from texts, the codes 0, 1, ... of their classes, and weights (N,) if any."""
        from sklearn.linear_model import LogisticRegression

        try:
            vectoriser = _vectoriser(min_df=2)
            features = vectoriser.fit_transform(texts)
        except ValueError:  # no term is seen twice
            vectoriser = _vectoriser(vocabulary={"": 0})
            features = vectoriser.fit_transform(texts)
        model = LogisticRegression(C=C, max_iter=1000).fit(features, codes, sample_weight=weights)
        terms = vectoriser.get_feature_names_out().tolist()
        return cls(terms, vectoriser.idf_, model.coef_, model.intercept_)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, classes)."""
        logits = self._ready.transform(texts) @ self.coef.T + self.intercept
        if logits.shape[1] == 1:
            logits = np.hstack([-logits / 2, logits / 2])
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_ready"}

    @functools.cached_property
    def _ready(self) -> Any:
        vectoriser = _vectoriser(vocabulary={term: i for i, term in enumerate(self.terms)})
        vectoriser.idf_ = self.idf
        return vectoriser


def words_of(text: str) -> list[str]:
    """Words in small letters, single Chinese characters, and marks.

    >>> words_of("Don't! 不好")
    ["don't", '!', '不', '好']
    """
    return WORD.findall(text.lower())


def _vectoriser(**settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # a saved forecaster needs none

    reading = {"tokenizer": words_of, "token_pattern": None, "lowercase": False}
    return TfidfVectorizer(**reading, ngram_range=(1, 2), sublinear_tf=True, **settings)
