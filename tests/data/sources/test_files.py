"""The user's own files: one log is the same log in every kind of file, and what cannot be read says why."""

import csv
import gc
import gzip
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError

HOSTILE = [
    "Robert'); DROP TABLE rows;--", '<script>alert("x")</script>', "=1+1", "+1", "-1", "@SUM(A1)", 'say "hi"', '"', "'",
    "two\nlines", "a,b;c|d\te", "back\\slash\\", "\\Nx", "Zoë", "naïve 😀", "{{x}}", "${x}", "%s", "# 1",
]  # fmt: skip
HEADER = ["Customer", "Invoice Date", "Amount", "Country"]
ROWS = [
    [customer, datetime(2020, 1 + day, 1 + k, 8, 30), 10.25 * (k + 1) * day, customer]
    for k, customer in enumerate(HOSTILE)
    for day in (1, 2)
]
WESTERN = [[row[0].replace("😀", "é"), *row[1:3], "UK"] for row in ROWS]  # what cp1252 can write


def as_csv(rows, separator=","):
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    writer.writerows(
        [[customer, f"{when:%Y-%m-%d %H:%M}", amount, country] for customer, when, amount, country in rows]
    )
    return text.getvalue()


def as_parquet(rows, path, unit="us"):
    table = pa.table(dict(zip(HEADER, zip(*rows, strict=True), strict=True)))
    when = table["Invoice Date"].cast(pa.timestamp(unit))
    pq.write_table(table.set_column(1, "Invoice Date", when), path)


def as_workbook(rows, path, sheets=1):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for k in range(sheets):
        sheet = book.create_sheet(f"Part {k}")
        sheet.append(HEADER)
        for row in rows[k::sheets]:
            sheet.append(row)
            for cell in (sheet.cell(sheet.max_row, 1), sheet.cell(sheet.max_row, 4)):
                cell.data_type = "s"  # openpyxl takes text that begins with = for a formula
    book.save(path)


def write_layout(folder, rows):
    """Write the same log in every kind of file; give what to type for each."""
    text = as_csv(rows)
    (folder / "plain.csv").write_text(text, "utf-8", newline="")
    (folder / "excel.csv").write_text(as_csv(rows, ";"), "utf-8-sig", newline="")
    (folder / "log.tsv").write_text(as_csv(rows, "\t"), "utf-16", newline="")
    (folder / "log.txt.gz").write_bytes(gzip.compress(as_csv(rows, "|").encode()))
    as_parquet(rows, folder / "log.parquet")
    as_parquet(rows, folder / "nanoseconds.pq", "ns")
    as_workbook(rows, folder / "log.xlsx", sheets=2)
    for k in range(3):
        (folder / f"part-{k}.csv").write_text(as_csv(rows[k::3]), "utf-8", newline="")
        as_parquet(rows[k::3], folder / f"part-{k}.parquet")
        as_workbook(rows[k::3], folder / f"part-{k}.xlsx")
    kinds = ["plain.csv", "excel.csv", "log.tsv", "log.txt.gz", "log.parquet", "nanoseconds.pq"]
    kinds += ["part-*.csv", "part-?.parquet", "part-*.xlsx"]
    return [{"path": str(folder / kind)} for kind in kinds] + [{"path": str(folder / "log.xlsx"), "sheet": "*"}]


def identity(engine, **settings):
    log = load_log("toy", partial(files, **settings), engine=engine)
    customers = log.purchase_days.customer_id.to_pyarrow().to_pylist()
    return log.fingerprint, log.report.rows_read, sorted(set(customers))


def content(engine, **settings):
    rows = files(engine, **settings).table.to_pyarrow().to_pylist()
    return sorted([None if value is None else str(value) for value in row.values()] for row in rows)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return write_layout(tmp_path_factory.mktemp("hostile"), ROWS)


@pytest.fixture(scope="module")
def expected(hostile):
    return identity(DuckDb(), **hostile[0])


def test_hostile_text_arrives_unchanged(hostile, expected):
    assert expected[1:] == (len(ROWS), sorted(HOSTILE))
    raw = files(DuckDb(), **hostile[0]).table.to_pyarrow()
    assert raw.column_names == HEADER
    assert raw["Customer"].to_pylist() == raw["Country"].to_pylist() == [row[0] for row in ROWS]


