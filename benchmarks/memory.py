"""How much memory does training on many windows take beyond the frame?

A million windows of 96 rows, 1,000 series; the growth of the process above what it held when the
frame stood and everything was imported and compiled, at its peak.
"""

import argparse
import threading
import time
from pathlib import Path

from contestants import frame

from tsmodels import Forecaster


def resident() -> float:
    """MiB this process holds in memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1120)
    parser.add_argument("--network", default="mlp")
    options = parser.parse_args()
    settings = {"horizon": 24, "lookback": 96, "max_steps": 200, "validation": None}
    model = Forecaster(options.network, **settings, random_state=0)
    model.fit(frame(10, 400))
    data = frame(options.series, options.rows)
    windows = options.series * (options.rows - 119)
    before, peak, done = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], resident())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    model.fit(data)
    done.set()
    watcher.join()
    size = data.memory_usage(deep=True).sum() / 2**20
    print(f"{windows:,} windows of 96 rows; frame {size:.0f} MiB")
    print(f"as dense arrays they would take {windows * 120 * 4 / 2**20:,.0f} MiB")
    print(f"growth at the peak {peak[0] - before:.0f} MiB")


if __name__ == "__main__":
    main()
