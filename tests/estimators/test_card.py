"""What a model card says: span of the data, settings, and a backtest where there is one."""

import numpy as np
import pandas as pd
import pytest

from tsmodels import GRU, Forecaster, backtest


@pytest.fixture(scope="module")
def frame():
    days = pd.date_range("2024-01-01", periods=90)
    wave = np.sin(np.arange(90) * 2 * np.pi / 7)
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days[:n], "y": level + wave[:n]})
        for name, n, level in [("a", 90, 5.0), ("b", 60, 9.0)]
    ).reset_index(drop=True)
    frame.loc[[3, 4], "y"] = np.nan
    return frame


@pytest.fixture(scope="module")
def model(frame):
    network = GRU(d_model=4, n_layers=1)
    settings = {"horizon": 3, "lookback": 14, "max_steps": 4, "random_state": 7}
    return Forecaster(network, **settings, learning_rate=0.01).fit(frame)


def test_it_says_what_was_learned_from(model):
    card = model.card()
    assert card.startswith("# gru: 3 steps of y\n")
    assert model.span_["rows"] == 150
    for line in (
        "| series | 2 |",
        "| rows | 150 |",
        "| from | 2024-01-01T00:00:00 |",
        "| to | 2024-03-30T00:00:00 |",
        "| frequency | `D` |",
        "| without a value | 2 rows in 1 series |",
        f"| weights | {sum(w.size for w in model.weights_):,} |",
    ):
        assert line in card.splitlines()


def test_settings_are_those_that_were_changed(model):
    lines = model.card().splitlines()
    assert "| `learning_rate` | `0.01` |" in lines
    assert "| `random_state` | `7` |" in lines
    assert not any(line.startswith("| `batch_size`") for line in lines)


def test_a_backtest_brings_skill_and_coverage(model, frame):
    result = backtest(model, frame, n_windows=2, level=80)
    card = model.card(result)
    assert result.verdict in card
    assert f"| **this forecaster** | {result.scores.loc['yhat', 'mae']:.4f}"[:40] in card
    assert f"| 80 % | {result.intervals.loc[80, 'coverage']:.1%} |" in card
    assert "None was handed over" in model.card() and "None was handed over" not in card


def test_what_is_no_backtest_is_refused(model):
    with pytest.raises(TypeError, match="backtest must be a Backtest or None. Got 'dict'"):
        model.card({"mase": 0.1})


def test_an_export_has_its_card(frame, tmp_path):
    pytest.importorskip("tf2onnx")
    model = Forecaster("nlinear", horizon=3, lookback=14, max_steps=4).fit(frame)
    model.export(tmp_path / "model.onnx")
    model.export(tmp_path / "folder", "saved_model", backtest(model, frame, n_windows=2))
    assert (tmp_path / "model.card.md").read_text("utf-8") == model.card()
    assert "skill" in (tmp_path / "folder" / "card.md").read_text("utf-8")
