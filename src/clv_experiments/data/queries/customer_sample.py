"""A sample of customers to learn from: the same on every engine, heavy buyers kept whole, with weights for sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import fetch_by_customer

LEAST_FREQUENCIES = (1, 2, 4, 8, 16)  # of the strata above that without a repeat purchase
HEX_DIGITS = 8
AFTER_ANY_DIGEST = "g"


@dataclass(frozen=True, eq=False)
class CustomerSample:
    """Some of the customers known at a cutoff.

    Attributes
    ----------
    log : TransactionLog
        With the purchase days of these customers alone, as an expression.
    weights : pandas.Series
        Index ``customer_id`` (sorted): how many customers of the cutoff each stands for. They add up to all.
    """

    log: TransactionLog
    weights: pd.Series


@ibis.udf.scalar.builtin
def md5(text: str) -> str:  # type: ignore[empty-body]
    """Return the MD5 digest in hexadecimal digits, which DuckDB, Spark and PostgreSQL compute alike."""


def draw_stratified_sample(log: TransactionLog, cutoff: date, size: int, seed: int) -> CustomerSample | None:
    """Sample about ``size`` of the customers known at a cutoff, stratified by frequency at it.

    A stratum that has no more customers than its equal part of the sample is kept whole, and the others share what it
    leaves. A customer is in the sample where the hash of its id and the seed lies below the stratum's share, so that
    samples of successive cutoffs overlap as far as shares allow (permanent random numbers; Ohlsson 1995, "Coordination
    of Samples Using Permanent Random Numbers"). Purchases after the cutoff are never read.

    Parameters
    ----------
    log : TransactionLog
    cutoff : date
    size : int
        Expected customers in the sample.
    seed : int
        Another one takes other customers.

    Returns
    -------
    CustomerSample or None
        None where there are no more customers than that: all are taken.
    """
    days = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    customers = days.group_by("customer_id").agg(frequency=days.count() - 1)
    strata = [ibis.ifelse(customers.frequency >= least, 1, 0) for least in LEAST_FREQUENCIES]
    customers = customers.mutate(
        stratum=sum(strata[1:], strata[0]),
        digest=md5(ibis.literal(f"{seed}|").concat(customers.customer_id.cast("string"))),
    )
    counts = customers.group_by("stratum").agg(customers=customers.count()).to_pyarrow().to_pandas()
    known = counts.set_index("stratum")["customers"].sort_index()
    if known.sum() <= size:
        return None
    limits = [
        (customers.stratum == k, _digest_limit(share)) for k, share in _sampling_share_by_stratum(known, size).items()
    ]
    sampled = customers.filter(customers.digest < ibis.cases(*limits, else_=AFTER_ANY_DIGEST))
    stratum = fetch_by_customer(sampled.select("customer_id", "stratum"))["stratum"]
    weights = stratum.map(known / stratum.value_counts()).rename("weight")
    return CustomerSample(replace(log, purchase_days=log.purchase_days.semi_join(sampled, "customer_id")), weights)


def list_label_weights(samples: Sequence[CustomerSample | None], labels: Sequence[pd.Series]) -> list[pd.Series] | None:
    """Return the weight of each label, 1 where all customers of an origin are taken; None where that is so of all."""
    if not any(samples):
        return None
    return [s.weights if s else pd.Series(1.0, y.index) for s, y in zip(samples, labels, strict=True)]


def _sampling_share_by_stratum(known: pd.Series, size: int) -> dict[int, float]:
    """Return the share of each stratum's customers to take: equal numbers, but never more than there are."""
    shares: dict[int, float] = {}
    left, smallest_first = float(size), known.sort_values()
    for position, (stratum, customers) in enumerate(zip(smallest_first.index, smallest_first, strict=True)):
        taken = min(float(customers), left / (len(known) - position))
        shares[int(stratum)] = taken / customers
        left -= taken
    return shares


def _digest_limit(share: float) -> str:
    """Return what that share of all digests lies below."""
    return AFTER_ANY_DIGEST if share >= 1 else f"{int(share * 16**HEX_DIGITS):0{HEX_DIGITS}x}"
