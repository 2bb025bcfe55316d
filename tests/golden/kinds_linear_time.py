"""Loading maps of the linear-time kinds: S6, Mamba, SSD, RWKV, TTT.

Weights of the files follow torch: linear (out, in), depthwise convolution (C, 1, K).
"""

from harness import build, loaded

from tsmodels.backend import keras, ops
from tsmodels.layers import scan
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


KINDS = {
    "mamba2_block": mamba2_block,
    "mamba_block": mamba_block,
    "mamba_residual_stack": mamba_residual_stack,
    "s6_discretisation": s6_discretisation,
    "s6_scan": s6_scan,
    "ssd": ssd,
}
