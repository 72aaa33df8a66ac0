"""What a benchmark that cannot be measured says."""

import pytest

from clv_experiments.commands.benchmark import run_benchmarks


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["load", "--processes", "1", "--runs", "1", "--store", "http://127.0.0.1:9"], "cannot be reached"),
        (["speed", "--tasks", "nope"], "there is no task 'nope'; there are features"),
        (["accuracy", "--tools", "nope"], "there is no tool 'nope'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(typed, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmark", *typed])
    assert run_benchmarks() == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("error: ")
    assert message in sentence
