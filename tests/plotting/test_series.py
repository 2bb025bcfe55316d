"""What the axes show: the frame's values and labels; no figure stays open."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tsmodels.plotting import error_by_step, plot_backtest, plot_forecast, readable


def series(uid, n=60, start="2024-01-01", tz=None):
    return pd.DataFrame(
        {
            "unique_id": uid,
            "ds": pd.date_range(start, periods=n, freq="h", tz=tz),
            "y": 10 + np.sin(np.arange(n) / 4),
        }
    )


def split(frame, horizon=8):
    held = frame.groupby("unique_id").cumcount(ascending=False) < horizon
    truth = frame[held]
    forecast = truth.rename(columns={"y": "yhat"}).assign(yhat=lambda f: f["yhat"] + 0.5)
    return frame[~held], truth, forecast


def backtest_frame(n_ids=2, n_windows=3, horizon=4):
    frame = pd.concat(series(f"s{k}") for k in range(n_ids))
    rows = []
    for uid, part in frame.groupby("unique_id"):
        y = part["y"].to_numpy()
        for window in range(n_windows):
            cut = 40 + window * horizon
            steps = np.arange(1, horizon + 1)
            rows.append(
                pd.DataFrame(
                    {
                        "unique_id": uid,
                        "ds": part["ds"].to_numpy()[cut + steps],
                        "cutoff": part["ds"].to_numpy()[cut],
                        "step": steps,
                        "y": y[cut + steps],
                        "yhat": y[cut + steps] + 0.1 * steps,
                        "naive": y[cut],
                        "seasonal_naive": y[cut + steps - 24],
                        "drift": y[cut],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def drawn(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def test_lines_are_the_frames_values():
    history, truth, forecast = split(pd.concat([series("a"), series("b")]))
    axes = plot_forecast(history, forecast, ["b"], truth=truth, target="y")
    (ax,) = axes
    assert ax.get_title(loc="left") == "b"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "y")
    np.testing.assert_array_equal(
        drawn(ax, "forecast").get_ydata(), forecast[forecast["unique_id"] == "b"]["yhat"]
    )
    assert len(drawn(ax, "history").get_ydata()) == 32  # four times the forecast
    assert len(drawn(ax, "truth").get_ydata()) == 8


def test_intervals_are_bands():
    history, _, forecast = split(series("a"))
    for level in (80, 95):
        forecast[f"yhat-lo-{level}"] = forecast["yhat"] - level / 100
        forecast[f"yhat-hi-{level}"] = forecast["yhat"] + level / 100
    (ax,) = plot_forecast(history, forecast, n_history=5)
    assert [band.get_label() for band in ax.collections] == ["95 %", "80 %"]
    assert len(drawn(ax, "history").get_ydata()) == 5


def test_three_ids_spread_over_many_and_time_zone_in_the_label():
    frame = pd.concat(series(f"s{k}", tz="Asia/Shanghai") for k in range(9))
    history, _, forecast = split(frame)
    axes = plot_forecast(history, forecast)
    assert [ax.get_title(loc="left") for ax in axes] == ["s0", "s4", "s8"]
    assert axes[0].get_xlabel() == "time (Asia/Shanghai)"
    axes[0].figure.canvas.draw()


@pytest.mark.parametrize("uid", ["$x^", "北京\n一", "<b>&", 7, "a" * 300])
def test_any_id_can_be_drawn(uid, tmp_path):
    history, _, forecast = split(series(uid))
    (ax,) = plot_forecast(history, forecast)
    ax.figure.savefig(tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").stat().st_size > 1000
    assert len(ax.get_title(loc="left")) <= 60 and "\n" not in ax.get_title(loc="left")


def test_own_axes_and_no_pyplot_figures():
    import matplotlib.pyplot as plt

    history, _, forecast = split(series("a"))
    own = Figure().subplots()
    assert plot_forecast(history, forecast, axes=own)[0] is own
    plot_forecast(history, forecast)
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="axes must be 3 matplotlib axes. Got 1"):
        plot_backtest(backtest_frame(), axes=own)


def test_unknown_id_is_refused():
    history, _, forecast = split(series("load"))
    with pytest.raises(ValueError, match="ids must be ids of the forecast.*Did you mean 'load'"):
        plot_forecast(history, forecast, ["lod"])


def test_backtest_axes():
    frame = backtest_frame()
    axes = plot_backtest(frame, ["s1"], label="MWh")
    assert [ax.get_ylabel() for ax in axes] == ["MWh", "MAE / naive MAE"]
    assert [ax.get_title(loc="left") for ax in axes] == ["s1", "Error by step"]
    assert sum(line.get_color() == "#2563eb" for line in axes[0].get_lines()) == 3
    labels = [line.get_label() for line in axes[1].get_lines()]
    assert labels == ["forecast", "naive", "seasonal naive", "drift"]
    axes[0].figure.canvas.draw()


def test_backtest_draws_intervals_of_every_window_and_names_them_once():
    frame = backtest_frame()
    frame = frame.assign(**{"yhat-lo-80": frame.yhat - 1, "yhat-hi-80": frame.yhat + 1})
    axes = plot_backtest(frame, ["s1"])
    bands = axes[0].collections
    assert len(bands) == 3
    named = [band.get_label() for band in bands if not band.get_label().startswith("_")]
    assert named == ["80 %"]


def test_error_by_step_weighs_ids_alike_and_drops_those_without_scale():
    frame = backtest_frame()
    table = error_by_step(frame)
    loud = frame.copy()
    big = loud["unique_id"] == "s1"
    loud.loc[big, ["y", "yhat", "naive", "seasonal_naive", "drift"]] *= 1000
    pd.testing.assert_frame_equal(error_by_step(loud), table)
    assert table["naive"].mean() == pytest.approx(1.0)
    flat = frame.assign(unique_id="flat", naive=frame["y"], yhat=frame["y"] + 9)
    pd.testing.assert_frame_equal(error_by_step(pd.concat([frame, flat])), table)


def test_readable():
    assert readable("a\x00\tb🚀") == "a\\x00\\tb🚀"
