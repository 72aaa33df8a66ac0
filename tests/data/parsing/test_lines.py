"""From a raw table to typed lines, and the refusal of what cannot be read."""

from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning.report import RAW_PREFIX
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
GOOD = {"customer_id": ["a", "b"], "date": ["2020-01-01", "2020-01-02"], "amount": ["1.50", "2"]}


def lines_of(columns, parse_options=None, keep_raw_columns=False, named=None):
    raw = ENGINE.register_arrow("rows", columns if isinstance(columns, pa.Table) else pa.table(columns))
    chosen = choose_column_roles(raw.columns, named or {}, "shop")
    return read_lines(raw, chosen, parse_options or ParseOptions(), "shop", keep_raw_columns)


def rows_of(columns, **settings):
    return lines_of(columns, **settings)[0].to_pyarrow().to_pylist()


def error_message(columns, **settings):
    with pytest.raises(ClvError) as refused:
        lines_of(columns, **settings)
    return str(refused.value)


def test_each_role_has_one_type_and_empty_cells_are_null():
    result = rows_of(
        {
            "Customer ID": [17850.0, None, float("nan")],
            "Invoice": ["C1", " ", "3"],
            "InvoiceDate": [datetime(2020, 1, 1, 23, 59), None, datetime(2020, 1, 3)],
            "Quantity": pa.array([-2, 3, None], pa.int32()),
            "Price": ["$1,234.50", "0.3333", "1"],
            "Country": ["France", "NULL", "=1+1"],
        }
    )
    assert result == [
        {"customer_id": "17850", "date": date(2020, 1, 1), "order_id": "C1", "country": "France",
         "quantity": -2, "unit_price": Decimal("1234.5"), "amount": -2469},
        {"customer_id": None, "date": None, "order_id": None, "country": None,
         "quantity": 3, "unit_price": Decimal("0.3333"), "amount": Decimal("0.9999")},
        {"customer_id": None, "date": date(2020, 1, 3), "order_id": "3", "country": "=1+1",
         "quantity": None, "unit_price": 1, "amount": None},
    ]  # fmt: skip


def test_text_is_read_like_the_typed_columns_that_it_shows():
    typed = pd.DataFrame(
        {"customer_id": [1, 2, 3], "date": pd.to_datetime(["2020-01-31"] * 3), "amount": [0.1, -2.5, 1e6]}
    )
    for order, layout in (("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y")):
        text = pd.DataFrame(
            {
                "customer_id": ["1.0", "2", " 3"],
                "date": typed["date"].dt.strftime(layout),
                "amount": ["$0.10", "(2.50)", "1,000,000"],
            }
        )
        for reading in (ParseOptions(), ParseOptions(order, ".")):
            result = rows_of(pa.Table.from_pandas(text), parse_options=reading)
            assert result == rows_of(pa.Table.from_pandas(typed, preserve_index=False))


def test_whole_rows_are_kept_where_they_are_asked_for():
    kept = rows_of(GOOD | {"shelf": ["x", None]}, keep_raw_columns=True)
    assert kept[0] == {
        "customer_id": "a", "date": date(2020, 1, 1), "amount": Decimal("1.5"), RAW_PREFIX + "customer_id": "a",
        RAW_PREFIX + "date": "2020-01-01", RAW_PREFIX + "amount": "1.50", RAW_PREFIX + "shelf": "x",
    }  # fmt: skip
    assert list(rows_of(GOOD | {"shelf": ["x", None]})[0]) == ["customer_id", "date", "amount"]


