"""What a notebook calls: the same numbers as the commands, from frames of any kind, with errors in one sentence."""

import warnings
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest

import clv_experiments as clv
from clv_experiments.commands.train import run_experiment
from clv_experiments.comparison.checks import Finding
from clv_experiments.errors import ClvError
from clv_experiments.tracking.run_reader import RunReader


@pytest.fixture(scope="module")
def log():
    return clv.read_log("cdnow_sample")


@pytest.fixture(scope="module")
def story(log):
    return clv.train(log, model="mbg_nbd", window="3m")


@pytest.fixture(scope="module")
def mine(story):
    """What somebody else predicts: a tenth less."""
    table = story.predictions[["customer_id", "cutoff", "y_pred"]]
    return table.assign(y_pred=0.9 * table["y_pred"])


def test_a_result_is_what_the_command_finds(story, compose):
    typed = run_experiment(compose("model=mbg_nbd", "data=cdnow_sample", "window=3m"))
    assert story.evaluation.comparison.scores == typed.comparison.scores
    pd.testing.assert_frame_equal(story.predictions, typed.holdout_predictions)
    assert story.scores["d2_tweedie"] == story.comparison.loc["mbg_nbd", "d2_tweedie"]


def test_a_result_shows_itself(story):
    assert "mbg_nbd" in repr(story)
    assert "<table" in story._repr_html_()
    assert story.plot("calibration")._repr_png_().startswith(b"\x89PNG"), "whether or not pyplot is imported"
    assert "coefficients" in story.tables
    with pytest.raises(ClvError, match="there is no one picture 'pie'; there are predicted_against_actual"):
        story.plot("pie")


def test_a_frame_of_any_kind_is_the_same_log(log):
    frame = log.purchase_days[["customer_id", "date", "amount"]]
    frame = frame[frame["amount"] > 0]
    logs = [clv.read_log(kind) for kind in (frame, pa.Table.from_pandas(frame), frame.set_index("customer_id"))]
    assert len({read.transactions.fingerprint for read in logs}) == 1
    assert logs[0].customers == frame["customer_id"].nunique()
    assert logs[0].name == "log"


def test_two_frames_in_a_row_are_two_logs(log):
    frame = log.purchase_days[["customer_id", "date", "amount"]]
    assert clv.read_log(frame).customers > clv.read_log(frame[frame["customer_id"] > "1000"]).customers


def test_columns_are_named_or_guessed_and_said(log):
    frame = log.purchase_days.rename(columns={"customer_id": "who", "amount": "paid"})[["who", "date", "paid"]]
    read = clv.read_log(frame, columns={"customer_id": "who", "amount": "paid"}, name="shop", currency="EUR")
    assert (read.name, read.transactions.currency) == ("shop", "EUR")
    assert read.report["rows"].iloc[0] == len(frame)
    assert "<table" in read._repr_html_()


