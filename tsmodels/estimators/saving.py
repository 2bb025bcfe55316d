"""`save` and `load`: an estimator's parameters and fitted attributes as JSON and arrays.

One small codec serves both: a value becomes JSON, and the arrays inside it go to a dict beside it.
What may stand in a file is an allow-list; anything else is refused by name.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tsmodels import persistence
from tsmodels.checks import fault
from tsmodels.data.calendar import Calendar
from tsmodels.data.channels import Channels
from tsmodels.data.covariates import Covariates, Roles
from tsmodels.data.panel import FrameStyle, Panel
from tsmodels.data.transforms import Transform
from tsmodels.estimators.bag import BagOfWords
from tsmodels.heads import DistributionHead, PointHead, QuantileHead
from tsmodels.text.tokens import Tokens, Vocabulary

ESTIMATORS = {
    "Forecaster": "tsmodels.estimators.forecaster",
    "Combination": "tsmodels.estimators.combination",
    "Stream": "tsmodels.estimators.streaming",
    "Conformal": "tsmodels.estimators.conformal",
    "MonteCarlo": "tsmodels.estimators.bayes",
    "LastLayerLaplace": "tsmodels.estimators.bayes",
    "Ensemble": "tsmodels.estimators.bayes",
    "AdaptiveConformal": "tsmodels.estimators.conformal",
    "Naive": "tsmodels.estimators.baseline",
    "SeasonalNaive": "tsmodels.estimators.baseline",
    "Drift": "tsmodels.estimators.baseline",
    "HistoricMean": "tsmodels.estimators.baseline",
    "SequenceClassifier": "tsmodels.estimators.sequence",
    "SequenceRegressor": "tsmodels.estimators.sequence",
    "SequenceTagger": "tsmodels.estimators.sequence",
    "TextClassifier": "tsmodels.estimators.text",
    "TextTagger": "tsmodels.estimators.text",
    "LanguageModel": "tsmodels.estimators.language",
    "Translator": "tsmodels.estimators.translator",
}
HEADS = (PointHead, QuantileHead, DistributionHead)
TEXT = (Tokens, Vocabulary, BagOfWords)
TABLES = (Panel, Calendar, FrameStyle, Covariates, Roles, Channels, Transform)
DATACLASSES: dict[str, Any] = {cls.__name__: cls for cls in (*TABLES, *HEADS, *TEXT)}
SCALERS = ("StandardScaler", "RobustScaler", "MinMaxScaler", "MaxAbsScaler")
KERAS_MODULES = (
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)
KERAS_CLASSES = ("keras.DTypePolicy", "keras.Sequential")
KERAS_CODE = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "StringLookup")
REGISTER = "Its class needs the decorator register()."
PACKAGES = ("tsmodels", "keras", "numpy", "pandas", "scikit-learn")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Writes a fitted estimator to one file, whole or not at all; see `Forecaster.save`."""
    check_is_fitted(estimator)
    codec = _Encoder()
    manifest, weights = codec.estimator("", estimator)
    manifest |= {"versions": _versions(), "notes": codec.notes}
    persistence.write(path, manifest, weights, codec.arrays)