def test_roles_may_stand_in_columns_of_each_others_names():
    swapped = {"amount": ["a", "b"], "customer_id": ["1", "2"], "date": ["2020-01-01", "2020-01-02"]}
    result = rows_of(swapped, named={"customer_id": "amount", "amount": "customer_id"})
    assert result[0] == {"customer_id": "a", "amount": 1, "date": date(2020, 1, 1)}


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("date", ["45-45-45", "20-13-01"],
         "column 'date' of log 'shop' has 2 row(s) that cannot be read as a date like 1997-12-31 or 31/12/1997"),
        ("customer_id", ["1.23457E+12", "1.23457E+12"],
         "2 row(s) that cannot be read as a whole number of at most 15 digits (all that a float keeps: store "
         "longer ones as text), such as '1.23457E+12'"),
        ("date", ["soon", "2020-02-30"],
         "column 'date' of log 'shop' has 2 row(s) that cannot be read as a date like 1997-12-31 or 31/12/1997, such "
         "as 'soon', '2020-02-30'; correct them or leave them empty"),
        ("amount", ["12.50", "abc"],
         "column 'amount' of log 'shop' has 1 row(s) that cannot be read as a number below 100,000,000,000,000, such "
         "as 'abc'; correct them or leave them empty, or type data.where=\"amount not in ['abc']\" to leave their rows "
         "out"),
        ("amount", [1.0, float("inf")], "such as 'inf'; correct them"),
        ("amount", ["1", "x" * 10_000], f"such as '{'x' * 60}…'; correct"),
        ("customer_id", [1e20, 1.0],
         "1 row(s) that cannot be read as a whole number of at most 15 digits (all that a float keeps: store "
         "longer ones as text), such as '1e+20'; correct them"),
        ("amount", [[1], [2]], "column 'amount' of log 'shop' holds array<int64> values; text, a number or a date is"),
        ("customer_id", [b"a", b"b"], "column 'customer_id' of log 'shop' holds binary values"),
        ("amount", ["-1", "-2.5"], "all amounts of log 'shop' are negative, from -2.5000 to -1.0000; purchases must"),
        ("amount", [None, None], ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_shown(column, values, message):
    if message:
        assert message in error_message(GOOD | {column: values})
    else:
        assert rows_of(GOOD | {column: pa.array(values, pa.string())})[0]["amount"] is None


def test_the_order_that_was_settled_is_the_one_that_is_expected():
    dates = ["12/31/2020", "31/12/2020"]
    assert "a date like 1997-12-31 or 12/31/1997, such as '31/12/2020'" in error_message(
        GOOD | {"date": dates}, parse_options=ParseOptions(date_order="mdy")
    )


def test_a_product_that_is_too_large_is_refused():
    columns = {"customer": ["a", "b"], "date": ["2020-01-01"] * 2, "quantity": [10**9, 1], "price": [1e9, 1.0]}
    assert error_message(columns) == (
        "log 'shop' has 1 row(s) whose quantity times unit_price is 100,000,000,000,000 or more"
    )


def test_a_date_column_may_be_named_like_an_order():
    for column in ("dmy", "mdy", "ymd"):
        log = {"customer_id": ["a", "b"], column: ["31/12/20", "01/12/20"], "amount": ["1", "2"]}
        assert [row["date"].month for row in rows_of(log, named={"date": column})] == [12, 12]


def test_years_of_two_digits_first_are_read_where_that_is_said():
    dates = {"date": ["20-12-01", "soon"]}
    assert "a date like 1997-12-31 or 97-12-31, such as 'soon'" in error_message(
        GOOD | dates, parse_options=ParseOptions(date_order="ymd")
    )


ORDER = {"customer_id": ["a", "a", "b"], "date": ["2020-01-01"] * 3, "order_id": ["1", "1", "2"]}


@pytest.mark.parametrize("column", ["Order Total", "OrderValue", "order-amount", "grand_total"])
def test_the_total_of_an_order_on_each_of_its_rows_counts_once(column):
    for named in ({}, {"amount": column}):
        lines, _, notes = lines_of(ORDER | {column: ["30.01", "30.01", "5"]}, named=named)
        assert sorted(lines.to_pyarrow()["amount"].to_pylist()) == [5, Decimal("15.005"), Decimal("15.005")]
        assert notes == [
            f"{column} is the total of a whole order and stands on each of its lines (1 of 1 with several lines): it "
            "is counted once (data.amount_per=line says otherwise)"
        ]


def test_two_equal_payments_of_an_order_are_asked_about():
    repeated = ORDER | {"payment_value": ["30.00", "30", "5"]}
    assert error_message(repeated) == (
        "column 'payment_value' of log 'shop' has one value on all lines of 1 of 1 orders with several lines, such as "
        "order '1': type data.amount_per=order if it is the total, which counts once, or data.amount_per=line if each "
        "row has its own amount"
    )
    for per, amounts in (("order", [5, 15, 15]), ("line", [5, 30, 30])):
        rows = rows_of(repeated, parse_options=ParseOptions(amount_per=per))
        assert sorted(row["amount"] for row in rows) == amounts


def test_what_is_no_repeated_total_is_read():
    repeated = ORDER | {"Order Total": ["30.00", "30", "5"]}
    for log, settings in (
        (repeated, {"parse_options": ParseOptions(amount_per="line")}),
        (repeated, {"named": {"order_id": False}}),
        (ORDER | {"Order Total": ["30", "29", "5"]}, {}),
        (ORDER | {"Order Total": ["30", "", "5"]}, {}),
        (repeated | {"order_id": ["", "", "2"]}, {}),
        (ORDER | {"Sales": ["30", "30", "5"]}, {}),
    ):
        rows = rows_of(log, **settings)
        column = next(name for name in log if name in ("Sales", "Order Total"))
        assert sorted(float(row["amount"] or 0) for row in rows) == sorted(float(cell or 0) for cell in log[column])


def test_an_instant_is_refused():
    instants = pa.array([datetime(2020, 1, 1), datetime(2020, 1, 2)], pa.timestamp("us", "UTC"))
    message = error_message(GOOD | {"date": instants})
    assert message.startswith(
        "column 'date' of log 'shop' carries a time zone; give the shop's local date or time without"
    )
    assert "AT TIME ZONE" in message


def test_no_row_is_refused():
    assert error_message({name: pa.array([], pa.string()) for name in GOOD}) == "log 'shop' has a header but no row"


def test_the_condition_that_leaves_odd_cells_out_works_as_it_is_written():
    columns = GOOD | {"Paid, net": ["12.50", "-"]}
    del columns["amount"]
    named = {"amount": "Paid, net"}
    assert "data.where" not in error_message(columns, named=named)  # a date of several columns is called so
    columns = GOOD | {"net paid": ["12.50", "-"]}
    del columns["amount"]
    message = error_message(columns, named={"amount": "net paid"})
    assert message.endswith("""or type data.where="\\`net paid\\` not in ['-']" to leave their rows out""")
