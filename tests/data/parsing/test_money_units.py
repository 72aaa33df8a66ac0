"""Amounts and unit prices in different units of money, as quantity times price or another column tells."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import returns
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.data.parsing.money import has_cents_in_name
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
RNG = np.random.default_rng(4)
ROWS = 300
QUANTITY, PRICE = RNG.integers(1, 5, ROWS), np.round(RNG.lognormal(2, 0.7, ROWS), 2)
PAID = np.round(QUANTITY * PRICE, 2)
TRUE_TOTAL = pytest.approx(PAID.sum())
WHO = {"customer_id": np.arange(ROWS) % 50, "date": np.datetime64("2022-01-01") + np.arange(ROWS)}


def cents(money):
    return np.round(money * 100).astype(int)


def read(columns, named=None, scale=None):
    raw = ENGINE.register_arrow("rows", pa.table(WHO | columns))
    chosen = choose_column_roles(raw.columns, named or {}, "shop")
    options = ParseOptions(scale=None if scale is None else Decimal(scale))
    lines, _, notes = read_lines(raw, chosen, options, "shop", False)
    return float(lines.aggregate(total=lines.amount.sum()).to_pyarrow()["total"][0].as_py()), notes


IN_CENTS = {"quantity": QUANTITY, "unit_price": PRICE, "amount": cents(PAID)}


def test_an_amount_in_cents_beside_a_price_in_money_is_said_with_every_way_out():
    amount, (note,) = read(IN_CENTS)
    assert amount == TRUE_TOTAL
    assert note.startswith("amount is about 100 times quantity x unit_price on 300 of 300 lines, and whole: it is in")
    assert read(IN_CENTS, scale="1") == (pytest.approx(100 * PAID.sum()), [])
    assert read(IN_CENTS, scale="0.01")[0] == TRUE_TOTAL
    assert read(IN_CENTS, {"amount": False})[0] == TRUE_TOTAL


def test_an_amount_in_cents_with_tax_is_one_too():
    amount, notes = read(IN_CENTS | {"amount": cents(PAID * 1.2)})
    assert amount == pytest.approx(1.2 * PAID.sum(), rel=1e-3)
    assert "is in cents" in notes[0]


def test_an_order_total_in_cents_on_each_of_its_lines_counts_once():
    order = np.arange(ROWS) // 3
    total = np.bincount(order, PAID)[order]
    who = {"customer_id": order % 50, "date": WHO["date"][order], "order_id": order}
    amount, notes = read(who | IN_CENTS | {"amount": cents(total)})
    assert amount == TRUE_TOTAL
    assert "on 100 of 100 orders" in notes[0]
    assert "it is counted once" in notes[1]


@pytest.mark.parametrize("name", ["unit_price", "unit_price_cents", "Price (cents)"])
def test_a_price_in_cents_leaves_an_amount_in_money_as_it_is(name):
    amount, notes = read({"quantity": QUANTITY, name: cents(PRICE), "total": PAID})
    assert amount == TRUE_TOTAL
    assert "1/100 of quantity" in notes[0]


@pytest.mark.parametrize(
    "columns",
    [
        {"quantity": QUANTITY, "unit_price": PRICE, "amount_cents": cents(PAID)},
        {"quantity": QUANTITY, "unit_price_cents": cents(PRICE), "amount": cents(PAID)},
        {"quantity": QUANTITY, "unit_amount": cents(PRICE)},
        {"total_money_amount": cents(PAID), "total_money_currency": ["USD"] * ROWS},
        {"amount": cents(PAID), "amount_captured": cents(PAID)},
        {"amount": cents(PAID), "shippingCents": [499] * ROWS},
        {"amount": PAID, "tax_cents": [20] * ROWS},
        {"unit_amount": PRICE, "quantity": QUANTITY},
    ],
)
def test_a_name_that_says_cents_means_its_own_column_and_whole_numbers_beside_it(columns):
    assert read(columns)[0] == TRUE_TOTAL


def test_a_refund_has_a_unit_of_its_own():
    lines = {"amount_cents": cents(PAID), "refunded_amount": np.where(QUANTITY == 1, 0.5, 0.0)}
    raw = ENGINE.register_arrow("rows", pa.table(WHO | lines))
    typed, *_ = read_lines(raw, choose_column_roles(raw.columns, {}, "shop"), ParseOptions(), "shop", False)
    assert typed.refunded.max().to_pyarrow().as_py() == Decimal("0.5")
    assert float(typed.amount.sum().to_pyarrow().as_py()) == TRUE_TOTAL


@pytest.mark.parametrize("columns", [{"amount": PAID * 1000}, {"amount": PAID * 100 + 0.5}])
def test_what_either_column_may_be_off_by_is_asked(columns):
    with pytest.raises(ClvError, match=r"data\.scale=0\.0?01 if .* data\.scale=1 if .* data\.columns\.amount=false"):
        read(IN_CENTS | columns)
    read(IN_CENTS | columns, scale="1")


def test_amounts_in_two_units_are_said():
    _, (note,) = read(IN_CENTS | {"amount": np.where(np.arange(ROWS) % 4 == 0, PAID * 100, PAID)})
    assert "on 75 of 300 lines and once that on most others" in note


@pytest.mark.parametrize("grams", [1.0, 1000.0])
def test_prices_per_kilo_change_no_amount(grams):
    amount, _ = read({"quantity": QUANTITY * grams, "unit_price": PRICE, "amount": PAID})
    assert amount == TRUE_TOTAL


def test_whole_numbers_as_large_as_cents_are_said():
    assert read({"amount": cents(PAID)})[1] == [
        f"amount holds whole numbers, half of them above {np.median(cents(PAID)):,.0f}: if these are cents, type "
        "data.scale=0.01"
    ]


@pytest.mark.parametrize("amounts", [PAID, QUANTITY * 10, cents(PAID) * 10])
def test_prices_and_round_amounts_are_no_cents(amounts):
    assert read({"amount": amounts})[1] == []


@pytest.mark.parametrize("columns", [{"amount": -PAID}, {"quantity": -QUANTITY, "unit_price": PRICE}])
def test_sales_below_0_are_turned_by_one_setting(columns):
    with pytest.raises(ClvError, match=r"type data\.scale=-1 to turn the sign"):
        read(columns)
    raw = ENGINE.register_arrow("rows", pa.table(WHO | columns))
    source = lambda engine: RawTable(raw)  # noqa: E731
    log = load_log("shop", source, [returns()], parse_options=ParseOptions(scale=Decimal(-1)))
    assert float(log.purchase_days.amount.sum().to_pyarrow().as_py()) == TRUE_TOTAL
    assert log.report.rows_kept == ROWS


def test_where_most_amounts_are_below_0_turning_the_sign_is_a_way_out():
    mostly = {"amount": np.where(np.arange(ROWS) % 20 == 0, PAID, -PAID)}
    raw = ENGINE.register_arrow("rows", pa.table(WHO | mostly))
    with pytest.raises(ClvError, match=r"or data\.scale=-1 if sales are what is below 0"):
        load_log("shop", lambda engine: RawTable(raw), [returns()])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tax_cents", True), ("Tax (in cents)", True), ("feeCents", True), ("minor", True), ("percent", False),
     ("tax_percent", False), ("recent", False), ("Minority", False), ("unit_amount", True)],
)  # fmt: skip
def test_a_sibling_says_cents_by_a_word_of_its_own(name, expected):
    assert has_cents_in_name(name) is expected
