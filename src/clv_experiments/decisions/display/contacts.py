"""The customers that a plan contacts, as whoever writes to them needs them: with a reason and what to do."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.budget.plan import Plan
from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.reporting.prose import sentences

COLUMNS = [  # documented in templates/scores/readme.jinja
    "customer_id", "country", "expected_spend", "expected_profit", "last_purchase", "value_tier", "segment",
    "recommended_action", "reason",
]  # fmt: skip


def list_contacts(plan: Plan, scored: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """List the contacted customers, the most profitable first.

    Parameters
    ----------
    plan : Plan
    scored : pandas.DataFrame
        Indexed by ``customer_id``: ``last_purchase``, ``value_tier``, ``segment``, ``recommended_action``.
    customers : pandas.DataFrame
        A snapshot's table of the same customers.

    Returns
    -------
    pandas.DataFrame
        The columns of ``COLUMNS``, whatever the log holds: ``country`` is empty where it has none.
    """
    contacted = plan.contacted
    history = customers.loc[contacted.index]
    facts = zip(history["frequency"].astype(int) + 1, days_since_last(history).astype(int), strict=True)
    reasons = [" ".join(sentences("report/answers.jinja", "reason", *fact)) for fact in facts]
    advice = scored.loc[contacted.index, ["last_purchase", "value_tier", "segment", "recommended_action"]]
    table = contacted[["expected_spend", "expected_profit"]].join(advice).assign(reason=reasons)
    return table.assign(country=history.get("country")).rename_axis("customer_id").reset_index()[COLUMNS]
