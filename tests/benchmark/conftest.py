"""Tools of a few lines, as other people would write them."""

import pytest

READ = """
import json, sys
from pathlib import Path
import pandas as pd
folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")
predictions = customers[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=customers["frequency"] + 0.5)
"""
WRITE = 'predictions.to_parquet(folder / "predictions.parquet", index=False)\n'


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """Write tools into a folder; each is given as what it does to ``predictions`` before they are written."""

    def write(**programs):
        folder = tmp_path_factory.mktemp("tools")
        for name, program in programs.items():
            (folder / name).mkdir(parents=True)
            (folder / name / "predict.py").write_text(
                f'"""What {name} does.\n\nMore of it.\n"""\n{READ}{program}\n{WRITE}'
            )
        return folder

    return write
