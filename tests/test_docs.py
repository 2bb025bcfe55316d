"""The pages that people read: links lead somewhere, code runs, nothing public is left out."""

import contextlib
import io
import re
from pathlib import Path
from unittest import mock
from urllib.parse import unquote

import pytest
from yahoo_server import Listing, keep_zones, serving

import tsmodels
from tsmodels import datasets
from tsmodels.networks import NETWORKS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKETCH = re.compile(r"^<!-- sketch -->\n```.*?^```$", re.MULTILINE | re.DOTALL)  # of data one has
LINK = re.compile(r"\]\(([^)\s]+)\)")
NEEDS = re.compile(r"<!-- needs: (.*?) -->")
QUICK = ["concepts.md"]  # it runs in the gate, the others with `slow`
HOW_TO = sorted(str(path.relative_to(DOCS)) for path in (DOCS / "howto").glob("*.md"))
RUN = [*QUICK, "../README.md", "quickstart.md", "faq.md", "finance.md", *HOW_TO]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Python-Markdown makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower() for heading in found)
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        inside = target.is_relative_to(DOCS if page.is_relative_to(DOCS) else ROOT)
        if not (inside and target.is_file()):
            broken.append(link)
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_a_broken_link_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.DOCS", tmp_path)
    other, page = tmp_path / "other.md", tmp_path / "page.md"
    other.write_text("# A heading, with `code`\n```sh\n# none\n```\n")
    page.write_text(
        "[a](other.md) [b](other.md#a-heading-with-code) [c](https://nowhere.example) "
        "[d](other.md#none) [e](gone.md) [f](../secret.md) [g](#here)\n```\n[h](gone.md)\n```\n"
    )
    assert broken_links(page) == ["other.md#none", "gone.md", "../secret.md", "#here"]


def test_every_public_name_stands_in_the_reference():
    pages = (DOCS / "reference").glob("*.md")
    told = {line.rpartition(".")[2] for page in pages for line in page.read_text().splitlines()}
    assert set(tsmodels.__all__) - {"__version__", "datasets"} <= told


def test_both_readmes_say_the_same():
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md"))
    assert [kind for kind, _ in FENCE.findall(english)] == [k for k, _ in FENCE.findall(chinese)]
    for (kind, ours), (_, theirs) in zip(
        FENCE.findall(english), FENCE.findall(chinese), strict=True
    ):
        assert without_comments(ours) == without_comments(theirs), kind
    links = [set(LINK.findall(text)) - {"README.md", "README.zh.md"} for text in (english, chinese)]
    assert links[0] == links[1]
    levels = [re.findall(r"^#+", FENCE.sub("", text), re.MULTILINE) for text in (english, chinese)]
    assert levels[0] == levels[1]


def without_comments(code: str) -> str:
    return re.sub(r"\s*#.*$", "", code, flags=re.MULTILINE).strip()


def words(text: str) -> list[str]:
    """A text without what differs from machine to machine: the digits of its numbers."""
    return re.sub(r"[-+]?\d[\d.,:e-]*", "0", text).split()


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page in QUICK else pytest.mark.slow) for page in RUN],
)
def test_code_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch, request):
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in NEEDS.findall(text):
        skip_without(name)
    if "<!-- with: prices -->" in text:
        request.getfixturevalue("exchange")
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "page"}
    printed = ""
    with mock.patch.dict(NETWORKS):  # pages may register some
        for kind, content in FENCE.findall(SKETCH.sub("", text)):
            if kind == "python":
                with contextlib.redirect_stdout(io.StringIO()) as stream:
                    exec(compile(content, page, "exec"), names)
                printed = stream.getvalue()
            elif kind == "text":
                assert words(printed) == words(content)


@pytest.fixture
def exchange(tmp_path, monkeypatch):
    """Prices of random walks, from a server on this machine."""
    keep_zones(tmp_path / "zones")
    names = ["AAPL", "KO", "EURUSD=X", "^GSPC"]
    with serving({name: Listing.walk(500, seed=i) for i, name in enumerate(names)}) as exchange:
        monkeypatch.setenv("TSMODELS_YAHOO_URL", exchange.url)
        yield exchange


def skip_without(names: str) -> None:
    for name in names.split(", "):
        try:
            datasets.load(name)
        except OSError as error:
            pytest.skip(str(error))
