"""A log in a database: where the work is done, what is refused, and that nobody sees the password."""

import os
import sqlite3
import sys
import traceback
import tracemalloc
from datetime import date
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.sources.connection import open_connection
from clv_experiments.data.sources.database import database
from clv_experiments.errors import ClvError

ROOT = Path(__file__).resolve().parents[3]
ROWS = [("a", date(2020, 1, 1), 1.5), ("b", date(2020, 1, 2), 2.0), ("a", date(2020, 2, 3), 3.25)]
TABLE = pa.Table.from_pylist([dict(zip(("customer_id", "date", "amount"), row, strict=True)) for row in ROWS])


@pytest.fixture
def duckdb_file(tmp_path):
    file = tmp_path / "shop.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("CREATE SCHEMA sales")
        made.register("rows", TABLE)
        made.execute("CREATE TABLE orders AS SELECT * FROM rows")
        made.execute("CREATE TABLE sales.returned AS SELECT * FROM rows WHERE amount > 3")
        made.execute("CREATE TABLE \"2020.orders\" AS SELECT * FROM rows WHERE customer_id = 'b'")
    return file


@pytest.fixture
def sqlite_file(tmp_path):
    file = tmp_path / "shop.db"
    made = sqlite3.connect(file)
    made.execute("CREATE TABLE orders (customer_id, date DATE, amount DECIMAL(10, 2), clerk INTEGER)")
    made.executemany("INSERT INTO orders VALUES (?, ?, ?, 7)", [(who, str(day), paid) for who, day, paid in ROWS])
    made.execute("CREATE TABLE nobody (customer_id TEXT, date DATE, amount REAL)")
    made.commit()
    made.close()
    return file


@pytest.fixture
def read(pushed_down):
    """Read rows as plain values, sorted, with the notes; connections are closed after the test."""

    def reading(**settings):
        raw = pushed_down(database(DuckDb(), **settings))
        rows = raw.table.to_pyarrow().to_pylist()
        return sorted(tuple(row.values()) for row in rows), raw.notes

    return reading


def error_message(**settings):
    """What is said; nothing that Python could print of it may hold the password."""
    with pytest.raises(ClvError) as caught:
        database(DuckDb(), **settings)
    printed = "".join(traceback.format_exception(caught.value))
    assert "sesame" not in printed
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["duckdb://", ""])
def test_a_duckdb_file_is_read_where_it_is(duckdb_file, read, prefix):
    before = duckdb_file.read_bytes()
    assert read(connection=f"{prefix}{duckdb_file}", table="orders") == (sorted(ROWS), ())
    assert (duckdb_file.read_bytes(), sorted(file.name for file in duckdb_file.parent.iterdir())) == (
        before,
        ["shop.duckdb"],
    )


def test_a_table_may_carry_its_schema_or_a_point(duckdb_file, read):
    uri = f"duckdb://{duckdb_file}"
    assert read(connection=uri, table="sales.returned")[0] == [ROWS[2]]
    assert read(connection=uri, table="2020.orders")[0] == [ROWS[1]]


@pytest.mark.parametrize("end", ["", ";", " ;\n"])
def test_a_query_is_read(duckdb_file, read, end):
    query = f"WITH few AS (SELECT * FROM orders WHERE amount > 2) SELECT date, customer_id FROM few{end}"
    assert read(connection=f"duckdb://{duckdb_file}", query=query)[0] == [(date(2020, 2, 3), "a")]


def test_the_only_table_is_taken_and_said(tmp_path, read):
    with duckdb.connect(str(tmp_path / "one.duckdb")) as made:
        made.execute('CREATE SCHEMA sales; CREATE VIEW sales."all orders" AS SELECT 1 AS customer_id')
    note = "table sales.all orders was read, the only one of the database"
    assert read(connection=f"{tmp_path / 'one.duckdb'}") == ([(1,)], (note,))
    made = sqlite3.connect(tmp_path / "one.db")
    made.execute("CREATE TABLE lines (id INTEGER PRIMARY KEY AUTOINCREMENT)")  # and a table of SQLite's own
    made.close()
    assert "table lines was read, the only one of the database" in read(connection=f"{tmp_path / 'one.db'}")[1]


