"""How fast are forecasts: of 10,000 windows at once, and of one series again and again?"""

import time

import numpy as np
from race import SETTINGS, footer, parser, race, table

MANY = SETTINGS | {"rows": 12_000, "windows": 10_000}


def latencies(calls: int) -> np.ndarray:
    """Milliseconds of `predict` for one series, warm."""
    from contestants import frame

    from tsmodels import LSTM, Forecaster

    one = frame(1, 500)
    model = Forecaster(LSTM(d_model=64), horizon=24, lookback=96, max_steps=2).fit(one)
    times = []
    for _ in range(calls + 5):
        started = time.perf_counter()
        model.predict()
        times.append(time.perf_counter() - started)
    return 1e3 * np.array(times[5:])


def main() -> None:
    options = parser(__doc__, ["tsmodels", "torch", "keras", "darts"])
    options.add_argument("--cell", default="lstm", choices=["lstm", "gru"])
    options = options.parse_args()
    settings = MANY | {"cell": options.cell}
    runs = race("predict", options.libraries, settings, options)
    table(f"{options.cell.upper()} inference", "window", runs)
    p50, p99 = np.percentile(latencies(500), [50, 99])
    print(f"\npredict() of one warm series: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    footer(options)


if __name__ == "__main__":
    main()
