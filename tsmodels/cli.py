"""tsmodels forecast | fit | backtest | search | predict | networks | data.

Results go to standard output, progress and errors to standard error. Exit codes: 0 every series has
an answer, 1 some have none, 2 the job or its input cannot be used, 130 stopped by Ctrl-C, 143 by
SIGTERM. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import inspect
import linecache
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tsmodels.checks import fault
from tsmodels.jobs.interrupts import Terminated, exit_code, sigterm_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    arguments = _parser().parse_args(argv)
    try:
        with sigterm_interrupts():
            return arguments.run(arguments)
    except KeyboardInterrupt as stop:
        by = "SIGTERM" if isinstance(stop, Terminated) else "Ctrl-C"
        print(f"tsmodels: stopped by {by}; no half file was written.", file=sys.stderr)
        return exit_code(stop)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stdout = None
        return 0
    except Exception as error:
        if not _is_answer(error):
            raise
        for sentence in str(error).splitlines():
            print(f"tsmodels: error: {sentence}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tsmodels", description="Forecast time series with neural networks."
    )
    version = importlib.metadata.version("tsmodels")
    parser.add_argument("--version", action="version", version=f"tsmodels {version}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, help in (
        ("forecast", _forecast, "forecast every series of a job, and score where truth is known"),
        ("fit", _fit, "fit the networks of a job, to be loaded by others"),
        ("backtest", _backtest, "forecast the past of a job's series, and score"),
        ("search", _search, "search better settings for a job's forecaster"),
    ):
        command = commands.add_parser(name, help=help, description=help.capitalize() + ".")
        command.add_argument("job", metavar="JOB.toml", help="the job file")
        command.set_defaults(run=run)
        if name in ("forecast", "fit"):
            _add_partition_options(command)
    help = "forecast every series of a table with an exported network, by onnxruntime alone"
    command = commands.add_parser("predict", help=help, description=help.capitalize() + ".")
    command.add_argument("model", metavar="MODEL.onnx", help="what Forecaster.export has written")
    command.add_argument(
        "data", metavar="DATA", help="CSV or Parquet: unique_id, ds and the target"
    )
    command.add_argument("--output", help="a CSV or Parquet file; standard output unless told")
    command.add_argument("--horizon", type=int, help="steps, at most those of the network")
    command.set_defaults(run=_predict)
    command = commands.add_parser("networks", help="list the networks, or show one")
    command.add_argument("name", nargs="?", help="a network to show")
    command.add_argument("--markdown", action="store_true", help="the list as a page")
    command.set_defaults(run=_networks)
    command = commands.add_parser(
        "data", help="list the datasets, show one, deal a table, get prices"
    )
    command.add_argument(
        "name", nargs="?", help="a dataset to show, or `partition`, `prices` (see their -h)"
    )
    command.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    command.set_defaults(run=_data)
    return parser


def _add_partition_options(command: argparse.ArgumentParser) -> None:
    """What a job by partitions is told beside its file."""
    command.add_argument("--dry-run", action="store_true", help="say what would be done")
    command.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="leave partitions that are done as they are",
    )
    command.add_argument("--only", nargs="+", default=(), metavar="ID", help="these series alone")


def _is_answer(error: Exception) -> bool:
    """Whether this package raised the error itself, as a sentence for its user.

    That is so when the line that raised is a `raise` of ours; anything else is a defect (or news
    from the system) and keeps its traceback.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or isinstance(error, AssertionError | NotImplementedError):
        return False
    file = trace.tb_frame.f_code.co_filename
    ours = Path(file).is_relative_to(Path(__file__).parent)
    return ours and linecache.getline(file, trace.tb_lineno).lstrip().startswith("raise ")


def _forecast(arguments: argparse.Namespace) -> int:
    from tsmodels.jobs.config import read_job

    job = read_job(arguments.job)
    if job.partitioned or _is_special(arguments):
        return _partitioned(arguments, job, "forecast")
    from tsmodels.jobs.run import run_forecast  # which loads Keras: a driver of others does not

    return _report(run_forecast(job, _watch))


