"""A network over symbols: any other one, with vectors of the symbols before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tsmodels.backend import keras, ops
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.embedding import CharacterWords, TokenEmbedding
from tsmodels.networks.base import Memory, Network, Rate, as_memory


@dataclass(frozen=True, kw_only=True)
class Embedded(Network):
    """The encoder `network` over ids (B, T, K) of `size` symbols, each a vector of `d_embedding`.

    `token_dropout` takes tokens for unknown ones, `embedding_dropout` leaves out numbers of their
    vectors, and `head_dropout` features of what is encoded, the same ones at all steps: behind a
    pooling it would do the same. A linear stem stands between vectors and network where it is asked
    for and the widths differ. With `characters`, how many of them there are, all but the first of
    the K ids are those of the characters of a word, which make `d_characters` numbers more. The
    weights are named "tokens/...", "embedding_dropout/..." and "head_dropout/...".

    >>> from tsmodels.networks import GRU
    >>> spec = Embedded(network=GRU(d_model=8), size=100, d_embedding=16)
    >>> spec.encode(spec.layers(), keras.Input((5, 1))).sequence.shape
    (None, 5, 8)
    """

    network: Any
    size: int
    d_embedding: int
    characters: int | None = None
    d_characters: int = 30
    token_dropout: Rate = 0.0
    embedding_dropout: Rate = 0.0
    head_dropout: Rate = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "d_model", self.network.d_model or self.d_model)
        object.__setattr__(self, "name", self.network.name)
        super().__post_init__()

    @property
    def title(self) -> str:
        return str(self.network.title)

    @property
    def causal(self) -> bool:
        return bool(self.network.causal)

    @property
    def any_length(self) -> bool:
        return bool(self.network.any_length)

    @property
    def encodes(self) -> bool:
        return bool(self.network.encodes)

    @property
    def stemless(self) -> bool:
        return True

    def layers(self) -> dict[str, Any]:
        embedding = TokenEmbedding(
            self.size,
            self.d_embedding,
            self.token_dropout,
            scaled=self.network.scales_tokens,
            name="tokens",
        )
        stem = keras.layers.Dense(self.d_model, name="stem")
        width = self.d_embedding + (self.d_characters if self.characters else 0)
        needed = not self.network.stemless and width != self.d_model
        letters = CharacterWords(self.characters or 2, self.d_characters, name="letters")
        return {
            "tokens": embedding,
            **({"letters": letters} if self.characters else {}),
            "embedding_dropout": Dropout(self.embedding_dropout, name="embedding_dropout"),
            **({"stem": stem} if needed else {}),
            "network": self.network.layers(),
            "head_dropout": Dropout(self.head_dropout, steps_alike=True, name="head_dropout"),
        }

    @property
    def streams(self) -> bool:
        return bool(self.network.streams) and not self.characters

    @property
    def carries(self) -> bool:
        return self.streams and bool(self.network.carries)

    def initial_state(self, layers: Any, batch: int) -> dict[str, Any]:
        return self.network.initial_state(layers["network"], batch)

    def step(self, layers: Any, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """Ids (B, K) of one moment and the state to (B, D) and the next state, as in inference."""
        x = layers["tokens"](x[:, None])[:, 0]  # (B, d_embedding)
        x = layers["stem"](x) if "stem" in layers else x
        return self.network.step(layers["network"], x, state)

    def advance(self, layers: Any, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """Ids (B, L, K) of any number of moments."""
        x = layers["embedding_dropout"](layers["tokens"](x))  # (B, L, d_embedding)
        x = layers["stem"](x) if "stem" in layers else x
        y, state = self.network.advance(layers["network"], x, state)
        return layers["head_dropout"](y), state

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory:
        if "letters" in layers:
            vectors = [layers["tokens"](x[:, :, :1]), layers["letters"](x[:, :, 1:])]
            x = ops.concatenate(vectors, axis=-1)  # (B, T, d_embedding + d_characters)
        else:
            x = layers["tokens"](x)  # (B, T, d_embedding)
        x = layers["embedding_dropout"](x)
        x = layers["stem"](x) if "stem" in layers else x
        memory = as_memory(self.network.encode(layers["network"], x, mask))
        state = dict(memory.state)
        if "last" in state:
            state["last"] = layers["head_dropout"](state["last"][:, None])[:, 0]
        return memory._replace(sequence=layers["head_dropout"](memory.sequence), state=state)
