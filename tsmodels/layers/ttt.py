"""TTT-Linear and TTT-MLP: a hidden state that is itself a small network, trained while it reads.

    B batch   L length   Z mini-batches   K mini-batch size   H heads   d head width   C channels

Sun et al., 2024, arXiv 2407.04620. Per head, the fast network f (one linear layer, or two with a
GELU between) learns to rebuild V - K from K by gradient steps on |LN(f(K)) - (V - K)|^2 / 2, and
answers Q with Q + LN(f(Q)). All gradients of a mini-batch are taken where it starts; token i is
answered after the gradients of the tokens 0..i of its mini-batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real
from tsmodels.layers.mamba import causal_depthwise_conv
from tsmodels.layers.precision import wide, widened
from tsmodels.layers.scan import ScanLayer, into_chunks, over_time, triangle, without_xla

EPSILON = 1e-6

Weights = list[tuple[Any, Any]]  # (W, b) of each linear layer of the fast network


def gelu(x: Any) -> Any:
    """The tanh form, as in the authors' code."""
    return ops.gelu(x, approximate=True)


def gelu_gradient(x: Any) -> Any:
    """d gelu(x) / dx.

    >>> float(gelu_gradient(ops.zeros(())))
    0.5
    """
    z = math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x * x)
    share = ops.sigmoid(z)  # (1 + tanh(z/2)) / 2
    slope = math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return share + x * share * ops.sigmoid(-z) * slope


def layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    """LayerNorm over the last axis; gamma and beta broadcast."""
    return gamma * _normalized(x)[0] + beta


def layer_norm_gradient(x: Any, target: Any, gamma: Any, beta: Any) -> Any:
    """d/dx of |LN(x) - target|^2 / 2, in closed form."""
    hat, std = _normalized(x)
    g = gamma * (gamma * hat + beta - target)
    mean = ops.mean(g, axis=-1, keepdims=True)
    return (g - mean - hat * ops.mean(g * hat, axis=-1, keepdims=True)) / std


def _normalized(x: Any) -> tuple[Any, Any]:
    x = x - ops.mean(x, axis=-1, keepdims=True)
    std = ops.sqrt(ops.mean(x * x, axis=-1, keepdims=True) + EPSILON)
    return x / std, std


def rotated(x: Any, position: Any, theta: float) -> Any:
    """Rotary positions on neighbouring pairs (2i, 2i+1), by position * theta^(-2i/d).

    x (..., d); position broadcasts against (..., 1).
    """
    d = x.shape[-1]
    pace = ops.cast(theta ** (-ops.arange(0, d, 2, dtype="float32") / d), x.dtype)
    cos, sin = ops.cos(position * pace), ops.sin(position * pace)
    even, odd = x[..., 0::2], x[..., 1::2]
    pairs = ops.stack([even * cos - odd * sin, odd * cos + even * sin], axis=-1)
    return ops.reshape(pairs, ops.shape(x))


def answer(x: Any, layers: list[Callable[[Any], Any]]) -> Any:
    """f(x): the layers in turn, with GELU between them."""
    for i, layer in enumerate(layers):
        x = layer(x if i == 0 else gelu(x))
    return x


def fast_gradients(
    weights: Weights, k: Any, target: Any, gamma: Any, beta: Any
) -> list[tuple[Any, Any]]:
    """For each layer what it read and the gradient of what it said, (rows, g); dW = rows^T g."""
    rows, said = [k], []
    for i, (W, b) in enumerate(weights):
        said.append(ops.matmul(rows[-1], W) + b)
        if i + 1 < len(weights):
            rows.append(gelu(said[-1]))
    gradients = [layer_norm_gradient(said[-1], target, gamma, beta)]
    for (W, _), z in zip(weights[:0:-1], said[-2::-1], strict=True):
        back = ops.matmul(gradients[0], ops.swapaxes(W, -1, -2))
        gradients.insert(0, back * gelu_gradient(z))
    return list(zip(rows, gradients, strict=True))


