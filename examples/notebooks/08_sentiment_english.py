# %% [markdown]
# # What do they think of the film?
#
# Is a sentence of a film review favourable or not? A small recurrent network learns to tell,
# beside a logistic regression over words and pairs of words, which is what it has to beat.
#
# **Needs** the data set `movie_reviews` in the folder that TSMODELS_DATA names: 10,662 sentences
# (Pang & Lee, 2005), half of them favourable.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tsmodels import GRU, TextClassifier, Tokens, datasets

reviews = datasets.load("movie_reviews")  # label (1 favourable), text, fold
known, new = reviews[reviews.fold > 0], reviews[reviews.fold == 0]
print(f"{len(known):,} sentences to learn from, {len(new):,} that stay unseen until the end")
for label, text in zip(known.label[:2], known.text[:2], strict=True):
    print(f"{label}: {text}")

# %% [markdown]
# ## The network
#
# Text is cut into words and pieces of words; frequent pairs of neighbours are symbols too, so
# that "not good" is something of its own. An eighth of the sentences is held out: to stop early
# by, and to choose how much of the network and how much of the regression goes into the answer
# (`blend="auto"`). What is printed is told right of those: by the network, by the regression
# (`baseline`), and by both together.

# %%
model = TextClassifier(
    GRU(d_model=32),
    tokens=Tokens(pairs=5_000, max_length=48),
    d_embedding=64,
    batch_size=128,
    epochs=3,
    validation=0.12,
    blend="auto",
    random_state=0,
)
model.fit(known.text, known.label)
print({name: f"{share:.1%}" for name, share in model.validation_scores_.items()})
print(f"share of the network in the answer: {model.blend_:.0%}")

# %% [markdown]
# ## How well?
#
# On the sentences that nobody has seen. The bars show two standard errors: with a thousand
# sentences a difference of one or two points may be chance.

# %%
by_words = model.baseline_.predict_proba(new.text.tolist())[:, 1] > 0.5
right = {
    "logistic regression": np.mean(by_words == new.label),
    "both together": model.score(new.text, new.label),
}
errors = [200 * np.sqrt(p * (1 - p) / len(new)) for p in right.values()]
fig, ax = plt.subplots(figsize=(8, 1.8), layout="constrained")
ax.barh(list(right), [100 * p for p in right.values()], xerr=errors, height=0.5)
ax.axvline(50, color="gray", ls=":")
ax.set(title="Unseen sentences told right", xlabel="% (50 is chance)", xlim=(45, 90))
plt.show()
print({name: f"{p:.1%}" for name, p in right.items()})

# %% [markdown]
# Together they are a little better than the regression alone, and the bars say that this may be
# chance. Most of the answer is the regression's: on ten thousand sentences counting words and
# pairs of words is hard to beat, and it trains in a second.
#
# ## Why?
#
# `explain` hides each word in turn, and says how much of the belief goes with it.

# %%
sentences = ["hardly a masterpiece", "a film that is never dull", "too long and not funny at all"]
fig, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
for ax, text, p in zip(axes, sentences, model.predict_proba(sentences)[:, 1], strict=True):
    words, weights = zip(*model.explain(text, label=1), strict=True)
    colours = ["tab:green" if weight > 0 else "tab:red" for weight in weights]
    ax.barh(range(len(words)), weights, color=colours)
    ax.set_yticks(range(len(words)), words)
    ax.invert_yaxis()
    ax.axvline(0, color="gray", lw=0.8)
    ax.set_title(f"{p:.0%} favourable")
    ax.set_xlabel("speaks for it, nats")
plt.show()

# %% [markdown]
# ## Where is it wrong?
#
# The sentences of which it was most sure, and wrong. 1 is favourable.

# %%
p = model.predict_proba(new.text)[:, 1]
surest = np.argsort(-np.abs(p - new.label.to_numpy()))[:4]
for i in surest:
    print(f"said {p[i]:.0%} favourable, is {new.label.iloc[i]}: {new.text.iloc[i]}")

# %% [markdown]
# These are hard for people too: praise for one thing to blame another, irony, a label that one
# could doubt. That the network misreads "never dull" above is another matter. It knows "dull",
# has met "never dull" too rarely, and no pair of words tells it what a negation does in general.
#
# `docs/text.md` has accuracies after longer training. Next: [the same in
# Chinese](09_sentiment_chinese.ipynb).
