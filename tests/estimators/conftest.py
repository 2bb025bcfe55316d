"""Small series with a known pattern, and a quick forecaster fitted once."""

import numpy as np
import pandas as pd
import pytest

from tsmodels import Forecaster


def series(n, seed=0, level=10.0):
    noise = np.random.default_rng(seed).standard_normal(n)
    return level + np.sin(np.arange(n) * 2 * np.pi / 24) + 0.1 * noise


@pytest.fixture(scope="session")
def frame():
    """Four ids: long, shorter, just enough, and too short for the network."""
    sizes = {"b": (300, 10.0), "a": (200, -50.0), "短": (60, 1.0), "d": (20, 3.0)}
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-03-01", periods=n, freq="h"),
                "y": series(n, seed, level),
            }
        )
        for seed, (name, (n, level)) in enumerate(sizes.items())
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def quick():
    """Settings that train in about a second."""
    return {
        "horizon": 6,
        "lookback": 24,
        "max_steps": 40,
        "batch_size": 64,
        "learning_rate": 0.02,
        "random_state": 0,
    }


@pytest.fixture(scope="session")
def fitted(frame, quick):
    return Forecaster("nlinear", **quick).fit(frame)
