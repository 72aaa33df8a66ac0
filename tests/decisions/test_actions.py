"""What to do about a customer: the first rule that holds, and every action within reach."""

from datetime import date

import pandas as pd
import pytest

from clv_experiments.decisions import actions
from clv_experiments.decisions.actions import ACTIONS, ASLEEP, BEST, SLIPPING, STARTING, recommended_action
from clv_experiments.decisions.segments.rfm import SEGMENTS

CUTOFF = date(2011, 11, 30)
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
