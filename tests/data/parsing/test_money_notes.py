"""Columns without a role that say what amounts contain, or which of them give money back."""

import numpy as np
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import returns, status
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable

ENGINE = DuckDb()
ROWS = 300
RNG = np.random.default_rng(5)
GOODS = np.round(RNG.lognormal(3, 0.6, ROWS), 2)
SHIPPING = np.where(GOODS < 20, 4.95, 0.0)
TIP = np.round(GOODS / 10, 2)
MARK = np.where(np.arange(ROWS) % 10 == 0, "C", "D")
WHO = {"customer_id": np.arange(ROWS) % 50, "date": np.datetime64("2022-01-01") + np.arange(ROWS)}


def load(columns, steps=(), named=None):
    raw = ENGINE.register_arrow("rows", pa.table(WHO | columns))
    return load_log("shop", lambda engine: RawTable(raw), steps, columns=named)


def total(log):
    return float(log.purchase_days.amount.sum().to_pyarrow().as_py())


@pytest.mark.parametrize(
    ("columns", "sums"),
    [
        ({"items": GOODS, "shipping": SHIPPING, "order_total": GOODS + SHIPPING}, "order_total is items + shipping"),
        ({"subtotal": GOODS, "Tip": TIP, "total": GOODS + TIP}, "total is subtotal + Tip"),
        (
            {"net": GOODS, "Shipping": SHIPPING, "tax_amount": TIP, "Total": GOODS + SHIPPING + TIP},
            "Total is net + Shipping + tax_amount",
        ),
    ],
)
def test_what_an_amount_contains_beside_goods_is_said(columns, sums):
    log = load(columns)
    (note,) = [note for note in log.notes if " is " in note and "count as spend" in note]
    assert note.startswith(sums)
    goods = next(iter(columns))
    assert f"data.columns.amount={goods} takes" in note
    assert total(load(columns, named={"amount": goods})) == pytest.approx(GOODS.sum())


def test_shipping_on_top_of_quantity_times_price_is_said():
    units = np.arange(ROWS) % 3 + 1
    columns = {"quantity": units, "price": GOODS, "shipping": np.full(ROWS, 4.95)}
    log = load(columns | {"total": np.round(units * GOODS + 4.95, 2)})
    (note,) = [note for note in log.notes if "count as spend" in note]
    assert note.startswith("total is quantity x price + shipping")
    assert "data.columns.amount=false" in note


def test_rates_of_exchange_that_differ_are_said():
    rates = np.where(MARK == "C", 0.9, 1.0)
    assert any("exchange_rate' (0.9 to 1)" in note for note in load({"amount": GOODS, "exchange_rate": rates}).notes)
    assert not any("exchange_rate" in note for note in load({"amount": GOODS, "exchange_rate": rates * 0 + 1.1}).notes)


def test_amounts_that_contain_goods_alone_need_no_note():
    log = load({"amount": GOODS, "shipping": SHIPPING, "tip": TIP, "total_weight": TIP * 3})
    assert not any("count as spend" in note for note in log.notes)


@pytest.mark.parametrize(("debit", "credit"), [("D", "C"), ("DR", "CR"), ("Soll", "Haben")])
def test_marks_of_debit_and_credit_are_said_with_what_takes_them(debit, credit):
    marks = np.where(MARK == "C", credit, debit)
    log = load({"amount": GOODS, "D/C": marks})
    (note,) = [note for note in log.notes if "left aside" in note]
    assert f"('{debit}' 270, '{credit}' 30)" in note
    assert f"data.columns.status=\"'D/C'\" \"data.cleaning.status.net=['{credit}']\"" in note
    taken = load({"amount": GOODS, "D/C": marks}, [status(net=[credit]), returns("drop")], {"status": "D/C"})
    assert total(taken) == pytest.approx(GOODS[MARK == "D"].sum())


def test_marks_without_letters_are_left_out_by_a_condition():
    log = load({"amount": GOODS, "D/C": np.where(MARK == "C", "-", "+")})
    (note,) = [note for note in log.notes if "left aside" in note]
    assert note.endswith("type data.where=\"\\`D/C\\` == '+'\"")


def test_signed_amounts_need_no_marks():
    log = load({"amount": np.where(MARK == "C", -GOODS, GOODS), "D/C": MARK}, [returns("drop")])
    assert not any("left aside" in note for note in log.notes)


@pytest.mark.parametrize(
    ("units", "advice"), [(100, "type data.scale=0.01"), ([1, 100, 1000], "divide the prices by it"), (1, None)]
)
def test_a_price_of_many_units_is_said(units, advice):
    log = load({"quantity": np.full(ROWS, 200), "price": GOODS, "price_unit": np.resize(units, ROWS)})
    notes = [note for note in log.notes if "price_unit" in note]
    assert len(notes) == (advice is not None)
    assert all(advice in note for note in notes)
