"""Profiles of groups by hand, whatever customers and products are called."""

import pandas as pd
import pytest

from clv_experiments.decisions.segments.profiles import profile_groups

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
    profiles = profile_groups(groups(), by_hand(), products, ["y", "empty", "x"]).set_index("group")
    assert profiles.index.tolist() == ["y", "x"]
    assert profiles["customers"].tolist() == [2, 2]
    assert profiles.loc["x", ["past_revenue", "share_of_past", "expected_revenue"]].tolist() == [40.0, 0.4, 3.0]
    assert profiles["share_of_expected"].tolist() == [5 / 8, 3 / 8]
    assert profiles["p_alive"].tolist() == pytest.approx([0.5, 0.3])
    assert profiles.loc["y", ["country", "country_share"]].tolist() == ["unknown", 1.0]
    assert profiles.loc["x", ["country", "country_share"]].tolist() == [HOSTILE, 0.5]  # first by name among equals
    assert profiles.loc["x", "top_products"] == f"{HOSTILE[:39]}…, a, mug"
    assert profiles.loc["y", "top_products"] == ""


def test_what_the_log_does_not_know_has_no_column():
    profiles = profile_groups(groups(), by_hand().drop(columns="country"), None, ["x", "y"])
    assert not {"country", "country_share", "top_products"} & set(profiles)
