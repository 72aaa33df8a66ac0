"""What every command makes of a log that says nothing of money."""

from pathlib import Path

import pandas as pd
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from clv_experiments.commands import train
from clv_experiments.commands.insights import write_insights
from clv_experiments.commands.score import score
from clv_experiments.commands.train import run_experiment
from clv_experiments.errors import LogWithoutAmounts
from clv_experiments.tracking.memory_tracker import MemoryTracker

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture(scope="module")
def path(cdnow_sample, tmp_path_factory):
    """Who bought and when in every eighth customer of the CDNOW sample."""
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    ids = sorted(days["customer_id"].unique())[::8]
    path = tmp_path_factory.mktemp("log") / "visits.csv"
    days[days["customer_id"].isin(ids)][["customer_id", "date"]].to_csv(path, index=False)
    return path


def composed(config, path, *overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(config, overrides=["data=file", "tracking=memory", f"data.path={path}", *overrides])


def test_btyd_models_are_judged_by_counts_of_purchases(path):
    result = run_experiment(composed("config", path, "model=mbg_nbd", "window=3m"))
    table, scores = result.holdout_predictions, result.origins[0].holdout.scores
    assert table["y_true"].tolist() == table["purchase_days"].tolist()
    assert table["y_pred"].tolist() == table["expected_purchases"].tolist()
    assert scores["actual_total"] == table["purchase_days"].sum()
    assert {"d2_tweedie", "buys_roc_auc", "buys_brier"} <= set(scores)
    assert {"last_period", "spend_rate", "hiatus", "rfm_decile"} <= set(result.comparison.scores)


def test_models_of_spend_say_that_there_is_none(path, tmp_path):
    with pytest.raises(LogWithoutAmounts, match=r"no amounts.*model=mbg_nbd.*data\.columns\.amount"):
        run_experiment(composed("config", path, "model=linear", "window=3m"))
    with pytest.raises(LogWithoutAmounts, match=r"spend_rate.*model=mbg_nbd.*data\.columns\.amount"):
        score(composed("score", path, "model=spend_rate", f"output={tmp_path}"), "spend_rate")
    with pytest.raises(LogWithoutAmounts, match=r"clv score.*model=mbg_nbd"):
        write_insights(composed("insights", path, "model=mbg_nbd", f"output={tmp_path}"), "mbg_nbd")


def test_without_a_model_typed_the_one_of_purchases_is_taken_and_said(path, tmp_path, capsys):
    tracker = MemoryTracker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "instantiate", lambda _: tracker)
        folder = score(composed("score", path, "decisions.btyd=bg_nbd", f"output={tmp_path}"), None)
    assert "model: bg_nbd, fitted now, since log 'visits' has no amounts (decisions.btyd)" in capsys.readouterr().out
    assert (pd.read_parquet(folder / "scores.parquet")["btyd_model"] == "bg_nbd").all()
    (run,) = tracker.runs
    assert (run.name, run.status, run.to_stored_run().tags["model"]) == ("score bg_nbd", "FINISHED", "bg_nbd")
    assert not any(name.startswith("model.") for name in run.to_stored_run().params)


def test_customers_are_scored_without_money(path, tmp_path, capsys):
    folder = score(composed("score", path, "model=bg_nbd", f"output={tmp_path}"), "bg_nbd")
    scores = pd.read_parquet(folder / "scores.parquet")
    assert {"expected_purchases", "p_alive", "p_purchase", "next_purchase", "value_tier"} <= set(scores)
    assert not {"monetary_value", "expected_spend", "clv"} & set(scores)
    assert scores["expected_purchases"].sum() > 0
    output = capsys.readouterr().out + (folder / "readme.txt").read_text() + (folder / "summary.csv").read_text()
    assert "$" not in output
    assert "spend" not in (folder / "summary.csv").read_text()
