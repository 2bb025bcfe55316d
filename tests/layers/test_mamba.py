"""Mamba blocks: how they start, what they refuse, and the short convolution."""

import numpy as np
import pytest

from tsmodels.backend import ops
from tsmodels.layers.mamba import Mamba2Block, MambaBlock, StepSize, causal_depthwise_conv

pytestmark = pytest.mark.backend


def as_numpy(x):
    return ops.convert_to_numpy(x)


def built(layer, width=8):
    layer.build((None, None, width))
    return layer


def test_starts_as_the_paper_says():
    block = built(MambaBlock(d_state=4))
    want = np.tile(np.log([1, 2, 3, 4]), (16, 1))
    np.testing.assert_allclose(as_numpy(block.A_log), want, rtol=1e-6)
    np.testing.assert_array_equal(as_numpy(block.D), 1)
    dt = np.log1p(np.exp(as_numpy(block.dt_bias)))
    assert 1e-3 <= dt.min() * 1.001 and dt.max() <= 1e-1 * 1.001
    assert dt.max() / dt.min() > 2


def test_mamba2_starts_as_the_paper_says():
    block = built(Mamba2Block(d_state=4, head_dim=4))
    np.testing.assert_allclose(as_numpy(block.A_log), np.log([1, 2, 3, 4]), rtol=1e-6)


def test_step_size_is_log_uniform():
    dt = np.log1p(np.exp(as_numpy(StepSize(seed=1)((20000,), dtype="float32"))))
    assert abs(np.log10(dt).mean() + 2) < 0.02
    assert dt.min() < 1.01e-3 and dt.max() > 0.99e-1


def test_rank_is_a_sixteenth_rounded_up():
    assert built(MambaBlock(), 33).rank == 3
    assert built(MambaBlock(dt_rank=5), 33).rank == 5


def test_the_last_tap_meets_the_current_moment():
    x = ops.reshape(ops.convert_to_tensor(np.array([1.0, 10.0, 100.0], "float32")), (1, 3, 1))
    kernel = ops.convert_to_tensor(np.array([[2.0], [3.0]], "float32"))
    y = causal_depthwise_conv(x, kernel, ops.zeros((1, 1, 1)))
    np.testing.assert_array_equal(as_numpy(y).ravel(), [3, 32, 320])
    y = causal_depthwise_conv(x, kernel, ops.ones((1, 1, 1)))
    np.testing.assert_array_equal(as_numpy(y).ravel(), [5, 32, 320])


def test_heads_must_fit():
    with pytest.raises(ValueError, match="must be a multiple of head_dim"):
        built(Mamba2Block(head_dim=5))
    with pytest.raises(ValueError, match=r"norm_groups must be a divisor of .*\(16\). Got 3"):
        Mamba2Block(head_dim=8, norm_groups=3).build((None, None, 8))


@pytest.mark.parametrize("bad", [{"d_state": 0}, {"d_conv": 1.5}, {"discretization": "zho"}])
def test_arguments_are_checked(bad):
    with pytest.raises((ValueError, TypeError), match=next(iter(bad))):
        MambaBlock(**bad)


def test_a_longer_memory_remembers_more():
    """With A towards 0 the state keeps what it saw; with A large it forgets."""
    x = np.zeros((1, 40, 8), "float32")
    x[:, 0] = 5
    kept = []
    for shift in (-8.0, 8.0):
        block = built(MambaBlock(d_state=4, use_conv_bias=False))
        block.A_log.assign(block.A_log + shift)
        _, state = block.advance(ops.convert_to_tensor(x), block.initial_state(1))
        kept.append(np.abs(as_numpy(state["ssm"])).max())
    assert kept[0] > 100 * kept[1]
