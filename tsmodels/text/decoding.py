"""Tokens out of a step function: drawn one after the other, or searched for in beams.

A step is `step(tokens, origins, state) -> (log_probs, attention, state)`: the last token of each of
N hypotheses (N,), the row of the state that each goes on from (N,), and a state that nothing here
looks into; to log-probabilities of the next token (N, V), the attention that is paid to the source
(N, S) or None, and the state after it, a row a hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tsmodels.checks import check_int, check_real

Step = Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, Any, Any]]
NOTHING = -1  # where a hypothesis has no token
LEAST = 1e-30  # of attention: a position without any is far from covered, not infinitely far


class Hypotheses(NamedTuple):
    """The best of each of N sentences, best first; K of them, or fewer with a score of -inf.

    `tokens` (N, K, L) end with the end token, and with -1 after it; `scores` (N, K) are normalised,
    `log_probs` (N, K) are not.
    """

    tokens: np.ndarray
    scores: np.ndarray
    log_probs: np.ndarray


def length_penalty(length: Any, alpha: float) -> np.ndarray:
    """((5 + |Y|) / 6)^alpha, by which a log-probability is divided. Wu et al., 2016, eq. 14.

    |Y| counts the tokens that were generated: the end token too, the start token not.

    >>> float(length_penalty(7, 1.0))
    2.0
    """
    return ((5.0 + np.asarray(length, dtype=np.float64)) / 6.0) ** alpha


def coverage_penalty(attention: np.ndarray, beta: float, seen: Any = None) -> np.ndarray:
    """beta sum_i log(min(a_i, 1)), a (..., S) being attention summed over targets. Eq. 14 again.

    It is 0 where every source position was attended to in full, and negative otherwise. Positions
    that are not `seen` (..., S) are padding and do not count.

    >>> round(float(coverage_penalty(np.array([1.3, 0.5]), 0.2)), 3)
    -0.139
    """
    lacking = np.log(np.clip(attention.astype(np.float64), LEAST, 1.0))
    return beta * (lacking if seen is None else np.where(seen, lacking, 0.0)).sum(axis=-1)


def probabilities(
    log_probs: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """What to draw the next token from, (N, V).

    Log-probabilities are divided by `temperature`; at 0 the likeliest token has all. Of what there
    is then the `top_k` likeliest are kept (Fan et al., 2018), and of these the fewest that together
    have at least `top_p` (Holtzman et al., 2020).

    >>> probabilities(np.log([[0.5, 0.3, 0.2]]), top_p=0.6).round(3).tolist()
    [[0.625, 0.375, 0.0]]
    """
    logs = np.asarray(log_probs, dtype=np.float64)
    order = np.argsort(-logs, axis=-1, kind="stable")
    logs = np.take_along_axis(logs, order, axis=-1)  # (N, V), the likeliest first
    if temperature == 0.0:
        kept = (np.arange(logs.shape[-1]) == 0) + np.zeros_like(logs)
    else:
        kept = np.exp((logs - logs[:, :1]) / temperature)
        if top_k is not None:
            kept[:, top_k:] = 0.0
        kept /= kept.sum(axis=-1, keepdims=True)
        if top_p is not None:
            kept[np.cumsum(kept, axis=-1) - kept >= top_p] = 0.0
            kept /= kept.sum(axis=-1, keepdims=True)
    answer = np.empty_like(kept)
    np.put_along_axis(answer, order, kept, axis=-1)
    return answer


def check_sampling(temperature: Any, top_k: Any, top_p: Any) -> None:
    """Raises ValueError or TypeError for settings that `probabilities` cannot use."""
    check_real("temperature", temperature, 0.0)
    if top_k is not None:
        check_int("top_k", top_k)
    if top_p is not None:
        check_real("top_p", top_p, 0.0, 1.0, open_low=True)


def sample(
    step: Step,
    state: Any,
    tokens: np.ndarray,
    length: int,
    rng: np.random.Generator,
    *,
    end: int | None = None,
    **settings: Any,
) -> np.ndarray:
    """At most `length` tokens after the `tokens` (N,), drawn one by one, (N, L).

    `settings` are those of `probabilities`. After the token `end` a row has -1, and nothing is done
    once every row has ended.
    """
    origins = np.arange(len(tokens))
    drawn: list[np.ndarray] = []
    ended = np.zeros(len(tokens), dtype=bool)
    while len(drawn) < length and not ended.all():
        log_probs, _, state = step(tokens, origins, state)
        below = np.cumsum(probabilities(log_probs, **settings), axis=-1)
        chosen = rng.random(len(tokens))[:, None] * below[:, -1:] < below
        tokens = chosen.argmax(axis=-1).astype(np.int32)
        drawn.append(np.where(ended, NOTHING, tokens))
        ended |= tokens == end
    return np.stack(drawn, axis=1) if drawn else np.zeros((len(tokens), 0), dtype=np.int32)


def greedy(
    step: Step, state: Any, tokens: np.ndarray, length: int, end: int | None = None
) -> np.ndarray:
    """The likeliest token at each step, (N, L); as `sample`."""
    return sample(step, state, tokens, length, np.random.default_rng(0), end=end, temperature=0.0)


def beam_search(
    step: Step,
    state: Any,
    n: int,
    *,
    start: int,
    end: int,
    max_length: Any,
    beam: int = 4,
    n_best: int = 1,
    alpha: float = 0.6,
    beta: float = 0.0,
    seen: np.ndarray | None = None,
) -> Hypotheses:
    """The likeliest endings of `n` sentences at a time; `state` has a row for each of them.

    A beam holds `beam` prefixes. Of their continuations, by log-probability, one that ends with
    `end` is finished if it is among the first `beam`; of the others as many go on. After
    `max_length` tokens, a number or one a sentence (n,), what has not ended is dropped, unless
    nothing has. The `n_best` are those with the greatest log P / `length_penalty` +
    `coverage_penalty`; `seen` (n, S) says which source positions are no padding. A sentence is done
    as soon as none of its prefixes can become better than these any more.
    """
    limits = np.broadcast_to(np.asarray(max_length), (n,))
    search = _Beams(n, beam, n_best, int(limits.max()), start)
    penalties: dict[str, Any] = {"alpha": alpha, "beta": beta, "seen": seen}
    for length in range(1, search.longest + 1):
        log_probs, attention, state = step(search.last, search.origins, state)
        search.extend(log_probs, attention, end)
        search.finish(search.ended, **penalties)
        search.live(search.going_on)
        over = limits <= length
        nothing = over & ~np.isfinite(search.scores[:, 0])
        search.finish(np.isfinite(search.log_probs) & nothing[:, None], **penalties)
        reachable = search.log_probs[:, 0] / length_penalty(limits, alpha)
        search.log_probs[over | (search.scores[:, -1] >= reachable)] = -np.inf
        if not np.isfinite(search.log_probs).any():
            break
    search.best[~np.isfinite(search.scores)] = NOTHING
    return Hypotheses(search.best[:, :, :length], search.scores, search.best_log_probs)


class _Beams:
    """Prefixes (n, beam, longest) that go on, and the best hypotheses (n, n_best, longest)."""

    def __init__(self, n: int, beam: int, n_best: int, longest: int, start: int) -> None:
        self.n, self.beam, self.longest, self.length = n, beam, longest, 0
        self.tokens = np.full((n, beam, longest), NOTHING, dtype=np.int32)
        self.log_probs = np.where(np.arange(beam) == 0, 0.0, -np.inf) + np.zeros((n, 1))
        self.attention: np.ndarray | None = None  # (n, beam, S), summed over the tokens so far
        self.last = np.full(n * beam, start, dtype=np.int32)
        self.origins = np.repeat(np.arange(n), beam)
        self.best = np.full((n, n_best, longest), NOTHING, dtype=np.int32)
        self.scores = np.full((n, n_best), -np.inf)
        self.best_log_probs = np.full((n, n_best), -np.inf)

    def extend(self, log_probs: np.ndarray, attention: Any, end: int) -> None:
        """One token more: the 2 beam likeliest continuations of each sentence, best first.

        No more than `beam` of them end, one a prefix, so that as many are left to go on.
        """
        size = log_probs.shape[-1]
        sums = self.log_probs[:, :, None] + log_probs.reshape(self.n, self.beam, size)
        flat = sums.reshape(self.n, -1)
        places = _largest(flat, 2 * self.beam)  # (n, 2 beam)
        self.parents, tokens = places // size, places % size
        self.log_probs = np.take_along_axis(flat, places, axis=1)
        self.tokens = _taken(self.tokens, self.parents)
        self.tokens[:, :, self.length] = tokens
        self.length += 1
        if attention is not None:
            now = attention.reshape(self.n, self.beam, -1)
            paid = now if self.attention is None else self.attention + now
            self.attention = _taken(paid, self.parents)
        first = np.arange(2 * self.beam) < self.beam
        ends = tokens == end
        self.ended = ends & first & np.isfinite(self.log_probs)
        self.going_on = np.argsort(ends, axis=1, kind="stable")[:, : self.beam]

    def live(self, chosen: np.ndarray) -> None:
        """Goes on with the continuations at `chosen` (n, beam)."""
        self.tokens, self.parents = _taken(self.tokens, chosen), _taken(self.parents, chosen)
        self.log_probs = _taken(self.log_probs, chosen)
        if self.attention is not None:
            self.attention = _taken(self.attention, chosen)
        self.origins = (self.parents + np.arange(self.n)[:, None] * self.beam).ravel()
        self.last = self.tokens[:, :, self.length - 1].ravel()

    def finish(self, which: np.ndarray, alpha: float, beta: float, seen: Any) -> None:
        """Those of the hypotheses at hand join the best where they belong to them."""
        if not which.any():
            return
        scores = self.log_probs / length_penalty(self.length, alpha)
        if beta and self.attention is not None:
            own = None if seen is None else seen[:, None]
            scores = scores + coverage_penalty(self.attention, beta, own)
        scores = np.concatenate([self.scores, np.where(which, scores, -np.inf)], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self.best.shape[1]]
        self.scores = _taken(scores, order)
        self.best = _taken(np.concatenate([self.best, self.tokens], axis=1), order)
        log_probs = np.concatenate([self.best_log_probs, self.log_probs], axis=1)
        self.best_log_probs = _taken(log_probs, order)


def _largest(values: np.ndarray, k: int) -> np.ndarray:
    """Places of the k largest of each row, the largest first."""
    k = min(k, values.shape[1])
    places = np.argpartition(values, -k, axis=1)[:, -k:]
    places.sort(axis=1)  # equal values in the order of their places
    order = np.argsort(-_taken(values, places), axis=1, kind="stable")
    return _taken(places, order)


def _taken(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Entries (n, k, ...) of values (n, m, ...) at `chosen` (n, k)."""
    return values[np.arange(len(values))[:, None], chosen]
