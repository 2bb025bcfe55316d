"""TTT: closed forms against the backend's own gradients, prefill, and the size of a mini-batch."""

import numpy as np
import pytest
from harness import at_once, close, gradients, in_steps, normal

from tsmodels.backend import ops
from tsmodels.layers import ttt

pytestmark = pytest.mark.backend

LAYERS = {
    "linear": lambda: ttt.TTTLinear(n_heads=2, mini_batch=4),
    "linear_gate": lambda: ttt.TTTLinear(2, mini_batch=4, use_gate=True, share_qk=True),
    "mlp": lambda: ttt.TTTMLP(n_heads=2, mini_batch=4),
}


def made(name):
    """The layer, built, its weights moved away from the values they start with."""
    layer = LAYERS[name]()
    layer.build((None, None, 8))
    for i, weight in enumerate(layer.weights):
        weight.assign(weight + 0.1 * normal(*weight.shape, seed=i))
    return layer


def test_gelu_gradient_is_its_gradient():
    x = ops.convert_to_tensor(np.linspace(-6, 6, 41).astype("float32"))
    found = gradients(lambda t: ops.sum(ttt.gelu(t["x"])), {"x": x})["x"]
    close(ttt.gelu_gradient(x), found)


def test_layer_norm_gradient_is_its_gradient():
    x, target = ops.convert_to_tensor(normal(5, 6)), ops.convert_to_tensor(normal(5, 6, seed=2))
    gamma, beta = ops.convert_to_tensor(normal(6, seed=3)), ops.convert_to_tensor(normal(6, seed=4))

    def loss(t):
        return ops.sum((ttt.layer_norm(t["x"], gamma, beta) - target) ** 2) / 2

    close(ttt.layer_norm_gradient(x, target, gamma, beta), gradients(loss, {"x": x})["x"], 1e-5)


@pytest.mark.parametrize("widths", [[4, 4], [4, 16, 4], [4, 8, 8, 4]])
def test_fast_gradients_are_the_gradients_of_the_loss(widths):
    k, target = ops.convert_to_tensor(normal(5, 4)), ops.convert_to_tensor(normal(5, 4, seed=2))
    gamma, beta = ops.ones(4), ops.zeros(4)
    shapes = list(zip(widths[:-1], widths[1:], strict=True))
    at = {f"W{i}": ops.convert_to_tensor(normal(*s, seed=i)) for i, s in enumerate(shapes)}
    at |= {f"b{i}": ops.convert_to_tensor(normal(s[1], seed=9 + i)) for i, s in enumerate(shapes)}

    def pairs(t):
        return [(t[f"W{i}"], t[f"b{i}"]) for i in range(len(shapes))]

    def loss(t):
        layers = [ttt._linear(W, b) for W, b in pairs(t)]
        return ops.sum((ttt.layer_norm(ttt.answer(k, layers), gamma, beta) - target) ** 2) / 2

    found = gradients(loss, at)
    for i, (rows, g) in enumerate(ttt.fast_gradients(pairs(at), k, target, gamma, beta)):
        close(ops.matmul(ops.transpose(rows), g), found[f"W{i}"])
        close(ops.sum(g, axis=0), found[f"b{i}"])


def test_rotation_turns_neighbouring_pairs():
    x = ops.convert_to_tensor(np.array([[1.0, 0.0, 0.0, 2.0]], "float32"))
    got = ops.convert_to_numpy(ttt.rotated(x, ops.ones((1, 1)), theta=100.0))
    fast, slow = 1.0, 0.1
    want = [[np.cos(fast), np.sin(fast), -2 * np.sin(slow), 2 * np.cos(slow)]]
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_sequence_is_cut_anywhere_and_rows_are_at_places_of_their_own(name):
    layer, x = made(name), ops.convert_to_tensor(normal(2, 16, 8))
    prefill, advance = at_once(layer.prefill), at_once(layer.advance)
    ahead, behind = prefill(x[:1, :5])[1], prefill(x[1:, :2])[1]
    state = {key: ops.concatenate([ahead[key], behind[key]]) for key in ahead}
    rows = ops.stack([x[0, 5:], x[1, 2:13]])  # (2, 11, 8)
    parts = []
    for part in (rows[:, :1], rows[:, 1:4], rows[:, 4:]):
        y, state = advance(part, state)
        parts.append(y)
    got, whole = ops.concatenate(parts, axis=1), at_once(layer)(x)
    close(got[0], whole[0, 5:], 1e-5)
    close(got[1], whole[1, 2:13], 1e-5)


@pytest.mark.parametrize("length", [1, 3, 4, 8, 10])
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_prefill_leaves_the_state_of_that_many_steps(name, length):
    layer, x = made(name), normal(2, length, 8)
    _, want = in_steps(layer, x)
    _, got = at_once(layer.prefill)(ops.convert_to_tensor(x))
    assert got.keys() == want.keys()
    for key in want:
        close(got[key], want[key])


def test_the_first_token_learns_before_it_answers():
    """With one token a mini-batch, the answer is that of the weights after its own gradient."""
    x = ops.convert_to_tensor(normal(1, 1, 8))
    answers = []
    for rate in (-1.0, 0.0):  # token_eta = max(0, 1 + rate)
        layer = made("linear")
        layer.token_rate.assign(np.full(4, rate, "float32"))
        answers.append(ops.convert_to_numpy(at_once(layer)(x)))
    assert np.abs(answers[0] - answers[1]).max() > 1e-4


def test_half_precision_keeps_its_places_in_a_long_sequence():
    """Whole numbers beyond 2,048 have gaps in float16."""
    exact, half = (
        ttt.TTTLinear(n_heads=2, mini_batch=110, dtype=dtype)
        for dtype in ("float32", "mixed_float16")
    )
    for layer in (exact, half):
        layer.build((None, None, 32))
    half.set_weights(exact.get_weights())
    x = ops.convert_to_tensor(normal(1, 2_200, 32))
    want = ops.convert_to_numpy(at_once(exact)(x))
    np.testing.assert_allclose(ops.convert_to_numpy(at_once(half)(x)), want, atol=0.1)


def test_heads_must_have_an_even_width():
    with pytest.raises(ValueError, match="n_heads must divide the width 6"):
        ttt.TTTLinear(n_heads=2).build((None, None, 6))
