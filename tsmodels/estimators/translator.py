"""Text in one language in, text in another one out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.backend import ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.data.sequences import Sequences
from tsmodels.estimators.base import NetworkEstimator
from tsmodels.estimators.language import tokens_of
from tsmodels.estimators.lifecycle import Saved, all_or_nothing
from tsmodels.estimators.quantization import as_integers, quantizable
from tsmodels.layers.feedback import check_rate
from tsmodels.losses import TokenCrossEntropy
from tsmodels.networks import resolve
from tsmodels.networks.assembly import translation_model
from tsmodels.networks.translation import ALWAYS, SCHEDULES
from tsmodels.text.decoding import Hypotheses, beam_search
from tsmodels.text.tokens import PADDING, UNKNOWN, Vocabulary, read_texts
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import Compiled, leased
from tsmodels.training.fit import fit
from tsmodels.training.functions import compiled_function

AT_ONCE = 32  # sentences that are translated together
GRAIN = 8  # sources are padded to a multiple of so many tokens
ANY_RATE = 0.5  # stands in a blueprint for one that is given apart
RATES = ("embedding_dropout", "head_dropout")


@dataclass(kw_only=True, eq=False, repr=False)
class Translator(Saved, NetworkEstimator):
    """Translates sentences, by a network with a decoder of its own.

    Parameters
    ----------
    network : name or spec
        "seq2seq" (Bahdanau et al., 2015, unless its `attention` is another), "gnmt" or
        "transformer"; `network__*` reaches its fields. Its own `teacher_forcing` belongs to
        forecasts.
    tokens : name, Tokens or a pair of Vocabulary
        How both languages are cut, each into a vocabulary of its own: "wordpiece" unless told;
        `tokens__*` reaches the fields of `Tokens`. A name keeps capital letters.
    embedding_dropout, head_dropout : float
        Shares of the numbers of token vectors, and of the features before the logits, that are left
        out in training.
    label_smoothing : float
        The share of the truth that training spreads over all tokens (Szegedy et al., 2016).
    teacher_forcing : {"always", "constant", "linear", "exponential", "inverse_sigmoid"}
        Whether the decoder is always shown the true tokens before in training, or with a
        probability that is constant or falls from epoch to epoch; see `forcing_rate` there:
        `tsmodels.networks.translation.Translation`.
    forcing_rate : float, optional
        The k of that schedule.
    validation : float or None
        The share of the pairs that is held out, by chance, to stop early by.
    length_buckets : int
        Pairs are padded to one of so many lengths.
    epochs, max_steps, optimizer, learning_rate, schedule, batch_size, patience, clipnorm, \
    callbacks, random_state, verbose
        As in `Forecaster`; `loss` is "cross_entropy".

    Attributes
    ----------
    source_, target_ : Vocabulary
        What turns text of the two languages into numbers.
    history_ : dict
        Losses by epoch, in nats a token: "loss", "val_loss" and what callbacks add.

    Examples
    --------
    >>> from tsmodels import Seq2Seq
    >>> numbers = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier"}
    >>> X = [f"{a} and {b}" for a in numbers for b in numbers] * 4
    >>> y = [f"{numbers[a]} und {numbers[b]}" for a in numbers for b in numbers] * 4
    >>> settings = {"tokens": "words", "learning_rate": 0.03, "batch_size": 16, "random_state": 0}
    >>> network = Seq2Seq(d_model=16, attention="none", bidirectional=False)
    >>> model = Translator(network, epochs=30, **settings).fit(X, y)
    >>> model.predict(["three and two"])
    ['drei und zwei']
    """

    _losses: ClassVar[Mapping[str, Any]] = {"cross_entropy": TokenCrossEntropy}
    _nested: ClassVar[Mapping[str, Callable[..., Any]]] = {"network": resolve, "tokens": tokens_of}

    network: Any = field(default="seq2seq", kw_only=False)
    tokens: Any = "wordpiece"
    embedding_dropout: float = 0.1
    head_dropout: float = 0.1
    label_smoothing: float = 0.1
    teacher_forcing: str = ALWAYS
    forcing_rate: float | None = None
    validation: float | None = None
    length_buckets: int = 4
    loss: Any = "cross_entropy"
    learning_rate: Any = 2e-3
    epochs: int | None = 10
    batch_size: int = 64

    # --- learning ---------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any) -> Self:
        """Learns from sentences and their translations, two lists of the same length.

        Raises ValueError or TypeError for data or parameters that cannot be used, before anything
        is trained.
        """
        self._check_parameters()
        sources, targets = read_pairs(X, y)
        with all_or_nothing(self):
            for name in ("_model", "scales_", "quantization_"):
                self.__dict__.pop(name, None)
            self._learn(np.array(sources, object), np.array(targets, object))
        return self

    def _check_parameters(self) -> None:
        resolve(self.network)
        self._check_random_state()
        for name in (*RATES, "label_smoothing"):
            check_real(name, getattr(self, name), 0.0, 1.0, open_high=True)
        check_option("teacher_forcing", self.teacher_forcing, SCHEDULES)
        if self.forcing_rate is not None and self.teacher_forcing != ALWAYS:
            check_rate("forcing_rate", self.teacher_forcing, self.forcing_rate)
        check_int("length_buckets", self.length_buckets)
        if self.loss != "cross_entropy":
            raise ValueError(fault("loss", "'cross_entropy'", self.loss))
        self._recipe()
        if self.validation is not None:
            check_real("validation", self.validation, 0.0, 1.0, open_low=True, open_high=True)
        self._check_tokens()

    def _check_tokens(self) -> None:
        if isinstance(self.tokens, tuple):
            if [type(part) for part in self.tokens] != [Vocabulary, Vocabulary]:
                raise TypeError(fault("tokens", "a pair of Vocabulary, or a Tokens", self.tokens))
        elif tokens_of(self.tokens).pairs:
            raise ValueError(fault("tokens.pairs", "0 where tokens are predicted", self.tokens))

    def _learn(self, sources: np.ndarray, targets: np.ndarray) -> None:
        self.network_, seeds = resolve(self.network), self._seeds()
        held = np.zeros(len(sources), dtype=bool)
        if self.validation is not None:
            n = min(max(1, round(self.validation * len(held))), len(held) - 1)
            held[np.random.default_rng(seeds).permutation(len(held))[:n]] = True
        if isinstance(self.tokens, tuple):
            self.source_, self.target_ = self.tokens
        else:
            spec = tokens_of(self.tokens)
            self.source_, self.target_ = spec.learn(sources[~held]), spec.learn(targets[~held])
        training = self._pairs(sources[~held], targets[~held])
        validation = self._pairs(sources[held], targets[held]) if held.any() else None
        self.length_ = max(training.length, validation.length if validation else 0)
        training = _padded_to(self.length_, training).bucketed(self.length_buckets)
        validation = None if validation is None else _padded_to(self.length_, validation)
        recipe = replace(self._recipe(), loss=TokenCrossEntropy(self.label_smoothing))
        fitted = fit(self._blueprint(), training, validation, recipe, seeds=seeds)
        self.weights_, self.history_ = fitted.weights, fitted.history

    def _pairs(self, sources: Any, targets: Any) -> Sequences:
        """Rows of source tokens and of the target tokens before; their targets are the next."""
        rows, following, lengths = [], [], []
        encoded = zip(self.source_.encode(sources), self.target_.encode(targets), strict=True)
        for source, target in encoded:
            length = max(len(source), len(target) + 1)
            row = np.full((length, 3), PADDING, dtype=np.float32)
            row[: len(source), 0] = source
            row[1 : len(target) + 1, 1] = target
            row[: len(target), 2] = target
            rows.append(row)
            following.append(np.arange(length) <= len(target))
            lengths.append(length)
        values, counts = np.concatenate(rows), np.concatenate(following)
        sequences = Sequences.of(values[:, :2], np.array(lengths))
        weights = counts.astype(np.float64)
        return replace(sequences, targets=values[:, 2], weights=weights, stepwise=True)

    def _blueprint(self) -> Blueprint:
        sizes = len(self.source_), len(self.target_)
        rates: Any = {name: ANY_RATE if getattr(self, name) else 0.0 for name in RATES}
        form = {"length": self.length_, "sizes": sizes, **rates}
        if self.teacher_forcing != ALWAYS:
            form |= {"schedule": self.teacher_forcing, "rate": self.forcing_rate}
        given = {f"{name}/dropout_rate": getattr(self, name) for name in RATES}
        return self._blueprint_of(translation_model, **form).given(**given)

    # --- translating ------------------------------------------------------------------------------

    def predict(
        self,
        X: Any,
        *,
        num_beams: int = 4,
        length_penalty: float = 0.6,
        coverage_penalty: float = 0.0,
        n_best: int | None = None,
    ) -> list[Any]:
        """The translation of each sentence; with `n_best`, lists of so many pairs (text, score).

        Scores are log P / ((5 + |Y|) / 6)^length_penalty + coverage_penalty x the coverage of the
        source; see `tsmodels.text.decoding`. One beam is greedy decoding, nearly.
        """
        check_is_fitted(self, "weights_")
        for name, number in (("num_beams", num_beams), ("n_best", n_best or 1)):
            check_int(name, number)
        for name, size in (
            ("length_penalty", length_penalty),
            ("coverage_penalty", coverage_penalty),
        ):
            check_real(name, size, 0.0)
        texts = read_texts(X)
        settings = {"alpha": length_penalty, "beta": coverage_penalty}
        settings |= {"beam": num_beams, "n_best": n_best or 1}
        answers: list[Any] = [None] * len(texts)
        for places, found in self._searched(texts, settings):
            for place, tokens, scores in zip(places, found.tokens, found.scores, strict=True):
                own = self.target_.decode(tokens[np.isfinite(scores)])
                answers[place] = list(zip(own, scores.tolist(), strict=False)) if n_best else own[0]
        return answers

    def _searched(
        self, texts: list[str], settings: dict[str, Any]
    ) -> Iterator[tuple[np.ndarray, Hypotheses]]:
        """Places of some sentences, and what was found for them: sentences of like lengths."""
        ids = self.source_.encode(texts)
        lengths = np.array([len(part) for part in ids])
        order = np.argsort(lengths, kind="stable")
        with leased(self._blueprint()) as compiled:
            compiled.put(self._current_weights())
            for places in np.split(order, range(AT_ONCE, len(order), AT_ONCE)):
                size = 1 << (len(places) - 1).bit_length()  # one of few
                rows = _padded([ids[i] for i in np.resize(places, size)])
                limits = np.minimum(2 * (rows > PADDING).sum(axis=1) + 10, self.length_)
                steps = _Steps(compiled, rows)
                seen = rows > PADDING
                form = {"start": PADDING, "end": PADDING, "max_length": limits, "seen": seen}
                found = beam_search(steps.step, None, size, **form, **settings)
                yield places, Hypotheses(*(part[: len(places)] for part in found))

    def align(self, source: str, target: str | None = None) -> tuple[list[str], list[str], Any]:
        """Where the decoder looks: source tokens, target tokens, attention (target, source).

        `target` is the best translation unless told; see `tsmodels.plotting.plot_attention`. Raises
        ValueError for a network without attention.
        """
        check_is_fitted(self, "weights_")
        target = self.predict([source])[0] if target is None else target
        ids, following = self.source_.encode([source])[0], self.target_.encode([target])[0]
        with leased(self._blueprint()) as compiled:
            compiled.put(self._current_weights())
            steps = _Steps(compiled, _padded([ids]))
            rows, state = [], None
            for token in [PADDING, *following[:-1]]:
                _, attention, state = steps.step(np.array([token]), np.zeros(1, int), state)
                rows.append(attention)
        if rows[0] is None:
            raise ValueError(fault("network", "one with attention", self.network_))
        words, others = self.source_.words, self.target_.words
        weights = np.concatenate(rows)[:, : len(ids)]
        return [words[i] for i in ids], [others[i] for i in following], weights

    # --- judging ----------------------------------------------------------------------------------

    def log_likelihood(self, X: Any, y: Any) -> np.ndarray:
        """log P of each translation, with its end, in nats, (N,)."""
        check_is_fitted(self, "weights_")
        pairs = self._pairs(*read_pairs(X, y))
        with leased(self._blueprint()) as compiled:
            compiled.put(self._current_weights())
            judge = compiled.function("judge", _judging)
            parts = [self._judged(judge, pairs, first) for first in range(0, len(pairs), AT_ONCE)]
        return np.concatenate(parts)[: len(pairs)]

    def _judged(self, judge: Any, pairs: Sequences, first: int) -> np.ndarray:
        index = np.minimum(np.arange(first, first + AT_ONCE), len(pairs) - 1)
        length = max(self.length_, pairs.length)
        batch = _padded_to(length, pairs).batch(index, masked=True)
        log_probs = judge(batch.past.astype(np.float32), np.asarray(batch.target, np.int32))
        counts = np.asarray(batch.weight) > 0
        return (ops.convert_to_numpy(log_probs).astype(np.float64) * counts).sum(axis=1)

    def score(self, X: Any, y: Any) -> float:
        """The mean log-likelihood of a target token, ends too: more is better."""
        tokens = sum(len(ids) + 1 for ids in self.target_.encode(read_texts(y, "y")))
        return float(self.log_likelihood(X, y).sum()) / tokens

    # --- 8 bits -----------------------------------------------------------------------------------

    def quantized(self, X: Any, y: Any, tolerance: float = 0.01) -> Self:
        """A copy whose dense kernels and token vectors are integers of 8 bits, each with a scale.

        They take a quarter of their size in memory and in files, and are multiplied with their
        scales before they are used: the arithmetic stays float32, and so do all other weights (see
        `tsmodels.estimators.quantization.quantizable`). What it changes is looked at on pairs of
        sentences, and stands in `quantization_`: "loss_before" and "loss", in nats a token; "same",
        the share of translations that are the same; "size", that of the integers and their scales
        beside the floats before; "share" of all weights that became integers. Raises ValueError
        where the loss grows by more than `tolerance` of itself.
        """
        check_is_fitted(self, "weights_")
        check_real("tolerance", tolerance, 0.0)
        before, texts = -self.score(X, y), self.predict(X)
        other, bytes_before, bytes_after = copy.deepcopy(self), 0, 0
        weights, scales = list(self._current_weights()), {}
        for i, axis in quantizable(self.model_).items():
            integers, scales[i] = as_integers(weights[i], axis)
            bytes_before += weights[i].nbytes
            bytes_after += integers.nbytes + scales[i].nbytes
            weights[i] = integers
        other.weights_, other.scales_ = weights, scales
        loss = -other.score(X, y)
        if loss > before * (1.0 + tolerance):
            rule = f"such that 8 bits change the loss by at most {tolerance:.1%}"
            got = f"{before:.4g} before and {loss:.4g} after"
            raise ValueError(fault("weights", rule, got, "Give a larger tolerance, or stay float."))
        same = np.mean([a == b for a, b in zip(texts, other.predict(X), strict=True)])
        total = sum(weight.nbytes for weight in self._current_weights())
        other.quantization_ = {
            "loss_before": before,
            "loss": loss,
            "same": float(same),
            "size": bytes_after / bytes_before,
            "share": bytes_before / total,
        }
        return other

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def read_pairs(X: Any, y: Any) -> tuple[list[str], list[str]]:
    """Sentences and their translations; ValueError where one has none.

    >>> read_pairs(["a"], ["b"])
    (['a'], ['b'])
    """
    sources, targets = read_texts(X), read_texts(y, "y")
    if len(sources) != len(targets):
        rule = f"as long as X, which has {len(sources)} sentences"
        raise ValueError(fault("y", rule, f"{len(targets)} of them"))
    return sources, targets


def _padded_to(length: int, pairs: Sequences) -> Sequences:
    """The same pairs, padded to a length; weights with mean 1 over all numbers of the loss."""
    counts = np.asarray(pairs.weights) > 0
    weights = counts * (len(pairs) * length / counts.sum())
    return replace(pairs, length=length, weights=weights)


def _padded(ids: list[np.ndarray]) -> np.ndarray:
    """Ids as rows of one length, one of few."""
    length = -(-max(map(len, ids)) // GRAIN) * GRAIN
    rows = np.full((len(ids), length), PADDING, dtype=np.int32)
    for row, part in zip(rows, ids, strict=True):
        row[: len(part)] = part
    return rows


class _Steps:
    """Steps of a decoder over some sources (N, S), for `beam_search`."""

    def __init__(self, compiled: Compiled, sources: np.ndarray) -> None:
        begin = compiled.function("begin", _beginning)
        self.run = compiled.function("step", _stepping)
        self.first = begin(sources)

    def step(self, tokens: np.ndarray, origins: np.ndarray, state: Any) -> tuple[Any, Any, Any]:
        if state is None:  # before the first token: one row a source
            log_probs, attention, state = self.first
            rows = ops.convert_to_tensor(origins.astype(np.int32))
            state = {key: ops.take(value, rows, axis=0) for key, value in state.items()}
            log_probs, attention = (
                ops.convert_to_numpy(part)[origins] for part in (log_probs, attention)
            )
        else:
            answer = self.run(tokens.astype(np.int32), origins.astype(np.int32), state)
            log_probs, attention, state = answer
        log_probs, attention = (np.array(ops.convert_to_numpy(p)) for p in (log_probs, attention))
        log_probs[:, UNKNOWN] = -np.inf
        return log_probs, attention if attention.shape[1] else None, state


def _beginning(model: Any) -> Any:
    return compiled_function(model.get_layer("translation").begin, model)


def _stepping(model: Any) -> Any:
    return compiled_function(model.get_layer("translation").step, model)


def _judging(model: Any) -> Any:
    translation = model.get_layer("translation")

    def judge(pairs: Any, following: Any) -> Any:
        logits = translation.taught(translation.remember(pairs[:, :, :1]), pairs[:, :, 1:])
        chosen = ops.take_along_axis(ops.log_softmax(logits), following[:, :, None], axis=-1)
        return chosen[:, :, 0]

    return compiled_function(judge, model)
