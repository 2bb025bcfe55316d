"""The waist of the toolkit: a network maps feature sequences to feature sequences.

A network is a frozen dataclass. It says which layers it has and how to run them; it holds no
weights and knows neither tasks, frames nor scaling. `tsmodels.networks.assembly` puts a stem before
it and a head behind it and makes the `keras.Model`.

Shapes: B batch, T lookback, T' memory length, H horizon, F past channels (targets first), G future
channels, D width (`d_model`).

============  =====================================  ====================================
hook          shapes                                 default
============  =====================================  ====================================
``layers``    -> list or dict of Keras layers        no layers
``encode``    (B, T, D) -> Memory (B, T', D)         the layers of the list in turn
``decode``    Memory, queries (B, H, D)              a learned map of the last state
              -> (B, H, D)
``forecast``  (B, T, F) -> (B, H, targets, outputs)  stem, encode, decode, linear head
``step``      (B, D), state -> (B, D), state         the layers' own `step`, chained
============  =====================================  ====================================

`layers()` is called once per assembly and gives the layers whose size follows from the spec alone.
Maps whose size follows from the data (horizon, outputs) are made where they are used, inside
`decode` and `forecast`: these hooks run once per assembly, on symbolic tensors.
"""

from __future__ import annotations

import inspect
import random
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, NamedTuple

from tsmodels.backend import keras, ops
from tsmodels.checks import did_you_mean, fault
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.linear import DenseResidual, LinearOfAny
from tsmodels.layers.norm import PreNorm
from tsmodels.layers.pooling import last_of
from tsmodels.layers.variational import DenseFlipout, DenseReparameterization, MonteCarloDropout
from tsmodels.networks.fields import Rate, check_fields
from tsmodels.space import Dimension

RevINCentre = Literal["mean", "last", "season"]


