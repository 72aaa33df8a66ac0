"""The level: nearer than BTYD's where there is a season, as near without; what comes later does not move it."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.simulated import simulated
from clv_experiments.data.window import Window
from clv_experiments.forecasting import level as level_module
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import (
    BtydAndCohortForecasts,
    TotalForecast,
    scale_labels_to_totals,
    widen_standard_error,
)

START, END = date(2020, 1, 1), date(2022, 12, 31)
SHOP = {"process": "pareto_nbd", "customers": 3000, "start": START, "end": END}


def forecaster_of(source, end=END, horizon="3 months"):
    log = load_log("shop", source, (), end)
    return Forecaster(log, Window(log.start, log.end, Horizon.parse(horizon)))


def of_rows(rows, **choices):
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return forecaster_of(
        lambda engine: RawTable(engine.register_arrow("rows", table)), **{"horizon": "6 months"} | choices
    )


@pytest.fixture(scope="module")
def seasonal():
    return forecaster_of(partial(simulated, **SHOP, season=0.5, growth=0.3, seed=1))


@pytest.fixture(scope="module")
def small():
    return forecaster_of(partial(simulated, **SHOP | {"customers": 1000}, season=0.5, seed=1), horizon="6 months")


@pytest.fixture(scope="module")
def rows(small):
    purchases = small.log.purchase_days.to_pyarrow().to_pandas()
    return purchases[["customer_id", "date", "amount"]].astype({"amount": float})


def log_errors(forecaster, periods):
    """Of BTYD's total and of the level, against the expected spend, which only a simulation knows."""
    errors = []
    for period in map(forecaster.window.period, periods):
        expected = forecaster.outcome(period)["true_expected_spend"].sum()
        both = forecaster.forecast_btyd_and_cohort_levels(period)
        assert both.cohorts is not None
        errors.append([np.log(both.btyd.total / expected), np.log(both.combine().total / expected)])
    return np.abs(errors).mean(axis=0)


def test_with_a_season_the_level_is_much_nearer_than_btyd(seasonal):
    btyd, level = log_errors(seasonal, range(5))
    assert btyd > 0.15
    assert level < 0.6 * btyd


@pytest.mark.slow
def test_without_a_season_the_level_costs_at_most_two_points():
    errors = [log_errors(forecaster_of(partial(simulated, **SHOP, seed=seed)), range(5)) for seed in (1, 2, 3)]
    btyd, level = np.mean(errors, axis=0)
    assert level < btyd + 0.02


def test_the_unit_of_money_scales_the_level_alone(small, rows):
    period = small.window.period(0)
    level = small.forecast_level(period)
    cents = of_rows(rows.assign(amount=rows["amount"] * 100)).forecast_level(period)
    assert cents.total == pytest.approx(100 * level.total, rel=1e-3)
    assert cents.purchase_days == pytest.approx(level.purchase_days, rel=1e-3)
    assert cents.standard_error == pytest.approx(level.standard_error, rel=1e-3)


def tamper(rows, cutoff):
    """Afterwards every other purchase is missing, the others are on other days for other money, customers are new."""
    known, later = rows[rows["date"] <= cutoff], rows[rows["date"] > cutoff].iloc[::2]
    later = later.assign(amount=7 * later["amount"] + 3, date=END - (later["date"] - (cutoff + timedelta(days=1))))
    new = known.drop_duplicates("customer_id").iloc[::3].assign(date=END - timedelta(days=20))
    return pd.concat([known, later, new, new.assign(customer_id="new " + new["customer_id"])])


def levels_before_and_after(small, rows):
    period = small.window.period(0)
    after = of_rows(tamper(rows, period.cutoff))
    assert after.outcome(period)["spend"].sum() != pytest.approx(small.outcome(period)["spend"].sum(), rel=0.1)
    return Forecaster(small.log, small.window).forecast_level(period), after.forecast_level(period)


def test_nothing_after_the_cutoff_moves_the_level(small, rows):
    before, after = levels_before_and_after(small, rows)
    assert before.source == "forecast"
    assert after == before


def test_guard_sees_a_level_that_looks_ahead(small, rows, monkeypatch):
    real = level_module.sum_repeat_purchases_by_cohort_month
    monkeypatch.setattr(
        level_module, "sum_repeat_purchases_by_cohort_month", lambda log, cutoff: real(log, cutoff + timedelta(days=30))
    )
    before, after = levels_before_and_after(small, rows)
    assert after != before


