"""JSON, Feather and ORC files as Arrow tables, and the one file of a zip archive."""

from __future__ import annotations

import json
import shlex
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc

from clv_experiments.data.engine import open_in_memory_duckdb, quote_identifier
from clv_experiments.data.sources.csv_encoding import open_binary
from clv_experiments.data.sources.duplicate_names import (
    describe_renamed_columns,
    make_names_unique,
    number_duplicate_names,
)
from clv_experiments.data.sources.file_kinds import SUFFIXES_BY_KIND
from clv_experiments.errors import ClvError

# Dates stay text, unless they are written year first: which of two readings is right is found out later. So do times,
# whose offsets DuckDB would shift to UTC: none is written in this format.
READ_JSON = "SELECT * FROM read_json(?, sample_size = -1, union_by_name = true, timestampformat = '%Y|%m')"


def read_json_arrow_or_orc(path: Path, kind: str) -> tuple[pa.Table, list[str]]:
    """Read a JSON, Feather or ORC file.

    Parameters
    ----------
    path : Path
    kind : str
        ``json`` (objects one a line, or one array of them, which may be a field of the only object; .gz is unpacked),
        ``arrow`` or ``orc``.

    Returns
    -------
    pyarrow.Table
        The fields of nested objects are columns named ``customer.id``; times are cut to microseconds.
    list of str
        Notes on columns without a name, or of one name.

    Raises
    ------
    ClvError
        If the file is damaged or holds no objects.
    """
    try:
        twins: list[str] = []
        if kind == "json":
            table, twins = _read_json_with_duplicate_fields(path)
        else:
            table = pyarrow.orc.read_table(path) if kind == "orc" else pyarrow.feather.read_table(path)
    except (duckdb.Error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise ClvError(f"'{path}' is damaged, or no {kind} file: {reason} (data.path)") from error
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    if all(pa.types.is_list(field.type) for field in table.schema):
        raise ClvError(f"'{path}' holds lists inside of objects: make one object a line of what is a row of the log")
    names, notes = make_names_unique(table.column_names, f"'{path}'")
    fields = [pa.field(name, _choose_cast_type(field.type)) for name, field in zip(names, table.schema, strict=True)]
    return table.rename_columns(names).cast(pa.schema(fields), safe=False), [*twins, *notes]


def unpack_only_file(archive: Path, folder: Path) -> Path:
    """Unpack a zip archive's only file of a kind that is read.

    Raises
    ------
    ClvError
        If it holds none, or several; or it is damaged or locked by a password.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [name for name in packed.namelist() if _is_readable(name)]
            if len(members) != 1:
                held = f"{len(members)} files, {', '.join(members[:10])}" if members else "no file that is read"
                raise ClvError(f"'{archive}' holds {held}: unpack it and type data.path=<the file of your log>")
            target = folder / Path(members[0]).name
            with packed.open(members[0]) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            return target
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ClvError(f"'{archive}' is damaged or locked by a password ({error}): unpack it first") from error


def _read_json_with_duplicate_fields(path: Path) -> tuple[pa.Table, list[str]]:
    """Read JSON whose objects may have two fields of one name, which DuckDB refuses, or numbers where case differs."""
    try:
        table = _read_json(path)
        lower = [name.lower() for name in table.column_names]
        if not any(name.endswith("_1") and name.removesuffix("_1") in lower for name in lower):
            return table, []
    except duckdb.Error as error:
        if "duplicate key" not in str(error):
            raise
    with TemporaryDirectory(prefix="clv_experiments_") as folder:
        copy, notes = Path(folder, "numbered.jsonl"), dict[str, None]()

        def number(pairs: list[tuple[str, object]]) -> dict[str, object]:
            names = [name for name, _ in pairs]
            numbered = number_duplicate_names(names)
            notes.update(dict.fromkeys(describe_renamed_columns(names, numbered, f"'{path}'")))
            return dict(zip(numbered, (value for _, value in pairs), strict=True))

        with open_binary(path) as packed, copy.open("w", encoding="utf-8") as target:
            text, decoder = packed.read().decode("utf-8-sig").strip(), json.JSONDecoder(object_pairs_hook=number)
            end = 0
            while end < len(text):
                value, end = decoder.raw_decode(text, end)
                target.write(json.dumps(value) + "\n")
                while text[end : end + 1].isspace():
                    end += 1
        return _read_json(copy), [*notes]


def _read_json(path: Path) -> pa.Table:
    with open_in_memory_duckdb() as connection:
        rows = connection.sql(READ_JSON, params=[str(path)])
        if orient := _detect_pandas_orientation(rows.columns, [str(kind) for kind in rows.types]):
            raise ClvError(_advise_conversion(path, orient))
        if rows.columns == ["json"]:
            raise ClvError(f"'{path}' holds no objects with fields; one a line, or one array of them, is a log")
        lists = [name for name, kind in zip(rows.columns, rows.types, strict=True) if _is_list_of_objects(kind)]
        if len(lists) == 1 and len(rows.limit(2)) == 1:  # {"orders": [...]}
            rows = rows.project(f"unnest({quote_identifier(lists[0])}, max_depth := 2)")
        # A column of numbers and words is JSON, in which words keep their quotes.
        quoted = {name: quote_identifier(name) for name in rows.columns}
        cells = [
            f"{quoted[name]} ->> '$' AS {quoted[name]}" if str(kind) == "JSON" else quoted[name]
            for name, kind in zip(rows.columns, rows.types, strict=True)
        ]
        return rows.project(", ".join(cells)).to_arrow_table()


def _advise_conversion(path: Path, orient: str) -> str:
    target = Path(path.name.removesuffix(".gz")).with_suffix(".parquet")
    code = (
        f"import pandas; pandas.read_json({json.dumps(str(path))}, orient={json.dumps(orient)}, dtype=False)"
        f".rename(columns=str).to_parquet({json.dumps(str(target))}, index=False)"
    )
    return (
        f"'{path}' is written as pandas does with orient={orient}, not as one object a row: type "
        f"python -c {shlex.quote(code)}, then data.path={target}"
    )


def _detect_pandas_orientation(columns: Sequence[str], kinds: Sequence[str]) -> str | None:
    """Return how pandas wrote a table: by column, by row, split, or without names; None for one object a row."""
    if [*columns] == ["json"] and kinds[0].endswith("[]"):
        return "values"
    if {"columns", "index", "data"} == set(columns):
        return "split"
    are_objects = all(kind.startswith(("STRUCT(", "MAP(")) and not kind.endswith("[]") for kind in kinds)
    if are_objects and columns[0] != "json" and all(kind.startswith(("MAP(", 'STRUCT("0" ')) for kind in kinds):
        return "columns"
    return "index" if are_objects and [*columns[:2]] == ["0", "1"] else None


def _is_list_of_objects(kind: object) -> bool:
    return str(kind).startswith("STRUCT(") and str(kind).endswith("[]")


def _choose_cast_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else kind


def _is_readable(name: str) -> bool:
    path = Path(name.lower().removesuffix(".gz"))
    hidden = name.startswith("__MACOSX") or path.name.startswith(".")
    return not hidden and path.suffix.removeprefix(".") in [
        suffix for ends in SUFFIXES_BY_KIND.values() for suffix in ends
    ]
