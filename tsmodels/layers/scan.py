"""Linear recurrences over time: plain, chunked and selective, and the base of layers made of them.

    B batch   L length   Z chunks   c chunk length   D channels   N state size   H heads   G groups

Every fast form here stands beside a plain one that says the equation (`*_reference`) and tests it.
A scan returns its state at every step; outputs are contracted from it afterwards. Decays are kept
as logarithms and only differences that are <= 0 are exponentiated: products of decays underflow.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_option
from tsmodels.layers.precision import Streaming, in_full_precision, wide

DISCRETIZATIONS = ("zoh_euler", "zoh", "bilinear", "euler")


class ScanLayer(Streaming, keras.layers.Layer):
    """A causal layer with a state of constant size.

    A subclass says `initial_state(batch)`, a flat dict of float arrays with leading axis B, and
    `advance(x, state)`: any number of steps x (B, L, D) from that state, in parallel where it can,
    to (y (B, L, D), state). The whole sequence is `advance` from the initial state, one `step` is
    `advance` by one; sequences may be cut anywhere. Masked steps are left out, wherever they stand,
    and answered with zeros. `keras.layers.Bidirectional` wraps recurrent layers of Keras alone: for
    both ways, run one on the sequence and one on `ops.flip` of it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def initial_state(self, batch: Any) -> dict[str, Any]:
        raise NotImplementedError

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError

    def call(self, x: Any, mask: Any = None) -> Any:
        return self.whole(x) if mask is None else without_masked(self.whole, x, mask)

    def whole(self, x: Any) -> Any:
        """A sequence (B, L, D) from its beginning."""
        return self.advance(x, self.initial_state(ops.shape(x)[0]))[0]

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One moment: x (B, D) and the state before it to (y (B, D), the state after it)."""
        y, state = self.advance(x[:, None], state)
        return y[:, 0], state

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def zeros(self, *shape: Any) -> Any:
        """Inputs before the first."""
        return ops.zeros(shape, dtype=self.compute_dtype)

    def memory(self, *shape: Any) -> Any:
        """Zeros of a state that sums up what was read: never of half precision."""
        return ops.zeros(shape, dtype=wide(self.compute_dtype))


def without_masked(call: Callable, x: Any, mask: Any) -> Any:
    """`call` of the steps of x (B, L, D) that the mask (B, L) lets through, put back; else zeros.

    They go first, in their order, where a causal layer sees none of the others.

    >>> x, mask = ops.reshape(ops.arange(3.0), (1, 3, 1)), ops.array([[True, False, True]])
    >>> y = without_masked(lambda x: ops.cumsum(x + 1, axis=1), x, mask)
    >>> [float(v) for v in y[0, :, 0]]
    [1.0, 0.0, 4.0]
    """
    mask, length = ops.cast(mask, "bool"), ops.shape(x)[1]
    steps = ops.arange(length, dtype="int32")
    order = ops.argsort(ops.where(mask, steps, steps + length), axis=1)  # (B, L)
    y = call(ops.take_along_axis(x, order[..., None], axis=1))
    y = ops.take_along_axis(y, ops.argsort(order, axis=1)[..., None], axis=1)
    return ops.where(mask[..., None], y, ops.zeros_like(y))


def without_xla(layer: Any) -> None:
    """Tells Keras that training a layer does not compile with XLA on TensorFlow.

    The gradient of `ops.scan` there keeps lists without a fixed length, and kernels of recurrent
    layers are none of XLA's.
    """
    layer.supports_jit = keras.backend.backend() != "tensorflow"


# --- chunks ---------------------------------------------------------------------------------------


def chunk_length(x: Any, chunk: int) -> int:
    """`chunk`, or the length of x (B, L, ...) where that is known and shorter."""
    length = x.shape[1]
    return min(chunk, length) if isinstance(length, int) else chunk


def into_chunks(x: Any, chunk: int, fill: float = 0.0) -> Any:
    """(B, L, ...) -> (B, Z, c, ...), the end filled up with `fill`."""
    batch, length, *rest = ops.shape(x)
    if not isinstance(length, int) or length % chunk:
        widths = [(0, 0), (0, -length % chunk), *[(0, 0)] * len(rest)]
        x = ops.pad(x, widths, constant_values=fill)
    return ops.reshape(x, (batch, -(-length // chunk), chunk, *rest))


def from_chunks(x: Any, length: Any) -> Any:
    """(B, Z, c, ...) -> (B, L, ...), without what was filled up."""
    batch, _, _, *rest = ops.shape(x)
    return ops.reshape(x, (batch, -1, *rest))[:, :length]


def triangle(size: int, diagonal: int = 0) -> Any:
    """(size, size) of ones where column <= row + diagonal, zeros elsewhere."""
    return ops.tril(ops.ones((size, size)), diagonal)


def log_decay_between(log_a: Any, inclusive: bool = True) -> Any:
    """Sums of log decays (..., c, X) between two moments of a chunk: (..., i, j, X).

    The sum over j < s <= i (or j < s < i); 0 where there is nothing between, also above the
    diagonal. A sum of masked terms, not a difference of cumulative sums: that one loses its digits
    as soon as one decay is strong.
    """
    *lead, c, width = ops.shape(log_a)
    after = ops.reshape(ops.cast(1 - triangle(c), log_a.dtype), (c, c, 1))  # [j, s] = s > j
    terms = log_a[..., :, None, :] * ops.swapaxes(after, 0, 1)  # (..., s, j, X)
    until = ops.cast(triangle(c, 0 if inclusive else -1), log_a.dtype)  # [i, s] = s <= i
    sums = ops.matmul(until, ops.reshape(terms, (*lead, c, c * width)))
    return ops.reshape(sums, (*lead, c, c, width))


# --- h_t = a_t h_{t-1} + b_t ----------------------------------------------------------------------


UNROLLED = contextvars.ContextVar("unrolled", default=False)


@contextlib.contextmanager
def unrolled() -> Iterator[None]:
    """Loops over time are written out, step after step, in what is traced inside: for exports."""
    token = UNROLLED.set(True)
    try:
        yield
    finally:
        UNROLLED.reset(token)


def scan(step: Callable, start: Any, xs: Any, reverse: bool = False) -> tuple[Any, Any]:
    """`ops.scan`, or as many copies of `step` as there are steps where that is asked for.

    >>> with unrolled():
    ...     last, sums = scan(lambda h, x: (h + x, h + x), ops.zeros(()), ops.arange(4.0))
    >>> [float(x) for x in sums]
    [0.0, 1.0, 3.0, 6.0]
    """
    if not UNROLLED.get():
        return ops.scan(step, start, xs, reverse=reverse)
    lengths = {x.shape[0] for x in keras.tree.flatten(xs)} - {None}
    moments, state, ys = range(int(lengths.pop())), start, []
    for t in reversed(moments) if reverse else moments:
        state, y = step(state, keras.tree.map_structure(lambda x, t=t: x[t], xs))
        ys.append(y)
    ys = ys[::-1] if reverse else ys
    return state, keras.tree.map_structure(lambda *parts: ops.stack(parts), *ys)


def over_time(step: Callable, start: Any, xs: tuple[Any, ...], reverse: bool = False) -> Any:
    """`ops.scan` over arrays (T, B, ...). Outputs of a step must be shaped like its state.

    On TensorFlow `ops.scan` takes several arrays only if their length is known; otherwise they
    travel as one.
    """
    if isinstance(xs[0].shape[0], int) or UNROLLED.get():
        return scan(step, start, xs, reverse=reverse)
    shapes = [tuple(x.shape[2:]) for x in xs]
    ends = [sum(map(math.prod, shapes[: i + 1])) for i in range(len(shapes) - 1)]
    length, batch = ops.shape(xs[0])[:2]
    flat = [ops.reshape(x, (length, batch, math.prod(s))) for x, s in zip(xs, shapes, strict=True)]

    def of(state, at):
        parts = zip(ops.split(at, ends, axis=-1), shapes, strict=True)
        return step(state, tuple(ops.reshape(x, (batch, *shape)) for x, shape in parts))

    return ops.scan(of, start, ops.concatenate(flat, axis=-1), reverse=reverse)


def _in_tensorflow() -> bool:
    """Whether loops are TensorFlow's, to be run and not to be written out."""
    return keras.backend.backend() == "tensorflow" and not UNROLLED.get()


