"""Small charts as inline SVG: drawn for a card 360 units wide, coloured by the page's CSS classes.

By hand rather than through matplotlib, because such a chart follows the reader's light or dark
theme, keeps its text as text, and weighs 3 KB rather than 30.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 200
RIGHT, TOP, BOTTOM = 12, 10, 26
ROUND = (0.5, 1, 2, 5, 10)
LETTER = 6.3  # width of a figure of the labels


@dataclass(frozen=True)
class Line:
    """x and y (n,) of one line; `style` is its CSS class. NaN breaks the line."""

    style: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Band:
    """The area between low and high (n,) over x."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class _Frame:
    """Data coordinates to SVG coordinates."""

    x_span: tuple[float, float]
    y_span: tuple[float, float]

    @property
    def labels(self) -> list[str]:
        return labels(ticks(*self.y_span))

    @property
    def left(self) -> float:
        """Room for the longest label of y."""
        return 14 + LETTER * max(map(len, self.labels), default=0)

    def x(self, value):
        low, high = self.x_span
        width = WIDTH - self.left - RIGHT
        return self.left + (np.asarray(value, float) - low) / (high - low) * width

    def y(self, value):
        low, high = self.y_span
        return (
            HEIGHT
            - BOTTOM
            - (np.asarray(value, float) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        )


def line_chart(
    lines: Sequence[Line],
    *,
    name: str,
    bands: Sequence[Band] = (),
    x_labels: Sequence[tuple[float, str]] | None = None,
    mark: float | None = None,
    from_zero: bool = False,
) -> str:
    """Lines over a common x; `x_labels` are (position, text), `mark` a dotted upright line.

    >>> line_chart([Line("f", np.arange(3), np.arange(3))], name="up").startswith("<svg")
    True
    """
    xs = np.concatenate([line.x for line in lines])
    ys = np.concatenate([line.y for line in lines] + [e for b in bands for e in (b.low, b.high)])
    frame = _Frame(_span(xs), _span(ys, from_zero=from_zero, room=0.06))
    parts = [_y_axis(frame)]
    parts.append(_x_axis(frame, x_labels or [(t, number(t)) for t in ticks(*_span(xs), 5)]))
    if mark is not None:
        parts.append(_rule(frame.x(mark), TOP, frame.x(mark), HEIGHT - BOTTOM, "mark"))
    parts += [f'<path class="band" d="{_area(frame, band)}"/>' for band in bands]
    parts += [f'<path class="{line.style}" d="{_path(frame, line)}"/>' for line in lines]
    return _svg(parts, name)


def histogram(values: np.ndarray, *, name: str, mark: float | None = None, bins: int = 24) -> str:
    """How many of the values lie where; the last bar gathers everything above 20 medians.

    >>> "rect" in histogram(np.arange(50.0), name="spread")
    True
    """
    shown = np.minimum(values, 20 * max(float(np.median(values)), 1e-12))
    low, high = _span(np.append(shown, mark if mark is not None else shown[0]), from_zero=True)
    counts, edges = np.histogram(shown, bins=bins, range=(low, high))
    frame = _Frame((low, high), (0.0, counts.max() * 1.06))
    parts = [_y_axis(frame, whole=True), _x_axis(frame, [(t, number(t)) for t in ticks(low, high)])]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            x, top = frame.x(left), frame.y(count)
            size = f'width="{max(frame.x(right) - x - 1, 1):.1f}" height="{frame.y(0) - top:.1f}"'
            parts.append(f'<rect class="bar yhat" x="{x:.1f}" y="{top:.1f}" {size}/>')
    if mark is not None:
        parts.append(_rule(frame.x(mark), TOP, frame.x(mark), HEIGHT - BOTTOM, "mark"))
    return _svg(parts, name)


def bars(rows: Sequence[tuple[str, float, str]], *, name: str) -> str:
    """Horizontal bars from (label, value, CSS class), each with its value in figures.

    >>> "naive" in bars([("naive", 2.0, "n")], name="errors")
    True
    """
    top = max(value for _, value, _ in rows) or 1.0
    pitch = (HEIGHT - 16) / len(rows)
    parts = []
    for i, (label, value, style) in enumerate(rows):
        y = 8 + i * pitch
        width = max(value / top * (WIDTH - 70), 1)
        height = min(pitch - 22, 22)
        parts.append(f'<text x="4" y="{y + 11:.1f}">{escape(label)}</text>')
        parts.append(
            f'<rect class="bar {style}" x="4" y="{y + 16:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}"/>'
        )
        parts.append(
            f'<text class="value" x="{width + 10:.1f}" y="{y + 20 + height / 2:.1f}">'
            f"{number(value)}</text>"
        )
    return _svg(parts, name)


def number(value: float) -> str:
    """Three figures, thousands separated.

    >>> number(0.41342), number(18345.2), number(2e9), number(0)
    ('0.413', '18,345', '2e+09', '0')
    """
    if not math.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        places = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3g}"


