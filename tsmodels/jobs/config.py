"""A job file (TOML) as validated, frozen sections; every fault of the file is reported at once.

    [data]
    dataset = "m4_hourly"         # or path = "sales.csv", with unique_id, ds and target to rename,
                                  # or prices = { symbols = ["AAPL", "EURUSD=X"], cache = "prices" }

    [forecaster]                  # parameters of tsmodels.Forecaster, or load = "fitted.tsmodels"
    network = "mlp"
    horizon = 48

    [headlines]                   # dated texts, which become the past covariate "sentiment"
    path = "headlines.csv"        # unique_id, ds, text
    learn = "opinions.csv"        # text, label; or model = "sentiment.tsmodels"

    [backtest]
    n_windows = 3

    [test]                        # the truth to score on, if there is one
    dataset = "m4_hourly_test"

    [search]                      # for `tsmodels search`
    n_iter = 30
    space = { learning_rate = { low = 1e-4, high = 1e-2, log = true }, network.d_model = [16, 32] }

    [output]
    folder = "out"

A job whose `path` is a folder of Parquet partitions, or an address such as `s3://sales/2024`, runs
partition by partition; so does any other with a section `[run]` (docs/jobs.md):

    [run]
    engine = "processes"          # or "local", or "dask" with the address of a scheduler
    workers = 4

    [fit]
    group = "region"              # a network for each; or share = 0.1 of the series for one

Relative paths are relative to the folder of the job file. TOML has no null: `"none"` stands for it.
"""

from __future__ import annotations

import datetime
import hashlib
import inspect
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tsmodels.checks import did_you_mean, fault
from tsmodels.jobs.space import space_faults
from tsmodels.jobs.toml import from_toml, split_network


