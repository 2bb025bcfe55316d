# %% [markdown]
# # Mamba, RWKV and TTT, against length
#
# Attention compares every step with every other one: twice the length, four times the work.
# Mamba, RWKV and TTT carry a state along instead, of the same size whatever the length, and
# promise to be as good. This notebook looks at both halves of that promise: what length costs,
# and what it is good for. The data come with the package.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tsmodels import RWKV4, Forecaster, Mamba2, Transformer, backtest, datasets
from tsmodels.backend import keras
from tsmodels.networks import resolve

# %% [markdown]
# ## What length costs
#
# Four encoders of the same width read one sequence, of 512 and of 4,096 steps. Seconds depend on
# the machine, so each is drawn relative to its own time at 512 steps: on these axes a linear cost
# is a straight line of slope 1 at the most, and attention is twice as steep.

# %%
lengths = [512, 4096]
encoders = {
    "Transformer": Transformer(d_model=32, n_layers=1, n_heads=2),
    "Mamba-2": Mamba2(d_model=32, n_layers=1),
    "RWKV-4": RWKV4(d_model=32, n_layers=1),
    "TTT-Linear": resolve("ttt_linear", d_model=32, n_layers=1),
}


def cost(network, length):
    """The least of three times that one compiled pass takes, in seconds, after a first."""
    x = keras.Input((length, 32))
    model = keras.Model(x, network.encode(network.layers(), x).sequence)
    values = np.random.default_rng(0).normal(size=(2, length, 32)).astype("float32")
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        model.predict_on_batch(values)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


costs = {name: [cost(network, n) for n in lengths] for name, network in encoders.items()}

# %%
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, seconds in costs.items():
    ax.loglog(lengths, np.array(seconds) / seconds[0], "o-", label=name)
ax.loglog(lengths, np.array(lengths) / 512, ":", color="gray", label="linear")
ax.set(title="Time of one forward pass", xlabel="steps", ylabel="in units of that at 512 steps")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# Eight times the steps: attention takes far more than eight times as long (64 would be the square
# in full), the others about eight times, or less, where short sequences leave a processor idle.
# `docs/scaling.md` has seconds and memory, of more networks, up to 16,384 steps: linear is not the
# same as quick.
#
# ## What length is good for
#
# Taxi rides in New York, half a day ahead. Who sees one day knows the hour; who sees a week knows
# the same hour of the same day. A linear map and RWKV-4, with 48 and with 336 half hours to look
# at; the others take longer to train than a notebook should:

# %%
taxi = datasets.load("nyc_taxi")
settings = dict(horizon=24, season_length=336, max_steps=200, batch_size=32)
settings |= dict(learning_rate=3e-3, random_state=0)
rwkv = RWKV4(d_model=16, n_layers=1, revin="season")
networks = {"nlinear": resolve("nlinear"), "RWKV-4": rwkv}
table = {}
for name, network in networks.items():
    for lookback in (48, 336):
        model = Forecaster(network, lookback=lookback, **settings)
        result = backtest(model, taxi, n_windows=60)
        table[name, lookback] = result.scores.mae["yhat"]
table = pd.Series(table).unstack()
table.columns = ["one day seen", "a week seen"]
table.round(0)

# %%
copy = result.scores.mae["seasonal_naive"]
fig, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for number, column in enumerate(table):
    at = np.arange(len(table)) + 0.36 * number - 0.18
    ax.bar(at, table[column], width=0.34, label=column)
ax.axhline(copy, color="gray", ls=":", label=f"copy of last week, {copy:.0f}")
ax.set_xticks(range(len(table)), table.index)
ax.set(title="Taxi rides, half a day ahead, 30 days", ylabel="mean absolute error, passengers")
ax.legend(fontsize=8, loc="lower right")
plt.show()

# %% [markdown]
# The linear map gains from the week, and passes the copy of last week: it has a weight for each of
# the 336 half hours, that of the same hour a week ago among them. RWKV has a state, and would have
# to learn to keep that hour in it for six days and a half; in 200 batches it did not. A state that
# can remember is not yet one that does: reading far is cheap here, and learning to is not.
#
# With more batches it comes close: on the hourly rows of ETTh1 the squared error of RWKV-4 is an
# eighth above that of the best network (`docs/accuracy.md`).
#
# Next: [many series in the night, by a job](12_batch_job_with_dask.ipynb).
