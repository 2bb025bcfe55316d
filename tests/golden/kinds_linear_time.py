"""Loading maps of the linear-time kinds: S6, Mamba, SSD, RWKV, TTT.

Weights of the files follow torch: linear (out, in), depthwise convolution (C, 1, K).
"""

from harness import build, loaded

from tsmodels.backend import keras, ops
from tsmodels.layers import rwkv, scan, wkv
from tsmodels.layers import ttt as fast
from tsmodels.layers.mamba import Mamba2Block, MambaBlock


def channels_last(x):
    """(B, ..., L) -> (B, L, ...); what is constant in time, (D, N), stays as it is."""
    return x if len(x.shape) == 2 else ops.moveaxis(x, -1, 1)


def s6_discretisation(case):
    def forward(t):
        delta, A, B = (t[f"in.{k}"] for k in ("delta", "A", "B"))
        rules = {r: scan.discretize(delta, A, B, r) for r in scan.DISCRETIZATIONS}
        return {
            "zoh_A": rules["zoh"][0],
            "zoh_B": rules["zoh"][1],
            "zoh_euler_B": rules["zoh_euler"][1],
            "bilinear_A": rules["bilinear"][0],
            "bilinear_B": rules["bilinear"][1],
            "euler_A": rules["euler"][0],
        }

    return forward


def s6_scan(case):
    def run(t, steps, state=None):
        moving = {k: channels_last(t[f"in.{k}"]) for k in "u delta B C z".split() if f"in.{k}" in t}
        moving = {k: v if len(v.shape) == 2 else v[:, steps] for k, v in moving.items()}
        fixed = {k: t[f"in.{k}"] for k in ("A", "D", "delta_bias") if f"in.{k}" in t}
        softplus = case.cfg["delta_softplus"]
        return scan.selective_scan(**moving, **fixed, delta_softplus=softplus, initial_state=state)

    def forward(t):
        if "cfg.split_at" not in case:
            y, state = run(t, slice(None))
            return {"y": ops.swapaxes(y, 1, 2), "last_state": state}
        head, middle = run(t, slice(0, case.cfg["split_at"]))
        tail, state = run(t, slice(case.cfg["split_at"], None), middle)
        y = ops.swapaxes(ops.concatenate([head, tail], axis=1), 1, 2)
        return {"y": y, "last_state": state, "state_at_split": middle}

    return forward


def ssd(case):
    def forward(t):
        X, A, B, C = (t[f"in.{k}"] for k in "XABC")
        state = t["in.initial_states"][:, 0] if "in.initial_states" in t else None
        Y, state = scan.ssd(X, A, B, C, initial_state=state, chunk=case.cfg["block_len"])
        first = ops.transpose(A[0, : min(case.cfg["block_len"], 8)])
        return {"Y": Y, "final_state": state, "segsum": scan.segment_sums(first)}

    return forward


def taps(weight):
    """Depthwise convolution (C, 1, K) -> (K, C)."""
    return ops.transpose(weight[:, 0])


def mamba_weights(layer, w):
    """Pairs (variable, tensor) of one Mamba block; w maps the names of the reference."""
    values = [
        (layer.in_proj.kernel, ops.transpose(w["in_proj.weight"])),
        (layer.conv_kernel, taps(w["conv1d.weight"])),
        (layer.x_proj.kernel, ops.transpose(w["x_proj.weight"])),
        (layer.dt_kernel, ops.transpose(w["dt_proj.weight"])),
        (layer.dt_bias, w["dt_proj.bias"]),
        (layer.A_log, w["A_log"]),
        (layer.D, w["D"]),
        (layer.out_proj.kernel, ops.transpose(w["out_proj.weight"])),
    ]
    if layer.use_conv_bias:
        values.append((layer.conv_bias, w["conv1d.bias"]))
    if layer.use_bias:
        values.append((layer.in_proj.bias, w["in_proj.bias"]))
        values.append((layer.out_proj.bias, w["out_proj.bias"]))
    return values


def mamba_layer(case, prefix, width):
    inner, d_state = case.shape(f"{prefix}A_log")
    layer = MambaBlock(
        d_state=d_state,
        d_conv=case.shape(f"{prefix}conv1d.weight")[-1],
        expand=inner // width,
        dt_rank=case.shape(f"{prefix}dt_proj.weight")[-1],
        use_bias=f"{prefix}in_proj.bias" in case,
        use_conv_bias=f"{prefix}conv1d.bias" in case,
    )
    return build(layer, (None, None, width))


def within(t, prefix):
    return {key[len(prefix) :]: value for key, value in t.items() if key.startswith(prefix)}


