"""The section on next purchases: from a log to the page's numbers, looking at nothing later, whatever ids are."""

from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Window
from clv_experiments.decisions.display.next_purchase import TEMPLATE, due_exhibit, next_purchase_section
from clv_experiments.decisions.next_purchase.backtest import run_backtest
from clv_experiments.decisions.next_purchase.candidates import fit_candidates
from clv_experiments.decisions.next_purchase.outlook import (
    NextPurchaseOutlook,
    WeeklyReturns,
    due_customers,
    expected_by_week,
    next_purchase_outlook,
    returned_by_week,
    week_ends,
)
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import HISTORY, Snapshot, snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.reporting.exhibit import Section

START, END = date(2020, 1, 1), date(2021, 3, 31)
HOSTILE = "<script>$x$=cmd()"
RFM = FeatureSet("rfm", (rfm,))
MBG = Model(f"{HOSTILE} {'w' * 60}", "btyd", False, RFM, MbgNbd())
NO_DATES = Model("spend_rate", "baseline", False, RFM, SpendRate())
SHOP = Shop("£", 0.3, 0.1, Horizon.parse("12m"), 0.8, (0.1, 0.3), 0.6, Horizon.parse("6m"), Campaign(1, 1, (0, 0, 0)))


def rows():
    """300 customers, each with an own rate, half of whom stop some day; the most frequent has a hostile name."""
    rng = np.random.default_rng(8)
    for customer in range(300):
        rate, stop = 0.25 if customer == 0 else rng.gamma(1.0, 0.015), rng.choice([9999, rng.integers(1, 400)])
        day = int(rng.integers(0, 60 if customer == 0 else 300))
        name = f"{HOSTILE} {'w' * 90}" if customer == 0 else f"c{customer:03d}"
        while day <= (END - START).days and (customer == 0 or day < stop):
            yield name, pd.Timestamp(START + timedelta(days=day)), round(float(rng.gamma(3, 10)), 2) + 1
            day += 1 + int(rng.exponential(1 / rate))


def forecaster_of(log):
    return Forecaster(log, Window(START, END, Horizon.parse("3 months")))


def snapshots(forecaster):
    return [
        snapshot(forecaster, period, MBG, MBG)
        for period in (forecaster.window.future_period, forecaster.window.period(0))
    ]


@pytest.fixture(scope="module")
def forecaster(log_of):
    return forecaster_of(log_of(list(rows()), log_end=END))


class Report(NamedTuple):
    now: Snapshot
    previous: Snapshot
    outlook: NextPurchaseOutlook
    section: Section


@pytest.fixture(scope="module")
def report(forecaster):
    now, previous = snapshots(forecaster)
    outlook = next_purchase_outlook(now, previous, forecaster, [MBG, NO_DATES], RFM, SHOP, 1, 100)
    return Report(now, previous, outlook, next_purchase_section(outlook, SHOP))


def exhibit(section, name):
    return next(one for one in section.exhibits if one.name == f"next_purchase_{name}")


def test_all_candidates_compete_on_the_same_customers(report):
    table = exhibit(report.section, "leaderboard").table
    learnt = {"purchase hazard", "equally recent", "everyone alike"}
    assert set(table["contender"]) == {MBG.name, "own rhythm", *learnt}
    assert f"the same {len(report.previous.table)} customers" in report.section.method[0]
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_outlook_counts_what_the_tables_list(report):
    outlook, waits = report.outlook, report.previous.table["days_to_purchase"]
    listing = outlook.due.table
    assert listing["customer_id"][0].startswith(HOSTILE)
    assert outlook.due.probabilities.is_monotonic_decreasing
    estimator = report.now.btyd.estimator
    expected = estimator.purchase_probabilities(report.now.btyd.X, np.array([30]))[:, 0]
    assert outlook.candidate.name == MBG.name
    assert outlook.expected_buyers == pytest.approx(expected.sum())
    assert outlook.due.expected_before == pytest.approx(
        np.sort(report.previous.btyd.estimator.purchase_probabilities(report.previous.btyd.X, np.array([30]))[:, 0])[
            -20:
        ].sum()
    )
    before = outlook.weeks.before
    assert before["came"].sum() == (waits <= before["last_day"].max()).sum()
    assert outlook.weeks.weeks_within + outlook.weeks.weeks_above + outlook.weeks.weeks_below == len(before)
    assert (listing[["next_purchase_low", "next_purchase", "next_purchase_high"]].diff(axis=1).iloc[:, 1:] >= "0D").all(
        axis=None
    )
    assert (listing["next_purchase_low"] > pd.Timestamp(END)).all()


