"""What tests of data can have: PostgreSQL where CLV_TEST_POSTGRES says one runs, and files as users have them."""

from io import BytesIO

import ibis
import pyarrow.csv
import pytest


@pytest.fixture(scope="session")
def postgres(new_database):
    """URI of a database of our own, made for these tests and removed after them."""
    with new_database("clv_test") as uri:
        yield uri


@pytest.fixture(scope="session")
def copy_into_postgres(postgres):
    """Copy an Arrow table into PostgreSQL, in one go."""

    def copy(name, rows):
        backend = ibis.connect(postgres)
        backend.create_table(name, schema=ibis.Schema.from_pyarrow(rows.schema), overwrite=True)
        text = BytesIO()
        pyarrow.csv.write_csv(rows, text, pyarrow.csv.WriteOptions(include_header=False))
        columns = ", ".join(f'"{column}"' for column in rows.column_names)
        with (
            backend.con.cursor() as cursor,
            cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN (FORMAT csv)') as copying,
        ):
            copying.write(text.getvalue())
        backend.disconnect()

    return copy


@pytest.fixture
def pushed_down():
    """Close the connections of raw logs that stay in their database: ``pushed_down(raw)`` remembers one."""
    opened = []

    def remember(raw):
        opened.append(raw.table.get_backend())
        return raw

    yield remember
    for backend in opened:
        backend.disconnect()