def _versions() -> dict[str, str]:
    """Of the packages that are installed: tsmodels itself may be run from its source."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def load(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None
) -> BaseEstimator:
    """The estimator that `save` wrote to `path`.

    `custom_objects` names Keras losses and optimizers of one's own. Nothing in the file is
    executed; ValueError says what is wrong with a file that is refused.
    """
    manifest, weights, arrays = persistence.read(path)
    decoder = _Decoder(arrays, custom_objects or {})
    try:
        return decoder.estimator(manifest, weights)
    except Exception as error:  # whatever a hostile manifest leads to
        reason = str(error).rstrip(".")
        raise ValueError(f"{os.fspath(path)} cannot be loaded: {reason}.") from error


def _shapes(blueprint: Any) -> list[tuple[int, ...]]:
    from tsmodels.backend import keras

    with keras.StatelessScope(initialize_variables=False):
        return [tuple(weight.shape) for weight in blueprint.build().weights]


def _check_weights(blueprint: Any, weights: list[np.ndarray]) -> None:
    """Shapes before values: a file cannot ask for more memory than its own weights take.

    In a thread of its own: Keras would give the variables values later, in the thread that made
    them.
    """
    with ThreadPoolExecutor(1) as thread:
        own = thread.submit(_shapes, blueprint).result()
    if own != [weight.shape for weight in weights]:
        raise ValueError("its weights do not fit its network")


@dataclass
class _Encoder:
    """Values to JSON; arrays are put aside under a name of their own."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def estimator(self, path: str, estimator: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Class, parameters and what was learned of an estimator, and its weights."""
        if ESTIMATORS.get(type(estimator).__name__) != type(estimator).__module__:
            rule = f"an instance of {sorted(ESTIMATORS)} itself, not of a subclass"
            raise TypeError(fault("estimator", rule, type(estimator)))
        parameters = estimator.get_params(deep=False)
        if parameters.get("callbacks"):
            parameters["callbacks"] = ()
            self.notes.append("callbacks are not saved")
        attributes = estimator.__getstate__()
        state = {key: value for key, value in attributes.items() if key.endswith("_")}
        weights = state.pop("weights_", [])
        parts = {
            name: {key: self.encode(f"{path}{key}", value) for key, value in part.items()}
            for name, part in (("parameters", parameters), ("state", state))
        }
        return {"class": type(estimator).__name__, **parts}, weights

    def encode(self, path: str, value: Any) -> Any:
        from tsmodels.backend import keras

        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray):
            return self._array(path, value)
        if isinstance(value, list | tuple):
            items = [self.encode(f"{path}.{i}", item) for i, item in enumerate(value)]
            return {"tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, dict):
            return {"dict": [self._pair(f"{path}.{k}", k, v) for k, v in value.items()]}
        if type(value).__name__ in ESTIMATORS:
            inner, weights = self.estimator(f"{path}.", value)
            return {"estimator": inner, "weights": self.encode(f"{path}.weights_", weights)}
        if is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(path, value)
        if isinstance(value, keras.layers.Layer):
            return {"keras": _layer_config(path, value)}
        if isinstance(value, keras.losses.Loss | keras.optimizers.Optimizer | _schedules()):
            return {"keras": keras.saving.serialize_keras_object(value)}
        if type(value).__name__ in SCALERS and type(value).__module__.startswith("sklearn."):
            settings = value.get_params(deep=False)
            return {"sklearn": type(value).__name__, **self.encode(path, settings)}
        way_out = "Set it to a name, or to a type that can be saved."
        if path.startswith("network"):
            way_out = "Make it a registered subclass of Network, or a keras.Layer."
        raise TypeError(fault(path, "something that can be saved without code", value, way_out))

    def _pair(self, path: str, key: Any, value: Any) -> list[Any]:
        return [self.encode(f"{path} (key)", key), self.encode(path, value)]

    def _array(self, path: str, value: np.ndarray) -> Any:
        if value.dtype.hasobject:
            return {"objects": [self.encode(path, item) for item in value.tolist()]}
        self.arrays[path] = value
        return {"array": path}

    def _dataclass(self, path: str, value: Any) -> Any:
        from tsmodels.networks import NETWORKS, Custom, Network

        own = {f.name: getattr(value, f.name) for f in fields(value)}
        if isinstance(value, Custom):
            return {"network": self.encode(path, own.pop("encoder")), **self.encode(path, own)}
        if isinstance(value, Network):
            registered = NETWORKS.get(value.name)
            if registered is not type(value):
                anew = getattr(registered, "__qualname__", "") == type(value).__qualname__
                way_out = (
                    "Its class has been defined anew: make it, and fit, again." if anew else ""
                )
                raise TypeError(fault(path, "a registered network", value, way_out or REGISTER))
            return {"network": value.name, **self.encode(path, own)}
        if type(value).__name__ not in DATACLASSES:
            raise TypeError(fault(path, "something that can be saved without code", value))
        return {"dataclass": type(value).__name__, **self.encode(path, own)}


@dataclass
class _Decoder:
    """JSON and arrays back to values; only what `_Encoder` writes is understood."""

    arrays: Mapping[str, np.ndarray]
    custom_objects: Mapping[str, Any]

    def estimator(self, manifest: Mapping[str, Any], weights: list[np.ndarray]) -> BaseEstimator:
        """What `_Encoder.estimator` described."""
        name = manifest["class"]
        if name not in ESTIMATORS:
            raise ValueError(f"it holds a {name!r}, not one of {sorted(ESTIMATORS)}")
        cls = getattr(importlib.import_module(ESTIMATORS[name]), name)
        estimator = cls(**{key: self.decode(v) for key, v in manifest["parameters"].items()})
        for key, value in manifest["state"].items():
            if not key.endswith("_") or key.startswith("_"):
                raise ValueError(f"it sets the attribute {key!r}")
            setattr(estimator, key, self.decode(value))
        if weights:
            _check_weights(estimator._blueprint(), weights)
            estimator.weights_ = weights
        return estimator

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "array" in value:
            return self.arrays[value["array"]]
        if "tuple" in value:
            return tuple(self.decode(value["tuple"]))
        if "objects" in value:
            objects = np.empty(len(value["objects"]), dtype=object)
            objects[:] = self.decode(value["objects"])
            return objects
        if "keras" in value:
            return self._keras(value["keras"])
        if "estimator" in value:
            return self.estimator(value["estimator"], self.decode(value["weights"]))
        items = {self.decode(key): self.decode(item) for key, item in value["dict"]}
        return self._made(value, items)

    def _made(self, value: dict[str, Any], items: dict[str, Any]) -> Any:
        if "network" in value:
            from tsmodels.networks import NETWORKS, resolve

            network = self.decode(value["network"])
            if isinstance(network, str) and network not in NETWORKS:
                raise ValueError(f"import the module that registers its network, {network!r}")
            return resolve(network, **items)
        if "dataclass" in value:
            return DATACLASSES[value["dataclass"]](**items)
        if "sklearn" in value:
            if value["sklearn"] not in SCALERS:
                raise ValueError(f"it names the scaler {value['sklearn']!r}")
            module = importlib.import_module("sklearn.preprocessing")
            return getattr(module, value["sklearn"])(**items)
        return items

    def _keras(self, config: Any) -> Any:
        from tsmodels.backend import keras

        _check_trusted(config, self.custom_objects)
        custom_objects = dict(self.custom_objects)
        own = copy.deepcopy(config)  # some from_config take entries out of theirs
        return keras.saving.deserialize_keras_object(own, custom_objects, safe_mode=True)


def _check_trusted(config: Any, custom_objects: Mapping[str, Any]) -> None:
    """Keras imports the modules a config names: let it name only Keras and what is registered."""
    if isinstance(config, list):
        for item in config:
            _check_trusted(item, custom_objects)
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        kind, module = config["class_name"], config.get("module")
        registered = _registered(str(config.get("registered_name")), kind)
        name = f"{module}.{kind}"
        builtin = module in KERAS_MODULES or name in KERAS_CLASSES
        if kind in KERAS_CODE:  # which carry code, or read another file
            raise ValueError(f"it names {name!r}, which is never loaded")
        if not (registered or kind in custom_objects or builtin):
            raise ValueError(f"it names {name!r}; pass it in custom_objects if you trust it")
    for item in config.values():
        _check_trusted(item, custom_objects)


def _registered(name: str, kind: str) -> bool:
    """Whether somebody registered the class in this process, by its own name, as our layers are."""
    from tsmodels.backend import keras

    importlib.import_module("tsmodels.layers")  # which registers them
    known = keras.saving.get_registered_object(name)
    return known is not None and known.__name__ == kind


def _layer_config(path: str, layer: Any) -> Any:
    """The config of a layer that can be made again from it without code."""
    from tsmodels.backend import keras

    try:
        config = keras.saving.serialize_keras_object(layer)
        _Decoder({}, {}).decode({"keras": config})
    except (ValueError, TypeError, NotImplementedError) as error:
        rule = "a layer that its config alone can make again"
        way_out = "Decorate its class with keras.saving.register_keras_serializable()."
        raise TypeError(fault(path, rule, layer, way_out)) from error
    return config


def _schedules() -> Any:
    from tsmodels.backend import keras

    return keras.optimizers.schedules.LearningRateSchedule
