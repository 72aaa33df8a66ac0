"""AutoGluon with its defaults and a time budget, on the training panel of features: full.

python examples/autogluon/predict.py FOLDER
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from autogluon.tabular import TabularPredictor

folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
panel = pd.read_parquet(folder / "panel.parquet")
features = pd.read_parquet(folder / "features.parquet")
names = [name for name in features.columns if name != "customer_id"]

with TemporaryDirectory() as models:
    predictor = TabularPredictor(label="y", problem_type="regression", path=models, verbosity=0)
    predictor.fit(panel[[*names, "y"]], time_limit=cell["time_budget"])
    spend = predictor.predict(features[names]).clip(lower=0)
predictions = features[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=spend)
predictions.to_parquet(folder / "predictions.parquet", index=False)
