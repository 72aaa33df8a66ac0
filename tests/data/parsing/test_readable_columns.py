"""Columns that need no check of each line, and lines that are read where they are."""

import math
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.formats import AMOUNT_LIMIT, ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.data.parsing.readable_columns import find_fully_readable_roles
from clv_experiments.errors import ClvError

DAYS = [date(2020, 1, 1), date(2020, 1, 2)]


def readable(role, cells, kind=None):
    columns = {"date": pa.array(DAYS), role: pa.array(cells, kind)}
    return find_fully_readable_roles(
        DuckDb().register_arrow("rows", pa.table(columns)), {name: name for name in columns}
    )


@pytest.mark.parametrize(
    ("role", "cells", "is_readable", "is_as_it_is"),
    [
        ("customer_id", [1, None], True, False),
        ("customer_id", [1.0, 2.0], True, False),
        ("customer_id", [1.0, 2.0**53], False, False),
        ("customer_id", [1.0, math.nan], False, False),
        ("customer_id", ["C1", "00123"], True, True),
        ("customer_id", ["C1", None], True, True),
        ("customer_id", ["C1", "Ann Lee"], True, True),
        ("customer_id", ["C1", " C1"], True, False),
        ("customer_id", ["1", "1.0"], True, False),
        ("customer_id", ["C1", "n/a"], True, False),
        ("customer_id", ["C1", "1.2E+12"], False, False),
        ("amount", [1.5, -2.5], True, False),
        ("amount", [1.5, -AMOUNT_LIMIT], False, False),
        ("amount", [1.5, math.nan], False, False),
        ("amount", [1.5, -math.inf], False, False),
        ("amount", [Decimal("1.5"), None], True, False),
        ("amount", ["1.5", "2"], False, False),
    ],
)
def test_columns_that_need_no_check(role, cells, is_readable, is_as_it_is):
    found = readable(role, cells)
    assert (role in found.roles, role in found.unchanged_ids) == (is_readable, is_as_it_is)
    assert "date" in found.roles


def test_dates_that_are_no_text_need_no_check_but_instants_do():
    rows = {
        "naive": [datetime(2020, 1, 1)] * 2,
        "zoned": pa.array([datetime(2020, 1, 1)] * 2, pa.timestamp("us", "UTC")),
    }
    table = DuckDb().register_arrow("rows", pa.table(rows))
    assert [column for column in rows if "date" in find_fully_readable_roles(table, {"date": column}).roles] == [
        "naive"
    ]


def test_the_largest_product_bounds_all():
    engine = DuckDb()
    table = engine.register_arrow("rows", pa.table({"date": DAYS, "q": [2, -3], "p": [0.5, 4.0], "t": ["1", "2"]}))
    assert find_fully_readable_roles(table, {"date": "date", "quantity": "q", "unit_price": "p"}).product_limit == 12
    assert (
        find_fully_readable_roles(table, {"date": "date", "quantity": "q", "unit_price": "t"}).product_limit == math.inf
    )


@pytest.mark.parametrize("price", [2e13, "2e13"])
def test_a_product_that_is_too_large_is_refused_however_it_is_stored(price):
    rows = pa.table({"customer_id": ["a", "b"], "date": DAYS, "quantity": [9, 1], "unit_price": [price, price]})
    table = DuckDb().register_arrow("rows", rows)
    with pytest.raises(
        ClvError, match=r"has 1 row\(s\) whose quantity times unit_price is 100,000,000,000,000 or more"
    ):
        read_lines(table, choose_column_roles(table.columns, {}, "shop"), ParseOptions(), "shop", False)


def test_lines_of_a_live_source_are_copied():
    engine = DuckDb()
    rows = pa.table({"customer_id": ["a", "b"], "date": DAYS, "amount": [1.5, 2.5]})
    table = engine.connection.create_table("shop", rows)
    roles = choose_column_roles(table.columns, {}, "shop")
    seen, copied = (read_lines(table, roles, ParseOptions(), "shop", False, is_live)[0] for is_live in (False, True))
    engine.connection.raw_sql("DELETE FROM shop WHERE customer_id = 'a'")
    assert [lines.count().to_pyarrow().as_py() for lines in (seen, copied)] == [1, 2]
