"""Another tool that fails, or does not predict every customer, is told of in one sentence."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from clv_experiments.comparison.external_tools import find_external_tools, run_tool
from clv_experiments.errors import ClvError, LogTooShort

CUSTOMERS = pd.DataFrame({"customer_id": ["c", "a", "b"], "frequency": [2.0, 0.0, 1.0]})


@pytest.fixture
def origin(tmp_path):
    folder = tmp_path / "1998-03-31"
    folder.mkdir()
    (folder / "cell.json").write_text(json.dumps({"cutoff": "1998-03-31"}))
    CUSTOMERS.to_parquet(folder / "customers.parquet")
    return folder


def test_predictions_come_in_the_order_of_the_customers(tools, origin):
    (tool,) = find_external_tools(tools(counter=""))
    predicted, seconds = run_tool(tool, origin, pd.Index(["a", "b", "c"]), 60.0)
    assert predicted.to_dict() == {"a": 0.5, "b": 1.5, "c": 2.5}
    assert list(predicted.index) == ["a", "b", "c"]
    assert 0 < seconds < 60
    assert tool.description == "What counter does."


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("predictions = predictions[1:]", "lack 1 customers, the first c;"),
        ("predictions['customer_id'] = 'a'", "have 2 rows too many, the first of customer a;"),
        ("predictions['y_pred'] -= 1", "1 values of y_pred .* the first -0.5 of customer a;"),
        ("predictions['y_pred'] /= 0", "the first inf of customer a;"),
        ("predictions.loc[2, 'y_pred'] = None", "the first nan of customer b;"),
        ("predictions = predictions.drop(columns='y_pred')", "lacks the column.s. y_pred$"),
        ("raise RuntimeError('no convergence')", "failed at 1998-03-31: RuntimeError: no convergence$"),
        ("sys.exit(3)", "failed at 1998-03-31: exit code 3$"),
        ("sys.exit()", "wrote no predictions.parquet at 1998-03-31$"),
        (
            "import no_such_tool",
            "is not installed .*no_such_tool.*pip install -r tools[0-9]*/odd/requirements.txt.*--python odd=",
        ),
        ("import time; time.sleep(60)", "was ended after 2 s at 1998-03-31$"),
    ],
)
def test_what_is_wrong_is_one_sentence(tools, origin, program, sentence):
    (tool,) = find_external_tools(tools(odd=program))
    limit = 2.0 if "sleep" in program else 60.0
    with pytest.raises(ClvError, match=f"^odd .*{sentence}") as caught:
        run_tool(tool, origin, pd.Index(["a", "b", "c"]), limit)
    assert "\n" not in str(caught.value)


def test_a_tool_that_has_nothing_to_learn_from_finds_the_log_too_short(tools, origin):
    (tool,) = find_external_tools(
        tools(learner="import pathlib; pd.read_parquet(pathlib.Path(folder, 'panel.parquet'))")
    )
    with pytest.raises(LogTooShort, match="learner learns from earlier periods, and before 1998-03-31"):
        run_tool(tool, origin, pd.Index(["a", "b", "c"]), 60.0)
    CUSTOMERS.to_parquet(origin / "panel.parquet")
    run_tool(tool, origin, pd.Index(["a", "b", "c"]), 60.0)


def test_predictions_of_before_are_not_taken_for_new_ones(tools, origin):
    CUSTOMERS.assign(cutoff="1998-03-31", y_pred=np.arange(3.0)).to_parquet(origin / "predictions.parquet")
    (tool,) = find_external_tools(tools(odd="sys.exit()"))
    with pytest.raises(ClvError, match="wrote no"):
        run_tool(tool, origin, pd.Index(["a", "b", "c"]), 60.0)


def test_an_environment_of_its_own(tools, origin):
    folder = tools(one="", two="")
    first, second = find_external_tools(folder, interpreters={"two": "/no/such/python"})
    assert (first.python, second.python) == (sys.executable, "/no/such/python")
    with pytest.raises(ClvError, match="two cannot be run by /no/such/python: No such file or directory"):
        run_tool(second, origin, pd.Index(["a"]), 60.0)
    assert [tool.name for tool in find_external_tools(folder, names=["two"])] == ["two"]
    with pytest.raises(ClvError, match=r"there is no tool 'tow' in .*; did you mean two"):
        find_external_tools(folder, names=["tow"])
    with pytest.raises(ClvError, match="there is no tool 'three'"):
        find_external_tools(folder, interpreters={"three": "python"})
