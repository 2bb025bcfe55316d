"""What a search has found so far, as JSON lines: the search itself, then a line a generation.

A line is written at once and to the disk; a process that is killed in the middle of one leaves a
torn last line, which is cut off. A search that resumes walks the same way again and finds its
values here instead of computing them.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tsmodels.checks import fault

FORMAT_VERSION = 1


class Log:
    """The file of one search; `header` says which one: a file of another search is refused.

    What the header says under the keys of `adopt` gives way to what the file says.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        header: Mapping[str, Any],
        adopt: Sequence[str] = (),
    ) -> None:
        self.path, self.adopt = Path(path), adopt
        self.header = {"format_version": FORMAT_VERSION, **header}
        self._lines: list[dict[str, Any]] = []
        whole = self._read()
        with open(self.path, "ab") as file:
            file.truncate(whole)
        if not whole:
            self._append(self.header)

    def recall(self, trials: Sequence[Any]) -> bool:
        """Gives the trials of a generation what became of them; False if it is not in the file."""
        if not self._lines:
            return False
        line = self._lines.pop(0)
        points = [trial.point.tolist() for trial in trials]
        if points != [entry["point"] for entry in line["trials"]]:
            raise ValueError(
                fault("checkpoint", "of this very search", str(self.path), "Proposals differ.")
            )
        for trial, entry in zip(trials, line["trials"], strict=True):
            trial.value = math.inf if entry["value"] is None else entry["value"]
            trial.status, trial.record = entry["status"], entry["record"]
        return True

    def write(self, trials: Sequence[Any]) -> None:
        """Adds a generation."""
        entries = [
            {
                "number": trial.number,
                "whale": trial.whale,
                "point": trial.point.tolist(),
                "params": {name: _plain(value) for name, value in trial.params.items()},
                "value": trial.value if math.isfinite(trial.value) else None,
                "status": trial.status,
                "record": trial.record,
            }
            for trial in trials
        ]
        self._append({"generation": trials[0].generation, "trials": entries})

    def _append(self, line: Mapping[str, Any]) -> None:
        with open(self.path, "ab") as file:
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> int:
        """Takes what the file holds; how many bytes of it are whole lines."""
        if not self.path.exists():
            return 0
        content = self.path.read_bytes()
        content = content[: content.rfind(b"\n") + 1]
        try:
            found, *self._lines = [json.loads(line) for line in content.splitlines()] or [None]
        except ValueError as error:
            rule = "a checkpoint of a search"
            raise ValueError(fault("checkpoint", rule, str(self.path), str(error))) from None
        if found is not None:
            self._check(found)
        return len(content)

    def _check(self, found: Any) -> None:
        if not isinstance(found, dict) or found.keys() != self.header.keys():
            raise ValueError(fault("checkpoint", "a checkpoint of a search", str(self.path)))
        self.header.update({key: found[key] for key in self.adopt})
        for key, value in self.header.items():
            if found[key] != value:
                rule = f"of this search, whose {key} is {value!r}"
                way_out = f"{self.path} belongs to another one. Delete it, or name another file."
                raise ValueError(fault("checkpoint", rule, found[key], way_out))


def _plain(value: Any) -> Any:
    """A value as JSON, for those who read the file; it is not read back."""
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return repr(value)
