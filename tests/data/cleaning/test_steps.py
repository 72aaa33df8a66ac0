"""Every cleaning step by hand and against plain Python, a receipt that adds up, and no day that knows a later one."""

import inspect
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from itertools import groupby

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data import cleaning
from clv_experiments.data.cleaning import (
    currency,
    discount_lines,
    duplicates,
    guests,
    id_case,
    in_two_sheets,
    missing_amount,
    missing_customer,
    missing_date,
    not_goods,
    outliers,
    price_not_positive,
    refunded,
    returns,
    rounding,
    status,
)
from clv_experiments.data.cleaning.clean import clean
from clv_experiments.data.cleaning.report import RAW_PREFIX, Step
from clv_experiments.data.engine import DuckDb
from clv_experiments.errors import ClvError

# A query costs some 10 ms, a step several.
few_examples = settings(max_examples=10, deadline=None)
fewer = settings(max_examples=5, deadline=None)
FIRST = date(2020, 1, 1)
TYPES = {
    "customer_id": pa.string(),
    "date": pa.date32(),
    "amount": pa.decimal128(18, 4),
    "order_id": pa.string(),
    "product": pa.string(),
    "quantity": pa.decimal128(18, 4),
    "unit_price": pa.decimal128(18, 4),
    "currency": pa.string(),
    "status": pa.string(),
    "refunded": pa.decimal128(18, 4),
    "email": pa.string(),
}
ENGINE = DuckDb()


def day(number):
    return None if number is None else FIRST + timedelta(days=number - 1)


def lines_of(rows, columns=("customer_id", "date", "amount")):
    """Typed lines with their raw columns; days are numbers, 1 for the first."""
    values = {column: [row[k] for row in rows] for k, column in enumerate(columns)}
    values["date"] = [day(number) for number in values["date"]]
    exact = ("amount", "quantity", "unit_price", "refunded")
    for column in set(exact) & set(columns):
        values[column] = [None if value is None else Decimal(str(value)) for value in values[column]]
    arrays = {column: pa.array(values[column], TYPES[column]) for column in columns}
    return ENGINE.register_arrow(
        "lines", pa.table(arrays | {RAW_PREFIX + column: array for column, array in arrays.items()})
    )


def plain(table):
    """Rows as plain values, sorted, days as numbers and amounts exact."""
    rows = [tuple(row.values()) for row in table.to_pyarrow().to_pylist()]
    numbered = [(row[0], row[1] and (row[1] - FIRST).days + 1, *row[2:]) for row in rows]
    return sorted(numbered, key=lambda row: [(value is None, value) for value in row])


def cleaned(rows, *steps, log_end=None, until=10_000, **columns):
    """Rows after the steps, which may learn up to the day ``until``."""
    return plain(clean(lines_of(rows, **columns), steps, day(log_end), lambda first, last: day(until)).lines)


# --- steps that remove, by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (missing_customer(), [("a", None, 2), ("a", 1, None), ("a", 1, 1)]),
        (missing_date(), [("a", 1, None), ("a", 1, 1), (None, 1, 4)]),
        (missing_amount(), [("a", None, 2), ("a", 1, 1), (None, 1, 4)]),
    ],
)
def test_rows_with_a_gap_leave(step, kept):
    rows = [("a", 1, 1), ("a", None, 2), (None, 1, 4), ("a", 1, None)]
    assert set(cleaned(rows, step)) == set(kept)


def test_codes_that_are_no_goods_leave_bought_or_returned():
    rows = [
        ("a", 1, 5, "POST"),
        ("a", 1, -5, "post"),
        ("a", 1, 7, "gift_0001_20"),
        ("a", 1, 9, "85123A"),
        ("a", 1, 3, None),
    ]
    columns = ("customer_id", "date", "amount", "product")
    step = not_goods(["Post", 1], "gift_|TEST")
    assert cleaned(rows, step, columns=columns) == [("a", 1, 3, None), ("a", 1, 9, "85123A")]
    assert len(cleaned(rows, not_goods(), columns=columns)) == 5
    assert cleaned(rows, not_goods("85123A"), columns=columns)[-1] != ("a", 1, 9, "85123A"), "one code, not its letters"
    with pytest.raises(ClvError, match=r"not_goods has codes, but no column: name data\.columns\.product"):
        cleaned([row[:3] for row in rows], step)


