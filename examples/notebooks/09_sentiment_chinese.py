# %% [markdown]
# # 他们还会再来吗? Would they come again?
#
# Reviews of Chinese hotels, told favourable or not. Chinese writes no blanks
# between words: every character is a token, and so is every frequent pair of them,
# 不好 ("not good") as well as 好 ("good"). Nothing else differs from English.
#
# **Needs** the data set `hotel_reviews_zh` in the folder that TSMODELS_DATA names: 7,765 reviews,
# two thirds of them favourable.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from tsmodels import GRU, TextClassifier, Tokens, datasets
from tsmodels.plotting.style import fonts

reviews = datasets.load("hotel_reviews_zh")  # label (1 favourable), text
known, new = train_test_split(reviews, test_size=0.2, stratify=reviews.label, random_state=0)
known = known.head(4000)
print(
    f"{len(known):,} reviews to learn from, {len(new):,} unseen, {new.label.mean():.0%} favourable"
)
for text in known.text[known.text.str.len() < 40].head(2):
    print(text)

# %% [markdown]
# Drawings need a font that has the characters, Noto Sans CJK for instance; matplotlib takes the
# first of the list that has one.

# %%
plt.rcParams["font.family"] = fonts()

# %% [markdown]
# ## The network
#
# Of each review the first 96 tokens are read. `class_weight="balanced"` makes up for the
# favourable majority.

# %%
model = TextClassifier(
    GRU(d_model=32),
    tokens=Tokens(pairs=10_000, max_length=96),
    d_embedding=64,
    batch_size=128,
    epochs=3,
    class_weight="balanced",
    random_state=0,
)
model.fit(known.text, known.label)
print(f"{model.vocabulary_.n_symbols:,} symbols")

# %% [markdown]
# ## How well?
#
# Two thirds of the reviews are favourable, so a machine that always says so is right two times in
# three. *Balanced* accuracy, the mean of the two classes, gives it 50 %. Beside the network
# stands a logistic regression over characters and pairs of them.

# %%
told = {
    "always favourable": np.ones(len(new), int),
    "logistic regression": (model.baseline_.predict_proba(new.text.tolist())[:, 1] > 0.5) * 1,
    "network": model.predict(new.text),
}
balanced = {name: balanced_accuracy_score(new.label, said) for name, said in told.items()}
fig, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
bars = ax.barh(list(balanced), [100 * share for share in balanced.values()], height=0.5)
ax.bar_label(bars, fmt="%.1f", padding=4)
ax.set(title="Balanced accuracy on unseen reviews", xlabel="%", xlim=(45, 100))
plt.show()

# %% [markdown]
# The regression is ahead by far. Four thousand reviews are little for a network that begins with
# vectors drawn by chance, and the words of hotel reviews speak for themselves. `docs/text.md` has
# what longer training on all of them gives.
#
# ## Which characters did it?
#
# 房间 is the room, 服务 the service, 早餐 breakfast; 不 is "not". Each character is hidden
# in turn; what goes with it is drawn: green speaks for a favourable review, red
# against.

# %%
sentences = ["房间不好", "房间很好", "服务很差,不会再来", "早餐不错"]
fig, axes = plt.subplots(1, 4, figsize=(9, 3), layout="constrained")
for ax, text, p in zip(axes, sentences, model.predict_proba(sentences)[:, 1], strict=True):
    words, weights = zip(*model.explain(text, label=1), strict=True)
    ax.barh(
        range(len(words)), weights, color=["tab:green" if w > 0 else "tab:red" for w in weights]
    )
    ax.set_yticks(range(len(words)), words)
    ax.invert_yaxis()
    ax.axvline(0, color="gray", lw=0.8)
    ax.set_title(f"{text}\n{p:.0%} favourable", fontsize=10)
    ax.set_xlabel("nats")
plt.show()

# %% [markdown]
# It tells 好 after 不 from 好 after 很, and 不错, "not wrong", from a complaint. The
# weights of single characters are to be read with care: hiding one leaves a text
# that nobody would write.
#
# A file holds all of it, the vocabulary included: `model.save("hotels")`. Next: [from German to
# English](10_gnmt_translation.ipynb).
