"""The identity of a log: the same in any row order and process, another for any other content."""

import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

# A DuckDB log costs up to 100 ms, and each example makes two.
few_examples = settings(max_examples=8, deadline=None)
TWO = [("a", date(2020, 1, 1), 1.0), ("b", date(2020, 1, 2), 2.0), ("a", date(2020, 1, 2), 4.0)]

cents = st.integers(-5_000, 100_000).map(lambda amount: Decimal(amount) / 100)
# Nine days and years far apart: swaps must show whatever the distance.
a_day = st.one_of(st.integers(0, 8), st.integers(0, 3_000)).map(lambda day: date(2015, 1, 1) + timedelta(days=day))


@st.composite
def purchase_days(draw, customers=4):
    """At most one row a customer and day, so that a change of one row is a change of the log."""
    keys = draw(st.lists(st.tuples(st.integers(0, customers - 1), a_day), min_size=2, max_size=12, unique=True))
    keys += [(0, date(2014, 12, 30)), (1, date(2014, 12, 31)), (1, date(2025, 1, 1))]
    return [*((f"c{customer}", day, draw(cents)) for customer, day in keys), ("c1", date(2025, 1, 2), Decimal(5))]


def content(log):
    """Rows of the cleaned log as plain values, sorted."""
    rows = log.purchase_days.to_pyarrow().to_pylist()
    return sorted((row["customer_id"], row["date"], row["amount"]) for row in rows)


@few_examples
@given(rows=purchase_days(), order=st.randoms(use_true_random=False))
def test_fingerprint_and_content_do_not_depend_on_row_order(log_of, rows, order):
    shuffled = order.sample(rows, len(rows))
    one, other = log_of(rows), log_of(shuffled)
    assert one.fingerprint == other.fingerprint
    assert content(one) == content(other) == sorted(rows)


@few_examples
@given(rows=purchase_days(), data=st.data())
def test_fingerprint_moves_with_any_single_change(log_of, rows, data):
    which = data.draw(st.integers(0, len(rows) - 1), label="row")
    customer, day, amount = rows[which]
    cent = Decimal("0.01")
    changed = data.draw(
        st.sampled_from([-cent, cent, 100]).map(lambda change: (customer, day, amount + change))
        | st.sampled_from([-1, 1, 7, 997]).map(lambda change: (customer, day + timedelta(days=change), amount))
        | st.sampled_from(["c0", "c1", "c9", customer + "x"]).map(lambda other: (other, day, amount)),
        label="becomes",
    )
    others = [row for row in rows if row != (customer, day, amount)]
    # Moved onto a purchase day that is there, the row would be added to it: another change than the one meant.
    assume(changed[:2] not in [row[:2] for row in others])
    assume(changed != (customer, day, amount))
    assert log_of([*others, changed]).fingerprint != log_of(rows).fingerprint


def test_fingerprint_moves_with_the_log_end(log_of):
    assert log_of(TWO).fingerprint == log_of(TWO, log_end=date(2020, 1, 2)).fingerprint
    assert log_of(TWO).fingerprint != log_of(TWO, log_end=date(2020, 1, 3)).fingerprint


def test_fingerprint_moves_with_what_cleaning_did(log_of):
    nobody, nothing = (None, date(2020, 1, 1), 1.0), ("a", date(2020, 1, 1), None)
    logs = [log_of(rows) for rows in (TWO, [*TWO, nobody], [*TWO, nobody, nobody], [*TWO, nothing])]
    assert len({str(content(log)) for log in logs}) == 1
    assert len({log.fingerprint for log in logs}) == 4


def test_fingerprint_does_not_move_with_steps_that_change_nothing(log_of):
    assert log_of(TWO).fingerprint == log_of(TWO, rules=()).fingerprint


@few_examples
@given(rows=purchase_days(), order=st.randoms(use_true_random=False))
@pytest.mark.slow
def test_fingerprint_moves_when_amounts_are_dealt_anew(log_of, rows, order):
    dealt = order.sample([amount for *_, amount in rows], len(rows))
    other = [(customer, day, amount) for (customer, day, _), amount in zip(rows, dealt, strict=True)]
    assume(sorted(other) != sorted(rows))
    assert log_of(rows).fingerprint != log_of(other).fingerprint


@pytest.mark.parametrize("apart", [1, 7, 997, 2 * 997])
@pytest.mark.parametrize("customers", ["aa", "ab"])
def test_fingerprint_moves_when_two_amounts_swap_days_or_customers(log_of, customers, apart):
    first, second = date(2015, 1, 1), date(2015, 1, 1) + timedelta(days=apart)
    others = [("a", date(2014, 1, 1), 5.0), ("b", date(2014, 1, 1), 5.0)]

    def swapped(one, two):
        return log_of([*others, (customers[0], first, one), (customers[1], second, two)]).fingerprint

    assert swapped(10.0, 25.5) != swapped(25.5, 10.0)


def test_fingerprint_moves_when_three_amounts_trade_days_and_keep_their_balance(log_of):
    # 1 + 2 x 3 + 3 x 2 = 2 + 2 x 1 + 3 x 3: neither the sums nor the mean day tell these two logs apart.
    def dealt(*amounts):
        rows = [("a", date(2020, 1, day), float(amount)) for day, amount in enumerate(amounts, start=1)]
        return log_of([*rows, ("b", date(2020, 1, 1), 1.0)]).fingerprint

    assert dealt(1, 3, 2) != dealt(2, 1, 3)


def test_fingerprint_is_the_same_in_another_process(cdnow_sample, run_process):
    code = (
        "from functools import partial; from datetime import date;"
        "from clv_experiments.data.sources.cdnow import cdnow; from clv_experiments.data.log import load_log;"
        "log = load_log('again', partial(cdnow, sample=True), log_end=date(1998, 6, 30));"
        "import sys; sys.stdout.write(log.fingerprint)"
    )
    again = run_process([sys.executable, "-c", code])
    assert again.stdout == cdnow_sample.fingerprint


def test_fingerprint_takes_the_largest_amounts(log_of):
    large = [("a", date(2020, 1, 1), 9e12), ("b", date(2020, 1, 2), -9e12), ("b", date(2020, 1, 3), 1.0)]
    assert log_of(large).fingerprint != log_of([*large[:2], ("b", date(2020, 1, 3), 1.01)]).fingerprint
