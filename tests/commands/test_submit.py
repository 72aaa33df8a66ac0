"""``clv submit``: predictions made elsewhere leave a run that stands on the board; what is refused leaves none."""

import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.tracking.run_reader import RunReader

CELL = ("data=cdnow_sample", "window=3m")
pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture
def predictions(work, cdnow_sample):
    forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))
    period = forecaster.window.period(0)
    table = forecaster.outcome(period)[[]].reset_index().assign(cutoff=str(period.cutoff), y_pred=8.0)
    table.to_csv(work / "mine.csv", index=False)
    table.to_parquet(work / "mine.parquet", index=False)
    return table


@pytest.mark.parametrize("file", ["mine.csv", "mine.parquet"])
def test_predictions_of_a_file_become_a_run_of_their_own_family(clv, work, predictions, file):
    status, stdout, stderr = clv("submit", f"predictions={file}", "name=mine", "provenance=by hand", *CELL)
    assert (status, stderr) == (0, "")
    assert "\nmine " in stdout
    (run,) = RunReader(work / "mlruns").runs("cdnow_sample 3m")
    tags = {name: run.tags[name] for name in ("family", "model", "protocol", "provenance")}
    assert tags == {"family": "external", "model": "mine", "protocol": "forecast", "provenance": "by hand"}
    assert run.metrics["holdout_mae"] > 0
    assert {"model.estimator._target_", "predictions", "name"}.isdisjoint(run.params)


TOOL = '''"""The rate of purchases so far, at one price."""
import json, sys
from pathlib import Path
import pandas as pd
folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")
predictions = customers[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=customers["frequency"] / customers["T"])
predictions.to_parquet(folder / "predictions.parquet", index=False)
'''


@pytest.mark.slow
def test_a_tool_is_run_at_every_cutoff_and_stands_under_its_name(clv, work):
    (work / "purchase_rate").mkdir()
    (work / "purchase_rate" / "predict.py").write_text(TOOL)
    status, stdout, stderr = clv("submit", "tool=purchase_rate", "window.origins=2", *CELL)
    assert (status, stderr) == (0, "")
    assert "purchase_rate predicts 1998-01-01 to 1998-03-31" in stdout
    (run,) = RunReader(work / "mlruns").runs("cdnow_sample 3m")
    assert run.name == run.tags["model"] == "purchase_rate"
    assert run.tags["provenance"] == "The rate of purchases so far, at one price."
    assert run.params["window.origins"] == "2"
    assert {"tool", "python", "time_limit"}.isdisjoint(run.params)
    status, stdout, stderr = clv("submit", "tool=purchase_rate", "window.origins=2", "resume=true", *CELL)
    assert (status, stderr) == (0, "")
    assert f"there already (run {run.run_id})" in stdout
    status, stdout, stderr = clv("submit", "tool=purchase_rate", "window.horizon=24 months", "resume=true", CELL[0])
    assert (status, stderr) == (0, "")
    assert "left out: " in stdout
    assert len(RunReader(work / "mlruns").runs("cdnow_sample 3m")) == 1


@pytest.mark.slow
def test_they_stand_on_the_board_beside_the_models(clv, work, predictions):
    assert clv("submit", "predictions=mine.csv", "name=mine", *CELL)[0] == 0
    status, _, stderr = clv("leaderboard", "models=[zeros]", "replicates=100", "--fill", *CELL)
    assert (status, stderr) == (0, "")
    board = pd.read_csv(next((work / "mlruns" / "leaderboards").glob("*/leaderboard.csv")))
    assert board.set_index("model").loc["mine", "family"].unique().tolist() == ["external"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["name=mine"], "no predictions were given; type predictions="),
        (["predictions=mine.csv"], "predictions need a name on the board; type name="),
        (["predictions=mine.csv", "name=zeros"], "'zeros' is a model here already"),
        (["predictions=none.csv", "name=mine"], "there is no file none.csv"),
        (["predictions=*/none.csv", "name=mine"], "there is no file */none.csv"),
        (["predictions=*.*", "name=mine"], "broken.parquet cannot be read as Parquet"),
        (["predictions=broken.parquet", "name=mine"], "broken.parquet cannot be read as Parquet"),
        (["predictions=mine.csv", "name=mine", "cell=feed"], "were made for cell feed"),
        (["predictions=mine.csv", "name=mine", "evaluation=customer_split"], "leave out evaluation="),
        (["predictions=mine.csv", "name=mine", "window=1m"], "lack 1998-05-31"),
        (["predictions=mine.csv", "tool=lifetimes"], "leave out predictions= or tool="),
        (["tool=lifetime"], "there is no tool 'lifetime' in"),
        (["tool=lifetimes", "python=nowhere/python"], "lifetimes cannot be run by nowhere/python"),
        (["tool=lifetimes", "time_limit=0"], "time_limit"),
        (["tool=failing"], "failing failed at 1998-03-31: ValueError: no such thing"),
    ],
)
def test_what_is_refused_leaves_no_run(clv, work, predictions, typed, words):
    (work / "broken.parquet").write_text("no table")
    (work / "failing").mkdir()
    (work / "failing" / "predict.py").write_text("raise ValueError('no such thing')")
    status, _, stderr = clv("submit", *CELL, *typed)
    assert status == 1
    assert stderr.startswith("error: ")
    assert words in stderr
    assert RunReader(work / "mlruns").runs("cdnow_sample 3m") == []