def test_numbers_in_sentences_are_those_of_the_tables(report):
    section, outlook = report.section, report.outlook
    due, weeks = exhibit(section, "due"), exhibit(section, "weeks")
    assert outlook.due.within_days == 30
    assert f"{outlook.due.probabilities.sum():.0f} are expected" in due.sentences[0]
    came = int((report.previous.table["days_to_purchase"] <= 30).sum())
    assert f"{outlook.expected_buyers:,.0f} of {len(report.now.table)} customers" in section.summary[0]
    assert f"{came} bought" in section.summary[0]
    assert section.summary[1:] == [exhibit(section, "leaderboard").sentences[0]]
    assert f"; {came} did" in exhibit(section, "calibration").sentences[0]
    ahead = weeks.table[weeks.table["cutoff"] == pd.Timestamp(END)].iloc[0]
    low, high = ahead["expected_lower"], ahead["expected_upper"]
    assert "31 March 2021" in weeks.sentences[0]
    assert f"{ahead['expected']:.0f} (95% range {low:.0f} to {high:.0f})" in weeks.sentences[0]
    assert len(outlook.weeks.before) == 12
    assert f"{outlook.weeks.weeks_within} of the 12 weeks" in weeks.sentences[1]
    assert "31 December 2020" in weeks.sentences[1]


@pytest.mark.parametrize(
    ("customers", "expected", "before", "parts"),
    [
        (5000, 1234.4, 99.6, ["1,234 of 5,000 customers are", "100 were expected and 1 bought"]),
        (1, 0.9, 1.0, ["1 of 1 customer is", "1 was expected and 1 bought"]),
    ],
)
def test_a_single_buyer_is_spoken_of_in_the_singular(report, customers, expected, before, parts):
    outlook = replace(report.outlook, customers=customers, expected_buyers=expected)
    check = replace(report.outlook.board.calibration(MBG.name)[0], expected=before, bought=1)
    (sentence,) = TEMPLATE.say("outlook", outlook, check)
    for part in (*parts, "30 days after 31 March 2021"):
        assert part in sentence


@pytest.mark.parametrize(
    ("beyond", "limit", "words"), [(True, SHOP.next_purchase_within, "6 months"), (False, None, "the period")]
)
def test_dates_say_within_what_time_they_hold_and_were_checked(report, beyond, limit, words):
    candidate = replace(report.outlook.candidate, sees_beyond_period=beyond)
    due = due_customers(report.now, candidate, report.outlook.board.backtest, SHOP)
    assert due.limit == limit
    sentence = due_exhibit(replace(report.outlook, candidate=candidate, due=due), SHOP).sentences[2]
    for part in (f"within {words},", "80% of such dates", "within 90 days"):
        assert part in sentence


def test_figures_are_drawn_whatever_candidates_are_called(report, tmp_path):
    with_figure = [one for one in report.section.exhibits if one.figure is not None]
    assert len(with_figure) == 2
    for one in with_figure:
        one.figure.savefig(tmp_path / f"{one.name}.svg")
        assert HOSTILE not in (tmp_path / f"{one.name}.svg").read_text()


