"""Every customer's calibration period, annotated once, from which all features are aggregated."""

from __future__ import annotations

from datetime import date

import ibis


def add_first_last_day_and_gap(purchase_days: ibis.Table, cutoff: date) -> ibis.Table:
    """Keep the purchase days up to the cutoff, inclusive, and annotate each.

    Parameters
    ----------
    purchase_days : ibis.Table
        One row per customer and purchase day: ``customer_id``, ``date``, ``amount`` (decimal) and perhaps ``orders``
        (count).
    cutoff : date

    Returns
    -------
    ibis.Table
        The same columns, ``first_day`` and ``last_day`` of the customer, ``gap`` (whole days since the previous
        purchase day; null for the first).
    """
    t = purchase_days.filter(purchase_days.date <= ibis.literal(cutoff))
    previous = t.date.lag().over(group_by=t.customer_id, order_by=t.date)
    return t.mutate(
        first_day=t.date.min().over(group_by=t.customer_id),
        last_day=t.date.max().over(group_by=t.customer_id),
        gap=t.date.delta(previous, unit="day").cast("int64"),
    )


def days_between(earlier: ibis.expr.types.DateValue, later: ibis.expr.types.DateValue) -> ibis.expr.types.FloatingValue:
    """Count whole days, as a float column."""
    return later.delta(earlier, unit="day").cast("float64")


def divide_or_zero(
    numerator: ibis.expr.types.NumericValue, denominator: ibis.expr.types.NumericValue
) -> ibis.expr.types.FloatingValue:
    """Divide as floats; 0 where the denominator is 0."""
    divisor = denominator.cast("float64")
    return ibis.ifelse(divisor == 0, 0.0, numerator.fill_null(0).cast("float64") / divisor.nullif(0.0))
