"""Scores as people read them: what they rest on, the files' readme, and totals by tier for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

from clv_experiments.data.window import Horizon
from clv_experiments.decisions.evidence import Evidence, MissedPurchases
from clv_experiments.decisions.score_files import ScoreSummary
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.formatting import format_money, format_share
from clv_experiments.reporting.prose import sentences

TIER_HEADINGS = ["tier", "customers", "expected spend", "share", "CLV", "P(alive)", "missed"]


def interval_sentences(evidence: Evidence, currency: str) -> list[str]:
    """Say what intervals of spend rest on, and what they are worth."""
    return sentences("scores/evidence.jinja", "intervals", evidence, currency)


def missed_sentences(missed: MissedPurchases, btyd_name: str, shop: Shop) -> list[str]:
    """Say how many customers missed a purchase, and how many were to be expected to."""
    return sentences("scores/evidence.jinja", "missed", missed, btyd_name, shop.likely)


def readme(model: str, notes: Sequence[str], shop: Shop, horizon: Horizon, cutoff: date) -> str:
    """Describe the files for whoever opens them, with units.

    Parameters
    ----------
    model : str
        Which one predicts spend.
    notes : sequence of str
        Sentences: on what evidence.
    shop : Shop
    horizon : Horizon
    cutoff : date
    """
    about = sentences("scores/readme.jinja", "about", model, notes, shop, horizon, cutoff)
    return "\n".join([*about, "", *sentences("scores/readme.jinja", "columns")]) + "\n"


def tier_rows(summary: ScoreSummary, currency: str) -> list[list[str]]:
    """Write the totals of each tier and of all, under ``TIER_HEADINGS``."""
    money = partial(format_money, currency=currency)
    writers: dict[str, Callable[[Any], str]] = {
        "group": str,
        "customers": "{:,}".format,
        "expected_spend": money,
        "share": format_share,
        "clv": money,
        "p_alive": "{:.2f}".format,
        "missed_opportunity": "{:,}".format,
    }
    table = summary.table()
    rows = table[table["by"].isin(("value_tier", "everyone"))].sort_values("by", ascending=False, kind="stable")
    return [[write(row[name]) for name, write in writers.items()] for row in rows.to_dict("records")]
