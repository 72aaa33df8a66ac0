"""On a simulated log the profits and values that are said hold the true ones."""

from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from clv_experiments.data.log import load_log
from clv_experiments.data.sources.simulated import simulated
from clv_experiments.data.window import Horizon, Period, Window
from clv_experiments.decisions.budget.plan import plan, profit
from clv_experiments.decisions.budget.profit import drawn_spend, outlook
from clv_experiments.decisions.display.acquisition import acquisition_section
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import HISTORY, snapshot
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.models.mbg_nbd import MbgNbd

YEAR = Horizon.parse("12 months")
SHOP = Shop("$", 0.5, 0.0, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(300.0, 1.0, (0.1, 0.3, 0.5)))


@pytest.fixture(scope="module")
def shown():
    source = partial(simulated, process="pareto_nbd", customers=3000, start="2020-01-01", end="2021-12-31", seed=5)
    log = load_log("simulated", source)
    window = Window(log.start, date(2021, 12, 31), Horizon.parse("3 months"))
    forecaster = Forecaster(log, window)
    btyd = Model("mbg_nbd", "btyd", False, HISTORY, MbgNbd())
    before, previous, now = (
        snapshot(forecaster, period, btyd, btyd)
        for period in (window.period(1), window.period(0), window.future_period)
    )
    return SimpleNamespace(log=log, forecaster=forecaster, before=before, previous=previous, now=now)


def test_true_and_realised_profit_lie_within_the_interval(shown):
    """The plan of the last period, with the errors of the one before it."""
    chosen = plan(shown.previous.table, SHOP.campaign, SHOP.margin)
    errors = tuple(shown.before.table[column].to_numpy() for column in ("expected_spend", "y_true"))
    spend = drawn_spend(chosen.contacted["expected_spend"].to_numpy(), [errors], 400, seed=1)
    case = outlook(chosen, spend).set_index("case").loc["expected"]
    truth = shown.log.truth.expected_spend(shown.previous.period)
    for expected in (truth, shown.previous.table["y_true"]):
        brought = profit(expected[chosen.contacted.index], SHOP.campaign, SHOP.margin).sum()
        assert case["low"] <= brought <= case["high"]
    assert chosen.contacts > 100


def test_what_a_new_customer_may_cost_is_the_true_value_of_the_first_year(shown):
    """Pareto/NBD: E[X(t)] = r beta / (alpha (s - 1)) (1 - (beta / (beta + t)) ** (s - 1)), t in weeks."""
    found = acquisition_section(shown.forecaster, shown.now, SHOP, seed=1, replicates=100)
    cohorts = found.exhibits[0].table
    true = shown.log.truth.parameters
    r, alpha, s, beta = (true[name] for name in ("r", "alpha", "s", "beta"))
    purchases = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + 52)) ** (s - 1))
    value = SHOP.margin * true["p"] * true["v"] / (true["q"] - 1) * (1 + purchases)
    held = (cohorts["low"] <= value) & (value <= cohorts["high"])
    assert held.sum() >= len(cohorts) - 1
    low, high = (float(part) for part in found.summary[0].split("interval $")[1].split(")")[0].split(" to $"))
    assert low <= value <= high
    assert set(found.exhibits[0].columns) <= set(cohorts)
    assert len(found.exhibits[0].columns) == 8
    assert "no trend can be told from chance" in found.exhibits[0].sentences[-1]
    assert "Its error cannot be told from chance" in found.exhibits[1].sentences[1]


def test_a_log_of_one_year_says_that_nothing_was_checked(shown):
    cutoff = date(2020, 12, 31)
    features = shown.forecaster.features(cutoff, HISTORY)
    btyd = SimpleNamespace(X=features, estimator=shown.now.btyd.estimator)
    now = SimpleNamespace(period=Period(cutoff, date(2021, 3, 31)), btyd=btyd, btyd_name="mbg_nbd")
    found = acquisition_section(shown.forecaster, now, SHOP, seed=1, replicates=20)
    assert "is not checked here" in found.exhibits[1].sentences[0]
    predicted, old, trend = found.exhibits[0].sentences[1:]
    assert "is predicted (and not checked)" in predicted
    assert old.startswith("Some customers of 2020-02 and 2020-03 may have bought before the log starts")
    assert trend == "What is predicted is not checked, so nothing is said of a trend."
    assert np.isfinite(found.exhibits[0].table.select_dtypes("number")).all(axis=None)
    assert found.exhibits[0].table["cohort"].is_unique
