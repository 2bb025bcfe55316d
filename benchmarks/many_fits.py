"""Does the two hundredth fit of a process cost what the twentieth did, in time and in memory?

Every fit has a fresh estimator. Lookbacks alternate between `--shapes` numbers, two unless told:
compiled functions serve again where those are few, and never where they are as many as fits. The
early fits are numbers 20 to
40, the late ones the last 20; memory is the median of the process after each of them.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tsmodels import Forecaster


def resident() -> float:
    """MiB this process holds in memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def fit(number: int, y: np.ndarray, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds of one fit and forecast, and MiB afterwards."""
    lookback = 24 + number % options.shapes
    settings = {"horizon": 6, "lookback": lookback, "max_steps": options.steps}
    start = time.perf_counter()
    Forecaster(options.network, **settings, random_state=number).fit(y).predict()
    return time.perf_counter() - start, resident()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--network", default="lstm")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--shapes", type=int, default=2, help="lookbacks in turn (2)")
    options = parser.parse_args()
    if options.fits < 60:
        parser.error(f"--fits must be at least 60. Got {options.fits}.")
    y = 10 + np.sin(np.arange(600) * 2 * np.pi / 24)
    runs = [fit(number, y, options) for number in range(options.fits)]
    spans = {"early": runs[20:40], "late": runs[-20:]}
    table = pd.DataFrame(
        {
            name: {
                "seconds": statistics.median(seconds for seconds, _ in span),
                "MiB": statistics.median(memory for _, memory in span),
            }
            for name, span in spans.items()
        }
    )
    table["late / early"] = table["late"] / table["early"]
    print(f"{options.fits} fits of {options.network}, {options.steps} steps each", end="")
    print(f", lookbacks {options.shapes}")
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
