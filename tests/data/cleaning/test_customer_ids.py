"""Ids that are the same customer in another case, and ids that stand for many."""

from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import guests, id_case, missing_customer
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError

FIRST = date(2020, 1, 1)
TWICE = [(f"c{k}", day, 10.0, f"C{k}@x") for k in range(6) for day in (k, k + 20)]  # six customers, two days each


def load(rows, *steps, extra=("email",)):
    """Log of rows of customer, day, amount and perhaps e-mail address."""
    frame = pd.DataFrame([row[: 3 + len(extra)] for row in rows], columns=["customer_id", "date", "amount", *extra])
    frame["date"] = [FIRST + timedelta(days=number) for number in frame["date"]]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return load_log("toy", lambda engine: RawTable(engine.register_arrow("rows", table)), [*steps, missing_customer()])


def customers(log):
    return sorted(set(log.purchase_days.customer_id.to_pyarrow().to_pylist()))


def notes_about(log, text):
    return [note for note in log.notes if text in note]


def test_rows_without_an_id_count_by_their_email_address():
    rows = [
        *TWICE,
        (None, 3, 10.0, "Ann@x"),
        (" ", 9, 10.0, "ann@x"),
        ("NULL", 4, 10.0, "bob@x"),
        (None, 5, 10.0, None),
    ]
    log = load(rows, guests())
    assert customers(log) == ["ann@x", "bob@x", *(f"c{k}" for k in range(6))]
    assert notes_about(log, "3 row(s) without a customer count for 2 people by their e-mail addresses")
    assert customers(load(rows, guests("keep"))) == [f"c{k}" for k in range(6)]


def test_the_nil_uuid_is_nobody():
    log = load([*TWICE, ("00000000-0000-0000-0000-000000000000", 3, 10.0, None)], guests())
    assert customers(log) == [f"c{k}" for k in range(6)]


CASES = [("Ann@x.de", 1, 1.0), ("ann@X.DE", 2, 1.0), ("b7", 1, 1.0), ("B7", 3, 1.0), ("C", 2, 1.0), ("C", 4, 1.0)]


@pytest.mark.parametrize(
    ("policy", "result", "notes"),
    [
        ("emails", ["B7", "C", "ann@x.de", "b7"], ["e-mail address", "policy=fold makes one of each"]),
        ("fold", ["ann@x.de", "b7", "c"], ["e-mail address", "such as 'b7', differ"]),
        ("keep", ["Ann@x.de", "B7", "C", "ann@X.DE", "b7"], []),
    ],
)
def test_ids_that_differ_in_case_only(policy, result, notes):
    log = load(CASES, id_case(policy), extra=())
    assert customers(log) == result
    assert len(notes_about(log, "in case only")) == len(notes)
    assert all(notes_about(log, note) for note in notes)
    assert ("ids in lower case" in list(log.report.changes["rule"])) == (policy != "keep")


def test_ids_that_differ_in_more_are_left_alone():
    log = load(CASES[2:3] + CASES[4:], id_case(), extra=())
    assert not notes_about(log, "in case only")


def test_an_at_sign_alone_makes_no_email_address():
    assert "@SUM(A1)" in customers(load([*CASES, ("@SUM(A1)", 3, 1.0)], id_case(), extra=()))


@pytest.mark.parametrize("word", ["guest", "Walk-In Customer", "(not set)", "Laufkunde", "-", "N.N."])
def test_a_word_for_nobody_is_no_customer(word):
    log = load([*TWICE, (word, 3, 5.0)], guests(), extra=())
    assert customers(log) == sorted({row[0] for row in TWICE} | ({word} if word == "N.N." else set()))
    assert bool(notes_about(log, f"customer '{word}' stands for many")) == (word != "N.N.")


def test_guests_are_known_by_their_email_addresses():
    rows = [*TWICE, *(("0", day, 5.0, f"Guest{day % 4}@x" if day else None) for day in range(9))]
    log = load(rows, guests())
    assert customers(log) == sorted({row[0] for row in TWICE} | {f"guest{k}@x" for k in range(4)})
    assert log.report.table.set_index("rule").loc["missing customer", "rows"] == 1
    assert notes_about(log, "customer '0' stands for many: its rows count for 4 people")
    assert "0" in customers(load(rows, guests("keep")))


