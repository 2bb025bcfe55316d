# %% [markdown]
# # A first forecast
# Taxi passengers in New York, every half hour: the next two days, and whether the forecast is worth
# its trouble. Runs offline in under a minute.

# %%
from pathlib import Path

from tsmodels import Forecaster, backtest, datasets

taxi = datasets.load("nyc_taxi")  # unique_id, ds, y
print(taxi.tail(3).to_string(index=False))

# %% [markdown]
# The network sees two weeks and answers with two days. Windows, scaling and early stopping are
# inside.

# %%
model = Forecaster("nlinear", horizon=96, lookback=672, random_state=0).fit(taxi)
forecast = model.predict()
print(forecast.head(3).to_string(index=False))

# %% [markdown]
# Is it better than repeating yesterday? A backtest asks from five earlier moments, and always
# beside the naive forecasts.

# %%
result = backtest(model, taxi, n_windows=5)
print(result.scores.round(3).to_string())
print(result.verdict)

# %%
axes = model.plot(taxi.tail(480), label="passengers in 30 minutes")
folder = Path("out")
folder.mkdir(exist_ok=True)
axes[0].figure.savefig(folder / "first_forecast.png", dpi=120)
