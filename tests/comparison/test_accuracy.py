"""The benchmark's figures are those that plain numpy and scikit-learn give for the files that tools read and write."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc, d2_tweedie_score

from clv_experiments.commands import benchmark_accuracy as command
from clv_experiments.comparison.accuracy import ToolLimits, compare_with_first_model, predict_cell_with_all_tools
from clv_experiments.comparison.external_tools import find_external_tools
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd

RFM = FeatureSet("rfm", [rfm])
DEFAULT = Model("default", "btyd", False, RFM, MbgNbd())


def gini(y, predicted):
    """Area between the diagonal and the curve of spend over customers by falling prediction, ties in one step."""

    def area(key):
        by_key = pd.DataFrame({"key": key, "y": y}).groupby("key")["y"].agg(["sum", "count"])[::-1].cumsum()
        steps = np.vstack([[0, 0], by_key.to_numpy()]) / [y.sum(), len(y)]
        return auc(steps[:, 1], steps[:, 0]) - 0.5

    return area(predicted) / area(y)


@pytest.fixture(scope="module")
def cell(cdnow_sample, tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell")
    forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3m"), origins=2))
    others = find_external_tools(tools(counter="", broken="raise ValueError('on purpose')"))
    lines = []
    periods = [forecaster.window.period(1), forecaster.window.period(0)]
    cell = predict_cell_with_all_tools(
        forecaster, periods, DEFAULT, RFM, others, folder, limits=ToolLimits(30.0, 60.0), seed=1,
        progress=lines.append,
    )  # fmt: skip
    return cell, forecaster, periods, folder, lines


def test_figures_are_those_of_plain_numpy_and_sklearn(cell):
    cell, forecaster, periods, folder, _ = cell
    result = compute_standings(cell, "d2_tweedie", replicates=200, seed=3)
    table = compare_with_first_model(result).set_index(["metric", "model"])
    by_hand = []
    for period, origin in zip(periods, cell.origins, strict=True):
        customers = pd.read_parquet(folder / str(period.cutoff) / "customers.parquet").set_index("customer_id")
        y = forecaster.outcome(period)["spend"].to_numpy()
        predicted = (customers["frequency"] + 0.5).loc[origin.customer_id].to_numpy()
        raised = np.maximum(predicted, origin.d2_floor)
        by_hand.append((gini(y, predicted), d2_tweedie_score(y, raised, power=1.5), predicted.sum() / y.sum() - 1))
    names = ["normalised_gini", "d2_tweedie", "aggregate_bias"]
    scores = [table.loc[(name, "counter"), "score"] for name in names]
    assert scores == pytest.approx(np.mean(by_hand, axis=0), rel=1e-9)
    size = np.abs(by_hand).mean(axis=0)[2]
    assert table.loc[("aggregate_bias", "counter"), "oriented"] == pytest.approx(-size, rel=1e-9)

    paired = result.replicates["d2_tweedie"] @ [-1.0, 1.0]
    row = table.loc[("d2_tweedie", "counter")]
    assert (row["lower"], row["upper"]) == pytest.approx(np.quantile(paired, [0.025, 0.975]))
    assert row["lower"] < row["difference"] < row["upper"]
    assert (table.xs("default", level="model")[["difference", "lower", "upper"]] == 0).all(axis=None)


def test_a_tool_that_fails_is_left_out_with_its_reason(cell):
    cell, *_, lines = cell
    assert cell.labels == ["default", "counter"]
    (reason,) = cell.excluded_runs
    assert reason.startswith("broken failed at 1997-12-31: ValueError: on purpose")
    assert f"left out: {reason}" in lines
    assert sum(line.startswith("broken on") for line in lines) == 1  # not asked again at the next origin


def test_files_hold_nothing_after_the_cutoff(cell):
    _, forecaster, periods, folder, _ = cell
    for period in periods:
        origin, cutoff = folder / str(period.cutoff), pd.Timestamp(period.cutoff)
        transactions, panel = (pd.read_parquet(origin / f"{name}.parquet") for name in ("transactions", "panel"))
        assert transactions["date"].max() == cutoff
        customers = pd.read_parquet(origin / "customers.parquet")["customer_id"].tolist()
        assert sorted(transactions["customer_id"].unique()) == customers
        assert panel["cutoff"].max() + pd.DateOffset(months=3) <= cutoff + pd.DateOffset(days=1)
        latest = panel[panel["cutoff"] == panel["cutoff"].max()].set_index("customer_id")["y"]
        label = next(forecaster.window.training_periods(period))
        days = transactions["date"].between(pd.Timestamp(label.cutoff), pd.Timestamp(label.end), inclusive="right")
        spend = transactions[days].groupby("customer_id")["amount"].sum().reindex(latest.index, fill_value=0.0)
        np.testing.assert_allclose(latest, spend)


@pytest.mark.slow
def test_the_command_writes_page_table_and_picture_and_keeps_what_is_written_by_hand(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "EXAMPLES", tools(counter="", broken="import no_such_tool"))
    page = tmp_path / "docs" / "accuracy.md"
    page.parent.mkdir()
    by_hand = f"{command.MANUAL_MARK}\n\n## Tried\n\nA network.\n"
    page.write_text(f"old figures\n\n{by_hand}")
    logs = ["data=cdnow_sample model=mbg_nbd"]
    typed = ["python", "benchmark.py", "--logs", *logs]
    table = command.benchmark_accuracy(logs, [], {}, ToolLimits(), str(page.parent), typed)
    text = page.read_text()
    assert "old figures" not in text
    assert text.endswith(f"with a `predict.py`.\n{by_hand}")
    assert "python benchmark.py --logs 'data=cdnow_sample model=mbg_nbd'" in text
    assert "- **counter**: What counter does." in text
    assert "Left out: broken is not installed" in text
    own = table[(table["model"] == "mbg_nbd") & (table["metric"] == "normalised_gini")].iloc[0]
    assert f"| mbg_nbd | {own['score']:.3f} |" in text
    pd.testing.assert_frame_equal(pd.read_csv(page.parent / "accuracy.csv"), table, check_dtype=False)
    assert (page.parent / "accuracy.png").read_bytes()[:4] == b"\x89PNG"


def test_a_log_that_is_not_there_is_one_sentence(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "EXAMPLES", tools(counter=""))
    for typed, reason in {
        "data=nowhere": "In 'config': Could not find 'data/nowhere'",
        "dta.path=x": "Could not override",
    }.items():
        with pytest.raises(ClvError, match=f"^--logs '{typed}' cannot be read: {reason}") as caught:
            command.benchmark_accuracy([typed], [], {}, ToolLimits(), str(tmp_path), [])
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
