"""Feeding back: any length, and the settings that are refused; `tests/networks/test_forcing.py`."""

import pytest
from harness import close, normal, to_numpy

from tsmodels.backend import keras, ops
from tsmodels.layers.decoders import LuongDecoder
from tsmodels.layers.feedback import FeedBack

pytestmark = pytest.mark.backend


def test_sequences_of_any_length():
    layer = FeedBack(LuongDecoder(4), units=2)
    x, memory, last = keras.Input((None, 3)), keras.Input((5, 4)), keras.Input((1,))
    model = keras.Model([x, memory, last], layer(x, memory, last))
    arrays = [ops.convert_to_tensor(a) for a in (normal(2, 6, 3), normal(2, 5, 4), normal(2, 1))]
    long = to_numpy(model(arrays))
    close(model([arrays[0][:, :4], *arrays[1:]]), long[:, :4])


def test_wrong_settings_are_refused():
    with pytest.raises(TypeError, match="decoder must be an AttentionDecoder. Got 'luong'"):
        FeedBack("luong", 1)
    with pytest.raises(ValueError, match=r"units must be a multiple of targets \(2\). Got 3"):
        FeedBack(LuongDecoder(4), units=3, targets=2)
