# %% [markdown]
# # What do they think of the film?
# Sentences of film reviews, half of them favourable: a network learns to tell, beside a logistic
# regression that it has to beat. The data, movie_reviews, are Pang and Lee's (2005); TSMODELS_DATA
# names the folder where they lie. Runs in about two minutes.

# %%
from tsmodels import TextClassifier, Tokens, datasets

reviews = datasets.load("movie_reviews")  # label, text, fold
known, new = reviews[reviews.fold > 0], reviews[reviews.fold == 0]
print(len(known), "sentences to learn from, for instance:", known.text.iloc[7])

# %% [markdown]
# Text is cut into word pieces; frequent pairs of neighbours are symbols too. An eighth of the
# sentences is held out to stop early by, and to choose how much of each goes into the answer.

# %%
tokens = Tokens(pairs=20_000, max_length=64)
model = TextClassifier(
    "lstm",
    tokens=tokens,
    batch_size=128,
    epochs=5,
    validation=0.12,
    blend="auto",
    random_state=0,
)
model.fit(known.text, known.label)
print("held out:", {name: round(score, 3) for name, score in model.validation_scores_.items()})
print(f"share of the network: {model.blend_:.2f}")
print(f"new sentences: {model.score(new.text, new.label):.3f}")

# %% [markdown]
# Which words did it? Each is hidden in turn.

# %%
for text in ["hardly a masterpiece", "a film that is never dull", new.text.iloc[3]]:
    parts = " ".join(f"{word} ({weight:+.2f})" for word, weight in model.explain(text, label=1))
    print(f"{model.predict_proba([text])[0, 1]:.2f} favourable: {parts}")
