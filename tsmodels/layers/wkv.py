"""The recurrences of RWKV: a decayed memory of keys and values, in chunks and moment by moment.

    B batch   L length   Z chunks   c chunk length   C channels   H heads   K key and value width
    r receptance (asks)   k key   v value   w decay   u bonus of the current moment   S state

Papers: v4 arXiv 2305.13048; v5 (Eagle), v6 (Finch) arXiv 2404.05892; v7 (Goose) arXiv 2503.14456.
"""

from __future__ import annotations

from typing import Any

from tsmodels.backend import ops
from tsmodels.layers.precision import in_full_precision
from tsmodels.layers.scan import (
    UNROLLED,
    chunk_length,
    chunk_starts,
    from_chunks,
    into_chunks,
    log_decay_between,
    over_time,
    triangle,
)

LOWEST = -1e38  # the exponent of nothing; finite, because two infinities that meet give NaN


# --- v4 -------------------------------------------------------------------------------------------


def wkv4_state(batch: Any, channels: int, dtype: Any = "float32") -> tuple[Any, Any, Any]:
    """Nothing seen yet: (aa, bb, pp) = (0, 0, lowest), each (B, C)."""
    nothing = ops.zeros((batch, channels), dtype=dtype)
    return nothing, nothing, nothing + LOWEST


def wkv4_reference(w: Any, u: Any, k: Any, v: Any, state: Any = None) -> tuple[Any, Any]:
    """As `wkv4`, one moment after the other, with a running maximum pp of the exponents."""

    def step(state, at):
        (aa, bb, pp), (k, v) = state, at
        p = ops.maximum(pp, u + k)
        e1, e2 = ops.exp(pp - p), ops.exp(u + k - p)
        y = (e1 * aa + e2 * v) / (e1 * bb + e2)
        p = ops.maximum(pp + w, k)
        e1, e2 = ops.exp(pp + w - p), ops.exp(k - p)
        aa, bb = e1 * aa + e2 * v, e1 * bb + e2
        return (aa, bb, p), (y, bb, p)

    state = wkv4_state(ops.shape(k)[0], k.shape[-1], k.dtype) if state is None else state
    arrays = (ops.swapaxes(k, 0, 1), ops.swapaxes(v, 0, 1))
    state, (y, _, _) = over_time(step, state, arrays)
    return ops.swapaxes(y, 0, 1), state


@in_full_precision
def wkv4(w: Any, u: Any, k: Any, v: Any, state: Any = None, chunk: int = 16) -> tuple[Any, Any]:
    """Attention with a decay per channel. Peng et al., 2023, arXiv 2305.13048, equation 16.

    wkv_t = (sum_{i<t} exp((t-1-i) w + k_i) v_i + exp(u + k_t) v_t) / (the same without v)

    w <= 0 and u (C,); k, v (B, L, C). Within a chunk a softmax over its moments and the memory,
    so that no exponent is ever positive; between chunks the memory (aa, bb, pp), each (B, C):
    numerator aa exp(pp), denominator bb exp(pp). Returns wkv (B, L, C) and the memory.

    >>> k, v = ops.zeros((1, 3, 1)), ops.reshape(ops.arange(3.0), (1, 3, 1))
    >>> [float(y) for y in wkv4(ops.zeros(1), ops.zeros(1), k, v)[0][0, :, 0]]
    [0.0, 0.5, 1.0]
    """
    length, c = ops.shape(k)[1], chunk_length(k, chunk)
    state = wkv4_state(ops.shape(k)[0], k.shape[-1], k.dtype) if state is None else state
    k, v = into_chunks(k, c, fill=LOWEST), into_chunks(v, c)  # (B, Z, c, C)
    steps = ops.cast(ops.arange(c), k.dtype)[:, None]
    sizes = ops.minimum(c, length - c * ops.arange(ops.shape(k)[1]))  # of the chunks
    (aa, bb, pp), state = _wkv4_starts(w, k, v, steps, ops.cast(sizes, k.dtype), state)
    scores = k[:, :, None] + _wkv4_bias(w, u, c, k.dtype)  # (B, Z, i, j, C)
    memory = pp[:, :, None] + steps * w  # (B, Z, i, C)
    m = ops.stop_gradient(ops.maximum(ops.max(scores, axis=3), memory))
    p, carried = ops.exp(scores - m[:, :, :, None]), ops.exp(memory - m)
    numerator = ops.sum(p * v[:, :, None], axis=3) + carried * aa[:, :, None]
    denominator = ops.sum(p, axis=3) + carried * bb[:, :, None]
    y = from_chunks(numerator / denominator, length)
    return y, state


