"""A scored customer: every column from what it claims to be, and the action that follows from it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions import actions
from clv_experiments.decisions.actions import ACTIONS, ASLEEP, BEST, SLIPPING, STARTING, recommended_action
from clv_experiments.decisions.customer_scores import COLUMNS, Ranking, Scorer
from clv_experiments.decisions.evidence import evidence, missed_in
from clv_experiments.decisions.intervals import SpendIntervals
from clv_experiments.decisions.score_files import Parts, score_files, stored_parts
from clv_experiments.decisions.score_summary import Summary
from clv_experiments.decisions.segments.rfm import SEGMENTS
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.errors import ClvError

CUTOFF = date(2011, 11, 30)
SHOP = Shop("£", 0.5, 0.0, Horizon.parse("12 months"), 0.8, (0.2, 0.4), 0.6, Horizon.parse("1 month"),
            Campaign(10.0, 1.0, (0.0, 0.1, 0.2)))  # fmt: skip


class Spend:
    """Predicts ten times the frequency."""

    def predict(self, X):
        return 10 * X["frequency"].to_numpy()


class Purchases:
    """Tells a constant of everyone, but for purchases, which are the frequency."""

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
    return Scorer(Spend(), ("frequency",), Purchases(), "teller", intervals, SHOP, CUTOFF)


def ranked(expected, missed=()):
    return Ranking.of(expected, SHOP, pd.Index(list(missed)), CUTOFF)


def test_every_column_is_what_it_claims(customers, scorer):
    expected = scorer.expected(customers)
    rows = ranked(expected, ["d"]).decided(expected, pd.Series({"b": "FR", "e": "UK"}))
    assert rows.columns.tolist() == [*COLUMNS]
    last = rows.iloc[4]
    told = last.drop(["next_purchase", "next_purchase_low", "next_purchase_high", "p_next_purchase", "segment"])
    assert told.to_dict() == {
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
        "btyd_model": "teller",
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
    whole = scorer.expected(customers)
    parts = pd.concat([scorer.expected(customers.iloc[:2]), scorer.expected(customers.iloc[2:])])
    pd.testing.assert_frame_equal(whole, parts)
    ranking = ranked(whole)
    decided = pd.concat([ranking.decided(whole.iloc[3:]), ranking.decided(whole.iloc[:3])])
    pd.testing.assert_frame_equal(
        ranking.decided(whole), decided.set_index("customer_id").loc[customers.index].reset_index(), check_like=False
    )
    assert "country" not in decided


def test_without_errors_to_calibrate_on_there_is_no_interval(customers, scorer):
    bare = replace(scorer, intervals=None).expected(customers)
    assert bare[["expected_spend_low", "expected_spend_high"]].isna().all(axis=None)


def test_a_prediction_that_is_no_amount_is_refused(customers, scorer):
    class Broken:
        def predict(self, X):
            return np.where(np.arange(len(X)) == 2, np.nan, 1.0)

    with pytest.raises(ClvError, match="got nan for customer 'c'"):
        replace(scorer, estimator=Broken()).expected(customers)


BASE = {
    "value_tier": "Low",
    "segment": "Hibernating",
    "missed_opportunity": False,
    "p_alive": 0.9,
    "next_purchase": pd.Timestamp("2012-05-01"),
}


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, actions.MAIL),
        ({"value_tier": "Mid"}, actions.KEEP),
        ({"next_purchase": pd.Timestamp("2011-12-30")}, actions.REMIND_DUE),
        ({"next_purchase": pd.Timestamp("2011-12-31")}, actions.MAIL),
        ({"next_purchase": pd.NaT}, actions.MAIL),
        ({"segment": "New"}, actions.WELCOME),
        ({"value_tier": "High", "segment": "Champions"}, actions.REWARD),
        ({"segment": "Champions"}, actions.REWARD),
        ({"segment": "Loyal", "p_alive": 0.1}, actions.LAST_TRY),
        ({"segment": "Cannot lose", "p_alive": 0.1}, actions.LAST_TRY),
        ({"segment": "Cannot lose", "p_alive": 0.3}, actions.REMIND_ONCE),
        ({"segment": "At risk"}, actions.REMIND_ONCE),
        ({"segment": "At risk", "p_alive": 0.1, "value_tier": "Mid"}, actions.WIN_BACK),
        ({"value_tier": "High", "segment": "Cannot lose"}, actions.WIN_BACK),
        ({"value_tier": "Mid", "p_alive": 0.49}, actions.WIN_BACK),
        ({"p_alive": 0.49}, actions.MAIL),
        ({"missed_opportunity": True}, actions.REMIND_ONCE),
        ({"missed_opportunity": True, "value_tier": "Mid", "segment": "At risk"}, actions.ASK),
        ({"missed_opportunity": True, "p_alive": 0.1}, actions.LET_GO),
        ({"missed_opportunity": True, "p_alive": 0.1, "value_tier": "High"}, actions.WIN_BACK),
    ],
)
def test_actions_flip_with_what_is_known(change, action):
    assert recommended_action(pd.DataFrame([BASE | change]), CUTOFF).tolist() == [action]


def test_every_action_is_reachable_and_speaks_of_segments_that_exist():
    frames = [
        {"value_tier": tier, "segment": segment, "missed_opportunity": missed, "p_alive": alive, "next_purchase": day}
        for tier in ("High", "Mid", "Low")
        for segment in SEGMENTS
        for missed in (True, False)
        for alive in (0.1, 0.4, 0.9)
        for day in (pd.Timestamp("2011-12-01"), pd.NaT)
    ]
    table = pd.DataFrame(frames)
    rows = table.assign(recommended_action=recommended_action(table, CUTOFF)).to_dict("records")
    assert {row["recommended_action"] for row in rows} == set(ACTIONS)
    assert {*SLIPPING, *STARTING, *BEST, *ASLEEP} <= set(SEGMENTS)
    for segment in {*SLIPPING, *BEST}:
        chosen = {row["recommended_action"] for row in rows if row["segment"] == segment}
        assert not chosen & {actions.LET_GO, actions.MAIL, actions.KEEP, actions.REMIND_DUE}


def test_files_are_whole_or_not_there(tmp_path):
    text = pd.DataFrame({"customer_id": ["=1+1", 'a"b'], "n": [1, 2], "x": [1 / 3, np.nan], "flag": [True, False]})
    text["day"] = pd.to_datetime(["2011-11-30", None])
    with score_files(tmp_path) as files:
        files.write(text)
        files.write(text.assign(customer_id=[None, "-17"]))
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[:3] == ["customer_id,n,x,flag,day", '"\'=1+1",1,0.3333,true,2011-11-30', '"a""b",2,,false,']
    assert lines[3:] == [",1,0.3333,true,2011-11-30", '"\'-17",2,,false,']
    kept = pq.read_table(tmp_path / "scores.parquet").to_pandas()
    assert kept["customer_id"][0] == "=1+1"
    assert kept["x"][0] == 1 / 3
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyboardInterrupt), score_files(tmp_path) as files:
        files.write(text)
        raise KeyboardInterrupt
    with pytest.raises(ClvError, match=r"cannot be written to .*No space left"), score_files(tmp_path) as files:
        files.write(text)
        raise OSError(28, "No space left on device")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_parts_are_read_back_as_they_were_written(tmp_path):
    part = pd.DataFrame({"customer_id": ["a", "b"], "day": pd.to_datetime(["2011-11-30", None]), "x": [1.5, np.nan]})
    with Parts(tmp_path / "parts.parquet") as parts:
        parts.write(part)
        parts.write(part.iloc[:1])
    found = [*stored_parts(tmp_path / "parts.parquet")]
    assert [len(frame) for frame in found] == [2, 1]
    pd.testing.assert_frame_equal(found[0], part.astype({"day": "datetime64[ms]"}))
    assert found[0]["day"].dt.year.iloc[0] == 2011


def test_totals_add_up_over_parts(customers, scorer):
    expected = scorer.expected(customers)
    rows = ranked(expected, ["d"]).decided(expected)
    whole, parts = Summary(), Summary()
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


def test_evidence_says_what_intervals_were_worth():
    rng = np.random.default_rng(0)

    def period(customers):
        p = rng.gamma(2.0, 10.0, customers)
        return pd.DataFrame({"y_true": p * rng.uniform(0.5, 1.5, customers), "y_pred": p})

    found = evidence(0.8, "£", "spring", period(500), period(500))
    assert 0.7 < found.metrics()["interval_coverage"] < 0.9
    assert f"held {found.coverage.overall:.0%} of those customers" in found.said
    assert "fewer than promised" not in found.said
    richer = period(500).assign(y_true=lambda t: 1.5 * t["y_true"])
    assert "fewer than promised" in evidence(0.8, "£", "Christmas", richer, period(500)).said
    alone = evidence(0.8, "£", "spring", period(500), None)
    assert alone.coverage is None
    assert "what they hold is not known" in alone.said
    assert alone.intervals is not None
    for latest, why in ((None, "no period"), (period(5), "at least 9 customers")):
        nothing = evidence(0.8, "£", "spring", latest, None)
        assert (nothing.intervals, nothing.metrics()) == (None, {})
        assert why in nothing.said


def test_missed_opportunities_are_said_beside_what_chance_leaves():
    period = Period(date(2011, 8, 31), date(2011, 11, 30))
    forecast = pd.DataFrame({"p_purchase": [0.9, 0.6, 0.59], "purchase_days": [0, 2, 0]}, index=list("abc"))
    missed, said = missed_in(period, forecast, "teller", SHOP)
    assert missed.tolist() == ["a"]
    assert said.startswith(
        "Of 2 customers to whom teller gave a chance of at least 60% to buy in 2011-09-01 to 2011-11"
    )
    assert said.endswith("1 did not; 0 were to be expected not to.")  # 0.1 + 0.4
    assert missed_in(period, forecast.iloc[2:], "teller", SHOP)[1].endswith("at most 59%.")
    assert missed_in(None, None, "teller", SHOP)[0].tolist() == []
