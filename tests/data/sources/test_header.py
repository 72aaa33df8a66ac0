"""Headers: titles above them are skipped, a first purchase never becomes one, unnamed columns do no harm."""

from datetime import datetime

import pytest

from clv_experiments.data.sources.header import find_header
from clv_experiments.errors import ClvError

NAMES = ["customer", "date", "amount"]
PURCHASES = [["226", "2020-01-01", "3.50"], ["17", "2020-01-02", "4"], ["226", "2020-01-05", "1,200.00"]]


def header(rows, **settings):
    return find_header(rows, "'log.csv'", **settings)


@pytest.mark.parametrize(
    "above",
    [
        [],
        [["Sales report"], []],
        [["Sales report", "", ""], ["", "", ""]],
        [["Shop", "Zoe's"], ["From", "2020-01-01", "To", "2020-12-31"], []],
        [["From", "2020-01-01"]],
        [["From", "2020-01-01", ""]],
        [["Account", "12345"], ["Balance", "", "7.00"]],
    ],
)
def test_rows_above_the_names_are_skipped_and_said(above):
    parsed = header([*above, NAMES, *PURCHASES])
    assert (parsed.row, parsed.first_row, parsed.names) == (len(above), len(above) + 1, tuple(NAMES))
    assert len(parsed.notes) == bool(above)
    assert all("above the names of the columns" in note for note in parsed.notes)


@pytest.mark.parametrize(
    "rows",
    [
        PURCHASES,
        [["", "2020-01-01", "3.50"], *PURCHASES],
        [["Zoe", "02JAN2021", "$20.50"], ["Bob", "03JAN2021", "$4"], ["Eve", "03JAN2021", "$4"]],
        [["Zoe", "31.12.2020 08:00", "-1.234,50 EUR"], ["Bob", "1.1.2021 09:30", "(4)"]],
        [["1", datetime(2020, 1, 1), 3.5], ["2", datetime(2020, 1, 2), 4.0]],
    ],
)
def test_a_first_purchase_is_not_taken_for_names(rows):
    parsed = header(rows)
    assert (parsed.row, parsed.first_row, parsed.names) == (None, 0, ("column1", "column2", "column3"))
    assert parsed.notes[0].endswith("(data.source.header=1 says that they are names)")
    below = header([["Report"], [], *rows], line_numbers=[1, 2, *range(3, 3 + len(rows))])
    assert (below.row, below.first_row) == (None, 2)
    assert below.notes[0].startswith("line 1 of 'log.csv'")


@pytest.mark.parametrize("names", [["who", "2019", "2020"], ["who", "2020-01", "2020-02"], ["who", 1.0, 2.0, 3.0]])
def test_periods_may_name_columns(names):
    rows = [names, ["Zoe", *[4.5] * (len(names) - 1)], ["Bob", *[17] * (len(names) - 1)]]
    assert header(rows).names == tuple(str(name).removesuffix(".0") for name in names)


UNITS = [["", "yyyy-mm-dd", "(EUR)"], ["VARCHAR", "DATE", "DECIMAL"], ["", "", "EUR"]]


@pytest.mark.parametrize("units", UNITS)
def test_units_below_the_names_are_left_out_and_said(units):
    below = header([NAMES, units, [], *PURCHASES, *PURCHASES], line_numbers=range(1, 10))
    assert (below.row, below.first_row) == (0, 2)
    quoted = ", ".join(f"'{cell}'" for cell in units if cell)
    assert below.notes == (
        f"line 2 of 'log.csv' ({quoted}), below the names of the columns, was left out: it holds no number or date "
        "where the others do (data.source.header says otherwise)",
    )
    assert header([NAMES, units, *PURCHASES, *PURCHASES], header=True).first_row == 1


def test_a_purchase_with_an_odd_cell_is_no_row_of_units():
    for odd in (["x", "2020-01-05", "free"], ["Total", "", "99.5"]):
        assert header([NAMES, odd, *PURCHASES, *PURCHASES]).first_row == 1


