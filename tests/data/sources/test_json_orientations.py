"""Whole tables that pandas wrote into one JSON object: the line that is shown makes a file of them that is read."""

import re
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.files import files
from clv_experiments.errors import ClvError


@pytest.mark.parametrize("orient", ["columns", "index", "split", "values"])
def test_the_line_that_is_shown_makes_a_file_that_is_read(tmp_path, orient):
    rows = pd.DataFrame({"who": ["007", "8"], "much": [1.5, 2.0]})
    rows.to_json(tmp_path / "a.json", orient=orient)
    with pytest.raises(ClvError, match=f"is written as pandas does with orient={orient}, not as one object a row") as e:
        files(DuckDb(), path=str(tmp_path / "a.json"))
    command = re.search(r"type (python -c .*), then data\.path=a\.parquet$", str(e.value))[1]
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, check=True, cwd=tmp_path)
    table = files(DuckDb(), path=str(tmp_path / "a.parquet")).table.to_pyarrow()
    assert [list(row.values()) for row in table.to_pylist()] == [["007", 1.5], ["8", 2.0]]


def test_lists_inside_of_rows_play_no_role():
    rows = [{"id": k, "who": k % 2, "at": f"2020-01-0{k}", "much": 1.5, "items": [{"sku": "x"}]} for k in range(1, 7)]
    log = load_log("shop", lambda engine: RawTable(engine.register_arrow("rows", pa.Table.from_pylist(rows))))
    assert log.customers == 2