def labels(values: Sequence[float]) -> list[str]:
    """Short, distinct texts for equally spaced numbers: one unit, as many places as the step needs.

    >>> labels([80000.0, 100000.0, 120000.0]), labels([0.0, 0.5]), labels([-2e6, 0.0])
    (['80k', '100k', '120k'], ['0', '0.5'], ['-2M', '0'])
    """
    size = max(map(abs, values), default=0.0)
    if len(values) < 2 or size >= 1e13 or size < 1e-4:
        return [number(value) for value in values]
    scales = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]
    unit, letter = next(s for s in scales if size >= 10 * s[0] or s[0] == 1 or _multiple(values, s))
    places = max(0, -math.floor(math.log10((values[1] - values[0]) / unit) + 1e-9))
    return [f"{v / unit:,.{places}f}{letter}" if v else "0" for v in values]


def _multiple(values: Sequence[float], scale: tuple[float, str]) -> bool:
    return max(map(abs, values)) >= scale[0] > 1e3 and all(v % (scale[0] / 2) == 0 for v in values)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) between low and high, two of them or more.

    >>> ticks(0, 10), ticks(15, 99)
    ([0.0, 5.0, 10.0], [20.0, 40.0, 60.0, 80.0])
    """
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    k = next(k for k, m in enumerate(ROUND) if m * power >= rough * 0.999)
    found = _multiples(low, high, ROUND[k] * power)
    return found if len(found) > 1 else _multiples(low, high, ROUND[k - 1] * power)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def _span(values, *, from_zero: bool = False, room: float = 0.0) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if from_zero:
        low = min(low, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        pad = abs(high) * 0.1 or 1.0
        return low - (0.0 if from_zero and low == 0 else pad), high + pad
    margin = (high - low) * room
    return low - (0.0 if from_zero and low == 0 else margin), high + margin


def _path(frame: _Frame, line: Line) -> str:
    drawn, pen_down = [], False
    for x, y in zip(frame.x(line.x), frame.y(line.y), strict=True):
        if not math.isfinite(y):
            pen_down = False
            continue
        drawn.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    if len(drawn) == 1:
        drawn.append("h1")  # one point is a dot
    return "".join(drawn)


def _area(frame: _Frame, band: Band) -> str:
    x = np.concatenate([band.x, band.x[::-1]])
    y = np.concatenate([band.high, band.low[::-1]])
    return _path(frame, Line("", x, y)) + "Z"


def _y_axis(frame: _Frame, whole: bool = False) -> str:
    parts = []
    for tick, text in zip(ticks(*frame.y_span), frame.labels, strict=True):
        if whole and tick != round(tick):
            continue
        y = frame.y(tick)
        parts.append(_rule(frame.left, y, WIDTH - RIGHT, y, "grid"))
        parts.append(f'<text class="y" x="{frame.left - 6:.1f}" y="{y + 3.5:.1f}">{text}</text>')
    return "".join(parts)


def _x_axis(frame: _Frame, labels) -> str:
    parts = []
    for position, text in labels:
        x = float(frame.x(position))
        side = "start" if x < frame.left + 30 else "end" if x > WIDTH - RIGHT - 30 else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 9}" text-anchor="{side}">{escape(text)}</text>'
        )
    return "".join(parts)


def _rule(x1, y1, x2, y2, style: str) -> str:
    return f'<path class="{style}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _svg(parts: Sequence[str], name: str) -> str:
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}"'
    return f"<svg {view}>{''.join(parts)}</svg>"
