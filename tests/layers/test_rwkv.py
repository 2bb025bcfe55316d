"""RWKV: the memories against their plain recurrences, large keys, starts and refusals."""

import numpy as np
import pytest
from harness import close, normal, same_gradients

from tsmodels.backend import ops
from tsmodels.layers import rwkv, wkv

pytestmark = pytest.mark.backend


def wkv4_arrays(length=21, scale=1.0):
    return {
        "w": -np.exp(normal(5)),
        "u": normal(5, seed=2),
        "k": scale * normal(2, length, 5, seed=3),
        "v": normal(2, length, 5, seed=4),
    }


def without_exponent(form):
    """wkv and the memory as numbers: aa exp(pp) depends on no maximum."""

    def of(**t):
        y, (aa, bb, pp) = form(**t)
        return y, aa / bb

    return of


@pytest.mark.parametrize("chunk", [1, 4, 7, 64])
@pytest.mark.parametrize("scale", [1.0, 150.0])
def test_wkv4_is_its_recurrence_whatever_the_chunk(chunk, scale):
    fast = without_exponent(lambda **t: wkv.wkv4(**t, chunk=chunk))
    same_gradients(fast, without_exponent(wkv.wkv4_reference), wkv4_arrays(scale=scale))


def test_wkv4_keeps_its_memory_to_the_digit_where_the_last_chunk_is_not_full():
    t = {k: ops.convert_to_tensor(v) for k, v in wkv4_arrays(length=17).items()}
    t["w"] = t["w"] * 40.0  # what padding would have forgotten cannot be taken back
    got, want = (form(**t)[1] for form in (wkv.wkv4, wkv.wkv4_reference))
    for one, other in zip(got, want, strict=True):
        close(one, other, 1e-6)


def test_wkv4_gradient_crosses_a_cut_inside_a_chunk():
    def cut(w, u, k, v):
        head, state = wkv.wkv4(w, u, k[:, :10], v[:, :10], chunk=4)
        tail, _ = wkv.wkv4(w, u, k[:, 10:], v[:, 10:], state, chunk=4)
        return ops.concatenate([head, tail], axis=1)

    same_gradients(cut, lambda **t: wkv.wkv4_reference(**t)[0], wkv4_arrays())


def heads(length, *seeds):
    return [normal(2, length, 3, 4, seed=seed) for seed in seeds]


@pytest.mark.parametrize("chunk", [1, 4, 7, 64])
@pytest.mark.parametrize("decay", [0.1, 100.0])
def test_wkv6_is_its_recurrence_whatever_the_chunk(chunk, decay):
    r, k, v, w = heads(21, 1, 2, 3, 4)
    arrays = {"r": r, "k": k, "v": v, "log_w": -decay * np.abs(w), "u": normal(3, 4)}
    arrays["state"] = normal(2, 3, 4, 4, seed=7)
    same_gradients(lambda **t: wkv.wkv6(**t, chunk=chunk), wkv.wkv6_reference, arrays)


def test_a_constant_decay_is_a_decay():
    r, k, v = (ops.convert_to_tensor(x) for x in heads(9, 1, 2, 3))
    u, log_w = ops.convert_to_tensor(normal(3, 4)), ops.convert_to_tensor(-np.abs(normal(3, 4)))
    got, _ = wkv.wkv6(r, k, v, log_w, u)
    want, _ = wkv.wkv6_reference(r, k, v, log_w, u)
    close(got, want)


def wkv7_arrays(length=37, decay=0.6):
    r, k, v, w, a, b = heads(length, 1, 2, 3, 4, 5, 6)
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    share = 1 / (1 + np.exp(-b))
    log_w = -decay / (1 + np.exp(-w))
    arrays = {"r": r, "log_w": log_w, "k": k, "v": v, "a": -a, "b": a * share}
    return arrays | {"state": normal(2, 3, 4, 4, seed=7)}