def _fit(arguments: argparse.Namespace) -> int:
    from tsmodels.jobs.config import read_job

    return _partitioned(arguments, read_job(arguments.job), "fit")


def _is_special(arguments: argparse.Namespace) -> bool:
    return bool(arguments.dry_run or arguments.only or not arguments.resume)


def _partitioned(arguments: argparse.Namespace, job: Any, kind: str) -> int:
    from tsmodels.jobs.partitioned import dry_run, run_partitioned

    if arguments.dry_run:
        print("\n".join(dry_run(job, kind, arguments.only)))
        return 0
    options = {"only": tuple(arguments.only), "resume": arguments.resume}
    return _report(run_partitioned(job, kind, _watch, **options))


def _backtest(arguments: argparse.Namespace) -> int:
    from tsmodels.jobs.config import read_job
    from tsmodels.jobs.run import run_backtest

    return _report(run_backtest(read_job(arguments.job), _watch))


def _search(arguments: argparse.Namespace) -> int:
    from tsmodels.jobs.config import read_job
    from tsmodels.jobs.search import best_section, run_search

    job = read_job(arguments.job)
    found = run_search(job, _watch)
    failed = f", {found.failed} of them failed" if found.failed else ""
    print(f"{found.tried} configurations by {job.search.n_splits} splits{failed}.")
    print(f"MASE {found.mase:.4g}, with the job's own settings {found.own_mase:.4g}.\n")
    print(best_section(job, found.best))
    for name in found.files.values():
        print(found.folder / name)
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    import pandas as pd

    from tsmodels.estimators.exported import Exported
    from tsmodels.persistence import replacing

    model = Exported.read(arguments.model)
    if Path(arguments.data).suffix.lower() in (".parquet", ".pq"):
        frame = pd.read_parquet(arguments.data)
    else:
        ids = {"unique_id": str} if model.has_text_ids else None
        frame = pd.read_csv(arguments.data, converters=ids)
    answer = model.predict(frame, horizon=arguments.horizon)
    if arguments.output is None:
        answer.to_csv(sys.stdout, index=False)
        return 0
    with replacing(arguments.output) as temporary:
        if Path(arguments.output).suffix.lower() in (".parquet", ".pq"):
            answer.to_parquet(temporary, index=False)
        else:
            answer.to_csv(temporary, index=False)
    print(arguments.output)
    return 0


