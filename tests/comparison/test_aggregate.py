"""Ranks over cells: a published example, cases worked by hand, and refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from clv_experiments.comparison.aggregate import critical_difference, friedman_p_value, rank_over_cells
from clv_experiments.errors import ClvError

# Demsar (2006), table 6: AUC of four variants of C4.5 on 14 data sets. Where it prints .975 twice and ranks them 2 and
# 3, the first is written .9751 here.
AUC = {
    "c45": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
    "m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
    "cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.9751, 0.946],
    "m_cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
}


@pytest.fixture
def boards(cell_of, board_of):
    """One board a row of {model: [score a cell]}; nan means that the model does not stand there."""

    def build(scores, *, baselines=("zeros",), metric="d2_tweedie", order=None, cells=None, seeds=None, **given):
        made = []
        for place in range(len(next(iter(scores.values())))):
            here = {m: s[place] for m, s in scores.items() if not np.isnan(s[place])}
            names = [m for m in order or here if m in here]
            facts = {"data": f"log{place}", "identity": f"cell{place}"} | (cells or {}).get(place, {})
            families = dict.fromkeys(baselines, "baseline")
            cell = cell_of({key: [1.0, 2.0] for key in names}, [1.0, 2.0], families=families, **facts)
            seed = seeds[place] if seeds else 0
            made.append(board_of(cell, {metric: here}, metric=metric, seed=seed, **given))
        return made

    return build


SCORES = {"zeros": [0.0, 0.2], "a": [0.5, 0.6], "b": [0.5, 0.2], "c": [0.4, 0.7]}


@pytest.mark.parametrize(
    ("models", "q"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_critical_difference_is_demsars_table_5(models, q):
    cells = 7
    assert critical_difference(models, cells) / np.sqrt(models * (models + 1) / (6 * cells)) == pytest.approx(
        q, abs=1e-3
    )


def test_demsars_example(boards):
    aggregate = rank_over_cells(boards(AUC, baselines=("c45",)))
    ranks = aggregate.table["mean_rank"].round(3).to_dict()
    assert ranks == {"m_cf": 1.964, "m": 2.0, "cf": 2.893, "c45": 3.143}
    assert aggregate.critical_difference == pytest.approx(1.25, abs=0.005)
    assert aggregate.p_value == pytest.approx(friedmanchisquare(*AUC.values()).pvalue)
    assert aggregate.cliques == (("m_cf", "m", "cf", "c45"),)
    assert aggregate.table["skill"].notna().all()  # one baseline is perfect


def test_ranks_wins_leads_and_skill_by_hand(boards):
    aggregate = rank_over_cells(boards(SCORES))
    # Log 0: a and b share ranks 1 and 2, c 3, zeros 4. Log 1: c 1, a 2, zeros and b share 3 and 4.
    assert aggregate.table["mean_rank"].to_dict() == {"a": 1.75, "c": 2.0, "b": 2.5, "zeros": 3.75}
    # Of six pairs each: a beats c, zeros, b, zeros and ties with b; and so on.
    assert aggregate.table["win_rate"].to_dict() == pytest.approx(
        {"a": 4.5 / 6, "c": 4 / 6, "b": 3 / 6, "zeros": 0.5 / 6}
    )
    assert aggregate.table["leading"].to_dict() == {"a": 1, "c": 1, "b": 1, "zeros": 0}
    # Log 0 leaves 1 to be gained, log 1 leaves 0.8.
    assert aggregate.table["skill"].to_dict() == pytest.approx({"a": 0.5, "c": 0.5125, "b": 0.25, "zeros": 0.0})
    assert aggregate.ranks.loc["log0 3m"].to_dict() == {"a": 1.5, "c": 3.0, "b": 1.5, "zeros": 4.0}
    assert list(aggregate.ranks.columns) == list(aggregate.table.index)
    assert aggregate.cells == ("log0 3m", "log1 3m")


def test_win_rate_equals_counting_every_pair(boards):
    rng = np.random.default_rng(0)
    scores = {name: list(rng.integers(0, 4, 6) / 5) for name in ("zeros", "a", "b", "c", "d")}
    aggregate = rank_over_cells(boards(scores))
    for model, own in scores.items():
        wins = [
            (mine > other) + (mine == other) / 2
            for opponent, others in scores.items()
            if opponent != model
            for mine, other in zip(own, others, strict=True)
        ]
        assert aggregate.table.loc[model, "win_rate"] == pytest.approx(np.mean(wins))


def test_the_best_baseline_of_each_cell_is_the_one_of_the_real_data(boards):
    scores = {"zeros": [0.0, 0.5], "rate": [0.2, 0.1], "tree": [0.6, 0.6]}
    made = boards(scores, baselines=("zeros", "rate"), error=0.2, replicates=400)
    aggregate = rank_over_cells(made)
    assert aggregate.table["skill"].to_dict() == pytest.approx({"tree": 0.35, "zeros": -0.125, "rate": -0.4})
    # Noise is so large that the other baseline often leads a replicate, yet each is set against the same one.
    zeros = aggregate.table.loc["zeros"]
    replicates = made[0].replicates["d2_tweedie"]
    expected = (replicates[:, 0] - replicates[:, 1]) / (1 - replicates[:, 1]) / 2  # in log 1 it is the best: always 0
    assert zeros["skill_lower"] == pytest.approx(np.quantile(expected, 0.025))
    assert zeros["skill_upper"] == pytest.approx(np.quantile(expected, 0.975))


def test_cells_that_move_together_count_as_one_and_independent_ones_as_many(boards):
    def width(**given):
        made = boards({"zeros": [0.0] * 4, "tree": [0.5] * 4}, error=0.05, replicates=2000, **given)
        return np.subtract(*rank_over_cells(made).table.loc["tree", ["skill_upper", "skill_lower"]])

    assert width(seeds=range(4)) / width() == pytest.approx(0.5, abs=0.05)


def test_boards_may_differ_in_replicates(boards):
    made = [boards(SCORES, replicates=200)[0], boards(SCORES, replicates=150)[1]]
    assert rank_over_cells(made).table["skill_lower"].notna().all()


def test_order_of_cells_and_models_changes_nothing(boards):
    aggregate = rank_over_cells(boards(AUC | {"zeros": [0.0] * 14}))
    turned = rank_over_cells(boards(AUC | {"zeros": [0.0] * 14}, order=["m", "zeros", "m_cf", "cf", "c45"])[::-1])
    point = ["family", "mean_rank", "win_rate", "leading", "skill"]
    pd.testing.assert_frame_equal(aggregate.table[point], turned.table[point])
    pd.testing.assert_frame_equal(aggregate.ranks, turned.ranks.iloc[::-1])
    assert (aggregate.cliques, aggregate.critical_difference) == (turned.cliques, turned.critical_difference)
    assert aggregate.p_value == pytest.approx(turned.p_value)
    # Turning the cells alone keeps each replicate, so that intervals are the same too.
    pd.testing.assert_frame_equal(aggregate.table, rank_over_cells(boards(AUC | {"zeros": [0.0] * 14})[::-1]).table)


def test_cliques_are_maximal_and_overlap(boards):
    # Mean ranks 1, 2, 3, 4, 5 over 12 cells; the critical difference is 1.76.
    scores = {name: [score] * 12 for name, score in zip("abcde", (0.9, 0.7, 0.5, 0.3, 0.1), strict=True)}
    aggregate = rank_over_cells(boards(scores, baselines=("e",)))
    assert aggregate.critical_difference == pytest.approx(1.761, abs=1e-3)
    assert aggregate.cliques == (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"))
    alone = {name: [score] * 8 for name, score in zip("ab", (0.9, 0.1), strict=True)}
    assert rank_over_cells(boards(alone, baselines=("b",))).cliques == ()


def test_friedman_equals_scipys_and_knows_two_models_and_ties():
    rng = np.random.default_rng(1)
    for models in (3, 5):
        values = rng.integers(0, 5, (9, models)).astype(float)
        ranks = pd.DataFrame(values).rank(axis=1).to_numpy()
        assert friedman_p_value(ranks) == pytest.approx(friedmanchisquare(*values.T).pvalue)
    assert friedman_p_value(np.full((3, 4), 2.5)) == 1.0
    assert friedman_p_value(np.array([[1.0, 2.0]] * 4)) == pytest.approx(0.0455, abs=1e-4)  # chi-square 4, one degree


def test_models_that_are_not_everywhere_are_left_out_and_named(boards):
    scores = SCORES | {"new": [0.9, np.nan]}
    aggregate = rank_over_cells(boards(scores))
    assert "new" not in aggregate.table.index
    assert aggregate.unranked_models == {"new": ["log1 3m"]}
    (sentence,) = aggregate.exclusion_notes
    assert "new" in sentence
    assert "log1 3m" in sentence
    without = rank_over_cells(boards(SCORES))
    pd.testing.assert_frame_equal(aggregate.ranks, without.ranks)
    assert without.exclusion_notes == []
    assert aggregate.table["leading"].to_dict() == {
        "a": 0,
        "c": 1,
        "b": 0,
        "zeros": 0,
    }  # "new" leads log 0 all the same


def test_incomplete_cells_are_left_out_while_two_others_remain(boards):
    scores = {model: [*each, 0.1] for model, each in SCORES.items()} | {"new": [0.9, 0.8, np.nan]}
    aggregate = rank_over_cells(boards(scores), ["new", "zeros"])
    assert aggregate.cells == ("log0 3m", "log1 3m")
    assert "new" in aggregate.table.index
    assert aggregate.incomplete_cells == {"log2 3m": ["new"]}
    assert aggregate.unranked_models == {}
    (sentence,) = aggregate.exclusion_notes
    assert "log2 3m" in sentence
    assert "new" in sentence
    none_complete = rank_over_cells(boards(SCORES), ["new"])
    assert none_complete.cells == ("log0 3m", "log1 3m")
    assert (none_complete.exclusion_notes, none_complete.incomplete_cells) == ([], {})


def test_scores_and_leads_are_those_of_the_cells(boards):
    made = boards(SCORES)
    aggregate = rank_over_cells(made)
    for title, board in zip(aggregate.cells, made, strict=True):
        assert aggregate.scores.loc[title].to_dict() == board.rows()["score"].to_dict()
        assert aggregate.ties_with_best.loc[title].to_dict() == board.rows()["group"].eq(1).to_dict()


def test_a_baseline_that_is_not_ranked_still_sets_the_skill(boards):
    aggregate = rank_over_cells(
        boards({"zeros": [0.0, 0.0], "rate": [0.2, np.nan], "a": [0.6, 0.5]}, baselines=("zeros", "rate"))
    )
    assert aggregate.table.loc["a", "skill"] == pytest.approx((0.5 + 0.5) / 2)
    assert "rate" not in aggregate.table.index


def test_notes_warn_of_cells_that_are_not_independent_and_of_few(boards):
    apart = rank_over_cells(boards(SCORES))
    assert apart.cells_by_log == {"log0": 1, "log1": 1}
    assert (apart.can_separate_models, apart.has_few_cells) == (False, True)
    assert len(apart.notes) == 3
    assert "2 cells" in apart.notes[1]
    assert "4 models" in apart.notes[1]
    assert f"{apart.critical_difference:.2f}" in apart.notes[1]
    same = rank_over_cells(boards(SCORES, cells={1: {"data": "log0", "horizon": "6m"}}))
    assert same.cells_by_log == {"log0": 2}
    assert len(same.notes) == 4
    assert "log0 2" in same.notes[1]
    eight = rank_over_cells(boards({m: s * 4 for m, s in SCORES.items()}))
    assert (eight.can_separate_models, eight.has_few_cells, len(eight.notes)) == (True, True, 2)
    ten = rank_over_cells(boards({m: s * 5 for m, s in SCORES.items()}))
    assert (ten.can_separate_models, ten.has_few_cells, len(ten.notes)) == (True, False, 1)


def test_cells_of_one_title_are_told_apart(boards):
    twins = {1: {"data": "log0", "holdouts": ("2005-01-01 to 2005-03-31",)}}
    assert rank_over_cells(boards(SCORES, cells=twins)).cells == (
        "log0 3m (2001-04-01 to 2001-06-30)",
        "log0 3m (2005-01-01 to 2005-03-31)",
    )
    same = rank_over_cells(boards(SCORES, cells={1: {"data": "log0"}})).cells
    assert same[0].endswith("(cell0)")
    assert same[1].endswith("(cell1)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made, other: made[:1], "at least two cells, got 1"),
        (lambda made, other: [made[0], other[1]], "metric .*log0 3m by d2_tweedie, log1 3m by r2"),
        (lambda made, other: [made[0], made[1], made[0]], r"log0 3m \(cell0\) is given 2 times"),
    ],
)
def test_boards_that_cannot_stand_side_by_side_are_refused(boards, change, message):
    with pytest.raises(ClvError, match=message):
        rank_over_cells(change(boards(SCORES), boards(SCORES, metric="r2")))


def test_cells_that_do_not_compare_are_refused(boards):
    with pytest.raises(ClvError, match=r"different protocol .*log1 3m by customer_split"):
        rank_over_cells(boards(SCORES, cells={1: {"protocol": "customer_split"}}))
    with pytest.raises(ClvError, match="cell log0 3m holds no baseline"):
        rank_over_cells(boards(SCORES, baselines=()))
    with pytest.raises(ClvError, match=r"1 model\(s\) .* log0 3m, log1 3m"):
        rank_over_cells(boards({"zeros": [0.0, 0.0], "a": [0.5, np.nan], "b": [np.nan, 0.5]}))
    made = boards(SCORES)
    made[1].table.loc[(made[1].table["model"] == "b") & (made[1].table["metric"] == "d2_tweedie"), "score"] = np.nan
    with pytest.raises(ClvError, match="b has no D2 in log1 3m"):
        rank_over_cells(made)
