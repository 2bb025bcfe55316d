"""Loading maps: normalisation, decomposition, linear maps, patches and forecasting blocks."""

from typing import get_args

import numpy as np
from harness import build, loaded
from torch_weights import linear, norm

from tsmodels.backend import keras, ops
from tsmodels.layers.decomposition import SeriesDecomposition
from tsmodels.layers.norm import RevIN
from tsmodels.networks.inverted import ITransformer
from tsmodels.networks.linear import DLinear, NLinear
from tsmodels.networks.nbeats import (
    NBEATSBlock,
    NHITSBlock,
    TrendBasis,
    seasonal_basis,
    trend_basis,
)
from tsmodels.networks.patch import PatchTST, patches
from tsmodels.networks.tft import (
    GatedResidualNetwork,
    InterpretableAttention,
    VariableSelection,
)


def revin(case):
    centre = "last" if case.cfg["subtract_last"] else "mean"
    layer = RevIN(centre, affine=case.cfg["affine"], epsilon=case.cfg["eps"])
    build(layer, case.shape("in.x"))

    def forward(t):
        pairs = [(w, t[f"w.{w.name}"]) for w in layer.weights]
        with loaded(layer, pairs):
            z, statistics = layer(t["in.x"])
            return {
                "norm": z,
                "denorm_h": layer(t["in.h"], statistics=statistics),
                "roundtrip": layer(z, statistics=statistics),
            }

    return forward


def series_decomp(case):
    layer = SeriesDecomposition(case.cfg["kernel_size"])
    return lambda t: dict(zip(("seasonal", "trend"), layer(t["in.x"]), strict=True))


# Networks ---------------------------------------------------------------------------------------


def forecaster(network, past, horizon, targets):
    """The `forecast` of a network as a model (B, T, F) -> (B, H, targets), and its layers."""
    layers, x = network.layers(), keras.Input(past[1:])
    future = ops.repeat(x[:, :1, :0], horizon, axis=1)
    y = network.forecast(
        layers, x, future, x[:, 0, :0], horizon=horizon, targets=targets, outputs=1
    )
    return keras.Model(x, y[:, :, :, 0]), layers


def stacked(t, pattern, n):
    """The arrays of `n` channels as one: (n, in, out) kernels or (n, out) biases."""
    arrays = [t[pattern.format(i)] for i in range(n)]
    return ops.stack([ops.transpose(a) if len(a.shape) == 2 else a for a in arrays])


def time_linear(layer, t, name, channels):
    """Torch's Linear along time: one, or one a channel."""
    if layer.individual:
        kernel = stacked(t, f"{name}.{{}}.weight", channels)
        return [(layer.kernel, kernel), (layer.bias, stacked(t, f"{name}.{{}}.bias", channels))]
    return [(layer.kernel, ops.transpose(t[f"{name}.weight"])), (layer.bias, t[f"{name}.bias"])]


def linear_network(network_class, names):
    """DLinear and NLinear: `names` are those of their maps, here and in the file."""

    def kind(case):
        _, horizon, channels = case.shape("out.y")
        network = network_class(individual=case.cfg["individual"])
        model, _ = forecaster(network, case.shape("in.x"), horizon, channels)

        def forward(t):
            pairs = []
            for ours, theirs in names.items():
                pairs += time_linear(model.get_layer(ours), t, f"w.{theirs}", channels)
            with loaded(model, pairs):
                return {"y": model(t["in.x"])}

        return forward

    return kind


def patching(case):
    size = case.cfg["patch_len"], case.cfg["stride"]
    return lambda t: {
        "patches": patches(t["in.x"], *size),
        "patches_padded": patches(t["in.x"], *size, end_padding=True),
    }


