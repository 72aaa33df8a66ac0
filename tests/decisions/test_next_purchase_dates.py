"""Dates of next purchases: quantiles by hand and by a plain search, and who gets no date."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv_experiments.decisions.next_purchase import dates
from clv_experiments.decisions.next_purchase.dates import (
    choose_day_grid,
    conditional_wait_quantiles,
    next_purchase_dates,
)
from clv_experiments.models.pareto_nbd import ParetoNbd

CUTOFF = date(2011, 11, 30)


class Evenly:
    """A purchase on any of the next 100 days is equally probable; ``chance`` is that of one at all."""

    def purchase_probabilities(self, X, days):
        return X["chance"].to_numpy()[:, None] * np.minimum(days, 100) / 100


def of(*chances):
    return pd.DataFrame({"chance": chances}, index=pd.Index([f"c{i}" for i in range(len(chances))], name="customer_id"))


def test_median_and_interval_lie_where_the_shares_of_purchases_have_come():
    table = next_purchase_dates(Evenly(), of(0.5), CUTOFF, 100, 0.8)
    assert list(table.columns) == ["next_purchase", "next_purchase_low", "next_purchase_high", "p_next_purchase"]
    row = table.loc["c0"]
    assert row["next_purchase"] == pd.Timestamp("2012-01-19")  # day 50
    assert row["next_purchase_low"] == pd.Timestamp("2011-12-10")  # day 10
    assert row["next_purchase_high"] == pd.Timestamp("2012-02-28")  # day 90
    assert row["p_next_purchase"] == 0.5


def test_a_purchase_that_hardly_comes_gets_no_date():
    table = next_purchase_dates(Evenly(), of(0.02, 0.0099, 0.0), CUTOFF, 100, 0.8)
    assert table["next_purchase"].isna().tolist() == [False, True, True]
    assert table["next_purchase_high"].isna().tolist() == [False, True, True]
    assert table["p_next_purchase"].tolist() == [0.02, 0.0099, 0.0]


def test_no_customers_have_no_tableof_the_same_type():
    none, one = (next_purchase_dates(Evenly(), X, CUTOFF, 30, 0.8) for X in (of(), of(0.5)))
    assert len(none) == 0
    assert none.dtypes.equals(one.dtypes)


def test_parts_change_nothing(monkeypatch):
    X = of(*np.linspace(0, 1, 7))
    whole = next_purchase_dates(Evenly(), X, CUTOFF, 100, 0.8)
    monkeypatch.setattr(dates, "BATCH_ROWS", 2)
    pd.testing.assert_frame_equal(next_purchase_dates(Evenly(), X, CUTOFF, 100, 0.8), whole)


@given(
    steps=st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda steps: sum(steps) > 0),
    share=st.floats(0.01, 0.99),
)
def test_asked_day_by_day_a_quantile_is_the_first_day_that_reaches_it(steps, share):
    risen = np.cumsum(steps) / max(sum(steps), 1)
    days = conditional_wait_quantiles(risen[None], np.arange(1, len(risen) + 1), np.array([share]))[0, 0]
    oracle = next(day for day, p in enumerate(risen, 1) if p >= share * risen[-1])
    near = np.isclose(risen, share * risen[-1], rtol=1e-7)  # rounding may put a day to either side
    assert days == oracle or near[int(days) - 1] or near[oracle - 1]


def test_few_days_asked_tell_almost_the_same_as_all(monkeypatch):
    model = ParetoNbd()
    model.r_, model.alpha_, model.s_, model.beta_ = 0.5533, 10.578, 0.6062, 11.669
    T = np.arange(30.0, 700.0, 20.0)
    X = pd.DataFrame({"frequency": np.arange(len(T)) % 9, "recency": 0.7 * T, "T": T})
    X.loc[X["frequency"] == 0, "recency"] = 0.0
    few = next_purchase_dates(model, X, CUTOFF, 365, 0.8)
    monkeypatch.setattr(dates, "choose_day_grid", lambda within, grid: np.arange(1, within + 1))
    every = next_purchase_dates(model, X, CUTOFF, 365, 0.8)
    for column in ("next_purchase", "next_purchase_low", "next_purchase_high"):
        assert (few[column] - every[column]).abs().max() <= pd.Timedelta(days=2)
    assert (every["next_purchase"] - pd.Timestamp(CUTOFF)).dt.days.nunique() > 10
    np.testing.assert_array_equal(few["p_next_purchase"], every["p_next_purchase"])


@pytest.mark.parametrize("within", [1, 2, 7, 91, 365])
def test_days_asked_are_whole_rise_and_end_at_the_limit(within):
    days = choose_day_grid(within)
    assert days[0] >= 1
    assert days[-1] == within
    assert (np.diff(days) > 0).all()
