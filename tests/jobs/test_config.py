"""A job file says everything that is wrong with it at once, and means the same from anywhere."""

import dataclasses
import hashlib

import pytest

from tsmodels.jobs.config import JobError, make_forecaster, read_job


def faults(file):
    with pytest.raises(JobError) as caught:
        read_job(file)
    return str(caught.value).splitlines()


def test_a_valid_job(folder):
    job = read_job(folder / "job.toml")
    assert (job.data.target, job.data.unique_id) == ("sales", "shop")
    assert (job.backtest.n_windows, job.backtest.refit) == (2, False)
    assert job.test.naive2.smape == 5.0
    assert job.folder == folder / "out"
    assert job.sha256 == hashlib.sha256((folder / "job.toml").read_bytes()).hexdigest()
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.output = None


def test_the_forecaster_gets_every_parameter(edit):
    file = edit(
        ('network = "nlinear"', 'network = { name = "mlp", d_model = 16 }\nbatch_size = 32'),
        ('target = "sales"', 'target = "sales"\nfreq = "D"'),
    )
    forecaster = make_forecaster(read_job(file))
    found = forecaster.get_params()
    assert (found["network__d_model"], type(found["network"]).__name__) == (16, "MLP")
    assert (found["horizon"], found["batch_size"], found["freq"]) == (7, 32, "D")
    assert found["random_state"] == 1


def test_none_is_spelled_out(edit):
    network = '{ name = "mlp", revin = "none" }'
    file = edit(('network = "nlinear"', f'network = {network}\nvalidation = "none"'))
    forecaster = make_forecaster(read_job(file))
    assert forecaster.validation is None and forecaster.network.revin is None


def test_relative_paths_belong_to_the_job_file(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    job = read_job(folder / "job.toml")
    assert job.path("sales.csv") == folder / "sales.csv"
    monkeypatch.chdir(folder)
    assert read_job("job.toml").folder == folder / "out"


def test_all_faults_at_once_each_with_file_path_rule_and_value(edit):
    file = edit(
        ('format = "csv"', 'fromat = "csv"\nreport = "yes"\nlanguage = "fr"'),
        ("n_windows = 2", "n_windows = 0\nrefit = 1"),
        ("horizon = 7", "horizon = 7.5\nbatchsize = 3\nlearning_rate = -1.0"),
        ('path = "truth.csv"', 'path = "thruth.csv"'),
        ("smape = 5.0", "smape = 0"),
    )
    found = faults(file)
    assert all(line.startswith(f"{file}: ") for line in found)
    text = "\n".join(found)
    for expected in (
        "output.fromat must be left out or one of ['folder', 'format',",
        "Got 'csv'. Did you mean 'format'?",
        "output.report must be a valid boolean. Got 'yes'.",
        "output.language must be 'en' or 'zh'. Got 'fr'.",
        "backtest.n_windows must be greater than or equal to 1. Got 0.",
        "backtest.refit must be a valid boolean. Got 1.",
        "forecaster.horizon must be a positive int. Got 7.5.",
        "forecaster.batchsize is not a parameter of Forecaster. Did you mean 'batch_size'?",
        "forecaster.learning_rate must be a finite number in (0, inf). Got -1.0.",
        "test.path must be an existing file. Got 'thruth.csv'. Looked for",
        "test.naive2.smape must be greater than 0. Got 0.",
    ):
        assert expected in text
    assert len(found) == 10


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ('network = "nlinear"', 'network = "nlinar"', "Got 'nlinar'. Did you mean 'nlinear'?"),
        ('network = "nlinear"', "network = {}", "forecaster.network.name must be the name"),
        (
            'network = "nlinear"',
            'network = { name = "mlp", d_modle = 3, n_layers = 0 }',
            "Did you mean 'd_model'?",
        ),
        ('path = "sales.csv"', "", "data must be given by either dataset or path"),
        ('path = "sales.csv"', 'dataset = "m4_hourli"', "Did you mean 'm4_hourly'?"),
        ('path = "sales.csv"', 'path = "sales.xls"', "data must be a .csv or .parquet file"),
        ('path = "sales.csv"', "path = 3", "data.path must be a valid string. Got 3."),
        ("horizon = 7", 'horizon = 7\nload = "a.tsmodels"', "forecaster.horizon must be left out"),
        ("horizon = 7", 'horizon = 7\ntarget = "y"', "forecaster.target must be said in [data]"),
        ("[backtest]", "[backtset]", "backtset must be left out or one of ['data', 'forecaster',"),
        ("[data]", "[daten]", "data is missing."),
    ],
)
def test_one_fault(edit, old, new, expected):
    assert expected in "\n".join(faults(edit((old, new))))


def test_every_field_of_a_network_is_checked(edit):
    table = 'network = { name = "mlp", d_modle = 3, n_layers = 0 }'
    text = "\n".join(faults(edit(('network = "nlinear"', table))))
    assert "network__d_modle" in text and "MLP.n_layers must be" in text


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"[data\npath = 1", "not a TOML file: .*line 1"),
        (b"[data]\n\xff\xfe", "not a TOML file: line 2 is not UTF-8 text"),
        (b"", "data is missing"),
    ],
)
def test_unreadable_files(tmp_path, content, expected):
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(JobError, match=expected):
        read_job(file)


def test_missing_file_and_folder(tmp_path):
    (tmp_path / "nightly.toml").touch()
    with pytest.raises(JobError, match="existing TOML file.*Did you mean 'nightly.toml'"):
        read_job(tmp_path / "nightli.toml")
    with pytest.raises(JobError, match="cannot be read: Is a directory"):
        read_job(tmp_path)
