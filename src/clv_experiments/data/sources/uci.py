"""The Online Retail logs of the UCI archive (Chen, CC BY 4.0): downloaded once, cached as Parquet, verified by sums."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import ibis
import pooch
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from requests import RequestException
from tqdm import tqdm

from clv_experiments.data.engine import DuckDb, Engine
from clv_experiments.data.parsing.cells import aggregate_row
from clv_experiments.data.parsing.formats import AMOUNT, add_amount_column
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.file_kinds import SUFFIXES_BY_KIND
from clv_experiments.data.sources.files import files
from clv_experiments.data.sources.workbook import read_workbook
from clv_experiments.errors import ClvError

COPY_ADVICE = "read a copy of it: data.path=<its Excel, CSV or Parquet file>"


def uci(
    engine: Engine,
    *,
    title: str,
    url: str,
    rows: int,
    amount: float | str,
    quantity: str,
    unit_price: str,
    path: str | None = None,
    table: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | int | None = None,
    sheet: str | None = None,
    cache: str | None = None,
) -> RawTable:
    """Read a log of the UCI archive: from a file, from the cache or, the first time, from the archive.

    Parameters
    ----------
    engine : Engine
        What reads the rows.
    title : str
        Title of the log in the archive; also names the file in the cache.
    url : str
        Zip archive with one Excel workbook inside.
    rows : int
        Number of rows the log must have.
    amount : float or str
        Sum of quantity times unit price the log must have, exactly.
    quantity, unit_price : str
        Names of these columns.
    path : str, optional
        The same log in a file of any kind that ``files`` reads, which is then read instead.
    table, separator, encoding, header, sheet : optional
        Of that file, see ``files``; by default all sheets of a workbook are stacked, also of the archive's.
    cache : str, optional
        Cache folder; by default the user's cache of this project.

    Returns
    -------
    RawTable
        One row per line of the log, with its columns as they are in the file.

    Raises
    ------
    ClvError
        If the content differs, or the log cannot be downloaded or cached; nothing is cached then, so that the next
        attempt starts afresh.
    """
    log = _PublishedDataset(title, url, rows, Decimal(str(amount)), quantity, unit_price)
    if path is not None:
        if sheet is None and _is_workbook(str(path)):
            sheet = "*"
        raw = files(engine, path=path, table=table, separator=separator, encoding=encoding, header=header, sheet=sheet)
        if mismatch := log.describe_mismatch(raw.table):
            raise ClvError(
                f"{path} is not UCI {title}: {mismatch}; type data=file data.path={path} to read any other log"
            )
        return raw
    folder = Path(cache).expanduser() if cache else pooch.os_cache("clv_experiments")
    file = folder / f"{title.lower().replace(' ', '_')}.parquet"
    notes: tuple[str, ...] = ()
    try:
        if not log.is_complete(file):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(file.with_suffix(".lock")):
                if not log.is_complete(file):  # another process may have fetched it meanwhile
                    _download_rows(log, sheet or "*", file)
                    notes = (f"fetched {url} and kept it as {file}",)
    except OSError as error:
        raise ClvError(
            f"UCI {title} ({url}) cannot be kept in {folder}: {error.strerror or error}; set CLV_CACHE_DIR to a folder "
            f"with room that you may write to, or {COPY_ADVICE}"
        ) from error
    return RawTable(files(engine, path=str(file)).table, notes)


@dataclass(frozen=True)
class _PublishedDataset:
    title: str
    url: str
    rows: int
    amount: Decimal
    quantity: str
    unit_price: str

    def describe_mismatch(self, table: ibis.Table) -> str:
        """Describe how the rows differ from those published; empty if they do not."""
        missing = [column for column in (self.quantity, self.unit_price) if column not in table.columns]
        if missing:
            return f"it has no column '{missing[0]}', but {', '.join(table.columns)}"
        parsed = table.select(units=table[self.quantity], price=table[self.unit_price])
        for column in ("units", "price"):
            parsed = add_amount_column(parsed, column, ".", f"{column} parsed")
        amount = (parsed["units parsed"] * parsed["price parsed"]).round(4).cast(AMOUNT)
        total = aggregate_row(parsed, rows=parsed.count(), amount=amount.sum())
        if (total["rows"], total["amount"]) == (self.rows, self.amount):
            return ""
        return (
            f"its {total['rows']:,} rows of {self.quantity} x {self.unit_price} add up to "
            f"{(total['amount'] or Decimal(0)).normalize():,f}, not {self.rows:,} rows to {self.amount:,f}"
        )

    def is_complete(self, file: Path) -> bool:
        """Whether the cached file exists and its footer has all rows."""
        try:
            return pq.read_metadata(file).num_rows == self.rows
        except (OSError, pa.ArrowInvalid):
            return False

    def fetch_error(self, reason: str) -> ClvError:
        return ClvError(
            f"UCI {self.title} cannot be fetched from {self.url}: {reason}; try again later, or {COPY_ADVICE}"
        )


def _download_rows(log: _PublishedDataset, sheet: str, file: Path) -> None:
    """Download the log into the cache completely, or leave nothing behind."""
    folder = file.with_suffix(".part")
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    try:
        rows = _read_archive(log, _download_archive(log, folder / "archive.zip"), sheet)
        if mismatch := log.describe_mismatch(DuckDb().register_arrow("uci", rows)):
            raise log.fetch_error(f"what stands there now is another log ({mismatch})")
        pq.write_table(rows, folder / "rows.parquet")
        os.replace(folder / "rows.parquet", file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download_archive(log: _PublishedDataset, archive: Path) -> Path:
    # One line below the spinner of the command line; silent where the output is no terminal.
    bar = tqdm(
        desc=log.title, total=1, unit="B", unit_scale=True, ncols=79,
        position=1, leave=False, disable=None, file=sys.__stderr__,
    )  # fmt: skip
    try:
        with bar:
            pooch.HTTPDownloader(progressbar=bar)(log.url, str(archive), None)
    except RequestException as error:
        if error.response is not None:
            raise log.fetch_error(f"the server answers {error.response.status_code} {error.response.reason}") from error
        raise log.fetch_error("there is no connection, or it broke off") from error
    return archive


def _read_archive(log: _PublishedDataset, archive: Path, sheet: str) -> pa.Table:
    try:
        with ZipFile(archive) as content:
            books = [name for name in content.namelist() if _is_workbook(name)]
            if len(books) != 1:
                inside = ", ".join(content.namelist()) or "nothing"
                raise log.fetch_error(f"the archive must hold one Excel workbook, and holds {inside}")
            workbook_path = Path(content.extract(books[0], archive.parent))
    except (BadZipFile, zlib.error, EOFError) as error:
        raise log.fetch_error("what was sent is no whole zip archive") from error
    try:
        return read_workbook(workbook_path, sheet)[0]
    except ClvError as error:
        raise log.fetch_error(f"its workbook {workbook_path.name} cannot be read ({error})") from error


def _is_workbook(name: str) -> bool:
    return Path(name).suffix.lower().removeprefix(".") in SUFFIXES_BY_KIND["workbook"]
