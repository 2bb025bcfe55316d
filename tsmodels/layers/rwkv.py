"""RWKV-4, -5, -6 and -7: time mixing by a decayed memory, channel mixing by a gated square.

    B batch   L length   C channels   H heads   K key and value width   S state

Papers: v4 arXiv 2305.13048; v5 (Eagle), v6 (Finch) arXiv 2404.05892; v7 (Goose) arXiv 2503.14456.
Token shift mixes each moment with the one before it; the first sees zeros. Mixes, decays and bonus
start as in the authors' code, by depth (`layer_id` of `n_layers`); projections that start at zero
there start small or uniform here, so that every weight learns from the first step. The recurrences
themselves stand in `wkv.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_real, fault
from tsmodels.layers.precision import in_full_precision, wide
from tsmodels.layers.scan import ScanLayer, without_masked, without_xla
from tsmodels.layers.wkv import wkv4, wkv4_state, wkv6, wkv7

HEAD_EPSILON = 64e-5


# --- pieces of the layers -------------------------------------------------------------------------


def shifted(x: Any, before: Any) -> Any:
    """x one moment back: (B, L, C) and the moment before it (B, C)."""
    return ops.concatenate([before[:, None], x[:, :-1]], axis=1)


@in_full_precision
def head_norm(x: Any, scale: Any, bias: Any) -> Any:
    """LayerNorm within each head. x (B, L, H, K), scale and bias (H K,)."""
    batch, length, heads, width = ops.shape(x)
    x = x - ops.mean(x, axis=-1, keepdims=True)
    x = x * ops.rsqrt(ops.mean(x * x, axis=-1, keepdims=True) + HEAD_EPSILON)
    return ops.reshape(x, (batch, length, heads * width)) * scale + bias


def _per_channel(f: Callable[[Any], Any]) -> Callable[..., Any]:
    """An initializer from a function of the channel's place in [0, 1)."""

    def initializer(shape, dtype=None):
        size = shape[0] if len(shape) == 1 else shape[0] * shape[1]
        return ops.reshape(ops.cast(f(ops.arange(size, dtype="float32") / size), dtype), shape)

    return initializer


def _power(power: float, shift: float = 0.0) -> Callable[..., Any]:
    return _per_channel(lambda place: 1 - (place**power + shift))


def _decay_speed(low: float, span: float, power: float) -> Callable[..., Any]:
    """low + span * place^power, the place counted from 0 to 1."""

    def initializer(shape, dtype=None):
        size = shape[0] if len(shape) == 1 else shape[0] * shape[1]
        place = ops.arange(size, dtype="float32") / max(size - 1, 1)
        return ops.reshape(ops.cast(low + span * place**power, dtype), shape)

    return initializer


def _zigzag(shape: Any, dtype: Any = None) -> Any:
    """log(0.3) plus -1/2, 0, 1/2 in turn."""
    place = ops.cast((ops.arange(shape[0]) + 1) % 3 - 1, dtype)
    return place * 0.5 + ops.log(ops.cast(0.3, dtype))


class _Mix(ScanLayer):
    """Depth, weights and projections, said once."""

    def __init__(self, layer_id: int = 0, n_layers: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer_id = check_int("layer_id", layer_id, 0)
        self.n_layers = check_int("n_layers", n_layers)
        if layer_id >= n_layers:
            raise ValueError(f"layer_id must be below n_layers={n_layers}. Got {layer_id}.")

    @property
    def depth(self) -> float:
        """0 for the first layer, 1 for the last."""
        return self.layer_id / max(self.n_layers - 1, 1)

    @property
    def height(self) -> float:
        """1 for the first layer, almost 0 for the last."""
        return 1 - self.layer_id / self.n_layers

    def weight(self, name: str, shape: tuple[int, ...], initializer: Any) -> Any:
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def dense(self, name: str, width: int, units: int) -> Any:
        layer = keras.layers.Dense(units, use_bias=False, name=name, dtype=self.dtype_policy)
        layer.build((None, None, width))
        return layer

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"layer_id": self.layer_id, "n_layers": self.n_layers}