def test_a_number_may_be_somebody():
    """The first customer of a shop that counts from 0, and one who is only the best of many."""
    assert "0" in customers(load([*TWICE, ("0", 3, 5.0), ("0", 4, 5.0)], guests(), extra=()))
    best = [("99999", day, 2.0) for day in range(10)]
    log = load([*TWICE, *((f"d{k}", day, 2.0) for k in range(5) for day in range(5)), *best], guests(), extra=())
    assert "99999" in customers(log)
    assert notes_about(log, "customer '99999' is the largest of all")


def test_a_number_that_buys_three_times_as_much_as_any_other_is_nobody():
    log = load([*TWICE, *(("0", day, 8.0) for day in range(12))], guests(), extra=())
    assert customers(log) == sorted({row[0] for row in TWICE})


@pytest.mark.parametrize(("largest", "is_noted"), [(15, False), (10, True), (1, True)])
def test_the_largest_is_known_among_any_number_of_customers(largest, is_noted):
    rows = [(f"c{k:03}", day, 8.0) for k in range(200) for day in range(largest if k == 199 else 1)]
    log = load([*rows, *(("0", day, 8.0) for day in range(12)), ("c000", 30, 1.0)], guests(), extra=())
    assert bool(notes_about(log, "customer '0'")) == is_noted
    assert ("0" in customers(log)) == (largest > 4)


def test_what_the_user_names_stands_for_many():
    log = load([*TWICE, ("shop", 1, 5.0)], guests(ids=["shop"]), extra=())
    assert "shop" not in customers(log)
    with pytest.raises(ClvError, match=r"no row has the customer 'shup' \(data\.cleaning\.guests\.ids\)"):
        load(TWICE, guests(ids="shup"), extra=())
    with pytest.raises(ClvError, match=r"guests\.policy must be one of auto, keep, got 'drop'"):
        guests("drop")


def test_an_id_with_many_email_addresses_is_said_and_kept():
    log = load([*TWICE, *(("office", day, 5.0, f"e{day}@x") for day in range(12))], guests())
    assert "office" in customers(log)
    assert notes_about(log, "customer 'office' has 12 e-mail addresses")


@pytest.mark.parametrize(("largest", "is_noted"), [(40, True), (12, False), (200, True)])
def test_one_who_stands_out_of_all_is_said(largest, is_noted):
    rows = [(f"c{k}", k % 7 + day, 1.0) for k in range(200) for day in (0, 20)]
    log = load([*rows, ("big", 1, largest / 2.0), ("big", 2, largest / 2.0)], extra=())
    assert bool(notes_about(log, "customer 'big' holds")) == is_noted


PADDED = [("7", 1, 1.0), ("007", 2, 1.0), ("7", 3, 1.0), ("08", 1, 1.0), ("08", 4, 1.0), ("00", 1, 1.0), ("00", 5, 1.0)]


@pytest.mark.parametrize(
    ("policy", "result", "fate"),
    [
        ("emails", ["00", "007", "08", "7"], "stay customers of their own: data.cleaning.id_case.policy=fold makes"),
        ("fold", ["00", "08", "7"], "are the same customer"),
        ("keep", ["00", "007", "08", "7"], None),
    ],
)
def test_ids_that_differ_in_leading_zeros_only(policy, result, fate):
    log = load(PADDED, id_case(policy), extra=())
    assert customers(log) == result
    notes = notes_about(log, "in leading zeros only")
    assert [note.startswith("1 customer id(s), such as '007', differ") and fate in note for note in notes] == (
        [True] if fate else []
    )


@pytest.mark.parametrize("word", ["Cliente anónimo", "Kunde unbekannt", "CUSTOMER UNKNOWN", "client-inconnu"])
def test_an_unknown_customer_is_nobody_in_two_words_too(word):
    assert customers(load([*TWICE, (word, 3, 10.0, None)], guests())) == [f"c{k}" for k in range(6)]


@pytest.mark.cross("name", "rows")
@pytest.mark.parametrize("name", ["TOTAL", "Grand total", "Summe"])
@pytest.mark.parametrize(("rows", "is_total"), [([120.0], True), ([60.0, 60.0, 120.0], True), ([119.0], False)])
def test_a_row_that_is_the_sum_of_all_others_is_no_customer(name, rows, is_total):
    log = load([*TWICE, *((name, 40 + day, amount, None) for day, amount in enumerate(rows))], guests())
    assert (name not in customers(log)) == is_total
    assert (
        len(notes_about(log, f"customer '{name}' is the total of all other rows: its {len(rows)} row(s)")) == is_total
    )
    assert name in customers(load([*TWICE, (name, 40, 120.0, None)], guests("keep")))
