"""xLSTM: chunks and steps against the recurrences of the paper, also where gates are large."""

import numpy as np
import pytest
from harness import at_once, compiled, gradients
from numpy.testing import assert_allclose

from tsmodels.backend import keras, ops
from tsmodels.layers.xlstm import (
    GatedFeedForward,
    MLSTMBlock,
    SLSTMBlock,
    mlstm,
    mlstm_reference,
)

pytestmark = pytest.mark.backend
B, L, H, D = 2, 13, 2, 3
LAYERS = {
    "mlstm": lambda: MLSTMBlock(n_heads=2, chunk=4),
    "slstm": lambda: SLSTMBlock(n_heads=1),
    "gated": lambda: GatedFeedForward(),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def array(x):
    return ops.convert_to_numpy(x)


def series(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def tensors(*arrays):
    return [ops.convert_to_tensor(x) for x in arrays]


def inputs(gate=1.0):
    """q, k, v and gates i, f of a spread of `gate`."""
    q, k, v = (series(B, L, H, D, seed=s) for s in range(3))
    return q, k, v, gate * series(B, L, H, seed=3), gate * series(B, L, H, seed=4) + 1


def start():
    return ops.zeros((B, H, D, D + 1)), ops.zeros((B, H))


def by_hand(q, k, v, i, f):
    """Equations 19 to 27 of the paper as they stand, in float64."""
    q, k, v, i, f = (np.asarray(x, "float64") for x in (q, k, v, i, f))
    C, n, h = np.zeros((B, H, D, D)), np.zeros((B, H, D)), []
    for t in range(L):
        forget, enter = 1 / (1 + np.exp(-f[:, t])), np.exp(i[:, t])
        key = k[:, t] / np.sqrt(D)
        outer = v[:, t][..., :, None] * key[..., None, :]
        C = forget[..., None, None] * C + enter[..., None, None] * outer
        n = forget[..., None] * n + enter[..., None] * key
        size = np.abs((n * q[:, t]).sum(axis=-1))
        h.append(np.einsum("bhvk,bhk->bhv", C, q[:, t]) / np.maximum(size, 1)[..., None])
    return np.stack(h, axis=1)


@pytest.mark.parametrize("chunk", [1, 4, 13, 64])
@pytest.mark.parametrize("gate", [1.0, 30.0])
def test_mlstm_by_the_paper(chunk, gate):
    given = inputs(gate)
    h = at_once(lambda *given: mlstm(*given, start(), chunk=chunk)[0])(*tensors(*given))
    assert_allclose(array(h), by_hand(*given), rtol=2e-3, atol=1e-4)


def test_the_plain_recurrence_by_the_paper():
    h = at_once(mlstm_reference)(*tensors(*inputs()))
    assert_allclose(array(h), by_hand(*inputs()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gate", [-300.0, 300.0])
def test_mlstm_stays_finite_where_exponentials_do_not(gate):
    q, k, v, i, f = tensors(*inputs())
    given = {"q": q, "i": i + gate, "f": f * 50}

    def loss(t):
        return ops.sum(mlstm(t["q"], k, v, t["i"], t["f"], start(), chunk=4)[0])

    found = gradients(loss, given)
    assert np.isfinite(array(at_once(loss)(given))).all()
    assert all(np.isfinite(gradient).all() for gradient in found.values())


def test_gradients_equal_those_of_the_plain_recurrence():
    names = ("q", "k", "v", "i", "f")
    given = dict(zip(names, tensors(*inputs()), strict=True))
    (weights,) = tensors(series(B, L, H, D, seed=9))
    quick = gradients(lambda t: ops.sum(weights * mlstm(*t.values(), start(), chunk=4)[0]), given)
    plain = gradients(lambda t: ops.sum(weights * mlstm_reference(*t.values())), given)
    for name in names:
        assert_allclose(quick[name], plain[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_sequence_may_be_cut_anywhere():
    q, k, v, i, f = tensors(*inputs())
    read = at_once(lambda *given: mlstm(*given, chunk=4))
    h, (memory, m) = read(q, k, v, i, f, start())
    first, state = read(*(x[:, :6] for x in (q, k, v, i, f)), start())
    second, (memory_2, m_2) = read(*(x[:, 6:] for x in (q, k, v, i, f)), state)
    assert_allclose(np.concatenate([array(first), array(second)], axis=1), array(h), atol=1e-5)
    scaled = [
        array(c) * np.exp(array(s))[..., None, None] for c, s in ((memory, m), (memory_2, m_2))
    ]
    assert_allclose(*scaled, rtol=1e-4, atol=1e-5)


def built(name, width=4):
    layer = LAYERS[name]()
    layer.build((None, None, width))
    for seed, weight in enumerate(layer.trainable_weights):
        weight.assign(ops.convert_to_numpy(weight) + 0.3 * series(*weight.shape, seed=seed))
    return layer


def test_slstm_by_the_paper():
    layer, x = built("slstm"), series(1, 9, 4)
    w = {weight.path.split("/", 1)[-1]: array(weight).astype("float64") for weight in layer.weights}
    past = np.pad(x, ((0, 0), (3, 0), (0, 0)))
    seen = sum(past[:, k : k + 9] * w["conv_kernel"][k] for k in range(4)) + w["conv_bias"]
    seen = seen / (1 + np.exp(-seen))
    i, f = np.split(seen @ array(layer.if_proj.kernel), 2, axis=-1)
    z, o = np.split(x @ array(layer.zo_proj.kernel), 2, axis=-1)
    biases = w["bias"][:, 0]  # f, z, o
    h, c, n, want = np.zeros(4), np.zeros(4), np.zeros(4), []
    for t in range(9):
        ri, rf, rz, ro = np.split(h @ w["recurrent_kernel"][0], 4)
        enter = np.exp(i[0, t] + ri)
        forget, out = (
            1 / (1 + np.exp(-gate)) for gate in (f[0, t] + rf + biases[0], o[0, t] + ro + biases[2])
        )
        c = forget * c + enter * np.tanh(z[0, t] + rz + biases[1])
        n = forget * n + enter
        h = out * c / n
        want.append((h - h.mean()) / np.sqrt(h.var() + 1e-5) * w["norm_scale"])
    assert_allclose(array(at_once(layer)(x))[0], want, rtol=1e-3, atol=1e-4)


def test_gated_map_by_definition():
    layer, x = built("gated"), series(2, 5, 4)
    a, b = np.split(x @ array(layer.widen.kernel), 2, axis=-1)
    assert a.shape[-1] == 6  # ceil(4 / 3 * 4)
    gate = array(ops.gelu(ops.convert_to_tensor(a), approximate=False))
    assert_allclose(
        array(at_once(layer)(x)), (gate * b) @ array(layer.narrow.kernel), rtol=1e-4, atol=1e-5
    )


def stepped(layer, x):
    """The sequence moment by moment, (B, L, D), the state's sizes held constant."""
    state, outputs, step = layer.initial_state(len(x)), [], compiled(layer.step)
    sizes = {key: tuple(value.shape) for key, value in state.items()}
    for t in range(x.shape[1]):
        y, state = step(ops.convert_to_tensor(x[:, t]), state)
        outputs.append(array(y))
        assert {key: tuple(value.shape) for key, value in state.items()} == sizes
    return np.stack(outputs, axis=1)


@every_layer
def test_steps_equal_the_parallel_form(name):
    layer, x = built(name), series(2, 30, 4)
    assert_allclose(stepped(layer, x), array(at_once(layer)(x)), rtol=0, atol=1e-5)


@pytest.mark.slow
@every_layer
def test_a_thousand_steps_equal_the_parallel_form(name):
    layer, x = built(name), series(1, 1000, 4)
    assert_allclose(stepped(layer, x), array(at_once(layer)(x)), rtol=0, atol=1e-5)


@every_layer
def test_saves_and_loads_with_any_length(name, tmp_path):
    model = keras.Sequential([keras.Input((None, 4)), LAYERS[name]()])
    model.save(tmp_path / "model.keras")
    loaded, x = keras.models.load_model(tmp_path / "model.keras"), series(2, 10, 4)
    assert_allclose(array(at_once(loaded)(x)), array(at_once(model)(x)), atol=1e-6)


def test_heads_must_fit():
    for block in (MLSTMBlock(n_heads=3), SLSTMBlock(n_heads=3)):
        with pytest.raises(ValueError, match=r"n_heads must be a divisor of the width \d+. Got 3"):
            block.build((None, None, 4))
