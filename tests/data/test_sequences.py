"""Arrays, masked arrays and lists of sequences: one form inside, and back to the form given."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tsmodels.data.sequences import Sequences, is_table, like, read_sequences, read_steps

RNG = np.random.default_rng(0)
CUBE = RNG.normal(size=(3, 4, 2))
RAGGED = [CUBE[0, :2], CUBE[1], CUBE[2, :1]]
LENGTHS = [2, 4, 1]


def padded(side):
    """`RAGGED` as a masked array, its padding on one side."""
    X = np.ma.masked_all((3, 4, 2))
    for i, part in enumerate(RAGGED):
        X[i, slice(len(part)) if side == "right" else slice(4 - len(part), 4)] = part
    return X


def test_arrays_lie_row_after_row():
    read = read_sequences(CUBE)
    assert read.shape == (4, 2) and len(read) == 3 and not read.ragged
    assert_array_equal(read.values, CUBE.reshape(12, 2))
    assert read_sequences(CUBE[:, :, 0]).shape == (4, 1)
    assert read_sequences(RNG.normal(size=(2, 4, 5, 3))).shape == (4, 5, 3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_masked_array_is_the_list_of_what_is_left(side):
    masked, listed = read_sequences(padded(side)), read_sequences(RAGGED)
    assert masked.lengths.tolist() == listed.lengths.tolist() == LENGTHS
    assert_array_equal(masked.values, listed.values)


def test_a_hole_closes():
    X = np.ma.masked_equal([[1.0, 0.0, 3.0], [4.0, 5.0, 6.0]], 0.0)
    assert read_sequences(X).values.ravel().tolist() == [1.0, 3.0, 4.0, 5.0, 6.0]


def test_object_arrays_and_tuples_are_lists():
    objects = np.empty(3, dtype=object)
    objects[:] = RAGGED
    for X in (objects, tuple(RAGGED)):
        assert read_sequences(X).lengths.tolist() == LENGTHS


def test_a_list_of_plain_rows_is_a_table_where_they_are_equal():
    assert is_table([[1, 2], [3, 4]]) and is_table(np.ones((2, 2)))
    assert not is_table([[1, 2], [3]]) and not is_table([np.ones(2), np.ones(2)])
    assert not is_table(CUBE) and not is_table(np.ma.ones((2, 2))) and not is_table(CUBE.tolist())


def test_taking_and_standing_alone():
    read = read_sequences(RAGGED)
    steps = Sequences(
        read.values, read.firsts, read.lengths, 4, np.arange(7), np.arange(7.0), 7, stepwise=True
    )
    taken = steps.take(np.array([2, 0])).alone()
    assert_array_equal(taken.values, np.concatenate([RAGGED[2], RAGGED[0]]))
    assert taken.targets.tolist() == [6, 0, 1] and taken.weights.tolist() == [6.0, 0.0, 1.0]
    whole = Sequences(read.values, read.firsts, read.lengths, 4, np.arange(3), np.arange(3.0), 3)
    assert whole.take(np.array([True, False, True])).alone().targets.tolist() == [0, 2]


def test_batches_are_padded_with_zeros_on_the_right():
    batch = read_sequences(RAGGED).batch(np.array([2, 1]), masked=True)
    assert batch.observed.tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    assert_array_equal(batch.past[0], np.concatenate([RAGGED[2], np.zeros((3, 2))]))
    assert_array_equal(batch.past[1], RAGGED[1])


@pytest.mark.parametrize("X", [CUBE, CUBE[:, :, 0], RAGGED, padded("left"), padded("right")])
def test_a_value_a_step_goes_there_and_back(X):
    read = read_sequences(X)
    rows = np.arange(len(read.values))
    there = like(X, read, rows)
    assert type(there) is (type(X) if isinstance(X, np.ndarray) else list)
    assert_array_equal(read_steps(there, X, read), rows)


WRONG = {
    "one dimension": (np.ones(3), r"X must be .*Got 'shape \(3,\)'.*X\[None\]"),
    "five dimensions": (np.ones((1, 1, 1, 1, 1)), "X must be .*images"),
    "nothing": (np.ones((0, 4, 2)), "none of them 0"),
    "no channel": (np.ones((3, 4, 0)), "none of them 0"),
    "empty list": ([], "X must be at least one sequence"),
    "text": ([["a", "b"]], r"X\[0\] must be real numbers"),
    "text array": (np.full((2, 3, 1), "a"), "X must be real numbers"),
    "complex": (np.ones((2, 3, 1)) * 1j, "X must be real numbers"),
    "an empty sequence": (
        [np.ones((3, 2)), np.ones((0, 2))],
        r"X\[1\] must be .*at least one step",
    ),
    "all masked": (np.ma.masked_all((2, 3)), r"X\[0\] must be .*at least one step"),
    "other channels": ([np.ones((3, 2)), np.ones((3, 1))], r"X\[1\] must be of a shape like"),
    "images of any size": ([np.ones((3, 2, 1)), np.ones((4, 2, 1))], r"X\[1\] must be of a shape"),
    "a number among sequences": ([np.ones(3), 1.0], r"X\[1\] must be a sequence"),
    "channels masked apart": (
        np.ma.array(np.ones((2, 3, 2)), mask=[[[0, 0], [0, 1], [0, 0]], [[0, 0]] * 3]),
        "some of sample 0, step 1",
    ),
    "masked images": (np.ma.ones((2, 3, 2, 1)), "where it has a mask"),
    "nan": ([np.ones(2), np.array([1.0, np.nan])], "nan in sample 1, step 1, channel 0"),
    "inf": (
        np.where(CUBE == CUBE[2, 3, 1], np.inf, CUBE),
        "inf in sample 2, step 3, channel 1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_refused(case):
    X, sentence = WRONG[case]
    with pytest.raises(ValueError, match=f"(?s){sentence}") as caught:
        read_sequences(X)
    assert " must be " in str(caught.value) and "Got " in str(caught.value)


def test_labels_of_another_length_are_refused():
    read = read_sequences(RAGGED)
    with pytest.raises(ValueError, match=r"y must be a sequence of labels for each of the 3"):
        read_steps([[1, 2]], RAGGED, read)
    with pytest.raises(ValueError, match=r"y\[1\] must be one label for each of the 4 steps"):
        read_steps([[1, 2], [1, 2], [1]], RAGGED, read)
    with pytest.raises(ValueError, match=r"y must be of shape \(3, 4\)"):
        read_steps(np.ones((3, 5)), padded("left"), read)