def test_cancellations_are_known_by_their_order_ids():
    with pytest.raises(ClvError, match=r"returns\.cancelled needs order ids, .* name data\.columns\.order_id"):
        cleaned([("a", 1, 5)], returns(cancelled="C"))


def test_rows_without_a_price_leave_and_returns_stay():
    columns = ("customer_id", "date", "amount", "unit_price")
    rows = [("a", 1, 0, 0), ("a", 2, 4, -2), ("a", 3, -4, -4), ("a", 4, 5, 5), ("a", 5, 1, None), ("a", 6, -3, 3)]
    assert [row[1] for row in cleaned(rows, price_not_positive(), columns=columns)] == [3, 4, 5, 6]
    assert [row[1] for row in cleaned([row[:3] for row in rows], price_not_positive())] == [2, 3, 4, 5, 6]


def test_returns_are_told_by_amount_quantity_or_cancelled_order():
    columns = ("customer_id", "date", "amount", "quantity", "order_id")
    rows = [
        ("a", 1, -1, None, None),
        ("a", 2, 1, -1, "7"),
        ("a", 3, 1, 1, "C8"),
        ("a", 4, 1, 1, "8C"),
        ("a", 5, None, None, None),
    ]
    assert [row[1] for row in cleaned(rows, returns("drop", "C"), columns=columns)] == [4, 5]
    assert [row[1] for row in cleaned(rows, returns("drop"), columns=columns)] == [3, 4, 5]


def test_repeats_stay_unless_they_are_to_be_dropped():
    rows = [("a", 1, 1), ("a", 1, 1), ("a", 2, 1), ("a", 1, None), ("a", 1, None)]
    assert len(cleaned(rows, duplicates())) == 5
    assert cleaned(rows, duplicates("drop")) == [("a", 1, 1), ("a", 1, None), ("a", 2, 1)]


def test_days_of_two_sheets_are_halved_and_other_days_are_not():
    inside, outside = ("a", 2, 1), ("a", 4, 1)
    rows = [inside, inside, ("b", 2, 1), outside, outside, ("a", None, 1), ("a", None, 1)]
    step = in_two_sheets("2020-01-02", "2020-01-03")
    assert Counter(cleaned(rows, step)) == {inside: 1, ("b", 2, 1): 1, outside: 2, ("a", None, 1): 2}


def test_days_after_the_log_end_leave_and_its_own_day_stays():
    assert [row[1] for row in cleaned([("a", 1, 1), ("a", 2, 1), ("a", 3, 1)], log_end=2)] == [1, 2]


# --- steps that change amounts, by hand -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(1, 10), (1, -10), (5, 3)], [(5, 3)], id="an order cancelled within the day is no purchase day"),
        pytest.param([(1, -10), (1, 10), (5, 3)], [(5, 3)], id="whichever row comes first"),
        pytest.param([(1, 10), (1, -4)], [(1, 6)], id="part of a day's order comes back"),
        pytest.param([(1, 10), (3, -4), (5, 7)], [(1, 10), (5, 3)], id="a later return lowers what comes after it"),
        pytest.param([(1, 10), (3, -9), (5, 4), (7, 6)], [(1, 10), (5, 0), (7, 1)], id="credit is carried on"),
        pytest.param([(1, 10), (2, -3), (3, -4), (5, 9)], [(1, 10), (5, 2)], id="returns add up"),
        pytest.param([(1, -8), (3, 5)], [(3, 5)], id="a return before any purchase is of something older"),
        pytest.param([(1, 5), (2, -8), (3, 9)], [(1, 5), (3, 4)], id="no more comes back than was bought"),
        pytest.param([(1, 5), (2, -5), (3, -5), (4, 9)], [(1, 5), (4, 4)], id="nor by several returns"),
        pytest.param([(1, 10), (5, -6)], [(1, 10)], id="credit that is never used is lost"),
        pytest.param([(1, 9), (2, 4), (2, -6), (3, 5)], [(1, 9), (3, 3)], id="a day of more returns than purchases"),
        pytest.param([(1, 5), (1, 5), (1, 2), (1, -6)], [(1, 0), (1, 2), (1, 4)], id="equal rows of one day"),
        pytest.param([(1, 0), (2, 3)], [(1, 0), (2, 3)], id="a free item is no return"),
        pytest.param([(1, 4), (2, 0), (2, -2), (3, 3)], [(1, 4), (3, 1)], id="but no purchase day beside one"),
    ],
)
def test_a_return_is_set_against_purchases_from_its_day_on(rows, expected):
    expected = [("a", *row) for row in expected]
    assert cleaned([("a", *row) for row in rows], returns("net")) == sorted(expected)
    other = [("b", *row) for row in rows]
    assert cleaned([*other, ("a", 1, 10), ("a", 9, -10)], returns("net"))[0] == ("a", 1, 10), "each customer alone"


