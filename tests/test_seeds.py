"""Same seed, same numbers to the last digit in two processes; another seed, other numbers."""

import json
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import hashlib, json, sys
from datetime import date
from pathlib import Path

import pyarrow as pa
from hydra import compose, initialize_config_dir
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.config.model_options import build_model
from clv_experiments.forecasting.forecaster import Forecaster

def some(engine):  # every third customer of the sample
    rows = cdnow(engine, sample=True).table.to_pyarrow().to_pandas()
    rows = rows[rows["customer_id"].isin(sorted(rows["customer_id"].unique())[::3])]
    return RawTable(engine.register_arrow("rows", pa.Table.from_pandas(rows, preserve_index=False)))

conf = Path(sys.argv[1]) / "conf"
log = load_log("sample", some, (), date(1998, 6, 30))
forecaster = Forecaster(log, Window(log.start, log.end, Horizon.parse("3 months"), training_origins=1))
digests = {seed: {} for seed in sys.argv[2:]}
with initialize_config_dir(str(conf), version_base="1.3"):
    for seed, found in digests.items():
        for path in sorted((conf / "model").glob("*.yaml")):
            cfg = compose("config", overrides=[f"model={path.stem}", f"seed={seed}"])
            table = forecaster.forecast(forecaster.window.period(0), build_model(cfg.model)).table
            found[path.stem] = hashlib.sha256(table["y_pred"].to_numpy().tobytes()).hexdigest()
print(json.dumps(digests))
"""


@pytest.fixture
def digests(run_process):
    """What every model predicts with each seed, all in one process of its own."""

    def digests_of(*seeds):
        done = run_process([sys.executable, "-W", "ignore", "-c", PROGRAM, ROOT, *seeds], timeout=600)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]).values()

    return digests_of


@pytest.mark.slow
def test_numbers_depend_on_the_seed_and_on_nothing_else(digests, compose):
    other, first = digests(2, 1)
    (again,) = digests(1)
    assert first == again
    texts = {model: OmegaConf.to_yaml(compose(f"model={model}").model) for model in first}
    drawing = {model for model, text in texts.items() if "subsample:" in text or "max_samples:" in text}
    moved = {model for model in first if first[model] != other[model]}
    assert drawing, "at least one model draws samples"
    assert drawing <= moved
    seedless = {model for model, text in texts.items() if "${seed}" not in text}
    assert not moved & seedless
