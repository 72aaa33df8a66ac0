"""A table of frequency, recency and T in, a scored customer list out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from clv_experiments.commands.score import score
from clv_experiments.commands.train import run_experiment
from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.customer_scores import COLUMNS
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm

CONF = Path(__file__).resolve().parents[2] / "conf"
CUTOFF = "1998-06-30"


@pytest.fixture(scope="module")
def customers(cdnow_sample):
    X = FeatureSet("rfm", [rfm]).compute(cdnow_sample, cdnow_sample.end, Horizon.parse("3 months"))
    return X.iloc[::8].reset_index()


@pytest.fixture
def scored(customers, tmp_path):
    """Score the customers of a table, and give the list and the folder."""

    def run(frame, *overrides, model="mbg_nbd", typed_model=True):
        frame.to_csv(tmp_path / "rfm.csv", index=False)
        typed = ["data=file", "tracking=memory", f"data.path={tmp_path / 'rfm.csv'}", f"output={tmp_path}"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = hydra_compose("score", overrides=[*typed, "data.rfm_unit=days", f"model={model}", *overrides])
        folder = score(cfg, model if typed_model else None)
        return pd.read_parquet(folder / "scores.parquet"), folder

    return run


def test_a_table_is_scored_as_the_log_it_was_made_from(customers, scored, compose, tmp_path, cdnow_sample):
    scores, folder = scored(customers, f"window.cutoff={CUTOFF}")
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    days[days["customer_id"].isin(customers["customer_id"])].to_csv(tmp_path / "log.csv", index=False)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        typed = ["data=file", "tracking=memory", f"data.path={tmp_path / 'log.csv'}", f"output={tmp_path / 'log'}"]
        cfg = hydra_compose("score", overrides=[*typed, f"data.log_end={CUTOFF}", "model=mbg_nbd"])
    of_log = pd.read_parquet(score(cfg, "mbg_nbd") / "scores.parquet")
    by_id = {
        frame: table.set_index("customer_id").sort_index() for frame, table in (("table", scores), ("log", of_log))
    }
    shared = list(by_id["table"])
    assert {"expected_spend", "clv", "last_purchase", "next_purchase", "value_tier"} <= set(shared)
    # The table was rounded on its way through a CSV file.
    pd.testing.assert_frame_equal(by_id["table"], by_id["log"][shared], check_dtype=False, rtol=1e-6)
    assert (folder / "summary.csv").exists()


def test_without_a_cutoff_there_is_no_date_and_a_month_is_a_mean_one(customers, scored):
    scores, folder = scored(customers, "window.horizon='12 months'")
    exact, _ = scored(customers, "window.horizon='365 days'")
    assert not {"last_purchase", "next_purchase"} & set(scores)
    assert np.allclose(scores["expected_purchases"], exact["expected_purchases"], rtol=2e-3)
    readme = (folder / "readme.txt").read_text()
    assert "window.cutoff" in readme
    described = [line.partition(":")[0] for line in readme.split("\n\n")[1].splitlines()]
    assert described == [column for column in COLUMNS if column in scores]


def test_without_money_purchases_are_scored(customers, scored, capsys):
    scores, folder = scored(customers.drop(columns="monetary_value"), model="bg_nbd")
    assert not {"expected_spend", "clv", "monetary_value"} & set(scores)
    assert "$" not in capsys.readouterr().out + (folder / "readme.txt").read_text()


def test_without_a_model_typed_the_one_of_purchases_is_taken_and_said(customers, scored, capsys):
    scores, _ = scored(customers, "decisions.btyd=bg_nbd", model="xgboost", typed_model=False)
    typed, _ = scored(customers, model="bg_nbd")
    pd.testing.assert_frame_equal(scores, typed)
    description = "bg_nbd, fitted now, since 'rfm' is a table of frequency, recency and T (decisions.btyd)"
    assert f"model: {description}" in capsys.readouterr().out


def test_what_needs_the_log_says_so(customers, scored, compose, tmp_path):
    with pytest.raises(ClvError, match=r"linear needs the log.*type model=bg_nbd, mbg_nbd or pareto_nbd"):
        scored(customers, model="linear")
    with pytest.raises(ClvError, match=r"mbg_nbd_first_spend needs the log.*type model=bg_nbd, mbg_nbd or pareto_nbd"):
        scored(customers, model="mbg_nbd_first_spend")
    with pytest.raises(ClvError, match=r"no log of purchases.*clv score"):
        run_experiment(compose("data=file", f"data.path={tmp_path / 'rfm.csv'}", "model=mbg_nbd"))
