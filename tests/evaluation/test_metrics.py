"""Every score against a hand-worked case, a naive loop, scikit-learn where it has the score, and any row order."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.errors import ClvError
from clv_experiments.evaluation import metrics
from clv_experiments.evaluation.calibration import capture_curve, decile_table, reliability_table
from clv_experiments.reporting.records import Metric, Table

modest = settings(max_examples=60, deadline=None)
# Few distinct values make ties and zeros common; quarters add without rounding, so oracles may be exact.
spend = st.integers(0, 24).map(lambda quarters: quarters / 4)
returned = st.integers(-8, 24).map(lambda quarters: quarters / 4)


def pairs(first, second=spend, least=1):
    return st.lists(st.tuples(first, second), min_size=least, max_size=40).map(
        lambda rows: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    )


def close(value, expected):
    # Sums of at most 40 numbers in another order: rounding stays far below 1e-9.
    return math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(value) and math.isnan(expected))


# --- naive oracles, one customer at a time ----------------------------------------------------------------------


def average_ranks(values):
    return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]


def naive_capture(y, p):
    """Give each customer the mean spend of its tie, take them one by one from the top, cumulate."""
    mean = {v: np.mean([a for a, b in zip(y, p, strict=True) if b == v]) for v in set(p)}
    points = [0.0]
    for value in sorted(p, reverse=True):
        points.append(points[-1] + mean[value])
    return points


def naive_area(y, p):
    points = naive_capture(y, p)
    return sum((a + b) / 2 for a, b in itertools.pairwise(points)) / len(y) - points[-1] / 2


def naive_gini(y, p):
    return naive_area(y, p) / naive_area(y, y) if len(set(y)) > 1 else math.nan


def naive_spearman(y, p):
    if len(set(y)) == 1:
        return math.nan
    if len(set(p)) == 1:
        return 0.0
    return np.corrcoef(average_ranks(list(y)), average_ranks(list(p)))[0, 1]


def naive_top(y, p, share):
    points = naive_capture(y, p)
    position = share * len(y)
    whole = int(position)
    rest = position - whole
    caught = points[whole] + (rest * (points[whole + 1] - points[whole]) if rest else 0)
    return caught / points[-1] if points[-1] > 0 and min(y) >= 0 else math.nan


def naive_decile_mape(y, p):
    mean = {v: np.mean([a for a, b in zip(y, p, strict=True) if b == v]) for v in set(p)}
    ranked = sorted(p, reverse=True)
    groups = min(10, len(p))
    small, larger = divmod(len(p), groups)
    misses, start = [], 0
    for group in range(groups):
        members = ranked[start : start + small + (group < larger)]
        start += len(members)
        actual = sum(mean[v] for v in members)
        if actual > 1e-12:
            misses.append(abs(sum(members) / actual - 1))
    return sum(misses) / len(misses) if misses else math.nan


def naive_auc(bought, chance):
    wins = [(a > b) + (a == b) / 2 for a, x in zip(chance, bought, strict=True) if x for b in chance[bought == 0]]
    return sum(wins) / len(wins) if wins else math.nan


# --- hand-worked cases and signs --------------------------------------------------------------------------------


def test_aggregate_bias_is_positive_where_the_forecast_is_too_high():
    assert metrics.aggregate_bias([10, 10], [15, 15]) == 0.5
    assert metrics.aggregate_bias([10, 10], [5, 5]) == -0.5
    assert metrics.aggregate_bias([10, 10], [0, 0]) == -1.0
    assert math.isnan(metrics.aggregate_bias([0, 0], [1, 1]))
    assert math.isnan(metrics.aggregate_bias([-3, 1], [1, 1]))


def test_normalised_gini_worked_by_hand():
    # Ranks less their mean, of the prediction (-.5, .5, 1.5, -1.5) and of the spend (-1, -1, .5, 1.5).
    assert metrics.normalised_gini([0, 0, 1, 3], [2, 3, 4, 1]) == pytest.approx((1.5 - 4.5) / (0.5 + 4.5))
    assert metrics.normalised_gini([0, 0, 1, 3], [0, 0, 5, 6]) == 1.0
    assert metrics.normalised_gini([0, 0, 1, 3], [4, 3, 2, 1]) < 0
    assert math.isnan(metrics.normalised_gini([2, 2], [1, 3]))


@modest
@given(st.lists(spend, min_size=2, max_size=40).filter(lambda y: len(set(y)) > 1), st.randoms(use_true_random=False))
def test_a_constant_ranks_nothing_in_any_order(y, shuffler):
    shuffler.shuffle(y)
    assert metrics.normalised_gini(y, [0.1] * len(y)) == 0.0
    assert metrics.spearman(y, [0.1] * len(y)) == 0.0
    assert metrics.normalised_gini(y, y) == 1.0
    assert metrics.spearman(y, y) == pytest.approx(1.0, abs=1e-12)


def test_top_share_splits_a_tie_at_the_border_and_a_customer_at_the_border():
    assert metrics.top_20_share([6, 2, 1, 1, 0], [5, 4, 3, 2, 1]) == pytest.approx(0.6)
    assert metrics.top_20_share([6, 2, 1, 1, 0], [5, 5, 3, 2, 1]) == pytest.approx(0.4)
    assert metrics.top_10_share([6, 2, 1, 1, 0], [5, 4, 3, 2, 1]) == pytest.approx(0.3)
    assert metrics.top_share([6, 2, 1, 1, 0], [1, 1, 1, 1, 1], 0.35) == pytest.approx(0.35)
    assert math.isnan(metrics.top_20_share([0, 0], [1, 2]))
    with pytest.raises(ClvError, match=r"share must lie above 0 and up to 1, got 20"):
        metrics.top_share([1, 2], [1, 2], 20)


def test_errors_worked_by_hand():
    y, p = [0, 2, 10], [1, 2, 6]
    assert metrics.mae(y, p) == pytest.approx(5 / 3)
    assert metrics.median_absolute_error(y, p) == 1.0
    assert metrics.rmse(y, p) == pytest.approx(math.sqrt(17 / 3))
    assert metrics.wape(y, p) == pytest.approx(5 / 12)
    assert metrics.r2(y, p) == pytest.approx(1 - 17 / 56)
    assert metrics.wape(y, [0, 0, 0]) == 1.0
    assert math.isnan(metrics.r2([3, 3], [1, 2]))
    assert math.isnan(metrics.wape([0, 0], [1, 2]))


def test_probability_scores_worked_by_hand():
    assert metrics.roc_auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1]) == 0.875
    assert metrics.roc_auc([0, 0, 1], [0.9, 0.8, 0.1]) == 0.0
    assert math.isnan(metrics.roc_auc([1, 1], [0.2, 0.3]))
    assert metrics.brier([1, 0], [0.5, 0.1]) == pytest.approx(0.13)


def test_decile_table_worked_by_hand():
    y = np.arange(20.0)
    table = decile_table(y, y * 2)
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["customers"].tolist() == [2] * 10
    assert table["sum_actual"].tolist() == [37, 33, 29, 25, 21, 17, 13, 9, 5, 1]
    assert table["mean_predicted"].tolist() == [37, 33, 29, 25, 21, 17, 13, 9, 5, 1]
    assert metrics.decile_calibration_mape(y, y * 2) == pytest.approx(1.0)
    assert metrics.decile_calibration_mape([0.0, 0.0, 0.0, 4.0], [1, 1, 1, 6]) == pytest.approx(0.5)
    assert decile_table([1, 2, 6], [1, 1, 1])["sum_actual"].tolist() == [3.0, 3.0, 3.0]


def test_reliability_table_worked_by_hand():
    table = reliability_table([0, 1, 1, 1], [0.0, 0.3, 0.35, 1.0])
    assert table["bin_start"].tolist() == [0.0, 0.3, 0.9]
    assert table["customers"].tolist() == [1, 2, 1]
    assert table["mean_probability"].tolist() == pytest.approx([0.0, 0.325, 1.0])
    assert table["observed_share"].tolist() == [0.0, 1.0, 1.0]


# --- against naive loops ----------------------------------------------------------------------------------------


@modest
@given(pairs(returned))
def test_scores_agree_with_naive_loops(rows):
    y, p = rows
    n, total = len(y), sum(y)
    errors = [b - a for a, b in zip(y, p, strict=True)]
    mean = total / n
    spread = sum((a - mean) ** 2 for a in y)
    assert close(metrics.aggregate_bias(y, p), sum(p) / total - 1 if total > 0 else math.nan)
    assert close(metrics.mae(y, p), sum(map(abs, errors)) / n)
    assert close(metrics.rmse(y, p), math.sqrt(sum(e * e for e in errors) / n))
    assert close(metrics.r2(y, p), 1 - sum(e * e for e in errors) / spread if len(set(y)) > 1 else math.nan)
    assert close(metrics.wape(y, p), sum(map(abs, errors)) / sum(map(abs, y)) if any(y) else math.nan)
    ordered = sorted(map(abs, errors))
    assert close(metrics.median_absolute_error(y, p), (ordered[(n - 1) // 2] + ordered[n // 2]) / 2)
    assert close(metrics.normalised_gini(y, p), naive_gini(y, p))
    assert close(metrics.spearman(y, p), naive_spearman(y, p))
    assert close(metrics.top_10_share(y, p), naive_top(y, p, 0.1))
    assert close(metrics.top_20_share(y, p), naive_top(y, p, 0.2))


@modest
@given(pairs(spend))
def test_decile_calibration_agrees_with_a_naive_loop(rows):
    y, p = rows
    assert close(metrics.decile_calibration_mape(y, p), naive_decile_mape(list(y), list(p)))
    table = decile_table(y, p)
    assert table["customers"].sum() == len(y)
    assert table["customers"].max() - table["customers"].min() <= 1
    assert close(table["sum_actual"].sum(), y.sum())
    assert close(table["sum_predicted"].sum(), p.sum())


@modest
@given(pairs(st.integers(0, 1), st.integers(0, 8).map(lambda eighths: eighths / 8)))
def test_probability_scores_agree_with_naive_loops(rows):
    bought, chance = rows
    assert close(metrics.roc_auc(bought, chance), naive_auc(bought, chance))
    assert close(
        metrics.brier(bought, chance), sum((c - b) ** 2 for b, c in zip(bought, chance, strict=True)) / len(chance)
    )
    table = reliability_table(bought, chance)
    for start, end, customers, mean, share in table.itertuples(index=False):
        held = [i for i, c in enumerate(chance) if start <= c < end or (c == 1 and end == 1)]
        assert customers == len(held) > 0
        assert close(mean, sum(chance[held]) / len(held))
        assert close(share, sum(bought[held]) / len(held))
    assert table["customers"].sum() == len(bought)


def test_auc_of_bootstrap_samples_is_that_of_their_customers_written_out():
    rng = np.random.default_rng(3)
    bought, chance = rng.random(40) < 0.4, rng.random(40).round(1)
    counts = rng.multinomial(40, np.full(40, 1 / 40), 5).T.astype(float)
    counts = np.column_stack([counts, np.ones(40), bought, np.zeros(40)])
    samples = [np.repeat(np.arange(40), column.astype(int)) for column in counts.T[:-2]]
    expected = [metrics.roc_auc(bought[rows], chance[rows]) for rows in samples]
    scores = metrics.roc_auc_by_sample(bought, chance, counts)
    assert scores[:-2] == pytest.approx(expected)
    assert np.isnan(scores[-2:]).all()


@modest
@given(pairs(spend, least=2).filter(lambda rows: len(set(rows[0])) > 1), st.sampled_from([1.2, 1.5, 1.9]))
def test_d2_tweedie_agrees_with_scikit_learn(rows, power):
    from sklearn.metrics import d2_tweedie_score

    y, p = rows
    expected = d2_tweedie_score(y, np.maximum(p, 0.05), power=power)
    # The deviance subtracts terms up to 100 times its size, hence 1e-7 rather than rounding alone.
    assert metrics.d2_tweedie(y, p, floor=0.05, power=power) == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_d2_tweedie_sign_floor_and_limits():
    y = [0.0, 0.0, 1.0, 9.0]
    assert metrics.d2_tweedie(y, [2.5] * 4, floor=0.01) == pytest.approx(0.0, abs=1e-12)
    assert metrics.d2_tweedie(y, y, floor=1e-9) > 0.99
    assert metrics.d2_tweedie(y, [9.0, 9.0, 1.0, 0.0], floor=0.01) < 0
    assert metrics.d2_tweedie(y, [0, 0, 0, 9.0], floor=0.1) == metrics.d2_tweedie(y, [0.1, 0.1, 0.1, 9.0], floor=0.1)
    assert math.isnan(metrics.d2_tweedie([0, 0], [1, 2], floor=0.1))
    with pytest.raises(ClvError, match=r"floor must be above 0"):
        metrics.d2_tweedie(y, y, floor=0.0)
    with pytest.raises(ClvError, match=r"power must lie between 1 and 2, got 2"):
        metrics.d2_tweedie(y, y, floor=0.1, power=2)


def test_scores_agree_with_scikit_learn_on_a_zero_heavy_log():
    from scipy.stats import spearmanr
    from sklearn import metrics as reference

    rng = np.random.default_rng(5)
    y = np.where(rng.random(3000) < 0.3, rng.lognormal(3, 1, 3000), 0).round(1)
    p, chance = rng.lognormal(2, 1, 3000).round(1), rng.random(3000).round(2)
    assert metrics.mae(y, p) == pytest.approx(reference.mean_absolute_error(y, p))
    assert metrics.median_absolute_error(y, p) == pytest.approx(reference.median_absolute_error(y, p))
    assert metrics.rmse(y, p) == pytest.approx(reference.root_mean_squared_error(y, p))
    assert metrics.r2(y, p) == pytest.approx(reference.r2_score(y, p))
    assert metrics.roc_auc(y > 0, chance) == pytest.approx(reference.roc_auc_score(y > 0, chance))
    assert metrics.brier(y > 0, chance) == pytest.approx(reference.brier_score_loss(y > 0, chance))
    assert metrics.spearman(y, p) == pytest.approx(spearmanr(y, p).statistic)
    assert metrics.d2_tweedie(y, p, floor=0.1) == pytest.approx(
        reference.d2_tweedie_score(y, np.maximum(p, 0.1), power=1.5)
    )


# --- the whole score --------------------------------------------------------------------------------------------


@modest
@given(pairs(returned, least=2), st.randoms(use_true_random=False))
def test_no_score_depends_on_the_row_order(rows, shuffler):
    y, p = rows
    order = list(range(len(y)))
    shuffler.shuffle(order)
    chance = p / 8
    plain = metrics.compute_scores(y, p, 0.01, y > 0, chance)
    shuffled = metrics.compute_scores(y[order], p[order], 0.01, y[order] > 0, chance[order])
    assert plain.keys() == shuffled.keys()
    for name, value in plain.items():
        assert shuffled[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name
    pd.testing.assert_frame_equal(decile_table(y, p), decile_table(y[order], p[order]), rtol=1e-12)
    for one, other in zip(capture_curve(y, p), capture_curve(y[order], p[order]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_score_names_every_metric_and_adds_the_probability_only_where_given():
    y, p = np.array([0.0, 0.0, 30.0, 10.0]), np.array([1.0, 2.0, 20.0, 30.0])
    bought = np.asarray(y) > 0
    scores = metrics.compute_scores(y, p, 0.1, bought)
    assert "buys_roc_auc" not in scores
    full = metrics.compute_scores(y, p, 0.1, bought, [0.1, 0.2, 0.9, 0.8])
    assert set(full) - set(scores) == {"buys_roc_auc", "buys_brier"}
    assert full["buys_roc_auc"] == 1.0
    assert (full["customers"], full["buyers"]) == (4.0, 2.0)
    assert (full["actual_total"], full["predicted_total"]) == (40.0, 53.0)
    assert full["aggregate_bias"] == pytest.approx(13 / 40)
    assert full["d2_tweedie"] == metrics.d2_tweedie(y, p, floor=0.1)
    assert all(type(value) is float for value in full.values())


LOSSES, PREDICTED = np.array([-5.0, 0.0, 1.0, 30.0]), np.array([-2.0, 3.0, 1.0, 20.0])


def test_scores_that_mean_nothing_below_zero_have_no_value_there():
    functions = {
        "d2_tweedie": lambda y, p: metrics.d2_tweedie(y, p, floor=-0.1),
        "top_10_share": metrics.top_10_share,
        "top_20_share": metrics.top_20_share,
        "decile_mape": metrics.decile_calibration_mape,
    }
    assert set(functions) == set(metrics.UNDEFINED_WITH_LOSSES)
    assert all(math.isnan(function(LOSSES, PREDICTED)) for function in functions.values())
    assert np.isnan(capture_curve(LOSSES, PREDICTED)[1]).all()


def test_of_a_log_with_losses_only_scores_that_mean_something_are_taken():
    bought = LOSSES != 0
    with_losses = metrics.compute_scores(LOSSES, PREDICTED, -0.1, bought, has_losses=True)
    all_names = set(metrics.compute_scores(LOSSES + 5, PREDICTED + 5, 0.1, bought))
    assert all_names - set(with_losses) == set(metrics.UNDEFINED_WITH_LOSSES)
    assert not any(math.isnan(value) for value in with_losses.values())
    # In a period in which nobody lost, too: scores of one log stay comparable.
    assert set(metrics.compute_scores(LOSSES + 5, PREDICTED, -0.1, bought, has_losses=True)) == set(with_losses)


@modest
@given(pairs(returned, returned), st.integers(-40, 40).map(lambda quarters: quarters / 4))
def test_ranking_and_squared_error_are_the_same_whatever_is_added_to_all_spend(rows, amount):
    y, p = rows
    for function in (metrics.normalised_gini, metrics.spearman, metrics.r2, metrics.rmse, metrics.mae):
        assert close(function(y + amount, p + amount), function(y, p))
    assert close(metrics.normalised_gini(y + amount, p), metrics.normalised_gini(y, p))
    gini = metrics.normalised_gini(y, p)
    assert math.isnan(gini) or -1 <= gini <= 1


def test_all_zeros_wins_the_median_error_and_loses_the_rest():
    # Why no error that is optimal at the median may rank models (DESIGN, section 7).
    rng = np.random.default_rng(3)
    y = np.where(rng.random(5000) < 0.25, rng.lognormal(3, 1, 5000), 0)
    truth = metrics.compute_scores(y, np.full(5000, y.mean()), 0.01 * y.mean(), y > 0)
    zeros = metrics.compute_scores(y, np.zeros(5000), 0.01 * y.mean(), y > 0)
    assert zeros["mae"] < truth["mae"]
    assert zeros["median_ae"] == 0 < truth["median_ae"]
    assert zeros["d2_tweedie"] < truth["d2_tweedie"]
    assert zeros["aggregate_bias"] == -1.0


TWO_COLUMN_SCORES = [
    metrics.aggregate_bias,
    metrics.decile_calibration_mape,
    metrics.normalised_gini,
    metrics.spearman,
    metrics.top_10_share,
    metrics.top_20_share,
    metrics.rmse,
    metrics.r2,
    metrics.mae,
    metrics.median_absolute_error,
    metrics.wape,
    metrics.roc_auc,
    metrics.brier,
    decile_table,
    capture_curve,
    reliability_table,
    lambda y, p: metrics.d2_tweedie(y, p, floor=0.1),
    lambda y, p: metrics.compute_scores(y, p, 0.1, [True]),
]


@pytest.mark.parametrize("function", TWO_COLUMN_SCORES)
def test_bad_columns_get_one_clear_sentence(function):
    with pytest.raises(ClvError, match=r"holds 1 values that are not finite \(the first, nan, at position 1\)"):
        function([0, 1], [0.5, np.nan])
    with pytest.raises(ClvError, match=r"holds 1 values that are not finite \(the first, inf, at position 0\)"):
        function([np.inf, 1], [0.5, 1])
    with pytest.raises(ClvError, match=r"has 3 values and .* has 2"):
        function([0, 1, 1], [0.5, 1])
    with pytest.raises(ClvError, match=r"is empty"):
        function([], [])
    with pytest.raises(ClvError, match=r"has shape \(2, 1\)"):
        function([[0], [1]], [0.5, 1])
    with pytest.raises(ClvError, match=r"not a number"):
        function([0, 1], ["a", "b"])
    with pytest.raises(ClvError, match=r"list different customers"):
        function(pd.Series([0, 1], index=["a", "b"]), pd.Series([0.5, 1], index=["b", "a"]))


def test_a_probability_must_be_one_and_an_outcome_a_yes_or_no():
    with pytest.raises(ClvError, match=r"probability holds 1\.5; expected numbers from 0 to 1"):
        metrics.brier([0, 1], [0.5, 1.5])
    with pytest.raises(ClvError, match=r"bought holds 12; expected 0 or 1"):
        metrics.roc_auc([0, 12], [0.5, 0.6])


def test_a_table_knows_its_format_and_a_metric_its_step():
    assert Table("predictions.parquet", pd.DataFrame()).format == "parquet"
    assert Table("coefficients.csv", pd.DataFrame()).format == "csv"
    with pytest.raises(ClvError, match=r"'predictions' has no known format"):
        Table("predictions", pd.DataFrame())
    assert Metric("holdout_rmse", 1.0) == Metric("holdout_rmse", 1.0, step=0)
