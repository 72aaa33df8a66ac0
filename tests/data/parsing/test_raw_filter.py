"""Conditions on raw rows: what each keeps, what is refused, and what the receipt says."""

from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from clv_experiments.commands.cli.overrides import quote_condition
from clv_experiments.data.cleaning import missing_customer
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.raw_filter import split_rows_by_condition
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.frame import frame
from clv_experiments.errors import ClvError

ROWS = pa.table(
    {
        "n": [1, 2, 3, 4],
        "customer": ["a", "b", "c", None],
        "order date": ["2020-01-05 10:00", "2020-01-06", "2020-02-01", ""],
        "qty": ["1", "2", "10", "x"],
        "share": [1.5, float("nan"), 3.0, None],
        "price": pa.array([Decimal("0.10"), Decimal("0.25"), None, Decimal("9.99")]),
        "ok": [True, False, None, True],
        "flag": ["True", "false", "", "true"],
        "ts": [datetime(2020, 1, 5, 10), datetime(2020, 1, 6), datetime(2020, 2, 1), None],
        "it's": ["O'x", "b", "c", "d"],
    }
)


@pytest.fixture(scope="module")
def raw():
    return DuckDb().register_arrow("rows", ROWS)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("customer == 'a'", [1]),
        ("customer != 'a'", [2, 3, 4]),  # an empty cell is equal to nothing
        ("customer not in ['a', 'b'] AND n < 4", [3]),
        ("NOT (n IN (1, 2))", [3, 4]),
        ("qty >= 2", [2, 3]),  # text beside a number
        ("qty >= '2'", [2, 4]),  # and beside text
        ("qty = 10 or customer <> 'b'", [1, 3, 4]),
        ("`order date` <= '2020-01-06'", [1, 2]),
        ("`order date` == '2020-01-05'", [1]),
        ("`order date` is null", [4]),
        ("ts <= '2020-01-05' or ts IS NOT NULL and n == 3", [1, 3]),
        ("share > 2", [3]),
        ("share != 3", [1, 2, 4]),
        ("price == 0.1 or price > 5", [1, 4]),
        ("1 < n <= 3 and n > -1", [2, 3]),
        ("3 > n", [1, 2]),
        ("ok", [1, 4]),
        ("not ok", [2, 3]),
        ("flag == true", [1, 4]),
        ("n == '2'", [2]),
        ("`it's` == 'O''x'", [1]),
        ("`it's` in [\"O'x\", 'x'')); drop table rows; --']", [1]),
        ("n == qty or n == 3", None),  # a number and text
        ("qty == customer or n == 3", [3]),
    ],
)
def test_rows_that_meet_a_condition_are_kept(raw, where, kept):
    if kept is None:
        with pytest.raises(ClvError, match="n == qty: columns of two kinds cannot be compared"):
            split_rows_by_condition(raw, where, ParseOptions(), "toy")
        return
    filtered = split_rows_by_condition(raw, where, ParseOptions(), "toy")
    numbers = [sorted(table.n.to_pyarrow().to_pylist()) for table in (filtered.kept, filtered.removed)]
    assert numbers == [kept, [number for number in (1, 2, 3, 4) if number not in kept]]
    assert filtered.kept.schema() == raw.schema()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("custmer == 'a'", r"names a column custmer, which the log has not; did you mean customer\?"),
        ("zzz == 'a'", "which the log has not; there are n, customer, `order date`, qty"),
        ("len(customer) == 1", r"data\.where has len\(customer\) == 1: one side of a comparison must be a column"),
        ("customer == open('x')", r"open\('x'\) is no value; compare columns"),
        ("customer.x == 1", "one side of a comparison must be a column"),
        ("__import__('os').system('x')", "that is no comparison"),
        ("lambda: 1", "cannot be read at : 1"),
        ("customer like 'a%'", "cannot be read at like 'a%'"),
        ("n > 1; drop table rows", "cannot be read at ; drop table rows"),
        ("", "cannot be read; compare columns"),
        ("qty", "data.where has qty: that is no comparison"),
        ("customer == 3", "no cell of the column is a number; put text in quotes"),
        ("n == 'x'", "the column holds int64 values"),
        ("n == null", "write is null or is not null"),
        ("n in 3", "after in comes a list"),
        ("ts > '2020'", "beside a date, write a day like '2024-12-31'"),
        ("`it's` > '2020-01-01'", r"4 cell\(s\) of the column cannot be read as dates"),
        ("customer == 'zz'", "keeps no row of log 'toy'; column 'customer' holds 'a'"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_part(raw, where, message):
    with pytest.raises(ClvError, match=message):
        split_rows_by_condition(raw, where, ParseOptions(), "toy")


def load(where=None, days=("2020-01-01", "2020-01-02", "2020-01-04", "total")):
    rows = pa.table({"customer": ["a", "b", "a", "c"], "date": days, "amount": ["1.5", "2", "4", "7.5"]})
    source = lambda engine: RawTable(engine.register_arrow("rows", rows))  # noqa: E731
    return load_log("toy", source, [missing_customer()], where=where)


def test_rows_that_are_not_read_stand_in_the_receipt_and_may_hold_anything():
    log = load("date != 'total'")
    assert log.report.table.to_dict("records") == [
        {"rule": "raw log", "rows": 4, "customers": 3, "amount": Decimal(16 - 1)},
        {"rule": "where date != 'total'", "rows": 1, "customers": 1, "amount": Decimal("7.5")},
        {"rule": "missing customer", "rows": 0, "customers": 0, "amount": 0},
        {"rule": "clean log", "rows": 3, "customers": 2, "amount": Decimal("7.5")},
    ]
    assert log.end == date(2020, 1, 4)


def test_a_condition_on_a_log_without_money_counts_rows_and_customers():
    visits = pd.DataFrame(
        {"customer": list("abac"), "date": pd.date_range("2020-01-01", periods=4), "kind": list("xxxy")}
    )
    log = load_log("toy", lambda engine: frame(visits), [missing_customer()], where="kind == 'x'")
    assert log.report.table.to_dict("records")[1] == {"rule": "where kind == 'x'", "rows": 1, "customers": 1}


def test_a_condition_is_part_of_the_fingerprint_where_it_leaves_rows_out():
    days = ("2020-01-01", "2020-01-02", "2020-01-04", "2020-01-04")
    prints = [load(where, days).fingerprint for where in (None, "amount > 0", "amount < 7", "customer != 'c'")]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


@pytest.mark.parametrize(
    "where",
    ["status == 'complete'", "`Unit Price` > 0 and s in ['a', \"b\"]", "a = 1", "s == 'x\\'", "a == 'O''x' or b > 1.5"],
)
def test_a_condition_needs_the_quotes_of_the_shell_only(where):
    (typed,) = OverridesParser.create().parse_overrides([f"data.where={quote_condition(where)}"])
    assert typed.value() == where


@pytest.mark.parametrize("where", ["null", "'a == 1'", "${oc.env:WHERE}", ""])
def test_a_condition_that_hydra_reads_is_left_as_it_is(where):
    assert quote_condition(where) == where
