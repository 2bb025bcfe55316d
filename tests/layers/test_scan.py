"""Scans against their plain forms, and what every layer with a state promises."""

import random

import numpy as np
import pytest
from harness import (
    EAGER,
    at_once,
    close,
    compiled,
    gradients,
    in_steps,
    normal,
    same_gradients,
    to_numpy,
)

from tsmodels.backend import keras, ops
from tsmodels.layers import mamba, rwkv, scan, ttt

pytestmark = pytest.mark.backend

# Every layer with a state, small.
LAYERS = {
    "mamba": lambda: mamba.MambaBlock(d_state=4),
    "mamba_zoh": lambda: mamba.MambaBlock(d_state=3, discretization="zoh", use_bias=True),
    "mamba_bilinear": lambda: mamba.MambaBlock(d_state=3, discretization="bilinear"),
    "mamba_euler": lambda: mamba.MambaBlock(d_state=3, discretization="euler", use_conv_bias=False),
    "mamba2": lambda: mamba.Mamba2Block(d_state=4, head_dim=8, n_groups=2),
    "rwkv4_time": lambda: rwkv.RWKV4TimeMix(layer_id=1, n_layers=3),
    "rwkv4_channel": lambda: rwkv.RWKV4ChannelMix(expand=2.5),
    "rwkv4": lambda: rwkv.RWKV4Block(),
    "rwkv5_time": lambda: rwkv.RWKV5TimeMix(head_size=8, layer_id=1, n_layers=2),
    "rwkv5": lambda: rwkv.RWKV5Block(head_size=8),
    "rwkv6_time": lambda: rwkv.RWKV6TimeMix(head_size=8, mix_rank=3, decay_rank=5),
    "rwkv6": lambda: rwkv.RWKV6Block(head_size=8),
    "rwkv7_time": lambda: rwkv.RWKV7TimeMix(head_size=8, ranks=(3, 2, 2, 4)),
    "rwkv7_channel": lambda: rwkv.RWKV7ChannelMix(),
    "rwkv7": lambda: rwkv.RWKV7Block(head_size=8),
    "rwkv7_stack": lambda: rwkv.RWKV7Stack(2, head_size=8),
    "ttt_linear": lambda: ttt.TTTLinear(n_heads=2, mini_batch=4),
    "ttt_linear_gate": lambda: ttt.TTTLinear(2, mini_batch=4, use_gate=True, share_qk=True),
    "ttt_mlp": lambda: ttt.TTTMLP(n_heads=2, mini_batch=4),
}
PARTS = [name for name in LAYERS if name.endswith(("_time", "_channel"))]  # of the blocks
WIDTH = 16
every_layer = pytest.mark.parametrize("name", sorted(LAYERS))
every_whole = pytest.mark.parametrize("name", sorted({*LAYERS} - {*PARTS}))


def made(name):
    """The layer, built, its weights moved away from the values they start with."""
    random.seed(0)
    layer = LAYERS[name]()
    layer.build((None, None, WIDTH))
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(weight + 0.1 * rng.standard_normal(weight.shape).astype("float32"))
    return layer


def whole(layer):
    """The layer over whole sequences, (B, L, WIDTH) to the same."""
    f = at_once(layer)
    return lambda x: to_numpy(f(ops.convert_to_tensor(x)))


@every_whole
def test_a_thousand_steps_equal_the_parallel_form(name):
    layer, x = made(name), normal(2, 1000, WIDTH)
    got, state = in_steps(layer, x)
    close(got, whole(layer)(x))
    start = layer.initial_state(2)
    assert {k: tuple(v.shape) for k, v in state.items()} == {
        k: tuple(v.shape) for k, v in start.items()
    }


@every_whole
def test_a_sequence_may_be_cut_anywhere(name):
    layer, x = made(name), ops.convert_to_tensor(normal(2, 23, WIDTH))
    advance, state, got = compiled(layer.advance), layer.initial_state(2), []
    for piece in (slice(0, 6), slice(6, 7), slice(7, 23)):
        y, state = advance(x[:, piece], state)
        got.append(y)
    close(ops.concatenate(got, axis=1), whole(layer)(x))


@every_layer
def test_masked_steps_are_left_out_wherever_they_stand(name):
    layer, x = made(name), normal(3, 9, WIDTH)
    mask = np.array([[True] * 9, [False] * 3 + [True] * 6, [True, True, False] * 3])
    of_all = at_once(lambda x, mask: layer(x, mask=mask))
    got = to_numpy(of_all(ops.convert_to_tensor(x), ops.convert_to_tensor(mask)))
    for row, seen, values in zip(got, mask, x, strict=True):
        close(row[seen], to_numpy(layer(ops.convert_to_tensor(values[None, seen])))[0])
        assert not row[~seen].any()


