"""Tokens and vocabularies: any string becomes numbers, always the same ones."""

import copy
import json
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsmodels.text.tokens import (
    KINDS,
    SPECIAL,
    UNKNOWN,
    Tokens,
    read_texts,
    resolve_tokens,
    sound_text,
)

TEXTS = [
    "A gripping, funny film; not a dull minute.",
    "not funny , not gripping . a dull film",
    "房间不好，服务也不好！",
    "房间很大 hotel very good，下次还来 😀",
    "ﬁne Ｗｉｄｅ Café naïve",
] * 2
SPECS = {kind: Tokens(kind=kind, vocab_size=300, min_frequency=1) for kind in KINDS}
VOCABULARIES = {kind: spec.learn(TEXTS) for kind, spec in SPECS.items()}


def words_of(vocabulary, text):
    words = vocabulary.words
    return [words[i] for i in vocabulary.encode([text])[0]]


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(st.characters(exclude_categories=())))
@settings(max_examples=60, deadline=None)
def test_any_string_becomes_numbers(kind, text):
    vocabulary = VOCABULARIES[kind]
    (ids,) = vocabulary.encode([text])
    assert ids.dtype == np.int32 and 1 <= len(ids) <= 256
    assert ids.min() >= 1 and ids.max() < len(vocabulary)
    assert len(vocabulary.cut(text)) == len(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_dense_and_special_tokens_come_first(kind):
    vocabulary = VOCABULARIES[kind]
    assert vocabulary.words[:2] == SPECIAL and len(set(vocabulary.words)) == len(vocabulary) <= 300
    assert json.loads(vocabulary.json)["truncation"]["max_length"] == 256


def test_what_each_kind_makes_of_a_text():
    text = "NOT good，不好"
    assert words_of(VOCABULARIES["words"], text) == [
        "not",
        "good",
        ",",
        "不",
        "好",
    ]
    assert words_of(VOCABULARIES["characters"], "Ｎot") == ["n", "o", "t"]
    assert words_of(VOCABULARIES["wordpiece"], "funny 不") == ["funny", "不"]
    pieces = words_of(VOCABULARIES["wordpiece"], "funnot")
    assert "".join(piece.removeprefix("##") for piece in pieces) == "funnot" and len(pieces) > 1


def test_bytes_know_every_character():
    unknown = "ᚠ龘👩‍👩‍👧"
    assert UNKNOWN not in VOCABULARIES["bpe"].encode([unknown])[0]
    assert "".join(words_of(VOCABULARIES["bpe"], "Ok no")) == "ĠokĠno"
    assert UNKNOWN in VOCABULARIES["characters"].encode([unknown])[0]


def test_letters_keep_their_case_if_asked():
    spec = Tokens(kind="words", min_frequency=1, lowercase=False)
    assert "A" in spec.learn(TEXTS).words and "a" not in SPECS["words"].learn(["A b"]).words[3:]


def test_places_are_those_of_the_text():
    text = "Dull  ﬁlm😀不好!"
    for kind in ("wordpiece", "words", "characters"):
        for token, start, end in VOCABULARIES[kind].cut(text):
            assert token == text[start:end] and token
    assert VOCABULARIES["words"].cut("") == [("", 0, 0)]


def test_a_text_without_tokens_is_unknown():
    for kind in KINDS:
        assert VOCABULARIES[kind].encode([""])[0].tolist() == [UNKNOWN]


def test_long_texts_are_cut_off_in_little_time():
    started = time.process_time()
    lengths = [len(VOCABULARIES[k].encode(["好 a" * 100_000, "x" * 100_000])[0]) for k in KINDS[:4]]
    assert lengths == [256] * 4 and time.process_time() - started < 10


@pytest.mark.parametrize("size", [20, 60])
def test_small_vocabularies_keep_to_their_size(size):
    many = ["".join(map(chr, range(0x4E00, 0x4E00 + 500))), *TEXTS * 3]
    vocabulary = Tokens(vocab_size=size, min_frequency=1).learn(many)
    assert len(vocabulary) <= size and "n" in vocabulary.words


def test_rare_tokens_are_unknown():
    vocabulary = Tokens(kind="words", min_frequency=3).learn([*TEXTS, "dull dull", "unicum"])
    assert "dull" in vocabulary.words and "unicum" not in vocabulary.words


def test_jieba_cuts_words():
    texts = ["房间很大，服务不好"] * 3
    vocabulary = Tokens(kind="words", jieba=True).learn(texts)
    assert "房间" in vocabulary.words and len(vocabulary.encode(texts)[0]) < len(texts[0])
    assert pickle.loads(pickle.dumps(vocabulary)).jieba


CODE = """
import sys, hashlib
sys.path.insert(0, "tests/text")
from test_tokens import SPECS, TEXTS
print([hashlib.sha256(SPECS[k].learn(TEXTS).json.encode()).hexdigest() for k in sorted(SPECS)])
"""


def test_the_same_texts_give_the_same_vocabulary_in_any_process():
    answers = {
        subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(answers) == 1
    for kind, spec in SPECS.items():
        for _ in range(5):
            assert spec.learn(TEXTS) == VOCABULARIES[kind]


def test_copies_read_alike():
    vocabulary = VOCABULARIES["wordpiece"]
    vocabulary.encode(["a"])
    for other in (pickle.loads(pickle.dumps(vocabulary)), copy.deepcopy(vocabulary)):
        assert other == vocabulary and words_of(other, "不 film") == ["不", "film"]


def test_a_kind_or_a_spec_and_its_fields():
    assert resolve_tokens("bpe", vocab_size=400) == Tokens(kind="bpe", vocab_size=400)
    with pytest.raises(ValueError, match="Did you mean 'vocab_size'"):
        resolve_tokens("words", vocabsize=3)
    with pytest.raises(ValueError, match="Did you mean 'wordpiece'"):
        resolve_tokens("wordpieces")
    with pytest.raises(TypeError, match="tokens must be one of"):
        resolve_tokens(3)
    with pytest.raises(ValueError, match="tokens.vocab_size must be an int of at least 258"):
        Tokens(kind="bpe", vocab_size=100)


@pytest.mark.parametrize("X", ["one text", 3, [None], ["a", float("nan")], [b"a"]])
def test_what_is_no_list_of_strings_is_refused(X):
    with pytest.raises(TypeError, match="X"):
        read_texts(X)


def test_no_text_is_refused():
    with pytest.raises(ValueError, match="at least one text"):
        read_texts([])


def test_halves_of_pairs():
    assert sound_text("a\ud83d\ude00") == "a😀" and sound_text("\ud800") == "\ufffd"


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "characters"])
def test_texts_come_back(kind):
    texts = ["to be , or not to be", "不 好 , 很 好"]
    vocabulary = Tokens(kind=kind, min_frequency=1, vocab_size=300).learn(texts)
    back = vocabulary.decode(vocabulary.encode(texts))
    assert [text.strip() for text in back] == texts


def test_padding_and_what_is_no_token_are_left_out_of_texts():
    vocabulary = Tokens(kind="characters", min_frequency=1).learn(["abc"])
    ids = vocabulary.encode(["cab"])[0]
    assert vocabulary.decode([[0, *ids, 0, -1]]) == ["cab"]


@pytest.mark.parametrize(
    "kind, words, sentence",
    [
        ("bpe", ["[PAD]", "[UNK]", "a"], "tokens.kind must be one of whole tokens"),
        ("wordpiece", ["a", "b"], "words must be distinct, beginning with"),
        ("words", ["[PAD]", "[UNK]", "a", "a"], "words must be distinct"),
    ],
)
def test_known_tokens_that_cannot_be_are_refused(kind, words, sentence):
    with pytest.raises(ValueError, match=sentence):
        Tokens(kind=kind).of(words)


@pytest.mark.parametrize("kind", ["characters", "whole"])
def test_a_text_may_be_written_like_padding(kind):
    vocabulary = Tokens(kind=kind, min_frequency=1).learn(["[PAD]", "a"])
    assert vocabulary.encode(["[PAD]"])[0].min() > 0
