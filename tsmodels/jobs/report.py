"""`report.html`: one self-contained page, readable in a minute by someone who was not there.

No scripts, no fonts, no requests; charts are inline SVG in the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from tsmodels.jobs.charts import Band, Line, bars, histogram, line_chart, number
from tsmodels.jobs.phrases import LANGUAGES
from tsmodels.plotting import COLOURS, error_by_step, readable

SIGNIFICANT = 0.05
NAIVE = ("naive", "seasonal_naive", "drift")


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a report tells. `scored` has y, yhat and the naive forecasts for every known moment.

    history: unique_id, ds, y; forecast: unique_id, ds, yhat, ...; scores: unique_id, mase, ... of
    yhat; mase: mean MASE by model over the series that have one; failed: unique_id, reason.
    """

    kind: str
    label: str
    network: str
    steps: int
    history: pd.DataFrame
    forecast: pd.DataFrame
    failed: pd.DataFrame
    facts: Mapping[str, Any]
    windows: int = 1
    scored: pd.DataFrame | None = None
    scores: pd.DataFrame | None = None
    mase: Mapping[str, float] = field(default_factory=dict)
    owa: float | None = None
    lag_copy: int = 0
    worth: tuple[float, float] | None = None  # of headlines: by how much they lessened errors; p
    language: str = "en"

    @property
    def best_naive(self) -> str:
        return min((name for name in NAIVE if name in self.mase), key=lambda name: self.mase[name])

    @property
    def skill(self) -> float:
        """1 - MASE over that of the best simple forecast: 0.3 is 30 % less error."""
        naive = self.mase[self.best_naive]
        return 1 - self.mase["yhat"] / naive if naive > 0 else float("nan")


