"""Mamba and Mamba-2: gated blocks around a selective scan.

B batch   L length   D d_model   E = expand * D inner width   N d_state   H heads   P head_dim
"""

from __future__ import annotations

import math
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real, fault
from tsmodels.layers.precision import in_full_precision
from tsmodels.layers.scan import (
    DISCRETIZATIONS,
    ScanLayer,
    selective_scan,
    ssd,
)


def causal_depthwise_conv(x: Any, kernel: Any, before: Any) -> Any:
    """y_t = sum_k kernel_k x_{t-K+1+k} for every channel; the last tap meets the current moment.

    x (B, L, C), kernel (K, C), `before` (B, K - 1, C): the moments before x, zeros at the start.
    """
    taps, length = kernel.shape[0], ops.shape(x)[1]
    x = ops.concatenate([before, x], axis=1)
    return sum(x[:, k : k + length] * kernel[k] for k in range(taps))


class StepSize(keras.initializers.Initializer):
    """Bias whose softplus is log-uniform in [low, high]. Gu & Dao, 2023, section 3.6."""

    def __init__(self, low: float = 1e-3, high: float = 1e-1, seed: int | None = None) -> None:
        self.low, self.high, self.seed = low, high, seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        uniform = keras.initializers.RandomUniform(
            math.log(self.low), math.log(self.high), seed=self.seed
        )
        dt = ops.maximum(ops.exp(uniform(shape, dtype=dtype)), 1e-4)
        return dt + ops.log(-ops.expm1(-dt))  # the inverse of softplus

    def get_config(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "seed": self.seed}


def _log_range(shape: Any, dtype: Any = None) -> Any:
    """log(1..N) along the last axis: A = -(1..N), S4D-real."""
    return ops.ones(shape, dtype) * ops.log(ops.arange(1, shape[-1] + 1, dtype=dtype))


def _uniform(scale: float) -> Any:
    return keras.initializers.RandomUniform(-scale, scale)


class ConvScanLayer(ScanLayer):
    """What both blocks share: a short convolution that remembers its last inputs."""

    d_conv: int
    use_conv_bias: bool

    def _add_conv(self, width: int) -> None:
        scale = 1 / math.sqrt(self.d_conv)
        self.conv_kernel = self.add_weight(
            shape=(self.d_conv, width), initializer=_uniform(scale), name="conv_kernel"
        )
        self.conv_bias = (
            self.add_weight(shape=(width,), initializer=_uniform(scale), name="conv_bias")
            if self.use_conv_bias
            else None
        )

    def _conv(self, x: Any, before: Any) -> tuple[Any, Any]:
        """silu(conv(x)), and the last d_conv inputs (B, d_conv, C)."""
        y = causal_depthwise_conv(x, self.conv_kernel, before[:, 1:])
        y = y if self.conv_bias is None else y + self.conv_bias
        return ops.silu(y), ops.concatenate([before, x], axis=1)[:, -self.d_conv :]

    def _dense(self, units: int, width: int, name: str, use_bias: bool = False) -> Any:
        layer = keras.layers.Dense(units, use_bias=use_bias, name=name, dtype=self.dtype_policy)
        layer.build((None, None, width))
        return layer


