"""Loading maps: attention, positions, Transformer layers, decoders with attention."""

from harness import build, loaded
from torch_weights import cell_values, in_order, lengths_mask, linear, norm, together

from tsmodels.backend import keras, ops
from tsmodels.layers.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    MultiHeadAttention,
)
from tsmodels.layers.decoders import BahdanauDecoder, LuongDecoder
from tsmodels.layers.positions import sinusoidal
from tsmodels.layers.transformer import TransformerDecoderLayer, TransformerEncoderLayer
from tsmodels.networks.gnmt import GNMT


def source_mask(case, key, steps_of):
    """The mask of the lengths under `key`, or None."""
    if key not in case:
        return None
    return lengths_mask(case.arrays[key], case.shape(steps_of)[1])


# Multi-head attention ---------------------------------------------------------------------------


def heads(layer, t, name):
    """The weights of torch's MultiheadAttention: one stacked projection, or three."""
    if f"{name}in_proj_weight" in t:
        weights = ops.split(t[f"{name}in_proj_weight"], 3, axis=0)
    else:
        weights = [t[f"{name}{part}_proj_weight"] for part in "qkv"]
    biases = ops.split(t[f"{name}in_proj_bias"], 3)
    maps = (layer.query_map, layer.key_map, layer.value_map)
    pairs = linear(layer.output_map, t, f"{name}out_proj")
    for dense, weight, bias in zip(maps, weights, biases, strict=True):
        pairs += [(dense.kernel, ops.transpose(weight)), (dense.bias, bias)]
    return pairs


def mha(case):
    layer = MultiHeadAttention(case.cfg["num_heads"], causal=case.cfg["causal"])
    layer.build(*(case.shape(f"in.{name}") for name in ("query", "key", "value")))
    mask = source_mask(case, "in.key_lengths", "in.key")

    def forward(t):
        inputs = [t[f"in.{name}"] for name in ("query", "key", "value")]
        with loaded(layer, heads(layer, t, "w.")):
            _, weights, _ = layer(*inputs, key_mask=mask, return_attention=True)
            return {"y": layer(*inputs, key_mask=mask), "attn": weights}

    return forward


def sinusoidal_positional_encoding(case):
    size = case.cfg["length"], case.cfg["d_model"]
    return lambda t: {
        layout: ops.convert_to_tensor(sinusoidal(*size, layout))
        for layout in ("interleaved", "concatenated")
    }


# Transformer layers -----------------------------------------------------------------------------


def transformer_layer(layer, t, name):
    pairs = linear(layer.widen, t, f"{name}linear1") + linear(layer.narrow, t, f"{name}linear2")
    for i, own in enumerate(layer.norms):
        pairs += norm(own, t, f"{name}norm{i + 1}")
    pairs += heads(layer.attention, t, f"{name}self_attn.")
    if isinstance(layer, TransformerDecoderLayer):
        pairs += heads(layer.memory_attention, t, f"{name}multihead_attn.")
    return pairs


def settings(case, prefix="w."):
    return {
        "n_heads": case.cfg["num_heads"],
        "d_ff": case.shape(f"{prefix}linear1.weight")[0],
        "activation": case.cfg.get("activation", "relu"),
        "pre_norm": case.cfg["norm_first"],
    }


def transformer_encoder(case):
    layer = build(TransformerEncoderLayer(**settings(case)), case.shape("in.x"))
    mask = source_mask(case, "in.lengths", "in.x")

    def forward(t):
        with loaded(layer, transformer_layer(layer, t, "w.")):
            return {"y": layer(t["in.x"], mask=mask)}

    return forward


def transformer_decoder(case):
    layer = TransformerDecoderLayer(**settings(case))
    layer.build(case.shape("in.x"), case.shape("in.memory"))
    mask = source_mask(case, "in.lengths", "in.memory")

    def forward(t):
        with loaded(layer, transformer_layer(layer, t, "w.")):
            return {"y": layer(t["in.x"], t["in.memory"], memory_mask=mask)}

    return forward


