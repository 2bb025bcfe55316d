# %% [markdown]
# # A first forecast
#
# How many people will ride a taxi in New York tomorrow? This notebook fits a small network, looks
# at its forecast, and asks whether that was worth the trouble. The data come with the package;
# everything runs in seconds, without a GPU and without the internet.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import tsmodels
from tsmodels import Forecaster, backtest, datasets

# %% [markdown]
# ## The data
#
# A frame has one row for each moment: which series (`unique_id`), when (`ds`), and the value
# (`y`). Here it is passengers in half an hour, from July 2014 to January 2015.

# %%
taxi = datasets.load("nyc_taxi")
taxi.tail(3)

# %% [markdown]
# The last three weeks. Days repeat, and so do weeks; the hole near the end is the blizzard of 26
# and 27 January 2015.

# %%
fig, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
recent = taxi.tail(21 * 48)
ax.plot(recent.ds, recent.y / 1000, lw=1)
ax.set(title="Taxi passengers in New York", ylabel="thousands in 30 minutes")
plt.show()

# %% [markdown]
# ## The forecast
#
# `horizon` is how far to look ahead: 48 half hours, one day. `lookback` is how much the network
# sees: 336 half hours, one week. `season_length` says what repeats: the week. `nlinear` is a
# single linear map from the week to the day (Zeng et al., 2023), the simplest network there is
# here. Scaling and early stopping happen inside.

# %%
model = Forecaster(
    "nlinear", horizon=48, lookback=336, season_length=336, max_steps=600, random_state=0
)
model.fit(taxi)
forecast = model.predict()
forecast.head(3)

# %% [markdown]
# These are the next rows after the data, with time stamps of their own. `level=[80]` adds
# intervals that should hold four values out of five; how wide they are was learned from errors on
# rows held out.

# %%
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
model.plot(taxi, level=[80], label="passengers in 30 minutes", n_history=336, axes=ax)
ax.set_title("Sunday, forecast from the week before", loc="left")
plt.show()

# %% [markdown]
# ## Is it any good?
#
# A forecast that looks right may still be no better than a copy of last week. `backtest` goes
# back to 60 earlier midnights, fits on what was known before the first of them, and forecasts the
# day after each. Beside it stand three forecasts that cost nothing: the last value (`naive`), the
# value of a week before (`seasonal_naive`), and the last value with its trend (`drift`).

# %%
result = backtest(model, taxi, n_windows=60)
result.scores.round(2)

# %% [markdown]
# MASE is the error in units of the seasonal naive error in the rows before; smaller is better. It
# is above 1 for all because December and January are harder than the months before. In words:

# %%
print(result.verdict)

# %% [markdown]
# The bracket matters as much as the number. On other sixty days the skill might have been
# anything in that range, and a p value near zero says that chance alone would hardly do as well.
#
# The last ten days, and how the error grows with the distance, in units of the naive error:

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 5.4), layout="constrained")
result.plot(label="passengers in 30 minutes", axes=axes)
axes[0].set_title("Ten of sixty forecasts of a day", loc="left")
axes[0].set_xlim(*result.frame.ds.iloc[[-480, -1]])
plt.show()

# %% [markdown]
# On the days of the blizzard it is wrong all day long: nothing in the week before says that it is
# coming. A network that knows only the past of a series cannot do better.
#
# ## Keep it
#
# One file holds weights, scales and the rows that the next forecast starts from.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "taxi.tsmodels"
    model.save(path)
    same = tsmodels.load(path)
print("same forecast:", same.predict().equals(forecast))

# %% [markdown]
# Next: [many series, and what else is known](02_many_series_and_covariates.ipynb).
