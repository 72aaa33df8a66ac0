"""The calibration period of every customer, annotated once, from which all feature sets are aggregated."""

from __future__ import annotations

from datetime import date

import ibis

from clv_experiments.data.log import TransactionLog


def history(log: TransactionLog, cutoff: date) -> ibis.Table:
    """Keep the purchase days up to the cutoff, inclusive, and annotate each.

    Returns
    -------
    ibis.Table
        One row a customer and purchase day: ``customer_id``, ``date``, ``amount`` (decimal), ``orders`` (count),
        ``first_day`` and ``last_day`` of the customer, ``gap`` (whole days since the purchase day before; null for the
        first).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    before = t.date.lag().over(group_by=t.customer_id, order_by=t.date)
    return t.mutate(
        first_day=t.date.min().over(group_by=t.customer_id),
        last_day=t.date.max().over(group_by=t.customer_id),
        gap=t.date.delta(before, unit="day").cast("int64"),
    )


def days_between(earlier: ibis.expr.types.DateValue, later: ibis.expr.types.DateValue) -> ibis.expr.types.FloatingValue:
    """Count whole days, as a float column."""
    return later.delta(earlier, unit="day").cast("float64")


def ratio(
    numerator: ibis.expr.types.NumericValue, denominator: ibis.expr.types.NumericValue
) -> ibis.expr.types.FloatingValue:
    """Divide as floats; 0 where there is nothing to divide by."""
    below = denominator.cast("float64")
    return ibis.ifelse(below == 0, 0.0, numerator.fill_null(0).cast("float64") / below.nullif(0.0))
