"""The champion is the simplest of those that share first place, and the words say so with their numbers."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from clv_experiments.comparison.champion import MARGIN, Basis, choose_champion
from clv_experiments.comparison.checks import CheckResult
from clv_experiments.comparison.checks.method_checks import CHECKS, create_finding
from clv_experiments.comparison.display.card import RefitSummary, render_card
from clv_experiments.errors import ClvError

SPENT = [0.0, 1.0, 2.0]
REFIT = RefitSummary(
    experiment="shop 3m",
    address="models:/shop-3m@champion",
    horizon="3 months",
    window="3m",
    currency="GBP",
    log="shop",
    fingerprint="f1",
    first="2000-01-01",
    last="2001-06-30",
    future_period="2001-07-01 to 2001-09-30",
    customers=3,
    learned_from="its calibration period is all of it",
    columns=("frequency", "T"),
    estimator_warnings=("the optimum lies at the boundary",),
    code="0.1.0",
)


@pytest.fixture
def board(cell_of, board_of):
    """Standings of models with a score and a family each; errors are 0.01, so that 0.01 apart is a tie."""

    def build(scores, **families):
        cell = cell_of(dict.fromkeys(scores, SPENT), SPENT, families=families)
        standings = board_of(cell, {"d2_tweedie": scores})
        half_width = 0.0099 * (1 - np.eye(len(scores)))  # so that 0.01 apart is within the margin
        return replace(standings, half_widths={"d2_tweedie": half_width})

    return build


def test_who_wins_alone_is_chosen(board):
    choice = choose_champion(board({"trees": 0.4, "line": 0.3}))
    assert (choice.entry.label, choice.basis, choice.tied, choice.rivals) == ("trees", "sole_winner", (), 1)
    assert (choice.metric, choice.score) == ("d2_tweedie", 0.4)
    (reason,) = choice.reasons
    assert "trees" in reason
    assert "D2 0.400" in reason


def test_a_tie_goes_to_the_simpler_family_and_says_so(board):
    standings = board({"stack": 0.41, "trees": 0.405, "story": 0.40, "rule": 0.3}, stack="hybrid", story="btyd")
    choice = choose_champion(standings)
    assert (choice.entry.label, choice.basis, choice.tied) == ("story", "simpler", ("stack", "trees"))
    assert (choice.leader.label, choice.leader_score, choice.score) == ("stack", 0.41, 0.40)
    assert all(part in choice.reasons[0] for part in ("stack", "D2 0.410", "story", "D2 0.400"))


def test_within_a_family_the_better_is_chosen(board):
    choice = choose_champion(board({"trees": 0.405, "line": 0.40, "other": 0.399}))
    assert (choice.entry.label, choice.basis, choice.tied) == ("trees", "leader", ("line", "other"))
    assert (choice.leader.label, choice.score) == ("trees", 0.405)
    (reason,) = choice.reasons
    assert all(part in reason for part in ("trees", "D2 0.405", "line", "other"))


def test_a_tie_within_wide_intervals_is_no_licence(board):
    """The rule ties because its interval is huge, not because it is good."""
    standings = board({"trees": 0.49, "story": 0.485, "rule": -0.09}, story="btyd", rule="baseline")
    half_widths = standings.half_widths["d2_tweedie"].copy()
    half_widths[2, :] = half_widths[:, 2] = 0.9
    standings.table.loc[standings.table["model"] == "rule", "group"] = 1
    wide = replace(standings, half_widths={**standings.half_widths, "d2_tweedie": half_widths})
    choice = choose_champion(wide)
    assert "rule" in choice.tied
    assert choice.entry.label == "story"
    assert 0.005 < choice.largest_loss <= MARGIN


@pytest.mark.parametrize(("score", "chosen"), [(0.40, "story"), (0.395, "story"), (0.393, "trees")])
def test_the_simpler_model_must_be_shown_to_be_within_the_margin(board, score, chosen):
    standings = board({"trees": 0.405, "story": score}, story="btyd")
    half_widths = np.full((2, 2), MARGIN - 0.0101)
    np.fill_diagonal(half_widths, 0.0)
    standings.table.loc[:, "group"] = 1
    assert choose_champion(replace(standings, half_widths={"d2_tweedie": half_widths})).entry.label == chosen


def test_no_baseline_behind_the_best_baseline_and_none_below_the_mean_is_chosen(board):
    rules = {"best rule": "baseline", "rule": "baseline"}
    assert (
        choose_champion(board({"trees": 0.405, "best rule": 0.404, "rule": 0.403}, **rules)).entry.label == "best rule"
    )
    assert choose_champion(board({"trees": 0.001, "rule": -0.001}, rule="baseline")).entry.label == "trees"


def test_predictions_made_elsewhere_are_never_the_champion(board):
    choice = choose_champion(board({"mine": 0.41, "trees": 0.405}, mine="external"))
    assert (choice.entry.label, choice.leader.label, choice.tied) == ("trees", "trees", ("mine",))
    with pytest.raises(ClvError, match="mine wins shop 3m, and was made elsewhere"):
        choose_champion(board({"mine": 0.5, "trees": 0.405}, mine="external"))


def test_a_baseline_that_ties_is_chosen_and_no_model_is_worth_its_fitting(board):
    choice = choose_champion(board({"trees": 0.405, "rule": 0.40}, rule="baseline"))
    assert (choice.entry.label, choice.no_model_worth_fitting) == ("rule", True)
    assert len(choice.reasons) == 2
    ahead = choose_champion(board({"trees": 0.405, "rule": 0.30}, rule="baseline"))
    assert ahead.entry.label == "trees"
    assert not ahead.no_model_worth_fitting
    assert len(ahead.reasons) == 1


def test_every_basis_of_a_choice_reads_differently(board):
    choice = choose_champion(board({"stack": 0.41, "story": 0.40}, stack="hybrid", story="btyd"))
    bases = get_args(Basis)
    assert len({tuple(replace(choice, basis=basis).reasons) for basis in bases}) == len(bases)


def test_alone_on_a_board_is_said(board):
    choice = choose_champion(board({"trees": 0.4}))
    assert (choice.basis, choice.rivals) == ("alone", 0)
    assert (choice.entry.label, choice.score, choice.tied) == ("trees", 0.4, ())
    assert "D2 0.400" in choice.reasons[0]


def test_without_a_score_nobody_is_chosen(board):
    with pytest.raises(ClvError, match=r"shop 3m.* D2 has no value"):
        choose_champion(board({"trees": np.nan}))


def test_the_card_says_what_stands_for_the_model_and_what_does_not(board):
    standings = board({"trees": 0.405, "story": 0.40, "rule": 0.2}, story="btyd", rule="baseline")
    few = {"holdout": "2001-04-01 to 2001-06-30", "buyers": 9, "limit": 30}
    biased = [create_finding("biased", name, {"bias": 0.5, "origins": 1}) for name in ("story", "trees")]
    of_cell = create_finding("few_buyers", None, few)
    checks = [CheckResult(CHECKS[1], biased), CheckResult(CHECKS[6], [of_cell])]
    choice = choose_champion(standings)
    assert choice.tied == ("trees",)
    text = render_card(choice, standings, checks, REFIT)
    assert text.startswith("# story, champion of shop 3m\n")
    assert "`run_of_story` in cell `0123456789abcdef`" in text
    assert "2001-04-01 to 2001-06-30" in text
    assert "trees" in text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["D2", "0.400", "0.380 to 0.420", "2 of 3"] in rows
    assert "not evaluated" in text
    assert "`frequency`, `T`" in text
    assert f"- {REFIT.estimator_warnings[0]}" in text
    own, others, of_all = (reported.sentence for reported in (*biased, of_cell))
    assert f"- M2: {own}" in text
    assert f"- M7: {of_all}" in text
    assert others not in text


def test_hostile_names_stay_text_on_the_card(board):
    standings = board({"trees": 0.405})
    hostile = replace(REFIT, log="<script>`x`\n# head", experiment="<b>\n# head 3m", columns=("a|`b",))
    text = render_card(choose_champion(standings), standings, [], hostile)
    assert "<" not in text
    assert "\n# head" not in text
    assert "`a\\|'b`" in text
