"""CNN-LSTM: convolutions find short patterns, an LSTM follows them; plain and Bayesian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tsmodels.backend import ops
from tsmodels.layers.convolution import CausalConv1D, SequenceMaxPooling
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.recurrent import Recurrent
from tsmodels.layers.variational import DenseReparameterization, MonteCarloDropout
from tsmodels.networks.base import Network, Rate, part_of, register
from tsmodels.space import Choice, Int, Real


@dataclass(frozen=True, kw_only=True)
class _ConvolvedLSTM(Network):
    """What both have in common: `n_convolutions`, pooling, then `n_layers` of LSTM.

    The convolutions are causal, of `kernel_size` taps, with ReLU. `pool_size` steps become one by
    their maximum; with 1 there is no pooling, and the network is causal. There is a step form
    either way: after t steps it gives what `encode` would remember last of these t, the last piece
    of the pooling being as short as it happens to be.
    """

    search_space: ClassVar = {
        "d_model": Choice([16, 32, 64, 128]),
        "n_layers": Int(1, 2),
        "n_convolutions": Int(1, 3),
        "kernel_size": Choice([3, 5, 7]),
        "pool_size": Choice([1, 2, 4]),
        "dropout": Real(0.0, 0.5),
    }

    n_layers: int = 1
    n_convolutions: int = 1
    kernel_size: int = 5
    pool_size: int = 2

    @property
    def causal(self) -> bool:
        return self.pool_size == 1

    @property
    def streams(self) -> bool:
        return True

    @property
    def carries(self) -> bool:
        return self.causal and super().carries

    @property
    def stemless(self) -> bool:
        return True

    def layers(self) -> list[Any]:
        convolutions = [
            CausalConv1D(self.d_model, self.kernel_size, activation="relu")
            for _ in range(self.n_convolutions)
        ]
        pooling = [SequenceMaxPooling(self.pool_size)] if self.pool_size > 1 else []
        recurrent = [Recurrent(self.d_model, dropout=self.dropout) for _ in range(self.n_layers)]
        return [*convolutions, *pooling, *recurrent]

    def initial_state(self, layers: Any, batch: int) -> dict[str, Any]:
        """What layers know; with pooling, those behind it as of the last whole piece.

        Beside it the maximum of the piece that has begun, (B, D), and its number of steps, (B, 1).
        """
        if self.pool_size == 1:
            return super().initial_state(layers, batch)
        before, behind = self._around_pooling(layers)
        parts = {
            "before": super().initial_state(before, batch),
            "behind": super().initial_state(behind, batch),
            "piece": {
                "max": ops.zeros((batch, self.d_model)),
                "steps": ops.zeros((batch, 1)),
            },
        }
        return _flat(parts)

    def step(self, layers: Any, x: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        if self.pool_size == 1:
            return super().step(layers, x, state)
        before, behind = self._around_pooling(layers)
        x, windows = super().step(before, x, part_of(state, "before"))
        piece, known = part_of(state, "piece"), part_of(state, "behind")
        begins = piece["steps"] == 0.0  # (B, 1)
        x = ops.where(begins, x, ops.maximum(x, piece["max"]))
        y, after = super().step(behind, x, known)
        steps = ops.mod(piece["steps"] + 1.0, float(self.pool_size))
        whole = steps == 0.0
        kept = {key: ops.where(whole, after[key], known[key]) for key in known}
        parts = {"before": windows, "behind": kept, "piece": {"max": x, "steps": steps}}
        return y, _flat(parts)

    def _around_pooling(self, layers: Any) -> tuple[list[Any], list[Any]]:
        return layers[: self.n_convolutions], layers[self.n_convolutions + 1 :]


def _flat(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{name}/{key}": value for name, part in parts.items() for key, value in part.items()}


@register("cnn_lstm")
@dataclass(frozen=True, kw_only=True)
class CNNLSTM(_ConvolvedLSTM):
    """Convolution, pooling and LSTM. Sainath et al., 2015; for forecasts, Kim & Cho, 2019."""

    variable_dropout: ClassVar[bool] = True


@register("bayesian_cnn_lstm")
@dataclass(frozen=True, kw_only=True)
class BayesianCNNLSTM(_ConvolvedLSTM):
    """CNN-LSTM with dropout and Gaussian weights behind it. Kingma, Salimans & Welling, 2015.

    The convolutions and the LSTM have plain weights; what follows them is drawn. `kl_weight` times
    the divergence of the Gaussian weights from N(0, prior_std^2) is added to the loss; the evidence
    lower bound of a mean over windows has 1 / number of training windows there. With `draw`
    "training" forecasts use the means and repeat; with "always" every forecast is a draw, and the
    spread of many is the uncertainty of the weights. The paper is that of the draws; dropout as in
    Gal & Ghahramani, 2016.
    """

    variable_dropout: ClassVar[bool] = True

    dropout: Rate = 0.1
    kl_weight: float = 1e-5
    prior_std: float = 1.0
    draw: Literal["training", "always"] = "training"

    def layers(self) -> list[Any]:
        always = self.draw == "always"
        drop = MonteCarloDropout if always else Dropout
        gaussian = DenseReparameterization(
            self.d_model,
            activation="gelu",
            kl_weight=self.kl_weight,
            prior_std=self.prior_std,
            draw=self.draw,
        )
        return [*super().layers(), drop(self.dropout), gaussian]
