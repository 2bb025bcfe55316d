"""Writes fitted text estimators into this folder, and the probabilities every backend must give.

    KERAS_BACKEND=tensorflow python tests/backends/record_text.py

Old on purpose, like what `record.py` writes; see there when to run it again.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tsmodels import GRU, TextClassifier, TextTagger, Tokens, Transformer
from tsmodels.backend import keras

DATA = Path(__file__).parent / "data"
GOOD, BAD = ["fine", "good", "lovely", "很好"], ["dull", "bad", "awful", "不好"]
FILL = ["film", "plot", "the", "a", "酒店", "very"]
ODD = ["", "😀", "a film, 很好!", "qqq", "bad " * 50]
TINY = {"d_embedding": 6, "epochs": 12, "learning_rate": 0.02, "batch_size": 16, "random_state": 0}


def texts():
    """Forty texts, their labels, and the same as sentences with a tag for every word."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    words = [
        [*rng.choice(FILL, rng.integers(0, 9)), rng.choice(BAD if label else GOOD)]
        for label in labels
    ]
    sentences = [[str(word) for word in sentence] for sentence in words]
    tags = [["O" if word in FILL else "B-x" for word in sentence] for sentence in sentences]
    return [" ".join(sentence) for sentence in sentences], labels, sentences, tags


def classifiers():
    """A recurrence over words and pairs, attention over sub-words with a blend."""
    return {
        "text_gru": TextClassifier(
            GRU(d_model=4), tokens=Tokens(kind="words", min_frequency=1, pairs=9), **TINY
        ),
        "text_attention": TextClassifier(
            Transformer(d_model=4, n_layers=1, n_heads=2),
            tokens=Tokens(vocab_size=60, max_length=20),
            pooling="attention",
            blend=0.7,
            **TINY,
        ),
    }


def tagger():
    """A chain of labels over words and their characters."""
    return TextTagger(GRU(d_model=4), d_characters=4, **TINY)


def answers(model, name):
    """Probabilities as rows of a table: of texts, or of the words of sentences."""
    asked, _, sentences, _ = texts()
    asked = [*sentences[:9], ["", "😀", "qqq"]] if name == "text_tagger" else [*asked[:9], *ODD]
    rows = np.concatenate([np.atleast_2d(p) for p in model.predict_proba(asked)])
    return pd.DataFrame(rows).assign(model=name)


def main():
    assert keras.backend.backend() == "tensorflow"
    x, labels, sentences, tags = texts()
    said = []
    for name, model in classifiers().items():
        model.fit(x, labels).save(DATA / f"{name}.tsmodels")
        said.append(answers(model, name))
    model = tagger().fit(sentences, tags)
    model.save(DATA / "text_tagger.tsmodels")
    said.append(answers(model, "text_tagger"))
    pd.concat(said).to_csv(DATA / "probabilities.csv", index=False)


if __name__ == "__main__":
    main()
