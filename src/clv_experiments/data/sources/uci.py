"""The two Online Retail logs of the UCI archive (Chen, CC BY 4.0): fetched once, kept as Parquet, known by content."""

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
from clv_experiments.data.parsing.formats import AMOUNT, add_amount
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.files import WORKBOOK, files
from clv_experiments.data.sources.workbook import read_workbook
from clv_experiments.errors import ClvError


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
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    cache: str | None = None,
) -> RawTable:
    """Read a log of the UCI archive: from a file, from the cache, or, the first time, from the archive.

    Parameters
    ----------
    engine : Engine
        What takes the rows in.
    title : str
        What the archive calls the log; also names the file in the cache.
    url : str
        Zip archive with one Excel workbook inside.
    rows : int
        How many it must have.
    amount : float or str
        What quantity times unit price must add up to, exactly.
    quantity, unit_price : str
        Columns of these two.
    path : str, optional
        The same log as a CSV, Parquet or Excel file, which is then read instead.
    separator, encoding, sheet : str, optional
        Of that file, as for any; of a workbook, also of the archive's, all sheets are stacked by default.
    cache : str, optional
        Folder that keeps what was fetched; by default the user's cache of this project.

    Returns
    -------
    Raw
        A row a line of the log, with its columns as they are in the file.

    Raises
    ------
    ClvError
        If the content is another, or the log can be neither fetched nor kept; nothing is kept then, so that the next
        try begins afresh.
    """
    log = _Published(title, url, rows, Decimal(str(amount)), quantity, unit_price)
    if path is not None:
        if sheet is None and _is_workbook(str(path)):
            sheet = "*"
        raw = files(engine, path=path, separator=separator, encoding=encoding, sheet=sheet)
        if wrong := log.wrong_content(raw.table):
            raise ClvError(f"{path} is not UCI {title}: {wrong}; type data=file data.path={path} to read any other log")
        return raw
    folder = Path(cache).expanduser() if cache else pooch.os_cache("clv_experiments")
    kept = folder / f"{title.lower().replace(' ', '_')}.parquet"
    notes: tuple[str, ...] = ()
    try:
        if not log.is_whole(kept):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(kept.with_suffix(".lock")):
                if not log.is_whole(kept):  # another process may have fetched it meanwhile
                    _fetch(log, sheet or "*", kept)
                    notes = (f"fetched {url} and kept it as {kept}",)
    except OSError as error:
        raise ClvError(
            f"UCI {title} ({url}) cannot be kept in {folder}: {error.strerror or error}; set CLV_CACHE_DIR to a folder "
            f"with room that you may write to, or {A_COPY}"
        ) from error
    return RawTable(files(engine, path=str(kept)).table, notes)


A_COPY = "read a copy of it: data.path=<its Excel, CSV or Parquet file>"


@dataclass(frozen=True)
class _Published:
    title: str
    url: str
    rows: int
    amount: Decimal
    quantity: str
    unit_price: str

    def wrong_content(self, table: ibis.Table) -> str:
        """Say in what the rows differ from what was published; nothing if they do not."""
        missing = [column for column in (self.quantity, self.unit_price) if column not in table.columns]
        if missing:
            return f"it has no column '{missing[0]}', but {', '.join(table.columns)}"
        read = table.select(units=table[self.quantity], price=table[self.unit_price])
        for column in ("units", "price"):
            read = add_amount(read, column, ".", f"{column} read")
        spent = (read["units read"] * read["price read"]).round(4).cast(AMOUNT)
        found = read.aggregate(rows=read.count(), amount=spent.sum()).to_pyarrow().to_pylist()[0]
        if (found["rows"], found["amount"]) == (self.rows, self.amount):
            return ""
        return (
            f"its {found['rows']:,} rows of {self.quantity} x {self.unit_price} add up to "
            f"{(found['amount'] or Decimal(0)).normalize():,f}, not {self.rows:,} rows to {self.amount:,f}"
        )

    def is_whole(self, kept: Path) -> bool:
        """Whether the cache has it, undamaged as far as its footer tells."""
        try:
            return pq.read_metadata(kept).num_rows == self.rows
        except (OSError, pa.ArrowInvalid):
            return False

    def not_fetched(self, reason: str) -> ClvError:
        return ClvError(f"UCI {self.title} cannot be fetched from {self.url}: {reason}; try again later, or {A_COPY}")


def _fetch(log: _Published, sheet: str, kept: Path) -> None:
    """Put the log into the cache whole, or leave nothing behind."""
    work = kept.with_suffix(".part")
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    work.mkdir()
    try:
        rows = _read_archive(log, _download(log, work / "archive.zip"), sheet)
        if wrong := log.wrong_content(DuckDb().register_arrow("uci", rows)):
            raise log.not_fetched(f"what stands there now is another log ({wrong})")
        pq.write_table(rows, work / "rows.parquet")
        os.replace(work / "rows.parquet", kept)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(log: _Published, archive: Path) -> Path:
    # On the line below the spinner of the command line; nothing where no one watches.
    bar = tqdm(
        desc=log.title, total=1, unit="B", unit_scale=True, ncols=79,
        position=1, leave=False, disable=None, file=sys.__stderr__,
    )  # fmt: skip
    try:
        with bar:
            pooch.HTTPDownloader(progressbar=bar)(log.url, str(archive), None)
    except RequestException as error:
        if error.response is not None:
            raise log.not_fetched(f"the server answers {error.response.status_code} {error.response.reason}") from error
        raise log.not_fetched("there is no connection, or it broke off") from error
    return archive


def _read_archive(log: _Published, archive: Path, sheet: str) -> pa.Table:
    try:
        with ZipFile(archive) as zipped:
            books = [name for name in zipped.namelist() if _is_workbook(name)]
            if len(books) != 1:
                inside = ", ".join(zipped.namelist()) or "nothing"
                raise log.not_fetched(f"the archive must hold one Excel workbook, and holds {inside}")
            book = Path(zipped.extract(books[0], archive.parent))
    except (BadZipFile, zlib.error, EOFError) as error:
        raise log.not_fetched("what was sent is no whole zip archive") from error
    try:
        return read_workbook(book, sheet)[0]
    except ClvError as error:
        raise log.not_fetched(f"its workbook {book.name} cannot be read ({error})") from error


def _is_workbook(name: str) -> bool:
    return Path(name).suffix.lower().removeprefix(".") in WORKBOOK