def mamba_block(case):
    layer = mamba_layer(case, "w.", case.cfg["d_model"])

    def forward(t):
        x = t["in.hidden_states"]
        with loaded(layer, mamba_weights(layer, within(t, "w."))):
            y, state = layer.advance(x, layer.initial_state(x.shape[0]))
        return {
            "y": y,
            "conv_state": ops.swapaxes(state["conv"], 1, 2),
            "ssm_state": state["ssm"],
        }

    return forward


def mamba_residual_stack(case):
    width = case.shape("in.x")[-1]
    depth = sum(key.endswith(".norm.weight") for key in case.arrays if key.startswith("w."))
    names = [f"w.layers.{i}." for i in range(depth)]
    blocks = [mamba_layer(case, f"{name}mixer.", width) for name in names]
    norms = [
        build(keras.layers.RMSNormalization(epsilon=1e-5), (None, None, width))
        for _ in range(depth + 1)
    ]

    def forward(t):
        h = t["in.x"]
        scales = [t[f"{name}norm.weight"] for name in names]
        for block, norm, name, scale in zip(blocks, norms[:-1], names, scales, strict=True):
            weights = mamba_weights(block, within(t, f"{name}mixer."))
            with loaded(norm, [(norm.scale, scale)]):
                normed = norm(h)
            with loaded(block, weights):
                h = h + block(normed)
        with loaded(norms[-1], [(norms[-1].scale, t["w.norm_f.weight"])]):
            return {"y": norms[-1](h)}

    return forward


def mamba2_block(case):
    cfg = {k: case.cfg[k] for k in "d_state head_dim d_conv expand n_groups".split()}
    epsilon, shape = case.cfg["norm_eps"], case.shape("in.x")
    whole = build(Mamba2Block(**cfg, norm_groups=1, norm_epsilon=epsilon), shape)
    grouped = build(Mamba2Block(**cfg, norm_epsilon=epsilon), shape)

    def run(layer, t):
        values = [
            (layer.in_proj.kernel, ops.transpose(t["w.in_proj.weight"])),
            (layer.conv_kernel, taps(t["w.conv1d.weight"])),
            (layer.conv_bias, t["w.conv1d.bias"]),
            (layer.dt_bias, t["w.dt_bias"]),
            (layer.A_log, t["w.A_log"]),
            (layer.D, t["w.D"]),
            (layer.norm_scale, t["w.norm.weight"]),
            (layer.out_proj.kernel, ops.transpose(t["w.out_proj.weight"])),
        ]
        with loaded(layer, values):
            return layer.advance(t["in.x"], layer.initial_state(shape[0]))

    def forward(t):
        y, state = run(whole, t)
        return {"y": y, "y_grouped_norm": run(grouped, t)[0], "final_state": state["ssm"]}

    return forward


def flat(x):
    """(1, 1, C) -> (C,)."""
    return ops.reshape(x, (-1,))


def rwkv4_wkv(case):
    def run(t, steps, state=None):
        w = -ops.exp(t["in.time_decay"])
        return wkv.wkv4(w, t["in.time_first"], t["in.k"][:, steps], t["in.v"][:, steps], state)

    def forward(t):
        if "cfg.split_at" not in case:
            y, state = run(t, slice(None))
            return dict(zip(("y", "aa", "bb", "pp"), (y, *state), strict=True))
        split = case.cfg["split_at"]
        head, middle = run(t, slice(0, split))
        tail, (aa, bb, pp) = run(t, slice(split, None), middle)
        at_split = dict(zip(("aa_at_split", "bb_at_split", "pp_at_split"), middle, strict=True))
        return {
            "y": ops.concatenate([head, tail], axis=1),
            "aa": aa,
            "bb": bb,
            "pp": pp,
            **at_split,
        }

    return forward


def dense(layer, t, **names):
    """Pairs for bias-free Dense layers held as attributes: attribute=name in the file."""
    return [
        (getattr(layer, mine).kernel, ops.transpose(t[f"{theirs}.weight"]))
        for mine, theirs in names.items()
    ]


def rwkv4_time_weights(layer, w):
    mixes = [(getattr(layer, f"mix_{k}"), flat(w[f"time_mix_{k}"])) for k in "kvr"]
    plain = [(layer.time_decay, w["time_decay"]), (layer.time_first, w["time_first"])]
    names = {"key": "key", "value": "value", "receptance": "receptance", "output_proj": "output"}
    return mixes + plain + dense(layer, w, **names)


def rwkv4_channel_weights(layer, w):
    mixes = [(getattr(layer, f"mix_{k}"), flat(w[f"time_mix_{k}"])) for k in "kr"]
    return mixes + dense(layer, w, key="key", value="value", receptance="receptance")


