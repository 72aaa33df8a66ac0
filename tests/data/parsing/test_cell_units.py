"""Units that stand beside each number of a column are left out; what changes a number's size is not."""

import pandas as pd
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.parsing.cell_units import detect_cell_units
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.sources.frame import frame
from clv_experiments.errors import ClvError


def stripped(*cells):
    raw = DuckDb().register_arrow("raw", frame([{"n": cell} for cell in cells]).table.to_pyarrow())
    units = detect_cell_units(["n"], ColumnSample(raw))
    return units.strip_units(raw).to_pyarrow()["n"].to_pylist(), units.notes


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1 pc", "12 pcs", "-3 PCS."], ["1", "12", "-3"]),
        (["1 Stück", "2 Stücke"], ["1", "2"]),
        (["1 sztuka", "3 sztuki"], ["1", "3"]),
        ([f"{k}x" for k in range(20)] + ["3"], [*map(str, range(20)), "3"]),
        (["3,50 EUR/Stk", "1.200,00 EUR/Stk"], ["3,50", "1.200,00"]),
        (["$3.50 ea.", "$12.00 ea."], ["3.50", "12.00"]),
        (["Total: 3.50 EUR", "Total: 12 EUR"], ["3.50", "12"]),
    ],
)
def test_one_unit_beside_all_numbers_is_left_out(cells, numbers):
    found, notes = stripped(*cells)
    assert found == numbers
    assert len(notes) == 1


@pytest.mark.parametrize(
    "cells",
    [
        ["2 kg", "3 pcs"], ["2 g", "3 kg"], ["5k", "7k"], ["3 dozen", "4 dozen"], ["99 ct", "45 ct"], ["5 %", "10 %"],
        ["3 x 2", "1 x 4"], ["1,234", "5"], ["EUR 3", "EUR 4"], ["a1", "b2"], ["1 pcs", "none left"],
    ],
)  # fmt: skip
def test_other_cells_are_left_alone(cells):
    assert stripped(*cells) == (cells, ())


def test_a_log_with_units_adds_up():
    rows = [(who, f"2024-0{k}-01", f"{k} pcs", "3.50 EUR/unit") for who in "ab" for k in (1, 2, 3)]
    log = load_log("shop", lambda engine: frame(pd.DataFrame(rows, columns=["customer", "date", "qty", "price"])))
    assert float(log.purchase_days.amount.sum().to_pyarrow().as_py()) == 42.0
    assert "'pcs' beside the numbers of column 'qty' is left out of them" in log.notes


@pytest.mark.quick_cases("unit", 2)
@pytest.mark.parametrize("unit", [" cents", "c", "p", " ct", "¢"])
def test_amounts_in_cents_by_their_cells_are_scaled(unit):
    rows = [(who, f"2024-0{k}-01", f"{150 * k}{unit}") for who in "ab" for k in (1, 2, 3)]
    log = load_log("shop", lambda engine: frame(pd.DataFrame(rows, columns=["customer", "date", "amount"])))
    assert float(log.purchase_days.amount.sum().to_pyarrow().as_py()) == 18.0
    assert "amount is in cents, so amounts were multiplied by 0.01 (data.scale=1 says otherwise)" in log.notes


def test_several_units_are_refused():
    rows = [(who, f"2024-0{k}-01", f"{k} {unit}", 3.5) for who in "ab" for k, unit in ((1, "kg"), (2, "pcs"))]
    with pytest.raises(ClvError, match=r"cannot be read as a number.*'1 kg', '2 pcs'"):
        load_log("shop", lambda engine: frame(pd.DataFrame(rows, columns=["customer", "date", "qty", "price"])))
