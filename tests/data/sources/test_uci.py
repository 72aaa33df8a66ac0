"""Fetching from the UCI archive, here a local server: once, by content, and with nothing left behind when it fails."""

import inspect
import io
import socket
import sys
import threading
import time
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.uci import uci
from clv_experiments.errors import ClvError

HEADER = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
SHARED = [
    (536365, "85123A", "HEART", 6, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "United Kingdom"),
    ("C536379", "22423G", "CAKESTAND", -1, datetime(2010, 12, 1, 9, 41), 27.5, 14527, "United Kingdom"),
    (536365, 71053, "LANTERN", 6, datetime(2010, 12, 9, 8, 26), 3.39, None, "France"),
]
FIRST = [(489434, 85048, "BALL", 12, datetime(2009, 12, 1, 7, 45), 6.95, 13085, "United Kingdom"), *SHARED]
SECOND = [
    *SHARED,
    (540000, "85123A", "HEART", 1, datetime(2011, 2, 3, 8, 0), 0.001, 17850, "United Kingdom"),
    (540001, "POST", "POSTAGE", 1, datetime(2011, 2, 3, 8, 0), 18, 13085, "France"),
    (540002, 71053, "LANTERN", 2, datetime(2011, 12, 1, 8, 0), 3.39, 13085, "France"),
    (540003, 71053, "LANTERN", 2, datetime(2011, 11, 30, 8, 0), 3.39, 13085, "France"),
]
ROWS = len(FIRST) + len(SECOND)
# 83.40 twice 15.30 - 27.50 + 20.34; 0.001 + 18 + 6.78 + 6.78
AMOUNT = Decimal("131.241")
LOG = {"title": "Online Retail II", "rows": ROWS, "amount": "131.241", "quantity": "Quantity", "unit_price": "Price"}


def workbook(*sheets):
    book = openpyxl.Workbook(write_only=True)
    for k, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Year {k}")
        for row in [HEADER, *rows]:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def zipped(**files):
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return written.getvalue()


BOOK = workbook(FIRST, SECOND)
GOOD = zipped(online_retail_II__xlsx=BOOK)


