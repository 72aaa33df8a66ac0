"""Damaged CSV: the bytes of a file. What is read is what pandas reads, cell by cell."""

import gzip
import warnings

import pandas as pd
import pytest
from attempts import attempt, damage, needs_alarms, try_inputs

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.csv_text import inspect_csv
from clv_experiments.data.sources.files import files

pytestmark = [pytest.mark.slow, pytest.mark.fuzz, needs_alarms]
ENGINE = DuckDb()
LINES = "customer_id,date,amount\n" + "".join(f"{k % 5},2023-01-{k % 28 + 1:02d},{k}.50\n" for k in range(30))
BASES = {
    "orders.csv": LINES.encode(),
    "windows.csv": LINES.replace(",", ";").replace(".", ",").replace("4;", "é;").replace("\n", "\r\n").encode("cp1252"),
    "excel.csv": ("sep=;\n" + LINES.replace(",", ";")).encode("utf-16"),
    "quoted.csv": ('"' + LINES.replace(",", '","').replace("\n", '"\n"').replace("3", 'three\n""3""'))[:-1].encode(),
    "report.csv": ("Sales of 2023\n\n" + LINES.replace(",", "\t")).encode("utf-8-sig"),
    "packed.csv.gz": LINES.encode(),
}


def plain_cells(path):
    """What pandas makes of the rows, by the format that is known of the file."""
    file = inspect_csv(path)
    read = pd.read_csv(
        path, sep=file.separator, encoding=file.encoding, skiprows=file.lines_above, header=None, dtype=str,
        names=range(len(file.header.names)), index_col=False, keep_default_na=False, skipinitialspace=True,
        engine="python", on_bad_lines="error",
    )  # fmt: skip
    named = [position for position, name in enumerate(file.header.names) if name]
    rows = [tuple(cell.strip() if isinstance(cell, str) else "" for cell in row) for row in read[named].to_numpy()]
    return [row for row in rows if any(row) and row != file.columns]


def test_damaged_bytes_are_read_as_pandas_reads_them_or_refused(tmp_path, capsys):
    def check(rng):
        name, content = rng.choice(list(BASES.items()))
        path = tmp_path / name
        content = damage(rng, content)
        if name.endswith(".gz"):
            content = gzip.compress(content)
            content = damage(rng, content) if rng.random() < 0.5 else content
        path.write_bytes(content)
        raw = attempt(lambda: files(ENGINE, path=str(path)))
        if raw is None:
            return False
        rows = zip(*raw.table.to_pyarrow().to_pydict().values(), strict=True)
        cells = [row for row in (tuple((cell or "").strip() for cell in row) for row in rows) if any(row)]
        has_footer = any("are no rows of its table" in note for note in raw.notes)  # left out, and said
        with warnings.catch_warnings(action="ignore"):
            try:
                expected = plain_cells(path)
            except pd.errors.ParserError as error:
                if has_footer:
                    return True
                raise AssertionError(f"pandas refuses {content!r}: {error}") from error
        assert cells == (expected[: len(cells)] if has_footer else expected), content
        return True

    try_inputs("CSV bytes", check, capsys)
