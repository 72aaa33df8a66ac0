"""The budget's part of the report: sentences, tables and figures agree, and names are taken as text."""

from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.budget.outlook import estimate_outlook
from clv_experiments.decisions.budget.plan import plan_contacts
from clv_experiments.decisions.budget.regret import compare_strategies
from clv_experiments.decisions.display.budget import FILE_COLUMNS, budget_section, draw_profit_curve, list_contacts
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import NARROW, WIDE
from clv_experiments.reporting.prose import render_paragraphs

YEAR = Horizon.parse("12 months")
HOSTILE = "<script>$x$ =cmd()"


def shop(budget=40.0, cost=1.0, uplift=(0.02, 0.05, 0.08), **constraints):
    contact = Campaign(budget, cost, uplift, **constraints)
    return Shop("£", 0.5, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, contact)


def snapshots(came=1.0, n=200):
    """Customers now and before, of whom a share of what was predicted came, and as much as another's prediction."""
    rng = np.random.default_rng(0)
    spend = np.sort(rng.gamma(0.5, 200, n))[::-1]
    table = pd.DataFrame(
        {"expected_spend": spend, "total_spend": rng.permutation(spend), "frequency": 1.0, "recency": 5.0, "T": 9.0},
        index=pd.Index([f"{i:03}" for i in range(n)], name="customer_id"),
    ).assign(country=HOSTILE, p_alive=0.5, p_purchase=0.5)
    before = table.assign(y_true=came * spend * rng.gamma(2, 0.5, n))
    names = ("xgboost", "mbg_nbd")
    now = Snapshot(Period(date(2020, 3, 31), date(2020, 6, 30)), table, None, None, *names)
    return now, Snapshot(Period(date(2019, 12, 31), date(2020, 3, 31)), before, None, None, *names)


def segments_of(table):
    return pd.Series(np.where(table["expected_spend"] > 50, "good", HOSTILE), table.index)


def plan_of(shop):
    """The plan that the section is about."""
    table = snapshots()[0].table
    return plan_contacts(table, shop.campaign, shop.margin, segments_of(table), table["country"])


def outlook_of(shop, *came):
    """What the section says that the plan may bring, by what came in the periods before."""
    return estimate_outlook(plan_of(shop), [snapshots(share)[1] for share in came], 60, 1)


def section(shop, *came):
    """The section by what came in the periods before, latest first."""
    came = came or (1.0,)
    (now, previous), plan = snapshots(came[0]), plan_of(shop)
    advice = {"last_purchase": pd.Timestamp("2020-03-27"), "value_tier": "High", "recommended_action": "Write"}
    contacts = list_contacts(plan, now.table.assign(segment=segments_of(now.table), **advice), now.table)
    return budget_section(plan, outlook_of(shop, *came), contacts, now, previous, shop, seed=1, replicates=60)


def text(report):
    return " ".join(report.summary) + " ".join(s for exhibit in report.exhibits_and_evidence for s in exhibit.sentences)


def test_the_budget_is_spent_on_the_best_and_more_would_pay():
    plan = plan_of(shop())
    assert (plan.contacts, plan.cost, plan.reason_for_no_contacts, plan.limit) == (40, 40.0, None, "budget")
    assert plan.next_profit > 0
    assert plan.split_by("segment").set_index("segment")["share_of_cost"].to_dict() == {"good": 1.0, HOSTILE: 0.0}
    report = section(shop())
    for part in ("40 customers for £40.00", "from 1 April 2020", "to 30 June 2020"):
        assert part in report.summary[0]
    assert "(95% interval £" in report.summary[1]
    assert f"still bring £{plan.next_profit:,.2f}" in text(report)
    assert "100% into good (40 contacts" in text(report)
    assert "told apart" not in report.summary[-1]


def test_every_number_of_the_summary_stands_in_a_table():
    report = section(shop())
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits_and_evidence}
    plan, cases = tables["contacts"], tables["budget_uplift"].set_index("case")
    assert (
        len(plan) == 40 == tables["budget_segments"]["contacts"].sum() == tables["budget_countries"]["contacts"].sum()
    )
    assert f"profit of £{plan['expected_profit'].sum():,.0f}." in report.summary[0]
    low, middle, high = cases.loc["expected", ["low", "judged_profit", "high"]]
    assert f"£{middle:,.0f} (95% interval £{low:,.0f} to £{high:,.0f})" in report.summary[1]
    model = tables["budget_regret"].set_index("plan").loc["model (xgboost)"]
    assert f"its regret, £{model['regret']:,.2f} (95% interval" in report.summary[-1]


