"""The report: what it says, that it stands alone, and that no id can break it."""

import html.parser
import re

import numpy as np
import pandas as pd
import pytest

from tsmodels.jobs.phrases import CHINESE, ENGLISH
from tsmodels.jobs.report import Story, render

IDS = ("load", "北京", "<script>alert(1)</script>", "a\x00\n\u2028b", '🚀 & "x"', "\ud800", 7)


def make_story(ids=IDS, steps=4, truth=True, tz=None, **changes):
    rng = np.random.default_rng(0)
    history, scored = [], []
    for k, uid in enumerate(ids):
        ds = pd.date_range("2024-03-01", periods=40 + steps, freq="h", tz=tz)
        y = 50 + np.arange(40 + steps) % 5 + rng.normal(size=40 + steps)
        frame = pd.DataFrame({"ds": ds, "y": y})
        frame.insert(0, "unique_id", pd.Series([uid] * len(frame), dtype=object))
        history.append(frame[:40])
        ahead = frame[40:].assign(
            yhat=y[40:] + 0.1 * (k + 1), naive=y[39], step=range(1, steps + 1)
        )
        scored.append(ahead.assign(seasonal_naive=y[35 : 35 + steps], drift=y[39]))
    history, scored = pd.concat(history), pd.concat(scored)
    scores = pd.DataFrame({"unique_id": pd.Series(list(ids), dtype=object)})
    scores = scores.assign(mase=0.1 * np.arange(1, len(ids) + 1), smape=0.01, mae=1.0, rmse=2.0)
    known = {
        "scored": scored,
        "scores": scores,
        "mase": {"yhat": 0.4, "naive": 1.2, "seasonal_naive": 0.8, "drift": 1.5},
    }
    settings = {
        "kind": "forecast",
        "label": "销量 <kg>",
        "network": "LSTM",
        "steps": steps,
        "history": history,
        "forecast": scored[["unique_id", "ds", "yhat"]],
        "failed": pd.DataFrame({"unique_id": [], "reason": []}),
        "facts": {"job": "job.toml", "created": "now", "versions": {"tsmodels": "9.9"}},
    }
    return Story(**(settings | (known if truth else {}) | changes))


class Strict(html.parser.HTMLParser):
    """Fails unless every tag that opens closes in order; keeps text and addresses."""

    void = {"meta", "br", "rect", "path"}

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.addresses, self.tags = [], [], [], set()
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data.replace("\xa0", " "))


def test_it_stands_alone_and_no_id_breaks_it():
    page = render(make_story())
    page.encode("utf-8")
    seen = Strict(page)
    assert seen.addresses == [] and "url(" not in page and "@import" not in page
    assert not seen.tags & {"script", "link", "img", "iframe"}
    text = "".join(seen.text)
    assert "<script>alert(1)</script>" in text and "a\\x00\\n\\u2028b" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", page)
    assert 'name="viewport"' in page and "prefers-color-scheme:dark" in page


def test_what_it_says():
    text = "".join(Strict(render(make_story())).text)
    for expected in (
        "4 steps ahead for 7 series",
        "280 values of 销量 <kg> from 2024-03-01 to 2024-03-02 15:00 were read.",
        "LSTM forecast the next 4 steps of each series.",
        "error is 50 % smaller than that of the best simple forecast, repeating the last season.",
        "Every series has an answer.",
        "销量 <kg> · best · MASE 0.1",
        "销量 <kg> · median · MASE 0.4",
        "销量 <kg> · worst · MASE 0.7",
        "Made by tsmodels 9.9 on now from job.toml.",
    ):
        assert expected in text


@pytest.mark.parametrize(
    "yhat, expected",
    [
        (1.6, "100 % larger than that of a simple forecast, repeating the last season: use that"),
        (0.801, "no better than a simple forecast, repeating the last season"),
        (0.79, "1 % smaller"),
    ],
)
def test_skill_in_words(yhat, expected):
    story = make_story()
    text = "".join(Strict(render(make_story(mase=story.mase | {"yhat": yhat}))).text)
    assert expected in text


def test_a_series_without_a_scale_is_not_the_worst():
    story = make_story(ids=["a", "b", "c", "d"])
    scores = story.scores.assign(mase=[0.5, np.inf, 2.0, np.nan])
    page = render(make_story(ids=["a", "b", "c", "d"], scores=scores))
    table = page[page.index("The ten series forecast worst") :]
    rows = re.findall(r"<tr><td>(\w)</td><td>([^<]+)</td>", table)
    assert rows == [("c", "2"), ("a", "0.5")]


def test_without_any_scale():
    scores = make_story().scores.assign(mase=np.nan)
    text = "".join(Strict(render(make_story(mase={}, scores=scores))).text)
    assert "No series has a MASE" in text and "not known yet" not in text


def test_lag_copy_is_told():
    assert "repeats what was observed 24 steps before" in render(make_story(lag_copy=24))


def test_without_truth_no_error_is_shown():
    page = render(make_story(truth=False))
    text = "".join(Strict(page).text)
    assert "not known yet" in text and "MASE" not in text
    assert page.count("<figure>") == 6


def test_failures_come_with_reasons_and_are_cut_to_twenty():
    failed = pd.DataFrame(
        {"unique_id": [f"x{k}<" for k in range(25)], "reason": "Too short & odd."}
    )
    text = "".join(Strict(render(make_story(failed=failed))).text)
    assert "25 of 7 series have no answer" in text
    assert "x19<" in text and "x20<" not in text
    assert "Too short & odd." in text and "and 5 more in failed.csv" in text


def test_fallbacks_are_told():
    story = make_story()
    marked = story.forecast.assign(fallback=story.forecast["unique_id"] == "load")
    assert "1 series, too short for the network" in render(make_story(forecast=marked))


def test_chinese():
    page = render(make_story(language="zh"))
    text = "".join(Strict(page).text)
    assert '<html lang="zh">' in page
    assert "7 条序列，预测未来 4 步" in text and "小 50 %" in text
    assert not re.search(r"\b(series|forecast|steps)\b", text.replace("repeating", ""))


def test_both_languages_have_the_same_phrases_and_places():
    extra = set(CHINESE) - set(ENGLISH)
    assert not set(ENGLISH) - set(CHINESE)
    assert all(key.endswith(".") for key in extra)  # reasons are their own English
    for key in ENGLISH:
        places = [sorted(re.findall(r"{(\w+)}", words[key])) for words in (ENGLISH, CHINESE)]
        assert places[0] == places[1], key


def test_intervals_time_zones_integers_and_one_row():
    story = make_story(tz="Europe/Berlin")
    wide = story.forecast.assign(**{"yhat-lo-80": 40.0, "yhat-hi-80": 60.0})
    assert 'class="band"' in render(make_story(tz="Europe/Berlin", forecast=wide))
    one = make_story(ids=("only",), steps=1, truth=False)
    whole = {
        "history": one.history.assign(ds=range(40))[-1:],
        "forecast": one.forecast.assign(ds=40),
    }
    text = "".join(Strict(render(make_story(("only",), 1, False, **whole))).text)
    assert "from step 39 to step 39" in text
