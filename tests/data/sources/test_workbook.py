"""Workbooks: types survive, mixed columns become text, sheets are chosen or stacked, damage is said in one sentence."""

import struct
from datetime import date, datetime, time, timedelta

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.sources import workbook
from clv_experiments.data.sources.workbook import read_workbook, stack_tables
from clv_experiments.errors import ClvError


@pytest.fixture
def book(tmp_path):
    """Write a workbook with a sheet for each keyword, a list of rows."""

    def written(name="sales.xlsx", /, **sheets):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(row)
        made.save(tmp_path / name)
        return tmp_path / name

    return written


def test_pure_columns_keep_their_types(book):
    rows = [
        ["id", "price", "when", "day", "gift", "note", "nothing"],
        [17850, 2.55, datetime(2010, 12, 1, 8, 26), date(2010, 12, 1), True, "x", None],
        [None, None, None, None, None, None, None],
        [1, None, None, None, None, None, None],
        [13047, 3, datetime(2010, 12, 1, 8, 28), date(2010, 12, 2), False, "y", None],
    ]
    table, notes = read_workbook(book(s=rows), None)
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "double", "timestamp[us]", "timestamp[us]", "bool", "string", "string",
    ]  # fmt: skip
    assert table.to_pydict() == {
        "id": [17850, 1, 13047],
        "price": [2.55, None, 3.0],
        "when": [datetime(2010, 12, 1, 8, 26), None, datetime(2010, 12, 1, 8, 28)],
        "day": [datetime(2010, 12, 1), None, datetime(2010, 12, 2)],
        "gift": [True, None, False],
        "note": ["x", None, "y"],
        "nothing": [None, None, None],
    }
    assert notes == []


def test_mixed_columns_become_text_without_decimals(book):
    values = [536365, "C536379", 1.5, "007", True, datetime(2020, 1, 1, 8, 26), date(2020, 1, 2), time(9, 5), None]
    values.append(timedelta(hours=30))
    table, _ = read_workbook(book(s=[["InvoiceNo", "n"], *([value, 1] for value in values)]), None)
    assert table["InvoiceNo"].to_pylist() == [
        "536365", "C536379", "1.5", "007", "TRUE", "2020-01-01 08:26:00", "2020-01-02", "09:05:00", None,
        "1 day, 6:00:00",
    ]  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(
    values=st.lists(st.none() | st.sampled_from([1, 2.5, "C1", "2"]), min_size=1, max_size=9), at_once=st.integers(1, 4)
)
def test_a_column_is_the_same_however_it_is_cut(book_of_one, values, at_once):
    path = book_of_one([["mixed", "n"], *([value, 0] for value in values)])
    whole, _ = read_workbook(path, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbook, "CHUNK_ROWS", at_once)
        cut, _ = read_workbook(path, None)
    assert cut.to_pydict() == whole.to_pydict()
    assert cut.schema == whole.schema
    kinds = {type(value) for value in values} - {type(None)}
    if str in kinds:  # a naive reading of the same
        assert whole["mixed"].to_pylist() == [None if value is None else str(value) for value in values]
    else:
        assert whole["mixed"].to_pylist() == values


@pytest.fixture(scope="module")
def book_of_one(tmp_path_factory):
    def written(rows):
        made = openpyxl.Workbook()
        for row in rows:
            made.active.append(row)
        path = tmp_path_factory.getbasetemp() / "one.xlsx"
        made.save(path)
        return path

    return written


def test_numbers_too_large_to_be_exact_are_not_made_whole(book):
    table, _ = read_workbook(book(s=[["a", "b"], [1e20, "x"], [3, "y"]]), None)
    assert table["a"].to_pylist() == [1e20, 3.0]


