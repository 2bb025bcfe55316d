"""Tables of the search benchmarks: printed, and put between two marks of docs/search.md."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "search.md"


def dated(said: str) -> str:
    """A sentence with the day and the versions that a table was made with."""
    import numpy
    import sklearn

    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    versions = f"Python {platform.python_version()}, numpy {numpy.__version__}, "
    return f"Measured on {today}: {said} ({versions}scikit-learn {sklearn.__version__})."


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_section(
    name: str, titles: Sequence[str], rows: Sequence[Sequence[str]], said: str, write: bool
) -> None:
    """Prints a sentence and a table; with `write` they replace what stands between the marks."""
    text = f"{said}\n\n{markdown(titles, rows)}"
    print(text)
    if not write:
        return
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
