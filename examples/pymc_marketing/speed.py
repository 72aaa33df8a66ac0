"""pymc-marketing as its CLV quickstart uses it: `rfm_summary` of a frame, and models in weeks fitted by MAP.

python examples/pymc_marketing/speed.py TASK FILE
"""

import json
import sys
import warnings
from time import perf_counter, process_time

import pandas as pd
from pymc_marketing import clv
from pymc_marketing.clv.utils import rfm_summary

warnings.simplefilter("ignore")


def features(file):
    """Read lines of orders and summarise each customer."""
    lines = pd.read_parquet(file)
    lines["amount"] = lines["quantity"] * lines["unit_price"].astype(float)
    return rfm_summary(lines, "customer_id", "invoice_date", "amount")


def fit(model, customers):
    """Fit a model in weeks; Gamma-Gamma on customers who came again."""
    weeks = customers.assign(recency=customers["recency"] / 7, T=customers["T"] / 7)
    if isinstance(model, clv.GammaGammaModel):
        weeks = weeks[weeks["frequency"] > 0]
    model.fit(data=weeks, method="map")


MODELS = {"fit_bg_nbd": clv.BetaGeoModel, "fit_gamma_gamma": clv.GammaGammaModel, "fit_pareto_nbd": clv.ParetoNBDModel}

task, file = sys.argv[1:]
if task == "features":
    work, arguments = features, [file]
else:
    customers = pd.read_parquet(file)
    work, arguments = fit, [MODELS[task](), customers.assign(customer_id=customers.index)]

started, cpu = perf_counter(), process_time()
work(*arguments)
json.dump({"seconds": perf_counter() - started, "cpu_seconds": process_time() - cpu}, sys.stdout)
