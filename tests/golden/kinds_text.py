"""Loading maps: word pieces, beam search and its penalties."""

import json

import numpy as np
from tokenizers.normalizers import BertNormalizer

from tsmodels.text.decoding import beam_search, coverage_penalty, greedy, length_penalty
from tsmodels.text.tokens import Tokens

LARGEST = 20_000  # a beam, beyond which even a search through everything is cut


def gnmt_beam_scores(case):
    alphas, betas = case.arrays["in.alpha"], case.arrays["in.beta"]

    def forward(t):
        paid = case.arrays["in.attention"].astype("float64").sum(axis=1)  # (N, S)
        lengths = np.stack([length_penalty(case.arrays["in.length"], a) for a in alphas])
        covered = np.stack([coverage_penalty(paid, b) for b in betas])
        score = case.arrays["in.logprob"] / lengths[:, None] + covered
        ranking = np.argsort(-score, axis=-1, kind="stable")
        names = {"length_penalty": lengths, "coverage_penalty": covered}
        return {**names, "score": score, "ranking": ranking}

    return forward


def gnmt_beam_toy(case):
    """A model whose next token depends on the last one and on how many there are."""
    cfg = case.cfg
    prefixes = (cfg["vocab"] - 2) ** (cfg["max_len"] - 1) * cfg["vocab"]
    exhaustive = min(prefixes, LARGEST)
    log_probs, attention = case.arrays["in.log_probs"], case.arrays["in.attention"]

    def step(tokens, origins, t):
        return log_probs[t][tokens], attention[t][tokens], t + 1

    def search(beam, n_best=cfg["n_best"], **penalties):
        settings = {"start": cfg["bos"], "end": cfg["eos"], "max_length": cfg["max_len"]}
        found = beam_search(step, 0, 1, beam=beam, n_best=n_best, **settings, **penalties)
        ended = (found.tokens[0] == cfg["eos"]).any(axis=-1)  # ours keeps others where none has
        real = np.isfinite(found.scores[0]) & ended
        tokens = np.full((real.sum(), cfg["max_len"]), -1)
        tokens[:, : found.tokens.shape[-1]] = found.tokens[0, real]
        return tokens, found.scores[0, real], found.log_probs[0, real]

    def relengthened(more):
        """The best where |Y| counts so many tokens more, out of all there are."""
        tokens, _, logs = search(exhaustive, cfg["num_hypotheses"], alpha=0.0)
        scores = logs / length_penalty((tokens >= 0).sum(axis=1) + more, cfg["alpha"])
        order = np.argsort(-scores, kind="stable")[: cfg["n_best"]]
        return tokens[order], scores[order], logs[order]

    def forward(t):
        plain = {"alpha": cfg["alpha"]}
        covered = {**plain, "beta": cfg["beta"]}
        found = {
            "nbest": search(exhaustive, **plain),
            "nbest_coverage": search(exhaustive, **covered),
            "nbest_len_excl_eos": relengthened(-1),
            "nbest_len_incl_bos": relengthened(1),
        }
        for beam in {int(k[8:].split("_")[0]) for k in case.arrays if k.startswith("out.beam")}:
            found[f"beam{beam}"] = search(beam, **plain)
            found[f"beam{beam}_coverage"] = search(beam, **covered)
        likeliest = greedy(step, 0, np.array([cfg["bos"]]), cfg["max_len"], end=cfg["eos"])[0]
        first = search(1, **plain)[0]
        assert not len(first) or np.array_equal(likeliest, first[0, : len(likeliest)])
        parts = ("tokens", "scores", "logprob")
        return {
            f"{name}_{part}": value
            for name, values in found.items()
            for part, value in zip(parts, values, strict=True)
        }

    return forward


def wordpiece(case):
    words = case.arrays["in.vocab"].tolist()
    first = ["[PAD]", "[UNK]"]
    vocabulary = Tokens().of(first + [word for word in words if word not in first]).whole()
    # The file's vocabulary is BERT's: accents go, and long words are unknown as a whole.
    vocabulary._tokenizer.normalizer = BertNormalizer(strip_accents=True)
    model = vocabulary._tokenizer.model
    model.max_input_chars_per_word = case.cfg["max_input_chars_per_word"]
    vocabulary._tokenizer.model = model
    texts = json.loads(str(case.arrays["in.texts_json"]))

    def forward(t):
        pieces = vocabulary._tokenizer.model.tokenize  # of a word as it stands
        cut = [[piece for word in text.split() for piece in pieces(word)] for text in texts]
        ids = np.full(case.shape("out.wordpiece_ids"), -1)
        for row, found in zip(ids, cut, strict=True):
            row[: len(found)] = [words.index(piece.value) for piece in found]
        values = [[piece.value for piece in found] for found in cut]
        full = [found.tokens for found in vocabulary._found(texts)]
        return {
            "wordpiece_json": np.array(json.dumps(values, ensure_ascii=False)),
            "full_json": np.array(json.dumps(full, ensure_ascii=False)),
            "wordpiece_ids": ids,
        }

    return forward


KINDS = {
    "gnmt_beam_scores": gnmt_beam_scores,
    "gnmt_beam_toy": gnmt_beam_toy,
    "wordpiece": wordpiece,
}
