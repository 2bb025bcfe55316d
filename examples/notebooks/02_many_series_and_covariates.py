# %% [markdown]
# # Many series, and what else is known
#
# One network can learn from hundreds of series at once, and it can be told more than their past:
# the calendar, holidays, other measurements. This notebook does both on data that come with the
# package, and looks at what each was worth. Not everything that is known helps.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from tsmodels import Forecaster, SeasonalNaive, backtest, datasets

# %% [markdown]
# ## 414 series, one network
#
# The hourly series of the M4 competition are of many kinds and sizes, from electricity to visits;
# `ds` counts hours. All rows stand in one frame, and `unique_id` tells the series apart.

# %%
m4 = datasets.load("m4_hourly")
m4.groupby("unique_id").y.agg(["size", "mean"]).describe().loc[["count", "min", "max"]].round(0)

# %% [markdown]
# `scaler="seasonal_naive"` divides each series by its own seasonal naive error, so that small and
# large ones count alike. `revin="season"` lets the network see each window relative to its last
# season, and the perceptron (`mlp`) learns shapes that are common to all.

# %%
model = Forecaster("mlp", horizon=48, lookback=168, season_length=24, random_state=0)
model.set_params(network__d_model=64, network__revin="season", scaler="seasonal_naive")
model.set_params(loss="mae", max_steps=800, batch_size=128)
model.fit(m4)
forecast = model.predict(level=[80])
print(f"{len(forecast):,} rows of {forecast.unique_id.nunique()} series")

# %% [markdown]
# The competition kept the next 48 hours of every series for its test. Three of the 414, in units
# that it does not tell:

# %%
truth = datasets.load("m4_hourly_test")
fig, axes = plt.subplots(3, 1, figsize=(8, 6), layout="constrained")
names = ["H1", "H200", "H400"]
model.plot(m4, level=[80], ids=names, truth=truth, n_history=168, axes=axes)
for ax in axes:
    ax.set_xlabel("hour")
plt.show()

# %% [markdown]
# `score` is minus MASE: the mean over all series, each error measured in the seasonal naive error
# of that series. The copy of yesterday stands beside it.

# %%
whole = pd.concat([m4, truth]).sort_values(["unique_id", "ds"])
copy = SeasonalNaive(horizon=48, season_length=24).fit(m4)
print(f"network {-model.score(whole):.3f}, copy of yesterday {-copy.score(whole):.3f}")

# %% [markdown]
# Better, but not by much: this network has trained for seconds. The job in
# `pipelines/m4_hourly.toml`, with a wider network and six times the training, is far ahead of the
# copy (`docs/accuracy.md`).
#
# ## The calendar and holidays
#
# Taxi rides in New York follow the week; the first of January does not. `calendar=True` tells the
# network the time of day and of week, of the past and of the hours to come, and `holidays` names
# days, past and future.

# %%
taxi = datasets.load("nyc_taxi")
holidays = ["2014-07-04", "2014-09-01", "2014-11-27", "2014-12-25", "2015-01-01", "2015-01-19"]
settings = dict(horizon=48, lookback=336, season_length=336, max_steps=300, random_state=0)
told = {
    "the past alone": {},
    "and the calendar": {"calendar": True},
    "and holidays": {"calendar": True, "holidays": holidays},
}
results = {
    name: backtest(Forecaster("nlinear", **settings, **extra), taxi, n_windows=60)
    for name, extra in told.items()
}
for name, result in results.items():
    print(f"{name}: {result.verdict}\n")

# %% [markdown]
# Each bar is the mean error of a day of the last 60, by what the network was told, beside a copy
# of last week.

# %%
mae = {name: result.scores.mae["yhat"] for name, result in results.items()}
mae["copy of last week"] = results["the past alone"].scores.mae["seasonal_naive"]
fig, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
bars = ax.barh(list(mae), list(mae.values()), color=["tab:blue"] * 3 + ["tab:gray"])
ax.bar_label(bars, fmt="%.0f", padding=4)
ax.invert_yaxis()
ax.set(title="One day ahead, 60 days", xlabel="mean absolute error, passengers in 30 minutes")
ax.margins(x=0.1)
plt.show()

# %% [markdown]
# The calendar takes off a tenth. Holidays add little: before the test there are three of them,
# too few to learn much from.
#
# ## Other measurements
#
# ETTh1 is two years of a power transformer, every hour: six loads, and the temperature of its oil
# (`OT`), which is what we ask for. Loads as *past covariates* are seen up to the cutoff; as
# *future covariates* they are known for the day ahead too, as if there were a schedule.

# %%
loads = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL"]
transformer = datasets.load("etth1").reset_index(names="ds").assign(unique_id="transformer")
settings = dict(target="OT", horizon=24, lookback=96, max_steps=400, random_state=0)
table = {}
for name, columns, extra in (
    ("the past of the oil", [], {}),
    ("and past loads", loads, {"past_covariates": loads}),
    ("and the loads to come", loads, {"future_covariates": loads}),
):
    oil = transformer[["unique_id", "ds", "OT", *columns]]
    result = backtest(Forecaster("nlinear", **settings, **extra), oil, n_windows=60)
    table[name] = {"MAE, degrees": result.scores.mae["yhat"], "skill": result.skill}
table["(last value repeated)"] = {"MAE, degrees": result.scores.mae["naive"], "skill": 0.0}
pd.DataFrame(table).T.round(3)

# %% [markdown]
# Loads of the past make it slightly *worse*: what they say of tomorrow the oil has already said,
# and the network has more to learn. Even the loads of the day itself help but little. A covariate
# is a hypothesis: try it, and let the backtest say.
#
# Where `future_covariates` are used in earnest, `predict` asks for them: `make_future_frame()`
# has the rows to be filled in.

# %%
model = Forecaster("nlinear", future_covariates=["HUFL"], **settings)
model.fit(transformer[["unique_id", "ds", "OT", "HUFL"]])
plan = model.make_future_frame().assign(HUFL=10.0)
model.predict(future=plan).head(3)

# %% [markdown]
# Next: [how sure is a forecast?](03_intervals.ipynb)
