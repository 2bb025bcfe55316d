"""Golden files: how one is read, run, differentiated and compared.

A kind of file is a loading map: a function that takes a `Case` and returns `forward`.

    def mamba_block(case):
        layer = build(MambaBlock(d_state=case.cfg["d_state"]), case.shape("in.hidden_states"))
        def forward(t):                       # t: tensors under the keys of the file, in.* and w.*
            with loaded(layer, [(layer.D, t["w.D"])]):
                return {"y": layer(t["in.hidden_states"])}
        return forward

`forward` is a function of tensors: gradients with respect to the arrays of the file go through the
loading map, so that a transposed or split weight needs no map back. It returns every `out.*` of its
file (without `out.loss`); what is no number (text, ids) is compared for equality.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tsmodels.backend import keras, ops

HERE = Path(__file__).parent
GRADIENT_TOLERANCE = 1e-4
EAGER = keras.backend.backend() != "jax"  # a graph costs more to make than a few small steps

# Where kinds are registered: each module has a dict KINDS of {kind: loading map}.
MODULES = ("kinds_linear_time", "kinds_attention", "kinds_blocks", "kinds_recurrent", "kinds_text")


def folder() -> Path:
    """The folder of golden files: ours, or the one named by TSMODELS_GOLDEN."""
    return Path(os.environ.get("TSMODELS_GOLDEN") or HERE / "data")


def registered() -> dict[str, Callable]:
    """Every kind of every module; a kind claimed twice is an error."""
    kinds: dict[str, Callable] = {}
    for name in MODULES:
        if (HERE / f"{name}.py").exists():
            for kind, runner in importlib.import_module(name).KINDS.items():
                assert kind not in kinds, f"kind {kind!r} is registered twice"
                kinds[kind] = runner
    return kinds


def kind_of(stem: str, kinds: Iterable[str]) -> str | None:
    """The longest kind that the file name starts with, word by word; None for an unknown kind."""
    fitting = [kind for kind in kinds if f"{stem}_".startswith(f"{kind}_")]
    return max(fitting, key=len, default=None)


class Case:
    """One golden file: `arrays` under their full keys, `cfg` as plain values, tolerance `tol`."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        self.meta: dict[str, Any] = json.loads(str(arrays.pop("meta", "{}")))
        self.name = path.stem
        self.arrays = arrays
        self.cfg = {key[4:]: arrays[key].tolist() for key in arrays if key.startswith("cfg.")}
        self.tol = float(str(self.meta.get("tol", "1e-5")).split()[0])

    def part(self, prefix: str) -> dict[str, np.ndarray]:
        """Arrays whose key starts with `prefix`, under the rest of the key."""
        return {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(prefix)}

    def shape(self, key: str) -> tuple[int, ...]:
        return self.arrays[key].shape

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def given(self) -> dict[str, Any]:
        """Inputs and weights: float32 tensors, everything else as stored."""
        return {
            key: ops.convert_to_tensor(value.astype("float32"))
            if value.dtype.kind == "f"
            else value
            for key, value in self.arrays.items()
            if key.startswith(("in.", "w."))
        }


def build(layer: Any, shape: tuple[int, ...]) -> Any:
    """The layer with its weights made for inputs of `shape`."""
    layer.build(shape)
    return layer


def loaded(layer: Any, values: Iterable[tuple[Any, Any]]) -> keras.StatelessScope:
    """A scope with the weights `values`, pairs (variable, tensor); none may be left out.

    Rates of dropout are weights that inference does not read.
    """
    values = list(values)
    missing = {id(w): w.path for w in layer.weights if w.name != "dropout_rate"}
    for variable, value in values:
        missing.pop(id(variable))
        assert tuple(variable.shape) == tuple(value.shape), (
            f"{variable.path} is {tuple(variable.shape)}, the file gives {tuple(value.shape)}"
        )
    assert not missing, f"no value for {sorted(missing.values())}"
    return keras.StatelessScope(state_mapping=values)