def transformer_full(case):
    source, target = case.shape("in.src"), case.shape("in.tgt")
    layers = {}
    for i in range(case.cfg["num_layers"]):
        encoder, decoder = f"w.encoder.layers.{i}.", f"w.decoder.layers.{i}."
        layers[encoder] = build(TransformerEncoderLayer(**settings(case, encoder)), source)
        layers[decoder] = TransformerDecoderLayer(**settings(case, decoder))
        layers[decoder].build(target, source)
    norms = {
        side: build(keras.layers.LayerNormalization(epsilon=1e-5), source)
        for side in ("encoder", "decoder")
    }

    def forward(t):
        pairs = sum((transformer_layer(layer, t, name) for name, layer in layers.items()), [])
        for side, layer in norms.items():
            pairs += norm(layer, t, f"w.{side}.norm")
        with loaded(together([*layers.values(), *norms.values()]), pairs):
            memory, y = t["in.src"], t["in.tgt"]
            for i in range(case.cfg["num_layers"]):
                memory = layers[f"w.encoder.layers.{i}."](memory)
            memory = norms["encoder"](memory)
            for i in range(case.cfg["num_layers"]):
                y = layers[f"w.decoder.layers.{i}."](y, memory)
            return {"y": norms["decoder"](y)}

    return forward


# Attention over a memory ------------------------------------------------------------------------


def memory_attention(make, weights, activation):
    """Luong's and Bahdanau's layers: attention, then a map of [context; query]."""

    def kind(case):
        attention = make(case)
        attention.build(case.shape("in.query"), case.shape("in.memory"))
        bias = "w.linear_out.bias" in case
        combine = keras.layers.Dense(case.shape("in.query")[-1], activation, use_bias=bias)
        combine.build((None, None, case.shape("w.linear_out.weight")[1]))
        mask = source_mask(case, "in.memory_lengths", "in.memory")

        def forward(t):
            with loaded(attention, weights(attention, t)):
                context, align = attention(t["in.query"], t["in.memory"], memory_mask=mask)
            with loaded(combine, linear(combine, t, "w.linear_out")):
                attended = combine(ops.concatenate([context, t["in.query"]], axis=-1))
            return {"align": align, "attn_h": attended, "context": context}

        return forward

    return kind


def bahdanau_weights(attention, t):
    return [
        (attention.query_kernel, ops.transpose(t["w.linear_query.weight"])),
        (attention.memory_kernel, ops.transpose(t["w.linear_context.weight"])),
        (attention.bias, t["w.linear_query.bias"]),
        (attention.v, t["w.v.weight"][0]),
    ]


def attention_score_variants(case):
    units, width = case.shape("w.W_query")
    shapes = (None, 1, width), case.shape("in.memory")
    layers = {
        "score_bahdanau": AdditiveAttention(units),
        "score_normed_bahdanau": AdditiveAttention(units, use_bias=True, normed=True),
        "score_luong_concat": AdditiveAttention(units),
        "score_scaled_luong": DotAttention(scaled=True),
    }
    for layer in layers.values():
        layer.build(*shapes)

    def forward(t):
        query, memory = ops.transpose(t["w.W_query"]), ops.transpose(t["w.W_memory"])
        concat = ops.split(ops.transpose(t["w.W_concat"]), 2, axis=0)
        values = {
            "score_bahdanau": [query, memory, t["w.v"]],
            "score_normed_bahdanau": [query, memory, t["w.v"], t["w.b"], t["w.g"]],
            "score_luong_concat": [*concat, t["w.v"]],
            "score_scaled_luong": [t["w.g"]],
        }
        scores = {}
        for name, layer in layers.items():
            with loaded(layer, in_order(layer, values[name])):
                found = layer.scores(t["in.query"][:, None], layer.keys(t["in.memory"]))
                scores[name] = found[:, 0]
        return scores

    return forward


# Decoders ---------------------------------------------------------------------------------------


def luong_decoder_input_feeding(case):
    layer = LuongDecoder(case.shape("in.h0")[-1], attention="general")
    layer.build(case.shape("in.y"), case.shape("in.memory"))
    mask = source_mask(case, "in.lengths", "in.memory")

    def forward(t):
        # Torch's W maps query to memory from the right: score = h . (W q).
        pairs = in_order(layer.cell, cell_values("lstm", t, "w.lstm"))
        pairs += linear(layer.combine, t, "w.att.linear_out")
        pairs += [(layer.attention.kernel, ops.transpose(t["w.att.linear_in.weight"]))]
        with loaded(layer, pairs):
            start = {"h": t["in.h0"], "c": t["in.c0"]}
            y, align = layer(t["in.y"], t["in.memory"], memory_mask=mask, initial_state=start)
        return {"attn_h": y, "align": align}

    return forward