@every_whole
def test_the_future_is_not_seen(name):
    layer, x = made(name), normal(2, 21, WIDTH)
    other = x.copy()
    other[:, 13:] = normal(2, 8, WIDTH, seed=2)
    before, after = map(whole(layer), (x, other))
    close(after[:, :13], before[:, :13], 1e-6)
    assert np.abs(after[:, 13:] - before[:, 13:]).max() > 1e-3


@every_whole
def test_the_past_is_seen(name):
    layer, x = made(name), normal(2, 21, WIDTH)
    other = x.copy()
    other[:, 11] = normal(2, WIDTH, seed=2)
    y, changed = map(whole(layer), (x, other))
    assert np.abs(changed - y)[:, 12].max() > 1e-5


@every_layer
def test_saved_in_a_sequential_and_loaded(name, tmp_path):
    model = keras.Sequential([keras.Input((None, WIDTH)), LAYERS[name](), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = ops.convert_to_tensor(normal(2, 9, WIDTH))
    close(at_once(again)(x), at_once(model)(x), 0)
    assert again.layers[0].get_config() == model.layers[0].get_config()


@every_layer
def test_every_weight_gets_a_gradient_from_the_start(name):
    layer = LAYERS[name]()
    layer.build((None, None, WIDTH))
    x, weights = ops.convert_to_tensor(normal(2, 9, WIDTH)), layer.trainable_weights

    def loss(t):
        with keras.StatelessScope(state_mapping=[(w, t[str(i)]) for i, w in enumerate(weights)]):
            return ops.sum(layer(x) * ops.convert_to_tensor(normal(2, 9, WIDTH, seed=3)))

    at = {str(i): ops.convert_to_tensor(w.numpy()) for i, w in enumerate(weights)}
    found = gradients(loss, at)
    silent = [w.path for i, w in enumerate(weights) if not np.abs(found[str(i)]).max() > 0]
    assert not silent
    assert all(np.isfinite(g).all() for g in found.values())


@every_whole
@pytest.mark.parametrize(
    "x", [np.ones((1, 1, WIDTH)), np.full((1, 40, WIDTH), 1e3)], ids=["one", "constant"]
)
def test_one_step_and_constants_stay_finite(name, x):
    if name == "mamba_euler":  # forward Euler explodes where delta |A| > 2: it gets small steps
        x = np.minimum(x, 1)
    y = whole(made(name))(x.astype("float32"))
    assert y.shape == x.shape and np.isfinite(y).all()


@pytest.mark.parametrize("name", "mamba mamba_zoh mamba2 rwkv4 rwkv6 rwkv7_stack ttt_mlp".split())
def test_trains(name):
    model = keras.Sequential([keras.Input((None, WIDTH)), LAYERS[name](), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=EAGER)
    x = normal(4, 19, WIDTH)
    losses = model.fit(x, x[..., :1], batch_size=4, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


@every_whole
def test_batch_and_length_may_be_unknown(name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow traces without knowing shapes")
    import tensorflow as tf

    layer = made(name)
    f = tf.function(layer, input_signature=[tf.TensorSpec((None, None, WIDTH))])
    for length in (1, 18, 33):
        x = ops.convert_to_tensor(normal(3, length, WIDTH))
        close(f(x), layer(x))


# --- scans ----------------------------------------------------------------------------------------


def test_linear_scan_is_its_recurrence():
    arrays = {"a": normal(2, 11, 3) / 2, "b": normal(2, 11, 3, seed=2), "h0": normal(2, 3, seed=3)}
    same_gradients(scan.linear_scan, scan.linear_scan_reference, arrays)


def s6_arrays(length=13, width=6, states=4):
    return {
        "u": normal(2, length, width),
        "delta": np.abs(normal(2, length, width, seed=2)),
        "A": -np.abs(normal(width, states, seed=3)) - 0.1,
        "B": normal(2, length, states, seed=4),
        "C": normal(2, length, states, seed=5),
        "D": normal(width, seed=6),
        "z": normal(2, length, width, seed=7),
        "initial_state": normal(2, width, states, seed=8),
    }


@pytest.mark.parametrize("rule", scan.DISCRETIZATIONS)
def test_selective_scan_is_its_recurrence(rule):
    def form(f):
        return lambda **t: f(**t, discretization=rule)

    same_gradients(form(scan.selective_scan), form(scan.selective_scan_reference), s6_arrays())


def test_a_selective_scan_worth_compiling_is_its_recurrence():
    wide = s6_arrays(7, width=96, states=12)
    assert wide["A"].size >= 1024  # layers/scan_tensorflow.py compiles steps from there on
    same_gradients(scan.selective_scan, scan.selective_scan_reference, wide)


def test_a_recurrence_has_the_gradients_of_a_plain_scan():
    """With two states, two inputs, an output of another shape, and weights."""
    arrays = {
        "h": normal(3, 4),
        "s": normal(3, 2, seed=2),
        "x": normal(11, 3, 4, seed=3),
        "gate": normal(11, 3, 1, seed=4),
        "w": normal(4, 4, seed=5) / 4,
        "v": normal(4, 2, seed=6),
    }

    def step(state, moment, weights):
        (h, s), (x, gate), (w, v) = state, moment, weights
        h = ops.tanh(x + ops.matmul(h, w) * ops.sigmoid(gate))
        s = s + ops.matmul(h, v)
        return [h, s], ops.concatenate([h, s], axis=-1)

    def fast(h, s, x, gate, w, v):
        return scan.recurrence(step, [h, s], [x, gate], [w, v])

    def plain(h, s, x, gate, w, v):
        state, ys = [h, s], []
        for t in range(11):
            state, y = step(state, [x[t], gate[t]], [w, v])
            ys.append(y)
        return state, ops.stack(ys)

    same_gradients(fast, plain, arrays)


def test_B_and_C_may_have_groups_of_their_own():
    """As many as channels, fewer, one, or constant in time: as if each channel had its own."""
    t = {k: ops.convert_to_tensor(v) for k, v in s6_arrays().items()}
    constant = ops.convert_to_tensor(normal(6, 4, seed=9))
    grouped = ops.convert_to_tensor(normal(2, 13, 3, 4, seed=10))
    each = ops.repeat(t["C"][:, :, None], 6, axis=2)
    apart = ops.repeat(grouped, 2, axis=2)
    for B, C, own in ((constant, t["C"], (constant, each)), (grouped, t["C"], (apart, each))):
        got = scan.selective_scan(**{**t, "B": B, "C": C})
        want = scan.selective_scan(**{**t, "B": own[0], "C": own[1]})
        for one, other in zip(got, want, strict=True):
            close(one, other)


def test_discretizations_differ():
    t = {k: ops.convert_to_tensor(v) for k, v in s6_arrays().items()}
    results = [
        to_numpy(scan.selective_scan(**t, discretization=rule)[0]) for rule in scan.DISCRETIZATIONS
    ]
    for i, one in enumerate(results):
        assert all(np.abs(one - other).max() > 1e-2 for other in results[:i])


def test_an_unknown_discretization_is_named():
    t = {k: ops.convert_to_tensor(v) for k, v in s6_arrays().items()}
    with pytest.raises(ValueError, match="Did you mean 'bilinear'"):
        scan.selective_scan(**t, discretization="bilinaer")


def test_zoh_has_its_limit_at_zero():
    x = ops.convert_to_tensor(np.array([0.0, 1e-8, -1e-4, 9e-4, -2.0], "float32"))
    _, Bbar = scan.discretize(ops.ones(5), x, ops.ones(5), "zoh")
    want = [1.0, 1.0, 0.99995, 1.00045, (np.exp(-2.0) - 1) / -2]
    np.testing.assert_allclose(to_numpy(Bbar), want, rtol=1e-6)


def ssd_arrays(length=21, decay=1.0):
    return {
        "X": normal(2, length, 4, 3),
        "A": -decay * np.abs(normal(2, length, 4, seed=2)),
        "B": normal(2, length, 4, 5, seed=3),
        "C": normal(2, length, 4, 5, seed=4),
        "initial_state": normal(2, 4, 3, 5, seed=5),
    }


@pytest.mark.parametrize("chunk", [1, 4, 7, 64])
def test_ssd_is_its_recurrence_whatever_the_chunk(chunk):
    same_gradients(lambda **t: scan.ssd(**t, chunk=chunk), scan.ssd_reference, ssd_arrays())


def test_ssd_survives_strong_decay():
    same_gradients(scan.ssd, scan.ssd_reference, ssd_arrays(decay=200.0))


def test_decays_between_are_sums_of_what_lies_between():
    log_a = ops.convert_to_tensor(np.array([[1.0], [10.0], [100.0]], "float32"))
    got = to_numpy(scan.log_decay_between(log_a))[..., 0]
    np.testing.assert_array_equal(got, [[0, 0, 0], [10, 0, 0], [110, 100, 0]])
    got = to_numpy(scan.log_decay_between(log_a, inclusive=False))[..., 0]
    np.testing.assert_array_equal(got, [[0, 0, 0], [0, 0, 0], [10, 0, 0]])


@pytest.mark.parametrize("length", [1, 8, 9])
def test_chunks_go_there_and_back(length):
    x = ops.convert_to_tensor(normal(2, length, 3))
    chunks = scan.into_chunks(x, 4)
    assert tuple(chunks.shape) == (2, -(-length // 4), 4, 3)
    close(scan.from_chunks(chunks, length), x, 0)
