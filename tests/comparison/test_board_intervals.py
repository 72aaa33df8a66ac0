"""What intervals held, counted by hand, and how a board shows it."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.comparison.checks.method_checks import CHECKS
from clv_experiments.comparison.checks.protocol import run_checks
from clv_experiments.comparison.display.intervals import build_coverage_section, build_totals_section
from clv_experiments.comparison.display.page import render_leaderboard_page
from clv_experiments.comparison.display.tables import board_markdown
from clv_experiments.comparison.intervals import coverage_by_model, level_totals_by_origin
from clv_experiments.comparison.standings import compute_standings

Y = [np.array([0.0, 0.0, 10.0, 40.0]), np.array([0.0, 5.0, 10.0, 20.0])]
P = np.array([1.0, 2.0, 8.0, 20.0])


def predictions(cutoffs, high, *, missing=0):
    """Four customers at two origins, intervals from 0 to ``high`` times the prediction; the second is one-time."""
    frames = []
    for step, (cutoff, y) in enumerate(zip(cutoffs, Y, strict=True)):
        ends = {"low_80": 0.0, "high_80": high * P, "low_95": 0.0, "high_95": 2 * high * P, "crps": np.abs(y - P)}
        blank = dict.fromkeys(ends, np.nan) if step < missing else ends
        frames.append(
            pd.DataFrame(
                {"customer_id": [f"c{i:06d}" for i in range(4)], "cutoff": cutoff, "y_true": y, "y_pred": P}
            ).assign(purchase_days=(y > 0).astype(int), frequency=[1, 0, 1, 1], **blank)
        )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def cell(cell_of):
    cutoffs = pd.date_range("2001-03-31", periods=2, freq="QE")
    ends = {"lower_80": {0: 20.0, 1: 30.0}, "upper_80": {0: 40.0, 1: 50.0}}
    ends |= {"lower_95": {0: 10.0, 1: 20.0}, "upper_95": {0: 55.0, 1: 60.0}}
    entries = {
        "wide": {"predictions": predictions(cutoffs, 2.0), "total_interval_bounds": ends},
        "narrow": {"predictions": predictions(cutoffs, 0.5, missing=1)},
    }
    return cell_of({"wide": [P, P], "narrow": [P, P], "old": [P, P]}, Y, entries=entries)


def test_coverage_by_hand_over_the_origins_that_all_have(cell):
    coverage = coverage_by_model(cell)
    assert list(coverage.index) == ["wide", "narrow"]  # a run of before has no intervals
    # The second origin alone: 0, 5, 10, 20 against 2, 4, 16, 40, and against 0.5, 1, 4, 10.
    assert coverage["coverage_80"].tolist() == [0.75, 0.25]
    assert coverage["coverage_95"].tolist() == [1.0, 0.5]
    assert coverage["coverage_80_top_decile"].tolist() == [1.0, 0.0]
    assert coverage["coverage_80_one_time"].tolist() == [0.0, 0.0]
    assert coverage["no_spend"].tolist() == [0.25, 0.25]


def test_totals_by_hand(cell):
    totals = level_totals_by_origin(cell)
    assert totals["holdout"].tolist() == list(cell.holdouts)
    assert totals[["predicted", "actual"]].to_numpy().tolist() == [[31.0, 50.0], [31.0, 35.0]]
    assert totals["held_80"].tolist() == [False, True]
    assert totals["held_95"].tolist() == [True, True]


def test_a_board_shows_both(cell):
    section, total = build_coverage_section(cell), build_totals_section(cell)
    assert section.table.headings[:4] == ["model", "80 %: all", "80 %: top decile", "80 %: one-time"]
    assert section.table.rows[0][:3] == ["wide", "75.0%", "100.0%"]
    assert "25.0% spent nothing" in section.sentences[0]
    assert total.table.rows[0][1:3] == ["GBP 31.00", "GBP 20.00 to GBP 40.00"]
    assert "80 % interval held the actual total at 1 of 2 origins" in " ".join(total.sentences)
    board = compute_standings(cell, "d2_tweedie", replicates=100)
    checks = run_checks(board, CHECKS)
    for text in (board_markdown(board, checks), render_leaderboard_page([(board, checks)], None, "today")):
        assert section.title in text
        assert total.title in text


def test_without_intervals_nothing_is_shown(cell_of):
    old = cell_of({"old": P}, Y[0])
    assert coverage_by_model(old).empty
    assert level_totals_by_origin(old).empty
    board = compute_standings(old, "d2_tweedie", replicates=100)
    assert build_coverage_section(old).title not in board_markdown(board, run_checks(board, CHECKS))
    assert "crps" not in board.oriented_scores


def test_crps_ties_and_counts_the_origins_that_have_it(cell):
    complete = compute_standings(replace_entries(cell, ["wide", "narrow"]), "d2_tweedie", replicates=100)
    rows = complete.rows("crps")
    assert rows["score"].tolist() == [np.abs(Y[1] - P).mean()] * 2  # the first origin has none of one model
    assert rows["group"].tolist() == [1, 1]
    assert np.isnan(rows["spread"]).all()
    assert set(complete.by_origin.query("metric == 'crps'")["step"]) == {1}
    assert (
        "crps" not in compute_standings(cell, "d2_tweedie", replicates=100).oriented_scores
    )  # a model has none at all


def replace_entries(cell, labels):
    return type(cell)(**{**vars(cell), "entries": tuple(e for e in cell.entries if e.label in labels)})
