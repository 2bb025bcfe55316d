"""Runs the scripts of this folder as notebooks, and writes those beside them.

    uv run python examples/notebooks/render.py          # those whose script has changed
    uv run python examples/notebooks/render.py 01 05    # these, whatever has changed

A notebook is its script, cell by cell, with what a fresh kernel printed and drew. Nothing of the
machine goes into it: no times, no versions, no random names of cells, so that a second run changes
numbers and pictures alone. Where only the text is another one, outputs stay as they were. A
notebook that fails, warns or grows too large is not written.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent
LARGEST = 150_000  # bytes of a notebook
SECONDS = 600  # for a cell, on a machine with other work
COLOURS = 64  # of a picture: lines on white need no more, and take a third of the room
PLACE = re.compile(r"""(?:^|[\s'"(=])(?:/[\w.~-]+){2,}|[A-Z]:\\""")  # a path from the root on
INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def scripts() -> list[Path]:
    """The scripts that are notebooks, in their order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def notebook_of(script: Path) -> nbformat.NotebookNode:
    """The cells of a script as a notebook without outputs; cells are named by their number."""
    read = jupytext.read(script, fmt="py:percent")
    for number, cell in enumerate(read.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.NotebookNode()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=read.cells, metadata=metadata)


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh kernel, run in an empty folder.

    Raises nbclient.exceptions.CellExecutionError where a cell fails.
    """
    metadata = notebook.metadata.copy()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        client.execute(env={**os.environ, **INLINE})
    notebook.metadata = metadata  # the kernel says its version there
    for output in outputs_of(notebook):
        if picture := output.get("data", {}).get("image/png"):
            output.data["image/png"] = small(picture)
    return notebook


def small(picture: str) -> str:
    """A PNG in base 64 with a palette in place of a number for each colour of each point."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    written = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """What all cells printed, drew and answered."""
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def faults_of(notebook: nbformat.NotebookNode) -> list[str]:
    """Why a notebook is not fit to be read, one sentence a fault."""
    outputs = outputs_of(notebook)
    faults = [] if outputs else ["It has no outputs."]
    noise = [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    faults += [f"It says {(o.get('text') or o.get('evalue'))!r}." for o in noise]
    faults += [f"It names a place of one machine: {place!r}." for place in places_in(outputs)]
    size = len(nbformat.writes(notebook).encode())
    return faults + [f"It has {size:,} of {LARGEST:,} bytes."] * (size > LARGEST)


def places_in(outputs: list[nbformat.NotebookNode]) -> list[str]:
    """Absolute paths in what is printed or answered."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return [match[0].strip() for text in texts for match in PLACE.finditer(text)]


def with_outputs(notebook: nbformat.NotebookNode, script: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs that it had if its code was the same, else with new ones."""
    target = script.with_suffix(".ipynb")
    if not target.exists():
        return executed(notebook)
    now, before = (
        [cell for cell in cells if cell.cell_type == "code"]
        for cells in (notebook.cells, nbformat.read(target, as_version=4).cells)
    )
    if [cell.source for cell in now] != [cell.source for cell in before]:
        return executed(notebook)
    for new, old in zip(now, before, strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("numbers", nargs="*", help="01, 05, ...: run these again")
    chosen = parser.parse_args().numbers
    for script in scripts():
        if chosen and script.name[:2] not in chosen:
            continue
        empty = notebook_of(script)
        notebook = executed(empty) if chosen else with_outputs(empty, script)
        if faults := faults_of(notebook):
            raise SystemExit(f"{script.name}: {' '.join(faults)}")
        nbformat.write(notebook, script.with_suffix(".ipynb"))
        print(script.with_suffix(".ipynb").name)


if __name__ == "__main__":
    main()
