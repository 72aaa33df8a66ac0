"""The speed benchmark: what is measured, what is left out, and how it grows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_experiments.commands.benchmark_page import EXAMPLES
from clv_experiments.comparison.display.speed import plot_seconds_by_size, render_speed_page
from clv_experiments.comparison.external_tools import find_external_tools
from clv_experiments.comparison.speed import SCRIPT, compare_speed, growth_exponents, measure_tool
from clv_experiments.data.sources.benchmark_inputs import simulate_order_lines, simulate_rfm_summary
from clv_experiments.errors import ClvError
from clv_experiments.models.btyd_fitting import check_customers

ANSWER = 'import time; time.sleep(0.3); print(\'{"seconds": %s, "cpu_seconds": 0.5}\')'


@pytest.fixture
def tools(tmp_path):
    """Write a tool for each program."""

    def write(**programs):
        for name, program in programs.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / SCRIPT).write_text(f'"""What {name} does."""\nimport sys\n{program}\n')
        return find_external_tools(tmp_path, list(programs), script=SCRIPT)

    return write


def compare(tools, *files):
    messages = []
    files = {(task, size): Path(f"{size}.parquet") for task, size in files}
    table = compare_speed(tools, files, repeats=2, time_limit=30.0, progress=messages.append)
    return table.set_index(["task", "size", "tool"]), messages


def test_figures_are_those_of_each_tool_and_ratios_those_to_the_first(tools):
    table, _ = compare(tools(a=ANSWER % 2.0, b=ANSWER % 5.0), ("features", 10), ("features", 100))
    assert table.loc[("features", 100, "b"), ["seconds", "ratio", "cpu_seconds"]].tolist() == [5.0, 2.5, 0.5]
    assert table["ratio"].xs("a", level="tool").eq(1.0).all()
    assert table["memory_mb"].between(1, 200).all(), "of the tool's process, not of this one"


def test_memory_is_the_most_that_was_held_at_a_time(tools):
    (tool,) = tools(heavy=f"import time\nbytearray(300_000_000)\ntime.sleep(0.2)\n{ANSWER % 1.0}")
    assert measure_tool(tool, "features", Path("x"), 30.0).memory_mb > 280


def test_a_tool_is_left_out_where_it_has_no_such_task_or_fails(tools):
    absent = "sys.exit(f'no task {sys.argv[1]}')"
    fails = f"if '100' in sys.argv[2]: raise MemoryError('too many')\n{ANSWER % 3.0}"
    table, messages = compare(tools(a=ANSWER % 1.0, absent=absent, fails=fails), ("features", 10), ("features", 100))
    assert list(table.index) == [("features", 10, "a"), ("features", 10, "fails"), ("features", 100, "a")]
    assert messages[1] == "features, 100: fails failed at features: MemoryError: too many"


def test_a_process_that_takes_too_long_is_ended(tools):
    (tool,) = tools(slow="import time; time.sleep(60)")
    with pytest.raises(ClvError, match="slow was ended after 1 s at features"):
        measure_tool(tool, "features", Path("x"), 1.0)


def test_an_interpreter_that_is_not_there_is_said(tmp_path, tools):
    tools(a=ANSWER % 1.0)
    (tool,) = find_external_tools(tmp_path, interpreters={"a": "/no/such/python"}, script=SCRIPT)
    with pytest.raises(ClvError, match="a cannot be run by /no/such/python: No such file or directory"):
        measure_tool(tool, "features", Path("x"), 1.0)


def frame(exponent):
    sizes = np.array([10, 100, 1000, 10_000])
    seconds = np.where(sizes == 10, 5.0, sizes**exponent / 100.0)  # what is spent once does not count
    rows = {"task": "features", "size": sizes, "tool": "a", "seconds": seconds, "cpu_seconds": seconds, "ratio": 1.0}
    return pd.DataFrame(rows | {"memory_mb": 50.0, "fastest": seconds, "slowest": seconds})


def test_growth_is_that_of_the_largest_sizes():
    assert list(growth_exponents(frame(1.5))) == [("features", "a", pytest.approx(1.5))]
    assert list(growth_exponents(frame(1.5).head(1))) == []


def test_the_page_holds_every_figure_and_the_picture_every_line():
    page = render_speed_page(frame(1.0), {"a": "What a does."}, "clv benchmark speed", "2 cores", "speed.png")
    assert "| 10,000 | a | 100.00 | 100.00 to 100.00 | 100.00 | 50 | 1.00 |" in page
    assert "Growth over the largest sizes, b of seconds ~ size^b: a 1.00." in page
    (panel,) = [panel for panel in plot_seconds_by_size(frame(1.0)).axes if panel.get_visible()]
    assert [line.get_label() for line in panel.lines] == ["a"]
    assert panel.get_xscale() == panel.get_yscale() == "log"


def test_order_lines_are_of_few_customers_and_many_orders():
    lines = simulate_order_lines(20_000).to_pyarrow().to_pandas()
    assert len(lines) == 20_000
    assert lines["invoice"].nunique() == 1000
    assert lines["customer_id"].nunique() == 86
    assert len(lines[["invoice", "customer_id", "invoice_date"]].drop_duplicates()) == 1000
    assert lines["quantity"].between(1, 5).all()
    assert lines["unit_price"].between(0, 51).all()


def test_simulated_customers_can_be_fitted():
    customers = simulate_rfm_summary(2000)
    assert len(check_customers(customers, list(customers))) == 2000
    assert 0.2 < (customers["frequency"] > 0).mean() < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clv_experiments", "duckdb", "lifetimes"])
def test_tools_that_are_installed_here_do_their_tasks(name, tmp_path):
    (tool,) = find_external_tools(EXAMPLES, [name], script=SCRIPT)
    simulate_order_lines(20_000).to_parquet(tmp_path / "lines.parquet")
    simulate_rfm_summary(2000).to_parquet(tmp_path / "customers.parquet")
    assert measure_tool(tool, "features", tmp_path / "lines.parquet", 120.0).seconds > 0
    fits = [
        measure_tool(tool, task, tmp_path / "customers.parquet", 120.0) for task in ("fit_bg_nbd", "fit_gamma_gamma")
    ]
    assert all((fit is None) == (name == "duckdb") for fit in fits)