@pytest.mark.parametrize(
    ("settings", "reason_for_no_contacts", "limit", "message"),
    [
        (shop(cost=500.0, budget=5000.0), "profit", "profit", "nobody: a contact costs £500"),
        (shop(budget=0.0), "budget", "budget", "nobody: the budget of £0.00"),
        (shop(budget=1e6), None, "profit", "of the £1,000,000: no other contact"),
        (shop(budget=1e6, uplift=(1e6, 1e6, 1e6)), None, "customers", "everybody: £200 of the £1,000,000"),
        (shop(uplift=(-0.1, -0.05, 0.0)), "profit", "profit", "Contact nobody"),
        (shop(min_by_segment={HOSTILE: 10}), None, "budget", "segments and countries costs £"),
        (shop(max_by_country={HOSTILE: 0}), "constraints", "profit", "nobody: what is asked for"),
    ],
)
def test_the_report_turns_with_cost_budget_and_uplift(settings, reason_for_no_contacts, limit, message):
    plan, report = plan_of(settings), section(settings)
    assert (plan.reason_for_no_contacts, plan.limit) == (reason_for_no_contacts, limit)
    assert (plan.group_limit_cost > 0) == bool(settings.campaign.min_by_segment or settings.campaign.max_by_country)
    assert message in text(report)
    assert "nan" not in text(report)
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits_and_evidence}
    of_contacts = {"contacts", "budget_uplift", "budget_segments", "budget_countries"}
    assert of_contacts & set(tables) == (of_contacts if plan.contacts else set()), "nothing is split where nothing is"
    for name in {"budget_curve", *of_contacts} & set(tables):
        assert np.isfinite(tables[name].select_dtypes("number")).all(axis=None)


def expected_case(report):
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits_and_evidence}
    return tables["budget_uplift"].set_index("case").loc["expected"]


@pytest.mark.parametrize(("came", "more"), [(3.0, True), (0.4, False)])
def test_a_model_that_erred_before_is_not_taken_at_its_word(came, more):
    case = expected_case(section(shop(), came))
    assert (case["low"] > case["expected_profit"]) if more else (case["high"] < case["expected_profit"])


def test_every_period_before_is_in_the_interval():
    one, both = section(shop(), 3.0), section(shop(), 3.0, 0.4)
    assert expected_case(both)["low"] < expected_case(both)["expected_profit"] < expected_case(one)["low"]
    outlooks = [outlook_of(shop(), *came) for came in ([3.0], [3.0, 0.4], [3.0, 1.0, 1.0, 0.4])]
    assert [outlook.periods for outlook in outlooks] == [1, 2, 4]
    assert [outlook.spans_all_seasons for outlook in outlooks] == [False, False, True]
    assert "the one period before" in one.summary[1]
    assert "another season" in one.summary[1]
    assert "the 2 periods before" in both.summary[1]
    assert "another season" in both.summary[1]
    year = section(shop(), 3.0, 1.0, 1.0, 0.4)
    assert "the 4 periods before" in year.summary[1]
    assert "another season" not in year.summary[1]
    assert text(both).count("the 2 periods before") == 3  # in the summary, beside the contacts and at each uplift
    assert one.summary[-1] == both.summary[-1]  # regret is of the latest


def test_a_period_that_brought_little_makes_the_profit_unsure():
    verdicts = [outlook_of(shop(), *came).verdict for came in ([0.05], [1.0, 0.05], [1.0])]
    assert verdicts == ["loss", "uncertain", "profit"]
    assert "loses money" in section(shop(), 0.05).summary[1]
    assert "not assured" in section(shop(), 1.0, 0.05).summary[1]
    regret = compare_strategies(snapshots(0.0)[1].table, shop().campaign, shop().margin, 60, 1)
    assert regret.comparison_status == "nothing pays"
    assert "no contact would have paid" in text(section(shop(), 0.0))


def test_a_manager_reads_few_sentences_and_narrow_tables():
    report = section(shop(budget=1e6), 1.0, 1.0)
    assert len(report.summary) == 4
    for exhibit in report.exhibits_and_evidence:
        if exhibit.page_rows:
            columns = exhibit.columns or exhibit.table.columns
            assert len(columns) <= 8
            assert not {exhibit.headings.get(name, name) for name in columns} & {
                "customer_id",
                "p_alive",
                "p_purchase",
            }
    assert report.summary[2].startswith("Of what is spent, put ")
    regret = next(exhibit for exhibit in report.exhibits_and_evidence if exhibit.name == "budget_regret")
    assert regret.sentences[1].startswith("xgboost would have brought £")
    assert "more than contacting everybody" in regret.sentences[1]
    assert "last purchase" not in regret.sentences[1], "rules that contact the same customers are one"