def bahdanau_decoder(case):
    layer = BahdanauDecoder(case.shape("w.att.W.weight")[0])
    layer.build(case.shape("in.y_prev"), case.shape("in.annotations"))
    mask = source_mask(case, "in.lengths", "in.annotations")

    def forward(t):
        pairs = in_order(layer.cell, cell_values("gru", t, "w.gru"))
        pairs += linear(layer.first, t, "w.att.init")
        pairs += [
            (layer.attention.query_kernel, ops.transpose(t["w.att.W.weight"])),
            (layer.attention.memory_kernel, ops.transpose(t["w.att.U.weight"])),
            (layer.attention.v, t["w.att.v.weight"][0]),
        ]
        with loaded(layer, pairs):
            y, align = layer(t["in.y_prev"], t["in.annotations"], memory_mask=mask)
        context = ops.matmul(align, t["in.annotations"])
        return {"states": y, "align": align, "context": context}

    return forward


def gnmt(context):
    """Encoder and decoder of the network, by its own hooks on its own layers."""

    def kind(case):
        n_layers, normed = case.cfg["num_layers"], "w.att.g" in case
        network = GNMT(
            d_model=case.shape("out.decoder")[-1],
            n_layers=n_layers,
            context=context,
            normed=normed,
            pass_states=case.cfg["pass_hidden_state"],
        )
        layers = network.layers()
        batch, steps, width = case.shape("in.x")
        mask = source_mask(case, "in.lengths", "in.x")
        for i in range(n_layers):
            layers[f"encoder_{i}"].build((batch, steps, width))
            width = network.d_model * (2 if i == 0 else 1)
        layers["decoder"].build(case.shape("in.y"), (batch, steps, width))

        def weights(t):
            decoder, attention = layers["decoder"], layers["decoder"].attention
            both = [cell_values("lstm", t, "w.enc.bi", end) for end in ("_l0", "_l0_reverse")]
            pairs = in_order(layers["encoder_0"], sum(both, []))
            for i in range(1, n_layers):
                values = cell_values("lstm", t, f"w.enc.uni{i - 1}", "_l0")
                pairs += in_order(layers[f"encoder_{i}"], values)
            for i, cell in enumerate(decoder.cells):
                pairs += in_order(cell, cell_values("lstm", t, f"w.dec.cell{i}"))
            pairs += [
                (attention.query_kernel, ops.transpose(t["w.dec.query_layer.weight"])),
                (attention.memory_kernel, ops.transpose(t["w.dec.memory_layer.weight"])),
                (attention.v, t["w.att.v"]),
            ]
            return pairs + (
                [(attention.g, t["w.att.g"]), (attention.bias, t["w.att.b"])] if normed else []
            )

        def forward(t):
            with loaded(together(layers.values()), weights(t)):
                memory = network.encode(layers, t["in.x"], mask)
                start = dict(memory.state) if network.pass_states else None
                y, align = layers["decoder"](
                    t["in.y"], memory.sequence, memory_mask=mask, initial_state=start
                )
            return {"encoder": memory.sequence, "align": align, "decoder": y}

        return forward

    return kind


KINDS = {
    "mha": mha,
    "sinusoidal_positional_encoding": sinusoidal_positional_encoding,
    "transformer_encoder": transformer_encoder,
    "transformer_decoder": transformer_decoder,
    "transformer_full": transformer_full,
    "luong_dot": memory_attention(lambda case: DotAttention(), lambda layer, t: [], "tanh"),
    "luong_general": memory_attention(
        lambda case: GeneralAttention(),
        lambda layer, t: [(layer.kernel, ops.transpose(t["w.linear_in.weight"]))],
        "tanh",
    ),
    "bahdanau_mlp": memory_attention(
        lambda case: AdditiveAttention(case.shape("w.v.weight")[1], use_bias=True),
        bahdanau_weights,
        None,
    ),
    "attention_score_variants": attention_score_variants,
    "luong_decoder_input_feeding": luong_decoder_input_feeding,
    "bahdanau_decoder": bahdanau_decoder,
    "gnmt": gnmt("previous"),
    "gnmt_v2": gnmt("new"),
}