@contextlib.contextmanager
def _watch(stage: str) -> Iterator[None]:
    """A spinner on a terminal, a line when the stage is done anywhere else."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    start = time.perf_counter()
    spins = console.is_terminal and stage != "search"  # which shows a bar of its own
    with console.status(f"{stage} ...") if spins else contextlib.nullcontext():
        yield
    console.print(f"{stage:<9} {time.perf_counter() - start:6.1f} s")


def _report(outcome: Any) -> int:
    series = outcome.manifest["series"]
    if outcome.kind == "fit":
        print(f"{outcome.manifest['networks']:,} fitted.")
    else:
        print(f"{series['answered']:,} of {series['read']:,} series have an answer.")
    if outcome.means is not None:
        print(_score_table(outcome.means))
    if outcome.owa is not None:
        print(f"OWA {outcome.owa:.3f} (Naive2 is 1)")
    if outcome.verdict:
        print(outcome.verdict)
    for row in outcome.failed.head(5).to_dict("records"):
        name = row["unique_id"] if row["unique_id"] is not None else row.get("partition")
        print(f"no answer for {name!r}: {row['reason']}")
    for name in outcome.files.values():
        print(outcome.folder / name)
    return outcome.exit_code


def _score_table(means: Any) -> str:
    head = ["mean over series", *means.columns]
    rows = [
        [model.replace("yhat", "forecast").replace("_", " "), *(f"{v:.4g}" for v in values)]
        for model, values in zip(means.index, means.to_numpy(), strict=True)
    ]
    return _table([head, *rows], right=True)


def _networks(arguments: argparse.Namespace) -> int:
    from tsmodels.networks import catalogue, resolve

    if arguments.name is not None:
        spec = resolve(arguments.name)
        values = catalogue.entry(arguments.name).cells()
        print(_table(list(zip(catalogue.TITLES, values, strict=True))))
        print(f"import      from tsmodels.networks import {type(spec).__name__}")
        print(f"fields      {catalogue.settings(spec)}\n\n{inspect.getdoc(type(spec))}")
        return 0
    entries = catalogue.catalogue()
    if arguments.markdown:
        print(catalogue.markdown(entries), end="")
    else:
        _print_table([catalogue.TITLES, *(entry.cells() for entry in entries)])
    return 0


def _data(arguments: argparse.Namespace) -> int:
    if arguments.name == "partition":
        return _partition(arguments.rest)
    if arguments.name == "prices":
        return _prices(arguments.rest)
    from tsmodels.data import datasets

    if arguments.rest:
        raise ValueError(fault("data", "followed by one name", arguments.rest))
    if arguments.name is None:
        for name in sorted(datasets.available()):
            print(name)
        return 0
    frame = datasets.load(arguments.name)
    print(frame.head(10).to_string(index=False))
    print(f"{len(frame):,} rows, {frame['unique_id'].nunique():,} series, ", end="")
    print(f"{frame['ds'].min()} to {frame['ds'].max()}")
    return 0


def _partition(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tsmodels data partition",
        description="Deal a table to Parquet files, all rows of an id to the same one.",
    )
    parser.add_argument("input", help="a .csv or .parquet file, a folder of Parquet, an address")
    parser.add_argument("output", help="the folder to make")
    parser.add_argument("--id", default="unique_id", metavar="COLUMN", help="the column of ids")
    parser.add_argument("--time", default="ds", metavar="COLUMN", help="the column of stamps")
    parser.add_argument("--partitions", type=int, default=64, metavar="N", help="how many files")
    arguments = parser.parse_args(argv)
    from tsmodels.jobs.dealing import partition_table

    dealt = partition_table(**vars(arguments))
    print(f"{dealt.rows:,} rows of {dealt.ids:,} ids in {dealt.partitions:,} partitions, ", end="")
    print(f"the largest of {dealt.largest:,} rows.")
    return 0


def _prices(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tsmodels data prices",
        description="Download daily prices of Yahoo Finance, or the days that are new; "
        "shares (AAPL), currencies (EURUSD=X), indices (^GSPC).",
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    parser.add_argument("--folder", default="prices", help="where a file for each is kept")
    parser.add_argument("--start", metavar="DAY", help="the first day, such as 2015-01-01")
    parser.add_argument("--raw", action="store_true", help="not adjusted for dividends")
    parser.add_argument("--kept", action="store_true", help="show what is there, ask nobody")
    arguments = parser.parse_args(argv)
    from tsmodels.data.finance import PriceStore

    store = PriceStore(folder=arguments.folder, adjusted=not arguments.raw)
    symbols = arguments.symbols
    told = store.status(symbols) if arguments.kept else store.refresh(symbols, arguments.start)
    told["last"] = told["last"].dt.strftime("%Y-%m-%d").fillna("")
    shown = told[["unique_id", "status", "rows", "new", "last", "reason"]].astype(str)
    print(_table([list(shown), *shown.to_numpy().tolist()]))
    return int((told["status"] != "ok").any())


def _table(rows: Sequence[Sequence[str]], right: bool = False) -> str:
    """Columns two spaces apart; with `right` all but the first are aligned to the right.

    >>> print(_table([["a", "b"], ["long", "1"]]))
    a     b
    long  1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_row(row, widths, right) for row in rows)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """The table, its long cells wrapped to a terminal's width; one line a row anywhere else."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        return print(_table(rows))
    head, *body = rows
    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, cells in zip(table.columns, zip(*rows, strict=True), strict=True):
        column.no_wrap, column.overflow = max(map(len, cells)) <= SHORT, "fold"
    for row in body:
        table.add_row(*row)
    console.print(table)


SHORT = 20  # cells of so many characters stay on one line


def _row(cells: Iterable[str], widths: Sequence[int], right: bool) -> str:
    padded = [
        cell.rjust(width) if right and i else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
