# %% [markdown]
# # Would they come again?
# Reviews of Chinese hotels, two thirds of them favourable. Chinese has no blanks: every character
# is a token, and so is every frequent pair of them, 不好 as well as 好. The data are
# hotel_reviews_zh, in the folder that TSMODELS_DATA names. Runs in about two minutes.

# %%
from sklearn.model_selection import train_test_split

from tsmodels import TextClassifier, Tokens, datasets

reviews = datasets.load("hotel_reviews_zh")  # label, text
known, new = train_test_split(reviews, test_size=0.2, stratify=reviews.label, random_state=0)
tokens = Tokens(pairs=30_000, max_length=200)

# %% [markdown]
# `class_weight` makes up for the favourable majority; the words that matter are shown by hiding
# each in turn.

# %%
model = TextClassifier(
    "gru",
    tokens=tokens,
    batch_size=128,
    epochs=5,
    class_weight="balanced",
    random_state=0,
)
model.fit(known.text, known.label)
print(f"new reviews: {model.score(new.text, new.label):.3f}")
for text in ["房间不好", "房间不错", "服务很差，不会再来了"]:
    parts = " ".join(f"{word} ({weight:+.2f})" for word, weight in model.explain(text, label=1))
    print(f"{model.predict_proba([text])[0, 1]:.2f} favourable: {parts}")

# %% [markdown]
# A file holds all of it, the vocabulary included: `model.save("hotels")`; `tsmodels.load` reads it.
