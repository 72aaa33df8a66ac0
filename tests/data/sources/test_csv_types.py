"""Types of columns of text: none where anything of a cell would be lost, or where it could be read in two ways."""

import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb, open_in_memory_duckdb
from clv_experiments.data.sources.csv_copy import copy_to_parquet
from clv_experiments.data.sources.csv_text import inspect_csv
from clv_experiments.data.sources.csv_types import find_lossless_types
from clv_experiments.data.sources.files import files


def find(*cells):
    with open_in_memory_duckdb() as connection:
        rows = connection.from_arrow(pa.table({'a "column"': pa.array(cells, pa.string())}))
        return next(iter(find_lossless_types(rows).values()), None)


def copy(path, rows):
    (path / "log.csv").write_text("id,n,lossy: n\n" + rows)
    return copy_to_parquet(inspect_csv(path / "log.csv"), path / "copy.parquet", None)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("1", "-20", None), "BIGINT"),
        (("1.5", "2", "0.001"), "DOUBLE"),
        (("7.50", "-8.00"), "DECIMAL(18, 2)"),
        (("2020-01-31", None), "DATE"),
        (("2020-01-31 10:00:00", "2020-02-01 00:00:00"), "TIMESTAMP"),
        ((None, None), None),
        (("007", "1"), None),
        (("1.234", "2"), None),  # or thousands
        (("1,5", "2"), None),
        (("nan", "1.5"), None),
        (("1e5", "1.5"), None),
        (("12345678901234567890.5", "1.5"), None),
        (("2020-02-30", "2020-02-01"), None),
        (("0020-02-03", "2020-1-1"), None),
        (("2020-01-31", "2020-01-31 10:00:00"), None),
        (("2020-01-31 10:00:00+01", "2020-01-31 10:00:00+01"), None),
        ((" 1", "2"), None),
    ],
)
def test_only_what_loses_nothing_has_a_type(cells, kind):
    assert find(*cells) == kind


@pytest.mark.parametrize("late", ["x", "007", "1.50"])
def test_a_late_cell_counts(tmp_path, late):
    rows = "a,1,2\n" * 20_000
    assert copy(tmp_path, rows).types == {"n": "BIGINT", "lossy: n": "BIGINT"}
    copied = copy(tmp_path, f"{rows}a,{late},3\n")
    assert (copied.rows, copied.types) == (20_001, {"lossy: n": "BIGINT"})
    table = files(DuckDb(), path=str(tmp_path / "copy.parquet")).table
    assert table.filter(table["lossy: n"] == 3).n.to_pyarrow().to_pylist() == [late]


def test_a_header_further_down_is_left_out_of_a_long_csv(tmp_path):
    copied = copy(tmp_path, "a,1,2\n" * 5_000 + "id,n,lossy: n\n" + "a,1,2\n")
    assert (copied.rows, copied.repeated_headers) == (5_001, 1)


def test_a_long_csv_holds_the_same_values(tmp_path, monkeypatch):
    (tmp_path / "log.csv").write_text("id,date,n\n007,2020-01-31 10:00:00,-1.5\nb,2020-02-01 00:00:00,2\n")
    monkeypatch.setattr("clv_experiments.data.sources.files.MANY_BYTES", 2)
    table = files(DuckDb(), path=str(tmp_path / "log.csv")).table
    assert [str(kind) for kind in table.schema().values()] == ["string", "timestamp(6)", "float64"]
    assert table.id.to_pyarrow().to_pylist() == ["007", "b"]
    assert table.n.to_pyarrow().to_pylist() == [-1.5, 2.0]


@pytest.mark.parametrize("last", ["3", "x"])
def test_long_csv_files_have_the_types_that_fit_all_of_them(tmp_path, monkeypatch, last):
    for number, cell in enumerate(["1", "2", last]):
        (tmp_path / f"{number}.csv").write_text(f"id,n\na,{cell}\n")
    monkeypatch.setattr("clv_experiments.data.sources.files.MANY_BYTES", 2)
    table = files(DuckDb(), path=str(tmp_path / "*.csv")).table
    assert sorted(map(str, table.n.to_pyarrow().to_pylist())) == ["1", "2", last]
    assert table.n.type().is_integer() == (last == "3")


@pytest.mark.parametrize("late", ["b,x,y\n", "b,x,1\nb,1,y\n", "b,1,y\nb,x,1\n"])
def test_all_columns_that_would_lose_something_stay_text(tmp_path, late):
    copied = copy(tmp_path, "a,1,2\n" * 20_000 + late)
    assert copied.types == {}
    table = files(DuckDb(), path=str(tmp_path / "copy.parquet")).table
    assert sorted(set(table.n.to_pyarrow().to_pylist())) == ["1", "x"]