def render(story: Story) -> str:
    """The page as text; lone surrogates of an id become escapes, so that it is valid UTF-8."""
    words = LANGUAGES[story.language]
    n_series = story.history["unique_id"].nunique()
    title = words[story.kind].format(
        steps=story.steps, series=f"{n_series:,}", windows=story.windows
    )
    sections = [
        f"<header><h1>{escape(title)}</h1><p class=lead>{_summary(story, words, n_series)}</p>"
        f"{_tiles(story, words, n_series)}</header>",
        _failures(story, words),
        _series(story, words),
        _errors(story, words),
        _facts(story, words),
    ]
    page = (
        f'<!doctype html><html lang="{words["lang"]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _summary(story: Story, words, n_series: int) -> str:
    span = story.history["ds"]
    method = "method" if story.kind == "forecast" else "method_backtest"
    sentences = [
        words["read"].format(
            rows=f"{len(story.history):,}",
            label=story.label,
            first=_told(span.min(), words),
            last=_told(span.max(), words),
        ),
        words[method].format(network=story.network, steps=story.steps, windows=story.windows),
        skill_in_words(story, story.language),
        _answered(story, words, n_series),
    ]
    text = words["separator"].join(sentence for sentence in sentences if sentence)
    return escape(text.replace(" %", "\u00a0%"))  # no line ends before a percent sign


def skill_in_words(story: Story, language: str = "en") -> str:
    """How the forecast compares with the best simple one, and whether it repeats the past."""
    words = LANGUAGES[language]
    if not story.mase:
        return words["no_truth" if story.scored is None else "no_scale"]
    name, skill = words[story.best_naive], story.skill
    if not np.isfinite(skill) or abs(skill) < 0.005:
        sentence = words["same"].format(naive=name)
    else:
        key = "better" if skill > 0 else "worse"
        sentence = words[key].format(percent=_percent(skill), naive=name)
    if story.lag_copy:
        sentence += words["separator"] + words["lag_copy"].format(count=story.lag_copy)
    if story.worth is not None:
        sentence += words["separator"] + _worth_in_words(*story.worth, words)
    return sentence


def _worth_in_words(gain: float, p: float, words) -> str:
    if not p < SIGNIFICANT:
        return words["headlines_nothing"].format(percent=_percent(gain))
    key = "headlines_gain" if gain > 0 else "headlines_loss"
    return words[key].format(percent=_percent(gain))


def _answered(story: Story, words, n_series: int) -> str:
    sentence = words["all_answered"]
    if len(story.failed):
        sentence = words["some_failed"].format(count=len(story.failed), series=n_series)
    short = _fallback_count(story.forecast)
    if short:
        sentence += words["separator"] + words["fallback"].format(count=short)
    return sentence


def _fallback_count(forecast) -> int:
    if "fallback" not in forecast:
        return 0
    return int(forecast.loc[forecast["fallback"].astype(bool), "unique_id"].nunique())


def _tiles(story: Story, words, n_series: int) -> str:
    tiles = [(f"{n_series:,}", "series"), (f"{story.steps:,}", "steps")]
    if story.mase:
        tiles.append((number(story.mase["yhat"]), "mase"))
        if story.skill > 0.005:
            tiles.append((_percent(story.skill), "skill"))
    if story.owa is not None:
        tiles.append((number(story.owa), "owa"))
    if len(story.failed):
        tiles.append((f"{len(story.failed):,}", "failed"))
    items = [
        f"<div><strong>{escape(value)}</strong><span>{escape(words[f'tile_{key}'])}</span></div>"
        for value, key in tiles
    ]
    return f"<div class=tiles>{''.join(items)}</div>"


def _series(story: Story, words) -> str:
    if not len(story.forecast):
        return ""
    known = "truth" if story.scored is not None else "only"
    names = ["history", "truth", "yhat"] if known == "truth" else ["history", "yhat"]
    figures = [_series_chart(story, words, uid, rank) for uid, rank in _sample(story)]
    return _section(
        words[f"series_{known}"], words[f"series_{known}_note"], _legend(names, words), figures
    )


def _sample(story: Story) -> list[tuple[Any, str]]:
    """Ids to draw with their rank: best, median, worst by MASE, else six spread over the file."""
    if story.scores is not None:
        ranked = story.scores[np.isfinite(story.scores["mase"])].sort_values("mase", kind="stable")
        if len(ranked) >= 3:
            ids = ranked["unique_id"].tolist()
            return [(ids[0], "best"), (ids[(len(ids) - 1) // 2], "median"), (ids[-1], "worst")]
    ids = story.forecast["unique_id"].unique().tolist()
    places = np.unique(np.linspace(0, len(ids) - 1, min(6, len(ids))).round().astype(int))
    return [(ids[k], "") for k in places]


def _series_chart(story: Story, words, uid, rank: str) -> str:
    ahead = _of(story.forecast, uid)
    first = ahead["ds"].iloc[0]
    before = _of(story.history, uid)
    before = before[before["ds"] < first].tail(max(3 * story.steps, 24))
    x = _axis(ahead["ds"])
    lines = [Line("history", _axis(before["ds"]), _values(before["y"]))]
    if story.scored is not None:
        truth = _of(story.scored, uid)
        truth = truth[truth["ds"] >= first].drop_duplicates("ds")
        lines.append(Line("truth", _axis(truth["ds"]), _values(truth["y"])))
    lines.append(Line("yhat", x, _values(ahead["yhat"])))
    bands = [
        Band(x, _values(ahead[low]), _values(ahead[low.replace("-lo-", "-hi-")]))
        for low in ahead
        if low.startswith("yhat-lo-")
    ]
    name = readable(uid)
    chart = line_chart(
        lines,
        bands=bands,
        name=name,
        x_labels=_ends(pd.concat([before["ds"], ahead["ds"]])),
        mark=float(lines[0].x[-1]) if len(before) else None,
    )
    note = [story.label, _rank(story, words, uid, rank)]
    return _figure(name, " · ".join(part for part in note if part), chart)


def _rank(story: Story, words, uid, rank: str) -> str:
    if not rank or story.scores is None:
        return ""
    mase = story.scores.loc[story.scores["unique_id"] == uid, "mase"].iloc[0]
    return f"{words[rank]} · MASE {number(float(mase))}"


def _errors(story: Story, words) -> str:
    if story.scored is None or story.scores is None:
        return ""
    figures = []
    table = error_by_step(story.scored)
    legend = _legend(list(table), words)
    if len(table) > 1:
        lines = [Line(name, table.index.to_numpy(float), table[name].to_numpy()) for name in table][
            ::-1
        ]
        chart = line_chart(lines, name=words["by_step"], from_zero=True)
        figures.append(_figure(words["by_step"], words["by_step_note"], chart))
    mase = story.scores["mase"].to_numpy(float)
    finite = mase[np.isfinite(mase)]
    if len(finite) >= 5:
        chart = histogram(finite, name=words["by_series"], mark=1.0)
        figures.append(_figure(words["by_series"], words["by_series_note"], chart))
    if story.mase:
        rows = [(words[name], value, name) for name, value in story.mase.items()]
        note = words["against_note"].format(count=f"{len(finite):,}")
        if len(finite) < len(mase):
            note += words["separator"] + words["unscaled"].format(count=len(mase) - len(finite))
        figures.append(_figure(words["against"], note, bars(rows, name=words["against"])))
    return _section(words["errors"], "", legend, figures) + _worst(story, words)


def _worst(story: Story, words) -> str:
    assert story.scores is not None
    if len(story.scores) < 3:
        return ""
    columns = [name for name in ("mase", "smape", "mae", "rmse") if name in story.scores]
    known = story.scores[np.isfinite(story.scores["mase"])]
    rows = known.sort_values("mase", ascending=False, kind="stable").head(10)
    names = {"mase": "MASE", "smape": "sMAPE", "mae": "MAE", "rmse": "RMSE"}
    body = [
        [readable(row["unique_id"]), *(number(float(row[name])) for name in columns)]
        for row in rows.to_dict("records")
    ]
    table = _table([words["id"], *(names[name] for name in columns)], body, "numbers")
    return f"<section><details><summary>{words['worst_table']}</summary>{table}</details></section>"


def _failures(story: Story, words) -> str:
    if not len(story.failed):
        return ""
    shown = story.failed.head(20)
    rows = [
        [readable(uid), words.get(reason, str(reason))]
        for uid, reason in zip(shown["unique_id"], shown["reason"], strict=True)
    ]
    rest = len(story.failed) - len(shown)
    more = f"<p class=note>{words['more'].format(count=f'{rest:,}')}</p>" if rest else ""
    table = _table([words["id"], words["reason"]], rows)
    return f"<section class=failed><h2>{words['failures']}</h2>{table}{more}</section>"


def _facts(story: Story, words) -> str:
    rows = [[name, _shown(value)] for name, value in _flat(story.facts)]
    table = _table([words["setting"], words["value"]], rows)
    made = words["made"].format(
        version=story.facts.get("versions", {}).get("tsmodels", ""),
        when=story.facts.get("created", ""),
        job=story.facts.get("job", ""),
    )
    return (
        f"<section><details><summary>{words['settings']}</summary>{table}</details></section>"
        f"<footer>{escape(made)}</footer>"
    )


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as dotted names."""
    rows: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, value))
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return readable(value) if isinstance(value, str) and len(value) < 60 else str(value)


def _section(title: str, note: str, legend: str, figures: Sequence[str]) -> str:
    note = f"<p class=note>{escape(note)}</p>" if note else ""
    grid = f"<div class=cards>{''.join(figures)}</div>"
    return f"<section><h2>{escape(title)}</h2>{note}{legend}{grid}</section>"


def _figure(title: str, note: str, chart: str) -> str:
    note = f"<p>{escape(note)}</p>" if note else ""
    return f"<figure><figcaption><h3>{escape(title)}</h3>{note}</figcaption>{chart}</figure>"


def _legend(names: Sequence[str], words) -> str:
    items = [f"<li><i class={name}></i>{escape(words[name])}</li>" for name in names]
    return f"<ul class=legend>{''.join(items)}</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "plain") -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table class={style}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div class=table>{table}</div>"


def _of(frame, uid):
    return frame[frame["unique_id"] == uid].sort_values("ds", kind="stable")


def _values(column) -> np.ndarray:
    return column.to_numpy(dtype=float, na_value=np.nan)


def _axis(times) -> np.ndarray:
    """Times as floats: seconds for stamps, themselves for integers."""
    if pd.api.types.is_datetime64_any_dtype(times.dtype):
        if times.dt.tz is not None:
            times = times.dt.tz_convert("UTC").dt.tz_localize(None)
        return times.to_numpy("datetime64[ms]").astype(np.int64) / 1e3
    return times.to_numpy(float)


def _moment(value: Any) -> str:
    """A moment as a reader writes it: no seconds, and no time of day at midnight."""
    if not isinstance(value, pd.Timestamp):
        return str(value)
    if value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return f"{value:%Y-%m-%d %H:%M}"


def _told(value: Any, words) -> str:
    """A moment inside a sentence: a bare number says what it counts."""
    return (
        _moment(value) if isinstance(value, pd.Timestamp) else words["moment"].format(number=value)
    )


def _ends(times) -> list[tuple[float, str]]:
    """Position and text of the first and the last moment."""
    ends = times.iloc[[0, -1]]
    return [(float(x), _moment(t)) for x, t in zip(_axis(ends), ends, strict=True)]


def _percent(share: float) -> str:
    size = abs(share) * 100
    return f"{size:.0f} %" if size >= 1 else f"{size:.1f} %"


_LINES = "".join(f".{name}{{--line:{colour}}}" for name, colour in COLOURS.items())
_CSS = (
    """
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1f2430;--muted:#667085;
--line-soft:#e7e8ec;--past:#98a2b3;--alarm:#b42318;--alarm-paper:#fef3f2}
@media(prefers-color-scheme:dark){:root{--paper:#14161b;--card:#1c1f26;--ink:#e8eaee;--muted:#9aa3b2;
--line-soft:#2d323c;--past:#6b7486;--alarm:#fda29b;--alarm-paper:#2b1917}
.yhat{--line:#6ea8fe}.naive{--line:#f0a44b}.seasonal_naive{--line:#3ecf9a}.drift{--line:#c08bf5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,
"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","PingFang SC","Hiragino Sans GB","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:40px 20px 32px}
h1{font-size:clamp(1.5rem,4.6vw,2.2rem);line-height:1.2;letter-spacing:-.015em;margin:0 0 .6rem;
text-wrap:balance}
h2{font-size:1.2rem;margin:0 0 .25rem;letter-spacing:-.005em}
h3{font-size:.95rem;margin:0;font-weight:600;overflow-wrap:anywhere}
.lead{font-size:1.06rem;max-width:68ch;margin:0 0 1.4rem}
.note,figcaption p{color:var(--muted);font-size:.88rem;margin:.1rem 0 .7rem;max-width:72ch}
figcaption p{margin:0}
section{margin-top:2.4rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(140px,1fr));gap:12px}
.tiles div,figure{background:var(--card);border:1px solid var(--line-soft);border-radius:10px}
.tiles div{padding:12px 16px}
.tiles strong{display:block;font-size:1.6rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tiles span{color:var(--muted);font-size:.85rem;line-height:1.3;display:block}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr));gap:14px}
figure{margin:0;padding:14px 14px 10px;display:flex;flex-direction:column;min-width:0}
figcaption{margin-bottom:8px}
svg{display:block;width:100%;height:auto;margin:auto 0 0}
svg text{font-size:11px;fill:var(--muted);font-family:inherit;font-variant-numeric:tabular-nums}
svg text.y{text-anchor:end}
svg text.value{fill:var(--ink);font-size:12px;font-weight:600}
svg path{fill:none;stroke-linejoin:round;stroke-linecap:round}
path.grid{stroke:var(--line-soft)}
path.mark{stroke:var(--muted);stroke-dasharray:1.5 3.5}
path.history{stroke:var(--past);stroke-width:1.2}
path.truth{stroke:var(--ink);stroke-width:3.4;stroke-opacity:.32}
path.yhat,path.naive,path.seasonal_naive,path.drift{stroke:var(--line);stroke-width:1.5}
path.yhat{stroke-width:1.8}
svg path.band{fill:#2563eb;fill-opacity:.16}
rect.bar{fill:var(--line,#2563eb);rx:2px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;margin:6px 0 10px;
color:var(--muted);font-size:.85rem}
.legend i{display:inline-block;width:16px;height:3px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:var(--line)}
i.history{--line:var(--past)}i.truth{--line:var(--ink);opacity:.4;height:4px}
.failed{background:var(--alarm-paper);border-radius:10px;padding:16px 18px}
.failed h2{color:var(--alarm)}
.table{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line-soft);
vertical-align:top;overflow-wrap:anywhere}
.plain td:first-child{min-width:9.5rem}
.numbers td+td,.numbers th+th{text-align:right;white-space:nowrap;overflow-wrap:normal}
.numbers td:last-child,.numbers th:last-child{padding-right:2px}
th{color:var(--muted);font-weight:500}
summary{cursor:pointer;font-weight:600}
details[open] summary{margin-bottom:.5rem}
footer{margin-top:2.4rem;color:var(--muted);font-size:.85rem;overflow-wrap:anywhere}
@media print{main{padding:0}details{display:none}figure{break-inside:avoid}}
"""
).strip()
_CSS = _LINES + _CSS
