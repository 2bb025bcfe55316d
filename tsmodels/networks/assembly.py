"""Stem, network and head become a `keras.Model`: the only place where one is made."""

from __future__ import annotations

from typing import Any

from tsmodels.backend import keras, ops, seeded_build
from tsmodels.checks import fault
from tsmodels.heads import PointHead
from tsmodels.layers.crf import CRF
from tsmodels.layers.dropout import Dropout
from tsmodels.layers.norm import RevIN
from tsmodels.layers.pooling import SequencePooling
from tsmodels.layers.variational import DenseFlipout, DenseReparameterization, MonteCarloDropout
from tsmodels.networks.base import Memory, Network, as_memory, checked_memory, new_layers
from tsmodels.networks.covariates import Places, beside, embedded
from tsmodels.networks.stream import Stream
from tsmodels.networks.translation import Translation

POINT = PointHead()
DRAWING = (DenseFlipout, DenseReparameterization)


def forecast_model(
    network: Network,
    *,
    lookback: int,
    horizon: int,
    channels: int = 1,
    targets: int = 1,
    masked: bool = False,
    season_length: int = 1,
    known: int = 0,
    static: int = 0,
    places: Places = (),
    static_places: Places = (),
    head: PointHead = POINT,
    seed: int = 0,
) -> Any:
    """A forecaster: past (B, T, C) [and observed (B, T)] -> (B, H, targets).

    With a `head` of quantiles or a distribution it answers with (B, H, targets, head.outputs).

    The inputs are a dict with "past" and, if `masked`, "observed": ones where a step was seen,
    zeros where it is padding or missing. Networks that encode see zeros there and `observed` as a
    further channel; those with a `forecast` of their own see filled values (the centre of the
    window where `revin` is set) and the same channel. The same `seed` gives the same first weights;
    the global random state is left as it was. A network that is `forced` has the input "target"
    (B, H, targets) too, which it reads in training alone: zeros will do otherwise.

    The channels of the past are the targets, then covariates, of which the last `known` are known
    ahead: the input "future" (B, H, known). "static" (B, static) are those of the series.
    Covariates at `places`, counted from the first, hold codes of so many categories, as static ones
    do at `static_places`; see `CategoryEmbedding`.
    Networks that read no covariates get a `CovariateForecast` beside them.

    >>> from tsmodels.networks import LSTM
    >>> model = forecast_model(LSTM(d_model=8), lookback=12, horizon=3)
    >>> model({"past": ops.ones((2, 12, 1))}).shape
    TensorShape([2, 3, 1])
    """
    with seeded_build(seed):
        inputs = {"past": keras.Input((lookback, channels), name="past")}
        if masked:
            inputs["observed"] = keras.Input((lookback,), name="observed")
        if network.forced:
            inputs["target"] = keras.Input((horizon, targets), name="target")
        if known:
            inputs["future"] = keras.Input((horizon, known), name="future")
        if static:
            inputs["static"] = keras.Input((static,), name="static")
        layers = new_layers(network)
        y, statistics, revin = _normalised(network, inputs, season_length, targets)
        covariates = embedded(*_covariates(inputs, targets, horizon), places, static_places)
        parts = (_with_mask(network, y, covariates[0], inputs), *covariates[1:])
        sizes = {"horizon": horizon, "targets": targets, "outputs": head.outputs}
        if network.forced:
            truths = _in_window_units(inputs["target"], statistics)
            y = network.taught(layers, *parts, truths, **sizes)
        else:
            y = network.forecast(layers, *parts, **sizes)
        _check_forecast(network, y, (None, horizon, targets, head.outputs))
        y = beside(network, y, *parts)
        y = _in_target_units(y, head, revin, statistics)
        return keras.Model(inputs, y, name=network.name or None)


def _check_forecast(network: Network, y: Any, shape: tuple[int | None, ...]) -> None:
    got = tuple(getattr(y, "shape", ()))
    if got != shape:
        rule = f"a map to (B, horizon, targets, outputs), here {shape}"
        raise ValueError(fault(f"{network.title}.forecast", rule, got or y))


def drawing_model(**arguments: Any) -> Any:
    """`forecast_model` whose dropout and Gaussian weights draw in prediction as in training.

    Its weights are those of `forecast_model`, in the same order. Raises ValueError where there is
    nothing to draw.
    """
    model = forecast_model(**arguments)
    drawing = 0
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, Dropout):
            layer.always = True
            drawing += bool(layer.first_rate)
        if isinstance(layer, DRAWING):
            layer.draw = "always"
            drawing += 1
    if not drawing and not any(isinstance(x, MonteCarloDropout) for x in model._flatten_layers()):
        rule = "one that draws: with dropout above 0, or Gaussian weights"
        way_out = "Set its dropout, or take 'bayesian_cnn_lstm'."
        if getattr(arguments["network"], "dropout", 0):
            way_out = "Its dropout acts in training alone; take 'lstm' or 'bayesian_cnn_lstm'."
        raise ValueError(fault("network", rule, arguments["network"], way_out))
    return model