def test_guard_sees_an_interval_from_the_period_itself(small, rows, monkeypatch):
    real = Window.training_periods
    monkeypatch.setattr(Window, "training_periods", lambda window, target: [target, *real(window, target)])
    before, after = levels_before_and_after(small, rows)
    assert after != before


def assert_btyds(forecaster, period, reason):
    level = forecaster.forecast_level(period)
    assert level.source == "btyd"
    assert level.total == forecaster.forecast_btyd_and_cohort_levels(period).btyd.total
    assert reason in level.note
    assert level.standard_error >= 0.3


def test_a_season_that_was_never_seen_is_said_and_left_to_btyd(rows):
    year = rows[rows["date"] <= date(2021, 3, 31)]
    forecaster = of_rows(year, end=date(2021, 3, 31), horizon="3 months")
    period = forecaster.window.period(0)  # January to March 2021, of which January 2020 was the log's first
    assert_btyds(forecaster, period, f"the season of {period} was never seen: the log begins on {forecaster.log.start}")
    later = of_rows(rows[rows["date"] <= date(2021, 4, 30)], end=date(2021, 4, 30), horizon="3 months")
    assert later.forecast_level(later.window.period(0)).source == "forecast"


def test_customers_who_came_all_at_once_are_left_to_btyd():
    forecaster = forecaster_of(partial(simulated, **SHOP, season=0.5, seed=1, entry=0.1))
    assert_btyds(forecaster, forecaster.window.period(0), "most customers first bought within 4 months")


def test_where_nobody_came_back_yet_it_is_btyds(log_of):
    day = partial(date, 2020)
    log = log_of([("a", day(1, 1), 5.0), ("b", day(1, 9), 7.0), ("a", day(3, 29), 6.0)], log_end=day(3, 31))
    forecaster = Forecaster(log, Window(log.start, log.end, Horizon.parse("1 month")))
    assert_btyds(forecaster, forecaster.window.period(0), "nobody came back up to 2020-02-29")


def test_both_totals_are_weighted_by_precision():
    btyd, cohorts = TotalForecast(100.0, 10.0, 0.3, "btyd"), TotalForecast(400.0, 40.0, 0.4, "forecast")
    level = BtydAndCohortForecasts(btyd, cohorts).combine(btyd_error=0.3)
    weight = 0.09 / (0.09 + 0.16)
    assert level.total == pytest.approx(100 * 4**weight)
    assert level.purchase_days == pytest.approx(10 * 4**weight)
    assert level.standard_error == pytest.approx((1 / 0.09 + 1 / 0.16) ** -0.5)
    assert BtydAndCohortForecasts(btyd, replace(cohorts, standard_error=1e-9)).combine().total == pytest.approx(400)
    assert BtydAndCohortForecasts(btyd, None, "why").combine() == TotalForecast(100.0, 10.0, 0.3, "btyd", "why")


def test_earlier_errors_widen_the_interval_and_never_narrow_it():
    level = TotalForecast(100.0, 10.0, 0.1, "forecast")
    assert widen_standard_error(level, []) == level
    assert widen_standard_error(level, [(level, 100.0)] * 8) == level
    off = [(level, 100 * np.exp(0.3))] * 2  # three standard errors, twice: (2 + 9 + 9) / 4
    assert widen_standard_error(level, off).standard_error == pytest.approx(0.1 * 5**0.5)
    assert widen_standard_error(level, [(level, 0.0), (replace(level, total=0.0), 5.0)]) == level
    low, high = level.interval(0.95)
    assert (low, high) == pytest.approx((100 * np.exp(-0.196), 100 * np.exp(0.196)), rel=1e-3)


def test_labels_are_scaled_origin_by_origin_and_capped():
    december, june = pd.Series(np.arange(1000.0), name="spend"), pd.Series(np.arange(1000.0) / 5, name="spend")
    aligned = scale_labels_to_totals([december, june, 0 * june], [500.0, 500.0, 500.0])
    assert len(aligned) == 3000
    pd.testing.assert_series_equal(aligned.iloc[:1000], aligned.iloc[1000:2000])
    assert aligned.iloc[:1000].sum() == pytest.approx(500, rel=1e-3)
    assert (aligned.iloc[2000:] == 0).all()
    outlier = scale_labels_to_totals([pd.Series([1.0] * 9999 + [1e6])], [1.0])
    assert outlier.max() == outlier.min()
