"""Symbols as vectors: the first layer of text, with words left out in training."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.checks import check_int, check_option, check_real

PADDING, UNKNOWN = 0, 1  # ids, as in every vocabulary


@keras.saving.register_keras_serializable("tsmodels")
class TokenEmbedding(keras.layers.Layer):
    """A learned vector for each of `size` symbols, (B, T, K) -> (B, T, width).

    A step has K symbols, a token and for instance the pair it makes with the one before, whose
    vectors are added; ids (B, T) are one symbol a step. Padding, id 0, is a vector of zeros. In
    training each token is with a chance of `token_dropout` taken for an unknown one, id 1, and what
    goes with it left out, so that the vector of the unknown is learned (Bengio et al., 2015, call
    it word dropout; the rate is a weight named "token_dropout_rate"). With `scaled` vectors are
    multiplied by the root of `width`, so that positions added to them do not drown them (Vaswani et
    al., 2017, section 3.4). Ids may come as floats.

    >>> layer = TokenEmbedding(5, 2)
    >>> layer(ops.array([[[3, 4], [3, 0], [0, 0]]])).shape
    TensorShape([1, 3, 2])
    """

    def __init__(
        self,
        size: int,
        width: int,
        token_dropout: float = 0.0,
        seed: int | None = None,
        scaled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # half precision would round ids
        self.size, self.width = check_int("size", size, 2), check_int("width", width)
        self.seed, self.scaled = seed, check_option("scaled", scaled, [False, True])
        self.token_dropout = check_real("token_dropout", token_dropout, 0.0, 1.0, open_high=True)

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.RandomUniform(-0.05, 0.05)
        self.embeddings = self.add_weight((self.size, self.width), start, name="embeddings")
        if self.token_dropout:
            self.rate = self.add_weight(
                name="token_dropout_rate",
                shape=(),
                dtype="float32",
                initializer=keras.initializers.Constant(self.token_dropout),
                trainable=False,
                autocast=False,
            )
            self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, ids: Any, training: bool = False) -> Any:
        ids = ops.cast(ids, "int32")
        ids = ids[..., None] if len(ids.shape) == 2 else ids  # (B, T, K)
        if training and self.token_dropout:
            ids = self._without_some(ids)
        vectors = ops.take(ops.cast(self.embeddings, self.compute_dtype), ids, axis=0)
        seen = ops.cast(ids != PADDING, vectors.dtype)[..., None]  # (B, T, K, 1)
        x = ops.sum(vectors * seen, axis=2)
        return x * self.width**0.5 if self.scaled else x

    def _without_some(self, ids: Any) -> Any:
        shape, seed = ops.shape(ids[:, :, :1]), self.seed_generator
        drawn = keras.random.uniform(shape, dtype="float32", seed=seed)
        dropped = drawn < ops.convert_to_tensor(self.rate)  # (B, T, 1)
        first = ops.arange(ids.shape[-1]) == 0
        instead = ops.cast(first & (ids[:, :, :1] != PADDING), "int32")  # UNKNOWN, or nothing
        return ops.where(dropped, instead, ids)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:2], self.width)

    def get_config(self) -> dict[str, Any]:
        own = ("size", "width", "token_dropout", "seed", "scaled")
        return {**super().get_config(), **{key: getattr(self, key) for key in own}}


@keras.saving.register_keras_serializable("tsmodels")
class CharacterWords(keras.layers.Layer):
    """Words by how they are written: ids of characters (B, T, W) -> (B, T, width).

    Vectors of `size` characters, a convolution over three of them, and the maximum over the word;
    id 0 is padding. Ma & Hovy, 2016, section 2.1. Ids may come as floats.

    >>> CharacterWords(50, 8)(ops.ones((2, 5, 12))).shape
    TensorShape([2, 5, 8])
    """

    def __init__(self, size: int, width: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # half precision would round ids
        self.size, self.width = check_int("size", size, 2), check_int("width", width)
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        self.embed = keras.layers.Embedding(size, width, name="characters", **own)
        self.convolve = keras.layers.Conv1D(width, 3, padding="same", name="convolution", **own)

    def build(self, input_shape: Any) -> None:
        self.embed.build(None)
        self.convolve.build((None, input_shape[-1], self.width))

    def call(self, ids: Any) -> Any:
        steps, letters = ids.shape[1:]
        ids = ops.reshape(ops.cast(ids, "int32"), (-1, letters))  # (B * T, W)
        seen = ops.cast(ids != PADDING, self.compute_dtype)[:, :, None]
        x = ops.cast(self.embed(ids), self.compute_dtype) * seen
        x = ops.relu(self.convolve(x)) * seen  # so that padding is never the largest
        return ops.reshape(ops.max(x, axis=1), (-1, steps, self.width))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "width": self.width}
