"""10,000 series of 200 rows, a fitted LSTM: from a frame to the frame of forecasts.

The share outside the network is what `predict` takes beyond the same windows through the network
alone.
"""

import statistics
import time

import numpy as np
from race import SETTINGS, footer, parser, race, table

MANY = SETTINGS | {"rows": 200, "series": 10_000}


def outside(repeats: int) -> float:
    """The median share of `predict(frame)` that the network does not take."""
    from contestants import frame

    from tsmodels import LSTM, Forecaster

    data = frame(MANY["series"], MANY["rows"])
    model = Forecaster(LSTM(d_model=64), horizon=24, lookback=96, max_steps=2).fit(data)
    panel = model.to_panel(data)
    series = np.arange(panel.n_series)
    shares = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        model.forecast_at(panel, panel.offsets[1:], series, 24)
        network = time.perf_counter() - started
        started = time.perf_counter()
        model.predict(data)
        shares.append(1 - network / (time.perf_counter() - started))
    return statistics.median(shares[1:])


def main() -> None:
    options = parser(__doc__, ["tsmodels", "neuralforecast", "darts"]).parse_args()
    table("Frame in, frame out", "series", race("job", options.libraries, MANY, options))
    print(f"\nshare of the time outside the network: {outside(options.repeats):.0%}")
    footer(options)


if __name__ == "__main__":
    main()
