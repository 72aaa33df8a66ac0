"""Columns of one name, or of none: numbered and said in files of every kind alike."""

import json

import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.files import files

ROWS = [["a", "2022-01-03", "x", "y"], ["b", "2022-01-09", "z", None]]


def write_csv(table, path):
    lines = [table.column_names, *([cell or "" for cell in row] for row in ROWS)]
    path.write_text("\n".join(map(",".join, lines)))


def write_json(table, path):
    objects = (
        [f"{json.dumps(n)}: {json.dumps(c)}" for n, c in zip(table.column_names, row, strict=True)] for row in ROWS
    )
    path.write_text("\n".join("{" + ", ".join(pairs) + "}" for pairs in objects))


WRITERS = {
    "csv": write_csv,
    "jsonl": write_json,
    "parquet": lambda table, path: pa.parquet.write_table(table, path),
    "feather": lambda table, path: pa.feather.write_feather(table, str(path)),
    "orc": lambda table, path: pa.orc.write_table(table, str(path)),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(("twins", "names"), [(["note", "note"], "note_1 note_2"), (["Note", "note"], "Note_1 note_2")])
def test_twins_are_numbered_and_said(tmp_path, kind, twins, names):
    path = tmp_path / f"log.{kind}"
    WRITERS[kind](
        pa.Table.from_arrays([pa.array(cells) for cells in zip(*ROWS, strict=True)], ["id", "day", *twins]), path
    )
    raw = files(DuckDb(), path=str(path))
    assert list(raw.table.columns) == ["id", "day", *names.split()]
    rows = [[str(cell)[:10] if cell else cell for cell in row.values()] for row in raw.table.to_pyarrow().to_pylist()]
    assert rows == ROWS
    quoted = ", ".join(f"'{name}'" for name in names.split())
    assert [note for note in raw.notes if "one name" in note] == [
        f"columns of '{path}' that have one name are called {quoted} here, in their order"
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "orc"])
def test_a_column_without_a_name_gets_that_of_its_position(tmp_path, kind):
    path = tmp_path / f"log.{kind}"
    table = pa.Table.from_arrays([pa.array(cells) for cells in zip(*ROWS, strict=True)], ["id", "day", "", "note"])
    WRITERS[kind](table, path)
    raw = files(DuckDb(), path=str(path))
    assert list(raw.table.columns) == ["id", "day", "column3", "note"]
    assert f"column 3 of '{path}' has no name and is called column3 here" in raw.notes
