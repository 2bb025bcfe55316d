"""Claim: sub-words cure rare words.

So say Sennrich et al. (2016) and Wu et al. (2016, section 4) of translation. rt-polarity: one
network over words, word pieces, pieces of bytes, or characters; the share of test tokens that are
unknown, and the accuracy on sentences with a word that the training part never has, and on the
others.
"""

from __future__ import annotations

import argparse
import re
import time
from typing import Any

import numpy as np
from reviews import folds

from tsmodels import LSTM, TextClassifier, Tokens
from tsmodels.text.tokens import UNKNOWN

TOKENS = {
    "words": Tokens(kind="words", vocab_size=8000, max_length=64),
    "word pieces": Tokens(vocab_size=8000, max_length=64),
    "pieces of bytes": Tokens(kind="bpe", vocab_size=8000, max_length=64),
    "characters": Tokens(kind="characters", max_length=256),
}
# Those of the table of architectures in docs/text.md, chosen on another validation part.
SETTINGS: dict[str, Any] = {
    "network": LSTM(d_model=100),
    "epochs": 5,
    "batch_size": 128,
    "learning_rate": 3e-3,
    "token_dropout": 0.3,
    "random_state": 0,
}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    print("| tokens | unknown | tokens a text | accuracy | no new word | new words | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, tokens in TOKENS.items():
        rows = []
        for (texts, labels), (others, answers) in folds(options.folds):
            known = set().union(*map(words, texts))
            new = np.array([not words(text) <= known for text in others])
            started = time.perf_counter()
            model = TextClassifier(**SETTINGS, tokens=tokens).fit(texts, labels)
            seconds = time.perf_counter() - started
            ids = model.vocabulary_.encode(others)
            unknown = np.mean(np.concatenate(ids) == UNKNOWN)
            right = model.predict(others) == answers
            length = np.mean([len(part) for part in ids])
            parts = [part.mean() for part in (right, right[~new], right[new])]
            rows.append([unknown, length, *parts, seconds])
        unknown, length, right, old, new, seconds = np.mean(rows, axis=0)
        cells = (
            f"{unknown:.2%} | {length:.1f} | {right:.1%} | {old:.1%} | {new:.1%} | {seconds:.0f}"
        )
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