def test_line_ends_inside_quotes_arrive_unchanged(tmp_path):
    (tmp_path / "log.csv").write_bytes(b'id,n\r\n"a\r\nb",1\r\n"c\rd",2\r\n"e\nf",3\r\n')
    raw = files(DuckDb(), path=str(tmp_path / "log.csv")).table
    assert raw.id.to_pyarrow().to_pylist() == ["a\r\nb", "c\rd", "e\nf"]


@pytest.mark.slow
def test_every_kind_of_file_gives_one_and_the_same_log(hostile, expected):
    assert {settings["path"]: identity(DuckDb(), **settings) for settings in hostile} == {
        settings["path"]: expected for settings in hostile
    }


@pytest.mark.filterwarnings("ignore")  # of pyspark on recent pandas
def test_spark_reads_the_same(hostile, expected, tmp_path, spark):
    odd = tmp_path / "_a:[1]*.csv"
    shutil.copy(hostile[0]["path"], odd)
    unquoted = tmp_path / "unquoted.csv"
    unquoted.write_text("id,note,empty\n5,a b , \n\\,NULL,\n", "utf-8")
    by_name = {Path(settings["path"]).name: settings for settings in hostile}
    selected = [by_name[name] for name in ("log.tsv", "nanoseconds.pq", "part-*.csv", "part-?.parquet", "log.xlsx")]
    for settings in (*selected, {"path": str(odd)}):
        assert content(spark, **settings) == content(DuckDb(), **settings), settings
    assert identity(spark, **by_name["plain.csv"]) == expected
    assert files(spark, path=str(unquoted)).table.to_pyarrow().to_pylist() == [
        {"id": "5", "note": "a b ", "empty": " "},
        {"id": "\\", "note": "NULL", "empty": None},
    ]


def test_old_encodings_are_read_and_said(tmp_path):
    (tmp_path / "new.csv").write_text(as_csv(WESTERN), "utf-8", newline="")
    (tmp_path / "old.csv").write_text(as_csv(WESTERN), "cp1252", newline="")
    new, old = ({"path": str(tmp_path / name)} for name in ("new.csv", "old.csv"))
    assert identity(DuckDb(), **new) == identity(DuckDb(), **old)
    assert files(DuckDb(), **new).notes == ()
    assert "old.csv' is not UTF-8 and was read as cp1252" in files(DuckDb(), **old).notes[0]
    assert files(DuckDb(), **old, encoding="cp1252").notes == ()


def test_a_pattern_says_how_many_files_it_found(hostile):
    path = next(settings["path"] for settings in hostile if settings["path"].endswith("part-*.csv"))
    assert files(DuckDb(), path=path).notes == (f"3 files match '{path}' and were stacked",)


def test_files_are_stacked_in_the_order_of_their_names(tmp_path):
    for k in (3, 1, 2):
        (tmp_path / f"{k}.csv").write_text(f"id,n\na,{k}\n" if k != 2 else "id;n\na;2\n")
    (tmp_path / "4.csv").write_text("id,n\n")  # a month without sales
    assert files(DuckDb(), path=str(tmp_path / "*.csv")).table.n.to_pyarrow().to_pylist() == ["1", "2", "3"]


def test_home_and_working_directory_are_where_paths_begin(tmp_path, monkeypatch):
    (tmp_path / "log.csv").write_text("id,n\na,1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert files(DuckDb(), path="~/log.csv").table.count().to_pyarrow().as_py() == 1
    monkeypatch.chdir(tmp_path)
    assert files(DuckDb(), path="l*.csv").table.count().to_pyarrow().as_py() == 1


@pytest.mark.parametrize("name", ["a[1].csv", "x*y.csv", "_hidden.csv", 'it\'s a "log".csv', "ünï😀.csv", "a:b.csv"])
def test_odd_file_names_are_taken_literally(tmp_path, name):
    (tmp_path / "a1.csv").write_text("id,n\nwrong,1\n")
    (tmp_path / name).write_text("id,n\na,1\n")
    assert files(DuckDb(), path=str(tmp_path / name)).table.to_pyarrow().to_pylist() == [{"id": "a", "n": "1"}]
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / f"{name}.parquet")
    assert files(DuckDb(), path=str(tmp_path / f"{name}.parquet")).table.to_pyarrow().to_pylist() == [{"id": "a"}]


