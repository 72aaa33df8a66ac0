"""The first screen: what to spend and whom to contact say the same, and each number follows from those beside it."""

import re

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.budget.outlook import estimate_outlook
from clv_experiments.decisions.budget.plan import plan_contacts
from clv_experiments.decisions.display.answers import state_assumptions, suggest_settings
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.ranking import RankingAssessment
from clv_experiments.reporting.prose import render_paragraphs

YEAR = Horizon.parse("12 months")
CUSTOMERS = pd.DataFrame(
    {"expected_spend": np.linspace(10.0, 400.0, 40)}, index=pd.Index([f"{i:02}" for i in range(40)], name="customer_id")
)


def shop(uplift=(0.02, 0.05, 0.08), cost=1.0, budget=1000.0, margin=0.5):
    return Shop("£", margin, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(budget, cost, uplift))


def answers(shop, *came):
    """The plan, its outlook, and headline with sentences of the answers on contacts and budget."""
    plan = plan_contacts(CUSTOMERS, shop.campaign, shop.margin)
    before = [CUSTOMERS.assign(y_true=share * CUSTOMERS["expected_spend"]) for share in came]
    outlook = estimate_outlook(plan, [Snapshot(PERIOD, table, None, None, "m", "b") for table in before], 60, 1)
    say = {name: render_paragraphs("report/answers.jinja", name, plan, outlook, "£") for name in NAMES}
    return plan, outlook, say


PERIOD = Horizon.parse("3 months").period_after(pd.Timestamp("2020-03-31").date())
NAMES = ("contact", "contact_sentences", "budget", "budget_sentences")


def amounts(text):
    return [float(number.replace(",", "")) for number in re.findall(r"£([\d,.]*\d)", text)]


def test_what_is_earned_follows_from_what_stands_beside_it():
    plan, outlook, say = answers(shop(), 1.0)
    spend, more, cost, profit = amounts(say["budget_sentences"][0])
    assert spend == pytest.approx(plan.spend_without_contact, abs=0.5)
    assert more == pytest.approx(0.05 * plan.spend_without_contact, abs=0.5)
    assert cost == plan.cost
    assert profit == pytest.approx(0.5 * more - cost, abs=0.5)
    assert profit == pytest.approx(plan.expected_profit, abs=0.5)
    (break_even,) = re.findall(r"from an uplift of ([\d.]+)% on", say["budget_sentences"][1])
    assert float(break_even) / 100 * 0.5 * spend == pytest.approx(cost, rel=0.02)
    low, high = amounts(say["budget_sentences"][1])
    assert low == pytest.approx(outlook.cases[0].expected_profit, abs=0.01)
    assert high == pytest.approx(outlook.cases[2].expected_profit, abs=0.5)


def test_an_uplift_below_break_even_loses():
    _, outlook, say = answers(shop(uplift=(0.001, 0.05, 0.08)), 1.0)
    (loss,) = re.findall(r"at 0.1%, £([\d.]+) is lost", say["budget_sentences"][1])
    assert float(loss) == pytest.approx(-outlook.cases[0].expected_profit, abs=0.01)


def test_whom_to_contact_and_what_to_spend_never_contradict_each_other():
    """Where forecasts fell so short that contacts lose money, or none pays, neither answer asks for them."""
    plan, _, say = answers(shop(), 1.0)
    assert say["contact"] == [f"{plan.contacts} customers"]
    assert say["budget"][0].startswith(f"Spend £{plan.cost:.2f} to earn")
    plan, _, say = answers(shop(), 0.1)
    assert plan.contacts
    assert (say["contact"], say["budget"]) == (["Nobody yet"], ["Spend nothing"])
    assert "if a contact did more than is assumed" in say["contact_sentences"][0]
    (sentence,) = say["budget_sentences"]
    assert "would be lost" in sentence
    assert "uplift of 8.9% to 8.9% on" in sentence, "a tenth of the forecast needs ten times the uplift"
    plan, _, say = answers(shop(cost=20.0), 1.0)
    assert (say["contact"], say["budget"]) == (["Nobody"], ["Spend nothing"])
    (least,) = re.findall(r"at least (\d+)% more", say["budget_sentences"][0])
    assert float(least) / 100 * 0.5 * CUSTOMERS["expected_spend"].max() == pytest.approx(20.0, rel=0.05)


def test_what_is_typed_is_not_asked_for_again():
    everything = {"margin", "contact.cost", "contact.uplift", "contact.budget"}
    assert suggest_settings("clv insights", everything) == ""
    assert "Yours differ" not in " ".join(state_assumptions(shop(), everything))
    assert suggest_settings("clv insights", {"margin", "contact.uplift"}) == (
        "clv insights … decisions.contact.cost=2.5 decisions.contact.budget=5000"
    )


@pytest.mark.parametrize(
    ("customers", "p_value", "cautions"),
    [
        (99, 0.001, ["99 customers are too few for anything but lists"]),
        (1, 0.001, ["1 customer is too few"]),
        (100, 0.2, ["told no more of who spends than chance would"]),
        (12, 0.2, ["12 customers are too few", "than chance would"]),
        (100, 0.001, []),
    ],
)
def test_whoever_sees_the_list_sees_what_speaks_against_it(customers, p_value, cautions):
    rendered = render_paragraphs(
        "report/answers.jinja", "contact_cautions", customers, 100, RankingAssessment(0.1, p_value)
    )
    assert len(rendered) == len(cautions)
    assert all(part in sentence for part, sentence in zip(cautions, rendered, strict=True))


def test_one_contact_is_spoken_of_as_one():
    plan, _, say = answers(shop(budget=1.0), 1.0)
    assert plan.contacts == 1
    assert say["contact_sentences"] == ["Of 40 customers, the one whom it pays most to contact."]
    arguments = (plan, estimate_outlook(plan, [], 60, 1), PERIOD.cutoff, PERIOD.end, "£")
    assert (
        "£1.00: this customer is predicted" in render_paragraphs("report/budget.jinja", "recommendation", *arguments)[0]
    )
