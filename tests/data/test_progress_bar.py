"""DuckDB draws no progress bar, and a notebook without ipywidgets, where it refuses to be told so, is no obstacle."""

import duckdb
import pytest

from clv_experiments.data.engine import DuckDb, disable_progress_bar


def test_the_engine_draws_none():
    setting = DuckDb().connection.raw_sql("SELECT current_setting('enable_progress_bar')")
    assert setting.fetchone() == (False,)


def test_a_notebook_without_ipywidgets_is_no_obstacle():
    def refuse(_):
        raise duckdb.InvalidInputException("required package 'ipywidgets' is missing")

    disable_progress_bar(refuse)


def test_other_failures_are_seen():
    def fail(_):
        raise duckdb.IOException("disk full")

    with pytest.raises(duckdb.IOException):
        disable_progress_bar(fail)