def recurrence(
    step: Callable, start: list[Any], xs: list[Any], weights: list[Any]
) -> tuple[list[Any], Any]:
    """A loop over time: `step(state, moment, weights)` gives (state, y), each a list but y.

    `xs` are arrays (T, ...), of which a step sees one moment; y may have any shape. Returns the
    last state and y (T, ...). On TensorFlow states alone are kept for the gradient, which is linear
    in T: that of `ops.scan` is not. There `step` must take from outside nothing that has one:
    such tensors are `weights`.

    >>> def step(state, moment, weights):
    ...     h = weights[0] * state[0] + moment[0]
    ...     return [h], h
    >>> last, h = recurrence(step, [ops.zeros(1)], [ops.ones((3, 1))], [ops.array(0.5)])
    >>> [float(v) for v in h[:, 0]]
    [1.0, 1.5, 1.75]
    """
    if _in_tensorflow():
        from tsmodels.layers import scan_tensorflow

        return scan_tensorflow.recurrence(step, start, xs, weights)
    return scan(lambda state, moment: step(state, moment, weights), start, xs)


def linear_scan_reference(a: Any, b: Any, h0: Any) -> Any:
    """h_t = a_t * h_{t-1} + b_t, one step after the other. a, b (B, L, ...), h0 (B, ...)."""

    def step(h, at):
        h = at[0] * h + at[1]
        return h, h

    _, h = over_time(step, h0, (_time_first(a), _time_first(b)))
    return _time_second(h)