class Archive(ThreadingHTTPServer):
    """Serves ``body``; ``sent`` bytes of it, if not all; after ``gate`` opens."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.sent, self.status, self.asked = GOOD, None, 200, 0
        self.gate = threading.Event()
        self.gate.set()
        self.url = f"http://127.0.0.1:{self.server_port}/502/online+retail+ii.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        archive = self.server
        archive.asked += 1
        assert archive.gate.wait(60)
        self.send_response(archive.status)
        self.send_header("Content-Length", str(len(archive.body)))
        self.end_headers()
        self.wfile.write(archive.body[: archive.sent])

    def log_message(self, *_):
        pass


@pytest.fixture
def archive():
    with Archive() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def read(cache, url, **settings):
    return uci(DuckDb(), url=url, cache=str(cache), **(LOG | settings))


def total(raw):
    table = raw.table
    return table.count().to_pyarrow().as_py(), round((table.Quantity * table.Price).sum().to_pyarrow().as_py(), 6)


def kept(cache):
    return sorted(path.name for path in cache.glob("*") if path.suffix != ".lock")


def test_first_use_fetches_and_the_second_needs_no_server(archive, tmp_path):
    cache = tmp_path / "not" / "there"
    raw = read(cache, archive.url)
    assert total(raw) == (ROWS, float(AMOUNT))
    assert raw.table.columns == tuple(HEADER)
    assert raw.notes == (f"fetched {archive.url} and kept it as {cache / 'online_retail_ii.parquet'}",)
    assert kept(cache) == ["online_retail_ii.parquet"]
    archive.shutdown()
    (cache / "online_retail_ii.lock").unlink(missing_ok=True)
    again = read(cache, "http://127.0.0.1:9/")
    assert total(again) == (ROWS, float(AMOUNT))
    assert again.notes == ()
    assert [path.name for path in cache.iterdir()] == ["online_retail_ii.parquet"], "a cache may be read-only"
    assert archive.asked == 1


def test_order_and_empty_cells_survive(archive, tmp_path):
    rows = read(tmp_path, archive.url).table.to_pyarrow().to_pylist()
    assert [row["Quantity"] for row in rows] == [line[3] for line in [*FIRST, *SECOND]]
    assert [row["Customer ID"] is None for row in rows] == [line[6] is None for line in [*FIRST, *SECOND]]


def break_off(archive):
    archive.sent = len(GOOD) // 2


def serve(**changes):
    return lambda archive: vars(archive).update(changes)


OTHER = r"another log \(its 4 rows of Quantity x Price add up to 91\.54, not 11 rows to 131\.241\)"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the socket that broke off
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (serve(status=404), "the server answers 404 Not Found"),
        (serve(status=503), "the server answers 503 Service Unavailable"),
        (break_off, "there is no connection, or it broke off"),
        (serve(body=GOOD[: len(GOOD) // 2]), "what was sent is no whole zip archive"),
        (serve(body=GOOD[:200] + b"?" * 50 + GOOD[250:]), "what was sent is no whole zip archive"),
        (serve(body=b"<html>Please sign in</html>"), "what was sent is no whole zip archive"),
        (serve(body=zipped(readme__txt=b"moved")), "must hold one Excel workbook, and holds readme.txt"),
        (serve(body=zipped()), "must hold one Excel workbook, and holds nothing"),
        (serve(body=zipped(a__xlsx=BOOK, b__xlsx=BOOK)), "must hold one Excel workbook, and holds a.xlsx, b.xlsx"),
        (serve(body=zipped(a__xlsx=b"rubbish")), "its workbook a.xlsx cannot be read"),
        (serve(body=zipped(a__xlsx=workbook(FIRST))), OTHER),
    ],
)
def test_what_cannot_be_used_is_said_and_the_next_try_works(archive, tmp_path, damage, reason):
    damage(archive)
    with pytest.raises(ClvError, match=reason) as caught:
        read(tmp_path, archive.url)
    message = str(caught.value)
    assert message.startswith(f"UCI Online Retail II cannot be fetched from {archive.url}: ")
    assert message.endswith("; try again later, or read a copy of it: data.path=<its Excel, CSV or Parquet file>")
    assert "\n" not in message
    assert kept(tmp_path) == []
    archive.body, archive.sent, archive.status = GOOD, None, 200
    assert total(read(tmp_path, archive.url)) == (ROWS, float(AMOUNT))


def test_no_network(tmp_path):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ClvError, match="there is no connection, or it broke off; try again later"):
        read(tmp_path, f"http://127.0.0.1:{port}/x.zip")
    assert kept(tmp_path) == []


@pytest.mark.parametrize("changes", [{"rows": ROWS + 1}, {"amount": "131.242"}, {"amount": 131.2410001}])
def test_one_row_or_a_tenth_of_a_penny_is_another_log(archive, tmp_path, changes):
    with pytest.raises(ClvError, match=r"its 11 rows of Quantity x Price add up to 131\.241, not 1"):
        read(tmp_path, archive.url, **changes)
    assert kept(tmp_path) == []


def test_cache_that_cannot_be_written(archive, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClvError, match=r"cannot be kept in .*/file: .*; set CLV_CACHE_DIR .* data\.path=") as caught:
        read(tmp_path / "file", archive.url)
    assert archive.url in str(caught.value)
    assert archive.asked == 0


def test_disk_that_fills_up(archive, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(ClvError, match=r"cannot be kept in .*: No space left on device; set CLV_CACHE_DIR"):
        read(tmp_path, archive.url)
    assert kept(tmp_path) == []


def test_remains_of_a_killed_process_and_a_damaged_cache_are_replaced(archive, tmp_path):
    (tmp_path / "online_retail_ii.part").mkdir()
    (tmp_path / "online_retail_ii.part" / "archive.zip").write_bytes(b"half")
    (tmp_path / "online_retail_ii.parquet").write_bytes(b"PAR1 half")
    assert total(read(tmp_path, archive.url)) == (ROWS, float(AMOUNT))
    assert kept(tmp_path) == ["online_retail_ii.parquet"]


@pytest.mark.slow
def test_two_processes_at_once_fetch_once(archive, start_process, tmp_path):
    archive.gate.clear()
    code = (
        "from clv_experiments.data.engine import DuckDb\n"
        "from clv_experiments.data.sources.uci import uci\n"
        "engine = DuckDb()\n"
        "print('ready', flush=True)\n"
        f"raw = uci(engine, url={archive.url!r}, cache={str(tmp_path)!r}, **{LOG!r})\n"
        "print(raw.table.count().to_pyarrow().as_py())\n"
    )
    processes = [start_process([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    time.sleep(0.5)  # both are at the lock, or past where it should be
    archive.gate.set()
    ends = [process.communicate(timeout=60) for process in processes]
    assert ends == [(f"{ROWS}\n", "")] * 2
    assert archive.asked == 1
    assert kept(tmp_path) == ["online_retail_ii.parquet"]


# --- data.path ----------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(tmp_path):
    """The same log as Parquet, CSV and Excel."""
    columns = [list(column) for column in zip(*FIRST, *SECOND, strict=True)]
    texts = {"Invoice", "StockCode"}
    table = pa.table(
        {name: list(map(str, cells)) if name in texts else cells for name, cells in zip(HEADER, columns, strict=True)}
    )
    pq.write_table(table, tmp_path / "copy.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "copy.csv")
    (tmp_path / "copy.xlsx").write_bytes(BOOK)
    return tmp_path


@pytest.mark.parametrize("kind", ["parquet", "csv", "xlsx"])
def test_copy_is_read_in_place_of_the_archive(copies, kind):
    raw = read(copies / "cache", "http://127.0.0.1:9/", path=str(copies / f"copy.{kind}"))
    assert raw.table.count().to_pyarrow().as_py() == ROWS
    assert not (copies / "cache").exists()


@pytest.mark.parametrize("kind", ["parquet", "csv", "xlsx"])
def test_copy_with_other_content_is_refused(copies, kind):
    path = copies / f"copy.{kind}"
    with pytest.raises(ClvError) as caught:
        read(copies, "http://127.0.0.1:9/", path=str(path), rows=1_067_371, amount=19287250.568)
    assert str(caught.value) == (
        f"{path} is not UCI Online Retail II: its 11 rows of Quantity x Price add up to 131.241, not 1,067,371 rows to "
        f"19,287,250.568; type data=file data.path={path} to read any other log"
    )


def test_copy_with_other_columns_is_refused(copies):
    with pytest.raises(ClvError, match="is not UCI Online Retail II: it has no column 'UnitPrice', but Invoice, "):
        read(copies, "http://127.0.0.1:9/", path=str(copies / "copy.csv"), unit_price="UnitPrice")


# --- conf/data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["online_retail", "online_retail_ii"])
def test_config_says_all_that_the_source_takes(compose, option):
    source = set(compose(f"data={option}").data.source) - {"_target_", "_partial_"}
    assert source == set(inspect.signature(uci).parameters) - {"engine"}


def test_config_reads_from_the_archive_to_the_log(compose, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("CLV_CACHE_DIR", str(tmp_path))
    small = [f"data.source.url={archive.url}", f"data.source.rows={ROWS}", f"data.source.amount={AMOUNT}"]
    cfg = compose("data=online_retail_ii", *small)
    log = load_log_from_config(cfg.data, lambda start, end: end)
    assert kept(tmp_path) == ["online_retail_ii.parquet"]
    days = log.purchase_days.order_by("customer_id", "date").to_pyarrow().to_pylist()
    assert [tuple(day.values()) for day in days] == [
        ("13085", date(2009, 12, 1), Decimal("83.4000"), 1),
        ("13085", date(2011, 11, 30), Decimal("6.7800"), 1),
        ("17850", date(2010, 12, 1), Decimal("15.3000"), 1),
        ("17850", date(2011, 2, 3), Decimal("0.0010"), 1),
    ]
    removed = log.report.changes.set_index("rule")["rows"].to_dict()
    assert removed == {
        "in two sheets": 3,
        "missing customer": 1,
        "cancellations and returns": 1,
        "not goods": 1,
        "after log end 2011-11-30": 1,
    }
    assert next(iter(cfg.data.cleaning)) == "in_two_sheets", "else other steps take rows that stand there twice"


def test_only_the_second_log_has_two_sheets(compose):
    assert compose("data=online_retail").data.cleaning.in_two_sheets is None
