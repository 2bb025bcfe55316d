# %% [markdown]
# # A network that knows what it does not know?
#
# In a Bayesian network a weight is a distribution, and a forecast is a sample: draw the weights,
# run the network, draw again. Where draws differ, the network is unsure. So it should be on days
# unlike any that it has seen. Is it? Taxi rides in New York, with Christmas and a blizzard, are a
# test; the data come with the package.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from tsmodels import BayesianCNNLSTM, Forecaster, MonteCarlo, backtest, datasets

plt.rcParams["date.converter"] = "concise"
taxi = datasets.load("nyc_taxi")

# %% [markdown]
# ## The network
#
# Convolutions, an LSTM, dropout, and a layer of Gaussian weights (Kingma, Salimans & Welling,
# 2015). `MonteCarlo` draws both, 40 times a forecast, and adds the errors on rows held out:
# unsure of its weights, and unsure of the world.

# %%
inner = Forecaster(
    BayesianCNNLSTM(d_model=16, pool_size=4),
    horizon=24,
    lookback=336,
    season_length=336,
    max_steps=700,
    random_state=0,
)
bayesian = MonteCarlo(inner, n_draws=40)

# %% [markdown]
# ## Sixty days
#
# From every noon and midnight of the last sixty days, twelve hours ahead, by a network fitted on
# the rows before. Beside it stands the same network without draws, its intervals made of its
# errors alone.

# %%
results = {
    name: backtest(model, taxi, n_windows=120, level=[80])
    for name, model in (("with draws", bayesian), ("errors alone", inner))
}
print(results["with draws"].verdict)
pd.DataFrame({name: result.intervals.loc[80] for name, result in results.items()}).T.round(3)

# %% [markdown]
# ## Ordinary days, and others
#
# Four of the days are like none before: Christmas, New Year, and two of a blizzard. A network
# that knows what it does not know has wider intervals there.

# %%
unlike = pd.to_datetime(["2014-12-25", "2015-01-01", "2015-01-26", "2015-01-27"])
rows = []
for name, result in results.items():
    frame = result.frame
    low, high = frame["yhat-lo-80"], frame["yhat-hi-80"]
    frame = frame.assign(width=high - low, held=frame.y.between(low, high))
    frame = frame.assign(error=(frame.y - frame.yhat).abs())
    days = frame.ds.dt.normalize().isin(unlike).map({True: "unlike", False: "ordinary"})
    means = frame.groupby(days)[["error", "width", "held"]].mean()
    rows.append(means.assign(intervals=name).set_index("intervals", append=True))
pd.concat(rows).rename_axis(["days", "intervals"]).sort_index().round(
    {"error": 0, "width": 0, "held": 2}
)

# %% [markdown]
# `error` and `width` are passengers in 30 minutes; `held` is the share of truths inside the
# interval of 80 %.

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 5), layout="constrained")
frame = results["with draws"].frame.tail(10 * 48)
axes[0].fill_between(
    frame.ds, frame["yhat-lo-80"], frame["yhat-hi-80"], alpha=0.3, label="80 %, with draws"
)
axes[0].plot(frame.ds, frame.yhat, label="forecast")
axes[0].plot(frame.ds, frame.y, color="black", lw=1, label="truth")
axes[0].set(title="The days of the blizzard, 26 and 27 January", ylabel="passengers in 30 min")
axes[0].legend(ncols=3, fontsize=8)
for name, result in results.items():
    width = result.frame["yhat-hi-80"] - result.frame["yhat-lo-80"]
    day = width.groupby(result.frame.ds.dt.normalize()).mean()
    axes[1].plot(day.index, day, label=name)
for date in unlike:
    axes[1].axvspan(date, date + pd.Timedelta(days=1), color="tab:red", alpha=0.2, lw=0)
axes[1].set(title="Mean width of a day; in red the days unlike any other", ylabel="passengers")
axes[1].set_ylim(bottom=0)
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# It does not know. Draws make the intervals wider by some 8 %, on ordinary days and on the others
# alike; on days unlike any other the error is more than twice as large, and four truths in ten
# are inside where eight were promised. The reason is in the windows: the network looks back at a
# week that was ordinary, and nothing in it says that tomorrow is Christmas. It is least sure on 2
# January, when the odd day has entered its window, one day late. A network can be unsure of what
# it sees, not of what it has not been told.
#
# The forecasts themselves are worse than a copy of last week, as the verdict says: seconds of
# training are too few for this network (`01_first_forecast` has one that is better). Draws have
# their use, and `docs/uncertainty.md` has figures of it; where an interval must hold, the tracked
# ones of `03_intervals` do.
#
# Next: [stocks, and what forecasts of them are worth](07_stocks_with_the_verdict.ipynb).
