"""The transaction log as every later step sees it: read, cleaned, one row a customer and purchase day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import numpy as np
import pandas as pd

from clv_experiments.data.cleaning.report import CleaningReport, Step, clean
from clv_experiments.data.engine import DuckDb, Engine
from clv_experiments.data.fingerprint import customer_table, fingerprint
from clv_experiments.data.parsing.columns import choose_columns
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.lines import read_lines
from clv_experiments.data.raw import GroundTruth, Source
from clv_experiments.errors import ClvError

LONGEST_GAP = 730  # days without any purchase after which the few rows before are taken for placeholders
PLACEHOLDERS = 0.01  # of all rows, at most
STAND_IN = 0.2  # of all spend, from which on one customer among many is worth a note
LONGEST_SILENCE = 7  # days without any purchase that a log may end with


@dataclass(frozen=True)
class TransactionLog:
    """A cleaned transaction log.

    Attributes
    ----------
    name : str
        What the data config calls it.
    purchase_days : ibis.Table
        ``customer_id`` (string), ``date`` (whole day), ``amount`` (decimal), ``orders`` (count; 1 where the log has no
        order ids): one row a customer and purchase day.
    start, end : date
        First day of the log and its last complete day.
    customers : int
        Distinct customers.
    currency : str
        Unit of the amounts, for labels.
    fingerprint : str
        Identity of the content: the same for any row order or engine, another for any other log or cleaning.
    report : CleaningReport
        Rows, customers and money that each cleaning step removed.
    notes : tuple of str
        What was guessed on the way, for the user to see.
    truth : Truth, optional
        Where the log was simulated.
    lines : ibis.Table, optional
        The cleaned lines, ``customer_id, date, amount`` and what the log has of ``country, product, product_name``;
        None where it has none of them.
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


def load_log(
    name: str,
    source: Source,
    steps: Sequence[Step] = (),
    log_end: date | None = None,
    currency: str = "$",
    *,
    log_start: date | None = None,
    columns: Mapping[str, str | bool | None] | None = None,
    reading: ParseOptions | None = None,
    engine: Engine | None = None,
    learn_until: Callable[[date, date], date] | None = None,
    today: date = date.max,
) -> TransactionLog:
    """Read, validate and clean a transaction log.

    Parameters
    ----------
    name : str
        Name of the log, for messages and runs.
    source : callable
        Takes an Engine, returns a Raw log.
    steps : sequence of Step
        Cleaning steps, applied in order; days after the log end are always removed.
    log_end : date, optional
        Last complete day; by default the last day that is there.
    currency : str
        Unit of the amounts.
    log_start : date, optional
        First day; earlier ones are removed. By default the first day that is there.
    columns : mapping of role to column, optional
        By default each is guessed.
    reading : Reading, optional
        How text is read that could be read in two ways.
    engine : Engine, optional
        Where the work is done, unless the source lies in a database; by default DuckDB.
    learn_until : callable, optional
        Takes first and last day of the log and gives the last day that a cleaning step may learn from.
    today : date
        No purchase may lie after it.

    Raises
    ------
    ClvError
        If a column is missing, cannot be read or has gaps that no step removes, if dates carry a time zone or lie in
        the future, or if there is nothing to predict: no row, one customer, one day, no customer who came back.
    """
    raw = source(engine or DuckDb())
    chosen = choose_columns(raw.table.columns, columns or {}, name)
    lines, said = read_lines(
        raw.table, chosen, reading or ParseOptions(), name, whole_rows=any(step.compares_rows for step in steps)
    )
    cleaned, report = clean(lines, steps, log_end, learn_until or (lambda first, last: last), log_start)
    if report.rows_kept == 0:
        raise ClvError(f"log '{name}' has no usable row: {report}")
    first, last = _span(cleaned, name)
    if last > today and raw.truth is None:  # a simulation may well be of the future
        before = cleaned.filter(cleaned.date <= ibis.literal(today)).date.max().to_pyarrow().as_py()
        without = f", or type data.log_end={before} to leave them out" if before else ""
        raise ClvError(f"log '{name}' has purchases after today ({today}), up to {last}; correct the dates{without}")
    _dates_make_sense(name, first, last, log_end)
    _no_placeholder(name, cleaned)
    orders = ibis.greatest(cleaned.order_id.nunique(), 1) if "order_id" in cleaned.columns else ibis.literal(1)
    days = cleaned.group_by("customer_id", "date").agg(amount=cleaned.amount.sum(), orders=orders.cast("int64"))
    purchase_days = days.mutate(amount=days.amount.cast(lines.amount.type())).cache()
    customers = customer_table(purchase_days)
    if len(customers) < 2:
        raise ClvError(f"log '{name}' has one customer only; at least two are needed to compare customers")
    if (customers["days"] == 1).all():
        raise ClvError(
            f"none of the {len(customers):,} customers of log '{name}' bought on two days, so there is nothing to "
            f"predict; is '{chosen.by_role['customer_id']}' really the customer (data.columns.customer_id)?"
        )
    end = log_end or last
    told = [role for role in ("country", "product", "product_name") if role in cleaned.columns]
    return TransactionLog(
        name=name,
        purchase_days=purchase_days,
        start=first,
        end=end,
        customers=len(customers),
        currency=currency,
        fingerprint=fingerprint(customers, end, report),
        report=report,
        notes=(*raw.notes, *filter(None, [str(chosen), *said, _stand_in(customers)])),
        truth=raw.truth,
        lines=cleaned.select("customer_id", "date", "amount", *told) if told else None,
    )


