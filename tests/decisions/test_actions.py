"""What to do about a customer: the first rule that holds, every action within reach, and advice against truth."""

import runpy
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions import actions
from clv_experiments.decisions.actions import (
    ACTIONS,
    ASLEEP,
    BEST,
    SLIPPING,
    STARTING,
    purchase_probability_relative_to_last,
    recommend_actions,
    reconcile_actions,
)
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.segments.rfm import SEGMENTS, RfmCutPoints
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.mbg_cnbd_k import MbgCnbdK
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

ROOT = Path(__file__).resolve().parents[2]
CUTOFF = date(2011, 11, 30)
BASE = {
    "frequency": 3,
    "recency": 200,
    "T": 300,
    "value_tier": "Low",
    "segment": "Hibernating",
    "missed_opportunity": False,
    "p_purchase": 0.45,
    "p_purchase_at_last": 0.5,
    "next_purchase": pd.Timestamp("2012-05-01"),
}
GONE, QUIET, USUAL = {"p_purchase": 0.05}, {"p_purchase": 0.2}, {"p_purchase": 0.475}
ONCE = {"frequency": 0}


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, actions.MAIL),
        ({"value_tier": "Mid"}, actions.KEEP),
        ({"next_purchase": pd.Timestamp("2011-12-30")}, actions.REMIND_DUE),
        ({"next_purchase": pd.Timestamp("2011-12-31")}, actions.MAIL),
        ({"next_purchase": pd.NaT}, actions.MAIL),
        ({"recency": 271, "next_purchase": pd.Timestamp("2011-12-29")}, actions.REMIND_DUE),
        ({"recency": 272, "next_purchase": pd.Timestamp("2011-12-29")}, actions.MAIL),
        ({"segment": "At risk"} | USUAL, actions.MAIL),
        ({"segment": "Cannot lose", "value_tier": "High"} | USUAL, actions.KEEP),
        ({"segment": "New"}, actions.WELCOME),
        ({"value_tier": "High", "segment": "Champions"}, actions.REWARD),
        ({"segment": "Champions"}, actions.REWARD),
        ({"segment": "Loyal"} | GONE, actions.LAST_TRY),
        ({"segment": "Cannot lose"} | GONE, actions.LAST_TRY),
        ({"segment": "Cannot lose"} | QUIET, actions.REMIND_ONCE),
        ({"segment": "At risk"}, actions.REMIND_ONCE),
        ({"segment": "At risk", "value_tier": "Mid"} | GONE, actions.WIN_BACK),
        ({"segment": "Cannot lose", "value_tier": "High"}, actions.REMIND_ONCE),
        ({"value_tier": "Mid"} | QUIET, actions.WIN_BACK),
        (QUIET, actions.REMIND_ONCE),
        ({"missed_opportunity": True}, actions.REMIND_ONCE),
        ({"missed_opportunity": True, "value_tier": "Mid", "segment": "At risk"}, actions.ASK),
        ({"missed_opportunity": True} | GONE, actions.LET_GO),
        ({"missed_opportunity": True, "value_tier": "High"} | GONE, actions.WIN_BACK),
        (ONCE, actions.WELCOME),
        (ONCE | {"value_tier": "High"}, actions.WELCOME),
        (ONCE | {"T": 31, "value_tier": "High"} | GONE, actions.WELCOME),
        (ONCE | {"T": 32, "value_tier": "High"} | GONE, actions.LAST_TRY),
        (ONCE | {"value_tier": "High"} | QUIET, actions.SECOND),
        (ONCE | QUIET, actions.REMIND_ONCE),
        (ONCE | GONE, actions.LET_GO),
        ({"p_purchase": 0.0, "p_purchase_at_last": 0.0}, actions.MAIL),
    ],
)
def test_actions_flip_with_what_is_known(change, action):
    assert recommend_actions(pd.DataFrame([BASE | change]), CUTOFF).tolist() == [action]


def test_every_action_is_reachable_and_speaks_of_segments_that_exist():
    frames = [
        BASE
        | {"value_tier": tier, "segment": segment, "missed_opportunity": missed, "next_purchase": day}
        | silence
        | once
        for tier in ("High", "Mid", "Low")
        for segment in SEGMENTS
        for missed in (True, False)
        for silence in (GONE, QUIET, {})
        for once in (ONCE, {})
        for day in (pd.Timestamp("2011-12-01"), pd.NaT)
    ]
    table = pd.DataFrame(frames)
    rows = table.assign(recommended_action=recommend_actions(table, CUTOFF)).to_dict("records")
    assert {row["recommended_action"] for row in rows} == set(ACTIONS)
    assert {*SLIPPING, *STARTING, *BEST, *ASLEEP} <= set(SEGMENTS)
    for segment in {*SLIPPING, *BEST}:
        chosen = {row["recommended_action"] for row in rows if row["segment"] == segment}
        assert not chosen & {actions.LET_GO, actions.MAIL, actions.KEEP, actions.REMIND_DUE}


# --- advice against truth -------------------------------------------------------------------------------------------

WRONG = {
    "new": set(ACTIONS) - {actions.WELCOME},
    "regular": {actions.WIN_BACK, actions.LET_GO, actions.LAST_TRY, actions.SECOND, actions.ASK},
    "lapsed": {actions.WELCOME, actions.REWARD, actions.KEEP, actions.MAIL, actions.REMIND_DUE, actions.SECOND},
    "gone": {actions.WELCOME, actions.REWARD, actions.KEEP, actions.REMIND_DUE, actions.WIN_BACK, actions.ASK},
    "not due": set(ACTIONS) - {actions.WELCOME, actions.REWARD, actions.KEEP, actions.MAIL},
    "overdue": {actions.WELCOME, actions.REWARD, actions.KEEP, actions.MAIL, actions.REMIND_DUE, actions.SECOND},
}