def test_rows_with_gaps_neither_give_nor_take_credit():
    strangers = [(None, 1, 10), (None, 1, -10), (None, 2, 4)]
    assert cleaned(strangers, returns("net")) == [(None, 1, 10), (None, 2, 4)]
    rows = [("a", 1, 10), ("a", None, -10), ("a", None, 7), ("a", 2, None), ("a", 2, 8), ("a", 1, -3)]
    assert cleaned(rows, returns("net")) == [("a", 1, 7), ("a", 2, 8), ("a", 2, None), ("a", None, 7)]


def test_a_cancelled_order_is_netted_whatever_its_sign():
    columns = ("customer_id", "date", "amount", "quantity", "order_id")
    rows = [("a", 1, 10, 1, "1"), ("a", 2, 4, 1, "C1"), ("a", 3, 3, -1, None), ("a", 4, 9, 1, None)]
    assert [row[1:3] for row in cleaned(rows, returns("net", "C"), columns=columns)] == [(1, 10), (4, 2)]


def test_which_of_two_equal_rows_is_lowered_does_not_depend_on_their_order():
    columns = ("customer_id", "date", "amount", "product")
    rows = [("a", 1, 5, "pen"), ("a", 1, 5, "ink"), ("a", 1, -3, "pen")]
    result = [cleaned(some, returns("net"), columns=columns) for some in (rows, rows[::-1])]
    assert result == [[("a", 1, 2, "ink"), ("a", 1, 5, "pen")]] * 2


def test_amounts_above_the_quantile_are_lowered_to_it_on_later_days_too():
    rows = [("a", 1, 0), ("a", 2, 10), ("a", 3, 90), ("a", 4, -7), ("a", 5, None), ("a", 1, None)]
    half = outliers("winsorise", 0.5)
    assert [row[2] for row in cleaned(rows, half, until=2)] == [0, None, 5, 5, -7, None]
    assert [row[2] for row in cleaned(rows, half, until=3)] == [0, None, 10, 10, -7, None]
    assert cleaned(rows, half, until=-5) == cleaned(rows), "nothing to learn from"
    assert cleaned(rows, outliers(), until=3) == cleaned(rows)
    assert cleaned([], half) == []


def test_amounts_become_one_currency():
    columns = ("customer_id", "date", "amount", "currency")
    rows = [("a", 1, 10, "eur"), ("a", 2, 10, "GBP"), ("a", 3, "0.05", "GBP"), ("a", 4, None, "GBP")]
    result = cleaned(rows, currency({"EUR": 1, "gbp": 1.173}), columns=columns)
    assert [row[2] for row in result] == [10, Decimal("11.73"), Decimal("0.0587"), None]  # 0.05865, half away from zero


