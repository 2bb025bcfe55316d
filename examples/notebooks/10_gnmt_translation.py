# %% [markdown]
# # From German to English, and where the network looks
#
# GNMT was Google's translation network (Wu et al., 2016): a deep LSTM reads, a deep LSTM writes,
# and at every word attention looks back at the source. This one is a thousand times smaller and
# trains for well under a minute, so do not expect translations. Expect to see how it works, and
# an honest opponent.
#
# **Needs** the data set `multi30k` in the folder that TSMODELS_DATA names: descriptions of
# photographs in German and English (and `multi30k_val`, which lies beside it).

# %%
import re
from collections import Counter
from itertools import chain

import matplotlib.pyplot as plt
import sacrebleu
from sklearn.feature_extraction.text import TfidfVectorizer

from tsmodels import GNMT, Tokens, Translator, datasets
from tsmodels.plotting import plot_attention

# %% [markdown]
# ## Plain sentences
#
# A minute is not enough for a language. So only pairs are kept that get by with the 600 most
# frequent words of each language, and with nine words or fewer.

# %%
known, new = datasets.load("multi30k"), datasets.load("multi30k_val")


def words(text):
    """The words and marks of a sentence, in small letters."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


common = {
    language: {word for word, _ in Counter(chain(*known[language].map(words))).most_common(600)}
    for language in ("de", "en")
}


def plain(pairs):
    """The pairs of few and common words."""
    fine = [pairs[k].map(lambda text, k=k: set(words(text)) <= common[k]) for k in common]
    short = [pairs[k].map(lambda text: len(words(text)) <= 9) for k in common]
    return pairs[fine[0] & fine[1] & short[0] & short[1]]


known, new = plain(known), plain(new)
print(f"{len(known):,} pairs to learn from, {len(new)} to judge by")
for de, en in zip(known.de[:2], known.en[:2], strict=True):
    print(f"{de}\n    {en}")

# %% [markdown]
# ## Training
#
# In training the decoder is shown the true words before (teacher forcing); afterwards it has only
# its own.

# %%
model = Translator(
    GNMT(d_model=64, context="new"),
    tokens=Tokens(kind="words"),
    length_buckets=1,
    label_smoothing=0.0,
    epochs=None,
    max_steps=700,
    learning_rate=0.01,
    random_state=0,
)
model.fit(known.de, known.en)
print(f"log-likelihood of a new word: {model.score(new.de, new.en):.2f} nats")

# %% [markdown]
# ## An honest opponent
#
# Somebody who knows no German could look for the most similar German sentence among those that
# have a translation, and give that one. It costs ten lines.

# %%
reader = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit(known.de)
similar = reader.transform(new.de) @ reader.transform(known.de).T
remembered = known.en.iloc[similar.toarray().argmax(axis=1)]
found = model.predict(new.de.tolist(), num_beams=2)

# %% [markdown]
# ## How well?
#
# BLEU counts the words, and runs of up to four words, that are in the reference too: 100 is the
# reference itself. Published networks reach about 35 to 40 on this data set, sentences of all
# lengths and hours of training.

# %%
truth = [new.en.tolist()]
for name, texts in (("network", found), ("most similar sentence", remembered.tolist())):
    bleu = sacrebleu.corpus_bleu(texts, truth, lowercase=True)
    print(f"BLEU of the {name}: {bleu.score:.1f}")

# %%
for i in range(5):
    print(new.de.iloc[i])
    print(f"    network:   {found[i]}\n    similar:   {remembered.iloc[i]}")
    print(f"    reference: {new.en.iloc[i]}")

# %% [markdown]
# A little ahead, by BLEU over only 25 sentences. They fail in different ways. The network has the
# grammar, and who is doing something: two, three, women, people, sitting, walking. Where a word was
# rare it writes something that is likely after the words before, fluent and wrong. The remembered
# sentence is always good English, and often of something else.
#
# ## Where does it look?
#
# A row for each token that it writes: how much it looked at each token of the source, the darker
# the more.

# %%
chosen = 0
source, target, weights = model.align(new.de.iloc[chosen])
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
plot_attention(source, target, weights, ax=ax)
ax.set_xlabel("German, read")
ax.set_ylabel("English, written")
plt.show()

# %% [markdown]
# Hardly where one would hope: mostly at the first word, whatever it writes. That is no fault of the
# drawing. The encoder reads both ways, so its state at the first word has seen the whole
# sentence, and the decoder is given its last states besides; eight words fit into that, and
# within a minute nothing has taught the network to look further. The diagonals in the literature
# are of longer sentences and of trainings of hours.
#
# `docs/language.md` says what longer training gives. Next: [what length costs, and what it is good
# for](11_mamba_rwkv_ttt_against_length.ipynb).
