"""One thread per test worker, set before any test imports Keras; what is drawn stays the same.

`pytest --hypothesis-profile=random` draws new ones.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile("fixed")

for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if os.environ.get("KERAS_BACKEND") == "jax":  # most of the time there goes into compiling
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    compiled = Path(__file__).parent.parent / ".pytest_cache" / "jax"  # by one worker for all
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiled))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@pytest.fixture(autouse=True)
def same_weights():
    """Weights that a test leaves to chance are the same in every run."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
