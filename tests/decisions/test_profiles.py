"""Profiles of groups by hand, whatever customers and products are called, and the section on segments as a whole."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.display.group_exhibits import rfm_exhibit
from clv_experiments.decisions.display.segments import segments_section
from clv_experiments.decisions.segments.profiles import profile
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot

YEAR = Horizon(12, "months")
SHOP = Shop("EUR", 0.3, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(1000.0, 1.0, (0.0, 0.05, 0.1)))
BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))
HOSTILE = "<script>alert('$x$')</script>" + "长" * 60


def by_hand():
    columns = {
        "total_spend": [10.0, 30.0, 60.0, 0.0],
        "expected_spend": [1.0, 2.0, 5.0, 0.0],
        "p_alive": [0.2, 0.4, 0.9, 0.1],
        "country": ["UK", HOSTILE, None, None],
    }
    return pd.DataFrame(columns, index=pd.Index(["=a()", "b", "c", "d"], name="customer_id"))


def groups():
    return pd.Series(["x", "x", "y", "y"], index=by_hand().index)


def test_four_customers_by_hand():
    products = pd.DataFrame(
        [("=a()", "mug", 2.0), ("b", "mug", 1.0), ("b", HOSTILE, 9.0), ("b", "a", 3.0), ("b", "z", 1), ("?", "n", 99)],
        columns=["customer_id", "product", "amount"],
    )  # fmt: skip
    found = profile(groups(), by_hand(), products, ["y", "empty", "x"]).set_index("group")
    assert found.index.tolist() == ["y", "x"]
    assert found["customers"].tolist() == [2, 2]
    assert found.loc["x", ["past_revenue", "share_of_past", "expected_revenue"]].tolist() == [40.0, 0.4, 3.0]
    assert found["share_of_expected"].tolist() == [5 / 8, 3 / 8]
    assert found["p_alive"].tolist() == pytest.approx([0.5, 0.3])
    assert found.loc["y", ["country", "country_share"]].tolist() == ["unknown", 1.0]
    assert found.loc["x", ["country", "country_share"]].tolist() == [HOSTILE, 0.5]  # first by name among equals
    assert found.loc["x", "top_products"] == f"{HOSTILE[:39]}…, a, mug"
    assert found.loc["y", "top_products"] == ""


def test_what_the_log_does_not_tell_has_no_column():
    found = profile(groups(), by_hand().drop(columns="country"), None, ["x", "y"])
    assert not {"country", "country_share", "top_products"} & set(found)


def population(n=60, seed=0, country=None):
    rng = np.random.default_rng(seed)
    frequency = rng.poisson(rng.gamma(0.7, 4.0, n)).astype(float)
    T = rng.integers(30, 400, n).astype(float)
    value = rng.lognormal(3, 1, n)
    table = pd.DataFrame({"frequency": frequency, "recency": T * (frequency > 0) * rng.random(n), "T": T})
    table = table.round().assign(
        total_spend=value * (frequency + 1), p_alive=0.5, expected_spend=value * frequency / T * 90
    )
    table = table.assign(p_purchase=0.5, purchase_days=rng.integers(0, 2, n), y_true=value * rng.integers(0, 2, n))
    table.index = pd.Index([f"{HOSTILE}{k:04d}" for k in range(n)], name="customer_id")
    return table.assign(country=country) if country else table


def test_the_section_stands_on_any_log():
    later = population(80, country=HOSTILE).drop(columns=["y_true", "purchase_days"])
    now = Snapshot(COMING, later, None, None, "ml", "bg_nbd")
    previous = Snapshot(BEFORE, population(60, seed=1, country=HOSTILE), None, None, "ml", "bg_nbd")
    section = segments_section(now, previous, SHOP, None, 0, 50)
    tables = {exhibit.name: exhibit.table for exhibit in section.exhibits}
    for name in ("value_tiers", "rfm_segments", "clusters"):
        assert tables[name]["customers"].sum() == 80
        assert tables[name]["share_of_expected"].sum() == pytest.approx(1.0)
        assert tables[name]["country"].unique().tolist() == [HOSTILE]
    assert tables["tier_movement"]["customers"].sum() == 80
    assert section.summary[2].startswith("Of the 6 customers who were High on 31 March 2023,")
    assert sum(exhibit.figure is not None for exhibit in section.exhibits) == 2
    for exhibit in section.exhibits:
        if exhibit.figure is not None:
            exhibit.figure.canvas.draw()
    again = segments_section(now, previous, SHOP, None, 0, 50)
    assert [e.sentences for e in again.exhibits] == [e.sentences for e in section.exhibits]


def test_one_customer_and_no_spend_are_no_obstacle():
    alone = population(1).assign(expected_spend=0.0, y_true=0.0)
    now = Snapshot(COMING, alone.drop(columns=["y_true", "purchase_days"]), None, None, "zeros", "bg_nbd")
    section = segments_section(now, Snapshot(BEFORE, alone, None, None, "zeros", "bg_nbd"), SHOP, None, 0, 20)
    assert "are in Low" in section.summary[0]
    assert all(exhibit.figure is None for exhibit in section.exhibits)


def test_the_best_segment_in_the_sentence_is_the_one_in_the_table_and_changes_with_it():
    def best(table):
        now = Snapshot(COMING, table, None, None, "ml", "bg_nbd")
        exhibit = rfm_exhibit(now, now, SHOP, None, 0, 20)
        row = exhibit.table.sort_values("expected_revenue").iloc[-1]
        assert exhibit.sentences[0].startswith(f"{row['group']}, {row['customers']} customer")
        return row["group"]

    table = population()
    assert best(table) == "Champions"
    assert best(table.assign(expected_spend=(table["T"] - table["recency"]) ** 3)) != "Champions"
