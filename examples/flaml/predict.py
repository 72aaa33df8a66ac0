"""FLAML with its defaults and a time budget, on the training panel of features: full.

python examples/flaml/predict.py FOLDER
"""

import json
import sys
from pathlib import Path

import pandas as pd
from flaml import AutoML

folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
panel = pd.read_parquet(folder / "panel.parquet")
features = pd.read_parquet(folder / "features.parquet")
names = [name for name in features.columns if name != "customer_id"]

automl = AutoML()
automl.fit(panel[names], panel["y"], task="regression", time_budget=cell["time_budget"], seed=cell["seed"], verbose=0)
spend = automl.predict(features[names]).clip(min=0)
predictions = features[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=spend)
predictions.to_parquet(folder / "predictions.parquet", index=False)
