"""Dropout whose rate is a variable, so that another rate needs no other compiled function."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_real


@keras.saving.register_keras_serializable("tsmodels")
class Dropout(keras.layers.Layer):
    """Sets a share `rate` of its input to zero in training, and scales up the rest.

    As `keras.layers.Dropout`, but that the rate is a weight named "dropout_rate" that is not
    trained; a layer with rate 0 has no weight and does nothing. With `steps_alike` all steps of
    (B, T, F) lose the same features, as the inputs of recurrent layers do. Srivastava et al.,
    2014; Gal & Ghahramani, 2016. Where the attribute `always` is set, it does so in prediction too.

    >>> layer = Dropout(0.5, seed=0)
    >>> _ = layer.rate.assign(0.25)
    >>> ops.convert_to_numpy(layer(ops.ones((1, 4)), training=True)).max().round(3)
    np.float32(1.333)
    """

    def __init__(
        self, rate: float, steps_alike: bool = False, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_real("rate", rate, 0.0, 1.0, open_high=True)
        self.first_rate, self.steps_alike, self.seed = float(rate), steps_alike, seed
        self.always = False
        self.supports_masking = True
        if rate:
            self.rate = self.add_weight(
                name="dropout_rate",
                shape=(),
                dtype="float32",
                initializer=keras.initializers.Constant(self.first_rate),
                trainable=False,
                autocast=False,
            )
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def draws(self, training: bool | None) -> bool:
        """Whether a call with this `training` leaves anything out."""
        return bool((training or self.always) and self.first_rate)

    def call(self, x: Any, training: bool = False) -> Any:
        if not self.draws(training):
            return x
        shape = list(ops.shape(x))
        if self.steps_alike:
            shape[1] = 1
        keep = 1.0 - ops.convert_to_tensor(self.rate)
        drawn = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        return x * ops.cast(ops.where(drawn < keep, 1.0 / keep, 0.0), x.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"rate": self.first_rate, "steps_alike": self.steps_alike, "seed": self.seed}
        return {**super().get_config(), **own}
