"""lifetimes as its README uses it: BG/NBD purchases without a penalty times the Gamma-Gamma's expected mean spend.

python examples/lifetimes/predict.py FOLDER
"""

import json
import sys
from pathlib import Path

import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter

folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")  # frequency, recency and T in days

purchases = BetaGeoFitter(penalizer_coef=0.0)
purchases.fit(customers["frequency"], customers["recency"], customers["T"])
returning = customers[(customers["frequency"] > 0) & (customers["monetary_value"] > 0)]  # others it cannot take
spend = GammaGammaFitter(penalizer_coef=0.0)
spend.fit(returning["frequency"], returning["monetary_value"])

expected_purchases = purchases.conditional_expected_number_of_purchases_up_to_time(
    cell["horizon_days"], customers["frequency"], customers["recency"], customers["T"]
)
expected_spend = spend.conditional_expected_average_profit(customers["frequency"], customers["monetary_value"])
predictions = customers[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=expected_purchases * expected_spend)
predictions.to_parquet(folder / "predictions.parquet", index=False)
