"""Layers whose weights are Gaussians: mean-field variational inference.

Glossary: mu mean and rho raw spread of a weight, sigma = softplus(rho) its standard deviation, eps
standard normal noise, s random signs. Every call draws anew, in training and in prediction: the
spread of repeated predictions is the point of these layers. With `draw="training"` predictions use
the means instead and repeat.
"""

from __future__ import annotations

import math
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real

DRAWS = ("always", "training")
TINY = 1e-12  # under the root, where its slope would be infinite


def gaussian_kl(mu: Any, rho: Any, prior_mean: float = 0.0, prior_std: float = 1.0) -> Any:
    """KL divergence of N(mu, softplus(rho)^2) from the Gaussian prior, a number per weight.

    Blundell et al., 2015.

    >>> float(gaussian_kl(ops.array([3.0]), ops.log(ops.expm1(ops.array([1.0]))))[0])
    4.5
    """
    sigma = ops.softplus(rho)
    distance = ops.square(sigma) + ops.square(mu - prior_mean)
    return ops.log(prior_std / sigma) + distance / (2 * prior_std**2) - 0.5


def locally_reparameterised(x: Any, mu: Any, sigma: Any, eps: Any) -> Any:
    """x (B, F) through weights N(mu, sigma^2) (F, U): activations drawn, not weights, (B, U).

    Mean x mu, standard deviation sqrt(x^2 sigma^2). Kingma, Salimans & Welling, 2015.
    """
    variance = ops.matmul(ops.square(x), ops.square(sigma))
    return ops.matmul(x, mu) + eps * ops.sqrt(ops.maximum(variance, TINY))


class _VariationalDense(keras.layers.Layer):
    """What Gaussian dense layers share: weights, prior, the divergence added to the loss."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        kl_weight: float = 1e-4,
        prior_std: float = 1.0,
        initial_std: float = 0.05,
        draw: str = "always",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_int("units", units)
        self.activation = keras.activations.get(activation)
        self.kl_weight = check_real("kl_weight", kl_weight, low=0.0)
        self.prior_std = check_real("prior_std", prior_std, low=0.0, open_low=True)
        self.initial_std = check_real("initial_std", initial_std, low=0.0, open_low=True)
        self.draw = check_option("draw", draw, DRAWS)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1], self.units)
        raw = math.log(math.expm1(self.initial_std))
        spread = keras.initializers.Constant(raw)
        own: dict[str, Any] = {"autocast": False}  # a sum over all weights is beyond float16
        self.kernel_mu = self.add_weight(shape, "glorot_uniform", name="kernel_mu", **own)
        self.kernel_rho = self.add_weight(shape, spread, name="kernel_rho", **own)
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, x: Any, training: bool | None = None) -> Any:
        kl = gaussian_kl(self.kernel_mu, self.kernel_rho, prior_std=self.prior_std)
        self.add_loss(self.kl_weight * ops.sum(kl))
        mu = ops.cast(self.kernel_mu, x.dtype)
        sigma = ops.cast(ops.softplus(self.kernel_rho), x.dtype)
        drawn = training or self.draw == "always"
        y = self._drawn(x, mu, sigma) if drawn else ops.matmul(x, mu)
        return self.activation(y + self.bias)

    def _drawn(self, x: Any, mu: Any, sigma: Any) -> Any:
        """x (..., F) through a kernel (F, units) drawn around mu."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        own = ("units", "kl_weight", "prior_std", "initial_std", "draw", "seed")
        return {
            **super().get_config(),
            **{key: getattr(self, key) for key in own},
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable("tsmodels")
class DenseReparameterization(_VariationalDense):
    """Dense layer with Gaussian weights, (..., F) -> (..., units), by local reparameterisation.

    Each activation is drawn from the distribution that the weights imply, which gives gradients of
    less variance than drawn weights do. `kl_weight` times the divergence of the weights from
    N(0, prior_std^2) is added to the loss; for a loss that is a mean over examples it is 1 / number
    of training examples. Kingma, Salimans & Welling, 2015.

    >>> layer = DenseReparameterization(4, seed=0)
    >>> x = ops.ones((2, 3))
    >>> bool(ops.all(layer(x) == layer(x)))
    False
    """

    def _drawn(self, x: Any, mu: Any, sigma: Any) -> Any:
        shape = (*ops.shape(x)[:-1], self.units)
        eps = keras.random.normal(shape, dtype=x.dtype, seed=self.seed_generator)
        return locally_reparameterised(x, mu, sigma, eps)


@keras.saving.register_keras_serializable("tsmodels")
class DenseFlipout(_VariationalDense):
    """Dense layer with Gaussian weights, (..., F) -> (..., units), by flipout.

    One perturbation of the kernel is drawn a call, and each example sees it under random signs of
    its own: y = x mu + ((x * s_in) (sigma * eps)) * s_out. Wen et al., 2018. `kl_weight` as in
    `DenseReparameterization`.

    >>> DenseFlipout(4, seed=0)(ops.ones((2, 5, 3))).shape == (2, 5, 4)
    True
    """

    def _drawn(self, x: Any, mu: Any, sigma: Any) -> Any:
        seed = self.seed_generator
        change = sigma * keras.random.normal(mu.shape, dtype=x.dtype, seed=seed)  # (F, U)
        y = ops.matmul(x, mu)
        s_in, s_out = _signs(ops.shape(x), x.dtype, seed), _signs(ops.shape(y), x.dtype, seed)
        return y + ops.matmul(x * s_in, change) * s_out


@keras.saving.register_keras_serializable("tsmodels")
class MonteCarloDropout(keras.layers.Layer):
    """Dropout that stays on in prediction, any shape. Gal & Ghahramani, 2016.

    >>> layer = MonteCarloDropout(0.5, seed=0)
    >>> x = ops.ones((1, 100))
    >>> sorted(set(ops.convert_to_numpy(layer(x))[0].tolist()))
    [0.0, 2.0]
    """

    def __init__(self, rate: float = 0.1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = check_real("rate", rate, 0.0, 1.0, open_high=True)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        return keras.random.dropout(x, self.rate, seed=self.seed_generator)


def _signs(shape: Any, dtype: Any, seed: Any) -> Any:
    """Random signs: -1 or 1."""
    uniform = keras.random.uniform(shape, -1.0, 1.0, dtype=dtype, seed=seed)
    return ops.cast(ops.where(uniform < 0, -1.0, 1.0), dtype)
