"""Loading maps: recurrent cells, causal convolution, Gaussian weights.

Torch weights: gates are row blocks, i f g o for the LSTM (as in Keras) and r z n for the GRU
(Keras: z r h). The kernels of Keras are the transposed weights.
"""

from harness import build, loaded
from torch_weights import cell_values, in_order, lengths_mask

from tsmodels.backend import keras, ops
from tsmodels.layers.convolution import CausalConv1D, CausalDepthwiseConv1D
from tsmodels.layers.variational import gaussian_kl, locally_reparameterised

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}


def one_layer(cell, units, bidirectional, width):
    layer = LAYERS[cell](units, return_sequences=True, return_state=True, zero_output_for_mask=True)
    layer = keras.layers.Bidirectional(layer) if bidirectional else layer
    return build(layer, (None, None, width))


def recurrent(cell):
    """A stack of one-directional or bidirectional layers over torch weights."""

    def kind(case):
        n_layers = sum(key.startswith("w.weight_ih") and "rev" not in key for key in case.arrays)
        units = case.shape("in.h0")[-1]
        endings = ["", "_reverse"] if "w.weight_ih_l0_reverse" in case else [""]
        widths = [case.shape(f"w.weight_ih_l{i}")[1] for i in range(n_layers)]
        layers = [one_layer(cell, units, len(endings) == 2, width) for width in widths]
        mask = None
        if "in.lengths" in case:
            mask = lengths_mask(case.arrays["in.lengths"], case.shape("in.x")[1])

        original = reset_before(case, mask)

        def forward(t):
            x, finals = t["in.x"], []
            for i, layer in enumerate(layers):
                starts = [
                    t[key][i * len(endings) + d]
                    for d in range(len(endings))
                    for key in ("in.h0", "in.c0")
                    if key in case
                ]
                values = sum((cell_values(cell, t, "w", f"_l{i}{e}") for e in endings), [])
                with loaded(layer, in_order(layer, values)):
                    x, *states = layer(x, initial_state=starts, mask=mask)
                finals += states
            per_state = 2 if "in.c0" in case else 1
            names = ("h_n", "c_n")[:per_state]
            ends = {name: ops.stack(finals[k::per_state]) for k, name in enumerate(names)}
            return {"y": x, **ends, **original(t)}

        return forward

    return kind


def reset_before(case, mask):
    """The original GRU, which resets before the product, on the weights in the layout of Keras."""
    if "out.y_reset_before" not in case:
        return lambda t: {}
    units = case.shape("in.h0")[-1]
    layer = keras.layers.GRU(
        units, reset_after=False, return_sequences=True, zero_output_for_mask=True
    )
    build(layer, case.shape("in.x"))

    def forward(t):
        values = [t["w.keras.kernel"], t["w.keras.recurrent_kernel"], t["w.keras.bias"][0]]
        with loaded(layer, in_order(layer, values)):
            y = layer(t["in.x"], initial_state=t["in.h0"][0], mask=mask)
        return {"y_reset_before": y}

    return forward


def causal_conv1d(case):
    filters, channels, taps = case.shape("w.conv.weight")
    conv = build(CausalConv1D(filters, taps, case.cfg["dilation"]), case.shape("in.x"))
    taps = case.shape("w.depthwise.weight")[-1]
    depthwise = build(CausalDepthwiseConv1D(taps), case.shape("in.x"))  # not dilated

    def forward(t):
        kernel = ops.transpose(t["w.conv.weight"], (2, 1, 0))
        with loaded(conv, in_order(conv, [kernel, t["w.conv.bias"]])):
            y = conv(t["in.x"])
        kernel = ops.transpose(t["w.depthwise.weight"][:, 0])  # (K, C)
        with loaded(depthwise, in_order(depthwise, [kernel, t["w.depthwise.bias"]])):
            return {"y": y, "y_depthwise": depthwise(t["in.x"])}

    return forward


def gaussian(case):
    prior = {"prior_mean": case.cfg["prior_mean"], "prior_std": case.cfg["prior_std"]}

    def forward(t):
        drawn = locally_reparameterised(t["in.X"], t["in.w_mean"], t["in.w_std"], t["in.eps"])
        return {"kl": gaussian_kl(t["in.mu"], t["in.rho"], **prior), "local_reparam": drawn}

    return forward


KINDS = {
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru"),
    "rnn": recurrent("rnn"),
    "causal_conv1d": causal_conv1d,
    "gaussian_kl": gaussian,
}