class _Heads(_Mix):
    """A time mix with heads: a state S (B, H, K, K), a norm per head."""

    def __init__(self, head_size: int = 64, layer_id: int = 0, n_layers: int = 1, **kwargs: Any):
        super().__init__(layer_id, n_layers, **kwargs)
        self.head_size = check_int("head_size", head_size)

    def _count_heads(self, width: int) -> None:
        if width % self.head_size:
            raise ValueError(f"head_size must divide the width {width}. Got {self.head_size}.")
        self.width, self.heads = width, width // self.head_size

    def initial_state(self, batch: Any) -> dict[str, Any]:
        size = self.head_size
        return {
            "x": self.zeros(batch, self.width),
            "S": self.memory(batch, self.heads, size, size),
        }

    def _split(self, x: Any) -> Any:
        return ops.reshape(x, (*ops.shape(x)[:2], self.heads, self.head_size))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"head_size": self.head_size}


# --- RWKV-4 ---------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tsmodels")
class RWKV4TimeMix(_Mix):
    """Time mixing of RWKV-4, (B, L, C) -> (B, L, C). Peng et al., 2023, equations 11 to 18.

    xx = x shifted;  k = Wk (x m_k + xx (1 - m_k)), v and r likewise;  w = -exp(time_decay);
    out = Wo (sigmoid(r) wkv(w, u, k, v)). State: x, aa, bb, pp, each (B, C).

    >>> layer = RWKV4TimeMix()
    >>> tuple(layer(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def build(self, input_shape: Any) -> None:
        self.width = width = input_shape[-1]
        h, d = self.height, self.depth
        decay = _decay_speed(-5, 8, 0.7 + 1.3 * d)
        self.time_decay = self.weight("time_decay", (width,), decay)
        self.time_first = self.weight("time_first", (width,), _zigzag)
        self.mix_k = self.weight("mix_k", (width,), _per_channel(lambda c: c**h))
        self.mix_v = self.weight("mix_v", (width,), _per_channel(lambda c: c**h + 0.3 * d))
        self.mix_r = self.weight("mix_r", (width,), _per_channel(lambda c: c ** (0.5 * h)))
        self.key = self.dense("key", width, width)
        self.value = self.dense("value", width, width)
        self.receptance = self.dense("receptance", width, width)
        self.output_proj = self.dense("output_proj", width, width)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        aa, bb, pp = wkv4_state(batch, self.width, wide(self.compute_dtype))
        return {"x": self.zeros(batch, self.width), "aa": aa, "bb": bb, "pp": pp}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        xx = shifted(x, state["x"])
        k = self.key(x * self.mix_k + xx * (1 - self.mix_k))
        v = self.value(x * self.mix_v + xx * (1 - self.mix_v))
        r = ops.sigmoid(self.receptance(x * self.mix_r + xx * (1 - self.mix_r)))
        memory = (state["aa"], state["bb"], state["pp"])
        w = -ops.exp(ops.convert_to_tensor(self.time_decay))
        y, (aa, bb, pp) = wkv4(w, ops.convert_to_tensor(self.time_first), k, v, memory)
        return self.output_proj(r * y), {"x": x[:, -1], "aa": aa, "bb": bb, "pp": pp}


@keras.saving.register_keras_serializable("tsmodels")
class RWKV4ChannelMix(_Mix):
    """Channel mixing of RWKV-4, -5 and -6, (B, L, C) -> (B, L, C); inner width `expand` C.

    k = Wk (x m_k + xx (1 - m_k)), r likewise;  out = sigmoid(r) (Wv relu(k)^2). State: x (B, C).
    """

    def __init__(self, expand: float = 4, layer_id: int = 0, n_layers: int = 1, **kwargs: Any):
        super().__init__(layer_id, n_layers, **kwargs)
        self.expand = check_real("expand", expand, 0, open_low=True)

    def build(self, input_shape: Any) -> None:
        self.width = width = input_shape[-1]
        inner = max(1, int(self.expand * width))
        start = _per_channel(lambda c: c**self.height)
        self.mix_k = self.weight("mix_k", (width,), start)
        self.mix_r = self.weight("mix_r", (width,), start)
        self.key = self.dense("key", width, inner)
        self.receptance = self.dense("receptance", width, width)
        self.value = self.dense("value", inner, width)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {"x": self.zeros(batch, self.width)}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        xx = shifted(x, state["x"])
        k = ops.relu(self.key(x * self.mix_k + xx * (1 - self.mix_k)))
        r = self.receptance(x * self.mix_r + xx * (1 - self.mix_r))
        return ops.sigmoid(r) * self.value(k * k), {"x": x[:, -1]}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"expand": self.expand}


# --- RWKV-5, RWKV-6 -------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tsmodels")
class RWKV5TimeMix(_Heads):
    """Time mixing of RWKV-5 (Eagle), (B, L, C) -> (B, L, C). Peng et al., 2024, section 4.

    r, k, v, g = W (x m + xx (1 - m));  w = exp(-exp(time_decay)), constant;
    y = wkv(r, k, v, w, u);  out = Wo (HeadNorm(y) silu(g)). State: x (B, C), S (B, H, K, K).

    >>> tuple(RWKV5TimeMix(head_size=4)(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self._count_heads(width)
        h, d, heads = self.height, self.depth, (self.heads, self.head_size)
        straight, half = _per_channel(lambda c: c**h), _per_channel(lambda c: c ** (0.5 * h))
        self.mix_k = self.weight("mix_k", (width,), straight)
        self.mix_v = self.weight("mix_v", (width,), _per_channel(lambda c: c**h + 0.3 * d))
        self.mix_r = self.weight("mix_r", (width,), half)
        self.mix_g = self.weight("mix_g", (width,), half)
        self.time_decay = self.weight("time_decay", heads, _decay_speed(-6, 5, 0.7 + 1.3 * d))
        self.time_first = self.weight("time_first", heads, _bonus(d))
        for name in ("key", "value", "receptance", "gate", "output_proj"):
            setattr(self, name, self.dense(name, width, width))
        self.norm_scale = self.weight("norm_scale", (width,), "ones")
        self.norm_bias = self.weight("norm_bias", (width,), "zeros")

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        xx = shifted(x, state["x"])
        k = self._split(self.key(x * self.mix_k + xx * (1 - self.mix_k)))
        v = self._split(self.value(x * self.mix_v + xx * (1 - self.mix_v)))
        r = self._split(self.receptance(x * self.mix_r + xx * (1 - self.mix_r)))
        g = ops.silu(self.gate(x * self.mix_g + xx * (1 - self.mix_g)))
        log_w = -ops.exp(ops.convert_to_tensor(self.time_decay))
        y, S = wkv6(r, k, v, log_w, ops.convert_to_tensor(self.time_first), state["S"])
        y = head_norm(y, self.norm_scale, self.norm_bias)
        return self.output_proj(y * g), {"x": x[:, -1], "S": S}


def _bonus(depth: float) -> Callable[..., Any]:
    """depth * (1 - place) + 0.1 * (-1, 0, 1 in turn)."""

    def initializer(shape, dtype=None):
        size = shape[0] * shape[1]
        place = ops.arange(size, dtype="float32")
        zigzag = ((place + 1) % 3 - 1) * 0.1
        start = depth * (1 - place / max(size - 1, 1)) + zigzag
        return ops.reshape(ops.cast(start, dtype), shape)

    return initializer


@keras.saving.register_keras_serializable("tsmodels")
class RWKV6TimeMix(_Heads):
    """Time mixing of RWKV-6 (Finch), (B, L, C) -> (B, L, C). Peng et al., 2024, section 5.

    As RWKV-5, but mixes and decay depend on the input, through two thin matrices each:
    xx = x shifted - x;  (m_w, m_k, m_v, m_r, m_g) = tanh((x + xx m_x) A) B;
    x_k = x + xx (mu_k + m_k) and so on;  w = exp(-exp(time_decay + tanh(x_w D) E)).
    Ranks `mix_rank` and `decay_rank`. State: x (B, C), S (B, H, K, K).

    >>> tuple(RWKV6TimeMix(head_size=4)(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(
        self,
        head_size: int = 64,
        layer_id: int = 0,
        n_layers: int = 1,
        mix_rank: int = 32,
        decay_rank: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(head_size, layer_id, n_layers, **kwargs)
        self.mix_rank = check_int("mix_rank", mix_rank)
        self.decay_rank = check_int("decay_rank", decay_rank)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self._count_heads(width)
        h, d = self.height, self.depth
        straight = _power(h)
        half = _power(0.5 * h)
        starts = {"x": straight, "w": straight, "k": straight, "r": half, "g": half}
        starts["v"] = _power(h, 0.3 * d)
        for name in "xwkvrg":
            setattr(self, f"mu_{name}", self.weight(f"mu_{name}", (width,), starts[name]))
        thin, rank, decay = _uniform(1e-4), self.mix_rank, self.decay_rank
        self.mix_a = self.weight("mix_a", (width, 5 * rank), thin)
        self.mix_b = self.weight("mix_b", (5, rank, width), _uniform(1e-2))
        self.decay_a = self.weight("decay_a", (width, decay), thin)
        self.decay_b = self.weight("decay_b", (decay, width), _uniform(1e-2))
        start = _decay_speed(-6, 5, 0.7 + 1.3 * d)
        self.time_decay = self.weight("time_decay", (width,), start)
        self.time_first = self.weight("time_first", (self.heads, self.head_size), _bonus(d))
        for name in ("key", "value", "receptance", "gate", "output_proj"):
            setattr(self, name, self.dense(name, width, width))
        self.norm_scale = self.weight("norm_scale", (width,), "ones")
        self.norm_bias = self.weight("norm_bias", (width,), "zeros")

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        xx = shifted(x, state["x"]) - x
        m_w, m_k, m_v, m_r, m_g = self._mixes(x + xx * self.mu_x)
        k = self._split(self.key(x + xx * (self.mu_k + m_k)))
        v = self._split(self.value(x + xx * (self.mu_v + m_v)))
        r = self._split(self.receptance(x + xx * (self.mu_r + m_r)))
        g = ops.silu(self.gate(x + xx * (self.mu_g + m_g)))
        x_w = x + xx * (self.mu_w + m_w)
        decay = ops.matmul(ops.tanh(ops.matmul(x_w, self.decay_a)), self.decay_b)
        log_w = self._split(-ops.exp(self.time_decay + decay))
        y, S = wkv6(r, k, v, log_w, ops.convert_to_tensor(self.time_first), state["S"])
        y = head_norm(y, self.norm_scale, self.norm_bias)
        return self.output_proj(y * g), {"x": x[:, -1], "S": S}

    def _mixes(self, x: Any) -> list[Any]:
        batch, length, _ = ops.shape(x)
        thin = ops.tanh(ops.matmul(x, self.mix_a))
        thin = ops.reshape(thin, (batch, length, 5, self.mix_rank))
        return [ops.matmul(thin[:, :, i], self.mix_b[i]) for i in range(5)]

    def get_config(self) -> dict[str, Any]:
        ranks = {"mix_rank": self.mix_rank, "decay_rank": self.decay_rank}
        return super().get_config() | ranks


def _uniform(scale: float) -> Any:
    return keras.initializers.RandomUniform(-scale, scale)


# --- RWKV-7 ---------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tsmodels")
class RWKV7TimeMix(_Heads):
    """Time mixing of RWKV-7 (Goose), (B, L, C) -> (B, L, C). Peng et al., 2025, section 4.

    xx = x shifted - x;  x_i = x + xx mu_i;  w = exp(-exp(-1/2) sigmoid(w0 + tanh(x_w w1) w2));
    a = sigmoid(a0 + x_a a1 a2);  g = sigmoid(x_g g1) g2;  kk = normalised (k k_k) per head;
    k <- k (1 + (a - 1) k_a);  v <- v + (v_first - v) sigmoid(v0 + x_v v1 v2);
    S <- S (diag(w) - kk (kk a)^T) + v k^T;  y = HeadNorm(S r) + (sum r k r_k) v;  out = Wo (y g)

    `v_first` (B, L, C) are the values of the first layer of a stack (see `RWKV7Stack`); layer 0
    has no v0, v1, v2 and takes its own. `ranks` are those of w, a, v, g; None takes the authors'
    rule. State: x (B, C), S (B, H, K, K), values by keys.

    >>> tuple(RWKV7TimeMix(head_size=4)(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(
        self,
        head_size: int = 64,
        layer_id: int = 0,
        n_layers: int = 1,
        ranks: tuple[int, int, int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(head_size, layer_id, n_layers, **kwargs)
        if ranks is not None and (not isinstance(ranks, (tuple, list)) or len(ranks) != 4):
            raise ValueError(fault("ranks", "four ints, of w, a, v and g, or None", ranks))
        self.ranks = None if ranks is None else tuple(check_int("ranks", rank) for rank in ranks)
        without_xla(self)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self._count_heads(width)
        self._build_mixes(width)
        self._build_thin(width)
        self.k_k = self.weight("k_k", (width,), _constant(0.85))
        self.k_a = self.weight("k_a", (width,), "ones")
        self.r_k = self.weight("r_k", (self.heads, self.head_size), "zeros")
        for name in ("receptance", "key", "value", "output_proj"):
            setattr(self, name, self.dense(name, width, width))
        self.norm_scale = self.weight("norm_scale", (width,), "ones")
        self.norm_bias = self.weight("norm_bias", (width,), "zeros")

    def _build_mixes(self, width: int) -> None:
        h, d = self.height, self.depth
        powers = {"r": (0.2, 0.0), "w": (0.9, 0.0), "k": (0.9, 0.4)}
        powers |= {"v": (0.4, 0.6), "a": (0.9, 0.0), "g": (0.2, 0.0)}
        for name, (power, shift) in powers.items():
            start = _power(power * h, shift * d)
            setattr(self, f"mu_{name}", self.weight(f"mu_{name}", (width,), start))

    def _build_thin(self, width: int) -> None:
        speed = _decay_speed(-6.5, 5, 0.85 + self.depth**0.5)
        starts = {"w": speed, "a": "zeros", "v": "ones"}
        ranks = self.ranks or _ranks(width)
        for name, rank in zip("wavg", ranks, strict=True):
            if name == "v" and self.layer_id == 0:
                continue
            if name in starts:
                setattr(self, f"{name}0", self.weight(f"{name}0", (width,), starts[name]))
            orthogonal = keras.initializers.Orthogonal(0.1)
            setattr(self, f"{name}1", self.weight(f"{name}1", (width, rank), _uniform(1e-4)))
            setattr(self, f"{name}2", self.weight(f"{name}2", (rank, width), orthogonal))

    def call(self, x: Any, v_first: Any = None, mask: Any = None) -> Any:  # type: ignore[override]
        given = x if v_first is None else ops.concatenate([x, v_first], axis=-1)
        return (
            self._from_both(given) if mask is None else without_masked(self._from_both, given, mask)
        )

    def _from_both(self, given: Any) -> Any:
        """From x, or x and v_first side by side."""
        x, v_first = given[..., : self.width], given[..., self.width :]
        v_first = v_first if v_first.shape[-1] else None
        return self.advance(x, self.initial_state(ops.shape(x)[0]), v_first)[0]

    def compute_output_spec(self, x: Any, v_first: Any = None, mask: Any = None) -> Any:
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def advance(self, x: Any, state: dict[str, Any], v_first: Any = None) -> Any:
        y, state, _ = self.advance_with_values(x, state, v_first)
        return y, state

    def advance_with_values(self, x: Any, state: dict[str, Any], v_first: Any = None) -> Any:
        """`advance`, and the values for later layers: y, state, v_first."""
        xx = shifted(x, state["x"]) - x
        r, k = self.receptance(x + xx * self.mu_r), self.key(x + xx * self.mu_k)
        log_w, a, g = self._gates(x, xx)
        v, v_first = self._values(x + xx * self.mu_v, v_first)
        kk = _unit(self._split(k * self.k_k))
        k, a = self._split(k * (1 + (a - 1) * self.k_a)), self._split(a)
        r, v, log_w = self._split(r), self._split(v), self._split(log_w)
        y, S = wkv7(r, log_w, k, v, -kk, kk * a, state["S"])
        now = ops.sum(r * k * self.r_k, axis=-1, keepdims=True) * v
        y = head_norm(y, self.norm_scale, self.norm_bias) + ops.reshape(now, ops.shape(x))
        return self.output_proj(y * g), {"x": x[:, -1], "S": S}, v_first

    def _gates(self, x: Any, xx: Any) -> tuple[Any, Any, Any]:
        """The log decay, the rate of learning in context, and the output gate, each (B, L, C)."""
        w = ops.matmul(ops.tanh(ops.matmul(x + xx * self.mu_w, self.w1)), self.w2)
        a = ops.matmul(ops.matmul(x + xx * self.mu_a, self.a1), self.a2)
        g = ops.matmul(ops.sigmoid(ops.matmul(x + xx * self.mu_g, self.g1)), self.g2)
        return -(0.6065306597126334 * ops.sigmoid(self.w0 + w)), ops.sigmoid(self.a0 + a), g

    def _values(self, x_v: Any, v_first: Any) -> tuple[Any, Any]:
        v = self.value(x_v)
        if v_first is None or self.layer_id == 0:
            return v, v
        share = ops.sigmoid(self.v0 + ops.matmul(ops.matmul(x_v, self.v1), self.v2))
        return v + (v_first - v) * share, v_first

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"ranks": self.ranks}


def _constant(value: float) -> Any:
    return keras.initializers.Constant(value)


@in_full_precision
def _unit(x: Any) -> Any:
    """x over its length in the last axis."""
    return x * ops.rsqrt(ops.maximum(ops.sum(x * x, axis=-1, keepdims=True), 1e-24))


def _ranks(width: int) -> tuple[int, int, int, int]:
    """Of w, a, v, g, in steps of 32, as in the authors' code."""
    rules = ((1.8, 0.5), (1.8, 0.5), (1.3, 0.5), (0.6, 0.8))
    w, a, v, g = (max(32, 32 * round(f * width**p / 32)) for f, p in rules)
    return w, a, v, g


@keras.saving.register_keras_serializable("tsmodels")
class RWKV7ChannelMix(_Mix):
    """Channel mixing of RWKV-7: k = Wk (x + xx mu_k), out = Wv relu(k)^2. State: x (B, C)."""

    def __init__(self, expand: float = 4, layer_id: int = 0, n_layers: int = 1, **kwargs: Any):
        super().__init__(layer_id, n_layers, **kwargs)
        self.expand = check_real("expand", expand, 0, open_low=True)

    def build(self, input_shape: Any) -> None:
        self.width = width = input_shape[-1]
        inner = max(1, int(self.expand * width))
        start = _power(self.height**4)
        self.mu_k = self.weight("mu_k", (width,), start)
        self.key = self.dense("key", width, inner)
        self.value = self.dense("value", inner, width)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {"x": self.zeros(batch, self.width)}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        xx = shifted(x, state["x"]) - x
        k = ops.relu(self.key(x + xx * self.mu_k))
        return self.value(k * k), {"x": x[:, -1]}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"expand": self.expand}


# --- blocks ---------------------------------------------------------------------------------------


class _Block(_Mix):
    """x = x + time_mix(norm(x)); x = x + channel_mix(norm(x)); the first layer norms its input.

    The state is that of both mixes, under att_ and ffn_.
    """

    def __init__(self, expand: float = 4, layer_id: int = 0, n_layers: int = 1, **kwargs: Any):
        super().__init__(layer_id, n_layers, **kwargs)
        self.expand = check_real("expand", expand, 0, open_low=True)

    def time_mix(self, place: dict[str, Any]) -> Any:
        raise NotImplementedError

    def channel_mix(self, place: dict[str, Any]) -> Any:
        return RWKV4ChannelMix(self.expand, name="ffn", **place)

    def build(self, input_shape: Any) -> None:
        place = {"layer_id": self.layer_id, "n_layers": self.n_layers, "dtype": self.dtype_policy}
        self.ln0 = self._norm("ln0", input_shape) if self.layer_id == 0 else None
        self.ln1, self.ln2 = self._norm("ln1", input_shape), self._norm("ln2", input_shape)
        self.att, self.ffn = self.time_mix(place), self.channel_mix(place)
        self.att.build(input_shape)
        self.ffn.build(input_shape)

    def _norm(self, name: str, shape: Any) -> Any:
        norm = keras.layers.LayerNormalization(epsilon=1e-5, name=name, dtype=self.dtype_policy)
        norm.build(shape)
        return norm

    def initial_state(self, batch: Any) -> dict[str, Any]:
        parts = {"att": self.att.initial_state(batch), "ffn": self.ffn.initial_state(batch)}
        return {f"{part}_{k}": v for part, state in parts.items() for k, v in state.items()}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        x = x if self.ln0 is None else self.ln0(x)
        y, att = self.att.advance(self.ln1(x), _part(state, "att_"))
        return self._rest(x + y, att, state)

    def _rest(self, x: Any, att: dict[str, Any], state: dict[str, Any]) -> Any:
        y, ffn = self.ffn.advance(self.ln2(x), _part(state, "ffn_"))
        return x + y, _named(att, "att_") | _named(ffn, "ffn_")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"expand": self.expand}


def _part(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}


def _named(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}{k}": v for k, v in state.items()}


@keras.saving.register_keras_serializable("tsmodels")
class RWKV4Block(_Block):
    """RWKV-4 block, (B, L, C) -> (B, L, C): pre-norm time mixing, then channel mixing.

    >>> model = keras.Sequential([RWKV4Block(), keras.layers.Dense(1)])
    >>> tuple(model(ops.ones((2, 5, 8))).shape)
    (2, 5, 1)
    """

    def time_mix(self, place: dict[str, Any]) -> Any:
        return RWKV4TimeMix(name="att", **place)


class _HeadsBlock(_Block):
    def __init__(
        self,
        head_size: int = 64,
        expand: float = 3.5,
        layer_id: int = 0,
        n_layers: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(expand, layer_id, n_layers, **kwargs)
        self.head_size = check_int("head_size", head_size)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"head_size": self.head_size}


@keras.saving.register_keras_serializable("tsmodels")
class RWKV5Block(_HeadsBlock):
    """RWKV-5 (Eagle) block, (B, L, C) -> (B, L, C); channel mixing as in RWKV-4."""

    def time_mix(self, place: dict[str, Any]) -> Any:
        return RWKV5TimeMix(self.head_size, name="att", **place)


@keras.saving.register_keras_serializable("tsmodels")
class RWKV6Block(_HeadsBlock):
    """RWKV-6 (Finch) block, (B, L, C) -> (B, L, C); channel mixing as in RWKV-4."""

    def time_mix(self, place: dict[str, Any]) -> Any:
        return RWKV6TimeMix(self.head_size, name="att", **place)


@keras.saving.register_keras_serializable("tsmodels")
class RWKV7Block(_HeadsBlock):
    """RWKV-7 (Goose) block, (B, L, C) -> (B, L, C). Alone it is a first layer; see `RWKV7Stack`."""

    def __init__(self, head_size: int = 64, expand: float = 4, *args: Any, **kwargs: Any) -> None:
        super().__init__(head_size, expand, *args, **kwargs)
        without_xla(self)

    def time_mix(self, place: dict[str, Any]) -> Any:
        return RWKV7TimeMix(self.head_size, name="att", **place)

    def channel_mix(self, place: dict[str, Any]) -> Any:
        return RWKV7ChannelMix(self.expand, name="ffn", **place)

    def advance_with_values(self, x: Any, state: dict[str, Any], v_first: Any = None) -> Any:
        """`advance`, and the values of the first layer: y, state, v_first."""
        x = x if self.ln0 is None else self.ln0(x)
        part = _part(state, "att_")
        y, att, v_first = self.att.advance_with_values(self.ln1(x), part, v_first)
        return *self._rest(x + y, att, state), v_first


@keras.saving.register_keras_serializable("tsmodels")
class RWKV7Stack(ScanLayer):
    """`n_layers` RWKV-7 blocks whose later ones see the values of the first, (B, L, C) -> same.

    >>> tuple(RWKV7Stack(2, head_size=4)(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    """

    def __init__(
        self, n_layers: int = 1, head_size: int = 64, expand: float = 4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_layers = check_int("n_layers", n_layers)
        self.head_size = check_int("head_size", head_size)
        self.expand = check_real("expand", expand, 0, open_low=True)
        without_xla(self)

    def build(self, input_shape: Any) -> None:
        self.blocks = [
            RWKV7Block(
                self.head_size,
                self.expand,
                i,
                self.n_layers,
                name=f"block{i}",
                dtype=self.dtype_policy,
            )
            for i in range(self.n_layers)
        ]
        for block in self.blocks:
            block.build(input_shape)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        states = [_named(b.initial_state(batch), f"{b.name}_") for b in self.blocks]
        return {name: value for state in states for name, value in state.items()}

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        v_first: Any = None
        after: dict[str, Any] = {}
        for block in self.blocks:
            part = _part(state, f"{block.name}_")
            x, part, v_first = block.advance_with_values(x, part, v_first)
            after |= _named(part, f"{block.name}_")
        return x, after

    def get_config(self) -> dict[str, Any]:
        names = ("n_layers", "head_size", "expand")
        return super().get_config() | {name: getattr(self, name) for name in names}