def test_several_currencies_are_never_added_up():
    columns = ("customer_id", "date", "amount", "currency")
    one, two = ("a", 1, 10, "EUR"), ("a", 2, 10, "GBP")
    for rates in (None, {"EUR": 1}):
        with pytest.raises(
            ClvError, match=r"no rate for the currency (EUR, )?GBP; type 'data\.cleaning\.currency\.rates"
        ):
            cleaned([one, two], currency(rates), columns=columns)
    with pytest.raises(ClvError, match="rows without a currency"):
        cleaned([one, ("a", 2, 1, None)], currency({"EUR": 1}), columns=columns)
    with pytest.raises(ClvError, match=r"no column: name data\.columns\.currency"):
        cleaned([one[:3]], currency({"EUR": 1}))
    assert len(cleaned([one, one, ("a", 2, 1, None)], currency(), columns=columns)) == 3
    assert len(cleaned([one[:3]], currency())) == 1


@pytest.mark.parametrize(("decimals", "result"), [(None, "2.6750"), (4, "2.6750"), (2, "2.68"), (1, "2.7"), (0, "3")])
def test_amounts_are_rounded_half_away_from_zero(decimals, result):
    rows = [("a", 1, "2.675"), ("a", 2, "-2.675"), ("a", 3, None)]
    assert [row[2] for row in cleaned(rows, rounding(decimals))] == [Decimal(result), -Decimal(result), None]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: returns("refund"),
            r"^data\.cleaning\.returns\.policy must be one of null, drop, net, keep, got 'refund'$",
        ),
        (lambda: returns("drop", "C("), r"returns\.cancelled must be a regular expression, got 'C\('"),
        (lambda: not_goods(pattern="["), r"not_goods\.pattern must be a regular expression"),
        *(
            (
                partial(make, **{setting: pattern}),
                rf"^data\.cleaning\.{step}\.{setting} must do without look-around, .* got '{re.escape(pattern)}'$",
            )
            for make, step, setting in ((not_goods, "not_goods", "pattern"), (returns, "returns", "cancelled"))
            for pattern in (
                "C(?=[0-9])",
                "(?!C)",
                "(?<=C)1",
                "(?<!C)1",
                r"(C)\1",
                r"\\(C)\1",
                "(?P<c>C)(?P=c)",
                "(?i)c",
            )
        ),
        (lambda: duplicates("merge"), r"duplicates\.policy must be one of null, keep, drop, got 'merge'"),
        (lambda: outliers("drop"), r"outliers\.policy must be one of keep, winsorise, got 'drop'"),
        (lambda: outliers("keep", 99.9), r"outliers\.quantile must lie between 0 and 1, got '99\.9'"),
        (lambda: outliers("keep", "high"), r"outliers\.quantile must lie between 0 and 1, got 'high'"),
        (
            lambda: in_two_sheets("2020", "2020-01-02"),
            r"in_two_sheets\.first must be a day like 2010-12-01, got '2020'",
        ),
        (lambda: in_two_sheets("2020-01-03", "2020-01-02"), r"must begin before it ends"),
        (lambda: rounding(5), r"rounding\.decimals must be one of null, 0, 1, 2, 3, 4, got '5'"),
        (lambda: currency({"EUR": "one"}), r"currency\.rates\.EUR must be a positive number, got 'one'"),
        (lambda: currency({"EUR": -1}), r"currency\.rates\.EUR must be a positive number, got '-1'"),
        (lambda: currency({"EUR": float("inf")}), r"currency\.rates\.EUR must be a positive number, got 'inf'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(make, message):
    with pytest.raises(ClvError, match=message):
        make()


@pytest.mark.parametrize("pattern", ["(?:C|c)", r"\(?=", "[(?=]C", r"[\](?!]", r"\\1", "C?"])
def test_what_only_looks_like_look_around_is_taken(pattern):
    assert not_goods(pattern=pattern)


# --- steps against plain Python ---------------------------------------------------------------------------------

small = st.integers(-12, 20).map(lambda quarters: Decimal(quarters) / 4)
bought = st.tuples(st.sampled_from("ab"), st.integers(1, 6), small)


def naive_net(rows):
    """Go through each customer's days and keep a purse of credit."""
    remaining = []
    for customer, mine in groupby(sorted(rows), key=lambda row: row[0]):
        spent = credit = Decimal(0)
        for number, today in groupby(mine, key=lambda row: row[1]):
            amounts = [amount for *_, amount in today]
            purchases = sorted((amount for amount in amounts if amount >= 0), reverse=True)
            returned = -sum(amount for amount in amounts if amount < 0)
            if returned > 0 and returned >= sum(purchases):
                credit = min(credit + returned - sum(purchases), spent)
                continue
            refund = returned + min(credit, sum(purchases) - returned)
            credit -= refund - returned
            spent += sum(purchases) - refund
            for amount in purchases:
                lowered = min(refund, amount)
                refund -= lowered
                remaining.append((customer, number, amount - lowered))
    return sorted(remaining)


@few_examples
@given(rows=st.lists(bought, max_size=14))
def test_netting_is_a_purse_of_credit(rows):
    result = cleaned(rows, returns("net"))
    assert result == naive_net(rows)
    for customer in "ab":
        net = sum(amount for who, _, amount in rows if who == customer)
        mine = [amount for who, _, amount in result if who == customer]
        gross = sum(amount for who, _, amount in rows if who == customer and amount > 0)
        assert max(net, 0) <= sum(mine) <= gross
        assert min(mine, default=0) >= 0


repeating = st.lists(
    st.tuples(st.sampled_from(["a", None]), st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, 1, 2])),
    max_size=20,
)


