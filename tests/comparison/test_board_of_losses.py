"""A board of a log with losses: what means nothing below 0 is left out, and said; the rest is as ever."""

import re

import numpy as np
import pytest

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks.method_checks import CHECKS
from clv_experiments.comparison.checks.protocol import run_checks
from clv_experiments.comparison.display.figures import board_figures
from clv_experiments.comparison.display.page import render_leaderboard_page
from clv_experiments.comparison.display.tables import PAGE_METRICS, board_markdown
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import metrics

RNG = np.random.default_rng(4)
PROFIT = RNG.normal(3.0, 8.0, 120) * (RNG.random(120) < 0.7)
PREDICTED = {"tree": PROFIT + RNG.normal(0, 3.0, 120), "rule": PROFIT + RNG.normal(0, 12.0, 120), "zeros": PROFIT * 0}
BASELINES = {"rule": "baseline", "zeros": "baseline"}


@pytest.fixture(scope="module")
def cell(cell_of):
    return cell_of(PREDICTED, PROFIT, families=BASELINES, d2_floor=-0.2, has_losses=True)


@pytest.fixture(scope="module")
def board(cell):
    return compute_standings(cell, "normalised_gini", replicates=100)


def test_a_metric_that_means_nothing_is_refused_with_those_that_do(cell):
    for metric in ("d2_tweedie", "top_10_share", "top_20_share"):
        message = rf"^log 'shop' has losses, of which {metric} means nothing; type metric=<one of (.*)>$"
        with pytest.raises(ClvError, match=message) as refused:
            compute_standings(cell, metric, replicates=100)
        assert re.search(message, str(refused.value))[1] == "normalised_gini, spearman, r2"


def test_scores_are_those_of_the_customers(board):
    assert set(board.table["metric"]) == set(METRICS) - {*metrics.UNDEFINED_WITH_LOSSES, "crps"}
    for name, function in {"normalised_gini": metrics.normalised_gini, "r2": metrics.r2, "mae": metrics.mae}.items():
        scores = board.rows(name)["score"]
        assert {label: scores[label] for label in PREDICTED} == pytest.approx(
            {label: function(PROFIT, predicted) for label, predicted in PREDICTED.items()}
        )
    assert board.ranking == ["tree", "rule", "zeros"]
    assert board.displayed_metrics(PAGE_METRICS) == [
        "normalised_gini",
        "spearman",
        "aggregate_bias",
        "rmse",
        "mae",
    ]


def test_checks_figures_and_pages_leave_out_shares_of_a_total(board):
    fired = run_checks(board, CHECKS)
    assert {result.check.code for result in fired if result.outcome == "not applicable"} >= {"M3"}
    assert "value_capture.png" not in {record.name for record in board_figures(board)}
    page, text = render_leaderboard_page([(board, fired)], None, "today"), board_markdown(board, fired)
    assert "not applicable: M3 Hangs on a handful of customers, since losses cancel spend" in text
    assert "<dt>D2</dt>" not in page
    assert "D2 and the shares of top customers mean nothing and are left out" in text


def test_a_total_below_zero_has_no_bias_and_the_rest_is_there(cell_of):
    predicted = {"tree": PREDICTED["tree"] - 9, "zeros": PROFIT * 0}
    lost = cell_of(predicted, PROFIT - 9, families=BASELINES, has_losses=True)
    board = compute_standings(lost, "r2", replicates=100)
    assert (PROFIT - 9).sum() < 0
    assert board.rows("aggregate_bias")["score"].isna().all()
    assert board.ranking == ["tree", "zeros"]
    assert len(list(board_figures(board))) == 4
    assert render_leaderboard_page([(board, run_checks(board, CHECKS))], None, "today")
