"""Scores as people read them: what they rest on, the files' readme, and totals by tier for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.customer_scores import ScoringModels, choose_ranking_column
from clv_experiments.decisions.past_predictions import IntervalAssessment, MissedPurchases
from clv_experiments.decisions.score_totals import ScoreTotalsByGroup
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import TimingChoice, counts_one_time_buyers_as_alive
from clv_experiments.evaluation.ranking import RankingAssessment
from clv_experiments.reporting.formatting import format_money, format_share
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.text_table import TextTable


def describe_spend_intervals(assessment: IntervalAssessment, currency: str) -> list[str]:
    """Say what intervals of spend rest on, and what they are worth."""
    return render_paragraphs("scores/evidence.jinja", "intervals", assessment, currency)


def describe_missed_purchases(missed: MissedPurchases, btyd_name: str, shop: Shop) -> list[str]:
    """Say how many customers missed a purchase, and how many were to be expected to."""
    return render_paragraphs("scores/evidence.jinja", "missed", missed, missed.model or btyd_name, shop.likely)


def describe_weak_ranking(
    ranking: RankingAssessment | None, model: str, period: Period | None, measure: str
) -> list[str]:
    """Say where a ranking is not shown to be better than chance; else nothing."""
    return render_paragraphs("scores/evidence.jinja", "ranking", ranking, model, period, measure) if ranking else []


def describe_model_caveats(models: ScoringModels, *, has_amounts: bool) -> list[str]:
    """Say what readers of a row must know of the models behind it."""
    evidence, names = partial(render_paragraphs, "scores/evidence.jinja"), (models.spend_name, models.btyd_name)
    is_sure = counts_one_time_buyers_as_alive(models.timing_model)
    return [
        *(evidence("sure_of_one_time_buyers", models.timing_name) if is_sure else []),
        *(evidence("two_models", *names) if has_amounts and names[0] != names[1] else []),
        *describe_timing_model(models.timing, models.btyd_name),
    ]


def describe_timing_model(timing: TimingChoice | None, btyd_name: str) -> list[str]:
    """Say where purchases are too regular for BTYD, and who tells P(alive), P(buys) and dates; else nothing."""
    return render_paragraphs("scores/evidence.jinja", "timing", timing, btyd_name) if timing else []


def render_readme(
    model: str,
    notes: Sequence[str],
    shop: Shop,
    horizon: Horizon,
    cutoff: date,
    *,
    has_amounts: bool = True,
    with_contacts: bool = False,
) -> str:
    """Describe the files for whoever opens them, with units.

    ``model`` predicts spend, the sentences ``notes`` say on what evidence; ``with_contacts`` is whether a list of
    contacts stands beside the scores.
    """
    values = (model, notes, shop, horizon, cutoff, has_amounts, with_contacts)
    about = render_paragraphs("scores/readme.jinja", "about", *values)
    lines = [*about, "", *render_paragraphs("scores/readme.jinja", "columns", has_amounts)]
    if with_contacts:
        lines += ["", *render_paragraphs("scores/readme.jinja", "contacts", shop)]
    return "\n".join(lines) + "\n"


def summary_readme(
    model: str, notes: Sequence[str], shop: Shop, horizon: Horizon, cutoff: date | None, columns: Sequence[str]
) -> str:
    """Describe the files that were made from a table of frequency, recency and T; ``columns`` are those of the list."""
    about = render_paragraphs("scores/summary.jinja", "about", model, notes, shop, horizon, cutoff, "clv" in columns)
    described = render_paragraphs("scores/readme.jinja", "columns", "clv" in columns)
    return "\n".join([*about, "", *(line for line in described if line.partition(":")[0] in columns)]) + "\n"


def tier_table(summary: ScoreTotalsByGroup, currency: str) -> TextTable:
    """Write the totals of each tier and of all; expected purchases where no money is known."""
    money, table = partial(format_money, currency=currency), summary.table()
    value = choose_ranking_column(table)
    writers: dict[str, tuple[str, Callable[[Any], str]]] = {
        "group": ("tier", str),
        "customers": ("customers", "{:,}".format),
        value: (value.replace("_", " "), money if value == "expected_spend" else "{:,.1f}".format),
        "share": ("share", format_share),
        "clv": ("CLV", money),
        "p_alive": ("P(alive)", "{:.2f}".format),
        "missed_opportunity": ("missed", "{:,}".format),
    }
    writers = {name: writer for name, writer in writers.items() if name in table}
    rows = table[table["by"].isin(("value_tier", "everyone"))].sort_values("by", ascending=False, kind="stable")
    cells = [[write(row[name]) for name, (_, write) in writers.items()] for row in rows.to_dict("records")]
    return TextTable([heading for heading, _ in writers.values()], cells)
