"""What XLA compiles on TensorFlow: layers that say no do not, loops that say nothing do.

Keras asks `supports_jit` of every layer before it compiles on a GPU.
"""

import pytest
from harness import normal

from tsmodels import layers
from tsmodels.backend import keras, ops
from tsmodels.networks.gnmt import GNMTDecoder

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
pytestmark = [
    pytest.mark.backend,
    pytest.mark.skipif(not ON_TENSORFLOW, reason="the gradient of a loop in TensorFlow"),
]
X, MEMORY, LAST = normal(2, 4, 8), normal(2, 5, 8), normal(2, 1)
WITHOUT = {
    "lstm": (lambda: layers.LSTM(4), X),
    "gru": (lambda: layers.GRU(4), X),
    "rnn": (lambda: layers.SimpleRNN(4), X),
    "recurrent": (lambda: layers.Recurrent(4), X),
    "recurrent_both_ways": (lambda: layers.Recurrent(4, bidirectional=True), X),
    "rwkv7_time": (lambda: layers.RWKV7TimeMix(head_size=4), X),
    "rwkv7": (lambda: layers.RWKV7Block(head_size=4), X),
    "rwkv7_stack": (lambda: layers.RWKV7Stack(1, head_size=4), X),
    "ttt_linear": (lambda: layers.TTTLinear(n_heads=2, mini_batch=2), X),
    "ttt_mlp": (lambda: layers.TTTMLP(n_heads=2, mini_batch=2), X),
    "luong": (lambda: layers.LuongDecoder(4), X, MEMORY),
    "bahdanau": (lambda: layers.BahdanauDecoder(4), X, MEMORY),
    "gnmt": (lambda: GNMTDecoder(4), X, MEMORY),
    "feed_back": (lambda: layers.FeedBack(layers.LuongDecoder(8), 1), X, MEMORY, LAST),
    "crf": (lambda: Chain(), X),
}
WITH = {
    "mamba": (lambda: layers.MambaBlock(d_state=4), X),
    "mamba_in_one_kernel": (lambda: layers.MambaBlock(d_state=16), normal(2, 3, 64)),
    "mamba2": (lambda: layers.Mamba2Block(d_state=4, head_dim=8), X),
    "slstm": (lambda: layers.SLSTMBlock(n_heads=2), X),
    "mlstm": (lambda: layers.MLSTMBlock(n_heads=2), X),
    "rwkv4": (lambda: layers.RWKV4TimeMix(), X),
    "rwkv6": (lambda: layers.RWKV6TimeMix(head_size=4), X),
}


class Chain(layers.CRF):
    """A CRF that answers with its loss."""

    def call(self, x, mask=None):
        labels = ops.one_hot(ops.zeros(ops.shape(x)[:2], "int32"), x.shape[-1])
        return layers.ChainLoss(reduction="none")(labels, super().call(x, mask))

    def compute_output_shape(self, input_shape):
        return input_shape[:1]


def compiled_gradients(make, *arrays):
    """Gradients of all weights, by XLA, for batches of any size."""
    import tensorflow as tf

    layer = make()
    layer(*arrays)
    weights = [weight.value for weight in layer.trainable_variables]
    any_batch = [tf.TensorSpec((None, *a.shape[1:])) for a in arrays]

    @tf.function(jit_compile=True, input_signature=any_batch)
    def gradients(*arrays):
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_sum(y**2) for y in keras.tree.flatten(layer(*arrays)))
        return tape.gradient(loss, weights)

    return gradients(*arrays)


@pytest.mark.parametrize("name", WITHOUT)
def test_what_does_not_compile_says_so(name):
    import tensorflow as tf

    make, *arrays = WITHOUT[name]
    assert not make().supports_jit
    with pytest.raises(tf.errors.InvalidArgumentError):
        compiled_gradients(make, *arrays)


@pytest.mark.parametrize("name", WITH)
def test_what_says_nothing_compiles(name):
    make, *arrays = WITH[name]
    assert make().supports_jit
    assert all(g is not None for g in compiled_gradients(make, *arrays))


def test_keras_does_not_compile_a_model_with_such_a_layer():
    model = keras.Sequential([keras.Input((4, 8)), layers.Recurrent(4)])
    model.compile("sgd", "mse", jit_compile="auto")
    assert not model.jit_compile
    model.fit(X, normal(2, 4, 4), verbose=0)
