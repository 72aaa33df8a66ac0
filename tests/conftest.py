"""Logs that many tests share: the CDNOW logs as configured, and small ones written down row by row."""

# First, since it says how the threads of numpy and XGBoost wait, which they read as they load.
import clv_experiments  # noqa: F401, I001

from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from clv_experiments.data.cleaning import missing_amount, missing_customer, missing_date
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import Raw
from clv_experiments.data.sources.cdnow import cdnow

# The steps and the log end of conf/data/cdnow.yaml and cdnow_sample.yaml.
RULES = (missing_customer(), missing_date(), missing_amount())
COLUMNS = ["customer_id", "date", "amount"]
CDNOW_END = date(1998, 6, 30)
CONF = Path(__file__).resolve().parents[1] / "conf"


@pytest.fixture(scope="session")
def compose():
    """Compose the config as train.py does, from overrides; runs are kept in memory."""

    def composed(*overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra_compose("config", overrides=["tracking=memory", *overrides])

    return composed


@pytest.fixture(scope="session")
def cdnow_sample():
    return load_log("cdnow_sample", partial(cdnow, sample=True), RULES, CDNOW_END)


@pytest.fixture(scope="session")
def cdnow_master():
    return load_log("cdnow", partial(cdnow, sample=False), RULES, CDNOW_END)


@pytest.fixture(scope="session")
def log_of():
    """Build a log from rows of (customer_id, date or datetime, amount), or from a frame."""

    def build(rows, rules=RULES, log_end=None, name="toy"):
        frame = pd.DataFrame(rows, columns=None if isinstance(rows, pd.DataFrame) else COLUMNS)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        return load_log(name, lambda engine: Raw(engine.lay("rows", table)), rules, log_end)

    return build