def _wkv4_bias(w: Any, u: Any, c: int, dtype: Any) -> Any:
    """(i, j, C): (i-1-j) w before the diagonal, u on it, nothing after it."""
    steps = ops.cast(ops.arange(c), dtype)
    age = (steps[:, None] - 1 - steps)[..., None]  # (i, j, 1)
    bias = ops.where(age >= 0, ops.maximum(age, 0) * w, LOWEST)
    return ops.where(age == -1, u, bias)


def _wkv4_starts(w: Any, k: Any, v: Any, steps: Any, sizes: Any, state: Any) -> tuple[Any, Any]:
    """The memories before each chunk, each (B, Z, C), and the one after the last.

    `sizes` (Z,) are the moments in each: the last may be filled up. The maxima are constants of the
    gradient: they cancel in the quotient.
    """
    aa, bb, pp = state
    late = k + ops.maximum(sizes[:, None, None] - 1 - steps, 0.0) * w  # (B, Z, c, C)
    whole = sizes[:, None] * w  # (Z, C)
    top = ops.stop_gradient(ops.max(late, axis=2))  # (B, Z, C)
    weight = ops.exp(late - top[:, :, None])
    before, after, last = _running_maximum(top, ops.stop_gradient(whole), ops.stop_gradient(pp))
    decay = ops.exp(before + whole - after)
    gain = ops.exp(top - after)
    added = gain[..., None] * ops.stack([ops.sum(weight * v, 2), ops.sum(weight, 2)], axis=-1)
    starts, end = chunk_starts(decay[..., None], added, ops.stack([aa, bb], axis=-1))
    return (starts[..., 0], starts[..., 1], before), (end[..., 0], end[..., 1], last)


def _running_maximum(top: Any, decay: Any, pp: Any) -> tuple[Any, Any, Any]:
    """pp_z+1 = max(pp_z + decay_z, top_z): before and after every chunk (B, Z, C), and the last.

    top (B, Z, C), decay (Z, C).
    """

    def step(pp, at):
        top, decay = at
        after = ops.maximum(pp + decay, top)
        return after, after

    top = ops.swapaxes(top, 0, 1)  # (Z, B, C)
    last, after = over_time(step, pp, (top, decay[:, None] + ops.zeros_like(top)))
    after = ops.stop_gradient(ops.swapaxes(after, 0, 1))
    return ops.concatenate([pp[:, None], after[:, :-1]], axis=1), after, ops.stop_gradient(last)


# --- v5, v6 ---------------------------------------------------------------------------------------


def wkv6_reference(
    r: Any, k: Any, v: Any, log_w: Any, u: Any, state: Any = None
) -> tuple[Any, Any]:
    """As `wkv6`, one moment after the other."""
    added = k[..., None] * v[..., None, :]  # (B, L, H, K, V)
    state = ops.zeros_like(added[:, 0]) if state is None else state

    def step(S, at):
        a, w = at
        return w[..., None] * S + a, S

    w = ops.broadcast_to(ops.exp(log_w), ops.shape(k))
    last, before = over_time(step, state, (ops.swapaxes(added, 0, 1), ops.swapaxes(w, 0, 1)))
    seen = ops.swapaxes(before, 0, 1) + u[..., None] * added
    return ops.sum(r[..., None] * seen, axis=-2), last