def to_numpy(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else ops.convert_to_numpy(value)


def loss_of(outputs: Mapping[str, Any], case: Case) -> Any:
    """sum over k of <ct.k, out.k>, the scalar whose gradients are stored."""
    cotangents = case.part("ct.")
    return sum(
        ops.sum(outputs[k] * ops.convert_to_tensor(ct.astype("float32")))
        for k, ct in cotangents.items()
    )


def gradients(loss: Callable, at: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """d loss(tensors) / d each tensor, compiled if the backend compiles; absent ones are zero."""
    return differentiated(lambda tensors: (loss(tensors), {}), at)[1]


def differentiated(f: Callable, at: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], ...]:
    """The outputs of f(tensors) -> (loss, outputs), and d loss / d each tensor; as `gradients`."""
    keys, values = list(at), list(at.values())

    def of(*tensors):
        return f(dict(zip(keys, tensors, strict=True)))

    outputs, found = _GRADIENTS[keras.backend.backend()](of, values)
    slopes = {
        key: np.zeros(tuple(v.shape)) if g is None else to_numpy(g)
        for key, v, g in zip(keys, values, found, strict=True)
    }
    return {key: to_numpy(value) for key, value in outputs.items()}, slopes


def _tensorflow(f, values):
    import tensorflow as tf

    @tf.function
    def grads(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss, outputs = f(*tensors)
        none = tf.UnconnectedGradients.ZERO
        return outputs, tape.gradient(loss, tensors, unconnected_gradients=none)

    return grads(*values)


def _jax(f, values):
    import jax

    grads, outputs = jax.jit(jax.grad(f, tuple(range(len(values))), has_aux=True))(*values)
    return outputs, grads


def _torch(f, values):
    import torch

    leaves = [value.detach().clone().requires_grad_(True) for value in values]
    loss, outputs = f(*leaves)
    return outputs, torch.autograd.grad(loss, leaves, allow_unused=True)


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def error(got: Any, want: np.ndarray) -> float:
    """max |got - want| / max(1, max|want|); infinite if shapes, infinities or texts differ."""
    got = to_numpy(got)
    if want.dtype.kind in "USb":
        return 0.0 if np.array_equal(got, want) else np.inf
    if got.shape != want.shape or np.isnan(got).any() != np.isnan(want).any():
        return np.inf
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return np.inf
    got, want = got[finite].astype("float64"), want[finite].astype("float64")
    return float(np.abs(got - want).max(initial=0) / np.abs(want).max(initial=1))


# --- beyond golden files: what tests of layers share ---------------------------------------------


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def compiled(f):
    """f as the backend compiles it."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(f, reduce_retracing=True)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(f)
    return f


def at_once(f):
    """f; compiled on JAX, which compiles every operation by itself where it is called plainly."""
    return f if EAGER else compiled(lambda *given: f(*given))  # anew, whatever f was before


def in_steps(layer, x):
    step = compiled(layer.step)
    state = layer.initial_state(len(x))
    got = []
    for t in range(x.shape[1]):
        y, state = step(ops.convert_to_tensor(x[:, t]), state)
        got.append(to_numpy(y))
    return np.stack(got, axis=1), state


def close(got, want, tol=1e-5):
    got, want = to_numpy(got), to_numpy(want)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=tol * max(1, np.abs(want).max()))


def same_gradients(fast, plain, arrays, tol=1e-4):
    """Values and gradients of both forms, through a fixed random functional of all outputs."""

    def loss(f):
        def of(t):
            flat = keras.tree.flatten(f(**t))
            weights = [normal(*tuple(v.shape), seed=i) for i, v in enumerate(flat)]
            pairs = zip(flat, weights, strict=True)
            total = sum(ops.sum(v * ops.convert_to_tensor(w)) for v, w in pairs)
            return total, {str(i): v for i, v in enumerate(flat)}

        return of

    at = {k: ops.convert_to_tensor(v) for k, v in arrays.items()}
    got, found = differentiated(loss(fast), at)
    want, wanted = differentiated(loss(plain), at)
    assert got.keys() == want.keys()
    for key in got:
        close(got[key], want[key])
    for key in at:
        close(found[key], wanted[key], tol)
