"""How much of a batch of texts is padding, and what a step costs: padded, in buckets, packed.

    text_padding.py [--steps 30]

For rt-polarity and ChnSentiCorp: word pieces, a Transformer of one layer, batches of 64 texts, one
training step by plain gradient descent (so that the update of the table of vectors hides nothing).
"padded": to the longest text there is. "buckets": batches of like lengths, as `length_buckets=4`
deals them. "packed": the texts of a batch in rows of the longest one, a mask of integers between
them. Seconds are those of the processor, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import functools
import os
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])

import numpy as np

from tsmodels import Tokens, Transformer, datasets
from tsmodels.backend import keras, ops
from tsmodels.data.packing import pack
from tsmodels.data.sequences import Sequences
from tsmodels.layers import SequencePooling
from tsmodels.networks.assembly import sequence_model
from tsmodels.networks.embedded import Embedded
from tsmodels.training.batches import Deck

BATCH, WIDTH, CLASSES = 64, 64, 2
DATA = {"rt-polarity": ("movie_reviews", 64), "ChnSentiCorp": ("chnsenticorp", 256)}
NETWORK = Transformer(d_model=WIDTH, n_layers=1, n_heads=4, dropout=0.0)


def read(name: str, most: int) -> tuple[Sequences, np.ndarray, int]:
    frame = datasets.load(name)
    vocabulary = Tokens(max_length=most).learn(frame.text)
    ids = vocabulary.encode(frame.text)
    sequences = Sequences.of(np.concatenate(ids)[:, None], np.array([len(part) for part in ids]))
    return sequences, frame.label.to_numpy(), len(vocabulary)


def padded_model(spec: Embedded, length: int) -> Any:
    return sequence_model(spec, shape=(length, 1), outputs=CLASSES, masked=True)


def packed_model(spec: Embedded, length: int) -> Any:
    """Rows of several texts, and where each text is, to logits a text."""
    shapes = {"sequence": (length, 1), "segments": (length,), "places": (length,)}
    inputs = {name: keras.Input(shape, name=name, dtype="int32") for name, shape in shapes.items()}
    inputs["observed"] = keras.Input((length,), name="observed")
    rows = spec.encode(spec.layers(), inputs["sequence"], inputs["segments"]).sequence
    steps = ops.take(ops.reshape(rows, (-1, WIDTH)), inputs["places"], axis=0)  # (N, T, D)
    pooled = SequencePooling("mean")(steps, mask=inputs["observed"] > 0.5)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(pooled))


def padded_batches(sequences: Sequences, steps: int) -> Iterator[tuple[Any, np.ndarray, float]]:
    """Inputs, texts and share of padding, batch after batch."""
    n, bucket = len(sequences), sequences.bucket
    order = Deck(n, BATCH, -(-n // BATCH), np.random.default_rng(0), bucket).deal()
    for index in np.split(order, range(BATCH, n, BATCH))[:steps]:
        length = sequences.length
        if bucket is not None:
            length = sequences.buckets[bucket[index].max()]
        dense = sequences.batch(index, masked=True)
        share = 1.0 - sequences.lengths[index].sum() / (len(index) * length)
        yield (
            {"sequence": dense.past[:, :length], "observed": dense.observed[:, :length]},
            index,
            share,
        )


def packed_batches(sequences: Sequences, steps: int) -> Iterator[tuple[Any, np.ndarray, float]]:
    """The same of batches whose texts are packed, all with as many rows as any of them needs."""
    batches = list(padded_batches(sequences, steps))
    packings = [pack(sequences.lengths[index], sequences.length) for _, index, _ in batches]
    most = max(map(len, packings))
    for (inputs, index, _), packing in zip(batches, packings, strict=True):
        more = ((0, most - len(packing)), (0, 0))
        places = np.pad(packing.places, ((0, 0), (0, sequences.length - packing.places.shape[1])))
        rows = {
            "sequence": np.pad(packing.packed(inputs["sequence"]), (*more, (0, 0))),
            "segments": np.pad(packing.segments, more),
            "places": places.astype(np.int32),
            "observed": inputs["observed"],
        }
        yield rows, index, 1.0 - packing.lengths.sum() / (most * packing.length)


def measured(make: Any, batches: list[Any], labels: np.ndarray) -> tuple[float, float]:
    """Mean share of padding and seconds of a step; a model for each length, traced before."""
    models = {}
    for inputs, index, _ in batches:
        length = inputs["sequence"].shape[1]
        if length not in models:
            models[length] = model = make(length)
            model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            model.train_on_batch(inputs, labels[index])
    seconds = []
    for inputs, index, _ in batches:
        started = time.process_time()
        models[inputs["sequence"].shape[1]].train_on_batch(inputs, labels[index])
        seconds.append(time.process_time() - started)
    return float(np.mean([share for _, _, share in batches])), float(np.mean(seconds))


def table(title: str, steps: int) -> None:
    sequences, labels, size = read(*DATA[title])
    spec, length = Embedded(network=NETWORK, size=size, d_embedding=WIDTH), sequences.length
    padded, packed = padded_model(spec, length), packed_model(spec, length)
    packed.set_weights(padded.get_weights())
    rows, _, _ = next(packed_batches(sequences, 1))
    inputs, _, _ = next(padded_batches(sequences, 1))
    gap = np.abs(np.subtract(*(np.asarray(m(x)) for m, x in ((padded, inputs), (packed, rows)))))
    assert gap.max() < 1e-5, gap.max()
    ways = {
        "padded": (padded_model, padded_batches(sequences, steps)),
        "buckets": (padded_model, padded_batches(sequences.bucketed(4), steps)),
        "packed": (packed_model, packed_batches(sequences, steps)),
    }
    for name, (make, batches) in ways.items():
        share, seconds = measured(functools.partial(make, spec), list(batches), labels)
        print(
            f"{title:14s}{name:9s} padding {share:6.1%}   a step {1000 * seconds:7.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=30, help="of each kind")
    given = parser.parse_args()
    for title in DATA:
        table(title, given.steps)
