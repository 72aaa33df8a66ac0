"""Two columns of discounts are both taken off, in one unit; a column that tells the first one again is not."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.sources.frame import frame
from clv_experiments.errors import ClvError

LINES = 60
QUANTITY = np.arange(LINES) % 4 + 1
PRICE = np.round(10 + 7.31 * (np.arange(LINES) % 9), 2)
WORTH = QUANTITY * PRICE
SHARE = np.array([0, 0.1, 0, 0.2] * (LINES // 4))
OTHER = np.array([0, 0.05, 0.05] * (LINES // 3))


def shop(**columns):
    base = {
        "customer_id": np.arange(LINES) % 7,
        "order_id": np.arange(LINES) // 2,
        "date": pd.date_range("2024-01-01", periods=LINES // 2).repeat(2).strftime("%Y-%m-%d"),
        "quantity": QUANTITY,
        "unit_price": PRICE,
    }
    return pd.DataFrame(base | columns)


def read(rows, discount_unit=None, **columns):
    options = ParseOptions(discount_unit=discount_unit)
    log = load_log("shop", lambda engine: frame(rows), columns=columns, parse_options=options)
    return float(log.purchase_days.amount.sum().to_pyarrow().as_py()), log.notes


@pytest.mark.quick_cases("discounts", 3)
@pytest.mark.parametrize(
    ("discounts", "paid"),
    [
        ({"discount_amount": WORTH * SHARE, "coupon_amount": WORTH * OTHER}, WORTH * (1 - SHARE - OTHER)),
        ({"discount": SHARE, "loyalty_discount": OTHER}, WORTH * (1 - SHARE) * (1 - OTHER)),
        ({"Rabatt %": 100 * SHARE, "Aktionsrabatt %": 100 * OTHER}, WORTH * (1 - SHARE) * (1 - OTHER)),
        ({"member_discount_amount": WORTH * SHARE}, WORTH * (1 - SHARE)),
        ({"discount_amount": WORTH * SHARE, "shipping_discount": OTHER + 1, "coupon_code": OTHER}, WORTH * (1 - SHARE)),
        ({"discount": SHARE, "discount_amount": WORTH * SHARE}, WORTH * (1 - SHARE)),
        ({"line_discount": np.round(WORTH * SHARE, 2)}, WORTH * (1 - SHARE)),
        ({"discount_amount": SHARE * 0, "coupon_amount": WORTH * OTHER}, WORTH * (1 - OTHER)),
    ],
)
def test_all_discounts_are_subtracted_once(discounts, paid):
    amount, _ = read(shop(**discounts))
    assert amount == pytest.approx(float(paid.sum()), abs=0.5)


def test_two_discounts_are_subtracted_from_an_amount_beside_a_price_without_a_quantity():
    rows = shop(amount=WORTH, discount_amount=WORTH * SHARE, coupon_amount=WORTH * OTHER).drop(columns="quantity")
    amount, _ = read(rows, discount="discount_amount", second_discount="coupon_amount")
    assert amount == pytest.approx(float((WORTH * (1 - SHARE - OTHER)).sum()), abs=0.5)


def test_a_total_over_the_lines_of_an_order_is_no_second_discount():
    rows = shop(discount_amount=np.round(WORTH * SHARE, 2))
    rows["total_discounts"] = rows.groupby("order_id")["discount_amount"].transform("sum")
    amount, notes = read(rows)
    assert amount == pytest.approx(float((WORTH * (1 - SHARE)).sum()), abs=0.5)
    assert not any("total_discounts is subtracted" in note for note in notes)


def test_a_second_discount_is_said_and_can_be_left_out():
    rows = shop(discount=SHARE, loyalty_discount=OTHER)
    _, notes = read(rows)
    assert "loyalty_discount is subtracted of what is left, beside discount (data.columns.second_discount=false" in (
        " ".join(notes)
    )
    amount, _ = read(rows, second_discount=False)
    assert amount == pytest.approx(float((WORTH * (1 - SHARE)).sum()), abs=0.5)


def test_discounts_in_different_units_are_asked_about():
    rows = shop(discount_amount=np.round(WORTH * SHARE, 2), loyalty_discount=OTHER)
    with pytest.raises(ClvError, match=r"nothing says in what units: type data\.columns\.second_discount=false to"):
        read(rows)
    assert read(rows, second_discount=False)[0] == pytest.approx(float((WORTH * (1 - SHARE)).sum()), abs=0.5)


def test_two_open_units_are_answered_by_one_setting():
    rows = shop(rabatt=20 * SHARE, aktionsrabatt=40 * OTHER)
    with pytest.raises(ClvError, match=r"discount_unit=percent if each is a percentage .*discount_unit=money if each"):
        read(rows)
    amount, _ = read(rows, discount_unit="money")
    assert amount == pytest.approx(float((WORTH - 20 * SHARE - 40 * OTHER).sum()))