class _TTT(ScanLayer):
    """Projections, gate, norms, and the mini-batches; a subclass says how wide the fast layers are.

    State: the fast weights where the current mini-batch started, the sum of its gradients so far,
    its position, and the inputs of the short convolution where there is one.
    """

    def __init__(
        self,
        n_heads: int = 4,
        mini_batch: int = 16,
        base_lr: float = 1.0,
        rope_theta: float = 10000.0,
        use_gate: bool = False,
        share_qk: bool = False,
        d_conv: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_heads = check_int("n_heads", n_heads)
        self.mini_batch = check_int("mini_batch", mini_batch)
        self.base_lr = check_real("base_lr", base_lr, 0, open_low=True)
        self.rope_theta = check_real("rope_theta", rope_theta, 0, open_low=True)
        self.use_gate, self.share_qk = use_gate, share_qk
        self.d_conv = check_int("d_conv", d_conv)
        without_xla(self)

    def fast_widths(self, d: int) -> list[int]:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        names = "n_heads mini_batch base_lr rope_theta use_gate share_qk d_conv"
        return super().get_config() | {name: getattr(self, name) for name in names.split()}

    # --- weights ---

    def build(self, input_shape: Any) -> None:
        self.width = width = input_shape[-1]
        if width % (2 * self.n_heads):
            raise ValueError(
                f"n_heads must divide the width {width} into even parts. Got {self.n_heads}."
            )
        self.d = width // self.n_heads
        for name in ("q_proj", "v_proj", "o_proj"):
            setattr(self, name, self._dense(name))
        self.k_proj = None if self.share_qk else self._dense("k_proj")
        self.g_proj = self._dense("g_proj") if self.use_gate else None
        self._build_conv()
        self._build_rates()
        self._build_fast()
        self.post_norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, name="post_norm", dtype=self.dtype_policy
        )
        self.post_norm.build(input_shape)

    def _dense(self, name: str) -> Any:
        layer = keras.layers.Dense(self.width, use_bias=False, name=name, dtype=self.dtype_policy)
        layer.build((None, None, self.width))
        return layer

    def _build_conv(self) -> None:
        if self.share_qk:
            scale = 1 / math.sqrt(self.d_conv)
            uniform = keras.initializers.RandomUniform
            for name in ("conv_q", "conv_k"):
                for part, shape in (("kernel", (self.d_conv, self.width)), ("bias", (self.width,))):
                    start = uniform(-scale, scale)
                    weight = self.add_weight(shape=shape, initializer=start, name=f"{name}_{part}")
                    setattr(self, f"{name}_{part}", weight)

    def _build_rates(self) -> None:
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.lr_kernel = self.add_weight(
            shape=(self.width, self.n_heads), initializer=normal, name="lr_kernel"
        )
        self.lr_bias = self.add_weight(shape=(self.n_heads,), initializer="zeros", name="lr_bias")
        self.token_rate = self.add_weight(
            shape=(self.mini_batch,), initializer="zeros", name="token_rate", autocast=False
        )

    def _build_fast(self) -> None:
        heads = (self.n_heads, self.d)
        self.gamma = self._fast_weight(heads, "ones", "gamma")
        self.beta = self._fast_weight(heads, "zeros", "beta")
        widths = self.fast_widths(self.d)
        self.fast = []
        for i, shape in enumerate(zip(widths[:-1], widths[1:], strict=True), start=1):
            normal = keras.initializers.RandomNormal(stddev=0.02)
            W = self._fast_weight((self.n_heads, *shape), normal, f"W{i}")
            b = self._fast_weight((self.n_heads, 1, shape[1]), "zeros", f"b{i}")
            self.fast.append((W, b))

    def _fast_weight(self, shape: tuple[int, ...], initializer: Any, name: str) -> Any:
        """A weight of the fast network, which does not learn in half precision."""
        return self.add_weight(shape=shape, initializer=initializer, name=name, autocast=False)

    # --- state ---

    def initial_state(self, batch: Any) -> dict[str, Any]:
        state = {"position": self.memory(batch, 1)}
        if self.share_qk:
            state["conv"] = self.zeros(batch, self.d_conv, self.width)
        for name, weight in self._fast_names():
            start = ops.convert_to_tensor(weight)[None]
            state[name] = ops.broadcast_to(start, (batch, *weight.shape))
            state[f"d{name}"] = self.memory(batch, *weight.shape)
        return state

    def _fast_names(self) -> list[tuple[str, Any]]:
        """("W1", W1), ("b1", b1), ..."""
        pairs = enumerate(self.fast, start=1)
        return [(f"{k}{i}", w) for i, pair in pairs for k, w in zip("Wb", pair, strict=True)]

    def _pairs(self, state: dict[str, Any], prefix: str = "") -> Weights:
        numbers = range(1, len(self.fast) + 1)
        return [(state[f"{prefix}W{i}"], state[f"{prefix}b{i}"]) for i in numbers]

    # --- what a token says ---

    def _read(self, x: Any, conv: Any) -> tuple[Any, Any, Any, Any]:
        """q, k, v (B, L, C), before rotation, and the inputs of the convolution after them."""
        q, v = self.q_proj(x), self.v_proj(x)
        if self.k_proj is not None:
            return q, self.k_proj(x), v, None
        before, after = conv[:, 1:], ops.concatenate([conv, q], axis=1)[:, -self.d_conv :]
        k = causal_depthwise_conv(q, self.conv_k_kernel, before) + self.conv_k_bias
        q = causal_depthwise_conv(q, self.conv_q_kernel, before) + self.conv_q_bias
        return q, k, v, after

    def _heads(self, x: Any) -> Any:
        return widened(ops.reshape(x, (*ops.shape(x)[:2], self.n_heads, self.d)))

    def _rate(self, x: Any) -> Any:
        """(B, L, H): the learning rate of each token, between 0 and base_lr / d."""
        gate = ops.sigmoid(ops.matmul(x, self.lr_kernel) + self.lr_bias)
        return widened(self.base_lr * gate / self.d)

    def _token_eta(self) -> Any:
        """(K,): how much of the gradients so far a token at this place uses."""
        place = ops.arange(1, self.mini_batch + 1, dtype=wide(self.compute_dtype))
        return ops.maximum(1 / place + self.token_rate, 0)

    def _write(self, out: Any, x: Any) -> Any:
        """From the answers (B, L, C) to the output."""
        out = self.post_norm(out)
        out = out if self.g_proj is None else gelu(self.g_proj(x)) * out
        return self.o_proj(out)

    # --- any number of tokens: the dual form ---

    def whole(self, x: Any) -> Any:
        return self.prefill(x)[0]

    def prefill(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """A sequence from its beginning: (y (B, L, C), the state after it)."""
        return self._in_parallel(x, self.initial_state(ops.shape(x)[0]), None)

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """From any state: the tokens that its mini-batch has seen are places left empty before."""
        return self._in_parallel(x, state, ops.cast(state["position"], "int32"))

    def _in_parallel(self, x: Any, state: Any, position: Any) -> tuple[Any, dict[str, Any]]:
        batch, length, _ = ops.shape(x)
        q, k, v, conv = self._read(x, state.get("conv"))
        at = ops.arange(length) if position is None else position + ops.arange(length)  # ([B,] L)
        place = ops.cast(at % self.mini_batch, wide(x.dtype))[..., None, None]
        shift = None if position is None else self._shift(at, length)
        q, k = (rotated(self._heads(r), place, self.rope_theta) for r in (q, k))
        parts = [self._dealt(r, shift) for r in (q, k, self._heads(v), self._rate(x))]
        q, k, v = (ops.transpose(r, (1, 0, 3, 2, 4)) for r in parts[:3])  # (Z, B, H, K, d)
        rate = ops.transpose(parts[3], (1, 0, 3, 2))  # (Z, B, H, K), 0 where a place is empty
        before = None if position is None else _flat(self._pairs(state, "d"))
        starts, last = self._learn(k, v, rate, _flat(self._pairs(state)), before)
        out, sums = self._answers(q, k, v, rate, starts, before)
        out = ops.reshape(ops.transpose(out, (1, 0, 3, 2, 4)), (batch, -1, self.width))
        if shift is not None:
            out = ops.matmul(ops.swapaxes(shift, 1, 2), out)
        following = self._end(length, batch, position, starts, last, sums)
        return self._write(out[:, :length], x), following | ({} if conv is None else {"conv": conv})

    def _dealt(self, x: Any, shift: Any) -> Any:
        """(B, L, ...) in mini-batches (B, Z, K, ...), at places of their own with `shift`."""
        if shift is None:
            return into_chunks(x, self.mini_batch)
        batch, length, *inner = ops.shape(x)
        flat = ops.reshape(x, (batch, length, math.prod(inner)))
        return ops.reshape(ops.matmul(shift, flat), (batch, -1, self.mini_batch, *inner))

    def _shift(self, at: Any, length: Any) -> Any:
        """(B, Z K, L) of ones where token l has place at[l], zeros elsewhere."""
        size = self.mini_batch
        places = ops.arange((length + 2 * size - 2) // size * size)  # for any position
        return ops.cast(places[:, None] == at[:, None], wide(self.compute_dtype))

    def _learn(
        self, k: Any, v: Any, rate: Any, start: list[Any], before: list[Any] | None
    ) -> tuple[list[Any], list[Any]]:
        """The fast weights at the start of each mini-batch (Z, B, H, ...), and after the last.

        `before` are the gradient sums that the first one begins with.
        """
        eta = self._token_eta()[-1]

        def step(flat, at):
            k, v, rate, *first = at
            found = self._gradients(_paired(flat), k, v)
            sums = _flat([_sums(rows, g, rate) for rows, g in found])
            if before is not None:
                sums = [s + first[0] * d for s, d in zip(sums, before, strict=True)]
            return [w - eta * s for w, s in zip(flat, sums, strict=True)], flat

        firsts = () if before is None else (_first_of(rate)[..., None],)
        last, starts = over_time(step, start, (k, v, rate, *firsts))
        return starts, last

    def _gradients(self, weights: Weights, k: Any, v: Any) -> list[tuple[Any, Any]]:
        gamma, beta = self.gamma[:, None], self.beta[:, None]  # (H, 1, d)
        return fast_gradients(weights, k, v - k, gamma, beta)

    def _answers(
        self, q: Any, k: Any, v: Any, rate: Any, starts: Any, before: list[Any] | None
    ) -> tuple[Any, list[Any]]:
        """Q + LN(f(Q)) (Z, B, H, K, d), and the gradient sums of every mini-batch."""
        weights = _paired(starts)
        found = self._gradients(weights, k, v)
        until = self._token_eta()[:, None] * ops.cast(triangle(self.mini_batch), q.dtype)
        eta = until * rate[..., None, :]  # (Z, B, H, i, j): token_eta_i rate_j for j <= i

        def layer(weight, rows, g):
            W, b = weight
            return lambda x: ops.matmul(x, W) + b - ops.matmul(eta * (_products(x, rows) + 1), g)

        layers = [layer(w, rows, g) for w, (rows, g) in zip(weights, found, strict=True)]
        sums = _flat([_sums(rows, g, rate) for rows, g in found])
        if before is not None:
            steps = _first_of(rate)[..., None] * self._token_eta()[:, None]  # (Z, B, 1, K, 1)
            layers = [
                lambda x, f=f, W=W, b=b: f(x) - steps * (ops.matmul(x, W) + b)
                for f, (W, b) in zip(layers, _paired(before), strict=True)
            ]
            first = _first_of(rate)[..., None]
            sums = [s + first * d for s, d in zip(sums, before, strict=True)]
        out = q + layer_norm(answer(q, layers), self.gamma[:, None], self.beta[:, None])
        return out, sums

    def _end(
        self, length: Any, batch: Any, position: Any, starts: Any, last: Any, sums: Any
    ) -> dict[str, Any]:
        """The state after `length` tokens: within a mini-batch where its places are not full."""
        begun = ops.zeros((batch, 1), "int32") if position is None else position
        reached = begun + length  # whole numbers: half precision would round them
        whole = reached // self.mini_batch  # (B, 1) mini-batches are over
        state = {"position": ops.cast(reached % self.mini_batch, wide(self.compute_dtype))}
        for (name, _), start, end, total in zip(
            self._fast_names(), starts, last, sums, strict=True
        ):
            empty = ops.zeros_like(end)[None]
            state[name] = _at(ops.concatenate([start, end[None]]), whole)
            state[f"d{name}"] = _at(ops.concatenate([total, empty]), whole)
        return state

    # --- one token: the primal form ---

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        x = x[:, None]
        q, k, v, conv = self._read(x, state.get("conv"))
        place = state["position"][..., None, None]  # (B, 1, 1, 1)
        q, k = (rotated(self._heads(r), place, self.rope_theta) for r in (q, k))
        q, k, v = (ops.swapaxes(r, 1, 2) for r in (q, k, self._heads(v)))  # (B, H, 1, d)
        found = self._gradients(self._pairs(state), k, v)
        rate = ops.swapaxes(self._rate(x), 1, 2)  # (B, H, 1)
        new = _flat([_sums(rows, g, rate) for rows, g in found])
        names = [name for name, _ in self._fast_names()]
        sums = [state[f"d{name}"] + d for name, d in zip(names, new, strict=True)]
        eta = self._eta_at(state["position"])
        now = [state[name] - eta * d for name, d in zip(names, sums, strict=True)]
        layers = [_linear(W, b) for W, b in _paired(now)]
        out = q + layer_norm(answer(q, layers), self.gamma[:, None], self.beta[:, None])
        out = ops.reshape(ops.swapaxes(out, 1, 2), (-1, 1, self.width))
        return self._write(out, x)[:, 0], self._after(state, names, now, sums, conv)

    def _eta_at(self, position: Any) -> Any:
        """token_eta at each row's position, (B, 1, 1, 1)."""
        here = ops.cast(position == ops.arange(self.mini_batch, dtype=position.dtype), "float32")
        return ops.sum(ops.cast(here, position.dtype) * self._token_eta(), -1)[:, None, None, None]

    def _after(self, state: Any, names: list[str], now: Any, sums: Any, conv: Any) -> Any:
        full = state["position"] >= self.mini_batch - 1  # (B, 1)
        after = {"position": ops.where(full, 0.0, state["position"] + 1)}
        if conv is not None:
            after["conv"] = conv
        full = full[..., None, None]
        for name, w, d in zip(names, now, sums, strict=True):
            after[name] = ops.where(full, w, state[name])
            after[f"d{name}"] = ops.where(full, ops.zeros_like(d), d)
        return after


def _sums(rows: Any, g: Any, rate: Any) -> tuple[Any, Any]:
    """sum_j rate_j rows_j^T g_j, and sum_j rate_j g_j."""
    g = rate[..., None] * g
    return ops.matmul(ops.swapaxes(rows, -1, -2), g), ops.sum(g, axis=-2, keepdims=True)


def _first_of(x: Any) -> Any:
    """Ones for the first of x (Z, B, H, K), zeros for the others: (Z, B, 1, 1)."""
    zeros = ops.zeros_like(x[:, :, :1, :1])
    return ops.concatenate([zeros[:1] + 1.0, zeros[1:]])


def _at(x: Any, where: Any) -> Any:
    """Of x (Z, B, ...) the one of each row, `where` (B, 1): (B, ...)."""
    here = ops.cast(ops.arange(ops.shape(x)[0], dtype=where.dtype)[:, None, None] == where, x.dtype)
    return ops.sum(x * ops.reshape(here, (*ops.shape(here)[:2], *[1] * (len(x.shape) - 2))), axis=0)


def _linear(W: Any, b: Any) -> Callable[[Any], Any]:
    return lambda x: ops.matmul(x, W) + b


def _products(x: Any, y: Any) -> Any:
    return ops.matmul(x, ops.swapaxes(y, -1, -2))


def _flat(pairs: list[tuple[Any, Any]]) -> list[Any]:
    return [w for pair in pairs for w in pair]


def _paired(flat: Any) -> Weights:
    return list(zip(flat[0::2], flat[1::2], strict=True))


@keras.saving.register_keras_serializable("tsmodels")
class TTTLinear(_TTT):
    """TTT-Linear, (B, L, C) -> (B, L, C): the hidden state is W, b of x W + b per head.

    `share_qk` makes keys of the queries' projection by short convolutions, `use_gate` multiplies
    the output by gelu(g_proj(x)), as in the authors' Mamba-style backbone.

    >>> layer = TTTLinear(n_heads=2, mini_batch=4)
    >>> tuple(layer(ops.ones((2, 6, 8))).shape)
    (2, 6, 8)
    >>> sorted(layer.initial_state(2))
    ['W1', 'b1', 'dW1', 'db1', 'position']
    """

    def fast_widths(self, d: int) -> list[int]:
        return [d, d]


@keras.saving.register_keras_serializable("tsmodels")
class TTTMLP(_TTT):
    """TTT-MLP, (B, L, C) -> (B, L, C): the hidden state is a two-layer MLP per head, 4 d wide.

    `base_lr` is 0.1 where TTT-Linear has 1.

    >>> tuple(TTTMLP(n_heads=2, mini_batch=4)(ops.ones((2, 6, 8))).shape)
    (2, 6, 8)
    """

    def __init__(self, n_heads: int = 4, mini_batch: int = 16, base_lr: float = 0.1, **kwargs: Any):
        super().__init__(n_heads, mini_batch, base_lr, **kwargs)

    def fast_widths(self, d: int) -> list[int]:
        return [d, 4 * d, d]
