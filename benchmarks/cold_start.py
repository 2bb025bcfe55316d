"""From an empty process to forecasts: 1,000 series of 500 rows, five epochs of 200 batches.

Each run is a process of its own; imports, reading, training and forecasting are all in its time.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

from race import HERE, PEERS, SETTINGS, footer, parser

MANY = SETTINGS | {"rows": 500, "series": 1000, "steps": 1000}


def seconds(library: str, options: argparse.Namespace) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    python = options.peers if library in PEERS else sys.executable
    command = [python, str(HERE / "contestants.py"), library, "cold", json.dumps(MANY)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    quiet = None if os.environ.get("RACE_DEBUG") else subprocess.DEVNULL
    done = subprocess.run(
        command, input="run\n", text=True, stdout=subprocess.PIPE, stderr=quiet, check=True
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines[-1]["work"] == MANY["series"]
    options.versions.update(lines[0]["versions"])
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    options = parser(__doc__, ["tsmodels", "neuralforecast", "darts"]).parse_args()
    runs = {name: [] for name in options.libraries}
    for _ in range(options.repeats):
        for name in options.libraries:
            runs[name].append(seconds(name, options))
    base = statistics.median(wall for wall, _ in runs[options.libraries[0]])
    for name, each in runs.items():
        wall, cpu = (statistics.median(values) for values in zip(*each, strict=True))
        low, high = min(each)[0], max(each)[0]
        print(
            f"  {name:16s} {wall:7.1f} s  ({low:.1f} to {high:.1f})"
            f"  CPU {cpu:7.1f} s  x{wall / base:.2f}"
        )
    footer(options)


if __name__ == "__main__":
    main()
