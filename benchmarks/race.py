"""Contestants in turn: each in a process and environment of its own, compared by medians.

A contestant is `contestants.py LIBRARY TASK SETTINGS` in some Python; it gets ready, then runs its
task whenever it is told to. All are given the same threads. A benchmark calls `race` and `table`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = ("torch", "neuralforecast", "darts")
# LSTM of 64 units, as in docs/performance.md
SETTINGS = {
    "cell": "lstm",
    "units": 64,
    "batch": 128,
    "lookback": 96,
    "horizon": 24,
    "channels": 1,
}


class Contestant:
    """A process that runs one task of one library as often as it is asked."""

    def __init__(self, library: str, task: str, settings: dict[str, Any], python: str) -> None:
        self.name = library
        command = [python, str(HERE / "contestants.py"), library, task, json.dumps(settings)]
        quiet = None if os.environ.get("RACE_DEBUG") else subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
        )
        self.versions = self._answer()["versions"]

    def run(self) -> dict[str, float]:
        """Wall and CPU seconds of one run, and its units of work."""
        assert self.process.stdin is not None
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.name} ended early; see its errors with RACE_DEBUG=1.")


def race(
    task: str, libraries: list[str], settings: dict[str, Any], options: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Runs of every library, in turn; the first of each does not count."""
    contestants = [
        Contestant(name, task, settings, options.peers if name in PEERS else sys.executable)
        for name in libraries
    ]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in libraries}
    try:
        for contestant in contestants:
            contestant.run()
        for _ in range(options.repeats):
            for contestant in contestants:
                runs[contestant.name].append(contestant.run())
    finally:
        for contestant in contestants:
            contestant.close()
    for contestant in contestants:
        options.versions.update(contestant.versions)
    return runs


def table(title: str, unit: str, runs: dict[str, list[dict[str, float]]]) -> None:
    """One line a library: median rate with its range, CPU, and the first library's advantage."""
    print(f"\n{title}")
    rates = {name: [r["work"] / r["wall"] for r in each] for name, each in runs.items()}
    base = statistics.median(next(iter(rates.values())))
    for name, each in runs.items():
        low, middle, high = min(rates[name]), statistics.median(rates[name]), max(rates[name])
        cpu = statistics.median(1e6 * r["cpu"] / r["work"] for r in each)
        print(
            f"  {name:16s} {middle:12,.1f} {unit}/s  ({low:,.1f} to {high:,.1f})"
            f"  CPU {cpu:10,.1f} us/{unit}  x{base / middle:5.2f}"
        )


def parser(description: str | None, libraries: list[str]) -> argparse.ArgumentParser:
    """What every race can be told."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--repeats", type=int, default=7, help="runs of each that count (7)")
    made.add_argument("--libraries", nargs="+", default=libraries)
    made.add_argument(
        "--peers",
        default=os.environ.get("TSMODELS_PEERS", sys.executable),
        help="the Python that has torch, neuralforecast and darts; see docs/performance.md",
    )
    made.set_defaults(versions={})
    return made


def footer(options: argparse.Namespace) -> None:
    """When, where and with what it was measured."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x.partition(":")[2] for x in info.read_text().splitlines() if "model name" in x]
        model = names[0].strip() if names else model
    versions = ", ".join(f"{name} {v}" for name, v in sorted(options.versions.items()))
    print(f"\n{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {model}; {versions}")
