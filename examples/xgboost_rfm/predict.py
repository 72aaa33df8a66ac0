"""XGBoost as notebooks use it: default settings, recency, frequency and monetary value, spend of the one period before.

The notebooks split customers at random and predict a period that is over; here what was learnt of the last period that
was over at the cutoff predicts the next.

python examples/xgboost_rfm/predict.py FOLDER
"""

import json
import sys
from pathlib import Path

import pandas as pd
from xgboost import XGBRegressor

RFM = ["frequency", "recency", "T", "monetary_value"]

folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
panel = pd.read_parquet(folder / "panel.parquet")
customers = pd.read_parquet(folder / "customers.parquet")

latest = panel[panel["cutoff"] == panel["cutoff"].max()]
model = XGBRegressor(random_state=cell["seed"]).fit(latest[RFM], latest["y"])
spend = model.predict(customers[RFM]).clip(min=0)
predictions = customers[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=spend)
predictions.to_parquet(folder / "predictions.parquet", index=False)