def test_of_several_tables_those_that_look_like_a_log_are_named(tmp_path, duckdb_file, sqlite_file):
    text = error_message(connection=str(duckdb_file))
    assert "has 3 tables, 2020.orders, orders, sales.returned; by their columns several could be the log" in text
    assert text.endswith("type data.table=\"'2020.orders'\" or data.table=orders or data.table=sales.returned")
    with duckdb.connect(str(tmp_path / "two.duckdb")) as made:
        made.execute("CREATE TABLE clients (id INT, name TEXT)")
        made.execute("CREATE VIEW \"all sales\" AS SELECT 1 AS client, 2 AS amount, DATE '2020-01-01' AS day")
    assert error_message(connection=str(tmp_path / "two.duckdb")).endswith(
        "has 2 tables, all sales, clients; by its columns all sales looks like the log: type data.table=\"'all sales'\""
    )
    assert "data.table=nobody or data.table=orders" in error_message(connection=str(sqlite_file))
    duckdb.connect(str(tmp_path / "none.duckdb")).close()
    assert "has no table; type data=file" in error_message(connection=str(tmp_path / "none.duckdb"))


def test_a_query_in_memory_reads_files_and_one_on_a_database_file_reads_no_other(tmp_path, duckdb_file, read):
    (tmp_path / "x.csv").write_text("customer_id,amount\na,1\nb,2\n")
    query = f"SELECT customer_id FROM read_csv('{tmp_path / 'x.csv'}') WHERE amount > 1"
    assert read(connection="duckdb://", query=query) == ([("b",)], ())
    assert "name files in a query" in error_message(connection="duckdb://")
    for uri in (f"duckdb://{duckdb_file}", f"duckdb://{duckdb_file}?enable_external_access=true"):
        for function in ("read_csv", "read_text", "glob"):
            text = error_message(connection=uri, query=f"SELECT * FROM {function}('{tmp_path / 'x.csv'}')")
            assert "data.connection=duckdb:// any that it names" in text, function
    with duckdb.connect(str(tmp_path / "view.duckdb")) as made:
        made.execute(f"CREATE VIEW orders AS {query}")
    assert "reads no other file" in error_message(connection=str(tmp_path / "view.duckdb"))


def test_rows_are_copied_on_request(duckdb_file, read):
    engine = DuckDb()
    raw = database(engine, connection=f"duckdb://{duckdb_file}", table="orders", push_down=False)
    assert raw.table.get_backend() is engine.connection
    assert raw.notes == ("rows were copied out of the database, since data.push_down=false",)
    assert sorted(tuple(row.values()) for row in raw.table.to_pyarrow().to_pylist()) == sorted(ROWS)


@pytest.mark.parametrize("prefix", ["sqlite://", ""])
def test_an_sqlite_file_hands_its_rows_over_as_they_were_stored(sqlite_file, read, prefix):
    before = sqlite_file.read_bytes()
    result, notes = read(connection=f"{prefix}{sqlite_file}", table="orders")
    assert result == sorted((who, str(day), paid, 7) for who, day, paid in ROWS)
    assert notes == ("rows were copied out of the database, since sqlite cannot run the pipeline itself",)
    assert sqlite_file.read_bytes() == before
    assert read(connection=f"sqlite://{sqlite_file}", query="SELECT amount FROM orders WHERE clerk = 7;")[0] == [
        (1.5,),
        (2.0,),
        (3.25,),
    ]
    assert read(connection=f"sqlite://{sqlite_file}", table="nobody")[0] == []


def test_cells_of_an_sqlite_column_that_are_not_alike_are_read_as_text(tmp_path, read):
    made = sqlite3.connect(tmp_path / "odd.sqlite")
    made.execute("CREATE TABLE odd (a DATE, b REAL, c INTEGER, d)")
    made.executemany("INSERT INTO odd VALUES (?, ?, ?, ?)", [("1/2/2020", "1,5", 1, None), ("garbage", 2.5, 2.5, None)])
    made.commit()
    made.close()
    result, _ = read(connection=f"sqlite://{tmp_path / 'odd.sqlite'}", table="odd")
    assert result == [("1/2/2020", "1,5", 1.0, None), ("garbage", "2.5", 2.5, None)]


