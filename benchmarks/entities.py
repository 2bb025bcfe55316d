"""Entities of WNUT 2017, without outside vectors: a chain of labels against labels one by one.

    entities.py choose      entity F1 on the validation part, for each candidate
    entities.py test        the test part by the settings that stand below, CRF and softmax

Learned from the training part alone; `choose` never opens the test part.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from tsmodels import GRU, LSTM, TextTagger, datasets

Sentences = tuple[list[list[str]], list[list[str]]]


def sentences(name: str) -> Sentences:
    """Words and tags of each sentence."""
    groups = datasets.load(name).groupby("sentence_id")
    return groups.token.agg(list).tolist(), groups.tag.agg(list).tolist()


COMMON = {"d_embedding": 64, "batch_size": 32, "learning_rate": 5e-3, "random_state": 0}
CANDIDATES: dict[str, dict[str, Any]] = {
    "gru": {"network": GRU(d_model=64)},
    "lstm, both ways": {"network": LSTM(d_model=64, bidirectional="first")},
    "lstm, both ways, longer": {
        "network": LSTM(d_model=64, bidirectional="first"),
        "epochs": 25,
        "token_dropout": 0.3,
    },
}
CHOSEN = "lstm, both ways"


def judged(settings: dict[str, Any], part: str, most: int | None) -> str:
    words, tags = (own[:most] for own in sentences("wnut17"))
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