@keras.saving.register_keras_serializable("tsmodels")
class MambaBlock(ConvScanLayer):
    """Mamba block, (B, L, D) -> (B, L, D). Gu & Dao, 2023, arXiv 2312.00752, figure 3.

    [x, z] = in_proj(h);  x = silu(conv(x));  [dt, B, C] = x_proj(x);
    delta = softplus(dt_proj(dt));  y = S6(x, delta, -exp(A_log), B, C, D) silu(z);  out_proj(y)

    `discretization` is "zoh_euler", what the authors' code computes, or "zoh" as in the paper,
    "bilinear" or "euler" (see `tsmodels.layers.scan.discretize`). `dt_rank=None` is ceil(D / 16).
    The block has no norm and no residual. State: conv (B, d_conv, E), ssm (B, E, N).

    >>> block = MambaBlock(d_state=4)
    >>> tuple(block(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    >>> y, state = block.step(ops.ones((2, 8)), block.initial_state(2))
    >>> tuple(y.shape), {name: tuple(v.shape) for name, v in state.items()}
    ((2, 8), {'conv': (2, 4, 16), 'ssm': (2, 16, 4)})
    """

    def __init__(
        self,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | None = None,
        use_bias: bool = False,
        use_conv_bias: bool = True,
        discretization: str = "zoh_euler",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.d_state = check_int("d_state", d_state)
        self.d_conv = check_int("d_conv", d_conv)
        self.expand = check_int("expand", expand)
        self.dt_rank = None if dt_rank is None else check_int("dt_rank", dt_rank)
        self.use_bias, self.use_conv_bias = use_bias, use_conv_bias
        self.discretization = check_option("discretization", discretization, DISCRETIZATIONS)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        inner, rank = self.expand * width, self.dt_rank or -(-width // 16)
        self.inner, self.rank = inner, rank
        self.in_proj = self._dense(2 * inner, width, "in_proj", self.use_bias)
        self._add_conv(inner)
        self.x_proj = self._dense(rank + 2 * self.d_state, inner, "x_proj")
        self.dt_kernel = self.add_weight(
            shape=(rank, inner), initializer=_uniform(rank**-0.5), name="dt_kernel"
        )
        self.dt_bias = self.add_weight(shape=(inner,), initializer=StepSize(), name="dt_bias")
        self.A_log = self.add_weight(
            shape=(inner, self.d_state), initializer=_log_range, name="A_log"
        )
        self.D = self.add_weight(shape=(inner,), initializer="ones", name="D")
        self.out_proj = self._dense(width, inner, "out_proj", self.use_bias)

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {
            "conv": self.zeros(batch, self.d_conv, self.inner),
            "ssm": self.memory(batch, self.inner, self.d_state),
        }

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        x, z = ops.split(self.in_proj(x), 2, axis=-1)  # (B, L, E) each
        x, conv = self._conv(x, state["conv"])
        dt, B, C = ops.split(self.x_proj(x), [self.rank, self.rank + self.d_state], axis=-1)
        y, ssm = selective_scan(
            x,
            ops.matmul(dt, self.dt_kernel),
            -ops.exp(self.A_log),
            B,
            C,
            self.D,
            z,
            delta_bias=self.dt_bias,
            delta_softplus=True,
            discretization=self.discretization,
            initial_state=state["ssm"],
        )
        return self.out_proj(y), {"conv": conv, "ssm": ssm}

    def get_config(self) -> dict[str, Any]:
        names = "d_state d_conv expand dt_rank use_bias use_conv_bias discretization"
        return super().get_config() | {name: getattr(self, name) for name in names.split()}


@in_full_precision
def _group_norm(y: Any, groups: int, epsilon: float) -> Any:
    """RMSNorm within groups of channels, without a scale. y (B, L, C)."""
    batch, length, width = ops.shape(y)
    y = ops.reshape(y, (batch, length, groups, width // groups))
    y = y * ops.rsqrt(ops.mean(y * y, axis=-1, keepdims=True) + epsilon)
    return ops.reshape(y, (batch, length, width))


@keras.saving.register_keras_serializable("tsmodels")
class Mamba2Block(ConvScanLayer):
    """Mamba-2 block, (B, L, D) -> (B, L, D). Dao & Gu, 2024, arXiv 2405.21060, section 7.

    [z, xBC, dt] = in_proj(h);  [x, B, C] = silu(conv(xBC));  dt = softplus(dt + dt_bias);
    y = SSD(x dt, A dt, B, C) + D x with A = -exp(A_log) per head;
    out = out_proj(RMSNorm(y silu(z)))

    `n_groups` groups of heads share B and C. `norm_groups` normalises within as many groups of
    channels: the authors' code takes n_groups, transformers takes 1; None is n_groups.
    expand * D must be a multiple of head_dim. A starts at -1 .. -H, where the authors draw from
    U(1, 16). State: conv (B, d_conv, E + 2 G N), ssm (B, H, P, N).

    >>> block = Mamba2Block(d_state=4, head_dim=8)
    >>> tuple(block(ops.ones((2, 5, 8))).shape)
    (2, 5, 8)
    >>> {name: tuple(v.shape) for name, v in block.initial_state(2).items()}
    {'conv': (2, 4, 24), 'ssm': (2, 2, 8, 4)}
    """

    def __init__(
        self,
        d_state: int = 64,
        head_dim: int = 64,
        d_conv: int = 4,
        expand: int = 2,
        n_groups: int = 1,
        norm_groups: int | None = None,
        norm_epsilon: float = 1e-5,
        chunk: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.d_state = check_int("d_state", d_state)
        self.head_dim = check_int("head_dim", head_dim)
        self.d_conv = check_int("d_conv", d_conv)
        self.expand = check_int("expand", expand)
        self.n_groups = check_int("n_groups", n_groups)
        self.norm_groups = None if norm_groups is None else check_int("norm_groups", norm_groups)
        self.norm_epsilon = check_real("norm_epsilon", norm_epsilon, 0)
        self.chunk = check_int("chunk", chunk)
        self.use_conv_bias = True

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.inner = self.expand * width
        if self.inner % (self.head_dim * self.n_groups):
            raise ValueError(
                f"expand * d_model must be a multiple of head_dim * n_groups "
                f"({self.head_dim} * {self.n_groups}). Got {self.inner}."
            )
        if self.norm_groups and self.inner % self.norm_groups:
            rule = f"a divisor of expand * d_model ({self.inner})"
            raise ValueError(fault("norm_groups", rule, self.norm_groups))
        self.heads = self.inner // self.head_dim
        self.shared = self.n_groups * self.d_state  # width of B, and of C
        conv = self.inner + 2 * self.shared
        self.in_proj = self._dense(self.inner + conv + self.heads, width, "in_proj")
        self._add_conv(conv)
        heads = (self.heads,)
        self.dt_bias = self.add_weight(shape=heads, initializer=StepSize(), name="dt_bias")
        self.A_log = self.add_weight(shape=heads, initializer=_log_range, name="A_log")
        self.D = self.add_weight(shape=heads, initializer="ones", name="D")
        self.norm_scale = self.add_weight(
            shape=(self.inner,), initializer="ones", name="norm_scale"
        )
        self.out_proj = self._dense(width, self.inner, "out_proj")

    def initial_state(self, batch: Any) -> dict[str, Any]:
        return {
            "conv": self.zeros(batch, self.d_conv, self.inner + 2 * self.shared),
            "ssm": self.memory(batch, self.heads, self.head_dim, self.d_state),
        }

    def advance(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        batch, length, _ = ops.shape(x)
        z, xBC, dt = ops.split(
            self.in_proj(x), [self.inner, 2 * self.inner + 2 * self.shared], axis=-1
        )
        xBC, conv = self._conv(xBC, state["conv"])
        x, B, C = ops.split(xBC, [self.inner, self.inner + self.shared], axis=-1)
        x = ops.reshape(x, (batch, length, self.heads, self.head_dim))
        B, C = (ops.reshape(v, (batch, length, self.n_groups, self.d_state)) for v in (B, C))
        dt = ops.softplus(dt + self.dt_bias)  # (B, L, H)
        A = -ops.exp(self.A_log)
        y, ssm = ssd(x * dt[..., None], A * dt, B, C, initial_state=state["ssm"], chunk=self.chunk)
        y = ops.reshape(y + self.D[:, None] * x, (batch, length, self.inner))
        y = _group_norm(y * ops.silu(z), self.norm_groups or self.n_groups, self.norm_epsilon)
        return self.out_proj(y * self.norm_scale), {"conv": conv, "ssm": ssm}

    def get_config(self) -> dict[str, Any]:
        names = "d_state head_dim d_conv expand n_groups norm_groups norm_epsilon chunk"
        return super().get_config() | {name: getattr(self, name) for name in names.split()}
