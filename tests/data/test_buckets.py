"""Buckets of lengths: nothing is padded less by any other choice of ends."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tsmodels.data.buckets import CANDIDATES, least_padding


def padded(lengths, ends):
    return np.array(ends)[np.searchsorted(ends, lengths)].sum()


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(1, 4), st.integers(0, 3))
def test_no_other_ends_pad_less(lengths, most, more):
    lengths, longest = np.array(lengths), max(lengths) + more
    found = least_padding(lengths, most, longest)
    assert len(found) <= most and found[-1] == longest
    others = [(*ends, longest) for k in range(most) for ends in combinations(range(1, longest), k)]
    assert padded(lengths, found) == min(padded(lengths, ends) for ends in others)


def test_many_lengths_are_thinned():
    lengths = np.random.default_rng(0).geometric(1e-3, 100_000)
    found = least_padding(lengths, 4, lengths.max())
    quarters = [*np.quantile(lengths, [0.25, 0.5, 0.75]).astype(int), lengths.max()]
    assert len(np.unique(lengths)) > CANDIDATES and len(found) == 4
    assert padded(lengths, found) < 0.8 * padded(lengths, quarters)
