"""``clv cell``: a folder for each cutoff, from which a tool predicts what ``clv submit`` puts on the board."""

import json
import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

from clv_experiments.tracking.run_reader import RunReader

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CELL = ("data=cdnow_sample", "window=3m", "window.origins=2")
TOOL = """
import json, sys
from pathlib import Path
import pandas as pd
folder = Path(sys.argv[1])
customers = pd.read_parquet(folder / "customers.parquet")
cell = json.loads((folder / "cell.json").read_text())
predictions = customers[["customer_id"]].assign(
    cutoff=cell["cutoff"], cell=cell["cell"], y_pred=customers["frequency"] / customers["T"] * cell["horizon_days"]
)
predictions.to_parquet(folder / "predictions.parquet", index=False)
"""


def run_tool(script, folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(script), str(folder)])
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.slow
def test_a_tool_predicts_what_a_cell_asks_and_stands_on_its_board(clv, work, monkeypatch):
    status, stdout, stderr = clv("cell", *CELL)
    assert (status, stderr) == (0, "")
    (folder,) = (work / "mlruns" / "cells").iterdir()
    origins = sorted(folder.iterdir())
    assert [origin.name for origin in origins] == ["1997-12-31", "1998-03-31"]
    assert all(f"{origin.relative_to(work)}: " in stdout for origin in origins)
    cell = json.loads((origins[0] / "cell.json").read_text())
    assert cell | {"cell": ""} == {
        "cell": "", "cutoffs": ["1997-12-31", "1998-03-31"], "log": "cdnow_sample", "currency": "$",
        "cutoff": "1997-12-31", "horizon_days": 90, "time_budget": 60, "seed": 42,
    }  # fmt: skip
    assert f"cell {cell['cell']}\n" in stdout
    assert folder.name == f"cdnow_sample-3m-{cell['cell']}"
    (work / "tool.py").write_text(TOOL)
    for origin in origins:
        run_tool(work / "tool.py", origin, monkeypatch)
    pattern = f"{folder.relative_to(work)}/*/predictions.parquet"
    status, _, stderr = clv("submit", f"predictions={pattern}", "name=counter", *CELL)
    assert (status, stderr) == (0, "")
    (run,) = RunReader(work / "mlruns").runs("cdnow_sample 3m")
    assert run.tags["cell"] == cell["cell"]
    status, _, stderr = clv("submit", f"predictions={pattern}", "name=counter", *CELL, "window.cutoff=1998-02-28")
    assert status == 1
    assert f"were made for cell {cell['cell']}" in stderr


@pytest.mark.slow
def test_an_example_runs_on_it(clv, work, monkeypatch):
    assert clv("cell", "data=cdnow_sample", "window=3m", "features=rfm")[0] == 0
    (origin,) = (work / "mlruns" / "cells").glob("*/*")
    run_tool(EXAMPLES / "xgboost_rfm" / "predict.py", origin, monkeypatch)
    predictions = pd.read_parquet(origin / "predictions.parquet")
    assert predictions["customer_id"].equals(pd.read_parquet(origin / "customers.parquet")["customer_id"])
    assert predictions["y_pred"].between(0, 1e4).all()


def test_a_log_too_short_for_a_panel_has_the_rest(clv, work):
    status, stdout, _ = clv("cell", "data=cdnow_sample", "window=39w", "output=cells")
    assert status == 0
    assert "note: without panel.parquet" in stdout
    (origin,) = (work / "cells").glob("*/*")
    names = {path.name for path in origin.iterdir()}
    assert names == {"cell.json", "transactions.parquet", "customers.parquet", "features.parquet"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["evaluation=customer_split"], "leave out evaluation="),
        (["time_budget=0"], "time_budget must be a whole number of at least 1, got '0'"),
        (["output=taken"], "nothing can be written to 'taken'"),
        (["window=80w"], "cdnow_sample"),
    ],
)
def test_what_is_refused_writes_nothing(clv, work, typed, words):
    (work / "taken").write_text("a file")
    status, _, stderr = clv("cell", "data=cdnow_sample", "window=3m", *typed)
    assert status == 1
    assert stderr.startswith("error: ")
    assert words in stderr
    assert not (work / "mlruns" / "cells").exists()


@pytest.mark.slow
def test_xgboost_learns_on_two_spark_workers_and_stands_on_the_board(clv, work, run_process, pyspark):
    assert clv("cell", *CELL[:2])[0] == 0
    (folder,) = (work / "mlruns" / "cells").glob("*/*")
    done = run_process([sys.executable, EXAMPLES / "xgboost_spark" / "predict.py", folder], timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Task 1 got rank 1" in done.stdout + done.stderr
    pattern = f"{folder.relative_to(work)}/predictions.parquet"
    assert clv("submit", f"predictions={pattern}", "name=xgboost_spark", *CELL[:2])[0] == 0
    (run,) = RunReader(work / "mlruns").runs("cdnow_sample 3m")
    assert run.metrics["holdout_d2_tweedie"] > 0.2
