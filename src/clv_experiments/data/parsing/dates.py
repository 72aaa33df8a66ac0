"""Text to days: only what is unmistakable is read, and alike on every engine."""

from __future__ import annotations

from functools import reduce
from operator import add

import ibis
from ibis.expr.types import StringValue, Table

from clv_experiments.data.parsing.date_layouts import (
    CALENDAR_DATE,
    CENTURY_PIVOT,
    DATE_ORDERS,
    END,
    LAYOUTS,
    MONTHS,
    ZONE,
)
from clv_experiments.data.parsing.formats import add_identifier, add_match, add_text


def add_day(table: Table, column: str, order: str | None, name: str) -> Table:
    """Add the day of a date, a timestamp or text; null where it is empty or cannot be read.

    Parameters
    ----------
    table : ibis.Table
    column : str
        The column to read.
    order : {None, "dmy", "mdy", "ymd"}
        Of day, month and year in text like 01/02/2020 or 20-12-01; None reads no such text.
    name : str
        Name of the added column.
    """
    kind = table[column].type()
    if kind.is_date() or kind.is_timestamp():
        return table.mutate(**{name: table[column].cast("date") if kind.is_timestamp() else table[column]})
    # A number like 20201231 may have been stored as a float.
    table = add_identifier(table, column, name) if kind.is_floating() else add_text(table, column, name)
    usual = table[name].re_search(f"^{CALENDAR_DATE}{END}")
    # Most logs have ISO dates throughout, and null costs the expressions below nothing.
    rest = f"{name} rest"
    table = table.mutate(
        **{name: ibis.ifelse(usual, table[name].left(10), None), rest: usual.ifelse(None, table[name])}
    )
    layouts = LAYOUTS | ({DATE_ORDERS[order]: order} if order else {})

    def part(which: str) -> StringValue:
        parts = (table[rest].re_extract(layout, parts.index(which) + 1) for layout, parts in layouts.items())
        return reduce(add, (part.fill_null("") for part in parts))  # at most one layout matches

    table = table.mutate(**{f"{name} {which}": part(which) for which in "ymd"})
    y, m, d = (table[f"{name} {which}"] for which in "ymd")
    words = {word[:length]: f"{k:02}" for k, word in enumerate(MONTHS, 1) for length in (3, 4, len(word))}
    month = m.lower().cases(*words.items(), else_=m.lpad(2, "0"))
    century = ibis.cases((y.length() == 4, ""), (y < CENTURY_PIVOT, "20"), else_="19")
    iso = table[name].fill_null(century + y + "-" + month + "-" + d.lpad(2, "0"))
    table = table.mutate(**{name: iso}).drop(rest, *(part.get_name() for part in (y, m, d)))
    exists = table[name].re_search(f"^{CALENDAR_DATE}$")
    return table.mutate(**{name: ibis.ifelse(exists, table[name], None).cast("date")})


def add_time_zone(table: Table, column: str, name: str) -> Table:
    """Add the offset at the end of a timestamp, such as +0100; null where it has none."""
    pattern = f":[0-9]{{2}}(?:[.,][0-9]+)? *(?:[AaPp][.]?[Mm][.]?)? *({ZONE})$"
    table = add_match(table, column, pattern, name)
    table = table.mutate(**{name: table[name].replace(":", "")})
    table = table.mutate(**{name: ibis.ifelse(table[name].re_search("^[+-]..$"), table[name] + "00", table[name])})
    utc = table[name].isin(("Z", "GMT", "+0000", "-0000"))
    return table.mutate(**{name: ibis.ifelse(utc, "UTC", table[name])})