def test_empty_rows_and_columns_around_the_table_are_left_out(book):
    rows = [
        [None] * 6,
        [None, "id", None, "n", None, None],
        [None, "a", None, 1],
        [None] * 6,
        [None, "b", None, 2],
        [" "][:0],
    ]
    table, _ = read_workbook(book(s=rows), None)
    assert table.to_pydict() == {"id": ["a", "b"], "n": [1, 2]}


ONE = [["id", "n"], ["a", 1], ["b", 2]]
TWO = [["id", "n"], [3, 1.5]]


BOUGHT = [["c1", date(2022, 1, 3), 5.5], ["c2", date(2022, 1, 4), 6], ["c1", date(2022, 2, 9), 7]]
ORDERS = [["Customer", "Date", "Amount"], *BOUGHT]
TITLE = [["Orders of the shop"], ["made by", "Ann"]]
CLIENTS = [["code", "name", "city"], ["c1", "Ann", "Rome"], ["c2", "Bob", "Oslo"]]
PIVOT = [["Row Labels", "Sum of Amount"], ["c1", 12.5], ["c2", 6]]


@pytest.mark.parametrize(
    "others",
    [
        {"Title Sheet": TITLE},
        {"Cover": TITLE, "Clients": CLIENTS, "Pivot": PIVOT, "Blank": []},
        {"Dictionary": [["Column", "Type", "Meaning"], ["Date", "day", "of order"], ["Amount", "number", "paid"]]},
    ],
)
@pytest.mark.parametrize("names", [ORDERS[0], ["Codice", "Giorno", "Importo"]])
def test_the_sheet_that_holds_a_log_is_found_and_the_others_named(book, others, names):
    for sheets in (others | {"Data": [names, *BOUGHT]}, {"Data": [names, *BOUGHT]} | others):
        table, notes = read_workbook(book(**sheets), None)
        assert (table.column_names, table.num_rows) == (names, 3)
        assert len(notes) == 1
        first = next(iter(others))
        assert notes[0].startswith("sheet 'Data' of '")
        assert f"left out: type data.source.sheet=\"'{first}'\", or '*' for all" in notes[0]


@pytest.mark.parametrize("sheets", [{"Year 1": ORDERS, "Year 2": ORDERS}, {"Year 1": ONE, "Year 2": TWO}])
def test_where_several_sheets_could_be_the_log_they_are_named(book, sheets):
    with pytest.raises(ClvError) as caught:
        read_workbook(book(Cover=[], **sheets), None)
    assert str(caught.value).endswith(
        "has several sheets that could be the log, 'Year 1', 'Year 2': type data.source.sheet=\"'Year 1'\", or '*' to "
        "stack all"
    )


def test_titles_above_the_table_and_totals_and_notes_below_are_left_out(book):
    above, below = [["Sales report"], ["2022", "2023"], []], [[], ["Total", None, 18.5], ["Source: the shop"]]
    table, notes = read_workbook(book(s=[*above, ["Date", "Customer", "Amount"], *DATED, *below]), None)
    assert table.to_pydict() == {
        "Date": [datetime(2022, 1, 3), datetime(2022, 1, 4), datetime(2022, 2, 9)],
        "Customer": ["c1", "c2", "c1"],
        "Amount": [5.5, 6.0, 7.0],
    }
    assert [note.partition(" of ")[0] for note in notes] == ["rows 1 to 2", "the last 2 row(s)"]
    assert "from 'Total' on, are no rows of its table" in notes[1]


DATED = [[day, customer, amount] for customer, day, amount in BOUGHT]


@pytest.mark.parametrize("last", [["unknown", "c1", 5], [None, "c1", 5]])
def test_a_last_row_that_may_be_a_purchase_is_kept(book, last):
    table, notes = read_workbook(book(s=[["Date", "Customer", "Amount"], *DATED, last]), None)
    assert (table.num_rows, notes) == (4, [])


def test_the_row_of_the_header_may_be_given(book):
    table, _ = read_workbook(book(s=[["a", "b"], ["id", "n"], ["x", 1]]), None, 1)
    assert table.to_pydict() == {"a": ["id", "x"], "b": ["n", "1"]}


