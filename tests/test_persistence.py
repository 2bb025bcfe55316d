"""Hostile files: refused with a sentence, nothing executed, nothing written; saving is atomic."""

import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels import Drift, persistence


@pytest.fixture(scope="module")
def model():
    ds = pd.date_range("2024-03-01", periods=9, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"unique_id": ["短"] * 9, "ds": ds, "y": np.arange(9.0) ** 2})
    return Drift(horizon=2).fit(frame)


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.tsmodels")
    return tmp_path / "model.tsmodels"


def refused(path, sentence=None):
    """The file is refused; nothing else came to be beside it."""
    with pytest.raises(ValueError, match=sentence) as caught:
        tsmodels.load(path)
    said = str(caught.value)
    assert said.startswith(str(path)) and said.endswith(".")
    assert " is not a file saved by tsmodels: " in said or " cannot be loaded: " in said
    assert os.listdir(path.parent) == [path.name]


def same(path, model):
    other = tsmodels.load(path)
    pd.testing.assert_frame_equal(other.predict(), model.predict())
    assert other.get_params() == model.get_params()


def packed(members, compression=zipfile.ZIP_STORED):
    """A sealed archive of members [(name, content)]."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = bytes(persistence.SEAL)
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def write(path, content):
    path.write_bytes(content)
    persistence.seal(path)


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def array(values, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(values), version=(1, 0), **options)
    return buffer.getvalue()


# --- damage ---------------------------------------------------------------------------------------


def test_truncated_at_every_byte(path):
    content = path.read_bytes()
    for n in range(0, len(content), 31):
        path.write_bytes(content[:n])
        refused(path, "checksum")
    path.write_bytes(content + b"\0")
    refused(path, "checksum")


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_every_byte_flipped(path, step):
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in range(0, len(content), step):
        bit = 1 << int(rng.integers(8))
        content[place] ^= bit
        path.write_bytes(content)
        refused(path, "checksum")
        content[place] ^= bit


def flipped_and_sealed(path, model, places):
    """How many flips were refused though the seal was right; the others changed nothing."""
    content, n_refused = bytearray(path.read_bytes()), 0
    rng = np.random.default_rng(0)
    for place in places:
        bit = 1 << int(rng.integers(8))
        content[place] ^= bit
        write(path, bytes(content))
        content[place] ^= bit
        try:
            same(path, model)
        except ValueError:
            refused(path)
            n_refused += 1
    return n_refused


def test_a_flip_under_a_right_seal_is_refused_or_means_nothing(path, model):
    places = range(0, path.stat().st_size - persistence.SEAL, 11)
    assert flipped_and_sealed(path, model, places) > 0.9 * len(places)


@pytest.mark.slow
def test_every_flip_under_a_right_seal_is_refused_or_means_nothing(path, model):
    places = range(path.stat().st_size - persistence.SEAL)
    assert flipped_and_sealed(path, model, places) > 0.9 * len(places)


@pytest.mark.parametrize("content", [b"", b"PK", b"junk" * 99, pickle.dumps([1, 2, 3])])
def test_other_things(path, content):
    path.write_bytes(content)
    refused(path, "checksum is wrong")


# --- members --------------------------------------------------------------------------------------


def test_path_traversal(path):
    for name in ("../evil", "/tmp/evil", "a/../../evil", "C:\\evil"):
        write(path, packed([*parts(path).items(), (name, b"evil")]))
        refused(path, "it holds")
    members = [("../" + name, content) for name, content in parts(path).items()]
    write(path, packed(members))
    refused(path, r"it holds \['../manifest.json'")


class Canary:
    """Unpickling this writes a file."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder / "executed"),)


@pytest.mark.parametrize("member", ["weights.npz", "state.npz"])
def test_pickles_are_not_opened(path, member):
    canary = Canary(path.parent)
    objects = np.array([canary, canary], dtype=object)
    hostile = {
        "is not a zip file": pickle.dumps(canary),
        "holds object values": packed([("a.npy", array(objects, allow_pickle=True))]),
        "magic string": packed([("a.pkl", pickle.dumps(canary))]),
    }
    good = parts(path)
    for sentence, content in hostile.items():
        write(path, packed((good | {member: content}).items()))
        refused(path, sentence)
    write(path, packed((good | {"manifest.json": pickle.dumps(canary)}).items()))
    refused(path)


def test_objects_are_not_written(tmp_path):
    objects = {"x": np.array([{}], dtype=object)}
    with pytest.raises(TypeError, match="State 'x' holds object values, which are never saved"):
        persistence.write(tmp_path / "x", {}, [], objects)
    assert os.listdir(tmp_path) == []


# --- bombs ----------------------------------------------------------------------------------------


