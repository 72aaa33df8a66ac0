"""Where the truth is known: dates hold what they promise, and probabilities are those of the customers' own rates."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.sources.simulated_purchases import ParetoNbdBuyers, SeasonalFactor
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.models.pareto_nbd import ParetoNbd

CUTOFF, LIMIT, N = 400, 365, 5000
START = date(2020, 1, 1)


@pytest.fixture(scope="module")
def shop():
    """Buyers, their history up to the end of a day, and how long each then waited (nan beyond a year)."""
    rng = np.random.default_rng(11)
    buyers = ParetoNbdBuyers(ParetoNbdBuyers.defaults, rng.uniform(0, 300, N), SeasonalFactor(0.0, 0.0), rng)
    customer, day = buyers.draw_repeat_purchases(CUTOFF + 1 + LIMIT, rng)
    first = buyers.entry.astype(int)
    days = pd.DataFrame({"customer": customer, "day": day}).drop_duplicates()
    days = days[days["day"] > first[days["customer"]]]
    known = days[days["day"] <= CUTOFF].groupby("customer")["day"].agg(["size", "max"]).reindex(range(N))
    recency = known["max"].fillna(pd.Series(first)) - first
    X = pd.DataFrame({"frequency": known["size"].fillna(0.0), "recency": recency, "T": (CUTOFF - first).astype(float)})
    coming = days[days["day"] > CUTOFF].groupby("customer")["day"].min().reindex(range(N)) - CUTOFF
    return buyers, X, coming.to_numpy()


@pytest.fixture(scope="module")
def model():
    made = ParetoNbd()
    for name, value in ParetoNbdBuyers.defaults.items():
        setattr(made, f"{name}_", value)
    return made


def ends_of(dates):
    return [
        (dates[name] - pd.Timestamp(START)).dt.days.to_numpy() for name in ("next_purchase_low", "next_purchase_high")
    ]


def test_interval_holds_the_days_it_promises(shop, model):
    _, X, waited = shop
    dates = next_purchase_dates(model, X, START, LIMIT, 0.8)
    low, high = ends_of(dates)
    came = ~np.isnan(waited)
    held = ((low <= waited) & (waited <= high))[came & ~np.isnan(low)]
    # Whole days hold a little more than the level: what the model itself says that they hold.
    some = np.flatnonzero(came & ~np.isnan(low))[::4]
    risen = model.purchase_probabilities(X.iloc[some], np.arange(1.0, LIMIT + 1))
    risen, rows = np.column_stack([np.zeros(len(some)), risen]), np.arange(len(some))
    within = risen[rows, high[some].astype(int)] - risen[rows, low[some].astype(int) - 1]
    promised = float((within / risen[:, -1]).mean())
    assert 0.8 <= promised < 0.84
    assert held.mean() == pytest.approx(promised, abs=3 * np.sqrt(0.8 * 0.2 / len(held)))
    assert len(held) > 500


def test_probability_is_that_of_the_customers_own_rates(shop, model):
    buyers, X, waited = shop
    both = buyers.rate + buyers.dropout
    true = np.where(buyers.is_active(CUTOFF + 1.0), buyers.rate / both * -np.expm1(-both * 90), 0.0)
    predicted = model.purchase_probabilities(X, np.array([90]))[:, 0]
    for fifth in np.array_split(np.argsort(predicted, kind="stable"), 5):
        error = true[fifth].std() / np.sqrt(len(fifth))
        assert predicted[fifth].mean() == pytest.approx(true[fifth].mean(), abs=3.5 * error + 0.005)
    bought = waited <= 90
    assert predicted.mean() == pytest.approx(bought.mean(), abs=3 * np.sqrt(0.2 * 0.8 / N))


def test_rates_in_the_wrong_unit_are_seen(shop, model):
    _, X, waited = shop
    wrong = ParetoNbd()
    wrong.r_, wrong.alpha_, wrong.s_, wrong.beta_ = model.r_, model.alpha_ * 7, model.s_, model.beta_ * 7
    predicted = wrong.purchase_probabilities(X, np.array([90]))[:, 0]
    assert abs(predicted.mean() - (waited <= 90).mean()) > 3 * np.sqrt(0.2 * 0.8 / N)