def test_what_a_notebook_shows_of_a_log_is_escaped(log):
    frame = log.purchase_days.rename(columns={"customer_id": "<i>who", "amount": "paid"})[["<i>who", "date", "paid"]]
    read = clv.read_log(frame, columns={"customer_id": "<i>who", "amount": "paid"}, name="a<b>c")
    assert "a&lt;b&gt;c" in read._repr_html_()
    assert "<i>" not in read._repr_html_()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: clv.train(log, model="xgbost"), "there is no model=xgbost; did you mean xgboost"),
        (lambda log: clv.train(log, window="9 moons"), "moons"),
        (lambda log: clv.train(log, settings={"window.depth": 3}), "no setting window.depth"),
        (lambda log: clv.read_log(5), "not from int"),
        (lambda log: clv.read_log("nowhere.csv"), "nowhere.csv"),
        (lambda log: clv.leaderboard(), "give leaderboard\\(log, models"),
        (lambda log: clv.leaderboard(log, models=["zeros"], metric="luck"), "metric must be one of"),
        (lambda log: clv.leaderboard(log, ["zeros"], predictions={"ridge": pd.DataFrame()}), "'ridge' is a model here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(log, call, words):
    with pytest.raises(ClvError, match=words):
        call(log)


def test_results_and_predictions_of_anybody_meet_on_one_board(story, mine, tmp_path):
    board = clv.leaderboard(results=[story], predictions={"mine": mine}, replicates=200)
    assert set(board.table.index) == {"mbg_nbd", "mine"}
    assert board.table.loc["mine", "family"] == "external"
    assert board.table.loc["mbg_nbd", "d2_tweedie"] == story.scores["d2_tweedie"]
    assert board.table.loc["mine", "normalised_gini"] == pytest.approx(board.table.loc["mbg_nbd", "normalised_gini"])
    assert board.champion is story, "what was made elsewhere cannot be fitted again"
    assert list(board.findings.columns) == ["check", "model", "finding"]
    assert board.checks["outcome"].isin(["found", "nothing found", "not applicable"]).all()
    assert board.checks.loc["M1", "reason"] == "there is no baseline on the board"
    assert "mine" in board.to_html(tmp_path / "board.html")
    assert (tmp_path / "board.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert board.plot()._repr_png_().startswith(b"\x89PNG")


def test_a_check_of_ones_own_is_asked_too(story):
    own = SimpleNamespace(
        code="OWN", title="t", question="q?", find=lambda standings: [Finding("all"), Finding("a <b>", "mbg_nbd")]
    )
    board = clv.leaderboard(results=[story], checks=[own], replicates=100)
    assert board.findings.iloc[-2:].to_numpy().tolist() == [["OWN", "whole board", "all"], ["OWN", "mbg_nbd", "a <b>"]]
    assert board.findings.notna().all(axis=None)
    assert board.checks.notna().all(axis=None)
    assert "<li>OWN: a &lt;b&gt;</li>" in board._repr_html_()
    with pytest.raises(ClvError, match="str is no check"):
        clv.leaderboard(results=[story], checks=["M1"])


def test_results_of_different_cells_are_not_compared(log, story):
    other = clv.train(log, model="zeros", window="1m")
    with pytest.raises(ClvError, match="zeros and mbg_nbd are of different cells"):
        clv.leaderboard(results=[story, other])


@pytest.mark.slow
def test_a_board_fits_what_is_asked_for_beside_the_baselines(log):
    board = clv.leaderboard(log, models=["mbg_nbd"], window="3m", replicates=100)
    families = board.table["family"].value_counts()
    assert families["btyd"] == 1
    assert families["baseline"] == 6
    assert "mbg_nbd" in board.verdict


def test_scores_are_those_of_the_champion(log, story):
    scores = clv.score(log, window="3m", model=story)
    assert len(scores) == log.customers
    assert "fitted now" in scores.attrs["notes"]
    pd.testing.assert_frame_equal(scores, clv.score(log, window="3m", model="mbg_nbd"))


@pytest.mark.slow
def test_a_run_is_kept_where_that_is_asked_for(log, work, migrated):
    with warnings.catch_warnings(action="ignore"):  # of MLflow
        kept = clv.train(log, model="zeros", window="3m", tracking=migrated(work) / "mlruns")
    (run,) = RunReader(work / "mlruns").runs("cdnow_sample 3m")
    assert run.metrics["holdout_mae"] == kept.scores["mae"]


def test_a_model_of_the_working_folder_is_one_of_the_options(log, work):
    (work / "conf" / "model").mkdir(parents=True)
    own = work / "conf" / "model" / "own_zeros.yaml"
    own.write_text("defaults:\n  - zeros\n  - _self_\nname: own_zeros\n")
    result = clv.train(log, model="own_zeros", window="3m")
    assert result.model == result.run.name == "own_zeros"
    assert result.scores["mae"] == result.comparison.loc["zeros", "mae"]
