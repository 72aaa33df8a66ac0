"""pymc-marketing as its CLV quickstart uses it, fitted by MAP: BG/NBD purchases times the Gamma-Gamma's mean spend.

python examples/pymc_marketing/predict.py FOLDER
"""

import json
import sys
from pathlib import Path

import pandas as pd
from pymc_marketing.clv import BetaGeoModel, GammaGammaModel

folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")
weeks = customers.assign(recency=customers["recency"] / 7, T=customers["T"] / 7)  # as the quickstart's CDNOW

purchases = BetaGeoModel()
purchases.fit(data=weeks, method="map", random_seed=cell["seed"])
returning = weeks[(weeks["frequency"] > 0) & (weeks["monetary_value"] > 0)]  # others it cannot take
spend = GammaGammaModel()
spend.fit(data=returning, method="map", random_seed=cell["seed"])

expected_purchases = purchases.expected_purchases(weeks, future_t=cell["horizon_days"] / 7)
expected_spend = spend.expected_customer_spend(weeks)
product = (expected_purchases * expected_spend).mean(("chain", "draw")).to_series()
predictions = customers[["customer_id"]].assign(
    cutoff=cell["cutoff"], y_pred=product.loc[customers["customer_id"]].to_numpy()
)
predictions.to_parquet(folder / "predictions.parquet", index=False)
