"""Files of odd shapes: read in full, or refused in a sentence that says what to type."""

import bz2
import lzma

import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError

HEADER = "customer,day,amount"
LINES = [f"c{k % 5},2022-01-{k + 1:02d},{k}.50" for k in range(20)]
TEXT = "\n".join([HEADER, *LINES]) + "\n"


def read(path):
    raw = files(DuckDb(), path=str(path))
    return [",".join(map(str, row.values())) for row in raw.table.to_pyarrow().to_pylist()], raw.notes


def read_bytes(folder, data, name="log.csv"):
    (folder / name).write_bytes(data)
    return read(folder / name)[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-16"])
def test_wide_characters_need_no_mark(tmp_path, encoding):
    assert read_bytes(tmp_path, TEXT.encode(encoding)) == LINES


@pytest.mark.parametrize("megabytes", [3, 40])
@pytest.mark.parametrize("cell", ["{}", '"{}"'])
def test_a_row_with_a_cell_of_megabytes_is_not_lost(tmp_path, megabytes, cell):
    text = "x" * (megabytes << 20)
    rows = read_bytes(
        tmp_path, "\n".join([HEADER, *LINES[:3], "c9,2022-02-01," + cell.format(text), *LINES[3:]]).encode()
    )
    assert len(rows) == 21
    assert rows[3] == "c9,2022-02-01," + text


def test_a_cell_of_many_lines_is_not_lost(tmp_path):
    cell = "a\n" * 1_500_000
    rows = read_bytes(tmp_path, "\n".join([HEADER, *LINES[:3], f'c9,2022-02-01,"{cell}"', *LINES[3:]]).encode())
    assert rows[3] == "c9,2022-02-01," + cell


@pytest.mark.parametrize(
    "again", [HEADER, "\ufeff" + HEADER, HEADER.upper(), ",".join(f'"{x}"' for x in HEADER.split(","))]
)
def test_a_header_that_comes_again_is_left_out_in_any_case_and_behind_a_mark(tmp_path, again):
    assert read_bytes(tmp_path, "\n".join([HEADER, *LINES[:9], again, *LINES[9:]]).encode()) == LINES


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [("bz2", bz2.compress), ("xz", lzma.compress), ("zst", lambda data: pa.compress(data, codec="zstd", asbytes=True))],
)
def test_compressed_text_is_read_and_damage_is_said(tmp_path, suffix, compress):
    data = compress(TEXT.encode())
    assert read_bytes(tmp_path, data, f"log.csv.{suffix}") == LINES
    with pytest.raises(ClvError, match="is damaged, cut short or not compressed as its name says"):
        read_bytes(tmp_path, data[: len(data) // 2], f"cut.csv.{suffix}")
    with pytest.raises(ClvError, match="is damaged, cut short or not compressed as its name says"):
        read_bytes(tmp_path, TEXT.encode(), f"plain.csv.{suffix}")


def test_a_separator_at_the_end_of_the_header_alone_is_no_column(tmp_path):
    assert read_bytes(tmp_path, TEXT.replace(HEADER, HEADER + ",").encode()) == LINES


def test_stray_zeros_are_refused_with_what_removes_them(tmp_path):
    with pytest.raises(ClvError, match=r"0x00; if they are strays, type tr -d '\\000' < .*log\.csv > .*clean_log\.csv"):
        read_bytes(tmp_path, TEXT.replace("c1", "c\0001", 1).encode())


def test_thousands_of_columns_are_refused_at_once(tmp_path):
    wide = ",".join([HEADER, *(f"x{k}" for k in range(50_000))]) + "\n" + ",".join([LINES[0], *["1"] * 50_000])
    with pytest.raises(ClvError, match=r"more than 2,000 columns.*type python -c 'import pandas; pandas\.read_csv"):
        read_bytes(tmp_path, wide.encode())


def write_parts(folder, **parts):
    for name, (header, lines) in parts.items():
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) if header else "")
    return folder


def test_a_folder_of_one_kind_is_stacked_without_its_empty_files(tmp_path):
    write_parts(tmp_path, a=(HEADER, LINES[:9]), b=("", []), c=(HEADER, LINES[9:]))
    assert read(tmp_path)[0] == LINES
    (tmp_path / "readme.txt").write_text("exported")
    with pytest.raises(ClvError, match=r"is a folder with files of several kinds, .* data\.path='.*\*\.csv'"):
        read(tmp_path)


def test_columns_are_stacked_by_name_in_any_order_and_case(tmp_path):
    turned = [",".join(reversed(line.split(","))) for line in LINES[9:]]
    write_parts(tmp_path, a=(HEADER, LINES[:9]), b=("Amount,DAY,customer", turned))
    assert read(tmp_path / "*.csv")[0] == LINES


def test_a_file_twice_is_refused(tmp_path):
    write_parts(tmp_path, a=(HEADER, LINES), b=(HEADER, LINES))
    with pytest.raises(
        ClvError, match=r"b\.csv' holds the same rows as '.*a\.csv', which would count twice: remove one"
    ):
        read(tmp_path)