@pytest.mark.parametrize("chunk", [1, 4, 7, 16, 64])
@pytest.mark.parametrize("decay", [0.6, 4.0])
def test_wkv7_is_its_recurrence_whatever_the_chunk(chunk, decay):
    if decay * chunk > 64:
        chunk = 16  # what the docstring promises
    fast = lambda **t: wkv.wkv7(**t, chunk=chunk)  # noqa: E731
    same_gradients(fast, wkv.wkv7_reference, wkv7_arrays(decay=decay))


def test_wkv7_survives_the_same_key_again_and_again():
    """The triangular system is then all ones: powers of it would lose every digit."""
    arrays = wkv7_arrays()
    a = np.broadcast_to(arrays["a"][:, :1], arrays["a"].shape).copy()
    arrays |= {"a": a, "b": -0.99 * a, "log_w": np.full_like(a, -1e-4)}
    same_gradients(wkv.wkv7, wkv.wkv7_reference, arrays)


def test_the_shift_sees_zeros_first():
    x = ops.convert_to_tensor(normal(2, 4, 3))
    got = rwkv.shifted(x, ops.zeros((2, 3)))
    close(got[:, 0], np.zeros((2, 3)), 0)
    close(got[:, 1:], x[:, :-1], 0)


def test_starts_by_depth():
    layer = rwkv.RWKV4TimeMix(layer_id=0, n_layers=2)
    layer.build((None, None, 5))
    place = np.arange(5) / 5
    close(layer.mix_k, place, 1e-6)
    close(layer.time_decay, -5 + 8 * (np.arange(5) / 4) ** 0.7, 1e-6)
    close(layer.time_first, np.log(0.3) + np.array([0, 0.5, -0.5, 0, 0.5]), 1e-6)
    last = rwkv.RWKV4TimeMix(layer_id=1, n_layers=2)
    last.build((None, None, 5))
    close(last.mix_k, place**0.5, 1e-6)
    close(last.mix_v, place**0.5 + 0.3, 1e-6)


def test_decay_of_v7_stays_in_its_range():
    """exp(-exp(-1/2)) < w < 1 whatever the input."""
    layer = rwkv.RWKV7TimeMix(head_size=4)
    layer.build((None, None, 8))
    layer.w1.assign(100 * normal(*layer.w1.shape))
    layer.w2.assign(100 * normal(*layer.w2.shape))
    x = ops.convert_to_tensor(100 * normal(2, 5, 8))
    log_w = ops.convert_to_numpy(layer._gates(x, -x)[0])
    assert log_w.min() >= -np.exp(-0.5) - 1e-6 and log_w.max() <= 0
    assert log_w.min() < -0.6 and log_w.max() > -0.01


def test_later_layers_see_the_values_of_the_first():
    stack = rwkv.RWKV7Stack(2, head_size=4)
    stack.build((None, None, 8))
    x, blocks = ops.convert_to_tensor(normal(2, 6, 8)), stack.blocks
    first, _, values = blocks[0].advance_with_values(x, blocks[0].initial_state(2))
    want, _, again = blocks[1].advance_with_values(first, blocks[1].initial_state(2), values)
    close(stack(x), want, 1e-6)
    close(again, values, 0)
    assert np.abs(ops.convert_to_numpy(blocks[1](first) - want)).max() > 1e-4


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: rwkv.RWKV4TimeMix(layer_id=2, n_layers=2), "layer_id must be below n_layers=2"),
        (lambda: rwkv.RWKV5TimeMix(head_size=3).build((None, None, 8)), "head_size must divide"),
        (lambda: rwkv.RWKV4ChannelMix(expand=0), "expand must be"),
        (lambda: rwkv.RWKV7TimeMix(ranks=(1, 2)), "ranks must be four ints, of w, a, v and g"),
        (lambda: rwkv.RWKV7TimeMix(ranks=5), "ranks must be four ints.* Got 5"),
    ],
)
def test_arguments_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()