class JobError(ValueError):
    """What is wrong with a job, its input or its output folder; one sentence a line."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*")
    @classmethod
    def _no_nul(cls, value):
        if isinstance(value, str) and "\0" in value:
            raise PydanticCustomError("nul", "text without a NUL character")
        return value


class Prices(_Section):
    """Daily prices of Yahoo Finance: shares (AAPL), currencies (EURUSD=X), indices (^GSPC).

    They are kept in the folder `cache`, and asked for again unless `refresh` is false.
    """

    symbols: list[str] = Field(min_length=1)
    cache: str = Field(default="prices", min_length=1)
    start: datetime.date | None = None
    adjusted: bool = True
    refresh: bool = True


class Source(_Section):
    """Where a frame comes from: a named dataset or a file (.csv, .parquet)."""

    dataset: str | None = None
    path: str | None = None

    @model_validator(mode="after")
    def _one_source(self):
        kinds = [name for name in ("dataset", "path", "prices") if name in type(self).model_fields]
        if sum(getattr(self, name) is not None for name in kinds) != 1:
            raise PydanticCustomError("one_source", f"given by either {' or '.join(kinds)}")
        if self.path is not None and not _may_be_read(self.path):
            raise PydanticCustomError("suffix", "a .csv or .parquet file")
        return self


def is_address(path: str) -> bool:
    """Whether a path is one that fsspec reads: `s3://bucket/sales`, `memory://sales`."""
    return "://" in path


def _may_be_read(path: str) -> bool:
    """A .csv or .parquet file by its name, or what may be a folder."""
    return Path(path).suffix.lower() in ("", ".csv", ".parquet") or path.endswith("/")


class Data(Source):
    """The series, and what their columns are called in the file."""

    prices: Prices | None = None
    unique_id: str = "unique_id"
    ds: str = "ds"
    target: str = "y"
    freq: str | None = None

    @model_validator(mode="after")
    def _columns_of_their_own(self):
        if len({self.unique_id, self.ds, self.target}) < 3:
            raise PydanticCustomError("columns", "read from three columns: unique_id, ds, target")
        return self


class Backtest(_Section):
    n_windows: int = Field(default=3, ge=1)
    step: int | None = Field(default=None, ge=1)
    refit: bool = False


class Naive2(_Section):
    """Scores of Naive2 on the test set, on the scale of the M4 competition (sMAPE 0 to 200)."""

    smape: float = Field(gt=0, allow_inf_nan=False)
    mase: float = Field(gt=0, allow_inf_nan=False)


class Test(Source):
    """The truth of the moments forecast, with the columns of `data`."""

    __test__ = False  # not a test case, whatever its name says to pytest

    naive2: Naive2 | None = None


class Headlines(_Section):
    """Dated texts (unique_id, ds, text), and the classifier that makes numbers of them.

    That is `model`, a file that `TextClassifier.save` wrote, or one that is learned from the file
    `learn` (text, label). The numbers are the past covariate `sentiment`.
    """

    path: str
    model: str | None = None
    learn: str | None = None
    favourable: str = "1"

    @model_validator(mode="after")
    def _one_classifier(self):
        if (self.model is None) == (self.learn is None):
            raise PydanticCustomError("one_classifier", "with either model or learn")
        return self


class Search(_Section):
    """How long to search, and by whom; `space` is read by `tsmodels.jobs.space`."""

    n_iter: int = Field(default=30, ge=1)
    n_whales: int | None = Field(default=None, ge=1)
    variant: Literal["modern", "original", "original-text"] = "modern"
    engine: Literal["woa", "random", "tpe"] = "woa"
    n_splits: int = Field(default=3, ge=1)
    n_jobs: int = Field(default=1, ge=-1)
    random_state: int = Field(default=0, ge=0)
    time_budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    patience: int | None = Field(default=None, ge=1)
    fit_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    halving: bool = False
    space: dict[str, Any] = Field(default_factory=dict)


class Fit(_Section):
    """What a partitioned job learns from: a share of the series, or the groups one by one."""

    group: str | None = None
    share: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _share_of_all(self):
        if self.group is not None and self.share < 1:
            raise PydanticCustomError("share", "with share = 1 where every group has a network")
        return self


class Run(_Section):
    """Where partitions run; `address` is that of a Dask scheduler."""

    engine: Literal["local", "processes", "dask"] = "local"
    workers: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    address: str | None = None

    @model_validator(mode="after")
    def _settings_of_the_engine(self):
        if self.address is not None and self.engine != "dask":
            raise PydanticCustomError("address", "with engine = 'dask' where it has an address")
        if self.engine == "local" and self.workers not in (None, 1):
            raise PydanticCustomError("workers", "with engine = 'processes' for several workers")
        return self


class Output(_Section):
    folder: str = Field(default="out", min_length=1)
    format: Literal["parquet", "csv"] = "parquet"
    report: bool = True
    language: Literal["en", "zh"] = "en"
    model: bool = False


class _Sections(_Section):
    data: Data
    forecaster: dict[str, Any] = Field(default_factory=dict)
    backtest: Backtest = Backtest()
    test: Test | None = None
    headlines: Headlines | None = None
    search: Search = Search()
    fit: Fit = Fit()
    run: Run | None = None
    output: Output = Output()


@dataclass(frozen=True)
class Job:
    """A valid job. `settings` is the file as written; `sha256` that of its bytes."""

    file: Path
    sha256: str
    settings: Mapping[str, Any]
    data: Data
    forecaster: Mapping[str, Any]
    backtest: Backtest
    test: Test | None
    headlines: Headlines | None
    search: Search
    fit: Fit
    run: Run | None
    output: Output

    def path(self, relative: str) -> Path:
        """A path of the job file, from its folder."""
        return (self.file.parent / relative).resolve()

    @property
    def folder(self) -> Path:
        return self.path(self.output.folder)

    @property
    def input(self) -> str:
        """Where the data are: an address as it is, anything else as an absolute path."""
        assert self.data.path is not None
        return self.data.path if is_address(self.data.path) else str(self.path(self.data.path))

    @property
    def partitioned(self) -> bool:
        """Whether the job runs partition by partition."""
        if self.data.path is None:
            return False
        return self.run is not None or is_address(self.input) or Path(self.input).is_dir()


def read_job(file: str | Path) -> Job:
    """The job in `file`. Raises JobError with every fault: file, dotted path, rule, value.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "job.toml"
    >>> _ = file.write_text("[data]\\npath = 'sales.xls'\\n[output]\\nfromat = 'csv'\\n")
    >>> read_job(file)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tsmodels.jobs.config.JobError: ...job.toml: data must be a .csv or .parquet file. Got ...
    """
    file = Path(file).absolute()
    content = _read(file)
    settings = _parse(file, content)
    faults = _section_faults(settings)
    faults += _source_faults(file.parent, settings)
    faults += _forecaster_faults(file.parent, settings)
    faults += space_faults(settings)
    if faults:
        raise JobError("\n".join(f"{file}: {sentence}" for sentence in faults))
    sections = _Sections.model_validate(settings)
    return Job(
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        settings=settings,
        **{name: getattr(sections, name) for name in _Sections.model_fields},
    )


def make_forecaster(job: Job) -> Any:
    """The estimator of a job: unfitted, or loaded where the job says `load`."""
    import tsmodels

    if "load" in job.forecaster:
        return tsmodels.load(job.path(job.forecaster["load"]))
    return forecaster_of(parameters_of(job))


def parameters_of(job: Job) -> dict[str, Any]:
    """The parameters of a job's forecaster as the file writes them, with the frequency."""
    freq = {} if job.data.freq is None else {"freq": job.data.freq}
    return {**job.forecaster, **freq}


