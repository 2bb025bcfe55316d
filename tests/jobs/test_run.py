"""Jobs on real estimators: what lies in the output folder, and what a failure leaves behind."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

import tsmodels
from tsmodels import metrics
from tsmodels.jobs import run
from tsmodels.jobs.config import JobError, read_job

TEXT_IDS = {"unique_id": "str"}


def files(folder):
    return sorted(path.name for path in (folder / "out").iterdir())


def test_forecast_writes_what_predict_says(folder, edit, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    job = read_job(edit(('format = "csv"', 'format = "csv"\nmodel = true')))
    stages = []
    outcome = run.run_forecast(
        job, lambda name: stages.append(name) or run.contextlib.nullcontext()
    )
    assert stages == ["read", "fit", "forecast", "score", "write"]
    assert outcome.exit_code == 0
    assert files(folder) == [
        "forecast.csv",
        "manifest.json",
        "model.tsmodels",
        "report.html",
        "scores.csv",
    ]
    written = pd.read_csv(folder / "out/forecast.csv", dtype=TEXT_IDS, parse_dates=["ds"])
    assert written["unique_id"].drop_duplicates().tolist() == ["007", "北京", "<b>&", "d"]
    again = tsmodels.load(folder / "out/model.tsmodels").predict()
    np.testing.assert_allclose(written["yhat"], again["yhat"], rtol=1e-9)
    truth, _ = run.read_source(job, job.test, "test")
    history, _ = run.read_source(job, job.data, "data")
    expected = metrics.evaluate(
        again, truth, metrics=["mase", "mae"], train=history, season_length=7
    )
    scores = pd.read_csv(folder / "out/scores.csv", dtype=TEXT_IDS)
    np.testing.assert_allclose(scores["mase"], expected.by_id["mase"], rtol=1e-6)
    assert outcome.means.loc["yhat", "mae"] == pytest.approx(expected.mean["mae"])
    mean = outcome.means.loc["yhat"]
    assert outcome.owa == pytest.approx((200 * mean["smape"] / 5.0 + mean["mase"] / 1.5) / 2)


def test_manifest(folder):
    outcome = run.run_forecast(read_job(folder / "job.toml"))
    text = (folder / "out/manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert str(folder) not in text
    assert manifest["format_version"] == 1
    assert manifest["job"]["settings"]["forecaster"]["horizon"] == 7
    assert manifest["series"] == {"read": 4, "answered": 4, "failed": 0, "fallback": 0}
    assert manifest["data"]["rows"] == 60 + 80 + 50 + 70 - 4 * 7
    assert manifest["data"]["first"].startswith("2024-01-01")
    content = (folder / "sales.csv").read_bytes()
    assert manifest["data"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert {"tsmodels", "keras", "pandas", "python"} <= set(manifest["versions"])
    assert set(manifest["seconds"]) == {"read", "fit", "forecast", "score", "write"}
    assert manifest["scores"]["yhat"]["mase"] == pytest.approx(
        outcome.means.loc["yhat", "mase"], abs=1e-6
    )


def test_parquet_load_and_no_truth(folder, edit):
    job = read_job(edit(('format = "csv"', 'format = "parquet"\nmodel = true')))
    run.run_forecast(job)
    first = pd.read_parquet(folder / "out/forecast.parquet")
    (folder / "out/model.tsmodels").rename(folder / "kept.tsmodels")
    text = (folder / "job.toml").read_text(encoding="utf-8")
    head, tail = text.split("[forecaster]")
    tail = tail[tail.index("[output]") :].replace('folder = "out"', 'folder = "again"')
    loaded = folder / "loaded.toml"
    loaded.write_text(f'{head}[forecaster]\nload = "kept.tsmodels"\n{tail}', encoding="utf-8")
    outcome = run.run_forecast(read_job(loaded))
    second = pd.read_parquet(folder / "again/forecast.parquet")
    pd.testing.assert_frame_equal(first, second)
    assert outcome.means is None and not (folder / "again/scores.csv").exists()
    assert "not known yet" in (folder / "again/report.html").read_text(encoding="utf-8")


def test_backtest(folder):
    job = read_job(folder / "job.toml")
    outcome = run.run_backtest(job)
    assert files(folder) == ["backtest.csv", "manifest.json", "report.html", "scores.csv"]
    frame = pd.read_csv(folder / "out/backtest.csv", dtype=TEXT_IDS)
    assert len(frame) == 4 * 2 * 7
    result = tsmodels.backtest(
        run.make_forecaster(job), run.read_source(job, job.data, "data")[0], 2
    )
    np.testing.assert_allclose(frame["yhat"], result.frame["yhat"], rtol=1e-9)
    common = ["mae", "mase", "smape"]
    np.testing.assert_allclose(
        outcome.means[common], result.scores.loc[outcome.means.index, common], rtol=1e-6
    )
    assert "simple forecast" in outcome.verdict
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert "NLinear forecast 2 stretches of the past" in page and "sales · best" in page


def test_series_without_an_answer_are_listed_and_cost_the_exit_code(folder):
    sales = pd.read_csv(folder / "sales.csv", dtype={"shop": "str"})
    sales.loc[sales["shop"] == "d", "sales"] = np.nan
    sales.to_csv(folder / "sales.csv", index=False)
    job = read_job(folder / "job.toml")
    outcome = run.run_forecast(job)
    assert outcome.exit_code == 1
    failed = pd.read_csv(folder / "out/failed.csv")
    assert failed.to_dict("records") == [{"unique_id": "d", "reason": "Every value is missing."}]
    written = pd.read_csv(folder / "out/forecast.csv", dtype=TEXT_IDS)
    assert written["unique_id"].unique().tolist() == ["007", "北京", "<b>&"]
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert "What failed and why" in page and "Every value is missing." in page
    good = pd.read_csv(folder / "truth.csv", dtype={"shop": "str"})
    whole = pd.concat([sales[sales["shop"] != "d"], good[good["shop"] == "d"]])
    whole.to_csv(folder / "sales.csv", index=False)
    assert run.run_backtest(job).exit_code == 1  # seven rows are no window
    (folder / "sales.csv").write_text(
        sales[sales["shop"] != "d"].to_csv(index=False), encoding="utf-8"
    )
    good[good["shop"] != "d"].to_csv(folder / "truth.csv", index=False)
    assert run.run_forecast(job).exit_code == 0
    assert not (folder / "out/failed.csv").exists()  # the next run clears the list


def test_a_constant_series_does_not_spoil_the_means(folder):
    for name in ("sales.csv", "truth.csv"):
        frame = pd.read_csv(folder / name, dtype={"shop": "str"})
        frame.loc[frame["shop"] == "d", "sales"] = 5.0
        frame.to_csv(folder / name, index=False)
    outcome = run.run_forecast(read_job(folder / "job.toml"))
    assert outcome.means.loc["yhat", "mase"] < 5
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert "1 series of constant history have no MASE" in page


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda f: f.rename(columns={"sales": "sale"}), "data.target must be a column.*'sale'?"),
        (lambda f: f.assign(day="May the 4th"), "data.ds must be a column of ISO dates.*Row 1"),
        (lambda f: f.assign(sales="many"), "must be"),
        (lambda f: pd.concat([f, f[:1]]), "must be"),
        (lambda f: f[:0], "must be"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(folder, change, expected):
    change(pd.read_csv(folder / "sales.csv", dtype={"shop": "str"})).to_csv(
        folder / "sales.csv", index=False
    )
    with pytest.raises((ValueError, TypeError), match=expected):
        run.run_forecast(read_job(folder / "job.toml"))
    assert files(folder) == []


def test_unreadable_input(folder, edit):
    (folder / "sales.parquet").write_bytes(b"PAR1 not really")
    job = read_job(edit(('path = "sales.csv"', 'path = "sales.parquet"')))
    with pytest.raises(JobError, match="data.path: sales.parquet cannot be read as Parquet"):
        run.run_forecast(job)
    (folder / "sales.csv").write_bytes(b"\x00\xff\xfe")
    job = read_job(edit(('path = "sales.parquet"', 'path = "sales.csv"')))
    with pytest.raises(JobError, match="data.path: sales.csv cannot be read as CSV"):
        run.run_forecast(job)


def test_truth_must_match(folder):
    truth = pd.read_csv(folder / "truth.csv", dtype={"shop": "str"})
    truth[1:].to_csv(folder / "truth.csv", index=False)
    with pytest.raises(ValueError, match=r"truth must be a frame with a row.*\(007, 2024-02-23"):
        run.run_forecast(read_job(folder / "job.toml"))


def test_output_folder_that_is_a_file(folder):
    (folder / "out").write_text("in the way")
    with pytest.raises(JobError, match="output.folder must be a folder that can be written"):
        run.run_forecast(read_job(folder / "job.toml"))
    assert (folder / "out").read_text() == "in the way"


def test_a_full_disk_leaves_the_earlier_file_whole(folder, monkeypatch):
    job = read_job(folder / "job.toml")
    run.run_forecast(job)
    before = (folder / "out/forecast.csv").read_bytes()

    def full(self, path, **kwargs):
        path.write_text("half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(JobError, match="Got 'out'. The system says: No space left on device"):
        run.run_forecast(job)
    assert (folder / "out/forecast.csv").read_bytes() == before
    assert files(folder) == ["forecast.csv", "manifest.json", "report.html", "scores.csv"]
