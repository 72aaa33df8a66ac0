"""Prediction intervals of spend hold as many customers as they say, all and those with the largest predictions."""

import numpy as np
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.evaluation import conformal_intervals
from clv_experiments.evaluation.conformal_intervals import calibrate_intervals, calibrate_quantiles, measure_coverage


def shop(rng, customers):
    """Draw predictions and the spend that follows: mostly none, heavy-tailed, more spread where more is expected."""
    predicted = rng.gamma(0.6, 50.0, customers)
    bought = rng.random(customers) < predicted / (predicted + 40.0)
    return np.where(bought, predicted * rng.gamma(1.5, 1.2, customers), 0.0), predicted


def test_hand_worked_ranks():
    # 9 errors and a tail of 0.1: the floor(10 x 0.1) = 1st and the ceil(10 x 0.9) = 9th.
    y = np.array([20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 300.0])
    spend_intervals = calibrate_intervals(y, np.full(9, 100.0), 0.8)
    assert spend_intervals.unit == pytest.approx(5.0)  # 0.05 of the mean prediction
    assert (spend_intervals.edges.size, spend_intervals.customers) == (0, 9)
    assert spend_intervals.lower == pytest.approx([-0.8])
    assert spend_intervals.upper == pytest.approx([200 / 105])
    low, high = spend_intervals.interval_around([100.0, 0.0, 205.0])
    assert low == pytest.approx([20.0, 0.0, 41.0])
    assert high == pytest.approx([300.0, 200 / 105 * 5, 605.0])


def test_where_the_lower_end_is_no_spend_the_upper_one_leaves_out_both_tails():
    y = np.array([0.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 300.0])
    low, high = calibrate_intervals(y, np.full(9, 100.0), 0.8).interval_around([100.0])
    assert (low[0], high[0]) == (0.0, pytest.approx(160.0))  # the ceil(10 x 0.8) = 8th


def test_the_inner_ranks_with_more_customers():
    y = np.arange(1.0, 20.0)  # 19 errors: the 2nd and the 18th
    spend_intervals = calibrate_intervals(y, np.full(19, 10.0), 0.8)
    assert [end[0] for end in spend_intervals.interval_around([10.0])] == pytest.approx([2.0, 18.0])


def test_the_prediction_lies_inside_though_nobody_spent():
    spend_intervals = calibrate_intervals(np.zeros(60), np.linspace(10.0, 20.0, 60), 0.8)
    low, high = spend_intervals.interval_around([15.0])
    assert (low[0], high[0]) == (pytest.approx(0.0, abs=1.0), 15.0)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_coverage_is_at_least_the_level_overall_and_at_the_top(level):
    rng = np.random.default_rng(1)
    coverages = []
    for _ in range(60):
        spend_intervals = calibrate_intervals(*shop(rng, 1000), level)
        y, p = shop(rng, 1000)
        coverages.append(measure_coverage(y, *spend_intervals.interval_around(p), p))
    overall, top = (np.array([getattr(c, name) for c in coverages]) for name in ("overall", "top_decile"))
    for share in (overall, top):
        assert share.mean() >= level - 2 * share.std() / np.sqrt(len(share))


def shares_at_the_top(draw, calibrated, groups, replicates, rng):
    """Calibrate on so many customers and count on others, time and again: mean coverage of the top tenth, its error."""
    shares = []
    for _ in range(replicates):
        spend_intervals = calibrate_intervals(*draw(rng, calibrated), 0.8, groups)
        y, p = draw(rng, 1000)
        shares.append(measure_coverage(y, *spend_intervals.interval_around(p), p).top_decile)
    return np.mean(shares), np.std(shares) / np.sqrt(len(shares))


def rising(rng, customers):
    """Draw spend whose spread falls short of the prediction's size for small ones and exceeds it for large ones."""
    p = rng.uniform(1.0, 100.0, customers)
    return np.maximum(p + rng.normal(0, 0.004 * p**2, customers), 0.0), p


def even(rng, customers):
    return rng.normal(100.0, 20.0, customers), np.full(customers, 100.0)


@pytest.mark.parametrize(
    ("fault", "draw", "calibrated", "groups", "replicates"),
    [("ranks", even, 29, 1, 400), ("groups", rising, 1000, 10, 40), ("scale", rising, 1000, 1, 40)],
)
def test_a_planted_fault_is_seen(fault, draw, calibrated, groups, replicates, monkeypatch):
    """Ranks that forget the customer to come, one group for all, errors that are not scaled: each loses coverage."""
    share, error = shares_at_the_top(draw, calibrated, groups, replicates, np.random.default_rng(2))
    if fault != "scale":  # one group of customers cannot speak for its tenth
        assert 0.8 - 2 * error <= share <= 0.82  # where no two customers are off alike, hardly more than the level
    if fault == "ranks":
        monkeypatch.setattr(
            conformal_intervals,
            "_error_quantiles",
            lambda e, tail: (e[int(len(e) * tail) + 1], e[-int(len(e) * tail) - 1]),
        )
    if fault == "groups":
        monkeypatch.setattr(conformal_intervals, "_choose_group_edges", lambda p, groups, fewest: np.array([]))
    if fault == "scale":
        monkeypatch.setattr(conformal_intervals, "UNIT_SHARE_OF_MEAN", 1e6)
    wrong, error_of_wrong = shares_at_the_top(draw, calibrated, groups, replicates, np.random.default_rng(2))
    assert wrong < share - 3 * (error + error_of_wrong)


