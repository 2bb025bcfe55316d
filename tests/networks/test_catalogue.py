"""The catalogue and the page made of it; the models of all networks are built once."""

import re
from pathlib import Path

import pytest

from tsmodels import cli
from tsmodels.networks import NETWORKS, catalogue

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


@pytest.fixture(scope="module")
def entries():
    return catalogue.catalogue()


@pytest.fixture
def built(entries, monkeypatch):
    monkeypatch.setattr(catalogue, "catalogue", lambda: entries)


def test_the_page_is_up_to_date(built, capsys):
    assert cli.main(["networks", "--markdown"]) == 0
    page = capsys.readouterr().out
    assert PAGE.read_text() == page, "run: tsmodels networks --markdown > docs/networks.md"


def test_every_network_stands_in_the_list_with_its_paper(built, capsys):
    assert cli.main(["networks"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == list(catalogue.TITLES)
    assert [line.split()[0] for line in lines] == sorted(NETWORKS)
    for line in lines:
        assert re.search(r"[A-Z]\w+.*\b(19|20)\d\d\b", line), f"no paper in: {line}"


def test_on_a_terminal_the_list_is_as_wide_as_that(built, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main(["networks"]) == 0
    plain = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert max(map(len, plain.splitlines())) <= 100
    firsts = {line.split()[0] for line in plain.splitlines() if line[0] != " "}
    assert set(NETWORKS) <= firsts and "133,313" in plain


def test_an_lstm_by_hand(entries):
    (lstm,) = (entry for entry in entries if entry.name == "lstm")
    assert lstm.network == "Long short-term memory"
    assert lstm.paper.startswith("Hochreiter & Schmidhuber, 1997")
    assert (lstm.tasks, lstm.causal, lstm.streaming) == ("all but translation", True, True)
    cell, steps, head = 4 * (1 + 64 + 1) * 64, (64 + 1) * 24 * 64, 64 + 1
    assert lstm.parameters == cell + steps + head


def test_what_the_hooks_say(entries):
    tasks = {entry.name: entry.tasks for entry in entries}
    assert {tasks[name] for name in ("nlinear", "nbeats", "tft")} == {"forecast"}
    assert {tasks[name] for name in ("seq2seq", "gnmt", "transformer")} == {"all"}
    streaming = {entry.name for entry in entries if entry.streaming}
    assert {"rnn", "gru", "mamba2", "rwkv7", "ttt_mlp"} <= streaming
    assert not streaming & {"gnmt", "nlinear", "transformer"}


def test_one_network(capsys):
    assert cli.main(["networks", "mlp"]) == 0
    out = capsys.readouterr().out
    for shown in ("parameters  83,888", "d_model=128", "He et al., 2016", "starts at zero"):
        assert shown in out
    assert cli.main(["networks", "ttt_linear"]) == 0
    assert "from tsmodels.networks import TTTLinearNetwork" in capsys.readouterr().out
    assert cli.main(["networks", "mlpp"]) == 2
    assert "Did you mean 'mlp'?" in capsys.readouterr().err