def test_compressed_members(path):
    write(path, packed(parts(path).items(), zipfile.ZIP_DEFLATED))
    refused(path, "compressed")
    zeros = packed([("0.npy", array(np.zeros(10**6)))], zipfile.ZIP_DEFLATED)
    write(path, packed((parts_with(path, "weights.npz", zeros)).items()))
    refused(path, "compressed")


def parts_with(path, member, content):
    names = persistence.MEMBERS
    return dict.fromkeys(names, b"{}") | {
        "manifest.json": b'{"format_version": 1}',
        member: content,
    }


def lying(content, member, size):
    """An archive whose directory says that a member is `size` bytes long."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        length = archive.getinfo(member).file_size
    old, new = (2 * n.to_bytes(4, "little") for n in (length, size))
    start = content.rindex(b"PK\x01\x02", 0, content.rindex(member.encode()))
    return content[:start] + content[start:].replace(old, new, 1)


def test_declared_sizes_are_not_believed(path):
    good = path.read_bytes()
    for size in (2**31, 10**5, len(good)):
        write(path, lying(good, "state.npz", size))
        refused(path, "larger than itself|overlap|truncated|size")


def test_members_that_overlap(path):
    content = bytearray(path.read_bytes())
    places = [place for place in range(len(content)) if content[place : place + 4] == b"PK\x01\x02"]
    first = content[places[-3] + 42 : places[-3] + 46]
    for place in places[-2:]:
        content[place + 42 : place + 46] = first  # every member starts where the first one does
    write(path, bytes(content))
    refused(path)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 16)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (3,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<U1000000000', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f8'}",
        "(" * 9000,
        "__import__('os').mkdir('executed')",
    ],
)
def test_array_headers_are_not_believed(path, header):
    text = header.encode().ljust(117) + b"\n"
    hostile = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)
    write(path, packed((parts(path) | {"state.npz": packed([("a.npy", hostile)])}).items()))
    tracemalloc.start()
    refused(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text", [b"[" * 10**5, b'{"a":' * 10**5, b"\xff", b"[]", b"null", b'{"format_version": NaN}']
)
def test_manifests_that_are_none(path, text):
    write(path, packed((parts(path) | {"manifest.json": text}).items()))
    refused(path)


@pytest.mark.parametrize(
    "version, sentence",
    [(3, "version 3, this tsmodels reads 2, a newer tsmodels may"), (1, "reads 2."), ("2", "'")],
)
def test_other_format_versions(path, version, sentence):
    manifest = json.loads(parts(path)["manifest.json"]) | {"format_version": version}
    members = parts(path) | {"manifest.json": json.dumps(manifest).encode()}
    write(path, packed(members.items()))
    refused(path, sentence)


@pytest.mark.parametrize("name", ["Pipeline", "os.system", "", None, 3, ["Naive"], "Forecaster"])
def test_other_classes(path, name):
    manifest = json.loads(parts(path)["manifest.json"]) | {"class": name}
    members = parts(path) | {"manifest.json": json.dumps(manifest).encode()}
    write(path, packed(members.items()))
    if name == "Forecaster":  # of the same parameters, but without a network
        assert not hasattr(tsmodels.load(path), "history_")
    else:
        refused(path, "not one of|unhashable")


# --- saving ---------------------------------------------------------------------------------------

KILLED = """
    import os, random, signal, sys, time
    import numpy as np
    from tsmodels import persistence

    path, tries = sys.argv[1], int(sys.argv[2])

    def save(k):
        weights = [np.full(20_000, k, "float32") for _ in range(3)]
        persistence.write(path, {"k": k}, weights, {"k": np.full(1000, k)})

    random.seed(0)
    start = time.perf_counter()
    save(0)
    took, seen = time.perf_counter() - start, set()

    def left():
        name = os.path.basename(path)
        return [other for other in os.listdir(os.path.dirname(path)) if other != name]

    for n in range(20 * tries):  # until both have happened; a busy machine needs longer
        if n >= tries and len(seen) > 1 and left():
            break
        child = os.fork()
        if not child:
            k = 0
            while True:
                k += 1
                save(k)
        time.sleep(random.uniform(0.5, 4.0) * took * max(1.0, n / tries))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        manifest, weights, state = persistence.read(path)
        assert all((array == manifest["k"]).all() for array in [*weights, state["k"]])
        seen.add(manifest["k"])
    print(len(seen), len(left()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are started by fork")
@pytest.mark.parametrize("tries", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_saving_over_a_file_is_atomic_under_sigkill(tmp_path, tries):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "model"), str(tries)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    n_seen, n_left = map(int, done.stdout.split())
    assert n_seen > 1 and n_left > 0  # some were killed between two saves, some within one
