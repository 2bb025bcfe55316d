"""Text in, labels out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsmodels.backend import ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.data.sequences import Sequences
from tsmodels.estimators.bag import BagOfWords
from tsmodels.estimators.encoder import EncoderEstimator
from tsmodels.estimators.lifecycle import all_or_nothing
from tsmodels.estimators.sequence import Classifying, Tagging, softmax
from tsmodels.layers.crf import ChainLoss, decode, marginals
from tsmodels.networks import resolve
from tsmodels.networks.assembly import chained_model
from tsmodels.networks.embedded import Embedded
from tsmodels.text.entities import entity_f1, is_bio
from tsmodels.text.tokens import (
    PADDING,
    UNKNOWN,
    Tokens,
    Vocabulary,
    read_texts,
    resolve_tokens,
)
from tsmodels.training.blueprint import Blueprint
from tsmodels.training.recipe import Recipe

RATES = ("token_dropout", "embedding_dropout", "head_dropout")
ANY_RATE = 0.5  # stands in a blueprint for one that is given apart
HEADS = ("crf", "softmax")
LONGEST_WORD = 16  # characters that are read of a word
LETTERS = Tokens(kind="characters", vocab_size=1000, lowercase=False, max_length=LONGEST_WORD)
AT_ONCE = 512  # sentences
SHARES = np.linspace(0.0, 1.0, 21)  # of the network in a blend


@dataclass(kw_only=True, eq=False, repr=False)
class TextEstimator(EncoderEstimator):
    """What the estimators over text share: a vocabulary, and vectors of its tokens."""

    _nested: ClassVar[Mapping[str, Callable[..., Any]]] = {
        "network": resolve,
        "tokens": resolve_tokens,
    }

    tokens: Any = "wordpiece"
    d_embedding: int = 100
    vectors: Any = None
    token_dropout: float = 0.3
    embedding_dropout: float = 0.5
    head_dropout: float = 0.5
    loss: Any = "cross_entropy"
    learning_rate: Any = 2e-3
    epochs: int | None = 8
    batch_size: int = 64
    length_buckets: int = 4

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int("d_embedding", self.d_embedding)
        for name in RATES:
            check_real(name, getattr(self, name), 0.0, 1.0, open_high=True)
        known = isinstance(self.tokens, Vocabulary)
        if not known:
            resolve_tokens(self.tokens)
        if self.vectors is not None:
            _check_vectors(self.vectors, self.tokens if known else None, self.d_embedding)

    def _learn_vocabulary(self, texts: Sequence[str]) -> None:
        known = isinstance(self.tokens, Vocabulary)
        self.vocabulary_ = self.tokens if known else resolve_tokens(self.tokens).learn(texts)

    def _symbols(self, ids: Sequence[np.ndarray]) -> Sequences:
        """Tokens (T,) as sequences of their symbols."""
        rows = np.concatenate([self.vocabulary_.symbols(part) for part in ids])
        return Sequences.of(rows, np.array([len(part) for part in ids]))

    def _blueprint(self, **changes: Any) -> Blueprint:
        blueprint = super()._blueprint(**changes)
        spec = self._embedded(dict(blueprint.arguments)["network"])
        starts: dict[str, Any] = {
            "tokens/token_dropout_rate": self.token_dropout,
            "embedding_dropout/dropout_rate": self.embedding_dropout,
            "head_dropout/dropout_rate": self.head_dropout,
        }
        if self.vectors is not None:
            starts["tokens/embeddings"] = self._first_vectors()
        return blueprint.changed(network=spec).given(**starts)

    def _embedded(self, network: Any, **more: Any) -> Embedded:
        """The network with vectors before it; rates are given to a blueprint apart."""
        rates: Any = {name: ANY_RATE if getattr(self, name) else 0.0 for name in RATES}
        sizes: Any = {"size": self.vocabulary_.n_symbols, "d_embedding": self.d_embedding}
        return Embedded(network=network, **sizes, **rates, **more)

    def _first_vectors(self) -> np.ndarray:
        """The vectors handed, and small ones for what has none."""
        size = self.vocabulary_.n_symbols, self.d_embedding
        rows = np.random.default_rng(0).uniform(-0.05, 0.05, size).astype(np.float32)
        if isinstance(self.vectors, Mapping):
            for i, word in enumerate(self.vocabulary_.words):
                rows[i] = self.vectors.get(word, rows[i])
        else:
            rows[: len(self.vectors)] = self.vectors
        return rows


@dataclass(kw_only=True, eq=False, repr=False)
class TextClassifier(TextEstimator, Classifying):
    """Classifies texts, for instance by sentiment: any network that encodes, over its tokens.

    `X` is a list, array or column of strings. Beside the network, a logistic regression over the
    TF-IDF of words and pairs of words is always trained: `baseline_`. What that does better the
    network need not do, see `blend`.

    Parameters
    ----------
    network : name, spec, keras.Layer or function
        The encoder, "gru" unless told; `network__*` reaches its fields.
    tokens : name, Tokens or Vocabulary
        How text is cut: "wordpiece", "bpe", "characters", "words", or a `Tokens`, whose fields
        `tokens__*` reaches; or a vocabulary that was learned before, from more texts.
    d_embedding : int
        How many numbers the vector of a token has.
    vectors : dict or array, optional
        What these vectors are before training: a dict from tokens to vectors; or, with a
        `Vocabulary` as `tokens`, an array with a row for each of its `words`.
    token_dropout, embedding_dropout, head_dropout : float
        Shares that are left out in training: of tokens, which count as unknown; of the numbers of
        their vectors; of the features that the head reads.
    pooling : {"mean", "max", "last", "attention"}
        How steps become one vector; padding does not count.
    blend : None, "auto" or float
        The share of the network in the probabilities, the rest being the baseline's. None is all of
        it; "auto" takes the share with the least log-loss on the texts that were held out.
    validation : float or None
        The share of the texts, of each class alike, that is held out to stop early by, to choose
        the blend on, and to report `validation_scores_` on.
    class_weight, length_buckets, loss, epochs, max_steps, optimizer, learning_rate, schedule, \
    batch_size, patience, clipnorm, callbacks, random_state, verbose
        As in `SequenceClassifier`.

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.
    vocabulary_ : Vocabulary
        What turns text into numbers.
    baseline_ : BagOfWords
        TF-IDF and logistic regression, learned from the texts that the network learned from.
    blend_ : float
        The share of the network.
    validation_scores_ : dict
        Accuracy of "network", "baseline" and "blend" on what was held out; empty if nothing was.

    Examples
    --------
    >>> texts = ["a fine film", "so good", "很好", "a dull film", "so bad", "不好"] * 8
    >>> labels = ["good", "good", "good", "bad", "bad", "bad"] * 8
    >>> settings = {"tokens": "words", "learning_rate": 0.02, "random_state": 0}
    >>> model = TextClassifier("gru", **settings).fit(texts, labels)
    >>> model.predict(["fine", "不好"]).tolist()
    ['good', 'bad']
    >>> max(model.explain("a dull film"), key=lambda pair: pair[1])[0]
    'dull'
    """

    pooling: str = "mean"
    blend: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns the labels `y` of texts; `sample_weight` (N,) says how much each text counts.

        Raises ValueError or TypeError for data or parameters that cannot be used, before anything
        is trained.
        """
        texts = read_texts(X)
        with all_or_nothing(self):
            super().fit(texts, y, sample_weight)
            self._learn_baseline(texts, np.asarray(y), sample_weight)
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.blend == "auto":
            if self.validation is None:
                rule = "a share of the texts for blend='auto'"
                raise ValueError(fault("validation", rule, None, "Give validation=0.1."))
        elif self.blend is not None:
            check_real("blend", self.blend, 0.0, 1.0)

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        texts = read_texts(X)
        if reset:
            self._learn_vocabulary(texts)
        return self._symbols(self.vocabulary_.encode(texts))

    def _learn_baseline(self, texts: list[str], y: np.ndarray, sample_weight: Any) -> None:
        codes = np.searchsorted(self.classes_, y)
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        by_class = self._weight_of(y)
        weights = weights if by_class is None else weights * by_class
        learned = np.setdiff1d(np.arange(len(y)), self.held_out_)
        own = [texts[i] for i in learned]
        self.baseline_ = BagOfWords.fit(own, codes[learned], weights[learned])
        self.blend_ = 1.0
        self.validation_scores_: dict[str, float] = {}
        if self.blend is not None and self.blend != "auto":
            self.blend_ = float(self.blend)
        if len(self.held_out_):
            self._validate([texts[i] for i in self.held_out_], codes[self.held_out_])

    def _validate(self, texts: list[str], codes: np.ndarray) -> None:
        """Chooses the blend where it is asked for, and reports on the texts held out."""
        p, q = self._by_network(texts), self.baseline_.predict_proba(texts)
        if self.blend == "auto":
            rows = np.arange(len(codes))
            mixed = SHARES[:, None] * p[rows, codes] + (1.0 - SHARES[:, None]) * q[rows, codes]
            self.blend_ = float(SHARES[np.argmax(np.log(mixed + 1e-12).mean(axis=1))])
        parts = {"network": p, "baseline": q, "blend": self._blended(p, q)}
        scores = {name: float(np.mean(part.argmax(1) == codes)) for name, part in parts.items()}
        self.validation_scores_ = scores

    def _by_network(self, X: Any) -> np.ndarray:
        return softmax(self._outputs(X)[0])

    def _blended(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return self.blend_ * p + (1.0 - self.blend_) * q

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, classes), in the order of `classes_`; those of the blend if any."""
        check_is_fitted(self, "weights_")
        texts = read_texts(X)
        p = self._by_network(texts)
        return p if self.blend_ == 1.0 else self._blended(p, self.baseline_.predict_proba(texts))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each text, (N,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def explain(self, text: str, label: Any = None) -> list[tuple[str, float]]:
        """How much each word of a text speaks for a label: the likeliest one unless told.

        That is by how much the log-probability which the network gives the label falls when the
        word is one it does not know (occlusion; Zeiler & Fergus, 2014). All tokens of a word are
        hidden together; a Chinese character is a word unless the tokens were cut by jieba. Words
        come as they stand in the text. The baseline of a blend has no part in it.
        """
        check_is_fitted(self, "weights_")
        (text,) = read_texts([text], "text")
        (ids,) = self.vocabulary_.encode([text])
        words = self.vocabulary_.cut_words(text)
        steps = np.arange(len(ids))
        hidden = [np.where((i <= steps) & (steps < j), UNKNOWN, ids) for _, i, j in words]
        logs = np.log(softmax(self._answers(self._symbols([ids, *hidden]))) + 1e-12)
        code = int(np.argmax(logs[0]))
        if label is not None:
            known = check_option("label", label, self.classes_.tolist())
            code = self.classes_.tolist().index(known)
        falls = (logs[0, code] - logs[1:, code]).tolist()
        return [(word, fall) for (word, _, _), fall in zip(words, falls, strict=True)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class TextTagger(TextEstimator, Tagging):
    """Labels every word of a sentence, for instance the names in it, by BIO tags.

    `X` is a list of sentences, each a list of words; `y` has a label for each word in the same
    form, and so has what `predict` answers. A word is known by itself, or else as unknown, and by
    the characters it is written with. The parameters are those of `TextClassifier`, without pooling
    and blend, and these.

    Parameters
    ----------
    head : {"crf", "softmax"}
        "crf": labels depend on their neighbours, and the best sequence of them is found (Lafferty
        et al., 2001; Lample et al., 2016); "softmax": each word has its own.
    d_characters : int
        How many numbers a word has from its characters; 0 for none of them.
    tokens : "whole", Tokens or Vocabulary
        Whole words, here always; `tokens__min_frequency` says how often one must be seen to be
        known.

    Examples
    --------
    >>> X = [["Ada", "met", "Bob"], ["she", "met", "Ada"], ["Bob", "sang"]] * 8
    >>> y = [["B-per", "O", "B-per"], ["O", "O", "B-per"], ["B-per", "O"]] * 8
    >>> model = TextTagger("gru", learning_rate=0.02, random_state=0).fit(X, y)
    >>> [tags.tolist() for tags in model.predict([["Bob", "met", "Ada"]])], model.score(X, y)
    ([['B-per', 'O', 'B-per']], 1.0)
    """

    tokens: Any = "whole"
    head: str = "crf"
    d_characters: int = 30
    token_dropout: float = 0.2

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_option("head", self.head, HEADS)
        check_int("d_characters", self.d_characters, 0)
        if not isinstance(self.tokens, Vocabulary):
            check_option("tokens.kind", resolve_tokens(self.tokens).kind, ["whole"])
        for name, plain in (("class_weight", None), ("loss", "cross_entropy")):
            if self.head == "crf" and getattr(self, name) != plain:
                way_out = "Give head='softmax'."
                raise ValueError(fault(name, f"{plain!r} for a CRF", getattr(self, name), way_out))

    def _recipe(self) -> Recipe:
        recipe = super()._recipe()
        return replace(recipe, loss=ChainLoss()) if self.head == "crf" else recipe

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        sentences = read_sentences(X)
        words = [word for sentence in sentences for word in sentence]
        if reset:
            self._learn_vocabulary(words)
            self.characters_ = LETTERS.learn(words) if self.d_characters else None
        rows = np.concatenate(self.vocabulary_.encode(words))[:, None]
        if self.characters_ is not None:
            rows = np.concatenate([rows, _spelled(self.characters_, words)], axis=1)
        return Sequences.of(rows, np.array([len(sentence) for sentence in sentences]))

    def _embedded(self, network: Any, **more: Any) -> Embedded:
        if self.characters_ is not None:
            more |= {"characters": len(self.characters_), "d_characters": self.d_characters}
        return super()._embedded(network, **more)

    def _blueprint(self, **changes: Any) -> Blueprint:
        blueprint = super()._blueprint(**changes)
        return replace(blueprint, make=chained_model) if self.head == "crf" else blueprint

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Probabilities of `classes_` for each word: a list of (T, classes)."""
        return self._in_parts(X, super().predict_proba if self.head == "softmax" else self._chances)

    def predict(self, X: Any) -> list[np.ndarray]:
        """The labels of each sentence: with a CRF those that are the likeliest together."""
        return self._in_parts(X, super().predict if self.head == "softmax" else self._best)

    def _chances(self, X: Any) -> Any:
        return self._by_step(X, lambda p: p, of_all=_over_chains(marginals))

    def _best(self, X: Any) -> Any:
        return self._by_step(X, lambda codes: self.classes_[codes], of_all=_over_chains(decode))

    def _in_parts(self, X: Any, answer: Callable[[Any], Any]) -> list[np.ndarray]:
        """A few sentences at a time: a chain has a number for each pair of labels."""
        sentences = read_sentences(X)
        parts = [sentences[i : i + AT_ONCE] for i in range(0, len(sentences), AT_ONCE)]
        return [tags for part in parts for tags in answer(part)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """F1 of whole entities where the labels are BIO tags; else the share of right labels."""
        check_is_fitted(self, "weights_")
        if sample_weight is None and is_bio(self.classes_):
            return entity_f1(y, self.predict(X))
        return super().score(X, y, sample_weight)


def read_sentences(X: Any) -> list[list[str]]:
    """Lists of words, as lists; TypeError for texts that nobody has cut.

    >>> read_sentences([("a", "b")])
    [['a', 'b']]
    """
    if isinstance(X, str) or not isinstance(X, Iterable):
        raise TypeError(fault("X", "a list of lists of words", X))
    sentences = [read_texts(sentence, f"X[{i}]") for i, sentence in enumerate(X)]
    if not sentences:
        raise ValueError(fault("X", "at least one sentence", X))
    return sentences


def _spelled(letters: Vocabulary, words: list[str]) -> np.ndarray:
    """Ids of the first characters of each word, (N, LONGEST_WORD)."""
    rows = np.full((len(words), LONGEST_WORD), PADDING, dtype=np.int32)
    for row, ids in zip(rows, letters.encode(words), strict=True):
        row[: len(ids)] = ids
    return rows


def _over_chains(function: Callable[[Any], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of log-potentials in `keras.ops` as one of arrays."""
    return lambda psi: ops.convert_to_numpy(function(ops.convert_to_tensor(psi, "float32")))


def _check_vectors(vectors: Any, vocabulary: Vocabulary | None, width: int) -> None:
    """Raises ValueError for vectors of another width, or rows nobody knows the tokens of."""
    if isinstance(vectors, Mapping):
        shapes = {np.shape(vector) for vector in vectors.values()}
        if shapes != {(width,)}:
            raise ValueError(fault("vectors", f"of {width} numbers each", sorted(shapes)))
        return
    if vocabulary is None:
        rule = "a dict from tokens to vectors, unless tokens is a Vocabulary"
        raise ValueError(fault("vectors", rule, type(vectors).__name__))
    if np.shape(vectors) != (len(vocabulary), width):
        rule = f"of shape {(len(vocabulary), width)}: tokens, d_embedding"
        raise ValueError(fault("vectors", rule, np.shape(vectors)))