def _span(cleaned: ibis.Table, name: str) -> tuple[date, date]:
    needed = ("customer_id", "date", "amount")
    gaps = {column: cleaned[column].isnull().sum() for column in needed}
    found = cleaned.aggregate(first=cleaned.date.min(), last=cleaned.date.max(), **gaps).to_pyarrow().to_pylist()[0]
    for column in needed:
        if found[column]:
            raise ClvError(
                f"log '{name}' has {found[column]:,} row(s) without {column} after cleaning; "
                f"add the step missing_{column.removesuffix('_id')} (data.cleaning)"
            )
    return found["first"], found["last"]


def _stand_in(customers: pd.DataFrame) -> str:
    share = customers["units"] / customers["units"].sum()
    if len(customers) < 50 or not share.max() > STAND_IN:
        return ""
    return (
        f"customer '{share.idxmax()}' holds {share.max():.0%} of all spend: if it stands in for many, such as guests, "
        "leave these ids empty"
    )


def _no_placeholder(name: str, cleaned: ibis.Table) -> None:
    """Refuse a few rows that lie years before all others: 1900-01-01 is nobody's first purchase."""
    days = cleaned.group_by("date").agg(rows=cleaned.count()).to_pyarrow().to_pandas().sort_values("date")
    gaps = pd.to_datetime(days["date"]).diff().dt.days.to_numpy()
    for k in np.flatnonzero(gaps > LONGEST_GAP):
        before, all_rows = int(days["rows"].iloc[:k].sum()), int(days["rows"].sum())
        if before < all_rows * PLACEHOLDERS:
            shown = ", ".join(str(day) for day in days["date"].iloc[: min(k, 3)])
            raise ClvError(
                f"log '{name}' has {before:,} of {all_rows:,} row(s) dated {shown}, and then nothing for "
                f"{gaps[k]:,.0f} days: if that is no real date, leave them out: data.log_start={days['date'].iloc[k]}"
            )


def _dates_make_sense(name: str, first: date, last: date, log_end: date | None) -> None:
    if first == last:
        raise ClvError(f"all purchases of log '{name}' fall on one day, {first}; is that the date of the purchase?")
    if log_end and (log_end - last).days > LONGEST_SILENCE:
        raise ClvError(
            f"the log end {log_end} lies {(log_end - last).days} days after the last purchase of log '{name}', {last}: "
            f"those days would count as days without spend; type data.log_end={last}, or null for the last day"
        )


LearnUntil = Callable[[date, date], date]


@dataclass(frozen=True)
class _CachedLog:
    settings: str
    learnt: dict[tuple[date, date], date]
    log: TransactionLog


class LogCache:
    """Keeps one log, together with how it was read and until which day its cleaning learnt.

    What the log was read from is taken to stay as it is while the process runs.
    """

    def __init__(self) -> None:
        self._last: _CachedLog | None = None

    def read(
        self, settings: str, learn_until: LearnUntil, load: Callable[[LearnUntil], TransactionLog]
    ) -> TransactionLog:
        """Return the last log if it was read by the same settings and learnt until the same day, or else load it.

        Parameters
        ----------
        settings : str
            All that decides how the log is read, but for ``learn_until``.
        learn_until : callable
            Takes first and last day of the log and gives the last day that cleaning may learn from.
        load : callable
            Reads the log, given ``learn_until``.
        """
        last = self._last
        if last and last.settings == settings and all(learn_until(*span) == day for span, day in last.learnt.items()):
            return last.log
        learnt: dict[tuple[date, date], date] = {}

        def noted(start: date, end: date) -> date:
            learnt[start, end] = learn_until(start, end)
            return learnt[start, end]

        self._last = None  # two logs at once may not fit into memory
        log = load(noted)
        self._last = _CachedLog(settings, learnt, log)
        return log
