"""What became of a partitioned job: `failed.csv`, and `manifest.json`, the last file of all."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tsmodels.jobs.answering import GROUPS, Model
from tsmodels.jobs.config import Job, Run
from tsmodels.jobs.output import (
    FORMAT_VERSION,
    Outcome,
    frame_writer,
    versions,
    write_whole,
)
from tsmodels.jobs.partition import Record

COUNTS = ("read", "answered", "failed", "fallback")


@dataclass
class Summary:
    """The records of a run as they come; the first `standing` of them are of earlier ones."""

    job: Job
    kind: str
    folder: Path
    model: Model | None
    total: int
    only: tuple[str, ...] = ()
    records: list[Record] = field(default_factory=list)
    standing: int = 0
    start: float = field(default_factory=time.perf_counter)

    def write(self, complete: bool) -> Outcome:
        """Writes both files, and answers what the job found."""
        failed = self.failed()
        files = {
            kind: kind
            for kind in ("forecast", "quarantine")
            if any(name.startswith(f"{kind}/") for r in self.records for name in r["files"])
        }
        path = self.folder / "failed.csv"
        if len(failed):
            files["failed"] = path.name
            write_whole(path, frame_writer(failed, path.name), self.job.output.folder)
        else:
            path.unlink(missing_ok=True)
        models = {name: m for r in self.records for name, m in r.get("models", {}).items()}
        if models:
            files["models"] = GROUPS
            self._write_json(GROUPS, {"group": self.job.fit.group, "models": models})
        if self.model is not None and "load" not in self.job.forecaster and not self.only:
            files["model"] = "model.tsmodels"
        manifest = self.manifest(complete) | {"networks": len(models) or 1, "files": files}
        self._write_json("manifest.json", manifest)
        files = files | {"manifest": "manifest.json"}
        return Outcome(
            kind=self.kind, folder=self.folder, files=files, manifest=manifest, failed=failed
        )

    def _write_json(self, name: str, content: Any) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
        path = self.folder / name
        write_whole(path, lambda path: path.write_text(text, "utf-8"), self.job.output.folder)

    def failed(self) -> pd.DataFrame:
        """unique_id, reason, partition: what has no answer; without an id, a whole partition."""
        rows: list[tuple[Any, str, Any]] = []
        for record in sorted(self.records, key=lambda record: record["partition"]):
            if "error" in record:
                rows.append((None, record["error"], record["partition"]))
            rows += [(uid, why, record["partition"]) for uid, why in record.get("failed", ())]
        rows += self._scattered()
        if self.only and len(self.records) == self.total:
            found = {uid for record in self.records for uid in record.get("ids", ())}
            rows += [(uid, "No partition has it.", None) for uid in self.only if uid not in found]
        return pd.DataFrame(rows, columns=["unique_id", "reason", "partition"], dtype=object)

    def _scattered(self) -> list[tuple[Any, str, Any]]:
        """Ids in several partitions, each of which has forecast from a part of their rows."""
        homes: dict[str, str] = {}
        rows: list[tuple[Any, str, Any]] = []
        for record in sorted(self.records, key=lambda record: record["partition"]):
            for uid in record.get("ids", ()):
                home, here = homes.setdefault(uid, record["partition"]), record["partition"]
                if home != here:
                    why = f"Rows of it lie in {home} too. `tsmodels data partition` collects them."
                    rows.append((uid, why, here))
        return rows

    def manifest(self, complete: bool) -> dict[str, Any]:
        done, series, seconds = self.records, Counter[str](), Counter[str]()
        for record in done:
            series.update(record.get("series", {}))
            seconds.update(record.get("seconds", {}))
        wall = round(time.perf_counter() - self.start, 3)
        return {
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "complete": complete,
            "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "job": {
                "file": self.job.file.name,
                "sha256": self.job.sha256,
                "settings": dict(self.job.settings),
            },
            "data": {"sha256": _sha256(done), "rows": sum(r.get("rows", 0) for r in done)},
            "model": {"sha256": self.model.sha256} if self.model is not None else None,
            "partitions": {
                "found": self.total,
                "done": len(done) - self.standing,
                "standing": self.standing,
                "failed": sum("error" in record for record in done),
            },
            "series": {name: series[name] for name in COUNTS},
            "seconds": {name: round(s, 3) for name, s in seconds.items()} | {"run": wall},
            "run": (self.job.run or Run()).model_dump(exclude={"address"}),
            "versions": versions(),
        }


def _sha256(records: list[Record]) -> str:
    """What the partitions were made of: the SHA-256 of their fingerprints."""
    prints = sorted(record.get("fingerprint", "") for record in records)
    return hashlib.sha256("".join(prints).encode()).hexdigest()
