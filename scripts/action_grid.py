"""Write docs/actions.md: what is recommended for every kind of history, so that a marketer can judge the rules.

python scripts/action_grid.py > docs/actions.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date

import pandas as pd

from clv_experiments.config.composition import compose_config
from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.actions import (
    GONE,
    NEW_DAYS,
    QUIET,
    purchase_probability_after_last_purchase,
    purchase_probability_relative_to_last,
    recommend_actions,
)
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.segments.rfm import RfmCutPoints
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET
from clv_experiments.models.mbg_nbd import MbgNbd

FREQUENCIES = (0, 1, 2, 4, 9)
SILENCES = (7, 31, 60, 120, 240, 365)  # days since the last purchase
GAP = 30  # days between two purchases
DAYS = 91  # that P(buys) looks ahead
HEAD = f"""# What is recommended to whom

`scores.csv` names one action a customer. The rules compare a customer's chance to buy in the horizon with the chance
that the same customer had right after the last purchase: below {QUIET:.0%} of it the silence is unusual for that
history, below {GONE:.0%} the customer has probably left. Who first bought in the last {NEW_DAYS} days is new, whatever
a model expects. They are rules of thumb of customer management, not estimates.

An action says how to write to a customer, not whether that pays: it knows no costs. Whom a contact pays for, by
expected spend, margin, uplift and cost, is in `contacts.csv` of [the report](insights.md), and there the contact wins:
of those in it, who would be sent nothing gets a cheap try in its place, in `scores.csv` too.

Below, the MBG/NBD fitted on all of CDNOW, for customers who bought every {GAP} days and have been silent since; the
share is what is left of the chance.

    python scripts/action_grid.py > docs/actions.md
"""


def grid(value_tier: str, customers: pd.DataFrame, model: MbgNbd, cutoff: date) -> Iterator[str]:
    """Yield the rows of a table in Markdown: purchases by days since the last one."""
    scores = RfmCutPoints.from_customers(customers)
    yield "| purchases | " + " | ".join(f"{days} days ago" for days in SILENCES) + " |"
    yield "|---" * (len(SILENCES) + 1) + "|"
    for frequency in FREQUENCIES:
        recency = float(frequency * GAP)
        history = pd.DataFrame(
            {"frequency": float(frequency), "recency": recency, "T": [recency + d for d in SILENCES]}
        )
        table = history.assign(
            total_spend=customers["total_spend"].median() * (1 + frequency),
            p_purchase=model.probability_purchase(history),
            p_purchase_at_last=purchase_probability_after_last_purchase(model, history),
            missed_opportunity=False,
            value_tier=value_tier,
            **next_purchase_dates(model, history, cutoff, 365, 0.8),
        )
        table["segment"] = scores.assign_segments(table)
        cells = zip(recommend_actions(table, cutoff), purchase_probability_relative_to_last(table), strict=True)
        yield f"| {frequency + 1} | " + " | ".join(f"{action} ({share:.0%})" for action, share in cells) + " |"


def page() -> str:
    """Return the page in Markdown."""
    log = load_log_from_config(compose_config("config", ["data=cdnow"]).data, lambda start, end: end)
    customers = HISTORY_FEATURE_SET.compute(log, log.end, Horizon.parse("3 months"))
    model = MbgNbd(horizon_days=DAYS).fit(customers)
    valuable, others = ("\n".join(grid(tier, customers, model, log.end)) for tier in ("Mid", "Low"))
    return f"{HEAD}\n## Customers of value (tiers High and Mid)\n\n{valuable}\n\n## Others\n\n{others}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
