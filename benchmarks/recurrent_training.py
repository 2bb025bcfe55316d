"""How fast does a recurrent network train, in windows a second, against other libraries?

The first setting goes through `Forecaster.fit`; `--grid` adds other widths, batches, lookbacks and
channels against plain torch. The share of the GEMM limit is what the matrix products of the layer
alone would take at the rate of one large product in the same run.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from race import SETTINGS, footer, parser, race, table

FIRST = SETTINGS | {"rows": 8000, "steps": 240}
GRID = [{"units": 32}, {"units": 128}, {"batch": 32}, {"batch": 512}, {"lookback": 336}]
GRID += [{"channels": 7}]
GATES = {"lstm": 4, "gru": 3}


def gemm_rate() -> float:
    """Floating-point operations a second of one large product of matrices, float32."""
    from tsmodels.backend import ops

    a = ops.convert_to_tensor(np.random.default_rng(0).random((1536, 1536), dtype=np.float32))
    seconds = []
    for _ in range(15):
        started = time.perf_counter()
        ops.convert_to_numpy(ops.matmul(a, a))
        seconds.append(time.perf_counter() - started)
    return 2 * 1536**3 / statistics.median(seconds)


def main() -> None:
    libraries = ["tsmodels", "torch", "keras", "darts", "neuralforecast"]
    options = parser(__doc__, libraries)
    options.add_argument("--cell", default="lstm", choices=list(GATES))
    options.add_argument("--grid", action="store_true", help="other settings, against torch")
    options = options.parse_args()
    first = FIRST | {"cell": options.cell}
    runs = race("train", options.libraries, first, options)
    table(f"{options.cell.upper()} training {first}", "window", runs)
    flops = GATES[options.cell] * first["units"] * (first["units"] + first["channels"])
    flops *= 2 * 3 * first["lookback"]  # forward and twice that backward, a window
    rates = [r["work"] / r["wall"] for r in runs["tsmodels"]]
    limit = gemm_rate()
    share = statistics.median(rates) * flops / limit
    print(f"  share of the GEMM limit ({limit / 1e9:.0f} GFLOP/s): {share:.0%}")
    for change in GRID if options.grid else []:
        settings = first | change
        settings["steps"] = max(30, 120 * 128 // settings["batch"] * 96 // settings["lookback"])
        runs = race("train", ["tsmodels", "torch"], settings, options)
        table(f"{options.cell.upper()} training, {change}", "window", runs)
    footer(options)


if __name__ == "__main__":
    main()