@in_full_precision
def wkv6(
    r: Any, k: Any, v: Any, log_w: Any, u: Any, state: Any = None, chunk: int = 16
) -> tuple[Any, Any]:
    """Linear attention with a decay per key channel. Peng et al., 2024, arXiv 2404.05892, eq. 20.

    y_t = r_t (diag(u) k_t^T v_t + S_{t-1});  S_t = diag(w_t) S_{t-1} + k_t^T v_t

    r, k, v (B, L, H, K); log_w <= 0 (B, L, H, K), or (H, K) constant (RWKV-5); u (H, K).
    Returns y (B, L, H, K) and S (B, H, K, K): keys by values.
    """
    batch, length, heads, width = ops.shape(k)
    c = chunk_length(k, chunk)
    state = ops.zeros((batch, heads, width, width), k.dtype) if state is None else state
    constant = ops.broadcast_to(log_w, (1, 1, c, *log_w.shape)) if len(log_w.shape) == 2 else None
    log_w = ops.broadcast_to(log_w, ops.shape(k))
    r, k, v, log_w = (into_chunks(x, c) for x in (r, k, v, log_w))  # (B, Z, c, H, K)
    scores = _wkv6_scores(r, k, log_w if constant is None else constant, u)
    r, k, v, log_w = (ops.swapaxes(x, 2, 3) for x in (r, k, v, log_w))  # (B, Z, H, c, K)
    past = ops.cast(triangle(c, -1), k.dtype)
    since = ops.exp(ops.matmul(past, log_w))  # from the start to just before i
    until = ops.exp(ops.matmul(ops.transpose(past), log_w))  # from just after j to the end
    added = ops.matmul(ops.swapaxes(k * until, -1, -2), v)  # (B, Z, H, K, V)
    starts, last = chunk_starts(ops.exp(ops.sum(log_w, axis=-2))[..., None], added, state)
    y = ops.matmul(scores, v) + ops.matmul(r * since, starts)
    return from_chunks(ops.swapaxes(y, 2, 3), length), last


def _wkv6_scores(r: Any, k: Any, log_w: Any, u: Any) -> Any:
    """(B, Z, H, i, j): what moment i asks of moment j <= i of its chunk.

    A constant log_w is the same in every chunk: (1, 1, c, H, K).
    """
    *lead, c, heads, width = ops.shape(log_w)
    between = log_decay_between(ops.reshape(log_w, (*lead, c, heads * width)), inclusive=False)
    between = ops.reshape(between, (*lead, c, c, heads, width))
    past = ops.cast(triangle(c, -1), k.dtype)[..., None, None]
    now = ops.cast(ops.eye(c), k.dtype)[..., None, None]
    decay = ops.exp(between) * past + now * u
    scores = ops.sum(r[:, :, :, None] * decay * k[:, :, None], axis=-1)  # (B, Z, i, j, H)
    return ops.moveaxis(scores, -1, 2)


# --- v7 -------------------------------------------------------------------------------------------


def wkv7_reference(
    r: Any, log_w: Any, k: Any, v: Any, a: Any, b: Any, state: Any = None
) -> tuple[Any, Any]:
    """As `wkv7`, one moment after the other."""

    def step(S, at):
        w, k, v, a, b = at
        removed = ops.sum(S * a[..., None, :], axis=-1)  # S a
        S = S * w[..., None, :] + removed[..., None] * b[..., None, :]
        S = S + v[..., None] * k[..., None, :]
        return S, S

    batch, _, heads, width = ops.shape(k)
    state = ops.zeros((batch, heads, width, width), k.dtype) if state is None else state
    arrays = tuple(ops.swapaxes(x, 0, 1) for x in (ops.exp(log_w), k, v, a, b))
    last, S = over_time(step, state, arrays)
    return ops.sum(ops.swapaxes(S, 0, 1) * r[..., None, :], axis=-1), last