def test_a_sheet_is_chosen_by_name(book):
    table, notes = read_workbook(book(**{"Year 1": ONE, "Year 2": TWO}), "Year 2")
    assert (table.to_pydict(), notes) == ({"id": [3], "n": [1.5]}, [])


def test_all_sheets_are_stacked_and_empty_ones_passed_over(book):
    table, notes = read_workbook(book(a=ONE, b=[], c=TWO), "*")
    assert (table.to_pydict(), notes) == ({"id": ["a", "b", "3"], "n": [1.0, 2.0, 1.5]}, [])


@pytest.mark.parametrize(
    ("sheets", "sheet", "message"),
    [
        ({"a": ONE, "b": TWO}, "c", r"has no sheet 'c' \(data\.source\.sheet\); it has 'a', 'b'$"),
        ({"a": [], "b": TWO}, "a", r"^sheet 'a' of '.*' is empty$"),
        ({"a": []}, None, r"^sheet 'a' of '.*' is empty$"),
        ({"a": [], "b": []}, "*", r"is empty$"),
        ({"a": ONE[:1]}, None, r"^sheet 'a' of '.*' has a header but no row$"),
        (
            {"a": ONE, "b": [["id", "m"], [1, 2]]},
            "*",
            r"^sheet 'b' .* columns of sheet 'a' .* lacks 'n' and has 'm' besides",
        ),
        ({"a": ONE, "b": [["n", "id"], [1, 2]]}, "*", r"^sheet 'b' .* it has them in another order; "),
    ],
)
def test_sheets_that_cannot_be_read_are_refused(book, sheets, sheet, message):
    with pytest.raises(ClvError, match=message):
        read_workbook(book(**sheets), sheet)


def locked() -> bytes:
    """Build the container that Excel keeps an encrypted workbook in: one stream named EncryptedPackage."""

    def entry(name, kind, child=0xFFFFFFFF, start=0xFFFFFFFE, size=0):
        text = (name + "\0").encode("utf-16-le") if name else b""
        none = 0xFFFFFFFF
        return struct.pack("<64sHBBIII36xIQ", text, len(text), kind, 1, none, none, child, start, size)

    end, free = 0xFFFFFFFE, b"\xff"
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    head = struct.pack("<8s16xHHHHH6xIIIIIIIIII", magic, 62, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0, 0)
    allocation = struct.pack("<10I", 0xFFFFFFFD, end, *range(3, 10), end)
    folder = entry("Root Entry", 5, child=1) + entry("EncryptedPackage", 2, start=2, size=4096) + entry("", 0) * 2
    return head.ljust(512, free) + allocation.ljust(512, free) + folder + b"x" * 4096


def test_a_locked_workbook_is_refused(tmp_path):
    (tmp_path / "sales.xlsx").write_bytes(locked())
    with pytest.raises(ClvError, match=r"sales\.xlsx' is locked by a password; save it without one"):
        read_workbook(tmp_path / "sales.xlsx", None)


def test_a_damaged_workbook_is_refused(book):
    path = book(s=ONE)
    content = path.read_bytes()
    for damaged in (
        content[: len(content) // 2],
        b"PK\x03\x04" + bytes(99),
        content.replace(b"xl/workbook", b"xl/workb00k"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            ClvError, match=r"sales\.xlsx' (cannot be read as a workbook|has no sheet of cells).*save it as CSV$"
        ):
            read_workbook(path, None)


def test_stacked_tables_agree_on_a_type():
    tables = [pa.table({"id": pa.array([1, None])}), pa.table({"id": ["C1"]}), pa.table({"id": pa.array([2.5])})]
    assert stack_tables(tables)["id"].to_pylist() == ["1", None, "C1", "2.5"]
    assert stack_tables([tables[0], tables[2]])["id"].to_pylist() == [1.0, None, 2.5]
