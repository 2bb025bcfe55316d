"""Text in, more text out: what comes next, and how likely a text is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.backend import ops
from tsmodels.checks import check_int, check_real, fault
from tsmodels.data.streams import Streams, cut_stream
from tsmodels.estimators.base import NetworkEstimator
from tsmodels.estimators.lifecycle import Saved, all_or_nothing
from tsmodels.losses import TokenCrossEntropy
from tsmodels.networks import Custom, Network, resolve
from tsmodels.networks.assembly import language_model
from tsmodels.networks.embedded import Embedded
from tsmodels.networks.stream import CARRIED
from tsmodels.text.decoding import check_sampling, sample
from tsmodels.text.tokens import (
    PADDING,
    UNKNOWN,
    Tokens,
    Vocabulary,
    read_texts,
    resolve_tokens,
)
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.compiled import Compiled, leased
from tsmodels.training.fit import fit
from tsmodels.training.functions import compiled_function

AT_ONCE = 512  # tokens whose probabilities are asked for at once


def tokens_of(tokens: Any, **nested: Any) -> Tokens:
    """`resolve_tokens`, but that a name keeps capital letters.

    >>> tokens_of("characters").lowercase
    False
    """
    spec = resolve_tokens(tokens)
    spec = replace(spec, lowercase=False) if isinstance(tokens, str) else spec
    return resolve_tokens(spec, **nested)


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(Saved, NetworkEstimator):
    """Learns what comes next in a text, by any causal network over its tokens.

    Parameters
    ----------
    network : name, spec, keras.Layer or function
        A causal network, "lstm" unless told; `network__*` reaches its fields. "window_mlp" is the
        network of Bengio et al. (2003); a Transformer needs `causal_encoder=True`, and
        `max_length=length` to write with a cache of that size.
    tokens : name, Tokens or Vocabulary
        How text is cut: "characters" unless told, "bpe", "wordpiece", "words", or a `Tokens`, whose
        fields `tokens__*` reaches. A name keeps capital letters; `max_length` does not count.
    d_embedding : int
        How many numbers the vector of a token has.
    length : int
        Tokens in a window, through which gradients go back.
    carry : int
        About so many windows follow each other in training, the state carried over (truncated
        backpropagation through time), before it starts anew; 1 for windows by themselves. Networks
        whose state does not go on in parallel (`Network.carries`) have windows by themselves.
    validation : float or None
        The share at the end of the text, or of the texts, that is held out to stop early by.
    epochs, max_steps : int, optional
        The budget: passes over the text, and batches in all.
    loss, optimizer, learning_rate, schedule, batch_size, patience, clipnorm, callbacks, \
    random_state, verbose
        As in `Forecaster`; the loss is "cross_entropy".

    Attributes
    ----------
    vocabulary_ : Vocabulary
        What turns text into numbers.
    model_ : keras.Model
        Ids of tokens (B, length, 1), as a dict, to logits of those that follow.
    history_ : dict
        Losses by epoch, in nats a token: "loss", "val_loss" and what callbacks add.

    Examples
    --------
    >>> settings = {"length": 20, "learning_rate": 0.02, "random_state": 0}
    >>> model = LanguageModel("gru", **settings).fit("to be or not to be, " * 200)
    >>> model.generate("to be or", 12, temperature=0.0)
    ' not to be, '
    >>> model.bits_per_character("not to be") < 1.0
    True
    """

    _losses: ClassVar[Mapping[str, Any]] = {"cross_entropy": TokenCrossEntropy}
    _nested: ClassVar[Mapping[str, Callable[..., Any]]] = {"network": resolve, "tokens": tokens_of}

    network: Any = field(default="lstm", kw_only=False)
    tokens: Any = "characters"
    d_embedding: int = 64
    length: int = 100
    carry: int = 10
    validation: float | None = None
    loss: Any = "cross_entropy"
    learning_rate: Any = 5e-3
    epochs: int | None = 10
    batch_size: int = 32

    # --- learning ---------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learns from a text, or from a list of them.

        Raises ValueError or TypeError for data or parameters that cannot be used, before anything
        is trained.
        """
        self._check_parameters()
        texts = _read(X)
        with all_or_nothing(self):
            self.__dict__.pop("_model", None)
            self._learn(*self._held_out(texts))
        return self

    def _check_parameters(self) -> None:
        self._check_network()
        self._check_random_state()
        for name in ("d_embedding", "length", "carry"):
            check_int(name, getattr(self, name))
        if self.loss != "cross_entropy":
            raise ValueError(fault("loss", "'cross_entropy'", self.loss))
        self._recipe()
        if self.validation is not None:
            check_real("validation", self.validation, 0.0, 1.0, open_low=True, open_high=True)
        known = isinstance(self.tokens, Vocabulary)
        if len(self.tokens.pairs) if known else tokens_of(self.tokens).pairs:
            raise ValueError(fault("tokens.pairs", "0 where tokens are predicted", self.tokens))

    def _check_network(self) -> None:
        network = resolve(self.network)
        if not network.causal:
            rule = "causal: no step may see what follows it"
            raise ValueError(fault("network", rule, network.title, _way_to_causal(network)))

    def _held_out(self, texts: list[str]) -> tuple[list[str], list[str]]:
        """What is learned from, and the end that is held out."""
        if self.validation is None:
            return texts, []
        if len(texts) == 1:
            cut = len(texts[0]) - max(1, round(self.validation * len(texts[0])))
            return [texts[0][:cut]], [texts[0][cut:]]
        held = min(max(1, round(self.validation * len(texts))), len(texts) - 1)
        return texts[:-held], texts[-held:]

    def _learn(self, texts: list[str], held: list[str]) -> None:
        self.network_ = resolve(self.network)
        known = isinstance(self.tokens, Vocabulary)
        vocabulary = self.tokens if known else tokens_of(self.tokens).learn(texts)
        self.vocabulary_ = vocabulary.whole()
        rows, others = self._rows("X", texts), self._rows("validation", held) if held else None
        shortest = len(rows) if others is None else min(len(rows), len(others))
        self.length_ = min(self.length, shortest - 1)
        windows = self._windows(rows, self.batch_size, self.carry)
        validation = None if others is None else self._windows(others, 1, 1)
        run, streams = windows.run, min(self.batch_size, len(windows) // windows.run)
        recipe = replace(self._recipe(), batch_size=streams, loss=TokenCrossEntropy())
        blueprint = self._blueprint(streams, run) if run > 1 else self._blueprint()
        fitted = fit(blueprint, windows, validation, recipe, seeds=self._seeds())
        named = zip(fitted.names, fitted.weights, strict=True)
        self.weights_ = [weight for name, weight in named if not name.startswith(CARRIED)]
        self.history_ = fitted.history

    def _rows(self, name: str, texts: list[str]) -> np.ndarray:
        """The ids of all the texts in a row."""
        rows = np.concatenate([self._ids(text) for text in texts]).astype(np.float32)
        if len(rows) < 3:
            raise ValueError(fault(name, "text of at least two tokens", f"{len(rows) - 1} of them"))
        return rows

    def _windows(self, rows: np.ndarray, streams: int, carry: int) -> Streams:
        """Windows whose targets are the tokens that follow."""
        carry = carry if self.network_.carries else 1
        return cut_stream(rows[:-1, None], rows[1:], self.length_, streams, carry)

    def _ids(self, text: str) -> np.ndarray:
        """The ids of a text (T,), and padding before them: what stands before its first token."""
        (ids,) = self.vocabulary_.encode([text]) if text else (np.empty(0, np.int32),)
        return np.concatenate([[PADDING], ids]).astype(np.int32)

    def _blueprint(self, streams: int = 0, run: int = 1) -> Blueprint:
        size = len(self.vocabulary_)
        form = {"length": self.length_, "outputs": size, "streams": streams, "run": run}
        blueprint = self._blueprint_of(language_model, **form)
        network = dict(blueprint.arguments)["network"]
        spec = Embedded(network=network, size=size, d_embedding=self.d_embedding)
        return blueprint.changed(network=spec)

    # --- writing ----------------------------------------------------------------------------------

    def generate(
        self,
        prompt: Any = "",
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: Any = None,
    ) -> Any:
        """What might follow a text, or each of a list of texts: `length` tokens, without the text.

        Tokens are drawn one by one; see `tsmodels.text.decoding.probabilities` for `temperature`
        (0 takes the likeliest), `top_k` and `top_p`. A token costs as much as the one before where
        the network streams; others read the last `length` tokens again. `random_state` is that of
        the estimator unless told.
        """
        check_is_fitted(self, "weights_")
        check_int("length", length, 0)
        check_sampling(temperature, top_k, top_p)
        texts = [prompt] if isinstance(prompt, str) else read_texts(prompt, "prompt")
        prompts = [self._ids(text) for text in texts]
        seed = self.random_state if random_state is None else random_state
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(2**31))
        settings: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        with leased(self._blueprint()) as compiled:
            compiled.put(self._current_weights())
            writer = _writer(compiled, self.length_)
            states = [writer.read(ids[:-1]) for ids in prompts]
            last = np.array([ids[-1] for ids in prompts])
            rng = np.random.default_rng(seed)
            drawn = sample(writer.step, writer.joined(states), last, length, rng, **settings)
        texts = self.vocabulary_.decode(drawn)
        return texts[0] if isinstance(prompt, str) else texts

    # --- judging ----------------------------------------------------------------------------------

    def log_likelihood(self, X: Any) -> np.ndarray:
        """log P of each text in nats, (N,): the sum over its tokens, the first one too.

        Tokens that are not known count as one that is called unknown. Networks with a state read a
        text from its beginning to its end; others read windows of `length` that overlap by half.
        """
        check_is_fitted(self, "weights_")
        with leased(self._blueprint()) as compiled:
            compiled.put(self._current_weights())
            judge = _judge(compiled, self.length_)
            return np.array([judge(self._ids(text)) for text in _read(X)])

    def perplexity(self, X: Any) -> float:
        """exp of minus the mean log-likelihood of a token."""
        texts = _read(X)
        n = sum(len(self._ids(text)) - 1 for text in texts)
        return math.exp(-float(self.log_likelihood(texts).sum()) / n)

    def bits_per_character(self, X: Any) -> float:
        """Minus the log-likelihood in bits, over the number of characters."""
        texts = _read(X)
        return -float(self.log_likelihood(texts).sum()) / math.log(2.0) / sum(map(len, texts))

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the bits per character: more is better."""
        return -self.bits_per_character(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _read(X: Any) -> list[str]:
    texts = [X] if isinstance(X, str) else read_texts(X)
    if not any(texts):
        raise ValueError(fault("X", "text that is not empty", X))
    return [text for text in texts if text]


def _way_to_causal(network: Network) -> str:
    if isinstance(network, Custom):
        return "If it is, say so: Custom(encoder=..., causal=True)."
    if not type(network).__module__.startswith("tsmodels."):
        return "If it is, say so: override `causal`."
    return "A Transformer needs causal_encoder=True, others bidirectional='none'."


# --- the network, step by step --------------------------------------------------------------------


def _writer(compiled: Compiled, length: int) -> Any:
    streams = compiled.model.get_layer("network").network.streams
    return _Streaming(compiled) if streams else _Windowed(compiled, length)


class _Streaming:
    """Steps of a network with a state."""

    def __init__(self, compiled: Compiled) -> None:
        self.layer = compiled.model.get_layer("network")
        self.run = compiled.function("step", self._compiled)

    @staticmethod
    def _compiled(model: Any) -> Any:
        stream, head = model.get_layer("network"), model.get_layer("head")

        def step(tokens: Any, origins: Any, state: Any) -> Any:
            own = {key: ops.take(value, origins, axis=0) for key, value in state.items()}
            y, own = stream.network.step(stream.parts, tokens[:, None], own)
            return ops.log_softmax(head(y)), own

        return compiled_function(step, model)

    def read(self, ids: np.ndarray) -> Any:
        """The state after some tokens."""
        state = self.layer.network.initial_state(self.layer.parts, 1)
        for token in ids:
            _, state = self.run(np.array([token], np.int32), np.zeros(1, np.int32), state)
        return state

    def joined(self, states: list[Any]) -> Any:
        """States as one, a row each."""
        return {key: ops.concatenate([own[key] for own in states]) for key in states[0]}

    def step(self, tokens: np.ndarray, origins: np.ndarray, state: Any) -> tuple[Any, None, Any]:
        """A step for `tsmodels.text.decoding`."""
        log_probs, state = self.run(tokens.astype(np.int32), origins.astype(np.int32), state)
        return _known(ops.convert_to_numpy(log_probs)), None, state


class _Windowed:
    """Steps of a network without a state, which reads the last tokens again: (ids, how many)."""

    def __init__(self, compiled: Compiled, length: int) -> None:
        self.length = length
        self.run = compiled.function("window", self._compiled)

    @staticmethod
    def _compiled(model: Any) -> Any:
        def last(ids: Any, n: Any) -> Any:
            logits = model({"sequence": ids[:, :, None]}, training=False)  # (N, T, V)
            here = ops.take_along_axis(logits, n[:, None, None] - 1, axis=1)
            return ops.log_softmax(here[:, 0])

        return compiled_function(last, model)

    def read(self, ids: np.ndarray) -> Any:
        last = ids[-self.length :]
        row = np.full((1, self.length), PADDING, dtype=np.int32)
        row[0, : len(last)] = last
        return row, np.array([len(last)], dtype=np.int32)

    def joined(self, states: list[Any]) -> Any:
        ids, n = zip(*states, strict=True)
        return np.concatenate(ids), np.concatenate(n)

    def step(self, tokens: np.ndarray, origins: np.ndarray, state: Any) -> tuple[Any, None, Any]:
        ids, n = (part[origins] for part in state)
        full = n == self.length
        ids[full] = np.roll(ids[full], -1, axis=1)
        n = np.minimum(n + 1, self.length).astype(np.int32)
        ids[np.arange(len(ids)), n - 1] = tokens
        return _known(ops.convert_to_numpy(self.run(ids, n))), None, (ids, n)


def _known(log_probs: np.ndarray) -> np.ndarray:
    """Without padding and the unknown, which nobody can read."""
    log_probs = np.array(log_probs)
    log_probs[:, [PADDING, UNKNOWN]] = -np.inf
    return log_probs


# --- how likely a text is -------------------------------------------------------------------------


def _judge(compiled: Compiled, length: int) -> Callable[[np.ndarray], float]:
    """A function that gives the log-likelihood of ids (T,), whose first is padding."""
    if compiled.model.get_layer("network").network.carries:
        return lambda ids: _read_on(compiled, ids)
    return lambda ids: _in_windows(compiled, ids, length)


def _read_on(compiled: Compiled, ids: np.ndarray) -> float:
    """From the beginning to the end, part after part."""
    layer = compiled.model.get_layer("network")
    run = compiled.function("advance", _advancing)
    state, total = layer.network.initial_state(layer.parts, 1), 0.0
    n = len(ids) - 1
    length = min(1 << max(n - 1, 15).bit_length(), AT_ONCE)  # one of few
    padded = np.pad(ids, (0, -n % length))
    for first in range(0, n, length):
        part = padded[None, first : first + length + 1]
        log_probs, state = run(part[:, :-1], part[:, 1:], state)
        total += float(ops.convert_to_numpy(log_probs)[0, : n - first].sum(dtype=np.float64))
    return total


def _advancing(model: Any) -> Any:
    stream, head = model.get_layer("network"), model.get_layer("head")

    def advance(ids: Any, following: Any, state: Any) -> Any:
        y, state = stream.network.advance(stream.parts, ids[:, :, None], state)
        return _chosen(head(y), following), state

    return compiled_function(advance, model)


def _in_windows(compiled: Compiled, ids: np.ndarray, length: int) -> float:
    """In windows that overlap by half: a token is judged after at least half a window."""
    run = compiled.function("windows", _whole_windows)
    n, half = len(ids) - 1, max(length // 2, 1)
    firsts = np.arange(0, max(n - length, 0) + half, half)
    padded = np.pad(ids, (0, max(int(firsts[-1]) + length + 1 - len(ids), 0)))
    rows = padded[firsts[:, None] + np.arange(length + 1)]  # (windows, length + 1)
    fresh = np.where(firsts[:, None] == 0, 0, length - half) <= np.arange(length)
    counted = fresh & (firsts[:, None] + np.arange(length) < n)
    total = 0.0
    for part in np.split(np.arange(len(rows)), range(32, len(rows), 32)):
        whole = np.resize(part, 32)  # one shape for all
        log_probs = ops.convert_to_numpy(run(rows[whole, :-1], rows[whole, 1:]))[: len(part)]
        total += float(log_probs[counted[part]].sum(dtype=np.float64))
    return total


def _whole_windows(model: Any) -> Any:
    def judged(ids: Any, following: Any) -> Any:
        return _chosen(model({"sequence": ids[:, :, None]}, training=False), following)

    return compiled_function(judged, model)


def _chosen(logits: Any, tokens: Any) -> Any:
    """The log-probabilities of tokens (B, T) under logits (B, T, V)."""
    chosen = ops.take_along_axis(ops.log_softmax(logits), tokens[:, :, None], axis=-1)
    return chosen[:, :, 0]
