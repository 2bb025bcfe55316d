# %% [markdown]
# # Which day was that?
# Half-hourly taxi passengers in New York: a classifier learns from the course of a day whether it
# was a workday, and how much of a day it needs to see. Runs offline in under a minute.

# %%
import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score

from tsmodels import GRU, SequenceClassifier, SequenceTagger, datasets

taxi = datasets.load("nyc_taxi")  # unique_id, ds, y
date = taxi.ds.dt.normalize()
full = taxi.groupby(date).y.transform("size") == 48
days = taxi[full].y.to_numpy(float).reshape(-1, 48)  # (N, T)
dates = date[full].iloc[::48]
kind = np.where(dates.dt.day_of_week < 5, "workday", "weekend")
print(f"{len(days)} days of {days.shape[1]} half hours, {np.mean(kind == 'workday'):.0%} workdays")

# %% [markdown]
# Scaling is inside; every scikit-learn tool fits around. `class_weight` makes up for five workdays
# on two others.

# %%
model = SequenceClassifier(GRU(d_model=32), class_weight="balanced", epochs=30, random_state=0)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
print("whole days:", cross_val_score(model, days, kind, cv=folds).round(3))

# %% [markdown]
# The days it gets wrong are worth a look.

# %%
guess = cross_val_predict(model, days, kind, cv=folds)
for day, said in zip(dates[guess != kind], guess[guess != kind], strict=True):
    print(f"{day:%A, %d %B %Y} looks like a {said}")

# %% [markdown]
# Days may be of any length: here each ends at an hour of its own, and a list of arrays is all that
# takes. How much of a day is enough? The last 65 days, unseen so far, say.

# %%
ends = np.random.default_rng(0).integers(16, 49, len(days))
cut = [day[:end] for day, end in zip(days, ends, strict=True)]
model.fit(cut[:150], kind[:150])
for hour in (8, 12, 16, 24):
    score = model.score(list(days[150:, : 2 * hour]), kind[150:])
    print(f"until {hour}:00: {score:.3f}")

# %% [markdown]
# A label a step: was this half hour busier than the one before? A `SequenceTagger` answers in the
# form in which it was asked.

# %%
busier = [np.where(np.diff(day, prepend=day[0]) > 0, "up", "down") for day in cut]
tagger = SequenceTagger(GRU(d_model=16), epochs=30, random_state=0).fit(cut[:150], busier[:150])
print(f"steps right: {tagger.score(cut[150:], busier[150:]):.3f}")
print(tagger.predict(cut[150:151])[0][10:18].tolist())
