"""What does fitting cost beyond the arithmetic? DLinear, batches of 8 windows, a thousand steps.

The arithmetic of a step is timed alone: gather, forward, backward, optimizer in one bare compiled
loop. What `fit` takes beyond that, set-up included, is its overhead.
"""

import argparse
import statistics
import time

import numpy as np
from race import footer, parser, race, table

SETTINGS = {"batch": 8, "lookback": 48, "horizon": 12, "channels": 1, "rows": 4000, "steps": 1000}


def arithmetic(options: argparse.Namespace) -> float:
    """Seconds of the bare loop."""
    from contestants import series

    from tsmodels.data.windows import make_windows
    from tsmodels.losses import resolve_loss
    from tsmodels.networks import DLinear
    from tsmodels.networks.assembly import forecast_model
    from tsmodels.training.batches import Layout
    from tsmodels.training.blueprint import Blueprint
    from tsmodels.training.compiled import Compiled
    from tsmodels.training.recipe import OptimizerPlan, Recipe

    shape = {"lookback": SETTINGS["lookback"], "horizon": SETTINGS["horizon"]}
    windows = make_windows(series(1, SETTINGS["rows"])[0, :, 0], **shape)
    compiled = Compiled(Blueprint.of(forecast_model, network=DLinear(revin=None), **shape))
    trainer = compiled.trainer(resolve_loss("mse"), OptimizerPlan.of(Recipe()), 1e-3)
    layout = Layout.of(windows, False)
    epochs = trainer.epochs(layout)
    arrays = epochs.arrays(layout.arrays(windows))
    steps, size = SETTINGS["steps"], SETTINGS["batch"]
    order = np.random.default_rng(0).integers(0, len(windows), steps * size).astype(np.int32)
    rates = np.full(steps, 1e-3, np.float32)
    epochs.train(arrays, order, size, rates)
    seconds = []
    for _ in range(options.repeats):
        started = time.perf_counter()
        epochs.train(arrays, order, size, rates)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    options = parser(__doc__, ["tsmodels", "keras"]).parse_args()
    runs = race("overhead", options.libraries, SETTINGS, options)
    table("Tiny steps", "window", runs)
    bare = arithmetic(options)
    print(f"\n  arithmetic alone {1e6 * bare / SETTINGS['steps']:.0f} us a step; beyond it")
    for name, each in runs.items():
        beyond = statistics.median(r["wall"] for r in each) - bare
        print(f"  {name:16s} {1e6 * beyond / SETTINGS['steps']:8.0f} us a step")
    footer(options)


if __name__ == "__main__":
    main()