@pytest.fixture
def sqlite_of(tmp_path):
    """The URI of an SQLite database whose table ``odd`` has these rows of five untyped cells."""

    def made(rows):
        file = sqlite3.connect(tmp_path / "odd.sqlite")
        file.execute("CREATE TABLE odd (a, b, c, d, e)")
        file.executemany("INSERT INTO odd VALUES (?, ?, ?, ?, ?)", rows)
        file.commit()
        file.close()
        return f"sqlite://{tmp_path / 'odd.sqlite'}"

    return made


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_what_an_sqlite_column_is_read_as_does_not_depend_on_batches(batch, monkeypatch, sqlite_of, read):
    monkeypatch.setattr("clv_experiments.data.sources.database.BATCH_ROWS", batch)
    uri = sqlite_of(
        [(1, 1, 1, 1.0, None), (2, 2.5, 20201231, 1e20, None), (3, None, "x", 0.1, None), (4, 4, 0.5, "x", None)]
    )
    assert read(connection=uri, table="odd")[0] == [
        (1, 1.0, "1", "1.0", None), (2, 2.5, "20201231", "1e+20", None), (3, None, "x", "0.1", None),
        (4, 4.0, "0.5", "x", None),
    ]  # fmt: skip


def test_rows_are_copied_batch_by_batch(monkeypatch, sqlite_of):
    monkeypatch.setattr("clv_experiments.data.sources.database.BATCH_ROWS", 500)
    uri = sqlite_of([(f"customer {k}", k, k / 7, f"order {k}", f"product {k}") for k in range(20_000)])
    raw = database(DuckDb(), connection=uri, table="odd")  # what is loaded once is loaded
    tracemalloc.start()
    raw = database(DuckDb(), connection=uri, table="odd")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert raw.table.count().to_pyarrow().as_py() == 20_000
    assert peak < 2_000_000  # bytes of Python objects; all rows at once are 6 million


def test_postgresql_does_the_work_and_keeps_nothing_of_it(postgres, copy_into_postgres, pushed_down):
    copy_into_postgres("orders", TABLE)
    kept = []

    def source(engine):
        kept.append(pushed_down(database(engine, connection=postgres, table="public.orders")))
        return kept[0]

    log = load_log("shop", source)
    assert log.notes == ()
    assert log.purchase_days.get_backend() is kept[0].table.get_backend()
    backend = ibis.connect(postgres)
    assert "orders" in backend.list_tables(database="public")
    assert not [name for name in backend.list_tables(database="public") if name.startswith(("cached", "trial", "ibis"))]
    backend.disconnect()


def test_where_temporary_tables_are_forbidden_rows_are_copied(postgres, copy_into_postgres, read):
    copy_into_postgres("orders", TABLE)
    name = postgres.rpartition("/")[2]
    backend = ibis.connect(postgres)
    backend.raw_sql(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC").close()
    backend.raw_sql(f"CREATE ROLE reader_{os.getpid()} LOGIN PASSWORD 'sesame'").close()
    backend.raw_sql(f"GRANT SELECT ON orders TO reader_{os.getpid()}").close()
    try:
        reader = f"postgresql://reader_{os.getpid()}:sesame@{postgres.rpartition('@')[2]}"
        result, notes = read(connection=reader, table="orders")
        assert result == sorted(ROWS)
        assert notes == ("rows were copied out of the database, since postgres cannot run the pipeline itself",)
    finally:
        backend.raw_sql(f"DROP OWNED BY reader_{os.getpid()}").close()
        backend.raw_sql(f"DROP ROLE reader_{os.getpid()}").close()
        backend.raw_sql(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC").close()
        backend.disconnect()


# --- refusals ----------------------------------------------------------------------------------------------------


def test_what_to_read_must_be_said():
    assert error_message(connection=None).startswith("data=sql needs a connection: type data.connection=postgresql://")
    assert "CLV_DATABASE" in error_message(connection="", table="orders")
    uri = "postgresql://ann:sesame@host/shop"
    assert "both are given" in error_message(connection=uri, table="orders", query="SELECT 1")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "oracl://ann:sesame@host/shop",
            "oracl://ann:***@host/shop begins with no kind of database that is known; type",
        ),
        ("literal://ann:sesame@host/shop", "begins with no kind of database that is known"),
        ("mysql://ann:sesame@host/shop", "driver for mysql databases is not installed: type pip install 'ibis-framew"),
        ("postgresql://ann:se/same@host/shop", "postgresql://ann:***@host/shop cannot be taken apart; write special"),
        ("postgresql://ann:sesame@host:port/shop", "cannot be taken apart"),
        ("postgresql://ann:[sesame@host/shop", "cannot be taken apart"),
        ("duckdb:///nowhere/shop.duckdb", "there is no database file /nowhere/shop.duckdb; type data.connection=post"),
        ("sqlite:///nowhere/shop.db", "there is no database file /nowhere/shop.db"),
        ("/nowhere/shop.db", "there is no database file /nowhere/shop.db"),
        ("duckdb://", "database duckdb:// has no table 'orders' (data.table); it has none"),
        ("duckdb://ann:sesame@host/shop", "there is no database file ann:***@host/shop"),
    ],
)
def test_a_connection_that_cannot_be(uri, message):
    text = error_message(connection=uri, table="orders")
    assert message in text
    assert "se/same" not in text
    assert "sesame" not in text


