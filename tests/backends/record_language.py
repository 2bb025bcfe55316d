"""Writes a language model and a translator into this folder, and what every backend must answer.

    KERAS_BACKEND=tensorflow python tests/backends/record_language.py

Old on purpose, like what `record.py` writes; see there when to run it again.
"""

import json
from pathlib import Path

from tsmodels import GRU, LanguageModel, Seq2Seq, Translator
from tsmodels.backend import keras

DATA = Path(__file__).parent / "data"
TEXT = "the cat sat on the mat. the dog lay on the log.\n" * 12
READ = ["the cat", "the dog lay on", "?!", "a log, a mat"]
NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier"}
SOURCES = [f"{a} and {b}" for a in NUMBERS for b in NUMBERS]
TARGETS = [f"{a} und {b}" for a in NUMBERS.values() for b in NUMBERS.values()]
COMMON = {"learning_rate": 0.03, "random_state": 0}


def models():
    """Fitted, by the names of their files."""
    writer = LanguageModel(GRU(d_model=12), length=12, batch_size=4, epochs=12, **COMMON)
    simple = Seq2Seq(d_model=8, bidirectional=False)
    settings = {"tokens": "words", "batch_size": 16, "length_buckets": 1, "epochs": 25, **COMMON}
    translator = Translator(simple, **settings)
    return {
        "writer": writer.fit(TEXT),
        "translator": translator.fit(SOURCES * 4, TARGETS * 4),
    }


def answers(model):
    """Numbers to a few digits, and texts."""
    if isinstance(model, LanguageModel):
        texts = [model.generate(text, 30, temperature=0.0) for text in READ]
        return {"numbers": model.log_likelihood(READ).tolist(), "texts": texts}
    found = model.predict(SOURCES[:6], num_beams=3, coverage_penalty=0.2, n_best=2)
    scores = [score for pairs in found for _, score in pairs]
    scores += model.log_likelihood(SOURCES, TARGETS).tolist()
    return {"numbers": scores, "texts": [text for pairs in found for text, _ in pairs]}


def main():
    assert keras.backend.backend() == "tensorflow"
    said = {}
    for name, model in models().items():
        model.save(DATA / f"{name}.tsmodels")
        said[name] = answers(model)
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (DATA / "language.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
