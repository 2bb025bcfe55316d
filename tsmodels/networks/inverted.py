"""iTransformer: every channel's whole window is one token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tsmodels.backend import keras, ops
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.transformer import EPSILON, TransformerEncoderLayer
from tsmodels.networks.base import Network, Rate, register
from tsmodels.space import Choice, Int, Real


@register("itransformer")
@dataclass(frozen=True, kw_only=True)
class ITransformer(Network):
    """Attention between channels instead of steps. Liu et al., 2024 (arXiv 2310.06625).

    Every past channel, and every future and static covariate, is a token; the tokens of the targets
    become the forecast. `d_ff` is 2 * d_model by default. The authors' code lets gradients pass
    through the standard deviation of the window; our RevIN takes it as a constant.
    """

    variable_dropout: ClassVar[bool] = True
    search_space: ClassVar = {
        "d_model": Choice([32, 64, 128, 256]),
        "n_layers": Int(1, 4),
        "n_heads": Choice([2, 4, 8]),
        "dropout": Real(0.0, 0.5),
    }

    d_model: int = 128
    dropout: Rate = 0.1
    n_layers: int = 2
    n_heads: int = 4
    d_ff: int | None = None

    def layers(self) -> dict[str, Any]:
        encoder = {
            f"encoder_{i}": TransformerEncoderLayer(
                self.n_heads,
                self.d_ff or 2 * self.d_model,
                activation="gelu",
                dropout=self.dropout,
                name=f"encoder_{i}",
            )
            for i in range(self.n_layers)
        }
        return {
            "embed": keras.layers.Dense(self.d_model, name="embed"),
            "drop": Dropout(self.dropout),
            **encoder,
            "norm": keras.layers.LayerNormalization(epsilon=EPSILON, name="norm"),
        }

    def forecast(
        self, layers: Any, past: Any, future: Any, static: Any, *, horizon: int, targets: int,
        outputs: int,
    ) -> Any:  # fmt: skip
        tokens = [layers["embed"](ops.swapaxes(past, 1, 2))]  # (B, F, D)
        if future.shape[-1]:
            embed = keras.layers.Dense(self.d_model, name="embed_future")
            tokens.append(embed(ops.swapaxes(future, 1, 2)))  # (B, G, D)
        if static.shape[-1]:
            embed = keras.layers.Dense(self.d_model, name="embed_static")
            tokens.append(embed(static[:, :, None]))  # (B, K, D)
        x = layers["drop"](ops.concatenate(tokens, axis=1))
        for i in range(self.n_layers):
            x = layers[f"encoder_{i}"](x)
        x = layers["norm"](x[:, :targets])  # (B, C, D)
        y = keras.layers.Dense(horizon * outputs, name="head")(x)
        y = ops.reshape(y, (-1, targets, horizon, outputs))
        return ops.swapaxes(y, 1, 2)
