"""Charts are well-formed SVG inside their frame."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tsmodels.jobs.charts import (
    HEIGHT,
    WIDTH,
    Band,
    Line,
    bars,
    histogram,
    labels,
    line_chart,
    ticks,
)


def coordinates(svg, style):
    """(n, 2) points of the paths with a CSS class."""
    ElementTree.fromstring(svg)
    paths = re.findall(rf'<path class="{style}" d="([^"]+)"', svg)
    return np.array(
        [[float(v) for v in p.split()] for p in re.findall(r"[ML]([^MLZh]+)", paths[0])]
    )


@pytest.mark.parametrize("scale, shift", [(1, 0), (1e9, -4e8), (1e-7, 0), (1, 1e6)])
def test_lines_stay_inside_and_keep_their_shape(scale, shift):
    y = np.sin(np.arange(30)) * scale + shift
    x = np.arange(30) * 3600.0 + 1.7e9
    band = Band(x, y - scale, y + scale)
    svg = line_chart([Line("yhat", x, y)], bands=[band], name="a & b", mark=x[3])
    points = coordinates(svg, "yhat")
    assert len(points) == 30
    assert (points >= 0).all() and (points <= [WIDTH, HEIGHT]).all()
    expected = -(y - y.mean())
    assert np.corrcoef(points[:, 1], expected)[0, 1] > 0.999
    assert 'aria-label="a &amp; b"' in svg


def test_missing_values_break_the_line_and_one_point_is_seen():
    y = np.array([1.0, np.nan, 2.0, 3.0])
    svg = line_chart([Line("history", np.arange(4.0), y)], name="gap")
    path = re.search(r'class="history" d="([^"]+)"', svg)[1]
    assert path.count("M") == 2 and path.count("L") == 1
    svg = line_chart([Line("history", np.zeros(1), np.ones(1))], name="dot")
    assert re.search(r'class="history" d="M[^"]+h1"', svg)


def test_constant_and_unknown_lines():
    for y in (np.full(5, 7.0), np.zeros(5), np.full(5, np.nan)):
        svg = line_chart([Line("history", np.arange(5.0), y)], name="flat", from_zero=True)
        ElementTree.fromstring(svg)
        assert "nan" not in svg


def test_histogram_counts_every_value():
    values = np.array([0.5] * 3 + [0.9] * 5 + [4.0, 1e9])
    svg = histogram(values, name="h", mark=1.0, bins=10)
    ElementTree.fromstring(svg)
    heights = [float(h) for h in re.findall(r'class="bar yhat".*?height="([\d.]+)"', svg)]
    unit = min(heights)
    assert sum(round(h / unit) for h in heights) == len(values)


def test_bars_are_to_scale():
    svg = bars([("a<b", 2.0, "yhat"), ("c", 4.0, "naive"), ("zero", 0.0, "drift")], name="bars")
    ElementTree.fromstring(svg)
    widths = [float(w) for w in re.findall(r'width="([\d.]+)"', svg)]
    assert widths[1] == pytest.approx(2 * widths[0]) and widths[2] == 1
    assert "a&lt;b" in svg


@pytest.mark.parametrize(
    "low, high", [(0, 1), (-3, 17), (1e-9, 3e-9), (1e12, 1.1e12), (0.97, 1.02), (15, 99)]
)
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert min(found) >= low - 1e-9 * abs(low) and max(found) <= high + 1e-9 * abs(high)
    assert np.allclose(np.diff(found), found[1] - found[0])


@pytest.mark.parametrize(
    "values, expected",
    [
        ([8e4, 1e5, 1.2e5], ["80k", "100k", "120k"]),
        ([0.0, 1e6, 2e6], ["0", "1M", "2M"]),
        ([4000.0, 6000.0], ["4,000", "6,000"]),
        ([1e6, 1e6 + 5.0], ["1,000.000k", "1,000.005k"]),
        ([-0.2, 0.0, 0.2], ["-0.2", "0", "0.2"]),
        ([0.01, 0.015], ["0.010", "0.015"]),
    ],
)
def test_labels_are_short_and_distinct(values, expected):
    assert labels(values) == expected