def test_groups_follow_the_predictions_and_are_fewer_where_customers_are_few_or_tie():
    rng = np.random.default_rng(3)
    assert calibrate_intervals(*shop(rng, 1000), 0.8).edges.size == 9
    assert calibrate_intervals(*shop(rng, 170), 0.8).edges.size == 2
    assert calibrate_intervals(*shop(rng, 400), 0.99).edges.size == 1  # 199 customers are needed for each
    y, p = shop(rng, 1000)
    tied = np.where(p <= np.sort(p)[849], 5.0, 5.0 + p)
    assert calibrate_intervals(y, tied, 0.8).edges.tolist() == [5.0, np.sort(tied)[899]]  # 850, 50 and 100 customers
    assert calibrate_intervals(y, np.full(1000, 3.0), 0.8).edges.size == 0


def test_larger_predictions_get_intervals_of_their_own():
    rng = np.random.default_rng(4)
    p = np.repeat([10.0, 1000.0], 500)
    y = p + np.where(p > 100, rng.normal(0, 10.0, 1000), rng.normal(0, 9.0, 1000))
    low, high = calibrate_intervals(y, p, 0.8, groups=2).interval_around([10.0, 1000.0])
    assert high[0] - low[0] == pytest.approx(21, abs=5)
    assert high[1] - low[1] == pytest.approx(26, abs=4)  # one group would give the small ones' relative errors: 2,000


def test_a_model_that_predicts_nothing_still_gets_intervals():
    y = np.concatenate([np.zeros(50), np.arange(1.0, 51.0)])
    low, high = calibrate_intervals(y, np.zeros(100), 0.8).interval_around(np.zeros(2))
    assert low.tolist() == [0.0, 0.0]
    assert high == pytest.approx([31.0, 31.0])  # the ceil(101 x 0.8) = 81st of 100


def test_too_few_customers_are_refused():
    with pytest.raises(ClvError, match="at least 39 customers with spend known and predicted, and there are 38"):
        calibrate_intervals(np.ones(38), np.ones(38), 0.95)
    assert calibrate_intervals(np.ones(39), np.ones(39), 0.95).customers == 39


def test_coverage_counts_by_hand():
    p = np.arange(20.0)
    y, low, high = p.copy(), p - 1, p + 1
    y[[0, 19]] = 100.0
    high[18:] += 5
    coverage = measure_coverage(y, low, high, p)
    assert (coverage.customers, coverage.top_customers) == (20, 2)
    assert (coverage.overall, coverage.top_decile) == (0.9, 0.5)
    assert (coverage.width, coverage.top_decile_width) == (2.5, 7.0)


def test_quantiles_by_hand():
    y = np.array([0.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 300.0])
    # Of 9 errors: the 1st (no spend), the 5th, the 8th and, beyond them, the largest.
    quantiles = calibrate_quantiles(y, np.full(9, 100.0), [100.0, 50.0], [0.05, 0.5, 0.8, 0.99])
    unit = 5.0
    assert quantiles[0] == pytest.approx([0.0, 100.0, 160.0, 300.0])
    assert quantiles[1] == pytest.approx([0.0, 50.0, 50 + 60 / 105 * (50 + unit), 50 + 200 / 105 * (50 + unit)])


def test_quantiles_are_exceeded_as_often_as_they_say():
    rng = np.random.default_rng(5)
    probabilities, shares = np.array([0.7, 0.8, 0.9, 0.95]), []
    for _ in range(40):
        y, p = shop(rng, 1000)
        quantiles = calibrate_quantiles(*shop(rng, 1000), p, probabilities)
        assert (np.diff(quantiles, axis=1) >= 0).all()
        shares.append((y[:, None] <= quantiles).mean(axis=0))
    # Mass at no spend makes the lower ones hold more; nobody is held less.
    assert (np.mean(shares, axis=0) >= probabilities - 0.01).all()
    assert np.mean(shares, axis=0)[-1] == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("factor", [0.01, 7.3])
def test_quantiles_are_in_the_unit_of_money(factor):
    rng = np.random.default_rng(6)
    (y, p), (_, at) = shop(rng, 500), shop(rng, 50)
    quantiles = calibrate_quantiles(y, p, at, [0.8, 0.95])
    np.testing.assert_allclose(
        calibrate_quantiles(factor * y, factor * p, factor * at, [0.8, 0.95]), factor * quantiles
    )
