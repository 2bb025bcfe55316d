"""How do time and memory grow with the length of a sequence? One network a family, encoder alone.

Each network runs in a process of its own, compiled, over lengths in rising order: one sequence
(B=1) of width 64, forward and forward with backward. Time is the median of repeated runs after the
first; memory is how far the process has grown at its peak. The exponent is the slope of the log of
time over the log of length from 1,024 steps on: 1 is linear, 2 quadratic.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

NETWORKS = ["lstm", "tcn", "xlstm", "transformer", "conformer", "patchtst", "vit",
            "mamba", "mamba2", "rwkv4", "rwkv7", "ttt_linear", "ttt_mlp"]  # fmt: skip
LENGTHS = [96, 256, 1024, 4096, 16384]
WIDTH = 64
TOO_LARGE = 8000  # MiB: a length is left out where growth so far says it would take more
TOO_LONG = 60_000  # ms: likewise


def peak() -> float:
    """MiB the process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def runner(name: str, length: int, backward: bool):
    """A function that runs the network once over a sequence of `length` steps."""
    import tensorflow as tf

    from tsmodels.backend import keras
    from tsmodels.networks import resolve
    from tsmodels.networks.base import as_memory

    spec = resolve(name, d_model=WIDTH)
    inputs = keras.Input((length, WIDTH))
    model = keras.Model(inputs, as_memory(spec.encode(spec.layers(), inputs)).sequence)
    x = tf.constant(np.random.default_rng(0).standard_normal((1, length, WIDTH)), "float32")

    @tf.function
    def forward():
        return tf.reduce_sum(model(x, training=False))

    @tf.function
    def both():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x, training=True) ** 2)
        weights = [w.value for w in model.trainable_variables]
        return sum(tf.reduce_sum(g) for g in tape.gradient(loss, weights))

    return both if backward else forward


def measure(name: str, backward: bool, lengths: list[int], repeats: int) -> None:
    """Prints a line of JSON for each length until one would take too much."""
    import tsmodels.backend  # noqa: F401  what everything needs counts for nothing

    runner(name, 32, backward)()
    start, before = peak(), {"ms": 1.0, "MiB": 1.0}
    for length in lengths:
        run, seconds = runner(name, length, backward), []
        run()
        for _ in range(repeats):
            started = time.perf_counter()
            float(run())
            seconds.append(time.perf_counter() - started)
        found = {"ms": 1e3 * float(np.median(seconds)), "MiB": max(peak() - start, 1.0)}
        print(json.dumps({"length": length, **found}), flush=True)
        if length != lengths[0]:
            expected = {key: found[key] ** 2 / before[key] for key in found}
            if expected["MiB"] > TOO_LARGE or expected["ms"] > TOO_LONG:
                return
        before = found


def exponent(found: list[dict[str, float]]) -> float:
    """Slope of log time over log length from 1,024 steps on; NaN with fewer than two of them."""
    late = [f for f in found if f["length"] >= 1024]
    if len(late) < 2:
        return float("nan")
    lengths, times = ([np.log(f[key]) for f in late] for key in ("length", "ms"))
    return float(np.polyfit(lengths, times, 1)[0])


def table(results: dict[str, list[dict[str, float]]], lengths: list[int]) -> str:
    """The results as a table in Markdown, ms / MiB."""
    head = " | ".join(f"{n:,}" for n in lengths)
    lines = [f"| network | {head} | exponent |", "| --- |" + " ---: |" * (len(lengths) + 1)]
    for name, found in results.items():
        at = {f["length"]: f"{f['ms']:,.1f} / {f['MiB']:,.0f}" for f in found}
        cells = " | ".join(at.get(n, "-") for n in lengths)
        lines.append(f"| {name} | {cells} | {exponent(found):.2f} |")
    return "\n".join(lines)


def plot(results: dict[str, dict[str, list[dict[str, float]]]], path: Path) -> None:
    """Time over length, both axes logarithmic, a panel for each of the two directions."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(11, 5), sharey=True, squeeze=False)
    colours = plt.get_cmap("tab20").colors
    for axis, (title, of) in zip(axes[0], results.items(), strict=True):
        for colour, (name, found) in zip(colours, of.items(), strict=False):
            points = [f["length"] for f in found], [f["ms"] for f in found]
            axis.loglog(*points, marker="o", markersize=4, color=colour, label=name)
        axis.set(title=title, xlabel="length (steps)", xticks=LENGTHS)
        axis.set_xticklabels([f"{n:,}" for n in LENGTHS])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("time of one sequence (ms)")
    axes[0][-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="PNG file to draw time over length into")
    parser.add_argument("--child", choices=["forward", "both"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.networks[0], options.child == "both", options.lengths, options.repeats)
        return
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for child, title in (("forward", "forward"), ("both", "forward and backward")):
        for name in options.networks:
            command = [sys.executable, __file__, "--child", child, "--networks", name]
            command += ["--repeats", str(options.repeats)]
            command += ["--lengths", *map(str, options.lengths)]
            ended = subprocess.run(command, capture_output=True, text=True)
            found = [json.loads(x) for x in ended.stdout.splitlines() if x.startswith("{")]
            if ended.returncode:
                print(f"{name}, {title}: ended early, {ended.stderr.splitlines()[-1:]}")
            results.setdefault(title, {})[name] = found
        print(f"\n{title}: ms / MiB for one sequence, and exponent\n")
        print(table(results[title], options.lengths), flush=True)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