def encoder_layer(layer, t, name, maps, widen, narrow, norms):
    """A Transformer layer from torch Linears: `maps` query, key, value and output of attention."""
    attention = layer.attention
    ours = (attention.query_map, attention.key_map, attention.value_map, attention.output_map)
    pairs = linear(layer.widen, t, name + widen) + linear(layer.narrow, t, name + narrow)
    for dense, theirs in zip(ours, maps, strict=True):
        pairs += linear(dense, t, name + theirs)
    if f"{name}self_attn.sdp_attn.scale" in t:  # a weight there: take it into the query map
        factor = t[f"{name}self_attn.sdp_attn.scale"] * (attention.d_head**0.5)
        query = {id(v) for v in attention.query_map.weights}
        pairs = [(v, value * factor if id(v) in query else value) for v, value in pairs]
    for own, theirs in zip(layer.norms, norms, strict=True):
        pairs += norm(own, t, name + theirs)
    return pairs


def patchtst(case):
    """PatchTST by its authors' code, which has three habits of its own.

    It never hands `cfg.norm` down (the arrays tell that it is BatchNorm); the scale of the scores
    is a weight; and "pre_norm" adds the normalised input back, x = norm(x); x = x + f(x). That is a
    post-norm network with each norm one place later, the first one taken into the embedding, the
    last one doing nothing: so it is loaded. A true pre-norm layer is held against torch.
    """
    cfg = case.cfg
    network = PatchTST(
        d_model=cfg["d_model"],
        n_layers=cfg["n_layers"],
        n_heads=cfg["n_heads"],
        d_ff=cfg["d_ff"],
        patch_length=cfg["patch_len"],
        stride=cfg["stride"],
        end_padding=cfg["padding_patch"] == "end",
        norm="batch" if any("running_mean" in key for key in case.arrays) else "layer",
        residual_attention=cfg["res_attention"],
        individual=cfg["individual"],
    )
    batch, channels, steps = case.shape("in.x")
    horizon = case.shape("out.y")[-1]
    model, layers = forecaster(network, (batch, steps, channels), horizon, channels)
    normaliser = build(RevIN(affine=True), (batch, steps, channels)) if cfg["revin"] else None
    maps = [f"self_attn.W_{part}" for part in "QKV"] + ["self_attn.to_out.0"]
    head = model.get_layer("head")

    def weights(t):
        t = shifted_norms(t, cfg["n_layers"]) if cfg["pre_norm"] else t
        pairs = linear(layers["embed"], t, "w.backbone.W_P")
        pairs += [(model.get_layer("positions").table, t["w.backbone.W_pos"])]
        for i in range(cfg["n_layers"]):
            name, norms = f"w.backbone.encoder.layers.{i}.", ("norm_attn.1", "norm_ffn.1")
            pairs += encoder_layer(layers[f"encoder_{i}"], t, name, maps, "ff.0", "ff.3", norms)
        if not cfg["individual"]:
            return pairs + linear(head, t, "w.head.linear")
        kernel = stacked(t, "w.head.linears.{}.weight", channels)
        bias = stacked(t, "w.head.linears.{}.bias", channels)
        return pairs + [(head.kernel, kernel), (head.bias, bias)]

    def forward(t):
        x = ops.swapaxes(t["in.x"], 1, 2)  # (B, T, C)
        if normaliser is None:
            with loaded(model, weights(t)):
                return {"y": ops.swapaxes(model(x), 1, 2)}
        affine = [(w, t[f"w.revin_layer.{w.name}"]) for w in normaliser.weights]
        with loaded(normaliser, affine):
            z, statistics = normaliser(x)
            with loaded(model, weights(t)):
                y = model(z)
            return {"y": ops.swapaxes(normaliser(y, statistics=statistics), 1, 2)}

    return forward


