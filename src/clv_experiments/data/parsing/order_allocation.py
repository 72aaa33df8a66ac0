"""Money of a whole order that stands on each of its lines: every line gets its part, to the last decimal."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
from ibis.expr.types import NumericColumn, Table

from clv_experiments.data.cleaning.report import raw_columns
from clv_experiments.data.parsing.formats import AMOUNT

COPY = "line: copy"  # name of a temporary column
WORTH, SHARE, PART, FIRST = "line: worth", "line: share", "line: part", "line: first"  # names of temporary columns


def list_order_key_columns(lines: Table) -> list[str]:
    """Return what tells orders apart: a customer's order id or, without order ids, a customer's day.

    Copies of a row, where they are numbered, belong to copies of its order, so that each may be left out.
    """
    key = ["customer_id", "order_id" if "order_id" in lines.columns else "date"]
    return [*key, *([COPY] if COPY in lines.columns else [])]


def number_repeated_rows(lines: Table) -> Table:
    """Add the number that each row has among those that are equal to it in every raw column, from 0."""
    copy = ibis.row_number().over(group_by=raw_columns(lines), order_by=ibis.literal(0))
    return lines.mutate(**{COPY: copy})


def allocate_by_weight(lines: Table, column: str, weight: NumericColumn, key: Sequence[str] | None = None) -> Table:
    """Allocate an amount that several lines of an order repeat to these lines, in proportion to their weights.

    Parameters
    ----------
    lines : ibis.Table
    column : str
        The decimal. Null and 0 stay as they are, and so does a line without an order.
    weight : ibis column of float64
        What each line is worth; equal parts where that adds up to nothing. The line that is worth most takes what
        rounding leaves.
    key : sequence of str, optional
        What tells orders apart, if it is not ``list_order_key_columns``.

    Returns
    -------
    ibis.Table
        The columns of ``lines``.
    """
    key = [*(key or list_order_key_columns(lines)), column]
    t = lines.mutate(**{WORTH: weight})
    of_order = ibis.window(group_by=key)
    rows, total = t.count().over(of_order), t[WORTH].sum().over(of_order)
    first = ibis.row_number().over(group_by=key, order_by=[t[WORTH].desc(), t.date]) == 0
    t = t.mutate(**{SHARE: ibis.ifelse(total != 0, t[WORTH] / total, 1.0 / rows), FIRST: first})
    t = t.mutate(**{PART: (t[column].cast("float64") * t[SHARE]).round(4).cast(AMOUNT)})
    rest = t[column] - t[PART].sum().over(of_order)
    part = ibis.ifelse(t[FIRST], t[PART] + rest, t[PART])
    is_shared = (t[column] != 0) & t[key[1]].notnull()
    return t.mutate(**{column: ibis.ifelse(is_shared, part, t[column]).cast(AMOUNT)}).select(*lines.columns)
