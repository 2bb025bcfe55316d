"""What the axes of a search show: its values, its parameters, its failures."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tsmodels import Choice, Int, Real, minimize
from tsmodels.plotting import (
    importance,
    plot_convergence,
    plot_importance,
    plot_parallel,
    plot_slices,
)

SPACE = {
    "rate": Real(1e-5, 1e-1, log=True),
    "n": Int(1, 9),
    "kind": Choice(["a", "$b$", "é"]),
    "depth": Int(1, 3, active_if={"kind": "a"}),
}


@pytest.fixture(scope="module")
def found():
    def fun(p):
        if p["n"] == 9:
            raise RuntimeError
        return abs(np.log10(p["rate"]) + 3) + 0.2 * (p["kind"] != "a")

    return minimize(fun, SPACE, n_iter=40, random_state=0, engine="random")


def as_cv_results(found):
    scores = [-entry["fun"] for entry in found.history]
    params = [entry["x"] for entry in found.history]
    return {"params": params, "mean_test_score": np.array(scores)}


def test_convergence_is_the_running_best(found):
    (ax,) = plot_convergence(found)
    best, every, failed = ax.get_lines()
    values = np.array([entry["fun"] for entry in found.history])
    np.testing.assert_array_equal(best.get_ydata(), np.minimum.accumulate(values))
    finite = np.isfinite(values)
    np.testing.assert_array_equal(np.isfinite(every.get_ydata()), finite)
    np.testing.assert_array_equal(failed.get_xdata(), np.flatnonzero(~finite) + 1)
    (up,) = plot_convergence(as_cv_results(found))
    assert up.get_ylabel() == "score" and up.get_lines()[0].get_ydata()[-1] == -values.min()


def test_importance_finds_what_matters(found):
    shares = importance(found)
    assert shares.index[0] == "rate" and shares["rate"] > 0.6
    assert shares.sum() == pytest.approx(1.0)
    names = [text.get_text() for text in plot_importance(found)[0].get_yticklabels()]
    assert names == shares.index[::-1].tolist()


def test_parallel_draws_every_configuration_and_the_best_last(found):
    (ax,) = plot_parallel(found)
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) == len(SPACE)]
    values = [entry["fun"] for entry in found.history]
    assert len(lines) == len(values)
    assert lines[-1].get_color() == "#d97706"
    best = found.history[int(np.argmin(values))]["x"]
    expected = (np.log(best["rate"]) - np.log(min(e["x"]["rate"] for e in found.history))) / (
        np.ptp([np.log(e["x"]["rate"]) for e in found.history])
    )
    assert lines[-1].get_ydata()[0] == pytest.approx(expected)
    depths = np.array([line.get_ydata()[3] for line in lines])
    assert (depths < 0).sum() == sum("depth" not in e["x"] for e in found.history)


def test_slices_show_a_parameter_each_on_its_scale(found):
    axes = plot_slices(found)
    assert [ax.get_xlabel() for ax in axes] == list(SPACE)
    assert [ax.get_xscale() for ax in axes] == ["log", "linear", "linear", "linear"]
    labels = [text.get_text() for text in axes[2].get_xticklabels()]
    assert labels == sorted(["a", "$b$", "é"])
    finite = [e for e in found.history if np.isfinite(e["fun"])]
    assert len(axes[0].collections[0].get_offsets()) == len(finite)
    assert len(axes[3].collections[0].get_offsets()) == sum("depth" in e["x"] for e in finite)


@pytest.mark.parametrize("plot", [plot_convergence, plot_importance, plot_parallel, plot_slices])
def test_they_can_be_drawn(found, plot, tmp_path):
    plot(found)[0].figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_own_axes_and_refusals(found):
    own = Figure().subplots()
    assert plot_parallel(found, axes=own)[0] is own
    with pytest.raises(ValueError, match="axes must be 4 matplotlib axes. Got 1"):
        plot_slices(found, axes=own)
    with pytest.raises(TypeError, match="found must be a fitted search"):
        plot_convergence(3)
    with pytest.raises(ValueError, match="at least one value"):
        plot_convergence({"params": [{"a": 1}], "mean_test_score": [np.nan]})
