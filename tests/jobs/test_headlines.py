"""Headlines in a job: which row each belongs to, and what the forecaster is given."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels.jobs import run
from tsmodels.jobs.config import Backtest, JobError, make_forecaster, read_job
from tsmodels.jobs.headlines import worth
from tsmodels.jobs.phrases import LANGUAGES
from tsmodels.jobs.report import _worth_in_words

GOOD, BAD = ["profit rises again", "record sales"], ["profit falls again", "weak sales"]
JOB = """
[data]
path = "prices.csv"

[headlines]
path = "headlines.csv"
learn = "opinions.csv"
favourable = "good"

[forecaster]
network = "mlp"
past_covariates = ["sentiment", "volume"]
horizon = 2
lookback = 4
max_steps = 10
random_state = 0

[backtest]
n_windows = 2

[output]
folder = "out"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("headlines")
    days = pd.date_range("2024-01-01", periods=30, freq="D")
    rng = np.random.default_rng(0)
    parts = [
        {"unique_id": name, "ds": days, "y": rng.normal(size=30).cumsum(), "volume": rng.random(30)}
        for name in ("A", "B")
    ]
    pd.concat(map(pd.DataFrame, parts)).iloc[::-1].to_csv(folder / "prices.csv", index=False)
    told = [
        ("A", "2024-01-03 18:00", "record sales of A"),
        ("A", "2024-01-05", "profit rises"),
        ("A", "2024-01-04 10:00", "weak sales"),
        ("B", "2024-01-02", "profit falls"),
        ("B", "2024-03-01", "record sales"),
        ("C", "2024-01-05", "record sales"),
    ]
    pd.DataFrame(told, columns=["unique_id", "ds", "text"]).to_csv(
        folder / "headlines.csv", index=False
    )
    opinions = {"text": (GOOD + BAD) * 8, "label": ["good", "good", "bad", "bad"] * 8}
    pd.DataFrame(opinions).to_csv(folder / "opinions.csv", index=False)
    (folder / "job.toml").write_text(JOB)
    return folder


def test_a_headline_belongs_to_the_first_row_that_can_know_it(folder):
    frame, sha256, _ = run.read_history(read_job(folder / "job.toml"))
    told = frame[frame.sentiment != 0].set_index(["unique_id", "ds"]).sentiment.sort_index()
    stamps = [("A", "2024-01-04"), ("A", "2024-01-05"), ("B", "2024-01-02")]
    assert [(uid, str(ds.date())) for uid, ds in told.index] == stamps
    after, both, before = told
    assert after > 0.2 and before < -0.2  # record sales; profit falls
    assert abs(both) < after  # of one row the mean: weak sales, and profit that rises
    assert len(sha256) == 64 and "volume" in frame
    assert frame.ds.min() == pd.Timestamp("2024-01-02") and len(frame) == 58  # of 60


def test_the_forecaster_is_given_them(folder):
    outcome = run.run_backtest(read_job(folder / "job.toml"))
    assert outcome.exit_code == 0 and "The headlines" in outcome.verdict
    assert "The headlines" in (folder / "out" / "report.html").read_text()
    told = outcome.manifest["headlines"]
    assert abs(told["gain"]) < 1.0 and told["p"] is None  # of two windows nobody can tell


def test_headlines_that_know_the_future_are_worth_something(folder):
    job = read_job(folder / "job.toml")
    history = run.read_history(job)[0].assign(sentiment=0.0)
    answer = tsmodels.backtest(make_forecaster(job), history, n_windows=8).frame
    better = answer.assign(yhat=0.9 * answer.y + 0.1 * answer.yhat)
    gain, p = worth(dataclasses.replace(job, backtest=Backtest(n_windows=8)), history, better)
    assert gain == pytest.approx(0.9) and p < 0.01


def test_what_headlines_are_worth_in_words():
    words = LANGUAGES["en"]
    assert "made its error 12 % smaller" in _worth_in_words(0.12, 0.01, words)
    assert "made its error 12 % larger" in _worth_in_words(-0.12, 0.01, words)
    for p in (0.2, float("nan")):
        assert "may well be chance" in _worth_in_words(0.12, p, words)


def changed(folder, old, new):
    assert old in JOB
    file = folder / "changed.toml"
    file.write_text(JOB.replace(old, new))
    return file


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('"sentiment", ', "", "forecaster.past_covariates must be with 'sentiment'"),
        ('learn = "opinions.csv"', "", "headlines must be with either model or learn"),
        ('"opinions.csv"', '"opinion.csv"', "headlines.learn must be an existing file"),
        ('path = "headlines.csv"', 'paht = "headlines.csv"', "Did you mean 'path'"),
    ],
)
def test_faults_of_the_file(folder, old, new, words):
    with pytest.raises(JobError, match=words):
        read_job(changed(folder, old, new))


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('favourable = "good"', 'favourable = "god"', "Did you mean 'good'"),
        ('"headlines.csv"', '"opinions.csv"', "headlines.path must be a file with a column 'uni"),
        ('"headlines.csv"', '"prices.csv"', "a column 'text'"),
    ],
)
def test_faults_of_what_is_read(folder, old, new, words):
    with pytest.raises(JobError, match=words):
        run.read_history(read_job(changed(folder, old, new)))
