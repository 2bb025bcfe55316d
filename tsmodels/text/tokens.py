"""Text as numbers: how it is cut into tokens, and the vocabulary that is learned of them.

`Tokens` says how; `Tokens.learn` gives a `Vocabulary`, whose one JSON holds everything that turns
text into numbers. Id 0 is padding and 1 whatever is not known; they come in every vocabulary.
"""

from __future__ import annotations

import functools
import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tsmodels.checks import check_int, check_option, did_you_mean, fault

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING, UNKNOWN = 0, 1
SPECIAL = ["[PAD]", "[UNK]"]
KINDS = ("wordpiece", "bpe", "characters", "words", "whole")
BYTES = 256
PRIVATE = 0x100000  # from here on 65,534 characters stand for nothing


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """How text is cut.

    `kind` is "wordpiece" (Schuster & Nakajima, 2012), "bpe" over bytes, which knows every string
    (Sennrich et al., 2016; Radford et al., 2019), "characters", "words", or "whole": what is given
    is a token as it stands. A vocabulary has at most `vocab_size` tokens, each seen at least
    `min_frequency` times. All text is brought to NFKC and,
    with `lowercase`, to small letters. Every Chinese character is a word, unless `jieba` cuts
    Chinese into words (Python package jieba). What comes after `max_length` tokens is left out.
    The `pairs` most frequent pairs of neighbours are symbols of their own beside their tokens.

    >>> vocabulary = Tokens(min_frequency=1).learn(["not bad", "不好"])
    >>> [vocabulary.words[i] for i in vocabulary.encode(["不 BAD!"])[0]]
    ['不', 'bad', '[UNK]']
    """

    kind: str = "wordpiece"
    vocab_size: int = 8000
    min_frequency: int = 2
    lowercase: bool = True
    jieba: bool = False
    max_length: int = 256
    pairs: int = 0

    def __post_init__(self) -> None:
        check_option("tokens.kind", self.kind, KINDS)
        smallest = BYTES + len(SPECIAL) if self.kind == "bpe" else len(SPECIAL) + 1
        check_int("tokens.vocab_size", self.vocab_size, smallest)
        for name in ("min_frequency", "max_length"):
            check_int(f"tokens.{name}", getattr(self, name))
        check_int("tokens.pairs", self.pairs, 0)
        for name in ("lowercase", "jieba"):
            check_option(f"tokens.{name}", getattr(self, name), [False, True])

    def learn(self, texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of some texts; the same texts in the same order give the same one."""
        tokenizer, texts = self._tokenizer(), list(texts)
        parts = [tokenizer.normalizer.normalize_str(text) for text in self._cut(texts)]
        if self.kind == "wordpiece":
            pieces = self._pieces(parts, tokenizer.pre_tokenizer)
            tokenizer.model = _tokenizers().models.WordPiece(pieces, unk_token=SPECIAL[UNKNOWN])
        else:
            tokenizer.train_from_iterator(parts, self._trainer())
        tokenizer.enable_truncation(self.max_length)
        vocabulary = Vocabulary(json=tokenizer.to_str(), jieba=self.jieba)
        return (
            replace(vocabulary, pairs=self._pairs(vocabulary, texts)) if self.pairs else vocabulary
        )

    def of(self, words: Sequence[str]) -> Vocabulary:
        """The vocabulary of tokens that are known already, their ids being their places.

        The first two are padding and what is not known; pieces that go on a word begin with "##".

        >>> vocabulary = Tokens().of(["[PAD]", "[UNK]", "un", "##like", "##ly"])
        >>> vocabulary.decode([vocabulary.encode(["Unlikely"])[0]])
        ['unlikely']
        """
        if self.kind == "bpe":
            way_out = "Byte pairs are learned from texts: Tokens(kind='bpe').learn(texts)."
            raise ValueError(fault("tokens.kind", "one of whole tokens", self.kind, way_out))
        ids = {word: i for i, word in enumerate(words)}
        if len(ids) < len(words) or list(words[:2]) != SPECIAL:
            rule = f"distinct, beginning with {SPECIAL}"
            raise ValueError(fault("words", rule, list(words[:5])))
        tokenizer, tk = self._tokenizer(), _tokenizers()
        model = tk.models.WordPiece if self.kind == "wordpiece" else tk.models.WordLevel
        tokenizer.model = model(ids, unk_token=SPECIAL[UNKNOWN])
        tokenizer.enable_truncation(self.max_length)
        return Vocabulary(json=tokenizer.to_str(), jieba=self.jieba)

    def _pairs(self, vocabulary: Vocabulary, texts: list[str]) -> tuple[int, ...]:
        """The most frequent pairs of known tokens, as `Vocabulary.pairs`."""
        parts = [pair_codes(ids, len(vocabulary)) for ids in vocabulary.encode(texts)]
        codes, counts = np.unique(np.concatenate(parts), return_counts=True)
        counts = np.where(codes < 0, 0, counts)
        often = np.argsort(-counts, kind="stable")[: self.pairs]
        return tuple(np.sort(codes[often[counts[often] >= self.min_frequency]]).tolist())

    def _pieces(self, texts: list[str], first_cut: Any) -> dict[str, int]:
        """Pieces of words and their ids, "##" before those that go on a word.

        Found as by the trainer of WordPiece, which is byte-pair encoding over such pieces, but that
        characters inside words are other characters meanwhile: with "##" in their names, their
        order would be another in each process.
        """
        tk = _tokenizers()
        texts = _with_common_characters(
            texts, min(self.vocab_size // 2 - 1, 65_000), self.min_frequency
        )
        alphabet = sorted(set(itertools.chain.from_iterable(texts)))
        inside = {ord(c): chr(PRIVATE + i) for i, c in enumerate(alphabet)}
        outside = {code: chr(c) for c, code in inside.items()}

        def marked(text: str) -> str:
            words = (word for word, _ in first_cut.pre_tokenize_str(text))
            return " ".join(word[0] + word[1:].translate(inside) for word in words)

        def plain(piece: str) -> str:
            first = "##" if piece[0] in outside else ""
            return first + "".join(outside.get(c, c) for c in piece)

        trained = tk.Tokenizer(tk.models.BPE())
        trained.pre_tokenizer = tk.pre_tokenizers.WhitespaceSplit()
        trained.train_from_iterator(map(marked, texts), self._trainer())
        found = sorted(trained.get_vocab().items(), key=lambda pair: pair[1])
        return {p if p in SPECIAL else plain(p): i for p, i in found}

    def _cut(self, texts: Iterable[str]) -> list[str]:
        sound = [sound_text(text) for text in texts]
        return [_cut_by_jieba(text) for text in sound] if self.jieba else sound

    def _tokenizer(self) -> Tokenizer:
        """An untrained one: normaliser, first cut and model."""
        tk = _tokenizers()
        steps = [tk.normalizers.NFKC()]
        if self.kind in ("wordpiece", "words"):
            split = {"handle_chinese_chars": not self.jieba, "lowercase": self.lowercase}
            steps.append(tk.normalizers.BertNormalizer(strip_accents=False, **split))
        elif self.lowercase:
            steps.append(tk.normalizers.Lowercase())
        word_level = tk.models.WordLevel(unk_token=SPECIAL[UNKNOWN])
        model, first_cut = {
            "wordpiece": (
                tk.models.WordPiece(unk_token=SPECIAL[UNKNOWN]),
                tk.pre_tokenizers.BertPreTokenizer(),
            ),
            "bpe": (tk.models.BPE(), tk.pre_tokenizers.ByteLevel(add_prefix_space=True)),
            "characters": (word_level, tk.pre_tokenizers.Split(tk.Regex("(?m)."), "isolated")),
            "words": (word_level, tk.pre_tokenizers.BertPreTokenizer()),
            "whole": (word_level, None),
        }[self.kind]
        tokenizer = tk.Tokenizer(model)
        tokenizer.normalizer = tk.normalizers.Sequence(steps)
        if first_cut is not None:
            tokenizer.pre_tokenizer = first_cut
        joined = {
            "wordpiece": tk.decoders.WordPiece(cleanup=False),
            "bpe": tk.decoders.ByteLevel(),
            "characters": tk.decoders.Fuse(),
        }
        if self.kind in joined:
            tokenizer.decoder = joined[self.kind]
        return tokenizer

    def _trainer(self) -> Any:
        tk = _tokenizers()
        sizes = {"vocab_size": self.vocab_size, "min_frequency": self.min_frequency}
        settings: dict[str, Any] = {**sizes, "special_tokens": SPECIAL, "show_progress": False}
        if self.kind == "wordpiece":
            return tk.trainers.BpeTrainer(**settings)
        if self.kind == "bpe":
            alphabet = tk.pre_tokenizers.ByteLevel.alphabet()
            return tk.trainers.BpeTrainer(**settings, initial_alphabet=alphabet)
        return tk.trainers.WordLevelTrainer(**settings)


def resolve_tokens(tokens: Any, **nested: Any) -> Tokens:
    """The `Tokens` behind a kind or a spec, with the fields of `nested` replaced.

    >>> resolve_tokens("bpe", vocab_size=500).vocab_size
    500
    """
    if isinstance(tokens, str):
        tokens = Tokens(kind=check_option("tokens", tokens, KINDS))
    if not isinstance(tokens, Tokens):
        raise TypeError(fault("tokens", f"one of {list(KINDS)} or a Tokens", tokens))
    known = [field.name for field in fields(tokens)]
    for key in nested:
        if key not in known:
            rule = f"a field of Tokens, one of {known}"
            raise ValueError(fault(f"tokens__{key}", rule, key, did_you_mean(key, known)))
    return replace(tokens, **nested) if nested else tokens


@dataclass(frozen=True)
class Vocabulary:
    """What `Tokens.learn` found: text to numbers, by one JSON of the library tokenizers.

    >>> vocabulary = Tokens(kind="characters", min_frequency=1).learn(["不好"])
    >>> vocabulary.cut("好啊"), [ids.tolist() for ids in vocabulary.encode(["好啊", ""])]
    ([('好', 0, 1), ('啊', 1, 2)], [[3, 1], [1]])
    """

    json: str
    jieba: bool = False
    pairs: tuple[int, ...] = ()  # as `pair_codes` has them, sorted

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    @property
    def n_symbols(self) -> int:
        """Tokens, and after them pairs."""
        return len(self) + len(self.pairs)

    def symbols(self, ids: np.ndarray) -> np.ndarray:
        """The symbols (T, K) of tokens (T,): the token, and its pair with the one before or 0."""
        if not self.pairs:
            return ids[:, None]
        codes, known = pair_codes(ids, len(self)), self._pair_codes
        places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        pairs = np.where(known[places] == codes, len(self) + places, PADDING)
        return np.stack([ids, np.concatenate([[PADDING], pairs])], axis=1).astype(np.int32)

    @property
    def words(self) -> list[str]:
        """The tokens in the order of their ids: rows for a matrix of vectors."""
        return [str(self._tokenizer.id_to_token(i)) for i in range(len(self))]

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The ids (T,) of each text; one without any token is one that is unknown.

        So is what is written like padding, "[PAD]".
        """
        ids = [np.array(found.ids or [UNKNOWN], dtype=np.int32) for found in self._found(texts)]
        return [np.maximum(part, UNKNOWN) for part in ids]

    def whole(self) -> Vocabulary:
        """The same vocabulary, but that nothing of a text is left out for its length.

        >>> vocabulary = Tokens(kind="characters", min_frequency=1, max_length=2).learn(["abc"])
        >>> len(vocabulary.encode(["abcabc"])[0]), len(vocabulary.whole().encode(["abcabc"])[0])
        (2, 6)
        """
        tokenizer = _tokenizers().Tokenizer.from_str(self.json)
        tokenizer.no_truncation()
        return replace(self, json=tokenizer.to_str())

    def decode(self, ids: Iterable[Any]) -> list[str]:
        """The text of each of some lists of ids, without padding and what is no token.

        >>> vocabulary = Tokens(min_frequency=1).learn(["unlike others"])
        >>> vocabulary.decode([[*vocabulary.encode(["others unlike"])[0], 0, -1]])
        ['others unlike']
        """
        parts = [[int(i) for i in part if i > PADDING] for part in ids]
        return self._tokenizer.decode_batch(parts, skip_special_tokens=False)

    def cut(self, text: str) -> list[tuple[str, int, int]]:
        """The tokens as they stand in the text, and from where to where, in the order of ids.

        Places are those in the text with blanks between words where jieba cuts it.
        """
        (found,) = self._found([text])
        whole = _cut_by_jieba(sound_text(text)) if self.jieba else sound_text(text)
        return [(whole[a:b], a, b) for a, b in found.offsets] or [("", 0, 0)]

    def cut_words(self, text: str) -> list[tuple[str, int, int]]:
        """The words as they stand in the text, and which tokens each is: the first, and one more
        than the last.

        >>> vocabulary = Tokens(vocab_size=30, min_frequency=1).learn(["doll dull"])
        >>> vocabulary.cut_words("Doll, dull")
        [('Doll', 0, 1), (',', 1, 2), ('dull', 2, 3)]
        """
        (found,) = self._found([text])
        cut, words = self.cut(text), found.word_ids or [0]
        starts = [i for i, word in enumerate(words) if i == 0 or word != words[i - 1]]
        whole = _cut_by_jieba(sound_text(text)) if self.jieba else sound_text(text)
        ends = [*starts[1:], len(words)]
        return [
            (whole[cut[i][1] : cut[j - 1][2]].strip(), i, j)
            for i, j in zip(starts, ends, strict=True)
        ]

    def _found(self, texts: Iterable[str]) -> Sequence[Any]:
        sound = [sound_text(text) for text in texts]
        if self.jieba:
            sound = [_cut_by_jieba(text) for text in sound]
        return self._tokenizer.encode_batch(sound, add_special_tokens=False)

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return _tokenizers().Tokenizer.from_str(self.json)

    @functools.cached_property
    def _pair_codes(self) -> np.ndarray:
        return np.array(self.pairs, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {"json": self.json, "jieba": self.jieba, "pairs": self.pairs}


def pair_codes(ids: np.ndarray, size: int) -> np.ndarray:
    """One number for each pair of neighbours, (T - 1,); -1 where one of them is unknown.

    >>> pair_codes(np.array([2, 3, 1, 2]), size=10).tolist()
    [23, -1, -1]
    """
    first, second = ids[:-1].astype(np.int64), ids[1:].astype(np.int64)
    known = np.minimum(first, second) > UNKNOWN
    return np.where(known, first * size + second, -1)


def read_texts(X: Any, name: str = "X") -> list[str]:
    """Strings of a list, an array or a column, as a list; TypeError for anything that is not one.

    >>> read_texts(["a", "b"])
    ['a', 'b']
    """
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        way_out = "A single text is X=[text]." if isinstance(X, str) else ""
        raise TypeError(fault(name, "a list of strings", X, way_out))
    texts = list(X)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            way_out = "Fill in what is missing, for instance with ''."
            raise TypeError(fault(f"{name}[{i}]", "a string", text, way_out))
    if not texts:
        raise ValueError(fault(name, "at least one text", texts))
    return texts


def sound_text(text: str) -> str:
    """The text with halves of surrogate pairs joined, or replaced where one is missing.

    >>> sound_text("a" + chr(0xD83D) + chr(0xDE00)) == "a😀", sound_text("b" + chr(0xD800))
    (True, 'b\ufffd')
    """
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _with_common_characters(texts: list[str], most: int, least: int) -> list[str]:
    """The texts, but blanks where a character is rare: a sub-word alphabet has them all."""
    counts = Counter(itertools.chain.from_iterable(texts))
    common = [character for character, count in counts.most_common(most) if count >= least]
    rare = dict.fromkeys(map(ord, counts.keys() - set(common)), " ")
    return [text.translate(rare) for text in texts]


def _cut_by_jieba(text: str) -> str:
    return " ".join(_jieba().cut(text))


@functools.cache
def _jieba() -> Any:
    try:
        import jieba
    except ImportError as error:
        way_out = "Install it with: pip install 'tsmodels[zh]'."
        raise ImportError(f"tokens.jieba needs the package jieba. {way_out}") from error
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba


@functools.cache
def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        way_out = "Install it with: pip install 'tsmodels[text]'."
        raise ImportError(f"Text needs the package tokenizers. {way_out}") from error
    return tokenizers
