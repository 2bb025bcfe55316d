"""A layer, a function, or a class in a notebook cell as `network=`: fitted, copied, saved."""

import copy
import pickle
import random
import sys
import types

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

import tsmodels
from tsmodels import Forecaster, LanguageModel
from tsmodels.backend import keras, ops
from tsmodels.layers import PreNorm
from tsmodels.networks import NETWORKS, Custom, Memory, resolve
from tsmodels.networks.assembly import forecast_model, translation_model

QUICK = {"horizon": 3, "lookback": 12, "max_steps": 2, "random_state": 0}
SERIES = np.sin(np.arange(60.0))
D = 64


def wide(x):
    return conv()(x)


def conv(**settings):
    return keras.layers.Conv1D(D, 3, padding="causal", **settings)


@pytest.fixture(scope="module", params=[wide, conv()], ids=["function", "layer"])
def fitted(request):
    return Forecaster(request.param, **QUICK).fit(SERIES)


def same(a, b):
    pd.testing.assert_frame_equal(a.predict(), b.predict())


def test_resolve_makes_a_spec_of_layers_and_functions():
    assert resolve(wide) == Custom(encoder=wide) and hash(resolve(wide)) == hash(resolve(wide))
    assert resolve(wide, d_model=8, revin=None) == Custom(encoder=wide, d_model=8, revin=None)
    for wrong in (keras.layers.GRU, 3, None):
        with pytest.raises(TypeError, match="a keras.Layer or a function. Got"):
            resolve(wrong)
        with pytest.raises(TypeError, match="Custom.encoder must be a keras.Layer or a function"):
            Custom(encoder=wrong)


def test_fields_are_nested_parameters(fitted):
    assert fitted.get_params()["network__d_model"] == D
    other = clone(fitted).set_params(network__revin=None)
    assert other.network.revin is None and resolve(other.network).d_model == D


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_answer_alike(fitted, copied):
    same(copied(fitted), fitted)
    assert not hasattr(clone(fitted), "model_")


def test_a_layer_is_a_template():
    layer = conv(name="mine")
    layer.build((None, 12, D))
    before = [w.copy() for w in layer.get_weights()]
    model = Forecaster(layer, **QUICK).fit(SERIES).model_
    for weight, untouched in zip(layer.get_weights(), before, strict=True):
        assert_array_equal(weight, untouched)
    other = forecast_model(resolve(layer), lookback=12, horizon=3)
    assert len({id(m.get_layer("mine")) for m in (model, other)} | {id(layer)}) == 3


def test_a_layer_is_saved(tmp_path):
    layer = keras.Sequential([conv(kernel_regularizer="l2"), PreNorm(conv())])
    fitted = Forecaster(layer, **QUICK).fit(SERIES)
    fitted.save(tmp_path / "model")
    loaded = tsmodels.load(tmp_path / "model")
    same(loaded, fitted)
    assert loaded.network.get_config() == layer.get_config()
    same(loaded.fit(SERIES), fitted)


def test_a_registered_layer_of_ones_own_is_saved_and_another_refused(tmp_path):
    class Mine(keras.layers.Dense):
        pass

    fitted = Forecaster(Mine(D), **QUICK).fit(SERIES)
    with pytest.raises(TypeError, match=r"network must be a layer .* Got <Mine .* Decorate its"):
        fitted.save(tmp_path / "model")
    keras.saving.register_keras_serializable("custom_test")(Mine)
    try:
        fitted.save(tmp_path / "model")
        same(tsmodels.load(tmp_path / "model"), fitted)
    finally:
        del keras.saving.get_custom_objects()["custom_test>Mine"]
    with pytest.raises(ValueError, match="cannot be loaded: it names '.*Mine'; pass it"):
        tsmodels.load(tmp_path / "model")


@pytest.mark.parametrize("network", [wide, resolve(wide)])
def test_a_function_is_not_saved_and_the_sentence_names_it(tmp_path, network):
    fitted = Forecaster(network, **QUICK).fit(SERIES)
    with pytest.raises(TypeError, match=r"network must be .* Got <function wide .* Make it a reg"):
        fitted.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "network,received",
    [
        (keras.layers.GRU(D), r"\(None, 64\)"),
        (lambda x: keras.layers.Dense(5)(x), r"\(None, 12, 5\)"),
        (lambda x: "text", "'text'"),
    ],
)
def test_wrong_shapes_are_refused_before_training(network, received):
    rule = rf"network must be a map of \(B, T, 64\) to \(B, T', 64\). Got {received}. Recurrent"
    with pytest.raises(ValueError, match=rule):
        Forecaster(network, **QUICK).fit(SERIES)


