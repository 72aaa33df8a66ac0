"""Scores on disk: predicted and ranked in batches, summed up on the way, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.attributes import top_spend_country_by_customer
from clv_experiments.data.queries.customers import count_customers_by_cutoff
from clv_experiments.data.window import Window
from clv_experiments.decisions.customer_scores import CustomerGroups, Scorer, choose_ranking_column
from clv_experiments.decisions.score_totals import ScoreTotalsByGroup
from clv_experiments.decisions.snapshot import HISTORY_FEATURE_SET
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import compute_customer_features_in_chunks
from clv_experiments.reporting.batches import ParquetAndCsvBatchWriter, read_batches
from clv_experiments.reporting.record_files import translate_write_errors, write_atomically

CSV, PARQUET = "scores.csv", "scores.parquet"
BATCH_CUSTOMERS = 50_000
HISTORY_RANKED_BY = ["frequency", "recency", "T", "total_spend"]

Progress = Callable[[int, int, str], None]


def predict_and_write_expectations(
    path: Path, log: TransactionLog, window: Window, features: FeatureSet, scorer: Scorer, progress: Progress
) -> None:
    """Predict all customers of a log on the window's last day, in batches, into one Parquet file.

    ``features`` are those of the model; the customers' history is added. ``progress`` is told (done, customers,
    "customers").
    """
    total, done = count_customers_by_cutoff(log.purchase_days, window.end), 0
    both = FeatureSet("scores", [*HISTORY_FEATURE_SET.blocks, *features.blocks], features.estimators)
    with ParquetAndCsvBatchWriter(path) as writer:
        for X in compute_customer_features_in_chunks(log, window.end, window.horizon, both, BATCH_CUSTOMERS):
            writer.write(scorer.score_customers(X).reset_index())
            done += len(X)
            progress(done, total, "customers")


def rank_and_write_scores(
    folder: Path, expectations: Path, log: TransactionLog, scorer: Scorer, missed: pd.Index, progress: Progress
) -> ScoreTotalsByGroup:
    """Rank all customers, and write ``scores.csv`` and ``scores.parquet`` in the batches of the expectations.

    The file ``expectations`` is that which ``predict_and_write_expectations`` wrote with this scorer; ``missed`` are
    the ids of the customers who missed a purchase; ``progress`` is told (done, customers, "customers").
    """
    value = choose_ranking_column(pq.read_schema(expectations).names)
    customers, summary = pd.concat(read_batches(expectations, [value, *HISTORY_RANKED_BY])), ScoreTotalsByGroup()
    groups = CustomerGroups.learn_thresholds(customers, scorer.shop, missed, scorer.cutoff)
    country = top_spend_country_by_customer(log, scorer.cutoff)
    with open_score_files(folder) as writer:
        for batch in read_batches(expectations):
            scores = groups.assign_groups(batch.set_index("customer_id"), country)
            writer.write(scores)
            summary.add(scores)
            progress(int(summary.totals()["customers"]), len(customers), "customers")
    return summary


@contextmanager
def scratch_file(folder: Path) -> Iterator[Path]:
    """Name a Parquet file in a folder, which is gone afterwards; ClvError if the disk refuses."""
    path = folder / f".{os.getpid()}.expected.parquet"
    with translate_write_errors(folder, "the scores"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def open_score_files(folder: Path) -> Iterator[ParquetAndCsvBatchWriter]:
    """Open ``scores.csv`` and ``scores.parquet`` of a folder to write to; ClvError if the disk refuses.

    Old ones stay until both are whole.
    """
    with translate_write_errors(folder, "the scores"):
        folder.mkdir(parents=True, exist_ok=True)
        with (
            write_atomically(folder / CSV) as csv,
            write_atomically(folder / PARQUET) as parquet,
            ParquetAndCsvBatchWriter(parquet, csv) as writer,
        ):
            yield writer