def test_copies_go_when_the_engine_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "log.csv").write_bytes("id,n\né,1\n".encode("cp1252"))
    engine = DuckDb()
    rows = files(engine, path=str(tmp_path / "log.csv")).table.mutate(twice="id")
    gc.collect()
    assert len(list(tmp_path.iterdir())) == 2
    assert rows.count().to_pyarrow().as_py() == 1
    del engine, rows
    gc.collect()
    assert [left.name for left in tmp_path.iterdir()] == ["log.csv"]


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "orders.csv").write_text("id,n\na,1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, r"^data=file needs to know the file of your log: type data\.path=orders\.csv$"),
        (" ", r"type data\.path=orders\.csv$"),
        ("order.csv", r"^there is no file '.*order\.csv' .*; did you mean orders\.csv\?$"),
        ("zzz", r"^there is no file .*; type data\.path=<your file>$"),
        ("none/orders.csv", r"^there is no file .* there is no folder '.*none'"),
        ("2024-*.csv", r"^there is no file '.*2024-\*\.csv' in "),
    ],
)
def test_what_is_not_there_is_said(folder, path, message):
    with pytest.raises(ClvError, match=message):
        files(DuckDb(), path=path if path is None or path == " " else str(folder / path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"id,n\n", r"^'.*a\.csv' has a header but no row$"),
        ("a.csv", b"PAR1....", r"is a Parquet file, so rename it to end in \.parquet"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"is an old Excel workbook, so rename it to end in \.xls "),
        ("a.csv", gzip.compress(b"id,n\na,1\n", mtime=0), r"is compressed by gzip, so rename it to end in \.csv\.gz"),
        ("a.csv", b"PK\x03\x04", r"is a damaged workbook or zip archive"),
        ("a.parquet", b"PAR1" + bytes(50), r"a\.parquet' is damaged, cut short or no Parquet file"),
        ("a.parquet", b"id,n\na,1\n", r"is no Parquet file, whatever its name; .* rename it to end in \.csv"),
        ("a.parquet", b"", r"is no Parquet file"),
        ("a.xls", b"id,n\na,1\n", r"is no workbook, whatever its name"),
        ("a.xls", b"<html>", r"is a web page \(HTML\), not the file itself"),
        ("a.xyz", b"id,n", r"is of no kind that is read: its name must end in \.csv, .*, \.csv\.gz .* or \.zip"),
        ("a.json", b"{}", r"a\.json' holds no objects with fields"),
        ("a.json", b"[1, 2]", r"a\.json' holds no objects with fields"),
        ("a.jsonl", b'{"id": 1}\n{"id": ', r"a\.jsonl' is damaged, or no json file"),
        ("a.feather", b"id,n\na,1\n", r"a\.feather' is damaged, or no arrow file"),
        ("a.orc", b"id,n\na,1\n", r"is no ORC file, whatever its name"),
        ("a.csv", b"ARROW1\0\0", r"is a Feather file, so rename it to end in \.feather"),
        ("a.db", b"id,n\na,1\n", r"a\.db' is no database of DuckDB or SQLite"),
        ("a.zip", b"id,n\na,1\n", r"is of no kind that is read"),
        (
            "a.dta",
            b"x",
            r"type python -c 'import pandas; pandas\.read_stata\(\"/.*a\.dta\"\)\.to_parquet\(\"/.*\"\)', then data",
        ),
        ("a.sav", b"x", r"type pip install pyreadstat and python -c "),
        (
            "a.rds",
            b"x",
            r"type Rscript -e 'write\.csv\(readRDS\(\"/.*a\.rds\"\), \"/.*a\.csv\", row\.names = FALSE\)', then",
        ),
        ("a.xlsx.gz", b"\x1f\x8b", r"is of no kind that is read"),
    ],
)
def test_files_that_are_not_what_they_seem_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClvError, match=message):
        files(DuckDb(), path=str(tmp_path / name))


def test_workbooks_and_archives_with_the_name_of_a_csv_are_told_apart(tmp_path):
    as_workbook(ROWS[:1], tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").rename(tmp_path / "a.csv")
    with pytest.raises(ClvError, match=r"is an Excel workbook, so rename it to end in \.xlsx"):
        files(DuckDb(), path=str(tmp_path / "a.csv"))
    shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path, "a.csv")
    (tmp_path / "b.zip").rename(tmp_path / "b.csv")
    with pytest.raises(ClvError, match=r"is a zip archive, so rename it to end in \.zip, or unpack it"):
        files(DuckDb(), path=str(tmp_path / "b.csv"))


PLAIN = pd.DataFrame({"id": ["a", "b"], "day": pd.to_datetime(["2020-01-02", "2020-02-03"]), "n": [1.5, 2.0]})


