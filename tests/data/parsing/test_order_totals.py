"""Totals of orders that stand on each of their lines, and line amounts that only look like them."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
ORDERS = 200


def read(columns, named=None, **options):
    raw = ENGINE.register_arrow("rows", pa.table(columns))
    chosen = choose_column_roles(raw.columns, named or {}, "shop")
    lines, _, notes = read_lines(raw, chosen, ParseOptions(**options), "shop", False)
    return float(lines.aggregate(total=lines.amount.sum()).to_pyarrow()["total"][0].as_py()), notes


def shop(prices, lines_per_order=3, same_item=0.0, seed=0):
    """Draw the lines of a shop: what each line cost and what each order came to."""
    rng = np.random.default_rng(seed)
    order = np.repeat(np.arange(ORDERS), rng.integers(1, lines_per_order + 1, ORDERS))
    product = rng.integers(0, len(prices), len(order))
    repeats = np.r_[False, (order[1:] == order[:-1]) & (rng.random(len(order) - 1) < same_item)]
    for k in np.flatnonzero(repeats):
        product[k] = product[k - 1]
    price = np.asarray(prices)[product]
    quantity = np.where(rng.random(len(order)) < 0.2, 2, 1)
    line = np.round(price * quantity, 2)
    total = np.round(np.bincount(order, line)[order], 2)
    return {
        "customer_id": order % 70,
        "date": np.datetime64("2022-01-01") + order,
        "order_id": order,
        "sku": product,
        "quantity": quantity,
        "price": price,
        "line": line,
        "total": total,
    }


def some(log, *names, **renamed):
    return {name: log[name] for name in ("customer_id", "date", *names)} | {
        new: log[old] for new, old in renamed.items()
    }


MANY_PRICES = np.round(np.random.default_rng(7).lognormal(2, 0.8, 60), 2)
TOTALS = shop(MANY_PRICES)
TRUE_TOTAL = round(float(TOTALS["line"].sum()), 2)


@pytest.mark.parametrize(
    ("log", "named"),
    [
        (some(TOTALS, "order_id", "sku", "quantity", "price", "total"), {}),
        (some(TOTALS, "order_id", "sku", Revenue="total"), {}),
        (some(TOTALS, "sku", amount="total"), {}),  # no order id: a customer's day
        (some(TOTALS, "order_id", "quantity", "price", paid="total"), {"amount": "paid"}),
        (some(TOTALS, "order_id", "sku", "total", line_total="line"), {}),  # beside the lines' own totals
        (some(TOTALS, "order_id", "quantity", "price"), {}),
    ],
)
def test_an_order_counts_once_whatever_its_column_is_called(log, named):
    assert read(log, named)[0] == pytest.approx(TRUE_TOTAL)


def test_a_total_with_shipping_counts_once():
    log = some(TOTALS, "order_id", "sku", "quantity", "price") | {"total": TOTALS["total"] + 4.95}
    expected = TRUE_TOTAL + 4.95 * ORDERS
    amount, notes = read(log)
    assert amount == pytest.approx(expected)
    assert len(notes) == 1
    assert "is the total of a whole order" in notes[0]


@pytest.mark.quick_cases("seed", 1)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("prices", "same_item"),
    [
        ([9.99], 0.0),  # one price
        ([4.99, 9.99], 0.0),  # two prices
        ([4.99, 9.99, 9.99, 9.99, 9.99, 9.99], 0.3),
        (MANY_PRICES, 0.0),
        (MANY_PRICES, 0.95),  # nearly always the same item again
    ],
)
def test_line_amounts_that_happen_to_be_equal_are_added_up(prices, same_item, seed):
    log = shop(prices, same_item=same_item, seed=seed)
    expected = pytest.approx(float(log["line"].sum()))
    assert read(some(log, "order_id", "sku", "quantity", Sales="line"))[0] == expected


def test_what_both_readings_fit_is_asked_with_every_way_out():
    log = some(TOTALS, "order_id", Sales="total")
    with pytest.raises(ClvError, match=r"type data\.amount_per=order if it .* or data\.amount_per=line if each row"):
        read(log)
    assert read(log, amount_per="order")[0] == pytest.approx(TRUE_TOTAL)
    assert read(log, amount_per="line")[0] == pytest.approx(float(TOTALS["total"].sum()))


def discounted(kind, several_units=True):
    rng = np.random.default_rng(3)
    log = shop(MANY_PRICES)
    quantity, price = (log["quantity"] if several_units else np.ones(len(log["price"]))), log["price"]
    share = rng.choice([0, 0, 0.05, 0.1, 0.25], len(price))
    off = {
        "share": share,
        "percent": share * 100,
        "money": np.round(share * quantity * price, 2),
        "money_per_unit": np.round(share * price, 2),
    }[kind]
    paid = {
        "share": quantity * price * (1 - share),
        "percent": quantity * price * (1 - share),
        "money": quantity * price - off,
        "money_per_unit": quantity * (price - off),
    }[kind]
    return some(log, "order_id", "price") | {"quantity": quantity, "off": off}, paid


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("share", "Discount"), ("share", "discount_percent"), ("percent", "Rabatt %"), ("percent", "discount_pct"),
        ("money", "discount_amount"), ("money_per_unit", "unit_discount"),
    ],
)  # fmt: skip
def test_a_discount_is_subtracted_in_its_own_unit(kind, name):
    log, paid = discounted(kind)
    log[name] = log.pop("off")
    amount, notes = read(log, {"discount": name})
    assert amount == pytest.approx(float(paid.sum()), rel=1e-4)
    assert notes[0].startswith(f"{name} is ")


def test_a_discount_with_percent_signs_is_a_percentage():
    log, paid = discounted("percent")
    log["Discount"] = [f"{off:g}%" for off in log.pop("off")]
    assert read(log)[0] == pytest.approx(float(paid.sum()), rel=1e-4)


def test_a_discount_in_any_of_several_units_is_asked_about():
    log, paid = discounted("money")
    log["Discount"] = log.pop("off") + 1.0 * (log["price"] > 5)
    with pytest.raises(ClvError, match=r"could be a discount in several units: type data\.discount_unit=percent if it"):
        read(log)
    log, paid = discounted("money")
    log["Discount"] = log.pop("off")
    assert read(log, discount_unit="money")[0] == pytest.approx(float(paid.sum()), rel=1e-4)


def test_a_discount_is_not_subtracted_from_what_was_charged():
    log, paid = discounted("share")
    log |= {"Discount": log.pop("off"), "line_total": np.round(paid, 2)}
    assert read(log) == (pytest.approx(float(np.round(paid, 2).sum())), [])
    gross = log | {"line_total": np.round(log["quantity"] * log["price"], 2)}
    with pytest.raises(
        ClvError, match=r"type data\.columns\.amount=false to subtract it, or data\.columns\.discount=f"
    ):
        read(gross)
    assert read(gross, {"amount": False})[0] == pytest.approx(float(paid.sum()), rel=1e-4)
    plain = {name: gross[name] for name in ("customer_id", "date", "Discount")} | {"Total": log["line_total"]}
    assert read(plain)[1] == [
        "Discount is not subtracted from Total, taken as what was paid (data.discount_unit=share subtracts it)"
    ]


def off_the_order(name, orders=12, off=lambda order: order % 4 + 1, lines=((2, 6), (3, 3)), **columns):
    """Orders of a line of 2 x 6 and one of 3 x 3, with money off the order on each line."""
    rows = [(order, *line) for order in range(orders) for line in lines]
    order, quantity, price = (list(column) for column in zip(*rows, strict=True))
    log = {"customer_id": order, "date": np.datetime64("2022-01-01") + np.array(order), "order_id": order}
    log |= {"quantity": quantity, "price": price, name: [str(off(k)) for k in order]}
    return log | {column: [value(k) for k in order] for column, value in columns.items()}


def test_money_off_an_order_on_each_of_its_lines_counts_once():
    amount, notes = read(off_the_order("discount_amount"))
    assert amount == 12 * 21 - 3 * (1 + 2 + 3 + 4)
    assert "discount_amount is money off the whole order, once for all its lines, and subtracted" in notes[0]


CART = {"off": lambda order: f"{order % 4 + 1}.37"}  # with cents, as percentages have none
NET = 12 * 21 - 3 * (1.37 + 2.37 + 3.37 + 4.37)


@pytest.mark.parametrize("name", ["cart_discount", "order_discount", "discount_total", "Gesamtrabatt"])
def test_money_off_an_order_is_known_by_its_name(name):
    amount, notes = read(off_the_order(name, **CART))
    assert amount == pytest.approx(NET)
    assert f"{name} is money off the whole order, once for all its lines, and subtracted" in notes[0]
    first_only = off_the_order(name, **CART)
    first_only[name][1::2] = [None] * 12
    first_only[name][::2] = ["9.37"] * 12  # more than the second line came to
    assert read(first_only)[0] == pytest.approx(12 * (21 - 9.37))


def test_a_whole_number_off_a_cart_may_be_a_percentage():
    with pytest.raises(ClvError, match=r"unit=percent if it is .*, data\.discount_unit=money_per_order if it is"):
        read(off_the_order("cart_discount"))


def test_a_total_less_the_discount_of_its_lines_is_what_was_paid():
    log = off_the_order("order_discount", **CART, order_total=lambda order: 21 - (order % 4 + 1.37))
    log["line_total"] = [
        quantity * price for quantity, price in zip(log.pop("quantity"), log.pop("price"), strict=True)
    ]
    chosen = choose_column_roles([*log], {}, "shop", ColumnSample(ENGINE.register_arrow("rows", pa.table(log))))
    assert (chosen.by_role["amount"], "discount" in chosen.by_role) == ("order_total", False)
    assert chosen.other_candidates["amount"] == ("line_total",)
    log["order_total"] = [21 - (order % 4 + 1.37) + 4.95 for order in log["order_id"]]  # with what no column says
    chosen = choose_column_roles([*log], {}, "shop", ColumnSample(ENGINE.register_arrow("rows", pa.table(log))))
    assert (chosen.by_role["amount"], chosen.by_role["discount"]) == ("line_total", "order_discount")
    amount, notes = read(log)
    assert amount == 12 * 21
    assert notes == [
        "order_discount is not subtracted from line_total, taken as what was paid (data.discount_unit=money_per_order "
        "subtracts it)"
    ]
    assert read(log, discount_unit="money_per_order")[0] == pytest.approx(NET)


@pytest.mark.parametrize("priced", [True, False])
def test_a_discount_below_0_is_added_to_a_subtotal(priced):
    log, paid = discounted("money")
    log |= {"line_subtotal": np.round(log["quantity"] * log["price"], 2), "Discount": -log.pop("off")}
    log = log if priced else {name: cells for name, cells in log.items() if name not in ("quantity", "price")}
    amount, notes = read(log)
    assert amount == pytest.approx(float(paid.sum()))
    assert notes == ["Discount is money off the line, and subtracted (data.columns.discount=false leaves it out)"]
    assert read(log, {"discount": False})[0] == pytest.approx(float(log["line_subtotal"].sum()))


def test_units_are_asked_for_where_money_is_off_each_of_them():
    log = {name: cells for name, cells in off_the_order("discount").items() if name not in ("quantity", "price")}
    with pytest.raises(ClvError, match=r"name data\.columns\.quantity"):
        read(log | {"amount": [3.0] * 24}, discount_unit="money_per_unit")


def test_money_off_an_order_is_shared_out_to_the_last_decimal():
    log = off_the_order("discount_amount", off=lambda order: f"{order % 4 + 1}.07", lines=((1, 10), (1, 20), (1, 7)))
    raw = ENGINE.register_arrow("rows", pa.table(log))
    lines, *_ = read_lines(raw, choose_column_roles(raw.columns, {}, "shop"), ParseOptions(), "shop", False)
    sums = lines.group_by("order_id").agg(paid=lines.amount.sum(), least=lines.amount.min()).to_pyarrow().to_pylist()
    assert {row["order_id"]: row["paid"] for row in sums} == {
        str(k): Decimal(37) - Decimal(f"{k % 4 + 1}.07") for k in range(12)
    }
    assert all(row["least"] > 0 for row in sums)


@pytest.mark.parametrize(
    ("log", "units"),
    [
        (off_the_order("discount"), ("percent", "money_per_order")),  # 10 % on each line of an order is right as it is
        (off_the_order("discount_amount", orders=3), ("money", "money_per_order")),  # three may be chance
        (off_the_order("discount_amount", off=lambda order: 2), ("money", "money_per_order")),
        (off_the_order("discount_amount", off=lambda order: 50), ("share", "percent", "money")),  # more than the order
    ],
)
def test_money_that_may_be_off_the_line_or_the_order_is_asked_about(log, units):
    with pytest.raises(ClvError, match="could be a discount in several units") as refused:
        read(log)
    assert all(f"data.discount_unit={unit} " in str(refused.value) for unit in units)
    assert "data.columns.discount=false" in str(refused.value)


def test_a_discount_of_one_unit_is_not_taken_for_one_of_the_order():
    assert read(off_the_order("discount", off=lambda order: 0.1 * (order % 2)))[0] == 12 * 21 - 6 * 2.1
    log = off_the_order("discount_amount")
    log["discount_amount"] = [str(k % 3) for k in range(len(log["order_id"]))]
    assert read(log)[0] == 12 * 21 - sum(k % 3 for k in range(24))
    assert read(off_the_order("discount", orders=2), discount_unit="money_per_order")[0] == 2 * 21 - 1 - 2


def test_a_total_less_money_off_the_order_counts_once():
    log = off_the_order("discount_amount", orders=3, paid=lambda order: 20 - order % 4)
    assert read(log, {"amount": "paid"})[0] == 20 + 19 + 18
