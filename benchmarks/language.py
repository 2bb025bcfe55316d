"""tinyshakespeare, character by character: networks of about equal size, trained for equal minutes.

    language.py train --minutes 15        one row a network; models go to --folder
    language.py positions                 bits by the place in a text that is read from its middle
    language.py test                      bits per character of the test part, by the saved models

The first 90 % of the text are learned from, the next 5 % are the validation part, the last 5 % the
test part, which only `test` reads. Every network reads the text in one piece, except the
Transformer, which has windows of 100 characters that overlap by half.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from budget import steps_within
from drawing import draw_lines

import tsmodels
from tsmodels import LSTM, RWKV6, LanguageModel, Mamba, Tokens, Transformer, WindowMLP, datasets
from tsmodels.networks import TTTLinearNetwork

NETWORKS: dict[str, dict[str, Any]] = {
    "window MLP": {"network": WindowMLP(d_model=216, context=16)},
    "lstm": {"network": LSTM(d_model=128, n_layers=2, residual_from=2, dropout=0.1)},
    "rwkv": {"network": RWKV6(d_model=76, n_layers=2), "learning_rate": 6e-3},
    "mamba": {"network": Mamba(d_model=124, n_layers=2), "learning_rate": 6e-3},
    "ttt": {"network": TTTLinearNetwork(d_model=160, n_layers=2), "learning_rate": 6e-3},
    "transformer": {
        "network": Transformer(
            d_model=96, n_layers=2, dropout=0.0, causal_encoder=True, max_length=100
        ),
        "learning_rate": 3e-3,
    },
}
COMMON: dict[str, Any] = {"epochs": None, "random_state": 0}  # and the default rate, 5e-3
TOKENS = Tokens(kind="characters", lowercase=False, min_frequency=1)
PLACES = (1, 10, 25, 50, 100, 200, 400, 800)  # characters read before


def parts() -> tuple[str, str, str]:
    """Training, validation and test part: 90, 5 and 5 %."""
    text = datasets.load("tiny_shakespeare")["text"][0]
    first, second = int(0.9 * len(text)), int(0.95 * len(text))
    return text[:first], text[first:second], text[second:]


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '_')}.tsmodels"


def train(options: argparse.Namespace) -> None:
    known, held, _ = parts()
    vocabulary = TOKENS.learn([known])
    print("| network | parameters | minutes | steps | bits, validation | ms a character |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in options.only or NETWORKS:
        model = LanguageModel(**COMMON | NETWORKS[name], tokens=vocabulary)

        def fit(steps: int, model: LanguageModel = model) -> Any:
            return model.set_params(max_steps=steps).fit(known)

        steps = steps_within(options.minutes, fit)
        started = time.process_time()
        fit(steps)
        minutes = (time.process_time() - started) / 60
        model.save(path_of(options.folder, name))
        bits = model.bits_per_character(held)
        model.generate("\n", 2)  # compiles
        started = time.perf_counter()
        model.generate("\n", 300)
        ms = 1000.0 * (time.perf_counter() - started) / 300
        size = sum(w.size for w in model.weights_)
        cells = f"{size:,} | {minutes:.1f} | {steps:,} | {bits:.3f} | {ms:.1f}"
        print(f"| {name} | {cells} |", flush=True)


def positions(options: argparse.Namespace) -> None:
    """Mean bits of ten characters after so many others, over places of the validation part."""
    held = parts()[1]
    starts = np.linspace(0, len(held) - max(PLACES) - 11, options.places).astype(int)
    print("| network |", *(f"after {n} |" for n in PLACES))
    print("| --- |", *("---: |" for _ in PLACES))
    lines = {}
    for name in options.only or NETWORKS:
        model = tsmodels.load(path_of(options.folder, name))
        bits = []
        for n in PLACES:
            before = model.log_likelihood([held[s : s + n] for s in starts])
            after = model.log_likelihood([held[s : s + n + 10] for s in starts])
            bits.append(float((before - after).mean()) / 10 / math.log(2.0))
        print(f"| {name} |", *(f"{part:.3f} |" for part in bits), flush=True)
        lines[name] = bits
    if options.plot:
        places = [str(n) for n in PLACES]
        draw_lines(options.plot, places, lines, "characters read before", "bits a character")


def test(options: argparse.Namespace) -> None:
    held = parts()[2]
    print("| network | bits per character, test |")
    print("| --- | ---: |")
    for name in options.only or NETWORKS:
        bits = tsmodels.load(path_of(options.folder, name)).bits_per_character(held)
        print(f"| {name} | {bits:.3f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["train", "positions", "test"])
    parser.add_argument("--minutes", type=float, default=15.0, help="of a processor, each network")
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), help="these networks alone")
    parser.add_argument("--places", type=int, default=200, help="for positions")
    parser.add_argument("--folder", type=Path, default=Path("out/language"))
    parser.add_argument("--plot", type=Path, help="a PNG file, for positions")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    {"train": train, "positions": positions, "test": test}[given.what](given)
