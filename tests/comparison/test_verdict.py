"""Who wins is decided from scores and ties, and the sentences that say so hold the numbers."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from clv_experiments.comparison.aggregate import rank_over_cells
from clv_experiments.comparison.verdict import BaselineStanding, Outcome, decide_multi_cell_verdict, decide_verdict

BASELINES = {"mean": "baseline", "rate": "baseline"}


@pytest.fixture
def verdict_of(cell_of, board_of):
    """Decide a board of hand-written scores whose errors are 0.01, so that a hundredth apart is a tie."""

    def decide(scores, *, origins=1):
        cell = cell_of({name: [[1.0, 2.0]] * origins for name in scores}, [[0.0, 3.0]] * origins, families=BASELINES)
        return decide_verdict(board_of(cell, {"d2_tweedie": scores}))

    return decide


@pytest.mark.parametrize(
    ("scores", "outcome", "tied", "baseline_standing"),
    [
        ({"a": 0.5, "b": 0.3, "mean": 0.1}, "sole_winner", ["a"], "behind"),
        ({"a": 0.5, "b": 0.495, "mean": 0.1}, "shared", ["a", "b"], "behind"),
        ({"a": 0.5, "b": 0.495, "c": 0.494, "mean": 0.1}, "shared", ["a", "b", "c"], "behind"),
        ({"a": 0.5, "mean": 0.495, "b": 0.2}, "shared", ["a", "mean"], "tied"),
        ({"mean": 0.5, "a": 0.2}, "sole_winner", ["mean"], "first"),
        ({"mean": 0.5, "a": 0.495, "b": 0.1}, "shared", ["mean", "a"], "first"),
        ({"a": 0.5, "b": 0.499, "mean": 0.498}, "all_tied", ["a", "b", "mean"], "tied"),
        ({"a": 0.5, "b": 0.3}, "sole_winner", ["a"], "none"),
        ({"mean": 0.5, "rate": 0.3}, "sole_winner", ["mean"], "only"),
        ({"a": 0.5}, "alone", ["a"], "none"),
    ],
)
def test_outcome_ties_and_the_place_of_the_best_baseline(verdict_of, scores, outcome, tied, baseline_standing):
    verdict = verdict_of(scores)
    assert (verdict.outcome, list(verdict.tied), verdict.baseline_standing) == (outcome, tied, baseline_standing)
    assert verdict.ranking == tuple(scores)
    assert tied[0] in " ".join(verdict.sentences)


def test_every_outcome_and_every_place_of_the_best_baseline_reads_differently(verdict_of):
    verdict = verdict_of({"a": 0.5, "b": 0.3, "mean": 0.1})
    outcomes, standings = get_args(Outcome), get_args(BaselineStanding)
    assert len({tuple(replace(verdict, outcome=outcome).sentences) for outcome in outcomes}) == len(outcomes)
    assert len({tuple(replace(verdict, baseline_standing=standing).sentences) for standing in standings}) == len(
        standings
    )


def test_a_tie_of_two_is_one_distance_and_of_three_several(verdict_of):
    assert verdict_of({"a": 0.5, "b": 0.499}).sentences[0] == (
        "Nobody wins: both models tie on D2, since the distance of b from a, which scores highest (0.500), "
        "is within chance."
    )
    three = verdict_of({"a": 0.5, "b": 0.499, "mean": 0.498}).sentences[0]
    assert three.startswith("Nobody wins: all 3 models tie on D2, since their distances from a,")
    assert three.endswith("are within chance.")


def test_the_loser_of_two_is_named_and_not_all_others(verdict_of):
    verdict = verdict_of({"a": 0.5, "b": 0.3})
    assert verdict.sentences[0] == "a wins on D2 (0.500): b is 0.200 behind it, beyond chance."


def test_gaps_are_those_of_the_board(verdict_of):
    verdict = verdict_of({"a": 0.5, "b": 0.3, "mean": 0.1})
    assert (verdict.score, verdict.gap, verdict.baseline_gap) == pytest.approx((0.5, 0.2, 0.4))
    assert (verdict.ranking, verdict.baseline) == (("a", "b", "mean"), "mean")
    assert set(re.findall(r"\d\.\d+", " ".join(verdict.sentences))) == {"0.500", "0.200", "0.400"}


def test_a_fitted_model_that_ties_with_the_best_baseline_is_not_worth_its_fitting(verdict_of):
    tied, behind = verdict_of({"mean": 0.5, "a": 0.495, "b": 0.1}), verdict_of({"mean": 0.5, "a": 0.2})
    assert (tied.fitted_tied, behind.fitted_tied) == (True, False)
    assert tied.baseline_standing == behind.baseline_standing == "first"
    assert tied.sentences != replace(tied, fitted_tied=False).sentences


def test_an_undefined_score_has_no_winner(verdict_of):
    verdict = verdict_of({"a": float("nan"), "mean": float("nan")})
    assert verdict.outcome == "undefined"
    (sentence,) = verdict.sentences
    assert "D2" in sentence
    assert "nan" not in sentence


def test_scores_no_better_than_the_mean_are_uninformative(verdict_of):
    assert not verdict_of({"a": 0.5, "b": 0.3}).has_no_skill
    verdict = verdict_of({"a": -0.5, "b": -0.7, "mean": -0.9})
    assert verdict.has_no_skill
    assert "(−0.500)" in verdict.sentences[0]
    informative = replace(verdict, score=0.5)
    assert len(verdict.sentences) == len(informative.sentences) + 1


def test_a_tie_of_a_poor_model_is_no_praise(verdict_of):
    verdict = verdict_of({"a": 0.005, "b": 0.002, "mean": 0.0, "rate": -0.004})
    assert (verdict.tied, verdict.poor_tied) == (("a", "b", "mean", "rate"), ("mean", "rate"))
    assert "no sign that they are as good: mean and rate scored no better than the mean" in " ".join(verdict.sentences)
    shared = verdict_of({"a": 0.505, "b": 0.502, "mean": 0.0})
    assert shared.poor_tied == ()
    assert "no sign" not in " ".join(shared.sentences)
    assert shared.sentences[0] == (
        "a scores highest on D2 (0.505), and b cannot be told apart from it: the distance is within chance."
    )


def test_origins_at_which_a_sole_winner_is_ahead_are_counted(verdict_of):
    scores = {"a": [0.5, 0.5, 0.2], "b": [0.2, 0.3, 0.3], "mean": [0.0, 0.0, 0.0]}
    verdict = verdict_of(scores, origins=3)
    assert (verdict.score, verdict.origins, verdict.origins_ahead) == (pytest.approx(0.4), 3, 2)
    assert "2 of 3" in " ".join(verdict.sentences)
    tied = verdict_of(scores | {"b": [0.5, 0.5, 0.199]}, origins=3)
    assert tied.outcome == "shared"
    assert "of 3" not in " ".join(tied.sentences)


def test_a_model_between_tied_ones_that_is_not_tied_is_named(cell_of, board_of):
    scores = {"first": 0.5, "near": 0.49, "far": 0.48, "mean": 0.1}
    cell = cell_of({name: [1.0, 2.0] for name in scores}, [0.0, 3.0], families=BASELINES)
    board = board_of(cell, {"d2_tweedie": scores})
    table = board.table.copy()
    table.loc[(table["metric"] == "d2_tweedie") & (table["model"] == "near"), "group"] = 2
    verdict = decide_verdict(replace(board, table=table))
    assert (verdict.tied, verdict.outscoring_tied) == (("first", "far"), ("near",))
    assert "near" in " ".join(verdict.sentences)


@pytest.mark.parametrize(("cells", "tied"), [(2, ("a", "b", "mean")), (12, ("a",))])
def test_several_cells_are_decided_by_mean_ranks(cell_of, board_of, cells, tied):
    scores = {"a": 0.5, "b": 0.3, "mean": 0.1}
    boards = []
    for number in range(cells):
        facts = {"identity": str(number), "data": f"log{number}"}
        cell = cell_of({name: [1.0, 2.0] for name in scores}, [0.0, 3.0], families=BASELINES, **facts)
        boards.append(board_of(cell, {"d2_tweedie": scores}))
    verdict = decide_multi_cell_verdict(rank_over_cells(boards))
    assert (verdict.best, verdict.leading, verdict.cells_led) == ("a", ("a",), cells)
    assert verdict.tied == tied
    assert (verdict.metric, verdict.cells, verdict.models) == ("d2_tweedie", cells, 3)
    assert f"{cells} cells" in verdict.sentences[0]
