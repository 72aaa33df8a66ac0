"""The section on next purchases: from a log to the page's numbers, looking at nothing later, whatever ids are."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.decisions.display.next_purchase import TEMPLATE, next_purchase_section
from clv_experiments.decisions.next_purchase.outlook import (
    NextPurchaseOutlook,
    fit_candidates,
    next_purchase_outlook,
)
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET, Snapshot, take_snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.reporting.exhibit import NARROW, WIDE, Section

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
        take_snapshot(forecaster, period, MBG, MBG)
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
    return Report(now, previous, outlook, next_purchase_section(outlook))


def exhibit(section, name):
    return next(one for one in section.exhibits_and_evidence if one.name == f"next_purchase_{name}")


def test_all_candidates_compete_on_the_same_customers(report):
    table = exhibit(report.section, "leaderboard").table
    learnt = {"purchase hazard", "equally recent", "everyone alike"}
    assert set(table["contender"]) == {MBG.name, "own rhythm", *learnt}
    assert f"the same {len(report.previous.table)} customers" in report.section.method[0]
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_numbers_in_sentences_are_those_of_the_tables(report):
    section, outlook = report.section, report.outlook
    expected = report.now.btyd.estimator.purchase_probabilities(report.now.btyd.X, np.array([30]))[:, 0]
    assert outlook.model_name == MBG.name
    assert outlook.expected_buyers[0] == pytest.approx(expected.sum())
    came = int((report.previous.table["days_to_purchase"] <= 30).sum())
    assert f"{outlook.expected_buyers[0]:,.0f} of {len(report.now.table)} customers" in section.summary[0]
    assert f"{came} bought" in section.summary[0]
    assert f"; {came} did" in exhibit(section, "buyers").sentences[0]
    drawn = exhibit(section, "buyers").table
    assert drawn["within_days"].tolist() == [30, 60, 90]
    assert drawn["expected_now"].tolist() == outlook.expected_buyers
    assert drawn["bought_before"].iloc[0] == came


@pytest.mark.parametrize(
    ("names", "tied", "result", "words"),
    [
        (["a"], ["a"], "alone", "which has no rival here"),
        (["a", "b"], ["a"], "clear", "which wins"),
        (["a", "b"], ["a", "b"], "all tied", "which shares first place"),
        (["b", "a"], ["b"], "clear", "although b predicts better"),
    ],
)
def test_dates_say_whose_they_are_and_how_that_candidate_fared(names, tied, result, words):
    board = SimpleNamespace(names=names, tied=tied, result=result)
    (sentence,) = TEMPLATE.render_macro("in_use", board, "a")
    assert sentence == f"All probabilities and dates of this report are those of a, {words}."


@pytest.mark.parametrize(
    ("customers", "expected", "before", "parts"),
    [
        (5000, 1234.4, 99.6, ["1,234 of 5,000 customers are", "100 were expected and 1 bought"]),
        (1, 0.9, 1.0, ["1 of 1 customer is", "1 was expected and 1 bought"]),
    ],
)
def test_a_single_buyer_is_spoken_of_in_the_singular(report, customers, expected, before, parts):
    outlook = replace(report.outlook, customers=customers, expected_buyers=[expected])
    check = replace(report.outlook.board.calibration(MBG.name)[0], expected=before, bought=1)
    (sentence,) = TEMPLATE.render_macro("outlook", outlook, check)
    for part in (*parts, "30 days after 31 March 2021"):
        assert part in sentence


def test_figures_are_drawn_whatever_candidates_are_called(report, tmp_path):
    with_figure = [one for one in report.section.exhibits_and_evidence if one.draw]
    assert [one.name for one in with_figure] == ["next_purchase_buyers", "next_purchase_calibration"]
    for one, width in product(with_figure, (WIDE, NARROW)):
        one.draw(width).savefig(tmp_path / f"{one.name}.svg")
        assert HOSTILE not in (tmp_path / f"{one.name}.svg").read_text()


def test_a_period_to_come_cannot_be_compared(forecaster, report):
    with pytest.raises(ClvError, match="compared on a period that is over"):
        next_purchase_outlook(report.now, report.now, forecaster, [MBG], RFM, SHOP, 1, 100)


def test_without_a_training_period_only_those_that_need_none_compete(log_of):
    short = log_of([row for row in rows() if row[1] > pd.Timestamp("2020-11-01")], log_end=END)
    forecaster = Forecaster(short, Window(short.start, END, Horizon.parse("3 months")))
    previous = take_snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    candidates = fit_candidates(forecaster, previous, [MBG], RFM, 1)
    assert [candidate.name for candidate in candidates] == [MBG.name, "own rhythm"]


def predict(forecaster):
    previous = take_snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    candidates = fit_candidates(forecaster, previous, [MBG], HISTORY_FEATURE_SET, 1)
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
    waits = [each.observed_days_to_purchase(each.window.period(0)) for each in (forecaster, tampered)]
    assert not waits[0].equals(waits[1]), "the tampering itself must be felt"
    assert len(before) == 5
    for name, probabilities in before.items():
        np.testing.assert_array_equal(after[name], probabilities, err_msg=name)


def test_guard_sees_waits_of_the_period_itself(forecaster, tampered, monkeypatch):
    real = Window.training_periods
    monkeypatch.setattr(Window, "training_periods", lambda window, target: iter([target, *real(window, target)]))
    before, after = predict(forecaster), predict(tampered)
    for name in ("purchase hazard", "equally recent", "everyone alike"):
        assert not np.array_equal(before[name], after[name]), name
