"""What to do about each customer: a small table of rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.decisions.segments.rfm import SLIPPING
from clv_experiments.decisions.snapshot import days_since_last

# What is left of the chance of a purchase that a customer had right after the last one:
GONE = 0.2  # below it they have probably left for good
QUIET = 0.5  # below it they have been silent for longer than is usual for a customer of that history
USUAL = 0.95  # from it on they have not: that others bought more lately is no reason for concern
NEW_DAYS = 31  # since a first purchase: too early to miss a second one, whatever a model expects
DUE_DAYS = 30  # a next purchase that is expected so soon is due, once half of the wait is over

ASK = "Ask what kept them away and make a personal offer"
WIN_BACK = "Win back with a strong offer now"
LET_GO = "Spend nothing: probably gone"
LAST_TRY = "Probably lost: one last cheap try"
SECOND = "Invite to a second purchase with a small incentive"
REMIND_ONCE = "Send one reminder that costs little"
REWARD = "Thank and reward without a discount"
WELCOME = "Welcome and invite to the next purchase"
REMIND_DUE = "Remind now: the next purchase is due"
KEEP = "Keep in touch until the next purchase is due"
MAIL = "Include in mailings that cost nothing"
ACTIONS = (ASK, WIN_BACK, LET_GO, LAST_TRY, SECOND, REMIND_ONCE, REWARD, WELCOME, REMIND_DUE, KEEP, MAIL)

IF_CONTACTED = {LET_GO: LAST_TRY, MAIL: REMIND_ONCE}  # what spends nothing, for those whom a contact pays for

STARTING = ("New", "Promising", "Potential loyalists")
BEST = ("Champions", "Loyal")
ASLEEP = ("About to sleep", "Hibernating", "Lost")


def recommend_actions(table: pd.DataFrame, cutoff: date) -> np.ndarray:
    """Choose one action for each customer: the first rule that holds decides.

    Silence is judged by what is usual for a customer of that history: by how much it has lowered the chance of a
    purchase since the last one. P(alive) alone would take for a customer who has gone quiet one who was never likely to
    return. These are rules of thumb of customer management, not estimates: nothing in a log tells what a contact
    changes.

    Parameters
    ----------
    table : pandas.DataFrame
        ``frequency``, ``recency``, ``T`` (days), ``value_tier``, ``segment``, ``missed_opportunity`` (bool),
        ``p_purchase``, ``p_purchase_at_last``, ``next_purchase`` (date or NaT).
    cutoff : date

    Returns
    -------
    array of str, shape (n,)
        One of ``ACTIONS``.
    """
    valuable, returned = table["value_tier"].isin(("High", "Mid")), table["frequency"] > 0
    segment, missed = table["segment"], table["missed_opportunity"]
    left = purchase_probability_relative_to_last(table)
    gone, quiet, slipping = left < GONE, left < QUIET, segment.isin(SLIPPING) & (left < USUAL)
    due = (table["next_purchase"] - pd.Timestamp(cutoff)).dt.days <= days_since_last(table).clip(upper=DUE_DAYS)
    rules = [
        (~returned & ((table["T"] <= NEW_DAYS) | ~quiet), WELCOME),
        (valuable & returned & gone, WIN_BACK),
        (~valuable & gone & segment.isin(ASLEEP), LET_GO),
        (gone, LAST_TRY),
        (valuable & missed, ASK),
        (valuable & returned & quiet, WIN_BACK),
        (valuable & quiet, SECOND),
        (missed | quiet | slipping, REMIND_ONCE),
        (segment.isin(BEST), REWARD),
        (segment.isin(STARTING), WELCOME),
        (due, REMIND_DUE),
        (valuable, KEEP),
    ]
    return np.select([np.asarray(holds, dtype=bool) for holds, _ in rules], [action for _, action in rules], MAIL)


def reconcile_actions(scored: pd.DataFrame, contacted: pd.Index) -> pd.Series:
    """Replace actions that spend nothing for customers whom a plan contacts: it says whether, the action says how.

    The plan weighs what a contact costs, which no rule knows. ``scored`` has ``customer_id`` and
    ``recommended_action``; ``contacted`` are ids.
    """
    actions = scored["recommended_action"]
    return actions.mask(scored["customer_id"].isin(contacted), actions.replace(IF_CONTACTED))


def purchase_probability_after_last_purchase(estimator: Any, history: pd.DataFrame) -> np.ndarray:
    """Return P(buys) in the horizon as an estimator gave it right after each customer's last purchase, shape (n,)."""
    return estimator.probability_purchase(history.assign(T=history["recency"]))


def purchase_probability_relative_to_last(table: pd.DataFrame) -> np.ndarray:
    """Return ``p_purchase`` as a share of what it was right after the last purchase, shape (n,); 1 where that was 0."""
    now, then = table["p_purchase"].to_numpy(dtype=float), table["p_purchase_at_last"].to_numpy(dtype=float)
    return np.divide(now, then, out=np.ones(len(table)), where=then > 0)