def rwkv4_time_mix(case):
    layer = build(rwkv.RWKV4TimeMix(), case.shape("in.x"))

    def forward(t):
        x = t["in.x"]
        with loaded(layer, rwkv4_time_weights(layer, within(t, "w."))):
            y, state = layer.advance(x, layer.initial_state(x.shape[0]))
        names = {"state_x_prev": "x", "state_aa": "aa", "state_bb": "bb", "state_pp": "pp"}
        return {"y": y, **{theirs: state[mine] for theirs, mine in names.items()}}

    return forward


def expansion(case, key):
    inner, width = case.shape(key)
    return inner / width


def rwkv4_channel_mix(case):
    expand = expansion(case, "w.key.weight")
    layer = build(rwkv.RWKV4ChannelMix(expand), case.shape("in.x"))

    def forward(t):
        with loaded(layer, rwkv4_channel_weights(layer, within(t, "w."))):
            return {"y": layer(t["in.x"])}

    return forward


def rwkv4_block(case):
    first = 0 if "w.ln0.weight" in case else 1
    layer = rwkv.RWKV4Block(expansion(case, "w.ffn.key.weight"), first, 2)
    build(layer, case.shape("in.x"))

    def forward(t):
        norms = [layer.ln0, layer.ln1, layer.ln2] if first == 0 else [layer.ln1, layer.ln2]
        values = [(n.gamma, t[f"w.{n.name}.weight"]) for n in norms]
        values += [(n.beta, t[f"w.{n.name}.bias"]) for n in norms]
        values += rwkv4_time_weights(layer.att, within(t, "w.att."))
        values += rwkv4_channel_weights(layer.ffn, within(t, "w.ffn."))
        with loaded(layer, values):
            return {"y": layer(t["in.x"])}

    return forward


def heads_weights(layer, t):
    """What v5 and v6 share."""
    names = {k: k for k in ("key", "value", "receptance", "gate")} | {"output_proj": "output"}
    return dense(layer, within(t, "w."), **names) + [
        (layer.norm_scale, t["w.ln_x.weight"]),
        (layer.norm_bias, t["w.ln_x.bias"]),
        (layer.time_decay, t["w.time_decay"]),
        (layer.time_first, t["w.time_faaaa"]),
    ]


def with_state(layer, values, x):
    with loaded(layer, values):
        y, state = layer.advance(x, layer.initial_state(x.shape[0]))
    return {"y": y, "state": state["S"]}


def rwkv5_time_mix(case):
    layer = build(rwkv.RWKV5TimeMix(case.cfg["head_size"]), case.shape("in.x"))

    def forward(t):
        mixes = [(getattr(layer, f"mix_{k}"), flat(t[f"w.time_mix_{k}"])) for k in "kvrg"]
        return with_state(layer, mixes + heads_weights(layer, t), t["in.x"])

    return forward


def rwkv6_time_mix(case):
    ranks = {
        "mix_rank": case.shape("w.time_maa_w2")[1],
        "decay_rank": case.shape("w.time_decay_w1")[1],
    }
    layer = rwkv.RWKV6TimeMix(case.cfg["head_size"], **ranks)
    build(layer, case.shape("in.x"))

    def forward(t):
        values = [(getattr(layer, f"mu_{k}"), flat(t[f"w.time_maa_{k}"])) for k in "xwkvrg"]
        values += [
            (layer.mix_a, t["w.time_maa_w1"]),
            (layer.mix_b, t["w.time_maa_w2"]),
            (layer.decay_a, t["w.time_decay_w1"]),
            (layer.decay_b, t["w.time_decay_w2"]),
        ]
        return with_state(layer, values + heads_weights(layer, t), t["in.x"])

    return forward


def rwkv7_time_mix(case):
    ranks = tuple(case.shape(f"w.{k}1")[1] if f"w.{k}1" in case else 1 for k in "wavg")
    layer_id = case.cfg["layer_id"]
    layer = rwkv.RWKV7TimeMix(case.cfg["head_size"], layer_id, layer_id + 1, ranks)
    build(layer, case.shape("in.x"))

    def forward(t):
        thin = [f"{k}{i}" for k in "wavg" for i in (1, 2)] + ["w0", "a0", "v0", "k_k", "k_a"]
        thin = [k for k in thin if k[0] != "v" or layer_id > 0]
        vectors = [(getattr(layer, k), t[f"w.{k}"]) for k in thin]
        values = [(v, flat(x) if len(v.shape) == 1 else x) for v, x in vectors]
        values += [(getattr(layer, f"mu_{k}"), flat(t[f"w.x_{k}"])) for k in "rwkvag"]
        values += [(layer.r_k, t["w.r_k"])]
        values += [(layer.norm_scale, t["w.ln_x.weight"]), (layer.norm_bias, t["w.ln_x.bias"])]
        names = {k: k for k in ("key", "value", "receptance")} | {"output_proj": "output"}
        values += dense(layer, within(t, "w."), **names)
        x, v_first = t["in.x"], t.get("in.v_first")
        with loaded(layer, values):
            state = layer.initial_state(x.shape[0])
            y, state, v_first = layer.advance_with_values(x, state, v_first)
        return {"y": y, "state": state["S"], "v_first": v_first}

    return forward