def linear_scan(a: Any, b: Any, h0: Any) -> Any:
    """As `linear_scan_reference`, with its gradient as one scan backwards.

    g_t = dh_t + a_{t+1} g_{t+1};  db_t = g_t;  da_t = g_t h_{t-1};  dh_0 = a_1 g_1.

    >>> a, b = ops.ones((1, 3, 1)) * 0.5, ops.ones((1, 3, 1))
    >>> [float(h) for h in linear_scan(a, b, ops.zeros((1, 1)))[0, :, 0]]
    [1.0, 1.5, 1.75]
    """
    return _linear_scan(a, b, h0)


@ops.custom_gradient
def _linear_scan(a: Any, b: Any, h0: Any) -> Any:
    h = linear_scan_reference(a, b, h0)

    def gradient(*given, upstream=None):
        dh = given[0] if upstream is None else upstream

        def step(carry, at):
            g = carry + at[1]
            return at[0] * g, g

        arrays = (_time_first(a), _time_first(dh))
        dh0, g = over_time(step, ops.zeros_like(h0), arrays, reverse=True)
        g = _time_second(g)
        before = ops.concatenate([h0[:, None], h[:, :-1]], axis=1)
        return g * before, g, dh0

    return h, gradient


def chunk_starts(a: Any, b: Any, h0: Any) -> tuple[Any, Any]:
    """The states before each of the Z chunks (B, Z, ...), and the one after the last.

    b (B, Z, ...) is what a chunk adds to the state, a its decay, broadcast against b.
    """
    h = linear_scan(ops.broadcast_to(a, ops.shape(b)), b, h0)
    return ops.concatenate([h0[:, None], h[:, :-1]], axis=1), h[:, -1]


def _time_first(x: Any) -> Any:
    return ops.swapaxes(x, 0, 1)


def _time_second(x: Any) -> Any:
    return ops.swapaxes(x, 0, 1)


