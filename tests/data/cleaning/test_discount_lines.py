"""Discounts and coupons on lines of their own lower what their order cost; returns stay returns."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import discount_lines, returns
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
ORDERS = 200


def shop(discount="Discount", returned=10, seed=3):
    """Draw orders of a few lines: every third has a discount of 10 %, and some come back on orders of their own."""
    rng, rows = np.random.default_rng(seed), []
    for order in range(ORDERS):
        who = {"customer_id": order % 40, "date": f"2022-{1 + order % 12:02}-{1 + order % 28:02}", "order_id": order}
        items = [(f"Item {item}", int(rng.integers(1, 4)), 2.5 + item) for item in rng.choice(30, 3, replace=False)]
        items += [(discount, -1, round(sum(units * price for _, units, price in items) / 10, 2))] * (order % 3 == 0)
        rows += [who | {"product": item, "quantity": units, "unit_price": price} for item, units, price in items]
        if order < returned:
            rows.append(who | {"order_id": 1000 + order, "product": items[0][0], "quantity": -1, "unit_price": 2.0})
    return pd.DataFrame(rows)


def load(rows, policy=None, returned=None):
    table = ENGINE.register_arrow("rows", pa.Table.from_pandas(rows, preserve_index=False))
    return load_log("shop", lambda engine: RawTable(table), [discount_lines(policy), returns(returned)])


def total(log):
    return float(log.purchase_days.amount.sum().to_pyarrow().as_py())


def removed(log, rule):
    return log.report.table.set_index("rule").loc[rule, ["rows", "amount"]].tolist()


SHOP = shop()
WORTH = SHOP["quantity"] * SHOP["unit_price"]
GOODS = float(WORTH[WORTH > 0].sum())
OFF = float(-WORTH[SHOP["product"] == "Discount"].sum())
PAID = pytest.approx(GOODS - OFF)


@pytest.mark.quick_cases("rows", 3)
@pytest.mark.parametrize(
    "rows",
    [
        SHOP,
        SHOP.drop(columns="order_id"),
        SHOP.rename(columns={"product": "Description"}),
        SHOP.assign(product=SHOP["product"].replace("Discount", "GUTSCHEIN 10%")),
        SHOP.assign(product=SHOP["product"].replace("Discount", "XMAS")),  # never sold
    ],
)
def test_a_discount_is_deducted_from_its_order_and_the_receipt_calls_it_so(rows):
    log = load(rows)
    assert total(log) == PAID
    assert removed(log, "discount lines") == [67, 0]
    assert removed(log, "cancellations and returns") == [10, -20]
    (note,) = [note for note in log.notes if "discount_lines" in note]
    assert f"are discounts of {OFF:,.2f}, deducted from the other lines of their" in note


def test_each_line_of_an_order_bears_its_part_to_the_last_decimal():
    rows = SHOP[SHOP["order_id"] == 0]
    amounts = load(SHOP[SHOP["order_id"] < 80]).lines
    order = amounts.filter(amounts.date.cast("string") == "2022-01-01").to_pyarrow().to_pandas()
    worth = rows["quantity"] * rows["unit_price"]
    share = worth.sum() / worth[worth > 0].sum()
    assert sorted(order["amount"].astype(float)) == pytest.approx(sorted(worth[worth > 0] * share), abs=1e-4)
    assert float(order["amount"].sum()) == round(worth.sum(), 2)


def bare(rows):
    """Keep nothing that names a line."""
    amounts = rows.assign(amount=(rows["quantity"] * rows["unit_price"]).round(2))
    return amounts[["customer_id", "date", "order_id", "amount"]]


def test_amounts_below_0_on_orders_with_sales_are_coupons_where_none_stands_alone():
    assert total(load(bare(shop(returned=0)))) == PAID


def test_amounts_below_0_that_also_stand_alone_are_asked_about():
    rows = bare(shop(returned=60))
    with pytest.raises(ClvError, match=r"data\.cleaning\.discount_lines\.policy=deduct if they are discounts"):
        load(rows)
    assert total(load(rows, "deduct", "drop")) == PAID
    assert total(load(rows, "keep", "drop")) == pytest.approx(GOODS)


def test_who_keeps_them_has_returns():
    log = load(SHOP, "keep", "drop")
    assert total(log) == pytest.approx(GOODS)
    assert not any("discount_lines" in note for note in log.notes)


def test_a_return_on_an_order_with_sales_stays_a_return():
    exchange = {"customer_id": 1, "date": "2022-02-02", "order_id": 1, "product": "Item 3", "quantity": -1}
    log = load(pd.concat([SHOP, pd.DataFrame([exchange | {"unit_price": 1.0}])]))
    assert removed(log, "cancellations and returns") == [11, -21]


def test_a_discount_without_sales_is_said():
    alone = SHOP.assign(order_id=SHOP["order_id"].where(SHOP["product"] != "Discount", SHOP["order_id"] + 5000))
    log = load(alone, None, "drop")
    assert removed(log, "cancellations and returns")[0] == 77
    assert any("67 line(s) below 0 such as 'Discount'" in note and "returns.policy=net" in note for note in log.notes)


def test_a_discount_above_its_sales_makes_no_order_negative():
    row = {"customer_id": 1, "date": "2022-02-02", "order_id": 1, "product": "Discount", "quantity": -1}
    log = load(pd.concat([SHOP, pd.DataFrame([row | {"unit_price": 900.0}])]))
    assert total(log) == PAID
    assert not log.has_losses


def test_an_unknown_policy_is_refused():
    with pytest.raises(ClvError, match=r"discount_lines\.policy must be one of null, deduct, keep, got 'drop'"):
        discount_lines("drop")
