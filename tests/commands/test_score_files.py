"""Scores on disk: whole or not there, and defused for spreadsheets."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from clv_experiments.commands.score_files import open_score_files
from clv_experiments.errors import ClvError


def test_files_are_whole_or_not_there(tmp_path):
    text = pd.DataFrame({"customer_id": ["=1+1", 'a"b'], "n": [1, 2], "x": [1 / 3, np.nan], "flag": [True, False]})
    text["day"] = pd.to_datetime(["2011-11-30", None])
    with open_score_files(tmp_path) as writer:
        writer.write(text)
        writer.write(text.assign(customer_id=[None, "-17"]))
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[:3] == ["customer_id,n,x,flag,day", '"\'=1+1",1,0.3333,true,2011-11-30', '"a""b",2,,false,']
    assert lines[3:] == [",1,0.3333,true,2011-11-30", '"\'-17",2,,false,']
    kept = pq.read_table(tmp_path / "scores.parquet").to_pandas()
    assert kept["customer_id"][0] == "=1+1"
    assert kept["x"][0] == 1 / 3
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyboardInterrupt), open_score_files(tmp_path) as writer:
        writer.write(text)
        raise KeyboardInterrupt
    with pytest.raises(ClvError, match=r"cannot be written to .*is full"), open_score_files(tmp_path) as writer:
        writer.write(text)
        raise OSError(28, "No space left on device")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