# --- S6 -------------------------------------------------------------------------------------------


def discretize(delta: Any, A: Any, B: Any, discretization: str = "zoh_euler") -> tuple[Any, Any]:
    """x' = A x + B u with step delta as x_t = Abar x_{t-1} + Bbar u_t; all arguments broadcast.

    zoh        Abar = exp(dA)             Bbar = (exp(dA) - 1)/A B      Mamba, equation 4
    zoh_euler  Abar = exp(dA)             Bbar = d B                    what the Mamba code computes
    bilinear   Abar = (1+dA/2)/(1-dA/2)   Bbar = d B/(1-dA/2)           S4, equation 3
    euler      Abar = 1 + dA              Bbar = d B
    """
    check_option("discretization", discretization, DISCRETIZATIONS)
    dA, dB = delta * A, delta * B
    if discretization == "euler":
        return 1 + dA, dB
    if discretization == "bilinear":
        return (1 + dA / 2) / (1 - dA / 2), dB / (1 - dA / 2)
    if discretization == "zoh":
        return ops.exp(dA), _expm1_over(dA) * dB
    return ops.exp(dA), dB


def _expm1_over(x: Any) -> Any:
    """(exp(x) - 1)/x, with its limit 1 at 0."""
    small = ops.abs(x) < 1e-3
    safe = ops.where(small, ops.ones_like(x), x)
    return ops.where(small, 1 + x / 2 + x * x / 6, ops.expm1(safe) / safe)


@in_full_precision
def selective_scan(
    u: Any,
    delta: Any,
    A: Any,
    B: Any,
    C: Any,
    D: Any = None,
    z: Any = None,
    *,
    delta_bias: Any = None,
    delta_softplus: bool = False,
    discretization: str = "zoh_euler",
    initial_state: Any = None,
) -> tuple[Any, Any]:
    """The selective state space model S6. Gu & Dao, 2023, arXiv 2312.00752, algorithm 2.

    x_t = exp(delta_t A) x_{t-1} + delta_t B_t u_t;  y_t = <C_t, x_t> + D u_t;  out = y_t silu(z_t)

    u, delta, z (B, L, D); A (D, N), negative; B, C (B, L, N), or (B, L, G, N) shared within G
    groups of adjacent channels, or constant in time (D, N), each in its own way; D and `delta_bias`
    (D,). The bias is added to delta before the softplus, if there is one. Returns y (B, L, D) and
    the last state (B, D, N), from which the next piece of the same sequence goes on as
    `initial_state`.

    >>> one = ops.ones((1, 3, 1))
    >>> y, state = selective_scan(one, one, ops.zeros((1, 1)), one, one)
    >>> [float(v) for v in y[0, :, 0]], float(state[0, 0, 0])
    ([1.0, 2.0, 3.0], 3.0)
    """
    check_option("discretization", discretization, DISCRETIZATIONS)
    delta = _step_size(delta, delta_bias, delta_softplus)
    x0 = _first_state(u, A) if initial_state is None else initial_state  # (B, D, N)
    B, C = _alike(_grouped(B, u), _grouped(C, u))  # (B, L, G, N)
    if discretization == "zoh_euler":
        y, x = _s6(delta * u, delta, A, B, C, x0)
    else:
        y, x = _discretized(u, delta, A, B, C, x0, discretization)
    return _skip_and_gate(y, u, D, z), x


def selective_scan_reference(
    u: Any,
    delta: Any,
    A: Any,
    B: Any,
    C: Any,
    D: Any = None,
    z: Any = None,
    *,
    delta_bias: Any = None,
    delta_softplus: bool = False,
    discretization: str = "zoh_euler",
    initial_state: Any = None,
) -> tuple[Any, Any]:
    """As `selective_scan`, for ungrouped B, C (B, L, N), by the plain recurrence."""
    delta = _step_size(delta, delta_bias, delta_softplus)
    x0 = _first_state(u, A) if initial_state is None else initial_state
    Abar, Bbar = discretize(delta[..., None], A, B[:, :, None], discretization)  # (B, L, D, N)
    x = linear_scan_reference(Abar, Bbar * u[..., None], x0)
    y = ops.sum(x * C[:, :, None], axis=-1)
    return _skip_and_gate(y, u, D, z), x[:, -1]