def test_a_driver_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "ibis.backends.postgres", None)
    text = error_message(connection="postgresql://ann:sesame@127.0.0.1:1/shop", table="orders")
    assert text == (
        "the driver for postgres databases is not installed: type pip install -c constraints.txt -e '.[postgres]'"
    )


def test_a_file_in_this_folder_needs_two_slashes(duckdb_file, sqlite_file, monkeypatch):
    for kind, file in (("duckdb", duckdb_file), ("sqlite", sqlite_file)):
        monkeypatch.chdir(file.parent)
        text = error_message(connection=f"{kind}:///{file.name}", table="orders")
        assert f"type data.connection={kind}://{file.name}, with two slashes" in text


def test_no_file_is_made_and_no_other_file_is_taken_for_a_database(tmp_path):
    error_message(connection=f"duckdb://{tmp_path / 'new.duckdb'}", table="orders")
    error_message(connection=f"sqlite://{tmp_path / 'new.db'}", table="orders")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n")
    text = error_message(connection=f"{tmp_path / 'orders.csv'}", table="orders")
    assert text.endswith(
        f"neither a DuckDB nor an SQLite database; for other files type data=file data.path={tmp_path}/orders.csv"
    )


def test_a_broken_database_file_is_said(tmp_path):
    (tmp_path / "cut.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\1" * 50)
    assert "cannot open the database" in error_message(connection=f"duckdb://{tmp_path / 'cut.duckdb'}", table="orders")
    (tmp_path / "cut.db").write_bytes(b"SQLite format 3\0" + b"\1" * 50)
    text = error_message(connection=f"sqlite://{tmp_path / 'cut.db'}", table="orders")
    assert "file is not a database" in text


def test_a_table_that_is_not_there_is_answered_by_those_that_are(duckdb_file):
    uri = f"duckdb://{duckdb_file}"
    assert error_message(connection=uri, table="Order").endswith(
        "has no table 'Order' (data.table); did you mean orders or 2020.orders?"
    )
    assert error_message(connection=uri, table="sales.retuned").endswith("did you mean sales.returned?")
    assert error_message(connection=uri, table="xyz").endswith(
        "has no table 'xyz' (data.table); it has 2020.orders, orders, sales.returned"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT FROM WHERE", "the query 'SELECT FROM WHERE' does not run: "),
        ("SELECT nothing FROM orders", "does not run: "),
        (
            "SELECT 1 AS one; DROP TABLE orders",
            "data.query must be one SELECT, got 'SELECT 1 AS one; DROP TABLE orders'",
        ),
        ("DELETE FROM orders", "data.query must be one SELECT, got 'DELETE FROM orders'"),
    ],
)
def test_a_query_that_does_not_run(duckdb_file, sqlite_file, query, message):
    for uri in (f"duckdb://{duckdb_file}", f"sqlite://{sqlite_file}"):
        assert message in error_message(connection=uri, query=query)


def test_a_server_that_is_down(unused_port, psycopg):
    text = error_message(connection=f"postgresql://ann:sesame@127.0.0.1:{unused_port}/shop", table="orders")
    assert text.startswith(f"cannot open the database postgresql://ann:***@127.0.0.1:{unused_port}/shop: ")
    assert "refused" in text
    assert text.endswith("check host and port (data.connection)")


