"""One file a fitted estimator: a zip of a manifest, weights in order, and state arrays.

`manifest.json` says what is in the file; `weights.npz` and `state.npz` hold arrays without pickles.
Nothing in a file is ever executed, and a file that is not exactly of this form is refused with a
sentence. This module knows no estimator class.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FORMAT_VERSION = 1
MEMBERS = ["manifest.json", "weights.npz", "state.npz"]


def write(
    path: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    weights: Sequence[np.ndarray],
    state: Mapping[str, np.ndarray],
) -> None:
    """Writes the three parts to `path`, whole or not at all."""
    text = json.dumps({"format_version": FORMAT_VERSION, **manifest}, indent=1, ensure_ascii=False)
    numbered = {f"{i:05d}": np.asarray(weight) for i, weight in enumerate(weights)}
    contents = [text.encode(), _pack(numbered), _pack(state)]
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for member, content in zip(MEMBERS, contents, strict=True):
            archive.writestr(zipfile.ZipInfo(member), content)


def read(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], list[np.ndarray], dict[str, np.ndarray]]:
    """Manifest, weights and state of a file; ValueError says what is wrong with one it refuses."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, MEMBERS)
            text, weights, state = (archive.read(member) for member in MEMBERS)
        manifest = json.loads(text)
        version = manifest["format_version"]
        if version != FORMAT_VERSION:
            sentence = f"it has format version {version!r}, this tsmodels reads {FORMAT_VERSION}"
            raise ValueError(sentence)
        numbered = _unpack(weights)
        return manifest, [numbered[key] for key in sorted(numbered)], _unpack(state)
    except (
        zipfile.BadZipFile,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        NotImplementedError,
    ) as e:
        raise ValueError(f"{os.fspath(path)} is not a file saved by tsmodels: {e}.") from e


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o666))  # the umask has its say
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"State {name!r} holds Python objects, which are never saved.")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_members(archive, None)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _check_members(archive: zipfile.ZipFile, names: Sequence[str] | None) -> None:
    """Only the members we write, none of them compressed: nothing can blow up in memory."""
    members = archive.infolist()
    if names is not None and [member.filename for member in members] != list(names):
        raise ValueError(f"it holds {[member.filename for member in members]}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > member.compress_size:
            raise ValueError(f"its member {member.filename!r} is compressed")
