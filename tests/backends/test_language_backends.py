"""A language model and a translator saved on TensorFlow, on whichever backend runs the tests."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tsmodels

sys.path.insert(0, str(Path(__file__).parent))
import record_language as record  # noqa: E402

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("name", ["writer", "translator"])
def test_a_file_saved_on_tensorflow_writes_and_translates_alike(name):
    pytest.importorskip("tokenizers")
    expected = json.loads((record.DATA / "language.json").read_text(encoding="utf-8"))[name]
    found = record.answers(tsmodels.load(record.DATA / f"{name}.tsmodels"))
    assert_allclose(found["numbers"], expected["numbers"], rtol=1e-4, atol=1e-4)
    assert np.ptp(expected["numbers"]) > 0.1  # so that 1e-4 means something
    assert found["texts"] == expected["texts"] and len(set(expected["texts"])) > 1
