"""Batches are read back as they were written."""

import numpy as np
import pandas as pd

from clv_experiments.reporting.batches import ParquetAndCsvBatchWriter, read_batches


def test_batches_are_read_back_as_they_were_written(tmp_path):
    batch = pd.DataFrame({"customer_id": ["a", "b"], "day": pd.to_datetime(["2011-11-30", None]), "x": [1.5, np.nan]})
    with ParquetAndCsvBatchWriter(tmp_path / "batches.parquet") as writer:
        writer.write(batch)
        writer.write(batch.iloc[:1])
    batches = [*read_batches(tmp_path / "batches.parquet")]
    assert [len(frame) for frame in batches] == [2, 1]
    pd.testing.assert_frame_equal(batches[0], batch.astype({"day": "datetime64[ms]"}))
    assert batches[0]["day"].dt.year.iloc[0] == 2011


def test_whole_numbers_of_which_a_later_batch_lacks_some_stay_whole(tmp_path):
    with ParquetAndCsvBatchWriter(tmp_path / "batches.parquet") as writer:
        writer.write(pd.DataFrame({"purchases": [3, 4]}))
        writer.write(pd.DataFrame({"purchases": [5, np.nan]}))
    whole, lacking = read_batches(tmp_path / "batches.parquet")
    assert whole["purchases"].tolist() == [3, 4]
    assert lacking["purchases"].fillna(-1).tolist() == [5, -1]
