# %% [markdown]
# # Stocks, with the verdict
#
# There are thousands of notebooks in which an LSTM follows the price of a share. This is one
# more, with the question that the others leave out: is the forecast any better than the last
# price?
#
# **Needs** the data set `stocks_daily` in the folder that TSMODELS_DATA names: daily closes of
# eight US shares, 2006 to 2017.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tsmodels import LSTM, Forecaster, backtest, check_data, datasets

plt.rcParams["date.converter"] = "concise"
shares = datasets.load("stocks_daily")
shares = shares[shares.ds >= "2012"]

# %% [markdown]
# ## The picture that convinces
#
# An LSTM sees 30 days, each relative to the last of them, and says the next close. A whole year
# of such forecasts, each made the day before, by a network fitted on the years up to then:

# %%
settings = dict(horizon=1, lookback=30, max_steps=500, random_state=0)
network = LSTM(d_model=16, revin="last")
result = backtest(Forecaster(network, **settings), shares, n_windows=250)
apple = result.frame[result.frame.unique_id == "AAPL"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for ax, rows in zip(axes, (apple, apple.tail(25)), strict=True):
    ax.plot(rows.ds, rows.y, color="black", lw=1.2, label="close")
    ax.plot(rows.ds, rows.yhat, color="tab:blue", lw=1.2, label="forecast of the day before")
    ax.set_ylabel("US dollars")
axes[0].set_title("AAPL, a year")
axes[1].set_title("its last 25 days")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# On the left the curves lie upon each other. On the right one sees why: the forecast is
# yesterday's price, drawn one day later.
#
# ## The verdict
#
# `backtest` puts the forecast beside the last price, and looks for copies of the past.

# %%
print(result.verdict)

# %% [markdown]
# ## Perhaps with returns?
#
# Prices have no fixed level, so a network should see relative steps: `transform="returns"` shows
# it those, and answers in prices. A linear map (`nlinear`) has fewer weights to be led astray by.

# %%
model = Forecaster("nlinear", transform="returns", **settings)
better = backtest(model, shares, n_windows=250, level=[80])
print(better.verdict)

# %% [markdown]
# In dollars the error looks small, since the price is always near the price of the day before.
# What would matter is the step. Forecast steps against true ones:

# %%
last = better.frame.naive
said = 100 * (better.frame.yhat / last - 1)
came = 100 * (better.frame.y / last - 1)
fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
ax.scatter(said, came, s=4, alpha=0.3, lw=0)
ax.axhline(0, color="gray", lw=0.6)
ax.axvline(0, color="gray", lw=0.6)
ax.set(title="Steps of eight shares on 250 days", xlabel="forecast, %", ylabel="what came, %")
ax.set_ylim(-6, 6)
plt.show()
right = np.mean(np.sign(said) == np.sign(came))
ups = np.mean(came > 0)
print(f"correlation {np.corrcoef(said, came)[0, 1]:+.3f}")
print(f"direction right on {right:.1%} of days; on {ups:.1%} the price rose")

# %% [markdown]
# The cloud has no direction. Whoever had said "up" every morning would have been right more often
# than the network. Five years of closes hold nothing that this network, or the one before, could
# use for the next day; that is what an efficient market would look like, and it is what
# `backtest` says in one line.
#
# ## What can be said
#
# How far prices move, if not where to. Intervals of 80 % for one day should hold four out of
# five:

# %%
low, high = better.frame["yhat-lo-80"], better.frame["yhat-hi-80"]
table = pd.DataFrame(
    {
        "unique_id": better.frame.unique_id,
        "share inside": better.frame.y.between(low, high),
        "width, % of the price": 100 * (high - low) / last,
    }
)
table.groupby("unique_id").mean().round(2)

# %% [markdown]
# They hold, and are a little too wide: the year that was asked about moved less than those
# before.
#
# `check_data` knows the symptom, before anything is trained:

# %%
report = check_data(shares)
print("\n".join(line for line in str(report).splitlines() if "walk" in line))

# %% [markdown]
# More in `docs/finance.md` and `docs/honesty.md`. Nothing here is advice to trade, except perhaps
# not to.
#
# Next: [sentiment](08_sentiment_english.ipynb).
