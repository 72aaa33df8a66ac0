"""Amounts in hundredths of the currency, as the name of their column says."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.formats import ParseOptions, add_amount_column
from clv_experiments.data.parsing.role_names import is_name_in_cents
from clv_experiments.data.raw import RawTable


def read(column, scale=None):
    days = pd.date_range("2021-01-01", periods=40, freq="3D")
    rows = pd.DataFrame({"customer": [f"c{k % 7}" for k in range(40)], "day": days, column: range(1050, 5050, 100)})
    table = pa.Table.from_pandas(rows, preserve_index=False)
    source = lambda engine: RawTable(engine.register_arrow("rows", table))  # noqa: E731
    return load_log("shop", source, parse_options=ParseOptions(scale=scale))


@pytest.mark.parametrize("column", ["amount_cents", "Total (cents)", "PriceInCents", "total_minor", "montant_centimes"])
def test_a_name_that_says_cents_is_believed_and_said(column):
    log = read(column)
    assert log.purchase_days.amount.sum().to_pyarrow().as_py() == Decimal("1200.00")
    assert any("is in cents by its name, so amounts were multiplied by 0.01" in note for note in log.notes)
    assert read(column, Decimal(1)).purchase_days.amount.sum().to_pyarrow().as_py() == 120_000


@pytest.mark.parametrize("column", ["amount", "percent", "recent_total", "store", "total_score"])
def test_other_names_say_nothing_of_cents(column):
    assert not is_name_in_cents(column)


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [("Rs. 1,234.50", ".", "1234.50"), ("Fr. 26.20", ".", "26.20"), ("kr. 100,50", ",", "100.50"), ("26,-", ",", "26"),
     ("1'234.–", ".", "1234"), ("1.234,50 руб.", ",", "1234.50"), ("1,234.50 CR", ".", "-1234.50"),
     ("26.20 Dr", ".", "26.20"), ("CR", ".", None), ("26 CRC", ".", None),
     ("12.3k", ".", "12300"), ("950 K", ".", "950000"), ("-1k", ".", "-1000"), ("k", ".", None),
     ("12 kr.", ".", "12"), ("-kr. 12.50", ".", "-12.50"), ("12kr.50", ".", None), ("Rs.5Rs.5", ".", None)],
)  # fmt: skip
def test_amounts_are_read_as_prices_and_accounts_write_them(text, decimal, amount):
    table = add_amount_column(DuckDb().register_arrow("rows", pa.table({"x": [text]})), "x", decimal, "amount")
    assert table.to_pyarrow()["amount"].to_pylist() == [amount and Decimal(amount)]


def test_thousands_are_said():
    days = pd.date_range("2021-01-01", periods=40, freq="3D")
    cells = [f"{k}.5k" if k % 4 == 0 else f"{k * 20}.00" for k in range(1, 41)]
    rows = pd.DataFrame({"customer": [f"c{k % 7}" for k in range(40)], "day": days, "amount": cells})
    source = lambda engine: RawTable(engine.register_arrow("rows", pa.Table.from_pandas(rows, preserve_index=False)))  # noqa: E731
    log = load_log("shop", source)
    expected = sum(k * 1000 + 500 if k % 4 == 0 else k * 20 for k in range(1, 41))
    assert log.purchase_days.amount.sum().to_pyarrow().as_py() == expected
    assert "'4.5k' and the like are thousands" in log.notes


def test_a_currency_with_a_dash_is_nothing_and_a_dash_alone_is_not_read():
    engine = DuckDb()
    cells = engine.register_arrow("rows", pa.table({"k": range(4), "x": ["$ -", "€-", "-", "12.50-"]}))
    amounts = add_amount_column(cells, "x", ".", "amount").order_by("k").to_pyarrow()["amount"].to_pylist()
    assert amounts == [0, 0, None, Decimal("-12.5")]
