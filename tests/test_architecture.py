"""The picture in docs/architecture.md against the imports as they are."""

import ast
from pathlib import Path

import pytest

import tsmodels

ROOT = Path(tsmodels.__file__).parent

# One line a storey: a module may import from storeys above it in this list (below it in the house),
# and from its own room; rooms on one line do not know each other.
ORDER = """
checks
backend space
distributions
data text layers losses metrics significance intervals
heads
networks training plotting persistence
estimators
backtesting anomalies search
jobs auditing
cli
__main__
"""
STOREY = {room: i for i, line in enumerate(ORDER.strip().splitlines()) for room in line.split()}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(module: str) -> str | None:
    """The room of a module such as tsmodels.data.frame; None for what is not ours."""
    parts = module.split(".")
    return parts[1] if parts[0] == "tsmodels" and len(parts) > 1 else None


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports, wherever in the file."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            rooms |= {room_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "tsmodels":
                rooms |= {room_of(f"tsmodels.{alias.name}") for alias in node.names}
            rooms.add(room_of(node.module))
    return {room for room in rooms if room in STOREY}


def own_room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    room = own_room(path)
    if room == "__init__":
        return
    for other in imported_rooms(path) - {room}:
        assert STOREY[other] < STOREY[room], f"{room} must not import {other}"


def test_every_room_stands_in_the_picture():
    rooms = {own_room(path) for path in FILES} - {"__init__"}
    assert rooms <= set(STOREY)
    text = (ROOT.parent / "docs" / "architecture.md").read_text()
    picture = text.split("## Rooms")[1].split("## Decisions")[0].split()
    for path in FILES:
        name = path.name if path.name != "__init__.py" else f"{path.parent.name}/"
        assert name in picture, f"{path} is not in docs/architecture.md"


def test_one_door_to_keras():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "keras" for name in names):
                assert path.name == "backend.py", f"{path} imports Keras past tsmodels.backend"


def test_the_data_room_knows_no_keras():
    for path in FILES:
        if own_room(path) in ("data", "text", "metrics", "checks", "space", "intervals"):
            assert "backend" not in imported_rooms(path), path


@pytest.mark.parametrize("folder", ["pipelines", "examples"])
def test_recipes_use_public_names_only(folder):
    for path in (ROOT.parent / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tsmodels"):
                assert node.module.count(".") == 0 or node.module in (
                    "tsmodels.layers",
                    "tsmodels.losses",
                    "tsmodels.metrics",
                    "tsmodels.networks",
                    "tsmodels.plotting",
                ), f"{path} reaches into {node.module}"