def _step_size(delta: Any, bias: Any, softplus: bool) -> Any:
    delta = delta if bias is None else delta + bias
    return ops.softplus(delta) if softplus else delta


def _first_state(u: Any, A: Any) -> Any:
    return ops.zeros((ops.shape(u)[0], *A.shape), dtype=u.dtype)


def _grouped(B: Any, u: Any) -> Any:
    """B (B, L, N) or (B, L, G, N), or (D, N) constant in time, as (B, L, G, N)."""
    if len(B.shape) == 2:
        return ops.broadcast_to(B, (*ops.shape(u)[:2], *B.shape))
    return B if len(B.shape) == 4 else B[:, :, None]


def _alike(B: Any, C: Any) -> tuple[Any, Any]:
    """Both with as many groups as the one that has more."""
    groups = max(B.shape[2], C.shape[2])
    repeated = (ops.repeat(v, groups // v.shape[2], axis=2) for v in (B, C))
    return (B, C) if B.shape[2] == C.shape[2] else tuple(repeated)


def _skip_and_gate(y: Any, u: Any, D: Any, z: Any) -> Any:
    y = y if D is None else y + D * u
    return y if z is None else y * ops.silu(z)


def _discretized(u: Any, delta: Any, A: Any, B: Any, C: Any, x0: Any, discretization: str) -> Any:
    """Any rule, by arrays (B, L, D, N)."""
    repeats = A.shape[0] // B.shape[2]
    B, C = ops.repeat(B, repeats, axis=2), ops.repeat(C, repeats, axis=2)  # (B, L, D, N)
    Abar, Bbar = discretize(delta[..., None], A, B, discretization)
    x = linear_scan(Abar, Bbar * u[..., None], x0)
    return ops.sum(x * C, axis=-1), x[:, -1]


def _s6(du: Any, delta: Any, A: Any, B: Any, C: Any, x0: Any) -> tuple[Any, Any]:
    """zoh_euler without arrays (B, L, D, N): each step makes its own decay and forgets it.

    Inside, the state is (B, G, N, R) with R = D/G channels a group: adjacent channels adjacent.
    """
    batch, length, channels = ops.shape(du)
    groups, n = B.shape[2], A.shape[1]
    r = A.shape[0] // groups
    A = ops.swapaxes(ops.reshape(A, (groups, r, n)), 1, 2)
    x0 = ops.swapaxes(ops.reshape(x0, (batch, groups, r, n)), 2, 3)
    du, delta = (ops.reshape(v, (batch, length, groups, r)) for v in (du, delta))
    du, delta, B, C = (_time_first(v) for v in (du, delta, B, C))
    loop = _s6_loop()
    y, x = loop(du, delta, B, C, A, x0)
    y = ops.reshape(_time_second(y), (batch, length, channels))
    return y, ops.reshape(ops.swapaxes(x, 2, 3), (batch, channels, n))


def _s6_loop() -> Callable:
    if not _in_tensorflow():
        return _s6_scan
    from tsmodels.layers.scan_tensorflow import s6

    return s6


def _s6_scan(du: Any, delta: Any, B: Any, C: Any, A: Any, x0: Any) -> tuple[Any, Any]:
    def step(x, at):
        du, delta, B, C = at
        x = ops.exp(delta[:, :, None] * A) * x + B[..., None] * du[:, :, None]
        return x, ops.sum(C[..., None] * x, axis=2)

    x, y = over_time(step, x0, (du, delta, B, C))
    return y, x


# --- SSD ------------------------------------------------------------------------------------------


def segment_sums(A: Any) -> Any:
    """(..., c) -> (..., c, c): [i, j] is the sum of A over j < s <= i, -inf above the diagonal."""
    sums = log_decay_between(A[..., None])[..., 0]
    return ops.where(triangle(ops.shape(A)[-1]) > 0, sums, -float("inf"))


@in_full_precision
def ssd(
    X: Any, A: Any, B: Any, C: Any, *, initial_state: Any = None, chunk: int = 32
) -> tuple[Any, Any]:
    """State space duality. Dao & Gu, 2024, arXiv 2405.21060, listing 1.

    h_t = exp(A_t) h_{t-1} + x_t B_t^T;  y_t = h_t C_t, one scalar decay a head.

    X (B, L, H, P), already multiplied by delta; A (B, L, H), the log decay delta A <= 0; B, C
    (B, L, G, N), each group for H/G adjacent heads. Within a chunk masked attention, between chunks
    the recurrence; any length, and the chunk length does not change the answer. Returns
    Y (B, L, H, P) and the last state (B, H, P, N).

    >>> X, A, B = ops.ones((1, 3, 1, 1)), ops.zeros((1, 3, 1)), ops.ones((1, 3, 1, 1))
    >>> [float(y) for y in ssd(X, A, B, B)[0][0, :, 0, 0]]
    [1.0, 2.0, 3.0]
    """
    batch, length, heads, p = ops.shape(X)
    groups, n = B.shape[2:]
    c, r = chunk_length(X, chunk), X.shape[2] // groups
    x, a, B, C = (into_chunks(v, c) for v in (X, A, B, C))
    z = -(-length // c)
    x = ops.reshape(x, (batch, z, c, groups, r, p))
    x = ops.transpose(x, (0, 1, 3, 4, 2, 5))  # (B, Z, G, R, c, P)
    a = ops.transpose(ops.reshape(a, (batch, z, c, groups, r)), (0, 1, 3, 4, 2))
    B, C = (ops.transpose(v, (0, 1, 3, 2, 4))[:, :, :, None] for v in (B, C))  # (B, Z, G, 1, c, N)
    x0 = ops.zeros((batch, heads, p, n), X.dtype) if initial_state is None else initial_state
    y, last = _ssd_chunks(x, a, B, C, ops.reshape(x0, (batch, groups, r, p, n)))
    y = ops.reshape(ops.transpose(y, (0, 1, 4, 2, 3, 5)), (batch, -1, c, heads, p))
    return from_chunks(y, length), ops.reshape(last, (batch, heads, p, n))


def _ssd_chunks(x: Any, a: Any, B: Any, C: Any, h0: Any) -> tuple[Any, Any]:
    between = segment_sums(a)  # (B, Z, G, R, i, j)
    since, until = ops.cumsum(a, axis=-1), between[..., -1, :]  # from the start, to the end
    scores = ops.matmul(C, ops.swapaxes(B, -1, -2)) * ops.exp(between)
    within = ops.matmul(scores, x)
    added = ops.matmul(ops.swapaxes(x * ops.exp(until)[..., None], -1, -2), B)  # (B, Z, G, R, P, N)
    h, last = chunk_starts(ops.exp(since[..., -1])[..., None, None], added, h0)
    before = ops.matmul(C, ops.swapaxes(h, -1, -2)) * ops.exp(since)[..., None]
    return within + before, last


def ssd_reference(X: Any, A: Any, B: Any, C: Any, *, initial_state: Any = None) -> tuple[Any, Any]:
    """As `ssd`, for B, C (B, L, H, N), by the plain recurrence."""
    added = X[..., None] * B[:, :, :, None]  # (B, L, H, P, N)
    h0 = ops.zeros_like(added[:, 0]) if initial_state is None else initial_state
    decay = ops.broadcast_to(ops.exp(A)[..., None, None], ops.shape(added))
    h = linear_scan_reference(decay, added, h0)
    return ops.sum(h * C[:, :, :, None], axis=-1), h[:, -1]
