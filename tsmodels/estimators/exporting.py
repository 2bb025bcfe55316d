"""A fitted forecaster as one graph, from values in their units to forecasts in theirs.

The graph has the inputs "y" (B, T, K), float64, "series" (B,), int32, and, where the network was
shown gaps or padding, "observed" (B, T); the answer is "yhat" (B, H, K), float64. Values are scaled
inside, by the numbers of each series of `fit`, and nothing else of tsmodels is needed to run it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops
from tsmodels.checks import check_option, fault
from tsmodels.data.transforms import LARGEST
from tsmodels.heads import DistributionHead, QuantileHead
from tsmodels.layers.scan import unrolled
from tsmodels.persistence import replacing

METADATA = "tsmodels"
OPSET = 17


def export(forecaster: Any, path: str | os.PathLike[str], format: str) -> None:
    """Writes the graph of a forecaster to `path`; see `Forecaster.export`."""
    check_option("format", format, sorted(WRITERS))
    if keras.backend.backend() != "tensorflow":
        way_out = "Load the saved forecaster there: weights are the same on every backend."
        raise ValueError(fault("format", "written on TensorFlow", keras.backend.backend(), way_out))
    _refuse_covariates(forecaster)
    model = unit_model(forecaster)
    with unrolled():
        WRITERS[format](model, Path(path), description(forecaster))


def _refuse_covariates(forecaster: Any) -> None:
    channels = forecaster.channels_
    if channels.n_channels or channels.n_static:
        names = [*channels.names, *channels.roles.static]
        way_out = (
            "The graph sees targets alone: fit without covariates, calendar and irregular rows."
        )
        raise ValueError(fault("forecaster", "without covariates to be exported", names, way_out))


def description(forecaster: Any) -> dict[str, Any]:
    """What it takes to make windows of a frame and a frame of answers: plain values."""
    context = forecaster.context_
    return {
        "version": 1,
        "network": forecaster.network_.name,
        "horizon": forecaster.horizon_,
        "lookback": forecaster.lookback_,
        "season_length": forecaster.season_length_,
        "freqs": list(context.calendar.freqs),
        "target": forecaster.target if isinstance(forecaster.target, str) else [*forecaster.target],
        "missing": forecaster.missing,
        "transform": forecaster.transform_.name,
        "masked": bool(forecaster.masked_),
        "min_history": forecaster._min_history,
        "ids": [_plain(name) for name in forecaster.places_],
    }


def _plain(name: Any) -> Any:
    return [_plain(part) for part in name] if isinstance(name, tuple) else name


# --- the graph ------------------------------------------------------------------------------------


def unit_model(forecaster: Any) -> Any:
    """The `keras.Model` around that of a forecaster, values in and forecasts out.

    A window is `lookback` rows of K targets, one more where the transform makes steps of them; rows
    that are missing, and padding, repeat a value and are 0 in "observed". Target k of the id at
    place s in `fit` is series s * K + k; "series" is the first of them.
    """
    steps, k = forecaster.transform_.steps, len(forecaster.targets_)
    rows = forecaster.lookback_ + steps
    y = keras.Input((rows, k), dtype="float64", name="y")
    series = keras.Input((), dtype="int32", name="series")
    inputs = {"y": y, "series": series}
    tables = (forecaster.shift_, forecaster.scale_, forecaster.power_)
    shift, scale, power = (_of_series(table, series, k) for table in tables)  # (B, 1, K)
    curve, uncurved = CURVES[forecaster.transform_.name]
    z = curve(y, power)
    last, z = z[:, -1:], (z[:, 1:] - z[:, :-1] if steps else z)
    known = {"past": ops.cast((z - shift) / scale, "float32")}
    if forecaster.masked_:
        inputs["observed"] = keras.Input((forecaster.lookback_,), name="observed")
        known["observed"] = inputs["observed"]
    model = forecaster.model_
    if "target" in model.input:  # the truth, which a teacher shows in training alone
        ahead = ops.zeros_like(known["past"][:, :1])
        known["target"] = ops.tile(ahead, (1, forecaster.horizon_, 1))
    total = ops.cast(_points(forecaster.head_, model(known)), "float64")  # (B, H, K)
    if steps:
        counts = np.arange(1.0, forecaster.horizon_ + 1)[None, :, None]
        total = ops.cumsum(total, axis=1) * scale + shift * counts + last
    else:
        total = total * scale + shift
    return keras.Model(inputs, {"yhat": uncurved(total, power)})


def _of_series(table: np.ndarray, series: Any, k: int) -> Any:
    """The numbers (B, 1, K) of the series in a table (S * K, 1)."""
    return ops.take(np.asarray(table, float).reshape(-1, 1, k), series // k, axis=0)


def _points(head: Any, outputs: Any) -> Any:
    """`head.points` in the graph."""
    if isinstance(head, QuantileHead):
        return outputs[..., head._median]
    return outputs[..., 0] if isinstance(head, DistributionHead) else outputs  # the mean


def _exp(z: Any, power: Any) -> Any:
    return ops.exp(ops.minimum(z, LARGEST))


def _box_cox(y: Any, power: Any) -> Any:
    some = ops.where(power > 0, power, ops.ones_like(power))
    return ops.where(power > 0, (ops.exp(some * ops.log(y)) - 1.0) / some, ops.log(y))


def _un_box_cox(z: Any, power: Any) -> Any:
    some = ops.where(power > 0, power, ops.ones_like(power))
    inside = ops.maximum(1.0 + some * z, 1e-300)
    return _exp(ops.where(power > 0, ops.log(inside) / some, z), power)


def _as_is(z: Any, power: Any) -> Any:
    return z


CURVES: dict[str | None, tuple[Callable[..., Any], Callable[..., Any]]] = {
    None: (_as_is, _as_is),
    "difference": (_as_is, _as_is),
    "log": (lambda y, power: ops.log(y), _exp),
    "returns": (lambda y, power: ops.log(y), _exp),
    "log1p": (lambda y, power: ops.log(1.0 + y), lambda z, power: _exp(z, power) - 1.0),
    "boxcox": (_box_cox, _un_box_cox),
}


# --- formats --------------------------------------------------------------------------------------


def _write_saved_model(model: Any, path: Path, about: dict[str, Any]) -> None:
    """A folder that `tf.saved_model.load(path).serve` reads; the description lies in its assets."""
    import tensorflow as tf

    function = _function(model)
    archive = tf.Module()
    archive.variables_of_model = model.variables
    archive.serve = function
    signatures = {"serving_default": function.get_concrete_function(*_signature(model))}
    tf.saved_model.save(archive, os.fspath(path), signatures=signatures)
    (path / "assets.extra").mkdir(exist_ok=True)
    (path / "assets.extra" / "tsmodels.json").write_text(json.dumps(about, ensure_ascii=False))


def _function(model: Any) -> Any:
    """The model as a function of its inputs, one after the other, for whole batches of any size."""
    import tensorflow as tf

    def yhat(*values: Any) -> dict[str, Any]:
        return model(dict(zip(model.input, values, strict=True)))

    return tf.function(yhat, autograph=False, input_signature=_signature(model))


def _signature(model: Any) -> list[Any]:
    import tensorflow as tf

    shapes = {name: (None, *x.shape[1:]) for name, x in model.input.items()}
    return [tf.TensorSpec(shapes[name], x.dtype, name) for name, x in model.input.items()]


def _write_onnx(model: Any, path: Path, about: dict[str, Any]) -> None:
    """One file; the description is its metadata."""
    graph = _onnx_graph(model)
    graph.producer_name = "tsmodels"
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(about, ensure_ascii=False)
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())


def _onnx_graph(model: Any) -> Any:
    tf2onnx = _tf2onnx()
    import tensorflow as tf

    concrete = _function(model).get_concrete_function()
    inputs = [x.name for x in concrete.inputs if x.dtype != tf.resource]
    (output,) = (x.name for x in concrete.outputs)
    names = {**{name: name.split(":")[0] for name in inputs}, output: "yhat"}
    frozen = tf2onnx.tf_loader.from_function(concrete, inputs, [output])
    with tf.Graph().as_default() as plain:
        tf.import_graph_def(frozen, name="")
        graph = tf2onnx.tfonnx.process_tf_graph(
            plain, opset=OPSET, input_names=inputs, output_names=[output], tensors_to_rename=names
        )
    known = tf2onnx.optimizer._get_optimizers()
    chosen = {name: known[name] for name in ("fold_constants", "remove_identity")}
    return tf2onnx.optimizer.optimize_graph(graph, optimizers=chosen).make_model("tsmodels")


def _tf2onnx() -> Any:
    try:
        import tf2onnx
    except ImportError as error:
        way_out = "pip install 'tsmodels[onnx]'"
        raise ImportError(fault("tf2onnx", "installed to write ONNX", None, way_out)) from error
    import tf2onnx.handler

    if "object" not in vars(np):
        np.object = object  # type: ignore[attr-defined]  # which tf2onnx asks numpy for
    tf2onnx.handler.tf_op("Erfc")(_Erfc)
    return tf2onnx


class _Erfc:
    """1 - erf: what exact GELUs of TensorFlow are made of, and ONNX has not."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        output = node.output[0]
        form = {"shapes": [ctx.get_shape(output)], "dtypes": [ctx.get_dtype(output)]}
        ctx.remove_node(node.name)
        erf = ctx.make_node("Erf", node.input, **form)
        one = ctx.make_const(f"{node.name}/one", np.ones((), np.float32))
        parts = [one.output[0], erf.output[0]]
        ctx.make_node("Sub", parts, name=node.name, outputs=[output], **form)


WRITERS = {"onnx": _write_onnx, "saved_model": _write_saved_model}
