"""Scores on disk: predicted and ranked in batches, summed up on the way, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.attributes import countries
from clv_experiments.data.queries.customers import count_customers
from clv_experiments.data.window import Window
from clv_experiments.decisions.actions import ACTIONS
from clv_experiments.decisions.customer_scores import CustomerGroups, Scorer, value_column
from clv_experiments.decisions.segments.rfm import SEGMENTS
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.decisions.snapshot import HISTORY
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import customer_feature_parts
from clv_experiments.reporting.batches import BatchWriter, read_batches
from clv_experiments.reporting.record_files import naming_failures, whole_file

CSV, PARQUET = "scores.csv", "scores.parquet"
BATCH_CUSTOMERS = 50_000
HISTORY_RANKED_BY = ["frequency", "recency", "T", "total_spend"]
GROUPS = {"value_tier": TIERS, "segment": SEGMENTS, "recommended_action": ACTIONS}
SUMS = ["customers", "expected_spend", "expected_purchases", "clv", "p_alive", "missed_opportunity"]

Progress = Callable[[int, int, str], None]


def write_expectations(
    path: Path, log: TransactionLog, window: Window, features: FeatureSet, scorer: Scorer, progress: Progress
) -> None:
    """Predict all customers of a log on the window's last day, in batches, into one Parquet file.

    ``features`` are those of the model; the customers' history is added. ``progress`` is told (done, customers,
    "customers").
    """
    total, done = count_customers(log.purchase_days, window.end), 0
    both = FeatureSet("scores", [*HISTORY.blocks, *features.blocks], features.estimators)
    with BatchWriter(path) as writer:
        for X in customer_feature_parts(log, window.end, window.horizon, both, BATCH_CUSTOMERS):
            writer.write(scorer.score_customers(X).reset_index())
            done += len(X)
            progress(done, total, "customers")


def write_scores(
    folder: Path, expectations: Path, log: TransactionLog, scorer: Scorer, missed: pd.Index, progress: Progress
) -> ScoreSummary:
    """Rank all customers, and write ``scores.csv`` and ``scores.parquet`` in the batches of the expectations.

    The file ``expectations`` is that which ``write_expectations`` wrote with this scorer; ``missed`` are the ids of the
    customers who missed a purchase; ``progress`` is told (done, customers, "customers").
    """
    value = value_column(pq.read_schema(expectations).names)
    customers, summary = pd.concat(read_batches(expectations, [value, *HISTORY_RANKED_BY])), ScoreSummary()
    groups = CustomerGroups.of(customers, scorer.shop, missed, scorer.cutoff)
    country = countries(log, scorer.cutoff)
    with open_score_files(folder) as writer:
        for batch in read_batches(expectations):
            scores = groups.assign_groups(batch.set_index("customer_id"), country)
            writer.write(scores)
            summary.add(scores)
            progress(int(summary.totals()["customers"]), len(customers), "customers")
    return summary


class ScoreSummary:
    """Totals of customers by tier, segment and action, added up batch by batch."""

    def __init__(self) -> None:
        self._sums = pd.DataFrame()

    def add(self, scores: pd.DataFrame) -> None:
        """Add customers, with the columns of ``customer_scores.COLUMNS``."""
        rows = scores.assign(customers=1, everyone="all")
        columns = [column for column in SUMS if column in rows]
        groups = ["everyone", *(by for by in GROUPS if by in rows)]
        sums = pd.concat({by: rows.groupby(by, observed=True)[columns].sum().astype(float) for by in groups})
        self._sums = sums if self._sums.empty else self._sums.add(sums, fill_value=0.0)

    def table(self) -> pd.DataFrame:
        """Return one row a group of customers, in the order of their names' lists; those without a customer left out.

        Columns: ``by``, ``group``, ``customers``, ``expected_spend``, ``share`` (of all expected spend),
        ``expected_purchases``, ``clv`` (sums), ``p_alive`` (mean), ``missed_opportunity`` (customers).
        Without amounts ``share`` is that of all expected purchases. Columns and groups that the
        customers lack are left out.
        """
        order = [("everyone", "all"), *((by, name) for by, names in GROUPS.items() for name in names)]
        present = [key for key in order if key in self._sums.index]
        table = self._sums.loc[present].rename_axis(["by", "group"]).reset_index()
        value = table[value_column(table)]
        total = value.iloc[0]
        table.insert(4, "share", value / total if total else 0.0)
        table["p_alive"] /= table["customers"]
        return table.astype({name: int for name in ("customers", "missed_opportunity") if name in table})

    def totals(self) -> dict[str, float]:
        """Name the sums over all customers as a run's metrics do."""
        everyone = self.table().iloc[0]
        return {name: float(everyone[name]) for name in SUMS if name in everyone and name != "p_alive"}


@contextmanager
def scratch_file(folder: Path) -> Iterator[Path]:
    """Name a Parquet file in a folder, which is gone afterwards; ClvError if the disk refuses."""
    path = folder / f".{os.getpid()}.expected.parquet"
    with naming_failures(folder, "the scores"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def open_score_files(folder: Path) -> Iterator[BatchWriter]:
    """Open ``scores.csv`` and ``scores.parquet`` of a folder to write to; ClvError if the disk refuses.

    Old ones stay until both are whole.
    """
    with naming_failures(folder, "the scores"):
        folder.mkdir(parents=True, exist_ok=True)
        with (
            whole_file(folder / CSV) as csv,
            whole_file(folder / PARQUET) as parquet,
            BatchWriter(parquet, csv) as writer,
        ):
            yield writer
