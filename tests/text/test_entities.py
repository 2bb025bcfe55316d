"""Entities by hand."""

import pytest

from tsmodels.text.entities import entities, entity_f1, is_bio


def test_what_begins_and_ends_an_entity():
    assert entities(["O", "B-x", "I-x", "I-y", "O", "I-x"]) == {
        ("x", 1, 3),
        ("y", 3, 4),
        ("x", 5, 6),
    }
    assert entities(["B-x", "B-x"]) == {("x", 0, 1), ("x", 1, 2)}
    assert entities([]) == set() == entities(["O", "O"])


def test_place_and_kind_must_both_be_right():
    truth = [["B-x", "I-x", "O", "B-y"], ["O", "B-x"]]
    assert entity_f1(truth, truth) == 1.0
    assert entity_f1(truth, [["B-x", "I-x", "O", "B-x"], ["O", "O"]]) == 2 * 1 / (3 + 2)
    assert entity_f1([["O"]], [["O"]]) == 1.0 and entity_f1([["O"]], [["B-x"]]) == 0.0
    with pytest.raises(ValueError, match="answer must be 2 tags"):
        entity_f1([["O", "O"]], [["O"]])


def test_which_labels_are_bio():
    assert is_bio(["O", "I-x"]) and not is_bio(["O"]) and not is_bio(["up", "O"])