def test_contacts_have_the_same_columns_on_every_log_and_say_why():
    plan, now = plan_of(shop()), snapshots()[0].table
    advice = {"last_purchase": pd.Timestamp("2020-03-27"), "value_tier": "High", "recommended_action": "Write"}
    scored = now.assign(segment="good", **advice)
    history = now.assign(frequency=[0.0, 41.0] * 100, recency=[0.0, 9.0] * 100, T=9.0)
    contacts = list_contacts(plan, scored, history.drop(columns="country"))
    assert list(contacts.columns) == FILE_COLUMNS
    assert contacts["country"].isna().all()
    assert contacts["customer_id"].tolist() == plan.contacted.index.tolist()
    assert contacts["reason"].tolist() == ["1 purchase, 9 days ago", "42 purchases, last today"] * 20
    assert list(list_contacts(plan, scored, history)["country"].unique()) == [HOSTILE]
    nobody = list_contacts(plan_of(shop(budget=0.0)), scored, history)
    assert (list(nobody.columns), len(nobody)) == (FILE_COLUMNS, 0)


@pytest.mark.parametrize("settings", [shop(), shop(budget=1e6), shop(cost=500.0, budget=5000.0)])
def test_the_curve_marks_what_is_spent_and_what_would_be_best(settings):
    plan = plan_of(settings)
    (panel,) = draw_profit_curve(plan.unconstrained_profit_curve(), plan, "£", "made up", WIDE).axes
    marked = {round(float(line.get_xdata()[0]), 2) for line in panel.lines if line.get_marker() in ("o", "D")}
    assert marked == {plan.cost, plan.profitable_contacts_by_uplift[1] * settings.campaign.cost}
    assert panel.get_xlim()[1] >= max(marked)


def test_hostile_names_are_drawn_and_listed_as_they_are(tmp_path):
    for exhibit in section(shop(max_by_country={HOSTILE: 7})).exhibits_and_evidence:
        if exhibit.name == "budget_countries":
            assert list(exhibit.table["country"]) == [HOSTILE]
        if exhibit.draw:
            exhibit.draw(NARROW).savefig(tmp_path / f"{exhibit.name}.svg")


@pytest.mark.parametrize(("whole_budget", "opening"), [(True, "Put"), (False, "Of what is spent, put")])
def test_the_largest_groups_are_named_and_the_others_counted(whole_budget, opening):
    def group(name, contacts, share, profit=0.0):
        return SimpleNamespace(name=name, contacts=contacts, share_of_cost=share, expected_profit=profit)

    spent = [group("A", 2, 0.5, 7.5), group("B", 1, 0.25, 2.0), group("C", 1, 0.125, 1.0), group("D", 1, 0.125)]
    write = partial(render_paragraphs, "report/budget.jinja", "allocation", whole_budget=whole_budget, currency="£")
    first, nothing = write(spent[:2], [group("<b>C", 0, 0.0)])
    assert first.startswith(f"{opening} 50% into A (2 contacts, ")
    assert "profit £7.50) and 25% into B (1 contact, " in first
    assert "profit £2.00)" in first
    assert "into <b>C" in nothing
    assert write(spent, [])[0].endswith("£1.00) and 12% into 1 other.")
    assert write([*spent, *spent[3:]], [])[0].endswith("and 25% into 2 others.")
    assert write([], spent) == []


@pytest.mark.parametrize(
    ("brings", "words"),
    [(0.3, "a contact costs £1.00 and is expected to bring £0.30 at the most,"), (0.998, "no more,")],
)
def test_two_amounts_that_read_the_same_are_not_set_against_each_other(brings, words):
    campaign = SimpleNamespace(cost=1.0, expected_uplift=0.05)
    plan = SimpleNamespace(
        reason_for_no_contacts="profit",
        campaign=campaign,
        table=pd.DataFrame({"expected_profit": [brings - 1.0, -0.9]}),
    )
    (text,) = render_paragraphs("report/budget.jinja", "recommendation", plan, None, None, None, "£")
    assert words in text


def test_where_everybody_is_contacted_no_rule_is_said_to_bring_more():
    (text,) = render_paragraphs(
        "report/budget.jinja", "baselines", SimpleNamespace(comparison_status="all alike"), "xgboost", "£"
    )
    assert "everybody, whom xgboost and any rule of thumb would have contacted alike" in text