class Memory(NamedTuple):
    """What `encode` remembers: sequence (B, T', D), mask (B, T') or None, extra state."""

    sequence: Any
    mask: Any = None
    state: Mapping[str, Any] = types.MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Network:
    """A frozen description of an architecture; see the module for its hooks.

    Fields common to all: `d_model` is the width D, `dropout` a rate in [0, 1), and `revin` asks for
    reversible instance normalisation of every window (Kim et al., 2022), centred on its "mean", its
    "last" value or the mean of its last "season"; None leaves the window as the scaler made it. It
    belongs to forecasts: where there is nothing to undo, it does nothing.

    >>> @register("mean_of_past")
    ... @dataclass(frozen=True, kw_only=True)
    ... class MeanOfPast(Network):
    ...     def encode(self, layers, x, mask=None):
    ...         return ops.mean(x, axis=1, keepdims=True)  # (B, 1, D)
    >>> resolve("mean_of_past", d_model=8)
    MeanOfPast(d_model=8, dropout=0.0, revin='mean')
    >>> del NETWORKS["mean_of_past"]
    """

    name: ClassVar[str] = ""
    search_space: ClassVar[Mapping[str, Dimension]] = {}
    variable_dropout: ClassVar[bool] = False  # all of it through `tsmodels.layers.Dropout`
    reads_covariates: ClassVar[bool] = True  # or they are read beside it

    d_model: int = 64
    dropout: Rate = 0.0
    revin: RevINCentre | None = "mean"

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def title(self) -> str:
        """What sentences call the network: its registered name, or that of its class."""
        return self.name or type(self).__name__

    @property
    def direct(self) -> bool:
        """Whether the network has a way of its own from past channels to forecasts."""
        return type(self).forecast is not Network.forecast

    @property
    def encodes(self) -> bool:
        """Whether the network serves every task; one that says only `forecast` just forecasts."""
        return not self.direct or type(self).encode is not Network.encode

    @property
    def decodes(self) -> bool:
        """Whether the network also translates: it encodes and has a decoder of its own."""
        return self.encodes and type(self).decode is not Network.decode

    @property
    def forced(self) -> bool:
        """Whether `emit` is given the true values of the horizon in training."""
        return False

    @property
    def causal(self) -> bool:
        """Whether encoded step t depends on steps up to t alone.

        What can be run step by step cannot see ahead: by default that is a network with a `step` of
        its own, or one whose `encode` is the default, over layers that have one or treat every
        moment alike. Any other network that is causal has to say so.
        """
        if not self.encodes or type(self).step is not Network.step:
            return self.encodes
        return type(self).encode is Network.encode and _in_steps(self)

    @property
    def any_length(self) -> bool:
        """Whether one assembly of `encode` serves every length up to the one it was made for.

        That is so where no weight and no reshaping belongs to a number of steps.
        """
        return self.encodes

    @property
    def streams(self) -> bool:
        """Whether there is a step form: a `step` of its own, or one of each of its layers.

        After t steps it gives the last step that `encode` would make of these t. In a causal
        network that is step t of any longer sequence too; others may override this.
        """
        if not self.causal or type(self).step is not Network.step:
            return self.causal
        return _in_steps(self)

    @property
    def carries(self) -> bool:
        """Whether a sequence may be cut anywhere, and encoded on from the state at the cut."""
        if not self.streams or type(self).advance is not Network.advance:
            return self.streams
        return _in_steps(self, "advance")

    @property
    def stemless(self) -> bool:
        """Whether `encode` takes channels (B, T, F) as they are.

        Where the first layer begins with a linear map of its own, another before it adds nothing.
        """
        return False

    @property
    def scales_tokens(self) -> bool:
        """Whether vectors of tokens come multiplied by the root of their width."""
        return False

    @property
    def images(self) -> bool:
        """Whether `encode` takes images (B, R, S, C) too, rows of S places with C channels."""
        return False

    def layers(self) -> list[Any] | dict[str, Any]:
        """The Keras layers of the architecture, in the order of their weights."""
        return []

    def encode(self, layers: Any, x: Any, mask: Any = None) -> Memory | Any:
        """Features (B, T, D) to memory (B, T', D); a bare tensor is a memory without state.

        To a layer that knows no masks, masked steps are zeros.
        """
        for layer in _stack(layers):
            heeded = mask is not None and _takes_mask(layer)
            if mask is not None and not (heeded or getattr(layer, "supports_masking", False)):
                x = unpadded(x, mask)
            y = layer(x, mask=mask) if heeded else layer(x)
            x, mask = y, _mask_after(layer, x, mask)
        return Memory(x, mask)

    def decode(self, layers: Any, memory: Memory, queries: Any, targets: Any = None) -> Any:
        """Memory and queries (B, H, D) to (B, H, D).

        The default is a learned map of the last remembered step to H vectors, plus the queries. The
        nonlinearity behind the sum matters: through a linear head alone, every window's forecast
        would be the same curve up to a constant. `targets` are the embedded true previous values,
        given in training to decoders that feed back their own output.
        """
        horizon, width = queries.shape[1:]
        steps = keras.layers.Dense(horizon * width, name="steps")(last_step(memory))  # (B, H * D)
        steps = ops.reshape(steps, (-1, horizon, width))  # (B, H, D)
        return ops.silu(steps + queries)

    def forecast(
        self,
        layers: Any,
        past: Any,
        future: Any,
        static: Any,
        *,
        horizon: int,
        targets: int,
        outputs: int,
    ) -> Any:
        """Channels to raw numbers (B, H, targets, outputs).

        `past` (B, T, F) holds the `targets` first; `future` (B, H, G) and `static` (B, K) are
        always present, with width 0 where there are no such covariates. `outputs` is 1 for a point
        forecast. Networks that override this hook alone forecast and do nothing else.
        """
        sizes = {"horizon": horizon, "targets": targets, "outputs": outputs}
        return self.taught(layers, past, future, static, None, **sizes)

    def taught(
        self,
        layers: Any,
        past: Any,
        future: Any,
        static: Any,
        truths: Any,
        *,
        horizon: int,
        targets: int,
        outputs: int,
    ) -> Any:
        """`forecast` of a network that is `forced`: `truths` (B, H, targets) matter in training."""
        channels = past
        if static.shape[-1]:
            context = ops.repeat(static[:, None, :], past.shape[1], axis=1)  # (B, T, K)
            channels = ops.concatenate([past, context], axis=-1)
        x = channels if self.stemless else keras.layers.Dense(self.d_model, name="stem")(channels)
        queries = LinearOfAny(self.d_model, use_bias=False, name="queries")(future)
        memory = checked_memory(self, self.encode(layers, x), x)
        parts = {"last": past[:, -1, :targets], "truths": truths, "units": targets * outputs}
        y = self.emit(layers, memory, queries, **parts)
        return ops.reshape(y, (-1, horizon, targets, outputs))

    def emit(
        self, layers: Any, memory: Memory, queries: Any, *, last: Any, truths: Any, units: int
    ) -> Any:
        """Memory and queries (B, H, D) to numbers (B, H, units): `decode` and a linear head.

        `last` (B, K) are the last values of the targets, `truths` (B, H, K) those to come or None.
        """
        y = self.decode(layers, memory, queries)  # (B, H, D)
        return keras.layers.Dense(units, name="head")(y)

    def initial_state(self, layers: Any, batch: int) -> dict[str, Any]:
        """The state before the first step: a flat dict of float arrays with leading axis B."""
        return {
            f"{i}/{key}": value
            for i, layer in enumerate(_stack(layers))
            for key, value in _streaming(layer).initial_state(batch).items()
        }

    def step(self, layers: Any, x: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One moment (B, D) and the state to (B, D) and the next state; `encode` step by step.

        Raises NotImplementedError where a layer of the network has no step of its own.
        """
        following = {}
        for i, layer in enumerate(_stack(layers)):
            x, own = _streaming(layer).step(x, part_of(state, i))
            following.update({f"{i}/{key}": value for key, value in own.items()})
        return x, following

    def advance(self, layers: Any, x: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Any number of moments (B, L, D) and the state before them to (B, L, D) and the next one.

        What `encode` gives for the whole sequence, for a part of it; see `carries`.
        """
        following = {}
        for i, layer in enumerate(_stack(layers)):
            x, own = _streaming(layer).advance(x, part_of(state, i))
            following.update({f"{i}/{key}": value for key, value in own.items()})
        return x, following


NETWORKS: dict[str, type[Network]] = {}


def register(name: str) -> Any:
    """Class decorator: makes a network known by `name`; also to save/load and the command line.

    A name of letters, digits and underscores. A class defined anew, as by a notebook cell that runs
    again, takes the place of the one before; one of another module or name is refused.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name, re.ASCII):
        raise ValueError(fault("name", "letters, digits and underscores", name))

    def decorate(cls: type[Network]) -> type[Network]:
        standing = NETWORKS.get(name, cls)
        if (standing.__module__, standing.__qualname__) != (cls.__module__, cls.__qualname__):
            where = f"{standing.__module__}.{standing.__qualname__}"
            way_out = f"It is that of {where}: take another, or `del NETWORKS[{name!r}]` before."
            raise ValueError(fault("name", "a name no other network has", name, way_out))
        cls.name = name
        NETWORKS[name] = cls
        return cls

    return decorate


def is_map(value: Any) -> bool:
    """Whether `value` can be called on tensors: a Keras layer or a function, not a class."""
    return callable(value) and not isinstance(value, type)


def is_network(value: Any) -> bool:
    """Whether `resolve` makes a spec of `value`."""
    if isinstance(value, str):
        return value in NETWORKS
    return isinstance(value, Network) or is_map(value)


def resolve(network: Any, **nested: Any) -> Network:
    """The spec behind a name, a spec, a Keras layer or a function of feature tensors.

    The fields of `nested` are replaced. Layers and functions (B, T, D) -> (B, T', D) become the
    encoder of a `tsmodels.networks.Custom`. Raises ValueError for an unknown name or field, with
    the nearest known one.
    """
    if isinstance(network, str):
        if network not in NETWORKS:
            names = sorted(NETWORKS)
            way_out = did_you_mean(network, names)
            raise ValueError(fault("network", f"one of {names}", network, way_out))
        network = NETWORKS[network]()
    if is_map(network):
        from tsmodels.networks.custom import Custom

        network = Custom(encoder=network)
    if not isinstance(network, Network):
        rule = "a registered name, a network spec, a keras.Layer or a function"
        way_out = "A spec is an instance such as LSTM(n_layers=2)."
        raise TypeError(fault("network", rule, network, way_out))
    known = [field.name for field in fields(network)]
    for key in nested:
        if key not in known:
            rule = f"a field of {type(network).__name__}, one of {known}"
            raise ValueError(fault(f"network__{key}", rule, key, did_you_mean(key, known)))
    return replace(network, **nested) if nested else network


def as_memory(encoded: Memory | Any) -> Memory:
    """A bare tensor (B, T', D) as a `Memory`."""
    return encoded if isinstance(encoded, Memory) else Memory(encoded)


def checked_memory(network: Network, encoded: Memory | Any, x: Any) -> Memory:
    """What a network made of x (B, ...), as a `Memory`; ValueError unless it is (B, T', D)."""
    memory = as_memory(encoded)
    shape = tuple(getattr(memory.sequence, "shape", ()))
    if len(shape) != 3 or (shape[0], shape[2]) != (x.shape[0], network.d_model):
        rule = f"a map of (B, T, {network.d_model}) to (B, T', {network.d_model})"
        way_out = (
            "Recurrent layers need return_sequences=True; d_model, the width, can be set with "
            "set_params(network__d_model=...)."
        )
        raise ValueError(fault("network", rule, shape or memory.sequence, way_out))
    return memory


def new_layers(network: Network) -> Any:
    """The layers of one assembly; ValueError where another one has some of them already."""
    layers = network.layers()
    for layer in keras.tree.flatten(layers):
        if getattr(layer, "_inbound_nodes", None):
            rule = "layers made anew by every call: they would share their weights"
            way_out = "Make them inside the method, not once for all."
            raise ValueError(fault(f"{network.title}.layers()", rule, layer, way_out))
    return layers


def part_of(state: Mapping[str, Any], i: int | str) -> dict[str, Any]:
    """The entries "i/..." of a state, without that prefix."""
    prefix = f"{i}/"
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def last_step(memory: Memory) -> Any:
    """The last valid step of a memory, or what its encoder calls "last" in the state, (B, D).

    Zeros for a sequence without any.
    """
    if "last" in memory.state:
        return memory.state["last"]
    if memory.mask is None:
        return memory.sequence[:, -1, :]
    last = ops.cast(last_of(ops.cast(memory.mask, "bool")), memory.sequence.dtype)
    return ops.einsum("bt,btd->bd", last, memory.sequence)


def unpadded(x: Any, mask: Any) -> Any:
    """x (B, T, D) with zeros where the mask (B, T) hides a step."""
    return ops.where(ops.cast(mask, "bool")[..., None], x, ops.zeros_like(x))


def _stack(layers: Any) -> list[Any]:
    return list(layers.values() if isinstance(layers, Mapping) else layers)


def _takes_mask(layer: Any) -> bool:
    return "mask" in inspect.signature(getattr(layer, "call", layer)).parameters


def _mask_after(layer: Any, x: Any, mask: Any) -> Any:
    """The mask of what `layer` makes of x: another one where it shortens the sequence."""
    if mask is None or not hasattr(layer, "compute_mask"):
        return mask
    return layer.compute_mask(x, mask)


def _in_steps(network: Network, form: str = "step") -> bool:
    """Whether every layer of the network has the method `form`, and sees no later moment."""
    state = random.getstate()  # which layers without a seed draw from
    layers = _stack(network.layers())
    random.setstate(state)
    try:
        return all(hasattr(_streaming(layer), form) for layer in layers)
    except NotImplementedError:
        return False


def _streaming(layer: Any) -> Any:
    if isinstance(layer, MOMENT_BY_MOMENT) and getattr(layer, "axis", -1) in (-1, [-1]):
        return _Stateless(layer)
    inner = layer.layer if isinstance(layer, PreNorm) else layer
    ahead = getattr(inner, "bidirectional", False) or not getattr(inner, "causal", True)
    if ahead or not hasattr(inner, "step"):
        raise NotImplementedError(f"{type(layer).__name__} has no step form.")
    return layer


MOMENT_BY_MOMENT = (
    Dropout,
    MonteCarloDropout,
    DenseResidual,
    DenseReparameterization,
    DenseFlipout,
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.LayerNormalization,
    keras.layers.ReLU,
    keras.layers.RMSNormalization,
)


class _Stateless(NamedTuple):
    """A layer that treats every moment alike, as one with a step."""

    layer: Any

    def initial_state(self, batch: int) -> dict[str, Any]:
        return {}

    def step(self, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        return self.layer(x), {}

    def advance(self, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        return self.layer(x), {}