def written_as(name, folder):
    path, kind = folder / name, name.partition(".")[2]
    if kind in ("jsonl", "ndjson", "jsonl.gz", "json"):
        PLAIN.to_json(path, orient="records", lines=kind != "json", date_format="iso", date_unit="s")
    elif kind in ("feather", "arrow"):
        PLAIN.assign(id=PLAIN["id"].astype("category")).to_feather(path)
    elif kind == "orc":
        PLAIN.to_orc(path)
    elif kind == "duckdb":
        with duckdb.connect(str(path)) as made:
            made.register("rows", PLAIN)
            made.execute("CREATE TABLE orders AS SELECT * FROM rows")
    elif kind == "sqlite3":
        with closing(sqlite3.connect(path)) as made:
            PLAIN.to_sql("orders", made, index=False)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.json", "a.feather", "a.arrow", "a.orc", "a.duckdb", "a.sqlite3"],
)
def test_other_kinds_hold_the_same_rows(tmp_path, name, pushed_down):
    raw = pushed_down(files(DuckDb(), path=str(written_as(name, tmp_path))))
    rows = raw.table.to_pyarrow().to_pandas()
    assert rows.columns.tolist() == ["id", "day", "n"]
    assert (rows["id"].tolist(), rows["n"].tolist()) == (["a", "b"], [1.5, 2.0])
    assert [str(day)[:10] for day in rows["day"]] == ["2020-01-02", "2020-02-03"]


def test_a_database_is_known_by_its_content_and_its_tables_are_named(tmp_path, pushed_down):
    path = written_as("a.duckdb", tmp_path).rename(tmp_path / "shop #1.bak")
    raw = pushed_down(files(DuckDb(), path=str(path)))
    assert raw.notes == ("table orders was read, the only one of the database",)
    raw.table.get_backend().disconnect()
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE items (sku INT)")
    with pytest.raises(ClvError, match=r"has 2 tables, items, orders; type .* data\.table=items$"):
        files(DuckDb(), path=str(path))
    assert pushed_down(files(DuckDb(), path=str(path), table="orders")).table.count().to_pyarrow().as_py() == 2


def test_json_keeps_ambiguous_dates_as_text_and_nested_fields_as_columns(tmp_path):
    lines = ['{"id": 1, "day": "01/02/2020", "who": {"name": "x"}}', '{"id": "A2", "day": "03/02/2020", "n": 2}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert files(DuckDb(), path=str(tmp_path / "a.jsonl")).table.to_pyarrow().to_pylist() == [
        {"id": "1", "day": "01/02/2020", "who.name": "x", "n": None},
        {"id": "A2", "day": "03/02/2020", "who.name": None, "n": 2},
    ]


