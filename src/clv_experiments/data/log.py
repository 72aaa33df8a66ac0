"""The transaction log as every later step sees it: read, cleaned, one row per customer and purchase day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import ibis
import pandas as pd

from clv_experiments.data.cleaning.clean import CleanLines, GetLearningEnd, clean
from clv_experiments.data.cleaning.report import CleaningReport, Step
from clv_experiments.data.engine import DuckDb, Engine
from clv_experiments.data.fingerprint import compute_fingerprint, summarise_customers
from clv_experiments.data.log_checks import (
    check_date_span,
    check_gregorian_calendar,
    check_no_isolated_early_dates,
    check_no_missing_values,
    check_not_in_future,
    describe_placeholders,
    find_placeholder_days,
    require_repeat_customers,
)
from clv_experiments.data.log_notes import (
    TotalsPeriod,
    count_daily_customers_and_lines,
    describe_customers,
    describe_end_of_totals_log,
    describe_losses,
    detect_period_totals,
)
from clv_experiments.data.parsing.date_columns import Named
from clv_experiments.data.parsing.formats import AMOUNT, ParseOptions
from clv_experiments.data.raw import GroundTruth, Source
from clv_experiments.data.typed_lines import read_typed_lines
from clv_experiments.errors import ClvError

UNIT_WITHOUT_AMOUNTS = "purchases"  # unit of a log without amounts
WITHOUT_AMOUNTS = "there are no amounts: purchases are predicted, no spend (data.columns.amount)"


@dataclass(frozen=True)
class TransactionLog:
    """A cleaned transaction log.

    Attributes
    ----------
    name : str
        What the data config calls it.
    purchase_days : ibis.Table
        ``customer_id`` (string), ``date`` (whole day), ``amount`` (decimal; 1, a purchase, where the log has no
        amounts), ``orders`` (count; 1 where the log has no order ids): one row per customer and purchase day.
    start, end : date
        First day of the log and its last complete day.
    customers : int
        Distinct customers.
    currency : str
        Unit of the amounts, for labels: ``purchases`` where the log has none.
    fingerprint : str
        Identity of the content: independent of row order and engine, different for any other log or cleaning.
    report : CleaningReport
        Rows, customers and money that each cleaning step removed.
    notes : tuple of str
        What was guessed while reading, for the user to see.
    truth : GroundTruth, optional
        Only where the log was simulated.
    lines : ibis.Table, optional
        The cleaned lines: ``customer_id, date, amount`` and those of ``country, product, product_name`` that the log
        has; None where it has none of them.
    has_amounts : bool
        Whether the log says what was paid; otherwise each purchase day counts as one purchase.
    has_losses : bool
        Whether the amount of any purchase day is below 0.
    """

    name: str
    purchase_days: ibis.Table
    start: date
    end: date
    customers: int
    currency: str
    fingerprint: str
    report: CleaningReport
    notes: tuple[str, ...] = ()
    truth: GroundTruth | None = None
    lines: ibis.Table | None = None
    has_amounts: bool = True
    has_losses: bool = False

    @property
    def measure(self) -> str:
        """What amounts are: spend, or purchases."""
        return "spend" if self.has_amounts else UNIT_WITHOUT_AMOUNTS


def load_log(
    name: str,
    source: Source,
    steps: Sequence[Step] = (),
    log_end: date | None = None,
    currency: str = "$",
    *,
    where: str | None = None,
    log_start: date | None = None,
    columns: Mapping[str, Named] | None = None,
    parse_options: ParseOptions | None = None,
    engine: Engine | None = None,
    get_learning_end: GetLearningEnd | None = None,
    today: date = date.max,
) -> TransactionLog:
    """Read, validate and clean a transaction log.

    Parameters
    ----------
    name : str
        Name of the log, for messages and runs.
    source : callable
        Takes an Engine and returns a RawTable.
    steps : sequence of Step
        Cleaning steps, applied in order; days after the log end are always removed.
    log_end : date, optional
        Last complete day; by default the last day in the log.
    currency : str
        Unit of the amounts.
    where : str, optional
        A condition on the raw columns that rows must meet to be read (see ``split_rows_by_condition``).
    log_start : date, optional
        First day; earlier ones are removed. By default the first day in the log.
    columns : mapping of role to column, optional
        By default each is guessed. The date may be a list of year, month and day, or of a date and a clock time.
    parse_options : ParseOptions, optional
        How to read text that could be read in two ways.
    engine : Engine, optional
        Where expressions run, unless the source is a database; by default DuckDB.
    get_learning_end : callable, optional
        Takes the first and last day of the log and returns the last day that a cleaning step may learn from; by
        default the last.
    today : date
        No purchase may lie after it.

    Returns
    -------
    TransactionLog

    Raises
    ------
    ClvError
        If the table is no log or has a column a period, a column is missing, cannot be read or has gaps that no step
        removes, if dates carry a time zone or lie in the future, or if there is nothing to predict: no row, one
        customer, one day, no customer who came back.
    """
    raw = source(engine or DuckDb())
    typed_lines = read_typed_lines(raw, name, steps, where=where, columns=columns, parse_options=parse_options)
    roles, lines, notes = typed_lines.roles, typed_lines.lines, list(typed_lines.notes)
    get_learning_end = get_learning_end or (lambda first, last: last)
    clean_lines = partial(clean, steps=steps, log_end=log_end, get_learning_end=get_learning_end, log_start=log_start)
    cleaned = clean_lines(lines)
    summed, days = _sum_by_customer_day_and_by_day(cleaned, roles.has_amounts)
    placeholders = find_placeholder_days(name, days, today) if raw.truth is None else []
    if placeholders:
        notes.append(describe_placeholders(days, placeholders))
        date_or_none = ibis.ifelse(lines.date.isin(placeholders), None, lines.date)
        cleaned = clean_lines(lines.mutate(date=date_or_none))
        summed, days = _sum_by_customer_day_and_by_day(cleaned, roles.has_amounts)
    report = typed_lines.prepend_filter(cleaned.report)
    if report.rows_kept == 0:
        raise ClvError(f"log '{name}' has no usable row: {report}")

    check_no_missing_values(name, days)
    period = detect_period_totals(days, typed_lines.parse_options.date_format)
    _check_dates(name, days, log_end, period, None if raw.truth else today)  # a simulation may well lie in the future
    purchase_days = summed.select("customer_id", "date", "amount", "orders")
    customers = summarise_customers(purchase_days)
    require_repeat_customers(name, customers, roles.by_role["customer_id"])
    last = days["date"].iloc[-1]
    end = log_end or (period.end if period and period.is_certain and period.end <= today else last)
    notes += [*report.notes, describe_end_of_totals_log(period, last, end, log_end)]
    notes += ["" if roles.has_amounts else WITHOUT_AMOUNTS, describe_losses(days)]
    notes += describe_customers(customers, days, "spend" if roles.has_amounts else UNIT_WITHOUT_AMOUNTS)
    return TransactionLog(
        name=name,
        purchase_days=purchase_days,
        start=days["date"].iloc[0],
        end=end,
        customers=len(customers),
        currency=currency if roles.has_amounts else UNIT_WITHOUT_AMOUNTS,
        fingerprint=compute_fingerprint(customers, end, report, has_amounts=roles.has_amounts),
        report=report if roles.has_amounts else report.without_amounts(),
        notes=(*raw.notes, *filter(None, notes)),
        truth=raw.truth,
        lines=_select_attributes(cleaned.lines),
        has_amounts=roles.has_amounts,
        has_losses=bool(days["losing"].any()),
    )


def _check_dates(
    name: str, days: pd.DataFrame, log_end: date | None, period: TotalsPeriod | None, today: date | None
) -> None:
    if today:
        check_not_in_future(name, days, today)
    check_date_span(name, days["date"].iloc[0], days["date"].iloc[-1], log_end, period)
    check_no_isolated_early_dates(name, days)
    check_gregorian_calendar(name, days)


def _select_attributes(lines: ibis.Table) -> ibis.Table | None:
    attributes = [role for role in ("country", "product", "product_name") if role in lines.columns]
    return lines.select("customer_id", "date", "amount", *attributes) if attributes else None


def _sum_by_customer_day_and_by_day(cleaned: CleanLines, has_amounts: bool) -> tuple[ibis.Table, pd.DataFrame]:
    """Sum orders by customer and day, and those by day (see ``count_daily_customers_and_lines``).

    ``rows`` and ``no_amount`` count lines, and those without an amount.
    """
    orders = cleaned.orders.mutate(no_amount=cleaned.orders.rows - cleaned.orders.amounts)
    one = ibis.literal(1)
    if "order_id" in orders.columns:
        days = orders.group_by("customer_id", "date").agg(
            amount=orders.amount.sum() if has_amounts else one,
            orders=ibis.greatest(orders.order_id.count(), 1).cast("int64"),
            rows=orders.rows.sum().cast("int64"),
            no_amount=orders.no_amount.sum().cast("int64"),
        )
    else:
        amount = orders.amount if has_amounts else one
        days = orders.select("customer_id", "date", "rows", "no_amount", amount=amount, orders=one.cast("int64"))
    with cleaned.sums:  # forgotten when the days are there, which take less memory
        summed = days.mutate(amount=days.amount.cast(AMOUNT)).cache()
        return summed, count_daily_customers_and_lines(summed)
