# %% [markdown]
# # A batch job, with Dask
#
# Forecasts of many series, every night: a file says what is to be done, workers do it, what is
# done stays done, and what cannot be done is written down with its reason. Here it is 60 series
# on two workers of this machine; `address = "tcp://..."` in the same file takes a cluster. The
# data come with the package.

# %%
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from tsmodels import Forecaster, SeasonalNaive, datasets
from tsmodels.plotting import plot_forecast

folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## What a night brings
#
# Sixty hourly series of the M4 competition as one Parquet table, and, as in real life, a fault:
# somebody has delivered the rows of one series twice.

# %%
m4 = datasets.load("m4_hourly")
table = m4[m4.unique_id.isin(m4.unique_id.unique()[::7])]
twice = table[table.unique_id == "H8"].assign(y=lambda rows: rows.y + 1)
pd.concat([table, twice]).to_parquet(folder / "table.parquet", index=False)
print(f"{table.unique_id.nunique()} series, {len(table):,} rows")

# %% [markdown]
# ## One network
#
# It is fitted once, here on the rows before that fault, and kept in a file. Workers load it.

# %%
model = Forecaster("nlinear", horizon=48, lookback=168, season_length=24, scaler="seasonal_naive")
model.set_params(loss="mae", max_steps=600, batch_size=128, random_state=0)
model.fit(table).save(folder / "fitted.tsmodels")

# %% [markdown]
# ## Partitions
#
# The table is dealt to files, with all rows of a series in one of them. It may be larger than
# memory.


# %%
def tsmodels(*words):
    """A command as one types it in a shell, in the folder of the job."""
    print("$ tsmodels", *words)
    command = [sys.executable, "-m", "tsmodels", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    print(done.stdout.replace(f"{folder}/", ""), end="")
    print("exit code", done.returncode)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)


tsmodels(
    *("data", "partition", "table.parquet", "parts"),
    *("--id", "unique_id", "--time", "ds", "--partitions", "6"),
)

# %% [markdown]
# ## The job
#
# All of it is one file. Without the section `[run]` it would run here, one partition after
# another; the answers are the same.

# %%
job = """
[data]
path = "parts"

[forecaster]
load = "fitted.tsmodels"

[run]
engine = "dask"
workers = 2

[output]
folder = "out"
"""
(folder / "job.toml").write_text(job)
tsmodels("forecast", "job.toml")

# %% [markdown]
# Exit code 1 says that the job is done and that somebody has no answer. Who, and why:

# %%
failed = pd.read_csv(folder / "out" / "failed.csv")
for row in failed.itertuples():
    print(row.unique_id, row.partition, row.reason, sep="\n")

# %% [markdown]
# Its rows lie in `quarantine/`, to be mended; nobody else was held up. The manifest counts:

# %%
manifest = json.loads((folder / "out" / "manifest.json").read_text())
print({key: manifest[key] for key in ("complete", "partitions", "series")})

# %% [markdown]
# ## Stopped, and started again
#
# What stands is left as it is while its file, the model and the options are what they were.
# Suppose that a machine went down before the last file was written:

# %%
sorted((folder / "out" / "forecast").iterdir())[-1].unlink()
tsmodels("forecast", "job.toml", "--dry-run")

# %% [markdown]
# The same command would go on there, and end with the same bytes.
#
# ## Were the forecasts any good?
#
# The competition kept the next 48 hours. The forecasts that stand, beside a copy of the day
# before:

# %%
forecast = pd.read_parquet(folder / "out" / "forecast")
truth = datasets.load("m4_hourly_test")
answered = table[table.unique_id.isin(forecast.unique_id)]
copy = SeasonalNaive(horizon=48, season_length=24).fit(answered).predict()
scale = answered.groupby("unique_id").y.apply(lambda y: y.diff(24).abs().mean())
for name, frame in (("job", forecast), ("copy of yesterday", copy)):
    both = frame.merge(truth, on=["unique_id", "ds"])
    error = (both.y - both.yhat).abs().groupby(both.unique_id).mean()
    print(f"{name}: MASE {(error / scale).mean():.3f} over {len(error)} series")

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 4.2), layout="constrained")
shown = forecast.unique_id.unique()[[1, -1]].tolist()
plot_forecast(answered, forecast, ids=shown, truth=truth, n_history=168, axes=axes)
for ax in axes:
    ax.set_xlabel("hour")
plt.show()

# %% [markdown]
# A tenth better than the copy, which costs nothing; `nlinear` was trained for seconds. What a job
# adds is not accuracy but that every series has an answer or a reason in the morning.
#
# `docs/jobs.md` says what else a job can do: fit a network of its own for each group, read from
# S3, run on a cluster, and what each exit code means.
