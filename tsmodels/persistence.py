"""One file a fitted estimator: a zip of a manifest, weights in order, and state arrays.

`manifest.json` says what is in the file; `weights.npz` and `state.npz` hold arrays without pickles,
as `numpy.savez` writes them. The comment of the zip is the SHA-256 of all bytes before it, so that
no damage goes unseen. Nothing in a file is ever executed or extracted, and no size that a file
declares is believed: it takes about as much memory to read as it has bytes. A file that is not
exactly of this form is refused with a sentence. This module knows no estimator class.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

FORMAT_VERSION = 2
MEMBERS = ["manifest.json", "weights.npz", "state.npz"]
PLAIN_KINDS = "biufcmMSU"  # numbers, stamps and text: what an array in a file may hold
SEAL = 2 * hashlib.sha256().digest_size  # hexadecimal digits


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
    with replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            archive.comment = bytes(SEAL)
            for member, content in zip(MEMBERS, contents, strict=True):
                archive.writestr(zipfile.ZipInfo(member), content)
        seal(temporary)


def read(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], list[np.ndarray], dict[str, np.ndarray]]:
    """Manifest, weights and state of a file; ValueError says what is wrong with one it refuses."""
    with open(path, "rb") as file:
        try:
            _check_seal(file)
            text, weights, state = _members(file, MEMBERS).values()
            manifest = _manifest(text)
            numbered = _unpack(weights)
            return manifest, [numbered[key] for key in sorted(numbered)], _unpack(state)
        except Exception as e:  # whatever a hostile file makes the parsers say
            raise ValueError(f"{os.fspath(path)} is not a file saved by tsmodels: {e}.") from e


def seal(path: str | os.PathLike[str]) -> None:
    """Writes the SHA-256 of the rest of the file over its last 64 bytes."""
    with open(path, "r+b") as file:
        digest = _digest(file)
        file.seek(-SEAL, os.SEEK_END)
        file.write(digest)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o666))  # the umask has its say
        yield temporary
        with open(temporary, "r+b") as file:  # on the disk before the name is: power may fail too
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


# --- the whole file -------------------------------------------------------------------------------


def _digest(file: IO[bytes]) -> bytes:
    """The SHA-256 of all but the last 64 bytes, in hexadecimal digits."""
    left = file.seek(0, os.SEEK_END) - SEAL
    file.seek(0)
    sha256 = hashlib.sha256()
    while left > 0:
        part = file.read(min(left, 2**20))
        sha256.update(part)
        left -= len(part)
    return sha256.hexdigest().encode()


def _check_seal(file: IO[bytes]) -> None:
    digest = _digest(file)
    if file.read(SEAL + 1) != digest:
        raise ValueError("its checksum is wrong, so it is cut, damaged or something else")


def _manifest(text: bytes) -> dict[str, Any]:
    manifest = json.loads(text)
    version = manifest["format_version"]
    if version != FORMAT_VERSION:
        way_out = ", a newer tsmodels may read it" if version > FORMAT_VERSION else ""
        sentence = f"it has format version {version!r}, this tsmodels reads {FORMAT_VERSION}"
        raise ValueError(sentence + way_out)
    return manifest


def _members(file: IO[bytes], names: Sequence[str] | None) -> dict[str, bytes]:
    """The members of a zip: only the names we write, nothing compressed, nothing larger than it."""
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        found = [member.filename for member in members]
        if names is not None and found != list(names):
            raise ValueError(f"it holds {found[:5]}")
        for member in members:
            stored = member.compress_type == zipfile.ZIP_STORED
            if not stored or member.file_size != member.compress_size:
                raise ValueError(f"its member {member.filename!r} is compressed")
        if sum(member.file_size for member in members) > size or len(set(found)) < len(found):
            raise ValueError("its members are larger than itself")
        return {member.filename: archive.read(member) for member in members}


# --- arrays ---------------------------------------------------------------------------------------


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    for name, array in arrays.items():
        if array.dtype.kind not in PLAIN_KINDS:
            raise TypeError(f"State {name!r} holds {array.dtype} values, which are never saved.")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    members = _members(io.BytesIO(content), None)
    return {name.removesuffix(".npy"): _array(name, part) for name, part in members.items()}


def _array(name: str, content: bytes) -> np.ndarray:
    """One array of plain values; its header must say exactly the bytes that follow it."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"its array {name!r} is of another version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in PLAIN_KINDS:
        raise ValueError(f"its array {name!r} holds {dtype} values")
    count = 1
    for side in shape:
        count *= side  # of any size: ints of Python do not overflow
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"its array {name!r} is not of the size that it says")
    order: Any = "F" if fortran else "C"
    return np.ndarray(shape, dtype, content, file.tell(), order=order).copy(order=order)
