"""Draws the pictures of docs/concepts.md: `uv run python docs/images/draw_concepts.py`."""

from pathlib import Path

import matplotlib
import matplotlib.dates
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tsmodels import Forecaster, datasets

HERE = Path(__file__).parent
SEEN, AHEAD, QUIET, INK = "#2563eb", "#d97706", "#d1d5db", "#1f2430"
LOOKBACK, HORIZON, STEPS = 8, 4, 24
matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "tsmodels", "font.size": 10}


def bars(title, rows, steps=STEPS, cutoff=None):
    """Rows of (label, [(first, last, colour)]) as bars over `steps` steps of time."""
    figure = Figure(figsize=(7.2, 0.5 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, (label, spans) in enumerate(rows):
        axes.text(-0.4, -y, label, ha="right", va="center", color=INK)
        for first, last, colour in spans:
            for step in range(first, last):
                axes.add_patch(Rectangle((step + 0.06, -y - 0.34), 0.88, 0.68, color=colour, lw=0))
    if cutoff is not None:
        axes.plot([cutoff] * 2, [0.5, -len(rows)], color=INK, lw=1, ls=(0, (4, 3)))
        axes.text(cutoff, 0.62, "cutoff", ha="center", va="bottom", color=INK)
    axes.set_xlim(-7.5, steps)
    axes.set_ylim(-len(rows) + 0.4, 1.1 if cutoff is not None else 0.5)
    axes.axis("off")
    save(figure, title)


def save(figure, title):
    figure.savefig(HERE / f"{title}.svg", metadata={"Date": None})


def windows():
    """Windows of one series: each a lookback and the horizon that follows."""
    names = {"window 1": 8, "window 2": 9, "window 3": 10, "last window": 20}
    made = [
        (name, [(at - LOOKBACK, at, SEEN), (at, at + HORIZON, AHEAD)]) for name, at in names.items()
    ]
    made.insert(3, ("...", []))
    bars("windows", [("series", [(0, STEPS, QUIET)]), *made])


def cutoffs():
    """A rolling origin: train on the rows up to a cutoff, test on the horizon after it."""
    splits = [
        (f"split {i + 1}", [(0, at, SEEN), (at, at + HORIZON, AHEAD), (at + HORIZON, STEPS, QUIET)])
        for i, at in enumerate((12, 16, 20))
    ]
    bars("cutoffs", splits)


def covariates():
    """What is known where: the target and covariates of the past, of the future, of ids."""
    cut = 14
    rows = [
        ("target", [(0, cut, SEEN), (cut, cut + 6, AHEAD)]),
        ("past covariate", [(0, cut, SEEN)]),
        ("future covariate", [(0, cut + 6, SEEN)]),
        ("calendar", [(0, cut + 6, SEEN)]),
        ("static covariate", [(0, cut + 6, QUIET)]),
    ]
    bars("covariates", rows, steps=cut + 6, cutoff=cut)


def levels():
    """Two days of taxi passengers in New York, with intervals of 80 and 95 %."""
    taxi = datasets.load("nyc_taxi").iloc[: -14 * 48]
    known, truth = taxi.iloc[:-96], taxi.iloc[-96:]
    model = Forecaster("nlinear", horizon=96, lookback=672, random_state=0)
    forecast = model.fit(known).predict(level=[80, 95])
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(known["ds"].iloc[-96:], known["y"].iloc[-96:], color=INK, lw=1)
    axes.plot(truth["ds"], truth["y"], color=INK, lw=1, ls=":", label="what came")
    for level, shade in ((95, 0.15), (80, 0.25)):
        low, high = forecast[f"yhat-lo-{level}"], forecast[f"yhat-hi-{level}"]
        axes.fill_between(
            forecast["ds"], low, high, color=SEEN, alpha=shade, lw=0, label=f"{level} %"
        )
    axes.plot(forecast["ds"], forecast["yhat"], color=SEEN, lw=1.4, label="yhat")
    axes.axvline(known["ds"].iloc[-1], color=INK, lw=1, ls=(0, (4, 3)))
    figure.legend(ncols=4, loc="outside upper center", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%d %b"))
    axes.xaxis.set_major_locator(matplotlib.dates.DayLocator())
    save(figure, "levels")


if __name__ == "__main__":
    for draw in (windows, cutoffs, covariates, levels):
        draw()
