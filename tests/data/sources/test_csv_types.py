"""Types of columns of text: none where anything of a cell would be lost, or where it could be read in two ways."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.csv_types import find_plain_types
from clv_experiments.data.sources.files import files


def find(path, *cells):
    pq.write_table(pa.table({'a "column"': pa.array(cells, pa.string())}), path / "rows.parquet")
    return next(iter(find_plain_types([path / "rows.parquet"]).values()), None)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("1", "-20", None), "int64"),
        (("1.5", "2", "0.001"), "float64"),
        (("7.50", "-8.00"), "decimal(18, 2)"),
        (("2020-01-31", None), "date"),
        (("2020-01-31 10:00:00", "2020-02-01 00:00:00"), "timestamp"),
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
def test_only_what_loses_nothing_has_a_type(tmp_path, cells, kind):
    assert find(tmp_path, *cells) == kind


def test_a_late_cell_counts(tmp_path):
    assert find(tmp_path, *["1"] * 20_000) == "int64"
    assert find(tmp_path, *["1"] * 20_000, "x") is None


def test_a_long_csv_holds_the_same_values(tmp_path, monkeypatch):
    (tmp_path / "log.csv").write_text("id,date,n\n007,2020-01-31 10:00:00,-1.5\nb,2020-02-01 00:00:00,2\n")
    monkeypatch.setattr("clv_experiments.data.sources.files.MANY_ROWS", 2)
    table = files(DuckDb(), path=str(tmp_path / "log.csv")).table
    assert [str(kind) for kind in table.schema().values()] == ["string", "timestamp", "float64"]
    assert table.id.to_pyarrow().to_pylist() == ["007", "b"]
    assert table.n.to_pyarrow().to_pylist() == [-1.5, 2.0]
