"""Parquet files as one table, and what readers of every kind of file need."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.duplicate_names import make_names_unique
from clv_experiments.data.sources.header import check_same_header
from clv_experiments.errors import ClvError


def read_parquet(engine: Engine, paths: Sequence[Path]) -> RawTable:
    """Stack Parquet files of one schema.

    Raises
    ------
    ClvError
        If a file is damaged, their columns or types differ, or there is no row.
    """
    schemas, rows = {}, 0
    for file in paths:
        try:
            parquet = pq.ParquetFile(file)
            schemas[file] = parquet.schema_arrow
            rows += parquet.metadata.num_rows
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ClvError(f"'{file}' is damaged, cut short or no Parquet file: {error}") from error
        first = schemas[paths[0]]
        check_same_header(schemas[file].names, f"'{file}'", first.names, f"'{paths[0]}'")
        for own, other in zip(schemas[file], first, strict=True):
            if own.type != other.type:
                raise ClvError(
                    f"column '{own.name}' is {own.type} in '{file}' and {other.type} in '{paths[0]}': "
                    "only files of one schema can be stacked"
                )
    if rows == 0:
        raise ClvError(f"{format_file_list(paths)} has columns but no row")
    names, notes = make_names_unique(first.names, format_file_list(paths))
    if notes:
        return RawTable(engine.read_parquet(_copy_renamed(engine, paths, names)), tuple(notes))
    return RawTable(engine.read_parquet([_link_to_safe_name(engine, file) for file in paths]))


def _copy_renamed(engine: Engine, paths: Sequence[Path], names: Sequence[str]) -> list[Path]:
    folder = create_temporary_folder(engine)
    copies = [folder / f"{number}.parquet" for number, _ in enumerate(paths)]
    for path, copy in zip(paths, copies, strict=True):
        file = pq.ParquetFile(path)
        schema = pa.schema([field.with_name(name) for field, name in zip(file.schema_arrow, names, strict=True)])
        with pq.ParquetWriter(copy, schema) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group).rename_columns(names).cast(schema))
    return copies


def _link_to_safe_name(engine: Engine, file: Path) -> Path:
    """Link to a file whose name an engine would take for a pattern or a hidden file."""
    file = file.absolute()
    if not set(file.relative_to(file.anchor).as_posix()) & set("*?[]{}:\\") and not file.name.startswith(("_", ".")):
        return file
    link = create_temporary_folder(engine) / f"link{file.suffix}"
    link.symlink_to(file)
    return link


def create_temporary_folder(engine: Engine) -> Path:
    """Create a folder that is deleted with the engine's connection, or at exit."""
    folder = mkdtemp(prefix="clv_experiments_")
    weakref.finalize(engine.connection, rmtree, folder, ignore_errors=True)
    return Path(folder)


def format_file_list(paths: Iterable[Path]) -> str:
    """Name the first of several files, and how many more there are."""
    first, *more = paths
    return f"'{first}'" + (f" (and {len(more)} more)" if more else "")
