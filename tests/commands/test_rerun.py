"""A run is made again from what it kept, and every metric compared to the last digit."""

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from clv_experiments.commands.rerun import _compose_logged_settings, _parse_data_overrides
from clv_experiments.errors import ClvError
from clv_experiments.tracking.memory_tracker import MemoryRun
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

pytestmark = pytest.mark.usefixtures("without_figures")
SMALL = ["model=spend_rate", "window=1m", "evaluation.bootstrap_replicates=20"]


@pytest.fixture
def orders(work):
    """A log of a shop's own."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 400, 3000), unit="D")
    frame = pd.DataFrame({"customer_id": rng.integers(0, 300, 3000), "date": days})
    frame.assign(amount=rng.gamma(2.0, 10.0, 3000).round(2)).to_csv("orders.csv", index=False)
    return work / "orders.csv"


@pytest.fixture
def made(clv, orders):
    """The id of a run over two origins at the level of a forecast."""
    typed = [*SMALL, "data.path=orders.csv", "window.origins=2", "model.level=btyd"]
    status, _, stderr = clv("train", *typed)
    assert status == 0, stderr
    return MlflowTracker("mlruns").reader().runs("orders 1m")[0].run_id


def test_a_run_made_again_is_the_same_to_the_last_digit_and_keeps_nothing(clv, made):
    status, stdout, stderr = clv("rerun", made)
    assert (status, stderr) == (0, "")
    assert "log: fingerprint" in stdout
    run = MlflowTracker("mlruns").reader().run(made)
    compared = [name for name in run.metrics if not name.startswith(("seconds_", "peak_memory"))]
    assert stdout.splitlines()[-1] == f"all {len(compared)} metrics of run {made} are the same, to the last digit"
    assert len(MlflowTracker("mlruns").reader().runs("orders 1m")) == 1


@pytest.mark.slow
def test_what_differs_is_named_with_both_values(clv, made, monkeypatch):
    log = MemoryRun.log

    def shifted(run, records):
        from clv_experiments.reporting.records import Metric

        def shift(record):
            if isinstance(record, Metric) and record.name == "holdout_mae" and record.step == 1:
                return Metric(record.name, np.nextafter(record.value, np.inf), record.step)
            return record

        log(run, [shift(record) for record in records])

    monkeypatch.setattr(MemoryRun, "log", shifted)
    status, stdout, stderr = clv("rerun", f"runs:/{made}")
    value = MlflowTracker("mlruns").reader().metric_by_origin(made, "holdout_mae")[1]
    assert status == 1
    assert f"of run {made} are not what they were" in stderr
    (row,) = [line.split() for line in stdout.splitlines() if line.startswith("holdout_mae")]
    assert row == ["holdout_mae", "1", repr(value), repr(float(np.nextafter(value, np.inf)))]


@pytest.mark.slow
def test_another_log_is_refused_and_one_that_has_moved_is_taken(clv, made, orders):
    orders.rename("moved.csv")
    status, _, stderr = clv("rerun", made, "data.path=moved.csv")
    assert (status, stderr) == (0, "")
    lines = orders.with_name("moved.csv").read_text().splitlines()
    orders.write_text("\n".join(lines[:-1]) + "\n")
    status, _, stderr = clv("rerun", made)
    assert status == 1
    assert f"the log is another one than run {made} read: its fingerprint is " in stderr


@pytest.mark.slow
def test_what_cannot_be_repeated_is_said(clv, made):
    assert clv("rerun")[2] == "error: clv rerun needs a run: clv rerun <run id>, as clv ui lists them\n"
    assert "there is no run 'ffffffff" in clv("rerun", "f" * 32)[2]
    assert "repeats a run as it was and takes no seed;" in clv("rerun", made, "seed=7")[2]
    with MlflowTracker("mlruns").run("orders 1m", "no evaluation") as run:
        run.log([])
    assert "has no readable config.yaml" in clv("rerun", run.run_id)[2]


LOGGED = """
data:
  name: shop
  connection: postgresql://ann:***@db/shop
  source: {connection: "postgresql://ann:***@db/shop", table: orders}
window: {horizon: 3 months}
evaluation: {protocol: forecast}
model: {name: zeros}
features: {name: rfm}
seed: 1
"""


def test_a_masked_connection_is_asked_for_and_put_wherever_it_stood(compose, monkeypatch):
    cfg, logged, secret = compose(), OmegaConf.create(LOGGED), "postgresql://ann:sesame@db/shop"
    with pytest.raises(ClvError, match=r"data\.connection was kept without its secret, as postgresql://ann:\*\*\*@db"):
        _compose_logged_settings(cfg, logged, {})
    monkeypatch.setenv("CLV_DATA_CONNECTION", secret)
    of_environment = _compose_logged_settings(cfg, logged, {})
    typed = _compose_logged_settings(cfg, logged, _parse_data_overrides([f"data.connection='{secret}'", "data=sql"]))
    for settings in (of_environment, typed):
        assert (settings.data.connection, settings.data.source.connection) == (secret, secret)
    assert secret not in OmegaConf.to_yaml(of_environment), "only the variable is named"
    assert (of_environment.model.level, of_environment.window.origins) == ("own", 1), "settings younger than the run"
