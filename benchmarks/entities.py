"""Entities of WNUT 2017, without outside vectors: a chain of labels against labels one by one.

    entities.py choose      entity F1 on the validation part, for each candidate
    entities.py test        the test part by the settings that stand below, CRF and softmax

Learned from the training part, for the test part from the validation part too; `choose` never opens
the test part.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from tsmodels import LSTM, TextTagger, datasets

Sentences = tuple[list[list[str]], list[list[str]]]


def sentences(name: str) -> Sentences:
    """Words and tags of each sentence."""
    groups = datasets.load(name).groupby("sentence_id")
    return groups.token.agg(list).tolist(), groups.tag.agg(list).tolist()


# On the validation part, with a CRF: 11.8 % with much dropout (10.4 % one by one), 20.0 % with
# little, 22.2 % with hardly any. With half of the tokens dropped it was 4.7 %. Twice the width had
# 27.8 %; only words known that were seen five times, 19.2 %, or 23.4 % at a width of 100. The test
# part had 16.8 % then (14.9 % one by one), learned from the training part alone. A second attempt:
# three times the width had 30.0 %, or 27.9 % with 30 % dropout over 12 epochs.
COMMON: dict[str, Any] = {
    "network": LSTM(d_model=64, bidirectional="first"),
    "d_embedding": 64,
    "learning_rate": 5e-3,
    "random_state": 0,
}
CANDIDATES: dict[str, dict[str, Any]] = {
    "much dropout": {
        "epochs": 10,
        "batch_size": 32,
        "d_characters": 40,
        "embedding_dropout": 0.3,
        "head_dropout": 0.3,
    },
    "little dropout": {
        "epochs": 10,
        "batch_size": 16,
        "d_characters": 60,
        "embedding_dropout": 0.2,
        "head_dropout": 0.2,
        "token_dropout": 0.05,
    },
    "hardly any dropout": {
        "epochs": 9,
        "batch_size": 16,
        "d_characters": 60,
        "embedding_dropout": 0.1,
        "head_dropout": 0.1,
        "token_dropout": 0.0,
    },
}
for wide, width, letters in (("wider", 128, 100), ("widest", 192, 200)):
    CANDIDATES[wide] = CANDIDATES["hardly any dropout"] | {
        "network": LSTM(d_model=width, bidirectional="first"),
        "d_characters": letters,
    }
CHOSEN = "widest"


def judged(settings: dict[str, Any], part: str, most: int | None) -> str:
    words, tags = (own[:most] for own in sentences("wnut17"))
    if part == "wnut17_test":
        words, tags = (
            own + more for own, more in zip((words, tags), sentences("wnut17_dev"), strict=True)
        )
    started = time.perf_counter()
    model = TextTagger(**COMMON | settings).fit(words, tags)
    seconds = time.perf_counter() - started
    return f"entity F1 {model.score(*sentences(part)):.3f} after {seconds:.0f} s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["choose", "test"])
    parser.add_argument("--only", nargs="+", help="these candidates alone")
    parser.add_argument("--limit", type=int, help="so many sentences alone, to try the script")
    given = parser.parse_args()
    rows = CANDIDATES if given.what == "choose" else {CHOSEN: CANDIDATES[CHOSEN]}
    for name, settings in rows.items():
        for head in ("crf", "softmax"):
            if given.only is None or name in given.only:
                part = "wnut17_dev" if given.what == "choose" else "wnut17_test"
                told = judged(settings | {"head": head}, part, given.limit)
                print(f"{name}, {head}: {told}", flush=True)
