"""The identity of a log: the same for any row order and engine, another for any other content or cleaning."""

from __future__ import annotations

import hashlib
from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.cleaning.report import CleaningReport
from clv_experiments.data.queries.customers import fetch_by_customer

PRIME = 2**31 - 1
ROWS_AT_ONCE = 100_000  # that are copied for the digest


def summarise_customers(purchase_days: ibis.Table) -> pd.DataFrame:
    """Aggregate purchase days to one row of integers a customer, the input of ``compute_fingerprint``.

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted), columns ``days`` (purchase days), ``orders``, ``day`` (sum of days since 1970),
        ``units`` (sum of amounts in ten-thousandths) and ``cubes`` (a checksum that moves when amounts or orders swap
        days or customers).
    """
    t = purchase_days.mutate(
        day=purchase_days.date.delta(ibis.date("1970-01-01"), unit="day").cast("int64"),
        units=(purchase_days.amount.cast("decimal(28, 4)") * 10_000).cast("int64"),  # wide enough for the product
    )
    # Remainders modulo a prime below 2**31 keep every product within 64 bits.
    mix = (t.units % PRIME * 48_271 + t.day * 69_621 + t.orders * 16_807) % PRIME
    table = t.group_by("customer_id").agg(
        days=t.count().cast("int64"),
        orders=t.orders.sum().cast("int64"),
        day=t.day.sum().cast("int64"),
        units=t.units.sum().cast("int64"),
        cubes=(mix * mix % PRIME * mix % PRIME).sum().cast("int64"),
    )
    return fetch_by_customer(table)


def compute_fingerprint(customers: pd.DataFrame, end: date, report: CleaningReport, *, has_amounts: bool = True) -> str:
    """Hash the customer table, the log end and the changes made by cleaning to 16 hexadecimal digits.

    A log without amounts has another fingerprint than any log whose amounts are all 1.
    """
    digest = hashlib.sha256(str(end).encode())
    if not has_amounts:
        digest.update(b"\x1dwithout amounts")
    for row in report.changes.itertuples(index=False):
        digest.update(f"\x1e{row.rule}\x1f{row.rows}\x1f{row.customers}\x1f{row.amount:.4f}".encode())
    parts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(customers), ROWS_AT_ONCE)]
    for part in parts:
        digest.update(("\x1f" * (part.start > 0) + "\x1f".join(customers.index[part].tolist())).encode())
    for part in parts:
        digest.update(customers.iloc[part].to_numpy("<i8").tobytes())
    return digest.hexdigest()[:16]