@in_full_precision
def wkv7(
    r: Any, log_w: Any, k: Any, v: Any, a: Any, b: Any, state: Any = None, chunk: int = 16
) -> tuple[Any, Any]:
    """The generalised delta rule. Peng et al., 2025, arXiv 2503.14456, equation 17.

    S_t = S_{t-1} (diag(w_t) + a_t b_t^T) + v_t k_t^T;  y_t = S_t r_t

    All (B, L, H, K); -4 <= log_w <= 0. Returns y (B, L, H, K) and S (B, H, K, K): values by keys.
    Within a chunk the vectors u_t = S_{t-1} a_t solve a triangular system, because u_t depends on
    earlier ones alone; decays are taken from the middle of the chunk, so that their quotients stay
    in range.
    """
    batch, length, heads, width = ops.shape(k)
    c = chunk_length(k, chunk)
    S0 = ops.zeros((batch, heads, width, width), k.dtype) if state is None else state
    r, log_w, k, v, a, b = (
        ops.swapaxes(into_chunks(x, c), 2, 3) for x in (r, log_w, k, v, a, b)
    )  # (B, Z, H, c, K)
    since = ops.cumsum(log_w, axis=-2)  # log W_i, to the end of moment i
    total = since[..., -1:, :]
    x, y = _delta_rule(since, log_w, k, v, a, b)  # u = x S0^T + y
    rest = ops.exp(total - since)
    forget = ops.matmul(ops.swapaxes(x, -1, -2), b * rest)
    forget = forget + ops.exp(total) * ops.eye(width, dtype=k.dtype)
    learn = ops.matmul(ops.swapaxes(y, -1, -2), b * rest)
    learn = learn + ops.matmul(ops.swapaxes(v, -1, -2), k * rest)
    S, last = _matrix_starts(forget, learn, S0)
    u = ops.matmul(x, ops.swapaxes(S, -1, -2)) + y
    near, far = _from_middle(since)
    seen = ops.cast(triangle(c), k.dtype)
    out = ops.matmul(r * ops.exp(since), ops.swapaxes(S, -1, -2))
    out = out + ops.matmul(_products(r * near, b * far) * seen, u)
    out = out + ops.matmul(_products(r * near, k * far) * seen, v)
    return from_chunks(ops.swapaxes(out, 2, 3), length), last


def _solved(system: Any, right: Any) -> Any:
    """system^-1 right of triangles with a diagonal of ones (..., c, c), by substitution.

    For exports by products alone: (I - L)^-1 = (I + L)(I + L^2)(I + L^4) ..., as L^c = 0.
    """
    if not UNROLLED.get():
        return ops.solve_triangular(system, right, lower=True)
    eye = ops.eye(system.shape[-1], dtype=system.dtype)
    power, solved = eye - system, right
    for _ in range((system.shape[-1] - 1).bit_length()):
        solved = solved + ops.matmul(power, solved)
        power = ops.matmul(power, power)
    return solved


def _delta_rule(since: Any, log_w: Any, k: Any, v: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """x (B, Z, H, c, K) and y (B, Z, H, c, V) of u = x S0^T + y."""
    before = since - log_w  # log W_{i-1}
    near, far = _from_middle(since)
    near = near * ops.exp(-log_w)
    past = ops.cast(triangle(k.shape[-2], -1), k.dtype)
    system = ops.eye(k.shape[-2], dtype=k.dtype) - _products(a * near, b * far) * past
    known = ops.matmul(_products(a * near, k * far) * past, v)
    right = ops.concatenate([a * ops.exp(before), known], axis=-1)
    solved = _solved(system, right)
    return solved[..., : k.shape[-1]], solved[..., k.shape[-1] :]


def _from_middle(since: Any) -> tuple[Any, Any]:
    """W_i / W_mid and W_mid / W_j: their product is the decay between j and i."""
    middle = since[..., since.shape[-2] // 2, :][..., None, :]
    return ops.exp(since - middle), ops.exp(middle - since)


def _products(x: Any, y: Any) -> Any:
    return ops.matmul(x, ops.swapaxes(y, -1, -2))


def _matrix_starts(M: Any, N: Any, S0: Any) -> tuple[Any, Any]:
    """S_{z+1} = S_z M_z + N_z: the states before each chunk (B, Z, H, V, K), and the last."""

    def step(S, at):
        return ops.matmul(S, at[0]) + at[1], S

    last, S = over_time(step, S0, (ops.swapaxes(M, 0, 1), ops.swapaxes(N, 0, 1)))
    return ops.swapaxes(S, 0, 1), last