def test_text_alone_has_its_names_in_the_first_row():
    assert header([["a", "b"], ["x", "y"], ["x", "z"]]).row == 0
    assert header([[], ["a", "b"]]).row == 1


@pytest.mark.parametrize(
    ("given", "row", "first_row"),
    [(True, 1, 2), (False, None, 1), (3, 2, 3), (2, 1, 2), (None, 2, 3)],
)
def test_what_is_given_counts(given, row, first_row):
    parsed = header([[], ["Report", "of 2020", "1"], NAMES, *PURCHASES], header=given)
    assert (parsed.row, parsed.first_row) == (row, first_row)


@pytest.mark.parametrize("given", [1, 99])
def test_a_blank_row_is_no_header(given):
    with pytest.raises(ClvError, match=rf"^row {given} of 'log\.csv' is no header \(data\.source\.header\)"):
        header([[], NAMES, *PURCHASES], header=given)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", None])
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_numbers_the_rows_is_left_out(name, start):
    parsed = header([[name, *NAMES], *[[str(k), *row] for k, row in enumerate(PURCHASES, start)]])
    assert (parsed.names, parsed.row_numbers) == (("", *NAMES), {0})
    assert parsed.notes == ("column 1 of 'log.csv' has no name and only numbers the rows: it was left out",)


def test_row_numbers_that_r_gives_no_name_are_left_out():
    parsed = header([NAMES, *[[str(k), *row] for k, row in enumerate(PURCHASES, 1)]])
    assert (parsed.names, parsed.row_numbers) == (("", *NAMES), {0})
    assert header([NAMES, *[["226", *row] for row in PURCHASES]]).names == tuple(NAMES)  # a cell too many


def test_a_column_without_a_name_gets_one_unless_it_is_mostly_empty():
    parsed = header([["customer", "", "amount", ""], *[[*row, ""] for row in PURCHASES]])
    assert (parsed.names, parsed.row_numbers) == (("customer", "column2", "amount", ""), frozenset())
    assert parsed.notes == ("column 2 of 'log.csv' has no name and is called column2 here",)
    assert header([NAMES, *[[*row, ""] for row in PURCHASES]]).names == (*NAMES, "")  # rows end in a separator
    customers = header([["", "date", "amount"], *PURCHASES])
    assert customers.names == ("column1", "date", "amount")
    assert header([["Unnamed: 0", "date", "amount"], *PURCHASES]).names == ("Unnamed: 0", "date", "amount")


@pytest.mark.parametrize(
    ("upper", "lower", "names"),
    [
        (["Order", "", "Customer", ""], ["id", "date", "id", "total"], ["Order id", "date", "Customer id", "total"]),
        (["Order", "Order", "Customer", "Paid"], ["id", "day", "id", ""], ["Order id", "day", "Customer id", "Paid"]),
        (["", "Date", "", ""], ["id", "date", "ID", "total"], ["id_1", "date", "ID_2", "total"]),  # one word is a title
        (["Order", "", "", ""], ["id", "date", "id", "id_1"], ["id_2", "date", "id_3", "id_1"]),
    ],
)
def test_columns_of_one_name_get_the_word_above_it_or_a_number(upper, lower, names):
    rows = [["7", "2020-01-01", "226", "3.50"], ["8", "2020-01-02", "17", "4"], ["9", "2020-01-05", "226", "1.00"]]
    parsed = header([upper, lower, *rows])
    assert (list(parsed.names), parsed.first_row) == (names, 2)
    assert parsed.notes[-1] == (
        "rows 1 and 2 of 'log.csv' name the columns together"
        if "Customer id" in names
        else f"columns of 'log.csv' that have one name are called '{names[0]}', '{names[2]}' here, in their order"
    )


def test_no_rows_are_refused():
    with pytest.raises(ClvError, match=r"^'log\.csv' is empty$"):
        header([[], ["", ""]])
