"""What backtests say of prices, exchange rates, temperatures and traffic, whatever it is.

One small network with the same settings for all sets, chosen before any of these figures; the
windows are the last ones of each series, and the network has seen no row of them.
"""

import argparse
import time

from tsmodels import Forecaster, backtest, datasets

SETS = {  # name: data set, columns, horizon, lookback, season, windows, rows between them
    "AAPL closes, 1 day": ("stocks_daily", ["AAPL"], 1, 32, 5, 250, 1),
    "AAPL closes, 5 days": ("stocks_daily", ["AAPL"], 5, 32, 5, 100, 5),
    "Exchange, 8 rates, 1 day": ("exchange_rate", None, 1, 32, 7, 250, 1),
    "Exchange, 8 rates, 24 days": ("exchange_rate", None, 24, 96, 7, 40, 24),
    "ETTh1, 7 channels, 24 h": ("etth1", None, 24, 168, 24, 60, 24),
    "METR-LA, 207 sensors, 1 h": ("metr_la_week", None, 12, 288, 288, 24, 12),
}


def frame_of(name: str, columns: list[str] | None):
    frame = datasets.load(name)
    if "unique_id" in frame:
        return frame if columns is None else frame[frame["unique_id"].isin(columns)]
    return frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="nlinear")
    network = parser.parse_args().network
    print(
        "| set | MASE | best baseline | skill | 95 % of skills | Diebold-Mariano p | copies | s |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    verdicts = []
    for title, (name, columns, horizon, lookback, season, n_windows, step) in SETS.items():
        started = time.perf_counter()
        model = Forecaster(
            network, horizon=horizon, lookback=lookback, season_length=season, random_state=0
        )
        result = backtest(model, frame_of(name, columns), n_windows=n_windows, step=step)
        best, (low, high) = result.best_baseline, result.skill_interval
        mase = result.scores["mase"]
        print(
            f"| {title} | {mase['yhat']:.3f} | {best} {mase[best]:.3f} | {result.skill:+.1%} | "
            f"{low:+.1%} to {high:+.1%} | {result.test.p:.3f} | {result.lag_copy or '-'} | "
            f"{time.perf_counter() - started:.0f} |",
            flush=True,
        )
        verdicts.append(f"- **{title}.** {result.verdict}")
    print()
    print("\n".join(verdicts))


if __name__ == "__main__":
    main()
