# %% [markdown]
# # How sure is a forecast?
#
# A single number hides how far off it may be. This notebook makes intervals in three ways and
# checks whether they hold what they promise. The last weeks of the data are a hard test:
# Christmas, New Year and a blizzard. Everything comes with the package and runs in seconds.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from tsmodels import AdaptiveConformal, Forecaster, SeasonalNaive, backtest, datasets
from tsmodels.plotting import plot_backtest

# %%
taxi = datasets.load("nyc_taxi")
settings = dict(horizon=48, lookback=336, season_length=336, max_steps=400, random_state=0)

# %% [markdown]
# ## Three ways
#
# 1. **Errors of the past.** Any forecaster has been wrong on rows held out; its errors there,
#    step by step, say how wide an interval must be (split conformal prediction).
# 2. **Quantiles.** The network itself learns the values below which 10, 50 and 90 % lie, so that
#    an interval may be wide at noon and narrow at night.
# 3. **Tracking.** `AdaptiveConformal` goes around either and learns from every truth that
#    arrives: too many misses make the next intervals wider, too few narrower.
#
# A copy of last week, with intervals made of its own errors, is what they are held against.

# %%
quantiles = Forecaster("nlinear", quantile_levels=[0.1, 0.9], **settings)
ways = {
    "copy of last week": SeasonalNaive(horizon=48, season_length=336),
    "errors of the past": Forecaster("nlinear", **settings),
    "quantiles": quantiles,
    "quantiles, tracked": AdaptiveConformal(quantiles),
}

# %% [markdown]
# ## Tomorrow
#
# `predict(level=[80])` adds two columns, the ends of an interval of 80 %.

# %%
model = quantiles.fit(taxi)
model.predict(level=[80]).head(3)

# %%
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
model.plot(taxi, level=[80], n_history=144, label="passengers in 30 minutes", axes=ax)
ax.set_title("Sunday, with learned quantiles", loc="left")
plt.show()

# %% [markdown]
# ## Do they hold?
#
# Sixty days, each forecast from the midnight before, by a model fitted on the rows before all of
# them. An interval of 80 % should contain 80 % of the truths. Coverage alone is not enough, since
# a very wide interval holds everything: `width` is how wide they are, and the Winkler score
# charges for width and for misses together (both in seasonal naive errors; smaller is better).

# %%
results = {name: backtest(way, taxi, n_windows=60, level=[80]) for name, way in ways.items()}
pd.DataFrame({name: result.intervals.loc[80] for name, result in results.items()}).T.round(2)

# %% [markdown]
# The copy of last week promises far too much. The errors of the past come near 80 %; the
# quantiles, after so short a training, are too wide, and the tracked ones hold almost exactly.
# Yet the Winkler score is best for the errors of the past: holding on average is one thing, and
# being narrow at the right moments is another. (`docs/uncertainty.md` has five data sets, and
# longer training.)
#
# Coverage week by week tells more than the average:

# %%
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for name in ("errors of the past", "quantiles", "quantiles, tracked"):
    rows = results[name].frame
    held = rows.y.between(rows["yhat-lo-80"], rows["yhat-hi-80"])
    week = held.groupby(rows.ds.dt.to_period("W").dt.start_time).mean() * 100
    ax.plot(week.index, week, "o-", ms=4, label=name)
ax.axhline(80, color="gray", ls=":", label="promised")
ax.set(title="Values inside the interval of 80 %", ylabel="% of a week", xlabel="week from")
ax.set_ylim(0, 100)
ax.legend(loc="lower left", fontsize=8)
ax.tick_params(axis="x", labelsize=8)
plt.show()

# %% [markdown]
# The errors of the past hold 95 % of a quiet week and 60 % of Christmas, and these cancel out.
# The tracked intervals stay near 80 % all the time. How they do it shows in the last ten days:
# the blizzard of the 27th is missed, and from then on they are wide. They know nothing of
# passengers, so they reach below zero; below, the error of their middle, step by step.

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 5.2), layout="constrained")
plot_backtest(results["quantiles, tracked"].frame, label="passengers in 30 min", axes=axes)
axes[0].set_title("Tracked quantiles, 80 %", loc="left")
axes[0].set_xlim(*rows.ds.iloc[[-480, -1]])
plt.show()

# %% [markdown]
# ## Paths
#
# An interval speaks of one moment at a time. Whoever needs a sum, or the worst hour of a day,
# needs whole futures: `simulate` draws paths whose steps go together. Here are 200 Sundays, and
# what they say of the number of passengers on the whole day.

# %%
paths = model.simulate(n_paths=200, random_state=0)
paths.head(2)

# %%
total = paths.groupby("path").yhat.sum() / 1000
fig, ax = plt.subplots(figsize=(8, 2.4), layout="constrained")
ax.hist(total, bins=25, color="tab:blue")
ax.axvline(model.predict().yhat.sum() / 1000, color="black", lw=1, label="sum of the forecasts")
ax.set(title="Passengers of a day, 200 paths", xlabel="thousands", ylabel="paths")
ax.legend()
plt.show()

# %% [markdown]
# Next: [which network?](04_which_network.ipynb)
