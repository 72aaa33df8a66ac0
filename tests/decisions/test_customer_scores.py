"""A scored customer: every column from what it claims to be, the totals of many, and the readme beside them."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.customer_scores import COLUMNS, CustomerGroups, Scorer, ScoringModels
from clv_experiments.decisions.display.scores import render_readme, tier_table
from clv_experiments.decisions.score_totals import ScoreTotalsByGroup
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.conformal_intervals import SpendIntervals

CUTOFF = date(2011, 11, 30)
MONEY = ["spend_model", "monetary_value", "expected_spend", "expected_spend_low", "expected_spend_high", "clv"]
SHOP = Shop("£", 0.5, 0.0, Horizon.parse("12 months"), 0.8, (0.2, 0.4), 0.6, Horizon.parse("1 month"),
            Campaign(10.0, 1.0, (0.0, 0.1, 0.2)))  # fmt: skip


class Spend:
    """Predicts ten times the frequency."""

    def predict(self, X):
        return 10 * X["frequency"].to_numpy()


class Purchases:
    """Predicts the same of everyone, but for purchases, which are the frequency."""

    def expected_purchases(self, X):
        return X["frequency"].to_numpy()

    def probability_alive(self, X):
        return np.full(len(X), 0.75)

    def probability_purchase(self, X):
        return np.full(len(X), 0.5)

    def purchase_probabilities(self, X, days):
        return np.tile(np.asarray(days) / np.max(days) * 0.6, (len(X), 1))

    def discounted_purchases(self, X, rate, days):
        return X["frequency"].to_numpy() * days / 366

    def expected_spend_per_purchase(self, X):
        return np.full(len(X), 4.0)


@pytest.fixture
def customers():
    ids = ["=1+1", "b", "c", "d", "e"]
    return pd.DataFrame(
        {
            "frequency": [0.0, 1.0, 2.0, 3.0, 4.0],
            "recency": [0.0, 10.0, 20.0, 30.0, 40.0],
            "T": [50.0, 50.0, 50.0, 50.0, 40.0],
            "monetary_value": [0.0, 5.0, 5.0, 5.0, 5.0],
            "total_spend": [5.0, 10.0, 15.0, 20.0, 25.0],
        },
        index=pd.Index(ids, name="customer_id"),
    )


@pytest.fixture
def scorer():
    intervals = SpendIntervals(0.8, 100, 1.0, np.array([]), np.array([-0.5]), np.array([1.0]))
    models = ScoringModels(Spend(), "spend", ("frequency",), Purchases(), "btyd")
    return Scorer(models, intervals, SHOP, CUTOFF)


def ranked(expected, missed=()):
    return CustomerGroups.learn_thresholds(expected, SHOP, pd.Index(list(missed)), CUTOFF)


def test_every_column_is_what_it_claims(customers, scorer):
    expected = scorer.score_customers(customers)
    rows = ranked(expected, ["d"]).assign_groups(expected, pd.Series({"b": "FR", "e": "UK"}))
    assert rows.columns.tolist() == [*COLUMNS]
    last = rows.iloc[4]
    known = last.drop(["next_purchase", "next_purchase_low", "next_purchase_high", "p_next_purchase", "segment"])
    assert known.to_dict() == {
        "customer_id": "e",
        "country": "UK",
        "frequency": 4,
        "recency": 40,
        "T": 40,
        "monetary_value": 5.0,
        "last_purchase": pd.Timestamp(CUTOFF),
        "expected_spend": 40.0,
        "expected_spend_low": 20.0,
        "expected_spend_high": 81.0,
        "expected_purchases": 4.0,
        "p_alive": 0.75,
        "p_purchase": 0.5,
        "p_purchase_at_last": 0.5,
        "spend_model": "spend",
        "btyd_model": "btyd",
        "timing_model": "btyd",
        "clv": 0.5 * 4.0 * 4.0,
        "value_tier": "High",
        "missed_opportunity": False,
        "recommended_action": last["recommended_action"],
    }
    assert rows["last_purchase"][0] == pd.Timestamp("2011-10-11")
    assert rows["p_next_purchase"].tolist() == pytest.approx([0.6] * 5)
    assert ((rows["next_purchase_low"] > pd.Timestamp(CUTOFF)) & (rows["next_purchase_high"] <= "2011-12-31")).all()
    assert rows["missed_opportunity"].tolist() == [False, False, False, True, False]
    assert rows["value_tier"].tolist() == ["Low", "Low", "Mid", "Mid", "High"]
    assert rows["country"].isna().tolist() == [True, False, True, True, False]


def test_a_customer_is_scored_alike_in_any_part(customers, scorer):
    whole = scorer.score_customers(customers)
    parts = pd.concat([scorer.score_customers(customers.iloc[:2]), scorer.score_customers(customers.iloc[2:])])
    pd.testing.assert_frame_equal(whole, parts)
    groups = ranked(whole)
    decided = pd.concat([groups.assign_groups(whole.iloc[3:]), groups.assign_groups(whole.iloc[:3])])
    pd.testing.assert_frame_equal(
        groups.assign_groups(whole),
        decided.set_index("customer_id").loc[customers.index].reset_index(),
        check_like=False,
    )
    assert "country" not in decided


def test_without_errors_to_calibrate_on_there_is_no_interval(customers, scorer):
    bare = replace(scorer, intervals=None).score_customers(customers)
    assert bare[["expected_spend_low", "expected_spend_high"]].isna().all(axis=None)


def test_a_prediction_that_is_no_amount_is_refused(customers, scorer):
    class Broken:
        def predict(self, X):
            return np.where(np.arange(len(X)) == 2, np.nan, 1.0)

    with pytest.raises(ClvError, match="got nan for customer 'c'"):
        replace(scorer, models=replace(scorer.models, spend=Broken())).score_customers(customers)


def test_totals_add_up_over_parts(customers, scorer):
    expected = scorer.score_customers(customers)
    rows = ranked(expected, ["d"]).assign_groups(expected)
    whole, parts = ScoreTotalsByGroup(), ScoreTotalsByGroup()
    whole.add(rows)
    parts.add(rows.iloc[:2])
    parts.add(rows.iloc[2:])
    pd.testing.assert_frame_equal(whole.table(), parts.table())
    table = whole.table().set_index(["by", "group"])
    assert table.loc[("everyone", "all")].to_dict() == {
        "customers": 5, "expected_spend": 100.0, "share": 1.0, "expected_purchases": 10.0, "clv": 20.0,
        "p_alive": 0.75, "missed_opportunity": 1,
    }  # fmt: skip
    assert table.loc[("value_tier", "High"), ["customers", "share"]].tolist() == [1, 0.4]
    for by in ("value_tier", "segment", "recommended_action"):
        assert table.loc[by, "customers"].sum() == 5
    assert whole.totals()["clv"] == 20.0


def test_readme_documents_every_column_in_order():
    text = render_readme("linear, fitted now", ["A note."], SHOP, Horizon.parse("3 months"), CUTOFF)
    about, columns = text.split("\n\n")
    assert [line.split(":")[0] for line in columns.splitlines()] == list(COLUMNS)
    lines = about.splitlines()
    assert "predicted by linear, fitted now" in lines[1]
    assert lines[2] == "A note."
    for part in ("money in £", "time in days", "3 months"):
        assert part in lines[3]
    for part in ("margin 50%, 12 months", "0% a year to 2011-11-30", "High is the top 20%", "Mid the next 40%"):
        assert part in about
    bare = render_readme("linear", [], replace(SHOP, currency=""), Horizon.parse("3 months"), CUTOFF)
    assert "Units: money in the log's currency," in bare


def test_tiers_are_written_for_a_terminal(customers, scorer):
    summary = ScoreTotalsByGroup()
    expected = scorer.score_customers(customers)
    summary.add(ranked(expected, ["d"]).assign_groups(expected))
    table = tier_table(summary, "£")
    rows = table.rows
    assert table.headings == ["tier", "customers", "expected spend", "share", "CLV", "P(alive)", "missed"]
    assert rows[0] == ["High", "1", "£40.00", "40%", "£8.00", "0.75", "0"]
    assert rows[-1] == ["all", "5", "£100", "100%", "£20.00", "0.75", "1"]
    assert {len(row) for row in rows} == {len(table.headings)}


def test_without_amounts_customers_are_ranked_by_purchases_and_no_money_is_said(customers, scorer):
    counted = customers.drop(columns="monetary_value")
    expected = scorer.score_customers(counted)
    rows = ranked(expected, ["d"]).assign_groups(expected)
    columns = [column for column in COLUMNS if column not in MONEY and column != "country"]
    assert list(rows) == columns
    summary = ScoreTotalsByGroup()
    summary.add(rows)
    table = tier_table(summary, "£")
    assert table.headings == ["tier", "customers", "expected purchases", "share", "P(alive)", "missed"]
    assert "£" not in str(table.rows)
    text = render_readme("mbg_nbd", [], SHOP, Horizon.parse("3 months"), CUTOFF, has_amounts=False)
    about, described = text.split("\n\n")
    assert [line.split(":")[0] for line in described.splitlines() if not line.startswith("country")] == columns
    assert "£" not in about
    assert "margin" not in about
