"""XGBoost trained on Spark workers, from Parquet that no single process reads: Tweedie, 200 trees, all features.

SPARK_MASTER='local[2]' python examples/xgboost_spark/predict.py FOLDER
"""

import json
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession, functions
from xgboost.spark import SparkXGBRegressor

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
folder = Path(sys.argv[1]).resolve()
cell = json.loads((folder / "cell.json").read_text())
spark = (
    SparkSession.builder.master(os.environ.get("SPARK_MASTER", "local[2]"))
    .config("spark.sql.legacy.parquet.nanosAsLong", "true")  # as pandas writes cutoffs
    .config("spark.log.level", "ERROR")
    .getOrCreate()
)
panel, features = (spark.read.parquet(str(folder / f"{name}.parquet")) for name in ("panel", "features"))
names = [name for name in features.columns if name != "customer_id"]

unit = panel.agg(functions.avg("y")).first()[0] or 1.0  # labels as multiples of their mean, whatever the currency
regressor = SparkXGBRegressor(
    features_col=names,
    label_col="y",
    num_workers=spark.sparkContext.defaultParallelism,
    objective="reg:tweedie",
    tweedie_variance_power=1.5,
    n_estimators=200,
    learning_rate=0.05,
    max_depth=4,
    min_child_weight=30,
    random_state=cell["seed"],
)
model = regressor.fit(panel.select(*names, (functions.col("y") / unit).alias("y")))
spend = functions.greatest(functions.col("prediction") * unit, functions.lit(0.0)).alias("y_pred")
predictions = (
    model.transform(features).select("customer_id", functions.lit(cell["cutoff"]).alias("cutoff"), spend).toPandas()
)
predictions.to_parquet(folder / "predictions.parquet", index=False)
spark.stop()