def _in_window_units(target: Any, statistics: Any) -> Any:
    """Future values (B, H, K) as the network sees the past."""
    if statistics is None:
        return target
    centre, scale = ops.split(statistics[:, :, : target.shape[-1]], 2, axis=1)  # (B, 1, K)
    return (target - centre) / scale


def _in_target_units(raw: Any, head: PointHead, revin: Any, statistics: Any) -> Any:
    """What the head makes of raw numbers (B, H, K, P), which are in the units of the window."""
    if revin is None:
        return head.link(raw, lambda values: values, ops.ones_like(raw[:, :1, :, 0]))
    statistics = statistics[:, :, : raw.shape[2]]  # (B, 2, K)
    return head.link(raw, lambda h: revin(h, statistics=statistics), statistics[:, 1:])


def _normalised(
    network: Network, inputs: dict[str, Any], season_length: int, targets: int
) -> tuple[Any, Any, Any]:
    """The past of the targets as the network sees it, and how to undo its normalisation."""
    y = inputs["past"][:, :, :targets]
    if network.revin is None:
        return y, None, None
    revin = RevIN(network.revin, season_length=season_length, name="revin")
    return *revin(y, observed=inputs.get("observed")), revin


def _covariates(inputs: dict[str, Any], targets: int, horizon: int) -> tuple[Any, Any, Any]:
    """Past, future and static covariates; those that there are none of have width 0."""
    past = inputs["past"]
    none = ops.tile(past[:, :1, :0], (1, horizon, 1))  # (B, H, 0)
    future, static = inputs.get("future", none), inputs.get("static", past[:, 0, :0])
    return past[:, :, targets:], future, static


def _with_mask(network: Network, y: Any, covariates: Any, inputs: dict[str, Any]) -> Any:
    """Targets, covariates and what was observed of the targets, as channels."""
    if "observed" not in inputs:
        return ops.concatenate([y, covariates], axis=-1) if covariates.shape[-1] else y
    seen = inputs["observed"][:, :, None]  # (B, T, 1)
    return ops.concatenate([y if network.direct else y * seen, covariates, seen], axis=-1)


def sequence_model(
    network: Network,
    *,
    shape: tuple[int, ...],
    outputs: int,
    pooling: str = "mean",
    stepwise: bool = False,
    masked: bool = False,
    seed: int = 0,
) -> Any:
    """Sequences (B, T, C) or images (B, R, S, C) to raw numbers (B, outputs).

    Stem, encoder, pooling of its steps (see `SequencePooling`; "last" is what the encoder calls so)
    and a linear head; with `stepwise` there is no pooling and a head a step, (B, T, outputs). With
    0 `outputs` there is no head: the answer is its input. The inputs are a dict with "sequence"
    and, if `masked`, "observed" (B, T): zeros where a step is padding, on the right. Weights do not
    depend on `masked`; the head's are the last two. Where the network is of `any_length`, so is the
    model: shorter batches are quicker and have the same answers.

    >>> from tsmodels.networks import GRU
    >>> model = sequence_model(GRU(d_model=8), shape=(12, 3), outputs=2)
    >>> model({"sequence": ops.ones((4, 12, 3))}).shape
    TensorShape([4, 2])
    """
    _check_encoder(network, shape)
    with seeded_build(seed):
        inputs = {"sequence": keras.Input(shape, name="sequence")}
        if masked:
            inputs["observed"] = keras.Input(shape[:1], name="observed")
        memory = checked_memory(network, _encoded(network, **inputs), inputs["sequence"])
        if stepwise:
            y = _steps_of(network, memory, shape[0])
        elif pooling == "last" and "last" in memory.state:
            y = memory.state["last"]
        else:
            y = SequencePooling(pooling, name="pooling")(memory.sequence, mask=memory.mask)
        if outputs:
            y = keras.layers.Dense(outputs, name="head")(y)
        return _of_its_lengths(network, keras.Model(inputs, y, name=network.name or None))


