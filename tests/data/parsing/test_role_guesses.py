"""Roles by what columns hold, where names do not tell or tell the wrong."""

import numpy as np
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
RNG = np.random.default_rng(1)
ROWS = 400
CUSTOMERS = RNG.integers(1, 150, ROWS)
DAYS = np.sort(RNG.integers(0, 500, ROWS)) + np.datetime64("2022-01-01")
LOG = {
    "who": pa.array(CUSTOMERS),
    "when": pa.array(DAYS.astype(str)),
    "much": pa.array([f"{amount:.2f}" for amount in RNG.lognormal(3, 1, ROWS)]),
}


def choose(columns, named=None, **more):
    names = dict(zip(("who", "when", "much"), columns, strict=False))
    raw = ENGINE.register_arrow(
        "rows", pa.table({names.get(name, name): cells for name, cells in (LOG | more).items()})
    )
    return choose_column_roles(raw.columns, named or {}, "shop", ColumnSample(raw))


def error_message(*args, **settings):
    with pytest.raises(ClvError) as refused:
        choose(*args, **settings)
    return str(refused.value)


@pytest.mark.parametrize(
    "names", [("column1", "column2", "column3"), ("c", "d", "m"), ("pirkejas", "diena", "kaina x")]
)
def test_columns_of_any_name_are_known_by_what_they_hold(names):
    chosen = choose(names)
    assert [chosen.by_role[role] for role in ("customer_id", "date", "amount")] == list(names)
    assert str(chosen).startswith(f"columns guessed: customer_id={names[0]}, date={names[1]}, amount={names[2]} (data")


def test_an_amount_that_is_multiplied_by_the_quantity_is_a_unit_price():
    price, quantity = np.round(RNG.lognormal(2, 1, ROWS), 2), RNG.integers(1, 5, ROWS)
    more = {"quantity": quantity, "amount": price, "total": np.round(quantity * price, 2)}
    chosen = choose(("customer_id", "date", "x"), {}, **more)
    assert (chosen.by_role["amount"], chosen.by_role["unit_price"]) == ("total", "amount")
    with_gaps = choose(("customer_id", "date", "x"), {}, **(more | {"amount": pa.array(price, mask=price < 2)}))
    assert (with_gaps.by_role["amount"], with_gaps.by_role["unit_price"]) == ("total", "amount")
    other = choose(("customer_id", "date", "x"), {}, **(more | {"total": price + 1}))
    assert other.by_role["amount"] == "amount"


def test_a_sale_price_beside_a_quantity_is_the_price_of_one():
    more = {"quantity": RNG.integers(1, 5, ROWS), "list_price": np.full(ROWS, 10.5), "sale_price": np.full(ROWS, 9.5)}
    chosen = choose(("customer_id", "date", "note"), {"amount": None}, **more)
    assert chosen.by_role["unit_price"] == "sale_price"
    assert "amount" not in chosen.by_role


def test_orders_are_identifiers_that_repeat_within_a_customers_day():
    order = [f"o{customer}-{day}" for customer, day in zip(CUSTOMERS, DAYS, strict=True)]
    order += order[:50]
    log = {name: pa.array(cells.to_pylist() + cells.to_pylist()[:50]) for name, cells in LOG.items()}
    assert choose(("c", "d", "m"), **log, o=pa.array(order)).by_role["order_id"] == "o"


def test_identifiers_are_never_money():
    for ids in (CUSTOMERS, np.arange(ROWS), 10**9 + CUSTOMERS):
        log = {"much": pa.array(ids)}
        assert "looks like its amount" in error_message(("customer_id", "date", "n"), **log)
    only = ENGINE.register_arrow("rows", pa.table({"cust": LOG["who"], "date": LOG["when"]}))
    for named in ({}, {"customer_id": "cust"}):
        assert not choose_column_roles(only.columns, named, "shop", ColumnSample(only)).has_amounts


def test_what_could_play_a_role_is_named_all_at_once():
    more = {"other": LOG["much"], "later": pa.array((DAYS + 3).astype(str)), "who": pa.array(np.arange(ROWS))}
    assert error_message(("a", "b", "m"), **more) == (
        "no column of log 'shop' looks like its customer_id, and its date could be any of b, later, and its amount "
        "could be any of m, other: type data.columns.customer_id=a data.columns.date=b data.columns.amount=m"
    )