def rwkv7_channel_mix(case):
    layer = rwkv.RWKV7ChannelMix(expansion(case, "w.key.weight"))
    build(layer, case.shape("in.x"))

    def forward(t):
        values = dense(layer, within(t, "w."), key="key", value="value")
        with loaded(layer, [(layer.mu_k, flat(t["w.x_k"])), *values]):
            return {"y": layer(t["in.x"])}

    return forward


def ttt_values(layer, t):
    names = ["q_proj", "v_proj", "o_proj"] + ["k_proj"] * (not layer.share_qk)
    names += ["g_proj"] * layer.use_gate
    values = [(getattr(layer, n).kernel, ops.transpose(t[f"w.{n}.weight"])) for n in names]
    for name in ("conv_q", "conv_k") if layer.share_qk else ():
        values.append((getattr(layer, f"{name}_kernel"), taps(t[f"w.{name}.weight"])))
        values.append((getattr(layer, f"{name}_bias"), t[f"w.{name}.bias"]))
    for i, (W, b) in enumerate(layer.fast, start=1):
        values += [(W, t[f"w.W{i}"]), (b, t[f"w.b{i}"])]
    return values + [
        (layer.token_rate, t["w.learnable_token_idx"]),
        (layer.lr_kernel, ops.transpose(t["w.learnable_ttt_lr_weight"][:, 0])),
        (layer.lr_bias, flat(t["w.learnable_ttt_lr_bias"])),
        (layer.gamma, t["w.ttt_norm_weight"]),
        (layer.beta, t["w.ttt_norm_bias"]),
        (layer.post_norm.gamma, t["w.post_norm.weight"]),
        (layer.post_norm.beta, t["w.post_norm.bias"]),
    ]


def ttt(cls):
    def kind(case):
        cfg = case.cfg
        layer = cls(
            n_heads=cfg["num_heads"],
            mini_batch=cfg["mini_batch_size"],
            base_lr=cfg["ttt_base_lr"],
            rope_theta=cfg["rope_theta"],
            use_gate=cfg["use_gate"],
            share_qk=cfg["share_qk"],
            d_conv=cfg["conv_kernel"],
        )
        build(layer, case.shape("in.x"))
        states = [key[4:-6] for key in case.arrays if key.endswith("_state")]

        def forward(t):
            with loaded(layer, ttt_values(layer, t)):
                y, state = layer.prefill(t["in.x"])
            return {"y": y, **{f"{name}_state": state[name] for name in states}}

        return forward

    return kind


def ttt_ln_l2_grad(case):
    def forward(t):
        x, target, gamma, beta = (t[f"in.{k}"] for k in ("x", "target", "gamma", "beta"))
        return {
            "ln": fast.layer_norm(x, gamma, beta),
            "grad_x": fast.layer_norm_gradient(x, target, gamma, beta),
            "gelu_bwd": fast.gelu_gradient(t["in.gelu_x"]),
        }

    return forward


KINDS = {
    "mamba2_block": mamba2_block,
    "mamba_block": mamba_block,
    "mamba_residual_stack": mamba_residual_stack,
    "rwkv4_block": rwkv4_block,
    "rwkv4_channel_mix": rwkv4_channel_mix,
    "rwkv4_time_mix": rwkv4_time_mix,
    "rwkv4_wkv": rwkv4_wkv,
    "rwkv5_time_mix": rwkv5_time_mix,
    "rwkv6_time_mix": rwkv6_time_mix,
    "rwkv7_channel_mix": rwkv7_channel_mix,
    "rwkv7_time_mix": rwkv7_time_mix,
    "s6_discretisation": s6_discretisation,
    "s6_scan": s6_scan,
    "ssd": ssd,
    "ttt_linear": ttt(fast.TTTLinear),
    "ttt_ln_l2_grad": ttt_ln_l2_grad,
    "ttt_mlp": ttt(fast.TTTMLP),
}
