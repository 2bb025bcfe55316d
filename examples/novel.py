# %% [markdown]
# # A novel, or its first page
# A network reads Shakespeare character by character, learns what comes next, and goes on writing.
# The data, tiny_shakespeare, are a million characters of his plays; TSMODELS_DATA names the folder
# where they lie. Runs in about a minute, after which it knows the form of a play and short words,
# but makes no sense. Larger `max_steps` do better; see docs/language.md.

# %%
from tsmodels import LSTM, LanguageModel, datasets

text = datasets.load("tiny_shakespeare")["text"][0]
known, new = text[:900_000], text[-20_000:]
print(f"{len(known):,} characters to learn from, for instance:\n\n{known[:120]}")

# %% [markdown]
# Windows of 100 characters are read, 32 at a time; each goes on with the state that the one before
# left. `max_steps` is the budget; one could give `epochs` instead.

# %%
model = LanguageModel(
    LSTM(d_model=128), epochs=None, max_steps=600, learning_rate=5e-3, random_state=0
)
model.fit(known)
print(f"{model.bits_per_character(new):.2f} bits for a character of what is new")
print(f"{model.perplexity(new):.1f}: as unsure as between so many characters")

# %% [markdown]
# It writes one character after the other, each as quickly as the one before. A low temperature
# keeps to what is likely, a high one invents words; `top_p` leaves out what is unlikely.

# %%
for settings in ({"temperature": 0.4}, {"temperature": 0.8, "top_p": 0.9}, {"temperature": 1.2}):
    print(f"--- {settings}\nROMEO:{model.generate('ROMEO:', 200, random_state=1, **settings)}\n")

# %% [markdown]
# What is more likely, in its opinion? Log-likelihoods of texts say so.

# %%
lines = ["Good night, good night.", "Good night, gdoo night.", "Night good, night good."]
for line, likelihood in zip(lines, model.log_likelihood(lines), strict=True):
    print(f"{likelihood:8.1f}  {line}")