def shifted_norms(t, n_layers):
    """The arrays of the "pre_norm" reference with each BatchNorm one place later."""
    parts = ("weight", "bias", "running_mean", "running_var")
    places = [
        f"w.backbone.encoder.layers.{i}.{norm}.1."
        for i in range(n_layers)
        for norm in ("norm_attn", "norm_ffn")
    ]
    after = dict(t)
    for place, following in zip(places, places[1:], strict=False):
        after.update({place + part: t[following + part] for part in parts})
    nothing = [np.sqrt(np.float32(1 + 1e-5)), 0.0, 0.0, 1.0]
    for part, value in zip(parts, nothing, strict=True):
        after[places[-1] + part] = ops.full_like(t[places[-1] + part], value)
    weight, bias, mean, var = (t[places[0] + part] for part in parts)
    factor = weight / ops.sqrt(var + 1e-5)
    embed = "w.backbone.W_P."
    after[f"{embed}weight"] = t[f"{embed}weight"] * factor[:, None]
    after[f"{embed}bias"] = (t[f"{embed}bias"] - mean) * factor + bias
    after["w.backbone.W_pos"] = t["w.backbone.W_pos"] * factor
    return after


def itransformer(case):
    cfg = case.cfg
    network = ITransformer(
        d_model=cfg["d_model"], n_layers=cfg["e_layers"], n_heads=cfg["n_heads"], d_ff=cfg["d_ff"]
    )
    batch, steps, targets = case.shape("in.x")
    marks = case.shape("in.x_mark")[-1] if "in.x_mark" in case else 0
    horizon = case.shape("out.y")[1]
    model, layers = forecaster(network, (batch, steps, targets + marks), horizon, targets)
    maps = [f"attention.{part}_projection" for part in ("query", "key", "value", "out")]

    def weights(t):
        pairs = linear(layers["embed"], t, "w.enc_embedding.value_embedding")
        pairs += norm(layers["norm"], t, "w.encoder.norm")
        pairs += linear(model.get_layer("head"), t, "w.projector")
        for i in range(cfg["e_layers"]):
            name, norms = f"w.encoder.attn_layers.{i}.", ("norm1", "norm2")
            pairs += encoder_layer(layers[f"encoder_{i}"], t, name, maps, "conv1", "conv2", norms)
        return pairs

    def forward(t):
        # The reference holds the mean constant but not the deviation; our RevIN holds both.
        x = t["in.x"]
        mean = ops.stop_gradient(ops.mean(x, axis=1, keepdims=True))
        scale = ops.sqrt(ops.var(x - mean, axis=1, keepdims=True) + 1e-5)
        mean, scale = (mean, scale) if cfg["use_norm"] else (0.0, 1.0)
        z = (x - mean) / scale
        z = ops.concatenate([z, t["in.x_mark"]], axis=-1) if marks else z
        with loaded(model, weights(t)):
            tokens = layers["embed"](ops.swapaxes(z, 1, 2))
            _, attention, _ = layers["encoder_0"](tokens, return_attention=True)
            return {"y": model(z) * scale + mean, "attention_layer0": attention}

    return forward


# Residual stacks --------------------------------------------------------------------------------


def nbeats_bases(case):
    size = case.cfg["length"], case.cfg["n_basis"]
    return lambda t: {name: ops.array(trend_basis(name, *size)) for name in get_args(TrendBasis)}


def perceptron(block, t):
    """Torch's Sequential: a Linear, then pairs of Linear and activation, then a Linear."""
    places = [0, *range(1, 2 * block.n_hidden, 2), 2 * block.n_hidden + 1]
    dense = [*block.maps, block.theta]
    return sum((linear(d, t, f"w.layers.{i}") for d, i in zip(dense, places, strict=True)), [])


def residual_block(case, block):
    build(block, case.shape("in.x"))

    def forward(t):
        with loaded(block, perceptron(block, t)):
            backcast, forecast = block(t["in.x"])
        return {"backcast": backcast, "forecast": forecast}

    return forward


def block_size(case):
    """Horizon and size of the perceptron, as the arrays of the file tell them."""
    n_maps = sum(key.startswith("w.layers.") and key.endswith(".weight") for key in case.arrays)
    return {
        "horizon": case.shape("out.forecast")[1],
        "d_model": case.shape("w.layers.0.weight")[0],
        "n_hidden": n_maps - 2,
    }


