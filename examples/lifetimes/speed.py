"""lifetimes as its README uses it: `summary_data_from_transaction_data` of a frame, and its fitters in weeks.

python examples/lifetimes/speed.py TASK FILE
"""

import json
import sys
import warnings
from time import perf_counter, process_time

import lifetimes
import pandas as pd
from lifetimes.utils import summary_data_from_transaction_data

warnings.simplefilter("ignore")  # of lifetimes, with the pandas of today


def features(file):
    """Read lines of orders and summarise each customer."""
    lines = pd.read_parquet(file)
    lines["amount"] = lines["quantity"] * lines["unit_price"].astype(float)
    return summary_data_from_transaction_data(lines, "customer_id", "invoice_date", "amount")


def fit(fitter, customers):
    """Fit a BTYD model in weeks, or Gamma-Gamma on customers who came again."""
    if isinstance(fitter, lifetimes.GammaGammaFitter):
        returning = customers[customers["frequency"] > 0]
        return fitter.fit(returning["frequency"], returning["monetary_value"])
    return fitter.fit(customers["frequency"], customers["recency"] / 7, customers["T"] / 7)


FITTERS = {
    "fit_bg_nbd": lifetimes.BetaGeoFitter,
    "fit_gamma_gamma": lifetimes.GammaGammaFitter,
    "fit_pareto_nbd": lifetimes.ParetoNBDFitter,
}

task, file = sys.argv[1:]
if task == "features":
    work, arguments = features, [file]
else:
    work, arguments = fit, [FITTERS[task](), pd.read_parquet(file)]

started, cpu = perf_counter(), process_time()
work(*arguments)
json.dump({"seconds": perf_counter() - started, "cpu_seconds": process_time() - cpu}, sys.stdout)
