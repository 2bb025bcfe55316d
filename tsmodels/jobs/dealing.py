"""Any table as a folder of Parquet partitions, each with all rows of its ids; larger than memory.

Rows are read in batches and dealt to partitions by a hash of their id, which depends on nothing but
the id. Then each partition, which has to fit into memory, is sorted by id and time. The folder is
made under another name and renamed: one that is there is whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq

from tsmodels.checks import check_int, did_you_mean, fault
from tsmodels.jobs.config import JobError, is_address
from tsmodels.jobs.inputs import filesystem

MOST = 512  # files that are open at the same time
HELD = 2**16  # rows of a partition that wait to be written together


@dataclass(frozen=True)
class Dealt:
    """What lies in a folder of partitions."""

    rows: int
    ids: int
    partitions: int
    largest: int  # rows of the largest partition


def partition_table(
    input: str | Path, output: str | Path, *, id: str, time: str, partitions: int
) -> Dealt:
    """Deals the rows of `input` to so many Parquet files in the new folder `output`.

    `input` is a .csv or .parquet file, a folder of Parquet files, or an address of such. Ids of a
    CSV file stay text. Rows without an id go to the first partition, where a job refuses them.

    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = pd.DataFrame({"shop": [*"abab"], "day": [2, 2, 1, 1], "sales": [1.0, 2.0, 3.0, 4.0]})
    >>> rows.to_csv(folder / "sales.csv", index=False)
    >>> partition_table(folder / "sales.csv", folder / "parts", id="shop", time="day", partitions=2)
    Dealt(rows=4, ids=2, partitions=2, largest=2)
    """
    check_int("partitions", partitions)
    if partitions > MOST:
        raise JobError(fault("partitions", f"at most {MOST}", partitions))
    output = Path(output).absolute()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise JobError(fault("output", "a folder that is not there yet, or empty", str(output)))
    with _whole(output) as folder, contextlib.ExitStack() as spills:
        rough = Path(spills.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        with _readable(str(input)):
            schema, batches = _batches(str(input), id)
            _check_columns(schema, id=id, time=time)
            _deal(batches, schema, rough, id, partitions)
        counts = [_settle(rough, folder, k, partitions, id, time) for k in range(partitions)]
    rows, ids = np.array(counts).T
    return Dealt(int(rows.sum()), int(ids.sum()), partitions, int(rows.max()))


def partitions_of(ids: pa.Array, partitions: int) -> np.ndarray:
    """The partition of each id (N,): by its text, so that 7 and "7" go to the same.

    >>> partitions_of(pa.array(["a", "b", "a", None]), 8).tolist()
    [0, 7, 0, 0]
    """
    coded = ids.dictionary_encode()
    names = coded.dictionary.cast(pa.string()).to_numpy(zero_copy_only=False).astype(object)
    homes = pd.util.hash_array(names, categorize=False) % np.uint64(partitions)
    codes = coded.indices.fill_null(len(names)).to_numpy()
    return np.append(homes.astype(np.int64), 0)[codes]


@contextlib.contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """A folder under another name that becomes `output` once all is in it."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    except OSError as error:
        raise _unwritable(output, error) from error
    try:
        yield folder
        folder.chmod(0o777 & ~_umask())
        if output.exists():
            output.rmdir()
        os.replace(folder, output)
    except OSError as error:
        raise _unwritable(output, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(output: Path, error: OSError) -> JobError:
    reason = f"The system says: {error.strerror or error}."
    return JobError(fault("output", "a folder that can be written", str(output), reason))


@contextlib.contextmanager
def _readable(input: str) -> Iterator[None]:
    """Whatever is wrong with the input is a sentence."""
    try:
        yield
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise JobError(f"input: {input} cannot be read: {reason}") from error
    except FileNotFoundError as error:
        raise JobError(fault("input", "an existing file or folder", input)) from error


def _batches(input: str, id: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The rows of an input, batch by batch."""
    system, path = filesystem(input) if is_address(input) else (None, input)
    source: Any = "parquet"
    if path.lower().endswith(".csv"):
        convert = pa_csv.ConvertOptions(column_types={id: pa.string()}, strings_can_be_null=False)
        source = pa_dataset.CsvFileFormat(convert_options=convert)
    dataset = pa_dataset.dataset(path, format=source, filesystem=system)
    return dataset.schema, dataset.to_batches(batch_readahead=2, fragment_readahead=1)


def _check_columns(schema: pa.Schema, **columns: str) -> None:
    for role, column in columns.items():
        if column not in schema.names:
            near = did_you_mean(column, schema.names)
            raise JobError(
                fault(role, f"a column of the input, one of {schema.names}", column, near)
            )


def _deal(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, folder: Path, id: str, partitions: int
) -> None:
    """Writes the rows of each partition to a file of its own, in the order in which they come."""
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context(pq.ParquetWriter(folder / f"{k}", schema, compression="zstd"))
            for k in range(partitions)
        ]
        held: list[list[pa.Table]] = [[] for _ in files]
        for batch in batches:
            homes = partitions_of(batch.column(id), partitions)
            order = np.argsort(homes, kind="stable")
            rows = pa.Table.from_batches([batch]).take(pa.array(order))
            ends = np.cumsum(np.bincount(homes, minlength=partitions))
            for k, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                if end > start:
                    held[k].append(rows.slice(start, end - start))
                if sum(map(len, held[k])) >= HELD:
                    files[k].write_table(pa.concat_tables(held[k]))
                    held[k] = []
        for file, rest in zip(files, held, strict=True):
            if rest:
                file.write_table(pa.concat_tables(rest))


def _settle(
    rough: Path, folder: Path, k: int, partitions: int, id: str, time: str
) -> tuple[int, int]:
    """One partition, sorted by id and time: how many rows and ids it has."""
    table = pq.read_table(rough / f"{k}")
    table = table.take(pc.sort_indices(table, [(id, "ascending"), (time, "ascending")]))
    if len(table):
        width = len(str(partitions - 1))
        pq.write_table(table, folder / f"part-{k:0{width}d}.parquet", compression="zstd")
    (rough / f"{k}").unlink()
    return len(table), len(pc.unique(table.column(id)).drop_null())
