"""Every numbered check fires on a planted fault, and is silent just short of its threshold."""

import numpy as np
import pytest

from clv_experiments.comparison.checks import NotApplicable
from clv_experiments.comparison.checks.method_checks import CHECKS, ModelScore, ScoreDeficit, ScoreDrift
from clv_experiments.comparison.checks.protocol import run_checks

LADDER = {"zeros": "baseline", "rate": "baseline"}
CHECK = {check.code: check for check in CHECKS}


@pytest.fixture
def board(cell_of, board_of):
    """A board of models that predict alike for 1,000 customers, 400 of them buyers, with hand-written scores."""

    def build(scores, models=("zeros", "rate", "tree"), *, origins=1, entries=None, **given):
        n = 1000
        y = [np.tile([10.0, 0.0, 0.0, 30.0, 0.0], n // 5)] * origins
        predicted = [np.tile([9.0, 1.0, 2.0, 25.0, 3.0], n // 5)] * origins
        cell = {key: given.pop(key) for key in ("protocol", "has_losses") if key in given}
        made = cell_of(dict.fromkeys(models, predicted), y, families=LADDER, entries=entries, **cell)
        return board_of(made, scores, **given)

    return build


def found(code, board):
    """What a check finds where it applies, which all do that are asked here."""
    result = CHECK[code].find(board)
    assert not isinstance(result, NotApplicable), result.reason
    return result


def findings_of(code, board):
    """What a check finds as (model, kind, values); every finding can be read as one sentence."""
    result = found(code, board)
    assert all(finding.sentence and "  " not in finding.sentence for finding in result)
    return [(finding.model, finding.kind, finding.values) for finding in result]


def sentences(code, board):
    return [(finding.model, finding.sentence) for finding in found(code, board)]


def test_checks_are_numbered_and_say_what_they_ask():
    assert [check.code for check in CHECKS] == [f"M{number}" for number in range(1, 9)]
    assert all(check.question.endswith("?") and check.title for check in CHECKS)
    questions = {code: CHECK[code].question for code in ("M2", "M3", "M5", "M7")}
    assert "20%" in questions["M2"]
    assert "25%" in questions["M3"]
    assert "2 times" in questions["M3"]
    assert "0.05" in questions["M5"]
    assert "30" in questions["M7"]


def test_a_board_without_faults_has_no_findings(board):
    entries = {"tree": {"label_margin_days": {0: 0.0}, "validation": {0: {"d2_tweedie": 0.0}}}}
    assert {result.outcome for result in run_checks(board({}, entries=entries), CHECKS)} == {"nothing found"}


def test_findings_come_in_the_order_of_the_checks(board):
    faults = {"tree": {"at_edge": "max_depth 8 is the highest searched", "code_version": "0.1.0+fedcba9876543.dirty"}}
    made = board({"d2_tweedie": {"tree": -1.0}, "aggregate_bias": {"tree": 0.5}}, entries=faults)
    fired = [(result.check.code, len(result.findings)) for result in run_checks(made, CHECKS) if result.findings]
    assert fired == [("M1", 1), ("M2", 1), ("M4", 1), ("M8", 2)]


def reason(code, board):
    (result,) = run_checks(board, [CHECK[code]])
    assert (result.outcome, result.findings) == ("not applicable", ())
    return result.not_applicable


def test_a_check_whose_question_means_nothing_does_not_apply(board):
    assert reason("M1", board({}, ("tree", "forest"))) == "there is no baseline on the board"
    assert reason("M1", board({}, ("zeros", "rate"))) == "there is no model besides the baselines"
    undefined = {"aggregate_bias": dict.fromkeys(("zeros", "rate", "tree"), np.nan)}
    assert reason("M2", board(undefined)) == "the actual total is not above 0"
    assert "losses cancel spend" in reason("M3", board({}, has_losses=True))
    assert reason("M5", board({})) == "no run was scored on a validation period"
    assert reason("M6", board({})) == "no model on the board learned from labels here"


def test_m1_names_the_baselines_that_beat_a_model_best_first_and_whether_by_more_than_chance(board):
    scores = {"normalised_gini": {"tree": 0.5, "zeros": 0.51, "rate": 0.6}}
    loss = ScoreDeficit("Gini", "{:.3f}", 0.5, (ModelScore("rate", 0.6), ModelScore("zeros", 0.51)), ("rate",))
    assert findings_of("M1", board(scores)) == [("tree", "beaten", {"losses": [loss]})]
    ((_, sentence),) = sentences("M1", board(scores))
    assert all(part in sentence for part in ("tree", "Gini (0.500)", "rate (0.600)", "zeros (0.510)"))


def test_m1_holds_the_difference_against_the_interval_of_that_pair(board):
    scores = {"d2_tweedie": {"tree": 0.5, "rate": 0.52}}  # the error of the difference is 0.014, twice that 0.028
    ((_, _, values),) = findings_of("M1", board(scores, error=0.01))
    assert values["losses"][0].beyond_chance == ()
    # Where both scores move together the same difference is no accident.
    ((_, _, values),) = findings_of("M1", board(scores, error=0.01, together=True))
    assert values["losses"] == [ScoreDeficit("D2", "{:.3f}", 0.5, (ModelScore("rate", 0.52),), ("rate",))]


def test_m1_says_all_scores_of_a_model_in_one_sentence(board):
    scores = {"normalised_gini": {"tree": -0.1}, "d2_tweedie": {"tree": -0.2}}
    ((model, kind, values),) = findings_of("M1", board(scores))
    assert (model, kind) == ("tree", "beaten")
    assert [loss.heading for loss in values["losses"]] == ["Gini", "D2"]


def test_m1_says_once_what_is_so_of_all_models(board):
    scores = {"spearman": {"tree": 0.3, "forest": 0.4, "zeros": 0.1, "rate": 0.5}}
    models = ("zeros", "rate", "tree", "forest")
    loss = ScoreDeficit("Spearman", "{:.3f}", 0.4, (ModelScore("rate", 0.5),), ("rate",))
    assert findings_of("M1", board(scores, models)) == [(None, "all_beaten", {"best": "forest", "loss": loss})]
    scores["spearman"]["forest"] = 0.6
    assert [model for model, _, _ in findings_of("M1", board(scores, models))] == ["tree"]


def test_m1_says_once_which_baseline_has_the_smallest_error(board):
    scores = {"mae": {"tree": 9.0, "forest": 6.0, "zeros": 7.0, "rate": 8.0}}
    models = ("zeros", "rate", "tree", "forest")
    ((model, kind, values),) = findings_of("M1", board(scores, models))
    assert (model, kind, values["heading"]) == (None, "smaller_error", "MAE")
    assert (values["baseline"], values["behind"]) == (ModelScore("zeros", 7.0), ["tree"])
    assert "zeros (7.00)" in sentences("M1", board(scores, models))[0][1]
    scores["mae"]["tree"] = 7.0
    assert sentences("M1", board(scores, models)) == []


@pytest.mark.parametrize("metric", ["d2_tweedie", "normalised_gini", "spearman"])
def test_m1_looks_at_each_primary_score(board, metric):
    assert [model for model, _, _ in findings_of("M1", board({metric: {"tree": -0.1}}))] == ["tree"]


@pytest.mark.parametrize(
    "scores",
    [
        {"d2_tweedie": {"tree": 0.1, "rate": 0.1}},  # equal is not beaten
        {"d2_tweedie": {"tree": 0.2, "rate": 0.1, "zeros": 0.0}},  # baselines beat each other
        {"d2_tweedie": dict.fromkeys(["tree", "rate", "zeros"], np.nan)},
    ],
)
def test_m1_is_silent(board, scores):
    assert sentences("M1", board(scores)) == []


@pytest.mark.parametrize(("bias", "way"), [(0.201, "above"), (-0.201, "below")])
def test_m2_names_totals_that_are_far_off(board, bias, way):
    made = board({"aggregate_bias": {"tree": bias}})
    assert findings_of("M2", made) == [("tree", "biased", {"bias": bias, "origins": 1})]
    assert f"20.1% {way}" in sentences("M2", made)[0][1]


@pytest.mark.parametrize("bias", [0.2, -0.2, 1.2 - 1, 0.8 - 1, 0.1 + 0.1, np.nan])
def test_m2_is_silent_up_to_a_fifth(board, bias):
    assert sentences("M2", board({"aggregate_bias": {"tree": bias}})) == []


def test_m2_says_once_for_all_baselines(board):
    scores = {"aggregate_bias": {"zeros": -1.0, "rate": 1.93, "tree": 0.1}}
    ((model, kind, values),) = findings_of("M2", board(scores))
    assert (model, kind) == (None, "biased_baselines")
    assert values["baselines"] == [ModelScore("zeros", -1.0), ModelScore("rate", 1.93)]


def test_m2_sees_origins_that_cancel(board):
    ((_, kind, values),) = findings_of("M2", board({"aggregate_bias": {"tree": [0.3, -0.25]}}, origins=2))
    assert (kind, values["bias"]) == ("biased_origins", pytest.approx(0.025))
    assert values["by_holdout"] == {"2001-04-01 to 2001-06-30": 0.3, "2001-07-01 to 2001-09-30": -0.25}
    assert findings_of("M2", board({"aggregate_bias": {"tree": [0.2, -0.2]}}, origins=2)) == []
    (finding,) = findings_of("M2", board({"aggregate_bias": {"tree": [0.5, 0.0]}}, origins=2))
    assert finding == ("tree", "biased", {"bias": 0.25, "origins": 2})


def concentrated(cell_of, board_of, high, *, few=10, n=1000, top=1.0):
    """``few`` of n customers are predicted ``high`` each of a total of 1, and as many spenders spend ``top``."""
    predicted = np.full(n, (1 - few * high) / (n - few))
    predicted[:few] = high
    y = np.ones(n)
    y[-few:] = top
    return board_of(cell_of({"tree": predicted}, y), {})


def test_m3_fires_where_a_handful_holds_more_than_a_quarter(cell_of, board_of):
    ((model, kind, values),) = findings_of("M3", concentrated(cell_of, board_of, 0.026))
    assert (model, kind) == ("tree", "concentrated")
    assert (values["share"], values["actual_share"]) == (pytest.approx(0.26), pytest.approx(0.01))
    assert (values["holdout"], values["customers"]) == ("2001-04-01 to 2001-06-30", 10)
    assert sentences("M3", concentrated(cell_of, board_of, 0.025)) == []
    # However many customers there are, ten are a handful and a thirtieth of them is not.
    assert findings_of("M3", concentrated(cell_of, board_of, 0.026, n=2000))[0][2]["customers"] == 10
    assert sentences("M3", concentrated(cell_of, board_of, 0.3 / 66, few=66, n=2000)) == []


def test_m3_is_silent_where_spend_is_really_concentrated(cell_of, board_of):
    # Ten spenders of 141.43 beside 990 of 1 hold 58.8 %; of 16.5 and of 14 they hold 1/7 and 0.1239.
    assert sentences("M3", concentrated(cell_of, board_of, 0.099, top=141.43)) == []
    assert sentences("M3", concentrated(cell_of, board_of, 2 / 70, top=16.5)) == []  # exactly twice
    assert len(sentences("M3", concentrated(cell_of, board_of, 2 / 70, top=14.0))) == 1


def test_m3_counts_a_hundredth_of_the_customers_of_a_small_log(cell_of, board_of):
    # Ten of 100 equal customers would hold a tenth by themselves; one of them holding 26 % is a handful.
    ((_, _, values),) = findings_of("M3", concentrated(cell_of, board_of, 0.26, few=1, n=100))
    assert (values["customers"], values["share"]) == (1, pytest.approx(0.26))
    assert sentences("M3", concentrated(cell_of, board_of, 0.03, few=10, n=100)) == []
    assert findings_of("M3", concentrated(cell_of, board_of, 0.14, few=2, n=299))[0][2]["customers"] == 2


def test_m3_looks_at_every_origin_and_shows_the_worst(cell_of, board_of):
    even, uneven, worse = np.ones(100), np.ones(100), np.ones(100)
    uneven[0], worse[0] = 99.0, 297.0
    board = board_of(cell_of({"tree": [even, worse, uneven]}, [np.ones(100)] * 3), {})
    ((_, _, values),) = findings_of("M3", board)
    assert values["share"] == pytest.approx(0.75)
    assert values["holdout"].startswith("2001-07-01")


def test_m3_has_nothing_to_say_of_zeros_or_of_no_spend(cell_of, board_of):
    lone = np.zeros(100)
    lone[0] = 1.0
    assert sentences("M3", board_of(cell_of({"zeros": np.zeros(100)}, np.ones(100)), {})) == []
    assert sentences("M3", board_of(cell_of({"tree": lone}, np.zeros(100)), {})) == []


def test_m4_repeats_what_the_search_said(board):
    settings = "learning_rate 0.3 is the highest searched"
    assert findings_of("M4", board({}, entries={"tree": {"at_edge": settings}})) == [
        ("tree", "at_edge", {"settings": settings})
    ]
    assert sentences("M4", board({})) == []


BOTH = 2 * 0.03 * 2**0.5  # two standard errors of a difference of two scores with one of 0.03 each


def validated(board, now, before, *, models=("zeros", "rate", "tree"), error=0.01, **given):
    """``before`` maps a model to its validation score an origin."""
    entries = {
        model: {"validation": {step: {"d2_tweedie": score} for step, score in enumerate(scores)}}
        for model, scores in before.items()
    }
    return board({"d2_tweedie": now}, models, entries=entries, error=error, **given)


def test_m5_says_which_way_a_score_moved(board):
    worse = validated(board, {"tree": 0.2}, {"tree": [0.3]})
    ((model, kind, values),) = findings_of("M5", worse)
    assert (model, kind, values["direction"]) == ("tree", "drifted", "worse")
    assert values["drift"] == ScoreDrift("tree", 0.3, 0.2)
    assert "D2 0.300 to 0.200" in sentences("M5", worse)[0][1]
    ((_, _, values),) = findings_of("M5", validated(board, {"tree": 0.4}, {"tree": [0.3]}))
    assert values["direction"] == "better"


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (0.25, 0.001),  # beyond the interval, but by no more than 0.05
        (0.15, 0.001),
        (0.2 + BOTH, 0.03),  # more than 0.05, but exactly as far as chance in both scores may take it
        (0.2 - BOTH, 0.03),
        (np.nan, 0.001),
    ],
)
def test_m5_is_silent_within_either_threshold(board, before, error):
    assert sentences("M5", validated(board, {"tree": 0.2}, {"tree": [before]}, error=error)) == []


@pytest.mark.parametrize(
    ("before", "error"), [(0.2501, 0.001), (0.1499, 0.001), (0.2001 + BOTH, 0.03), (0.1999 - BOTH, 0.03)]
)
def test_m5_fires_just_beyond_both_thresholds(board, before, error):
    assert len(sentences("M5", validated(board, {"tree": 0.2}, {"tree": [before]}, error=error))) == 1


def test_m5_takes_the_mean_over_the_origins_that_have_a_validation_period(board):
    assert sentences("M5", validated(board, {"tree": 0.2}, {"tree": [0.1, 0.3]}, origins=3)) == []
    ((_, _, values),) = findings_of("M5", validated(board, {"tree": 0.2}, {"tree": [0.2, 0.4]}, origins=3))
    assert values["drift"].before == pytest.approx(0.3)
    assert values["drift"].after == pytest.approx(0.2)
    assert reason("M5", validated(board, {"tree": 0.2}, {}))


def test_m5_sets_the_same_origins_beside_each_other(board):
    """The oldest origin has no validation period: its holdout score must not stand for a drift."""
    made = validated(board, {"tree": [0.8, 0.3]}, {"tree": [np.nan, 0.3]}, origins=2)
    del made.cell.entries[-1].validation[0]
    assert sentences("M5", made) == []


def test_m5_blames_the_log_once_where_most_models_moved_one_way(board):
    before = {"tree": [0.4], "rate": [0.4], "zeros": [0.0]}
    ((model, kind, values),) = findings_of("M5", validated(board, {"tree": 0.2, "rate": 0.1}, before))
    assert (model, kind, values["direction"], values["models"]) == (None, "log_drifted", "worse", 3)
    assert values["drifts"] == [ScoreDrift("rate", 0.4, 0.1), ScoreDrift("tree", 0.4, 0.2)]
    # Two of four are not most; and of two that moved apart each speaks for itself.
    four = {**before, "more": [0.0]}
    models = ("zeros", "rate", "tree", "more")
    assert [m for m, _, _ in findings_of("M5", validated(board, {"tree": 0.2, "rate": 0.1}, four, models=models))] == [
        "rate",
        "tree",
    ]
    apart = validated(board, {"tree": 0.2, "rate": 0.6}, {"tree": [0.4], "rate": [0.4]})
    assert {m for m, _, _ in findings_of("M5", apart)} == {"tree", "rate"}


def test_m6_names_labels_that_end_after_the_cutoff(board):
    margins = {"tree": {"label_margin_days": {0: 0.0, 1: -17.0}}, "rate": {"label_margin_days": {0: 0.0, 1: 0.0}}}
    assert findings_of("M6", board({}, entries=margins)) == [("tree", "overlapping", {"days": 17.0})]
    assert "17 days" in sentences("M6", board({}, entries=margins))[0][1]
    assert sentences("M6", board({}, entries={"tree": {"label_margin_days": {0: 0.0}}})) == []


def test_m6_says_what_a_customer_split_means_once(board):
    margins = {"tree": {"label_margin_days": {0: -91.0}}}
    split = board({}, entries=margins, protocol="customer_split")
    assert findings_of("M6", split) == [(None, "customer_split", {"models": ["tree"]})]
    assert findings_of("M6", board({}, protocol="customer_split")) == [(None, "customer_split", {"models": []})]


def bought_by(buyers, n=1000):
    return np.arange(n) < buyers


def test_m7_fires_below_thirty_buyers_in_any_origin(cell_of, board_of):
    y = [np.ones(1000)] * 2
    for second, expected in ((30, 0), (29, 1)):
        cell = cell_of({"mean": y}, y, bought=[bought_by(500), bought_by(second)])
        fired = findings_of("M7", board_of(cell, {}))
        assert len(fired) == expected
    values = {"holdout": "2001-07-01 to 2001-09-30", "buyers": 29, "limit": 30}
    assert fired == [(None, "few_buyers", values)]


def test_m7_counts_the_buyers_among_a_models_top_customers(cell_of, board_of):
    n, first = 1000, np.arange(1000, 0, -1.0)
    for inside, shares in ((30, []), (29, [0.1])):
        # Of the top 100 so many bought, of the next 100 all did, of the last 100 too.
        bought = bought_by(inside) | ((np.arange(n) >= 100) & (np.arange(n) < 200)) | (np.arange(n) >= 900)
        made = board_of(cell_of({"tree": first}, np.ones(n), bought=bought), {})
        assert [values["share"] for _, _, values in findings_of("M7", made)] == shares
    values = {"share": 0.1, "limit": 30, "buyers": {"tree": 29}}
    assert findings_of("M7", made) == [(None, "few_top_buyers", values)]
    assert all(part in sentences("M7", made)[0][1] for part in ("10%", "30 buyers", "tree 29"))


def test_m7_shows_the_origin_with_the_fewest(cell_of, board_of):
    n, first = 1000, np.arange(1000, 0, -1.0)
    bought = [bought_by(inside) | (np.arange(n) >= 150) & (np.arange(n) < 400) for inside in (25, 12, 20)]
    cell = cell_of({"tree": [first] * 3}, [np.ones(n)] * 3, bought=bought)
    assert findings_of("M7", board_of(cell, {}))[0][2]["buyers"] == {"tree": 12}


def test_m7_lists_the_models_of_each_share_and_skips_constants(cell_of, board_of):
    n = 1000
    up, bought = np.arange(n, dtype=float), bought_by(100)
    cell = cell_of({"up": up, "down": -up + n, "mean": np.ones(n)}, np.ones(n), bought=bought)
    assert [values["buyers"] for _, _, values in findings_of("M7", board_of(cell, {}))] == [{"up": 0}, {"up": 0}]
    both = cell_of({"a": up, "b": up[::-1]}, np.ones(n), bought=np.arange(n) % 40 == 0)
    assert [kind for _, kind, _ in findings_of("M7", board_of(both, {}))] == ["few_buyers"]  # 25 buyers in all


def test_m8_names_versions_that_differ(board):
    other = {"tree": {"code_version": "0.1.0+fedcba987654"}}
    versions = {"0.1.0+0123456789ab": ["zeros", "rate"], "0.1.0+fedcba987654": ["tree"]}
    assert findings_of("M8", board({}, entries=other)) == [(None, "mixed_versions", {"versions": versions})]
    ((_, sentence),) = sentences("M8", board({}, entries=other))
    assert "0.1.0+0123456789ab: zeros, rate; 0.1.0+fedcba987654: tree" in sentence
    assert sentences("M8", board({})) == []


@pytest.mark.parametrize("version", ["0.1.0+0123456789ab.dirty", "0.1.0", "", "0.1.0+.dirty"])
def test_m8_names_code_that_is_no_commit(board, version):
    models = ("zeros", "rate", "tree")
    made = board({}, entries={name: {"code_version": version} for name in models})
    assert findings_of("M8", made) == [(None, "no_commit", {"versions": {version: list(models)}, "all_models": True})]
    ((_, sentence),) = sentences("M8", made)
    assert f"({version or 'unknown'}: all)" in sentence
