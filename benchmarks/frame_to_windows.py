"""How long and how much memory from a long frame to windows ready for training?

CPU seconds are medians over repetitions; memory is the peak that numpy and Python allocate above
the frame, as a multiple of the frame.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc

import numpy as np
import pandas as pd

from tsmodels import make_windows


def long_frame(n_series: int, n_rows: int) -> pd.DataFrame:
    """Hourly series with text ids, one after the other."""
    stamps = pd.date_range("2024-01-01", periods=n_rows, freq="h").as_unit("us")
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"series_{i:05d}" for i in range(n_series)], n_rows),
            "ds": np.tile(stamps, n_series),
            "y": np.random.default_rng(0).standard_normal(n_series * n_rows),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    frame = long_frame(options.series, options.rows)
    size = frame.memory_usage(deep=True).sum()
    make_windows(frame.head(options.rows), 96, 24)  # imports

    seconds = []
    for _ in range(options.repeats):
        started = time.process_time()
        windows = make_windows(frame, 96, 24)
        seconds.append(time.process_time() - started)
    tracemalloc.start()
    windows = make_windows(frame, 96, 24)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    print(f"{options.series:,} series x {options.rows} rows, frame of {size / 1e6:.0f} MB")
    print(f"windows            {len(windows):,}")
    print(f"CPU seconds        {statistics.median(seconds):.2f} (of {options.repeats} runs)")
    print(f"peak / frame       {peak / size:.2f}")


if __name__ == "__main__":
    main()