def test_what_postgresql_refuses(postgres, copy_into_postgres):
    copy_into_postgres("orders", TABLE)
    user, _, rest = postgres.removeprefix("postgresql://").partition("@")
    wrong = f"postgresql://{user.partition(':')[0]}:open%20sesame@{rest}"
    text = error_message(connection=wrong, table="orders")
    assert "password authentication failed" in text
    assert "; check user and password; the address may also stand in the environment variable CLV_DATABASE" in text
    assert "open" not in text.replace("cannot open", "")
    absent = postgres.rpartition("/")[0] + "/absent"
    assert 'database "absent" does not exist; check the name after the last /' in error_message(
        connection=absent, table="orders"
    )
    assert error_message(connection=postgres, table="order").endswith("did you mean orders?")
    backend = ibis.connect(postgres)
    backend.raw_sql("CREATE SCHEMA IF NOT EXISTS sales").close()
    backend.raw_sql("CREATE TABLE IF NOT EXISTS sales.returned (x int)").close()
    backend.disconnect()
    assert error_message(connection=postgres, table="returned").endswith("did you mean sales.returned?")
    assert "does not exist (data.query)" in error_message(connection=postgres, query="SELECT nothing FROM orders")
    hidden = "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone"
    assert "must not contain data-modifying statements" in error_message(connection=postgres, query=hidden)


def test_a_connection_that_drops_is_one_sentence_and_ends_quietly(postgres, copy_into_postgres, run_process):
    copy_into_postgres("orders", TABLE)
    program = f"""
from functools import partial
import ibis
from clv_experiments.data.log import load_log
from clv_experiments.data.sources.database import database
log = load_log("shop", partial(database, connection={postgres!r}, table="orders"))
killer = ibis.connect({postgres!r})
killer.raw_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
               " AND datname = current_database()").close()
try:
    log.purchase_days.count().to_pyarrow()
except Exception as error:
    print(type(error).__name__, error)
"""
    done = run_process([sys.executable, "-c", program], cwd=ROOT, timeout=60)
    text = done.stdout.strip()
    password = postgres.partition("@")[0].rpartition(":")[2]
    assert text.startswith("ClvError the database postgresql://")
    assert " broke off: " in text
    assert text.endswith("run again when it answers, or type data.push_down=false to work outside it")
    assert f":{password}@" not in done.stdout + done.stderr
    assert done.stderr == ""


@pytest.fixture(params=["a file", pytest.param("a server", marks=pytest.mark.extras)])
def unreachable(request, unused_port, tmp_path_factory):
    """Address of a database that does not open, and how it is shown: of a broken file, or where no server answers."""
    if request.param == "a file":  # no driver has to be installed to say so
        broken = tmp_path_factory.mktemp("broken") / "shop.duckdb"
        broken.write_bytes(b"\0" * 8 + b"DUCK" + b"\1" * 50)
        return f"duckdb://{broken}?password=sesame", f"duckdb://{broken}?password=***"
    request.getfixturevalue("psycopg")
    return tuple(f"postgresql://ann:{word}@127.0.0.1:{unused_port}/shop" for word in ("sesame", "***"))


@pytest.mark.slow
def test_a_run_leaves_no_password_behind(unreachable, tmp_path, migrated, run_process):
    """Exit status, console and MLflow store of a run that cannot reach its database."""
    address, masked = unreachable
    environment = os.environ | {"CLV_DATABASE": address}
    command = [sys.executable, "train.py", "data=sql", "data.table=orders", "model=zeros"]
    for full, tracking in (("0", f"tracking.folder={migrated(tmp_path) / 'mlruns'}"), ("1", "tracking=memory")):
        environment["HYDRA_FULL_ERROR"] = full
        done = run_process([*command, tracking], cwd=ROOT, env=environment)
        assert done.returncode == 1
        assert f"cannot open the database {masked}" in done.stderr
        assert "sesame" not in done.stdout + done.stderr
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert kept
    assert [file for file in kept if b"sesame" in file.read_bytes()] == []


def test_open_connection_speaks_plainly_of_what_breaks_later(duckdb_file):
    backend = open_connection(str(duckdb_file))
    orders = backend.table("orders")
    backend.disconnect()
    with pytest.raises(ClvError, match=r"^the database .*shop\.duckdb broke off: .*run again when it answers"):
        orders.to_pyarrow()