def test_the_identifier_that_comes_back_most_is_suggested_first():
    once = pa.array([f"x{number // 2}" for number in range(ROWS)])
    assert "customer_id of log 'shop' could be any of c, a: type data.columns.customer_id=c" in error_message(
        ("a", "d", "m"), a=once, c=LOG["who"]
    )


def test_a_date_in_several_columns_is_thought_of():
    assert error_message(("customer", "x", "amount"), x=LOG["much"], y=LOG["much"], z=LOG["much"]).endswith(
        ", or data.columns.date=[year,month,day] with the columns that it stands in"
    )


def test_a_date_of_delivery_or_a_tax_is_no_rival():
    more = {"ship": pa.array((DAYS + 3).astype(str)), "tax": LOG["much"], "country x": pa.array(["FR", "DE"] * 200)}
    chosen = choose(("c", "d", "m"), **more)
    assert [chosen.by_role[role] for role in ("customer_id", "date", "amount")] == ["c", "d", "m"]


def test_products_that_come_back_are_no_customers():
    goods = pa.array([f"p{number % 40}" for number in range(ROWS)])
    message = error_message(("product range", "date", "amount"), who=goods)
    assert "looks like its customer_id: type data.columns.customer_id=" in message


def test_a_short_word_inside_another_makes_no_tax_of_an_amount():
    assert choose(("c", "d", "basket weight"), **{"basket vast": LOG["much"]}).by_role["amount"] == "basket vast"


def test_clock_times_are_no_dates_and_an_empty_column_is_no_order():
    more = {"time": pa.array(["7:47:45 PM"] * ROWS), "Date created": pa.array(DAYS.astype(str))}
    chosen = choose(("customer", "x", "amount"), **more, **{"Invoice ID": pa.array([""] * ROWS)})
    assert chosen.by_role["date"] == "Date created"
    assert "order_id" not in chosen.by_role


@pytest.mark.parametrize("name", ["profit", "Gewinn (EUR)", "bénéfice", "gross margin"])
def test_a_profit_is_the_amount_only_where_there_is_no_spend(name):
    assert choose(("c", "d", name)).by_role["amount"] == name
    assert choose(("c", "d", "m"), **{name: LOG["much"]}).by_role["amount"] == "m"
    assert choose(("c", "d", name), tax=LOG["much"]).by_role["amount"] == name
    priced = choose(("c", "d", name), quantity=pa.array([2] * ROWS), unit_price=LOG["much"])
    assert "amount" not in priced.by_role
    assert "looks like its amount" in error_message(("c", "d", "tax"))


def test_what_may_count_units_of_an_amount_without_a_name_is_said():
    units = pa.array(RNG.choice([1, 1, 2, 5], ROWS))
    note = "; if n counts units and m is the price of one, type data.columns.quantity=n data.columns.unit_price=m"
    assert note in str(choose(("customer", "d", "m"), n=units))
    assert "units" not in str(choose(("customer", "d", "amount"), n=units))
    assert "units" not in str(choose(("customer", "d", "m"), n=pa.array(RNG.integers(1, 5_000, ROWS))))


def test_an_e_mail_beside_an_id_is_the_same_customer():
    mails = pa.array([f"c{customer}@x.org" for customer in CUSTOMERS])
    assert choose(("c", "d", "m"), mail_x=mails).by_role["customer_id"] == "c"


@pytest.mark.parametrize(
    ("names", "more", "doubt"),
    [
        (("customer", "x", "amount"), {"date": pa.array(np.arange(ROWS)), "when": pa.array(["soon"] * ROWS)},
         "its date (date holds whole numbers such as '0')"),
        (("customer", "date", "x"), {"amount": pa.array(["a lot"] * ROWS), "much": pa.array(["b"] * ROWS)},
         "its amount (amount holds text such as 'a lot')"),
    ],
)  # fmt: skip
def test_a_name_that_fits_is_not_taken_against_what_the_column_holds(names, more, doubt):
    assert doubt in error_message(names, **more)


def test_a_better_column_is_taken_than_one_whose_name_alone_fits():
    chosen = choose(("customer", "x", "amount"), date=pa.array(np.arange(ROWS)))
    assert chosen.by_role["date"] == "x"


def test_equal_columns_are_no_rivals():
    assert choose(("customer", "date", "Sales"), Total=LOG["much"]).by_role["amount"] == "Sales"
    assert "could be any of Sales, Total" in error_message(
        ("customer", "date", "Sales"), Total=pa.array(LOG["much"].to_pylist()[::-1])
    )
