"""What lines tell besides money, at a cutoff: countries and products, and nothing from after it."""

from datetime import date

import pandas as pd
import pytest

from clv_experiments.data.queries.attributes import spend_by_customer_and_product, top_spend_country_by_customer

DAY, LATER = date(2020, 1, 10), date(2020, 3, 1)
ROWS = pd.DataFrame(
    [
        ("a", date(2020, 1, 1), 5.0, "DE", "cup"),
        ("a", date(2020, 1, 2), 4.0, "FR", "cup"),
        ("a", date(2020, 1, 3), 3.0, "FR", "pot"),
        ("a", LATER, 99.0, "DE", "pot"),
        ("b", date(2020, 1, 1), 1.0, None, None),
        ("b", date(2020, 1, 5), 9.0, None, "<b>"),
        ("b", date(2020, 1, 6), 1.0, "=x()", "<b>"),
        ("c", LATER, 1.0, "IT", "cup"),
        ("d", date(2020, 1, 1), 2.0, None, "cup"),
        ("d", DAY, 2.0, None, "cup"),
    ],
    columns=["customer_id", "date", "amount", "country", "product"],
)


@pytest.fixture(scope="module")
def log(log_of):
    return log_of(ROWS)


def test_the_country_is_where_most_was_spent_by_the_cutoff(log):
    result = top_spend_country_by_customer(log, DAY)
    assert result.index.tolist() == ["a", "b", "d"]
    assert result.tolist()[:2] == ["FR", "=x()"]
    assert pd.isna(result["d"])
    assert top_spend_country_by_customer(log, LATER)["a"] == "DE"


def test_products_are_those_bought_by_the_cutoff(log):
    result = spend_by_customer_and_product(log, DAY).set_index(["customer_id", "product"])["amount"].to_dict()
    assert result == {("a", "cup"): 9.0, ("a", "pot"): 3.0, ("b", "<b>"): 10.0, ("d", "cup"): 4.0}


def test_products_go_by_their_names_where_there_are_any(log_of):
    named = ROWS.assign(product_name=["Cup"] * 2 + [None] * 8)
    result = spend_by_customer_and_product(log_of(named), DAY).set_index(["customer_id", "product"])["amount"].to_dict()
    assert result == {("a", "Cup"): 9.0, ("a", "pot"): 3.0, ("b", "<b>"): 10.0, ("d", "cup"): 4.0}


def test_a_log_without_them_says_so(log_of):
    bare = log_of(ROWS[["customer_id", "date", "amount"]])
    assert bare.lines is None
    assert top_spend_country_by_customer(bare, DAY) is None
    assert spend_by_customer_and_product(bare, DAY) is None