def simulate(returning, seed=0, customers=6000, shape=1.0):
    """Draw customers whose state is known: who bought first lately, buys on, has stopped, or never came back.

    ``returning`` is the share that comes back after a first purchase; gaps are gamma of a shape: 1 is random, a high
    one regular.
    """
    rng = np.random.default_rng(seed)
    joined = rng.integers(0, 730, customers).astype(float)
    gap = rng.gamma(4.0, 8.0, customers) + 4  # mean days between two purchases
    x, last, log_gaps = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    stopped, up_to_date = rng.random(customers) >= returning, np.zeros(customers, dtype=bool)
    while (buying := ~stopped & ~up_to_date).any():
        step = rng.gamma(shape, gap / shape)
        up_to_date |= buying & (last + step > joined)
        comes = buying & ~up_to_date
        x[comes] += 1
        last[comes] += step[comes]
        log_gaps[comes] += np.log(step[comes])
        stopped |= comes & (rng.random(customers) > 0.93)
    table = pd.DataFrame({"frequency": x, "recency": np.floor(last), "T": joined, "log_gaps": log_gaps})
    silence = joined - last
    kinds = pd.Series("", index=table.index)
    kinds[(x == 0) & (joined <= 31)] = "new"
    kinds[up_to_date & (x >= 2) & (silence < 2 * gap)] = "regular"
    kinds[~up_to_date & (x >= 2) & (silence > 8 * gap) & (silence > 120)] = "lapsed"
    kinds[~up_to_date & (x == 0) & (joined > 365)] = "gone"
    if shape > 1:
        kinds[kinds == "regular"] = ""
        kinds[up_to_date & (x >= 2) & (silence < gap / 2)] = "not due"
        kinds[~up_to_date & (x >= 2) & (silence > 3 * gap)] = "overdue"
    return table, kinds


@pytest.mark.parametrize("model", [BgNbd, MbgNbd, ParetoNbd])
@pytest.mark.parametrize("returning", [0.15, 0.4, 0.8])
def test_advice_is_right_for_customers_whose_state_is_known(model, returning):
    check_advice(*simulate(returning), model)


@pytest.mark.parametrize("shape", [6.0, 200.0])
@pytest.mark.parametrize("returning", [0.4, 0.9])
def test_a_regular_customer_is_left_alone_until_due_and_missed_when_overdue(shape, returning):
    check_advice(*simulate(returning, shape=shape), MbgCnbdK)


def check_advice(table, kinds, model):
    """Hold the advice that a model leads to against what customers are: right for 95 % of each kind."""
    fitted = model(horizon_days=91).fit(table)
    table = table.assign(
        total_spend=10 * (1 + table["frequency"]),
        p_purchase=fitted.probability_purchase(table),
        p_purchase_at_last=fitted.probability_purchase(table.assign(T=table["recency"])),
        missed_opportunity=False,
        **next_purchase_dates(fitted, table, CUTOFF, 365, 0.8),
    )
    ranks = table["p_purchase"].to_numpy().argsort(kind="stable")[::-1].argsort() / len(table)
    table["value_tier"] = np.select([ranks < 0.1, ranks < 0.4], ["High", "Mid"], "Low")
    table["segment"] = RfmCutPoints.from_customers(table).assign_segments(table)
    advice = pd.Series(recommend_actions(table, CUTOFF), index=table.index)
    for kind in set(kinds) - {""}:
        of_kind, wrong = advice[kinds == kind], WRONG[kind]
        assert len(of_kind) > 50, kind
        assert of_kind.isin(wrong).mean() <= 0.05, (kind, of_kind.value_counts().to_dict())


def test_silence_lowers_what_is_left_of_the_chance():
    history = pd.DataFrame({"frequency": 2.0, "recency": 60.0, "T": [60.0, 90.0, 180.0, 400.0]})
    fitted = MbgNbd().fit(simulate(0.4)[0])
    history["p_purchase"] = fitted.probability_purchase(history)
    history["p_purchase_at_last"] = fitted.probability_purchase(history.assign(T=60.0))
    left = purchase_probability_relative_to_last(history)
    assert left[0] == 1.0
    assert (np.diff(left) < 0).all()


def test_the_page_of_all_actions_is_what_its_script_writes():
    page = runpy.run_path(str(ROOT / "scripts" / "action_grid.py"))["page"]()
    assert (ROOT / "docs" / "actions.md").read_text() == page


def test_nobody_whom_a_contact_pays_for_is_to_be_spent_nothing_on():
    """Of two customers of each action one is contacted; the other keeps what the rules say."""
    scored = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(2 * len(ACTIONS))], "recommended_action": ACTIONS * 2}
    )
    contacted = scored["customer_id"].head(len(ACTIONS))
    reconciled = reconcile_actions(scored, pd.Index(contacted))
    chosen, left = reconciled.head(len(ACTIONS)), reconciled.tail(len(ACTIONS))
    assert left.tolist() == list(ACTIONS)
    assert not chosen.isin([actions.LET_GO, actions.MAIL]).any()
    changed = dict(zip(ACTIONS, chosen, strict=True))
    assert changed.pop(actions.LET_GO) == actions.LAST_TRY
    assert changed.pop(actions.MAIL) == actions.REMIND_ONCE
    assert all(action == advice for action, advice in changed.items())
