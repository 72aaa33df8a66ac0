"""The budget's part of the report: sentences, tables and figures agree, and names are taken as text."""

from datetime import date
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.display.budget import budget_section
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.prose import sentences

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


def section(shop, *came):
    """The section by what came in the periods before, latest first."""
    pairs = [snapshots(share) for share in came or (1.0,)]
    now, past = pairs[0][0], [previous for _, previous in pairs]
    segments = pd.Series(np.where(now.table["expected_spend"] > 50, "good", HOSTILE), now.table.index)
    return budget_section(now, past, segments, shop, seed=1, replicates=60)


def text(report):
    return " ".join(report.summary) + " ".join(s for exhibit in report.exhibits for s in exhibit.sentences)


def test_the_budget_is_spent_on_the_best_and_more_would_pay():
    report = section(shop())
    assert report.summary[0].startswith("Contact 40 customers for £40.00: they are predicted to spend £")
    assert "from 1 April 2020 to 30 June 2020" in report.summary[0]
    assert "(95% interval £" in report.summary[1]
    assert "The budget ends before the profit does" in text(report)
    assert "Put 100% into good (40 contacts" in text(report)
    assert "cannot be told apart from" not in report.summary[-1]


def test_every_number_of_the_summary_stands_in_a_table():
    report = section(shop())
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits}
    plan, cases = tables["budget_plan"], tables["budget_uplift"].set_index("case")
    assert (
        len(plan) == 40 == tables["budget_segments"]["contacts"].sum() == tables["budget_countries"]["contacts"].sum()
    )
    assert f"an expected profit of £{plan['expected_profit'].sum():,.0f}." in report.summary[0]
    low, middle, high = cases.loc["expected", ["low", "judged_profit", "high"]]
    assert f"it is £{middle:,.0f} (95% interval £{low:,.0f} to £{high:,.0f}); what" in report.summary[1]
    model = tables["budget_regret"].set_index("plan").loc["model (xgboost)"]
    assert f"its regret, £{model['regret']:,.2f} (95% interval" in report.summary[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (shop(cost=500.0, budget=5000.0), "Contact nobody: a contact costs £500 and is expected to bring £"),
        (shop(budget=0.0), "Contact nobody: the budget of £0.00 pays for no contact of £1.00."),
        (shop(budget=1e6), "of the £1,000,000: no other contact is expected to pay."),
        (shop(budget=1e6, uplift=(1e6, 1e6, 1e6)), "That is everybody: £200 of the £1,000,000 is enough."),
        (shop(uplift=(-0.1, -0.05, 0.0)), "Contact nobody"),
        (shop(min_by_segment={HOSTILE: 10}), "What is asked for of segments and countries costs £"),
        (
            shop(max_by_country={HOSTILE: 0}),
            "Contact nobody: what is asked for of segments and countries leaves no contact",
        ),
    ],
)
def test_the_report_turns_with_cost_budget_and_uplift(settings, message):
    report = section(settings)
    assert message in text(report)
    assert "nan" not in text(report)
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits}
    for name in ("budget_plan", "budget_uplift", "budget_segments", "budget_curve", "budget_past"):
        assert np.isfinite(tables[name].select_dtypes("number")).all(axis=None)


def expected_case(report):
    tables = {exhibit.name: exhibit.table for exhibit in report.exhibits}
    return tables["budget_uplift"].set_index("case").loc["expected"]


@pytest.mark.parametrize(("came", "more"), [(3.0, True), (0.4, False)])
def test_a_model_that_erred_before_is_not_taken_at_its_word(came, more):
    case = expected_case(section(shop(), came))
    assert (case["low"] > case["expected_profit"]) if more else (case["high"] < case["expected_profit"])


def test_every_period_before_is_in_the_interval():
    one, both = section(shop(), 3.0), section(shop(), 3.0, 0.4)
    assert expected_case(both)["low"] < expected_case(both)["expected_profit"] < expected_case(one)["low"]
    assert "Judged by how the model erred in the one period before, it is £" in one.summary[1]
    assert one.summary[1].endswith("; what another season does is not in it.")
    assert "Judged by how the model erred in the 2 periods before, it is £" in both.summary[1]
    assert both.summary[1].endswith("; what another season does is not in it.")
    year = section(shop(), 3.0, 1.0, 1.0, 0.4)
    assert "in the 4 periods before, it is £" in year.summary[1]
    assert year.summary[1].endswith(").")
    assert "Judged by the errors of the 2 periods before, the same contacts" in text(both)
    assert one.summary[-1] == both.summary[-1]  # regret is of the latest


def test_a_period_that_brought_little_makes_the_profit_unsure():
    assert ", and the campaign loses money; what" in section(shop(), 0.05).summary[1]
    assert "), so that a profit is not assured; what" in section(shop(), 1.0, 0.05).summary[1]
    assert "no contact would have paid, not even with perfect foresight" in text(section(shop(), 0.0))


def test_a_manager_reads_few_sentences_and_narrow_tables():
    report = section(shop(budget=1e6), 1.0, 1.0)
    assert len(report.summary) == 4
    for exhibit in report.exhibits:
        if exhibit.shown:
            assert len(exhibit.table.columns) <= 8
            assert not {exhibit.headings.get(name, name) for name in exhibit.table} & {
                "customer_id",
                "p_alive",
                "p_purchase",
            }
    assert report.summary[2].startswith("Of what is spent, put ")
    ahead = next(exhibit for exhibit in report.exhibits if exhibit.name == "budget_ahead")
    assert ahead.sentences[0].startswith("xgboost would have brought £")


def test_hostile_names_are_drawn_and_listed_as_they_are(tmp_path):
    for exhibit in section(shop(max_by_country={HOSTILE: 7})).exhibits:
        if exhibit.name == "budget_countries":
            assert list(exhibit.table["country"]) == [HOSTILE]
        if exhibit.figure is not None:
            exhibit.figure.savefig(tmp_path / f"{exhibit.name}.svg")


@pytest.mark.parametrize(("whole_budget", "opening"), [(True, "Put"), (False, "Of what is spent, put")])
def test_the_largest_groups_are_named_and_the_others_counted(whole_budget, opening):
    def group(name, contacts, share, profit=0.0):
        return SimpleNamespace(name=name, contacts=contacts, share_of_cost=share, expected_profit=profit)

    spent = [group("A", 2, 0.5, 7.5), group("B", 1, 0.25, 2.0), group("C", 1, 0.125, 1.0), group("D", 1, 0.125)]
    write = partial(sentences, "report/budget.jinja", "allocation", whole_budget=whole_budget, currency="£")
    parts = "50% into A (2 contacts, expected profit £7.50) and 25% into B (1 contact, expected profit £2.00)."
    assert write(spent[:2], [group("<b>C", 0, 0.0)]) == [f"{opening} {parts}", "Nothing goes into <b>C."]
    assert write(spent, [])[0].endswith("expected profit £1.00) and 12% into 1 other.")
    assert write([*spent, *spent[3:]], [])[0].endswith("and 25% into 2 others.")
    assert write([], spent) == []
