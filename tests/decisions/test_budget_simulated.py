"""On a simulated log the intervals of profits and values hold the true ones."""

from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.sources.simulated import simulated
from clv_experiments.data.window import Window
from clv_experiments.decisions.budget.acquisition import analyse_acquisition
from clv_experiments.decisions.budget.outlook import simulate_spend, summarise_simulated_profit
from clv_experiments.decisions.budget.plan import contact_profit, plan_contacts
from clv_experiments.decisions.display.acquisition import acquisition_section
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET, take_snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd

YEAR = Horizon.parse("12 months")
SHOP = Shop("$", 0.5, 0.0, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(300.0, 1.0, (0.1, 0.3, 0.5)))


@pytest.fixture(scope="module")
def simulation():
    source = partial(simulated, process="pareto_nbd", customers=3000, start="2020-01-01", end="2021-12-31", seed=5)
    log = load_log("simulated", source)
    window = Window(log.start, date(2021, 12, 31), Horizon.parse("3 months"))
    forecaster = Forecaster(log, window)
    btyd = Model("mbg_nbd", "btyd", False, HISTORY_FEATURE_SET, MbgNbd())
    before, previous, now = (
        take_snapshot(forecaster, period, btyd, btyd)
        for period in (window.period(1), window.period(0), window.future_period)
    )
    return SimpleNamespace(log=log, forecaster=forecaster, before=before, previous=previous, now=now)


def test_true_and_realised_profit_lie_within_the_interval(simulation):
    """The plan of the last period, with the errors of the one before it."""
    plan = plan_contacts(simulation.previous.table, SHOP.campaign, SHOP.margin)
    spend = simulate_spend(plan.contacted["expected_spend"].to_numpy(), [simulation.before.table], 400, seed=1)
    case = summarise_simulated_profit(plan, spend)[1]
    truth = simulation.log.truth.expected_spend(simulation.previous.period)
    for expected in (truth, simulation.previous.table["y_true"]):
        profit = contact_profit(expected[plan.contacted.index], SHOP.campaign, SHOP.margin).sum()
        assert case.low <= profit <= case.high
    assert plan.contacts > 100


def test_what_a_new_customer_may_cost_is_the_true_value_of_the_first_year(simulation):
    """Pareto/NBD: E[X(t)] = r beta / (alpha (s - 1)) (1 - (beta / (beta + t)) ** (s - 1)), t in weeks."""
    acquisition = analyse_acquisition(simulation.forecaster, simulation.now, SHOP, replicates=100, seed=1)
    cohorts = acquisition.cohorts
    true = simulation.log.truth.parameters
    r, alpha, s, beta = (true[name] for name in ("r", "alpha", "s", "beta"))
    purchases = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + 52)) ** (s - 1))
    value = SHOP.margin * true["p"] * true["v"] / (true["q"] - 1) * (1 + purchases)
    covered = (cohorts["low"] <= value) & (value <= cohorts["high"])
    assert covered.sum() >= len(cohorts) - 1
    assert acquisition.value.low <= value <= acquisition.value.high
    assert not acquisition.check.relative_error.is_significant


def test_the_page_shows_what_the_analysis_tells(simulation):
    section = acquisition_section(simulation.forecaster, simulation.now, SHOP, seed=1, replicates=100)
    (cohorts,) = section.exhibits
    assert section.summary == [cohorts.sentences[0]]
    acquisition = analyse_acquisition(simulation.forecaster, simulation.now, SHOP, replicates=100, seed=1)
    assert f"${acquisition.value.value:,.2f}" in section.summary[0]
    assert set(cohorts.columns) <= set(cohorts.table)
    assert len(cohorts.columns) == 8
    assert "from chance" in cohorts.sentences[-1]


def test_a_log_of_one_year_leaves_the_prediction_unchecked(simulation):
    cutoff = date(2020, 12, 31)
    features = simulation.forecaster.features(cutoff, HISTORY_FEATURE_SET)
    btyd = SimpleNamespace(X=features, estimator=simulation.now.btyd.estimator)
    now = SimpleNamespace(period=Period(cutoff, date(2021, 3, 31)), btyd=btyd, btyd_name="mbg_nbd")
    acquisition = analyse_acquisition(simulation.forecaster, now, SHOP, replicates=20, seed=1)
    assert acquisition.check is None
    assert acquisition.predicted_share > 0
    assert acquisition.burn_in_cohorts == ["2020-02", "2020-03"]
    assert np.isfinite(acquisition.cohorts.select_dtypes("number")).all(axis=None)
    assert acquisition.cohorts["cohort"].is_unique
    (cohorts,) = acquisition_section(simulation.forecaster, now, SHOP, seed=1, replicates=20).exhibits
    assert "is predicted for what is left of the first year" in cohorts.sentences[1]
    assert "not checked here" in cohorts.sentences[2]
    assert "February 2020 and March 2020" in cohorts.sentences[3]
