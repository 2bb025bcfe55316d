"""Beam search against every hypothesis there is; what is drawn, and how often."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tsmodels.text.decoding import (
    beam_search,
    check_sampling,
    coverage_penalty,
    greedy,
    length_penalty,
    probabilities,
    sample,
)

START, END = 0, 1


class Story:
    """A model of `n` sentences whose next token depends on all before: the state is the prefix."""

    def __init__(self, seed, n=1, size=4, sources=3):
        self.seed, self.n, self.size, self.sources = seed, n, size, sources
        self.calls = 0

    def next(self, prefix):
        """Log-probabilities (V,) and attention (S,) after a prefix (sentence, tokens ...)."""
        rng = np.random.default_rng([self.seed, *prefix])
        logits = np.append(-np.inf, 2.0 * rng.normal(size=self.size - 1))  # START is never drawn
        return logits - np.log(np.exp(logits).sum()), rng.dirichlet(np.ones(self.sources))

    def start(self):
        return [(i,) for i in range(self.n)]

    def step(self, tokens, origins, prefixes):
        self.calls += 1
        prefixes = [(*prefixes[o], int(t)) for o, t in zip(origins, tokens, strict=True)]
        found = [self.next(prefix) for prefix in prefixes]
        log_probs, attention = (np.stack(part) for part in zip(*found, strict=True))
        return log_probs, attention, prefixes

    def every(self, sentence, longest, alpha, beta, seen=None):
        """Every finished hypothesis with its score and log-probability, best first."""
        found = []
        for length in range(1, longest + 1):
            for inner in itertools.product(range(2, self.size), repeat=length - 1):
                tokens, log_prob, paid = (*inner, END), 0.0, np.zeros(self.sources)
                for t, token in enumerate(tokens):
                    log_probs, attention = self.next((sentence, START, *tokens[:t]))
                    log_prob, paid = log_prob + log_probs[token], paid + attention
                score = log_prob / ((5 + length) / 6) ** alpha
                lacking = np.log(np.minimum(paid, 1.0))
                score += beta * (lacking if seen is None else lacking[seen]).sum()
                found.append((score, log_prob, tokens))
        return sorted(found, reverse=True)


def found_by(story, longest=4, n=None, **how):
    settings = {"start": START, "end": END, "max_length": longest, "beam": 32}
    return beam_search(story.step, story.start(), n or story.n, **(settings | how))


def as_lists(tokens):
    return [tuple(row[row >= 0].tolist()) for row in tokens]


@given(
    st.integers(0, 10**6),
    st.integers(3, 4),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.6, 1.0]),
    st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=25)
def test_a_wide_beam_is_exhaustive_enumeration(seed, size, longest, alpha, beta):
    story = Story(seed, n=2, size=size)
    found = found_by(story, longest, n_best=5, alpha=alpha, beta=beta)
    for i in range(2):
        want = story.every(i, longest, alpha, beta)[:5]
        real = np.isfinite(found.scores[i])
        assert real.sum() == len(want)
        assert as_lists(found.tokens[i][real]) == [tokens for _, _, tokens in want]
        assert_allclose(found.scores[i][real], [score for score, _, _ in want])
        assert_allclose(found.log_probs[i][real], [log_prob for _, log_prob, _ in want])


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=15)
def test_sentences_do_not_know_each_other(seed, beam):
    story = Story(seed, n=3)
    limits = np.array([4, 2, 6])
    together = found_by(story, limits, beam=beam, n_best=2, beta=0.2)
    for i, limit in enumerate(limits):
        alone = Story(seed, n=1)
        alone.start = lambda i=i: [(i,)]
        want = found_by(alone, limit, beam=beam, n_best=2, beta=0.2)
        assert as_lists(together.tokens[i]) == as_lists(want.tokens[0])
        assert_allclose(together.scores[i], want.scores[0])


def test_it_stops_when_nothing_better_can_come():
    story = Story(0)
    likely_end = np.log([1e-9, 0.97, 0.01, 0.02])
    story.next = lambda prefix: (likely_end, np.ones(3) / 3)
    found = found_by(story, 50, beam=3)
    assert as_lists(found.tokens[0]) == [(END,)] and story.calls < 5
    assert found.scores[0, 0] == pytest.approx(np.log(0.97))


def test_what_does_not_end_is_cut_off():
    story = Story(0)
    story.next = lambda prefix: (np.log([1e-9, 1e-300, 0.6, 0.4]), np.ones(3) / 3)
    found = found_by(story, 3, beam=2)
    assert as_lists(found.tokens[0]) == [(2, 2, 2)]
    assert found.log_probs[0, 0] == pytest.approx(3 * np.log(0.6))


def test_padding_of_the_source_needs_no_coverage():
    seen = np.array([[True, True, False]])
    story = Story(3)
    found = found_by(story, alpha=0.6, beta=1.0, seen=seen)
    want = story.every(0, 4, 0.6, 1.0, seen[0])
    assert as_lists(found.tokens[0]) == [want[0][2]]
    assert found.scores[0, 0] == pytest.approx(want[0][0])
    assert story.every(0, 4, 0.6, 1.0)[0][0] != pytest.approx(want[0][0])


def test_penalties_by_hand():
    assert_allclose(length_penalty([1, 7], 0.6), [1.0, 2.0**0.6])
    assert coverage_penalty(np.array([[2.0, 1.0]]), 0.7) == 0.0
    assert np.isfinite(coverage_penalty(np.zeros(2), 0.2))


def test_greedy_is_the_likeliest_token_at_each_step():
    story = Story(3, n=4)
    tokens = greedy(story.step, story.start(), np.full(4, START), 6, end=END)
    for i, row in enumerate(as_lists(tokens)):
        for t, token in enumerate(row):
            assert story.next((i, START, *row[:t]))[0].argmax() == token
        assert len(row) == 6 or row[-1] == END


@pytest.mark.parametrize(
    "how, want",
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, np.array([1.0, 16.0, 4.0, 9.0]) / 30),
        ({"temperature": 0.0}, [0.0, 1.0, 0.0, 0.0]),
        ({"top_k": 2}, np.array([0.0, 4.0, 0.0, 3.0]) / 7),
        ({"top_p": 0.7}, np.array([0.0, 4.0, 0.0, 3.0]) / 7),
        ({"top_p": 0.71}, np.array([0.0, 4.0, 2.0, 3.0]) / 9),
        ({"top_k": 3, "top_p": 0.75}, np.array([0.0, 4.0, 0.0, 3.0]) / 7),
        ({"top_p": 0.01}, [0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_what_is_drawn_from(how, want):
    log_probs = np.log([[0.1, 0.4, 0.2, 0.3]])
    assert_allclose(probabilities(log_probs, **how), [want], atol=1e-12)


def test_tokens_are_drawn_as_often_as_they_are_likely():
    p = np.array([0.1, 0.4, 0.2, 0.3])

    def step(tokens, origins, state):
        return np.log(p) + np.zeros((len(tokens), 1)), None, state

    drawn = sample(step, None, np.zeros(500, int), 20, np.random.default_rng(0))
    counts = np.bincount(drawn.ravel(), minlength=4) / drawn.size
    assert drawn.shape == (500, 20)
    assert_allclose(counts, p, atol=4 * np.sqrt(0.25 / drawn.size))
    again = sample(step, None, np.zeros(500, int), 20, np.random.default_rng(0))
    assert_array_equal(drawn, again)


def test_after_its_end_a_row_is_empty():
    def step(tokens, origins, t):
        log_probs = np.full((2, 3), -np.inf)
        log_probs[:, 2], log_probs[0] = 0.0, [-np.inf, 0.0, -np.inf]
        return log_probs, None, t

    drawn = sample(step, 0, np.zeros(2, int), 3, np.random.default_rng(0), end=1)
    assert_array_equal(drawn, [[1, -1, -1], [2, 2, 2]])


@pytest.mark.parametrize(
    "temperature, top_k, top_p, words",
    [
        (-1.0, None, None, r"temperature must be .* \[0, inf\)"),
        (1.0, 0, None, "top_k must be a positive int"),
        (1.0, None, 1.5, r"top_p must be .* \(0, 1\]"),
    ],
)
def test_settings_are_refused(temperature, top_k, top_p, words):
    with pytest.raises(ValueError, match=words):
        check_sampling(temperature, top_k, top_p)