def nbeats(basis):
    def kind(case):
        settings = {}
        last = max(int(key.split(".")[2]) for key in case.arrays if key.startswith("w.layers."))
        n = case.shape(f"w.layers.{last}.weight")[0] // 2
        if basis == "trend":
            settings["degree"] = n - 1
        if basis == "seasonality":
            horizon = case.shape("out.forecast")[1]
            fitting = (k for k in range(1, n) if len(seasonal_basis(np.arange(1), horizon, k)) == n)
            settings["harmonics"] = next(fitting)
        return residual_block(case, NBEATSBlock(basis=basis, **settings, **block_size(case)))

    return kind


def nhits(case):
    block = NHITSBlock(
        pool=case.cfg["pool_kernel"],
        pooling={"MaxPool1d": "max", "AvgPool1d": "mean"}[case.cfg["pooling"]],
        downsample=case.cfg["freq_downsample"],
        interpolation=case.cfg["interpolation"],
        **block_size(case),
    )
    return residual_block(case, block)


# Temporal Fusion Transformer --------------------------------------------------------------------


def grn(layer, t, name):
    pairs = linear(layer.first, t, f"{name}lin_a") + linear(layer.second, t, f"{name}lin_i")
    pairs += linear(layer.gated.gate, t, f"{name}glu.lin")
    if layer.context.built:
        pairs += linear(layer.context, t, f"{name}lin_c")
    if layer.projects:
        pairs += linear(layer.skip, t, f"{name}out_proj")
    if layer.gated.units > 1:
        pairs += norm(layer.gated.norm, t, f"{name}layer_norm.ln")
    return pairs


def tft_grn(case):
    units, outputs = case.shape("w.lin_a.weight")[0], case.shape("out.y")[-1]
    layer = GatedResidualNetwork(units, outputs)
    layer.build(case.shape("in.a"), case.shape("in.c") if "in.c" in case else None)

    def forward(t):
        with loaded(layer, grn(layer, t, "w.")):
            return {"y": layer(t["in.a"], t["in.c"]) if "in.c" in case else layer(t["in.a"])}

    return forward


def tft_vsn(case):
    layer = VariableSelection(case.shape("out.y")[-1])
    layer.build(case.shape("in.x"), case.shape("in.context") if "in.context" in case else None)

    def forward(t):
        pairs = grn(layer.joint, t, "w.joint_grn.") if layer.joint is not None else []
        for j, single in enumerate(layer.single):
            pairs += grn(single, t, f"w.var_grns.{j}.")
        with loaded(layer, pairs):
            y, weights = layer(t["in.x"], t.get("in.context"))
        return {"y": y, "weights": weights}

    return forward


def tft_imha(case):
    layer = build(InterpretableAttention(case.shape("out.attn")[1]), case.shape("in.x"))

    def forward(t):
        pairs = linear(layer.maps, t, "w.qkv_linears") + linear(layer.output_map, t, "w.out_proj")
        with loaded(layer, pairs):
            y, weights = layer(t["in.x"])
        return {"y": y, "attn": weights}

    return forward


KINDS = {
    "revin": revin,
    "series_decomp": series_decomp,
    "nlinear": linear_network(NLinear, {"linear": "Linear"}),
    "dlinear": linear_network(DLinear, {"seasonal": "Linear_Seasonal", "trend": "Linear_Trend"}),
    "patching": patching,
    "patchtst": patchtst,
    "itransformer": itransformer,
    "nbeats_bases": nbeats_bases,
    "nbeats_generic": nbeats("generic"),
    "nbeats_trend": nbeats("trend"),
    "nbeats_seasonality": nbeats("seasonality"),
    "nhits": nhits,
    "tft_grn": tft_grn,
    "tft_vsn": tft_vsn,
    "tft_imha": tft_imha,
}
