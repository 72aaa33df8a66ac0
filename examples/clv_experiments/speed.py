"""The project itself, from Python: `read_log` with its checks and receipt, then the features; its estimators.

python examples/clv_experiments/speed.py TASK FILE
"""

import json
import sys
from time import perf_counter, process_time

import pandas as pd

import clv_experiments as clv
import clv_experiments.data.sources.files  # what reading imports at first use is no part of the time
from clv_experiments.data.horizon import Horizon
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.pareto_nbd import ParetoNbd


def features(file):
    """Read lines of orders, clean them and summarise each customer."""
    log = clv.read_log(file).transactions
    return FeatureSet("rfm", [rfm]).compute(log, log.end, Horizon.parse("3 months"))


FITS = {
    "fit_bg_nbd": (BgNbd, ["frequency", "recency", "T"]),
    "fit_gamma_gamma": (GammaGamma, ["frequency", "monetary_value"]),
    "fit_pareto_nbd": (ParetoNbd, ["frequency", "recency", "T"]),
}

task, file = sys.argv[1:]
if task == "features":
    work, argument = features, file
    few = pd.DataFrame({"customer_id": [1, 1, 2], "date": ["2022-01-01", "2022-05-01", "2022-05-02"], "amount": 1.5})
    clv.read_log(few)
else:
    model, columns = FITS[task]
    work, argument = model().fit, pd.read_parquet(file, columns=columns)
    model().fit(argument.head(100))

started, cpu = perf_counter(), process_time()
work(argument)
json.dump({"seconds": perf_counter() - started, "cpu_seconds": process_time() - cpu}, sys.stdout)
