"""How to read dates that could be read in two ways: the log's own rows decide, or the user is asked."""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from operator import and_, or_

import ibis
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true, quote_cells
from clv_experiments.data.parsing.date_layouts import DATE_ORDERS, EITHER_ORDER, YEAR_FIRST
from clv_experiments.data.parsing.dates import add_day, add_time_zone
from clv_experiments.data.parsing.formats import add_text
from clv_experiments.errors import ClvError

PREFIX = "parsed: "  # of the columns added here
TEXT, ZONE = f"{PREFIX}text", f"{PREFIX}time zone"
FIRST_PART = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}


def check_time_zones(raw: Table, column: str, log: str) -> list[str]:
    """Refuse dates in several time zones, and note the one that all have."""
    raw = add_time_zone(add_text(raw, column, TEXT), column, ZONE)
    zone, missing = raw[ZONE], raw[TEXT].notnull() & raw[ZONE].isnull()
    summary = aggregate_row(raw, least=zone.min(), most=zone.max(), missing=count_true(missing))
    if summary["least"] is None:
        return []
    if summary["missing"] or summary["least"] != summary["most"]:
        examples = quote_cells(raw, column, zone == summary["least"], 1)
        examples += quote_cells(raw, column, missing if summary["missing"] else zone == summary["most"], 1)
        raise ClvError(
            f"column '{column}' of log '{log}' mixes time zones, such as {', '.join(examples)}; give every row the "
            "shop's local time, or type data.time_zones=written if that is what they are (summer time changes the "
            "offset)"
        )
    return [f"dates end in the offset {summary['least']}, which was left out: the day written is the day"]


def infer_date_order(raw: Table, column: str, log: str) -> tuple[str, list[str]]:
    """Decide from all rows which part of an ambiguous date comes first."""
    raw = _parse_in_each_order(raw, column)
    days = {order: raw[PREFIX + order] for order in DATE_ORDERS}
    valid = {order: day.notnull() for order, day in days.items()}
    is_date = reduce(or_, valid.values())
    invalid = {order: is_date & ~valid[order] for order in DATE_ORDERS}
    counts = aggregate_row(raw, ymd_dates=count_true(valid["ymd"]), **{k: count_true(v) for k, v in invalid.items()})
    candidates = [order for order in DATE_ORDERS if order != "ymd" or counts["ymd_dates"]]
    possible = [order for order in candidates if not counts[order]]
    if not possible:
        misfits = dict.fromkeys(
            cell for order in reversed(candidates) for cell in quote_cells(raw, column, invalid[order], 1)
        )
        raise ClvError(
            f"column '{column}' of log '{log}' has dates that no one order of day, month and year fits, such as "
            f"{', '.join(misfits)}; write them all like 2020-12-31"
        )
    first = possible[0]
    if len(possible) > 1:
        differ = reduce(or_, (days[one] != days[other] for one, other in combinations(possible, 2)))
        examples = quote_cells(raw, column, differ)
        if examples:
            raise ClvError(
                f"dates of log '{log}' such as {', '.join(examples)} (column '{column}') could begin with "
                f"{' or '.join(FIRST_PART[order] for order in possible)}, and no row tells: type "
                f"{' or '.join(f'data.date_order={order}' for order in possible)}"
            )
        return first, []  # any that are left, like 05/05/2020, are the same in either order
    decisive = is_date & ~reduce(and_, (valid[order] for order in candidates))
    rows = aggregate_row(raw, rows=count_true(decisive))["rows"]
    return first, [f"dates begin with {FIRST_PART[first]}, as {rows:,} row(s) show"]


def _parse_in_each_order(raw: Table, column: str) -> Table:
    """Parse ambiguous dates in each order; a year of two digits comes first only in front of a hyphen."""
    raw = add_text(raw, column, TEXT)
    raw = raw.filter(raw[TEXT].re_search(EITHER_ORDER) | raw[TEXT].re_search(YEAR_FIRST))
    for order in DATE_ORDERS:
        raw = add_day(raw, column, order, PREFIX + order)
    year_first = ibis.ifelse(raw[TEXT].re_search("^[0-9]{2}-"), raw[f"{PREFIX}ymd"], None)
    raw = raw.mutate(**{f"{PREFIX}ymd": year_first})
    return raw.select(column, *(PREFIX + order for order in DATE_ORDERS)).cache()  # aggregated several times
