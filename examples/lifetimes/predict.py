"""lifetimes as its README uses it, in days: BG/NBD purchases times the Gamma-Gamma's expected mean spend.

The penalty is 0 as there, and larger only where lifetimes does not converge and asks for that. Customers for whom it
gives no number, as some new ones where hardly anybody drops out, count as 0.

python examples/lifetimes/predict.py FOLDER
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import ConvergenceError

PENALTIES = (0.0, 0.001, 0.01, 0.1)


def fit(fitter, *columns):
    """Fit with the least penalty that converges."""
    for penalty in PENALTIES[:-1]:
        with suppress(ConvergenceError):
            return fitter(penalizer_coef=penalty).fit(*columns)
    return fitter(penalizer_coef=PENALTIES[-1]).fit(*columns)


folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")  # frequency, recency and T in days

purchases = fit(BetaGeoFitter, customers["frequency"], customers["recency"], customers["T"])
returning = customers[(customers["frequency"] > 0) & (customers["monetary_value"] > 0)]  # others it cannot take
spend = fit(GammaGammaFitter, returning["frequency"], returning["monetary_value"])

expected_purchases = purchases.conditional_expected_number_of_purchases_up_to_time(
    cell["horizon_days"], customers["frequency"], customers["recency"], customers["T"]
)
expected_spend = spend.conditional_expected_average_profit(customers["frequency"], customers["monetary_value"])
predictions = customers[["customer_id"]].assign(
    cutoff=cell["cutoff"], y_pred=(expected_purchases * expected_spend).fillna(0.0)
)
predictions.to_parquet(folder / "predictions.parquet", index=False)
