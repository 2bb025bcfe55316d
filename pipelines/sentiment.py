"""Learns labels of texts from a CSV file, says how well, saves the model; or labels another file.

sentiment.py fit reviews.csv model        columns text and label
sentiment.py label more.csv model         writes more.labelled.csv
"""

import argparse
from pathlib import Path

import pandas as pd

from tsmodels import TextClassifier, Tokens, load

TOKENS = Tokens(pairs=20_000, max_length=200)


def fit(table: pd.DataFrame, path: str) -> None:
    model = TextClassifier(
        "lstm",
        tokens=TOKENS,
        batch_size=128,
        epochs=5,
        validation=0.1,
        blend="auto",
        random_state=0,
        verbose=1,
    )
    model.fit(table.text, table.label).save(path)
    for name, score in model.validation_scores_.items():
        print(f"{name}: {score:.3f} of {len(model.held_out_)} texts held out")


def label(table: pd.DataFrame, path: str) -> pd.DataFrame:
    model = load(path)
    chances = model.predict_proba(table.text)
    return table.assign(
        label=model.classes_[chances.argmax(axis=1)], probability=chances.max(axis=1)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["fit", "label"])
    parser.add_argument("source", type=Path, help="the CSV file")
    parser.add_argument("model", help="where the model is, or will be")
    options = parser.parse_args()
    frame = pd.read_csv(options.source, keep_default_na=False)
    if options.what == "fit":
        fit(frame, options.model)
    else:
        target = options.source.with_suffix(".labelled.csv")
        label(frame, options.model).to_csv(target, index=False)
        print(target)
