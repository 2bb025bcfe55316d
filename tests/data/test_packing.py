"""Rows of several sequences: every step has one place, and few places are left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsmodels.data.packing import pack

RNG = np.random.default_rng(0)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_every_step_has_a_place_of_its_own(lengths):
    packing = pack(lengths, 12)
    assert packing.segments.shape == (len(packing), 12)
    assert (packing.segments > 0).sum() == sum(lengths)
    filled = np.sort((packing.segments > 0).sum(axis=1))
    assert len(filled) == 1 or filled[:2].sum() > 12  # no two rows would go into one
    for i, n in enumerate(lengths):
        own = packing.segments[packing.rows[i], packing.starts[i] : packing.starts[i] + n]
        assert (
            len(set(own.tolist())) == 1 and (packing.segments[packing.rows[i]] == own[0]).sum() == n
        )


def test_sequences_come_out_as_they_went_in():
    lengths = RNG.integers(1, 8, 30)
    x = RNG.normal(size=(30, 7, 2)) * (np.arange(7) < lengths[:, None])[:, :, None]
    packing = pack(lengths, 11)
    rows = packing.packed(x)
    assert rows.shape == (len(packing), 11, 2) and np.abs(rows[packing.segments == 0]).sum() == 0
    back = rows.reshape(-1, 2)[packing.places]
    seen = np.arange(packing.places.shape[1]) < lengths[:, None]
    np.testing.assert_array_equal(back[seen], x[:, : back.shape[1]][seen])
    assert packing.padding == pytest.approx(1 - lengths.sum() / rows[:, :, 0].size)


@pytest.mark.parametrize("lengths", [[3, 0], [3, 12]])
def test_what_does_not_fit_is_refused(lengths):
    with pytest.raises(ValueError, match="lengths must be from 1 to the 11 steps of a row"):
        pack(lengths, 11)