def test_weeks_out_of_range_are_counted_and_chance_is_denied_when_it_must_be():
    expected = pd.DataFrame({"expected_lower": np.full(13, 1.5), "expected_upper": np.full(13, 3.5)})
    fine = WeeklyReturns(expected.assign(came=[0, 1, *[2] * 10, 5]), expected)
    assert (fine.weeks_below, fine.weeks_within, fine.weeks_above, fine.is_chance) == (1, 11, 1, True)
    odd = WeeklyReturns(expected.assign(came=[0, 0, 0, *[2] * 9, 5]), expected)
    assert (odd.weeks_below, odd.weeks_within, odd.weeks_above, odd.is_chance) == (3, 9, 1, False)


def test_customers_back_are_counted_once_in_their_week():
    weeks = expected_by_week(np.array([[0.7, 1.0], [0.35, 0.5]]), np.array([7, 14]))
    assert weeks["last_day"].tolist() == [7, 14]
    assert weeks["expected"].tolist() == pytest.approx([1.05, 0.45])
    spread = 1.959964 * np.sqrt(0.7 * 0.3 + 0.35 * 0.65)
    assert weeks["expected_upper"][0] == pytest.approx(1.05 + spread)
    assert weeks["expected_lower"][0] == 0  # no count lies below
    assert [week_ends(days).tolist() for days in (21, 22, 5)] == [[7, 14, 21], [7, 14, 21], [5]]  # whole weeks
    between = expected_by_week(np.array([[0.3, 0.6]]), np.array([3, 14]))
    assert between["expected"].tolist() == pytest.approx([0.3 + 0.3 * 4 / 11, 0.3 * 7 / 11])
    backtest = run_backtest([], pd.Series([7, 8, 14, 15, np.nan]), 15, 0.8)
    assert returned_by_week(backtest).tolist() == [1, 2]


def test_a_period_to_come_cannot_be_compared(forecaster, report):
    with pytest.raises(ClvError, match="compared on a period that is over"):
        next_purchase_outlook(report.now, report.now, forecaster, [MBG], RFM, SHOP, 1, 100)


def test_without_a_training_period_only_those_that_need_none_compete(log_of):
    short = log_of([row for row in rows() if row[1] > pd.Timestamp("2020-11-01")], log_end=END)
    forecaster = Forecaster(short, Window(short.start, END, Horizon.parse("3 months")))
    previous = snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    candidates = fit_candidates(forecaster, previous, [MBG], RFM, 1)
    assert [candidate.name for candidate in candidates] == [MBG.name, "own rhythm"]


def predict(forecaster):
    previous = snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    candidates = fit_candidates(forecaster, previous, [MBG], HISTORY, 1)
    return {one.name: one.estimator.purchase_probabilities(one.X, np.array([10, 30, 90])) for one in candidates}


@pytest.fixture(scope="module")
def tampered(log_of, forecaster):
    """The same log up to the cutoff; afterwards half of the purchases are gone, and everybody else buys at once."""
    cutoff = pd.Timestamp(forecaster.window.period(0).cutoff)
    known = [row for row in rows() if row[1] <= cutoff]
    later = [row for row in rows() if row[1] > cutoff][::2]
    invented = [(row[0], cutoff + timedelta(days=2), 500.0) for row in known[::3]]
    return forecaster_of(log_of(known + later + invented, log_end=END))


def test_no_prediction_of_a_period_hangs_on_what_came_in_it(forecaster, tampered):
    before, after = predict(forecaster), predict(tampered)
    waits = [each.time_to_next_purchase(each.window.period(0)) for each in (forecaster, tampered)]
    assert not waits[0].equals(waits[1]), "the tampering itself must be felt"
    assert len(before) == 5
    for name, probabilities in before.items():
        np.testing.assert_array_equal(after[name], probabilities, err_msg=name)


def test_guard_sees_waits_of_the_period_itself(forecaster, tampered, monkeypatch):
    real = Window.training
    monkeypatch.setattr(Window, "training", lambda window, target: iter([target, *real(window, target)]))
    before, after = predict(forecaster), predict(tampered)
    for name in ("purchase hazard", "equally recent", "everyone alike"):
        assert not np.array_equal(before[name], after[name]), name
