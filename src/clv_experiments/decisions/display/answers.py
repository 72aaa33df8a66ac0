"""The answers on top of the report: what the customers bring, whom to contact, what to spend and what that earns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pandas as pd

from clv_experiments.decisions.best_customers import RankedCustomers
from clv_experiments.decisions.budget.outlook import ProfitOutlook
from clv_experiments.decisions.budget.plan import ContactPlan
from clv_experiments.decisions.shop import Shop
from clv_experiments.evaluation.ranking import RankingAssessment
from clv_experiments.reporting.exhibit import Answer
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate("report/answers.jinja")
FIRST_CONTACTS = 10
FEW = 100  # customers below which the page says how little they tell


def answer_questions(
    best: RankedCustomers,
    plan: ContactPlan,
    outlook: ProfitOutlook,
    contacts: pd.DataFrame,
    ranking: RankingAssessment,
    shop: Shop,
) -> list[Answer]:
    """Answer what a shop asks first.

    ``contacts`` is the table of ``contacts.csv``; ``ranking`` how well customers were ordered in the period before.
    """
    first = TEMPLATE.build_exhibit(
        "contacts", table=contacts, page_rows=FIRST_CONTACTS, columns=["customer_id", "expected_spend", "reason"]
    )
    contact = _build_answer("contact", plan, outlook, shop.currency)
    cautions = TEMPLATE.render_macro("contact_cautions", len(best.by_spend), FEW, ranking)
    return [
        _build_answer("total", best, shop),
        replace(contact, sentences=[*contact.sentences, *cautions], exhibit=first),
        _build_answer("budget", plan, outlook, shop.currency),
    ]


def _build_answer(name: str, *values: Any) -> Answer:
    """Build an answer from the template's three macros of that name."""
    (question,), (headline,) = TEMPLATE.render_macro(f"{name}_question"), TEMPLATE.render_macro(name, *values)
    return Answer(f"answer-{name}", question, headline, TEMPLATE.render_macro(f"{name}_sentences", *values))


def state_assumptions(shop: Shop, typed: Collection[str]) -> list[str]:
    """Say what the answers take for granted; ``typed`` names the shop's own settings, as ``contact.cost``."""
    return TEMPLATE.render_macro("assumptions", shop, typed)


def suggest_settings(insights: str, typed: Collection[str]) -> str:
    """Return what to type in place of assumptions behind the command ``insights``; "" where nothing is assumed."""
    return " ".join(TEMPLATE.render_macro("settings", insights, typed))
