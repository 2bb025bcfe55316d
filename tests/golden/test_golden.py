"""Every golden file of the folder, on the active backend: outputs, loss and stored gradients."""

import numpy as np
import pytest
from harness import (
    GRADIENT_TOLERANCE,
    Case,
    differentiated,
    error,
    folder,
    kind_of,
    loss_of,
    registered,
    to_numpy,
)

pytestmark = pytest.mark.backend

KINDS = registered()
FILES = sorted(folder().glob("*.npz"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(path, record_property):
    kind = kind_of(path.stem, KINDS)
    assert kind is not None, f"{path.name} is of no known kind; known are {sorted(KINDS)}"
    case = Case(path)
    forward = KINDS[kind](case)
    given = case.given()
    stored = case.part("grad.")
    fixed = {key: value for key, value in given.items() if key not in stored}

    def differentiable(tensors):
        outputs = forward({**fixed, **tensors})
        return loss_of(outputs, case), outputs

    if stored:
        outputs, slopes = differentiated(differentiable, {key: given[key] for key in stored})
    else:
        outputs = {key: to_numpy(value) for key, value in forward(given).items()}
    wanted = case.part("out.")
    if "loss" in wanted:
        outputs["loss"] = np.sum([(outputs[k] * ct).sum() for k, ct in case.part("ct.").items()])
    errors = {key: error(outputs[key], want) for key, want in wanted.items()}
    record_property(f"golden:{kind}:out", max(errors.values()))
    late = {key: e for key, e in errors.items() if not e <= case.tol}
    assert not late, f"beyond {case.tol:g}: {late}"
    if stored:
        errors = {key: error(slopes[key], want) for key, want in stored.items()}
        record_property(f"golden:{kind}:grad", max(errors.values()))
        late = {key: e for key, e in errors.items() if not e <= GRADIENT_TOLERANCE}
        assert not late, f"gradients beyond {GRADIENT_TOLERANCE:g}: {late}"


def test_there_are_files():
    assert FILES, f"no .npz file in {folder()}"


def test_an_unknown_kind_is_no_known_kind():
    assert kind_of("s6", ["s6_scan"]) is None
    assert kind_of("mamba2_block_x", ["mamba", "mamba2_block", "mamba2"]) == "mamba2_block"


@pytest.mark.parametrize("got", [[1.0, 2.1], [1.0, np.nan], [1.0, np.inf], [1.0]])
def test_error_sees_a_difference(got):
    assert error(np.array(got), np.array([1.0, 2.0])) > 1e-2
