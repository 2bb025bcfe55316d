"""How fast are the recurrent layers, beside those of Keras and torch?

One training step (forward, and the gradients of input and weights) and one inference call of a
single layer, on TensorFlow. The candidates take turns within every repetition; torch, if asked for
with `--torch python`, does so in a process of its own (`python` is an interpreter that has torch).
Wall-clock and CPU milliseconds are medians, with half the distance between quartiles; ratios are
those of the medians, base keras.layers.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
Setting = tuple[str, int, int, int, int]  # cell, units, batch, lookback, features
Steps = dict[str, Callable[[], object]]  # "train" and "infer"


def tensorflow_steps(module: str, setting: Setting) -> Steps:
    """The layer of that name in a module, compiled."""
    import tensorflow as tf

    cell, units, batch, lookback, features = setting
    layer = getattr(importlib.import_module(module), CELLS[cell])(units, return_sequences=True)
    layer.build((None, lookback, features))
    x = tf.random.stateless_normal((batch, lookback, features), (1, 2))
    weights = [weight.value for weight in layer.trainable_variables]

    @tf.function
    def train(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(layer(x, training=True) ** 2)
        return tape.gradient(loss, [x, *weights])  # all of them, or TensorFlow drops the rest

    infer = tf.function(lambda x: layer(x, training=False))
    return {"train": lambda: train(x)[-1].numpy(), "infer": lambda: infer(x).numpy()}


def torch_steps(setting: Setting) -> Steps:
    """torch.nn.LSTM, GRU or RNN."""
    import torch

    cell, units, batch, lookback, features = setting
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell]
    layer = kind(features, units, batch_first=True)
    x = torch.randn(batch, lookback, features, requires_grad=True)

    def train() -> object:
        (layer(x)[0] ** 2).mean().backward()
        return x.grad

    def infer() -> object:
        with torch.no_grad():
            return layer(x)[0]

    return {"train": train, "infer": infer}


def timed(step: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Wall-clock and CPU milliseconds a call, over about `seconds`; one call to warm up."""
    step()
    calls, started, used = 0, time.perf_counter(), time.process_time()
    while calls < 2 or time.perf_counter() - started < seconds:
        step()
        calls += 1
    spent = time.perf_counter() - started, time.process_time() - used
    return spent[0] / calls * 1e3, spent[1] / calls * 1e3


class Served:
    """The steps of torch in another process: a line asks for a measurement, a line answers."""

    def __init__(self, python: str, setting: Setting) -> None:
        arguments = [python, __file__, "--serve", json.dumps(setting)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True)

    def measure(self, mode: str, seconds: float) -> tuple[float, float]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps([mode, seconds]) + "\n")
        self.process.stdin.flush()
        wall, cpu = json.loads(self.process.stdout.readline())
        return wall, cpu

    def close(self) -> str:
        """Ends the process; the version of torch."""
        said, _ = self.process.communicate("\n")
        return said.strip()


def serve(setting: Setting) -> None:
    import torch

    steps = torch_steps(setting)
    for line in sys.stdin:
        if not line.strip():
            break
        mode, seconds = json.loads(line)
        print(json.dumps(timed(steps[mode], seconds)), flush=True)
    print(torch.__version__)


def compare(setting: Setting, options: argparse.Namespace) -> dict[str, dict[str, list]]:
    """Measurements (wall, CPU) by candidate and mode."""
    modules = {"tsmodels": "tsmodels.layers.recurrent", "keras": "keras.layers"}
    steps = {name: tensorflow_steps(module, setting) for name, module in modules.items()}
    other = Served(options.torch, setting) if options.torch else None
    names = [*steps, *(["torch"] if other else [])]
    found: dict[str, dict[str, list]] = {name: {"train": [], "infer": []} for name in names}
    for _, mode, name in itertools.product(range(options.repeats), ("train", "infer"), names):
        if name in steps:
            found[name][mode].append(timed(steps[name][mode], options.seconds))
        elif other:
            found[name][mode].append(other.measure(mode, options.seconds))
    if other:
        options.torch_version = other.close()
    return found


def shown(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:7.2f} ±{(high - low) / 2:5.2f}"


def table(setting: Setting, found: dict[str, dict[str, list]]) -> None:
    batch = setting[2]
    for name, mode in itertools.product(found, ("train", "infer")):
        wall, cpu = zip(*found[name][mode], strict=True)
        base = zip(*found["keras"][mode], strict=True)
        ratios = [
            statistics.median(b) / statistics.median(own)
            for b, own in zip(base, (wall, cpu), strict=True)
        ]
        rate = batch / statistics.median(wall) * 1e3
        cells = " ".join(f"{value!s:>5}" for value in setting)
        print(
            f"{cells}  {mode:5} {name:9} {shown(wall)}  {shown(cpu)}  {rate:8,.0f}"
            f"  {ratios[0]:5.2f}  {ratios[1]:5.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=["lstm", "gru"])
    parser.add_argument("--units", nargs="+", type=int, default=[32, 64, 128])
    parser.add_argument("--batch", nargs="+", type=int, default=[32, 128, 512])
    parser.add_argument("--lookback", nargs="+", type=int, default=[96, 336])
    parser.add_argument("--features", nargs="+", type=int, default=[0], help="0: as many as units")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--torch", help="a python that has torch")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(tuple(json.loads(options.serve)))

    os.environ["KERAS_BACKEND"] = "tensorflow"
    from tsmodels.layers import recurrent  # noqa: F401  imports Keras quietly

    print(" cell units batch    T     F  mode  of            wall ms          CPU ms", end="")
    print("   windows/s   x wall  x CPU")
    for cell, units, batch, lookback, features in itertools.product(
        options.cells, options.units, options.batch, options.lookback, options.features
    ):
        setting = (cell, units, batch, lookback, features or units)
        table(setting, compare(setting, options))
    names = ("tensorflow-cpu" if "cpu" in _tensorflow_name() else "tensorflow", "keras", "numpy")
    print(", ".join(f"{name} {version(name)}" for name in names), end="")
    print(f", torch {options.torch_version}" if options.torch else "")
    print(f"{_cpu()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")


def _tensorflow_name() -> str:
    from importlib.metadata import packages_distributions

    return packages_distributions()["tensorflow"][0]


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
