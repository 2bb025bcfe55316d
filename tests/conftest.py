"""One thread per test worker, set before any test imports Keras."""

import os

for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if os.environ.get("KERAS_BACKEND") == "jax":  # most of the time there goes into compiling
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
