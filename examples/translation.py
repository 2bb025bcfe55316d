# %% [markdown]
# # From German to English
# A recurrent network with attention learns to translate descriptions of photographs. The data,
# multi30k, are 29,000 pairs of sentences; TSMODELS_DATA names the folder where they lie. Runs in
# about four minutes; docs/language.md says what eleven give.

# %%
from tsmodels import Seq2Seq, Tokens, Translator, datasets
from tsmodels.plotting import plot_attention

pairs = datasets.load("multi30k")
held = datasets.load("multi30k_val")
print(pairs.de[1], "->", pairs.en[1])

# %% [markdown]
# Both languages are cut into word pieces. The decoder looks at all of the source at each step, and
# is shown the true words before in training.

# %%
tokens = Tokens(vocab_size=3000, min_frequency=2, lowercase=False)
model = Translator(
    Seq2Seq(d_model=192),
    tokens=tokens,
    embedding_dropout=0.2,
    head_dropout=0.2,
    length_buckets=8,
    epochs=None,
    max_steps=1500,
    learning_rate=5e-3,
    random_state=0,
)
model.fit(pairs.de, pairs.en)
print(f"{model.score(held.de, held.en):.2f}: log-likelihood of a token that was not seen")

# %% [markdown]
# Translations are searched for in beams: of four at each step the best go on.

# %%
for source, truth, found in zip(held.de[:4], held.en, model.predict(held.de[:4]), strict=False):
    print(f"{source}\n    found: {found}\n    truth: {truth}")
for text, score in model.predict([held.de[0]], n_best=3)[0]:
    print(f"{score:6.2f}  {text}")

# %% [markdown]
# Where did it look while it wrote? The darker, the more.

# %%
ax = plot_attention(*model.align(held.de[2]))
ax.figure.savefig("attention.png")
print("attention.png")