def test_the_width_is_that_of_the_layer_unless_it_is_told():
    wide = keras.Sequential([keras.layers.Dense(6), keras.layers.GRU(10, return_sequences=True)])
    for layer, width in (
        (keras.layers.LSTM(8, return_sequences=True), 8),
        (keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)), 16),
        (wide, 10),
        (keras.layers.LayerNormalization(), 64),
        (keras.layers.GRU(8), 64),
    ):
        state = random.getstate()
        assert resolve(layer).d_model == width and random.getstate() == state
        assert resolve(layer, d_model=5).d_model == 5 and not layer.weights
    spec = resolve(keras.layers.LSTM(8, return_sequences=True))
    assert forecast_model(spec, lookback=12, horizon=3).output_shape == (None, 3, 1)


def test_masks_reach_those_that_take_them():
    x = keras.Input((4, D))
    mask = keras.Input((4,), dtype="bool")

    def masked(x, mask):
        return x * ops.cast(mask, x.dtype)[:, :, None]

    gru = keras.layers.GRU(D, return_sequences=True, zero_output_for_mask=True)
    for encoder in (masked, gru):
        spec = resolve(encoder)
        memory = spec.encode(spec.layers(), x, mask)
        assert isinstance(memory, Memory) and memory.mask is mask
        model = keras.Model([x, mask], memory.sequence)
        y = ops.convert_to_numpy(
            model([np.ones((1, 4, D)), np.array([[True, True, False, False]])])
        )
        assert y[:, :2].any() and not y[:, 2:].any()
    halved = resolve(keras.layers.AveragePooling1D(2))
    assert halved.encode(halved.layers(), x, mask).mask is None


CELL = """
from __future__ import annotations
from dataclasses import dataclass
from tsmodels.backend import keras
from tsmodels.networks import Network, register

@register("from_a_cell")
@dataclass(frozen=True, kw_only=True)
class FromACell(Network):
    \"\"\"Mine.\"\"\"
    n_layers: int = 1

    def layers(self) -> list[keras.Layer]:
        return [keras.layers.Dense(self.d_model, "relu") for _ in range(self.n_layers)]
"""


def test_a_class_in_a_notebook_cell(monkeypatch, tmp_path):
    cell = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", cell)
    try:
        for _ in range(2):  # the cell may be run again
            exec(CELL, vars(cell))
        with pytest.raises(TypeError, match="FromACell.n_layers must be an int. Got '2'"):
            cell.FromACell(n_layers="2")
        fitted = Forecaster("from_a_cell", **QUICK).set_params(network__d_model=4).fit(SERIES)
        same(pickle.loads(pickle.dumps(fitted)), fitted)
        fitted.save(tmp_path / "model")
        same(tsmodels.load(tmp_path / "model"), fitted)
        fitted.network = resolve("from_a_cell", d_model=4)
        exec(CELL, vars(cell))
        with pytest.raises(TypeError, match="a registered network. Got From.* defined anew: make"):
            fitted.save(tmp_path / "other")
    finally:
        del NETWORKS["from_a_cell"]
    unknown = r"cannot be loaded: import the module that registers its network, 'from_a_cell'\.$"
    with pytest.raises(ValueError, match=unknown):
        tsmodels.load(tmp_path / "model")


def test_sentences_know_the_name_and_the_way_out():
    layer = keras.layers.Conv1D(D, 3, padding="same", name="mine")
    for network, name in ((layer, "mine"), (wide, "wide")):
        sentence = rf"Got '{name}'. If it is, say so: Custom\(encoder=..., causal=True\)"
        with pytest.raises(ValueError, match=sentence):
            LanguageModel(network).fit(["some text"])
    with pytest.raises(ValueError, match="decoder of its own. Got 'mine'"):
        translation_model(resolve(layer), length=3, sizes=(4, 4))
    with pytest.raises(TypeError, match="network must be no Lambda.* Hand the function itself."):
        Forecaster(keras.layers.Lambda(wide), **QUICK).fit(SERIES)
