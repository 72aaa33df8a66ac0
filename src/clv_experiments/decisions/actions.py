"""What to do about each customer: a small table of rules."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from clv_experiments.decisions.segments.rfm import SLIPPING

GONE = 0.2  # P(alive) below which little or nothing is spent on a customer of little value
FADING = 0.5  # P(alive) below which a customer of value is to be won back
DUE_DAYS = 30  # a next purchase that is expected so soon is due

ASK = "Ask what kept them away and make a personal offer"
WIN_BACK = "Win back with a strong offer now"
LET_GO = "Spend nothing: probably gone"
LAST_TRY = "Probably lost: one last cheap try"
REMIND_ONCE = "Send one reminder that costs little"
REWARD = "Thank and reward without a discount"
WELCOME = "Welcome and invite to the next purchase"
REMIND_DUE = "Remind now: the next purchase is due"
KEEP = "Keep in touch until the next purchase is due"
MAIL = "Include in mailings that cost nothing"
ACTIONS = (ASK, WIN_BACK, LET_GO, LAST_TRY, REMIND_ONCE, REWARD, WELCOME, REMIND_DUE, KEEP, MAIL)

STARTING = ("New", "Promising", "Potential loyalists")
BEST = ("Champions", "Loyal")
ASLEEP = ("About to sleep", "Hibernating", "Lost")


def recommended_action(table: pd.DataFrame, cutoff: date) -> np.ndarray:
    """Choose one action for each customer: the first rule that holds decides.

    These are rules of thumb of customer management, not estimates: nothing in a log tells what a contact changes.

    Parameters
    ----------
    table : pandas.DataFrame
        ``value_tier``, ``segment``, ``missed_opportunity`` (bool), ``p_alive``, ``next_purchase`` (date or NaT).
    cutoff : date

    Returns
    -------
    array of str, shape (n,)
        One of ``ACTIONS``.
    """
    valuable = table["value_tier"].isin(("High", "Mid"))
    segment, alive, missed = table["segment"], table["p_alive"], table["missed_opportunity"]
    due = table["next_purchase"] <= pd.Timestamp(cutoff + timedelta(days=DUE_DAYS))
    rules = [
        (valuable & (alive < GONE), WIN_BACK),
        ((alive < GONE) & segment.isin(ASLEEP), LET_GO),
        (alive < GONE, LAST_TRY),
        (valuable & missed, ASK),
        (valuable & ((alive < FADING) | segment.isin(SLIPPING)), WIN_BACK),
        (missed | segment.isin(SLIPPING), REMIND_ONCE),
        (segment.isin(BEST), REWARD),
        (segment.isin(STARTING), WELCOME),
        (due, REMIND_DUE),
        (valuable, KEEP),
    ]
    return np.select([np.asarray(holds, dtype=bool) for holds, _ in rules], [action for _, action in rules], MAIL)
