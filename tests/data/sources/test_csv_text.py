"""CSV text: encodings and separators are found, every copy means what the original did, faults are named by line."""

import csv
import gzip
from io import StringIO

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.csv_copy import CsvCopy, copy_to_parquet
from clv_experiments.data.sources.csv_text import inspect_csv
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError

HEADER = "customer,date,amount\n"
ROWS = HEADER + "Zoë,2020-01-01,3\nb,2020-01-02,4.50\n"


@pytest.fixture
def file(tmp_path):
    def written(content, name="log.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


def copy(path, **settings):
    return copy_to_parquet(inspect_csv(path, **settings), path.with_name("copy.parquet"))


def cells(path, **settings):
    """Header and rows as they are copied."""
    copy(path, **settings)
    table = pq.read_table(path.with_name("copy.parquet"))
    return [tuple(table.column_names), *(tuple(row.values()) for row in table.to_pylist())]


EXPECTED = [("customer", "date", "amount"), ("Zoë", "2020-01-01", "3"), ("b", "2020-01-02", "4.50")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
@pytest.mark.parametrize("given", [False, True])
def test_every_usual_encoding_is_found_or_taken_as_said(file, encoding, given):
    path = file(ROWS, encoding=encoding)
    assert cells(path, **({"encoding": encoding} if given else {})) == EXPECTED


def test_the_encoding_is_that_of_the_whole_file(file):
    path = file((HEADER + "a,2020-01-01,1\n" * 200_000).encode() + "é,2020-01-01,1\n".encode("cp1252"))
    assert inspect_csv(path).encoding == "cp1252"
    assert inspect_csv(file("a,b\n1,\u20ac\n", encoding="cp1252")).encoding == "cp1252"
    assert inspect_csv(file(b"a,b\n1,\x81\n")).encoding == "latin-1"  # not defined in cp1252


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_outside_quotes(file, separator):
    others = "".join({",", ";", "\t", "|"} - {separator})
    records = [
        ["id", f"when{others}", "amount"],
        [f"a{separator}{others}", "2020-01-01", "1,5"],
        ["b", others * 3, "2"],
    ]
    text = StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(records)
    path = file(text.getvalue())
    assert cells(path) == [tuple(record) for record in records]
    assert cells(path, separator=separator) == cells(path)


def test_decimal_commas_do_not_pass_for_separators(file):
    assert cells(file("id;day;amount, EUR\n1;2020-01-01;3,50\n2;2020-01-01;4,50\n"))[0] == ("id", "day", "amount, EUR")


def test_the_separator_that_fits_the_rows_wins_over_one_that_splits_the_header_finer(file):
    path = file("id;day;net, gross, or both, in EUR\n1;2020-01-01;3\n2;2020-01-01;4\n")
    assert inspect_csv(path).columns == ("id", "day", "net, gross, or both, in EUR")


@pytest.mark.parametrize("name", ["tab", "\\t", "\t"])
def test_a_separator_can_be_said_by_name(file, name):
    assert cells(file(ROWS.replace(",", "\t")), separator=name) == EXPECTED


def test_an_unusual_separator_can_be_said(file):
    assert cells(file(ROWS.replace(",", "^")), separator="^") == EXPECTED


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_that_names_the_separator_is_understood(file, line, end, encoding):
    path = file(end.join([line, *ROWS.replace(",", ";").splitlines(), ""]), encoding=encoding)
    assert cells(path) == cells(path, separator=";") == EXPECTED


def test_a_first_line_that_names_the_separator_is_neither_trusted_nor_counted_blindly(file):
    assert cells(file("sep=^\n" + ROWS.replace(",", "^"))) == EXPECTED
    assert cells(file("sep=;\n" + ROWS), separator=",") == EXPECTED
    with pytest.raises(ClvError, match=r"with the separator semicolon, and 3 with comma"):
        inspect_csv(file("sep=;\n" + ROWS))
    with pytest.raises(ClvError, match=r"is empty$"):
        inspect_csv(file("sep=;\n\n"))
    with pytest.raises(ClvError, match=r"^line 4 of '.*log\.csv' has 2 cell\(s\)"):
        copy(file("sep=,\na,b,c\n1,2,3\n1,2\n"))
    assert inspect_csv(file("sep=;,b\n1,2\n")).columns == ("sep=;", "b")


@pytest.mark.parametrize("end", [",", ",,", ", "])
def test_a_separator_that_ends_every_line_makes_no_column(file, end):
    assert cells(file("".join(f"{line}{end}\n" for line in ROWS.splitlines()))) == EXPECTED


def test_a_last_column_without_a_name_must_be_empty_throughout(file):
    with pytest.raises(ClvError, match=r"^line 3 of '.*log\.csv' has 'x' in column 3, which has no name"):
        copy(file("a,b,\n1,2,\n1,2,x\n"))
    with pytest.raises(ClvError, match=r"^line 3 of '.*log\.csv' has 2 cell\(s\) where the header has 3"):
        copy(file("a,b,\n1,2,\n1,2\n"))


def test_gzip_is_unpacked(file):
    for encoding in ("utf-8", "cp1252"):
        assert cells(file(gzip.compress(ROWS.encode(encoding)), "log.csv.gz")) == EXPECTED


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_blank_lines_make_no_difference(file, end):
    lines = ["", "", *ROWS.splitlines()[:2], "", *ROWS.splitlines()[2:], "", ""]
    assert cells(file(end.join(lines))) == EXPECTED
    assert cells(file("\n\n" + ROWS.replace("\n", "\r\n", 1))) == EXPECTED  # mixed


def test_nothing_is_lost_between_lines_that_end_differently(file):
    for above in ("", "\n", "\r\n", "Report\n\r\n", '"Report\nof"\r\n'):
        for ends in (["\n", "\r\n"], ["\r\n", "\n"], ["\r", "\n"], ["\r\n", "\r"]):
            lines = [line + ends[k % 2] for k, line in enumerate(ROWS.splitlines())]
            assert cells(file(above + "".join(lines))) == EXPECTED


def test_the_first_row_may_hold_another_line_end(file):
    content = '"customer","date","amount"\r\n"Zoë\nX","2020-01-01","3"\r\n"b","2020-01-02","4.50"\r\n'
    for encoding in ("utf-8", "cp1252", "utf-16"):
        assert cells(file(content, encoding=encoding)) == [EXPECTED[0], ("Zoë\nX", *EXPECTED[1][1:]), EXPECTED[2]]


def test_a_dos_file_may_end_in_1a(file):
    assert cells(file(ROWS.replace("\n", "\r\n") + "\x1a")) == EXPECTED


@pytest.mark.parametrize("quote", ["", '"'])
def test_titles_above_the_names_are_skipped(file, quote):
    title = f"{quote}Sales report{quote}\nFrom,2020-01-01,To,2020-12-31\n\n"
    assert cells(file(title + ROWS)) == EXPECTED
    assert inspect_csv(file(title + ROWS)).header.notes[0].startswith("lines 1 to 2 of '")
    with pytest.raises(ClvError, match=r"^line 7 of '.*log\.csv' has 2 cell\(s\)"):
        copy(file(title + ROWS + "1,2\n"))


def test_the_names_of_the_columns_may_come_again_further_down(file):
    rows = "Zoë,2020-01-01,3\nb,2020-01-02,4.50\ncustomer, date,4\ncustomer,,\n"
    log = file(HEADER + rows + '"customer",date ,amount\n' + rows + HEADER)
    assert copy(log) == CsvCopy(rows=8, repeated_headers=2)
    assert cells(log)[1:] == cells(file(HEADER + rows + rows))[1:]
    assert copy(file(HEADER)) == CsvCopy(rows=0)
    engine = DuckDb()
    assert files(engine, path=str(file(HEADER + rows + HEADER))).notes == (
        f"1 line(s) of '{log}' repeat the names of its columns and were left out",
    )


def test_a_file_without_names_keeps_its_first_row(file):
    path = file(ROWS.removeprefix(HEADER))
    assert cells(path) == [("column1", "column2", "column3"), *EXPECTED[1:]]
    assert cells(path, header=True) == [("Zoë", "2020-01-01", "3"), EXPECTED[2]]
    assert cells(file(ROWS), header=False)[1] == EXPECTED[0]
    assert cells(file("x,y,z\n" + ROWS), header=2) == EXPECTED


def test_row_numbers_are_left_out(file):
    rows = ROWS.splitlines()[1:]
    for header in ("," + HEADER, HEADER):  # as pandas and R write them
        assert cells(file(header + "".join(f"{k},{row}\n" for k, row in enumerate(rows, 1)))) == EXPECTED
    quoted = "".join(f'"{k}" {row.replace(",", " ")}\n' for k, row in enumerate(rows, 1))
    assert cells(file(HEADER.replace(",", " ") + quoted)) == EXPECTED  # R's write.table


anything = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=5))
def test_a_copy_holds_every_cell_unchanged(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    expected = [tuple(cell or None for cell in row) for row in rows]
    assert cells(path, separator=",", header=True) == [("a", "b", "c"), *expected]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"is empty$"),
        ("\n\n \n", r"is empty$"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", r"is no plain text: it holds characters 0x00"),
        (bytes(range(1, 256)), r"is no plain text: it holds characters 0x01"),
        ("customer\n1\n", r"has one column only, 'customer'; .* type data\.source\.separator="),
        ("a,b\n1,2\n" + "sep=;\n" * 9, r"has one column only, 'a,b'; .* type data\.source\.separator="),
    ],
)
def test_what_is_no_table_is_refused(file, content, message):
    with pytest.raises(ClvError, match=message):
        inspect_csv(file(content))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,2,3\n1,2,3,4\n", r"^line 3 of '.*log\.csv' has 4 cell\(s\) where the header has 3"),
        ("1,2,3\n\n1,2\n", r"^line 4 of '.*log\.csv' has 2 cell\(s\)"),
        ('"1\n2",2,3\n1,2\n', r"^line 4 of "),
        ('1,2,3\n1,"2,3\n1,2,3\n', r"^line 3 of '.*log\.csv' has a quote that is never closed"),
        ('1,"2"x,3\n', r"^line 2 of '.*log\.csv' has .* text behind a closing one"),
        ('1,"' + "x" * 200_000 + "\n", r"^line 2 of '.*log\.csv' has a quote that is never closed"),
    ],
)
def test_a_line_that_does_not_fit_is_named(file, rows, message):
    with pytest.raises(ClvError, match=message):
        copy(file(HEADER + rows))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": ";"}, r"one column only with the separator semicolon, and 3 with comma: .*separator=comma"),
        ({"separator": "ab"}, r"one character or comma, semicolon, tab, pipe, got 'ab' \(data\.source\.separator\)"),
        ({"separator": '"'}, r"one character or comma"),
        ({"encoding": "utf-99"}, r"no text encoding 'utf-99' \(data\.source\.encoding\)"),
        ({"encoding": "base64"}, r"no text encoding 'base64'"),
        ({"encoding": "ascii"}, None),  # a part of UTF-8
        ({"encoding": "utf-16"}, r"is not written in utf-16: .* type data\.source\.encoding="),
        ({"encoding": "cp932"}, r"is not written in cp932: "),
    ],
)
def test_settings_that_do_not_fit_are_refused(file, settings, message):
    path = file(ROWS.encode() + b"\x85,\xfd\xff,1\n" if settings.get("encoding") == "cp932" else ROWS)
    if message is None:
        assert cells(path, **settings) == EXPECTED
    else:
        with pytest.raises(ClvError, match=message):
            inspect_csv(path, **settings)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(ROWS.encode() * 99, mtime=0)[:40], b"hello", gzip.compress(b"x" * 99, mtime=0)[:-9] + b"?" * 9],
)
def test_a_damaged_gzip_is_refused(file, content):
    with pytest.raises(ClvError, match=r"log\.csv\.gz' is damaged, cut short or not compressed as its name says"):
        inspect_csv(file(content, "log.csv.gz"))


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_several_blanks_may_stand_between_cells(file, end):
    rows = [" 00001 19970101  1   11.77", " 00002 19970112 12  109.00"]
    table = files(DuckDb(), path=str(file(end.join([*rows, ""])))).table.to_pyarrow()
    assert list(zip(*table.to_pydict().values(), strict=True)) == [
        ("00001", "19970101", "1", "11.77"),
        ("00002", "19970112", "12", "109.00"),
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("Generated by ShopX\n", "the last 1 line(s)"), ("\nTotal;12\n\nby Ann", "the last 2 line(s)"),
        (";;12\nSum", "from '12' on"),
    ],
)  # fmt: skip
def test_lines_below_the_table_are_left_out_and_said(file, lines, said):
    rows = "who;when;much;what\n" + "".join(f"a{k};2020-01-0{k};{k};x\n" for k in range(1, 7))
    raw = files(DuckDb(), path=str(file(rows + lines)))
    assert raw.table.count().to_pyarrow().as_py() == 6
    assert any(said in note and "are no rows of its table" in note for note in raw.notes)


@pytest.mark.parametrize("lines", ["a7;2020-01-07\na8;2020-01-08;8;x\n", "a7;2020-01-07;7\n"])
def test_a_short_line_among_others_or_a_long_one_at_the_end_is_still_refused(file, lines):
    with pytest.raises(ClvError, match=r"line 3 of .* has [23] cell\(s\) where the header has 4"):
        files(DuckDb(), path=str(file("who;when;much;what\na1;2020-01-01;1;x\n" + lines)))
