"""The age-period-cohort model on tables whose rates are known, and what its standard error owes to what it has seen."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from clv_experiments.models.age_period_cohort import AgePeriodCohort

SEASON = 0.5 * np.cos(2 * np.pi * np.arange(12) / 12)


def cells(months, customers=400.0, ahead=0):
    """Cohorts of one size, one a month, 30 days each; months to come where ``ahead`` says how many."""
    months_range = range(ahead) if ahead else range(-months, 0)
    rows = [(c, m) for c in range(-months, 0) for m in months_range if m >= c]
    X = pd.DataFrame(rows, columns=["cohort", "month"])
    return X.assign(age=30.0 * (X["month"] - X["cohort"]) + 15, exposure=30 * customers)


def rates(X, season, trend=0.0):
    """Purchases a customer-day, with a kink in the decline over age."""
    return 0.01 * (X["age"] / 30) ** -0.3 * np.exp(season[X["month"] % 12] + trend * X["month"] / 12)


def draw(X, season, seed, trend=0.0):
    return np.random.default_rng(seed).poisson(X["exposure"] * rates(X, season, trend))


def actual(X, season, trend=0.0):
    return float((X["exposure"] * rates(X, season, trend)).sum())


@pytest.mark.parametrize("trend", [0.0, 0.3])
@pytest.mark.parametrize("season", [SEASON, np.zeros(12)], ids=["seasons", "none"])
def test_recovers_the_coming_total(season, trend):
    ahead = cells(30, ahead=3)
    for seed in range(3):
        X = cells(30)
        total, error = AgePeriodCohort().fit(X, draw(X, season, seed, trend)).predict_total(ahead)
        off = np.log(total / actual(ahead, season, trend))
        assert abs(off) < 0.1
        assert abs(off) < 3 * error


def test_evidence_tells_a_shop_with_seasons_from_one_without():
    X = cells(30)
    with_seasons, without = (AgePeriodCohort().fit(X, draw(X, season, 0)).weights_ for season in (SEASON, np.zeros(12)))
    assert with_seasons[1] > 0.99
    assert without[0] > 0.9


def test_the_unit_of_what_is_counted_changes_the_total_alone():
    X, ahead = cells(20), cells(20, ahead=2)
    y = draw(X, SEASON, 1)
    total, error = AgePeriodCohort().fit(X, y).predict_total(ahead)
    for unit in (100.0, 1e-3):
        scaled, same = AgePeriodCohort().fit(X, unit * y).predict_total(ahead)
        assert scaled == pytest.approx(unit * total, rel=1e-5)
        assert same == pytest.approx(error, rel=1e-4)


def test_a_season_that_was_never_seen_has_the_error_of_its_prior():
    seasons = AgePeriodCohort(season_sds=(0.5,))
    errors = {}
    for months in (8, 20):  # eight months have not seen the first to come
        X = cells(months)
        errors[months] = clone(seasons).fit(X, draw(X, SEASON, 2)).predict_total(cells(months, ahead=1))[1]
    assert errors[8] > 0.45
    assert errors[20] < 0.2


def test_the_further_ahead_the_larger_the_error_of_the_walk():
    X = cells(30, customers=1e6)
    model = AgePeriodCohort(season_sds=(0.01,), walk_sd=0.1, shock_sd=0.001).fit(
        X, X["exposure"] * rates(X, 0 * SEASON)
    )
    ahead = cells(30, ahead=6)
    near, far = (model.predict_total(ahead[ahead["month"] == month])[1] for month in (0, 5))
    assert far**2 - near**2 == pytest.approx(5 * 0.1**2, rel=0.2)


def test_one_cell_and_a_perfect_fit_are_forecast_too():
    X, ahead = cells(1), cells(1, ahead=1)
    total, error = AgePeriodCohort().fit(X, [3.0]).predict_total(ahead)
    assert 0.3 < total < 30
    assert 0.3 < error < 3
    X = cells(6)
    total, error = AgePeriodCohort().fit(X, X["exposure"]).predict_total(cells(6, ahead=1))
    assert total == pytest.approx(cells(6, ahead=1)["exposure"].sum(), rel=0.02)
    assert np.isfinite(error)


def test_a_cell_below_zero_as_after_refunds_is_no_failure():
    X = cells(14)
    y = draw(X, SEASON, 3) * 1.0
    y[5] = -2.0
    total, error = AgePeriodCohort().fit(X, y).predict_total(cells(14, ahead=1))
    assert total > 0
    assert np.isfinite(error)
