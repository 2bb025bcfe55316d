"""Multi30k, German to English: networks with decoders, trained for equal minutes.

    translation.py train --minutes 30               one row a network; models go to --folder
    translation.py train --steps 6000               the same for so many steps, as on a GPU
    translation.py sweep --network gnmt             penalties of the search, on the validation part
    translation.py lengths                          BLEU by the length of the source
    translation.py test                             the test part (test2016), by the saved models
    translation.py int8                             size and BLEU of the saved models in int8

Only `test` reads the test part; everything else is judged on the validation part. BLEU is that of
sacrebleu (tokenisation 13a, with capital letters). Word pieces, 3,000 a language, learned from the
training part.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu
from budget import steps_within
from drawing import draw_lines

import tsmodels
from tsmodels import GNMT, Seq2Seq, Tokens, Transformer, Translator, datasets

NETWORKS: dict[str, dict[str, Any]] = {
    "seq2seq without attention": {"network": Seq2Seq(d_model=192, attention="none")},
    "seq2seq": {"network": Seq2Seq(d_model=192)},
    "gnmt": {"network": GNMT(d_model=160, n_layers=2)},
    "transformer": {"network": Transformer(d_model=128, n_layers=2), "learning_rate": 1.5e-3},
}
COMMON: dict[str, Any] = {
    "embedding_dropout": 0.2,
    "head_dropout": 0.2,
    "learning_rate": 5e-3,
    "batch_size": 64,
    "length_buckets": 8,
    "epochs": None,
    "random_state": 0,
}
TOKENS = Tokens(vocab_size=3000, min_frequency=2, lowercase=False)
LENGTHS = (0, 8, 11, 14, 18, 100)  # source words: bounds of the groups
ALPHAS, BETAS = (0.0, 0.3, 0.6, 1.0), (0.0, 0.2, 0.4)  # of the length and the coverage penalty
UNCOVERED = 0.5  # a source token with less attention in all is not covered


def part(name: str) -> tuple[list[str], list[str]]:
    """Source and target sentences."""
    frame = datasets.load(name)
    return frame["de"].tolist(), frame["en"].tolist()


def bleu(found: list[str], truths: list[str]) -> float:
    return sacrebleu.corpus_bleu(found, [truths]).score


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '_')}.tsmodels"


def translated(model: Translator, sources: list[str], **how: Any) -> tuple[list[str], float]:
    """Translations, and the milliseconds of one."""
    model.predict(sources[:2], **how)  # compiles
    started = time.perf_counter()
    found = model.predict(sources, **how)
    return found, 1000.0 * (time.perf_counter() - started) / len(sources)


def train(options: argparse.Namespace) -> None:
    sources, targets = part("multi30k")
    others, truths = (texts[: options.sentences] for texts in part("multi30k_val"))
    vocabularies = TOKENS.learn(sources), TOKENS.learn(targets)
    print("| network | parameters | minutes | steps | nats a token | greedy | beam 4 | ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in options.only or NETWORKS:
        model = Translator(**COMMON | NETWORKS[name], tokens=vocabularies)

        def fit(steps: int, model: Translator = model) -> Any:
            return model.set_params(max_steps=steps).fit(sources, targets)

        steps = options.steps or steps_within(options.minutes, fit, more=250)
        clock = time.perf_counter if options.steps else time.process_time
        started = clock()
        fit(steps)
        minutes = (clock() - started) / 60
        model.save(path_of(options.folder, name))
        greedy, _ = translated(model, others, num_beams=1)
        best, ms = translated(model, others)
        cells = [f"{sum(w.size for w in model.weights_):,}", f"{minutes:.1f}", f"{steps:,}"]
        cells += [f"{-model.score(others, truths):.3f}"]
        cells += [f"{bleu(found, truths):.1f}" for found in (greedy, best)]
        print(f"| {name} | {' | '.join(cells)} | {ms:.0f} |", flush=True)


def uncovered(model: Translator, sources: list[str], found: list[str]) -> float:
    """The share of source tokens that hardly any attention went to."""
    lacking = [
        (model.align(source, text)[2].sum(axis=0) < UNCOVERED)
        for source, text in zip(sources, found, strict=True)
    ]
    return float(np.concatenate(lacking).mean())


def sweep(options: argparse.Namespace) -> None:
    model = tsmodels.load(path_of(options.folder, options.network))
    sources, truths = (texts[: options.sentences] for texts in part("multi30k_val"))
    print("| beams | length penalty | coverage penalty | BLEU | uncovered | words |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    scores: dict[str, list[float]] = {}
    for beams, alpha, beta in [(1, 0.0, 0.0), *((4, a, b) for b in BETAS for a in ALPHAS)]:
        how = {"num_beams": beams, "length_penalty": alpha, "coverage_penalty": beta}
        found = model.predict(sources, **how)
        words = np.mean([len(text.split()) for text in found])
        share = f"{100 * uncovered(model, sources, found):.1f} %"
        score = bleu(found, truths)
        if beams > 1:
            scores.setdefault(f"coverage penalty {beta}", []).append(score)
        print(f"| {beams} | {alpha} | {beta} | {score:.2f} | {share} | {words:.1f} |", flush=True)
    if options.plot:
        draw_lines(options.plot, ALPHAS, scores, "length penalty", "BLEU, beam of 4")


def lengths(options: argparse.Namespace) -> None:
    sources, truths = (texts[: options.sentences] for texts in part("multi30k_val"))
    group = np.searchsorted(LENGTHS, [len(text.split()) for text in sources]) - 1
    groups = [np.flatnonzero(group == i) for i in range(len(LENGTHS) - 1)]
    names = [f"{a + 1} to {b} words" for a, b in zip(LENGTHS[:-1], LENGTHS[1:], strict=True)]
    print("| network |", *(f"{name} ({len(g)}) |" for name, g in zip(names, groups, strict=True)))
    print("| --- |", *("---: |" for _ in groups))
    lines = {}
    for name in options.only or NETWORKS:
        found = tsmodels.load(path_of(options.folder, name)).predict(sources)
        lines[name] = [bleu([found[i] for i in g], [truths[i] for i in g]) for g in groups]
        print(f"| {name} |", *(f"{score:.1f} |" for score in lines[name]), flush=True)
    if options.plot:
        draw_lines(options.plot, names, lines, "length of the source", "BLEU")


def test(options: argparse.Namespace) -> None:
    sources, truths = part("multi30k_test")
    print("| network | BLEU, beam 4 | ms a sentence |")
    print("| --- | ---: | ---: |")
    for name in options.only or NETWORKS:
        found, ms = translated(tsmodels.load(path_of(options.folder, name)), sources)
        print(f"| {name} | {bleu(found, truths):.1f} | {ms:.0f} |", flush=True)


def int8(options: argparse.Namespace) -> None:
    sources, truths = (texts[: options.sentences] for texts in part("multi30k_val"))
    print("| network | BLEU | BLEU, int8 | file, MB | file, int8, MB | quantised part |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in options.only or NETWORKS:
        path = path_of(options.folder, name)
        model = tsmodels.load(path)
        smaller = model.quantized(sources[:200], truths[:200])
        other = path.with_suffix(".int8")
        smaller.save(other)
        scores = [bleu(m.predict(sources), truths) for m in (model, smaller)]
        sizes = [file.stat().st_size / 1e6 for file in (path, other)]
        cells = [f"{score:.2f}" for score in scores] + [f"{size:.2f}" for size in sizes]
        share = f"{100 * smaller.quantization_['size']:.1f} %"
        print(f"| {name} | {' | '.join(cells)} | {share} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["train", "sweep", "lengths", "test", "int8"])
    parser.add_argument("--minutes", type=float, default=30.0, help="of a processor, each network")
    parser.add_argument("--steps", type=int, help="not minutes; minutes shown are of the clock")
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), help="these networks alone")
    parser.add_argument("--network", default="seq2seq", choices=list(NETWORKS), help="for sweep")
    parser.add_argument("--sentences", type=int, default=1014, help="of the validation part")
    parser.add_argument("--folder", type=Path, default=Path("out/translation"))
    parser.add_argument("--plot", type=Path, help="a PNG file, for sweep and lengths")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    modes = {"train": train, "sweep": sweep, "lengths": lengths, "test": test, "int8": int8}
    modes[given.what](given)