def language_model(
    network: Network,
    *,
    length: int,
    outputs: int,
    streams: int = 0,
    run: int = 1,
    seed: int = 0,
) -> Any:
    """Ids of symbols (B, length, 1) to logits of those that follow, (B, length, outputs).

    The network is one layer, "network", see `Stream` also for `streams` and `run`.

    >>> from tsmodels.networks import GRU
    >>> from tsmodels.networks.embedded import Embedded
    >>> spec = Embedded(network=GRU(d_model=8), size=30, d_embedding=4)
    >>> language_model(spec, length=12, outputs=30).output_shape
    (None, 12, 30)
    """
    with seeded_build(seed):
        inputs = {"sequence": keras.Input((length, 1), name="sequence")}
        layers = new_layers(network)
        x = inputs["sequence"]
        checked_memory(network, network.encode(layers, x), x)  # builds them
        y = Stream(network, layers, streams, run, name="network")(inputs["sequence"])
        y = keras.layers.Dense(outputs, name="head")(y)
        return keras.Model(inputs, y, name=network.name or None)


def translation_model(
    network: Network, *, length: int, sizes: tuple[int, int], seed: int = 0, **settings: Any
) -> Any:
    """Pairs of tokens (B, length, 2), and "observed" (B, length), to logits (B, length, size).

    The network is one layer, "translation", see `Translation` for what pairs and `settings` are.
    Padding is known by its id: "observed" weighs the losses.

    >>> from tsmodels.networks import Seq2Seq
    >>> translation_model(Seq2Seq(d_model=8), length=12, sizes=(30, 40)).output_shape
    (None, 12, 40)
    """
    _check_decoder(network)
    with seeded_build(seed):
        inputs = {
            "sequence": keras.Input((length, 2), name="sequence"),
            "observed": keras.Input((length,), name="observed"),
        }
        layer = Translation(network, sizes, name="translation", **settings)
        pairs = inputs["sequence"]
        layer.taught(layer.remember(pairs[:, :, :1]), pairs[:, :, 1:])  # builds the parts
        model = keras.Model(inputs, layer(pairs), name=network.name or None)
        return _of_its_lengths(network, model)


def _check_decoder(network: Network) -> None:
    if not (network.decodes and hasattr(network, "decode_step")):
        way_out = "Take 'seq2seq', 'gnmt' or 'transformer'."
        raise ValueError(fault("network", "one with a decoder of its own", network.title, way_out))


def chained_model(network: Network, **form: Any) -> Any:
    """`sequence_model`, a step, whose labels are a chain: log-potentials (B, T, outputs, outputs).

    >>> from tsmodels.networks import GRU
    >>> chained_model(GRU(d_model=8), shape=(12, 3), outputs=2, stepwise=True).output_shape
    (None, 12, 2, 2)
    """
    model = sequence_model(network, **form)
    observed = model.input.get("observed")
    mask = None if observed is None else observed > 0.5
    chained = keras.Model(model.input, CRF(name="crf")(model.output, mask=mask), name=model.name)
    return _of_its_lengths(network, chained)


def _of_its_lengths(network: Network, model: Any) -> Any:
    """The model, which also takes batches of sequences with fewer steps if the network does."""
    if network.any_length:
        for spec in (specs := model.input_spec):
            spec.shape = (None, None, *spec.shape[2:])
        model.input_spec = specs
    return model


def _encoded(network: Network, sequence: Any, observed: Any = None) -> Memory:
    """The memory of padded sequences.

    Padding is on the right, where no step of a causal network sees it: those need no mask before
    the pooling, and keep the kernels that know none.
    """
    mask = None if observed is None else observed > 0.5  # (B, T)
    layers = new_layers(network)
    if not network.stemless:
        sequence = keras.layers.Dense(network.d_model, name="stem")(sequence)
    if network.causal:
        return as_memory(network.encode(layers, sequence))._replace(mask=mask)
    memory = as_memory(network.encode(layers, sequence, mask))
    if mask is not None and memory.mask is None:
        rule = "sequences of one length, or a network that passes a mask on"
        raise ValueError(fault("X", rule, f"padding for {type(network).__name__}"))
    return memory


def _steps_of(network: Network, memory: Memory, length: int) -> Any:
    if memory.sequence.shape[1] != length:
        rule = "one that keeps the length of a sequence"
        got = f"{network.title}, which makes {memory.sequence.shape[1]} steps of {length}"
        raise ValueError(fault("network", rule, got, "Another network, or no patches and pooling."))
    return memory.sequence


def _check_encoder(network: Network, shape: tuple[int, ...]) -> None:
    kind = network.title
    if not network.encodes:
        way_out = "`tsmodels networks` says which serve every task."
        raise ValueError(
            fault("network", "one that encodes", f"{kind}, which only forecasts", way_out)
        )
    if len(shape) == 3 and not network.images:
        way_out = "Take 'vit', or make sequences of the rows: X.reshape(N, height, -1)."
        raise ValueError(fault("X", f"(N, T, C) for {kind}", f"images {shape}", way_out))