def test_json_keeps_times_as_they_are_written(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": 1, "at": "2022-01-03T00:30:00+02:00"}\n{"id": 2, "at": null}\n')
    times = files(DuckDb(), path=str(tmp_path / "a.jsonl")).table.to_pyarrow()["at"].to_pylist()
    assert times == ["2022-01-03T00:30:00+02:00", None]


def test_the_rows_of_json_may_be_a_field_of_one_object(tmp_path):
    (tmp_path / "a.json").write_text('{"count": 2, "or\\"ders": [{"id": 1, "who": {"name": "x"}}, {"id": 2}]}')
    rows = files(DuckDb(), path=str(tmp_path / "a.json")).table.to_pyarrow().to_pylist()
    assert rows == [{"id": 1, "who.name": "x"}, {"id": 2, "who.name": None}]
    (tmp_path / "b.json").write_text('{"a": [{"id": 1}]}\n{"a": [{"id": 2}]}')
    with pytest.raises(ClvError, match=r"b\.json' holds lists inside of objects: make one object a line"):
        files(DuckDb(), path=str(tmp_path / "b.json"))


def test_the_only_file_of_an_archive_is_read_and_several_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("exports/orders.csv", "id,n\na,1\nb,2\n")
        archive.writestr("__MACOSX/exports/._orders.csv", "x")
        archive.writestr("readme.md", "x")
    raw = files(DuckDb(), path=str(tmp_path / "a.zip"))
    assert raw.table.count().to_pyarrow().as_py() == 2
    assert raw.notes[0] == f"'orders.csv' was read, the only file of '{tmp_path / 'a.zip'}'"
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("customers.csv", "id\n")
    with pytest.raises(
        ClvError, match=r"holds 2 files, exports/orders\.csv, customers\.csv: unpack it and type data\.path"
    ):
        files(DuckDb(), path=str(tmp_path / "a.zip"))


def test_a_cut_parquet_file_is_refused(tmp_path):
    as_parquet(ROWS, tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for cut in (len(content) // 2, len(content) - 1):
        (tmp_path / "a.parquet").write_bytes(content[:cut])
        with pytest.raises(ClvError, match=r"a\.parquet' is damaged, cut short or no Parquet file"):
            files(DuckDb(), path=str(tmp_path / "a.parquet"))


def parquet(*columns):
    return pa.Table.from_arrays([pa.array(values) for _, values in columns], names=[name for name, _ in columns])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([parquet(("id", ["a"]))[:0]], r"0\.parquet' has columns but no row"),
        (
            [parquet(("id", ["a"])), parquet(("id", [1]))],
            r"^column 'id' is int64 in '.*1\.parquet' and string in '.*0\.",
        ),
        ([parquet(("id", ["a"])), parquet(("no", ["a"]))], r"1\.parquet' does not .* lacks 'id' and has 'no' besides"),
    ],
)
def test_parquet_files_of_no_one_schema_are_refused(tmp_path, tables, message):
    for k, table in enumerate(tables):
        pq.write_table(table, tmp_path / f"{k}.parquet")
    with pytest.raises(ClvError, match=message):
        files(DuckDb(), path=str(tmp_path / "*.parquet"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "b.csv",
            "id,m\na,1\n",
            r"^'.*b\.csv' does not have the columns of '.*a\.csv': it lacks 'n' and has 'm' besides",
        ),
        ("b.csv", "id,n\na,1\nb\n", r"^line 3 of '.*b\.csv' has 1 cell"),
        ("b.parquet", None, r"b\.parquet' is a parquet file and '.*a\.csv' a csv file: only one kind can be stacked"),
    ],
)
def test_files_that_differ_are_not_stacked(tmp_path, name, content, message):
    (tmp_path / "a.csv").write_text("id,n\na,1\n")
    if content is None:
        as_parquet(ROWS, tmp_path / name)
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(ClvError, match=message):
        files(DuckDb(), path=str(tmp_path / "*"))


def test_workbooks_that_differ_are_not_stacked(tmp_path):
    as_workbook(ROWS, tmp_path / "a.xlsx")
    pd.DataFrame({"id": [1]}).to_excel(tmp_path / "b.xlsx", index=False)
    (tmp_path / "~$a.xlsx").write_bytes(b"shadow of an open workbook")
    with pytest.raises(ClvError, match=r"^'.*b\.xlsx' does not have the columns of '.*a\.xlsx'"):
        files(DuckDb(), path=str(tmp_path / "*.xlsx"))


@pytest.mark.parametrize("settings", [{"sheet": "x"}, {"separator": "tab"}, {"encoding": "utf-8"}])
def test_settings_for_another_kind_are_refused(folder, settings):
    as_parquet(ROWS, folder / "a.parquet")
    with pytest.raises(
        ClvError, match=rf"^data\.source\.{next(iter(settings))} is for a (csv|workbook) file, and '.*' is none"
    ):
        files(DuckDb(), path=str(folder / ("orders.csv" if "sheet" in settings else "a.parquet")), **settings)


@pytest.fixture
def nobody():
    """A folder that everyone may enter, and a user who may not read all that is there."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    user = os.geteuid()
    yield place, lambda: os.seteuid(65534) if user == 0 else None
    os.seteuid(user)
    shutil.rmtree(place)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file permissions are those of POSIX")
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.xlsx"])
def test_a_file_without_permission_is_refused(nobody, name):
    place, become_nobody = nobody
    (place / name).write_text("id,n\na,1\n")
    (place / name).chmod(0)
    engine = DuckDb()
    become_nobody()
    with pytest.raises(ClvError, match=rf"{name}' may not be read or written: give yourself permission"):
        files(engine, path=str(place / name))


def test_a_full_disk_is_said(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "/tmp/copy")

    (folder / "old.csv").write_bytes("id,n\né,1\n".encode("cp1252"))
    monkeypatch.setattr("clv_experiments.data.sources.files.copy_to_parquet", full)
    with pytest.raises(ClvError, match=r"^'/tmp/copy' cannot be read or copied: the disk that holds '/tmp' is full; "):
        files(DuckDb(), path=str(folder / "old.csv"))