@few_examples
@given(rows=repeating)
def test_one_of_each_duplicate_stays(rows):
    assert Counter(cleaned(rows, duplicates("drop"))) == Counter(set(rows))


@few_examples
@given(rows=repeating)
def test_half_of_each_row_of_two_sheets_stays(rows):
    expected = Counter({row: -(-n // 2) if row[1] in (2, 3) else n for row, n in Counter(rows).items()})
    assert Counter(cleaned(rows, in_two_sheets("2020-01-02", "2020-01-03"))) == expected


@few_examples
@given(rows=st.lists(bought, max_size=14), quantile=st.floats(0.01, 0.99), until=st.integers(0, 7))
def test_winsorising_is_a_quantile_between_sorted_rows(rows, quantile, until):
    known = sorted(float(amount) for _, number, amount in rows if number <= until)
    result = cleaned(rows, outliers("winsorise", quantile), until=until)
    if not known:
        assert result == sorted(rows)
        return
    rank = quantile * (len(known) - 1)
    low, high = known[int(rank)], known[min(int(rank) + 1, len(known) - 1)]
    most = low + (high - low) * (rank - int(rank))
    expected = sorted((customer, number, min(float(amount), most)) for customer, number, amount in rows)
    assert [row[:2] for row in result] == [row[:2] for row in expected]
    # The quantile is rounded to four decimals.
    assert [float(row[2]) for row in result] == pytest.approx([row[2] for row in expected], abs=6e-5)


@few_examples
@given(rows=st.lists(bought, max_size=8), rate=st.integers(1, 3000), decimals=st.integers(0, 4))
def test_money_is_converted_and_rounded_exactly(rows, rate, decimals):
    rate = Decimal(rate) / 1000
    result = cleaned(
        [(*row, "GBP") for row in rows], currency({"GBP": float(rate)}), rounding(decimals),
        columns=("customer_id", "date", "amount", "currency"),
    )  # fmt: skip
    unit = Decimal(1).scaleb(-decimals)
    exact = [
        (amount * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP).quantize(unit, ROUND_HALF_UP) for *_, amount in rows
    ]
    assert sorted(row[2] for row in result) == sorted(exact)


# --- the receipt ------------------------------------------------------------------------------------------------

COLUMNS = (
    "customer_id",
    "date",
    "amount",
    "order_id",
    "product",
    "quantity",
    "unit_price",
    "currency",
    "status",
    "refunded",
)
STEPS = {
    "id_case": id_case(),
    "guests": guests(),
    "status": status(),
    "refunded": refunded(),
    "missing_customer": missing_customer(),
    "missing_date": missing_date(),
    "missing_amount": missing_amount(),
    "not_goods": not_goods(["POST"], "GIFT"),
    "price_not_positive": price_not_positive(),
    "discount_lines": discount_lines(),
    "discount_lines deduct": discount_lines("deduct"),
    "returns": returns("drop", "C"),
    "returns net": returns("net", "C"),
    "duplicates": duplicates("drop"),
    "in_two_sheets": in_two_sheets("2020-01-02", "2020-01-04"),
    "currency": currency({"EUR": 1, "GBP": 1.17}),
    "rounding": rounding(1),
    "outliers": outliers("winsorise", 0.6),
}


@st.composite
def full_rows(draw, **sizes):
    """Rows with everything that the steps look for, gaps included."""
    row = st.tuples(
        st.sampled_from(["a", "b", "c", "B", "X@y", "x@y", "Guest", "0", None]),
        st.sampled_from([None, *range(1, 9)]),
        st.none() | small,
        st.sampled_from(["1", "2", "C3", None]),
        st.sampled_from(["POST", "GIFT1", "pen", "ink", None]),
        st.sampled_from([-1, 1, 2]),
        st.sampled_from([0, 1, 2, None]),
        st.sampled_from(["EUR", "GBP"]),
        st.sampled_from(["paid", "cancelled", "Refund", "odd", None]),
        st.sampled_from([None, 0, 1, -2]),
        st.sampled_from(["e@x", None]),
    )
    rows = draw(st.lists(row, max_size=16, **sizes))
    return [*rows, *draw(st.lists(st.sampled_from(rows), max_size=4))] if rows else rows


def test_every_step_is_here():
    made = {
        name
        for name, f in inspect.getmembers(cleaning, inspect.isfunction)
        if f.__annotations__.get("return") == "Step"
    }
    made -= {name for name in made if name.startswith("_")}
    assert made == {name.split()[0] for name in STEPS}


@few_examples
@given(
    rows=full_rows(), names=st.lists(st.sampled_from(sorted(STEPS)), unique=True), log_end=st.none() | st.integers(1, 9)
)
def test_the_receipt_adds_up_to_the_raw_log_exactly(rows, names, log_end):
    steps = [STEPS[name] for name in names]
    cleaned = clean(lines_of(rows, COLUMNS), steps, day(log_end), lambda first, last: first)
    remaining, report = cleaned.lines, cleaned.report
    table, kept = report.table, plain(remaining)

    def size(some):
        money = sum(row[2] for row in some if row[2] is not None)
        return len(some), len({row[0] for row in some} - {None}), money

    assert tuple(table.iloc[0]) == ("raw log", *size(rows))
    assert tuple(table.iloc[-1]) == ("clean log", *size(kept))
    for column in ("rows", "customers", "amount"):
        assert table[column].iloc[0] - sum(table[column].iloc[1:-1]) == table[column].iloc[-1]
    assert (table["rows"] >= 0).all()
    assert (report.rows_read, report.rows_kept) == (len(rows), len(kept))
    assert len(table) == 2 + len(steps) + bool(log_end)
    assert set(remaining.columns) == set(COLUMNS)


def test_the_report_names_what_changed_and_leaves_out_what_did_not():
    rows = [("a", 1, 1), ("a", 2, 9), (None, 1, 4)]
    steps = [missing_date(), missing_customer(), outliers("winsorise", 0.5)]
    report = clean(lines_of(rows), steps, None, lambda first, last: last).report
    assert list(report.changes["rule"]) == ["missing customer", "outliers above the 0.5 quantile"]
    assert str(report) == (
        "3 rows read, 2 kept; removed: missing customer 1, outliers above the 0.5 quantile 4.00 of the amount"
    )


# --- nothing looks ahead ----------------------------------------------------------------------------------------


def assert_no_day_knows_a_later_one(step, past, later, cutoff):
    """Assert that the days up to the cutoff are the same whatever comes after it."""

    def known(future):
        lines = lines_of([*past, *future], COLUMNS)
        ids = lines.select("customer_id").drop_null().distinct()
        remaining = step.apply_to(
            lines, *([day(cutoff)] if step.takes_learning_end else [ids] if step.takes_customer_ids else [])
        ).lines
        return plain(remaining.filter(remaining.date <= ibis.literal(day(cutoff))).select(*COLUMNS))

    alone = known([])
    assert known(later) == alone
    assert known([(*row[:2], 1000, *row[3:]) for row in later[::2]]) == alone


def past_and_later(rows, cutoff):
    dated = [row for row in rows if row[1] is not None]
    return [row for row in dated if row[1] <= cutoff], [row for row in dated if row[1] > cutoff]


@pytest.mark.parametrize("name", STEPS)
@fewer
@given(rows=full_rows(min_size=4), cutoff=st.integers(1, 7))
def test_no_step_tells_a_day_what_comes_after_it(name, rows, cutoff):
    assert_no_day_knows_a_later_one(STEPS[name], *past_and_later(rows, cutoff), cutoff)


@pytest.mark.parametrize("step", [returns("net"), outliers("winsorise", 0.6)], ids=["net", "winsorise"])
@fewer
@given(rows=st.lists(bought, min_size=4, max_size=14), cutoff=st.integers(1, 5))
def test_nor_do_those_that_look_at_other_days(step, rows, cutoff):
    rest = (None,) * 8
    assert_no_day_knows_a_later_one(step, *past_and_later([(*row, *rest) for row in rows], cutoff), cutoff)


def reaching_back():
    """Set returns against earlier purchases, as a plain sum over a customer's rows would."""

    def apply(t):
        t = t.mutate(whole=t.amount.sum().over(group_by=t.customer_id)).cache()
        return t.filter((t.amount >= 0) & (t.whole > 0))

    return Step("planted", apply)


def learning_from_all():
    """Winsorise at a quantile of all rows."""
    return Step("planted", lambda t: outliers("winsorise", 0.6).apply(t, day(10_000)))


@pytest.mark.parametrize("plant", [reaching_back, learning_from_all])
def test_guard_sees_a_step_that_looks_ahead(plant):
    rest = ("1", "pen", 1, 1, "EUR", "paid", None, "e@x")
    past, later = [("a", 1, 5, *rest), ("b", 1, 9, *rest)], [("a", 3, -7, *rest), ("b", 3, 1, *rest)]
    for name in ("returns net", "outliers"):
        assert_no_day_knows_a_later_one(STEPS[name], past, later, 2)
    with pytest.raises(AssertionError):
        assert_no_day_knows_a_later_one(plant(), past, later, 2)


def test_a_step_learns_from_the_first_and_last_day_that_are_left():
    spans = []

    def get_learning_end(first, last):
        spans.append((first, last))
        return first

    rows = [("a", None, 1), (None, 1, 1), ("a", 2, 1), ("a", 5, 8), (None, 9, 1)]
    learns, step = outliers("winsorise", 0.5), missing_customer()
    for order in ([learns, step], [step, learns]):
        for log_end in (None, 7, 4):
            clean(lines_of(rows), order, day(log_end), get_learning_end)
    assert spans == [(day(2), day(5)), (day(2), day(7)), (day(2), day(4))] * 2


def test_spend_by_day_adds_up_from_lines(log_of):
    rows = pd.DataFrame(
        [("a", day(1), 5.0, "1"), ("a", day(1), 2.0, "2"), ("a", day(1), 1.0, None), ("b", day(1), 1.0, None),
         ("b", day(2), 3.0, "3"), ("b", day(2), -3.0, "C3"), ("a", day(4), 1.0, "4"), ("b", day(4), 2.0, "4")],
        columns=["customer_id", "date", "amount", "order_id"],
    )  # fmt: skip
    log = log_of(rows, rules=[returns("net", "C")])
    result = defaultdict(tuple, {(r[0], r[1]): r[2:] for r in plain(log.purchase_days)})
    assert result == {("a", 1): (8, 2), ("a", 4): (1, 1), ("b", 1): (1, 1), ("b", 4): (2, 1)}


def test_steps_run_in_the_database_that_holds_the_lines():
    rows = [
        ("a", 1, 5, "1", "pen", 1, 5, "EUR", "paid", 1, "e@x"),
        ("a", 2, -1, "1", "pen", -1, 1, "EUR", None, 0, None),
    ]
    lines = lines_of(rows, COLUMNS)
    remaining = clean(lines, list(STEPS.values()), day(3), lambda first, last: last).lines
    assert isinstance(remaining, ibis.Table)
    assert remaining.get_backend() is ENGINE.connection