def forecaster_of(parameters: Mapping[str, Any]) -> Any:
    """An unfitted forecaster with parameters as a job file writes them."""
    import tsmodels

    return tsmodels.Forecaster(**_spec(parameters))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        near = did_you_mean(file.name, (f.name for f in file.parent.glob("*.toml")))
        raise JobError(fault("job", "an existing TOML file", str(file), near)) from None
    except OSError as error:
        raise JobError(f"{file}: the job cannot be read: {error.strerror}.") from None


def _parse(file: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobError(f"{file}: not a TOML file: line {line} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"{file}: not a TOML file: {error}.") from None


def _section_faults(settings) -> list[str]:
    try:
        _Sections.model_validate(settings)
    except ValidationError as error:
        return [_sentence(problem) for problem in error.errors()]
    return []


def _sentence(problem) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    value = problem["input"]
    if problem["type"] == "extra_forbidden":
        keys = list(_keys_at(problem["loc"][:-1]))
        return fault(
            path, f"left out or one of {keys}", value, did_you_mean(problem["loc"][-1], keys)
        )
    if problem["type"] == "missing":
        return f"{path} is missing."
    rule = problem["msg"].removeprefix("Input should be ")
    options = problem.get("ctx", {}).get("expected", "").replace("'", "").split(" or ")
    return fault(path, rule, value, did_you_mean(value, options))


def _keys_at(location: Iterable[str]) -> list[str]:
    """The keys that the section at `location` may have."""
    section: Any = _Sections
    for part in location:
        kinds = [section.model_fields[part].annotation]
        kinds += typing.get_args(kinds[0])
        section = next(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return list(section.model_fields)


def _source_faults(folder: Path, settings) -> list[str]:
    """Datasets that nobody knows and files that are not there."""
    faults = []
    for name in ("data", "test"):
        section = settings.get(name)
        if not isinstance(section, dict):
            continue
        dataset, path = section.get("dataset"), section.get("path")
        if isinstance(dataset, str):
            faults += _dataset_faults(f"{name}.dataset", dataset)
        if isinstance(path, str):
            faults += _data_path_faults(name, folder, path, settings)
        if name == "data" and path is None and "run" in settings:
            faults.append(fault("data.path", "given where there is a section [run]", None))
    return faults + _headline_faults(folder, settings)


def _data_path_faults(name: str, folder: Path, path: str, settings) -> list[str]:
    """A file that is not there; one of [data] may be a folder or lie behind an address."""
    key = f"{name}.path"
    whole = not is_address(path) and not (folder / path).is_dir()
    faults = _file_faults(key, folder, path) if whole else []
    if name == "test":
        return faults if whole else [fault(key, "a .csv or .parquet file", path)]
    if whole and "run" not in settings:
        return faults
    rule = "left out where a job runs by partitions"
    return faults + [fault(k, rule, settings[k]) for k in ("test", "headlines") if k in settings]


def _headline_faults(folder: Path, settings) -> list[str]:
    """Files that are not there, and a covariate that nobody reads."""
    section = settings.get("headlines")
    if not isinstance(section, dict):
        return []
    faults = []
    for key in ("path", "model", "learn"):
        if isinstance(section.get(key), str):
            faults += _file_faults(f"headlines.{key}", folder, section[key])
    forecaster = settings.get("forecaster")
    named = forecaster.get("past_covariates", ()) if isinstance(forecaster, dict) else ()
    if "sentiment" not in named:
        rule = "with 'sentiment' where there are headlines"
        faults.append(fault("forecaster.past_covariates", rule, named))
    return faults


def _dataset_faults(key: str, name: str) -> list[str]:
    from tsmodels.data.datasets import available

    names = sorted(available())
    return [] if name in names else [fault(key, f"one of {names}", name, did_you_mean(name, names))]


def _file_faults(key: str, folder: Path, path: str) -> list[str]:
    if (folder / path).is_file():
        return []
    return [fault(key, "an existing file", path, f"Looked for {folder / path}.")]


def _forecaster_faults(folder: Path, settings) -> list[str]:
    parameters = settings.get("forecaster")
    if not isinstance(parameters, dict) or not parameters:
        return []
    if "load" in parameters:
        return _load_faults(folder, parameters)
    import tsmodels

    known = inspect.signature(tsmodels.Forecaster).parameters
    faults = [_unknown(name, known) for name in parameters if name not in known]
    faults += _data_faults(settings.get("data"), parameters)
    faults += _network_faults(parameters.get("network", "nlinear"))
    for name, value in parameters.items():
        if name in known and name != "network":
            estimator = tsmodels.Forecaster(**{name: from_toml(value)})
            faults += _caught("forecaster", estimator._check_parameters)
    return faults


def _load_faults(folder: Path, parameters) -> list[str]:
    path = parameters["load"]
    faults = [
        fault(f"forecaster.{name}", "left out beside load", value)
        for name, value in parameters.items()
        if name != "load"
    ]
    if not isinstance(path, str):
        return [*faults, fault("forecaster.load", "a path", path)]
    return faults + _file_faults("forecaster.load", folder, path)


def _unknown(name: str, known) -> str:
    near = did_you_mean(name, known)
    return f"forecaster.{name} is not a parameter of Forecaster. {near}".rstrip()


def _data_faults(data, parameters) -> list[str]:
    """Settings that belong to [data], where one place is enough."""
    faults = []
    if "target" in parameters:
        rule = "said in [data] as target"
        faults.append(fault("forecaster.target", rule, parameters["target"]))
    if "freq" in parameters and isinstance(data, dict) and "freq" in data:
        faults.append(fault("forecaster.freq", "left out beside data.freq", parameters["freq"]))
    return faults


def _network_faults(network) -> list[str]:
    from tsmodels.networks import resolve

    if isinstance(network, dict) and "name" not in network:
        return [fault("forecaster.network.name", "the name of a network", network)]
    name, fields = split_network(network)
    faults = _caught("forecaster", resolve, name)
    if not faults:
        for field, value in fields.items():
            faults += _caught("forecaster", resolve, name, **{field: value})
    return faults


def _spec(parameters) -> dict[str, Any]:
    from tsmodels.networks import resolve

    name, fields = split_network(parameters.get("network", "nlinear"))
    rest = {key: from_toml(value) for key, value in parameters.items()}
    return rest | {"network": resolve(name, **fields) if fields else name}


def _caught(prefix: str, function, *args, **kwargs) -> list[str]:
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError) as error:
        return [f"{prefix}.{error}"]
    return []
