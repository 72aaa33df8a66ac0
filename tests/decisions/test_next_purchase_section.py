"""The section on next purchases: from a log to the page's numbers, looking at nothing later, whatever ids are."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Window
from clv_experiments.decisions.display.next_purchase import next_purchase_board, next_purchase_section
from clv_experiments.decisions.next_purchase.backtest import trial
from clv_experiments.decisions.next_purchase.board import board
from clv_experiments.decisions.next_purchase.candidates import Contender, contenders
from clv_experiments.decisions.next_purchase.outlook import due_exhibit
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import HISTORY, snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_rate import SpendRate

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


@pytest.fixture(scope="module")
def made(forecaster):
    now, previous = snapshots(forecaster)
    return now, previous, next_purchase_section(now, previous, forecaster, [MBG, NO_DATES], RFM, SHOP, 1, 100)


def exhibit(section, name):
    return next(one for one in section.exhibits if one.name == f"next_purchase_{name}")


def test_all_who_can_tell_compete_on_the_same_customers(made):
    _, previous, section = made
    table = exhibit(section, "leaderboard").table
    learnt = {"purchase hazard", "equally recent", "everyone alike"}
    assert set(table["contender"]) == {MBG.name, "own rhythm", *learnt}
    assert f"the same {len(previous.table)} customers" in section.method[0]
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_numbers_in_words_are_those_of_the_tables(made):
    now, previous, section = made
    listing = exhibit(section, "due").table
    assert listing["customer_id"][0].startswith(HOSTILE)
    assert listing["p_within_30_days"].is_monotonic_decreasing
    assert (
        f"{listing['p_within_30_days'].sum():.0f} are expected to buy within 30 days"
        in exhibit(section, "due").sentences[0]
    )
    expected = now.btyd.estimator.purchase_probabilities(now.btyd.X, np.array([30]))[:, 0]
    told_by = exhibit(section, "due").sentences[-1]
    if f"told by {MBG.name}" in told_by:
        assert section.summary[0].startswith(f"{expected.sum():,.0f} of {len(now.table)} customers")
    came = int((previous.table["days_to_purchase"] <= 30).sum())
    assert section.summary[0].endswith(f"were expected and {came} came.")
    assert section.summary[1:] == [exhibit(section, "leaderboard").sentences[0]]
    assert f"customers to buy; {came} did" in exhibit(section, "calibration").sentences[0]
    weeks, (said, held) = exhibit(section, "weeks").table, exhibit(section, "weeks").sentences
    ahead = weeks[weeks["cutoff"] == pd.Timestamp(END)].iloc[0]
    low, high = ahead["expected_lower"], ahead["expected_upper"]
    assert f"31 March 2021: {ahead['expected']:.0f} (95% range {low:.0f} to {high:.0f})" in said
    assert "was within this range" in held
    before = weeks.dropna(subset="came")
    assert before["came"].sum() == (previous.table["days_to_purchase"] <= before["last_day"].max()).sum()
    assert (listing[["next_purchase_low", "next_purchase", "next_purchase_high"]].diff(axis=1).iloc[:, 1:] >= "0D").all(
        axis=None
    )
    assert (listing["next_purchase_low"] > pd.Timestamp(END)).all()


def test_dates_say_within_what_time_they_hold_and_were_tried(made):
    now, previous, section = made
    known = Contender(MBG.name, "btyd", previous.btyd.estimator, previous.btyd.X, True)
    ranking = board(trial([known], previous.table["days_to_purchase"], 90, 0.8), 2, 0)
    listing = exhibit(section, "due").table
    for reaches_on, limit in ((True, "6 months"), (False, "the period")):
        due = Contender(MBG.name, "btyd", now.btyd.estimator, now.btyd.X, reaches_on)
        assert due_exhibit(listing, ranking, due, SHOP).sentences[2] == (
            f"Dates are given a purchase within {limit}, and their ranges are meant to hold 80% of such dates; the "
            "trial is of dates within 90 days."
        )


def test_pictures_are_drawn_whatever_contenders_are_called(made, tmp_path):
    drawn = [one for one in made[2].exhibits if one.figure is not None]
    assert len(drawn) == 2
    for one in drawn:
        one.figure.savefig(tmp_path / f"{one.name}.svg")
        assert HOSTILE not in (tmp_path / f"{one.name}.svg").read_text()


def test_a_period_to_come_cannot_be_judged(forecaster, made):
    with pytest.raises(ClvError, match="judged on a period that is over"):
        next_purchase_board(made[0], forecaster, [MBG], RFM, 0.8, 1, 100)


def test_without_a_training_period_only_those_that_need_none_compete(log_of):
    short = log_of([row for row in rows() if row[1] > pd.Timestamp("2020-11-01")], log_end=END)
    forecaster = Forecaster(short, Window(short.start, END, Horizon.parse("3 months")))
    previous = snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    assert [one.name for one in contenders(forecaster, previous, [MBG], RFM, 1)] == [MBG.name, "own rhythm"]


def told(forecaster):
    previous = snapshot(forecaster, forecaster.window.period(0), MBG, MBG)
    asked = np.array([10, 30, 90])
    fitted = contenders(forecaster, previous, [MBG], HISTORY, 1)
    return {one.name: one.estimator.purchase_probabilities(one.X, asked) for one in fitted}


@pytest.fixture(scope="module")
def tampered(log_of, forecaster):
    """The same log up to the cutoff; afterwards half of the purchases are gone, and everybody else buys at once."""
    cutoff = pd.Timestamp(forecaster.window.period(0).cutoff)
    known = [row for row in rows() if row[1] <= cutoff]
    later = [row for row in rows() if row[1] > cutoff][::2]
    invented = [(row[0], cutoff + timedelta(days=2), 500.0) for row in known[::3]]
    return forecaster_of(log_of(known + later + invented, log_end=END))


def test_nothing_told_of_a_period_hangs_on_what_came_in_it(forecaster, tampered):
    before, after = told(forecaster), told(tampered)
    waits = [made.time_to_next_purchase(made.window.period(0)) for made in (forecaster, tampered)]
    assert not waits[0].equals(waits[1]), "the tampering itself must be felt"
    assert len(before) == 5
    for name, probabilities in before.items():
        np.testing.assert_array_equal(after[name], probabilities, err_msg=name)


def test_guard_sees_waits_of_the_period_itself(forecaster, tampered, monkeypatch):
    real = Window.training
    monkeypatch.setattr(Window, "training", lambda window, target: iter([target, *real(window, target)]))
    before, after = told(forecaster), told(tampered)
    for name in ("purchase hazard", "equally recent", "everyone alike"):
        assert not np.array_equal(before[name], after[name]), name
